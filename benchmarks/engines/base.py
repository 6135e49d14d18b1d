"""The base class of engines: ways of storing windows and reading them in batches."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.source import Source

Batch = NDArray[np.int64]
Signal = NDArray[np.float32]

THREADS = os.cpu_count() or 1
"""Threads of engines that leave the choice to the user."""


class Engine(ABC):
    """One way of storing and reading windows; an instance is an open reader.

    A subclass imports its package inside its methods, so that all classes exist even if packages
    are not installed.

    Attributes
    ----------
    name : str
        Name on the command line and in rows.
    title : str
        Name in tables and plots.
    kind : {"own", "compressed", "bare"}
        ``bare``: stores uncompressed float32 windows.
    packages : tuple of str
        Distributions that must be installed; rows carry their versions.
    imports : tuple of str
        Modules to import before timing.
    environment : str
        A key of :data:`benchmarks.environments.ENVIRONMENTS`.
    torch : bool
        Whether its environment has torch.
    order : {"given", "own"}
        ``own``: the engine determines the order of windows.
    ahead : bool
        Whether it reads in the background: then the harness's time between batches counts as well.
    slow : bool
        Whether a batch takes seconds, so that fewer windows are measured.
    tolerance : float
        Permitted difference of values from the source.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kind: ClassVar[Literal["own", "compressed", "bare"]]
    packages: ClassVar[tuple[str, ...]] = ()
    imports: ClassVar[tuple[str, ...]] = ()
    environment: ClassVar[str] = "this"
    torch: ClassVar[bool] = True
    order: ClassVar[Literal["given", "own"]] = "given"
    ahead: ClassVar[bool] = False
    slow: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-6

    @staticmethod
    @abstractmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Store the windows of a source.

        Parameters
        ----------
        source : Source
        folder : Path
            An empty folder for its files.

        Returns
        -------
        Path
            Path to open: `folder`, or existing files.
        """

    @abstractmethod
    def __init__(self, path: Path) -> None:
        """Open prepared files; further preparations may wait until the first batch."""

    def read(self, numbers: Batch) -> Signal:
        """Read windows by number.

        Returns
        -------
        ndarray of float32, shape (window, channel, sample)
            May be overwritten by the next call.
        """
        raise NotImplementedError

    def batches(self, order: Sequence[Batch], *, shuffle: bool) -> Iterator[tuple[Batch, Signal]]:
        """Yield batches, each with its window indices.

        Parameters
        ----------
        order : sequence of ndarray of int64
            Windows of each batch. Engines with their own order give as many other windows.
        shuffle : bool
            Whether an engine with its own order shuffles; otherwise it reads all windows in order.
        """
        for numbers in order:
            yield numbers, self.read(numbers)

    @classmethod
    def loader(cls, path: Path, numbers: Batch, batch_size: int, workers: int) -> Iterable[Any]:
        """Return a ``DataLoader`` of torch over windows, as the engine's users would set it up.

        By default, it requests single windows of a map-style dataset. A batch is the signal, or a
        dictionary or tuple that begins with it.
        """
        from benchmarks.engines.items import make_loader

        return make_loader(cls, path, numbers, batch_size, workers)

    def warmed(self) -> None:  # noqa: B027  (most have nothing to do)
        """Take note that all files are now in the page cache."""

    def let_go(self) -> None:  # noqa: B027
        """Release mapped pages, which the system cannot drop from its cache while mapped."""

    def close(self) -> None:  # noqa: B027
        """Close files and end threads."""


def why_absent(packages: Iterable[str]) -> str | None:
    """Return which distribution is not installed in this interpreter; None if all are."""
    for package in packages:
        try:
            version(package)
        except PackageNotFoundError:
            return f"{package} is not installed"
    return None


def versions(engine: type[Engine]) -> dict[str, str]:
    """Return the versions of an engine's packages, and of NumPy."""
    return {name: version(name) for name in (*engine.packages, "numpy")}


class Rows:
    """Fills the rows of a batch in threads, always in the same memory.

    Parameters
    ----------
    shape : tuple of int
        Shape of one window.
    threads : int
    """

    def __init__(self, shape: tuple[int, ...], threads: int = THREADS) -> None:
        self._shape = shape
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._out = np.empty((0, *shape), np.float32)

    def fill(self, numbers: Batch, read: Callable[[int, Signal], None]) -> Signal:
        """Call ``read(number, row)`` for each window and return all rows."""
        out = self.take(len(numbers))

        def part(k: int) -> None:
            for row in range(k, len(numbers), self._threads):
                read(int(numbers[row]), out[row])

        if self._pool is None or len(numbers) == 1:
            for row, number in enumerate(numbers):
                read(int(number), out[row])
        else:
            list(self._pool.map(part, range(self._threads)))
        return out

    def take(self, n: int) -> Signal:
        """Return memory for `n` windows."""
        if len(self._out) < n:
            self._out = np.empty((n, *self._shape), np.float32)
        return self._out[:n]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
