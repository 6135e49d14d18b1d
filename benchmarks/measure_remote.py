"""Reading batches from a web server: the part that runs in an engine's process."""

import asyncio
import importlib
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines import ENGINES
from benchmarks.engines.base import Batch, Signal
from benchmarks.engines.blocks import Blocks
from benchmarks.engines.insitubatch import InSituBatch
from benchmarks.measure import Span

AHEAD = 4
"""Batches that tuszstore's loader prefetches."""


def measure(engine: str, url: str, local: str, order: list[list[int]]) -> dict[str, Any]:
    """Time opening with a first batch, and the batches after it.

    Parameters
    ----------
    engine : str
    url : str
        URL of a store.
    local : str
        Path of the same store, from which window positions are read.
    order : list of list of int

    Returns
    -------
    dict
        Like a phase of :func:`benchmarks.measure.measure`, and ``opened`` (s).
    """
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

    # as many batches are ready at the end as at the start, so that none is free
    numbers = np.concatenate([*batches, *batches[:AHEAD]])
    loader = WindowLoader(
        tuszstore.open(url), numbers, len(batches[0]), shuffle=False, prefetch=AHEAD
    )
    return (signal.numpy() for signal, _ in islice(loader, len(batches)))


def _zarr_python(url: str, local: Path, batches: Sequence[Batch]) -> Iterator[Signal]:
    """Request all windows of a batch at once from zarr-python, through obstore."""
    import zarr
    from obstore.store import HTTPStore
    from zarr.api import asynchronous
    from zarr.storage import ObjectStore

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
    """Request all windows of a batch at once; a cache of 64 MB keeps the indexes of shards."""
    import tensorstore
    import zarr

    blocks = Blocks.of(zarr.open_group(local, mode="r"))
    context = tensorstore.Context(
        {
            "http_request_concurrency": {"limit": 4 * len(batches[0])},
            "cache_pool": {"total_bytes_limit": 64_000_000},
        }
    )
    spec = {"driver": "zarr3", "kvstore": f"{url}/signal/", "recheck_cached_data": "open"}
    signal = tensorstore.open(spec, read=True, context=context).result()
    for batch in batches:
        futures = [signal[blocks.span(int(number))].read() for number in batch]
        yield _windows([future.result() for future in futures], blocks)


def _insitubatch(url: str, local: Path, batches: Sequence[Batch]) -> Iterator[Signal]:
    reader = InSituBatch(local, url)
    return (signal for _, signal in reader.batches(batches, shuffle=True))


def _windows(parts: Sequence[NDArray[Any]], blocks: Blocks) -> Signal:
    out = np.empty((len(parts), *blocks.shape), np.float32)
    for row, values in zip(out, parts, strict=True):
        blocks.scale_into(values, row)
    return out
