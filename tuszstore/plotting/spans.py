"""Annotated events as spans of time, by class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuszstore.store import timeline
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.raters import decides

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection


@dataclass(frozen=True)
class Span:
    """The samples of one annotated event.

    Attributes
    ----------
    label : str
        Class as named in the store, or as annotated if it counts as background.
    start, stop : int
        First sample, and the one after the last, relative to the recording's start.
    channel : str
        As annotated.
    seizure : bool
        Whether the class counts as seizure.
    recording : int
        Row of the recordings table.
    """

    label: str
    start: int
    stop: int
    channel: str
    seizure: bool
    recording: int


def event_spans(store: "WindowCollection", recording: int | None = None) -> list[Span]:
    """Return the spans of the events of a store or of one recording, in the table's order.

    Events that cover no sample, and those of raters who do not decide the labels, have no span.

    Parameters
    ----------
    store : Store
    recording : int, optional
        Row of the recordings table.
    """
    spec, events = store.spec, store.events
    rows = np.arange(events.sizes["event"])
    if recording is not None:
        rows = rows[events["recording"].values == recording]
    rows = rows[decides(events["bit"].values[rows], events["class_bit"].values[rows])]
    names = ("first_sample", "stop_sample", "bit", "class", "channel", "recording")
    columns = (events[name].values[rows].tolist() for name in names)
    return [
        Span(
            span_class(bit, label, spec.classes),
            first,
            stop,
            str(channel),
            bool(bit & spec.seizure_bits),
            number,
        )
        for first, stop, bit, label, channel, number in zip(*columns, strict=True)
        if stop > first
    ]


def span_class(bit: int, annotated: str, classes: Sequence[str]) -> str:
    """Return the class of an event: as named in the configuration, otherwise as annotated.

    Parameters
    ----------
    bit : int
        Bit of the class in labels; 0 if it counts as background.
    annotated : str
    classes : sequence of str
        In the order of their bits.
    """
    return classes[bit.bit_length() - 1] if 0 < bit < UNLABELLED else str(annotated)


def merge(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Return the samples that spans of one recording cover, as sorted disjoint intervals.

    Parameters
    ----------
    spans : iterable of Span

    Returns
    -------
    list of (int, int)
        First sample, and the one after the last; intervals are at least one sample apart.
    """
    pairs = np.array([(span.start, span.stop) for span in spans], np.int64).reshape(-1, 2)
    first, stop = timeline.merge(pairs[:, 0], pairs[:, 1])
    return list(zip(first.tolist(), stop.tolist(), strict=True))


def merge_all(
    recording: NDArray[np.int64], start: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the samples that spans of many recordings cover, like :func:`merge` for one.

    Parameters
    ----------
    recording : ndarray of int64, shape (span,)
        Row of each span's recording.
    start, stop : ndarray of int64, shape (span,)
        First sample, and the one after the last.

    Returns
    -------
    recording, start, stop : ndarray of int64, shape (interval,)
        Disjoint intervals, ordered by recording and sample.
    """
    # on one axis of sample ranks, with a range for each recording, so that no sum can overflow
    rows, row = np.unique(recording, return_inverse=True)
    samples, rank = np.unique(np.concatenate([start, stop]), return_inverse=True)
    length = len(samples) + 1  # one more, so that ranges of neighbouring recordings do not adjoin
    first, last = row * length + rank.reshape(2, -1)
    first, last = timeline.merge(first, last)
    return rows[first // length], samples[first % length], samples[last % length]


def by_class(spans: Sequence[Span]) -> dict[str, list[Span]]:
    """Return spans by class, in order of first occurrence.

    Parameters
    ----------
    spans : sequence of Span
    """
    classes: dict[str, list[Span]] = {}
    for span in spans:
        classes.setdefault(span.label, []).append(span)
    return classes
