"""zarr-python, and its codec pipeline zarrs, on tuszstore's store and on whole windows.

One thread per core reads a slice for each window; fancy indices and ``asyncio.gather`` over the
windows of a batch were not faster. Whole windows have their own files, since with shards
zarr-python would read the index of a shard for every window.
"""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.engines.blocks import Blocks
from benchmarks.engines.zarr_windows import open_windows, write_windows
from benchmarks.source import Source

PYTHON = "zarr.core.codec_pipeline.BatchedCodecPipeline"
ZARRS = "zarrs.ZarrsCodecPipeline"


class ZarrPython(Engine):
    """Slices of tuszstore's store."""

    name = "zarr-python"
    title = "zarr-python, same store"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "compressed"
    packages: ClassVar[tuple[str, ...]] = ("zarr",)
    imports: ClassVar[tuple[str, ...]] = ("zarr",)
    pipeline: ClassVar[str] = PYTHON

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Return tuszstore's store."""
        return Path(source.stores["lz4"])

    def __init__(self, path: Path) -> None:
        import zarr

        self._use_pipeline()
        group: Any = zarr.open_group(path, mode="r")
        self._blocks = Blocks.of(group)
        self._signal = group["signal"]
        self._rows = Rows(self._blocks.shape)

    @classmethod
    def _use_pipeline(cls) -> None:
        import zarr

        zarr.config.set({"codec_pipeline.path": cls.pipeline})

    def read(self, numbers: Batch) -> Signal:
        """Read a slice for each window, and scale it."""
        return self._rows.fill(numbers, self._read)

    def _read(self, number: int, row: Signal) -> None:
        self._blocks.scale_into(self._signal[self._blocks.span(number)], row)

    def close(self) -> None:
        """End the threads."""
        self._rows.close()


class ZarrPythonWindows(ZarrPython):
    """Rows of an array of whole windows."""

    name = "zarr-python-windows"
    title = "zarr-python, windows"

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write whole windows, each in its own file, unless they exist."""
        return write_windows(source)

    def __init__(self, path: Path) -> None:
        self._use_pipeline()
        self._windows, self._scale = open_windows(path)
        self._rows = Rows(self._windows.shape[1:])

    def _read(self, number: int, row: Signal) -> None:
        np.multiply(self._windows[number], self._scale, out=row)


class Zarrs(ZarrPython):
    """Slices of tuszstore's store, decoded by zarrs."""

    name = "zarrs"
    title = "zarrs, same store"
    packages = ("zarrs", "zarr")
    imports = ("zarr", "zarrs")
    pipeline = ZARRS


class ZarrsWindows(ZarrPythonWindows):
    """Rows of an array of whole windows, decoded by zarrs."""

    name = "zarrs-windows"
    title = "zarrs, windows"
    packages = ("zarrs", "zarr")
    imports = ("zarr", "zarrs")
    pipeline = ZARRS
