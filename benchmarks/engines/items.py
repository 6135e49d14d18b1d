"""Windows of any engine as a map-style dataset of torch, read one by one."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.engines.base import Batch, Engine


class Items(Dataset[torch.Tensor]):
    """One window per item; the engine is opened in the process that reads.

    Parameters
    ----------
    engine : type of Engine
    path : Path
        Path that the engine opens.
    """

    def __init__(self, engine: type[Engine], path: Path) -> None:
        self._engine = engine
        self._path = path
        self._opened: Engine | None = None

    def __getitem__(self, number: int) -> torch.Tensor:
        import numpy as np

        if self._opened is None:
            self._opened = self._engine(self._path)
        return torch.from_numpy(self._opened.read(np.array([number]))[0].copy())


def make_loader(
    engine: type[Engine], path: Path, numbers: Batch, batch_size: int, workers: int
) -> Iterable[Any]:
    """Return a ``DataLoader`` that reads windows in the order given."""
    return DataLoader(
        Items(engine, path),
        batch_size=batch_size,
        sampler=numbers.tolist(),
        num_workers=workers,
    )
