"""The cost of views: other channels, units and windows, compared with the plain read.

The variants alternate batch by batch, so that other load on the machine affects all equally. Shares
are relative to the plain read of as many blocks, so that variants differ only in the computation,
and in the overhead of a user's loop.

===========================  =====================================================================
plain                        random windows of the store into a given array
as typed                     ``batch = store.read(numbers)`` in a loop
double banana, tcp_a, ...    as plain, from ``store.view(channels, units)``
... s every ... s            as plain, from ``store.view(length=..., stride=...)``
===========================  =====================================================================
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines.base import Batch
from benchmarks.measure import warm_up
from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import Source
from benchmarks.workloads.reading import random_order
from tuszstore.api import open_store
from tuszstore.channels.names import CHANNELS
from tuszstore.store.caches import CACHE

WORKLOADS = {"views": "other channels, units and windows than those stored"}

BATCHES = 20

AVERAGE = [f"{name}-avg" for name in CHANNELS]

CHANNEL_VIEWS: dict[str, dict[str, Any]] = {
    "double banana": {"channels": "double_banana"},
    "double banana, µV": {"channels": "double_banana", "units": "uV"},
    "tcp_a": {"channels": "tcp_a"},
    "average reference, µV": {"channels": AVERAGE, "units": "uV"},
    "average reference": {"channels": AVERAGE},
}

WINDOW_VIEWS = {"30 s every 5 s": (30, 5), "12 s every 5 s": (12, 5), "60 s every 1 s": (60, 1)}

PLAIN, TYPED = "plain", "as typed"


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure the store itself and views of it."""
    source = Source.open(setting.source)
    for number in range(1, setting.size.rounds + 1):
        order = random_order(source, BATCHES, setting.size.batch, number)
        done = call(
            "benchmarks.workloads.views:measure", source=str(setting.source), order=order
        ).value
        for variant, figures in done.items():
            yield setting.own_row("views", number, variant=variant, **figures)
        setting.say(f"views, round {number}")


@dataclass
class Arm:
    """One way of reading, and its measurements.

    Attributes
    ----------
    read : callable
        Called with window indices.
    numbers : callable
        Called with the plain batch's indices; returns its own.
    blocks : callable
        Called with its own indices; returns the number of blocks read for them.
    seconds, counts, windows : list
        Of each batch.
    """

    read: Callable[[Batch], object]
    numbers: Callable[[Batch], Batch]
    blocks: Callable[[Batch], int]
    seconds: list[float]
    counts: list[int]
    windows: list[int]


def measure(source: str, order: list[list[int]]) -> dict[str, dict[str, Any]]:
    """Return seconds per window, rate, and ratio to the plain read of as many blocks."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE] = folder
        arms = _arms(Source.open(source), len(order[0]))
        for turn, given in enumerate([order[0], *order]):
            for arm in arms.values():
                numbers = arm.numbers(np.array(given))
                count = arm.blocks(numbers)
                start = time.perf_counter()
                arm.read(numbers)
                if turn:  # the first only warms up
                    arm.seconds.append(time.perf_counter() - start)
                    arm.counts.append(count)
                    arm.windows.append(len(numbers))
    plain = [t / n for t, n in zip(arms[PLAIN].seconds, arms[PLAIN].counts, strict=True)]
    figures = {}
    for name, arm in arms.items():
        own = [t / n for t, n in zip(arm.seconds, arm.counts, strict=True)]
        one = statistics.median(t / n for t, n in zip(arm.seconds, arm.windows, strict=True))
        share = statistics.median(a / b for a, b in zip(plain, own, strict=True))
        figures[name] = {"seconds": one, "rate": 1 / one, "values": {"of plain": share}}
    return figures


def _arms(source: Source, batch: int) -> dict[str, Arm]:
    store = open_store(source.stores["lz4"])
    warm_up(Path(store.path))
    given: dict[tuple[int, ...], Any] = {}

    def into(view: Any) -> Callable[[Batch], object]:
        def read(numbers: Batch) -> object:
            shape = (len(numbers), *view.windows.shape[1:])
            if shape not in given:
                given[shape] = np.zeros(shape, np.float32)
            return view.read(numbers, out=given[shape])

        return read

    held: list[Any] = [None]

    def typed(numbers: Batch) -> None:
        held[0] = store.read(numbers)  # releases the last batch after reading, as in a loop

    def arm(read: Callable[[Batch], object], view: Any, times: float = 1.0) -> Arm:
        def others(numbers: Batch) -> Batch:
            rng = np.random.default_rng(int(numbers[0]))
            return rng.integers(0, len(view), max(1, round(times * len(numbers))))

        same = view.metadata.windows is store.metadata.windows
        blocks = _counter(view, store.spec.block)
        return Arm(read, (lambda numbers: numbers) if same else others, blocks, [], [], [])

    arms = {PLAIN: arm(into(store), store), TYPED: arm(typed, store)}
    for name, options in CHANNEL_VIEWS.items():
        view = store.view(**options)
        arms[name] = arm(into(view), view)
    for name, (length, stride) in WINDOW_VIEWS.items():
        view = store.view(length=length, stride=stride)
        if len(view):
            arms[name] = arm(into(view), view, store.spec.window / view.spec.window)
    return arms


def _counter(view: Any, block: int) -> Callable[[Batch], int]:
    """Return a function that counts the distinct blocks of windows."""
    window = view.spec.window

    def count(numbers: Batch) -> int:
        positions = view.reader.places(numbers)[0]
        first, last = positions // block, (positions + window - 1) // block
        return len({b for a, z in zip(first, last, strict=True) for b in range(a, z + 1)})

    return count
