"""Files of a corpus with equal bytes, whatever their names.

A copy counts a recording twice, and under another name it can put one person into two splits.
Content is compared; files with equal names are not necessarily copies. Few files are read: each
step compares only files that were equal in all previous steps, first by size, then by the first 256
bytes of the header, then by two pieces of the samples, and finally by all bytes.
"""

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tuszstore.corpus.annotations import Annotation, Unlabelled
from tuszstore.corpus.base import DUPLICATE, LeftOut, Recording
from tuszstore.corpus.regular import open_regular
from tuszstore.errors import RecordingError

Each = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Something like :func:`map`."""

AnnotationOf = Callable[[Recording], Annotation]
"""Reads the annotation of a recording, like :meth:`Corpus.annotation`."""

_HEAD, _PIECE = 256, 4096
_COPIED = frozenset({"sourcedata", "derivatives"})
"""Folders of BIDS for source data and derived data."""


@dataclass(frozen=True)
class Copy:
    """A recording that is excluded because another one has the same content.

    Attributes
    ----------
    recording, original : Recording
        The excluded recording, and the one that is kept.
    annotations_differ : bool
        Whether both have annotations that differ.
    """

    recording: Recording
    original: Recording
    annotations_differ: bool = False

    def left_out(self, renamed: Callable[[Recording], Recording] = lambda r: r) -> LeftOut:
        """Return the entry for the list of excluded recordings.

        Parameters
        ----------
        renamed : callable
            Returns a recording under its name in the store.
        """
        more = "; their annotations differ, and that of this copy is ignored"
        reason = f"{DUPLICATE}{renamed(self.original).id}{more if self.annotations_differ else ''}"
        return LeftOut(renamed(self.recording).id, reason, "duplicate")


def find_equal(recordings: Iterable[Recording], each: Each = map) -> list[list[Recording]]:
    """Return the groups of recordings whose files have the same content.

    Files that cannot be read, and those that are named like EDF but are not EDF, are in no
    group.

    Parameters
    ----------
    recordings : iterable of Recording
    each : callable
        Applies a function to many files, in order, such as :func:`map`.

    Returns
    -------
    list of list of Recording
        Groups of at least two, in the order of the recordings.
    """
    recordings = list(recordings)
    groups = _told_apart(_by_size(recordings, each), _readable(_head), each, always=True)
    for read in (_pieces, _digest):
        groups = _told_apart(groups, _readable(read), each)
    order = {recording.id: number for number, recording in enumerate(recordings)}
    found = [[name for names in group.values() for name in names] for group in groups]
    for group in found:
        group.sort(key=lambda recording: order[recording.id])
    return sorted(found, key=lambda group: order[group[0].id])


def choose_originals(
    groups: Iterable[Sequence[Recording]], annotation_of: AnnotationOf
) -> list[Copy]:
    """Return the copies to exclude: all but one of each group of equal recordings.

    The first with a readable annotation is kept, else the first with any, else the first; those in
    ``sourcedata`` and ``derivatives`` come last.

    Parameters
    ----------
    groups : iterable of sequence of Recording
    annotation_of : callable
        Reads the annotation of a recording.
    """
    copies = []
    for group in groups:
        found = [(_annotation(recording, annotation_of), recording) for recording in group]
        (_, said), original = min(found, key=lambda pair: (pair[0][0], is_copied(pair[1])))
        copies += [
            Copy(recording, original, bool(said and other and said != other))
            for (_, other), recording in found
            if recording is not original
        ]
    return copies


def same_name_other_content(recordings: Iterable[Recording]) -> list[list[Recording]]:
    """Return recordings with the same name under several montages of one session.

    Parameters
    ----------
    recordings : iterable of Recording
        Without copies, so that contents differ.
    """
    groups: dict[tuple[Path, str], list[Recording]] = {}
    for recording in recordings:
        if recording.montage:
            key = (recording.path.parents[1], recording.path.stem)
            groups.setdefault(key, []).append(recording)
    return [group for group in groups.values() if len({r.montage for r in group}) > 1]


@dataclass(frozen=True)
class _File:
    """A file that may have several names."""

    path: Path
    size: int


def _by_size(recordings: Sequence[Recording], each: Each) -> Iterator[dict[_File, list[Recording]]]:
    """Yield groups of files of equal size, each file with the recordings that are names of it."""
    sizes: dict[int, dict[tuple[int, int], list[Recording]]] = {}
    for recording, known in zip(recordings, each(_stat, recordings), strict=True):
        if known is not None and known.st_size > _HEAD:
            inode = known.st_dev, known.st_ino
            sizes.setdefault(known.st_size, {}).setdefault(inode, []).append(recording)
    for size, files in sizes.items():
        if sum(map(len, files.values())) > 1:
            yield {_File(names[0].path, size): names for names in files.values()}


def _stat(recording: Recording) -> os.stat_result | None:
    try:
        return os.stat(recording.path)
    except OSError:
        return None  # planning reports the error


def _told_apart(
    groups: Iterable[dict[_File, list[Recording]]],
    key: Callable[[_File], Hashable],
    each: Each,
    *,
    always: bool = False,
) -> Iterator[dict[_File, list[Recording]]]:
    """Divide groups of files by a key, dropping files without a key and single files.

    A single file with several names needs no reading, unless `always`.
    """
    groups = list(groups)
    if not always:
        yield from (group for group in groups if len(group) == 1)
        groups = [group for group in groups if len(group) > 1]
    numbered = [(number, file) for number, group in enumerate(groups) for file in group]
    parts: dict[tuple[int, Hashable], dict[_File, list[Recording]]] = {}
    for (number, file), value in zip(numbered, each(key, [f for _, f in numbered]), strict=True):
        if value is not None:
            parts.setdefault((number, value), {})[file] = groups[number][file]
    yield from (part for part in parts.values() if sum(map(len, part.values())) > 1)


def _readable(read: Callable[[BinaryIO, _File], Hashable]) -> Callable[[_File], Hashable]:
    """Return a key function that gives None for files that cannot be read."""

    def key(file: _File) -> Hashable:
        try:
            with open_regular(file.path, buffering=0) as content:
                return read(content, file)
        except (OSError, RecordingError):
            return None  # planning reports the error

    return key


def _head(content: BinaryIO, file: _File) -> Hashable:
    head = content.read(_HEAD)
    broken = file.path.suffix.lower() == ".edf" and head[:8].strip() != b"0"
    return None if broken else head  # invalid EDF files have no copies


def _pieces(content: BinaryIO, file: _File) -> Hashable:
    starts = (file.size // 2, max(0, file.size - _PIECE))
    return tuple(os.pread(content.fileno(), _PIECE, start) for start in starts)


def _digest(content: BinaryIO, _: _File) -> Hashable:
    return hashlib.file_digest(content, "sha256").digest()  # type: ignore[arg-type]


def is_copied(recording: Recording) -> bool:
    """Return whether a recording is in a BIDS folder of source or derived data."""
    return not _COPIED.isdisjoint(recording.id.split("/")[:-1])


def _annotation(recording: Recording, annotation_of: AnnotationOf) -> tuple[int, str]:
    """Return a rank of an annotation's readability, 0 if readable, and its digest if readable."""
    try:
        return 0, annotation_of(recording).digest
    except Unlabelled:
        return 2, ""
    except RecordingError:
        return 1, ""  # planning reports the error
