"""Which recordings a folder holds: the TUSZ layout, or any folder of EDF files.

TUSZ: ``edf/<split>/<patient>/<session>/<montage>/<patient>_<sNNN>_<tNNN>.edf``. Anywhere else the
patient is what stands before the first underscore of a file's name. A recording's identity is its
path relative to the root, so two files with one name never meet.

Another layout is another way to make :class:`Recording` objects; nothing behind this module looks
at a path again.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tuszstore.corpus.regular import irregular
from tuszstore.errors import CorpusError, RecordingError
from tuszstore.text import printable

DUPLICATE = "same recording as "
"""Why a copy of a recording is left out, before the id of the one that is taken."""

OFFICIAL = frozenset({"train", "dev", "val", "eval"})
"""Folders of official splits."""

_NAMED = 3
"""Entries that a message names."""

_NAME = re.compile(r"(?P<patient>[^_]+)_(?P<session>s\d+)_(?P<token>t\d+)")
_SUBJECT = re.compile(r"sub-[^_]+_.*")
_MONTAGE = re.compile(r"\d\d_tcp_\w+")


@dataclass(frozen=True)
class Recording:
    """One EDF file of a corpus.

    Attributes
    ----------
    id : str
        Path relative to the corpus's root, with ``/``.
    path : Path
    folder : str
        First folder below ``edf`` (or the root): the split in the official layout.
    patient, session, montage : str
        Empty where the layout does not tell.
    corpus : str
    reference : str
        Of the electrodes; empty where nothing tells.
    clock : {"real", "surrogate", "none"}
        What the recording's start in its header tells.
    """

    id: str
    path: Path
    folder: str
    patient: str
    session: str
    montage: str
    corpus: str = "tusz"
    reference: str = ""
    clock: str = "none"

    @property
    def order(self) -> tuple[str, str]:
        """Key of the order in a store: by file name, then by path."""
        return self.path.stem, self.id

    @property
    def states_patient(self) -> bool:
        """Whether the name follows a scheme that states the patient: TUSZ's, or BIDS."""
        return bool(_NAME.fullmatch(self.path.stem) or _SUBJECT.fullmatch(self.path.stem))

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders that it lies in, without ``edf``, and without montages of TUSZ."""
        parts = PurePosixPath(self.id).parts[:-1]
        parts = parts[1:] if parts[:1] == ("edf",) else parts
        return tuple(part for part in parts if not _MONTAGE.fullmatch(part))

    @property
    def folders_in_split(self) -> tuple[str, ...]:
        """The same, without the one of an official split."""
        folders = self.folders
        return folders[1:] if folders[:1] and folders[0] in OFFICIAL else folders

    def annotation(self, kind: str) -> Path:
        """Return the path of the annotation file of a kind, such as ``csv``."""
        return annotation_path(self.path, kind)


def annotation_path(path: Path, kind: str) -> Path:
    """Return where the annotation of a kind, such as ``csv``, of an EDF file lies."""
    return path.with_suffix(f".{kind}")


def source_path(root: Path, id_: str) -> Path:
    """Return where the EDF file of a recording's id lies.

    Parameters
    ----------
    root : Path
        Of the corpus.
    id_ : str
        As a store has it, which may come from anywhere.

    Raises
    ------
    RecordingError
        If the id is no path below the root.
    """
    parts = PurePosixPath(id_).parts
    if not parts or id_.startswith("/") or ".." in parts or "\0" in id_ or "\\" in id_:
        raise RecordingError(f"its id {id_!r:.200} is no path below the corpus's root")
    return root.joinpath(*parts)


@dataclass(frozen=True)
class LeftOut:
    """A recording that is not in a store.

    Attributes
    ----------
    id : str
    reason : str
    kind : {"unlabelled", "duplicate", "failed"}
        ``failed`` is something to look into; the others are as asked.
    """

    id: str
    reason: str
    kind: str


@dataclass
class Discovery:
    """What :func:`find_recordings` found.

    Attributes
    ----------
    recordings : list of Recording
        In the order of their paths.
    left_out : list of LeftOut
        Folders that cannot be read; pipes, devices and broken links with the name of an EDF file;
        names that are not UTF-8.
    """

    recordings: list[Recording] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def find_recordings(root: Path) -> Discovery:
    """List all EDF files below a folder, in the order of their paths.

    Raises
    ------
    CorpusError
        If `root` is no folder, or holds no EDF file.
    """
    if not root.exists():
        raise CorpusError(f"{root}: no such folder; give the corpus's root with --data")
    if not is_utf8(str(root.absolute())):
        raise CorpusError(
            f"{printable(str(root.absolute()))}: this path is not UTF-8; rename it, or give a link "
            "to it with --data"
        )
    if not root.is_dir():
        raise CorpusError(f"{root}: not a folder; give the corpus's root with --data")
    found = Discovery()
    paths = sorted(_edf_files(root, found.left_out), key=lambda path: path.parts)
    base = root / "edf" if (root / "edf").is_dir() else root
    found.recordings = [_recording(path, root, base) for path in paths]
    if not paths:
        why = "; ".join(f"{entry.id}: {entry.reason}" for entry in found.left_out[:_NAMED])
        more = f" and {len(found.left_out) - _NAMED} more" if len(found.left_out) > _NAMED else ""
        raise CorpusError(
            f"{root}: no EDF files in this folder or below it{f' ({why}{more})' if why else ''}"
        )
    return found


def _edf_files(root: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    """Yield regular files; what bears the name of one and is none is left out by name."""
    seen = set()
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            known = os.stat(folder)
            if (inode := (known.st_dev, known.st_ino)) in seen:
                continue  # a link back up, or to a folder that was listed already
            seen.add(inode)
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            left_out.append(_left_out(folder, root, f"folder cannot be read: {error.strerror}"))
            continue
        below = []
        for entry in entries:
            if entry.name.startswith("."):
                continue  # hidden, such as macOS leaves beside real ones
            if _is_folder(entry):
                below.append(entry)
            elif entry.name.lower().endswith(".edf"):
                if reason := _why_not(entry):
                    left_out.append(_left_out(entry.path, root, reason))
                else:
                    yield Path(entry.path)
        for entry in sorted(below, key=lambda entry: entry.name, reverse=True):
            if is_utf8(entry.name):
                waiting.append(entry.path)
            else:
                left_out.append(_left_out(entry.path, root, f"folder's {_NOT_UTF8}"))


_NOT_UTF8 = "name is not UTF-8; rename it"


def is_utf8(name: str) -> bool:
    """Return whether a name from the file system can be written down as text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link that cannot be followed


def _why_not(entry: "os.DirEntry[str]") -> str:
    """Return why an entry with the name of an EDF file is not taken; nothing if it is."""
    try:
        regular = entry.is_file()
    except OSError:
        regular = False
    if not regular:
        return f"{irregular(entry.path) or 'changed while it was listed'}, not a regular file"
    return "" if is_utf8(entry.name) else f"file {_NOT_UTF8}"


def _left_out(path: str, root: Path, reason: str) -> LeftOut:
    return LeftOut(printable(Path(path).relative_to(root).as_posix()), reason, "failed")


def _recording(path: Path, root: Path, base: Path) -> Recording:
    inside = path.relative_to(base).parts if path.is_relative_to(base) else ()
    match = _NAME.fullmatch(path.stem)
    montage = path.parent.name if _MONTAGE.fullmatch(path.parent.name) else ""
    return Recording(
        id=path.relative_to(root).as_posix(),
        path=path,
        folder=inside[0] if len(inside) > 1 else "",
        patient=path.stem.partition("_")[0],
        session=match["session"] if match else "",
        montage=montage,
    )
