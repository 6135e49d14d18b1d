"""Where there is no store, those near it are named."""

import os
from pathlib import Path

import pytest

import tuszstore
from tests.cli.runner import run
from tuszstore.errors import StoreError


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what looks like stores from outside."""
    folder = tmp_path / "demo" / "stores"
    for name in ("dev", "eval", "train"):
        (folder / f"{name}.zarr").mkdir(parents=True)
        (folder / f"{name}.zarr" / "zarr.json").write_text("{}")
    (folder / "broken.zarr").mkdir()
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tran.zarr", "train.zarr, D/eval.zarr, D/dev.zarr"),
        ("evl.zarr", "eval.zarr"),
        ("train", "train.zarr"),
    ],
)
def test_stores_beside_are_named_nearest_first(stores: Path, name: str, told: str) -> None:
    expected = f"here, but beside it: demo/stores/{told.replace('D', 'demo/stores')}"
    with pytest.raises(StoreError, match=expected):
        tuszstore.open(stores / name)
    for command in ("info", "status", "verify"):
        assert expected in run(command, stores / name).stderr


def test_without_stores_the_command_to_build_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here; build one with: tuszstore build"):
        tuszstore.open(tmp_path / "train.zarr")
    with pytest.raises(StoreError, match="no store here; build one with: tuszstore build"):
        tuszstore.open(tmp_path / "no" / "folder" / "train.zarr")


@pytest.mark.parametrize("folder", ["demo", "."])
def test_stores_below_a_folder_are_named(stores: Path, folder: str) -> None:
    told = (
        ", but stores are below it: demo/stores/dev.zarr, demo/stores/eval.zarr, "
        "demo/stores/train.zarr"
    )
    assert f"not a store of tuszstore{told}" in run("info", folder).stderr
    assert f"no store or unfinished build here{told}" in run("status", folder).stderr


def test_the_search_is_bounded(
    stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b" / "demo").mkdir(parents=True)
    stores.parent.rename(tmp_path / "a" / "b" / "demo" / "demo")
    for number in range(200):
        (tmp_path / "a" / f"n{number}" / "inner").mkdir(parents=True)
    listed = []
    plain = os.scandir

    def counted(path: object) -> object:
        listed.append(path)
        return plain(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", counted)
    with pytest.raises(StoreError, match=r"not a store of tuszstore$"):
        tuszstore.open(tmp_path)
    assert 0 < len(listed) < 300
