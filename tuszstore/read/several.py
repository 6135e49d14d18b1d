"""Reading windows of several stores like those of one."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tuszstore.indices import Indices, check_indices
from tuszstore.read.base import SignalReader
from tuszstore.read.filling import Share, fill_together
from tuszstore.read.labels import Shift, WindowLabels
from tuszstore.read.memory import check_out
from tuszstore.read.selection import find_recording
from tuszstore.read.targets import Target
from tuszstore.store.tables import WindowTables


class Sharing(SignalReader, Protocol):
    """A reader that plans its share of a batch."""

    n_threads: int

    def share(
        self,
        numbers: NDArray[np.int64],
        out: NDArray[Any],
        rows: NDArray[np.int64],
        shift: Shift = None,
    ) -> Share | None:
        """Plan the windows for some rows; None if the store is read with zarr-python."""


class SeveralReader:
    """Signals and labels of windows of several stores; thread-safe.

    Parameters
    ----------
    readers : sequence of Sharing
        One for each store.
    first_window, first_recording : ndarray of int64, shape (store,)
        The first of each store.
    tables : WindowTables
        Tables of all windows.
    """

    def __init__(
        self,
        readers: Sequence[Sharing],
        first_window: NDArray[np.int64],
        first_recording: NDArray[np.int64],
        tables: WindowTables,
    ) -> None:
        self._readers = list(readers)
        self._first_window = first_window
        self._first_recording = first_recording
        self._tables = tables
        self._labels = WindowLabels(tables)
        self.rows = None
        self.window = tables.geometry.window

    @property
    def n_rows(self) -> int:
        """Rows of a window."""
        return len(self._tables.spec.channels)

    def signal(
        self, indices: Indices, out: NDArray[Any] | None = None, shift: Shift = None
    ) -> NDArray[Any]:
        """Read windows; see :meth:`tuszstore.read.windows.WindowReader.signal`."""
        numbers = check_indices(indices, self._tables.n_windows)
        self._tables.check_open()
        shape = (len(numbers), self.n_rows, self.window)
        out = check_out(out, shape, self._tables.encoding.dtype)
        shares, others = [], []
        for number, rows in self._by_store(numbers):
            reader, part = self._readers[number], numbers[rows] - self._first_window[number]
            moved = None if shift is None else shift[rows]
            share = reader.share(part, out, rows, moved)
            if share is None:
                others.append((reader, part, rows, moved))
            else:
                shares.append(share)
        fill_together(shares, max(reader.n_threads for reader in self._readers))
        for reader, part, rows, moved in others:
            values = np.empty((len(rows), *shape[1:]), out.dtype)
            out[rows] = reader.signal(part, values, moved)
        return out

    def labels(self, indices: Indices, shift: Shift = None) -> NDArray[np.uint16]:
        """Return the class bits of windows, ``(window, sample)``."""
        return self._labels.classes(indices, shift)

    def target(
        self,
        target: Target,
        indices: Indices,
        out: NDArray[Any] | None = None,
        shift: Shift = None,
    ) -> NDArray[Any]:
        """Return the labels of windows for a target."""
        if target.label != "preictal":
            return self._labels.fill(target, indices, out, shift)
        # distances to seizures are known within a store only, since clocks are specific to it
        numbers = check_indices(indices, self._tables.n_windows)
        if out is None:
            out = np.empty((len(numbers), *target.shape(self.n_rows, self.window)), target.dtype)
        for number, rows in self._by_store(numbers):
            part = numbers[rows] - self._first_window[number]
            moved = None if shift is None else shift[rows]
            out[rows] = self._readers[number].target(target, part, shift=moved)
        return out

    def load_labels(self, target: Target) -> None:
        """Load the tables for labels: in a thread it may be too late."""
        if target.label != "preictal":
            self._labels.load(target)
        for reader in self._readers:
            reader.load_labels(target)

    def recording(
        self,
        recording: str | int,
        start: float = 0.0,
        stop: float | None = None,
        *,
        microvolts: bool = False,
    ) -> NDArray[Any]:
        """Read a stretch of one recording."""
        reader, row = self._recording(recording)
        return reader.recording(row, start, stop, microvolts=microvolts)

    def length(self, recording: str | int) -> int:
        """Return how many samples of a recording can be read, from its start."""
        reader, row = self._recording(recording)
        return reader.length(row)

    def limit_threads(self, n_threads: int) -> None:
        """Set the maximum number of threads, from the next batch on."""
        for reader in self._readers:
            reader.limit_threads(n_threads)

    def close(self) -> None:
        """Do nothing: the stores' own readers stay open."""

    def _by_store(self, numbers: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
        """Return the stores of windows, and the places of each store's windows."""
        source = np.searchsorted(self._first_window, numbers, "right") - 1
        return [(n, np.flatnonzero(source == n)) for n in np.unique(source).tolist()]

    def _recording(self, recording: str | int) -> tuple[Sharing, int]:
        row = find_recording(self._tables.recordings["id"], recording)
        number = int(np.searchsorted(self._first_recording, row, "right")) - 1
        return self._readers[number], row - int(self._first_recording[number])
