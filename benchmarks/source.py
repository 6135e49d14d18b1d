"""The windows that all engines store: preprocessed once, laid out as plainly as can be."""

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
    """Windows of a corpus as float32, and the stores of tuszstore they were read from.

    It is opened in interpreters that know nothing of tuszstore, so it holds NumPy only.

    Attributes
    ----------
    folder : str
        Where ``windows.npy`` is.
    stores : dict of str to str
        Paths of the stores: ``lz4``, the default, and others.
    counts : list of int
        Windows of each recording; those of a recording are consecutive.
    stride : int
        Samples between two windows of a recording.
    scale : float
        Every value is a whole multiple of it, within int16.
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
        """Read what :meth:`write` wrote."""
        return cls(**json.loads(Path(folder, "source.json").read_text()))

    def write(self) -> None:
        """Write all but the windows."""
        Path(self.folder, "source.json").write_text(json.dumps(asdict(self)))

    @cached_property
    def windows(self) -> NDArray[np.float32]:
        """All windows, mapped: ``(window, channel, sample)``."""
        windows: NDArray[np.float32] = np.load(Path(self.folder, WINDOWS), mmap_mode="r")
        return windows

    def __len__(self) -> int:
        return sum(self.counts)

    @property
    def firsts(self) -> NDArray[np.int64]:
        """First window of each recording, and one after the last window of all."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    def stored(self, first: int, stop: int) -> NDArray[np.int16]:
        """Return windows as the whole numbers that they are multiples of."""
        multiples = np.rint(self.windows[first:stop] / np.float32(self.scale))
        return np.asarray(multiples, np.int16)

    def recordings(self) -> Iterator[NDArray[np.float32]]:
        """Yield the signal of each recording, ``(channel, sample)``, put together of windows."""
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
    """Build stores of a corpus and write all their windows; called in a process of its own.

    Parameters
    ----------
    data : str
        A corpus with a folder ``edf/train``, or any that tuszstore takes.
    folder : str
        For what is made.
    limit : int, optional
        Recordings, at most.
    windows : dict, optional
        The part ``windows`` of the configuration.
    others : sequence of str
        Stores besides that with the default codec: ``none``, without one; ``float32``, whose
        values are not rounded to int16.
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
