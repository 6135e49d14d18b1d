"""Filling batches: reads, checks, decodes and scales blocks into the array that is asked for.

Threads do it, not processes: reading, CRC-32C, Blosc and NumPy's copies all release the
interpreter's lock. The threads belong to the process, not to a store, and a forked child makes its
own. Blosc's own threads are not used.
"""

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numcodecs.blosc
import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.read.plan import Run, plan_runs
from tuszstore.read.shards import DamagedShard, ShardFiles
from tuszstore.store.metadata import StoreMetadata

_CRC = 4  # bytes of a checksum, behind every block


class BlockReader:
    """Reads windows of one store; safe to use from several threads at once.

    Parameters
    ----------
    store : StoreMetadata
    n_threads : int, optional
        Threads that share a batch; by default as many as there are cores.
    verify : bool
        Whether checksums are verified; it costs a few percent.
    """

    def __init__(
        self, store: StoreMetadata, n_threads: int | None = None, *, verify: bool = True
    ) -> None:
        self._store = store
        self._geometry = store.geometry
        self._n_threads = n_threads or os.cpu_count() or 1
        self._verify = verify
        self._files = ShardFiles(store.path, self._geometry.shard)
        self._compressed = store.config.storage.codec != "none"
        self._dtype = np.dtype(store.config.storage.dtype)
        self._scale = np.float32(store.config.storage.scale)
        self._shape = (store.group["signal"].shape[1], self._geometry.block)
        self._block_size = self._shape[0] * self._shape[1]
        self._start_block = store.windows["start_block"]
        self._local = threading.local()

    def fill(self, numbers: NDArray[np.int64], out: NDArray[Any]) -> None:
        """Read windows into an array.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
        out : ndarray of float32 or the stored type, shape (window, channel, sample)
            C-contiguous. float32 is scaled; int16 gets the values as they are stored.

        Raises
        ------
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        n_parts = self._geometry.blocks_per_window
        # (window, block, channel, sample), as the blocks come
        rows = out.reshape(len(out), self._shape[0], n_parts, self._shape[1]).swapaxes(1, 2)
        runs = iter(plan_runs(self._start_block[numbers], n_parts))

        def fill_runs() -> None:
            for run in runs:  # shared: whichever thread is free takes the next
                self._fill_run(run, rows)

        in_threads(fill_runs, min(self._n_threads, len(numbers)))

    def _fill_run(self, run: Run, rows: NDArray[Any]) -> None:
        blocks = self._read_run(run)
        scale = rows.dtype != self._dtype
        for row, place in run.targets:
            target = rows[row]
            # a cast and a product in place are faster than one mixed product
            np.copyto(target, blocks[place : place + len(target)])
            if scale:
                np.multiply(target, self._scale, out=target)

    def _read_run(self, run: Run) -> NDArray[Any]:
        """Return the blocks of a run, in this thread's buffer."""
        n_blocks = run.stop - run.first
        blocks = self._buffer("blocks", n_blocks * self._block_size, self._dtype)
        blocks = blocks.reshape(n_blocks, *self._shape)
        n_chunks = self._geometry.shard
        first = run.first
        while first < run.stop:
            shard, within = divmod(first, n_chunks)
            count = min(n_chunks - within, run.stop - first)
            part = blocks[first - run.first : first - run.first + count]
            try:
                self._read_chunks(shard, within, part)
            except DamagedShard as error:
                raise self._error(first, first + count - 1, str(error)) from error
            first += count
        return blocks

    def _read_chunks(self, shard: int, within: int, blocks: NDArray[Any]) -> None:
        """Read consecutive chunks of one shard."""
        # plain integers: for a few blocks they are faster than arrays
        spans = self._files.bounds(shard, within, within + len(blocks)).tolist()
        begins, ends = zip(*spans, strict=True)
        number = shard * self._geometry.shard + within
        begin, end = min(begins), max(ends)
        if begin < 0:
            lost = number + begins.index(begin)
            raise self._error(lost, lost, "is missing: it was never written")
        if not self._compressed:
            self._read_bare(shard, spans, blocks, number)
            return
        content = memoryview(self._buffer("content", end - begin, np.dtype(np.uint8)).data)
        self._files.read(shard, begin, [content])
        for k, (a, b) in enumerate(spans):
            chunk = content[a - begin : b - begin - _CRC]
            self._check(chunk, content[b - begin - _CRC : b - begin], number + k)
            try:
                numcodecs.blosc.decompress(chunk, blocks[k])
            except (RuntimeError, ValueError) as error:
                reason = f"cannot be decompressed: {error}"
                raise self._error(number + k, number + k, reason) from error

    def _read_bare(
        self, shard: int, spans: list[list[int]], blocks: NDArray[Any], number: int
    ) -> None:
        """Read uncompressed chunks to where they belong, without a copy."""
        size = blocks[0].nbytes + _CRC
        checksums = memoryview(bytearray(_CRC * len(blocks)))
        buffers = []
        for k, (block, (a, b)) in enumerate(zip(blocks, spans, strict=True)):
            if b - a != size or a != spans[0][0] + k * size:
                raise self._error(number + k, number + k, f"holds {b - a} bytes, not {size}")
            buffers += [block.data.cast("B"), checksums[k * _CRC : (k + 1) * _CRC]]
        self._files.read(shard, spans[0][0], buffers)
        for k, (chunk, checksum) in enumerate(zip(buffers[::2], buffers[1::2], strict=True)):
            self._check(chunk, checksum, number + k)

    def _check(self, chunk: memoryview, checksum: memoryview, number: int) -> None:
        # 3 us are too short to let go of the interpreter's lock for
        if self._verify and crc32c(chunk, gil_release_mode=0) != int.from_bytes(checksum, "little"):
            raise self._error(number, number, "checksum is wrong")

    def _buffer(self, name: str, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return this thread's buffer of a name, grown to what is read."""
        buffer: NDArray[Any] | None = getattr(self._local, name, None)
        if buffer is None or len(buffer) < size:
            buffer = np.empty(size, dtype)
            setattr(self._local, name, buffer)
        return buffer[:size]

    def _error(self, first: int, last: int, reason: str) -> StoreError:
        self._store.check_identity()
        return StoreError(f"{self._store.where(first, last)}: {reason}")


_pool: ThreadPoolExecutor | None = None
_pool_lock = threading.Lock()


def in_threads(work: Callable[[], None], n_threads: int) -> None:
    """Do work in several threads of the process at once, and raise the first error."""
    futures = [_threads().submit(work) for _ in range(n_threads)]
    raise_first(future.exception() for future in futures)


def raise_first(errors: Iterable[BaseException | None]) -> None:
    """Wait for all, then raise the first error that is one."""
    for error in list(errors):
        if error is not None:
            raise error


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _pool_lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="tuszstore")
        return _pool


def _after_fork() -> None:
    """Forget the parent's threads, of which a child has none, and a lock one may have held."""
    global _pool, _pool_lock
    _pool = None
    _pool_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
