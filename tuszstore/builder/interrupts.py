"""Handling of signals while processes of Dask start, run and end.

A terminal sends Ctrl-C to all processes in its foreground. Workers that receive it print
tracebacks, and a cluster that is interrupted while it starts or ends is left in an undefined state.
Therefore workers ignore it, and this process defers it until the cluster has started or ended.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OF_A_TERMINAL = (signal.SIGINT, signal.SIGHUP)


@contextmanager
def deferred() -> Iterator[None]:
    """Defer signals that end a build until the end of a block of code.

    Only in the main thread, which receives them, and only those that Python handles.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    handlers = {n: h for n in _ENDING if callable(h := signal.getsignal(n))}
    for number in handlers:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def shielded() -> Iterator[None]:
    """Block a terminal's signals in threads and processes that are started within.

    They inherit the mask, and so do their children.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_A_TERMINAL)
    try:
        # it inherits the mask too, and unblocks Ctrl-C in this process
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, _OF_A_TERMINAL)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def closing_in_peace() -> Iterator[ExitStack]:
    """Provide a stack of contexts that is closed without interruption."""
    with ExitStack() as stack:
        try:
            yield stack
        finally:
            with deferred():
                stack.close()
