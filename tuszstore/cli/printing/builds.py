"""Printing of builds: the plan, the changes, the state of a store, and the outcome."""

from typing import TYPE_CHECKING

from rich.console import Console

from tuszstore.cli.console import print_line, print_rows
from tuszstore.cli.printing.reasons import (
    SHORTER,
    count_kinds,
    group_lines,
    noted,
    print_errata,
    print_remarks,
)
from tuszstore.cli.printing.stores import category_rows
from tuszstore.reasons import plural
from tuszstore.store.place import shown_path
from tuszstore.units import clock, size

if TYPE_CHECKING:
    from tuszstore.builder.changes import Changes
    from tuszstore.builder.planned import Plan
    from tuszstore.builder.report import BuildReport
    from tuszstore.builder.status import Status

_ACTIONS = {
    "keep": "kept",
    "resume": "built before the interruption",
    "relabel": "to relabel",
    "build": "to build",
    "drop": "to drop",
}
"""Descriptions of the actions on recordings."""


def show_plan(console: Console, plan: "Plan") -> None:
    """Print what a build would do."""
    geometry = plan.geometry
    files = plural(plan.expected_files, "file")
    rows = [
        ("corpus", _corpus(plan)),
        ("recordings", f"{len(plan.recordings):,} of {plural(plan.n_patients, 'patient')}"),
        ("hours", f"{plan.hours:,.2f}"),
        ("blocks", f"{plan.n_blocks:,} of {geometry.block / geometry.sfreq:g} s"),
        ("windows", f"{plan.n_windows:,} of {geometry.window / geometry.sfreq:g} s"),
        ("size", f"about {size(plan.expected_bytes)} in {files}"),
        ("memory per worker", f"about {size(plan.peak_bytes)}"),
    ]
    if plan.n_short:
        rows.append(("too short", f"{plural(plan.n_short, 'recording')} {SHORTER}"))
    print_rows(console, f"{plan.split}: plan for {shown_path(plan.store)}", rows)
    print_remarks(console, plan.left_out, (*plan.warnings, *plan.beside))


def _corpus(plan: "Plan") -> str:
    origin = f", patients from {plan.patients_from}" if plan.patients_from else ""
    return f"{plan.corpus.name}{origin}"


def show_changes(console: Console, changes: "Changes") -> None:
    """Print what a build will do with the existing store; nothing if none exists."""
    counts = changes.counts
    if changes.why_anew:
        print_line(console, f"rebuilt from scratch: {changes.why_anew}")
    if changes.differences:
        print_line(console, f"settings changed: {', '.join(map(str, changes.differences))}")
    if changes.forgotten:
        print_line(console, changes.forgotten, "yellow")
    if not (changes.settings or sum(counts.values()) > counts["build"]):
        return
    for action, count in counts.items():
        if not count:
            continue
        start = f"{action}: "
        reasons = {
            reason.removeprefix(start): n
            for reason, n in changes.reasons.items()
            if reason.startswith(start)
        }
        alone = list(reasons.values()) == [count]
        why = ", ".join(reason if alone else f"{n:,} {reason}" for reason, n in reasons.items())
        done = f"{plural(count, 'recording')} {_ACTIONS[action]}"
        print_line(console, f"  {done}{f': {why}' if why else ''}")


def show_status(console: Console, status: "Status") -> None:
    """Print the differences between a store and its corpus."""
    plan, changes = status.plan, status.changes
    state = "nothing to do" if changes.up_to_date else "changes pending"
    print_line(console, f"{shown_path(plan.store)}: {state}", "bold")
    print_line(console, f"corpus {_corpus(plan)}")
    show_changes(console, changes)
    reasons = {entry.id: entry.reason for entry in plan.left_out}
    concerned = [
        ("", f"{step.action}, {step.reason}", step.planned.recording.id)
        for step in changes.steps
        if step.action != "keep" and step.reason
    ]
    concerned += [
        ("", f"drop, {reasons.get(id_, 'no longer in the split')}", id_) for id_ in changes.gone
    ]
    for _, line in group_lines(concerned):
        print_line(console, f"  {line}")
    print_remarks(console, plan.left_out, ())
    if status.holder:
        print_line(console, f"a build is under way: {status.holder}")
    if status.unfinished:
        done = plural(status.unfinished["recordings"], "recording")
        console.print(f"unfinished build since {status.unfinished['since']}: {done} built")
    if status.n_old:
        console.print(f"older generations that are still being read: {status.n_old:,}")


def show_report(console: Console, report: "BuildReport") -> None:
    """Print what a build did."""
    rows = [
        ("recordings", f"{report.recordings:,} of {plural(report.patients, 'patient')}"),
        ("hours", f"{report.hours:,.2f}"),
        ("windows", f"{report.windows:,}"),
        *category_rows(report.categories),
        ("seizure events", f"{report.seizures:,}"),
        ("size", f"{size(report.bytes)} in {plural(report.files, 'file')}"),
        ("with notes", noted(report.noted, report.interpolated)),
        ("excluded", count_kinds(report.left_out)),
    ]
    if report.errata:
        n_corrected = len({id_ for id_, _ in report.errata})
        told = f"{len(report.errata):,} in {plural(n_corrected, 'recording')}"
        rows.insert(-1, ("errata", told))
    if report.short:
        rows.insert(-1, ("too short", f"{plural(report.short, 'recording')} {SHORTER}"))
    if report.status == "built":
        # the speed is unknown if recordings had already been built
        fresh = report.recordings == report.changes["build"]
        rate = f" ({report.hours / report.seconds:.2f} h of EEG per second)" if fresh else ""
        rows.append(("time", f"{clock(report.seconds)}{rate}"))
    print_rows(console, f"{report.split}: {report.status}, {shown_path(report.store)}", rows)
    print_remarks(console, report.left_out, report.warnings)
    print_errata(console, report.errata)
