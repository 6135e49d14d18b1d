"""Recomputing recordings from their EDF files, and comparing them bit for bit."""

import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuszstore.builder.files import Files
from tuszstore.builder.keys import plugins_of
from tuszstore.builder.recording import Built, Failed, Task
from tuszstore.builder.run import run_tasks
from tuszstore.builder.tables import event_columns
from tuszstore.config import Build
from tuszstore.corpus.sources import find_sources
from tuszstore.errors import RecordingError, StoreError
from tuszstore.integrity.blocks import RecordingCheck, ShardReader
from tuszstore.integrity.contents import Contents
from tuszstore.integrity.report import Check
from tuszstore.store.raters import UNNAMED

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOG = logging.getLogger("tuszstore")

NOT_COMPARED = ("annotation_digest", "source_mtime")
"""Columns that are checked otherwise, or do not affect the content."""

OF_ANNOTATION = ("label_digest", "labelled", "raters", "notes")
"""Columns that depend on the annotation."""


def check_source(
    contents: Contents,
    check: Check,
    notes: list[str],
    root: Path,
    sample: int | None,
    seed: int,
    workers: int | None,
) -> None:
    """Rebuild some recordings beside the store, and compare all results.

    Parameters
    ----------
    contents : Contents
        With all tables.
    check : Check
    notes : list of str
    root : Path
        Root of the corpus.
    sample : int or None
        Number of recordings; None for all.
    seed : int
    workers : int or None
        Worker processes; by default this process.

    Raises
    ------
    ConfigError
        If the store has pseudonyms, and their key is missing or wrong.
    """
    recordings = contents.columns["recordings/id"]
    rows = choose_rows(len(recordings), sample, seed)
    notes += _other_versions(contents.attributes)
    tasks = make_tasks(contents, rows, root, check)
    by_id = {task.id: row for task, row in tasks}
    config = contents.config.model_copy(update={"build": Build()})
    n_seconds = 0.0
    with tempfile.TemporaryDirectory(prefix="tuszstore-verify-") as folder:
        for result in run_tasks(
            [task for task, _ in tasks], Path(folder), config, n_workers=workers or 0
        ):
            _compare(contents, by_id[result.task.id], result, check)
            _LOG.info("computed again: %s: %s", result.task.id, _outcome(result, check))
            n_seconds += result.task.seconds
            if isinstance(result, Built):  # now, so that all together need the space of one
                shutil.rmtree(result.files.root)
    check.covered = (
        f"{len(tasks)} of {len(recordings)} recordings ({n_seconds / 3600:.2f} h) recomputed "
        f"from {root}"
    )


def _outcome(result: Built | Failed, check: Check) -> str:
    if isinstance(result, Failed):
        return f"failed: {result.reason}"
    differs = any(finding.recording == result.task.id for finding in check.findings)
    return "differs" if differs else "equal bit for bit"


def choose_rows(n_recordings: int, sample: int | None, seed: int) -> list[int]:
    """Return the rows of a sample of recordings, in order.

    Parameters
    ----------
    n_recordings : int
    sample : int or None
        None for all.
    seed : int
    """
    if sample is None or sample >= n_recordings:
        return list(range(n_recordings))
    chosen = np.random.default_rng(seed).choice(n_recordings, sample, replace=False)
    return sorted(chosen.tolist())


def make_tasks(
    contents: Contents, rows: Sequence[int], root: Path, check: Check
) -> list[tuple[Task, int]]:
    """Return a task to rebuild each recording, at its place, and its row.

    Parameters
    ----------
    contents : Contents
    rows : sequence of int
    root : Path
        Root of the corpus.
    check : Check
        Gets a finding for each missing recording.
    """
    sources = find_sources(root, contents.config, contents.attributes, contents.path)
    plugins = plugins_of(contents.config)
    columns = contents.columns
    tasks = []
    for row in rows:
        id_, n_samples = columns["recordings/id"][row], int(columns["recordings/n_samples"][row])
        try:
            recording = sources.find(id_)
        except RecordingError as error:
            check.add(str(error), "none", recording=id_, row=row)
            continue
        if not recording.path.is_file():
            check.add(f"has no EDF file below {root}", "none", recording=id_, row=row)
            continue
        task = Task(
            id=id_,
            corpus=sources.ref,
            recording=recording,
            plugins=plugins,
            n_samples=n_samples,
            seconds=n_samples / contents.spec.sfreq,
        )
        tasks.append((task, row))
    return tasks


