"""The windows that all engines store: preprocessed once, in a simple layout."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

WINDOWS = "windows.npy"
IMPORTS = ("benchmarks.source", "tuszstore.builder.builder", "zarr")
"""Modules that :func:`make_source` needs."""


@dataclass(frozen=True)
class Source:
    """Windows of a corpus as float32, and the tuszstore stores they were read from.

    It is also opened in interpreters without tuszstore, so it only needs NumPy.

    Attributes
    ----------
    folder : str
        Folder of ``windows.npy``.
    stores : dict of str to str
        Paths of the stores: ``lz4``, the default, and others.
    counts : list of int
        Windows of each recording; those of a recording are consecutive.
    stride : int
        Samples between two windows of a recording.
    scale : float
        Every value is an integer multiple of it, within the range of int16.
    sfreq : int
        Hz.
    channels : list of str
    """

    folder: str
    stores: dict[str, str]
    counts: list[int]
    stride: int
    scale: float
    sfreq: int
    channels: list[str]

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Read the result of :meth:`write`."""
        return cls(**json.loads(Path(folder, "source.json").read_text()))

    def write(self) -> None:
        """Write everything except the windows."""
        Path(self.folder, "source.json").write_text(json.dumps(asdict(self)))

    @cached_property
    def windows(self) -> NDArray[np.float32]:
        """All windows, memory-mapped: ``(window, channel, sample)``."""
        windows: NDArray[np.float32] = np.load(Path(self.folder, WINDOWS), mmap_mode="r")
        return windows

    def __len__(self) -> int:
        return sum(self.counts)

    @property
    def firsts(self) -> NDArray[np.int64]:
        """First window of each recording, and one after the last window of all."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    def stored(self, first: int, stop: int) -> NDArray[np.int16]:
        """Return windows as integers, before scaling."""
        multiples = np.rint(self.windows[first:stop] / np.float32(self.scale))
        return np.asarray(multiples, np.int16)

    def recordings(self) -> Iterator[NDArray[np.float32]]:
        """Yield the signal of each recording, ``(channel, sample)``, assembled from windows."""
        for first, stop in zip(self.firsts[:-1], self.firsts[1:], strict=True):
            whole = [self.windows[first]]
            whole += [window[:, -self.stride :] for window in self.windows[first + 1 : stop]]
            yield np.concatenate(whole, axis=1)


def make_source(
    data: str,
    folder: str,
    limit: int | None = None,
    windows: dict[str, Any] | None = None,
    others: Sequence[str] = (),
) -> dict[str, Any]:
    """Build stores of a corpus and write all their windows; called in a separate process.

    Parameters
    ----------
    data : str
        A corpus with a folder ``edf/train``, or any that tuszstore supports.
    folder : str
        Folder for the results.
    limit : int, optional
        Maximum number of recordings.
    windows : dict, optional
        Section ``windows`` of the configuration.
    others : sequence of str
        Stores in addition to the default one: ``none``, without a codec; ``float32``, with values
        not rounded to int16.
    """
    import tuszstore

    storage = {"lz4": {}, "none": {"codec": "none"}, "float32": {"dtype": "float32"}}
    stores = {
        name: str(
            tuszstore.build(
                {"storage": storage[name], "windows": windows or {}},
                split="train",
                data=data,
                store=Path(folder, name),
                workers=0,
                limit=limit,
            ).store
        )
        for name in ("lz4", *others)
    }
    store = tuszstore.open(stores["lz4"])
    shape = store.windows.shape
    array = np.lib.format.open_memmap(Path(folder, WINDOWS), "w+", np.float32, shape)
    for start in range(0, len(store), 64):
        array[start : start + 64] = store.windows[start : start + 64]
    array.flush()
    counts = store.recordings["n_windows"].values
    source = Source(
        folder=folder,
        stores=stores,
        counts=[int(count) for count in counts if count],
        stride=store.spec.stride,
        scale=store.metadata.encoding.scale,
        sfreq=int(store.sfreq),
        channels=list(store.channels),
    )
    source.write()
    return {"windows": len(store), "hours": _hours(store)}


def _hours(store: Any) -> float:
    return float(store.recordings["n_samples"].values.sum() / store.sfreq / 3600)
