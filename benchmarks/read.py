"""Reading random balanced windows, side by side with what people would use instead.

All arms read the same windows of the same recordings from a warm page cache, in turn, for several
rounds; ratios are taken within a round. The limit is a gather of the same windows from an
uncompressed float32 ``numpy.memmap`` with two threads.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
import zarr
from numpy.typing import NDArray

import tuszstore
from benchmarks.corpus import write_files
from benchmarks.report import environment, markdown

BATCH = 64
THREADS = 2

Batch = NDArray[np.int64]
Arm = Callable[[Sequence[Batch]], None]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--files", default=12, show_default=True, help="Recordings to make.")
@click.option("--minutes", default=20.0, show_default=True, help="Length of each, about.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--batches", default=20, show_default=True, help="Batches of 64 windows a round.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures.")
def main(files: int, minutes: float, rounds: int, batches: int, json_path: Path | None) -> None:
    """Time every way of reading windows, and print windows a second and shares of the limit."""
    with tempfile.TemporaryDirectory(prefix="tuszstore-bench-") as scratch:
        root = Path(scratch)
        click.echo(f"Writing and building {files} recordings of {minutes:g} minutes ...")
        write_files(root / "corpus", files, minutes)
        stores = {
            codec: tuszstore.build(
                {"storage": {"codec": codec}}, split="train", data=root / "corpus",
                store=root / codec, workers=0,
            ).store
            for codec in ("lz4", "none")
        }  # fmt: skip
        opened = {codec: tuszstore.open(path) for codec, path in stores.items()}
        rows = []
        for order in ("random", "in order"):
            arms = make_arms(opened, root, order)
            for number in range(rounds + 1):  # the first only warms up
                chosen = list(draw(len(opened["lz4"]), batches, order, number))
                for name, arm in arms.items():
                    part = chosen if "NPZ" not in name else [chosen[0][:2]]
                    start = time.perf_counter()
                    arm(part)
                    seconds = time.perf_counter() - start
                    rate = sum(map(len, part)) / seconds
                    if number:
                        rows.append({"order": order, "arm": name, "round": number, "rate": rate})
        show(rows)
        if json_path:
            json_path.write_text(json.dumps({"environment": environment(), "rows": rows}))


def draw(n: int, batches: int, order: str, seed: int) -> Iterator[Batch]:
    """Yield batches of windows: random ones of the whole set, or consecutive ones."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, max(1, n - batches * BATCH), 1)[0]
    for k in range(batches):
        if order == "random":
            yield rng.choice(n, BATCH, replace=n < BATCH)
        else:
            yield (starts + k * BATCH + np.arange(BATCH)) % n


def make_arms(stores: dict[str, tuszstore.Store], root: Path, order: str) -> dict[str, Arm]:
    """Return all ways of reading that are installed here, by name."""
    compressed, bare = stores["lz4"], stores["none"]
    arms: dict[str, Arm] = {
        "limit: memmap, 2 threads": memmap_arm(compressed, root / "windows.npy"),
        "tuszstore.read, lz4": reader_arm(compressed),
        "tuszstore.read, lz4, no checksums": reader_arm(compressed, verify=False),
        "tuszstore.read, uncompressed": reader_arm(bare),
        "WindowLoader, lz4": loader_arm(compressed),
        "DataLoader, batch sampler, lz4": dataloader_arm(compressed),
        "zarr-python": zarr_arm(compressed, "zarr.core.codec_pipeline.BatchedCodecPipeline"),
    }
    if _installed("zarrs"):
        arms["zarrs"] = zarr_arm(compressed, "zarrs.ZarrsCodecPipeline")
    if _installed("tensorstore"):
        arms["tensorstore"] = tensorstore_arm(compressed)
    if order == "random":
        arms["NPZ, np.load"] = npz_arm(compressed, root / "npz")
    return arms


def memmap_arm(store: tuszstore.Store, path: Path) -> Arm:
    """Gather windows from one uncompressed array of all of them."""
    if not path.exists():
        shape = (len(store), *store.windows.shape[1:])
        array = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        for start in range(0, len(store), BATCH):
            array[start : start + BATCH] = store.windows[start : start + BATCH]
        array.flush()
        del array
    windows = np.load(path, mmap_mode="r")
    pool = ThreadPoolExecutor(THREADS)
    out = np.empty((BATCH, *windows.shape[1:]), np.float32)

    def run(batches: Sequence[Batch]) -> None:
        for batch in batches:

            def copy(rows: range, batch: Batch = batch) -> None:
                for row in rows:
                    out[row] = windows[batch[row]]

            half = len(batch) // 2
            list(pool.map(copy, [range(half), range(half, len(batch))]))

    return run


def reader_arm(store: tuszstore.Store, *, verify: bool = True) -> Arm:
    """Read into one array, batch after batch."""
    from tuszstore.read.windows import WindowReader

    reader = WindowReader(store.metadata, THREADS, verify=verify)
    out = np.empty((BATCH, *store.windows.shape[1:]), np.float32)

    def run(batches: Sequence[Batch]) -> None:
        for batch in batches:
            reader.signal(batch, out)

    return run


