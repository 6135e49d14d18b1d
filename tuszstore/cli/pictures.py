"""Commands that draw the contents of a store: plot and report."""

from pathlib import Path
from typing import Any

import click

import tuszstore
from tuszstore.cli import options
from tuszstore.cli.detecting import event_rule, given_options, rule_of
from tuszstore.compat import explain_missing
from tuszstore.text import printable


@click.command()
@options.store()
@click.option("--window", type=int, metavar="N", help="Index of the window to draw.")
@click.option(
    "--recording",
    metavar="ID",
    help="Recording to draw a stretch of: its id, file name with or without suffix, or row.",
)
@click.option("--at", type=float, metavar="SECONDS", help="Start of the stretch.  [default: 0]")
@click.option(
    "--seconds", type=float, metavar="SECONDS", help="Length of the stretch.  [default: 10]"
)
@options.channels
@click.option("--bipolar", is_flag=True, help='Longitudinal bipolar montage ("double banana").')
@click.option("--scale", type=float, metavar="UV", help="Distance between two traces (µV).")
@click.option(
    "--width",
    type=float,
    metavar="INCHES",
    default=14.0,
    show_default=True,
    help="Width of the picture.",
)
@click.option(
    "--positive-up", is_flag=True, help="Draw positive upwards, unlike the clinical convention."
)
@options.output(".pdf, .png or .svg")
@options.verbose
def plot(
    store: str,
    window: int | None,
    recording: str | None,
    at: float | None,
    seconds: float | None,
    channels: str | list[str] | None,
    bipolar: bool,
    scale: float | None,
    width: float,
    positive_up: bool,
    output: Path,
) -> None:
    """Draw a window, or a stretch of a recording.

    STORE is a folder, or the URL of one in an object store.
    """
    with explain_missing():
        from tuszstore.plotting.plots import draw, picture_format, render
    from tuszstore.plotting.stretch import recording_stretch, window_stretch

    if (window is None) == (recording is None):
        raise click.UsageError("use --window, or --recording with --at")
    if window is not None and (at is not None or seconds is not None):
        raise click.UsageError("--at and --seconds need --recording")
    opened: tuszstore.Store | tuszstore.View = tuszstore.open(store)
    _check_folder(output)
    with options.one_line():
        kind = picture_format(output)
        if channels is not None:
            opened = opened.view(channels)
        if window is not None:
            stretch = window_stretch(opened, window)
        else:
            name = options.recording_of(opened, str(recording))
            length = 10.0 if seconds is None else seconds
            stretch = recording_stretch(opened, name, at or 0.0, length)
        figure = draw(
            stretch, bipolar=bipolar, scale=scale, negative_up=not positive_up, width=width
        )
    _write(output, render(figure, kind))
    click.echo(printable(f"{output}: {stretch.title}"))


@click.command()
@options.store()
@click.option(
    "--predictions",
    type=options.directory_type,
    metavar="PREDICTIONS",
    help="Show scores of predictions for the store, and their worst errors.",
)
@event_rule
@options.output(".html")
@options.verbose
def report(store: str, predictions: Path | None, output: Path, **rule: Any) -> None:
    """Write an HTML page that describes the contents of a store.

    Pictures and tables: hours, categories, classes, patients, montages, amplitudes and spectra,
    excluded recordings and why, examples, and the other splits in the same folder; with
    --predictions also scores, sensitivity against false alarms, and the worst misses and false
    alarms, for events detected as by score with the same options. The page needs no network.

    STORE is a folder, or the URL of one in an object store.
    """
    with explain_missing():
        from tuszstore.plotting.report import make_report

    opened = tuszstore.open(store)
    if output.suffix.lower() not in (".html", ".htm"):
        raise click.ClickException(f"{output}: a report's name must end in .html")
    _check_folder(output)
    given = given_options(click.get_current_context())
    if given and predictions is None:
        raise click.UsageError(f"{given[0]} needs --predictions")
    found, detection = None, {}
    notes: list[str] = []
    with options.one_line():
        if predictions is not None:
            found = tuszstore.open_predictions(predictions)
            chosen, notes = rule_of(found, **rule)
            detection = chosen.to_json()
    content = make_report(opened, found, **detection).encode()
    for note in notes:
        click.echo(f"warning: {printable(note)}", err=True)
    _write(output, content)
    click.echo(f"{printable(str(output))}: {len(content) / 1e6:.2f} MB")


def _check_folder(path: Path) -> None:
    """Raise an error early if the folder of an output file does not exist."""
    if not path.parent.is_dir():
        raise click.ClickException(
            f"{path}: cannot be written: folder {path.parent} does not exist"
        )


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{path}: cannot be written: {error.strerror}") from error
