"""Commands that describe, verify and repair a store: info, verify and repair."""

from pathlib import Path
from typing import Any

import click

import tuszstore
from tuszstore.cli import options


@click.command()
@options.store()
@options.view
@options.verbose
@options.as_json
def info(store: str, asked: dict[str, Any], as_json: bool) -> None:
    """Show the contents of a store or of a view.

    STORE is a folder, or the URL of one in an object store.
    """
    from tuszstore.cli.console import echo_json, make_console
    from tuszstore.cli.printing.stores import describe, show_store

    opened: tuszstore.Store | tuszstore.View = tuszstore.open(store)
    if asked:
        with options.one_line():
            opened = opened.view(**asked)
    if as_json:
        echo_json(describe(opened))
    else:
        show_store(make_console(), opened)


@click.command()
@options.store()
@click.option("--deep", is_flag=True, help="Read every byte and decode every block.")
@click.option(
    "--against",
    type=options.directory_type,
    metavar="DATA",
    help="Recompute recordings from the corpus at DATA and compare them bit for bit.",
)
@click.option(
    "--reseal",
    is_flag=True,
    help="First recompute all checksums, after another tool has rewritten parts of the store.",
)
@click.option("--all", "everything", is_flag=True, help="With --against: every recording.")
@click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="With --against: N recordings.  [default: 3]",
)
@options.seed("the choice of recordings for --sample")
@options.workers("Threads, and processes with --against", "one per core", least=1)
@options.verbose
@options.as_json
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
    """Check that a store is intact, and name what is damaged.

    STORE is a local folder.

    Exit status: 0 intact, 1 wrong usage or no store, 2 damaged, 3 damaged beyond repair: it must
    be rebuilt.
    """
    from tuszstore.cli.console import make_console, print_json
    from tuszstore.cli.printing.checks import show_verification
    from tuszstore.integrity.verify import SAMPLE
    from tuszstore.integrity.verify import verify as check

    if (everything or sample) and against is None:
        raise click.UsageError("--all and --sample need --against DATA")
    if everything and sample:
        raise click.UsageError("--all and --sample exclude each other")
    if reseal:
        from tuszstore.integrity.reseal import reseal as seal

        seal(store)
    number = None if everything else sample or SAMPLE
    report = check(store, deep=deep, against=against, sample=number, seed=seed, workers=workers)
    if as_json:
        print_json([report])
    else:
        show_verification(make_console(), report)
    return report.exit_status


@click.command()
@options.store()
@options.data("where the store was built from")
@options.workers("Worker processes that compute signals", "0")
@options.verbose
@options.as_json
def repair(store: str, data: Path | None, workers: int | None, as_json: bool) -> None:
    """Repair only the damaged parts of a store.

    The store is verified before and after. It is replaced in one step, or left unchanged.

    STORE is a local folder.

    Exit status: 0 intact or repaired, 1 cannot be repaired.
    """
    from tuszstore.cli.console import print_json
    from tuszstore.cli.printing.checks import show_repair
    from tuszstore.integrity.repair import repair as mend

    report = mend(store, data=data, workers=workers)
    if as_json:
        print_json([report])
    else:
        show_repair(report)
