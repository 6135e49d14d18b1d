"""Printing of excluded recordings and of warnings."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console

from tuszstore.cli.console import print_line
from tuszstore.cli.verbosity import is_verbose
from tuszstore.corpus.base import LeftOut
from tuszstore.reasons import after_kind, group_reasons, in_a_line, plural

SHOWN = 10
"""Reasons that a list names; the rest is only counted."""

LIST_ALL = "-v or --json lists them all"
"""Note after a shortened list."""

SHORTER = "shorter than a window"
"""Description of recordings too short for a window."""


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
    """Print which known faults of a public corpus were corrected, equal ones with their count."""
    if not errata:
        return
    print_line(console, "known faults of the corpus (corpus.errata):")
    for _, line in group_lines(("", note, id_) for id_, note in errata):
        print_line(console, f"  {line}")


def left_out_lines(left_out: Sequence[LeftOut]) -> list[tuple[str, str]]:
    """Return kind and line for each group of excluded recordings."""
    return group_lines((entry.kind, entry.reason, entry.id) for entry in left_out)


def group_lines(entries: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Return lines about recordings, grouping equal reasons with their count.

    With ``-v``, each recording has its own line.

    Parameters
    ----------
    entries : iterable of (str, str, str)
        Kind of exclusion, or an empty string; reason; and id.

    Returns
    -------
    list of (str, str)
        Kind and line. Failures come first, since the other exclusions are intended.
    """
    told = sorted(entries, key=lambda entry: entry[2])
    if is_verbose():
        told.sort(key=lambda entry: entry[0] != "failed")
        return [(kind, f"{id_}: {after_kind(kind, text)}") for kind, text, id_ in told]
    reasons = group_reasons(told)
    lines = []
    for reason in reasons[:SHOWN]:
        lines.append((reason.kind, in_a_line(reason)))
    if len(reasons) > SHOWN:
        rest = sum(reason.count for reason in reasons[SHOWN:])
        lines.append(("", f"and {plural(rest, 'recording')} for other reasons"))
    if any(reason.count > len(reason.examples) for reason in reasons) or len(reasons) > SHOWN:
        lines.append(("", LIST_ALL))
    return lines


def noted(count: int, interpolated: int) -> str:
    """Return how many recordings have notes, and how many of them have interpolated channels."""
    more = f", {interpolated:,} with interpolated channels" if interpolated else ""
    return f"{plural(count, 'recording')}{more}"
