"""Reading random windows from an object store whose every request takes 20 ms.

The store lies behind a web server on this machine that answers late, in a process of its own. All
arms read the same batches of 64 windows, in turn, for several rounds, each with all windows of a
batch asked for at once, and new clients in each round. Arms that give other values are refused.
tuszstore reads its tables from there as well; the others are told where windows begin.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import tuszstore
from benchmarks.corpus import write_files
from benchmarks.object_server import n_requests, served
from benchmarks.report import environment, markdown

BATCH = 64
AHEAD = 4

Batch = NDArray[np.int64]
Reader = Callable[[Sequence[Batch]], Iterator[NDArray[np.float32]]]
Arm = Callable[[str, tuszstore.Store], Reader]
"""Opens the store at a URL; the local one says where windows begin, and gives the scale."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--files", default=64, show_default=True, help="Recordings to make.")
@click.option("--minutes", default=6.0, show_default=True, help="Length of each, about.")
@click.option("--delay", default=0.02, show_default=True, help="Seconds that a request takes.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--batches", default=24, show_default=True, help="Batches of 64 windows a round.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures.")
def main(
    files: int, minutes: float, delay: float, rounds: int, batches: int, json_path: Path | None
) -> None:
    """Time every way of reading windows from an object store."""
    with tempfile.TemporaryDirectory(prefix="tuszstore-bench-") as scratch:
        root = Path(scratch)
        click.echo(f"Writing and building {files} recordings of {minutes:g} minutes ...")
        write_files(root / "corpus", files, minutes)
        path = tuszstore.build(split="train", data=root / "corpus", store=root, workers=0).store
        rows = measure(path, delay=delay, rounds=rounds, batches=batches)
    show(rows, delay)
    if json_path:
        json_path.write_text(json.dumps({"environment": environment(), "rows": rows}))


def measure(path: Path, *, delay: float, rounds: int, batches: int) -> list[dict[str, Any]]:
    """Time all arms on a store.

    Parameters
    ----------
    path : Path
        Of the store, on this machine.
    delay : float
        Seconds that a request takes.
    rounds, batches : int

    Returns
    -------
    list of dict
        For each arm and round: ``first``, the seconds from before opening to the end of the first
        batch; ``rate``, windows a second in the batches after it; and ``requests`` for each batch
        of those.
    """
    store = tuszstore.open(path)
    rows = []
    with served(path.parent, delay) as url:
        for number in range(rounds):
            rng = np.random.default_rng(number)
            chosen = [rng.choice(len(store), BATCH, replace=False) for _ in range(batches)]
            for name, arm in arms().items():
                start = time.perf_counter()
                reading = arm(f"{url}/{path.name}", store)(chosen)
                batch = next(reading)
                first = time.perf_counter() - start
                if not np.array_equal(batch, store.read(chosen[0])):
                    raise RuntimeError(f"{name} gives other values")
                before, start = n_requests(url), time.perf_counter()
                n_windows = sum(len(batch) for batch in reading)
                seconds = time.perf_counter() - start
                n_asked = (n_requests(url) - before) / (batches - 1)
                rows.append({"arm": name, "round": number, "first": first,
                             "rate": n_windows / seconds, "requests": n_asked})  # fmt: skip
    return rows


def arms() -> dict[str, Arm]:
    """Return all ways of reading that are installed here, by name."""
    from importlib.util import find_spec

    known: dict[str, tuple[str, Arm]] = {
        "tuszstore.read": ("obstore", reader_arm),
        f"WindowLoader, {AHEAD} batches ahead": ("torch", loader_arm),
        "zarr-python": ("obstore", zarr_arm),
        "tensorstore": ("tensorstore", tensorstore_arm),
        "tensorstore, 64 MB cache": ("tensorstore", cached_tensorstore_arm),
    }
    for name, (package, _) in known.items():
        if find_spec(package) is None:
            click.echo(f"{name}: {package} is not installed: no figures of it")
    return {name: arm for name, (package, arm) in known.items() if find_spec(package)}


def reader_arm(url: str, local: tuszstore.Store) -> Reader:
    """Read with tuszstore, one batch after the other."""
    store = tuszstore.open(url)
    return lambda batches: (store.read(batch) for batch in batches)


