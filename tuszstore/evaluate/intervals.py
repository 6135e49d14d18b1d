"""Spans of time as arrays: unions, intersections and overlaps.

A span is closed at its start and open at its end; empty spans are ignored.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Spans = NDArray[np.float64]
"""Start and end of each span (s), shape (span, 2)."""


def as_spans(pairs: Iterable[Any]) -> Spans:
    """Return pairs of start and end as an array, in the order given."""
    given = pairs if isinstance(pairs, np.ndarray) else list(pairs)
    return np.asarray(given, np.float64).reshape(-1, 2)


def checked_spans(spans: ArrayLike, name: str) -> Spans:
    """Return given spans, checked, in the order given.

    Parameters
    ----------
    spans : array_like of float, shape (span, 2)
    name : str
        Name of the argument, for messages.

    Raises
    ------
    ValueError
        If they have another shape, a number is NaN or infinite, or one ends before it starts.
    """
    given = np.asarray(spans, np.float64)
    if given.size and (given.ndim != 2 or given.shape[1] != 2):
        raise ValueError(f"{name} must have the shape (event, 2), not {given.shape}")
    given = given.reshape(-1, 2)
    good = np.isfinite(given).all(axis=1) & (given[:, 1] >= given[:, 0])
    if not good.all():
        wrong = tuple(given[int(np.argmin(good))].tolist())
        raise ValueError(f"{name} has {wrong}, which is not an onset and offset of an event")
    return given


def union(spans: Iterable[Any], gap: float = 0.0) -> Spans:
    """Return the union of spans, sorted and disjoint.

    Parameters
    ----------
    spans : array_like of float, shape (span, 2)
        In any order; empty ones are ignored.
    gap : float
        Spans at most this far apart (s) are merged.
    """
    spans = as_spans(spans)
    spans = spans[spans[:, 1] > spans[:, 0]]
    if len(spans) < 2:
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    ends = np.maximum.accumulate(spans[:, 1])
    begins = np.ones(len(spans), bool)
    begins[1:] = spans[1:, 0] > ends[:-1] + gap
    return np.column_stack([spans[begins, 0], ends[np.roll(begins, -1)]])


def clip(spans: Spans, start: float, stop: float) -> Spans:
    """Return spans clipped to two times, without empty ones."""
    cut = np.clip(spans, start, stop)
    return cut[cut[:, 1] > cut[:, 0]]


def intersect(first: Spans, second: Spans) -> Spans:
    """Return the intersection of two unions."""
    cuts = [clip(first, start, stop) for start, stop in second]
    return union(np.concatenate(cuts)) if cuts else as_spans([])


def subtract(spans: Spans, others: Spans) -> Spans:
    """Return the difference of two unions."""
    if not len(spans) or not len(others):
        return spans
    edges = np.concatenate([[-np.inf], others.ravel(), [np.inf]]).reshape(-1, 2)
    return intersect(spans, edges)


def total(spans: Spans) -> float:
    """Return the duration of a union (s)."""
    return float((spans[:, 1] - spans[:, 0]).sum())


def overlap(spans: Spans, others: Spans) -> NDArray[np.float64]:
    """Return how much of each span is covered by others (s).

    Parameters
    ----------
    spans, others : ndarray of float64, shape (span, 2)
        The others a union.
    """
    if not len(others):
        return np.zeros(len(spans))
    first = np.maximum(spans[:, None, 0], others[None, :, 0])
    last = np.minimum(spans[:, None, 1], others[None, :, 1])
    return np.asarray(np.maximum(last - first, 0.0).sum(axis=1))


def touched(spans: Spans, others: Spans) -> NDArray[np.bool_]:
    """Return which spans overlap any of others.

    Parameters
    ----------
    spans, others : ndarray of float64, shape (span, 2)
        The others a union.
    """
    # the first of the others that ends after a span starts
    place = np.searchsorted(others[:, 1], spans[:, 0], "right")
    starts = np.append(others[:, 0], np.inf)[place]
    return np.asarray(starts < spans[:, 1])


def latency(reference: Spans, hypothesis: Spans) -> NDArray[np.float64]:
    """Return the delay of the first prediction for each detected event (s)."""
    found = reference[touched(reference, hypothesis)]
    first = np.searchsorted(hypothesis[:, 1], found[:, 0], "right")
    return np.asarray(hypothesis[first, 0] - found[:, 0])
