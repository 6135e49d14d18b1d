"""Planning a build of very many recordings, and distributing them to Dask workers.

The corpus has the layout of TUSZ. Its recordings have the headers and sizes of a few short ones,
each with its own name in the header as in TUSZ, and no samples; its annotations are hard links.
Every header and annotation is read, and many files have equal sizes, so that all are checked for
copies. Workers immediately return the result of building a recording, so everything but the
building is measured: client, scheduler, and their communication. Memory is that of the client,
including the scheduler.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.process import call
from benchmarks.rows import Row
from benchmarks.setting import Setting

WORKLOADS = {"planning": "planning a build of many recordings, and distributing them"}

SOURCES = 8
PER_PATIENT = 40

_RECORDING = 88
"""Offset of the recording's field in a header."""


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure planning, comparing and distributing."""
    root = setting.scratch / "planning"
    for n_recordings in setting.size.recordings:
        data = root / str(n_recordings)
        write_headers(data, n_recordings)
        result = call("benchmarks.workloads.planning:measure", data=str(data))
        for variant, (seconds, span) in result.value.items():
            anonymous, _ = result.peak(span)
            yield setting.own_row(
                "planning",
                1,
                variant=variant,
                size=n_recordings,
                seconds=seconds,
                anonymous=anonymous,
            )
        setting.say(f"planning, {n_recordings:,} recordings")
        shutil.rmtree(data)


def write_headers(data: Path, n_recordings: int) -> None:
    """Write a corpus with a number of recordings."""
    from tuszstore.corpus.synthetic import write_corpus

    sources = data / "sources"
    write_corpus(sources, patients=6, files=SOURCES, minutes=1, quirks=False)
    originals = sorted((sources / "edf" / "train").rglob("*.edf"))
    headers = {}
    for path in originals:
        content = path.read_bytes()
        headers[path] = content[: int(content[184:192])], len(content)
    for number in range(n_recordings):
        patient, session = f"aa{number // PER_PATIENT:06d}", f"s{number % PER_PATIENT:03d}"
        folder = data / "edf" / "train" / patient / f"{session}_2015" / "01_tcp_ar"
        folder.mkdir(parents=True)
        original = originals[number % len(originals)]
        path = folder / f"{patient}_{session}_t000.edf"
        content, size = headers[original]
        with path.open("wb") as file:
            file.write(content[:_RECORDING] + path.stem.encode().ljust(80))
            file.write(content[_RECORDING + 80 :])
            file.truncate(size)
        path.with_suffix(".csv").hardlink_to(original.with_suffix(".csv"))


def measure(data: str) -> dict[str, tuple[float, list[float]]]:
    """Return duration (s), and start and end on the monotonic clock, of each step."""
    from tuszstore.builder import run as running
    from tuszstore.builder.changes import find_changes
    from tuszstore.builder.keys import plugins_of
    from tuszstore.builder.plan import make_plan
    from tuszstore.builder.recording import Task
    from tuszstore.config import load_config

    steps: dict[str, tuple[float, list[float]]] = {}

    def step(name: str, work: Any) -> Any:
        begin = time.monotonic()
        result = work()
        end = time.monotonic()
        steps[name] = end - begin, [begin, end]
        return result

    paths = {"data": Path(data), "store": Path(data, "stores")}
    config = load_config("tusz")
    config = config.model_copy(update={"paths": config.paths.model_copy(update=paths)})
    plan = step("plan", lambda: make_plan(config, "train"))
    step("compare", lambda: find_changes(plan))
    tasks = [
        Task(p.recording.id, plan.corpus, p.origin, plugins_of(config), p.n_samples, p.seconds)
        for p in plan.recordings
    ]

    def hand_out() -> None:
        with patch.object(running, "build_recording", stand_in):
            done = sum(1 for _ in running.run_tasks(tasks, Path(data), config, n_workers=2))
        if done != len(tasks):
            raise ValueError(f"{done} of {len(tasks)} recordings came back")

    step("hand out", hand_out)
    return steps


def stand_in(task: Any, recordings: Path, config: Any) -> Any:
    """Immediately return the result of building a recording."""
    import numpy as np

    from tuszstore.builder.files import Files
    from tuszstore.builder.recording import Built
    from tuszstore.builder.records import MadeSignal, Record
    from tuszstore.corpus.events import MarkedEvents

    nothing, no_bits = np.zeros(0, np.int64), np.zeros(0, np.uint16)
    row = {"source_digest": f"{0:064x}", "mean": np.zeros(19), "sd": np.zeros(19)}
    record = Record(
        id=task.id,
        n_samples=task.n_samples,
        signal_key=f"{0:064x}",
        label_key=f"{0:064x}",
        row=row,
        events=MarkedEvents((), nothing, nothing, no_bits, no_bits),
        signal=MadeSignal([], [], {}, 0),
    )
    return Built(task, record, Files(recordings / "x"), {"read": 0.1})
