"""From a trace to events: thresholding, merging and filtering; a pure function."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.evaluate.intervals import Spans
from tuszstore.evaluate.stitching import MODES, Mode, Trace

_SLACK = 1e-9
"""Tolerance of computed times (s)."""


@dataclass(frozen=True)
class EventRule:
    """How events are detected in a trace.

    Attributes
    ----------
    threshold : float
        An event begins where the probability is this or more.
    hysteresis : float or None
        It ends where the probability falls below this; below `threshold` without.
    min_duration : float
        Events shorter than this (s) are dropped, after merging.
    merge_gap : float
        Events at most this far apart (s) are merged.
    smooth : float or None
        Seconds over which the trace is averaged first.
    mode : {"mean", "max", "last", "causal"}
        How overlapping windows are merged to a trace.
    """

    threshold: float
    hysteresis: float | None = None
    min_duration: float = 0.0
    merge_gap: float = 0.0
    smooth: float | None = None
    mode: Mode = "mean"

    def __post_init__(self) -> None:
        for name in ("threshold", "hysteresis", "min_duration", "merge_gap", "smooth"):
            value = getattr(self, name)
            may_be_none = name in ("hysteresis", "smooth")
            if not hasattr(value, "__float__") and not (value is None and may_be_none):
                raise TypeError(f"{name} must be a number, not {value!r:.40}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be within 0 to 1, not {self.threshold}")
        if self.hysteresis is not None and not 0 <= self.hysteresis <= self.threshold:
            raise ValueError(
                f"hysteresis must be within 0 to the threshold {self.threshold:g}, not "
                f"{self.hysteresis}: an event ends where the probability falls below it"
            )
        for name in ("min_duration", "merge_gap", "smooth"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                raise ValueError(f"{name} must be 0 s or more, not {value}")
        if self.mode not in MODES:
            raise ValueError(f"unknown mode {self.mode!r}; known are {', '.join(MODES)}")

    def to_json(self) -> dict[str, Any]:
        """Return the rule as plain values."""
        return asdict(self)


def find_events(trace: Trace, rule: EventRule, seconds: float) -> tuple[Spans, NDArray[np.float32]]:
    """Return the events of a trace.

    Parameters
    ----------
    trace : Trace
        Probability along the recording.
    rule : EventRule
        Threshold, smoothing and durations; its `mode` has no effect.
    seconds : float
        Duration of the recording; events are cut there.

    Returns
    -------
    spans : ndarray of float64, shape (event, 2)
        Onset and offset (s), sorted and disjoint.
    confidence : ndarray of float32, shape (event,)
        Highest probability within each.
    """
    values = trace.smoothed(rule.smooth)
    low = rule.threshold if rule.hysteresis is None else rule.hysteresis
    # NaN fails both comparisons
    above, kept = values >= rule.threshold, values >= low
    edges = np.flatnonzero(np.diff(np.concatenate([[False], kept, [False]]).astype(np.int8)))
    first, last = edges[::2], edges[1::2]
    starts = np.flatnonzero(above)
    # the first cell of each run that reaches the threshold, if any
    place = np.searchsorted(starts, first)
    begins = np.append(starts, len(values))[place]
    reached = begins < last
    spans = np.column_stack([begins[reached], last[reached]]) * trace.step
    spans = spans[spans[:, 0] < seconds]
    spans[:, 1] = np.minimum(spans[:, 1], seconds)
    if len(spans):
        new = np.append(True, spans[1:, 0] - spans[:-1, 1] > rule.merge_gap + _SLACK)
        if not rule.merge_gap:
            new[:] = True
        spans = np.column_stack([spans[new, 0], spans[np.roll(new, -1), 1]])
    spans = spans[spans[:, 1] - spans[:, 0] >= rule.min_duration - _SLACK]
    cells = np.rint(spans / trace.step).astype(np.int64)
    confidence = [np.nanmax(values[begin : max(end, begin + 1)]) for begin, end in cells.tolist()]
    return spans, np.array(confidence, np.float32)
