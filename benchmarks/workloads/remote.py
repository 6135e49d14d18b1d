"""Random batches from an object store with a latency of 20 ms per request.

The store is served by a web server on this machine, in a separate process that delays its answers.
In each round, each engine has a new process, opens the store and reads batches of windows that do
not overlap, requesting all windows of a batch at once. The first batch is timed including opening;
the rate is that of the others. The store has 10^4 windows in hard links (:mod:`benchmarks.sparse`),
so that most shards are new to a reader, as in a corpus. tuszstore reads its tables from the server
as well; the others are given the positions of windows. insitubatch reads whole windows, one per
object.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.object_server import n_requests, served
from benchmarks.process import ProcessError, call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import Source
from benchmarks.sparse import make_store, write_shards
from benchmarks.workloads.growth import apart
from benchmarks.workloads.reading import about, figures, random_order

WORKLOADS = {"remote": "random batches from an object store, 20 ms per request"}

DELAY = 0.02
WINDOWS = 10_000
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
                        "benchmarks.measure_remote:measure",
                        python=prepared.python,
                        engine=name,
                        url=f"{url}/{local.relative_to(setting.scratch)}",
                        local=str(local),
                        order=asked,
                    )
                except ProcessError as error:
                    yield setting.row(
                        workload="remote",
                        round=number,
                        status="failed",
                        reason=str(error),
                        **about(name),
                    )
                    continue
                values = figures(result, result.value, prepared, window_bytes)
                values["first_batch"] = result.value["opened"]
                values["values"] = {"requests a batch": (n_requests(url) - before) / batches}
                yield setting.row(workload="remote", round=number, **about(name), **values)
            setting.say(f"object store, round {number}")
    shutil.rmtree(root)
