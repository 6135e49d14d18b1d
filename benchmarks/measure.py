"""Reading batches: the part of the workloads that runs in an engine's process.

One process opens an engine and measures all workloads: first batch, random and in order from the
page cache, random and in order from disk. Only the first batch includes opening.
"""

import importlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines import ENGINES
from benchmarks.engines.base import Batch, Engine, Signal, versions
from benchmarks.source import Source

CHECKED = 2
"""Batches to compare with the source before timing an engine."""


def prepare(engine: str, source: str, folder: str, order: list[list[int]]) -> dict[str, Any]:
    """Store the windows of a source, and compare an engine's values with them.

    Parameters
    ----------
    engine : str
    source, folder : str
        Folder of the source, and folder for the engine's files.
    order : list of list of int
        Windows of batches; some batches are compared.

    Returns
    -------
    dict
        ``path``, ``bytes`` and ``versions``.

    Raises
    ------
    ValueError
        If a value differs.
    """
    kind, windows = _load(engine), Source.open(source)
    path = kind.prepare(windows, Path(folder))
    reader = kind(path)
    checked = _arrays(order)[:CHECKED]
    if kind.slow:
        checked = [checked[0][:2]]
    for shuffle in (True, False):
        for numbers, signal in reader.batches(checked, shuffle=shuffle):
            _compare(engine, numbers, signal, windows)
    reader.close()
    return {"path": str(path), "bytes": size_of(path), "versions": versions(kind)}


def _load(engine: str) -> type[Engine]:
    """Return an engine after importing its modules."""
    kind = ENGINES[engine]
    for module in kind.imports:
        importlib.import_module(module)
    return kind


def _compare(engine: str, numbers: Batch, signal: Signal, source: Source) -> None:
    if signal.dtype != np.float32:
        raise ValueError(f"{engine} delivers {signal.dtype}, not float32")
    for number, window in zip(numbers, signal, strict=True):
        if not np.allclose(window, source.windows[number], rtol=0, atol=ENGINES[engine].tolerance):
            raise ValueError(f"{engine} delivers wrong values for window {number}")


