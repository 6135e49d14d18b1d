"""Repair: what was damaged is as it was built, or the store stays as it was."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import tuszstore
from tuszstore.builder.lock import locked
from tuszstore.builder.reindex import reindex
from tuszstore.cli import main
from tuszstore.corpus.pseudonyms import KEY
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import BuildError, ConfigError
from tuszstore.store.metadata import read_attributes

SMALL = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 40}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(root, patients=3, files=2, minutes=1.2, seed=5, quirks=False)
    return root


@pytest.fixture(scope="module")
def built(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stores")
    return tuszstore.build(SMALL, split="train", data=data, store=root, workers=0).store


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    """A copy of the store that a test may damage."""
    copy = tmp_path / "stores" / "train.zarr"
    shutil.copytree(built, copy)
    return copy


def flip(file: Path, place: int = -9) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 16
    file.write_bytes(content)


def edit(file: Path, key: str, value: Any) -> None:
    document = json.loads(file.read_text())
    document[key] = value
    file.write_text(json.dumps(document))


def damage_copies(path: Path) -> None:
    root = json.loads((path / "zarr.json").read_text())
    root["consolidated_metadata"]["metadata"]["label"]["shape"] = [1, 2]
    (path / "zarr.json").write_text(json.dumps(root))


def copies(path: Path, change: Callable[[Any], object]) -> None:
    """Change the text of the root so that its copies of metadata are others."""
    root = json.loads((path / "zarr.json").read_text())
    change(root["consolidated_metadata"]["metadata"])
    (path / "zarr.json").write_text(json.dumps(root, indent=1))


def in_root(path: Path, old: str, new: str) -> None:
    """Replace the last place of a text in the root's, which lies in its copies of metadata."""
    before, found, after = (path / "zarr.json").read_text().rpartition(old)
    assert found
    (path / "zarr.json").write_text(before + new + after)


def change_digest(path: Path, part: str) -> None:
    root = json.loads((path / "zarr.json").read_text())
    digests = root["attributes"]["digests"]
    digest = digests.get(part) or digests["files"][part]
    other = ("1" if digest[0] == "0" else "0") + digest[1:]
    text = (path / "zarr.json").read_text()
    (path / "zarr.json").write_text(text.replace(digest, other))


def shard_as_link(path: Path) -> None:
    shard = path / "signal/c/0/0/0"
    shard.rename(path.parent / "elsewhere")
    shard.symlink_to(path.parent / "elsewhere")


