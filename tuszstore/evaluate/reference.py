"""The annotation as events: from the store's labels, or of one rater."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.intervals import Spans, clip, union
from tuszstore.evaluate.tables import IGNORED, SEIZURE, Annotated, Recordings
from tuszstore.store.raters import parted


@dataclass(frozen=True)
class Reference:
    """The annotated events of recordings.

    Attributes
    ----------
    recordings : Recordings
    annotated : Annotated
    """

    recordings: Recordings
    annotated: Annotated

    def seizures(self, rater: str | None = None) -> EventTable:
        """Return the seizures in the labels, or of one rater.

        Raises
        ------
        ValueError
            If there is no such rater.
        """
        annotated, known = self.annotated, self.recordings.labelled
        chosen = annotated.kind == SEIZURE
        if rater is not None:
            if rater not in self.raters:
                names = ", ".join(map(repr, self.raters)) or "none"
                raise ValueError(f"unknown rater {rater!r}; known are {names}")
            chosen = (annotated.said == SEIZURE) & (annotated.rater == rater)
            known = np.array([rater in parted(names) for names in self.recordings.raters], bool)
        nothing = np.float32(np.nan)
        events = [
            (row, spans, np.full(len(spans), nothing))
            for row, spans in enumerate(self.spans_of(chosen))
        ]
        return EventTable.of(self.recordings, events, known)

    @property
    def raters(self) -> list[str]:
        """Names of the raters; empty if unknown."""
        named = (parted(names) for names in set(self.recordings.raters.tolist()))
        return sorted({one for names in named for one in names} - {""})

    @cached_property
    def ignored(self) -> list[Spans]:
        """For each recording, the spans that are annotated as not to be scored."""
        return self.spans_of(self.annotated.kind == IGNORED)

    def spans_of(self, chosen: NDArray[np.bool_]) -> list[Spans]:
        """Return for each recording the union of some of the annotated events."""
        annotated = self.annotated
        rows = np.flatnonzero(chosen)
        rows = rows[np.argsort(annotated.recording[rows], kind="stable")]
        spans = np.column_stack([annotated.onset[rows], annotated.offset[rows]])
        numbers = np.arange(len(self.recordings) + 1)
        bounds = np.searchsorted(annotated.recording[rows], numbers)
        lengths = self.recordings.seconds
        return [
            clip(union(spans[bounds[row] : bounds[row + 1]]), 0, float(lengths[row]))
            for row in range(len(self.recordings))
        ]
