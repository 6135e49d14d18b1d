"""HDF5 with h5py: one dataset, chunked by window, with bitshuffle and lz4, or bare.

lz4 comes from hdf5plugin. Compressed windows are int16, as in tuszstore's store, which is half the
size of float32 and faster. gzip, which HDF5 includes, is several times slower to read. h5py holds a
lock during every call, so threads gain nothing; ``read_direct`` saves a copy. The chunk cache is
off, since a chunk is a window and is not requested twice.
"""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.source import Source

FILE = "windows.h5"


class Hdf5(Engine):
    """Chunks of one window: int16, bitshuffle, lz4."""

    name = "hdf5"
    title = "HDF5, lz4"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "compressed"
    packages: ClassVar[tuple[str, ...]] = ("h5py", "hdf5plugin")
    imports: ClassVar[tuple[str, ...]] = ("h5py", "hdf5plugin")

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write windows as int16, compressed."""
        import h5py
        import hdf5plugin

        shape = source.windows.shape
        with h5py.File(folder / FILE, "w", libver="latest") as file:
            dataset = file.create_dataset(
                "windows",
                shape,
                np.int16,
                chunks=(1, *shape[1:]),
                **hdf5plugin.Bitshuffle(cname="lz4"),
            )
            dataset.attrs["scale"] = source.scale
            for start in range(0, shape[0], 64):
                stop = min(start + 64, shape[0])
                dataset[start:stop] = source.stored(start, stop)
        return folder

    def __init__(self, path: Path) -> None:
        import h5py
        import hdf5plugin  # noqa: F401  (registers its filters)

        self._file = h5py.File(path / FILE, "r", rdcc_nbytes=0)
        self._windows = self._file["windows"]
        self._scale = np.float32(self._windows.attrs.get("scale", 1))
        self._stored = np.empty(self._windows.shape[1:], self._windows.dtype)
        self._rows = Rows(self._windows.shape[1:], threads=1)

    def read(self, numbers: Batch) -> Signal:
        """Read chunks one by one."""
        return self._rows.fill(numbers, self._read)

    def _read(self, number: int, row: Signal) -> None:
        self._windows.read_direct(self._stored, np.s_[number])
        np.multiply(self._stored, self._scale, out=row)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Hdf5Bare(Hdf5):
    """Chunks of one window: float32, no filter."""

    name = "hdf5-bare"
    title = "HDF5, bare"
    kind = "bare"
    packages = ("h5py",)
    imports = ("h5py",)

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write windows uncompressed."""
        import h5py

        shape = source.windows.shape
        with h5py.File(folder / FILE, "w", libver="latest") as file:
            dataset = file.create_dataset("windows", shape, np.float32, chunks=(1, *shape[1:]))
            for start in range(0, shape[0], 64):
                dataset[start : start + 64] = source.windows[start : start + 64]
        return folder

    def __init__(self, path: Path) -> None:
        import h5py

        self._file = h5py.File(path / FILE, "r", rdcc_nbytes=0)
        self._windows = self._file["windows"]
        self._rows = Rows(self._windows.shape[1:], threads=1)

    def _read(self, number: int, row: Signal) -> None:
        self._windows.read_direct(row, np.s_[number])
