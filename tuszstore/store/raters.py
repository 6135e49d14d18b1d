"""Which raters decide the labels: one, or any, the majority or all of several.

`events/*` has the annotations of every rater, and `recordings/raters` who reviewed a recording.
Stretches that a rater did not review, or ignored ones, are events with the bit of unlabelled
samples. This suffices to compute labels under other rules than that of the build.

A sample is decided by the raters with an opinion, who reviewed it and do not ignore it. Depending
on the rule, a class is marked if any of them, more than half of them, or all of them mark it.
Without any opinion, the sample is unlabelled. Each class is decided independently.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.store.labels import UNLABELLED

RULES = ("any", "majority", "all")
"""Rules that may replace a rater's name."""

UNNAMED = "?"
"""Entry of `recordings/raters` for an unnamed rater."""

_SEPARATOR = ","
_BITS = np.uint16(1) << np.arange(16, dtype=np.uint16)


class UnknownRaterError(ValueError):
    """A rater who reviewed none of some recordings; the text names those who did."""


@dataclass(frozen=True)
class Decided:
    """Spans that define labels.

    Attributes
    ----------
    recording : ndarray of int, shape (span,)
        Rising.
    first_sample, stop_sample : ndarray of int64, shape (span,)
        Within the recording.
    bit : ndarray of uint16, shape (span,)
        Bits that :func:`~tuszstore.store.labels.paint` sets there.
    labelled : ndarray of bool, shape (recording,)
        Whether a rater who counts reviewed it; else all of it is unlabelled.
    """

    recording: NDArray[Any]
    first_sample: NDArray[np.int64]
    stop_sample: NDArray[np.int64]
    bit: NDArray[np.uint16]
    labelled: NDArray[np.bool_]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the spans as columns, named as in `events/*`."""
        names = ("recording", "first_sample", "stop_sample", "bit")
        return {name: getattr(self, name) for name in names}


def decides(bit: ArrayLike, class_bit: ArrayLike) -> NDArray[np.bool_]:
    """Return which events define the labels: those of the deciding rater, or the decision.

    Parameters
    ----------
    bit, class_bit : array_like of uint16, shape (event,)
        Columns of `events/*`.
    """
    bits = np.asarray(bit)
    said: NDArray[np.bool_] = (bits > 0) | (bits == np.asarray(class_bit))
    return said


def joined(raters: Sequence[str]) -> str:
    """Return the entry of `recordings/raters` for the raters of a recording.

    >>> joined(["A", "B"]), joined([""]), joined([])
    ('A,B', '?', '')
    """
    return _SEPARATOR.join(rater or UNNAMED for rater in raters)


def parted(text: str) -> tuple[str, ...]:
    """Return the raters of a recording; the inverse of :func:`joined`."""
    return tuple("" if one == UNNAMED else one for one in text.split(_SEPARATOR)) if text else ()


def counting(raters: Sequence[str], rule: str) -> tuple[str, ...]:
    """Return the raters who count under a rule."""
    return tuple(raters) if rule in RULES else tuple(r for r in raters if r == rule)


def check_rater(rule: str, raters: Sequence[str], where: str) -> None:
    """Reject an unknown name of a rater.

    Parameters
    ----------
    rule : str
    raters : sequence of str
        All raters of some recordings.
    where : str
        What they annotated, for the message.

    Raises
    ------
    UnknownRaterError
    """
    if rule in RULES or rule in raters:
        return
    names = sorted(rater for rater in set(raters) if rater)
    there = f"known are {', '.join(names)}" if names else "its raters have no names"
    raise UnknownRaterError(
        f"no rater {rule!r:.100} in {where}: {there}; or use {', '.join(RULES)}"
    )


def decide_recording(
    first: ArrayLike,
    stop: ArrayLike,
    bit: ArrayLike,
    rater: Sequence[str],
    raters: Sequence[str],
    rule: str,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint16]]:
    """Decide the labels of one recording.

    Parameters
    ----------
    first, stop : array_like of int, shape (event,)
        Samples of the events of all raters.
    bit : array_like of uint16, shape (event,)
        Bit of each event's class, or that of unlabelled samples if its rater has no opinion.
    rater : sequence of str
        Rater of each event.
    raters : sequence of str
        Who reviewed the recording.
    rule : str
        A name in `raters`, or one of :data:`RULES`.

    Returns
    -------
    first, stop : ndarray of int64, shape (span,)
        Spans that do not overlap, in order.
    bit : ndarray of uint16, shape (span,)
        Bits of the classes in each, or only that of unlabelled samples; never 0.
    """
    voters = counting(raters, rule)
    firsts, stops = np.asarray(first, np.int64), np.asarray(stop, np.int64)
    bits = np.asarray(bit, np.uint16)
    edges = np.unique(np.concatenate([firsts, stops]))
    size = max(0, len(edges) - 1)
    low, high = np.searchsorted(edges, firsts), np.searchsorted(edges, stops)
    said = np.zeros((len(voters), size), np.uint16)
    rows = {name: row for row, name in enumerate(voters)}
    for name, a, b, mask in zip(rater, low.tolist(), high.tolist(), bits, strict=True):
        if (row := rows.get(name)) is not None:
            said[row, a:b] |= mask
    has_opinion = said < UNLABELLED
    n_voters = has_opinion.sum(axis=0)
    least = {"any": np.ones_like(n_voters), "all": n_voters}.get(rule, n_voters // 2 + 1)
    marked = np.zeros(size, np.uint16)
    for mask in _BITS[:15]:
        votes = ((said & mask).astype(bool) & has_opinion).sum(axis=0)
        marked[(votes >= least) & (n_voters > 0)] |= mask
    marked[n_voters == 0] = UNLABELLED
    begins = np.flatnonzero(np.diff(marked, prepend=np.uint16(0)) != 0) if size else _NONE
    ends = np.append(begins[1:], size)
    spans = marked[begins] != 0
    return edges[begins[spans]], edges[ends[spans]], marked[begins[spans]]


_NONE = np.zeros(0, np.int64)


def is_decided_by_one(bits: ArrayLike, raters: Sequence[str], rule: str) -> bool:
    """Return whether the events of the raters who count define the labels directly.

    This is the case with one rater, and with the rule ``any`` if all raters have an opinion.

    Parameters
    ----------
    bits : array_like of uint16, shape (event,)
        Bits of all events of a recording.
    raters : sequence of str
        Who reviewed it.
    rule : str
    """
    one = len(counting(raters, rule)) <= 1
    return one or (rule == "any" and not (np.asarray(bits, np.uint16) & UNLABELLED).any())


def decide(recordings: Mapping[str, Any], events: Mapping[str, Any], rule: str) -> Decided:
    """Decide the labels of all recordings of a store, under any rule.

    Parameters
    ----------
    recordings : mapping of str to ndarray
        ``raters``.
    events : mapping of str to ndarray
        ``recording``, ``first_sample``, ``stop_sample``, ``class_bit`` and ``rater``.
    rule : str
        The name of a rater, or one of :data:`RULES`.

    Returns
    -------
    Decided
        Spans in the order of recordings and samples, and which recordings are labelled.

    Raises
    ------
    UnknownRaterError
        If no recording has a rater of that name.
    """
    texts = [str(text) for text in np.asarray(recordings["raters"]).tolist()]
    known = {text: parted(text) for text in dict.fromkeys(texts)}
    check_rater(rule, [one for raters in known.values() for one in raters], "this store")
    labelled = np.array([bool(counting(known[text], rule)) for text in texts], bool)
    owner = np.asarray(events["recording"])
    first, stop = (np.asarray(events[n], np.int64) for n in ("first_sample", "stop_sample"))
    bit = np.asarray(events["class_bit"], np.uint16)
    rater = [str(name) for name in np.asarray(events["rater"]).tolist()]
    # rows that record a decision are not annotations
    annotated = np.array([name not in RULES for name in rater], bool)
    ends = np.searchsorted(owner, np.arange(len(texts) + 1))
    rows: list[NDArray[Any]] = [owner[:0]]
    spans = [(first[:0], stop[:0], bit[:0])]
    for row, text in enumerate(texts):
        mine = np.arange(ends[row], ends[row + 1])
        mine = mine[annotated[mine]]
        if not (len(mine) and labelled[row]):
            continue
        names = known[text]
        if is_decided_by_one(bit[mine], names, rule):
            counts = counting(names, rule)
            mine = mine[[rater[k] in counts for k in mine]]
            found = first[mine], stop[mine], bit[mine]
        else:
            owners = [rater[k] for k in mine]
            found = decide_recording(first[mine], stop[mine], bit[mine], owners, names, rule)
        rows.append(np.full(len(found[0]), row, owner.dtype))
        spans.append(found)
    firsts, stops, bits = zip(*spans, strict=True)
    return Decided(
        np.concatenate(rows),
        np.concatenate(firsts),
        np.concatenate(stops),
        np.concatenate(bits),
        labelled,
    )
