"""Cost per window as a store grows from 10^3 to 10^6 windows.

The stores are those of :mod:`benchmarks.sparse`: shards are hard links to a few files, which stay
in the page cache at every size. Random batches are read as in a first epoch, so reading the index
of a shard counts at its first use, which most uses are in the large stores.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines import ENGINES, imports_of
from benchmarks.measure import warm_up
from benchmarks.process import ProcessError, call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import Source
from benchmarks.sparse import make_store, write_shards
from benchmarks.workloads.reading import about

WORKLOADS = {"growth": "cost per window as the store grows"}

BLOCKS = 6
"""Blocks per window."""

READERS = ("tuszstore", "zarr-python", "zarrs", "tensorstore")
"""Engines that read tuszstore's own store."""


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure the engines that read tuszstore's store."""
    engines = [name for name in READERS if name in setting.engines]
    folder = setting.scratch / "growth"
    folder.mkdir()
    shards = write_shards(Source.open(setting.source), folder / "shards")
    paths = {n_windows: folder / f"{n_windows}.zarr" for n_windows in setting.size.growth}
    for n_windows, path in paths.items():
        make_store(path, n_windows, shards)
    for number in range(1, setting.size.loader_rounds + 1):
        for name in engines:
            for n_windows, path in paths.items():
                prepared = setting.engines[name]
                try:
                    done = call(
                        "benchmarks.workloads.growth:measure",
                        python=prepared.python,
                        imports=("benchmarks.workloads.growth", *imports_of(name)),
                        engine=name,
                        path=str(path),
                        shards=[str(shard) for shard in shards],
                        n_windows=n_windows,
                        batch=setting.size.batch,
                        seed=number,
                        seconds=setting.size.seconds,
                    ).value
                except ProcessError as error:
                    yield setting.row(
                        workload="growth",
                        round=number,
                        size=n_windows,
                        status="failed",
                        reason=str(error),
                        **about(name),
                    )
                    continue
                yield setting.row(
                    workload="growth",
                    round=number,
                    size=n_windows,
                    windows=done["windows"],
                    seconds=done["seconds"],
                    rate=done["windows"] / done["seconds"],
                    versions=prepared.versions,
                    **about(name),
                )
        setting.say(f"growth, round {number}")
    shutil.rmtree(folder)


def measure(
    engine: str,
    path: str,
    shards: list[str],
    n_windows: int,
    batch: int,
    seed: int,
    seconds: float,
) -> dict[str, Any]:
    """Time random batches of windows that do not overlap, as in :mod:`.reading`."""
    kind = ENGINES[engine]
    for shard in shards:
        warm_up(Path(shard).parent)
    reader = kind(Path(path))
    rng = np.random.default_rng(seed)
    # open, allocate and load libraries before the clock starts
    reader.read(np.arange(batch) % n_windows)
    windows, spent = 0, 0.0
    while spent < seconds:
        numbers = apart(rng, n_windows, batch)
        start = time.monotonic()
        reader.read(numbers)
        spent += time.monotonic() - start
        windows += batch
    reader.close()
    return {"windows": windows, "seconds": spent}


def apart(rng: np.random.Generator, n_windows: int, batch: int) -> NDArray[np.int64]:
    """Return random windows of a store of :mod:`benchmarks.sparse` that do not overlap."""
    # every sixth window, starting at a random one
    candidates = np.arange(int(rng.integers(BLOCKS)), n_windows, BLOCKS)
    return rng.choice(candidates, batch, replace=False)
