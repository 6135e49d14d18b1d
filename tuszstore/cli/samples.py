"""Commands that make synthetic EEG: synth and demo."""

from pathlib import Path

import click

from tuszstore.cli import options
from tuszstore.text import printable


@click.command()
@click.argument("directory", type=options.directory_type)
@click.option(
    "--patients", metavar="N", default=6, show_default=True, help="Patients over all splits."
)
@click.option("--files", metavar="N", default=4, show_default=True, help="Recordings per patient.")
@click.option(
    "--minutes",
    metavar="MINUTES",
    default=4.0,
    show_default=True,
    help="Approximate length of a recording.",
)
@options.seed("the corpus")
@options.verbose
def synth(directory: Path, patients: int, files: int, minutes: float, seed: int) -> None:
    """Write a synthetic corpus in the layout of TUSZ."""
    from tuszstore.corpus.synthetic import write_corpus
    from tuszstore.reasons import plural

    recordings = write_corpus(directory, patients=patients, files=files, minutes=minutes, seed=seed)
    hours = sum(recording.seconds for recording in recordings) / 3600
    n_events = sum(len(recording.events) for recording in recordings)
    counts = f"{plural(len(recordings), 'recording')}, {hours:.2f} h, {plural(n_events, 'seizure')}"
    click.echo(f"{printable(str(directory))}: {counts}")


@click.command()
@click.argument("directory", default="demo", type=options.directory_type)
@options.workers("Worker processes", "one per core")
@options.verbose
def demo(directory: Path, workers: int | None) -> int:
    """Write a synthetic corpus, build it, and read windows.

    DIRECTORY gets the folders corpus and stores; `demo` by default. The
    splits train and val are built. An existing corpus is reused.
    """
    from functools import partial

    from tuszstore.cli.console import make_console, print_line
    from tuszstore.cli.demo import run_demo
    from tuszstore.cli.printing.builds import show_report
    from tuszstore.progress import make_progress

    console = make_console()
    return run_demo(
        directory,
        workers,
        say=partial(print_line, console),
        show=partial(show_report, console),
        make_progress=make_progress,
    )
