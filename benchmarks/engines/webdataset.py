"""WebDataset: windows as ``.npy`` entries of tar files of 64 windows.

It streams shards in random order through a buffer from which windows are drawn, here of 256 windows
(300 MB), of which a quarter is filled before the first draw; its guide has 1000 for small images.
Thus its shuffle is approximate, and an epoch has all windows, not a balanced set.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.source import Source

PER_SHARD = 64
BUFFER, FIRST = 256, 64


class WebDataset(Engine):
    """Tar files, read in a stream."""

    name = "webdataset"
    title = "WebDataset"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "bare"
    packages = ("webdataset", "torch")
    imports = ("webdataset",)
    environment = "rivals"
    order = "own"

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write shards."""
        import webdataset

        with webdataset.ShardWriter(
            str(folder / "%06d.tar"), maxcount=PER_SHARD, maxsize=1e12, verbose=0
        ) as sink:
            for number, window in enumerate(source.windows):
                sink.write({"__key__": f"{number:08d}", "npy": np.asarray(window)})
        (folder / "shape.json").write_text(json.dumps(source.windows.shape))
        return folder

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = Rows(tuple(json.loads((path / "shape.json").read_text())[1:]), threads=1)

    def batches(self, order: Sequence[Batch], *, shuffle: bool) -> Iterator[tuple[Batch, Signal]]:
        """Yield as many batches in the order of the stream."""
        samples = iter(_stream(self._path, shuffle=shuffle).to_tuple("__key__", "npy").repeat())
        for batch in order:
            out = self._rows.take(len(batch))
            numbers = np.empty(len(batch), np.int64)
            for row in range(len(batch)):
                key, out[row] = next(samples)
                numbers[row] = int(key)
            yield numbers, out

    @classmethod
    def loader(cls, path: Path, numbers: Batch, batch_size: int, workers: int) -> Iterable[Any]:
        """Return a ``WebLoader``, whose workers take shards and make batches."""
        import webdataset

        dataset = _stream(path, shuffle=True).to_tuple("npy").batched(batch_size).repeat()
        loader: Iterable[Any] = webdataset.WebLoader(dataset, batch_size=None, num_workers=workers)
        return loader


def _stream(path: Path, *, shuffle: bool) -> Any:
    import webdataset

    shards = sorted(map(str, path.glob("*.tar")))
    dataset = webdataset.WebDataset(
        shards, shardshuffle=len(shards) if shuffle else False, empty_check=False
    )
    return (dataset.shuffle(BUFFER, initial=FIRST) if shuffle else dataset).decode()
