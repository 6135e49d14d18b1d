"""The TUH EEG Seizure Corpus: ``edf/<split>/<patient>/<session>/<montage>/<name>.edf``.

Before version 2 it was ``edf/<split>/<montage>/<group>/<patient>/<session>/<name>.edf``, with other
annotations (:mod:`tuszstore.corpus.old_tusz`). A name is ``<patient>_<sNNN>_<tNNN>``, and an
annotation is beside its recording under another suffix. Dates in the headers are made up:
sessions are ordered only by their tokens.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from tuszstore.corpus.annotations import Annotation, read_annotation
from tuszstore.corpus.base import Discovery, Files, Recording
from tuszstore.corpus.edf_corpus import EdfCorpus
from tuszstore.corpus.listing import list_edf_files
from tuszstore.corpus.old_tusz import GROUP, SAYS_THE_SAME, SPLITS, find_old

OFFICIAL = frozenset({"train", "dev", "val", "eval"})
"""Folders of official splits."""

_NAME = re.compile(r"(?P<patient>[^_]+)_(?P<session>s\d+)_(?P<token>t\d+)")
_SUBJECT = re.compile(r"sub-[^_]+_.*")
_MONTAGE = re.compile(r"\d\d_tcp_\w+")
_SESSION = re.compile(r"s\d{3}_\d{4}(_\d\d_\d\d)?")
_REFERENCES = {"ar": "AR", "le": "LE"}


class BesideCorpus(EdfCorpus):
    """A corpus with annotations beside the recordings, under another suffix."""

    def annotation_path(self, recording: Recording) -> Path:
        """Return the path of a recording's annotation, which need not exist."""
        return beside(recording.path, str(self.options.get("annotation", "csv")))

    def files(self, recording: Recording) -> Files:
        """Return the EDF file and its annotation, if that exists."""
        annotation = self.annotation_path(recording)
        return Files((recording.path,), (annotation,) if annotation.is_file() else ())

    def annotation(self, recording: Recording) -> Annotation:
        """Read the annotation beside a recording."""
        path = self.annotation_path(recording)
        asked = str(self.options.get("annotation", "csv"))
        if path == beside(recording.path, asked):
            return read_annotation(path, asked)
        kind = path.suffix.removeprefix(".")
        found = read_annotation(path, kind)
        return replace(found, notes=(*found.notes, f"no .{asked} beside it: .{kind} is used"))


class Tusz(BesideCorpus):
    """TUSZ of any version."""

    name = "tusz"
    version = 1
    patient_namespace = "tuh"
    mains = 60.0
    mains_from = "recorded in the USA"

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        super().__init__(root, options)
        self._base = base_of(root)

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return why a folder is TUSZ: folders of splits, patients, sessions and montages."""
        base = base_of(root)
        for split in sorted({*OFFICIAL, *SPLITS}):
            if found := find_old(base / split, _MONTAGE, _SESSION):
                return f"{split}/{found} is a split, montage, patient and session of TUSZ before v2"
            for patient in _folders(base / split):
                for session in _folders(patient):
                    montages = [m.name for m in _folders(session) if _MONTAGE.fullmatch(m.name)]
                    if _SESSION.fullmatch(session.name) and montages:
                        example = f"{split}/{patient.name}/{session.name}/{montages[0]}"
                        return f"{example} is a split, patient, session and montage of TUSZ"
        return ""

    def recordings(self) -> Discovery:
        """List all EDF files, in the order of their paths."""
        paths, left_out = list_edf_files(self.root)
        recordings = [self._recording(path) for path in paths]
        return Discovery(recordings, left_out, patients_from="file names")

    def annotation_path(self, recording: Recording) -> Path:
        """Return the path of the annotation: of the requested kind, or an equivalent one."""
        asked = super().annotation_path(recording)
        if not asked.is_file():
            for kind in SAYS_THE_SAME.get(str(self.options.get("annotation", "csv")), ()):
                if (other := beside(recording.path, kind)).is_file():
                    return other
        return asked

    def find(self, id: str) -> Recording:
        """Return the recording of a path."""
        return self._recording(self.path_of(id))

    def _recording(self, path: Path) -> Recording:
        found = named_recording(path, self.root, self._base, self.name)
        return replace(found, folder=SPLITS.get(found.folder, found.folder))


def base_of(root: Path) -> Path:
    """Return the folder of splits: ``edf`` below the root, if it exists."""
    return root / "edf" if (root / "edf").is_dir() else root


def beside(path: Path, kind: str) -> Path:
    """Return the path of an EDF file's annotation of a kind, such as ``csv``."""
    return path.with_suffix(f".{kind}")


def named_recording(path: Path, root: Path, base: Path, corpus: str) -> Recording:
    """Return a recording by its path, parsing names of TUSZ and BIDS.

    Parameters
    ----------
    path : Path
        Path of the EDF file.
    root, base : Path
        Of the corpus, and its folder of splits.
    corpus : str
        Its name.
    """
    inside = path.relative_to(base).parts if path.is_relative_to(base) else ()
    match = _NAME.fullmatch(path.stem)
    above = (*inside[:-1], path.parent.name)
    montage = next((part for part in reversed(above) if _MONTAGE.fullmatch(part)), "")
    parts = montage.split("_")
    id_ = path.relative_to(root).as_posix()
    return Recording(
        id=id_,
        path=path,
        folder=inside[0] if len(inside) > 1 else "",
        patient=path.stem.partition("_")[0],
        session=match["session"] if match else "",
        montage=montage,
        reference=_REFERENCES.get(parts[2], "") if len(parts) > 2 else "",
        corpus=corpus,
        states_patient=bool(match or _SUBJECT.fullmatch(path.stem)),
        folders=_folders_of(id_),
    )


def _folders_of(id_: str) -> tuple[str, ...]:
    """Return the folders of a recording that may be a patient's, without splits and montages."""
    parts = PurePosixPath(id_).parts[:-1]
    parts = parts[1:] if parts[:1] == ("edf",) else parts
    parts = parts[1:] if parts[:1] and parts[0] in (*OFFICIAL, *SPLITS) else parts
    if len(parts) > 1 and _MONTAGE.fullmatch(parts[0]) and GROUP.fullmatch(parts[1]):
        parts = parts[2:]
    return tuple(part for part in parts if not _MONTAGE.fullmatch(part))


def _folders(path: Path) -> Iterator[Path]:
    """Yield a few folders in a folder; none if it cannot be read."""
    try:
        with_folders = sorted(entry for entry in islice(path.iterdir(), 4) if entry.is_dir())
    except OSError:
        return
    yield from with_folders[:3]