def behind_metadata(path: Path) -> None:
    (path / "signal" / "zarr.json").unlink()
    flip(path / "signal/c/1/0/0", 100)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a block": lambda p: flip(p / "signal/c/1/0/0", 100),
    "the index of a shard": lambda p: flip(p / "signal/c/1/0/0"),
    "a shard that is gone": lambda p: (p / "signal/c/0/0/0").unlink(),
    "a shard that is a link": shard_as_link,
    "all shards": lambda p: shutil.rmtree(p / "signal" / "c"),
    "labels": lambda p: flip(p / "label/c/0/0"),
    "labels that are gone": lambda p: shutil.rmtree(p / "label" / "c"),
    "a column of the index": lambda p: flip(p / "windows/category/c/0"),
    "the index": lambda p: [shutil.rmtree(p / "windows" / name / "c")
                                for name in ("category", "category_mask", "start_time")],
    "the index's signature": lambda p: edit(p / "windows" / "zarr.json", "attributes", {}),
    "events": lambda p: flip(p / "events/first_sample/c/0"),
    "events and labels": lambda p: [flip(p / "events/bit/c/0"), flip(p / "label/c/0/0")],
    "metadata of an array": lambda p: edit(p / "signal" / "zarr.json", "fill_value", 3),
    "metadata of a column": lambda p: (p / "recordings/id/zarr.json").unlink(),
    "metadata of a group": lambda p: (p / "events" / "zarr.json").write_text("{"),
    "the root's copies of metadata": damage_copies,
    "copies that are none": lambda p: copies(p, lambda c: c.update(signal=[], windows=7)),
    "copies that say nonsense": lambda p: copies(
        p, lambda c: c["signal"].update(codecs=[{"name": "x"}], data_type={"a": []})),
    "a copy that is gone": lambda p: copies(p, lambda c: c.pop("windows/category")),
    "all copies": lambda p: edit(p / "zarr.json", "consolidated_metadata", None),
    "copies that are no JSON": lambda p: in_root(p, '"node_type"', '"node_type'),
    "copies that are no UTF-8": lambda p: flip(p / "zarr.json", -2000),
    "the root's text cut off": lambda p: os.truncate(
        p / "zarr.json", (p / "zarr.json").stat().st_size - 20_000),
    "a copy and a column's metadata": lambda p: [
        copies(p, lambda c: c.pop("signal")), (p / "windows/category/zarr.json").unlink()],
    "the digest of the root": lambda p: change_digest(p, "root"),
    "the digest of the attributes": lambda p: change_digest(p, "attributes"),
    "the digest of recordings": lambda p: change_digest(p, "recordings/id/c/0"),
    "the digest of metadata": lambda p: change_digest(p, "signal/zarr.json"),
    "channels": lambda p: flip(p / "channel/c/0"),
    "a block behind metadata": behind_metadata,
    "strays": lambda p: [(p / name).write_bytes(b"x") for name in ("a", "signal/c/b")],
}  # fmt: skip


