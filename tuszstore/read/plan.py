"""From windows to the blocks that must be read, those that neighbours share once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_BLOCKS = 96
"""Blocks of a run, which bounds the bytes that a thread holds: 8 MB of 10 s blocks."""

LEAST_WINDOWS = 8
"""Windows of a run where that many overlap: what it shares with the next is read twice."""


@dataclass(frozen=True)
class Run:
    """Consecutive blocks, and the windows that lie within them.

    Attributes
    ----------
    first, stop : int
        Blocks of the store.
    targets : ndarray of int64, shape (window, 2)
        Row of the batch, and the place of the window's first block within the run; sorted by that.
    """

    first: int
    stop: int
    targets: NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Blocks of a run that lie in one shard.

    Attributes
    ----------
    shard : int
    first, count : int
        Blocks of the store.
    run : Run
    """

    shard: int
    first: int
    count: int
    run: Run


def parts_of(run: Run, n_chunks: int) -> Iterator[Part]:
    """Yield a part of a run for each shard.

    Parameters
    ----------
    run : Run
    n_chunks : int
        Blocks of a shard.
    """
    first = run.first
    while first < run.stop:
        shard, within = divmod(first, n_chunks)
        count = min(n_chunks - within, run.stop - first)
        yield Part(shard, first, count, run)
        first += count


def plan_runs(
    start_blocks: NDArray[np.int64], blocks_per_window: int, n_threads: int = 1
) -> Iterator[Run]:
    """Yield the reads that fill a batch, in the order of the disk.

    Windows that overlap are read together. Where many do, they make two runs for each thread, so
    that all threads end at about the same time; the few blocks that two runs share are read twice.

    Parameters
    ----------
    start_blocks : ndarray of int64, shape (window,)
        First block of each window of the batch, in any order.
    blocks_per_window : int
    n_threads : int

    Yields
    ------
    Run
        Every row of the batch is a target of exactly one.
    """
    n_windows = len(start_blocks)
    if not n_windows:
        return
    max_windows = max(LEAST_WINDOWS, -(-n_windows // (2 * n_threads)))
    max_blocks = max(MAX_BLOCKS, blocks_per_window)
    order = np.argsort(start_blocks, kind="stable")
    ordered = start_blocks[order]
    pairs = np.stack([order, ordered], axis=1)
    starts = ordered.tolist()
    begin = 0
    for k in range(1, n_windows + 1):
        first, stop = starts[begin], starts[k - 1] + blocks_per_window
        if (
            k == n_windows
            or starts[k] >= stop
            or k - begin == max_windows
            or starts[k] + blocks_per_window - first > max_blocks
        ):
            targets = pairs[begin:k]
            targets[:, 1] -= first
            yield Run(first, stop, targets)
            begin = k
