"""Reading the blocks of one store, checked and decoded into an array."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.read.ahead import Announcer
from tuszstore.read.decode import (
    Buffers,
    Decoder,
    Layout,
    extent,
    make_decoder,
    tell_missing_kernel,
)
from tuszstore.read.filling import Filling, Share, fill_together, give_back, take_buffers
from tuszstore.read.plan import Part, parts_of, plan_runs
from tuszstore.read.remote import Fetch, ShardObjects, plan_fetches
from tuszstore.read.rows import Rows
from tuszstore.read.shards import DamagedBlock, DamagedShard, ShardFiles
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.place import RequestError
from tuszstore.store.remote import RemotePlace

T = TypeVar("T")


class BlockReader:
    """Reads windows of one store; thread-safe.

    Parameters
    ----------
    store : StoreMetadata
    n_threads : int, optional
        Threads per batch; by default one per core. For an object
        store, one per concurrent request.
    verify : bool
        Whether checksums are verified; it costs a few percent.
    rows : Rows, optional
        Derivations of the channels; by default the stored ones.
    window : int, optional
        Samples per window; by default the store's.

    Attributes
    ----------
    n_threads : int
        May be changed between batches.
    """

    def __init__(
        self,
        store: StoreMetadata,
        n_threads: int | None = None,
        *,
        verify: bool = True,
        rows: Rows | None = None,
        window: int | None = None,
    ) -> None:
        tell_missing_kernel()
        self._store = store
        self.n_threads = n_threads or os.cpu_count() or 1
        self._n_chunks = store.geometry.shard
        self._block_size = store.geometry.block
        layout = self._layout(self._block_size, verify=verify)
        self._shards = self._open_shards(layout.block_bytes)
        self._block = self._decoder(layout)
        self._stored = self._decoder(replace(layout, window=window or store.geometry.window))
        self._rows = None
        if rows is not None:
            self._rows = self._decoder(replace(self._stored[0], rows=rows))
        store.load_tables()

    def fill_at(
        self,
        positions: NDArray[np.int64],
        recordings: NDArray[np.int64],
        out: NDArray[Any],
        *,
        stored: bool = False,
    ) -> None:
        """Read windows that begin at any sample into an array.

        Parameters
        ----------
        positions : ndarray of int64, shape (window,)
            First sample of each window: number of its block times the block's samples, plus the
            offset in that block. A window must be within one recording.
        recordings : ndarray of int64, shape (window,)
            Row of each window's recording in the recordings table.
        out : ndarray of float32 or the stored type, shape (window, row, sample)
            C-contiguous. float32 is scaled; int16 gets the stored values.
        stored : bool
            Whether to read the stored channels even if there are rows.

        Raises
        ------
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        fill_together([self.share(positions, recordings, out, stored=stored)], self.n_threads)

    def share(
        self,
        positions: NDArray[np.int64],
        recordings: NDArray[np.int64],
        out: NDArray[Any],
        rows: NDArray[np.int64] | None = None,
        *,
        stored: bool = False,
    ) -> Share:
        """Plan this reader's share of a batch.

        Parameters
        ----------
        positions, recordings : ndarray of int64, shape (window,)
            As for :meth:`fill_at`.
        out : ndarray, shape (row of the batch, row, sample)
        rows : ndarray of int64, shape (window,), optional
            Rows of the batch that the windows are for; by default all, in order.
        stored : bool
            As for :meth:`fill_at`.
        """
        made = self._stored if stored or self._rows is None else self._rows
        if rows is not None:
            by_row = np.zeros(len(out), np.int64)
            by_row[rows] = recordings
            recordings = by_row
        return self._share(positions, made, out, recordings, rows)

    def blocks(self, numbers: NDArray[np.int64]) -> NDArray[Any]:
        """Read blocks as stored.

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
        fill_together([self._share(numbers * self._block_size, self._block, out)], self.n_threads)
        return out

    def _layout(self, window: int, *, verify: bool) -> Layout:
        encoding = self._store.encoding
        return Layout(
            n_channels=len(self._store.spec.channels),
            n_samples=self._store.geometry.block,
            window=window,
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

    def _share(
        self,
        positions: NDArray[np.int64],
        made: tuple[Layout, Decoder],
        out: NDArray[Any],
        recordings: NDArray[np.int64] | None = None,
        rows: NDArray[np.int64] | None = None,
    ) -> Share:
        layout, decoder = made
        parts: list[Part] = []
        for run in plan_runs(positions, layout.window, self.n_threads, block=layout.n_samples):
            if rows is not None:
                run.targets[:, 0] = rows[run.targets[:, 0]]
            parts += parts_of(run, self._n_chunks)
        return Share(self, parts, Filling(decoder, out, recordings))

    def fill_parts(self, share: Share) -> Iterator[Callable[[Buffers], None]]:
        """Yield a function that fills each part of a share from files, given a thread's buffers."""
        files = self._shards
        assert isinstance(files, ShardFiles)
        announcer = Announcer(
            share.parts, partial(self._announce, files), self._block[0].block_bytes
        )
        for place, part in enumerate(share.parts):
            yield partial(self._fill_part, place, part, share.decode, announcer)

    def _fill_part(
        self, place: int, part: Part, decode: Filling, announcer: Announcer, buffers: Buffers
    ) -> None:
        try:
            waited = decode(part, self._spans(part), buffers)
        except (DamagedShard, DamagedBlock) as error:
            raise self._explained(part, error) from error
        announcer.after(place, waited=waited)

    def fill_from_objects(self, share: Share) -> None:
        """Fill a share from an object store."""
        assert isinstance(self._shards, ShardObjects)
        self._fill_from_objects(self._shards, share.parts, share.decode)

    @property
    def remote(self) -> bool:
        """Whether blocks are read from an object store."""
        return isinstance(self._shards, ShardObjects)

    def _announce(self, files: ShardFiles, part: Part) -> None:
        files.announce(part.shard, *extent(self._spans(part)))

    def _fill_from_objects(self, objects: ShardObjects, parts: list[Part], decode: Filling) -> None:
        """Fetch unknown indexes, then the blocks, and decode each part as it arrives."""
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
            partial(self._attempt, fetch.whole(), partial(self._fill_fetch, objects, fetch, decode))
            for fetch in fetches
        ]
        if unknown:  # the indexes must belong to the store that was opened
            tasks.append(self._store.check_identity)
        at_once(tasks)

    def _fill_fetch(self, objects: ShardObjects, fetch: Fetch, decode: Filling) -> None:
        content = objects.get(fetch.shard, fetch.begin, fetch.end)
        buffers = take_buffers()
        for part, spans in fetch.parts:
            begin, end = extent(spans)
            bytes_of_part = content[begin - fetch.begin : end - fetch.begin]
            self._attempt(part, partial(decode, part, spans, buffers, bytes_of_part))
        give_back(buffers)

    def _spans(self, part: Part) -> NDArray[np.int64]:
        within = part.first % self._n_chunks
        return self._shards.spans(part.shard, within, within + part.count)

    def _attempt(self, part: Part, work: Callable[[], T]) -> T:
        """Process a part; errors name recording and time."""
        try:
            return work()
        except (DamagedShard, DamagedBlock) as error:
            raise self._explained(part, error) from error

    def _explained(self, part: Part, error: DamagedShard | DamagedBlock) -> StoreError:
        if isinstance(error, DamagedBlock):
            number = part.first + error.place
            return self._error(number, number, error)
        return self._error(part.first, part.first + part.count - 1, error)

    def _error(self, first: int, last: int, reason: Exception) -> StoreError:
        # avoids waiting again for a server that did not answer
        if not getattr(reason, "unanswered", False):
            with contextlib.suppress(RequestError):  # otherwise `reason` is closer to the cause
                self._store.check_identity()
        return StoreError(f"{self._store.where(first, last)}: {reason}")
