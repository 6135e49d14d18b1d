"""The command that scores predictions: score."""

from pathlib import Path
from typing import Any

import click

from tuszstore.cli import options
from tuszstore.cli.detecting import event_rule, rule_of
from tuszstore.text import printable


@click.command()
@click.argument("predictions", type=options.directory_type)
@click.option(
    "--against",
    type=options.directory_type,
    metavar="CSV_BI|TSV",
    help="Reference: an events file, or a folder of them.  [default: the store's annotation]",
)
@event_rule
@click.option(
    "--events",
    type=options.directory_type,
    metavar="DIR",
    help="Write the events to this folder, as SzCORE's tables in BIDS.",
)
@options.verbose
@options.as_json
def score(
    predictions: Path,
    against: Path | None,
    events: Path | None,
    as_json: bool,
    **rule: Any,
) -> None:
    """Score predictions by the rules of SzCORE and NEDC.

    The reference is the annotation in the store, or --against.

    PREDICTIONS is the output of write_predictions. docs/evaluate.md explains each score.
    """
    from tuszstore.cli.console import echo_json, make_console
    from tuszstore.cli.printing.scores import show_scores
    from tuszstore.evaluate.opening import open_predictions
    from tuszstore.evaluate.scoring import score_predictions

    opened = open_predictions(predictions)
    try:
        detection, notes = rule_of(opened, **rule)
        scores = score_predictions(opened, detection, against)
        if events is not None:
            opened.detect([detection])[0][0].write_bids(events)
    except ValueError as error:
        raise click.ClickException(printable(str(error))) from error
    except OSError as error:
        raise click.ClickException(f"{events}: cannot be written: {error.strerror}") from error
    for note in notes:
        click.echo(f"warning: {printable(note)}", err=True)
    if as_json:
        raters = {}
        if len(opened.raters) > 1:
            raters = {"raters": [pair.to_json() for pair in opened.agreement()]}
        told = {"predictions": str(opened.path), "against": against and str(against)}
        echo_json({**told, **scores.to_json(), **raters, "notes": notes})
    else:
        show_scores(make_console(), opened, scores, against)
