"""Signals and labels of windows, as arrays."""

import warnings
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.indices import Indices, check_indices
from tuszstore.read.filling import Share
from tuszstore.read.labels import Shift, WindowLabels
from tuszstore.read.layouts import unknown_layout
from tuszstore.read.memory import check_out
from tuszstore.read.plan import plan_runs
from tuszstore.read.reader import BlockReader
from tuszstore.read.recordings import n_stored, read_recording
from tuszstore.read.rows import Rows
from tuszstore.read.selection import find_recording
from tuszstore.read.targets import Target
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.place import Place
from tuszstore.store.tables import WindowTables


class Index(Protocol):
    """Positions of windows."""

    def __len__(self) -> int: ...

    def places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where windows begin, as :meth:`WindowReader.signal_at` takes it.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
            Within 0 to their number.
        """


class StoredIndex:
    """The windows of a store, from its table.

    Parameters
    ----------
    store : StoreMetadata
    """

    def __init__(self, store: StoreMetadata) -> None:
        self._store = store
        self._block = store.geometry.block
        store.load_tables()
        store.windows.load("start_block", "recording")  # needed by background threads

    def __len__(self) -> int:
        return self._store.n_windows

    def places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where windows begin."""
        windows = self._store.windows
        starts, recordings = windows["start_block"][numbers], windows["recording"][numbers]
        return starts.astype(np.int64) * self._block, recordings.astype(np.int64)


