"""Where the time of a random window goes, on one thread and on two.

Stages cannot be timed directly, since they take microseconds each and run in compiled code. They
are differences between readers of the same windows from the page cache:

=============  ====================================================================================
read           bytes of the windows' blocks, with ``preadv``
checksum       with checksums verified, minus the same without
write          reading from a store without a codec, minus its bytes, checksums and Python:
               int16 to float32, channels in their order
decompress     reading without checksums, minus read, write and Python
Python         planning a batch, looking up blocks, starting threads
=============  ====================================================================================

For comparison, there is the upper bound on one thread: copying the window as float32.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.engines.base import Batch
from benchmarks.engines.memmap import Memmap
from benchmarks.measure import warm_up
from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import Source
from benchmarks.workloads.reading import random_order
from tuszstore.api import Store, open_store
from tuszstore.read.decode import extent
from tuszstore.read.filling import in_threads
from tuszstore.read.plan import parts_of, plan_runs
from tuszstore.read.shards import ShardFiles
from tuszstore.read.windows import WindowReader

WORKLOADS = {"stages": "where the time of a random window goes"}

STAGES = ("read", "checksum", "decompress", "write", "Python")
TOTALS = ("1 thread", "all threads", "limit, 1 thread", "limit, all threads")
BATCHES = 20


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure tuszstore's stages."""
    source = Source.open(setting.source)
    for number in range(1, setting.size.rounds + 1):
        order = random_order(source, BATCHES, setting.size.batch, number)
        done = call(
            "benchmarks.workloads.stages:measure", source=str(setting.source), order=order
        ).value
        for variant in (*STAGES, *TOTALS):
            yield setting.own_row("stages", number, variant=variant, seconds=done[variant])
        setting.say(f"stages, round {number}")


def measure(source: str, order: list[list[int]]) -> dict[str, float]:
    """Return seconds per window by stage, and in total."""
    opened = Source.open(source)
    batches = [np.array(numbers) for numbers in order]
    out = np.empty((len(order[0]), *opened.windows.shape[1:]), np.float32)
    threads = os.cpu_count() or 1
    readers: dict[str, Callable[[Batch], object]] = {}
    for codec in ("lz4", "none"):
        store = open_store(opened.stores[codec])
        warm_up(Path(store.path))
        chunks = Chunks(store, batches)
        readers[f"read {codec}"] = chunks.read
        readers[f"Python {codec}"] = chunks.plan
        for verify in (True, False):
            reader = WindowReader(store.metadata, 1, verify=verify)
            readers[f"{codec} {verify}"] = partial(reader.signal, out=out)
        if codec == "lz4":
            readers["all threads"] = partial(WindowReader(store.metadata, threads).signal, out=out)
    for name, limit in {
        "limit, 1 thread": Memmap(Path(source), 1),
        "limit, all threads": Memmap(Path(source)),
    }.items():
        limit.warmed()
        readers[name] = limit.read
    took = _in_turn(readers, batches)
    python = took["Python lz4"]
    write = took["none False"] - took["read none"] - took["Python none"]
    return {
        "read": took["read lz4"],
        "checksum": took["lz4 True"] - took["lz4 False"],
        "decompress": took["lz4 False"] - took["read lz4"] - write - python,
        "write": write,
        "Python": python,
        "1 thread": took["lz4 True"],
        **{name: took[name] for name in TOTALS[1:]},
    }


def _in_turn(
    readers: dict[str, Callable[[Batch], object]], batches: Sequence[Batch]
) -> dict[str, float]:
    """Return the median seconds per window of each reader; all read each batch in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for number, numbers in enumerate([batches[0], *batches]):
        for name, read in readers.items():
            start = time.perf_counter()
            read(numbers)
            if number:  # the first batch only warms up
                seconds[name].append((time.perf_counter() - start) / len(numbers))
    return {name: statistics.median(values) for name, values in seconds.items()}


class Chunks:
    """Positions of a store's chunks, for only reading or planning them.

    Parameters
    ----------
    store : tuszstore.Store
        A local store.
    batches : sequence of ndarray of int64
        Batches for :meth:`read`.
    """

    def __init__(self, store: Store, batches: Sequence[Batch]) -> None:
        geometry = store.spec.geometry
        self._parts, self._shard = geometry.blocks_per_window, geometry.shard
        self._starts = store.index["start_block"].values
        self._files = ShardFiles(Path(store.path), geometry.shard)
        chunk = 4 + 2 * geometry.block * len(store.channels)  # maximum, including the checksum
        self._size = geometry.shard * chunk
        self._contents: list[memoryview] = []
        self._planned = {numbers.tobytes(): self.plan(numbers) for numbers in batches}

    def plan(self, numbers: Batch) -> list[tuple[int, int, int]]:
        """Return shard, start and end of the bytes of each run, computed in a new thread."""
        found = []

        def look_up() -> None:
            for run in plan_runs(self._starts[numbers], self._parts):
                for part in parts_of(run, self._shard):
                    within = part.first % self._shard
                    spans = self._files.spans(part.shard, within, within + part.count)
                    found.append((part.shard, *extent(spans)))

        in_threads(look_up)
        return found

    def read(self, numbers: Batch, n_threads: int = 1) -> None:
        """Read the bytes of all runs of a batch, in this thread or in new ones."""
        while len(self._contents) < n_threads:
            self._contents.append(memoryview(bytearray(self._size)))
        left = iter(self._planned[numbers.tobytes()])

        def fill(content: memoryview) -> None:
            for shard, begin, end in left:
                self._files.read(shard, begin, content[: end - begin])

        if n_threads == 1:
            fill(self._contents[0])
        else:
            in_threads(*[partial(fill, content) for content in self._contents[:n_threads]])
