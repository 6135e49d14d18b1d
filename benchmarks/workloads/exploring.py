"""Exploring a store with xarray: one window of a large store, and a mean over many hours.

The first store has as many windows as the training split of TUSZ, with hard links to a few shards
(:mod:`benchmarks.sparse`). Then two workers of a Dask cluster compute the mean of each category,
over some hours of EEG and over four times as many; memory is bounded if the peak of a worker is the
same. Libraries are imported, and files in the page cache, before timing.
"""

import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import write_files
from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import Source
from benchmarks.sparse import make_store, write_shards

WORKLOADS = {
    "xarray": "a store of 252,000 windows in xarray",
    "groupby": "mean of each category with xarray and two workers",
}

WINDOWS = 252_000
NUMBER = 12_345
REPEATS = 100
TIMES = 4
MEMORY_LIMIT = "2GiB"


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure tuszstore."""
    if "xarray" in names:
        yield from _windows(setting)
    if "groupby" in names:
        yield from _groups(setting)


def _windows(setting: Setting) -> Iterator[Row]:
    root = setting.scratch / "xarray"
    root.mkdir()
    shards = write_shards(Source.open(setting.source), root / "shards")
    for n_windows in (1_000, WINDOWS):
        make_store(root / f"{n_windows}.zarr", n_windows, shards)
    for number in range(1, setting.size.build_rounds + 1):
        done = call(
            "benchmarks.workloads.exploring:measure_windows",
            path=str(root / f"{WINDOWS}.zarr"),
            small=str(root / "1000.zarr"),
        ).value
        for step, (seconds, n_bytes) in done.items():
            yield setting.own_row(
                "xarray", number, variant=step, seconds=seconds, values={"bytes read": n_bytes}
            )
    setting.say("xarray")
    shutil.rmtree(root)


def _groups(setting: Setting) -> Iterator[Row]:
    root = setting.scratch / "groupby"
    size = setting.size
    for times in (1, TIMES):
        # not links to the same files, since a build excludes copies
        write_files(root / str(times), size.build_files * times, size.minutes)
        done = call(
            "benchmarks.workloads.exploring:measure_groups", data=str(root / str(times))
        ).value
        hours = done.pop("hours")
        yield setting.own_row("groupby", 1, variant=f"{hours:.1f} h of EEG", **done)
    setting.say("groupby")
    shutil.rmtree(root)


def measure_windows(path: str, small: str) -> dict[str, tuple[float, int]]:
    """Return seconds, and bytes read by system calls, of opening and of reading windows.

    Parameters
    ----------
    path : str
        Path of a store of :data:`WINDOWS` windows.
    small : str
        A store to open first, for imports and warm-up.
    """
    import tuszstore

    ways: tuple[dict[str, int] | None, ...] = (None, {})
    for chunks in ways:
        tuszstore.open(small).to_xarray(chunks=chunks)["windows"][5].load()
    steps: dict[str, tuple[float, int]] = {}

    def step(name: str, work: Any) -> Any:
        result, *steps[name] = _measured(work)  # type: ignore[assignment]
        return result

    ds = step("open", lambda: tuszstore.open(path).to_xarray())
    first = step(f"ds.windows[{NUMBER:_}].values, the first", lambda: ds.windows[NUMBER].values)
    if not np.array_equal(first, tuszstore.open(path).windows[NUMBER]):
        raise ValueError("xarray and the store give other values")
    numbers = np.random.default_rng(0).integers(0, WINDOWS, REPEATS)
    later = [_measured(lambda number=number: ds.windows[number].values) for number in numbers]
    steps["any other, median"] = (
        statistics.median(seconds for _, seconds, _ in later),
        round(statistics.median(n_bytes for _, _, n_bytes in later)),
    )
    step("metadata of all windows", ds.coords.to_dataset().load)
    lazy = step("open, chunks={}", lambda: tuszstore.open(path).to_xarray(chunks={}))
    step(f"ds.windows[{NUMBER:_}].values, with Dask", lambda: lazy.windows[NUMBER].values)
    return steps


def measure_groups(data: str) -> dict[str, Any]:
    """Build a store, and compute the mean of each category on a cluster of two workers."""
    from distributed import Client, LocalCluster

    import tuszstore

    report = tuszstore.build(split="train", data=data, store=Path(data, "stores"), workers=2)
    store = tuszstore.open(report.store)
    ds = store.to_xarray(chunks={})
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit=MEMORY_LIMIT,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster) as client,
    ):
        client.run(_import)
        start = time.perf_counter()
        means = ds["windows"].groupby("category").mean().compute()
        seconds = time.perf_counter() - start
        peak = max(client.run(_peak_memory).values())
    edge = store.read(np.flatnonzero(store.mask("partial_seizure"))).mean(0, dtype=np.float64)
    if not np.allclose(means.sel(category="partial_seizure"), edge, atol=1e-5):
        raise ValueError("xarray and the store give other means")
    return {
        "hours": report.hours,
        "seconds": seconds,
        "windows": len(store),
        "anonymous": peak,
    }


def _import() -> None:
    import tuszstore.xarray  # noqa: F401


def _peak_memory() -> int:
    """Return the peak resident memory (bytes) of this process."""
    import resource
    import sys

    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss of a new process starts with the memory of its parent
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _measured(work: Any) -> tuple[Any, float, int]:
    """Return the result of a function, its seconds, and the bytes it read by system calls."""
    before = _bytes_asked_for()
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start, _bytes_asked_for() - before


def _bytes_asked_for() -> int:
    counters = Path("/proc/self/io")
    return int(counters.read_text().split()[1]) if counters.exists() else 0
