"""Which recordings a folder holds: the TUSZ layout, or any folder of EDF files.

TUSZ: ``edf/<split>/<patient>/<session>/<montage>/<patient>_<sNNN>_<tNNN>.edf``. Anywhere else the
patient is what stands before the first underscore of a file's name. A recording's identity is its
path relative to the root, so two files with one name never meet.

Another layout is another way to make :class:`Recording` objects; nothing behind this module looks
at a path again.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tuszstore.errors import CorpusError, RecordingError

DUPLICATE = "same recording as "
"""Why a copy of a recording is left out, before the id of the one that is taken."""

_NAME = re.compile(r"(?P<patient>[^_]+)_(?P<session>s\d+)_(?P<token>t\d+)")
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
    kind : {"unlabelled", "duplicate", "limit", "failed"}
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
        Folders that cannot be read.
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
    if not root.is_dir():
        raise CorpusError(f"{root}: not a folder; give the corpus's root with --data")
    found = Discovery()
    paths = sorted(_edf_files(root, found.left_out), key=lambda path: path.parts)
    base = root / "edf" if (root / "edf").is_dir() else root
    found.recordings = [_recording(path, root, base) for path in paths]
    if not paths:
        why = f" ({found.left_out[0].reason})" if found.left_out else ""
        raise CorpusError(f"{root}: no EDF files in this folder or below it{why}")
    return found


def without_duplicates(
    recordings: Iterable[Recording], kind: str
) -> tuple[list[Recording], list[LeftOut]]:
    """Take a recording that stands under two montages of one session once.

    Of copies the first that has an annotation is taken, else the first.

    Parameters
    ----------
    recordings : iterable of Recording
    kind : str
        Suffix of annotation files.
    """
    groups: dict[object, list[Recording]] = {}
    for recording in recordings:
        path = recording.path
        key = (path.parents[1], path.stem) if recording.montage else path
        groups.setdefault(key, []).append(recording)
    kept, left_out = [], []
    for copies in groups.values():
        chosen = copies[0]
        if len(copies) > 1:
            annotated = (copy for copy in copies if copy.annotation(kind).exists())
            chosen = next(annotated, copies[0])
        kept.append(chosen)
        left_out += [
            LeftOut(copy.id, f"{DUPLICATE}{chosen.id}", "duplicate")
            for copy in copies
            if copy is not chosen
        ]
    return kept, left_out


def _edf_files(root: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        where = Path(error.filename)
        left_out.append(LeftOut(
            where.relative_to(root).as_posix(), f"folder cannot be read: {error.strerror}", "failed"
        ))  # fmt: skip

    seen = set()
    for folder, folders, files in os.walk(root, onerror=unreadable, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up, or to a folder that was listed already
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            # hidden files are such as macOS leaves beside real ones
            if name.lower().endswith(".edf") and not name.startswith("."):
                yield Path(folder, name)


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
