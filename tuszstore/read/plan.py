"""From windows to the blocks that must be read; shared blocks are read once."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_BLOCKS = 96
"""Maximum blocks of a run, which bounds the memory of a thread: 8 MB of 10 s blocks."""

LEAST_WINDOWS = 8
"""Maximum windows of a run if many overlap: blocks shared with the next run are read twice."""


@dataclass(slots=True, eq=False)  # not frozen, since that would take as long as finding the bytes
class Run:
    """Consecutive blocks, and the windows that lie within them.

    Attributes
    ----------
    first, stop : int
        Blocks of the store.
    targets : ndarray of int64, shape (window, 2)
        Row of the batch, and the window's first sample, counted from that of the run's first
        block; sorted by that.
    """

    first: int
    stop: int
    targets: NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Part:
    """Blocks of a run in one shard.

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
        Blocks per shard.
    """
    first = run.first
    while first < run.stop:
        shard, within = divmod(first, n_chunks)
        count = min(n_chunks - within, run.stop - first)
        yield Part(shard, first, count, run)
        first += count


def plan_runs(
    positions: NDArray[np.int64], window: int, n_threads: int = 1, *, block: int = 1
) -> Iterator[Run]:
    """Yield the reads that fill a batch, in the order of the disk.

    Windows that share blocks are read together. If many do, they form two runs per thread,
    so that all threads finish at about the same time; the few blocks that two runs share are read
    twice.

    Parameters
    ----------
    positions : ndarray of int64, shape (window,)
        First sample of each window of the batch, in any order; sample 0 is the first of block 0.
    window : int
        Samples of a window.
    n_threads : int
    block : int
        Samples of a block.

    Yields
    ------
    Run
        Every row of the batch is a target of exactly one.
    """
    n_windows = len(positions)
    if not n_windows:
        return
    if n_windows == 1:  # same result as below, in a tenth of the time
        position = int(positions[0])
        first = position // block
        stop = (position + (window - 1)) // block + 1
        yield Run(first, stop, np.array([[0, position - first * block]], np.int64))
        return
    max_windows = max(LEAST_WINDOWS, -(-n_windows // (2 * n_threads)))
    order = np.argsort(positions, kind="stable")
    ordered = positions[order]
    pairs = np.empty((n_windows, 2), np.int64)
    pairs[:, 0] = order
    starts = (ordered // block).tolist()
    stops = ((ordered + (window - 1)) // block + 1).tolist()
    max_blocks = max(MAX_BLOCKS, *map(int.__sub__, stops, starts))
    begin, bounds = 0, [0]
    for k in range(1, n_windows + 1):
        first, stop = starts[begin], stops[k - 1]
        if (
            k == n_windows
            or starts[k] >= stop
            or k - begin == max_windows
            or stops[k] - first > max_blocks
        ):
            bounds.append(k)
            begin = k
    firsts = np.repeat([starts[begin] for begin in bounds[:-1]], np.diff(bounds))
    pairs[:, 1] = ordered - firsts * block
    for begin, k in pairwise(bounds):
        yield Run(starts[begin], stops[k - 1], pairs[begin:k])
