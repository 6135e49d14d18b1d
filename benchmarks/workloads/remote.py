"""Random batches from an object store whose every request takes 20 ms.

The store lies behind a web server on this machine that answers late, in a process of its own. In
each round each engine gets a new process, opens the store and reads batches of windows that do not
overlap, all windows of a batch asked for at once; the first batch is timed with the opening, the
rate is that of the others. The store has 10^4 windows in hard links (:mod:`benchmarks.sparse`), so
that most shards are new to a reader, as in a corpus. tuszstore reads its tables from the server as
well; the others are told where windows begin. insitubatch reads whole windows, one an object.
"""

import asyncio
import shutil
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines import ENGINES
from benchmarks.engines.base import Batch, Signal
from benchmarks.measure import Span
from benchmarks.object_server import n_requests, served
from benchmarks.process import ProcessError, call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import Source
from benchmarks.sparse import make_store, write_shards
from benchmarks.workloads.growth import apart
from benchmarks.workloads.reading import about, figures, random_order

WORKLOADS = {"remote": "random batches from an object store, 20 ms a request"}

DELAY = 0.02
WINDOWS = 10_000
AHEAD = 4
"""Batches that the loader of tuszstore has under way."""

READERS = ("tuszstore", "tuszstore-loader", "zarr-python", "tensorstore", "insitubatch")


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure the engines that read from a web server."""
    source = Source.open(setting.source)
    root = setting.scratch / "remote"
    root.mkdir()
    store = root / "train.zarr"
    make_store(store, WINDOWS, write_shards(source, root / "shards"))
    batch, batches = setting.size.batch, setting.size.remote_batches + 1
    window_bytes = 4 * int(np.prod(source.windows.shape[1:]))
    with served(setting.scratch, DELAY) as url:
        for number in range(1, setting.size.rounds + 1):
            rng = np.random.default_rng(number)
            order = [apart(rng, WINDOWS, batch).tolist() for _ in range(batches)]
            for name in READERS:
                if name not in setting.engines:
                    continue
                prepared = setting.engines[name]
                local, asked = store, order
                if name == "insitubatch":
                    local, asked = Path(prepared.path), random_order(source, batches, batch, number)
                before = n_requests(url)
                try:
                    result = call(
                        "benchmarks.workloads.remote:measure", python=prepared.python, engine=name,
                        url=f"{url}/{local.relative_to(setting.scratch)}", local=str(local),
                        order=asked,
                    )  # fmt: skip
                except ProcessError as error:
                    yield setting.row(workload="remote", round=number, status="failed",
                                      reason=str(error), **about(name))  # fmt: skip
                    continue
                values = figures(result, result.value, prepared, window_bytes)
                values["first_batch"] = result.value["opened"]
                values["values"] = {"requests a batch": (n_requests(url) - before) / batches}
                yield setting.row(workload="remote", round=number, **about(name), **values)
            setting.say(f"object store, round {number}")
    shutil.rmtree(root)


def measure(engine: str, url: str, local: str, order: list[list[int]]) -> dict[str, Any]:
    """Time opening with a first batch, and the batches after it.

    Parameters
    ----------
    engine : str
    url : str
        Of a store.
    local : str
        Path of the same store, which says where windows begin.
    order : list of list of int

    Returns
    -------
    dict
        As of one phase of :func:`benchmarks.measure.measure`, and ``opened`` (s).
    """
    import importlib

    for module in ENGINES[engine].imports:
        importlib.import_module(module)
    read = {
        "tuszstore": _tuszstore,
        "tuszstore-loader": _tuszstore_loader,
        "zarr-python": _zarr_python,
        "tensorstore": _tensorstore,
        "insitubatch": _insitubatch,
    }[engine]
    batches = [np.array(numbers) for numbers in order]
    start = time.monotonic()
    reading = read(url, Path(local), batches)
    next(reading)
    opened = time.monotonic() - start
    span = Span()
    windows = sum(len(signal) for signal in reading)
    return span.end(windows) | {"opened": opened, "dropped": None}


def _tuszstore(url: str, local: Path, batches: Sequence[Batch]) -> Iterator[Signal]:
    import tuszstore

    store = tuszstore.open(url)
    return (store.read(batch) for batch in batches)


def _tuszstore_loader(url: str, local: Path, batches: Sequence[Batch]) -> Iterator[Signal]:
    import tuszstore
    from tuszstore.torch import WindowLoader

    # as many are ready at the end as at the start, so that none comes for nothing
    numbers = np.concatenate([*batches, *batches[:AHEAD]])
    loader = WindowLoader(
        tuszstore.open(url), numbers, len(batches[0]), shuffle=False, prefetch=AHEAD
    )
    return (signal.numpy() for signal, _ in islice(loader, len(batches)))


def _zarr_python(url: str, local: Path, batches: Sequence[Batch]) -> Iterator[Signal]:
    """Ask zarr-python for all windows of a batch at once, through obstore."""
    import zarr
    from obstore.store import HTTPStore
    from zarr.api import asynchronous
    from zarr.storage import ObjectStore

    from benchmarks.engines.blocks import Blocks

    blocks = Blocks.of(zarr.open_group(local, mode="r"))
    zarr.config.set({"async.concurrency": len(batches[0])})
    objects = HTTPStore.from_url(url, client_options={"allow_http": True})

    async def opened() -> Any:
        return await asynchronous.open_array(
            store=ObjectStore(objects, read_only=True), path="signal", mode="r", zarr_format=3
        )

    async def together(array: Any, batch: Batch) -> list[Any]:
        return await asyncio.gather(*(array.getitem(blocks.span(int(k))) for k in batch))

    with asyncio.Runner() as runner:
        array = runner.run(opened())
        for batch in batches:
            yield _windows(runner.run(together(array, batch)), blocks)


def _tensorstore(url: str, local: Path, batches: Sequence[Batch]) -> Iterator[Signal]:
    """Ask for all windows of a batch at once; a cache of 64 MB keeps the indexes of shards."""
    import tensorstore
    import zarr

    from benchmarks.engines.blocks import Blocks

    blocks = Blocks.of(zarr.open_group(local, mode="r"))
    context = tensorstore.Context({
        "http_request_concurrency": {"limit": 4 * len(batches[0])},
        "cache_pool": {"total_bytes_limit": 64_000_000},
    })  # fmt: skip
    spec = {"driver": "zarr3", "kvstore": f"{url}/signal/", "recheck_cached_data": "open"}
    signal = tensorstore.open(spec, read=True, context=context).result()
    for batch in batches:
        futures = [signal[blocks.span(int(number))].read() for number in batch]
        yield _windows([future.result() for future in futures], blocks)


def _insitubatch(url: str, local: Path, batches: Sequence[Batch]) -> Iterator[Signal]:
    from benchmarks.engines.insitubatch import InSituBatch

    reader = InSituBatch(local, url)
    return (signal for _, signal in reader.batches(batches, shuffle=True))


def _windows(parts: Sequence[NDArray[Any]], blocks: Any) -> Signal:
    out = np.empty((len(parts), *blocks.shape), np.float32)
    for row, values in zip(out, parts, strict=True):
        blocks.scale_into(values, row)
    return out
