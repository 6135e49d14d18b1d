"""Scores of alarms that predict seizures: sensitivity, false alarms, and comparison with chance.

An alarm predicts a seizure if its onset is within the occurrence period, which begins one
prediction horizon after the alarm [1]_. Recordings of a patient with known clocks are on one
timeline, so that an alarm may predict a seizure in the next file. If the occurrence period was
not completely recorded and annotated, and no seizure is in the annotated part, the alarm is
undecided and not counted.

References
----------
.. [1] Winterhalder et al. (2003). The seizure prediction characteristic: a general framework to
   assess and compare seizure prediction methods. Epilepsy & Behavior 4, 318-325.
   doi:10.1016/S1525-5050(03)00105-7
.. [2] Schelter et al. (2006). Testing statistical significance of multivariate time series
   analysis techniques for epileptic seizure prediction. Chaos 16, 013108. doi:10.1063/1.2137623
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.evaluate.detection import EventRule
from tuszstore.evaluate.intervals import Spans, as_spans, clip, intersect, subtract, total, union
from tuszstore.evaluate.tables import Recordings

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions

HOUR = 3600.0
_SLACK = 1.0
"""Maximum seconds between recordings without a gap: clocks in headers resolve 1 s."""


@dataclass(frozen=True)
class Timeline:
    """One patient, or one recording with an unknown clock, on one axis.

    Attributes
    ----------
    patient : str
    known : ndarray of float64, shape (span, 2)
        A union of recorded and annotated time (s).
    seizures : ndarray of float64, shape (seizure, 2)
        A union.
    alarms : ndarray of float64, shape (alarm,)
        Times, rising.
    """

    patient: str
    known: Spans
    seizures: Spans
    alarms: NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """How well alarms predict seizures.

    Attributes
    ----------
    sph, sop, refractory : float
        Prediction horizon, occurrence period, and time after an alarm in which others are ignored.
    seizures : int
        Predictable seizures: some of the time in which an alarm would predict them is annotated.
    foretold : int
        Number of those that were predicted.
    alarms, false_alarms, undecided : int
        All alarms; those without a seizure in the occurrence period; and those for which that is
        unknown.
    interictal_seconds : float
        Time in which an alarm is false: annotated, not in a seizure, and not where an alarm would
        predict one.
    warning_seconds, seconds : float
        Time within ``sph + sop`` after an alarm, and all that is annotated.
    """

    sph: float
    sop: float
    refractory: float
    seizures: int
    foretold: int
    alarms: int
    false_alarms: int
    undecided: int
    interictal_seconds: float
    warning_seconds: float
    seconds: float

    @property
    def sensitivity(self) -> float | None:
        """Fraction of predicted seizures; None without a predictable one."""
        return self.foretold / self.seizures if self.seizures else None

    @property
    def false_alarms_per_hour(self) -> float | None:
        """False alarms in an hour of interictal time; None without any."""
        return (
            self.false_alarms * HOUR / self.interictal_seconds if self.interictal_seconds else None
        )

    @property
    def time_in_warning(self) -> float | None:
        """Fraction of time in warning; None without time."""
        return self.warning_seconds / self.seconds if self.seconds else None

    @property
    def chance(self) -> float | None:
        """Sensitivity of random alarms with the same false alarm rate: ``1 - exp(-rate * sop)``."""
        rate = self.false_alarms_per_hour
        return None if rate is None else 1 - math.exp(-rate * self.sop / HOUR)

    @property
    def p_value(self) -> float | None:
        """Probability that chance predicts as many seizures or more (binomial) [2]_."""
        if self.chance is None or not self.seizures:
            return None
        from scipy.stats import binom

        return float(binom.sf(self.foretold - 1, self.seizures, self.chance))

    def to_json(self) -> dict[str, Any]:
        """Return all as plain values; undefined ones are None, with a reason."""
        reasons = {
            "sensitivity": "no predictable seizure",
            "false_alarms_per_hour": "no interictal time",
            "time_in_warning": "no time is annotated",
            "chance": "no interictal time",
            "p_value": "no predictable seizure, or no interictal time",
        }
        values = {name: getattr(self, name) for name in reasons}
        undefined = {name: reasons[name] for name, value in values.items() if value is None}
        counts = {name: getattr(self, name) for name in Forecast.__dataclass_fields__}
        return {**counts, **values, **({"undefined": undefined} if undefined else {})}


def forecast_predictions(
    predictions: "Predictions", rule: EventRule, *, sph: float, sop: float, refractory: float
) -> Forecast:
    """Score predictions as alarms, each at the onset of an event.

    Parameters
    ----------
    predictions : Predictions
    rule : EventRule
        With ``mode="causal"`` an alarm uses only past data.
    sph, sop : float
        Seizure prediction horizon and seizure occurrence period (s).
    refractory : float
        Time after an alarm in which others are ignored (s).
    """
    (table,), _ = predictions.detect([rule])
    reference = predictions.reference()
    n_recordings = len(predictions.recordings)
    onsets = [np.sort(table.onset[table.rows(row)]) for row in range(n_recordings)]
    lines = timelines(predictions.recordings, reference.united(), predictions.ignored, onsets)
    return forecast(lines, sph=sph, sop=sop, refractory=refractory)


def timelines(
    recordings: Recordings,
    seizures: Sequence[Spans],
    ignored: Sequence[Spans],
    alarms: Sequence[NDArray[np.float64]],
) -> list[Timeline]:
    """Place recordings on the timelines of their patients, except unlabelled ones.

    Parameters
    ----------
    recordings : Recordings
    seizures, ignored : sequence of ndarray of float64, shape (span, 2)
        Of each recording.
    alarms : sequence of ndarray of float64, shape (alarm,)
        Times in each recording.
    """
    groups: dict[tuple[str, str, int], list[int]] = {}
    for row in np.flatnonzero(recordings.labelled).tolist():
        told = math.isfinite(recordings.patient_time[row])
        names = str(recordings.patient[row]), str(recordings.timeline[row])
        key = (*names, -1 if told else row)
        groups.setdefault(key, []).append(row)
    lines = []
    for (patient, *_), rows in groups.items():
        shifts = {row: float(np.nan_to_num(recordings.patient_time[row])) for row in rows}
        whole = {row: as_spans([(0.0, recordings.seconds[row])]) for row in rows}
        known = union(np.concatenate([whole[row] + shifts[row] for row in rows]), _SLACK)
        lost = union(np.concatenate([ignored[row] + shifts[row] for row in rows]))
        lines.append(
            Timeline(
                patient,
                subtract(known, lost),
                union(np.concatenate([seizures[row] + shifts[row] for row in rows]), _SLACK),
                np.sort(np.concatenate([alarms[row] + shifts[row] for row in rows])),
            )
        )
    return lines


def forecast(
    lines: Sequence[Timeline], *, sph: float, sop: float, refractory: float = 0.0
) -> Forecast:
    """Score the alarms of timelines.

    Parameters
    ----------
    lines : sequence of Timeline
        Seizures and alarms of each patient.
    sph, sop : float
        Seizure prediction horizon, 0 or more, and seizure occurrence period, above 0 (s).
    refractory : float
        Time after an alarm in which others are ignored (s).

    Raises
    ------
    ValueError
        If a time is invalid.
    """
    if not (sph >= 0 and 0 < sop < math.inf and sph < math.inf and refractory >= 0):
        raise ValueError(
            f"sph and refractory must be 0 s or more and sop above 0 s, not sph={sph}, sop={sop}, "
            f"refractory={refractory}"
        )
    counts = np.zeros(5, np.int64)
    times = np.zeros(3)
    for line in lines:
        counts_here, times_here = _score_line(line, sph, sop, refractory)
        counts += counts_here
        times += times_here
    return Forecast(sph, sop, refractory, *counts.tolist(), *times.tolist())


def _score_line(
    line: Timeline, sph: float, sop: float, refractory: float
) -> tuple[list[int], list[float]]:
    alarms = _spaced(line.alarms, refractory)
    onsets = line.seizures[:, 0]
    before = np.column_stack([onsets - sph - sop, onsets - sph])
    possible = np.array(
        [total(intersect(line.known, as_spans([span]))) > 0 for span in before], bool
    )
    periods = np.column_stack([alarms + sph, alarms + sph + sop])
    hits = np.searchsorted(onsets, periods[:, 1], "right") > np.searchsorted(onsets, periods[:, 0])
    foretold = np.searchsorted(alarms, before[:, 1], "right") > np.searchsorted(
        alarms, before[:, 0]
    )
    seen = np.array([total(clip(line.known, start, stop)) for start, stop in periods])
    decided = hits | (seen >= sop - 1e-6)
    interictal = subtract(line.known, union(np.concatenate([before, line.seizures])))
    during = [bool(len(clip(line.seizures, a, a + 1e-9))) for a in alarms.tolist()]
    false = ~hits & decided & ~np.array(during, bool)
    warned = intersect(line.known, union(np.column_stack([alarms, alarms + sph + sop])))
    counts = [
        int(possible.sum()),
        int((foretold & possible).sum()),
        len(alarms),
        int(false.sum()),
        int((~decided).sum()),
    ]
    return counts, [total(interictal), total(warned), total(line.known)]


def _spaced(alarms: NDArray[np.float64], refractory: float) -> NDArray[np.float64]:
    """Return the alarms outside the refractory period of each alarm that is kept."""
    kept: list[float] = []
    for alarm in alarms.tolist():
        if not kept or alarm - kept[-1] > refractory or refractory == 0:
            kept.append(alarm)
    return np.array(kept, np.float64)
