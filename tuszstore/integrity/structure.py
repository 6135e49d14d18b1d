"""Checks of arrays, files and tables: whether the parts of a store exist and match."""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.integrity.contents import Contents, read_document
from tuszstore.integrity.report import Check, Mend
from tuszstore.reasons import plural
from tuszstore.store.agreement import FOR_PEOPLE, OF_STORE, check_meaning, differences
from tuszstore.store.content import content_digest
from tuszstore.store.create import label_options, signal_options
from tuszstore.store.digests import digests_of, file_digests
from tuszstore.store.encoding import CODECS, Encoding
from tuszstore.store.limits import check_arrays
from tuszstore.store.place import ROOT
from tuszstore.store.schema import (
    VARIABLES,
    groups_of,
    stored_variables,
    variable_at,
)
from tuszstore.store.shard import LABEL_CHUNKS, SIGNAL_CHUNKS, shard_number
from tuszstore.store.spec import StoreSpec
from tuszstore.store.writing import column_document

_MEND: dict[str, Mend] = {
    "channel": "metadata", "windows": "index", "events": "events", "recordings": "build",
    "shards": "shards", "left_out": "build",
}  # fmt: skip

METADATA = "metadata"
"""Name for the metadata of all groups and arrays."""


def mend_of(array: str) -> Mend:
    """Return what repairs the values of a column or table."""
    return _MEND.get(array.partition("/")[0], "build")


def check_digests(contents: Contents, check: Check, damaged: set[str]) -> None:
    """Check the digests of metadata and tables, except those known to be damaged.

    Parameters
    ----------
    contents : Contents
    check : Check
    damaged : set of str
        Damaged tables, and ``metadata``.
    """
    if not contents.sealed:
        check.covered = "nothing: there are none"
        return
    recorded, found = digests_of(contents.attributes), file_digests(contents.path)
    check.covered = plural(len(recorded), "file")
    changed: dict[str, list[str]] = {}
    for name in sorted(recorded.keys() | found.keys()):
        if name not in recorded and "/" not in name:
            continue  # in no group: reported by the check for unexpected files
        part = _part_of(name)
        if found.get(name) != recorded.get(name) and part not in damaged:
            changed.setdefault(part, []).append(name)
    if changed and not contents.sound and _is_content(contents):
        # the root was changed, but the tables match the digest in its attributes, so the digests
        # are wrong
        told = ", ".join(sorted(changed))
        check.add(f"the root has other digests of {told}", "metadata", file=ROOT)
        return
    for part, names in changed.items():
        mend: Mend = "metadata" if part == METADATA else mend_of(part)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        check.add(f"was changed, added or removed{more}", mend, array=part, file=names[0])


def _part_of(name: str) -> str:
    """Return the part of a store to which a file belongs: metadata, or a table."""
    return METADATA if name.endswith(ROOT) else name.partition("/")[0]


def _is_content(contents: Contents) -> bool:
    """Return whether the tables match the digest in the root's attributes."""
    attributes = contents.attributes
    if not contents.complete_tables():
        return False
    split = str(attributes.get("split"))
    found = content_digest(split, contents.spec, contents.columns.get)
    return found == attributes.get("content_digest")


def check_schema(contents: Contents, check: Check, notes: list[str] | None = None) -> None:
    """Check every array's metadata against the schema, and the root's copy of it.

    Parameters
    ----------
    contents : Contents
    check : Check
    notes : list of str, optional
        Gets notes on unknown features, which are ignored.
    """
    path = contents.path
    copies = contents.root.get("consolidated_metadata")
    inside = copies.get("metadata") if isinstance(copies, dict) else None
    if not isinstance(inside, dict):
        check.add("lacks the metadata of the arrays", "metadata", file=ROOT)
        inside = {}
    # the copy may be damaged, so arrays on disk are known too
    there = [file.parent.relative_to(path).as_posix() for file in path.glob(f"derived/*/*/{ROOT}")]
    known = [
        variable
        for variable in stored_variables([*inside, *there])
        if variable.required or variable.path in inside or (path / variable.path).exists()
    ]
    groups = groups_of(known)
    nodes = [*groups, *(variable.path for variable in known)]
    check.covered = f"{len(known)} arrays and {len(groups) + 1} groups"
    documents = {}
    for name in nodes:
        file = f"{name}/{ROOT}"
        try:
            documents[name] = read_document(path / name)
        except StoreError as error:
            check.add(str(error), "metadata", array=name, file=file)
            continue
        if differences(documents[name], inside.get(name)):
            check.add("differs from the root's copy of it", "metadata", array=name, file=file)
    if (unknown := sorted(set(inside) - set(nodes))) and notes is not None:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        notes.append(f"has unknown arrays or groups: {', '.join(unknown[:5])}{more}")
    for variable in known:
        document = documents.get(variable.path)
        if document is None:
            continue
        where: dict[str, Any] = {"array": variable.path, "file": f"{variable.path}/{ROOT}"}
        try:
            # sizes first: they decide whether the rest may be checked
            check_arrays(path, {variable.path: document}, contents.spec, [variable])
            problems = list(_differences(json.dumps(document), contents.spec, variable.path))
        except StoreError as error:
            problems = [str(error).removeprefix(f"{path}: {variable.path} ")]
        for problem in problems:
            check.add(problem, "metadata", **where)
        if not problems:
            contents.documents[variable.path] = document
    _check_shapes(contents, check)
    if {"signal", "label"} <= contents.documents.keys():
        _check_meaning(contents, inside, check)


