"""Cost per window as recordings grow longer, from 5 minutes to 2 hours.

One long recording is cut into pieces of each length, so that all stores contain the same EEG. NPZ,
which decompresses a whole recording for each window, is included for comparison, with one
recording.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import write_recording
from benchmarks.engines import ENGINES
from benchmarks.engines.npz import Npz
from benchmarks.measure import warm_up
from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.source import IMPORTS as BUILDING
from benchmarks.source import Source
from benchmarks.workloads.reading import about, random_order

WORKLOADS = {"length": "cost per window by length of recordings"}

READERS = ("tuszstore", "npz")
IMPORTS = ("benchmarks.workloads.length", "tuszstore", "zarr")
BATCHES = 50


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure tuszstore and NPZ."""
    root = setting.scratch / "length"
    engines = [name for name in READERS if name in setting.engines]
    lengths = setting.size.lengths
    whole = root / "whole.edf"
    write_recording(whole, np.random.default_rng(0), round(60 * max(lengths)), 256)
    sources = {}
    for minutes in lengths:
        folder = root / f"{minutes:g}"
        cut_recording(whole, folder / "corpus", minutes)
        call(
            "benchmarks.source:make_source",
            imports=BUILDING,
            data=str(folder / "corpus"),
            folder=str(folder),
            others=["float32"],
        )
        sources[minutes] = Source.open(folder)
        if "npz" in engines:
            (folder / "npz").mkdir()
            Npz.prepare(_first_recording(sources[minutes]), folder / "npz")
    for number in range(1, setting.size.loader_rounds + 1):
        for name in engines:
            for minutes, source in sources.items():
                asked, own = source, source.stores["lz4"]
                if name == "npz":
                    asked, own = _first_recording(source), f"{source.folder}/npz"
                batch = max(1, min(setting.size.batch, sum(asked.counts) // 24))
                done = call(
                    "benchmarks.workloads.length:measure",
                    imports=IMPORTS,
                    engine=name,
                    path=own,
                    order=random_order(asked, BATCHES, batch, number),
                    seconds=setting.size.seconds,
                ).value
                yield setting.row(
                    workload="length",
                    round=number,
                    size=minutes,
                    windows=done["windows"],
                    seconds=done["seconds"],
                    rate=done["windows"] / done["seconds"],
                    versions=setting.engines[name].versions,
                    **about(name),
                )
        setting.say(f"length of recordings, round {number}")
    shutil.rmtree(root)


def _first_recording(source: Source) -> Source:
    return replace(source, counts=source.counts[:1])


def cut_recording(whole: Path, corpus: Path, minutes: float) -> None:
    """Split a recording into several of a given length, each of a different patient."""
    import edfio

    edf = edfio.read_edf(whole)
    for number in range(int(edf.duration // (60 * minutes))):
        path = corpus / "edf" / "train" / f"p{number:03d}" / f"p{number:03d}_s001_t001.edf"
        path.parent.mkdir(parents=True)
        piece = edf.copy()
        piece.slice_between_seconds(60 * minutes * number, 60 * minutes * (number + 1))
        piece.write(path)
        path.with_suffix(".csv").write_text(
            "channel,start_time,stop_time,label,confidence\n"
            f"TERM,0.0000,{60 * minutes:.4f},bckg,1.0000\n"
        )


def measure(engine: str, path: str, order: list[list[int]], seconds: float) -> dict[str, Any]:
    """Time random batches from the page cache; see :func:`benchmarks.measure.measure`."""
    kind = ENGINES[engine]
    warm_up(Path(path))
    reader = kind(Path(path))
    reader.warmed()
    batches = [np.array(numbers) for numbers in order]
    if isinstance(reader, Npz):
        reader.keep = False  # otherwise every window would come from the last file, which is kept
        batches = [numbers[:4] for numbers in batches]
    else:
        reader.read(batches[0])  # open, allocate and load libraries before the clock starts
    windows, spent = 0, 0.0
    while spent < seconds:
        for numbers in batches:
            start = time.monotonic()
            reader.read(numbers)
            spent += time.monotonic() - start
            windows += len(numbers)
            if spent >= seconds:
                break
    reader.close()
    return {"windows": windows, "seconds": spent}
