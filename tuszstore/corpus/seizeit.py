"""SeizeIT1 (KU Leuven): referential recordings of adults, a table of seizures beside each.

    P_ID64/P_ID64_r1.edf   P_ID64/P_ID64_r1_a1.tsv

The patient is the folder. A table with only comments means that no seizure was found;
a recording without a table is unlabelled. ``labels.open_end`` decides about seizures
with an end of ``None``, which is unknown.
"""

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuszstore.corpus.annotations import NONE, WHOLE_MONTAGE, Annotation, Event, Unlabelled
from tuszstore.corpus.base import Discovery, Files, Recording
from tuszstore.corpus.edf_corpus import EdfCorpus
from tuszstore.corpus.formats.seizeit import SeizeItSeizure, read_seizeit
from tuszstore.corpus.formats.text import text_of
from tuszstore.corpus.listing import folders_named, list_edf_files, some_names
from tuszstore.corpus.parsed import Parsed

_PATIENT = re.compile(r"P_ID\d{1,4}", re.IGNORECASE)
_NAMED = re.compile(r"(P_ID\d{1,4})_(r\d{1,4})", re.IGNORECASE)
_TABLE = re.compile(r"(P_ID\d{1,4}_r\d{1,4})_(a\d)\.tsv", re.IGNORECASE)
_FIRST = "a1"
_MAX_TABLE = 1 << 20
_MAX_NAMES = 100_000

HEMISPHERES = {"L": "left", "R": "right", "BI": "both", "NC": "unknown"}
"""Meaning of a remark such as ``Hem:L``."""


class SeizeIt(EdfCorpus):
    """SeizeIT1, or some of its patients."""

    name = "seizeit"
    version = 1
    patient_namespace = "seizeit"
    nested = True
    mains = 50.0
    mains_from = "recorded in Belgium"

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        super().__init__(root, options)
        self._tables = Parsed(_parse_table, _MAX_TABLE)

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return why a folder is SeizeIT1: a patient's folder with recordings or tables."""
        for folder in folders_named(root, _PATIENT):
            for name in some_names(folder, 10):
                edf = name.lower().endswith(".edf") and _NAMED.fullmatch(name[:-4])
                if edf or _TABLE.fullmatch(name):
                    what = "recording" if edf else "table"
                    return f"{folder.name}/{name} has the name of a {what} of SeizeIT1"
        return ""

    def recordings(self) -> Discovery:
        """List all EDF files, in the order of their paths."""
        paths, left_out = list_edf_files(self.root)
        recordings = [self._recording(path) for path in paths]
        return Discovery(recordings, left_out, _lonely(paths), "folders of patients")

    def find(self, id: str) -> Recording:
        """Return the recording of a path."""
        return self._recording(self.path_of(id))

    def files(self, recording: Recording) -> Files:
        """Return the EDF file, and its table if that exists."""
        table = _table_of(recording.path)
        return Files((recording.path,), (table,) if table.is_file() else ())

    def annotation(self, recording: Recording) -> Annotation:
        """Return the seizures of a recording's table."""
        if self.options.get("annotation") == NONE:
            raise Unlabelled("labels.annotation is 'none'")
        path = _table_of(recording.path)
        try:
            seizures = self._tables(path)
        except FileNotFoundError:
            others = _others(recording.path)
            beside = f", and {' and '.join(others)} beside it is not read" if others else ""
            raise Unlabelled(f"no table {path.name}{beside}") from None
        events = tuple(
            Event(
                WHOLE_MONTAGE,
                one.onset,
                math.nan if one.offset is None else one.offset,
                one.label,
                1.0,
                one.line,
            )
            for one in seizures
        )
        notes = tuple(filter(None, map(_remark, seizures)))
        state = repr((events, notes))
        digest = hashlib.sha256(state.encode()).hexdigest()
        return Annotation(events, None, digest, notes=notes, file=path.name)

    def _recording(self, path: Path) -> Recording:
        named = _NAMED.fullmatch(path.stem)
        patient, session = (named[1], named[2].lower()) if named else ("", "")
        return self.below_patient(path, _PATIENT, patient, session)


def _parse_table(content: bytes, name: str) -> tuple[SeizeItSeizure, ...]:
    return read_seizeit(text_of(content, name), name)


def _remark(seizure: SeizeItSeizure) -> str:
    """Return the note on a seizure; empty without a remark."""
    if not seizure.remark:
        return ""
    side = HEMISPHERES.get(seizure.remarks.get("Hem", "").upper(), "")
    where = f", hemisphere {side}" if side else ""
    remark = seizure.remark.replace("; ", ", ")
    return f"seizure at {seizure.onset:g} s{where}: '{remark}'"


def _table_of(path: Path) -> Path:
    """Return the path of a recording's table, which may not exist."""
    return path.with_name(f"{path.stem}_{_FIRST}.tsv")


def _others(path: Path) -> list[str]:
    """Return the suffixes of other tables beside a recording, which are ignored."""
    numbers = (f"a{number}" for number in range(2, 5))
    return [f"*_{n}.tsv" for n in numbers if path.with_name(f"{path.stem}_{n}.tsv").is_file()]


def _lonely(paths: Sequence[Path]) -> list[str]:
    """Return notes on tables without a recording."""
    there = {path.parent / path.stem for path in paths}
    alone = [
        table
        for folder in sorted({path.parent for path in paths})
        for name in some_names(folder, _MAX_NAMES)
        if (match := _TABLE.fullmatch(name))
        and match[2].lower() == _FIRST
        and (table := folder / name).with_name(match[1]) not in there
    ]
    if not alone:
        return []
    tables = "table exists" if len(alone) == 1 else "tables exist"
    return [f"{len(alone)} {tables} without a recording, such as {alone[0].name}"]