def _check_meaning(contents: Contents, copies: Mapping[str, Any], check: Check) -> None:
    """Check that signal and labels agree with the spec, which readers also require."""
    try:
        check_meaning(contents.path, contents.documents, contents.spec)
    except StoreError as error:
        array = "label" if f"{error}".startswith(f"{contents.path}: label ") else "signal"
        told = str(error).removeprefix(f"{contents.path}: {array} ").partition(";")[0]
        differs = differences(contents.documents[array], copies.get(array))
        mend: Mend = "metadata" if differs else "build"
        check.add(told, mend, array=array, file=f"{array}/{ROOT}")


@lru_cache(maxsize=4 * len(VARIABLES))  # stores of one build have nearly equal metadata
def _differences(text: str, spec: StoreSpec, array: str) -> tuple[str, ...]:
    """Return how an array's metadata differs from that of a build, both as parsed by zarr."""
    document = json.loads(text)
    try:
        encoding = Encoding.of_array(document) if array == "signal" else None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return (f"has an encoding that cannot be read: {type(error).__name__}: {error}",)
    if encoding and encoding.codec not in CODECS:
        return (f"has the codec {encoding.codec!r:.80}, but a build writes {', '.join(CODECS)}",)
    try:
        found = _understood(text)
    except Exception as error:  # zarr-python may raise anything on unknown metadata
        return (f"has metadata that zarr cannot read: {type(error).__name__}: {error}",)
    expected = dict(_expected(spec, encoding, tuple(document["shape"]), array))
    for metadata in (found, expected):
        metadata["attributes"] = {
            name: value
            for name, value in metadata["attributes"].items()
            if name not in (*OF_STORE, *FOR_PEOPLE)
        }
    return tuple(
        f"{key} is {_text(found.get(key)):.200}, not {_text(value):.200}"
        for key, value in expected.items()
        if _text(found.get(key)) != _text(value)
    )


@lru_cache(maxsize=2 * len(VARIABLES))
def _expected(
    spec: StoreSpec, encoding: Encoding | None, shape: tuple[int, ...], array: str
) -> dict[str, Any]:
    """Return the metadata that this version of tuszstore writes for an array."""
    import zarr
    from zarr.storage import MemoryStore

    if encoding is None and array != "label":
        return _understood(json.dumps(column_document(variable_at(array), shape)))
    options = (
        signal_options(spec, encoding, shape[0]) if encoding else label_options(spec, shape[0])
    )
    made: Any = zarr.create_array(MemoryStore(), **options, zarr_format=3)
    document: dict[str, Any] = made.metadata.to_dict()
    return document


def _understood(text: str) -> dict[str, Any]:
    """Return the metadata of an array as parsed by zarr-python."""
    import zarr
    from zarr.buffer.cpu import Buffer
    from zarr.storage import MemoryStore

    store = MemoryStore({ROOT: Buffer.from_bytes(text.encode())})
    opened: Any = zarr.open_array(store, mode="r")
    document: dict[str, Any] = opened.metadata.to_dict()
    return document


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _check_shapes(contents: Contents, check: Check) -> None:
    """Check that arrays agree in their numbers of blocks, windows, recordings and so on."""
    sizes: dict[tuple[str, str], dict[int, list[str]]] = {}
    for path, document in contents.documents.items():
        variable = variable_at(path)
        for dim, size in zip(variable.dims, document["shape"], strict=True):
            own = variable.group if dim == "derivation" else ""
            sizes.setdefault((own, dim), {}).setdefault(size, []).append(path)
    for (_, dim), found in sizes.items():
        if len(found) > 1:
            told = ", ".join(f"{size} in {names[0]}" for size, names in found.items())
            odd = min(found.values(), key=len)[0]  # the minority is at fault
            mend = "metadata" if variable_at(odd).group == "" else mend_of(odd)
            check.add(f"arrays differ in their number of {dim}s: {told}", mend, array=odd)


