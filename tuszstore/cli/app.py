"""The command line."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click
import yaml

import tuszstore
from tuszstore.cli.integrity import repair, verify
from tuszstore.cli.plotting import plot, report
from tuszstore.errors import TuszstoreError
from tuszstore.text import printable

_SPLITS = ("train", "val", "dev", "eval", "all")


class _Terminated(KeyboardInterrupt):
    """A signal that ends a build as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        self.number = number


class _BuildInterrupted(_Terminated):
    """The end of a build by a signal."""


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """Let a build end in order when the system, a scheduler of jobs or a lost terminal asks it.

    A signal that is ignored, as with ``nohup``, stays so.
    """

    def end(number: int, _: Any) -> None:
        raise _Terminated(number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    except KeyboardInterrupt as error:
        raise _BuildInterrupted(getattr(error, "number", signal.SIGINT)) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Group(click.Group):
    """Commands whose errors are one line, and exit with 1 as wrong usage does."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
        except click.ClickException as error:
            error.show()
            status = 1
        except TuszstoreError as error:
            lines = map(printable, str(error).split("\n"))
            click.echo("tuszstore: " + "\n".join(lines), err=True)
            status = 1
        except (KeyboardInterrupt, click.Abort) as error:
            cause = error.__cause__ or error  # click makes an Abort of any interruption
            kept = "; what is built is kept: rerun the command to resume"
            told = kept if isinstance(cause, _BuildInterrupted) else ""
            click.echo(f"tuszstore: interrupted{told}", err=True)
            if not args and kwargs.get("args") is None:  # called as the command, which ends now
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
            status = 128 + (cause.number if isinstance(cause, _Terminated) else signal.SIGINT)
        sys.exit(status if isinstance(status, int) else 0)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(tuszstore.__version__, prog_name="tuszstore")
def main() -> None:
    """Build and inspect Zarr stores of EEG with seizure annotations."""


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
workers_option = click.option(
    "-w", "--workers", type=click.IntRange(0), metavar="N",
    help="Processes; 0 is this one. By default one for each core.",
)  # fmt: skip
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Show no progress and no summary.")


def _setting(_: Any, __: Any, values: tuple[str, ...]) -> dict[str, Any]:
    options = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE, such as storage.dtype=float32")
        try:
            options[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise click.BadParameter(f"{text!r} is not valid YAML") from error
    return options


settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    callback=_setting,
    metavar="KEY=VALUE",
    help="Any key of the configuration.",
)


@main.command()
@click.option("-s", "--split", type=click.Choice(_SPLITS), required=True, help="val is dev.")
@click.option(
    "-c", "--config", metavar="FILE", help="YAML file, or tusz (the default), reference or smoke."
)
@click.option("-d", "--data", metavar="DIR", help="Root of the corpus [TUSZSTORE_DATA].")
@click.option("-o", "--store", metavar="ROOT", help="Folder for the stores [TUSZSTORE_STORE].")
@click.option(
    "--split-policy",
    type=click.Choice(["official", "patient", "file_order"]),
    help="Folders train, dev, eval; a fraction of patients; the first files.",
)
@workers_option
@click.option("-M", "--max-memory", metavar="SIZE", help="For all workers, such as 8GB.")
@click.option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster: tcp://host:8786.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Build only N recordings.")
@settings_option
@click.option("--dry-run", is_flag=True, help="Print the plan and build nothing.")
@click.option("-f", "--force", is_flag=True, help="Build all anew, whatever is there.")
@quiet_option
@json_option
@_ending_cleanly()
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
    """Build the store of a split from a folder of EDF files, or bring it up to date.

    After an interruption the same command goes on where it stopped.

    Exit status: 0 built, 1 nothing built or wrong usage, 2 built but without a window, or a
    labelled train split without a seizure window, 3 built with recordings that failed, or with
    `--split all` a split of which nothing could be built.
    """
    from tuszstore.builder.builder import run_plan
    from tuszstore.builder.changes import find_changes
    from tuszstore.builder.memory import check_memory
    from tuszstore.builder.plan import make_plans
    from tuszstore.builder.report import BuildReport, overall_status
    from tuszstore.cli.console import (
        make_console,
        make_progress,
        show_changes,
        show_plan,
        show_report,
    )

    options = {_KEYS[name]: value for name, value in given.items() if value is not None}
    loaded = tuszstore.load_config(config, {**settings, **options})
    console = make_console()
    silent = quiet or as_json
    progress = make_progress(silent=silent)
    with progress.telling("planning"):
        plans = make_plans(loaded, split, limit=limit)
    if split == "all" and not quiet:
        _tell_absent({plan.split for plan in plans}, loaded.corpus.split_policy)
    for plan in plans:
        check_memory(plan, force=force)  # of all, before the first one is built
    if dry_run:
        for plan in plans if not as_json else ():
            show_plan(console, plan)
            show_changes(console, find_changes(plan, force=force))
            if not plan.recordings:
                nothing = BuildReport(
                    plan.split, plan.store, "nothing built", left_out=plan.left_out
                )
                _explain(nothing, loaded)
        if as_json:
            _print(as_json, plans, lambda _: None)
        return 0
    reports = []
    for plan in plans:
        with progress.telling(f"{plan.split}: comparing with what is there"):
            report = run_plan(
                plan, force=force, progress=progress,
                tell=None if silent else partial(show_changes, console),
            )  # fmt: skip
        reports.append(report)
        if not silent:
            show_report(console, report)
        if not as_json:
            _explain(report, loaded, with_reasons=quiet)
    if as_json:
        _print(as_json, reports, lambda _: None)
    return overall_status(reports)


_KEYS = {
    "data": "paths.data",
    "store": "paths.store",
    "split_policy": "corpus.split_policy",
    "workers": "build.workers",
    "max_memory": "build.max_memory",
    "scheduler": "build.scheduler",
}
"""Options of ``build`` that set a key of the configuration."""


@main.command()
@click.argument("store")
@click.option("-d", "--data", type=click.Path(path_type=Path), help="Root of the corpus, if moved.")
@json_option
def status(store: str, data: Path | None, as_json: bool) -> int:
    """Show what differs between a store and its corpus, and what a build would do.

    Exit status: 0 nothing, 4 something is to do, 1 wrong usage.
    """
    from tuszstore.builder.status import find_status
    from tuszstore.cli.console import make_console, show_status

    found = find_status(store, data)
    _print(as_json, [found], lambda found: show_status(make_console(), found))
    return found.exit_status


@main.command()
@click.argument("store")
@json_option
def info(store: str, as_json: bool) -> None:
    """Show what a store holds: a folder, or the URL of one in an object store."""
    from tuszstore.cli.console import describe, make_console, show_store

    opened = tuszstore.open(store)
    if as_json:
        click.echo(json.dumps(describe(opened), indent=1))
    else:
        show_store(make_console(), opened)


@main.command()
@click.argument("store", required=False)
@click.option("--cache-dir", metavar="STORE", help="The same as STORE.")
@settings_option
@click.option("--reread-annotations", is_flag=True, help="Derive labels anew as well.")
@click.option("-d", "--data", type=click.Path(path_type=Path), help="Root of the corpus, if moved.")
@json_option
def index(
    store: str | None,
    cache_dir: str | None,
    settings: dict[str, Any],
    reread_annotations: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Derive windows and categories anew from a store's labels, without touching its signal.

    For other thresholds or seizure classes (--set labels.full_seizure=0.9), for repaired
    annotations (--reread-annotations), and for an index that belongs to another signal.
    """
    from tuszstore.builder.reindex import reindex
    from tuszstore.cli.console import make_console, show_report

    path = store or cache_dir
    if path is None:
        raise click.UsageError("Missing argument 'STORE'.")
    report = reindex(path, settings, reread_annotations=reread_annotations, data=data)
    _print(as_json, [report], lambda report: show_report(make_console(), report))


main.add_command(index, "scan-cache")
main.add_command(plot)
main.add_command(report)
main.add_command(verify)
main.add_command(repair)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--patients", default=6, show_default=True, help="Patients, over all splits.")
@click.option("--files", default=4, show_default=True, help="Recordings of each patient.")
@click.option("--minutes", default=4.0, show_default=True, help="Length of a recording, about.")
@click.option("--seed", default=0, show_default=True)
def synth(directory: Path, patients: int, files: int, minutes: float, seed: int) -> None:
    """Write a synthetic corpus in the layout of TUSZ, with its quirks."""
    from tuszstore.corpus.synthetic import write_corpus

    recordings = write_corpus(directory, patients=patients, files=files, minutes=minutes, seed=seed)
    hours = sum(recording.seconds for recording in recordings) / 3600
    n_events = sum(len(recording.events) for recording in recordings)
    click.echo(f"{directory}: {len(recordings)} recordings, {hours:.2f} h, {n_events} seizures")


@main.command()
@click.argument("directory", default="demo", type=click.Path(path_type=Path))
@workers_option
def demo(directory: Path, workers: int | None) -> int:
    """Make a small synthetic corpus, build train and val from it, and read windows."""
    from tuszstore.cli.demo import run_demo

    return run_demo(directory, workers)


def _print(as_json: bool, items: list[Any], show: Callable[[Any], None]) -> None:
    if as_json:
        values = [item.to_json() for item in items]
        click.echo(json.dumps(values[0] if len(values) == 1 else values, indent=1))
        return
    for item in items:
        show(item)


def _explain(report: Any, config: tuszstore.Config, *, with_reasons: bool = False) -> None:
    """Say what to do where a store came out unfit for training, or not at all.

    Parameters
    ----------
    report : BuildReport
    config : Config
    with_reasons : bool
        Name the recordings that failed, or are all left out, where no summary did.
    """
    from tuszstore.builder.advice import advise
    from tuszstore.cli.console import left_out_lines

    lines = advise(report, config)
    if with_reasons and report.exit_status != 0:
        left_out = report.failed if report.recordings else report.left_out
        lines[1:1] = [line for _, line in left_out_lines(left_out)]
        if not lines[:1] or report.exit_status == 3:
            lines.insert(0, f"{len(report.failed):,} of the split failed")
    for line in lines:
        click.echo(printable(f"tuszstore: {report.split}: {line}"), err=True)


def _tell_absent(there: set[str], policy: str) -> None:
    """Say which splits a corpus has not, where all were asked for."""
    absent = [split for split in ("train", "dev", "eval") if split not in there]
    if absent:
        click.echo(
            f"tuszstore: no recordings for {' and '.join(absent)} in this corpus (split policy "
            f"{policy!r})",
            err=True,
        )


if __name__ == "__main__":
    main()
