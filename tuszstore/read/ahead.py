"""Announcing what will be read, so that a disk has all of it to work on at once.

A thread that reads waits for its own bytes only; two threads leave most of a disk idle, and much
more of a file system on a network. What is in the page cache need not be announced, so nothing is
until something had to be waited for.
"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate

from tuszstore.read.plan import Part
from tuszstore.read.shards import DamagedBlock, DamagedShard

AHEAD = 1 << 26
"""Bytes of values that are announced and not yet read, at most: room in the page cache."""


class Announcer:
    """Announces the later parts of a batch, from the first that had to be waited for.

    Parameters
    ----------
    parts : sequence of Part
        In the order in which they are read.
    announce : callable
        Takes a part; asks the system for its bytes.
    block_bytes : int
        Of a block's values.
    """

    def __init__(
        self, parts: Sequence[Part], announce: Callable[[Part], None], block_bytes: int
    ) -> None:
        self._parts = parts
        self._announce = announce
        self._stops = list(accumulate(part.count * block_bytes for part in parts))
        self._begun = False
        self._next = 0
        self._lock = threading.Lock()

    def after(self, place: int, *, waited: bool) -> None:
        """Announce what may be, now that a part has been read.

        Parameters
        ----------
        place : int
            Of the part in `parts`.
        waited : bool
            Whether the disk had to be waited for.
        """
        self._begun |= waited
        # while one thread announces, the others read
        if not self._begun or not self._lock.acquire(blocking=False):
            return
        try:
            self._next = max(self._next, place + 1)
            while (
                self._next < len(self._parts)
                and self._stops[self._next] - self._stops[place] <= AHEAD
            ):
                # what is wrong with it is said when it is read
                with contextlib.suppress(DamagedShard, DamagedBlock):
                    self._announce(self._parts[self._next])
                self._next += 1
        finally:
            self._lock.release()
