"""Filling batches: reads, checks, decodes and scales blocks into the array that is asked for.

Threads do it, not processes: reading, CRC-32C, Blosc and NumPy's copies all release the
interpreter's lock. They live as long as a batch takes, which costs a hundredth of it: nothing is
left behind, and a forked child has nothing to repair. Blosc's own threads are not used.
"""

import os
import threading
from collections.abc import Callable
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


class Buffers:
    """Arrays that one thread uses again and again, grown to what is asked of them."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def get(self, name: str, size: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array of `size` values that hold anything."""
        array = self._arrays.get(name)
        if array is None or len(array) < size:
            array = self._arrays[name] = np.empty(size, dtype)
        return array[:size]


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
        self._idle: list[Buffers] = []

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
            buffers = self._idle.pop() if self._idle else Buffers()
            for run in runs:  # shared: whichever thread is free takes the next
                self._fill_run(run, rows, buffers)
            self._idle.append(buffers)

        in_threads(fill_runs, min(self._n_threads, len(numbers)))

    def _fill_run(self, run: Run, rows: NDArray[Any], buffers: Buffers) -> None:
        blocks = self._read_run(run, buffers)
        scale = rows.dtype != self._dtype
        for row, place in run.targets:
            target = rows[row]
            # a cast and a product in place are faster than one mixed product
            np.copyto(target, blocks[place : place + len(target)])
            if scale:
                np.multiply(target, self._scale, out=target)

    def _read_run(self, run: Run, buffers: Buffers) -> NDArray[Any]:
        """Return the blocks of a run, in a buffer."""
        n_blocks = run.stop - run.first
        blocks = buffers.get("blocks", n_blocks * self._block_size, self._dtype)
        blocks = blocks.reshape(n_blocks, *self._shape)
        n_chunks = self._geometry.shard
        first = run.first
        while first < run.stop:
            shard, within = divmod(first, n_chunks)
            count = min(n_chunks - within, run.stop - first)
            part = blocks[first - run.first : first - run.first + count]
            try:
                self._read_chunks(shard, within, part, buffers)
            except DamagedShard as error:
                raise self._error(first, first + count - 1, str(error)) from error
            first += count
        return blocks

    def _read_chunks(self, shard: int, within: int, blocks: NDArray[Any], buffers: Buffers) -> None:
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
        content = memoryview(buffers.get("content", end - begin, np.dtype(np.uint8)).data)
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

    def _error(self, first: int, last: int, reason: str) -> StoreError:
        self._store.check_identity()
        return StoreError(f"{self._store.where(first, last)}: {reason}")


def in_threads(work: Callable[[], None], n_threads: int) -> None:
    """Do work in several threads at once, and raise the first error.

    Even one thread is a new one: in a main thread Blosc would start threads of its own.
    """
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # raised below, in the thread that waits
            errors.append(error)

    threads = [
        threading.Thread(target=guarded, name="tuszstore-read", daemon=True)
        for _ in range(n_threads)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
