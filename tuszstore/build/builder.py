"""A build from end to end: plan, run, tables, publish."""

import importlib.metadata
import os
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tuszstore.build.plan import Plan
from tuszstore.build.publish import check_target, publish, workplace
from tuszstore.build.recording import Built, Failed, Task
from tuszstore.build.report import BuildReport, report_of
from tuszstore.build.run import memory_bytes, run_tasks
from tuszstore.build.tables import event_columns, strings
from tuszstore.corpus.layout import LeftOut
from tuszstore.errors import BuildError, StoreError
from tuszstore.store.create import create_arrays, finish, write_table
from tuszstore.store.geometry import Geometry
from tuszstore.store.index import derive_windows
from tuszstore.store.metadata import StoreMetadata, read_attributes

RECORDED_VERSIONS = ("tuszstore", "zarr", "numcodecs", "numpy", "scipy", "mne")


class Progress(Protocol):
    """What a build tells while it runs."""

    def start(self, plan: Plan) -> None:
        """Begin with a plan."""

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Count one recording of so many seconds of EEG."""

    def stop(self) -> None:
        """End, whatever the outcome."""


class Silent:
    """Progress that nobody watches."""

    def start(self, plan: Plan) -> None:
        """Say nothing."""

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Say nothing."""


def run_plan(plan: Plan, *, force: bool = False, progress: Progress | None = None) -> BuildReport:
    """Build what was planned, unless the store is there and nothing changed since.

    Parameters
    ----------
    plan : Plan
    force : bool
        Build even if nothing changed.
    progress : Progress, optional

    Returns
    -------
    BuildReport
        With status ``nothing built`` if no recording could be; the store is then as it was.

    Raises
    ------
    BuildError
        If the build cannot begin or go on; the store is then as it was.
    """
    progress = progress or Silent()
    start = time.perf_counter()
    check_target(plan.store)
    if not force and read_attributes(plan.store).get("sources_digest") == plan.sources_digest:
        try:
            return report_of(StoreMetadata.open(plan.store), "unchanged")
        except StoreError:
            pass  # of another schema version, or damaged: made anew below
    if not plan.recordings:
        return _nothing(plan, plan.left_out)
    _check_space(plan)
    with workplace(plan.store) as unfinished:
        results = _run(plan, unfinished, progress)
        built = sorted(
            (result for result in results if isinstance(result, Built)),
            key=lambda result: result.task.first_block,
        )
        failed = [result for result in results if isinstance(result, Failed)]
        left_out = sorted(
            [*plan.left_out, *(LeftOut(r.task.id, r.reason, "failed") for r in failed)],
            key=lambda entry: entry.id,
        )
        if not built:
            return _nothing(plan, left_out)
        try:
            _write_tables(plan, unfinished, built, left_out)
            finish(unfinished, _attributes(plan))
        except OSError as error:
            raise BuildError(f"{plan.store}: cannot be written: {error.strerror}") from error
        publish(unfinished, plan.store)
    timings = sum((Counter(result.timings) for result in built), Counter())
    return report_of(
        StoreMetadata.open(plan.store),
        "built",
        seconds=time.perf_counter() - start,
        timings=dict(timings),
    )


def _nothing(plan: Plan, left_out: Sequence[LeftOut]) -> BuildReport:
    return BuildReport(
        plan.split, plan.store, "nothing built", left_out=tuple(left_out), warnings=plan.warnings
    )


def _check_space(plan: Plan) -> None:
    folder = plan.store.parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < plan.expected_bytes:
        raise BuildError(
            f"{folder}: {plan.expected_bytes / 1e9:.2f} GB are needed, and {free / 1e9:.2f} GB are "
            "free on this disk; choose another folder with --store"
        )


