"""Filling batches: reads blocks, checks and decodes them into the array that is asked for.

Threads do it, not processes: reading and decoding hold no lock of the interpreter. They live as
long as a batch takes, which costs a hundredth of it: nothing is left behind, and a forked child has
nothing to repair. Blosc's own threads are not used.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.read.decode import Buffers, Layout, make_decoder
from tuszstore.read.plan import Run, plan_runs
from tuszstore.read.shards import DamagedBlock, DamagedShard, ShardFiles
from tuszstore.store.metadata import StoreMetadata


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
        geometry, storage = store.geometry, store.config.storage
        self._n_threads = n_threads or os.cpu_count() or 1
        self._n_chunks = geometry.shard
        self._n_parts = geometry.blocks_per_window
        layout = Layout(
            n_channels=store.group["signal"].shape[1],
            n_samples=geometry.block,
            n_parts=self._n_parts,
            dtype=np.dtype(storage.dtype),
            scale=storage.scale,
            compressed=storage.codec != "none",
            verify=verify,
        )
        self._files = store.read_from(
            lambda place: ShardFiles(place, geometry.shard, layout.block_bytes)
        )
        self._decode = make_decoder(self._files, layout)
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
        runs = list(plan_runs(self._start_block[numbers], self._n_parts, self._n_threads))
        left = iter(runs)  # shared: whichever thread is free takes the next

        def fill_runs() -> None:
            buffers = self._idle.pop() if self._idle else Buffers()
            for run in left:
                self._fill_run(run, out, buffers)
            self._idle.append(buffers)

        in_threads(fill_runs, min(self._n_threads, len(runs)))

    def _fill_run(self, run: Run, out: NDArray[Any], buffers: Buffers) -> None:
        first = run.first
        while first < run.stop:  # a part for each shard
            shard, within = divmod(first, self._n_chunks)
            count = min(self._n_chunks - within, run.stop - first)
            try:
                spans = self._files.spans(shard, within, within + count)
                self._decode(shard, spans, first - run.first, run.targets, out, buffers)
            except DamagedShard as error:
                raise self._error(first, first + count - 1, error) from error
            except DamagedBlock as error:
                number = first + error.place
                raise self._error(number, number, error) from error
            first += count

    def _error(self, first: int, last: int, reason: Exception) -> StoreError:
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
