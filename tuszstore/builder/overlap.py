"""Doing one thing with very many small files, in threads where that is mostly waiting."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from tuszstore.builder.records import IO_THREADS

T = TypeVar("T")
R = TypeVar("R")

FIRST, LATER = 16, 256
"""Items after which it is looked at whether threads are worth it."""


def overlapped(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield what a function returns for each item, in their order.

    Threads overlap the time that is waited for files. Where files come from the page cache there is
    none, and threads that hand the interpreter's lock to and fro take three times as long as one.
    So each group of items is done in the way that the one before it showed to be right.

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
