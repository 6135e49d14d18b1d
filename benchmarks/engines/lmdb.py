"""LMDB: one key for each window, as torcheeg stores EEG, with the bytes of float32 as value.

torcheeg pickles tensors; raw bytes are read without an intermediate copy. The environment is opened
read-only and without locks, and one thread per core copies the windows of a batch out of the map.
Read-ahead stays on: it reads too much around a window that is not in the page cache, but without it
every page of the window is a separate request, which was even slower.
"""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.source import Source


class Lmdb(Engine):
    """One key per window in a memory-mapped B+ tree."""

    name = "lmdb"
    title = "LMDB"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "bare"
    packages = ("lmdb",)
    imports = ("lmdb",)

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write the bytes of each window."""
        import lmdb

        windows = source.windows
        with lmdb.open(str(folder), map_size=2 * windows.nbytes + (1 << 26)) as environment:
            with environment.begin(write=True) as transaction:
                transaction.put(b"shape", np.array(windows.shape[1:]).tobytes())
                for number, window in enumerate(windows):
                    transaction.put(_key(number), window.tobytes())
            environment.sync(True)
        return folder

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()
        with self._environment.begin() as transaction:
            self._shape = tuple(np.frombuffer(transaction.get(b"shape", b""), np.int64).tolist())
        self._rows = Rows(self._shape)

    def _open(self) -> None:
        import lmdb

        self._environment = lmdb.open(str(self._path), readonly=True, lock=False)

    def read(self, numbers: Batch) -> Signal:
        """Copy values."""
        return self._rows.fill(numbers, self._copy)

    def _copy(self, number: int, row: Signal) -> None:
        with self._environment.begin(buffers=True) as transaction:
            value = transaction.get(_key(number), b"")
            row[...] = np.frombuffer(value, np.float32).reshape(self._shape)

    def let_go(self) -> None:
        """Unmap the file by opening it anew, which takes a fraction of a millisecond."""
        self._environment.close()
        self._open()

    def close(self) -> None:
        """Close the environment."""
        self._rows.close()
        self._environment.close()


def _key(number: int) -> bytes:
    return b"%08d" % number
