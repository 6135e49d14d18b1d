"""The command that scores predictions: score."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuszstore.cli import options
from tuszstore.evaluate.stitching import MODES
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions

_seconds = click.FloatRange(0)


@click.command()
@click.argument("predictions", type=options.directory_type)
@click.option(
    "--against",
    type=options.directory_type,
    metavar="CSV_BI|TSV",
    help="Reference: an events file, or a folder of them.  [default: the store's annotation]",
)
@click.option(
    "-t",
    "--threshold",
    type=click.FloatRange(0, 1),
    metavar="T",
    help="Minimum probability of an event.  [default: 0.5]",
)
@click.option(
    "--threshold-from",
    type=options.directory_type,
    metavar="PREDICTIONS",
    help="Use the threshold with the highest SzCORE F1 for these predictions of another split.",
)
@click.option(
    "--hysteresis",
    type=click.FloatRange(0, 1),
    metavar="T",
    help="Probability below which an event ends.  [default: the threshold]",
)
@click.option(
    "--min-duration", type=_seconds, metavar="SECONDS", default=0.0, help="Drop shorter events."
)
@click.option(
    "--merge-gap",
    type=_seconds,
    metavar="SECONDS",
    default=0.0,
    help="Merge events at most this far apart.",
)
@click.option(
    "--smooth",
    type=_seconds,
    metavar="SECONDS",
    help="First average the probability over this time.",
)
@click.option(
    "--mode",
    type=options.Choice(MODES),
    default="mean",
    show_default=True,
    help="How overlapping windows are merged.",
)
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
    threshold: float | None,
    threshold_from: Path | None,
    hysteresis: float | None,
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

    if threshold is not None and threshold_from is not None:
        raise click.UsageError("--threshold and --threshold-from exclude each other")
    opened = open_predictions(predictions)
    notes = []
    chosen = 0.5 if threshold is None else threshold
    try:
        if threshold_from is not None:
            other = open_predictions(threshold_from)
            notes = _of_another_model(opened, other)
            chosen = _best_threshold(other, hysteresis, rule)
        given = {"hysteresis": hysteresis, **rule}
        scores = opened.score(chosen, against, **given)
        if events is not None:
            opened.events(chosen, **given).write_bids(events)
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


def _of_another_model(predictions: "Predictions", other: "Predictions") -> list[str]:
    """Return a note if two predictions name different models."""
    own, its = (str(found.attrs.get("model") or "") for found in (predictions, other))
    if not own or not its or own == its:
        return []
    return [
        f"the threshold is of another model: {other.path} names the model {its!r}, "
        f"{predictions.path} {own!r}"
    ]


def _best_threshold(
    predictions: "Predictions", hysteresis: float | None, rule: dict[str, Any]
) -> float:
    """Return the threshold with the best F1, for events made like those to be scored."""
    from tuszstore.evaluate.detection import EventRule
    from tuszstore.evaluate.sweeping import THRESHOLDS, sweep_rules

    low = 0.0 if hysteresis is None else hysteresis
    rules = [EventRule(at, hysteresis, **rule) for at in THRESHOLDS if at >= low]
    if not rules:
        raise click.UsageError(
            f"--hysteresis {hysteresis:g} is above all thresholds tried, which go up to "
            f"{max(THRESHOLDS):g}: lower it, or use --threshold"
        )
    return sweep_rules(predictions, rules).best("f1").threshold
