"""Reading batches of windows: random and in order, from the page cache and from disk.

In each round, each engine has a new process. It opens its files with the page cache dropped and
delivers a first batch. Then follow random batches (a global shuffle) and a pass in order with all
files in the page cache, and both again from disk: all files are dropped from the page cache before
each random batch, as if the corpus were larger than memory, and once before the pass.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.engines import ENGINES, LIMIT, imports_of
from benchmarks.process import ProcessError, Result, call
from benchmarks.rows import Row
from benchmarks.setting import Prepared, Setting
from benchmarks.source import Source

WORKLOADS = {
    "first-batch": "first batch after opening, cold page cache",
    "random": "random batches",
    "in-order": "in order",
    "cold-random": "random batches, cold page cache",
    "cold-in-order": "in order, cold page cache",
}

MOST = 200
"""Maximum batches per measurement."""


def random_order(source: Source, batches: int, batch: int, seed: int) -> list[list[int]]:
    """Return batches of random windows that do not overlap within a batch.

    In a corpus of hundreds of hours, windows of a batch rarely share EEG. In the few hours of a
    benchmark many would, which would favour engines that read shared data once. Their content does
    not matter for reading, so they are not drawn by category.

    Parameters
    ----------
    source : Source
    batches, batch : int
        Number of batches, and windows per batch.
    seed : int

    Raises
    ------
    ValueError
        If the corpus is too small.
    """
    rng = np.random.default_rng(seed)
    recording = np.repeat(np.arange(len(source.counts)), source.counts)
    reach = -(-source.windows.shape[2] // source.stride) - 1  # overlapping neighbours on each side
    order = []
    for _ in range(batches):
        free = np.ones(len(source), bool)
        chosen: list[int] = []
        for number in rng.permutation(len(source)).tolist():
            if free[number]:
                chosen.append(number)
                near = slice(max(0, number - reach), number + reach + 1)
                free[near] &= recording[near] != recording[number]
            if len(chosen) == batch:
                break
        else:
            raise ValueError(
                f"the corpus is too small for batches of {batch} windows that do not overlap: "
                f"{len(chosen)} were found in {sum(source.counts)}"
            )
        order.append(chosen)
    return order


def order_of_all(n_windows: int, batch: int) -> list[list[int]]:
    """Return all windows in order, in batches, without the incomplete last one."""
    batch = min(batch, n_windows)
    return np.arange(n_windows // batch * batch).reshape(-1, batch).tolist()


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure all engines in turn, round after round."""
    source = Source.open(setting.source)
    batch = setting.size.batch
    in_order = order_of_all(len(source), batch)
    for number in range(1, setting.size.rounds + 1):
        random = random_order(source, MOST, batch, seed=number)
        limit: dict[str, float] = {}
        for name, prepared in setting.engines.items():
            try:
                result = call(
                    "benchmarks.measure:measure",
                    python=prepared.python,
                    imports=imports_of(name),
                    engine=name,
                    path=prepared.path,
                    random=random,
                    in_order=in_order,
                    seconds=setting.size.seconds,
                    phases=[name for name in names if name != "first-batch"],
                )
            except ProcessError as error:
                yield from (
                    setting.row(
                        workload=workload,
                        round=number,
                        status="failed",
                        reason=str(error),
                        **about(name),
                    )
                    for workload in names
                )
                continue
            window_bytes = 4 * int(np.prod(source.windows.shape[1:]))
            for workload in names:
                values = figures(result, result.value[workload], prepared, window_bytes)
                if name == LIMIT:
                    limit[workload] = values["rate"]
                if workload in limit:
                    values["of_limit"] = values["rate"] / limit[workload]
                yield setting.row(workload=workload, round=number, **about(name), **values)
            setting.say(f"reading, round {number}: {ENGINES[name].title}")


def about(name: str) -> dict[str, Any]:
    """Return the fields of a row that describe an engine."""
    engine = ENGINES[name]
    return {
        "engine": name,
        "title": engine.title,
        "kind": engine.kind,
        "order": engine.order,
    }


def figures(
    result: Result, done: dict[str, Any], prepared: Prepared, window_bytes: int
) -> dict[str, Any]:
    """Return the fields of a row that describe a measurement.

    Parameters
    ----------
    result : Result
        Result of the measuring process.
    done : dict
        One of its measurements.
    prepared : Prepared
    window_bytes : int
        Size of one window as float32.
    """
    delivered = done["windows"] * window_bytes
    anonymous, mapped = result.peak(done["span"])
    return {
        "windows": done["windows"],
        "seconds": done["seconds"],
        "rate": done["windows"] / done["seconds"],
        "first_batch": done["first_batch"],
        "read_per_byte": None if done["read"] is None else done["read"] / delivered,
        "disk_per_byte": None if done["disk"] is None else done["disk"] / delivered,
        "anonymous": anonymous,
        "mapped": mapped,
        "stored": prepared.stored,
        "cache_dropped": done["dropped"],
        "versions": prepared.versions,
    }
