"""Assembling built recordings into an unfinished store: links and tables."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.builder.derived import Derived
from tuszstore.builder.files import Files, link_or_copy
from tuszstore.builder.planned import Plan, PlannedRecording
from tuszstore.builder.records import IO_THREADS, Record
from tuszstore.builder.spec import encoding_of
from tuszstore.builder.tables import event_columns, rater_columns, strings
from tuszstore.corpus.base import LeftOut
from tuszstore.store.create import create_arrays, write_derived, write_table
from tuszstore.store.geometry import Geometry
from tuszstore.store.index import derive_windows, seizure_distances

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Part:
    """One recording of a store that is put together.

    Attributes
    ----------
    planned : PlannedRecording
    record : Record
    files : Files
        Where its files are now.
    """

    planned: PlannedRecording
    record: Record
    files: Files


def assemble(plan: Plan, parts: Sequence[Part], left_out: Sequence[LeftOut], path: Path) -> None:
    """Put a store together, all but the root's metadata.

    Parameters
    ----------
    plan : Plan
    parts : sequence of Part
        In the order of the store.
    left_out : sequence of LeftOut
    path : Path
        Where to; must not exist.

    Raises
    ------
    OSError
        As the file system gives it.
    """
    import zarr

    geometry = plan.geometry
    encoding = encoding_of(plan.config.storage)
    create_arrays(path, plan.spec, encoding, plan.n_shards * geometry.shard)

    def link(part: Part) -> None:
        target = Files(path, part.planned.first_block // geometry.shard)
        for number in range(geometry.n_shards(part.planned.n_samples)):
            for name in ("signal", "label"):
                new = getattr(target, name)(number)
                new.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(getattr(part.files, name)(number), new)

    with ThreadPoolExecutor(IO_THREADS) as pool:
        list(pool.map(link, parts))
    recordings = _recordings(parts, geometry)
    label = zarr.open_array(path / "label", mode="r")
    events = event_columns([part.record.events for part in parts])
    windows = derive_windows(label, recordings, plan.spec)
    windows |= seizure_distances(windows, recordings, events, plan.spec)
    write_table(path, "windows", windows)
    write_table(path, "recordings", recordings)
    write_table(path, "events", events)
    write_table(path, "shards", _shards(parts))
    _write_derived(path, parts, Derived.of(plan.spec))
    write_table(
        path,
        "left_out",
        {name: strings(getattr(e, name) for e in left_out) for name in ("id", "kind", "reason")},
    )


def _shards(parts: Sequence[Part]) -> dict[str, NDArray[Any]]:
    rows = [(row, *shard) for row, part in enumerate(parts) for shard in part.record.signal.shards]
    return {
        "recording": np.array([row for row, _, _ in rows], np.int32),
        "bytes": np.array([size for _, size, _ in rows], np.int64),
        "digest": strings(digest for _, _, digest in rows),
    }


def _write_derived(path: Path, parts: Sequence[Part], derived: Derived) -> None:
    for name in derived.sets:
        moments = [part.record.signal.derived[name] for part in parts]
        write_derived(
            path,
            name,
            derived.names(name),
            np.stack([mean for mean, _ in moments]),
            np.stack([sd for _, sd in moments]),
        )


def _times(parts: Sequence[Part]) -> dict[str, NDArray[Any]]:
    """Return the columns of start times (s), from the first one of the same timeline.

    Timelines are numbered within their patient, since a name of one may be that of a patient. If
    no patient has two, there is no such column.
    """
    starts = [part.planned.start if part.planned.clock != "none" else None for part in parts]
    lines = [(part.planned.recording.patient, part.planned.timeline) for part in parts]
    first: dict[tuple[str, str], datetime] = {}
    for line, start in zip(lines, starts, strict=True):
        if start is not None:
            first[line] = min(start, first.get(line, start))
    times = [
        (start - first[line]).total_seconds() if start is not None else np.nan
        for line, start in zip(lines, starts, strict=True)
    ]
    columns: dict[str, NDArray[Any]] = {"patient_time": np.array(times)}
    known: dict[str, list[str]] = {}
    for patient, name in sorted(first):
        known.setdefault(patient, []).append(name)
    if any(len(names) > 1 for names in known.values()):
        columns["timeline"] = strings(
            str(known[patient].index(name) + 1)
            if start is not None and len(known[patient]) > 1
            else ""
            for (patient, name), start in zip(lines, starts, strict=True)
        )
    return columns


def _recordings(parts: Sequence[Part], geometry: Geometry) -> dict[str, NDArray[Any]]:
    n_samples = np.array([part.record.n_samples for part in parts])
    n_windows = np.array([geometry.n_windows(int(n)) for n in n_samples])
    columns: dict[str, NDArray[Any]] = {
        "n_samples": n_samples,
        "first_block": np.array([part.planned.first_block for part in parts]),
        "n_blocks": np.array([geometry.n_blocks(int(n)) for n in n_samples]),
        "first_window": np.cumsum(n_windows) - n_windows,
        "n_windows": n_windows,
    }
    for name in ("id", "patient", "corpus", "session", "montage"):
        columns[name] = strings(getattr(part.planned.recording, name) for part in parts)
    for name in ("reference", "clock"):
        columns[name] = strings(getattr(part.planned, name) for part in parts)
    columns["participant"] = strings(
        json.dumps(dict(about), ensure_ascii=False) if about else ""
        for about in (part.planned.recording.about for part in parts)
    )
    columns["source_id"] = columns["id"]
    columns["source_start"] = np.zeros(len(parts))
    columns["source_samples"] = np.array([part.planned.n_source for part in parts])
    columns |= _times(parts)
    for name in ("signal_key", "label_key"):
        columns[name] = strings(getattr(part.record, name) for part in parts)
    columns |= rater_columns([str(part.record.row["raters"]) for part in parts])
    for name, value in parts[0].record.row.items():
        if name == "raters":
            continue
        values = [part.record.row[name] for part in parts]
        columns[name] = strings(values) if isinstance(value, str) else np.array(values)
    return columns