def loader_arm(url: str, local: tuszstore.Store) -> Reader:
    """Read with the loader of tuszstore, which has several batches under way."""
    from tuszstore.torch import WindowLoader

    store = tuszstore.open(url)

    def run(batches: Sequence[Batch]) -> Iterator[NDArray[np.float32]]:
        # as many are ready at the end as at the start, so that none comes for nothing
        numbers = np.concatenate([*batches, *batches[:AHEAD]])
        loader = WindowLoader(store, numbers, BATCH, shuffle=False, prefetch=AHEAD)
        return (signal.numpy() for signal, _ in islice(loader, len(batches)))

    return run


def zarr_arm(url: str, local: tuszstore.Store) -> Reader:
    """Ask zarr-python for all windows of a batch at once, through obstore."""
    import zarr
    from obstore.store import HTTPStore
    from zarr.api import asynchronous
    from zarr.storage import ObjectStore

    zarr.config.set({"async.concurrency": BATCH})
    objects = HTTPStore.from_url(url, client_options={"allow_http": True})
    starts, scale = _starts(local), np.float32(local.config.storage.scale)

    async def opened() -> Any:
        return await asynchronous.open_array(
            store=ObjectStore(objects, read_only=True), path="signal", mode="r", zarr_format=3
        )

    async def together(array: Any, batch: Batch) -> list[Any]:
        return await asyncio.gather(
            *(array.getitem(slice(starts[k], starts[k] + 6)) for k in batch)
        )

    def run(batches: Sequence[Batch]) -> Iterator[NDArray[np.float32]]:
        with asyncio.Runner() as runner:
            array = runner.run(opened())
            for batch in batches:
                yield _windows(runner.run(together(array, batch)), scale)

    return run


def tensorstore_arm(url: str, local: tuszstore.Store, cache: int = 0) -> Reader:
    """Ask tensorstore for all windows of a batch at once, with as many requests as it may."""
    import tensorstore

    context = tensorstore.Context({
        "http_request_concurrency": {"limit": 4 * BATCH},
        "cache_pool": {"total_bytes_limit": cache},
    })  # fmt: skip
    spec = {"driver": "zarr3", "kvstore": f"{url}/signal/", "recheck_cached_data": "open"}
    signal = tensorstore.open(spec, read=True, context=context).result()
    starts, scale = _starts(local), np.float32(local.config.storage.scale)

    def run(batches: Sequence[Batch]) -> Iterator[NDArray[np.float32]]:
        for batch in batches:
            futures = [signal[starts[k] : starts[k] + 6].read() for k in batch]
            yield _windows([future.result() for future in futures], scale)

    return run


def cached_tensorstore_arm(url: str, local: tuszstore.Store) -> Reader:
    """Read with tensorstore and a cache, which keeps the indexes of shards, and blocks."""
    return tensorstore_arm(url, local, cache=64_000_000)


def show(rows: list[dict[str, Any]], delay: float) -> None:
    """Print medians and spread."""
    by_arm: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_arm.setdefault(row["arm"], []).append(row)
    own = [row["rate"] for row in by_arm["tuszstore.read"]]
    table = []
    for name, chosen in by_arm.items():
        rates = [row["rate"] for row in chosen]
        table.append([
            name, f"{statistics.median(row['first'] for row in chosen):.2f}",
            f"{statistics.median(rates):,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}",
            f"{statistics.median(row['requests'] for row in chosen):,.0f}",
            f"{statistics.median(a / b for a, b in zip(own, rates, strict=True)):,.2f}",
        ])  # fmt: skip
    head = [f"{delay * 1000:g} ms a request, batches of {BATCH}", "open and first batch, s",
            "windows/s", "spread", "requests a batch", "tuszstore.read is faster by"]  # fmt: skip
    click.echo("\n" + markdown(head, table))
    click.echo("\n" + ", ".join(f"{key} {value}" for key, value in environment().items()))


def _starts(store: tuszstore.Store) -> list[int]:
    starts: list[int] = store.index["start_block"].values.tolist()
    return starts


def _windows(blocks: Sequence[Any], scale: np.float32) -> NDArray[np.float32]:
    """Return windows of blocks, scaled."""
    n_blocks, n_channels, n_samples = blocks[0].shape
    out = np.empty((len(blocks), n_channels, n_blocks * n_samples), np.float32)
    for row, values in zip(out, blocks, strict=True):
        target = row.reshape(n_channels, n_blocks, n_samples).swapaxes(0, 1)
        np.multiply(values, scale, out=target)
    return out


if __name__ == "__main__":
    main()
