"""Windows of any length and stride: their positions and content.

Their columns equal those of an index that is built with this geometry. They are computed from
the lengths of recordings and annotated intervals.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.geometry import Geometry
from tuszstore.store.index import Columns, categorise
from tuszstore.store.spans import LabelSpans, Spans
from tuszstore.store.spec import StoreSpec

AT_ONCE = 1 << 20
"""Windows that are processed together, which bounds memory."""


@dataclass(frozen=True)
class WindowGrid:
    """Windows at regular positions of recordings.

    Attributes
    ----------
    geometry : Geometry
        Lengths of windows and strides.
    n_samples : ndarray of int64, shape (recording,)
        Length of each recording.
    base : ndarray of int64, shape (recording,)
        Where the first window of each begins in the store: its block times the samples of a block,
        and the sample within that.
    pitch : int
        Samples between two windows there: the stride, unless blocks overlap.
    """

    geometry: Geometry
    n_samples: NDArray[np.int64]
    base: NDArray[np.int64]
    pitch: int

    @classmethod
    def of(cls, recordings: Mapping[str, NDArray[Any]], stored: Geometry, wanted: Geometry) -> Self:
        """Place windows on the recordings of a store.

        Parameters
        ----------
        recordings : mapping of str to ndarray
            ``n_samples`` and ``first_block``.
        stored : Geometry
            Arrangement of the store's blocks.
        wanted : Geometry
            Geometry of the windows. If blocks overlap, it must be the store's.
        """
        base = recordings["first_block"].astype(np.int64) * stored.block
        pitch = wanted.stride // stored.step * stored.block
        if stored.block == stored.step:
            pitch = wanted.stride
        return cls(wanted, recordings["n_samples"].astype(np.int64), base, pitch)

    @cached_property
    def n_windows(self) -> NDArray[np.int64]:
        """Windows of each recording."""
        geometry = self.geometry
        return np.maximum((self.n_samples - geometry.window) // geometry.stride + 1, 0)

    @cached_property
    def first_window(self) -> NDArray[np.int64]:
        """First window of each recording."""
        return np.cumsum(self.n_windows) - self.n_windows

    def __len__(self) -> int:
        return int(self.n_windows.sum())

    def find(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return recording and first sample, from the recording's start, of windows.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
        """
        # recordings with equal first window: all but the last have no windows
        recording = np.searchsorted(self.first_window, numbers, "right") - 1
        return recording, (numbers - self.first_window[recording]) * self.geometry.stride

    def places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where windows begin in the store, and their recordings.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)

        Returns
        -------
        positions, recordings : ndarray of int64, shape (window,)
        """
        recording = np.searchsorted(self.first_window, numbers, "right") - 1
        return self.base[recording] + (
            numbers - self.first_window[recording]
        ) * self.pitch, recording

    def meeting(
        self, spans: Spans, offset: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Yield the windows that overlap intervals, and the numbers of common samples.

        Parameters
        ----------
        spans : Spans
            Each within one recording.
        offset : ndarray of int64, shape (recording,)
            Where recordings begin on the axis of the intervals.

        Yields
        ------
        window, samples : ndarray of int64
            A window that overlaps several intervals is repeated, but not within one array for one
            interval.
        """
        window, stride = self.geometry.window, self.geometry.stride
        owner = np.searchsorted(offset, spans.first, "right") - 1
        first, stop = spans.first - offset[owner], spans.stop - offset[owner]
        low = np.maximum(-((window - 1 - first) // stride), 0)
        high = np.minimum((stop - 1) // stride, self.n_windows[owner] - 1)
        count = np.maximum(high - low + 1, 0)
        until = np.cumsum(count)
        begin = 0
        while begin < len(count):
            done = until[begin] - count[begin]
            end = max(int(np.searchsorted(until, done + AT_ONCE, "right")), begin + 1)
            some = slice(begin, end)
            row = np.repeat(np.arange(begin, end), count[some])
            within = low[row] + np.arange(len(row)) - (until - count)[row] + done
            start = within * stride
            samples = np.minimum(stop[row], start + window) - np.maximum(first[row], start)
            yield self.first_window[owner[row]] + within, samples
            begin = end


def window_columns(
    grid: WindowGrid,
    recordings: Mapping[str, NDArray[Any]],
    events: Mapping[str, NDArray[Any]],
    spec: StoreSpec,
) -> Columns:
    """Return the content of windows: `seizure_fraction`, `category` and `event_classes`.

    Parameters
    ----------
    grid : WindowGrid
    recordings, events : mapping of str to ndarray
        Columns of those tables.
    spec : StoreSpec
    """
    labels = LabelSpans.of(recordings, events, spec)
    n_seizure = np.zeros(len(grid), np.int64)
    for windows, samples in grid.meeting(labels.seizure, labels.offset):
        np.add.at(n_seizure, windows, samples)
    fraction = n_seizure / grid.geometry.window
    del n_seizure
    for windows, _ in grid.meeting(labels.unlabelled, labels.offset):
        fraction[windows] = np.nan
    classes = np.zeros(len(grid), np.uint16)
    for bit, spans in labels.classes.items():
        for windows, _ in grid.meeting(spans, labels.offset):
            classes[windows] |= np.uint16(bit)
    return {
        "seizure_fraction": fraction,
        "category": categorise(fraction, spec.full_seizure),
        "event_classes": classes,
    }


def place_columns(grid: WindowGrid, first_block: NDArray[np.int64], block: int) -> Columns:
    """Return the positions of windows: `recording`, `start_block` and `start_time`.

    Parameters
    ----------
    grid : WindowGrid
    first_block : ndarray of int64, shape (recording,)
    block : int
        Samples of a block.
    """
    geometry = grid.geometry
    recording = np.repeat(np.arange(len(grid.n_samples), dtype=np.int32), grid.n_windows)
    within = np.arange(len(recording)) - np.repeat(grid.first_window, grid.n_windows)
    start_block = within * grid.pitch
    start_block //= block
    start_block += np.repeat(first_block, grid.n_windows)
    return {
        "recording": recording,
        "start_block": start_block,
        "start_time": within * (geometry.stride / geometry.sfreq),
    }
