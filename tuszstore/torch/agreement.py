"""Check that all ranks of a training use the same epoch.

Each rank draws the order independently. If orders differ, because the seed depends on the rank or
the stores differ, windows are silently repeated or missed. A loader's first iteration therefore
compares the orders; once is enough, since later epochs follow from the same seeds.
"""

import weakref
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch

PATIENCE = timedelta(minutes=10)
"""Timeout for other ranks to start their first iteration."""

_meetings: "weakref.WeakKeyDictionary[Any, Any]" = weakref.WeakKeyDictionary()


def check_agreement(values: Mapping[str, Any], rank: int, world_size: int) -> None:
    """Compare with the other ranks what must be equal on all; every rank must call it.

    Does nothing if ``torch.distributed`` has no process group of these ranks.

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
        If the other ranks do not start in time.
    """
    group = _meeting(rank, world_size)
    if group is None:
        return
    found: list[Any] = [None] * world_size
    try:
        torch.distributed.all_gather_object(found, dict(values), group=group)
    except RuntimeError as error:
        raise RuntimeError(
            f"rank {rank} of {world_size} starts the first epoch of a loader, but not all others "
            f"do: {error}. Each rank must iterate the loader; if one rank reads windows alone, "
            "set rank=0, world_size=1"
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
    """Return the group of processes for the comparison; None if there is none."""
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
    if world not in _meetings:  # NCCL would need a device, and calls in equal order
        _meetings[world] = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return _meetings[world]
