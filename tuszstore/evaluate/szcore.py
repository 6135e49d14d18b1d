"""SzCORE's event- and sample-based rules [1]_, counted by its own package ``timescoring``.

The package silently miscounts some lists, which are corrected first: unsorted or overlapping events
are merged and sorted; predictions shorter than a sample, which are lost at its 10 samples per
second, last one sample; and the remainder of a long prediction that is cut into pieces of five
minutes is dropped if it is shorter than a sample, because it would be a false alarm.

References
----------
.. [1] Dan et al. (2024). SzCORE: Seizure Community Open-source Research Evaluation framework for
   the validation of electroencephalography-based automated seizure detection algorithms.
   Epilepsia. doi:10.1111/epi.18113
"""

import numpy as np

from tuszstore.evaluate.intervals import Spans, as_spans, clip, union
from tuszstore.evaluate.tally import Tally

RATE = 10
"""Samples per second at which the package counts events."""

MERGED = 90.0
"""Seconds between two events, below which the package takes them as one."""

LONGEST = 300.0
"""Seconds of an event; the package cuts longer ones."""


def event_tally(
    reference: Spans, hypothesis: Spans, seconds: float, ignored_seconds: float = 0.0
) -> Tally:
    """Count events that are found within 30 s before to 60 s after an event of the reference.

    Parameters
    ----------
    reference, hypothesis : array_like of float, shape (event, 2)
        In any order.
    seconds : float
        Length of the recording.
    ignored_seconds : float
        Time that is not scored; already removed from the events.
    """
    from timescoring.annotations import Annotation
    from timescoring.scoring import EventScoring

    n_samples = round(seconds * RATE)
    if n_samples == 0:
        return Tally()
    known, given = (clip(union(spans), 0, seconds) for spans in (reference, hypothesis))
    given = _kept_by_package(given, n_samples)
    score = EventScoring(
        Annotation(_listed(known), RATE, n_samples), Annotation(_listed(given), RATE, n_samples)
    )
    hits = int(score.tp)
    return Tally(
        hits, int(score.refTrue) - hits, int(score.fp), score.numSamples / RATE - ignored_seconds
    )


def sample_tally(
    reference: Spans, hypothesis: Spans, seconds: float, ignored_seconds: float = 0.0
) -> Tally:
    """Count samples, one a second.

    Parameters
    ----------
    reference, hypothesis : array_like of float, shape (event, 2)
        In any order.
    seconds : float
        Length of the recording.
    ignored_seconds : float
        Time that is not scored; already removed from the events.
    """
    from timescoring.annotations import Annotation
    from timescoring.scoring import SampleScoring

    n_samples = round(seconds * RATE)
    if round(n_samples / RATE) == 0:
        return Tally()
    known, given = (
        Annotation(_listed(clip(union(spans), 0, seconds)), RATE, n_samples)
        for spans in (reference, hypothesis)
    )
    score = SampleScoring(known, given)
    hits = int(score.tp)
    seconds = score.numSamples / score.fs - ignored_seconds
    return Tally(hits, int(score.refTrue) - hits, int(score.fp), seconds)


def _kept_by_package(spans: Spans, n_samples: int) -> Spans:
    """Return predictions that the package counts completely, merged as it merges them."""
    spans = spans.copy()
    for k, (start, stop) in enumerate(spans):
        if _is_lost(start, stop, n_samples):
            first = min(int(start * RATE), n_samples - 1)
            spans[k] = first / RATE, (first + 1) / RATE
    joined: list[list[float]] = []
    for start, stop in spans.tolist():
        if joined and start - joined[-1][1] < MERGED:
            joined[-1][1] = max(stop, joined[-1][1])
        else:
            joined.append([start, stop])
    for event in joined:
        # cut like the package: from the start, in steps of the maximum length
        piece = event[0]
        while event[1] - piece > LONGEST:
            piece += LONGEST
        if piece > event[0] and _is_lost(piece, event[1], n_samples):
            event[1] = piece
    return as_spans(joined)


def _is_lost(start: float, stop: float, n_samples: int) -> bool:
    """Return whether a span has no sample in the package's mask."""
    return not round(start * RATE) < min(round(stop * RATE), n_samples)


def _listed(spans: Spans) -> list[tuple[float, float]]:
    return [(start, stop) for start, stop in np.asarray(spans).tolist()]
