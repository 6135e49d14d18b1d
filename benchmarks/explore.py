"""Looking at a store in xarray: one window of a large store, and a mean over many hours.

``python -m benchmarks.explore`` measures

- opening, and ``ds.windows[k]``, in a store of as many windows as the training split of TUSZ has:
  milliseconds, and the bytes that the process asks the system for (on Linux);
- ``ds.windows.groupby("category").mean()`` on two workers of a Dask cluster, over some hours of EEG
  and over four times as many: that the most memory of a worker is the same says it is bounded.

All recordings of the first store are links to one, so that it fits on any disk. Libraries are
imported, and the files in the page cache, before a clock starts.
"""

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.arms import peak_memory
from benchmarks.corpus import repeat_files, write_files
from benchmarks.index import make_store
from benchmarks.report import environment, markdown
from tuszstore.config import CHANNELS, Config
from tuszstore.corpus.synthetic_eeg import background
from tuszstore.signal.pipeline import preprocess
from tuszstore.signal.quantise import quantise
from tuszstore.store.geometry import Geometry
from tuszstore.store.shard import encode_shard

WINDOWS = 252_000
NUMBER = 12_345
REPEATS = 100
COPIES = 4
MEMORY_LIMIT = "2GiB"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--files", default=8, show_default=True, help="Recordings, the first time.")
@click.option("--minutes", default=20.0, show_default=True, help="Of each, about.")
def main(files: int, minutes: float) -> None:
    """Print what a window of a large store and a mean over many hours take."""
    with tempfile.TemporaryDirectory(prefix="tuszstore-bench-") as scratch:
        root = Path(scratch)
        for n_windows in (1_000, WINDOWS):
            make_store(root / f"{n_windows}.zarr", n_windows)
            link_signal(root / f"{n_windows}.zarr")
        rows = _in_new_process(measure_windows, root / f"{WINDOWS}.zarr", root / "1000.zarr")
        click.echo(markdown([f"{WINDOWS:,} windows", "ms", "kB"], rows) + "\n")

        write_files(root / "few", files, minutes)
        repeat_files(sorted((root / "few").rglob("*.edf")), root / "many", COPIES)
        rows = [_in_new_process(measure_groups, root / name) for name in ("few", "many")]
        head = ["groupby, 2 workers", "windows", "GB", "s", "peak memory of a worker, MB"]
        click.echo(markdown(head, rows) + "\n")
    click.echo(", ".join(f"{key} {value}" for key, value in environment().items()))


def link_signal(path: Path) -> None:
    """Give every recording of a store of :func:`make_store` one and the same signal."""
    config = Config()
    geometry = Geometry.of(config)
    seconds = 600
    names = [name.upper() for name in CHANNELS]
    eeg = background(np.random.default_rng(0), names, seconds * geometry.sfreq, geometry.sfreq)
    signal = quantise(preprocess(eeg, geometry.sfreq, config.signal).data, config.storage)
    blocks = np.stack(np.split(signal, signal.shape[1] // geometry.block, axis=1))
    shard = encode_shard(blocks, config.storage.codec, geometry.shard)
    folder = path / "signal" / "c"
    n_recordings = -(-int(path.stem) // 55)
    for number in range(n_recordings):
        place = folder / str(number) / "0" / "0"
        place.parent.mkdir(parents=True)
        if number == 0:
            place.write_bytes(shard)
        else:
            os.link(folder / "0" / "0" / "0", place)


def measure_windows(path: Path, small: Path) -> list[list[str]]:
    """Open a store and read windows; `small` is opened before, to import and to warm up."""
    import tuszstore

    for chunks in (None, {}):
        tuszstore.open(small).to_xarray(chunks=chunks)["windows"][5].load()
    rows = []

    def step(name: str, work: Callable[[], Any]) -> Any:
        result, seconds, n_bytes = _measured(work)
        rows.append([name, f"{1000 * seconds:.1f}", f"{n_bytes / 1000:,.0f}"])
        return result

    ds = step("open", lambda: tuszstore.open(path).to_xarray())
    first = step(f"ds.windows[{NUMBER:_}].values, the first", lambda: ds.windows[NUMBER].values)
    assert np.array_equal(first, tuszstore.open(path).windows[NUMBER])
    numbers = np.random.default_rng(0).integers(0, WINDOWS, REPEATS)
    later = [_measured(lambda number=number: ds.windows[number].values) for number in numbers]
    seconds = statistics.median(seconds for _, seconds, _ in later)
    n_bytes = statistics.median(n_bytes for _, _, n_bytes in later)
    rows.append(["any other, median", f"{1000 * seconds:.1f}", f"{n_bytes / 1000:,.0f}"])
    step("what is known of all windows", ds.coords.to_dataset().load)
    lazy = step("open, chunks={}", lambda: tuszstore.open(path).to_xarray(chunks={}))
    step(f"ds.windows[{NUMBER:_}].values, with Dask", lambda: lazy.windows[NUMBER].values)
    return rows


def measure_groups(data: Path) -> list[str]:
    """Build a store, and take the mean of each category on a cluster of two workers."""
    from distributed import Client, LocalCluster

    import tuszstore

    report = tuszstore.build(split="train", data=data, store=data / "stores", workers=2)
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
        peak = max(client.run(peak_memory).values())
    edge = store.read(np.flatnonzero(store.mask("partial_seizure"))).mean(0, dtype=np.float64)
    assert np.allclose(means.sel(category="partial_seizure"), edge, atol=1e-5)
    n_bytes = ds["windows"].nbytes
    return [f"{report.hours:.1f} h", f"{len(store):,}", f"{n_bytes / 1e9:.1f}", f"{seconds:.0f}",
            f"{peak / 1e6:,.0f}"]  # fmt: skip


def _import() -> None:
    import tuszstore.xarray  # noqa: F401


def _measured(work: Callable[[], Any]) -> tuple[Any, float, int]:
    """Return what a function returns, its seconds, and the bytes it asked the system for."""
    before = _bytes_asked_for()
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start, _bytes_asked_for() - before


def _bytes_asked_for() -> int:
    counters = Path("/proc/self/io")
    return int(counters.read_text().split()[1]) if counters.exists() else 0


def _in_new_process(function: Callable[..., Any], *args: Any) -> Any:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args).result()


if __name__ == "__main__":
    main()
