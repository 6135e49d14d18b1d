"""Training as in the NPZ pipeline: torch's ``DataLoader``, batches of 32, 0 or 2 workers.

One epoch is timed, from its start to its last batch, including the start of workers. Each engine
has the dataset that its users would use; if that shuffles in its own way, the windows differ.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Literal

import numpy as np

from benchmarks.engines import ENGINES, LIMIT, imports_of
from benchmarks.process import ProcessError, call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import Source
from benchmarks.workloads.reading import about, figures, random_order

WORKLOADS = {
    "loader-0": "DataLoader, no workers",
    "loader-2": "DataLoader, 2 workers",
}

BATCH = 32
"""Windows per batch; fewer if the other workloads have fewer."""


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure all engines in turn, round after round."""
    source = Source.open(setting.source)
    window_bytes = 4 * int(np.prod(source.windows.shape[1:]))
    # workers first, since a process with an open engine should not be forked
    workers = sorted((int(name[-1]) for name in names), reverse=True)
    for number in range(1, setting.size.loader_rounds + 1):
        batch = min(BATCH, setting.size.batch)
        order = random_order(source, setting.size.loader_batches, batch, seed=number)
        limit: dict[str, float] = {}
        for name, prepared in setting.engines.items():
            if not ENGINES[name].torch:
                if number == 1:
                    reason = "measured in an environment without torch"
                    yield from _unmeasured(setting, names, name, 0, "unsupported", reason)
                continue
            try:
                # smaller batches suffice if a batch takes seconds
                own_batch = max(1, batch // 4) if ENGINES[name].slow else batch
                result = call(
                    "benchmarks.measure:measure_loaders",
                    python=prepared.python,
                    imports=imports_of(name, torch=True),
                    engine=name,
                    path=prepared.path,
                    numbers=[*chain.from_iterable(order)],
                    batch_size=own_batch,
                    workers=workers,
                    seconds=10 * setting.size.seconds,
                )
            except ProcessError as error:
                yield from _unmeasured(setting, names, name, number, "failed", str(error))
                continue
            for n_workers, done in zip(workers, result.value, strict=True):
                workload = f"loader-{n_workers}"
                values = figures(result, done, prepared, window_bytes)
                if name == LIMIT:
                    limit[workload] = values["rate"]
                if workload in limit:
                    values["of_limit"] = values["rate"] / limit[workload]
                yield setting.row(workload=workload, round=number, **about(name), **values)
            setting.say(f"DataLoader, round {number}: {ENGINES[name].title}")


def _unmeasured(
    setting: Setting,
    names: Sequence[str],
    engine: str,
    number: int,
    status: Literal["failed", "unsupported"],
    reason: str,
) -> Iterator[Row]:
    for workload in names:
        yield setting.row(
            workload=workload, round=number, status=status, reason=reason, **about(engine)
        )
