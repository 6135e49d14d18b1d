"""Processing many small files, in threads if most of the time is spent waiting."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tuszstore.builder.records import IO_THREADS

T = TypeVar("T")
R = TypeVar("R")

FIRST, LATER = 16, 256
"""Number of items after which the use of threads is reconsidered."""


def overlapped(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the result of a function for each item, in order.

    Threads overlap the time spent waiting for files. With files in the page cache there is
    none, and threads that contend for the interpreter's lock take three times as long as one.
    Each group of items is therefore processed as the previous group showed to be faster.

    Parameters
    ----------
    function : callable
        Safe to call in several threads at once.
    items : iterable
    """
    left = iter(items)
    waits, n_items = False, FIRST
    with ThreadPoolExecutor(IO_THREADS) as pool:
        while group := list(islice(left, n_items)):
            wall, processor = time.perf_counter(), time.process_time()
            results = list(pool.map(function, group) if waits else map(function, group))
            processor = time.process_time() - processor
            waits = processor < (time.perf_counter() - wall) / 2
            n_items = LATER
            yield from results
