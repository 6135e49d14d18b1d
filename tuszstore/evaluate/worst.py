"""The worst errors of predictions: missed seizures, and false alarms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuszstore.evaluate.intervals import Spans, touched
from tuszstore.evaluate.scoring import Scores

if TYPE_CHECKING:
    from tuszstore.evaluate.cases import Case
    from tuszstore.evaluate.predictions import Predictions


@dataclass(frozen=True)
class Finding:
    """One missed seizure, or one false alarm.

    Attributes
    ----------
    row : int
        Row of the recording.
    onset, offset : float
        From the recording's start (s).
    probability : float
        Highest probability within it; NaN if no window covers it.
    """

    row: int
    onset: float
    offset: float
    probability: float


def worst_misses(predictions: "Predictions", scores: Scores, number: int) -> list[Finding]:
    """Return seizures that share no time with an event, those of the lowest probability first."""
    found = _findings(predictions, scores, lambda case: (case.reference, case.hypothesis))
    return sorted(found, key=lambda f: (np.nan_to_num(f.probability, nan=-1), f.row))[:number]


def worst_false_alarms(predictions: "Predictions", scores: Scores, number: int) -> list[Finding]:
    """Return events that share no time with a seizure, those of the highest probability first."""
    found = _findings(predictions, scores, lambda case: (case.hypothesis, case.reference))
    return sorted(found, key=lambda f: (-np.nan_to_num(f.probability, nan=-1), f.row))[:number]


def _findings(predictions: "Predictions", scores: Scores, sides: "Sides") -> Iterator[Finding]:
    mode = scores.rule.mode if scores.rule else "mean"
    for case in scores.cases:
        events, others = sides(case)
        alone = events[~touched(events, others)]
        if not len(alone):
            continue
        trace = predictions.trace(case.row, mode=mode)
        values = trace.smoothed(scores.rule.smooth if scores.rule else None)
        for onset, offset in alone.tolist():
            cells = values[int(onset / trace.step) : int(np.ceil(offset / trace.step))]
            known = cells[~np.isnan(cells)]
            highest = float(known.max()) if len(known) else float("nan")
            yield Finding(case.row, onset, offset, highest)


if TYPE_CHECKING:
    from collections.abc import Callable

    Sides = Callable[[Case], tuple[Spans, Spans]]
