"""Index operations as a store grows: open, balanced set, selection.

The stores have every table but no signal, so that ten million windows fit on any disk. Each
measurement has its own process, with libraries imported before timing.
"""

import resource
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting

WORKLOADS = {"index": "index operations"}

OPERATIONS = ("open", "balanced", "select")


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure tuszstore; the NPZ pipeline would read every file for the same."""
    paths = {}
    for n_windows in setting.size.index:
        paths[n_windows] = setting.scratch / "index" / f"{n_windows}.zarr"
        paths[n_windows].parent.mkdir(exist_ok=True)
        call("benchmarks.workloads.index:make", path=str(paths[n_windows]), n_windows=n_windows)
    for number in range(1, setting.size.build_rounds + 1):
        for n_windows, path in paths.items():
            done = call("benchmarks.workloads.index:measure", path=str(path)).value
            for operation in OPERATIONS:
                yield setting.own_row(
                    "index",
                    number,
                    variant=operation,
                    size=n_windows,
                    seconds=done[operation],
                    anonymous=done["peak"],
                )
        setting.say(f"index operations, round {number}")
    shutil.rmtree(setting.scratch / "index")


def make(path: str, n_windows: int) -> None:
    """Write a store without a signal."""
    from benchmarks.sparse import make_store

    make_store(Path(path), n_windows)


def measure(path: str) -> dict[str, float]:
    """Return the seconds of each operation, and the peak memory (bytes) after the first two."""
    import xarray  # noqa: F401  imported before the clock starts
    import zarr  # noqa: F401

    import tuszstore
    from tuszstore.sampling import balanced

    figures = {}
    start = time.perf_counter()
    store = tuszstore.open(path)
    figures["open"] = time.perf_counter() - start
    start = time.perf_counter()
    chosen = balanced(store.index)
    figures["balanced"] = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures["peak"] = peak if sys.platform == "darwin" else 1024 * peak
    start = time.perf_counter()
    patient = store.recordings["patient"].values[0]
    store.select(patient=patient, category="partial_seizure")
    figures["select"] = time.perf_counter() - start
    assert len(chosen) > 0
    return figures
