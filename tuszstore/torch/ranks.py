"""Rank and world size, looked up at the start of each epoch.

A loader is often created before the process group: before ``init_process_group``, or
in a script that Lightning starts on every device.
"""

import os
import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from tuszstore.indices import as_whole_number
from tuszstore.reasons import plural


class Ranks:
    """The rank of this process: given, or looked up on each access.

    Parameters
    ----------
    rank, world_size : int, optional
        Both or neither. Without them, those of ``torch.distributed`` once it is initialised;
        before that the environment's ``RANK`` and ``WORLD_SIZE``, as torchrun sets them; and
        otherwise one process.

    Attributes
    ----------
    given : bool
        Whether they were given.
    """

    def __init__(self, rank: int | None, world_size: int | None) -> None:
        if (rank is None) != (world_size is None):
            raise ValueError("rank and world_size must be given together")
        self._given: tuple[int, int] | None = None
        if rank is not None and world_size is not None:
            size = as_whole_number("world_size", world_size, 1)
            number = as_whole_number("rank", rank, 0)
            if number >= size:
                raise ValueError(f"rank {number} is out of range: there are {size}, counted from 0")
            self._given = number, size

    @property
    def given(self) -> bool:
        """Whether rank and world size were given."""
        return self._given is not None

    def find(self) -> tuple[int, int]:
        """Return the current rank and world size."""
        return self._given or _distributed() or _environment() or (0, 1)

    def warn_if_unknown(self) -> None:
        """Warn if there are other processes, but the rank is unknown."""
        size = os.environ.get("WORLD_SIZE", "")
        if self._given or _distributed() or _environment():
            return
        if size.isdecimal() and int(size) > 1:
            warnings.warn(
                f"WORLD_SIZE is {size}, but torch.distributed is not initialised and RANK is not "
                "set: this process reads the windows of all ranks. Call init_process_group before "
                "the first batch, or pass rank and world_size (0 and 1 for all windows)",
                stacklevel=4,
            )


def warn_of_empty(bounds: NDArray[np.int64], world_size: int) -> None:
    """Warn if some ranks get no window of the last step of an epoch.

    Parameters
    ----------
    bounds : ndarray of int64
        From :func:`tuszstore.sampling.ranks.deal`.
    world_size : int
    """
    n_empty = int(np.count_nonzero(np.diff(bounds) == 0))
    if n_empty:
        warnings.warn(
            f"only {plural(world_size - n_empty, 'window')} of the resumed epoch for {world_size} "
            f"ranks: the batches of {n_empty} are empty, with a mean loss of NaN. With pad=True "
            "windows are repeated instead, with drop_last=True dropped",
            stacklevel=4,
        )


def _distributed() -> tuple[int, int] | None:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return None


def _environment() -> tuple[int, int] | None:
    rank, size = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if not rank or not size:
        return None
    if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
        raise ValueError(
            f"the environment has RANK={rank!r} and WORLD_SIZE={size!r}, not a valid rank and "
            "number of processes: unset them, or pass rank and world_size"
        )
    return int(rank), int(size)