class TestRepair:
    @pytest.mark.parametrize("kind", DAMAGE)
    def test_the_store_is_as_it_was(self, path: Path, built: Path, kind: str) -> None:
        DAMAGE[kind](path)
        assert tuszstore.verify(path, deep=True).exit_status == 2
        report = tuszstore.repair(path)
        assert report.status == "repaired"
        verified = tuszstore.verify(path, deep=True)
        assert verified.ok, verified.to_json()
        before, after = (read_attributes(place) for place in (built, path))
        before["digests"].pop("root"), after["digests"].pop("root")  # of a text with these paths
        assert after["content_digest"] == before["content_digest"]
        names = ("recordings/", "windows/", "events/", "left_out/", "channel/")
        expected_files, files = (
            {k: v for k, v in one["digests"]["files"].items() if k.startswith(names)}
            for one in (before, after)
        )
        assert files == expected_files
        expected, store = tuszstore.open(built), tuszstore.open(path)
        np.testing.assert_array_equal(store.windows[:], expected.windows[:])
        np.testing.assert_array_equal(store.labels[:], expected.labels[:])
        assert [entry.name for entry in path.parent.iterdir() if entry.name[0] == "."] in (
            [".train.zarr.lock"],
            [],
        )

    def test_only_the_damaged_recording_is_computed(self, path: Path) -> None:
        flip(path / "signal/c/0/0/0", 50)
        inodes = {f: f.stat().st_ino for f in (path / "signal" / "c").rglob("0") if f.is_file()}
        report = tuszstore.repair(path)
        assert report.rebuilt == [tuszstore.open(path).recordings["id"].values[0]]
        assert report.mended == {"signal": 1}
        n_shards = -(-int(tuszstore.open(path).recordings["n_blocks"].values[0]) // 4)
        changed = [file for file, inode in inodes.items() if file.stat().st_ino != inode]
        assert len(changed) == n_shards

    def test_a_whole_store(self, path: Path) -> None:
        before = (path / "zarr.json").stat()
        assert tuszstore.repair(path).status == "whole"
        assert (path / "zarr.json").stat().st_ino == before.st_ino

    def test_an_open_reader_goes_on(self, path: Path) -> None:
        store = tuszstore.open(path)
        last = store.windows[-1]
        flip(path / "signal/c/0/0/0", 50)
        tuszstore.repair(path)
        np.testing.assert_array_equal(store.windows[-1], last)
        np.testing.assert_array_equal(tuszstore.open(path).windows[-1], last)

    def test_a_corpus_that_moved(self, path: Path, data: Path, tmp_path: Path) -> None:
        moved = tmp_path / "moved"
        shutil.copytree(data, moved)
        hidden = data.with_name("hidden")
        data.rename(hidden)
        try:
            (path / "signal/c/0/0/0").unlink()
            with pytest.raises(BuildError, match="pass its root with --data"):
                tuszstore.repair(path)
            assert tuszstore.repair(path, data=moved).status == "repaired"
        finally:
            hidden.rename(data)

    @pytest.mark.usefixtures("data")
    def test_with_pseudonyms(
        self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(KEY, "a key that nobody guesses")
        config = {**SMALL, "corpus": {"pseudonymize": True}}
        path = tuszstore.build(config, split="train", data=data, store=tmp_path, workers=0).store
        (path / "signal/c/0/0/0").unlink()
        with pytest.raises(BuildError, match="--data"):
            tuszstore.repair(path)
        monkeypatch.setenv(KEY, "another key, just as long")
        with pytest.raises(ConfigError, match="built with another key"):
            tuszstore.repair(path, data=data)
        monkeypatch.setenv(KEY, "a key that nobody guesses")
        tuszstore.repair(path, data=data)
        assert tuszstore.verify(path, deep=True).ok


KILLED = """
import os, sys
import tuszstore.integrity.repair as module
module.publish = lambda *_: os._exit(9)
module.repair(sys.argv[1])
"""


@pytest.fixture(scope="module")
def killed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is damaged, and beside which a repair was killed when it was all but done."""
    path = tmp_path_factory.mktemp("killed") / "train.zarr"
    shutil.copytree(built, path)
    (path / "signal/c/0/0/0").unlink()
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == 9
    assert hidden(path) == {".train.zarr.lock", ".train.zarr.repairing"}
    return path


class TestKilled:
    """What a repair that was killed has left goes with the next that holds the store's lock."""

    @pytest.fixture
    def left(self, killed: Path, tmp_path: Path) -> Path:
        """A copy of the store beside which a repair was killed, with what that has left."""
        shutil.copytree(killed.parent, tmp_path / "stores", symlinks=True)
        return tmp_path / "stores" / "train.zarr"

    def test_the_next_repair(self, left: Path, built: Path) -> None:
        assert tuszstore.repair(left).status == "repaired"
        assert hidden(left) <= {".train.zarr.lock"}
        np.testing.assert_array_equal(
            tuszstore.open(left).windows[:], tuszstore.open(built).windows[:]
        )

    def test_a_repair_of_a_store_that_is_whole(self, left: Path, built: Path) -> None:
        shutil.copy(built / "signal/c/0/0/0", left / "signal/c/0/0/0")
        assert tuszstore.repair(left).status == "whole"
        assert hidden(left) <= {".train.zarr.lock"}

    def test_a_new_index(self, left: Path) -> None:
        shutil.copytree(left, left.parent / ".train.zarr.indexing")
        reindex(left, {"labels.full_seizure": 0.5})
        assert hidden(left) <= {".train.zarr.lock"}

    @pytest.mark.parametrize("force", [False, True])
    def test_a_build(self, left: Path, data: Path, force: bool) -> None:
        tuszstore.build(SMALL, split="train", data=data, store=left.parent, workers=0, force=force)
        assert hidden(left) <= {".train.zarr.lock"}

    def test_one_that_is_at_work_keeps_its_folder(self, left: Path, built: Path) -> None:
        shutil.copy(built / "signal/c/0/0/0", left / "signal/c/0/0/0")
        with locked(left):
            assert tuszstore.repair(left).status == "whole"
            assert ".train.zarr.repairing" in hidden(left)


def hidden(path: Path) -> set[str]:
    return {entry.name for entry in path.parent.glob(".*")}


class TestBeyondRepair:
    @pytest.mark.parametrize(
        "config",
        [{"labels": {"full_seizure": 0.5}}, {"storage": {**SMALL["storage"], "scale": 2**-9}},
         {"windows": {"length": 30, "stride": 10}}],
        ids=["categories", "scale", "windows"],
    )  # fmt: skip
    def test_a_root_of_another_store(
        self, path: Path, data: Path, tmp_path: Path, config: dict[str, Any]
    ) -> None:
        """It is whole, and most of the rest can be made to fit it: then it is another store."""
        root = tmp_path / "other"
        other = tuszstore.build(
            {**SMALL, **config}, split="train", data=data, store=root, workers=0
        )
        shutil.copyfile(other.store / "zarr.json", path / "zarr.json")
        before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
        with pytest.raises(BuildError, match="the root is from another store"):
            tuszstore.repair(path)
        assert {f: f.read_bytes() for f in path.rglob("*") if f.is_file()} == before

    def test_an_index_of_another_store_is_derived_anew(
        self, path: Path, built: Path, data: Path, tmp_path: Path
    ) -> None:
        config = {**SMALL, "labels": {"full_seizure": 0.5}}
        root = tmp_path / "other"
        other = tuszstore.build(config, split="train", data=data, store=root, workers=0)
        shutil.rmtree(path / "windows")
        shutil.copytree(other.store / "windows", path / "windows")
        assert tuszstore.repair(path).status == "repaired"
        np.testing.assert_array_equal(
            tuszstore.open(path).index["category"], tuszstore.open(built).index["category"]
        )

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda p: (p / "zarr.json").write_text("{"), id="root"),
            pytest.param(lambda p: flip(p / "recordings/mean/c/0/0"), id="recordings"),
            pytest.param(lambda p: flip(p / "recordings/id/c/0"), id="ids"),
        ],
    )
    def test_it_says_to_build_again(self, path: Path, damage: Callable[[Path], Any]) -> None:
        damage(path)
        before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
        with pytest.raises(BuildError, match="tuszstore build --force"):
            tuszstore.repair(path)
        assert {f: f.read_bytes() for f in path.rglob("*") if f.is_file()} == before

    def test_a_source_that_was_changed(self, path: Path, data: Path, tmp_path: Path) -> None:
        other = tmp_path / "corpus"
        shutil.copytree(data, other)
        flip(other / tuszstore.open(path).recordings["id"].values[0])
        (path / "signal/c/0/0/0").unlink()
        with pytest.raises(BuildError, match="EDF file has changed since"):
            tuszstore.repair(path, data=other)
        assert not (path / "signal/c/0/0/0").exists()

    def test_an_annotation_that_was_changed(self, path: Path, data: Path, tmp_path: Path) -> None:
        other = tmp_path / "corpus"
        shutil.copytree(data, other)
        edf = other / tuszstore.open(path).recordings["id"].values[0]
        edf.with_suffix(".csv").write_text("channel,start_time,stop_time,label\nTERM,1,2,seiz\n")
        flip(path / "events/onset/c/0")
        with pytest.raises(BuildError, match="annotation has changed since"):
            tuszstore.repair(path, data=other)


class TestCommand:
    def run(self, *args: object) -> Any:
        return CliRunner().invoke(main, ["repair", *map(str, args)])

    def test_it_tells_what_it_did(self, path: Path) -> None:
        (path / "signal/c/0/0/0").unlink()
        result = self.run(path)
        assert result.exit_code == 0, result.output
        assert "repaired: 1 of signal" in result.output
        assert "recomputed: edf/train" in result.output
        report = json.loads(self.run(path, "--json").stdout)
        assert report["status"] == "whole"

    def test_it_cannot(self, path: Path) -> None:
        os.truncate(path / "zarr.json", 100)
        result = self.run(path)
        assert result.exit_code == 1
        assert "tuszstore build --force" in result.output
