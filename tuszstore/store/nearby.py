"""Stores near a path or URL where there is none, for messages."""

import difflib
import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tuszstore.store.place import ROOT, shown_path
from tuszstore.text import printable

_ENTRIES = 500
"""Entries of a folder that are read."""

_FOLDERS = 50
"""Folders in a folder that are searched."""

_NAMED = 4
"""Stores that a message names."""

BEGUN = "build.json"
"""The note of a build in its folder."""

_BUILDING = ".building"

_APPEND = "; of a store root, append a store's name, such as {}/train.zarr"

_BUILD = "tuszstore build --split train --data CORPUS --store ROOT"


def build_folder(store: Path) -> Path:
    """Return the folder in which a store is built, beside it."""
    return store.parent / f".{store.name}{_BUILDING}"


def no_store(path: Path, what: str = "store") -> str:
    """Return a message that there is nothing at a path, with the stores near it.

    Parameters
    ----------
    path : Path
    what : str
        What is missing.
    """
    if (build_folder(path) / BEGUN).is_file():
        return f"no {what} here, but {_unfinished([build_folder(path)])}"
    if within := _within(path):
        return f"no {what} here{within}"
    if beside := _stores_in(path.parent):
        names = _by_likeness((one.name for one in beside), path.name)
        return f"no {what} here, but beside it: {_listed([path.parent / one for one in names])}"
    return f"no {what} here; build one with: {_BUILD}"


def no_remote_store(url: str, inside: Sequence[str], beside: Sequence[str]) -> str:
    """Return a message that there is no store at a URL.

    Parameters
    ----------
    url : str
    inside, beside : sequence of str
        Names of the stores directly below and beside it, where these are known.
    """
    if inside:
        names = ", ".join(map(printable, inside[:_NAMED]))
        more = " and others" if inside[_NAMED:] else ""
        return f"no store here, but a store root ({names}{more}); give one: {url}/{inside[0]}"
    name = url.rpartition("/")[2]
    if beside:
        near = _by_likeness(beside, name)
        more = f" and {len(near) - _NAMED} more" if near[_NAMED:] else ""
        return f"no store here, but beside it: {', '.join(map(printable, near[:_NAMED]))}{more}"
    append = "" if name.endswith(".zarr") else _APPEND.format(url)
    return f"no store here{append}; build one with: {_BUILD} and copy it there"


async def list_stores(objects: Any, prefix: str) -> list[str]:
    """Return the names of the stores directly below a prefix of an obstore store, sorted."""
    found = await objects.list_with_delimiter_async(prefix or None)
    names = (str(one).rstrip("/").rpartition("/")[2] for one in found["common_prefixes"])
    return sorted(name for name in names if name.endswith(".zarr"))


def not_a_store(path: Path | str) -> str:
    """Return a message that a folder is not a store, with the stores in it, if any.

    Parameters
    ----------
    path : Path or str
        A folder, or a URL, which is not listed.
    """
    return f"not a store of tuszstore{_within(path) if isinstance(path, Path) else ''}"


def _within(path: Path) -> str:
    """Return the end of a message: which stores are in a folder; empty if there are none."""
    if inside := _stores_in(path):
        names = ", ".join(printable(one.name) for one in inside[:_NAMED])
        more = " and others" if inside[_NAMED:] else ""
        return f", but a store root ({names}{more}); give one: {printable(str(inside[0]))}"
    if begun := [one for one in _entries(path) if _is_begun(one)]:
        return f", but a folder with {_unfinished(begun)}"
    folders = _folders_in(path)
    for level in (folders, [inner for folder in folders for inner in _folders_in(folder)]):
        if below := [store for folder in level[:_FOLDERS] for store in _stores_in(folder)]:
            return f", but stores are below it: {_listed(below)}"
    return ""


def _by_likeness(names: Iterable[str], name: str) -> list[str]:
    """Return names, the most similar to another one first."""
    matcher = difflib.SequenceMatcher(b=name)

    def likeness(one: str) -> float:
        matcher.set_seq1(one)
        return matcher.ratio()

    return sorted(names, key=likeness)[::-1]


def _is_begun(folder: Path) -> bool:
    return folder.name.endswith(_BUILDING) and (folder / BEGUN).is_file()


def _unfinished(folders: list[Path]) -> str:
    """Return which builds are unfinished, and how to resume them."""
    names = ", ".join(printable(one.name) for one in folders[:_NAMED])
    more = " and others" if folders[_NAMED:] else ""
    store = folders[0].with_name(folders[0].name.removesuffix(_BUILDING).removeprefix("."))
    return (
        f"{'unfinished builds' if folders[1:] else 'an unfinished build'} ({names}{more}): rerun "
        f"the build to resume; what is left: tuszstore status {printable(shown_path(store))}"
    )


def _listed(stores: list[Path]) -> str:
    more = f" and {len(stores) - _NAMED} more" if stores[_NAMED:] else ""
    return ", ".join(printable(shown_path(store)) for store in stores[:_NAMED]) + more


def _stores_in(folder: Path) -> list[Path]:
    """Return the stores in a folder, sorted."""
    named = (one for one in _entries(folder) if one.suffix == ".zarr")
    return [one for one in named if (one / ROOT).is_file()]


def _folders_in(folder: Path) -> list[Path]:
    """Return some visible folders in a folder, sorted."""
    visible = (one for one in _entries(folder) if not one.name.startswith("."))
    return list(islice((one for one in visible if one.is_dir()), _FOLDERS))


def _entries(folder: Path) -> list[Path]:
    """Return some entries of a folder, sorted; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in islice(entries, _ENTRIES))
    except OSError:
        return []
