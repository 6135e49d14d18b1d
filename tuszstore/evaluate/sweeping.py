"""Scores at many thresholds, to choose one on one split and apply it to another."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.evaluate.cases import RULES, make_cases
from tuszstore.evaluate.detection import EventRule
from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.scoring import find_reference
from tuszstore.evaluate.tally import MEASURES, Tally
from tuszstore.evaluate.writing import PredictionError

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions

THRESHOLDS = tuple(np.round(np.arange(0.05, 1.0, 0.05), 2).tolist())


@dataclass(frozen=True)
class Sweep:
    """What was counted at each threshold.

    Attributes
    ----------
    rules : list of EventRule
        Ordered by threshold; otherwise equal.
    tallies : list of Tally
        Sums over all recordings.
    by : str
        Rule by which events are counted.
    """

    rules: list[EventRule]
    tallies: list[Tally]
    by: str

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """The thresholds, rising."""
        return np.array([rule.threshold for rule in self.rules])

    def column(self, name: str) -> NDArray[np.float64]:
        """Return a measure at each threshold; NaN if it is undefined.

        Parameters
        ----------
        name : str
            One of :data:`tuszstore.evaluate.tally.MEASURES`.

        Raises
        ------
        ValueError
            If it is unknown.
        """
        if name not in MEASURES:
            raise ValueError(f"unknown measure {name!r}; known are {', '.join(MEASURES)}")
        values = [getattr(tally, name) for tally in self.tallies]
        return np.array([np.nan if value is None else value for value in values])

    def best(
        self, measure: str = "f1", *, max_false_alarms_per_day: float | None = None
    ) -> EventRule:
        """Return the rule at which a number is highest; of equal ones the highest threshold.

        Parameters
        ----------
        measure : str
            Which number, one of :data:`tuszstore.evaluate.tally.MEASURES`: ``sensitivity``,
            ``precision``, ``f1`` or ``false_alarms_per_day``.
        max_false_alarms_per_day : float, optional
            Only rules with no more than that.

        Raises
        ------
        PredictionError
            If it is undefined at all thresholds, or none has so few false alarms.
        """
        values = self.column(measure)
        if max_false_alarms_per_day is not None:
            fits = self.column("false_alarms_per_day") <= max_false_alarms_per_day
            if not fits.any():
                raise PredictionError(
                    f"no threshold has {max_false_alarms_per_day:g} false alarms per day or fewer"
                )
            values = np.where(fits, values, np.nan)
        if np.isnan(values).all():
            raise PredictionError(
                f"{measure} is undefined at every threshold, because there is no seizure"
            )
        return self.rules[len(values) - 1 - int(np.nanargmax(values[::-1]))]

    def to_json(self) -> list[dict[str, Any]]:
        """Return a row for each threshold, as plain values."""
        return [
            {"threshold": rule.threshold, **tally.to_json()}
            for rule, tally in zip(self.rules, self.tallies, strict=True)
        ]


def sweep_thresholds(
    predictions: "Predictions",
    thresholds: ArrayLike | None = None,
    against: str | os.PathLike[str] | EventTable | None = None,
    *,
    by: str = "szcore_events",
    hysteresis: float | None = None,
    **options: Any,
) -> Sweep:
    """Score events at many thresholds.

    Parameters
    ----------
    predictions : Predictions
    thresholds : array_like of float, optional
        By default 0.05 to 0.95 in steps of 0.05.
    against : path or EventTable, optional
        The reference; by default the annotation in the store.
    by : {"szcore_events", "szcore_samples", "ovlp", "taes", "epoch"}
        Rule by which events are counted.
    hysteresis : float, optional
        As a share of each threshold.
    **options
        Of :meth:`~tuszstore.evaluate.predictions.Predictions.events`.

    Raises
    ------
    ValueError
        If a threshold or the rule is invalid.
    """
    wanted = np.unique(np.asarray(THRESHOLDS if thresholds is None else thresholds, np.float64))
    rules = [
        EventRule(value, hysteresis=None if hysteresis is None else hysteresis * value, **options)
        for value in wanted.tolist()
    ]
    return sweep_rules(predictions, rules, against, by)


def sweep_rules(
    predictions: "Predictions",
    rules: list[EventRule],
    against: str | os.PathLike[str] | EventTable | None = None,
    by: str = "szcore_events",
) -> Sweep:
    """Score the events that each of several rules makes.

    Parameters
    ----------
    predictions : Predictions
    rules : list of EventRule
    against, by
        As of :func:`sweep_thresholds`.

    Raises
    ------
    ValueError
        If there is no rule `by`.
    """
    if by not in RULES:
        raise ValueError(f"unknown rule {by!r}; known are {', '.join(sorted(RULES))}")
    reference = find_reference(predictions, against)
    ignored = predictions.ignored if against is None else None
    tables, _ = predictions.detect(rules)
    tallies = [
        Tally.sum(case.count(by) for case in make_cases(reference, table, ignored))
        for table in tables
    ]
    return Sweep(rules, tallies, by)
