"""Events of many recordings as one table, from a model, an annotation or a file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuszstore.evaluate.intervals import Spans, as_spans, clip, union
from tuszstore.evaluate.tables import Recordings
from tuszstore.read.selection import find_recording

if TYPE_CHECKING:
    from pathlib import Path

    from mne import Annotations

LABEL = "seiz"
"""Class of a predicted event, as ``.csv_bi`` files name any seizure."""


@dataclass(frozen=True)
class EventTable:
    """Events, one per row, in the order of recordings and onsets.

    Attributes
    ----------
    recordings : Recordings
        All recordings, including those without an event.
    recording : ndarray of int64, shape (event,)
        Row of each event's recording.
    onset, offset : ndarray of float64, shape (event,)
        From the recording's start (s).
    confidence : ndarray of float32, shape (event,)
        0 to 1; NaN if unknown.
    known : ndarray of bool, shape (recording,)
        Which recordings have known events.
    """

    recordings: Recordings
    recording: NDArray[np.int64]
    onset: NDArray[np.float64]
    offset: NDArray[np.float64]
    confidence: NDArray[np.float32]
    known: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        recordings: Recordings,
        events: Sequence[tuple[int, Spans, NDArray[np.float32]]],
        known: NDArray[np.bool_] | None = None,
    ) -> "EventTable":
        """Return the table of the events of some recordings.

        Parameters
        ----------
        recordings : Recordings
            All of them, including those without an event.
        events : sequence of (int, ndarray, ndarray)
            Row of a recording, onset and offset of its events, and the confidence of each.
        known : ndarray of bool, shape (recording,), optional
            By default all.
        """
        rows = [np.full(len(spans), row, np.int64) for row, spans, _ in events]
        spans = np.concatenate([as_spans([]), *(spans for _, spans, _ in events)])
        sure = [np.asarray(confidence, np.float32) for _, _, confidence in events]
        everything = np.ones(len(recordings), bool)
        return cls(
            recordings,
            np.concatenate([np.empty(0, np.int64), *rows]),
            spans[:, 0],
            spans[:, 1],
            np.concatenate([np.empty(0, np.float32), *sure]),
            everything if known is None else known,
        )

    def __len__(self) -> int:
        return len(self.recording)

    def of_recording(self, recording: str | int) -> Spans:
        """Return onset and offset of the events of one recording, shape (event, 2).

        Parameters
        ----------
        recording : str or int
            Id, file name with or without suffix, or row.

        Raises
        ------
        ValueError
            If there is no such recording.
        """
        rows = self.rows(find_recording(self.recordings.id, recording))
        return np.column_stack([self.onset[rows], self.offset[rows]])

    def rows(self, recording: int) -> NDArray[np.int64]:
        """Return the rows of the events of a recording, given by its row."""
        return np.flatnonzero(self.recording == recording)

    def united(self) -> list[Spans]:
        """Return the events of each recording as a union within the recording."""
        order = np.argsort(self.recording, kind="stable")
        spans = np.column_stack([self.onset, self.offset])[order]
        bounds = np.searchsorted(self.recording[order], np.arange(len(self.recordings) + 1))
        lengths = self.recordings.seconds
        return [
            clip(union(spans[bounds[row] : bounds[row + 1]]), 0, float(lengths[row]))
            for row in range(len(self.recordings))
        ]

    def write_bids(self, folder: str | os.PathLike[str]) -> "list[Path]":
        """Write SzCORE's ``_events.tsv`` of each file, in folders of BIDS.

        ``recordingDuration`` is the length of the original file: SzCORE's evaluation scores a
        table of another length as if it were empty. A recording without events has one row
        ``bckg``; an unlabelled one has no table.

        Parameters
        ----------
        folder : path
            Made if it is missing; existing tables in it are replaced.

        Returns
        -------
        list of Path
            The tables.
        """
        from tuszstore.evaluate.files import write_bids

        return write_bids(self, folder)

    def write_csv_bi(self, folder: str | os.PathLike[str]) -> "list[Path]":
        """Write a ``.csv_bi`` of each file, like TUSZ, at the path of the signal.

        Parameters
        ----------
        folder : path
            Made if it is missing; existing files in it are replaced.

        Returns
        -------
        list of Path
            The files; an unlabelled recording has none.
        """
        from tuszstore.evaluate.files import write_csv_bi

        return write_csv_bi(self, folder)

    def to_annotations(self, recording: str | int) -> "Annotations":
        """Return the events of one recording as an MNE object.

        Parameters
        ----------
        recording : str or int
            Id, file name with or without suffix, or row.

        Returns
        -------
        mne.Annotations
            Each with the description ``seiz``, and its confidence among the extras if known.
        """
        from tuszstore.evaluate.files import to_annotations

        return to_annotations(self, recording)

    def __repr__(self) -> str:
        n_known = int(self.known.sum())
        return f"<EventTable: {len(self)} events in {n_known} recordings>"
