"""The limit of a disk: random windows with an empty page cache, compared with plain reads.

Plain reads use more threads than cores, reuse memory, and do not process the bytes. They read the
blocks of tuszstore that contain the windows, and the windows as bare float32. No reader of the same
bytes, and no store with as many bytes per window, can be faster.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.engines.base import Batch
from benchmarks.measure import drop_cache
from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import WINDOWS, Source
from benchmarks.workloads.reading import random_order
from benchmarks.workloads.stages import Chunks
from tuszstore.api import open_store
from tuszstore.read.filling import in_threads
from tuszstore.read.windows import WindowReader

WORKLOADS = {"disk": "random batches from disk, and their bytes alone"}

BATCHES = 12
THREADS = 16

READ = "windows"
BLOCKS = f"bytes of the blocks, {THREADS} threads"
BARE = f"bytes of float32 windows, {THREADS} threads"


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure tuszstore and the disk."""
    source = Source.open(setting.source)
    for number in range(1, setting.size.rounds + 1):
        order = random_order(source, BATCHES, setting.size.batch, number)
        done = call(
            "benchmarks.workloads.disk:measure", source=str(setting.source), order=order, sync=True
        ).value
        n_windows = sum(map(len, order))
        for variant, seconds in done.items():
            yield setting.own_row(
                "disk",
                number,
                variant=variant,
                windows=n_windows,
                seconds=seconds,
                rate=n_windows / seconds,
            )
        setting.say(f"disk, round {number}")


def measure(source: str, order: list[list[int]]) -> dict[str, float]:
    """Return the seconds of all batches, with all files dropped from the page cache before each."""
    opened = Source.open(source)
    batches = [np.array(numbers) for numbers in order]
    store = open_store(opened.stores["lz4"])
    out = np.empty((len(order[0]), *opened.windows.shape[1:]), np.float32)
    chunks = Chunks(store, batches)
    bare = Bare(opened)
    readers: dict[str, Callable[[Batch], object]] = {
        READ: partial(WindowReader(store.metadata).signal, out=out),
        BLOCKS: partial(chunks.read, n_threads=THREADS),
        BARE: bare.read,
    }
    for read in readers.values():  # warms up: index of each shard, memory, libraries
        for numbers in batches:
            read(numbers)
    seconds = dict.fromkeys(readers, 0.0)
    for numbers in batches:
        for name, read in readers.items():
            drop_cache(Path(source))
            drop_cache(Path(store.path))
            start = time.perf_counter()
            read(numbers)
            seconds[name] += time.perf_counter() - start
    return seconds


class Bare:
    """Reads the bytes of float32 windows.

    Parameters
    ----------
    source : Source
    """

    def __init__(self, source: Source) -> None:
        self._file = os.open(Path(source.folder, WINDOWS), os.O_RDONLY)
        self._row = source.windows[0].nbytes
        self._begin = os.fstat(self._file).st_size - self._row * len(source)
        self._memory = [bytearray(self._row) for _ in range(THREADS)]

    def read(self, numbers: Batch) -> None:
        """Read windows one by one, in as many threads as there are buffers."""
        left = iter(numbers.tolist())

        def fill(memory: bytearray) -> None:
            for number in left:
                os.preadv(self._file, [memory], self._begin + number * self._row)

        in_threads(*[partial(fill, memory) for memory in self._memory])
