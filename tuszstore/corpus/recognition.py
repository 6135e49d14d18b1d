"""Recognising the corpus of a folder.

Each corpus is asked for the folder and for the folders in it, so that a mix of corpora is noticed
whatever its folders are called: as one corpus, the recordings of the others would be unlabelled.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tuszstore.corpus.bids_files import NOT_RAW
from tuszstore.errors import ConfigError, CorpusError
from tuszstore.registry import CORPORA
from tuszstore.store.place import shown_path
from tuszstore.text import printable

FOLDER = "folder"
"""The corpus of a folder that no other corpus recognises."""

MOST_FOLDERS = 64
"""Folders in a folder that are examined: the first by name."""

_MOST_NAMES = 4096
_BIDS = "bids"


@dataclass(frozen=True)
class Recognised:
    """How a folder was recognised.

    Attributes
    ----------
    name : str
        Name of the corpus.
    reason : str
    """

    name: str
    reason: str


@dataclass(frozen=True)
class _Below:
    """A corpus that recognises a folder in the root."""

    folder: Path
    reason: str


def recognise(root: Path) -> Recognised:
    """Return the corpus of a folder; ``folder`` if none recognises it.

    Parameters
    ----------
    root : Path

    Raises
    ------
    CorpusError
        If several corpora are in it, or a plug-in fails.
    """
    here = recognised_here(root)
    below = _recognised_below(root, here)
    if len(here) + len(below) > 1:
        raise CorpusError(_several(root, here, below))
    if here:
        ((name, reason),) = here.items()
        return Recognised(name, reason)
    for name, one in below.items():
        if getattr(CORPORA[name], "nested", False):
            return Recognised(name, f"in {printable(one.folder.name)}, {one.reason}")
    return Recognised(FOLDER, "no other corpus recognises the folder")


def recognised_here(root: Path, skipped: Collection[str] = ()) -> dict[str, str]:
    """Return the corpora that recognise a folder as their root, with reasons.

    Parameters
    ----------
    root : Path
    skipped : collection of str
        Corpora that are not asked.

    Raises
    ------
    CorpusError
        If a plug-in fails.
    """
    reasons = {}
    for name in CORPORA:
        if name == FOLDER or name in skipped:
            continue
        try:
            reason = CORPORA[name].recognises(root)
        except OSError:
            continue  # errors of the folder are reported when it is listed
        except ConfigError:
            raise
        except Exception as error:
            raise CorpusError(
                f"corpus {name!r}: recognises() failed at {root}: {type(error).__name__}: {error}"
            ) from error
        if reason:
            reasons[name] = str(reason)
    return reasons


def folders_in(root: Path) -> list[Path]:
    """Return the first folders in a folder by name, without hidden ones and stores.

    At most :data:`MOST_FOLDERS`; none if the folder cannot be read.
    """
    try:
        with os.scandir(root) as entries:
            names = sorted(_folder_names(entries))
    except OSError:
        return []
    return [root / name for name in names[:MOST_FOLDERS]]


def _folder_names(entries: Iterator["os.DirEntry[str]"]) -> Iterator[str]:
    for entry in islice(entries, _MOST_NAMES):
        if not entry.name.startswith(".") and not entry.name.endswith(".zarr"):
            try:
                is_folder = entry.is_dir()
            except OSError:
                continue  # a broken link
            if is_folder:
                yield entry.name


def _recognised_below(root: Path, here: Collection[str]) -> dict[str, _Below]:
    """Return the corpora that recognise folders in a folder, without those that recognise it."""
    below: dict[str, _Below] = {}
    for folder in folders_in(root):
        if _BIDS in here and folder.name in NOT_RAW:
            continue  # such as the original of a conversion, which is not read
        for name, reason in recognised_here(folder, {*here, *below}).items():
            below[name] = _Below(folder, reason)
    return dict(sorted(below.items()))


def _several(root: Path, here: dict[str, str], below: dict[str, _Below]) -> str:
    """Return the message that several corpora are in a folder."""
    told = [f"{name} ({reason})" for name, reason in here.items()]
    told += [
        f"{name} (in {printable(one.folder.name)}, {one.reason})" for name, one in below.items()
    ]
    folders = sorted({printable(shown_path(one.folder)) for one in below.values()})
    if here or len(folders) < len(below):
        ways = f"Choose one: {' or '.join(f'--corpus {name}' for name in [*here, *below])}"
    else:
        ways = f"Build each by itself: {' or '.join(f'--data {one}' for one in folders)}"
    return f"{root}: several corpora recognise this folder: {'; '.join(told)}. {ways}"
