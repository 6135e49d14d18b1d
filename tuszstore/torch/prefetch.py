"""Prefetching batches in a background thread.

The thread holds no reference to its iterator, so that deleting the iterator, in the middle of an
epoch or due to an error, ends the thread.
"""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from tuszstore.store.requests import Group, in_my_group

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds to wait for the thread to end, in case its current item never finishes."""


class _End:
    """Marks the end, after the last item."""


Ready = SimpleQueue[tuple[T] | BaseException | type[_End]]


class Prefetcher(Iterator[T], Generic[T]):
    """Items of an iterator, prefetched.

    Parameters
    ----------
    items : iterator
        Used only in the background. Its exceptions are raised here, in order.
    depth : int
        Maximum number of items ready or in progress, besides the current one. With 0 there
        is no thread.
    """

    def __init__(self, items: Iterator[T], depth: int) -> None:
        self._items = items if depth == 0 else None
        self._ready: Ready[T] = SimpleQueue()
        self._room = threading.Semaphore(depth)
        self._process = os.getpid()
        self._finalizer: Any = None
        if depth:
            stop, group = threading.Event(), Group()
            thread = threading.Thread(
                target=_produce,
                args=(items, self._ready, self._room, stop, group),
                name="tuszstore-prefetch",
                daemon=True,
            )
            thread.start()
            made_by = (self._process, threading.get_ident())
            self._finalizer = weakref.finalize(self, _end, thread, self._room, stop, group, made_by)

    def __next__(self) -> T:
        if self._items is not None:
            return next(self._items)
        if self._finalizer is None or not self._finalizer.alive:
            raise StopIteration
        if os.getpid() != self._process:
            raise RuntimeError(
                "this iterator belongs to another process: create one after the fork"
            )
        item = self._ready.get()
        if isinstance(item, tuple):
            self._room.release()
            return item[0]
        self.close()
        if isinstance(item, BaseException):
            try:
                raise item
            finally:
                del item  # avoids a reference cycle: its traceback references this frame
        raise StopIteration

    def close(self) -> None:
        """End the thread and the iteration."""
        self._items = None
        if self._finalizer is not None:
            self._finalizer()


def side_by_side(jobs: Iterable[Callable[[], T]], n: int) -> Iterator[T]:
    """Yield the results of jobs, in order, running several concurrently.

    For jobs that wait, such as reads from an object store.

    Parameters
    ----------
    jobs : iterable of callable
    n : int
        Maximum number of results ready or in progress, including the one that is yielded.
    """
    pending: deque[Future[T]] = deque()
    with ThreadPoolExecutor(n, "tuszstore-prefetch") as pool:
        try:
            for job in jobs:
                pending.append(pool.submit(in_my_group(job)))
                if len(pending) == n:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:  # after an error, or when no more items are wanted
            for future in pending:
                future.cancel()


def _produce(
    items: Iterator[T],
    ready: Ready[T],
    room: threading.Semaphore,
    stop: threading.Event,
    group: Group,
) -> None:
    try:
        with group.joined():
            while room.acquire() and not stop.is_set():
                ready.put((next(items),))
    except StopIteration:
        ready.put(_End)
    except BaseException as error:
        ready.put(error)


def _end(
    thread: threading.Thread,
    room: threading.Semaphore,
    stop: threading.Event,
    group: Group,
    made_by: tuple[int, int],
) -> None:
    process, owner = made_by
    if os.getpid() != process:  # a forked process lacks the thread, and locks may be held
        return
    stop.set()
    room.release()
    group.give_up()  # an object store may not answer for minutes
    # Garbage collection may call this in another thread than the consumer's, possibly in one that
    # the background thread waits for.
    if threading.get_ident() == owner:
        thread.join(PATIENCE)
