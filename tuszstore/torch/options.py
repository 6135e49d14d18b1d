"""Hints for options of other loaders."""

import difflib
import os
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

_NO_WORKERS = (
    "reading needs no worker processes: threads of this process use all cores, and prefetch=N "
    "reads N batches ahead. For a slow transform in Python there is "
    "DataLoader(WindowDataset(store, transform=...), num_workers=N)"
)
_HINTS = {
    "num_workers": _NO_WORKERS,
    "workers": _NO_WORKERS,
    "persistent_workers": _NO_WORKERS,
    "prefetch_factor": _NO_WORKERS,
    "worker_init_fn": _NO_WORKERS,
    "multiprocessing_context": _NO_WORKERS,
    "timeout": _NO_WORKERS,
    "in_order": _NO_WORKERS,
    "collate_fn": "windows are read as whole batches, so collation is not needed: use "
    "transform=, or DataLoader(WindowDataset(store), collate_fn=...)",
    "sampler": "pass the sampler as indices: WindowLoader(store, sampler)",
    "batch_sampler": "use DataLoader(WindowDataset(store), batch_sampler=...)",
    "generator": "the order depends on seed= and the epoch",
    "pin_memory_device": "device= copies batches to a device",
    "num_replicas": "it is called world_size",
    "dataset": "pass the store: WindowLoader(store)",
    "epoch": "call set_epoch(epoch) before iterating",
}


def refuse_options(where: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise for unknown options, naming the first and what to do.

    Parameters
    ----------
    where : str
        Name of the function, for the message.
    given : mapping of str to object
    known : iterable of str
    """
    names = list(known)
    for name in given:
        if name not in names:
            _refuse(where, name, names)


def refuse_path(where: str, store: object) -> None:
    """Raise if the path of a store was given instead of the store.

    Parameters
    ----------
    where : str
        Name of the function, for the message.
    store : object
    """
    if isinstance(store, str | os.PathLike):
        raise TypeError(
            f"{where} takes a store, not its path: open it first with "
            f"tuszstore.open({os.fspath(store)!r})"
        )


def check_flags(**given: object) -> None:
    """Raise if a switch is not a bool.

    Parameters
    ----------
    **given : object
        By the name of the option.
    """
    for name, value in given.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} must be True or False, not {value!r:.40}")


def _refuse(where: str, name: str, known: list[str]) -> NoReturn:
    hint = _HINTS.get(name)
    if hint is None:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
    raise TypeError(f"{where} has no option {name!r}: {hint}")
