"""Places to jump to: seizures, misses, false alarms, and windows drawn by a sampler."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuszstore.indices import Indices, check_indices
from tuszstore.plotting.spans import Span, event_spans, merge
from tuszstore.store.categories import CODES
from tuszstore.units import clock

if TYPE_CHECKING:
    from tuszstore.evaluate.events import EventTable
    from tuszstore.evaluate.predictions import Predictions
    from tuszstore.facade.windows import WindowCollection


_NAMES = {code: name for name, code in CODES.items()}


@dataclass(frozen=True)
class Place:
    """A stretch of a recording to jump to.

    Attributes
    ----------
    row : int
        Row of the recordings table.
    start, stop : float
        Seconds from the start of the recording.
    what : str
        Description, such as ``fnsz, 34 s``.
    """

    row: int
    start: float
    stop: float
    what: str


def seizures(store: "WindowCollection") -> list[Place]:
    """Return the annotated seizures, ordered by recording and time.

    Overlapping or adjoining events of several channels are merged.
    """
    by_row: dict[int, list[Span]] = {}
    for span in event_spans(store):
        if span.seizure:
            by_row.setdefault(span.recording, []).append(span)
    rate = store.sfreq
    places = []
    for row, spans in sorted(by_row.items()):
        for first, stop in merge(spans):
            labels = {span.label for span in spans if span.start < stop and span.stop > first}
            what = f"{', '.join(sorted(labels))}, {(stop - first) / rate:.0f} s"
            places.append(Place(row, first / rate, stop / rate, what))
    return places


def errors(predictions: "Predictions", events: "EventTable") -> tuple[list[Place], list[Place]]:
    """Return the seizures that no event overlaps, and the events that overlap no seizure.

    Unlabelled recordings have neither.
    """
    from tuszstore.evaluate.intervals import touched

    misses: list[Place] = []
    alarms: list[Place] = []
    reference = predictions.reference().united()
    found = events.united()
    for row in np.flatnonzero(predictions.recordings.labelled).tolist():
        for spans, others, places in (
            (reference[row], found[row], misses),
            (found[row], reference[row], alarms),
        ):
            for start, stop in spans[~touched(spans, others)].tolist():
                places.append(Place(row, start, stop, f"{stop - start:.0f} s"))
    return misses, alarms


def windows(store: "WindowCollection", indices: Indices) -> list[Place]:
    """Return windows as places, in the order given.

    Parameters
    ----------
    store : Store or View
    indices : array_like of int or bool, or slice
        For example drawn by a sampler.

    Raises
    ------
    IndexError, TypeError
        If an index is not that of a window.
    """
    numbers = check_indices(indices, len(store))
    table = store.metadata.windows
    length = store.spec.window / store.sfreq
    columns = (
        table["recording"][numbers],
        table["start_time"][numbers],
        table["category"][numbers],
    )
    return [
        Place(row, start, start + length, f"window {number}, {_NAMES[category]}")
        for number, row, start, category in zip(
            numbers.tolist(), *(column.tolist() for column in columns), strict=True
        )
    ]


def shown_time(place: Place) -> str:
    """Return the start of a place as a clock time."""
    return clock(place.start)
