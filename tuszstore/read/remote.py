"""Bytes of blocks from an object store, with few, concurrent requests per batch.

A batch costs two round trips, one for the indexes of shards that are read for the first time, and
one for its blocks. Each shard must have the same identity as when its index was read: a
replaced object is an error, never wrong samples.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.read.decode import extent
from tuszstore.read.plan import Part
from tuszstore.read.shards import MAX_BLOCK, DamagedShard, Shards
from tuszstore.store.place import Identity, RequestError
from tuszstore.store.remote import RemotePlace
from tuszstore.store.shard import signal_file

GAP = 1 << 18
"""Maximum gap (byte) between two reads of a shard that are merged into one request."""


class ShardObjects(Shards):
    """The shards of a store in an object store.

    Parameters
    ----------
    place : RemotePlace
    n_chunks, block_bytes : int
        As for :class:`~tuszstore.read.shards.Shards`.
    """

    def __init__(self, place: RemotePlace, n_chunks: int, block_bytes: int = MAX_BLOCK) -> None:
        super().__init__(n_chunks, block_bytes)
        self._place = place
        self._identities: dict[int, Identity] = {}

    def get(self, shard: int, begin: int, end: int) -> memoryview:
        """Return bytes of a shard whose index is known.

        Raises
        ------
        DamagedShard
            If the object is missing, too short or replaced since its index was read, or the
            request fails.
        """
        content, _, identity = self._get(shard, (begin, end))
        if identity != self._identities.get(shard, identity):
            raise DamagedShard("object was replaced since its index was read")
        if len(content) < end - begin:
            raise DamagedShard("object is cut off")
        return content

    def _read_tail(self, shard: int, n_bytes: int) -> tuple[memoryview, int]:
        content, size, identity = self._get(shard, {"suffix": n_bytes})
        self._identities[shard] = identity
        return content, size

    def _get(self, shard: int, span: Any) -> tuple[memoryview, int, Identity]:
        try:
            content, size, identity = self._place.get(signal_file(shard), span)
        except RequestError as error:
            reason = "object is missing" if error.missing else error.reason
            raise DamagedShard(reason, unanswered=error.unanswered) from None
        return memoryview(content), size, identity


@dataclass(frozen=True)
class Fetch:
    """One request, and the parts that it serves.

    Attributes
    ----------
    shard : int
    begin, end : int
        Bytes.
    parts : list of (Part, ndarray)
        With the spans of their chunks, all within those bytes.
    """

    shard: int
    begin: int
    end: int
    parts: list[tuple[Part, NDArray[np.int64]]]

    def whole(self) -> Part:
        """Return all blocks from the first to the last, for messages."""
        first = min(part.first for part, _ in self.parts)
        stop = max(part.first + part.count for part, _ in self.parts)
        return Part(self.shard, first, stop - first, self.parts[0][0].run)


def plan_fetches(parts: Iterable[tuple[Part, NDArray[np.int64]]]) -> Iterator[Fetch]:
    """Yield the requests for parts of shards; nearby parts share one.

    Parameters
    ----------
    parts : iterable of (Part, ndarray of int64, shape (block, 2))
        With the spans of their chunks.
    """
    located = [(part.shard, *extent(spans), part, spans) for part, spans in parts]
    located.sort(key=lambda entry: entry[:3])
    fetch: Fetch | None = None
    for shard, begin, end, part, spans in located:
        if fetch and fetch.shard == shard and begin <= fetch.end + GAP:
            fetch.parts.append((part, spans))
            fetch = Fetch(shard, fetch.begin, max(fetch.end, end), fetch.parts)
            continue
        if fetch:
            yield fetch
        fetch = Fetch(shard, begin, end, [(part, spans)])
    if fetch:
        yield fetch
