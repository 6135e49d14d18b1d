"""Making anew just what a verification finds damaged.

The mended store is another generation: what is whole is linked or copied into a folder beside the
store, what is damaged is made anew there, and it is published only if a deep verification of it
finds nothing and all digests are those of before. Readers see the old store or the mended one.
"""

import json
import os
import shutil
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tuszstore.builder.blocks import label_samples
from tuszstore.builder.leftovers import clear_leftovers, folder_for, remove_leftovers
from tuszstore.builder.lock import locked
from tuszstore.builder.publish import publish
from tuszstore.builder.recording import Failed, writing
from tuszstore.builder.records import Files, link_or_copy
from tuszstore.builder.run import run_tasks
from tuszstore.builder.tables import event_columns
from tuszstore.config import Build
from tuszstore.corpus.sources import find_sources
from tuszstore.errors import BuildError, RecordingError, StoreError, TuszstoreError
from tuszstore.integrity.blocks import painted_blocks
from tuszstore.integrity.contents import Contents, read_document
from tuszstore.integrity.report import Check, Finding
from tuszstore.integrity.root import read_root
from tuszstore.integrity.shards import shard_columns
from tuszstore.integrity.source import make_tasks
from tuszstore.integrity.structure import check_schema, check_tables
from tuszstore.integrity.verify import verify
from tuszstore.store.create import finish, write_table
from tuszstore.store.digests import digests_of
from tuszstore.store.find import local_folder
from tuszstore.store.generations import identity, remove_unused
from tuszstore.store.index import derive_windows, seizure_distances
from tuszstore.store.labels import LABEL_CODEC, UNLABELLED, LabelChunks
from tuszstore.store.place import ROOT
from tuszstore.store.schema import VARIABLES, groups_of, stored_variables
from tuszstore.store.shard import SIGNAL_CHUNKS, encode_chunk
from tuszstore.text import printable

ROUNDS = 3
"""How often what was mended is verified and mended again."""

AGAIN = "build it again with: tuszstore build --force"


@dataclass
class RepairReport:
    """What a repair did.

    Attributes
    ----------
    store : Path
    status : {"whole", "repaired"}
    mended : dict of str to int
        How many findings of each kind were mended.
    rebuilt : list of str
        Recordings whose signal was computed again.
    notes : list of str
    seconds : float
    """

    store: Path
    status: str
    mended: dict[str, int] = field(default_factory=dict)
    rebuilt: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {**vars(self), "store": str(self.store), "seconds": round(self.seconds, 3)}


def repair(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
) -> RepairReport:
    """Make anew what is damaged in a store, and nothing else.

    Metadata comes from the root's copy of it or the other way round, the index from the labels,
    labels from the events, events from the annotations, and signals from the EDF files.

    Parameters
    ----------
    path : path
        ``<root>/<split>.zarr``.
    data : path, optional
        Root of the corpus, if it is no longer where it was.
    workers : int, optional
        Processes that compute signals; by default this one.

    Returns
    -------
    RepairReport

    Raises
    ------
    StoreError
        If there is no store.
    BuildError
        If it cannot be mended; the store is then as it was. The text says what to do.
    """
    start = time.perf_counter()
    place = local_folder(path, "tuszstore repair").resolve()
    clear_leftovers(place)
    this = identity(place)
    found = verify(place, deep=True)
    damage = [finding for finding in found.findings if finding.mend != "none"]
    if not damage:
        return RepairReport(place, "whole", seconds=time.perf_counter() - start)
    _refuse_lost(place, damage)
    report = RepairReport(place, "repaired")
    work = folder_for(place, "repairing")
    with locked(place), writing(work):
        if identity(place) != this:
            raise BuildError(f"{place}: was rebuilt while it was verified; repair it again")
        remove_leftovers(place)
        try:
            _mend(_Mending(place, work, data, workers, report), damage)
            publish(work / "store", place)
        except (TuszstoreError, OSError):
            raise
        except Exception as error:  # whatever a library makes of damage
            raise BuildError(
                f"{place}: could not be repaired: {type(error).__name__}: {error}; {AGAIN}"
            ) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    remove_unused(place)
    report.seconds = time.perf_counter() - start
    return report


def _mend(mending: "_Mending", damage: list[Finding]) -> None:
    """Make a store that is whole out of one that is not, beside it."""
    mending.copy({finding.file for finding in damage if finding.mend == "stray"})
    for _ in range(ROUNDS):
        mending.mend(damage)
        # behind damaged metadata there may be more
        damage = [f for f in verify(mending.target, deep=True).findings if f.mend != "none"]
        if not damage:
            break
    else:
        raise BuildError(f"{mending.place}: was not repaired: {damage[0]}; {AGAIN}")
    _check_same(mending.place, mending.target)