class WindowReader:
    """Signals and labels of windows of one store.

    The fast path reads shards itself (:class:`~tuszstore.read.reader.BlockReader`). A store that
    other tools have re-chunked or re-compressed is read with
    zarr-python: the same values, more slowly, with one warning.

    Parameters
    ----------
    store : StoreMetadata
    n_threads : int, optional
        Threads per batch; by default one per core.
    verify : bool
        Whether to verify checksums.
    rows : Rows, optional
        Derivations of the store's channels; by default the stored ones.
    window : int, optional
        Samples per window; by default the store's.
    index : Index, optional
        Positions of windows; by default the store's.
    tables : WindowTables, optional
        Window metadata, for labels; by default the store's.

    Attributes
    ----------
    rows : Rows or None
    window : int
    """

    def __init__(
        self,
        store: StoreMetadata,
        n_threads: int | None = None,
        *,
        verify: bool = True,
        rows: Rows | None = None,
        window: int | None = None,
        index: Index | None = None,
        tables: WindowTables | None = None,
    ) -> None:
        self._store = store
        self._labels = WindowLabels(store if tables is None else tables)
        self.rows = rows
        self.window = store.geometry.window if window is None else window
        self._index = StoredIndex(store) if index is None else index
        self._blocks: BlockReader | None = None
        store.check_open()
        if reason := unknown_layout(store):
            warnings.warn(
                f"{store.path}: {reason}: reading it with zarr-python, which is slower",
                stacklevel=3,
            )
        else:
            self._blocks = BlockReader(
                store, n_threads, verify=verify, rows=rows, window=self.window
            )

    def places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where windows begin, as :meth:`signal_at` takes it.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
            Within 0 to their number.
        """
        return self._index.places(numbers)

    @property
    def n_rows(self) -> int:
        """Rows of a window: channels of the store, or derivations."""
        return len(self._store.spec.channels) if self.rows is None else len(self.rows)

    def signal(
        self, indices: Indices, out: NDArray[Any] | None = None, shift: Shift = None
    ) -> NDArray[Any]:
        """Read windows; shared blocks are read once.

        Parameters
        ----------
        indices : array_like of int or bool, shape (window,), or slice
        out : ndarray, shape (window, row, sample), optional
            Filled and returned: float32, or int16 if that is stored, for stored values of the
            store's channels.
        shift : ndarray of int64, shape (window,), optional
            Samples by which each window is shifted later; it must stay in its recording. If the
            store's blocks overlap, windows cannot be shifted.

        Returns
        -------
        ndarray of float32, shape (window, row, sample)
            `out`, if given; otherwise memory that is reused once it is no longer referenced.

        Raises
        ------
        ValueError
            If `out` has another shape or type, or is not contiguous.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        numbers = check_indices(indices, len(self._index))
        self._store.check_open()
        positions, recordings = self._index.places(numbers)
        if shift is not None:
            positions = positions + self._checked(shift)
        return self.signal_at(positions, recordings, out)

    def _checked(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        geometry = self._store.geometry
        if geometry.block != geometry.step:
            raise ValueError(
                f"{self._store.path}: its windows are stored one by one "
                "(windows.overlap: duplicate), so they cannot be shifted"
            )
        return np.asarray(shift, np.int64)

    def signal_at(
        self,
        positions: NDArray[np.int64],
        recordings: NDArray[np.int64],
        out: NDArray[Any] | None = None,
    ) -> NDArray[Any]:
        """Read windows that begin at any sample.

        Parameters
        ----------
        positions : ndarray of int64, shape (window,)
            First sample of each window: first block of its recording times the block's samples,
            plus the offset in the recording. A window must be within one recording.
        recordings : ndarray of int64, shape (window,)
            Row of each window's recording in the recordings table.
        out : ndarray, shape (window, row, sample), optional
            As for :meth:`signal`.

        Returns
        -------
        ndarray of float32, shape (window, row, sample)

        Raises
        ------
        ValueError, StoreError
            As for :meth:`signal`.
        """
        stored = self._is_stored(out)
        n_rows = len(self._store.spec.channels) if stored else self.n_rows
        out = check_out(out, (len(positions), n_rows, self.window), self._store.encoding.dtype)
        positions = np.ascontiguousarray(positions, np.int64)
        recordings = np.ascontiguousarray(recordings, np.int64)
        self._store.check_open()
        blocks = self._blocks
        if blocks is not None:
            blocks.fill_at(positions, recordings, out, stored=stored)
        else:
            self._fill_with_zarr(positions, recordings, out, None if stored else self.rows)
        return out

    @property
    def n_threads(self) -> int:
        """Threads per batch."""
        return 1 if self._blocks is None else self._blocks.n_threads

    def share(
        self,
        numbers: NDArray[np.int64],
        out: NDArray[Any],
        rows: NDArray[np.int64],
        shift: Shift = None,
    ) -> Share | None:
        """Plan windows for some rows of a batch.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
        out : ndarray, shape (row of the batch, row, sample)
        rows : ndarray of int64, shape (window,)
            Rows of the batch.
        shift : ndarray of int64, shape (window,), optional

        Returns
        -------
        Share or None
            None if they are not read by blocks, but with zarr-python.
        """
        self._store.check_open()
        positions, recordings = self._index.places(numbers)
        if shift is not None:
            positions = positions + self._checked(shift)
        blocks = self._blocks
        if blocks is None:
            return None
        positions = np.ascontiguousarray(positions, np.int64)
        return blocks.share(positions, recordings, out, rows, stored=self._is_stored(out))

    def _is_stored(self, out: NDArray[Any] | None) -> bool:
        """Return whether stored values are requested, without conversion."""
        stored = np.dtype(self._store.encoding.dtype)
        return out is not None and out.dtype == stored and stored != np.float32

    def _fill_with_zarr(
        self,
        positions: NDArray[np.int64],
        recordings: NDArray[np.int64],
        out: NDArray[Any],
        rows: Rows | None,
    ) -> None:
        """Fill a batch through zarr-python, one run of consecutive blocks at a time."""
        store, window, size = self._store, self.window, self._store.geometry.block
        for run in plan_runs(positions, window, block=size):
            blocks = _read_blocks(store, np.arange(run.first, run.stop))
            stretch = np.ascontiguousarray(blocks.swapaxes(0, 1)).reshape(blocks.shape[1], -1)
            for row, start in run.targets.tolist():
                values = stretch[None, :, start : start + window]
                if rows is not None:
                    rows.apply(values, recordings[row : row + 1], out[row : row + 1])
                    continue
                np.copyto(out[row], values[0])
                if out.dtype != stretch.dtype:
                    np.multiply(out[row], np.float32(store.encoding.scale), out=out[row])

    def recording(
        self,
        recording: str | int,
        start: float = 0.0,
        stop: float | None = None,
        *,
        microvolts: bool = False,
    ) -> NDArray[np.float32]:
        """Read a stretch of one recording; see :meth:`tuszstore.Store.read_recording`."""
        return read_recording(
            self._store,
            self._read_blocks,
            recording,
            start,
            stop,
            microvolts=microvolts,
            rows=self.rows,
        )

    def length(self, recording: str | int) -> int:
        """Return how many samples of a recording can be read, from its start.

        Parameters
        ----------
        recording : str or int
            Id, file name with or without suffix, or row of the recordings table.

        Raises
        ------
        ValueError
            If there is no such recording.
        """
        return n_stored(self._store, find_recording(self._store.recordings["id"], recording))

    def labels(self, indices: Indices, shift: Shift = None) -> NDArray[np.uint16]:
        """Return the class bits of windows, computed from the store's events.

        Parameters
        ----------
        indices : array_like of int or bool, shape (window,), or slice
        shift : ndarray of int64, shape (window,), optional
            Samples by which each window is shifted later.

        Returns
        -------
        ndarray of uint16, shape (window, sample)
            0 is background; the bits are named by ``spec.classes``.
        """
        return self._labels.classes(indices, shift)

    def target(
        self,
        target: Target,
        indices: Indices,
        out: NDArray[Any] | None = None,
        shift: Shift = None,
    ) -> NDArray[Any]:
        """Return the labels of windows for a target.

        Parameters
        ----------
        target, indices, out, shift
            As for :meth:`tuszstore.read.labels.WindowLabels.fill`.
        """
        return self._labels.fill(target, indices, out, shift)

    def load_labels(self, target: Target) -> None:
        """Load the tables for labels: in a thread it may be too late."""
        self._labels.load(target)

    def limit_threads(self, n_threads: int) -> None:
        """Set the maximum number of threads, from the next batch on."""
        if self._blocks is not None:
            self._blocks.n_threads = n_threads

    def close(self) -> None:
        """Release files and buffers, now or when a running read is done.

        Nothing is closed during a read: the descriptor of a closed folder may be reused for
        another one, which would then be read.
        """
        self._blocks = None

    def _read_blocks(self, blocks: NDArray[np.int64]) -> NDArray[Any]:
        reader = self._blocks
        self._store.check_open()
        if reader is not None:
            return reader.blocks(blocks)
        return _read_blocks(self._store, blocks)


def _read_blocks(store: StoreMetadata, blocks: NDArray[np.int64]) -> NDArray[Any]:
    """Read sorted, distinct blocks, each run of consecutive ones at once."""
    (out,) = store.read([partial(_read_runs, store, blocks)])
    corner = out[:, 0, 0]
    missing = store.encoding.missing
    absent = np.isnan(corner) if out.dtype.kind == "f" else corner == missing
    if absent.any():
        block = int(blocks[absent][0])
        raise StoreError(f"{store.where(block, block)}: is missing: it was never written")
    return out


def _read_runs(store: StoreMetadata, blocks: NDArray[np.int64], place: Place) -> NDArray[Any]:
    array = store.group_at(place)["signal"]
    out = np.empty((len(blocks), *array.shape[1:]), array.dtype)
    runs = np.split(np.arange(len(blocks)), np.flatnonzero(np.diff(blocks) != 1) + 1)
    for run in runs if len(blocks) else []:
        first, last = int(blocks[run[0]]), int(blocks[run[-1]])
        try:
            out[run[0] : run[-1] + 1] = array[first : last + 1]
        except Exception as error:
            # codecs may raise anything on damaged bytes, and object stores on failed requests
            raise StoreError(
                f"{store.where(first, last)}: cannot be read: {place.explain(error)}"
            ) from (None if place.remote else error)
    return out
