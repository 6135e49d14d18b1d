"""The Helsinki neonates (Zenodo 4940267): one annotation file for each of three experts.

    eeg1.edf ... eeg79.edf   annotations_2017_A_fixed.csv   annotations_2017_B.csv ...

Each recording is of a different newborn. Columns of an annotation are recordings, by number; the
expert did not review the time after a column's end.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tuszstore.corpus.annotations import (
    NONE,
    WHOLE_MONTAGE,
    Annotation,
    Event,
    Looked,
    Unlabelled,
)
from tuszstore.corpus.base import Discovery, Files, Recording
from tuszstore.corpus.edf import read_header
from tuszstore.corpus.edf_corpus import EdfCorpus
from tuszstore.corpus.formats.helsinki import Expert, read_helsinki
from tuszstore.corpus.formats.text import text_of
from tuszstore.corpus.listing import list_edf_files, some_names
from tuszstore.corpus.parsed import Parsed
from tuszstore.errors import RecordingError
from tuszstore.reasons import plural

SEIZURE = "seiz"
"""Class of all seizures: the annotations give no other."""

_NAMED = re.compile(r"eeg(\d{1,4})", re.IGNORECASE)
_EXPERT = re.compile(r"annotations_2017_([A-Z])(_fixed)?\.csv", re.IGNORECASE)
_RELEASED = [f"annotations_2017_{rater}{end}.csv" for rater in "ABC" for end in ("_fixed", "")]
_MAX_FILE = 1 << 25
_MAX_NAMES = 2000
_WHOLE = 1.0  # s by which an annotation may be shorter than its recording


class Helsinki(EdfCorpus):
    """The Helsinki neonates as on Zenodo, or some of them."""

    name = "helsinki"
    version = 1
    patient_namespace = "helsinki"
    nested = True
    mains = 50.0
    mains_from = "recorded in Finland"

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        super().__init__(root, options)
        self._experts = Parsed(_parse, _MAX_FILE)

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return why a folder is the Helsinki corpus: an expert's annotation of all recordings."""
        for name in _RELEASED:
            if (root / name).is_file():
                return f"{name} is an annotation of the Helsinki neonates"
        return ""

    def recordings(self) -> Discovery:
        """List all EDF files, by the numbers in their names."""
        paths, left_out = list_edf_files(self.root)
        recordings = sorted(map(self._recording, paths), key=lambda one: _order(one.path))
        notes = [
            n for folder in sorted({p.parent for p in paths}) for n in self._absent(folder, paths)
        ]
        return Discovery(recordings, left_out, notes, "file names")

    def find(self, id: str) -> Recording:
        """Return the recording of a path."""
        return self._recording(self.path_of(id))

    def files(self, recording: Recording) -> Files:
        """Return the EDF file, and the annotations of all experts."""
        return Files((recording.path,), tuple(_experts_of(recording.path.parent).values()))

    def annotation(self, recording: Recording) -> Annotation:
        """Return what the experts marked in a recording's columns."""
        if self.options.get("annotation") == NONE:
            raise Unlabelled("labels.annotation is 'none'")
        files = _experts_of(recording.path.parent)
        if not files:
            raise Unlabelled("no annotations_2017_*.csv beside it")
        named = _NAMED.fullmatch(recording.path.stem)
        if named is None:
            raise Unlabelled("its name has no number, so no annotation can belong to it")
        number = int(named[1])
        columns = {}
        for rater, path in files.items():
            found = self._expert(path)
            if number in found.faults:
                raise found.faults[number]
            column = found.recordings.get(number)
            if column is not None and column.seconds:
                columns[rater] = column
        if not columns:
            told = " or ".join(path.name for path in files.values())
            raise Unlabelled(f"no values of it in {told}")
        header = read_header(recording.path)
        seconds = float(header.n_records * header.record_seconds)
        events = tuple(
            Event(WHOLE_MONTAGE, float(onset), float(end), SEIZURE, 1.0, onset + 2, rater)
            for rater, column in columns.items()
            for onset, end in column.intervals
        )
        looked = tuple(
            Looked(rater, 0.0, float(column.seconds))
            for rater, column in columns.items()
            if column.seconds < seconds - _WHOLE
        )
        longest = float(max(column.seconds for column in columns.values()))
        state = repr([(rater, column.marks) for rater, column in columns.items()])
        digest = hashlib.sha256(state.encode()).hexdigest()
        return Annotation(events, longest, digest, tuple(columns), looked=looked)

    def _recording(self, path: Path) -> Recording:
        id_ = path.relative_to(self.root).as_posix()
        named = _NAMED.fullmatch(path.stem)
        return Recording(
            id=id_,
            path=path,
            folder="",
            patient=f"eeg{int(named[1])}" if named else path.stem,
            corpus=self.name,
            states_patient=named is not None,
            folders=PurePosixPath(id_).parts[:-1],
        )

    def _expert(self, path: Path) -> Expert:
        try:
            return self._experts(path)
        except FileNotFoundError:
            raise RecordingError(f"{path.name}: removed while it was read") from None

    def _absent(self, folder: Path, paths: Sequence[Path]) -> list[str]:
        """Return notes on columns whose recordings do not exist."""
        there = {
            int(match[1])
            for path in paths
            if path.parent == folder and (match := _NAMED.fullmatch(path.stem))
        }
        notes = []
        for path in _experts_of(folder).values():
            try:
                found = self._expert(path)
            except RecordingError:
                continue  # reported for each recording
            if absent := [
                n for n, one in found.recordings.items() if one.seconds and n not in there
            ]:
                count = plural(len(absent), "recording")
                notes.append(f"{path.name} has {count} not in the corpus, such as {absent[0]}")
        return notes


def _parse(content: bytes, name: str) -> Expert:
    return read_helsinki(text_of(content, name), name)


def _experts_of(folder: Path) -> dict[str, Path]:
    """Return the annotations in a folder by expert; the fixed one, if an expert has two."""
    found: dict[str, tuple[bool, Path]] = {}
    for name in some_names(folder, _MAX_NAMES):
        if match := _EXPERT.fullmatch(name):
            rater, fixed = match[1].upper(), bool(match[2])
            if rater not in found or fixed:
                found[rater] = (fixed, folder / name)
    return {rater: path for rater, (_, path) in sorted(found.items())}


def _order(path: Path) -> tuple[Path, int, str]:
    named = _NAMED.fullmatch(path.stem)
    return path.parent, int(named[1]) if named else 0, path.name
