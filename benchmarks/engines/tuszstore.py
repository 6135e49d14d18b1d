"""tuszstore itself, as installed, with its default codec and without a codec.

Batches are always read into the same memory, as its loaders do, with the default of one thread per
core.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Signal
from benchmarks.source import Source


class Tuszstore(Engine):
    """``store.reader.signal`` with the default codec (lz4), checksums verified."""

    name = "tuszstore"
    title = "tuszstore"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "own"
    packages: ClassVar[tuple[str, ...]] = ("tuszstore",)
    imports: ClassVar[tuple[str, ...]] = ("tuszstore", "zarr")
    codec: ClassVar[str] = "lz4"

    @classmethod
    def prepare(cls, source: Source, folder: Path) -> Path:
        """Return the existing store."""
        return Path(source.stores[cls.codec])

    def __init__(self, path: Path) -> None:
        import tuszstore

        self._store = tuszstore.open(path)
        self._out = np.empty((0, *self._store.windows.shape[1:]), np.float32)

    def read(self, numbers: Batch) -> Signal:
        """Read windows into one array."""
        if len(self._out) < len(numbers):
            self._out = np.empty((len(numbers), *self._out.shape[1:]), np.float32)
        return self._store.reader.signal(numbers, self._out[: len(numbers)])

    @classmethod
    def loader(cls, path: Path, numbers: Batch, batch_size: int, workers: int) -> Iterable[Any]:
        """Return torch's ``DataLoader`` over a ``WindowDataset``, of signals and labels."""
        from torch.utils.data import DataLoader

        import tuszstore
        from tuszstore.torch import WindowDataset

        dataset = WindowDataset(tuszstore.open(path), numbers)
        return DataLoader(dataset, batch_size=batch_size, num_workers=workers)


class TuszstoreBare(Tuszstore):
    """The same for a store with ``storage.codec: none``: int16 with checksums."""

    name = "tuszstore-none"
    title = "tuszstore, no codec"
    codec = "none"


class TuszstoreLoader(Tuszstore):
    """``WindowLoader``: batches of signals and labels as tensors, prefetched by threads."""

    name = "tuszstore-loader"
    title = "tuszstore, WindowLoader"
    packages = ("tuszstore", "torch")
    imports = ("tuszstore.torch", "zarr")
    ahead = True

    def batches(self, order: Any, *, shuffle: bool) -> Any:
        """Yield batches of the order given."""
        from tuszstore.torch import WindowLoader

        (size,) = {len(numbers) for numbers in order}
        wanted = np.concatenate(order)
        loader = WindowLoader(self._store, wanted, batch_size=size, shuffle=False)
        for numbers, (signal, _) in zip(order, loader, strict=True):
            yield numbers, signal.numpy()

    @classmethod
    def loader(cls, path: Path, numbers: Batch, batch_size: int, workers: int) -> Iterable[Any]:
        """Return the loader itself, which needs no workers."""
        import tuszstore
        from tuszstore.torch import WindowLoader

        return WindowLoader(tuszstore.open(path), numbers, batch_size=batch_size, shuffle=False)
