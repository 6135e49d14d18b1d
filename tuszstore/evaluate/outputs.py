"""The outputs of windows, and the traces of recordings that they are merged to."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.evaluate.group import VALUES, read_content
from tuszstore.evaluate.stitching import Mode, Trace, cell_length, n_cells_of, stitch
from tuszstore.evaluate.tables import Annotated, Recordings, recordings_digest
from tuszstore.evaluate.writing import PredictionError
from tuszstore.read.selection import find_recording
from tuszstore.store.spec import SpecError, StoreSpec

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection


class Outputs:
    """Complete outputs of windows, read as they are needed.

    Parameters
    ----------
    path : Path
        Folder of the predictions.
    attributes : dict
        Those stored with them.
    """

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        self.path = path
        self.attrs = attributes
        # the windows read last: the first, the one after the last, and their values
        self._near: tuple[int, int, Any] = (0, 0, None)

    @cached_property
    def _group(self) -> Any:
        import zarr

        return zarr.open_group(self.path, mode="r", zarr_format=3, use_consolidated=False)

    @cached_property
    def _values(self) -> Any:
        return self._group[VALUES]

    @cached_property
    def _content(self) -> Any:
        try:
            content = read_content(self._group, self.attrs)
        except (KeyError, ValueError, RuntimeError, TypeError, OSError) as error:
            raise StoreError(
                f"{self.path}: is damaged: {type(error).__name__}: {error!s:.200}"
            ) from error
        if self._values.shape[0] != len(content.windows):
            raise StoreError(f"{self.path}: is damaged: its tables belong to other windows")
        return content

    @property
    def spec(self) -> StoreSpec:
        """Specification of the windows, from the store or view."""
        try:
            return StoreSpec.from_json(self.attrs["spec"])
        except SpecError as error:
            raise StoreError(f"{self.path}: is damaged: spec {error}") from error

    @property
    def recordings(self) -> Recordings:
        """The recordings, one a row."""
        recordings: Recordings = self._content.recordings
        return recordings

    @property
    def annotated(self) -> Annotated:
        """The annotation when the predictions were written."""
        annotated: Annotated = self._content.annotated
        return annotated

    def check(self, store: "WindowCollection") -> None:
        """Reject a store or view with other recordings or signals.

        Parameters
        ----------
        store : Store or view
            What the predictions should be of.

        Raises
        ------
        PredictionError
            If its recordings, signals or labels are others.
        """
        if recordings_digest(store) != self._content.identity["recordings"]:
            raise PredictionError(
                f"{self.path}: belongs to another store than {store.path}: recordings, signals or "
                "labels differ; predict its windows again"
            )

    def trace(self, recording: str | int, *, mode: Mode = "mean") -> Trace:
        """Return the probability along one recording.

        Parameters
        ----------
        recording : str or int
            Id, file name with or without suffix, or row of the recordings table.
        mode : {"mean", "max", "last", "causal"}
            How overlapping windows are merged: their mean, with smaller weights near
            the edges; the maximum; the value of the window that began last; or, using only past
            data, the last value of the window that ended last.

        Returns
        -------
        Trace
            A trace whose cells have the greatest length that divides all windows.

        Raises
        ------
        ValueError
            If there is no such recording, or mode.
        """
        row = find_recording(self.recordings.id, recording)
        content = self._content
        windows = self._windows_of(row)
        values = self._read(windows)
        samples = stitch(
            values,
            content.windows.start[windows],
            window=content.window,
            cell=self._cell,
            n_cells=n_cells_of(int(self.recordings.n_samples[row]), self._cell),
            mode=mode,
            hold=content.stride,
        )
        step = self._cell / content.sfreq
        return Trace(str(self.recordings.id[row]), samples, step, mode == "causal")

    def traces(self, *, mode: Mode = "mean") -> Iterator[Trace]:
        """Yield the traces of all recordings, one after the other.

        Parameters
        ----------
        mode : {"mean", "max", "last", "causal"}
            As of :meth:`trace`.

        Yields
        ------
        Trace
            In the order of `recordings`; only one is in memory.

        Raises
        ------
        ValueError
            If there is no such mode.
        """
        for row in range(len(self.recordings)):
            yield self.trace(row, mode=mode)

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._content.windows)

    @cached_property
    def _cell(self) -> int:
        content = self._content
        n_values = self._values.shape[1]
        return cell_length(np.unique(content.windows.start), content.window, n_values)

    @cached_property
    def _order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Windows ordered by recording, and the position of each recording's first window."""
        recording = self._content.windows.recording
        order = np.argsort(recording, kind="stable")
        return order, np.searchsorted(recording[order], np.arange(len(self.recordings) + 1))

    def _windows_of(self, row: int) -> NDArray[np.int64]:
        order, bounds = self._order
        return order[bounds[row] : bounds[row + 1]]

    def _read(self, windows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the values of windows, read in one piece if they are consecutive."""
        array = self._values
        if not len(windows):
            return np.empty((0, array.shape[1]), np.float32)
        first, last = int(windows.min()), int(windows.max()) + 1
        try:
            if last - first > len(windows):
                return np.asarray(array.oindex[windows])
            begin, end, values = self._near
            if not begin <= first < last <= end:
                # whole chunks, which also contain the next recordings
                rows = array.chunks[0]
                begin, end = first // rows * rows, -(-last // rows) * rows
                values = np.asarray(array[begin:end])
                self._near = begin, end, values
        except (ValueError, RuntimeError, OSError) as error:
            raise StoreError(
                f"{self.path}/{VALUES}: cannot read windows {first} to {last - 1}: {error!s:.200}"
            ) from error
        found: NDArray[np.float32] = values[windows - begin]
        return found