def _compare(contents: Contents, row: int, result: Built | Failed, check: Check) -> None:
    where: dict[str, Any] = {"recording": result.task.id, "row": row}
    if isinstance(result, Failed):
        check.add(f"cannot be recomputed: {result.reason}", "none", **where)
        return
    computed = dict(result.record.row)
    if "recordings/raters" not in contents.columns:  # there are no named raters
        raters = computed.pop("raters")
        if raters not in ("", UNNAMED):
            check.add(f"lacks its raters: {raters}", "none", **where)
    recorded = {name: contents.columns[f"recordings/{name}"][row] for name in computed}
    if recorded["source_digest"] != computed["source_digest"]:
        check.add("its EDF file has changed since the build: build it again", "none", **where)
        return
    other_annotation = recorded["annotation_digest"] != computed["annotation_digest"]
    if other_annotation:
        check.add(
            "its annotation has changed since the build: build it again, or use "
            "tuszstore index --reread-annotations",
            "none",
            **where,
        )
    else:
        _compare_events(contents, row, result, check, where)
    for name, value in computed.items():
        told = name in NOT_COMPARED or (other_annotation and name in OF_ANNOTATION)
        if not told and not _identical(recorded.get(name, ""), value):
            check.add(
                f"is {_short(recorded.get(name, ''))}, but the source gives {_short(value)}",
                "build",
                array=f"recordings/{name}",
                **where,
            )
    stored_blocks = RecordingCheck(contents, row, deep=True).run()
    check.findings += stored_blocks.findings
    if computed["signal_digest"] == recorded["signal_digest"]:
        return  # if its blocks match their digest, it is identical bit for bit
    at = _first_difference(contents, row, result)
    if at is not None:
        geometry = contents.geometry
        begin = at * geometry.step
        check.add(
            "values differ from those of the source",
            "none",
            array="signal",
            **where,
            start=begin / geometry.sfreq,
            stop=(begin + geometry.block) / geometry.sfreq,
        )


def _compare_events(
    contents: Contents, row: int, result: Built, check: Check, where: Mapping[str, Any]
) -> None:
    computed = event_columns([result.record.events])
    if "events/class_bit" in contents.columns:  # for this recording, it may equal `bit`
        computed["class_bit"] = result.record.events.class_bit
    else:
        computed.pop("class_bit", None)  # a difference would show in `bit` as well
    begin, end = np.searchsorted(contents.columns["events/recording"], [row, row + 1])
    for name, values in computed.items():
        if name == "recording":
            continue
        stored = contents.columns[f"events/{name}"][begin:end]
        values = np.asarray(values).astype(stored.dtype)
        if stored.shape != values.shape or not _identical(stored, values):
            check.add("differs from the annotation", "none", array=f"events/{name}", **where)


def _identical(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind == "f":
        return bool(np.array_equal(a, b, equal_nan=True))
    return bool(np.array_equal(a, b))


def _short(value: Any) -> str:
    return f"{np.asarray(value).tolist()!r:.60}"


def _first_difference(contents: Contents, row: int, result: Built) -> int | None:
    """Return the first block of a recording that differs, among the readable ones."""
    geometry, n_samples = contents.geometry, result.task.n_samples
    first = int(contents.columns["recordings/first_block"][row]) // geometry.shard
    both = (Files(contents.path, first), result.files)
    readers = [ShardReader(files.root, contents.spec, contents.encoding) for files in both]
    for number in range(geometry.n_shards(n_samples)):
        start = number * geometry.shard
        count = min(geometry.shard, geometry.n_blocks(n_samples) - start)
        blocks: list[list[NDArray[Any]]] = []
        try:
            for reader, files in zip(readers, both, strict=True):
                file = files.signal(number).relative_to(files.root).as_posix()
                content, spans, _ = reader.read(file, whole=True)
                blocks.append([reader.decode(content[a:b]).copy() for a, b in spans[:count]])
        except StoreError:
            continue  # damage, reported separately
        for k, (a, b) in enumerate(zip(*blocks, strict=True)):
            if not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
                return start + k
    return None


def _other_versions(attributes: Mapping[str, Any]) -> list[str]:
    """Return a note on packages whose release differs from when the store was built."""
    recorded = attributes.get("versions")
    changed = []
    for name, old in recorded.items() if isinstance(recorded, dict) else ():
        try:
            now = version(name)
        except PackageNotFoundError:
            now = "none"
        if now != old:
            changed.append(f"{name} {old} (here {now})")
    if not changed:
        return []
    return [f"built with {', '.join(changed)}: last bits of values may differ"]
