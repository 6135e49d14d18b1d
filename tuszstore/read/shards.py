"""Bytes of blocks, from shard files whose indexes are parsed once.

Files are read with ``preadv`` and not mapped: a mapped file that is truncated kills the process.
Nothing here has a position or stays open but the store's folder, so it is safe in threads and
after a fork, and holds one descriptor however large the store.
"""

import os
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.shard import largest_chunk, parse_index

CRC = 4
"""Bytes of a checksum, behind every chunk and every index."""

MAX_BLOCK = 1 << 31
"""Bytes of a block's values that Blosc can compress."""

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
"""How a shard is opened: not through a link, and without waiting for a pipe's other end."""

MAX_INDEXES = 1 << 15
"""Shard indexes kept in memory, at most: some 40 MB."""


class DamagedShard(Exception):
    """A shard that is not there, or not as it was written; the text says how."""


class DamagedBlock(Exception):
    """A block that cannot be used; its place among those that were asked for, and the reason."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place


class ShardFiles:
    """The shards of one store's signal.

    Parameters
    ----------
    folder : Path
        Root of the store. It is held open: after a rebuild under the same name, shards of the
        store that was opened are read as long as they exist, and never those of another.
    n_chunks : int
        Blocks of a shard.
    block_bytes : int
        Bytes of a block's values; a file that is larger than its blocks can be is not read.

    Attributes
    ----------
    folder : int
        Its descriptor.
    """

    def __init__(self, folder: Path, n_chunks: int, block_bytes: int = MAX_BLOCK) -> None:
        self.folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        weakref.finalize(self, os.close, self.folder)
        self._n_chunks = n_chunks
        self._largest = n_chunks * (largest_chunk(block_bytes) + 16) + CRC
        self._indexes: dict[int, NDArray[np.int64]] = {}

    @staticmethod
    def name(shard: int) -> str:
        """Return the path of a shard below the store's folder."""
        return f"signal/c/{shard}/0/0"

    def spans(self, shard: int, first: int, stop: int) -> NDArray[np.int64]:
        """Return where the chunks of blocks lie in their file.

        Parameters
        ----------
        shard : int
        first, stop : int
            Blocks within the shard.

        Returns
        -------
        ndarray of int64, shape (block, 2)
            Begin and end of each in bytes, checksum included.

        Raises
        ------
        DamagedShard
            If the index is damaged.
        DamagedBlock
            If a block was never written.
        """
        index = self._indexes.get(shard)
        if index is None:
            if len(self._indexes) >= MAX_INDEXES:
                self._indexes.clear()
            index = self._indexes[shard] = self._read_index(shard)
        spans = index[first:stop]
        if -1 in spans[:, 0].tolist():  # for a few blocks faster than NumPy
            place = int(np.argmax(spans[:, 0] < 0))
            raise DamagedBlock(place, "is missing: it was never written")
        return spans

    def read(self, shard: int, offset: int, buffer: memoryview) -> None:
        """Fill a buffer from a shard, from a byte offset on.

        Raises
        ------
        DamagedShard
            If the file is not there, too short, or the disk fails.
        """
        descriptor = self._open(shard)
        try:
            done = 0
            while done < len(buffer):  # the system may return less than it is asked for
                n = os.preadv(descriptor, [buffer[done:]], offset + done)
                if n == 0:
                    raise DamagedShard("file is cut off")
                done += n
        except OSError as error:
            raise DamagedShard(f"cannot be read: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _open(self, shard: int) -> int:
        try:
            return os.open(self.name(shard), FLAGS, dir_fd=self.folder)
        except FileNotFoundError:
            raise DamagedShard("file is missing") from None
        except OSError as error:
            raise DamagedShard(f"cannot be opened: {error.strerror}") from error

    def _read_index(self, shard: int) -> NDArray[np.int64]:
        descriptor = self._open(shard)
        try:
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        n_bytes = 16 * self._n_chunks
        if size < n_bytes + CRC:
            raise DamagedShard("file is cut off")
        if size > self._largest:
            raise DamagedShard("file is larger than its blocks can be")
        content = memoryview(bytearray(n_bytes + CRC))
        self.read(shard, size - len(content), content)
        try:
            table, checksum = bytes(content[:n_bytes]), bytes(content[n_bytes:])
            return parse_index(table, checksum, size - len(content))
        except ValueError as error:
            raise DamagedShard(str(error)) from None
