"""The upper bound: windows copied out of one uncompressed float32 array in the page cache.

An ``.npy`` file of all windows is mapped, and one thread per core copies those of a batch, always
into the same memory. No format can deliver copies of float32 windows faster.

While files may be missing from the page cache, the system is advised of the next window. Otherwise
it would read megabytes around every missing page, or, if access is declared random, each page
separately.
"""

import mmap
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchmarks.engines.base import THREADS, Batch, Engine, Rows, Signal
from benchmarks.source import WINDOWS, Source


class Memmap(Engine):
    """NumPy arrays in an ``.npy`` file, mapped."""

    name = "memmap"
    title = "upper bound: .npy, mapped"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "bare"

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Link to the windows of the source, which are already such a file."""
        (folder / WINDOWS).hardlink_to(Path(source.folder, WINDOWS))
        return folder

    def __init__(self, path: Path, threads: int = THREADS) -> None:
        with (path / WINDOWS).open("rb") as file:
            version = np.lib.format.read_magic(file)
            assert version == (1, 0)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            offset = file.tell()
            # not np.memmap, whose map is private: let_go() must release pages
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._map.madvise(mmap.MADV_RANDOM)
        self._offset = offset
        self._cold = True
        self._windows = np.frombuffer(self._map, dtype, offset=offset).reshape(shape)
        self._rows = Rows(shape[1:], threads)

    def read(self, numbers: Batch) -> Signal:
        """Copy windows."""
        return self._rows.fill(numbers, self._copy)

    def _copy(self, number: int, row: Signal) -> None:
        if self._cold:
            begin = self._offset + number * row.nbytes
            aligned = begin - begin % mmap.PAGESIZE
            self._map.madvise(mmap.MADV_WILLNEED, aligned, begin + row.nbytes - aligned)
        row[...] = self._windows[number]

    def warmed(self) -> None:
        """Stop advising the system of the next window."""
        self._cold = False

    def let_go(self) -> None:
        """Unmap all pages; they are mapped again when they are read."""
        self._cold = True
        self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """End the threads."""
        self._rows.close()
