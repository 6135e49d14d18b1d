"""Whether the ranks of a training give parts of one epoch.

Each rank draws the order by itself. Where they differ, by a seed that was made of the rank or a
store that is not the same everywhere, windows come twice and others never, and nothing else tells.
So a loader's first iteration compares, once: what is drawn later follows from the same seeds.
"""

import weakref
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch

PATIENCE = timedelta(minutes=10)
"""How long other ranks may take to begin their first iteration."""

_meetings: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()


def check_agreement(values: Mapping[str, Any], rank: int, world_size: int) -> None:
    """Compare with the other ranks what must be equal on all; every rank must call it.

    Nothing is done where ``torch.distributed`` has no process group of these ranks.

    Parameters
    ----------
    values : mapping of str to object
        In the order in which they are compared.
    rank, world_size : int

    Raises
    ------
    ValueError
        If a rank has another value, naming the value and both ranks.
    RuntimeError
        If the other ranks do not begin in time.
    """
    group = _meeting(rank, world_size)
    if group is None:
        return
    found: list[Any] = [None] * world_size
    try:
        torch.distributed.all_gather_object(found, dict(values), group=group)
    except RuntimeError as error:
        raise RuntimeError(
            f"rank {rank} of {world_size} begins the first epoch of a loader, and not all others "
            f"do: {error}. Each rank must iterate the loader; one that reads windows for itself "
            "takes rank=0, world_size=1"
        ) from error
    for other, theirs in enumerate(found):
        for name, value in found[0].items():
            if theirs.get(name) != value:
                raise ValueError(
                    f"the ranks give parts of different epochs: {name} is {value!r} on rank 0 and "
                    f"{theirs.get(name)!r} on rank {other}: give every rank the same store, "
                    "windows, seed and options"
                )


def _meeting(rank: int, world_size: int) -> Any:
    """Return the group of processes to compare in; None where there is none."""
    distributed = torch.distributed
    if world_size == 1 or not distributed.is_available() or not distributed.is_initialized():
        return None
    world = distributed.group.WORLD
    if world is None or (rank, world_size) != (world.rank(), world.size()):
        return None
    if "gloo" in distributed.get_backend(world):
        return world
    if not distributed.is_gloo_available():
        return None
    if world not in _meetings:  # NCCL's would need a device, and to be in step with its own calls
        _meetings[world] = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return _meetings[world]
