"""From the chunks of a shard to the windows of a batch: by the compiled kernel, or with NumPy.

Both read, check, decode and scale, with the same values and errors.
"""

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numcodecs.blosc
import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from tuszstore.read.rows import Rows
from tuszstore.read.shards import DamagedBlock, DamagedShard, ShardFiles
from tuszstore.store.shard import CRC, blosc_fault, signal_file

try:
    from tuszstore.read import _kernel
except ImportError:  # installed without a compiler, or on another processor
    _kernel = None  # type: ignore[assignment]


NO_KERNEL = (
    "the compiled kernel is missing: windows are read with NumPy, more slowly; "
    "reinstall tuszstore with a C compiler"
)
"""Warning at the first read, also shown by ``tuszstore info``."""

_told = False


def has_kernel() -> bool:
    """Return whether windows are read with the compiled kernel."""
    return _kernel is not None


def tell_missing_kernel() -> None:
    """Warn once in a process if the compiled kernel is missing."""
    global _told
    if _kernel is None and not _told:
        _told = True
        warnings.warn(NO_KERNEL, RuntimeWarning, stacklevel=2)


class Buffers:
    """Arrays that one thread reuses, grown as needed."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[np.uint8]] = {}

    def get(self, name: str, n_bytes: int) -> NDArray[np.uint8]:
        """Return an uninitialised array of a number of bytes."""
        array = self._arrays.get(name)
        if array is None or len(array) < n_bytes:
            array = self._arrays[name] = np.empty(n_bytes, np.uint8)
        return array[:n_bytes]


@dataclass(frozen=True)
class Layout:
    """How blocks are stored, and how windows are computed from them.

    Attributes
    ----------
    n_channels, n_samples : int
        Of a block.
    window : int
        Samples of a window.
    dtype : numpy.dtype
        Type of stored values, int16 or float32.
    scale : float
        Factor from stored values to float32.
    compressed : bool
        Whether chunks are Blosc's, or bare.
    verify : bool
        Whether checksums are verified.
    rows : Rows or None
        Derivations of the channels; None to keep the stored ones.
    """

    n_channels: int
    n_samples: int
    window: int
    dtype: np.dtype[Any]
    scale: float
    compressed: bool
    verify: bool
    rows: Rows | None = None

    @property
    def block_bytes(self) -> int:
        """Bytes of a block's values."""
        return self.n_channels * self.n_samples * self.dtype.itemsize


Content = bytes | memoryview


class Decoder(Protocol):
    """Fills windows from consecutive chunks of a shard."""

    def __call__(
        self,
        shard: int,
        spans: NDArray[np.int64],
        first: int,
        targets: NDArray[np.int64],
        out: NDArray[Any],
        buffers: Buffers,
        content: Content | None = None,
        recordings: NDArray[np.int64] | None = None,
    ) -> bool:
        """Read blocks into all windows that hold them.

        Parameters
        ----------
        shard : int
        spans : ndarray of int64, shape (block, 2)
            Where their chunks begin and end in the shard, including checksums.
        first : int
            Place of the first of them in its run.
        targets : ndarray of int64, shape (window, 2)
            Targets of the :class:`~tuszstore.read.plan.Run`. Other blocks of a window are kept.
        out : ndarray of float32 or the stored type, shape (window, row, sample)
        buffers : Buffers
            Buffers of this thread.
        content : bytes-like, optional
            The bytes of the chunks, from the first to the last; by default they are read from
            the shard's file.
        recordings : ndarray of int64, shape (window,), optional
            Recordings of all windows of the batch; needed for derived rows.

        Returns
        -------
        bool
            Whether the disk had to be waited for.

        Raises
        ------
        DamagedShard, DamagedBlock
        """


def make_decoder(
    files: ShardFiles | None, layout: Layout, *, compiled: bool | None = None
) -> Decoder:
    """Return a decoder of blocks.

    Parameters
    ----------
    files : ShardFiles or None
        Source of bytes; None if every call passes them.
    layout : Layout
    compiled : bool, optional
        Whether to use the compiled kernel; by default if available.
    """
    if _kernel is None and compiled:
        raise ImportError("tuszstore was installed without a compiler, so its kernel is missing")
    with_kernel = _kernel is not None if compiled is None else compiled
    return CompiledDecoder(files, layout) if with_kernel else NumpyDecoder(files, layout)


