"""The file that one writer of predictions appends to: blocks of windows and their values.

A block is a header, the windows' indices and their values, so that a file truncated by a kill is
valid up to its last complete block. Each writer starts its own file, also after a kill.
"""

import fcntl
import os
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from tuszstore.errors import StoreError

_HEADER = struct.Struct("<8sQQQ")  # magic, windows, values of a window, checksum
_BLOCK, _END = b"tzpred01", b"tzpredED"

SUFFIX = ".part"


@dataclass(frozen=True)
class Block:
    """A block of a part.

    Attributes
    ----------
    indices : ndarray of int64, shape (window,)
    offset : int
        Offset of the values in the file (bytes).
    checksum : int
        Checksum of indices and values.
    """

    indices: NDArray[np.int64]
    offset: int
    checksum: int


@dataclass(frozen=True)
class Part:
    """The content of a part.

    Attributes
    ----------
    path : Path
    blocks : list of Block
    n_values : int
        Values of a window; 0 of an empty part.
    finished : bool
        Whether its writer closed it.
    """

    path: Path
    blocks: list[Block]
    n_values: int
    finished: bool

    def values(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the values of windows by their place in the part.

        Parameters
        ----------
        rows : ndarray of int64, shape (window,)
            Rows, numbered through the windows of all blocks.
        """
        # without the truncated block
        words = np.memmap(self.path, "<f4", "r", shape=self.path.stat().st_size // 4)
        firsts = np.concatenate(
            [
                block.offset // 4 + np.arange(len(block.indices)) * self.n_values
                for block in self.blocks
            ]
        )
        return np.asarray(words[firsts[rows][:, None] + np.arange(self.n_values)], np.float32)

    def check(self) -> None:
        """Reject a part that has changed since it was written.

        Raises
        ------
        StoreError
        """
        with self.path.open("rb") as file:
            for block in self.blocks:
                n_bytes = len(block.indices) * (8 + 4 * self.n_values)
                file.seek(block.offset - 8 * len(block.indices))
                if crc32c(file.read(n_bytes)) != block.checksum:
                    raise StoreError(
                        f"{self.path}: is damaged; remove it, and predict its windows again"
                    )


class PartWriter:
    """A new part, exclusive to this process while it is open.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        name = f"{os.getpid()}-{secrets.token_hex(6)}"
        hidden = folder / f".{name}"
        self.path = folder / f"{name}{SUFFIX}"
        self._file: IO[bytes] = hidden.open("xb")
        # locked before it has its name, so that no other writer treats it as abandoned
        fcntl.flock(self._file, fcntl.LOCK_EX)
        hidden.rename(self.path)

    def append(self, indices: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        """Write windows; they are kept even if this process is killed now.

        Parameters
        ----------
        indices : ndarray of int64, shape (window,)
        values : ndarray of float32, shape (window, value)
        """
        content = indices.astype("<i8").tobytes() + values.astype("<f4").tobytes()
        self._file.write(_HEADER.pack(_BLOCK, *values.shape, crc32c(content)) + content)
        self._file.flush()

    def close(self, *, finished: bool) -> None:
        """End the part.

        Parameters
        ----------
        finished : bool
            Whether all that was to be written was.
        """
        if finished:
            self._file.write(_HEADER.pack(_END, 0, 0, 0))
        self._file.flush()
        os.fsync(self._file.fileno())
        fcntl.flock(self._file, fcntl.LOCK_UN)  # a child process may also have it
        self._file.close()


def read_part(path: Path) -> Part:
    """Return the content of a part, up to where it was truncated.

    Raises
    ------
    StoreError
        If it is not a part.
    """
    blocks: list[Block] = []
    sizes = set()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        finished = False
        while len(head := file.read(_HEADER.size)) == _HEADER.size:
            magic, n_windows, n_values, checksum = _HEADER.unpack(head)
            if finished or magic not in (_BLOCK, _END):
                raise StoreError(f"{path}: is damaged; remove it, and predict its windows again")
            if magic == _END:
                finished = True
                continue
            offset = file.tell() + 8 * n_windows
            if offset + 4 * n_windows * n_values > size:
                break
            indices = np.frombuffer(file.read(8 * n_windows), "<i8")
            blocks.append(Block(indices, offset, checksum))
            sizes.add(n_values)
            file.seek(offset + 4 * n_windows * n_values)
    if len(sizes) > 1:
        raise StoreError(f"{path}: has windows with {' and '.join(map(str, sorted(sizes)))} values")
    return Part(path, blocks, next(iter(sizes), 0), finished)


def read_parts(folder: Path) -> list[Part]:
    """Return all parts in a folder, in the order of their names."""
    return [read_part(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def being_written(folder: Path) -> Iterator[Path]:
    """Yield the parts that a live writer has open."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield path
