"""annbatch: whole windows in Zarr, flattened to rows, decoded by zarrs, as in its guide.

The windows of a batch are one request of a custom sampler, so the shuffle is exact, unlike with
chunks of consecutive rows, for which annbatch is designed. Each window is one chunk in its own
file, int16 with blosc. There is no ``DataLoader`` workload, since its environment lacks torch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.engines.zarr_python import ZARRS
from benchmarks.engines.zarr_windows import open_windows, write_windows
from benchmarks.source import Source


class Annbatch(Engine):
    """``annbatch.Loader`` with the batches of a given order."""

    name = "annbatch"
    title = "annbatch"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "compressed"
    packages = ("annbatch", "zarr", "zarrs")
    imports = ("annbatch", "zarr", "zarrs")
    environment = "newer"
    torch = False

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write whole windows, each in its own file, unless they exist."""
        return write_windows(source)

    def __init__(self, path: Path) -> None:
        import zarr

        zarr.config.set({"codec_pipeline.path": ZARRS})
        self._windows, self._scale = open_windows(path)
        self._rows = Rows(self._windows.shape[1:], threads=1)

    def batches(self, order: Sequence[Batch], *, shuffle: bool) -> Iterator[tuple[Batch, Signal]]:
        """Yield the batches of a given order from its loader."""
        from annbatch import Loader

        loader = Loader(batch_sampler=_sampler(order), preload_to_gpu=False, to=None)
        loader.add_dataset(self._windows)
        for numbers, batch in zip(order, loader, strict=True):
            out = self._rows.take(len(numbers))
            np.multiply(batch["X"], self._scale, out=out)
            yield numbers, out


def _sampler(order: Sequence[Batch]) -> Any:
    from annbatch.abc import Sampler

    class Given(Sampler):  # type: ignore[misc]  # where annbatch is not installed
        """A sampler with one request per batch."""

        batch_size = len(order[0])
        shuffle = False

        def n_batches(self, n_obs: int) -> int:
            return len(order)

        def validate(self, n_obs: int) -> None:
            pass

        def _sample(self, n_obs: int) -> Iterator[Any]:
            for numbers in order:
                yield {"requests": numbers, "splits": [np.arange(len(numbers))]}

    return Given()
