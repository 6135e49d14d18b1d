"""The command that serves pages of a store: browse."""

import webbrowser
from contextlib import suppress
from pathlib import Path

import click

import tuszstore
from tuszstore.cli import options
from tuszstore.compat import explain_missing


@click.command()
@options.store()
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Predictions of this store, shown beside its seizures.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="T",
    default=0.5,
    show_default=True,
    help="Minimum probability of an event.",
)
@click.option(
    "--recording",
    metavar="ID",
    help="Recording to show first: its id, file name with or without suffix, or row.",
)
@click.option("--at", type=float, default=0.0, metavar="SECONDS", help="Time to show first.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port of the server.  [default: a free one]",
)
@click.option("--no-open", is_flag=True, help="Print the address without opening a browser.")
@options.verbose
def browse(
    store: str,
    predictions: Path | None,
    threshold: float,
    recording: str | None,
    at: float,
    port: int,
    no_open: bool,
) -> None:
    """View recordings in a browser, only on this machine.

    The address contains a secret; it works until Ctrl-C, which ends
    the command with status 0. Keys are listed at the bottom of the page.

    STORE is a folder, or the URL of one in an object store.
    """
    with explain_missing():
        from tuszstore.browse.server import browse as serve

    opened = tuszstore.open(store)
    found = None if predictions is None else tuszstore.open_predictions(predictions, store=opened)
    first = None if recording is None else options.recording_of(opened, recording)
    with options.one_line():
        browsing = serve(opened, found, threshold=threshold, recording=first, at=at, port=port)
    with browsing, suppress(KeyboardInterrupt):  # Ctrl-C is the way to end it
        click.echo(f"{browsing.url}\nPress Ctrl-C to stop.")
        if not no_open:
            webbrowser.open(browsing.url)
        browsing.wait()
    click.echo(err=True)  # after the ^C of the terminal
