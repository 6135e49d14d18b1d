"""What is shown of recordings that are excluded, and of warnings."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from tuszstore.cli.console import print_line
from tuszstore.corpus.base import LeftOut
from tuszstore.reasons import group_reasons, plural

SHOWN = 10
"""Recordings that a list names before it only counts."""

LIST_ALL = "--json lists them all"
"""What is said where a list was cut."""


def print_remarks(console: Console, left_out: Sequence[LeftOut], warnings: Sequence[str]) -> None:
    """Print warnings, and which recordings are excluded."""
    for warning in warnings:
        print_line(console, f"warning: {warning}", "yellow")
    if not left_out:
        return
    print_line(console, f"excluded: {count_kinds(left_out)}")
    for kind, line in left_out_lines(left_out):
        print_line(console, f"  {line}", "red" if kind == "failed" else "")


def count_kinds(left_out: Sequence[LeftOut]) -> str:
    """Return how many recordings are excluded, by kind."""
    counts = Counter(entry.kind for entry in left_out)
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common()) or "none"


def print_errata(console: Console, errata: Sequence[tuple[str, str]]) -> None:
    """Print which known faults of a public corpus were put right, equal ones with their number."""
    if not errata:
        return
    reasons = group_reasons(sorted(("", note, id_) for id_, note in errata))
    print_line(console, "known faults of the corpus (corpus.errata):")
    for reason in reasons[:SHOWN]:
        named = ", ".join(reason.examples)
        if more := reason.count - len(reason.examples):
            named += f" and {more:,} more"
        print_line(console, f"  {named}: {reason.text}")
    if len(reasons) > SHOWN or any(one.count > len(one.examples) for one in reasons):
        print_line(console, f"  {LIST_ALL}")


def left_out_lines(left_out: Sequence[LeftOut]) -> list[tuple[str, str]]:
    """Return what is told of recordings that are excluded, equal reasons with their number.

    Returns
    -------
    list of (str, str)
        Kind and line; what failed comes first: the rest is as asked.
    """
    entries = [(entry.kind, entry.reason, entry.id) for entry in left_out]
    reasons = group_reasons(sorted(entries, key=lambda entry: entry[2]))
    lines = []
    for reason in reasons[:SHOWN]:
        own_words = reason.kind in ("failed", "duplicate")
        text = reason.text if own_words else f"{reason.kind}: {reason.text}"
        more = reason.count - len(reason.examples)
        named = ", ".join(reason.examples) + (f" and {more:,} more" if more else "")
        if reason.count == 1:
            lines.append((reason.kind, f"{named}: {text}"))
        else:
            lines.append((reason.kind, f"{plural(reason.count, 'recording')}: {text} ({named})"))
    if len(reasons) > SHOWN:
        rest = sum(reason.count for reason in reasons[SHOWN:])
        lines.append(("", f"and {plural(rest, 'recording')} for other reasons"))
    if any(reason.count > len(reason.examples) for reason in reasons) or len(reasons) > SHOWN:
        lines.append(("", LIST_ALL))
    return lines


def noted(count: int, interpolated: int) -> str:
    """Return how many recordings have notes, and of how many channels were interpolated."""
    more = f", {interpolated:,} with interpolated channels" if interpolated else ""
    return f"{plural(count, 'recording')}{more}"