def check_files(contents: Contents, check: Check) -> None:
    """Find links, special files, and unexpected files."""
    path = contents.path
    count = 0
    names = [folder.relative_to(path).as_posix() for folder in path.glob("derived/*/*")]
    variables = stored_variables(names)
    known = {ROOT, *(f"{name}/{ROOT}" for name in groups_of(variables))}
    known |= {f"{variable.path}/{ROOT}" for variable in variables}
    chunks = {f"{variable.path}/c" for variable in variables if "block" not in variable.dims}
    if contents.sound:
        known |= digests_of(contents.attributes).keys()
    recordings = contents.table("recordings")
    owners = recordings and _Owners(
        recordings["first_block"], recordings["n_blocks"], contents.geometry.shard
    )
    for folder, folders, files in os.walk(path):
        for name in [*files, *(name for name in folders if Path(folder, name).is_symlink())]:
            count += 1
            place = Path(folder, name)
            file = place.relative_to(path).as_posix()
            if place.is_symlink():
                check.add("is a link; a store must not contain links", "stray", file=file)
            elif not place.is_file():
                check.add("is not a file", "stray", file=file)
            elif file in known or (owners and owners.own(file)):
                continue
            elif file.partition("/c/")[0] + "/c" in chunks:
                continue  # in a table: unexpected files are found by its digest
            elif owners or not file.startswith((SIGNAL_CHUNKS, LABEL_CHUNKS)):
                check.add("unexpected file", "stray", file=file)
    check.covered = plural(count, "file")


class _Owners:
    """Assignment of shards to recordings.

    Parameters
    ----------
    first, count : ndarray of int64, shape (recording,)
        First block and number of blocks of each recording.
    shard : int
        Blocks of a shard.
    """

    def __init__(self, first: NDArray[Any], count: NDArray[Any], shard: int) -> None:
        order = np.argsort(first, kind="stable")
        self._first = first[order] // shard
        self._stop = -(-(first + count)[order] // shard)

    def own(self, file: str) -> bool:
        """Return whether a file is a shard, or the labels of one, that some recording has."""
        number = shard_number(file)
        if number is None:
            return False
        at = int(np.searchsorted(self._first, number, "right")) - 1
        return at >= 0 and number < int(self._stop[at])


def check_tables(contents: Contents, check: Check) -> None:
    """Read every column, and check that rows and ranges are consistent."""
    n_rows = 0
    for array in contents.documents:
        variable = variable_at(array)
        if "block" in variable.dims:
            continue
        try:
            contents.columns[array] = contents.load(array)
            n_rows += len(contents.columns[array]) if variable.dims[0] != "mask" else 0
        except StoreError as error:
            check.add(str(error), mend_of(array), array=array, file=f"{array}/c")
    check.covered = f"{len(contents.columns)} columns, {n_rows:,} rows"
    names = contents.spec.channel_names
    if tuple(contents.columns.get("channel", names)) != names:
        check.add(f"are not {', '.join(names[:32])}", "metadata", array="channel")
    recordings = contents.table("recordings")
    if recordings is None:
        return
    _check_recordings(contents, recordings, check)
    _check_references(contents, len(recordings["id"]), check)


def _check_recordings(
    contents: Contents, recordings: Mapping[str, NDArray[Any]], check: Check
) -> None:
    geometry = contents.geometry
    n_samples, n_blocks = recordings["n_samples"].tolist(), recordings["n_blocks"].tolist()
    n_windows = recordings["n_windows"].tolist()
    ids = recordings["id"].tolist()
    total = contents.documents.get("signal", {}).get("shape", [None])[0]
    next_block, next_window = 0, 0
    for row, id_ in enumerate(ids):
        where: dict[str, Any] = {"recording": id_, "row": row, "array": "recordings"}
        if n_samples[row] < 1:
            check.add(f"has {n_samples[row]} samples", "build", **where)
            continue
        if n_blocks[row] != geometry.n_blocks(n_samples[row]):
            check.add(
                f"{n_samples[row]} samples do not match {n_blocks[row]} blocks", "build", **where
            )
        if n_windows[row] != geometry.n_windows(n_samples[row]):
            check.add(
                f"{n_samples[row]} samples do not match {n_windows[row]} windows", "build", **where
            )
        first = int(recordings["first_block"][row])
        if first % geometry.shard or first < next_block:
            check.add(f"first_block {first} is inside another recording's shards", "build", **where)
        next_block = first + geometry.n_shards(n_samples[row]) * geometry.shard
        if total is not None and next_block > total:
            check.add("its blocks are past the end of signal", "build", **where)
        if int(recordings["first_window"][row]) != next_window:
            check.add(f"first_window is not {next_window}", "build", **where)
        next_window += n_windows[row]
    if len(set(ids)) < len(ids):
        check.add("an id is repeated", "build", array="recordings/id")
    windows = contents.documents.get("windows/recording")
    if windows is not None and windows["shape"][0] != next_window:
        check.add(
            f"{windows['shape'][0]} windows, but the recordings have {next_window}",
            "index",
            array="windows",
        )


def _check_references(contents: Contents, n_recordings: int, check: Check) -> None:
    for name in ("events", "windows"):
        column = contents.columns.get(f"{name}/recording")
        if column is None:
            continue
        if len(column) and not (int(column.min()) >= 0 and int(column.max()) < n_recordings):
            check.add("refers to a recording that does not exist", mend_of(name), array=name)
        elif (np.diff(column) < 0).any():
            check.add("is not in the order of recordings", mend_of(name), array=name)
