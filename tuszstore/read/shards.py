"""Bytes of blocks from shards, with cached indexes.

Files are read with ``preadv`` and not mapped: a mapped file that is truncated kills the process.
Only the store's folder stays open and no file position is kept, so this is safe in threads and
after a fork, and needs one descriptor.
"""

import contextlib
import errno
import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.shard import largest_shard, parse_tail, signal_file, tail_bytes

MAX_BLOCK = 1 << 31
"""Bytes of a block's values that Blosc can compress."""

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
"""How a shard is opened: not through a link, and without waiting for a pipe's other end."""

MAX_INDEXES = 1 << 15
"""Maximum number of shard indexes in memory: some 40 MB."""


class DamagedShard(Exception):
    """A shard that is missing or damaged; the text says how.

    With `unanswered` its state is unknown: the server did not answer.
    """

    def __init__(self, reason: str, *, unanswered: bool = False) -> None:
        super().__init__(reason)
        self.unanswered = unanswered


class DamagedBlock(Exception):
    """A damaged block: its place among the requested ones, and the reason."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place


class Shards(ABC):
    """The shards of one store's signal.

    Parameters
    ----------
    n_chunks : int
        Blocks per shard.
    block_bytes : int
        Size of a block's values (byte); files larger than possible are not read.
    """

    def __init__(self, n_chunks: int, block_bytes: int = MAX_BLOCK) -> None:
        self._n_chunks = n_chunks
        self._largest = largest_shard(n_chunks, block_bytes)
        self._indexes: dict[int, NDArray[np.int64]] = {}

    def spans(self, shard: int, first: int, stop: int) -> NDArray[np.int64]:
        """Return the byte ranges of the chunks of blocks in their file.

        Parameters
        ----------
        shard : int
        first, stop : int
            Blocks within the shard.

        Returns
        -------
        ndarray of int64, shape (block, 2)
            Begin and end of each in bytes, including the checksum.

        Raises
        ------
        DamagedShard
            If the index is damaged.
        DamagedBlock
            If a block was never written.
        """
        index = self._indexes.get(shard)
        spans = (self.load_index(shard) if index is None else index)[first:stop]
        if -1 in spans[:, 0].tolist():  # faster than NumPy for a few blocks
            place = int(np.argmax(spans[:, 0] < 0))
            raise DamagedBlock(place, "is missing: it was never written")
        return spans

    def has_index(self, shard: int) -> bool:
        """Return whether a shard's index is in memory."""
        return shard in self._indexes

    def load_index(self, shard: int) -> NDArray[np.int64]:
        """Read a shard's index and keep it.

        Returns
        -------
        ndarray of int64, shape (block, 2)
            Begin and end of each chunk; -1 if it was never written.

        Raises
        ------
        DamagedShard
            If the index is damaged.
        """
        if len(self._indexes) >= MAX_INDEXES:
            self._indexes.clear()
        index = self._indexes[shard] = self._read_index(shard)
        return index

    @abstractmethod
    def _read_tail(self, shard: int, n_bytes: int) -> tuple[memoryview, int]:
        """Return the last bytes of a shard, or all if it is shorter, and its size."""

    def _read_index(self, shard: int) -> NDArray[np.int64]:
        content, size = self._read_tail(shard, tail_bytes(self._n_chunks))
        if size > self._largest:
            raise DamagedShard("file is larger than its blocks can be")
        try:
            return parse_tail(content, size, self._n_chunks)
        except ValueError as error:
            raise DamagedShard(str(error)) from None


class ShardFiles(Shards):
    """The shards of a store in a folder.

    Parameters
    ----------
    folder : Path
        Root of the store. It is kept open, so that after a rebuild under the same name shards of
        the original store are read as long as they exist, and never those of another.
    n_chunks, block_bytes : int
        As for :class:`Shards`.

    Attributes
    ----------
    folder : int
        Its descriptor.
    """

    def __init__(self, folder: Path, n_chunks: int, block_bytes: int = MAX_BLOCK) -> None:
        super().__init__(n_chunks, block_bytes)
        self.folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        weakref.finalize(self, os.close, self.folder)

    def read(self, shard: int, offset: int, buffer: memoryview) -> bool:
        """Fill a buffer from a shard, from a byte offset on.

        Returns
        -------
        bool
            Whether the read had to wait for the disk, if the system reports it.

        Raises
        ------
        DamagedShard
            If the file is missing or too short, or the disk fails.
        """
        with self._opened(shard) as descriptor:
            done = _read_cached(descriptor, offset, buffer)
            waited = done < len(buffer)
            while done < len(buffer):  # the system may return fewer bytes than requested
                n = os.preadv(descriptor, [buffer[done:]], offset + done)
                if n == 0:
                    raise DamagedShard("file is cut off")
                done += n
        return waited

    def announce(self, shard: int, begin: int, end: int) -> None:
        """Advise the system to read bytes of a shard ahead, if supported.

        Raises
        ------
        DamagedShard
            If the file is missing.
        """
        if hasattr(os, "posix_fadvise"):
            with self._opened(shard) as descriptor:
                os.posix_fadvise(descriptor, begin, end - begin, os.POSIX_FADV_WILLNEED)

    @contextlib.contextmanager
    def _opened(self, shard: int) -> Iterator[int]:
        """Open a shard; errors of the system while opening or reading are raised as damage."""
        try:
            descriptor = os.open(signal_file(shard), FLAGS, dir_fd=self.folder)
        except FileNotFoundError:
            raise DamagedShard("file is missing") from None
        except OSError as error:
            raise DamagedShard(f"cannot be opened: {error.strerror}") from error
        try:
            yield descriptor
        except OSError as error:
            raise DamagedShard(f"cannot be read: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _read_tail(self, shard: int, n_bytes: int) -> tuple[memoryview, int]:
        with self._opened(shard) as descriptor:
            size = os.fstat(descriptor).st_size
            content = os.pread(descriptor, n_bytes, max(0, size - n_bytes))
        return memoryview(content), size


def _read_cached(descriptor: int, offset: int, buffer: memoryview) -> int:
    """Read bytes in the page cache; return their number, 0 if the system does not support that."""
    if not hasattr(os, "RWF_NOWAIT"):
        return 0
    try:
        return os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
            return 0
        raise
