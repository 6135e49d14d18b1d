"""Index operations as a store grows: open, balanced set, selection, and the first batch.

The stores have every table but no signal, so that ten million windows fit on any disk. Each figure
comes from a process of its own, with the libraries imported before the clock starts.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from benchmarks.report import environment, markdown
from tuszstore.build.tables import strings
from tuszstore.config import CHANNELS, Config
from tuszstore.store.create import create_arrays, finish, write_table
from tuszstore.store.geometry import Geometry
from tuszstore.store.index import categorise
from tuszstore.store.schema import CATEGORIES, variables

WINDOWS_PER_RECORDING = 55
SHARES = (0.922, 0.052, 0.026)  # of TUSZ's training split, by category


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--largest", default=10_000_000, show_default=True, help="Windows, at most.")
def main(largest: int) -> None:
    """Print seconds and memory of index operations for 10^4 windows and more."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="tuszstore-bench-") as scratch:
        n_windows = 10_000
        while n_windows <= largest:
            path = Path(scratch) / f"{n_windows}.zarr"
            make_store(path, n_windows)
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.index_child", str(path)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            figures = json.loads(done.stdout)
            rows.append([f"{n_windows:,}", *(f"{value:.3f}" for value in figures.values())])
            n_windows *= 10
    click.echo(markdown(["windows", *figures], rows))
    click.echo("\n" + ", ".join(f"{key} {value}" for key, value in environment().items()))


def make_store(path: Path, n_windows: int) -> None:
    """Write a complete store of so many windows, without a signal."""
    config = Config()
    geometry = Geometry.of(config)
    rng = np.random.default_rng(0)
    n_recordings = -(-n_windows // WINDOWS_PER_RECORDING)
    recording = np.arange(n_windows) // WINDOWS_PER_RECORDING
    within = np.arange(n_windows) % WINDOWS_PER_RECORDING
    kind = rng.choice(3, n_windows, p=SHARES)
    fraction = np.choose(kind, [0.0, rng.uniform(0.01, 0.98, n_windows), 1.0])
    category = categorise(fraction, 0.99)
    counts = np.bincount(recording, minlength=n_recordings)
    create_arrays(path, config, n_recordings * geometry.shard)
    write_table(path, "windows", {
        "recording": recording, "start_block": recording * geometry.shard + within,
        "start_time": within * 10.0, "seizure_fraction": fraction, "category": category,
        "event_classes": (category > 0).astype(np.uint16),
        "category_mask": category == np.arange(len(CATEGORIES))[:, None],
        "mask": strings(CATEGORIES),
    })  # fmt: skip
    names = np.char.mod("aaaa%06d", np.arange(n_recordings) // 8)
    columns = {
        "id": strings(f"edf/train/{name}/{k}.edf" for k, name in enumerate(names)),
        "patient": strings(names), "first_block": np.arange(n_recordings) * geometry.shard,
        "n_samples": np.full(n_recordings, 600 * 256), "n_windows": counts,
        "first_window": np.cumsum(counts) - counts, "n_blocks": np.full(n_recordings, 60),
    }  # fmt: skip
    for variable in variables("recordings"):
        shape = (n_recordings, len(CHANNELS))[: len(variable.dims)]
        if variable.name not in columns and variable.dtype == "string":
            columns[variable.name] = strings([f"{0:064x}"] * n_recordings)
        elif variable.name not in columns:
            columns[variable.name] = np.zeros(shape, variable.dtype)
    write_table(path, "recordings", columns)
    for table in ("events", "left_out"):
        empty = {v.name: strings([]) if v.dtype == "string" else np.zeros(0, v.dtype)
                 for v in variables(table)}  # fmt: skip
        write_table(path, table, empty)
    finish(
        path,
        {
            "split": "train",
            "split_policy": "official",
            "warnings": [],
            "config": config.model_dump(mode="json"),
            "config_hash": config.digest(),
        },
    )


def measure(path: Path) -> dict[str, float]:
    """Time index operations on a store; called in a process of its own."""
    import xarray  # noqa: F401  imported before the clock starts
    import zarr  # noqa: F401

    import tuszstore
    from tuszstore.sampling import balanced

    figures = {}
    start = time.perf_counter()
    store = tuszstore.open(path)
    figures["open (s)"] = time.perf_counter() - start
    start = time.perf_counter()
    chosen = balanced(store.index)
    figures["balanced (s)"] = time.perf_counter() - start
    figures["peak memory (GB)"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    start = time.perf_counter()
    patient = store.recordings["patient"].values[0]
    store.select(patient=patient, category="partial_seizure")
    figures["select (s)"] = time.perf_counter() - start
    assert len(chosen) > 0
    return figures


if __name__ == "__main__":
    main()
