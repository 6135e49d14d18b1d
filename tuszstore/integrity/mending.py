"""Repairing the damaged parts of a store in a folder beside it."""

import json
import logging
import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tuszstore.builder.blocks import label_samples
from tuszstore.builder.files import Files, link_or_copy
from tuszstore.builder.recording import Failed
from tuszstore.builder.run import run_tasks
from tuszstore.builder.tables import event_columns
from tuszstore.config import Build
from tuszstore.corpus.sources import find_sources
from tuszstore.errors import BuildError, RecordingError, StoreError
from tuszstore.integrity.blocks import painted_blocks
from tuszstore.integrity.contents import Contents, read_document
from tuszstore.integrity.report import Check, Finding, RepairReport
from tuszstore.integrity.root import read_root
from tuszstore.integrity.shards import shard_columns
from tuszstore.integrity.source import make_tasks
from tuszstore.integrity.structure import check_schema, check_tables
from tuszstore.store.create import finish, write_table
from tuszstore.store.index import derive_windows, seizure_distances
from tuszstore.store.labels import LABEL_CODEC, UNLABELLED, LabelChunks
from tuszstore.store.place import ROOT
from tuszstore.store.schema import VARIABLES, groups_of, stored_variables
from tuszstore.store.shard import SIGNAL_CHUNKS, encode_chunk
from tuszstore.text import printable

_LOG = logging.getLogger("tuszstore")

AGAIN = "build it again with: tuszstore build --force"


def refuse_lost(place: Path, damage: Sequence[Finding]) -> None:
    """Raise if something is damaged that cannot be recomputed.

    Raises
    ------
    BuildError
    """
    if lost := [finding for finding in damage if finding.mend == "build"]:
        # a fault of the root explains apparent faults of the other parts
        first = min(lost, key=lambda finding: finding.file != ROOT)
        raise BuildError(f"{place}: {first}: this cannot be repaired; {AGAIN}")


class Mending:
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
        """Repair the damaged parts."""
        refuse_lost(self.place, damage)
        self._parts = {finding.mend for finding in damage}
        rows = {
            part: sorted({finding.row for finding in damage if finding.mend == part})
            for part in ("label", "signal")
        }
        for finding in damage:
            mended = self._report.mended
            mended[finding.mend] = mended.get(finding.mend, 0) + 1
            _LOG.info("to repair (%s): %s", finding.mend, finding)
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
                f"nor the root's copy of it can be; {AGAIN}"
            )
        finish(self.target, self._root.spec, self._root.attributes)

    def copy(self, strays: set[str]) -> None:
        """Link the signal and copy the rest, except unexpected files."""
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
        # without the copies of all metadata, which are rewritten and may be damaged
        root = {"zarr_format": 3, "node_type": "group", "attributes": self._root.attributes}
        (self.target / ROOT).write_text(json.dumps(root))

    def _write_metadata(self) -> None:
        """Rewrite the metadata of arrays from the root's copies.

        All of it is rewritten if the root is intact. Otherwise the copies may be damaged, and are
        used only if the metadata itself is unusable.
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

        # for `channel` also the values, which spec determines
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
        columns = (recordings[name].tolist() for name in ("id", "n_samples", "annotation_digest"))
        for id_, n_samples, digest in zip(*columns, strict=True):
            known = None
            try:
                if digest:
                    known = corpus.annotation(sources.find(id_))
            except RecordingError as error:
                raise BuildError(f"{self.place}: {printable(id_)}: {error}") from error
            if known and known.digest != digest:
                raise BuildError(
                    f"{self.place}: {printable(id_)}: its annotation has changed since the "
                    "store was built; build it again with: tuszstore build"
                )
            marked.append(label_samples(known, n_samples, contents.config)[1])
        write_table(self.target, "events", event_columns(marked))

    def _write_labels(self, contents: Contents, rows: Iterable[int]) -> None:
        """Compute the labels of recordings from the events."""
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
        """Recompute the signal of recordings from their EDF files."""
        recordings, geometry = _table(contents, "recordings"), contents.geometry
        lost = Check("sources")
        tasks = make_tasks(contents, rows, self._corpus("signal"), lost)
        if lost.findings:
            raise BuildError(
                f"{self.place}: {lost.findings[0]}; pass the root of the corpus with --data"
            )
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
                    "its EDF file has changed since the store "
                    "was built; build it again with: tuszstore build",
                ),
                (
                    "signal_digest",
                    f"the installed packages give other values than those of the build; {AGAIN}",
                ),
            ):
                if made[name] != recordings[name][row]:
                    raise BuildError(f"{self.place}: {printable(result.task.id)}: {what}")
            place = Files(self.target, int(recordings["first_block"][row]) // geometry.shard)
            for number in range(geometry.n_shards(result.task.n_samples)):
                new = place.signal(number)
                new.parent.mkdir(parents=True, exist_ok=True)
                new.unlink(missing_ok=True)  # a hard link: the damaged file itself is unchanged
                link_or_copy(result.files.signal(number), new)
            shutil.rmtree(result.files.root)
            self._report.rebuilt.append(result.task.id)
            _LOG.info("computed again: %s", result.task.id)

    def _corpus(self, what: str) -> Path:
        """Return the root of the corpus; raise an error if it is unknown and needed for `what`."""
        if not (self._given or self._root.attributes.get("data")) or not self._data.is_dir():
            raise BuildError(
                f"{self.place}: {what} is repaired from the corpus, which does not exist at "
                f"{str(self._data)!r}; pass its root with --data"
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
