"""Signals and labels of windows, as arrays."""

import warnings
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.indices import Indices, check_indices
from tuszstore.read.reader import BlockReader
from tuszstore.read.recordings import n_stored, read_recording
from tuszstore.read.selection import find_recording
from tuszstore.store.labels import UNLABELLED, paint
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.place import Place


class WindowReader:
    """Signals and labels of one store's windows.

    The fast path reads shards itself (:class:`~tuszstore.read.reader.BlockReader`). A store whose
    signal lies in another way, re-chunked or re-compressed by other tools, is read with
    zarr-python: the same numbers, more slowly, and one warning.

    Parameters
    ----------
    store : StoreMetadata
    n_threads : int, optional
        Threads that share a batch; by default as many as there are cores.
    verify : bool
        Whether checksums are verified on the way.
    """

    def __init__(
        self, store: StoreMetadata, n_threads: int | None = None, *, verify: bool = True
    ) -> None:
        self._store = store
        self._blocks: BlockReader | None = None
        store.check_open()
        if reason := _unknown_layout(store):
            warnings.warn(
                f"{store.path}: {reason}: reading it with zarr-python, which is slower",
                stacklevel=3,
            )
        else:
            self._blocks = BlockReader(store, n_threads, verify=verify)

    def signal(self, indices: Indices, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read windows; each block that neighbours share is read once.

        Parameters
        ----------
        indices : array_like of int or bool, shape (window,), or slice
        out : ndarray, shape (window, channel, sample), optional
            To be filled: float32, or the stored type for values as they are stored.

        Returns
        -------
        ndarray of float32, shape (window, channel, sample)
            `out`, if it was given.

        Raises
        ------
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        numbers = check_indices(indices, self._store.n_windows)
        shape = (len(numbers), len(self._store.spec.channels), self._store.geometry.window)
        if out is None:
            out = np.empty(shape, np.float32)
        elif out.shape != shape or not out.flags.c_contiguous:
            raise ValueError(f"out must be C-contiguous of shape {shape}, not {out.shape}")
        elif out.dtype not in (np.float32, self._store.encoding.dtype):
            raise ValueError(f"out must be float32 or as stored, not {out.dtype}")
        blocks = self._blocks
        self._store.check_open()
        if blocks is not None:
            blocks.fill(numbers, out)
        else:
            _fill_with_zarr(self._store, numbers, out)
        return out

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
        )

    def length(self, recording: str | int) -> int:
        """Return how many samples of a recording can be read, from its start.

        Parameters
        ----------
        recording : str or int
            Id, file name without suffix, or row of the recordings table.

        Raises
        ------
        ValueError
            If there is no such recording.
        """
        return n_stored(self._store, find_recording(self._store.recordings["id"], recording))

    def labels(self, indices: Indices) -> NDArray[np.uint16]:
        """Paint the class bits of windows from the store's events.

        Parameters
        ----------
        indices : array_like of int or bool, shape (window,), or slice

        Returns
        -------
        ndarray of uint16, shape (window, sample)
            0 is background; the bits are named by ``spec.classes``.
        """
        store, geometry = self._store, self._store.geometry
        numbers = check_indices(indices, store.n_windows)
        events, table = store.events, store.recordings
        out = np.zeros((len(numbers), geometry.window), np.uint16)
        recordings = store.windows["recording"][numbers]
        begins = (numbers - table["first_window"][recordings]) * geometry.stride
        first = np.searchsorted(events["recording"], recordings, "left")
        stop = np.searchsorted(events["recording"], recordings, "right")
        marked = store.windows["event_classes"][numbers] > 0
        marked |= store.windows["category"][numbers] < 0  # some of it is ignored
        unlabelled = ~np.asarray(table["labelled"], bool)[recordings]
        out[unlabelled] = UNLABELLED
        for row in np.flatnonzero(marked & ~unlabelled):
            span = slice(first[row], stop[row])
            paint(
                events["first_sample"][span] - begins[row],
                events["stop_sample"][span] - begins[row],
                events["bit"][span],
                out[row],
            )
        return out

    def close(self) -> None:
        """Let go of files and buffers, at once or when a batch that is being read is done.

        Nothing is closed under a reader: the number of a folder that is closed may be given to
        another one, which it would then read from.
        """
        self._blocks = None

    def _read_blocks(self, blocks: NDArray[np.int64]) -> NDArray[Any]:
        reader = self._blocks
        self._store.check_open()
        if reader is not None:
            return reader.blocks(blocks)
        return _read_blocks(self._store, blocks)


def _unknown_layout(store: StoreMetadata) -> str:
    """Return what the fast path does not know of a store's signal; nothing if it knows it."""
    array = store.signal
    geometry = store.geometry
    codecs = array["codecs"]
    if [codec["name"] for codec in codecs] != ["sharding_indexed"]:
        return "its signal is not sharded"
    sharding = codecs[0]["configuration"]
    block = [len(store.spec.channels), geometry.block]
    shard = array["chunk_grid"]["configuration"]["chunk_shape"]
    if sharding["chunk_shape"] != [1, *block] or shard != [geometry.shard, *block]:
        return "its signal has other chunks or shards"
    chain, index = sharding["codecs"], sharding["index_codecs"]
    if [codec["name"] for codec in chain] not in (
        ["bytes", "crc32c"],
        ["bytes", "blosc", "crc32c"],
    ):
        return "its signal has other codecs"
    if [codec["name"] for codec in index] != ["bytes", "crc32c"]:
        return "its shards have another index"
    if any(part[0]["configuration"]["endian"] != "little" for part in (chain, index)):
        return "its signal is not little-endian"
    if sharding.get("index_location", "end") != "end":
        return "its shards have their index in front"
    if array["chunk_key_encoding"].get("configuration", {}).get("separator", "/") != "/":
        return "its shards have other names"
    return ""


def _fill_with_zarr(store: StoreMetadata, numbers: NDArray[np.int64], out: NDArray[Any]) -> None:
    """Fill a batch through zarr-python, one run of consecutive blocks at a time."""
    geometry = store.geometry
    wanted = store.windows["start_block"][numbers][:, None] + np.arange(geometry.blocks_per_window)
    blocks, place = np.unique(wanted, return_inverse=True)
    stored = _read_blocks(store, blocks)
    rows = out.reshape(*out.shape[:2], geometry.blocks_per_window, geometry.block).swapaxes(1, 2)
    rows[...] = stored[place.reshape(wanted.shape)]
    if out.dtype != stored.dtype:
        out *= np.float32(store.encoding.scale)


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
            # codecs raise what they like at damaged bytes, and object stores at failed requests
            raise StoreError(
                f"{store.where(first, last)}: cannot be read: {place.explain(error)}"
            ) from (None if place.remote else error)
    return out
