"""Other lengths and strides of windows, each compared with the upper bound of the same windows.

A store is built for each; ``duplicate`` stores every window completely. Rates of windows of
different lengths are not comparable, but shares of the upper bound are.
"""

import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.engines import LIMIT
from benchmarks.engines.memmap import Memmap
from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import IMPORTS as BUILDING
from benchmarks.source import Source
from benchmarks.workloads.length import BATCHES, IMPORTS
from benchmarks.workloads.reading import about, random_order

WORKLOADS = {"geometry": "length and stride of windows"}

READERS = (LIMIT, "tuszstore")


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure tuszstore and the upper bound."""
    root = setting.scratch / "geometry"
    variants: dict[str, dict[str, Any]] = {
        f"{length:g} s every {stride:g} s": {"length": length, "stride": stride}
        for length, stride in setting.size.geometries
    }
    first = next(iter(variants))
    variants[f"{first}, duplicate"] = {**variants[first], "overlap": "duplicate"}
    sources = {}
    for variant, windows in variants.items():
        folder = root / variant.replace(" ", "-")
        folder.mkdir(parents=True)
        call(
            "benchmarks.source:make_source",
            imports=BUILDING,
            data=str(setting.corpus),
            folder=str(folder),
            limit=setting.size.files,
            windows=windows,
        )
        sources[variant] = Source.open(folder)
        (folder / "limit").mkdir()
        Memmap.prepare(sources[variant], folder / "limit")
    for number in range(1, setting.size.loader_rounds + 1):
        for variant, source in sources.items():
            batch = max(1, min(setting.size.batch, _apart(source) // 2))
            order = random_order(source, BATCHES, batch, number)
            limit = 0.0
            for name in READERS:
                if name not in setting.engines:
                    continue
                own = source.stores["lz4"] if name == "tuszstore" else f"{source.folder}/limit"
                done = call(
                    "benchmarks.workloads.length:measure",
                    imports=IMPORTS,
                    engine=name,
                    path=own,
                    order=order,
                    seconds=setting.size.seconds,
                ).value
                rate = done["windows"] / done["seconds"]
                limit = rate if name == LIMIT else limit
                yield setting.row(
                    workload="geometry",
                    round=number,
                    variant=variant,
                    windows=done["windows"],
                    seconds=done["seconds"],
                    rate=rate,
                    of_limit=rate / limit if limit else None,
                    versions=setting.engines[name].versions,
                    **about(name),
                )
        setting.say(f"length and stride of windows, round {number}")
    shutil.rmtree(root)


def _apart(source: Source) -> int:
    """Return a lower bound of the number of windows that do not overlap."""
    overlap = -(-source.windows.shape[2] // source.stride)
    return sum(count // overlap for count in source.counts)
