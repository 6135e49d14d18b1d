"""OVLP, TAES and EPOCH, common rules for results on TUSZ, by their definitions.

The definitions are those of [1]_, for the seizure class only, and with exact times. NEDC's own
program compares whole seconds, so that two events within the same second overlap there.

References
----------
.. [1] Shah, Golmohammadi, Obeid, Picone (2021). Objective evaluation metrics for automatic
   classification of EEG events. Biomedical Signal Processing. doi:10.1007/978-3-030-67494-6_1
"""

import math

import numpy as np
from numpy.typing import NDArray

from tuszstore.evaluate.intervals import Spans, clip, total, touched, union
from tuszstore.evaluate.tally import Tally

EPOCH_SECONDS = 0.25
"""Distance of the times that EPOCH compares, as NEDC's program has it."""


def ovlp(reference: Spans, hypothesis: Spans, seconds: float) -> Tally:
    """Count events that share any time: hits and misses of the reference, and false alarms.

    Parameters
    ----------
    reference, hypothesis : array_like of float, shape (event, 2)
        In any order.
    seconds : float
        Scored time (s).
    """
    reference, hypothesis = union(reference), union(hypothesis)
    found = int(touched(reference, hypothesis).sum())
    false = int((~touched(hypothesis, reference)).sum())
    return Tally(found, len(reference) - found, false, seconds)


def taes(reference: Spans, hypothesis: Spans, seconds: float) -> Tally:
    """Count events by their detected fraction (time-aligned event scoring).

    An event of the reference is a hit as far as predictions cover it and a miss for the rest. The
    part of a prediction outside it is a false alarm, as a fraction of the event, at most one. A
    prediction that extends into later events detects only the first of them.

    Parameters
    ----------
    reference, hypothesis : array_like of float, shape (event, 2)
        In any order.
    seconds : float
        Scored time (s).
    """
    reference, hypothesis = union(reference), union(hypothesis)
    hits = misses = false = 0.0
    free_reference = np.ones(len(reference), bool)
    free_hypothesis = np.ones(len(hypothesis), bool)
    for k, (start, stop) in enumerate(reference):
        if not free_reference[k]:
            misses += 1
            continue
        meeting = np.flatnonzero(
            free_hypothesis & (hypothesis[:, 0] < stop) & (hypothesis[:, 1] > start)
        )
        if not len(meeting):
            misses += 1
            continue
        free_hypothesis[meeting] = False
        length = stop - start
        found = clip(hypothesis[meeting], start, stop)
        covered = (found[:, 1] - found[:, 0]) / length
        lengths = hypothesis[meeting, 1] - hypothesis[meeting, 0]
        outside = lengths / length - covered
        share = min(1.0, float(covered.sum()))
        hits += share
        misses += 1 - share
        false += np.clip(outside, 0, 1).sum()
        first_stop = hypothesis[meeting[0], 1]
        if first_stop >= stop:
            # the further events that it overlaps are already matched
            free_reference[k + 1 :] &= reference[k + 1 :, 0] >= first_stop
    return Tally(float(hits), float(misses), float(false + free_hypothesis.sum()), seconds)


def epoch(
    reference: Spans,
    hypothesis: Spans,
    seconds: float,
    *,
    ignored: Spans | None = None,
    every: float = EPOCH_SECONDS,
) -> Tally:
    """Compare reference and predictions in the middle of each of equally long pieces of time.

    Parameters
    ----------
    reference, hypothesis : array_like of float, shape (event, 2)
        In any order.
    seconds : float
        Length of the recording.
    ignored : ndarray of float64, shape (span, 2), optional
        A union of spans that are not scored.
    every : float
        Length of a piece (s).
    """
    reference, hypothesis = union(reference), union(hypothesis)
    n_pieces = max(0, math.ceil(seconds / every - 0.5))
    times = (np.arange(n_pieces, dtype=np.float64) + 0.5) * every
    known = ~_inside(times, ignored) if ignored is not None else np.ones(len(times), bool)
    is_reference, is_hypothesis = (_inside(times, spans) for spans in (reference, hypothesis))
    hits = int((is_reference & is_hypothesis & known).sum())
    misses = int((is_reference & ~is_hypothesis & known).sum())
    false = int((~is_reference & is_hypothesis & known).sum())
    scored = seconds - (0.0 if ignored is None else total(clip(ignored, 0, seconds)))
    return Tally(hits, misses, false, scored)


def _inside(times: NDArray[np.float64], spans: Spans) -> NDArray[np.bool_]:
    """Return which times lie within the union of spans."""
    return np.asarray(np.searchsorted(spans.ravel(), times, "right") % 2 == 1)
