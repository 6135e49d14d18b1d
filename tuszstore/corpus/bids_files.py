"""Names of files in BIDS, and the sidecars that belong to one.

A name is ``sub-01_ses-01_task-szMonitoring_run-00_eeg.edf``: entities, a suffix, an extension. A
sidecar may be in a folder above and have fewer entities: it then applies to all files below that
have those entities; the nearest one applies.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tuszstore.corpus.annotations import Unlabelled
from tuszstore.corpus.formats.bids import (
    TYPE_COLUMNS,
    BidsChannel,
    BidsEvent,
    Row,
    read_channels,
    read_events,
    read_participants,
    read_table,
)
from tuszstore.corpus.formats.text import shown, text_of
from tuszstore.errors import AnnotationError

SIGNALS = ("eeg", "ieeg")
"""Suffixes of the recordings that are read."""

NOT_RAW = frozenset({"code", "derivatives", "phenotype", "sourcedata", "stimuli"})
"""Folders whose files are not raw recordings."""

_NAME = re.compile(r"((?:[A-Za-z]+-[^_]+_)*)([A-Za-z0-9]+)(\.[A-Za-z0-9]+)")
_ENTITY = re.compile(r"([A-Za-z]+)-([^_]+)_")


@dataclass(frozen=True)
class BidsName:
    """A parsed name.

    Attributes
    ----------
    entities : mapping of str to str
        Such as ``{"sub": "01", "run": "00"}``.
    suffix, extension : str
        Such as ``eeg`` and ``.edf``; the latter in lower case.
    """

    entities: Mapping[str, str]
    suffix: str
    extension: str


@lru_cache(maxsize=4096)
def parse_name(name: str) -> BidsName | None:
    """Return a file's name, parsed; None if it is not a BIDS name.

    >>> parse_name("sub-01_run-00_eeg.edf").entities
    {'sub': '01', 'run': '00'}
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    entities = _ENTITY.findall(match[1])
    if len(dict(entities)) < len(entities):
        return None
    return BidsName(dict(entities), match[2], match[3].lower())


def find_sidecar(path: Path, root: Path, suffix: str, extension: str = ".tsv") -> Path | None:
    """Return the sidecar of a recording that is nearest to it, or None.

    Parameters
    ----------
    path : Path
        Path of the recording.
    root : Path
        Root of the dataset; folders above it are not searched.
    suffix, extension : str
    """
    return next(find_sidecars(path, root, suffix, extension), None)


def find_sidecars(path: Path, root: Path, suffix: str, extension: str) -> Iterator[Path]:
    """Yield all sidecars that apply to a recording, the nearest first.

    Keys of JSON files are inherited one by one: each is that of the nearest file that has it.

    Parameters
    ----------
    path, root, suffix, extension
        As for :func:`find_sidecar`.
    """
    name = parse_name(path.name)
    if name is None:
        return
    beside = path.with_name(f"{path.stem[: -len(name.suffix)]}{suffix}{extension}")
    if beside.is_file():
        yield beside
    for folder in (path.parent, *path.parent.parents):
        if not folder.is_relative_to(root):
            break
        found = [
            (len(other.entities), entry)
            for entry in _names(folder)
            if (other := parse_name(entry))
            and (other.suffix, other.extension) == (suffix, extension)
            and other.entities.items() <= name.entities.items()
        ]
        for _, entry in sorted(found, reverse=True):
            if (other_path := folder / entry) != beside and other_path.is_file():
                yield other_path


def _names(folder: Path) -> Iterator[str]:
    try:
        yield from os.listdir(folder)
    except OSError:
        return  # the error was reported when it was listed


def parse_events(content: bytes, name: str, column: str | None) -> tuple[BidsEvent, ...]:
    """Read an events table that has rows.

    Parameters
    ----------
    content : bytes
    name : str
        Name of the file, for messages.
    column : str or None
        ``labels.events.column``.

    Raises
    ------
    Unlabelled
        If the file is empty, or has no rows.
    AnnotationError
        If it cannot be read, or has no column of types.
    """
    if not content.strip():
        raise Unlabelled(f"{name}: file is empty")
    events = read_events(text_of(content, name), name, column)
    if not events:
        raise Unlabelled(f"{name}: has a header but no rows")
    columns = list(events[0].row.values)
    known = {kind.lower() for kind in TYPE_COLUMNS}
    if column is None and known.isdisjoint(map(str.lower, columns)):
        raise AnnotationError(
            f"{name}: has no column {' or '.join(TYPE_COLUMNS)}, but {shown(', '.join(columns))}: "
            "name the column of types with labels.events.column"
        )
    return events


def parse_channels(content: bytes, name: str) -> tuple[BidsChannel, ...]:
    """Read a channels table.

    Raises
    ------
    AnnotationError
    """
    return read_channels(text_of(content, name), name)


def parse_participants(content: bytes, name: str) -> dict[str, Row]:
    """Read the participants of a dataset.

    Raises
    ------
    AnnotationError
    """
    return read_participants(text_of(content, name), name)


def parse_scans(content: bytes, name: str) -> dict[str, Row]:
    """Read the recordings of a session or a participant, by path relative to the table.

    Raises
    ------
    AnnotationError
        If there is no column ``filename``.
    """
    table = read_table(text_of(content, name), name)
    column = table.required("filename")
    return {file: row for row in table.rows if (file := row.known(column))}
