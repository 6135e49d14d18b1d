"""tensorstore: on tuszstore's store and on whole windows.

All windows of a batch are requested at once, as its documentation advises; it reads and decodes
with one thread per core while the first windows are scaled. Whole windows have their own files. Its
cache is off, since a batch does not request data twice.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.engines.blocks import Blocks
from benchmarks.engines.zarr_windows import ARRAY, open_windows, write_windows
from benchmarks.source import Source


class Tensorstore(Engine):
    """Slices of tuszstore's store."""

    name = "tensorstore"
    title = "tensorstore, same store"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "compressed"
    packages = ("tensorstore", "zarr")
    imports = ("tensorstore", "zarr")

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Return tuszstore's store."""
        return Path(source.stores["lz4"])

    def __init__(self, path: Path) -> None:
        import zarr

        self._blocks = Blocks.of(zarr.open_group(path, mode="r"))
        self._signal = _open(path / "signal")
        self._rows = Rows(self._blocks.shape, threads=1)

    def read(self, numbers: Batch) -> Signal:
        """Ask for all windows, and scale them as they come."""
        futures = [self._signal[self._blocks.span(int(number))].read() for number in numbers]
        out = self._rows.take(len(numbers))
        for row, future in zip(out, futures, strict=True):
            self._blocks.scale_into(future.result(), row)
        return out


class TensorstoreWindows(Tensorstore):
    """Rows of an array of whole windows."""

    name = "tensorstore-windows"
    title = "tensorstore, windows"

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write whole windows, each in its own file, unless they exist."""
        return write_windows(source)

    def __init__(self, path: Path) -> None:
        array, self._scale = open_windows(path)
        self._windows = _open(path / ARRAY)
        self._rows = Rows(array.shape[1:], threads=1)

    def read(self, numbers: Batch) -> Signal:
        """Ask for all windows, and scale them as they come."""
        futures = [self._windows[int(number)].read() for number in numbers]
        out = self._rows.take(len(numbers))
        for row, future in zip(out, futures, strict=True):
            np.multiply(future.result(), self._scale, out=row)
        return out


def _open(path: Path) -> Any:
    import tensorstore

    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    return tensorstore.open(spec, read=True).result()
