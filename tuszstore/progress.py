"""The progress of long work: a bar on a terminal or in a notebook, lines in a log."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from tuszstore.units import clock

if TYPE_CHECKING:
    from tuszstore.builder.planned import Plan

LINE_SECONDS = 60.0
"""Between two lines of a build that no terminal shows."""

REDRAW_SECONDS = 0.1
"""Between two states of a bar in a notebook, at least: each of them is a message."""


def make_progress(*, silent: bool = False) -> "BuildProgress":
    """Return what shows the progress of builds.

    It is a bar in a notebook and on a terminal; elsewhere a line a minute.

    Parameters
    ----------
    silent : bool
        Whether only what has to be said is wanted.
    """
    if silent:
        return BuildProgress()
    if in_notebook():
        return NotebookProgress()
    return ProgressBar() if sys.stderr.isatty() else ProgressLines()


def choose_progress(wanted: bool | None) -> "BuildProgress | None":
    """Return what shows the progress of a build that a Python program makes.

    Parameters
    ----------
    wanted : bool, optional
        Without it progress is shown where a bar can be.

    Returns
    -------
    BuildProgress or None
        None if there is neither a terminal nor a notebook; messages are then logged.
    """
    watched = in_notebook() or sys.stderr.isatty()
    return make_progress() if wanted or (wanted is None and watched) else None


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, of Jupyter, VS Code or Colab."""
    if "IPython" not in sys.modules:  # a notebook's kernel has imported it
        return False
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class BuildProgress:
    """Counts built and planned hours of EEG, without showing them."""

    def __init__(self) -> None:
        self._split = ""
        self._total = self._done = 0.0
        self._n_failed = 0
        self._start: float | None = None

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Show what a slow block of code does."""
        yield

    def start(self, plan: "Plan") -> None:
        """Begin with a plan."""
        self._split, self._total = plan.split, plan.hours * 3600
        self._done = 0.0
        self._n_failed = 0
        self._start = time.monotonic()

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Count one recording and its seconds of EEG."""
        self._done += seconds
        self._n_failed += failed

    def stop(self) -> None:
        """End, whatever the outcome."""

    def say(self, text: str) -> None:
        """Show a message."""
        Console(stderr=True).print(Text(text), soft_wrap=True)

    def figures(self) -> dict[str, Any]:
        """Return built hours, speed, remaining time, and the number of failed recordings."""
        assert self._start is not None  # set when the work began
        rate = self._done / max(time.monotonic() - self._start, 1e-9)
        return {
            "hours": f"{self._done / 3600:.1f}/{self._total / 3600:.1f} h",
            "rate": f"{rate / 3600:.2f} h/s" if rate else "",
            "left": f"{clock((self._total - self._done) / rate)} left" if rate else "",
            "failed": f"{self._n_failed} failed" if self._n_failed else "",
        }


class ProgressBar(BuildProgress):
    """A progress bar, on the terminal's error stream."""

    def start(self, plan: "Plan") -> None:
        """Begin with a plan."""
        super().start(plan)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[hours]}"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[left]}"),
            TextColumn("[red]{task.fields[failed]}"),
            console=Console(stderr=True),
        )
        self._bar.start()
        self._task = self._bar.add_task(self._split, total=self._total, **self.figures())

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Count one recording and its seconds of EEG."""
        super().advance(seconds, failed=failed)
        self._bar.update(self._task, completed=self._done, **self.figures())

    def stop(self) -> None:
        """End, whatever the outcome."""
        self._bar.stop()
        del self._bar

    def say(self, text: str) -> None:
        """Show a message, above the bar if there is one."""
        console = self._bar.console if hasattr(self, "_bar") else Console(stderr=True)
        console.print(Text(text), soft_wrap=True)


class NotebookBar:
    """A line with a bar in the output of a notebook's cell, which is drawn again in its place."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._drawn = -REDRAW_SECONDS
        self._lock = threading.Lock()  # reading threads report concurrently

    def show(self, text: str, share: float | None = None, *, last: bool = False) -> None:
        """Draw the line, unless that was done a moment ago.

        Parameters
        ----------
        text : str
        share : float, optional
            Completed share, from 0 to 1; without it there is no bar.
        last : bool
            Draw it whenever it was drawn before.
        """
        with self._lock:
            self._show(text, share, last=last)

    def _show(self, text: str, share: float | None, *, last: bool) -> None:
        now = time.monotonic()
        if not last and now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        bar = "" if share is None else f'<progress value="{share:.4f}" max="1"></progress> '
        shown = {"text/plain": text, "text/html": f"<div>{bar}{escape(text)}</div>"}
        if self._handle is None:
            from IPython.display import display

            self._handle = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown, raw=True)


class NotebookProgress(BuildProgress):
    """A bar in a notebook."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = NotebookBar()

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Show what a block of code does, and its progress."""
        self._start = None
        self._bar.show(f"{what} ...", last=True)
        try:
            yield
        finally:
            self._draw(last=True)

    def start(self, plan: "Plan") -> None:
        """Begin with a plan."""
        super().start(plan)
        self._draw(last=True)

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Count one recording and its seconds of EEG."""
        super().advance(seconds, failed=failed)
        self._draw()

    def stop(self) -> None:
        """End, whatever the outcome; what remains is to assemble the store."""
        self._draw(", assembling the store ...", last=True)

    def say(self, text: str) -> None:
        """Show a message."""
        print(text, file=sys.stderr)

    def _draw(self, then: str = "", *, last: bool = False) -> None:
        if self._start is None:  # nothing to build
            self._bar.show("", last=True)
            return
        share = min(1.0, self._done / self._total) if self._total else 1.0
        told = ", ".join(figure for figure in self.figures().values() if figure)
        self._bar.show(f"{self._split}: {told}{then}", share, last=last)


class ProgressLines(BuildProgress):
    """A line a minute, for logs of batch systems and files."""

    def __init__(self) -> None:
        super().__init__()
        self._what = ""

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Log every minute what a block of code does, and for how long."""
        self._what, self._start = what, None
        begin, over = time.monotonic(), threading.Event()

        def tell() -> None:
            while not over.wait(LINE_SECONDS):
                self.say(f"{self._line()} ({clock(time.monotonic() - begin)} so far)")

        thread = threading.Thread(target=tell, name="tuszstore-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _line(self) -> str:
        if self._start is None:
            return self._what
        told = ", ".join(figure for figure in self.figures().values() if figure)
        return f"{self._split}: {told}"

    def stop(self) -> None:
        """End, whatever the outcome; what remains is to assemble the store."""
        self._what, self._start = f"{self._split}: assembling the store", None
