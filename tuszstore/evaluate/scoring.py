"""Scores of events against a reference: by all rules, in total, by subject and by group."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.evaluate.cases import RULES, Case, make_cases
from tuszstore.evaluate.detection import EventRule
from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.intervals import (
    Spans,
    checked_spans,
    clip,
    latency,
    subtract,
    total,
    touched,
    union,
)
from tuszstore.evaluate.summaries import Mean, macro, macro_json
from tuszstore.evaluate.tables import SEIZURE
from tuszstore.evaluate.tally import Tally
from tuszstore.reasons import plural

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions

LENGTHS = (0.0, 10.0, 30.0, 60.0, 300.0, np.inf)
"""Bounds of the groups of seizures by their length (s)."""


@dataclass(frozen=True)
class Detected:
    """Detected seizures of a group; false alarms have no group.

    Attributes
    ----------
    seizures : int
    found : int
        Those that share time with a prediction, as OVLP counts them.
    """

    seizures: int
    found: int

    @property
    def sensitivity(self) -> float | None:
        """Detected fraction; None without a seizure."""
        return self.found / self.seizures if self.seizures else None

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        undefined = {} if self.seizures else {"undefined": {"sensitivity": "no such seizure"}}
        counts = {"seizures": self.seizures, "found": self.found}
        return {**counts, "sensitivity": self.sensitivity, **undefined}


@dataclass(frozen=True)
class Scores:
    """Scores by every rule.

    Attributes
    ----------
    rule : EventRule or None
        How the events were detected.
    total : dict of str to Tally
        By rule (:data:`RULES`), the sum of all recordings.
    subjects : dict of str to dict of str to Tally
        By rule, then by patient.
    montages : dict of str to dict of str to Tally
        By rule, then by montage.
    classes, lengths : dict of str to Detected
        By class of the reference, and by its length.
    latency : ndarray of float64, shape (seizure,)
        For each seizure that was found (OVLP), from its onset to that of the first prediction that
        overlaps it (s); below 0 where that began before.
    recordings, unlabelled : int
        Scored recordings, and unlabelled ones, which are not scored.
    seconds, ignored_seconds, uncovered_seconds : float
        Scored; annotated as not to be scored; and scored though no window of the predictions
        reaches there.
    seizures, events : int
        Of the reference, and predicted.
    """

    rule: EventRule | None
    total: dict[str, Tally]
    subjects: dict[str, dict[str, Tally]]
    montages: dict[str, dict[str, Tally]]
    classes: dict[str, Detected]
    lengths: dict[str, Detected]
    latency: NDArray[np.float64]
    recordings: int
    unlabelled: int
    seconds: float
    ignored_seconds: float
    uncovered_seconds: float | None
    seizures: int
    events: int
    cases: list[Case] = field(repr=False, default_factory=list)

    def __repr__(self) -> str:
        tally = self.total["szcore_events"]
        numbers = ", ".join(
            f"{text} {value:.3g}"
            for text, value in (
                ("sensitivity", tally.sensitivity),
                ("precision", tally.precision),
                ("F1", tally.f1),
                ("false alarms per day", tally.false_alarms_per_day),
            )
            if value is not None
        )
        return (
            f"<Scores: {plural(self.recordings, 'recording')}, {self.seconds / 3600:.3g} h, "
            f"{plural(self.seizures, 'seizure')}, {plural(self.events, 'event')}; by SzCORE: "
            f"{numbers or 'nothing to count'}>"
        )

    def macro(self, rule: str = "szcore_events") -> dict[str, Mean]:
        """Return the mean of each number over subjects, with a bootstrap interval.

        Each subject counts the same, however long the recordings are.

        Parameters
        ----------
        rule : {"szcore_events", "szcore_samples", "ovlp", "taes", "epoch"}
            How events are counted.

        Returns
        -------
        dict of str to Mean
            ``sensitivity``, ``precision``, ``f1`` and ``false_alarms_per_day``: the mean over the
            subjects for whom it is defined, and its 95 % interval.
        """
        return macro(self.subjects[rule])

    @property
    def median_latency(self) -> float | None:
        """Median of the latencies (s); None if nothing was found."""
        return float(np.median(self.latency)) if len(self.latency) else None

    def to_json(self) -> dict[str, Any]:
        """Return all as plain values; undefined ones are None, with a reason."""
        nested = {
            name: {
                rule: {key: tally.to_json() for key, tally in groups.items()}
                for rule, groups in getattr(self, name).items()
            }
            for name in ("subjects", "montages")
        }
        return {
            "rule": self.rule.to_json() if self.rule else None,
            "recordings": self.recordings,
            "unlabelled": self.unlabelled,
            "seizures": self.seizures,
            "events": self.events,
            "seconds": self.seconds,
            "ignored_seconds": self.ignored_seconds,
            "uncovered_seconds": self.uncovered_seconds,
            "total": {name: tally.to_json() for name, tally in self.total.items()},
            "macro": {name: macro_json(self.macro(name)) for name in self.subjects},
            "latency": {
                "median": self.median_latency,
                "found": len(self.latency),
                **({} if len(self.latency) else {"undefined": "no seizure was detected"}),
            },
            "classes": {name: entry.to_json() for name, entry in self.classes.items()},
            "lengths": {name: entry.to_json() for name, entry in self.lengths.items()},
            **nested,
        }


def score_lists(
    reference: ArrayLike,
    hypothesis: ArrayLike,
    seconds: float,
    ignored: ArrayLike = (),
) -> dict[str, Tally]:
    """Score two lists of events of one recording, by every rule.

    >>> score_lists([(600, 660)], [(590, 600), (900, 910)], 3600)["szcore_events"].false_alarms
    1

    Parameters
    ----------
    reference, hypothesis : array_like of float, shape (event, 2)
        Onset and offset (s), in any order.
    seconds : float
        Length of the recording.
    ignored : array_like of float, shape (span, 2)
        Spans that are not scored.

    Returns
    -------
    dict of str to Tally
        By rule (:data:`RULES`).

    Raises
    ------
    ValueError
        If an event ends before it starts, or a number is NaN or infinite.
    """
    if not 0 <= seconds < np.inf:
        raise ValueError(f"seconds must be 0 or more, not {seconds}")
    given = {"reference": reference, "hypothesis": hypothesis, "ignored": ignored}
    known, found, lost = (
        clip(union(checked_spans(spans, name)), 0, seconds) for name, spans in given.items()
    )
    case = Case(0, "", "", seconds, subtract(known, lost), subtract(found, lost), lost)
    return {rule: case.count(rule) for rule in RULES}


def score_predictions(
    predictions: "Predictions",
    rule: EventRule,
    against: str | os.PathLike[str] | EventTable | None = None,
) -> Scores:
    """Score predictions; see :meth:`tuszstore.evaluate.predictions.Predictions.score`."""
    reference = find_reference(predictions, against)
    (hypothesis,), covered = predictions.detect([rule])
    spans = classes_of(predictions) if against is None else {}
    ignored = predictions.ignored if against is None else None
    return score_events(
        reference, hypothesis, ignored=ignored, classes=spans, rule=rule, covered=covered
    )


def find_reference(
    predictions: "Predictions", against: str | os.PathLike[str] | EventTable | None
) -> EventTable:
    """Return the reference: the annotation in the store, or that of files or a table."""
    if against is None:
        return predictions.reference()
    if isinstance(against, EventTable):
        return against
    from tuszstore.evaluate.files import read_event_files

    return read_event_files(against, predictions.recordings)


def classes_of(predictions: "Predictions") -> dict[str, list[Spans]]:
    """Return the annotated spans of each class of seizures, by recording."""
    annotated = predictions.annotated
    names = sorted(set(annotated.label[annotated.kind == SEIZURE].tolist()))
    found: dict[str, list[Spans]] = {}
    for name in names:
        rows = np.flatnonzero((annotated.kind == SEIZURE) & (annotated.label == name))
        spans = np.column_stack([annotated.onset[rows], annotated.offset[rows]])
        owner = annotated.recording[rows]
        found[name] = [union(spans[owner == row]) for row in range(len(predictions.recordings))]
    return found


def score_events(
    reference: EventTable,
    hypothesis: EventTable,
    *,
    ignored: Sequence[Spans] | None = None,
    classes: Mapping[str, Sequence[Spans]] | None = None,
    rule: EventRule | None = None,
    covered: NDArray[np.float64] | None = None,
) -> Scores:
    """Score events against a reference, by every rule.

    Parameters
    ----------
    reference, hypothesis : EventTable
        Of the same recordings; those unknown in one of them are excluded.
    ignored : sequence of ndarray, optional
        For each recording the spans that are not scored: events are cut there, and the time does
        not count.
    classes : mapping of str to sequence of ndarray, optional
        For each class of seizures, its spans in each recording.
    rule : EventRule, optional
        How the hypothesis was made; kept with the scores.
    covered : ndarray of float64, shape (recording,), optional
        For each recording, the time covered by predictions (s).

    Returns
    -------
    Scores
        Over all recordings that both tables know.
    """
    cases = make_cases(reference, hypothesis, ignored)
    tallies = [{name: case.count(name) for name in RULES} for case in cases]

    def grouped(names: list[str]) -> dict[str, dict[str, Tally]]:
        groups: dict[str, dict[str, Tally]] = {name: {} for name in RULES}
        for key, counted in zip(names, tallies, strict=True):
            for name in RULES:
                groups[name][key] = groups[name].get(key, Tally()) + counted[name]
        return groups

    latencies = [latency(case.reference, case.hypothesis) for case in cases]
    uncovered = None
    if covered is not None:
        uncovered = float(sum(max(0.0, case.seconds - covered[case.row]) for case in cases))
    return Scores(
        rule=rule,
        total={name: Tally.sum(t[name] for t in tallies) for name in RULES},
        subjects=grouped([case.patient for case in cases]),
        montages=grouped([case.montage for case in cases]),
        classes=_by_class(cases, classes or {}),
        lengths=_by_length(cases),
        latency=np.concatenate([np.empty(0), *latencies]),
        recordings=len(cases),
        unlabelled=int((~reference.known).sum()),
        seconds=sum(case.scored for case in cases),
        ignored_seconds=sum(total(case.ignored) for case in cases),
        uncovered_seconds=uncovered,
        seizures=sum(len(case.reference) for case in cases),
        events=sum(len(case.hypothesis) for case in cases),
        cases=cases,
    )


def _by_class(cases: Sequence[Case], classes: Mapping[str, Sequence[Spans]]) -> dict[str, Detected]:
    counted = {}
    for name, spans in classes.items():
        n_all = n_found = 0
        for case in cases:
            events = subtract(clip(spans[case.row], 0, case.seconds), case.ignored)
            n_all += len(events)
            n_found += int(touched(events, case.hypothesis).sum())
        counted[name] = Detected(n_all, n_found)
    return counted


def _by_length(cases: Sequence[Case]) -> dict[str, Detected]:
    lengths = np.concatenate([np.empty(0), *(np.diff(case.reference)[:, 0] for case in cases)])
    found = np.concatenate(
        [np.empty(0, bool), *(touched(case.reference, case.hypothesis) for case in cases)]
    )
    groups = {}
    for low, high in pairwise(LENGTHS):
        chosen = (lengths >= low) & (lengths < high)
        name = f"{low:g} to {high:g} s" if np.isfinite(high) else f"{low:g} s or more"
        groups[name] = Detected(int(chosen.sum()), int(found[chosen].sum()))
    return groups
