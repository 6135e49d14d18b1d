"""Filling a batch from one or several stores in threads.

Threads suffice, since reading and decoding release the GIL. One is the caller's; the others exist
for one batch only, which costs 1 % of its time, so that no state remains and forks are safe.
Blosc's own threads are not used.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tuszstore.read.decode import Buffers, CompiledDecoder, Content, Decoder
from tuszstore.read.plan import Part
from tuszstore.store.requests import in_my_group


@dataclass(frozen=True)
class Filling:
    """Decodes blocks into a batch."""

    decoder: Decoder
    out: NDArray[Any]
    recordings: NDArray[np.int64] | None

    def __call__(
        self,
        part: Part,
        spans: NDArray[np.int64],
        buffers: Buffers,
        content: Content | None = None,
    ) -> bool:
        """Decode a part of a run; return whether the read had to wait for the disk."""
        first, targets = part.first - part.run.first, part.run.targets
        return self.decoder(
            part.shard, spans, first, targets, self.out, buffers, content, self.recordings
        )


class PartReader(Protocol):
    """What reads the parts of one store."""

    @property
    def remote(self) -> bool:
        """Whether blocks are read from an object store."""

    def fill_parts(self, share: "Share") -> Iterator[Callable[[Buffers], None]]:
        """Yield a function that fills each part of a share from files, given a thread's buffers."""

    def fill_from_objects(self, share: "Share") -> None:
        """Fill a share from an object store."""


@dataclass(frozen=True)
class Share:
    """The share of one reader in a batch.

    Attributes
    ----------
    reader : PartReader
    parts : list of Part
    decode : callable
    """

    reader: PartReader
    parts: list[Part]
    decode: Filling


_idle: list[Buffers] = []
"""Idle buffers."""


def take_buffers() -> Buffers:
    """Return buffers of a finished thread, or new ones."""
    try:  # another thread may take the last item at any time
        return _idle.pop()
    except IndexError:
        return Buffers()


def give_back(buffers: Buffers) -> None:
    """Return buffers for the next thread."""
    _idle.append(buffers)


def fill_together(shares: Sequence[Share], n_threads: int) -> None:
    """Fill a batch from several stores as from one: a free thread takes the next part.

    Parameters
    ----------
    shares : sequence of Share
        Shares of one batch.
    n_threads : int
        Threads for the parts in files. Object stores have their own
        threads, which wait.

    Raises
    ------
    StoreError
        If a block is missing or damaged, naming store, recording and time.
    """
    here = [share for share in shares if not share.reader.remote]
    elsewhere = [share for share in shares if share.reader.remote]
    if len(elsewhere) == 1 and not here:
        return elsewhere[0].reader.fill_from_objects(elsewhere[0])
    left = iter([fill for share in here for fill in share.reader.fill_parts(share)])

    def fill_parts() -> None:
        buffers = take_buffers()
        for fill in left:
            fill(buffers)
        give_back(buffers)

    n_parts = sum(len(share.parts) for share in here)
    works: list[Callable[[], object]] = [fill_parts] * min(n_threads, n_parts)
    works += [in_my_group(partial(s.reader.fill_from_objects, s)) for s in elsewhere]
    # the NumPy path uses Blosc, which would start its own threads in a main thread
    compiled = all(isinstance(share.decode.decoder, CompiledDecoder) for share in here)
    in_threads(*works, here=compiled)


def in_threads(*works: Callable[[], object], here: bool = False) -> None:
    """Run several functions, each in its own thread, and raise the first error.

    Parameters
    ----------
    *works : callable
    here : bool
        Whether the first runs in this thread, which would only wait otherwise.
    """
    errors: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # raised below, in the waiting thread
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
