"""Recomputing the checksums of a store that another tool has rewritten."""

import os
import shutil
from pathlib import Path

from tuszstore.builder.lock import locked
from tuszstore.errors import StoreError
from tuszstore.integrity.contents import Contents, read_document
from tuszstore.integrity.report import Check
from tuszstore.integrity.root import read_root
from tuszstore.integrity.shards import shard_columns
from tuszstore.integrity.structure import check_tables
from tuszstore.store.agreement import check_channels, check_meaning
from tuszstore.store.create import finish, write_table
from tuszstore.store.files import read_file
from tuszstore.store.find import local_folder
from tuszstore.store.limits import check_arrays
from tuszstore.store.place import MAX_METADATA, ROOT
from tuszstore.store.schema import TABLES, stored_variables, variables
from tuszstore.store.shard import write_atomically


def reseal(path: str | os.PathLike[str]) -> Path:
    """Recompute all digests of a store, after another tool has rewritten parts of it.

    The current content is assumed to be correct: only the consistency of arrays and spec
    is checked. Verify the store afterwards.

    Parameters
    ----------
    path : path
        ``<root>/<split>.zarr``.

    Returns
    -------
    Path
        Of the store.

    Raises
    ------
    StoreError
        If its parts are inconsistent; it is then unchanged.
    """
    place = local_folder(path, "tuszstore verify --reseal").resolve()
    with locked(place):
        before, contents = read_file(place / ROOT, MAX_METADATA), read_root(place)
        names = [file.parent.relative_to(place).as_posix() for file in sorted(place.rglob(ROOT))]
        for variable in stored_variables(names):
            if variable.required or (place / variable.path / ROOT).exists():
                contents.documents[variable.path] = read_document(place / variable.path)
        check_arrays(place, contents.documents, contents.spec)
        check_meaning(place, contents.documents, contents.spec)
        _check_columns(contents)
        recordings = contents.table("recordings")
        assert recordings is not None  # a missing table was rejected above
        if not _has_shards_of_spec(contents):
            shutil.rmtree(place / "shards", ignore_errors=True)  # it described other files
        elif variables("shards")[0].path in contents.documents:
            write_table(place, "shards", shard_columns(place, recordings, contents.spec))
        try:
            finish(place, contents.spec, contents.attributes)
        except BaseException:
            write_atomically(place / ROOT, before)
            raise
    return place


def _has_shards_of_spec(contents: Contents) -> bool:
    """Return whether the signal has shards of the length in spec, and not other chunks."""
    grid = contents.documents["signal"].get("chunk_grid", {}).get("configuration", {})
    return list(grid.get("chunk_shape", ()))[:1] == [contents.spec.shard]


def _check_columns(contents: Contents) -> None:
    check = Check("tables")
    check_tables(contents, check)
    if check.findings:
        raise StoreError(f"{contents.path}: cannot be resealed: {check.findings[0]}")
    if lost := [name for name in TABLES if contents.table(name) is None]:
        raise StoreError(
            f"{contents.path}: cannot be resealed: {lost[0]} has columns of other rows"
        )
    check_channels(contents.path, contents.columns["channel"], contents.spec)
