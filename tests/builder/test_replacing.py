"""A store of another corpus is not replaced by accident; other builds go on."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tuszstore
from tests.cli.runner import run
from tests.corpus.edf_files import mark
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import BuildError

CONFIG = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 60}}
REFUSED = (
    r"train\.zarr: is the store of tusz with 3 recordings from .*corpus, and none of them is in "
    r".*other \({}\), which would replace it; choose another folder with --store, or .*--force"
)


def build(corpus: Path, root: Path, config: dict[str, Any] | None = None, **options: Any) -> Any:
    given = {"split": "train", "workers": 0, **options}
    return tuszstore.build({**CONFIG, **(config or {})}, data=corpus, store=root, **given)


def ids(root: Path) -> list[str]:
    return [str(id_) for id_ in tuszstore.open(root / "train.zarr").metadata.recordings["id"]]


def edf_files(corpus: Path) -> list[Path]:
    return sorted((corpus / "edf" / "train").rglob("*.edf"))


@pytest.fixture
def root(own_corpus: Path, tmp_path: Path) -> Path:
    """Folder of a store of `own_corpus`."""
    build(own_corpus, tmp_path / "stores")
    return tmp_path / "stores"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A corpus with other patients."""
    write_corpus(tmp_path / "other", patients=2, files=2, minutes=1, seed=7, quirks=False)
    return tmp_path / "other"


class TestAnotherCorpus:
    @pytest.mark.parametrize("name", ["tusz", "folder"])
    def test_is_refused(self, root: Path, other: Path, name: str) -> None:
        before = ids(root)
        with pytest.raises(BuildError, match=REFUSED.format(name)):
            build(other, root, {"corpus": {"name": name}})
        assert ids(root) == before

    @pytest.mark.parametrize("options", [[], ["--dry-run"]], ids=["build", "dry run"])
    def test_is_refused_by_the_command(
        self, root: Path, other: Path, options: list[object]
    ) -> None:
        result = run("build", "-s", "train", "-d", other, "-o", root, "-w", 0, *options)
        assert result.exit_code == 1
        assert "is the store of tusz with 3 recordings" in result.output

    def test_no_split_is_built_if_the_store_of_one_would_be_replaced(
        self, root: Path, other: Path
    ) -> None:
        result = run("build", "-s", "all", "-d", other, "-o", root, "-w", 0)
        assert result.exit_code == 1
        assert [path.name for path in root.glob("*.zarr")] == ["train.zarr"]

    def test_is_refused_if_its_folder_contains_that_of_the_store(
        self, own_corpus: Path, root: Path, tmp_path: Path
    ) -> None:
        assert own_corpus.parent == tmp_path
        config = {"corpus": {"split_policy": "patient", "name": "folder"}}
        with pytest.raises(BuildError, match="is the store of tusz"):
            build(tmp_path, root, config)

    def test_replaces_with_force(self, root: Path, other: Path) -> None:
        before = ids(root)
        assert build(other, root, force=True).status == "built"
        assert set(ids(root)).isdisjoint(before)


def moved(corpus: Path) -> Path:
    return corpus.rename(corpus.with_name("moved"))


def linked(corpus: Path) -> Path:
    corpus.with_name("link").symlink_to(corpus)
    return corpus.with_name("link")


def with_another_recording(corpus: Path) -> Path:
    first, *others = edf_files(corpus)
    for path in others:
        path.unlink()
    name = "aaaaaaaa_s001_t001"
    for suffix in (".edf", ".csv"):
        shutil.copy(first.with_suffix(suffix), first.with_name(f"{name}{suffix}"))
    mark(first.with_name(f"{name}.edf"), "no copy")
    return moved(corpus)


def with_new_names_only(corpus: Path) -> Path:
    for number, path in enumerate(edf_files(corpus)):
        for suffix in (".edf", ".csv"):
            os.rename(
                path.with_suffix(suffix), path.with_name(f"aaaaaaaa_s001_t{number:03}{suffix}")
            )
    return corpus


def other_files_below(corpus: Path) -> Path:
    with_new_names_only(corpus)
    return corpus / "edf"


class TestTheSameFilesUnderOtherIds:
    """Ids are paths within the folder of data."""

    @pytest.mark.parametrize(
        ("before", "after"), [("", "edf"), ("edf", "")], ids=["below", "above"]
    )
    def test_are_refused_with_the_folder_of_before(
        self, own_corpus: Path, tmp_path: Path, before: str, after: str
    ) -> None:
        root = tmp_path / "stores"
        build(own_corpus / before, root)
        built = ids(root)
        told = rf"train\.zarr: was built from .*; use --data {own_corpus / before}, as the store"
        with pytest.raises(BuildError, match=told):
            build(own_corpus / after, root)
        assert ids(root) == built
        assert build(own_corpus / before, root).status == "unchanged"
        assert build(own_corpus / after, root, force=True).status == "built"
        assert len(ids(root)) == len(built)

    def test_are_refused_by_a_dry_run(self, own_corpus: Path, root: Path) -> None:
        result = run("build", "-s", "train", "-d", own_corpus / "edf", "-o", root, "--dry-run")
        assert result.exit_code == 1
        assert "all 3 recordings would be dropped and built again" in result.output


class TestTheSameCorpus:
    @pytest.mark.parametrize(
        "change", [moved, linked, with_another_recording, with_new_names_only, other_files_below]
    )
    def test_is_built(self, own_corpus: Path, root: Path, change: Callable[[Path], Path]) -> None:
        assert build(change(own_corpus), root).recordings > 0

    def test_is_built_with_pseudonyms_if_no_recording_remains(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TUSZSTORE_PSEUDONYM_KEY", "k" * 40)
        config = {"corpus": {"pseudonymize": True}}
        build(own_corpus, tmp_path / "stores", config)
        again = build(with_new_names_only(moved(own_corpus)), tmp_path / "stores", config)
        assert again.changes["drop"] == 3

    def test_is_built_if_the_store_cannot_be_opened(self, root: Path, other: Path) -> None:
        (root / "train.zarr" / "recordings" / "zarr.json").unlink()
        assert build(other, root).status == "built"
