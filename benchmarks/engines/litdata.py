"""LitData: windows in chunks of 64 MB, uncompressed, as in its guide for local data.

Batches in a given order are read by index from a ``StreamingDataset``, in one thread, since its
readers share state. The ``DataLoader`` workload uses a ``StreamingDataLoader``, which shuffles
chunks, and samples within them.
"""

import gc
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.source import Source


class LitData(Engine):
    """One sample per window: a NumPy array."""

    name = "litdata"
    title = "LitData"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "bare"
    packages = ("litdata", "torch")
    imports = ("litdata",)
    environment = "rivals"

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write each window as a sample."""
        import litdata

        litdata.optimize(
            fn=partial(_window, source.folder),
            inputs=list(range(len(source))),
            output_dir=str(folder / "litdata"),
            chunk_bytes="64MB",
            num_workers=1,
            keep_data_ordered=True,
            verbose=False,
        )
        return folder / "litdata"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open()
        self._rows: Rows | None = None

    def _open(self) -> None:
        import litdata

        self._dataset = litdata.StreamingDataset(str(self._path))

    def read(self, numbers: Batch) -> Signal:
        """Read samples by index."""
        if self._rows is None:
            self._rows = Rows(self._dataset[0].shape, threads=1)
        return self._rows.fill(numbers, self._read)

    def _read(self, number: int, row: Signal) -> None:
        row[...] = self._dataset[number]

    def let_go(self) -> None:
        """Unmap its chunks by reopening the dataset."""
        del self._dataset
        gc.collect()
        self._open()

    @classmethod
    def loader(cls, path: Path, numbers: Batch, batch_size: int, workers: int) -> Iterable[Any]:
        """Return its own loader over a shuffled dataset."""
        import litdata

        dataset = litdata.StreamingDataset(str(path), shuffle=True)
        loader: Iterable[Any] = litdata.StreamingDataLoader(
            dataset, batch_size=batch_size, num_workers=workers
        )
        return loader


def _window(folder: str, number: int) -> Any:
    return np.array(Source.open(folder).windows[number])
