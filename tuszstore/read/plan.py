"""From windows to the blocks that must be read, those that neighbours share once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_BLOCKS = 24
"""Blocks of a run: few enough to stay in a core's cache until all their windows are filled."""


@dataclass(frozen=True)
class Run:
    """Consecutive blocks, and the windows that lie within them.

    Attributes
    ----------
    first, stop : int
        Blocks of the store.
    targets : list of (int, int)
        Rows of the batch, each with the place of its first block within the run.
    """

    first: int
    stop: int
    targets: list[tuple[int, int]]


def plan_runs(start_blocks: NDArray[np.int64], blocks_per_window: int) -> list[Run]:
    """Return the reads that fill a batch, in the order of the disk.

    Windows that overlap are read together. A run ends where it would grow beyond
    :data:`MAX_BLOCKS`; the few blocks that two runs share are then read twice.

    Parameters
    ----------
    start_blocks : ndarray of int64, shape (window,)
        First block of each window of the batch, in any order.
    blocks_per_window : int

    Returns
    -------
    list of Run
        Every row of the batch is a target of exactly one.
    """
    order = np.argsort(start_blocks, kind="stable")
    runs: list[Run] = []
    first = stop = -1
    targets: list[tuple[int, int]] = []
    limit = max(MAX_BLOCKS, blocks_per_window)
    for row, start in zip(order.tolist(), start_blocks[order].tolist(), strict=True):
        end = start + blocks_per_window
        if start >= stop or end - first > limit:
            if targets:
                runs.append(Run(first, stop, targets))
            first, targets = start, []
        stop = end
        targets.append((row, start - first))
    if targets:
        runs.append(Run(first, stop, targets))
    return runs
