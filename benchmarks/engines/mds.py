"""MosaicML Streaming: windows in MDS shards, uncompressed, as it advises for local disks.

Batches in a given order are read from a ``LocalDataset``, one thread a core (it opens a shard for
every sample and keeps no state). The ``DataLoader`` workload has a ``StreamingDataset``, shuffled
in its own way (``py1e``), as its guide has it. Shards have the default size of 64 MB.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.source import Source

COLUMN = "signal"


class Mds(Engine):
    """One sample per window: ``ndarray:float32`` of fixed shape."""

    name = "mds"
    title = "MosaicML Streaming"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "bare"
    packages = ("mosaicml-streaming", "torch")
    imports = ("torch", "benchmarks.engines.mds_import")
    environment = "rivals"

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write each window as a sample."""
        from streaming import MDSWriter

        shape = ",".join(map(str, source.windows.shape[1:]))
        columns = {COLUMN: f"ndarray:float32:{shape}"}
        with MDSWriter(out=str(folder / "mds"), columns=columns) as writer:
            for window in source.windows:
                writer.write({COLUMN: np.asarray(window)})
        return folder / "mds"

    def __init__(self, path: Path) -> None:
        from streaming import LocalDataset

        self._dataset = LocalDataset(str(path))
        self._rows: Rows | None = None

    def read(self, numbers: Batch) -> Signal:
        """Read samples."""
        if self._rows is None:
            self._rows = Rows(self._dataset[0][COLUMN].shape)
        return self._rows.fill(numbers, self._read)

    def _read(self, number: int, row: Signal) -> None:
        row[...] = self._dataset[number][COLUMN]

    @classmethod
    def loader(cls, path: Path, numbers: Batch, batch_size: int, workers: int) -> Iterable[Any]:
        """Return a ``DataLoader`` over a shuffled ``StreamingDataset``."""
        from streaming import StreamingDataset
        from torch.utils.data import DataLoader

        dataset = StreamingDataset(
            local=str(path), shuffle=True, batch_size=batch_size, epoch_size=len(numbers)
        )
        return DataLoader(dataset, batch_size=batch_size, num_workers=workers)
