"""insitubatch: whole windows in Zarr, one file each, read in place by its event loop.

Its unit is a stored chunk, so each window is one chunk, without shards. A manifest of the requested
chunks gives any set of windows, in an order that the engine determines: chunks are permuted, and
samples within blocks of chunks. With one window per chunk, that is a global shuffle for any block
size, so blocks are small. Values are scaled in its decoding threads. There is no ``DataLoader``
workload, since its environment lacks torch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Signal
from benchmarks.engines.zarr_windows import ARRAY, open_windows, write_windows
from benchmarks.source import Source

BLOCK = 64


class InSituBatch(Engine):
    """``InSituDataset`` over the windows of an epoch."""

    name = "insitubatch"
    title = "insitubatch"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "compressed"
    packages = ("insitubatch", "zarr", "obstore")
    imports = ("insitubatch", "zarr")
    environment = "newer"
    torch = False
    order = "own"
    ahead = True

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write whole windows, each in its own file, unless they exist."""
        return write_windows(source)

    def __init__(self, path: Path, url: str = "") -> None:
        from insitubatch import obstore_store, open_geometries

        _, self._scale = open_windows(path)
        # the URL of a web server in the remote workload
        options = {"client_options": {"allow_http": True}} if url else {}
        self._store = obstore_store(url or path.absolute().as_uri(), **options)
        self._geometries = open_geometries(self._store, variables=[ARRAY])

    def batches(self, order: Sequence[Batch], *, shuffle: bool) -> Iterator[tuple[Batch, Signal]]:
        """Yield as many batches of the same windows, in the engine's own order."""
        size, left = len(order[0]), len(order)
        wanted = np.unique(np.concatenate(order))
        epoch = 0
        while left:
            # a new dataset for each epoch, so that none reuses windows decoded for another
            dataset = self._dataset(wanted, size, shuffle=shuffle)
            dataset.set_epoch(epoch)
            epoch += 1
            for batch in dataset.train:
                numbers = np.asarray(batch.sample_indices)
                if len(numbers) < size and len(wanted) >= size:
                    break  # the incomplete batch at the end of an epoch
                yield numbers, batch.arrays[ARRAY]
                left -= 1
                if not left:
                    break

    def _dataset(self, wanted: Batch, batch_size: int, *, shuffle: bool) -> Any:
        from insitubatch import InSituDataset
        from insitubatch.split import SplitManifest

        n_windows = self._geometries[ARRAY].n_samples
        manifest = SplitManifest(
            n_chunks=n_windows,
            sample_chunk_size=1,
            n_samples=n_windows,
            chunks={"train": wanted.tolist(), "val": [], "test": []},
            seed=0,
        )
        return InSituDataset(
            self._store,
            manifest,
            geometries=self._geometries,
            batch_size=batch_size,
            block_chunks=BLOCK,
            shuffle=shuffle,
            chunk_transforms=[_Scale(self._scale)],
        )


class _Scale:
    """Converts stored values to float32, chunk by chunk."""

    def __init__(self, scale: np.float32) -> None:
        self._scale = scale

    def __call__(self, chunk: Any) -> Any:
        chunk.data = np.multiply(chunk.data, self._scale, dtype=np.float32)
        return chunk

    def output_inner(self, geometry: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return the shape and type of a converted chunk."""
        return tuple(geometry.shape[1:]), np.dtype(np.float32)
