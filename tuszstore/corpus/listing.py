"""Files named like recordings below a folder: regular ones, and reasons for excluding others."""

import os
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from tuszstore.corpus.base import LeftOut
from tuszstore.corpus.regular import irregular
from tuszstore.errors import CorpusError
from tuszstore.text import printable

_NAMED = 3
"""Entries that a message names."""

_MOST_NAMES = 1000
"""Names of a folder in which those of patients are looked for."""


def list_edf_files(
    root: Path, others: Mapping[str, str] | None = None
) -> tuple[list[Path], list[LeftOut]]:
    """List all EDF files below a folder, in the order of their paths.

    Parameters
    ----------
    root : Path
    others : mapping of str to str, optional
        Why files of other suffixes are excluded, such as ``{".bdf": "..."}``.

    Returns
    -------
    paths : list of Path
        Paths of regular files.
    left_out : list of LeftOut
        Folders that cannot be read; pipes, devices and broken links with the name of an EDF file;
        names that are not UTF-8; files of the suffixes of `others`.

    Raises
    ------
    CorpusError
        If `root` is not a folder, or has no EDF file.
    """
    if not root.exists():
        raise CorpusError(f"{root}: folder does not exist; pass the corpus's root with --data")
    if not is_utf8(str(root.absolute())):
        raise CorpusError(
            f"{printable(str(root.absolute()))}: this path is not UTF-8; rename it, or pass a link "
            "to it with --data"
        )
    if not root.is_dir():
        raise CorpusError(f"{root}: not a folder; pass the corpus's root with --data")
    left_out: list[LeftOut] = []
    paths = sorted(_edf_files(root, left_out, others or {}), key=lambda path: path.parts)
    if not paths:
        why = "; ".join(f"{entry.id}: {entry.reason}" for entry in left_out[:_NAMED])
        more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
        raise CorpusError(
            f"{root}: no EDF files in this folder or below it{f' ({why}{more})' if why else ''}"
        )
    return paths, left_out


def some_names(folder: Path, most: int) -> list[str]:
    """Return some names in a folder, sorted; none if it cannot be read.

    Parameters
    ----------
    folder : Path
    most : int
        Names to read at most.
    """
    try:
        return sorted(entry.name for entry in islice(folder.iterdir(), most))
    except OSError:
        return []


def folders_named(root: Path, pattern: re.Pattern[str], most: int = 3) -> Iterator[Path]:
    """Yield the root if its name matches, and the first folders in it whose names match.

    It reads names only, for a corpus to recognise its folder.

    Parameters
    ----------
    root : Path
    pattern : re.Pattern
        Pattern of the complete name.
    most : int
        Folders in the root to yield.
    """
    if pattern.fullmatch(root.absolute().name):
        yield root
    names = some_names(root, _MOST_NAMES)
    yield from islice((root / name for name in names if pattern.fullmatch(name)), most)


def _edf_files(root: Path, left_out: list[LeftOut], others: Mapping[str, str]) -> Iterator[Path]:
    """Yield regular files; other entries named like EDF files are excluded with a reason."""
    seen = set()
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            known = os.stat(folder)
            if (inode := (known.st_dev, known.st_ino)) in seen:
                continue  # a link to a parent folder, or to one listed already
            seen.add(inode)
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError as error:
            left_out.append(_left_out(folder, root, f"folder cannot be read: {error.strerror}"))
            continue
        below = []
        for entry in entries:
            if entry.name.startswith("."):
                continue  # hidden, such as those of macOS beside real files
            if _is_folder(entry):
                below.append(entry)
            elif entry.name.lower().endswith(".edf"):
                if why_not := _why_not(entry):
                    left_out.append(_left_out(entry.path, root, why_not))
                else:
                    yield Path(entry.path)
            elif others and (reason := others.get(os.path.splitext(entry.name)[1].lower())):
                left_out.append(_left_out(entry.path, root, reason))
        for entry in sorted(below, key=lambda entry: entry.name, reverse=True):
            if is_utf8(entry.name):
                waiting.append(entry.path)
            else:
                left_out.append(_left_out(entry.path, root, f"folder's {_NOT_UTF8}"))


_NOT_UTF8 = "name is not UTF-8; rename it"


def is_utf8(name: str) -> bool:
    """Return whether a name from the file system can be encoded as text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a broken link


def _why_not(entry: "os.DirEntry[str]") -> str:
    """Return why an entry named like an EDF file is excluded; empty if it is not."""
    try:
        regular = entry.is_file()
    except OSError:
        regular = False
    if not regular:
        return f"{irregular(entry.path) or 'changed while it was listed'}, not a regular file"
    return "" if is_utf8(entry.name) else f"file {_NOT_UTF8}"


def _left_out(path: str, root: Path, reason: str) -> LeftOut:
    return LeftOut(printable(Path(path).relative_to(root).as_posix()), reason, "failed")
