"""Recordings to score: reference and hypothesis, without ignored spans."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuszstore.evaluate import nedc, szcore
from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.intervals import Spans, as_spans, clip, subtract, total, union
from tuszstore.evaluate.tally import Tally
from tuszstore.evaluate.writing import PredictionError

RULES = ("szcore_events", "szcore_samples", "ovlp", "taes", "epoch")
"""Rules by which events are counted."""


@dataclass(frozen=True)
class Case:
    """One recording to score.

    Attributes
    ----------
    row : int
        Row of the recordings table.
    patient, montage : str
    seconds : float
        Length of the recording.
    reference, hypothesis : ndarray of float64, shape (event, 2)
        Unions, without ignored spans.
    ignored : ndarray of float64, shape (span, 2)
        A union of spans that are not scored.
    """

    row: int
    patient: str
    montage: str
    seconds: float
    reference: Spans
    hypothesis: Spans
    ignored: Spans

    @property
    def scored(self) -> float:
        """Scored time (s)."""
        return self.seconds - total(self.ignored)

    def count(self, rule: str) -> Tally:
        """Return the counts by one of :data:`RULES`."""
        both = (self.reference, self.hypothesis)
        if rule in ("ovlp", "taes"):
            return (nedc.ovlp if rule == "ovlp" else nedc.taes)(*both, self.scored)
        if rule == "epoch":
            return nedc.epoch(*both, self.seconds, ignored=self.ignored)
        counted = szcore.event_tally if rule == "szcore_events" else szcore.sample_tally
        return counted(*both, self.seconds, total(self.ignored))


def make_cases(
    reference: EventTable, hypothesis: EventTable, ignored: Sequence[Spans] | None = None
) -> list[Case]:
    """Return the recordings that can be scored: those known in both tables.

    Parameters
    ----------
    reference, hypothesis : EventTable
        Of the same recordings.
    ignored : sequence of ndarray, optional
        For each recording a union of spans that are not scored; events are cut there.

    Raises
    ------
    PredictionError
        If they are of other recordings.
    """
    recordings = reference.recordings
    if recordings is not hypothesis.recordings and (
        recordings.id.tolist() != hypothesis.recordings.id.tolist()
    ):
        raise PredictionError("reference and events are of different recordings")
    known, found = reference.united(), hypothesis.united()
    cases = []
    for row in np.flatnonzero(reference.known & hypothesis.known).tolist():
        seconds = float(recordings.seconds[row])
        lost = as_spans([]) if ignored is None else clip(union(ignored[row]), 0, seconds)
        cases.append(
            Case(
                row,
                str(recordings.patient[row]) or str(recordings.id[row]),
                str(recordings.montage[row]),
                seconds,
                subtract(known[row], lost),
                subtract(found[row], lost),
                lost,
            )
        )
    return cases
