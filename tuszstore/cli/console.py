"""What the command line shows: progress, plans, reports, stores."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderHook, RenderResult
from rich.progress import BarColumn, Progress, TextColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from tuszstore.api import Store
from tuszstore.builder.report import BuildReport, count_categories, count_events
from tuszstore.corpus.layout import LeftOut
from tuszstore.read.decode import NO_KERNEL, has_kernel
from tuszstore.reasons import all_notes, group_reasons, plural
from tuszstore.store.place import shown_path
from tuszstore.text import printable
from tuszstore.units import clock, size

if TYPE_CHECKING:
    from tuszstore.builder.changes import Changes
    from tuszstore.builder.plan import Plan
    from tuszstore.builder.status import Status

LINE_SECONDS = 60.0
"""Between two lines of a build that no terminal shows."""

SHOWN = 10
"""Recordings that a list names before it only counts."""


LONGEST = 4000
"""Characters of a line that are shown."""


class _Escaping(RenderHook):
    """Shows with escapes whatever is printed: names, ids and notes come from anywhere."""

    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [
            _escaped(entry) if isinstance(entry, Text) else _Escaped(entry) for entry in renderables
        ]


class _Escaped:
    """A table whose text is escaped when it is laid out."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self._renderable, options):
            lines = text if control else "\n".join(map(printable, text.split("\n")))
            yield Segment(lines, style, control)


def _escaped(text: Text) -> Text:
    plain = text.plain
    if len(plain) > LONGEST:
        plain = f"{plain[:LONGEST]} … and {len(plain) - LONGEST:,} characters more"
    return Text(printable(plain), text.style, end=text.end)


def make_console() -> Console:
    """Return the console for results, as wide as they need where nobody watches.

    What is printed on it shows with escapes, so that no text of a store or of a file name acts on
    the terminal.
    """
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    console.push_render_hook(_Escaping())
    return console


def make_progress(*, silent: bool = False) -> "BuildProgress":
    """Return what shows the progress of builds: a bar, or a line a minute where no terminal is.

    Parameters
    ----------
    silent : bool
        Whether only what has to be said is wanted.
    """
    if silent:
        return BuildProgress()
    return ProgressBar() if sys.stderr.isatty() else ProgressLines()


class BuildProgress:
    """Hours of EEG that are built of those that are planned, kept to itself."""

    def __init__(self) -> None:
        self._split = ""
        self._total = self._done = 0.0
        self._n_failed = 0
        self._start: float | None = None

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Say for a block of code what is done, where it takes long."""
        yield

    def start(self, plan: "Plan") -> None:
        """Begin with a plan."""
        self._split, self._total = plan.split, plan.hours * 3600
        self._done = 0.0
        self._n_failed = 0
        self._start = time.monotonic()

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Count one recording of so many seconds of EEG."""
        self._done += seconds
        self._n_failed += failed

    def stop(self) -> None:
        """End, whatever the outcome."""

    def say(self, text: str) -> None:
        """Show a message."""
        Console(stderr=True).print(Text(text), soft_wrap=True)

    def figures(self) -> dict[str, Any]:
        """Return what is built, how fast, what is left, and how many recordings failed."""
        assert self._start is not None  # or nothing was begun
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
        """Count one recording of so many seconds of EEG."""
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


