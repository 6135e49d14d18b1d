"""Columns, and the copy of all metadata, are what zarr-python writes for the same values."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from tuszstore.errors import StoreError
from tuszstore.store import writing
from tuszstore.store.columns import read_column
from tuszstore.store.local import LocalPlace
from tuszstore.store.schema import VARIABLES, Variable
from tuszstore.store.writing import consolidated, require_group, update_attributes, write_column


def write_with_zarr(folder: Path, variable: Variable, values: NDArray[Any], rows: int) -> None:
    is_string = variable.dtype == "string"
    dtype = np.dtypes.StringDType() if is_string else np.dtype(variable.dtype)
    array = zarr.create_group(folder, zarr_format=3).create_array(
        variable.path,
        shape=values.shape,
        dtype=dtype,
        chunks=(*(max(1, n) for n in values.shape[:-1]), max(1, min(rows, values.shape[-1]))),
        compressors=[ZstdCodec(level=3), Crc32cCodec()],
        dimension_names=variable.dims,
        attributes={"comment": variable.comment, **variable.attributes},
        config={"write_empty_chunks": True},
    )
    if values.size:
        array[...] = values.astype(dtype)


def files(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            content = file.read_bytes()
            found[name] = json.loads(content) if file.name == "zarr.json" else content
    return found


def some(variable: Variable, n_rows: int) -> NDArray[Any]:
    rng = np.random.default_rng(n_rows)
    shape = (*(3 for _ in variable.dims[:-1]), n_rows)
    if variable.dtype == "string":
        texts = ["", "a", "Zürich/脳波.edf", "x" * 300]
        return np.array(texts, object)[rng.integers(0, 4, shape)]
    return rng.integers(0, 2 if variable.dtype == "bool" else 100, shape).astype(variable.dtype)


KINDS = {(v.dtype, len(v.dims)): v for v in VARIABLES if v.dtype and "block" not in v.dims}


@pytest.mark.parametrize("n_rows", [0, 1, 10, 11])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_zarr_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: tuple[str, int], n_rows: int
) -> None:
    monkeypatch.setattr(writing, "CHUNK", 5)
    variable = KINDS[kind]
    values = some(variable, n_rows)
    write_with_zarr(tmp_path / "zarr", variable, values, 5)
    for _ in range(2):  # the second time in the place of the first
        write_column(tmp_path / "own", variable, values)
    expected, found = (files(tmp_path / by / variable.path) for by in ("zarr", "own"))
    assert found.keys() == expected.keys()
    assert {n: found[n] for n in found if n != "zarr.json"} == {
        n: expected[n] for n in expected if n != "zarr.json"
    }
    ours: Any = zarr.open_array(tmp_path / "own" / variable.path, mode="r")
    theirs: Any = zarr.open_array(tmp_path / "zarr" / variable.path, mode="r")
    assert ours.metadata == theirs.metadata
    np.testing.assert_array_equal(np.asarray(ours[...]).astype(object), values.astype(object))


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=20))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("texts")
    variable = Variable("recordings/id", ("recording",), "string", "")
    write_column(path, variable, np.array(texts, object))
    document = json.loads((path / "recordings/id/zarr.json").read_bytes())
    assert read_column(LocalPlace(path), "recordings/id", document).tolist() == texts


def test_groups_and_attributes(tmp_path: Path) -> None:
    zarr.create_group(tmp_path / "zarr", zarr_format=3).create_group("derived/tcp_a")
    (tmp_path / "own").mkdir()
    for _ in range(2):
        require_group(tmp_path / "own", "derived/tcp_a")
    expected = files(tmp_path / "zarr")
    del expected["zarr.json"]  # of the root
    assert files(tmp_path / "own") == expected
    folder = tmp_path / "own" / "derived"
    update_attributes(folder, {"a": 1, "b": [2]})
    update_attributes(folder, {"a": 3})
    assert dict(zarr.open_group(folder, mode="r").attrs) == {"a": 3, "b": [2]}


@pytest.mark.filterwarnings("ignore::UserWarning")  # of zarr, about what it does not list
def test_the_copy_is_that_of_zarr(own_store: Path) -> None:
    group = zarr.open_group(own_store, mode="r+", use_consolidated=False)
    nested = group.create_group("Notes/ﬁrst/ß").create_array("Z", shape=3, dtype="int8")
    nested.attrs["unit"] = "µV"
    group.create_array("notes2", shape=(2, 0), dtype="float32", fill_value=np.nan)
    for folder in ("Notes/no group", "notes2/c"):  # zarr lists what is there of neither
        stray = own_store / folder / "inside"
        stray.mkdir(parents=True)
        (stray / "zarr.json").write_text((own_store / "notes2" / "zarr.json").read_text())
    (own_store / "Notes" / ".zgroup").write_text('{"zarr_format": 2}')
    copy = consolidated(own_store)
    zarr.consolidate_metadata(str(own_store), zarr_format=3)
    expected = json.loads((own_store / "zarr.json").read_bytes())["consolidated_metadata"]
    assert copy == expected
    assert list(copy["metadata"]) == list(expected["metadata"])


def test_metadata_that_is_no_json_is_named(own_store: Path) -> None:
    (own_store / "notes").mkdir()
    (own_store / "notes" / "zarr.json").write_text("{")
    with pytest.raises(StoreError, match=r"notes/zarr\.json"):
        consolidated(own_store)