def loader_arm(store: tuszstore.Store) -> Arm:
    """Iterate whole batches of signals and labels as tensors."""
    from tuszstore.torch import WindowLoader

    def run(batches: Sequence[Batch]) -> None:
        loader = WindowLoader(store, np.concatenate(batches), batch_size=BATCH, shuffle=False)
        for _ in loader:
            pass

    return run


def dataloader_arm(store: tuszstore.Store) -> Arm:
    """Iterate with torch's own loader, which asks for a batch at a time."""
    from torch.utils.data import DataLoader

    from tuszstore.torch import WindowDataset

    dataset = WindowDataset(store)

    def run(batches: Sequence[Batch]) -> None:
        wanted = [batch.tolist() for batch in batches]
        for _ in DataLoader(dataset, batch_size=None, sampler=wanted):  # type: ignore[arg-type]
            pass

    return run


def zarr_arm(store: tuszstore.Store, pipeline: str) -> Arm:
    """Read a slice of blocks for each window with zarr-python, and scale it."""
    starts = store.index["start_block"].values
    with zarr.config.set({"codec_pipeline.path": pipeline}):
        signal: Any = zarr.open_array(store.path / "signal", mode="r")
    scale = np.float32(signal.attrs["scale_factor"])
    out = np.empty((BATCH, *store.windows.shape[1:]), np.float32)

    def run(batches: Sequence[Batch]) -> None:
        with zarr.config.set({"codec_pipeline.path": pipeline}):
            for batch in batches:
                for row, number in enumerate(batch):
                    _scale(signal[starts[number] : starts[number] + 6], scale, out[row])

    return run


def tensorstore_arm(store: tuszstore.Store) -> Arm:
    """Ask tensorstore for all windows of a batch at once, and scale them as they come."""
    import tensorstore

    spec = {"driver": "zarr3", "kvstore": f"file://{store.path / 'signal'}"}
    signal = tensorstore.open(spec, read=True).result()
    starts = store.index["start_block"].values
    scale = np.float32(store.config.storage.scale)
    out = np.empty((BATCH, *store.windows.shape[1:]), np.float32)

    def run(batches: Sequence[Batch]) -> None:
        for batch in batches:
            futures = [signal[int(starts[k]) : int(starts[k]) + 6].read() for k in batch]
            for row, future in enumerate(futures):
                _scale(future.result(), scale, out[row])

    return run


def npz_arm(store: tuszstore.Store, folder: Path) -> Arm:
    """Load the compressed file of a window's recording, as the NPZ pipeline does."""
    folder.mkdir(exist_ok=True)
    recordings = store.index["recording"].values
    first = store.recordings["first_window"].values
    for number in range(store.recordings.sizes["recording"]):
        path = folder / f"{number}.npz"
        if not path.exists():
            numbers = np.flatnonzero(recordings == number)
            labels = (store.labels[numbers] > 0).astype(np.float32)
            np.savez_compressed(path, windows=store.windows[numbers], labels=labels)

    def run(batches: Sequence[Batch]) -> None:
        for batch in batches:
            for number in batch:
                recording = recordings[number]
                with np.load(folder / f"{recording}.npz") as file:
                    file["windows"][number - first[recording]].copy()

    return run


def show(rows: list[dict[str, Any]]) -> None:
    """Print medians, spread and shares."""
    for order in ("random", "in order"):
        chosen = [row for row in rows if row["order"] == order]
        rates: dict[str, list[float]] = {}
        for row in chosen:
            rates.setdefault(row["arm"], []).append(row["rate"])
        limit = rates["limit: memmap, 2 threads"]
        own = rates["tuszstore.read, lz4"]
        table = []
        for name, values in rates.items():
            share = statistics.median(v / k for v, k in zip(values, limit, strict=True))
            times = statistics.median(k / v for v, k in zip(values, own, strict=True))
            table.append([name, f"{statistics.median(values):,.0f}",
                          f"{min(values):,.0f} to {max(values):,.0f}", f"{share:.3f}",
                          f"{times:,.2f}"])  # fmt: skip
        head = [f"{order}, batches of {BATCH}", "windows/s", "spread", "of the limit",
                "tuszstore is faster by"]  # fmt: skip
        click.echo("\n" + markdown(head, table))
    click.echo("\n" + ", ".join(f"{key} {value}" for key, value in environment().items()))


def _scale(blocks: Any, scale: np.float32, out: NDArray[np.float32]) -> None:
    target = out.reshape(out.shape[0], blocks.shape[0], -1).swapaxes(0, 1)
    np.multiply(blocks, scale, out=target)


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    there = find_spec(name) is not None
    if not there:
        click.echo(f"{name} is not installed: no figures of it")
    return there


if __name__ == "__main__":
    main()
