"""The NPZ pipeline's way of training: torch's ``DataLoader``, batches of 32, 0 or 2 workers.

Measured is one epoch, from its start to its last batch, so the start of workers counts. Each
engine has the dataset that its users have; where that shuffles in its own way, windows are others.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from benchmarks.engines import ENGINES, LIMIT
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


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure all engines in turn, round after round."""
    source = Source.open(setting.source)
    window_bytes = 4 * int(np.prod(source.windows.shape[1:]))
    for number in range(1, setting.size.rounds + 1):
        order = random_order(source, setting.size.loader_batches, BATCH, seed=number)
        for workload in names:
            limit = None
            for name, prepared in setting.engines.items():
                try:
                    result = call(
                        "benchmarks.measure:measure_loader", python=prepared.python, engine=name,
                        path=prepared.path, numbers=[*chain.from_iterable(order)],
                        batch_size=BATCH, workers=int(workload[-1]),
                        seconds=10 * setting.size.seconds,
                    )  # fmt: skip
                except ProcessError as error:
                    yield setting.row(workload=workload, round=number, status="failed",
                                      reason=str(error), **about(name))  # fmt: skip
                    continue
                if "unsupported" in result.value:
                    if number == 1:
                        yield setting.row(
                            workload=workload, round=0, status="unsupported",
                            reason=result.value["unsupported"], **about(name),
                        )  # fmt: skip
                    continue
                values = figures(result, result.value, prepared, window_bytes)
                limit = values["rate"] if name == LIMIT else limit
                if limit is not None:
                    values["of_limit"] = values["rate"] / limit
                yield setting.row(workload=workload, round=number, **about(name), **values)
                setting.say(f"{workload}, round {number}: {ENGINES[name].title}")
