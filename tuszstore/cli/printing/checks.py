"""Printing of verifications and repairs."""

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuszstore.cli.console import escaped, print_line
from tuszstore.cli.printing.reasons import LIST_ALL, SHOWN
from tuszstore.cli.verbosity import is_verbose
from tuszstore.reasons import group_reasons, in_a_line, plural
from tuszstore.store.place import shown_path
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore.integrity.report import Check, RepairReport, VerifyReport

INTACT = "intact"
"""Messages for an undamaged store."""


def show_verification(console: Console, report: "VerifyReport") -> None:
    """Print the checks and their findings."""
    print_line(console, shown_path(report.store), "bold")
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_column()
    for check in report.checks:
        found = len(check.findings)
        state = Text(f"{found:,} damaged", style="red") if found else Text("OK", style="green")
        if not found and "not checked" in check.covered:
            state = Text("", style="yellow")
        table.add_row(check.name, escaped(check.covered), state)
    console.print(table)
    for note in report.notes:
        print_line(console, f"note: {note}", "yellow")
    for check in report.checks:
        for line in _finding_lines(check):
            print_line(console, f"{check.name}: {line}", "red")
    how = "" if report.deep else "; --deep also decodes every block"
    verdict = INTACT if report.ok else plural(len(report.findings), "finding")
    console.print(f"{verdict}, in {report.seconds:.1f} s{how}")
    if report.exit_status == 3:
        console.print("build it again with: tuszstore build --force")
    elif any(finding.mend != "none" for finding in report.findings):
        print_line(console, f"repair it with: tuszstore repair {shown_path(report.store)}")


def _finding_lines(check: "Check") -> list[str]:
    """Return the findings of a check: equal findings with their count, or with ``-v`` each one."""
    findings = {(finding.told, finding.where): finding for finding in check.findings}
    if is_verbose():
        return [str(finding) for finding in check.findings]
    reasons = group_reasons(("", *key) for key in findings)
    lines = [
        str(findings[reason.text, reason.examples[0]])
        if reason.count == 1
        else in_a_line(reason, "finding")
        for reason in reasons[:SHOWN]
    ]
    if len(reasons) > SHOWN:
        lines.append(f"and {plural(sum(r.count for r in reasons[SHOWN:]), 'other finding')}")
    if any(reason.count > len(reason.examples) for reason in reasons) or len(reasons) > SHOWN:
        lines.append(LIST_ALL)
    return lines


def show_repair(report: "RepairReport") -> None:
    """Print what was repaired."""
    state = INTACT if report.status == "whole" else report.status
    repaired = ", ".join(f"{count:,} of {kind}" for kind, count in report.mended.items())
    click.echo(f"{shown_path(report.store)}: {state}{f': {repaired}' if repaired else ''}")
    if report.rebuilt:
        click.echo(printable(f"recomputed: {', '.join(report.rebuilt)}"))