def measure(
    engine: str,
    path: str,
    random: list[list[int]],
    in_order: list[list[int]],
    seconds: float,
    phases: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Time an engine.

    Parameters
    ----------
    engine : str
    path : str
        What it opens.
    random, in_order : list of list of int
        Windows of batches.
    seconds : float
        A phase ends with the first batch after this time.
    phases : sequence of str
        Phases to measure.

    Returns
    -------
    dict of str to dict
        By phase: ``windows``, ``seconds``, ``span`` (of the monotonic clock), ``first_batch`` (s,
        of the first batch of the phase), ``read`` and ``disk`` (bytes, by system calls and from
        the device; None if unknown), ``dropped`` (whether the page cache was dropped).
    """
    kind, place = _load(engine), Path(path)
    orders = {"random": _arrays(random), "in-order": _arrays(in_order)}
    if kind.slow:
        # windows of slow engines take so long that a few suffice
        orders["random"] = [numbers[:4] for numbers in orders["random"]]
    done: dict[str, dict[str, Any]] = {}
    dropped = drop_cache(place)
    span = Span()
    reader = kind(place)
    _, signal = next(iter(reader.batches(orders["random"][:1], shuffle=True)))
    done["first-batch"] = span.end(len(signal)) | {"dropped": dropped}
    warm_up(place)
    reader.warmed()
    for phase in phases:
        order, cold = orders[phase.removeprefix("cold-")], phase.startswith("cold-")
        shuffle = phase.endswith("random")
        if not cold and not kind.slow:
            _timed(reader, order, shuffle, seconds / 2)  # warm-up, not counted
        each = (lambda: _let_go(reader, place)) if phase == "cold-random" else None
        if cold:
            dropped = _let_go(reader, place)
        done[phase] = _timed(reader, order, shuffle, seconds, each) | {"dropped": cold and dropped}
    reader.close()
    return {name: done[name] for name in ("first-batch", *phases)}


class Span:
    """Time and bytes from creation to the end."""

    def __init__(self) -> None:
        self.begin = time.monotonic()
        self._bytes = _bytes_read()

    def end(self, windows: int) -> dict[str, Any]:
        """Return time and bytes."""
        now = time.monotonic()
        read, disk = (
            (None, None)
            if self._bytes is None
            else (b - a for a, b in zip(self._bytes, _bytes_read() or self._bytes, strict=True))
        )
        return {
            "windows": windows,
            "seconds": now - self.begin,
            "span": [self.begin, now],
            "first_batch": now - self.begin,
            "read": read,
            "disk": disk,
        }


def _timed(
    reader: Engine,
    order: Sequence[Batch],
    shuffle: bool,
    seconds: float,
    before_each: Callable[[], Any] | None = None,
) -> dict[str, Any]:
    """Read batches until the time is over; `before_each` is not counted."""
    spans: list[dict[str, Any]] = []
    batches = reader.batches(order, shuffle=shuffle)
    begin = time.monotonic()
    # engines with their own order fill a buffer first, which must not dominate the measurement
    least = 6 if reader.order == "own" else 1
    while len(spans) < least or sum(span["seconds"] for span in spans) < seconds:
        # dropping the cache takes time, which must not be a multiple of the measured time
        if len(spans) >= least and time.monotonic() - begin > 4 * seconds:
            break
        if before_each and not reader.ahead:
            before_each()
        span = Span()
        if before_each and reader.ahead:
            before_each()
        batch = next(batches, None)
        if batch is None:
            break
        spans.append(span.end(len(batch[1])))
    keys = ("windows", "seconds", "read", "disk")
    total = {key: _sum([span[key] for span in spans]) for key in keys}
    return total | {
        "span": [spans[0]["span"][0], spans[-1]["span"][1]],
        "first_batch": spans[0]["seconds"],
    }


def _sum(values: Sequence[Any]) -> Any:
    return None if None in values else sum(values)


def _let_go(reader: Engine, path: Path) -> bool:
    reader.let_go()
    return drop_cache(path)


def _arrays(order: list[list[int]]) -> list[NDArray[np.int64]]:
    return [np.array(numbers, np.int64) for numbers in order]


def files_of(path: Path) -> Iterator[Path]:
    """Yield all files below a path."""
    return (file for file in path.rglob("*") if file.is_file())


def size_of(path: Path) -> int:
    """Return the bytes of all files below a path."""
    return sum(file.stat().st_size for file in files_of(path))


def drop_cache(path: Path) -> bool:
    """Drop the files below a path from the page cache; return whether the system supports that."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for file in files_of(path):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    return True


def warm_up(path: Path) -> None:
    """Read the files below a path once, so that they are in the page cache."""
    buffer = memoryview(bytearray(1 << 20))
    for file in files_of(path):
        with file.open("rb", buffering=0) as opened:
            while opened.readinto(buffer):
                pass


def _bytes_read() -> tuple[int, int] | None:
    """Return the bytes that this process has read by system calls, and from the device."""
    try:
        rows = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    except OSError:
        return None
    return int(rows["rchar"]), int(rows["read_bytes"])


def measure_loaders(
    engine: str,
    path: str,
    numbers: list[int],
    batch_size: int,
    workers: Sequence[int],
    seconds: float,
) -> list[dict[str, Any]]:
    """Time an epoch of torch's loader over an engine, for each number of workers.

    Parameters
    ----------
    engine, path : str
    numbers : list of int
        Windows of the epoch, in complete batches.
    batch_size : int
    workers : sequence of int
        Numbers of workers.
    seconds : float
        Time after which an epoch ends with the next batch.

    Returns
    -------
    list of dict
        Each like a phase of :func:`measure`.
    """
    kind, place = _load(engine), Path(path)
    warm_up(place)
    return [
        _epoch(kind.loader(place, np.array(numbers), batch_size, n), len(numbers), seconds)
        | ({"read": None, "disk": None} if n else {})  # bytes read by workers are unknown
        for n in workers
    ]


def _epoch(loader: Iterable[Any], n_windows: int, seconds: float) -> dict[str, Any]:
    span = Span()
    windows, first = 0, 0.0
    for batch in loader:
        signal = batch
        while not hasattr(signal, "shape"):
            signal = next(iter(signal.values() if isinstance(signal, dict) else signal))
        windows += len(signal)
        first = first or time.monotonic() - span.begin
        if windows >= n_windows or time.monotonic() - span.begin > seconds:
            break
    return span.end(windows) | {"first_batch": first, "dropped": False}
