"""Requests to object stores: bounded in number and time, and cancellable.

obstore's blocking calls cannot be interrupted: a server that never answers would block a thread,
and Ctrl-C, for the duration of all retries. Requests are therefore coroutines of one event loop,
which can be cancelled. Its thread exists only while there are requests. Callers wait
in Python, where signals arrive.
"""

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

T = TypeVar("T")

IN_FLIGHT = 64
"""Maximum number of concurrent requests in this process, for all stores, batches and tables."""


class _Loop:
    """An event loop whose thread runs while it is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._users = 0
        self._room = asyncio.Semaphore(IN_FLIGHT)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Have it run for as long as the context lasts."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._start()
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._stop()

    def submit(
        self, request: Callable[[], Coroutine[Any, Any, T]], seconds: float | None
    ) -> Future[T]:
        """Begin a request when there is room for it."""
        assert self._loop is not None

        async def bounded() -> T:
            # waiting for a free slot does not count as waiting for the server
            async with self._room, asyncio.timeout(seconds):
                return await request()

        return asyncio.run_coroutine_threadsafe(bounded(), self._loop)

    def _start(self) -> None:
        if self._loop is None:
            # never closed while there may be requests, since obstore's threads report to it
            self._loop = asyncio.new_event_loop()
            weakref.finalize(self, _close, self._loop)
        if self._thread is not None:
            self._thread.join()  # a signal may have interrupted the wait
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="tuszstore-requests", daemon=True
        )
        self._thread.start()

    def _stop(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        asyncio.run_coroutine_threadsafe(_finish(), self._loop)
        self._thread.join()


async def _finish() -> None:
    """Stop the loop, after cancelled requests have ended and closed their connections."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    asyncio.get_running_loop().stop()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    if not loop.is_running():  # otherwise the interpreter is exiting during a request
        loop.close()


_loop = _Loop()


class Group:
    """Requests that are cancelled together, including those of nested groups.

    Parameters
    ----------
    parent : Group, optional
        Group whose cancellation cancels this one.
    """

    def __init__(self, parent: "Group | None" = None) -> None:
        self._lock = threading.RLock()
        self._pending: set[Future[Any]] = set()
        self._within: weakref.WeakSet[Group] = weakref.WeakSet()
        self._given_up = False
        if parent is not None:
            parent.add(self)

    def add(self, group: "Group") -> None:
        """Cancel another group with this one."""
        with self._lock:
            self._within.add(group)
            if self._given_up:
                group.give_up()

    def submit(
        self, request: Callable[[], Coroutine[Any, Any, T]], seconds: float | None
    ) -> Future[T]:
        """Start a request, unless the group was cancelled."""
        with self._lock:
            if self._given_up:
                raise asyncio.CancelledError
            future = _loop.submit(request, seconds)
            self._pending.add(future)
        return future

    def forget(self, future: Future[Any]) -> None:
        """Remove a finished request."""
        with self._lock:
            self._pending.discard(future)

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """Assign the requests of this thread to this group within the context."""
        before, _current.group = _current.group, self
        try:
            yield
        finally:
            _current.group = before

    def give_up(self) -> None:
        """Cancel all requests, and start no more."""
        with self._lock:
            self._given_up = True
            for future in self._pending:
                future.cancel()
            for group in self._within:
                group.give_up()


class _Current(threading.local):
    """The group of a thread's requests."""

    group: Group | None = None


_current = _Current()


def in_my_group(work: Callable[[], T]) -> Callable[[], T]:
    """Return work for another thread whose requests are cancelled with those of this one."""
    group = _current.group
    if group is None:
        return work

    def joined() -> T:
        with group.joined():
            return work()

    return joined


def ask(request: Callable[[], Coroutine[Any, Any, T]], seconds: float | None) -> T:
    """Return the answer to a request.

    Parameters
    ----------
    request : callable
        Returns its coroutine.
    seconds : float or None
        Timeout, once it has started; None for obstore's own.

    Raises
    ------
    TimeoutError
        If it takes longer.
    asyncio.CancelledError
        If its group failed meanwhile, or was interrupted.
    """
    group = _current.group or Group()
    with _loop.running():
        future = group.submit(request, seconds)
        try:
            return future.result()
        except CancelledError:
            raise asyncio.CancelledError from None
        finally:
            future.cancel()  # no effect unless a signal raised an exception
            group.forget(future)


def at_once(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Return the results of tasks that make requests, run in threads.

    The first error or a signal ends all: running requests are cancelled, tasks
    that have not started never do, and no task runs when this returns.
    """
    if len(tasks) < 2:
        return [task() for task in tasks]
    group = Group(_current.group)

    def in_group(task: Callable[[], T]) -> T:
        try:
            with group.joined():
                return task()
        except BaseException:
            group.give_up()  # here, not where results are awaited, so that no other request begins
            raise

    with (
        _loop.running(),
        ThreadPoolExecutor(min(IN_FLIGHT, len(tasks)), "tuszstore-request") as pool,
    ):
        futures: list[Future[T]] = []
        try:
            futures.extend(pool.submit(in_group, task) for task in tasks)
            over, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = [future for future in futures if future in over and future.exception()]
            if failed:
                raise _first_cause(failed)
        except BaseException:
            group.give_up()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def _first_cause(failed: Sequence[Future[Any]]) -> BaseException:
    """Return the first error that is not the cancellation due to another error."""
    errors = [error for future in failed if (error := future.exception()) is not None]
    causes = [error for error in errors if not isinstance(error, asyncio.CancelledError)]
    return (causes or errors)[0]
