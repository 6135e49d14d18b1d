"""Filling batches: reads blocks, checks and decodes them into the array that is asked for.

Threads do it, not processes: reading and decoding hold no lock of the interpreter. One is the one
that asks; the others live as long as a batch takes, which costs a hundredth of it: nothing is left
behind, and a forked child has nothing to repair. Blosc's own threads are not used.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.read.ahead import Announcer
from tuszstore.read.decode import (
    Buffers,
    CompiledDecoder,
    Decoder,
    Layout,
    extent,
    make_decoder,
    tell_missing_kernel,
)
from tuszstore.read.plan import Part, parts_of, plan_runs
from tuszstore.read.remote import Fetch, ShardObjects, plan_fetches
from tuszstore.read.shards import DamagedBlock, DamagedShard, ShardFiles
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.place import RequestError
from tuszstore.store.remote import RemotePlace

T = TypeVar("T")


class BlockReader:
    """Reads windows of one store; safe to use from several threads at once.

    Parameters
    ----------
    store : StoreMetadata
    n_threads : int, optional
        Threads that share a batch; by default as many as there are cores. A store in an object
        store has as many as there are requests under way.
    verify : bool
        Whether checksums are verified; it costs a few percent.

    Attributes
    ----------
    n_threads : int
        May be changed between batches.
    """

    def __init__(
        self, store: StoreMetadata, n_threads: int | None = None, *, verify: bool = True
    ) -> None:
        tell_missing_kernel()
        self._store = store
        self.n_threads = n_threads or os.cpu_count() or 1
        self._n_chunks = store.geometry.shard
        self._shards = self._open_shards(self._layout(1, verify=verify).block_bytes)
        self._window = self._decoder(self._layout(store.geometry.blocks_per_window, verify=verify))
        self._block = self._decoder(self._layout(1, verify=verify))
        store.load_tables()
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
        self._fill(self._start_block[numbers], self._window, out)

    def blocks(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Read blocks as they are stored.

        Parameters
        ----------
        numbers : ndarray of int64, shape (block,)

        Returns
        -------
        ndarray of the stored type, shape (block, channel, sample)

        Raises
        ------
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        layout, _ = self._block
        out = np.empty((len(numbers), layout.n_channels, layout.n_samples), layout.dtype)
        self._fill(numbers, self._block, out)
        return out

    def _layout(self, n_parts: int, *, verify: bool) -> Layout:
        encoding = self._store.encoding
        return Layout(
            n_channels=len(self._store.spec.channels),
            n_samples=self._store.geometry.block,
            n_parts=n_parts,
            dtype=np.dtype(encoding.dtype),
            scale=encoding.scale,
            compressed=encoding.codec != "none",
            verify=verify,
        )

    def _open_shards(self, block_bytes: int) -> ShardFiles | ShardObjects:
        if isinstance(self._store.place, RemotePlace):
            return ShardObjects(self._store.place, self._n_chunks, block_bytes)
        (files,) = self._store.read(
            [lambda place: ShardFiles(Path(place.path), self._n_chunks, block_bytes)]
        )
        return files

    def _decoder(self, layout: Layout) -> tuple[Layout, Decoder]:
        files = self._shards if isinstance(self._shards, ShardFiles) else None
        return layout, make_decoder(files, layout)

    def _fill(
        self, starts: NDArray[np.int64], made: tuple[Layout, Decoder], out: NDArray[Any]
    ) -> None:
        layout, decode = made
        runs = plan_runs(starts, layout.n_parts, self.n_threads)
        parts = [part for run in runs for part in parts_of(run, self._n_chunks)]
        if isinstance(self._shards, ShardObjects):
            self._fill_from_objects(self._shards, parts, decode, out)
        else:
            self._fill_from_files(self._shards, parts, decode, out)

    def _fill_from_files(
        self, files: ShardFiles, parts: list[Part], decode: Decoder, out: NDArray[Any]
    ) -> None:
        announcer = Announcer(parts, partial(self._announce, files), self._block[0].block_bytes)
        left = iter(enumerate(parts))  # shared: whichever thread is free takes the next

        def fill_parts() -> None:
            buffers = self._idle.pop() if self._idle else Buffers()
            for place, part in left:
                waited = self._attempt(part, partial(self._fill_part, part, decode, out, buffers))
                announcer.after(place, waited=waited)
            self._idle.append(buffers)

        # NumPy's way is Blosc's, which in a main thread would start threads of its own
        here = isinstance(decode, CompiledDecoder)
        in_threads(*[fill_parts] * min(self.n_threads, len(parts)), here=here)

    def _announce(self, files: ShardFiles, part: Part) -> None:
        files.announce(part.shard, *extent(self._spans(part)))

    def _fill_part(self, part: Part, decode: Decoder, out: NDArray[Any], buffers: Buffers) -> bool:
        return decode(
            part.shard,
            self._spans(part),
            part.first - part.run.first,
            part.run.targets,
            out,
            buffers,
        )

    def _fill_from_objects(
        self, objects: ShardObjects, parts: list[Part], decode: Decoder, out: NDArray[Any]
    ) -> None:
        """Fetch the indexes that are not known, then the blocks, and decode each as it comes."""
        at_once = self._store.place.at_once
        unknown = {part.shard: part for part in parts if not objects.has_index(part.shard)}
        at_once(
            [
                partial(self._attempt, part, partial(objects.load_index, shard))
                for shard, part in unknown.items()
            ]
        )
        spans = [self._attempt(part, partial(self._spans, part)) for part in parts]
        fetches = plan_fetches(zip(parts, spans, strict=True))
        tasks: list[Callable[[], None]] = [
            partial(
                self._attempt, fetch.whole(), partial(self._fill_fetch, objects, fetch, decode, out)
            )
            for fetch in fetches
        ]
        if unknown:  # the indexes must be of the store that was opened
            tasks.append(self._store.check_identity)
        at_once(tasks)

    def _fill_fetch(
        self, objects: ShardObjects, fetch: Fetch, decode: Decoder, out: NDArray[Any]
    ) -> None:
        content = objects.get(fetch.shard, fetch.begin, fetch.end)
        buffers = self._idle.pop() if self._idle else Buffers()
        for part, spans in fetch.parts:
            begin, end = extent(spans)
            self._attempt(
                part,
                partial(
                    decode,
                    part.shard,
                    spans,
                    part.first - part.run.first,
                    part.run.targets,
                    out,
                    buffers,
                    content[begin - fetch.begin : end - fetch.begin],
                ),
            )
        self._idle.append(buffers)

    def _spans(self, part: Part) -> NDArray[np.int64]:
        within = part.first % self._n_chunks
        return self._shards.spans(part.shard, within, within + part.count)

    def _attempt(self, part: Part, work: Callable[[], T]) -> T:
        """Do what a part needs, and name recording and time if it fails."""
        try:
            return work()
        except DamagedShard as error:
            raise self._error(part.first, part.first + part.count - 1, error) from error
        except DamagedBlock as error:
            number = part.first + error.place
            raise self._error(number, number, error) from error

    def _error(self, first: int, last: int, reason: Exception) -> StoreError:
        # a server that did not answer would be waited for once more
        if not getattr(reason, "unanswered", False):
            with contextlib.suppress(RequestError):  # then `reason` is nearer to what happened
                self._store.check_identity()
        return StoreError(f"{self._store.where(first, last)}: {reason}")


def in_threads(*works: Callable[[], object], here: bool = False) -> None:
    """Do several things at once, each in a thread of its own, and raise the first error.

    Parameters
    ----------
    *works : callable
    here : bool
        Whether the first is done in this thread, which would only wait otherwise.
    """
    errors: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # raised below, in the thread that waits
            errors.append(error)

    own = works[:1] if here else ()
    threads = [
        threading.Thread(target=guarded, args=(work,), name="tuszstore-read", daemon=True)
        for work in works[len(own) :]
    ]
    for thread in threads:
        thread.start()
    for work in own:
        guarded(work)
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