class NumpyDecoder:
    """Decodes with numcodecs and NumPy, which know every codec of a store; see :class:`Decoder`."""

    def __init__(self, files: ShardFiles | None, layout: Layout) -> None:
        self._files = files
        self._layout = layout

    def __call__(
        self,
        shard: int,
        spans: NDArray[np.int64],
        first: int,
        targets: NDArray[np.int64],
        out: NDArray[Any],
        buffers: Buffers,
        content: Content | None = None,
        recordings: NDArray[np.int64] | None = None,
    ) -> bool:
        """Read blocks into all windows that hold them."""
        layout = self._layout
        begin, end = extent(spans)
        waited = False
        if content is None:
            assert self._files is not None
            memory = buffers.get("content", end - begin)
            waited = self._files.read(shard, begin, memory.data)
        else:
            memory = np.frombuffer(content, np.uint8)
        shape = (len(spans), layout.n_channels, layout.n_samples)
        blocks = buffers.get("blocks", len(spans) * layout.block_bytes)
        blocks = blocks.view(layout.dtype).reshape(shape)
        for place, (a, b) in enumerate((spans - begin).tolist()):
            self._decode(place, memory[a : b - CRC], memory[b - CRC : b], blocks[place])
        size = layout.n_samples
        low, high = first * size, (first + len(spans)) * size
        for row, start in targets.tolist():
            begin, end = max(start, low), min(start + layout.window, high)
            for place in range(begin // size, -(-end // size)):
                a, b = max(begin, place * size), min(end, (place + 1) * size)
                values = blocks[place - first, :, a - place * size : b - place * size]
                target = out[row, :, a - start : b - start]
                if layout.rows is not None:
                    assert recordings is not None
                    layout.rows.apply(values[None], recordings[row : row + 1], target[None])
                    continue
                # cast, then multiply in place: faster than one mixed product
                np.copyto(target, values)
                if out.dtype != layout.dtype:
                    np.multiply(target, np.float32(layout.scale), out=target)
        return waited

    def _decode(
        self, place: int, chunk: NDArray[np.uint8], checksum: NDArray[np.uint8], out: NDArray[Any]
    ) -> None:
        # 3 us are too short to release the GIL for
        expected = int.from_bytes(checksum, "little")
        if self._layout.verify and crc32c(chunk.data, gil_release_mode=0) != expected:
            raise DamagedBlock(place, "checksum is wrong")
        if self._layout.compressed:
            if fault := blosc_fault(chunk, out.nbytes):
                raise DamagedBlock(place, fault)
            try:
                numcodecs.blosc.decompress(chunk, out)
            except (RuntimeError, ValueError) as error:
                raise DamagedBlock(place, f"cannot be decompressed: {error}") from error
        elif len(chunk) != out.nbytes:
            raise DamagedBlock(place, "has another length than a block")
        else:
            out[...] = chunk.view(out.dtype).reshape(out.shape)


class CompiledDecoder:
    """Does all in one call without the interpreter's lock; see :class:`Decoder`.

    Unsupported codecs, such as zstd, are delegated to :class:`NumpyDecoder`.
    """

    def __init__(self, files: ShardFiles | None, layout: Layout) -> None:
        self._files = files
        self._layout = layout
        self._shape = (layout.n_channels, layout.n_samples, layout.window)
        self._kernel = _kernel
        self._scratch = 4 * layout.block_bytes
        if layout.rows is not None:
            self._scratch += (layout.rows.n_shared + 1) * _kernel.SHARED
        self._otherwise = NumpyDecoder(files, layout)

    def __call__(
        self,
        shard: int,
        spans: NDArray[np.int64],
        first: int,
        targets: NDArray[np.int64],
        out: NDArray[Any],
        buffers: Buffers,
        content: Content | None = None,
        recordings: NDArray[np.int64] | None = None,
    ) -> bool:
        """Read blocks into all windows that hold them."""
        layout = self._layout
        begin, end = extent(spans)
        scratch = buffers.get("scratch", self._scratch)
        scale = 0.0 if out.dtype == layout.dtype else layout.scale
        rows: tuple[Any, ...] | None = None
        if (r := layout.rows) is not None:
            assert recordings is not None
            assert recordings.dtype == np.int64  # the kernel reads the buffer directly
            rows = (r.starts, r.channels, r.factors, r.offsets, r.limits, r.n_shared, recordings)
        folder, name, memory = -1, "", content
        if content is None:
            assert self._files is not None
            folder, name = self._files.folder, signal_file(shard)
            memory = buffers.get("content", end - begin).data
        done = self._kernel.fill(
            folder,
            name,
            begin,
            memory,
            spans,
            first,
            targets,
            out,
            scratch,
            self._shape,
            layout.dtype.itemsize,
            scale,
            layout.compressed,
            layout.verify,
            rows,
        )
        if isinstance(done, bool):
            return done
        place, reason = done
        if reason == self._kernel.UNKNOWN:
            return _outside_main_thread(
                partial(
                    self._otherwise,
                    shard,
                    spans,
                    first,
                    targets,
                    out,
                    buffers,
                    content,
                    recordings,
                )
            )
        if place < 0:
            raise DamagedShard(reason)
        raise DamagedBlock(place, reason)


def _outside_main_thread(work: Callable[[], bool]) -> bool:
    """Call a function outside the main thread, where Blosc would start threads that break forks."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def extent(spans: NDArray[np.int64]) -> tuple[int, int]:
    """Return where the bytes of chunks begin and end, in any order."""
    bounds = spans.ravel().tolist()  # faster than NumPy for a few chunks
    return min(bounds), max(bounds)