def _refuse_lost(place: Path, damage: Sequence[Finding]) -> None:
    if lost := [finding for finding in damage if finding.mend == "build"]:
        # what is wrong with the root explains what seems to be wrong with the rest
        first = min(lost, key=lambda finding: finding.file != ROOT)
        raise BuildError(f"{place}: {first}: this cannot be repaired; {AGAIN}")


def _check_same(place: Path, unfinished: Path) -> None:
    """Refuse to publish what is not as it was before the damage."""
    contents = read_root(place)
    before, after = contents.attributes, read_root(unfinished).attributes
    # where the root was changed, so may have been its digests of files; not that of the content,
    # which is one of the attributes that are known to be as they were
    old, new = digests_of(before) if contents.sound else {}, digests_of(after)
    if before.get("content_digest") != after["content_digest"] or any(
        digest != new.get(name) for name, digest in old.items() if not name.endswith(ROOT)
    ):
        raise BuildError(f"{place}: what was repaired differs from what was built; {AGAIN}")


class _Mending:
    """One repair, step by step, into a folder beside the store."""

    def __init__(
        self,
        place: Path,
        work: Path,
        data: str | os.PathLike[str] | None,
        workers: int | None,
        report: RepairReport,
    ) -> None:
        self.place = place
        self.target = work / "store"
        self._recordings = work / "recordings"
        self._root = read_root(place)
        self._data = Path(data or self._root.attributes.get("data") or "")
        self._given = data is not None
        self._workers = workers or 0
        self._report = report
        self._parts: set[str] = set()

    def mend(self, damage: Sequence[Finding]) -> None:
        """Make anew what is damaged."""
        _refuse_lost(self.place, damage)
        self._parts = {finding.mend for finding in damage}
        rows = {
            part: sorted({finding.row for finding in damage if finding.mend == part})
            for part in ("label", "signal")
        }
        for finding in damage:
            mended = self._report.mended
            mended[finding.mend] = mended.get(finding.mend, 0) + 1
        self._write_metadata()
        contents = self._contents()
        if "events" in self._parts:
            self._write_events(contents)
            contents = self._contents()
        if rows["label"]:
            self._write_labels(contents, rows["label"])
        if rows["signal"]:
            self._write_signal(contents, rows["signal"])
        if "index" in self._parts:
            labels = LabelChunks(self.target, contents.geometry)
            recordings, events = (_table(contents, name) for name in ("recordings", "events"))
            windows = derive_windows(labels, recordings, contents.spec)
            windows |= seizure_distances(windows, recordings, events, contents.spec)
            write_table(self.target, "windows", windows)
        if "shards" in self._parts or rows["signal"]:
            columns = shard_columns(self.target, _table(contents, "recordings"), contents.spec)
            write_table(self.target, "shards", columns)
        contents = self._contents()
        lost = [v for v in VARIABLES if v.required and v.path not in contents.documents]
        if lost or not contents.complete_tables():
            raise BuildError(
                f"{self.place}: its tables cannot be read, or neither the metadata of its arrays "
                f"nor the root's copy of it; {AGAIN}"
            )
        finish(self.target, self._root.spec, self._root.attributes)

    def copy(self, strays: set[str]) -> None:
        """Link the signal and copy the rest, all but what belongs to nobody."""
        for folder, _, files in os.walk(self.place):
            for name in files:
                source = Path(folder, name)
                relative = source.relative_to(self.place).as_posix()
                if relative in strays or not stat.S_ISREG(source.lstat().st_mode):
                    continue
                target = self.target / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                if relative.startswith(SIGNAL_CHUNKS):
                    link_or_copy(source, target)
                else:
                    shutil.copyfile(source, target)
        # without the copies of all metadata, which are made anew and may be what is damaged
        root = {"zarr_format": 3, "node_type": "group", "attributes": self._root.attributes}
        (self.target / ROOT).write_text(json.dumps(root))

    def _write_metadata(self) -> None:
        """Write the metadata of arrays anew from the root's copies of it.

        All of it where the root is as it was written; else the copies may be what is damaged, and
        they serve only where the metadata itself cannot be used.
        """
        if "metadata" not in self._parts:
            return
        inside = self._root.root.get("consolidated_metadata")
        copies = inside.get("metadata") if isinstance(inside, dict) else None
        if not isinstance(copies, dict):
            return
        usable = set() if self._root.sound else self._contents().documents.keys()
        known = [variable for variable in stored_variables(copies) if variable.path in copies]
        groups = groups_of(known)
        nodes = list(copies) if self._root.sound else [*groups, *(v.path for v in known)]
        for node in nodes:
            if node in usable or not isinstance(copies.get(node), dict):
                continue
            if not self._root.sound and node in groups and _is_document(self.target / node):
                continue
            document = {k: v for k, v in copies[node].items() if k != "consolidated_metadata"}
            folder = self.target / node
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "zarr.json").write_text(json.dumps(document, indent=2))
        import zarr

        # of channel also the values, which are always the same
        channel: Any = zarr.open_array(self.target / "channel", mode="r+")
        channel[...] = np.array(self._root.spec.channel_names, dtype=np.dtypes.StringDType())

    def _contents(self) -> Contents:
        contents = read_root(self.target)
        check_schema(contents, ignored := Check(""))
        check_tables(contents, ignored)
        return contents

    def _write_events(self, contents: Contents) -> None:
        """Read the events of all recordings from their annotations."""
        recordings = _table(contents, "recordings")
        sources = find_sources(
            self._corpus("events"), contents.config, contents.attributes, self.place
        )
        corpus = sources.corpus
        marked = []
        columns = (
            recordings[name].tolist()
            for name in ("id", "n_samples", "labelled", "annotation_digest")
        )
        for id_, n_samples, labelled, digest in zip(*columns, strict=True):
            known = None
            try:
                if labelled:
                    known = corpus.annotation(sources.find(id_))
            except RecordingError as error:
                raise BuildError(f"{self.place}: {printable(id_)}: {error}") from error
            if known and known.digest != digest:
                raise BuildError(
                    f"{self.place}: {printable(id_)}: its annotation was changed since the "
                    "store was built; build it again with: tuszstore build"
                )
            marked.append(label_samples(known, n_samples, contents.config)[1])
        write_table(self.target, "events", event_columns(marked))

    def _write_labels(self, contents: Contents, rows: Iterable[int]) -> None:
        """Paint the labels of recordings from the events."""
        recordings, events = _table(contents, "recordings"), _table(contents, "events")
        geometry = contents.geometry
        for row in rows:
            begin, end = np.searchsorted(events["recording"], [row, row + 1])
            mine = {n: events[n][begin:end] for n in ("first_sample", "stop_sample", "bit")}
            n_samples = int(recordings["n_samples"][row])
            files = Files(self.target, int(recordings["first_block"][row]) // geometry.shard)
            n_blocks = geometry.n_blocks(n_samples)
            for number in range(geometry.n_shards(n_samples)):
                start = number * geometry.shard
                count = min(geometry.shard, n_blocks - start)
                chunk = np.full((geometry.shard, geometry.block), UNLABELLED, "<u2")
                chunk[:count] = painted_blocks(
                    mine,
                    n_samples,
                    start,
                    count,
                    geometry,
                    labelled=bool(recordings["labelled"][row]),
                )
                _replace(files.label(number), encode_chunk(chunk, LABEL_CODEC))

    def _write_signal(self, contents: Contents, rows: Sequence[int]) -> None:
        """Compute the signal of recordings again from their EDF files."""
        recordings, geometry = _table(contents, "recordings"), contents.geometry
        lost = Check("sources")
        tasks = make_tasks(contents, rows, self._corpus("signal"), lost)
        if lost.findings:
            raise BuildError(f"{self.place}: {lost.findings[0]}; say where the corpus is: --data")
        by_id = {task.id: row for task, row in tasks}
        config = contents.config.model_copy(update={"build": Build()})
        self._recordings.mkdir(exist_ok=True)
        todo = [task for task, _ in tasks]
        for result in run_tasks(todo, self._recordings, config, n_workers=self._workers):
            row = by_id[result.task.id]
            if isinstance(result, Failed):
                raise BuildError(f"{self.place}: {printable(result.task.id)}: {result.reason}")
            made = result.record.row
            for name, what in (
                (
                    "source_digest",
                    "its EDF file was changed since the store "
                    "was built; build it again with: tuszstore build",
                ),
                (
                    "signal_digest",
                    f"other packages give other values than those that it was built with; {AGAIN}",
                ),
            ):
                if made[name] != recordings[name][row]:
                    raise BuildError(f"{self.place}: {printable(result.task.id)}: {what}")
            place = Files(self.target, int(recordings["first_block"][row]) // geometry.shard)
            for number in range(geometry.n_shards(result.task.n_samples)):
                new = place.signal(number)
                new.parent.mkdir(parents=True, exist_ok=True)
                new.unlink(missing_ok=True)  # a link to the damaged file, which is not touched
                link_or_copy(result.files.signal(number), new)
            shutil.rmtree(result.files.root)
            self._report.rebuilt.append(result.task.id)

    def _corpus(self, what: str) -> Path:
        """Return the root of the corpus, without which something cannot be made anew."""
        if not (self._given or self._root.attributes.get("data")) or not self._data.is_dir():
            raise BuildError(
                f"{self.place}: {what} is repaired from the corpus, which is not at "
                f"{str(self._data)!r}; say where it is: --data"
            )
        return self._data


def _table(contents: Contents, name: str) -> dict[str, Any]:
    table = contents.table(name)
    if table is None:
        raise StoreError(f"{contents.path}: {name} cannot be read; {AGAIN}")
    return table


def _is_document(folder: Path) -> bool:
    try:
        read_document(folder)
    except StoreError:
        return False
    return True


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)
