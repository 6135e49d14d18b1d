"""Commands that check and mend a store: verify and repair."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tuszstore.store.place import shown_path
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore.integrity.report import VerifyReport

TOLD = 20
"""Findings of one check that are shown; --json lists them all."""


@click.command()
@click.argument("store")
@click.option("--deep", is_flag=True, help="Read every byte, and decode every block.")
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="DATA",
    help="Compute recordings again from the corpus, and compare bit for bit.",
)  # fmt: skip
@click.option(
    "--reseal", is_flag=True,
    help="First compute all digests anew, after another tool has rewritten parts of the store.",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="With --against: every recording.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="With --against: so many (3).")
@click.option("--seed", default=0, show_default=True, help="Which recordings --sample takes.")
@click.option(
    "-w", "--workers", type=click.IntRange(1), metavar="N",
    help="Threads, and with --against processes.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    store: str,
    deep: bool,
    against: Path | None,
    reseal: bool,
    everything: bool,
    sample: int | None,
    seed: int,
    workers: int | None,
    as_json: bool,
) -> int:
    """Check whether a store is whole, and name what is damaged.

    Exit status: 0 whole, 1 wrong usage or nothing there, 2 damaged, 3 damaged so that only
    building again helps.
    """
    from tuszstore.integrity.verify import SAMPLE
    from tuszstore.integrity.verify import verify as check

    if (everything or sample) and against is None:
        raise click.UsageError("--all and --sample go with --against DATA")
    if everything and sample:
        raise click.UsageError("--all and --sample exclude each other")
    if reseal:
        from tuszstore.integrity.reseal import reseal as seal

        seal(store)
    number = None if everything else sample or SAMPLE
    report = check(store, deep=deep, against=against, sample=number, seed=seed, workers=workers)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=1))
    else:
        show_verification(report)
    return report.exit_status


@click.command()
@click.argument("store")
@click.option(
    "-d", "--data", type=click.Path(path_type=Path), metavar="DIR",
    help="Root of the corpus, if moved.",
)  # fmt: skip
@click.option(
    "-w", "--workers", type=click.IntRange(0), metavar="N",
    help="Processes that compute signals; by default this one.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def repair(store: str, data: Path | None, workers: int | None, as_json: bool) -> None:
    """Make anew what is damaged in a store, and nothing else.

    The store is verified first and last; it is replaced in one step, or stays as it was. Exit
    status: 0 whole or repaired, 1 it cannot be.
    """
    from tuszstore.integrity.repair import repair as mend

    report = mend(store, data=data, workers=workers)
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=1))
        return
    mended = ", ".join(f"{count} of {kind}" for kind, count in report.mended.items())
    click.echo(f"{shown_path(report.store)}: {report.status}{f': {mended}' if mended else ''}")
    if report.rebuilt:
        click.echo(printable(f"computed again: {', '.join(report.rebuilt)}"))


def show_verification(report: "VerifyReport") -> None:
    """Print what was checked, and what was found."""
    from rich.table import Table
    from rich.text import Text

    from tuszstore.cli.console import make_console

    console = make_console()
    console.print(Text(shown_path(report.store), style="bold"), soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_column()
    for check in report.checks:
        found = len(check.findings)
        state = Text(f"{found} damaged", style="red") if found else Text("whole", style="green")
        if not found and "not checked" in check.covered:
            state = Text("", style="yellow")
        table.add_row(check.name, Text(printable(check.covered)), state)
    console.print(table)
    for note in report.notes:
        console.print(Text(f"note: {note}", style="yellow"), soft_wrap=True)
    for check in report.checks:
        for finding in check.findings[:TOLD]:
            console.print(Text(f"{check.name}: {finding}", style="red"), soft_wrap=True)
        if len(check.findings) > TOLD:
            console.print(f"{check.name}: {len(check.findings) - TOLD:,} more; --json lists all")
    how = "" if report.deep else "; --deep also decodes every block"
    verdict = "whole" if report.ok else f"{len(report.findings):,} findings"
    console.print(f"{verdict}, in {report.seconds:.1f} s{how}")
    if report.exit_status == 3:
        console.print("build it again with: tuszstore build --force")
    elif any(finding.mend != "none" for finding in report.findings):
        console.print(
            Text(f"mend it with: tuszstore repair {shown_path(report.store)}"), soft_wrap=True
        )
