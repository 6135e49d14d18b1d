"""What a loader's state has: how far it is, and what must be equal for another to go on there.

Ranks and batch size are not among that: an epoch's order is the same on any number of ranks, and
what is left of it is dealt anew.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.facade.windows import WindowCollection
from tuszstore.indices import as_whole_number
from tuszstore.torch.progress import Position

STATE_VERSION = 2

_PLACE = ("epoch", "delivered")


def make_state(position: Position, same: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state.

    Parameters
    ----------
    position : Position
    same : mapping of str to object
        What must be equal for another loader to go on.
    """
    return {"version": STATE_VERSION, **asdict(position), **same}


def read_position(state: Mapping[str, Any]) -> Position:
    """Return where a state is.

    Raises
    ------
    ValueError, TypeError
        If it is no state of this version.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"not a state of a WindowLoader, but {type(state).__name__}")
    missing = {"version", *_PLACE} - set(state)
    if "version" in state and state["version"] != STATE_VERSION:
        raise ValueError(_no_state(f"is of version {state['version']!r}"))
    if missing:
        raise ValueError(_no_state(f"lacks {', '.join(sorted(missing))}"))
    return Position(*(as_whole_number(name, state[name], 0) for name in _PLACE))


def _no_state(found: str) -> str:
    return f"not a state of version {STATE_VERSION} of a WindowLoader: it {found}"


def check_same(state: Mapping[str, Any], own: Mapping[str, Any], sampler: object) -> None:
    """Refuse a state of a loader that gives other batches, naming what differs.

    Parameters
    ----------
    state : mapping
    own : mapping of str to object
        What the state must have.
    sampler : Sampler
        Of the loader that is to go on.

    Raises
    ------
    ValueError
    """
    for name, value in own.items():
        if state.get(name) == value:
            continue
        theirs = state.get(name)
        if name == "batch_size":
            theirs, value = ("any size" if size is None else size for size in (theirs, value))
            raise ValueError(
                f"the order of {type(sampler).__name__} depends on the batch size, so that it "
                f"resumes with the same alone: the state belongs to batches of {theirs}, and this "
                f"loader's sampler is made for batches of {value}"
            )
        raise ValueError(
            f"the state belongs to other batches: its {name} is {theirs!r}, and this loader's is "
            f"{value!r}"
        )


def describe(store: WindowCollection) -> dict[str, Any]:
    """Return what the windows of a loader are of: signals, channels and lengths.

    Parameters
    ----------
    store : WindowCollection
    """
    spec = store.spec
    return {
        "store": digest(store.metadata.signature.encode()),
        "channels": list(spec.channel_names),
        "units": spec.units,
        "length": spec.window,
        "stride": spec.stride,
        "rater": spec.rater,  # who decides the labels
    }


def digest(content: bytes | NDArray[np.int64]) -> str:
    """Return a digest of bytes, or of the bytes of numbers."""
    return hashlib.sha256(content if isinstance(content, bytes) else content.data).hexdigest()[:32]
