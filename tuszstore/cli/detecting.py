"""Options that say how events are detected in predictions, shared by score and report."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuszstore.cli import options
from tuszstore.evaluate.stitching import MODES

if TYPE_CHECKING:
    from tuszstore.evaluate.detection import EventRule
    from tuszstore.evaluate.predictions import Predictions

_seconds = click.FloatRange(0)

_OPTIONS = (
    click.option(
        "-t",
        "--threshold",
        type=click.FloatRange(0, 1),
        metavar="T",
        help="Minimum probability of an event.  [default: 0.5]",
    ),
    click.option(
        "--threshold-from",
        type=options.directory_type,
        metavar="PREDICTIONS",
        help="Use the threshold with the highest SzCORE F1 for these predictions of another split.",
    ),
    click.option(
        "--hysteresis",
        type=click.FloatRange(0, 1),
        metavar="T",
        help="Probability below which an event ends.  [default: the threshold]",
    ),
    click.option(
        "--min-duration", type=_seconds, metavar="SECONDS", default=0.0, help="Drop shorter events."
    ),
    click.option(
        "--merge-gap",
        type=_seconds,
        metavar="SECONDS",
        default=0.0,
        help="Merge events at most this far apart.",
    ),
    click.option(
        "--smooth",
        type=_seconds,
        metavar="SECONDS",
        help="First average the probability over this time.",
    ),
    click.option(
        "--mode",
        type=options.Choice(MODES),
        default="mean",
        show_default=True,
        help="How overlapping windows are merged.",
    ),
)

NAMES = (
    "threshold",
    "threshold_from",
    "hysteresis",
    "min_duration",
    "merge_gap",
    "smooth",
    "mode",
)
"""Parameters of the options."""


def event_rule(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which passes their values to :func:`rule_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given_options(context: click.Context) -> list[str]:
    """Return which of the options were given, as typed."""
    default = click.core.ParameterSource.DEFAULT
    names = (name for name in NAMES if context.get_parameter_source(name) is not default)
    return [f"--{name.replace('_', '-')}" for name in names]


def rule_of(
    predictions: "Predictions",
    threshold: float | None,
    threshold_from: Path | None,
    **rule: Any,
) -> "tuple[EventRule, list[str]]":
    """Return how events are detected, and notes on that.

    Parameters
    ----------
    predictions : Predictions
    threshold, threshold_from, **rule
        Values of the options.

    Raises
    ------
    click.UsageError
        If options contradict each other.
    ValueError
        If a value is invalid.
    """
    from tuszstore.evaluate.detection import EventRule
    from tuszstore.evaluate.opening import open_predictions

    if threshold_from is None:
        return EventRule(0.5 if threshold is None else threshold, **rule), []
    if threshold is not None:
        raise click.UsageError("--threshold and --threshold-from exclude each other")
    other = open_predictions(threshold_from)
    return _best_rule(other, **rule), _of_another_model(predictions, other)


def _of_another_model(predictions: "Predictions", other: "Predictions") -> list[str]:
    """Return a note if two predictions name different models."""
    own, its = (str(found.attrs.get("model") or "") for found in (predictions, other))
    if not own or not its or own == its:
        return []
    return [
        f"the threshold is of another model: {other.path} names the model {its!r}, "
        f"{predictions.path} {own!r}"
    ]


def _best_rule(predictions: "Predictions", hysteresis: float | None, **rule: Any) -> "EventRule":
    """Return the rule with the best F1, of all thresholds."""
    from tuszstore.evaluate.detection import EventRule
    from tuszstore.evaluate.sweeping import THRESHOLDS, sweep_rules

    low = 0.0 if hysteresis is None else hysteresis
    rules = [EventRule(at, hysteresis, **rule) for at in THRESHOLDS if at >= low]
    if not rules:
        raise click.UsageError(
            f"--hysteresis {hysteresis:g} is above all thresholds tried, which go up to "
            f"{max(THRESHOLDS):g}: lower it, or use --threshold"
        )
    return sweep_rules(predictions, rules).best("f1")
