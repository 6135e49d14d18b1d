"""Reading ahead: advising the system of later reads, so that a disk can serve them concurrently.

A thread that reads waits only for its own bytes; two threads leave most of a disk idle, and even
more of a network file system. Data in the page cache need no read-ahead, so it starts only
after a read had to wait.
"""

import contextlib
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate

from tuszstore.read.plan import Part
from tuszstore.read.shards import DamagedBlock, DamagedShard

AHEAD = 1 << 26
"""Maximum bytes of values that are read ahead but not yet used."""


class Announcer:
    """Reads ahead the later parts of a batch, once a part had to wait for the disk.

    Parameters
    ----------
    parts : sequence of Part
        In the order in which they are read.
    announce : callable
        Takes a part; advises the system of its bytes.
    block_bytes : int
        Bytes of a block's values.
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
        """Read ahead as far as allowed, after a part has been read.

        Parameters
        ----------
        place : int
            Place of the part in `parts`.
        waited : bool
            Whether the read had to wait for the disk.
        """
        self._begun |= waited
        # one thread advises while the others read
        if not self._begun or not self._lock.acquire(blocking=False):
            return
        try:
            self._next = max(self._next, place + 1)
            while (
                self._next < len(self._parts)
                and self._stops[self._next] - self._stops[place] <= AHEAD
            ):
                # the error is reported when it is read
                with contextlib.suppress(DamagedShard, DamagedBlock):
                    self._announce(self._parts[self._next])
                self._next += 1
        finally:
            self._lock.release()
