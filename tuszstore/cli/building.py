"""Commands that build stores and their indices: build, status, index and scan-cache."""

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuszstore.cli import completion, options
from tuszstore.cli.app import ending_cleanly
from tuszstore.registry import CORPORA
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore.builder.planned import Plan
    from tuszstore.builder.report import BuildReport
    from tuszstore.config import Config

_OPTIONS = {
    "data": "paths.data",
    "store": "paths.store",
    "corpus": "corpus.name",
    "split_policy": "corpus.split_policy",
    "workers": "build.workers",
    "max_memory": "build.max_memory",
    "scheduler": "build.scheduler",
}
"""Keys of the configuration that options of ``build`` set."""

_WHERE_BUILT_FROM = "where the store was built from"


@click.command()
@click.option(
    "-s",
    "--split",
    type=options.Choice(["train", "val", "dev", "eval", "all"]),
    required=True,
    help="Split to build; val is an alias of dev.",
)
@click.option(
    "-c",
    "--config",
    metavar="FILE",
    shell_complete=completion.configurations,
    help="YAML file, or a built-in configuration: bipolar, reference, smoke or tusz.  "
    "[default: tusz]",
)
@options.data("TUSZSTORE_DATA")
@click.option(
    "-o",
    "--store",
    metavar="ROOT",
    shell_complete=completion.folders,
    help="Folder for the stores.  [default: TUSZSTORE_STORE]",
)
@click.option(
    "--corpus",
    metavar="NAME",
    shell_complete=completion.corpora,
    help=f"Corpus: {', '.join(sorted(CORPORA.builtin))} or one of a plug-in.  "
    "[default: recognised]",
)
@click.option(
    "--split-policy",
    type=options.Choice(["official", "patient", "file_order", "file"]),
    help="How recordings are split: by a list (corpus.split_file), by the order of files, by "
    "the corpus's own folders, or by patient.",
)
@options.workers("Worker processes", "0 for less than 10 h of EEG, else one per core")
@click.option("-M", "--max-memory", metavar="SIZE", help="Memory for all workers, such as 8GB.")
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Address of a Dask scheduler, such as tcp://host:8786.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Build at most N recordings.")
@options.settings
@click.option("--dry-run", is_flag=True, help="Print the plan and build nothing.")
@click.option(
    "-f", "--force", is_flag=True, help="Rebuild from scratch, even in place of another corpus."
)
@options.verbose
@options.quiet
@options.as_json
@ending_cleanly()
def build(
    split: str,
    config: str | None,
    limit: int | None,
    settings: dict[str, Any],
    dry_run: bool,
    force: bool,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Build or update the store of a split.

    It is built from a folder of EDF files with annotations. After an interruption, rerun the
    command to resume.

    Exit status: 0 built or up to date, 1 nothing built or wrong usage, 2 built, but without any
    window, or a labelled train split without a seizure window, 3 built, but some recordings
    failed, or with `--split all` nothing could be built for some splits.
    """
    from tuszstore.builder.builder import run_plan
    from tuszstore.builder.memory import check_memory
    from tuszstore.builder.plan import make_plans
    from tuszstore.builder.replacing import check_replaced
    from tuszstore.builder.report import overall_status
    from tuszstore.cli.console import make_console, print_json
    from tuszstore.cli.printing.builds import show_changes, show_report
    from tuszstore.cli.verbosity import is_verbose
    from tuszstore.config import load_config
    from tuszstore.progress import make_progress

    if quiet and is_verbose():
        raise click.UsageError("--quiet and --verbose exclude each other")
    keys = {_OPTIONS[name]: value for name, value in given.items() if value is not None}
    names = dict.fromkeys(settings, "--set")
    names |= {_OPTIONS[name]: f"--{name.replace('_', '-')}" for name in given}
    loaded = load_config(config, {**settings, **keys}, names=names)
    silent = quiet or as_json
    progress = make_progress(silent=silent)
    with progress.telling("planning"):
        plans = make_plans(loaded, split, limit=limit)
    if split == "all" and not quiet:
        _tell_absent({plan.split for plan in plans}, loaded.corpus.split_policy)
    for plan in plans:
        check_replaced(plan, force=force)  # for all splits, before the first one is built
        check_memory(plan, force=force)
    if dry_run:
        if as_json:
            print_json(plans)
        else:
            _show_plans(plans, loaded, force=force)
        return 0
    console = make_console()
    reports = []
    for plan in plans:
        with progress.telling(f"{plan.split}: comparing with the existing store"):
            report = run_plan(
                plan,
                force=force,
                progress=progress,
                tell=None if silent else partial(show_changes, console),
            )
        reports.append(report)
        if not silent:
            told = tuple(one for one in report.warnings if one not in plan.beside)
            show_report(console, replace(report, warnings=told))  # the others were told before
        if not as_json:
            _explain(report, loaded, with_reasons=quiet)
    if as_json:
        print_json(reports)
    return overall_status(reports)


@click.command()
@options.store()
@options.data(_WHERE_BUILT_FROM)
@options.verbose
@options.as_json
def status(store: str, data: Path | None, as_json: bool) -> int:
    """Show what a build would change in a store.

    The store is compared with the corpus that it was built from. Nothing is written.

    STORE is a local folder.

    Exit status: 0 nothing to do, 1 wrong usage, 4 changes pending.
    """
    from tuszstore.builder.status import find_status
    from tuszstore.cli.console import make_console, print_json
    from tuszstore.cli.printing.builds import show_status

    found = find_status(store, data)
    if as_json:
        print_json([found])
    else:
        show_status(make_console(), found)
    return found.exit_status


@click.command()
@options.store(required=False)
@click.option(
    "--cache-dir", metavar="STORE", shell_complete=completion.folders, help="Alias of STORE."
)
@options.settings
@click.option("--reread-annotations", is_flag=True, help="Read the annotation files again.")
@options.data(_WHERE_BUILT_FROM)
@options.verbose
@options.as_json
def index(
    store: str | None,
    cache_dir: str | None,
    settings: dict[str, Any],
    reread_annotations: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Rebuild the index of a store from its labels.

    The signal is unchanged. Use it to change thresholds or seizure classes (--set
    labels.full_seizure=0.9), to apply corrected annotations (--reread-annotations), and to replace
    an index that belongs to another signal.

    STORE is a local folder.
    """
    from tuszstore.builder.reindex import reindex
    from tuszstore.cli.console import make_console, print_json
    from tuszstore.cli.printing.builds import show_report

    path = store or cache_dir
    if path is None:
        raise click.UsageError("Missing argument 'STORE'.")
    report = reindex(path, settings, reread_annotations=reread_annotations, data=data)
    if as_json:
        print_json([report])
    else:
        show_report(make_console(), report)


scan_cache = copy.copy(index)
scan_cache.name, scan_cache.short_help = "scan-cache", "Alias of index."


def _show_plans(plans: "list[Plan]", config: "Config", *, force: bool) -> None:
    """Print what a build of these plans would do."""
    from tuszstore.builder.changes import find_changes
    from tuszstore.builder.report import BuildReport
    from tuszstore.cli.console import make_console
    from tuszstore.cli.printing.builds import show_changes, show_plan

    console = make_console()
    for plan in plans:
        show_plan(console, plan)
        changes = find_changes(plan, force=force)
        show_changes(console, changes)
        if not plan.recordings:
            nothing = BuildReport(plan.split, plan.store, "nothing built", left_out=plan.left_out)
            _explain(nothing, config, planned=True)
        elif changes.up_to_date and not force:
            console.print("nothing would be built: the store is up to date")


def _explain(
    report: "BuildReport", config: "Config", *, with_reasons: bool = False, planned: bool = False
) -> None:
    """Print advice if a build failed, or if its store is unsuitable for training.

    Parameters
    ----------
    report : BuildReport
    config : Config
    with_reasons : bool
        Also list the recordings that failed or are excluded, because no summary has listed them.
    planned : bool
        Whether the report is of a planned build.
    """
    from tuszstore.builder.advice import advise
    from tuszstore.cli.printing.reasons import left_out_lines

    lines = advise(report, config, planned=planned)
    if with_reasons and report.exit_status != 0:
        left_out = report.failed if report.recordings else report.left_out
        lines[1:1] = [line for _, line in left_out_lines(left_out)]
        if not lines[:1] or report.exit_status == 3:
            lines.insert(0, f"{len(report.failed):,} of the split failed")
    for line in lines:
        click.echo(printable(f"tuszstore: {report.split}: {line}"), err=True)


def _tell_absent(there: set[str], policy: str) -> None:
    """Print the splits that a corpus lacks, if all were requested."""
    absent = [split for split in ("train", "dev", "eval") if split not in there]
    if absent:
        click.echo(
            f"note: no recordings for {' and '.join(absent)} in this corpus (split policy "
            f"{policy!r})",
            err=True,
        )
