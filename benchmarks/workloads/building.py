"""Building from EDF: tuszstore against one compressed NPZ file per recording.

The same EDF files are built in turn, each time in a new process, with files in the page cache and
libraries imported: by the NPZ pipeline; by tuszstore with the same steps (configuration
``reference``), as int16 and as float32; with its default configuration, which has other steps; and
with two workers of a Dask cluster, including its start. Before the first round, NPZ and
``reference`` are compared bit for bit. ``memory`` builds long recordings of 33 signals, one at a
time.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpus import N_SIGNALS, link_files, write_files, write_recording
from benchmarks.measure import size_of
from benchmarks.process import ProcessError, call
from benchmarks.rows import Row, own_versions
from benchmarks.setting import Setting

WORKLOADS = {"build": "building from EDF", "memory": "memory of building a long recording"}

IMPORTS = (
    "benchmarks.workloads.building", "benchmarks.npz_pipeline", "tuszstore.builder.builder",
    "distributed", "zarr",
)  # fmt: skip

SPLIT = "train"
NPZ = "npz"
REFERENCE = "tuszstore-reference-float32"

_ALL = {"corpus.split_policy": "official"}  # all files of the folder, as in the NPZ pipeline
STORES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "tuszstore": ("tuszstore", "tusz", {}),
    "tuszstore-reference": ("tuszstore, same steps as NPZ, int16", "reference",
                            {**_ALL, "storage.dtype": "int16"}),
    REFERENCE: ("tuszstore, same steps as NPZ, float32", "reference",
                {**_ALL, "storage.dtype": "float32"}),
}  # fmt: skip
"""Title, configuration and options of the builds with one worker."""

MEMORY_OF: tuple[tuple[int, tuple[str, ...]], ...] = ((512, ()), (512, ("FZ", "PZ")), (1000, ()))
"""Sampling rate (Hz) and missing electrodes of the recordings for measuring memory."""


def run(setting: Setting, names: Sequence[str]) -> Iterator[Row]:
    """Measure building."""
    if "build" in names:
        yield from _build(setting)
    if "memory" in names:
        yield from _memory(setting)


def _build(setting: Setting) -> Iterator[Row]:
    from tuszstore.builder.plan import make_plan
    from tuszstore.config import load_config

    paths = {"paths.data": setting.corpus, "paths.store": setting.scratch}
    plan = make_plan(load_config("tusz", paths), SPLIT, limit=setting.size.build_files)
    # only files that can be built, so that all variants build the same
    files = [planned.recording.path for planned in plan.recordings]
    corpus, warm_up = setting.scratch / "build", setting.scratch / "build-warm-up"
    link_files(files, corpus)
    write_files(warm_up, 3, 2.0)
    if not call(
        "benchmarks.workloads.building:same_windows", imports=IMPORTS, data=str(warm_up)
    ).value:
        yield setting.row(
            workload="build",
            engine=REFERENCE,
            title=STORES[REFERENCE][0],
            round=0,
            status="failed",
            reason="its windows differ from those of NPZ",
        )
    for number in range(1, setting.size.build_rounds + 1):
        for name, title, function, arguments in _arms(corpus, warm_up):
            try:
                result = call(
                    f"benchmarks.workloads.building:{function}",
                    imports=IMPORTS,
                    sync=True,
                    **arguments,
                )
            except ProcessError as error:
                yield setting.row(
                    workload="build",
                    engine=name,
                    title=title,
                    round=number,
                    status="failed",
                    reason=str(error),
                )
                continue
            done = result.value
            anonymous, mapped = result.peak(done["span"])
            yield setting.row(
                workload="build",
                engine=name,
                title=title,
                round=number,
                kind="compressed" if name == NPZ else "own",
                seconds=done["seconds"],
                windows=plan.n_windows,
                rate=plan.n_windows / done["seconds"],
                stored=done["bytes"],
                anonymous=anonymous,
                mapped=mapped,
                versions=dict(own_versions()),
                values={
                    "s per hour": done["seconds"] / plan.hours,
                    "MB per hour": done["bytes"] / 1e6 / plan.hours,
                    "stages": done["stages"],
                },
            )
            setting.say(f"building, round {number}: {title}, {done['seconds']:.1f} s")


def _arms(corpus: Path, warm_up: Path) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    where = {"data": str(corpus), "warm_up": str(warm_up)}
    yield NPZ, "NPZ", "build_npz_files", where
    for name, (title, config, options) in STORES.items():
        yield name, title, "build_store", {**where, "config": config, "options": options}
    yield (
        "tuszstore-2",
        "tuszstore, 2 workers",
        "build_store",
        {**where, "config": "tusz", "options": {}, "workers": 2},
    )


def _memory(setting: Setting) -> Iterator[Row]:
    minutes = setting.size.memory_minutes
    for sfreq, missing in MEMORY_OF:
        data = setting.scratch / f"memory-{sfreq}-{len(missing)}"
        path = data / "edf" / SPLIT / "aaaaaaaa" / "aaaaaaaa_s001_t001.edf"
        write_recording(path, np.random.default_rng(0), round(60 * minutes), sfreq, missing=missing)
        variant = f"{sfreq} Hz{', Fz and Pz interpolated' if missing else ''}"
        for name in ("tuszstore", "tuszstore-reference"):
            title, config, options = STORES[name]
            result = call(
                "benchmarks.workloads.building:build_store",
                imports=IMPORTS,
                data=str(data),
                warm_up="",
                config=config,
                options=options,
            )
            anonymous, mapped = result.peak(result.value["span"])
            yield setting.row(
                workload="memory",
                engine=name,
                title=title,
                kind="own",
                round=1,
                variant=variant,
                seconds=result.value["seconds"],
                anonymous=anonymous,
                mapped=mapped,
                versions=dict(own_versions()),
                values={"minutes": minutes, "signals": N_SIGNALS},
            )
        setting.say(f"memory of building, {variant}")


def build_npz_files(data: str, warm_up: str) -> dict[str, Any]:
    """Build NPZ files, after a warm-up that is not counted."""
    from benchmarks.npz_pipeline import build_npz

    with tempfile.TemporaryDirectory() as folder:
        build_npz(sorted(Path(warm_up).rglob("*.edf")), Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        stages = build_npz(sorted(Path(data).rglob("*.edf")), Path(folder))
        return {
            # reading files into the page cache between the stages is not counted
            "seconds": sum(stages.values()),
            "stages": stages,
            "bytes": size_of(Path(folder)),
            "span": [start, time.monotonic()],
        }


def build_store(
    data: str, warm_up: str, config: str, options: dict[str, Any], workers: int = 0
) -> dict[str, Any]:
    """Build a store, after one of the corpus `warm_up`, if given, which is not counted."""
    import distributed  # noqa: F401  (before the clock starts; workers import it again)

    import tuszstore
    from tuszstore.config import load_config

    loaded = load_config(config, options)
    if warm_up:
        with tempfile.TemporaryDirectory() as folder:
            tuszstore.build(loaded, split=SPLIT, data=warm_up, store=folder, workers=0)
    for path in {path.resolve() for path in Path(data).rglob("*.edf")}:
        path.read_bytes()  # into the page cache
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        report = tuszstore.build(loaded, split=SPLIT, data=data, store=folder, workers=workers)
        span = [start, time.monotonic()]
        if report.left_out:
            raise RuntimeError(f"excluded by tuszstore: {report.left_out}")
        return {
            "seconds": span[1] - span[0],
            "stages": report.timings,
            "bytes": size_of(Path(folder)),
            "span": span,
        }


def same_windows(data: str) -> bool:
    """Return whether both pipelines make the same windows and labels, bit for bit."""
    import tuszstore
    from benchmarks.npz_pipeline import build_npz
    from tuszstore.config import load_config

    _, config, options = STORES[REFERENCE]
    paths = sorted(Path(data).rglob("*.edf"))
    with tempfile.TemporaryDirectory() as folder:
        build_npz(paths, Path(folder))
        files = [np.load(Path(folder, f"{path.stem}_windows.npz")) for path in paths]
        windows, labels = (np.concatenate([f[key] for f in files]) for key in ("windows", "labels"))
        tuszstore.build(
            load_config(config, options), split=SPLIT, data=data, store=folder, workers=0
        )
        store = tuszstore.open(Path(folder, f"{SPLIT}.zarr"))
        same_signal = np.array_equal(store.windows[: len(store)], windows)
        same_labels = np.array_equal(np.asarray(store.labels[: len(store)]) > 0, labels)
        return bool(same_signal and same_labels)
