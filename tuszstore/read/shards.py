"""Bytes of blocks, from shard files whose indexes are parsed once.

Files are read with ``preadv`` and not mapped: a mapped file that is truncated kills the process.
Nothing here has a position or stays open but the store's folder, so it is safe in threads and
after a fork, and holds one descriptor however large the store.
"""

import os
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from tuszstore.store.shard import ABSENT

MAX_INDEXES = 1 << 15
"""Shard indexes kept in memory, at most: some 40 MB."""


MAX_BUFFERS = 1024
"""Buffers that one call of ``preadv`` may fill (IOV_MAX of Linux and macOS)."""


class DamagedShard(Exception):
    """A shard that is not there, or not as it was written; the text says how."""


class ShardFiles:
    """The shards of one store's signal.

    Parameters
    ----------
    folder : Path
        Root of the store. It is held open: after a rebuild under the same name, shards of the
        store that was opened are read as long as they exist, and never those of another.
    n_chunks : int
        Blocks of a shard.
    """

    def __init__(self, folder: Path, n_chunks: int) -> None:
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        weakref.finalize(self, os.close, self._folder)
        self._n_chunks = n_chunks
        self._indexes: dict[int, NDArray[np.int64]] = {}

    def bounds(self, shard: int, first: int, stop: int) -> NDArray[np.int64]:
        """Return where blocks lie in their file.

        Parameters
        ----------
        shard : int
        first, stop : int
            Blocks within the shard.

        Returns
        -------
        ndarray of int64, shape (block, 2)
            Begin and end of each in bytes, checksum included; -1 for one that was never written.

        Raises
        ------
        DamagedShard
            If the index is damaged.
        """
        index = self._indexes.get(shard)
        if index is None:
            if len(self._indexes) >= MAX_INDEXES:
                self._indexes.clear()
            index = self._indexes[shard] = self._read_index(shard)
        return index[first:stop]

    def read(self, shard: int, offset: int, buffers: Sequence[memoryview]) -> None:
        """Fill buffers from a shard, one after the other, from a byte offset on.

        Raises
        ------
        DamagedShard
            If the file is not there, too short, or the disk fails.
        """
        descriptor = self._open(shard)
        try:
            for start in range(0, len(buffers), MAX_BUFFERS):
                part = buffers[start : start + MAX_BUFFERS]
                wanted = sum(map(len, part))
                if os.preadv(descriptor, part, offset) < wanted:
                    raise DamagedShard("file is cut off")
                offset += wanted
        except OSError as error:
            raise DamagedShard(f"cannot be read: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _open(self, shard: int) -> int:
        try:
            return os.open(f"signal/c/{shard}/0/0", os.O_RDONLY, dir_fd=self._folder)
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
        if size < n_bytes + 4:
            raise DamagedShard("file is cut off")
        content = bytearray(n_bytes + 4)
        self.read(shard, size - len(content), [memoryview(content)])
        if crc32c(memoryview(content)[:n_bytes]) != int.from_bytes(content[n_bytes:], "little"):
            raise DamagedShard("checksum of the shard's index is wrong, or the file is cut off")
        entries = np.frombuffer(content, "<u8", 2 * self._n_chunks).reshape(-1, 2)
        absent = entries[:, 0] == ABSENT
        bounds = np.cumsum(np.where(absent[:, None], 0, entries), axis=1).astype(np.int64)
        if (bounds[:, 1] > size - len(content)).any() or (bounds < 0).any():
            raise DamagedShard("index points outside of the file")
        bounds[absent] = -1
        return bounds