class ProgressLines(BuildProgress):
    """A line a minute, for logs of batch systems and files."""

    def __init__(self) -> None:
        super().__init__()
        self._what = ""

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Say every minute of a block of code what is done, and since when."""
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
        """End, whatever the outcome; what is left is to put the store together."""
        self._what, self._start = f"{self._split}: putting the store together", None


def show_plan(console: Console, plan: "Plan") -> None:
    """Print what a build would do."""
    geometry = plan.geometry
    rows = [
        ("recordings", f"{len(plan.recordings):,}"),
        ("hours", f"{plan.hours:,.2f}"),
        ("blocks", f"{plan.n_blocks:,} of {geometry.block / geometry.sfreq:g} s"),
        ("windows", f"{plan.n_windows:,} of {geometry.window / geometry.sfreq:g} s"),
        ("size, about", f"{size(plan.expected_bytes)} in {plan.expected_files:,} files"),
        ("memory a worker", f"{size(plan.peak_bytes)}, about"),
    ]
    if plan.n_short:
        rows.append(("too short", f"{_recordings(plan.n_short)} shorter than a window"))
    _show(console, f"{plan.split}: plan for {shown_path(plan.store)}", rows)
    _show_notes(console, plan.left_out, plan.warnings)


_DONE = {
    "keep": "kept as they are",
    "resume": "built before the interruption",
    "relabel": "to relabel",
    "build": "to build",
    "drop": "to drop",
}


def show_changes(console: Console, changes: "Changes") -> None:
    """Print what a build will do with what is there; nothing where nothing is there."""
    counts = changes.counts
    if changes.why_anew:
        console.print(_text(f"all is built anew: {changes.why_anew}"), soft_wrap=True)
    if changes.settings:
        console.print(_text(f"settings changed: {', '.join(changes.settings)}"), soft_wrap=True)
    if not (changes.settings or sum(counts.values()) > counts["build"]):
        return
    for action, count in counts.items():
        if not count:
            continue
        start = f"{action}: "
        why = ", ".join(
            f"{n:,} {reason.removeprefix(start)}"
            for reason, n in changes.reasons.items()
            if reason.startswith(start)
        )
        told = f"  {_recordings(count)} {_DONE[action]}{f': {why}' if why else ''}"
        console.print(_text(told), soft_wrap=True)


def show_status(console: Console, status: "Status") -> None:
    """Print what differs between a store and its corpus."""
    plan, changes = status.plan, status.changes
    state = "nothing to do" if changes.up_to_date else "a build would change it"
    console.print(_text(f"{shown_path(plan.store)}: {state}", style="bold"), soft_wrap=True)
    show_changes(console, changes)
    named = [step for step in changes.steps if step.action != "keep" and step.reason]
    for step in named[:SHOWN]:
        told = f"  {step.planned.recording.id}: {step.action}, {step.reason}"
        console.print(_text(told), soft_wrap=True)
    for id_ in changes.gone[:SHOWN]:
        console.print(_text(f"  {id_}: drop, no longer in the split"), soft_wrap=True)
    if len(named) > SHOWN or len(changes.gone) > SHOWN:
        console.print("  and more; --json lists them all")
    if status.holder:
        console.print(_text(f"a build is under way: {status.holder}"), soft_wrap=True)
    if status.unfinished:
        done = _recordings(status.unfinished["recordings"])
        console.print(f"unfinished build since {status.unfinished['since']}: {done} built")
    if status.n_old:
        console.print(f"older generations that are still read: {status.n_old}")


def show_report(console: Console, report: BuildReport) -> None:
    """Print what a build did."""
    rows = [
        ("recordings", f"{report.recordings:,}"),
        ("hours", f"{report.hours:,.2f}"),
        ("windows", f"{report.windows:,}"),
        *_category_rows(report.categories),
        ("size", f"{size(report.bytes)} in {report.files:,} files"),
        ("with notes", _noted(report.noted, report.interpolated)),
        ("left out", _counted(report.left_out)),
    ]
    if report.status == "built":
        # of what was there already, nothing can be said of the speed
        fresh = report.recordings == report.changes["build"]
        rate = f" ({report.hours / report.seconds:.2f} h of EEG a second)" if fresh else ""
        rows.append(("time", f"{clock(report.seconds)}{rate}"))
    _show(console, f"{report.split}: {report.status}, {shown_path(report.store)}", rows)
    _show_notes(console, report.left_out, report.warnings)


def show_store(console: Console, store: Store) -> None:
    """Print what a store holds."""
    facts = describe(store)
    channels = f"{len(store.channels)} channels at {store.sfreq} Hz"
    rows = [
        ("split", f"{facts['split']} (policy {facts['split_policy']})"),
        ("built", f"{facts['created']} by tuszstore {facts['versions']['tuszstore']}"),
        ("config hash", facts["config_hash"]),
        ("content digest", facts["content_digest"]),
        ("recordings", f"{facts['recordings']:,} of {facts['patients']:,} patients"),
        ("hours", f"{facts['hours']:,.2f}"),
        ("signal", f"{facts['dtype']}, {facts['codec']}, {channels}"),
        ("windows", f"{facts['windows']:,} of {facts['window_seconds']:g} s, every "
                    f"{facts['stride_seconds']:g} s"),
        *_category_rows(facts["categories"]),
        ("seizure events", f"{facts['seizures']:,}"),
        ("events by class", ", ".join(f"{n:,} {name}" for name, n in facts["events"].items())
                            or "none"),
        ("size", "not known: a web server does not list its files" if facts["bytes"] is None
                 else f"{size(facts['bytes'])} in {facts['files']:,} files"),
        ("with notes", f"{_noted(len(facts['notes']), facts['interpolated'])}; --json lists them"),
        ("read with", "the compiled kernel" if facts["kernel"] else NO_KERNEL),
    ]  # fmt: skip
    _show(console, shown_path(store.path), rows)
    left_out = [LeftOut(**entry) for entry in facts["left_out"]]
    _show_notes(console, left_out, facts["warnings"])


def describe(store: Store) -> dict[str, Any]:
    """Return the figures of a store as plain values."""
    files = store.sizes()
    spec, encoding, attrs = store.spec, store.metadata.encoding, store.attrs
    recordings = store.recordings
    columns = {str(name): column.values for name, column in store.events.items()}
    seizures, counts = count_events(columns, spec)
    table, excluded = store.metadata.recordings, store.metadata.left_out
    interpolated = table.or_blank("interpolated")
    notes = all_notes(table.or_blank("notes"), interpolated, store.channels)
    names = (
        "split", "split_policy", "created", "config_hash", "content_digest", "versions", "warnings",
    )  # fmt: skip
    return {
        "store": str(store.path),
        **{name: attrs[name] for name in (*names, "schema_version")},
        "recordings": recordings.sizes["recording"],
        "patients": len(set(recordings["patient"].values)),
        "hours": float(recordings["n_samples"].sum()) / store.sfreq / 3600,
        "dtype": encoding.dtype,
        "codec": encoding.codec,
        "windows": len(store),
        "window_seconds": spec.window_seconds,
        "stride_seconds": spec.stride_seconds,
        "categories": count_categories(store.index["category"].values),
        "seizures": seizures,
        "events": counts,
        "bytes": None if files is None else sum(files),
        "files": None if files is None else len(files),
        "kernel": has_kernel(),
        "notes": {
            id_: note for id_, note in zip(recordings["id"].values, notes, strict=True) if note
        },
        "interpolated": int(interpolated.any(axis=1).sum()),
        "left_out": [
            dict(zip(("id", "reason", "kind"), entry, strict=True))
            for entry in zip(*(excluded.or_blank(n) for n in ("id", "reason", "kind")), strict=True)
        ],
    }


def _recordings(count: int) -> str:
    return plural(count, "recording")


def _noted(count: int, interpolated: int) -> str:
    """Return how many recordings have notes, and of how many channels were interpolated."""
    more = f", {interpolated:,} with interpolated channels" if interpolated else ""
    return f"{_recordings(count)}{more}"


def _category_rows(categories: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    total = max(1, sum(categories.values()))
    for name, count in categories.items():
        yield f"  {name}", f"{count:,} ({count / total:.1%})"


def _counted(left_out: Sequence[LeftOut]) -> str:
    counts = Counter(entry.kind for entry in left_out)
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common()) or "nothing"


def _show(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    # outside the table, so that a path stays in one piece to be copied
    console.print(_text(title, style="bold"), soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, _text(value))
    console.print(table)


def _text(text: str, style: str = "") -> Text:
    """Return a text for the terminal: names of files and of what is in them are shown escaped."""
    return Text(printable(text), style=style)


def _show_notes(console: Console, left_out: Sequence[LeftOut], warnings: Sequence[str]) -> None:
    for warning in warnings:
        console.print(_text(f"warning: {warning}", style="yellow"), soft_wrap=True)
    if not left_out:
        return
    console.print(_text(f"left out: {_counted(left_out)}"))
    for kind, line in left_out_lines(left_out):
        console.print(_text(f"  {line}", style="red" if kind == "failed" else ""), soft_wrap=True)


def left_out_lines(left_out: Sequence[LeftOut]) -> list[tuple[str, str]]:
    """Return what is told of recordings that are left out, equal reasons with their number.

    Returns
    -------
    list of (str, str)
        Kind and line; what failed comes first: the rest is as asked.
    """
    entries = [(entry.kind, entry.reason, entry.id) for entry in left_out]
    reasons = group_reasons(sorted(entries, key=lambda entry: entry[2]))
    lines = []
    for reason in reasons[:SHOWN]:
        text = reason.text if reason.kind in ("failed", "duplicate") else (
            f"{reason.kind}: {reason.text}"
        )  # fmt: skip
        more = reason.count - len(reason.examples)
        named = ", ".join(reason.examples) + (f" and {more:,} more" if more else "")
        if reason.count == 1:
            lines.append((reason.kind, f"{named}: {text}"))
        else:
            lines.append((reason.kind, f"{_recordings(reason.count)}: {text} ({named})"))
    if len(reasons) > SHOWN:
        rest = sum(reason.count for reason in reasons[SHOWN:])
        lines.append(("", f"and {_recordings(rest)} for other reasons"))
    if any(reason.count > len(reason.examples) for reason in reasons) or len(reasons) > SHOWN:
        lines.append(("", "--json lists them all"))
    return lines
