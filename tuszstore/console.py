"""What the command line shows: progress, plans, reports, stores."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderHook, RenderResult
from rich.progress import BarColumn, Progress, TextColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from tuszstore.api import Store
from tuszstore.build.report import BuildReport, count_categories
from tuszstore.corpus.layout import LeftOut
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore.build.changes import Changes
    from tuszstore.build.plan import Plan
    from tuszstore.build.status import Status

SHOWN = 10
"""Recordings that a list names before it only counts."""


LONGEST = 4000
"""Characters of a line that are shown."""


class _Escaping(RenderHook):
    """Shows with escapes whatever is printed: names, ids and notes come from anywhere."""

    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [_escaped(entry) if isinstance(entry, Text) else _Escaped(entry)
                for entry in renderables]  # fmt: skip


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


def make_progress(*, silent: bool = False) -> "BuildProgress | None":
    """Return a progress bar, or none where nobody watches.

    Parameters
    ----------
    silent : bool
        Whether none is wanted anyway.
    """
    return None if silent or not sys.stderr.isatty() else BuildProgress()


class BuildProgress:
    """A progress bar of hours of EEG, on the terminal's error stream."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[hours]}"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[left]}"),
            TextColumn("[red]{task.fields[failed]}"),
            console=Console(stderr=True),
        )
        self._n_failed = 0
        self._start = 0.0

    def start(self, plan: "Plan") -> None:
        """Begin with a plan."""
        self._start = time.monotonic()
        self._bar.start()
        self._task = self._bar.add_task(
            plan.split, total=plan.hours * 3600, hours=f"0/{plan.hours:.1f} h", rate="", left="",
            failed="",
        )  # fmt: skip

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Count one recording of so many seconds of EEG."""
        self._n_failed += failed
        self._bar.advance(self._task, seconds)
        task = self._bar.tasks[0]
        total = task.total or 0.0
        rate = task.completed / max(time.monotonic() - self._start, 1e-9)
        self._bar.update(
            self._task,
            hours=f"{task.completed / 3600:.1f}/{total / 3600:.1f} h",
            rate=f"{rate / 3600:.2f} h/s",
            left=f"{duration((total - task.completed) / rate)} left",
            failed=f"{self._n_failed} failed" if self._n_failed else "",
        )

    def stop(self) -> None:
        """End, whatever the outcome."""
        self._bar.stop()


def duration(seconds: float) -> str:
    """Return a time for people, such as ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(n_bytes: float) -> str:
    """Return a number of bytes for people, such as ``27.6 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


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
    _show(console, f"{plan.split}: plan for {plan.store}", rows)
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
        console.print(Text(f"all is built anew: {changes.why_anew}"), soft_wrap=True)
    if changes.settings:
        console.print(Text(f"settings changed: {', '.join(changes.settings)}"), soft_wrap=True)
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
        console.print(Text(told), soft_wrap=True)


def show_status(console: Console, status: "Status") -> None:
    """Print what differs between a store and its corpus."""
    plan, changes = status.plan, status.changes
    state = "nothing to do" if changes.up_to_date else "a build would change it"
    console.print(Text(f"{plan.store}: {state}", style="bold"), soft_wrap=True)
    show_changes(console, changes)
    named = [step for step in changes.steps if step.action != "keep" and step.reason]
    for step in named[:SHOWN]:
        told = f"  {step.planned.recording.id}: {step.action}, {step.reason}"
        console.print(Text(told), soft_wrap=True)
    for id_ in changes.gone[:SHOWN]:
        console.print(Text(f"  {id_}: drop, no longer in the split"), soft_wrap=True)
    if len(named) > SHOWN or len(changes.gone) > SHOWN:
        console.print("  and more; --json lists them all")
    if status.holder:
        console.print(Text(f"a build is under way: {status.holder}"), soft_wrap=True)
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
        ("with notes", _recordings(report.noted)),
        ("left out", _counted(report.left_out)),
    ]
    if report.status == "built":
        # of what was there already, nothing can be said of the speed
        fresh = report.recordings == report.changes["build"]
        rate = f" ({report.hours / report.seconds:.2f} h of EEG a second)" if fresh else ""
        rows.append(("time", f"{duration(report.seconds)}{rate}"))
    _show(console, f"{report.split}: {report.status}, {report.store}", rows)
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
        ("seizure events", ", ".join(f"{n:,} {name}" for name, n in facts["events"].items())
                           or "none"),
        ("size", "not known: a web server does not list its files" if facts["bytes"] is None
                 else f"{size(facts['bytes'])} in {facts['files']:,} files"),
        ("with notes", f"{_recordings(len(facts['notes']))}; --json lists them"),
    ]  # fmt: skip
    _show(console, str(store.path), rows)
    left_out = [LeftOut(**entry) for entry in facts["left_out"]]
    _show_notes(console, left_out, facts["warnings"])


def describe(store: Store) -> dict[str, Any]:
    """Return the figures of a store as plain values."""
    files = store.sizes()
    config, attrs = store.config, store.attrs
    recordings, left_out = store.recordings, store.left_out
    names = (
        "split", "split_policy", "created", "config_hash", "content_digest", "versions", "warnings",
    )  # fmt: skip
    return {
        "store": str(store.path),
        **{name: attrs[name] for name in (*names, "schema_version")},
        "recordings": recordings.sizes["recording"],
        "patients": len(set(recordings["patient"].values)),
        "hours": float(recordings["n_samples"].sum()) / store.sfreq / 3600,
        "dtype": config.storage.dtype,
        "codec": config.storage.codec,
        "windows": len(store),
        "window_seconds": config.windows.length,
        "stride_seconds": config.windows.stride,
        "categories": count_categories(store.index["category"].values),
        "events": dict(Counter(store.events["class"].values).most_common()),
        "bytes": None if files is None else sum(files),
        "files": None if files is None else len(files),
        "notes": {
            id_: note
            for id_, note in zip(recordings["id"].values, recordings["notes"].values, strict=True)
            if note
        },
        "left_out": [
            dict(zip(("id", "reason", "kind"), entry, strict=True))
            for entry in zip(*(left_out[n].values for n in ("id", "reason", "kind")), strict=True)
        ],
    }


def _recordings(count: int) -> str:
    return f"{count:,} recording{'' if count == 1 else 's'}"


def _category_rows(categories: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    total = max(1, sum(categories.values()))
    for name, count in categories.items():
        yield f"  {name}", f"{count:,} ({count / total:.1%})"


def _counted(left_out: Sequence[LeftOut]) -> str:
    counts = Counter(entry.kind for entry in left_out)
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common()) or "nothing"


def _show(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    # outside the table, so that a path stays in one piece to be copied
    console.print(Text(title, style="bold"), soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(printable(name), Text(printable(value[:LONGEST])))
    console.print(table)


def _show_notes(console: Console, left_out: Sequence[LeftOut], warnings: Sequence[str]) -> None:
    for warning in warnings:
        console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)
    if not left_out:
        return
    console.print(Text(f"left out: {_counted(left_out)}"))
    # what failed comes first: the rest is as asked
    ordered = sorted(left_out, key=lambda entry: (entry.kind != "failed", entry.id))
    for entry in ordered[:SHOWN]:
        style = "red" if entry.kind == "failed" else ""
        console.print(Text(f"  {entry.id}: {entry.reason}", style=style), soft_wrap=True)
    if len(left_out) > SHOWN:
        console.print(f"  and {len(left_out) - SHOWN:,} more; --json lists them all")