def choose_workers(plan: Plan) -> tuple[int, str]:
    """Return how many processes to use, and a warning where memory allows fewer than wanted.

    Parameters
    ----------
    plan : Plan
    """
    build = plan.config.build
    wanted = os.cpu_count() or 1 if build.workers is None else build.workers
    wanted = min(wanted, len(plan.recordings))
    if wanted == 0 or build.max_memory is None or build.scheduler is not None:
        return wanted, ""
    fitting = memory_bytes(build.max_memory) // plan.peak_bytes
    if fitting >= wanted:
        return wanted, ""
    need = f"the longest recording needs about {plan.peak_bytes / 1e9:.1f} GB"
    if fitting == 0:
        return 1, f"{need}, more than max_memory; it may fail"
    return int(fitting), f"{fitting} of {wanted} workers fit into max_memory: {need}"


def _run(plan: Plan, unfinished: Path, progress: Progress) -> list[Built | Failed]:
    n_workers, _ = choose_workers(plan)
    kind = plan.config.labels.annotation
    tasks = [
        Task(
            id=planned.recording.id,
            path=planned.recording.path.absolute(),
            annotation=planned.recording.annotation(kind).absolute(),
            n_samples=planned.n_samples,
            first_block=planned.first_block,
            seconds=planned.seconds,
        )
        for planned in plan.recordings
    ]
    # the longest first, so that no worker is left alone with one at the end
    tasks.sort(key=lambda task: -task.n_samples)
    geometry = plan.geometry
    try:
        create_arrays(unfinished, plan.config, plan.n_shards * geometry.shard)
    except OSError as error:
        raise BuildError(f"{plan.store}: cannot be written: {error.strerror}") from error
    results = []
    progress.start(plan)
    try:
        for result in run_tasks(tasks, unfinished, plan.config, n_workers=n_workers):
            results.append(result)
            progress.advance(result.task.seconds, failed=isinstance(result, Failed))
    finally:
        progress.stop()
    return results


def _write_tables(
    plan: Plan, path: Path, built: Sequence[Built], left_out: Sequence[LeftOut]
) -> None:
    import zarr

    geometry = plan.geometry
    recordings = _recordings(plan, built, geometry)
    label = zarr.open_array(path / "label", mode="r")
    write_table(path, "windows", derive_windows(label, recordings, geometry, plan.config.labels))
    write_table(path, "recordings", recordings)
    write_table(path, "events", event_columns([result.events for result in built]))
    write_table(
        path,
        "left_out",
        {name: strings(getattr(e, name) for e in left_out) for name in ("id", "kind", "reason")},
    )


def _recordings(plan: Plan, built: Sequence[Built], geometry: Geometry) -> dict[str, NDArray[Any]]:
    sources = {planned.recording.id: planned.recording for planned in plan.recordings}
    n_samples = np.array([result.task.n_samples for result in built])
    n_windows = np.array([geometry.n_windows(int(n)) for n in n_samples])
    columns: dict[str, NDArray[Any]] = {
        "id": strings(result.task.id for result in built),
        "n_samples": n_samples,
        "first_block": np.array([result.task.first_block for result in built]),
        "n_blocks": np.array([geometry.n_blocks(int(n)) for n in n_samples]),
        "first_window": np.cumsum(n_windows) - n_windows,
        "n_windows": n_windows,
    }
    for name in ("patient", "session", "montage"):
        columns[name] = strings(getattr(sources[result.task.id], name) for result in built)
    for name, value in built[0].row.items():
        values = [result.row[name] for result in built]
        columns[name] = strings(values) if isinstance(value, str) else np.array(values)
    return columns


def _attributes(plan: Plan) -> dict[str, Any]:
    config = plan.config.model_dump(mode="json")
    data, pseudonyms = str(plan.data.absolute()), {}
    if plan.pseudonyms:  # a path may hold a name
        config["paths"] = {"data": None, "store": None}
        data, pseudonyms = "", {"pseudonyms": plan.pseudonyms.attributes()}
    return {
        "title": f"EEG windows with seizure labels, split {plan.split}",
        "Conventions": "CF-1.11",
        "split": plan.split,
        "split_policy": plan.config.corpus.split_policy,
        "data": data,
        **pseudonyms,
        "config": config,
        "config_hash": plan.config.digest(),
        "sources_digest": plan.sources_digest,
        "versions": {name: importlib.metadata.version(name) for name in RECORDED_VERSIONS},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "warnings": list(plan.warnings),
    }
