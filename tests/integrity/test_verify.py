"""Verification: a whole store passes, and whatever is changed in one is found and named."""

import json
import os
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from click.testing import CliRunner
from crc32c import crc32c

import tuszstore
from tests.corpus.edf_files import mark
from tuszstore.cli import main
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import CorpusError, StoreError
from tuszstore.integrity.report import Finding, VerifyReport
from tuszstore.integrity.verify import _in_order

SMALL = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 40}}


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(root, patients=3, files=2, minutes=1.2, seed=5, quirks=False)
    unlabelled = sorted((root / "edf" / "train").rglob("*.edf"))[-1]
    other = Path(shutil.copy(unlabelled, unlabelled.with_stem("zzzzzzzz_s001_t000")))  # left out
    mark(other, "no copy")
    return root


@pytest.fixture(scope="module")
def built(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stores")
    return tuszstore.build(SMALL, split="train", data=small_corpus, store=root, workers=0).store


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    """A copy of the store that a test may damage."""
    copy = tmp_path / "stores" / "train.zarr"
    shutil.copytree(built, copy)
    return copy


def found(path: Path, check: str, **options: Any) -> list[Finding]:
    """Return the findings of one check; there must be some."""
    report = tuszstore.verify(path, **options)
    findings = next(c for c in report.checks if c.name == check).findings
    assert findings, report.to_json()
    assert report.exit_status in (2, 3)
    return findings


def files_of(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def kind_of(file: Path, path: Path) -> str:
    """Return what kind of file of a store this is."""
    parts = file.relative_to(path).parts
    if parts[-1] == "zarr.json":
        return "root" if len(parts) == 1 else "metadata"
    return {"signal": "shard", "label": "label"}.get(parts[0], f"table {parts[0]}")


def edit_json(file: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


class TestWhole:
    @pytest.mark.parametrize("deep", [False, True])
    def test_a_built_store_is_whole(self, built: Path, deep: bool) -> None:
        report = tuszstore.verify(built, deep=deep)
        assert report.ok, report.to_json()
        assert report.exit_status == 0
        store = tuszstore.open(built)
        n_blocks = int(store.recordings["n_blocks"].sum())
        covered = {check.name: check.covered for check in report.checks}
        assert f"{n_blocks} blocks of {store.recordings.sizes['recording']}" in covered["signal"]
        assert list(covered) == [
            "root",
            "schema",
            "tables",
            "signatures",
            "files",
            "digests",
            "signal",
            "labels",
            "index",
            "splits",
        ]

    @pytest.mark.parametrize(
        "config",
        [
            pytest.param({"storage": {"codec": "none"}}, id="uncompressed"),
            pytest.param({"storage": {"codec": "zstd", "dtype": "float32"}}, id="zstd, float32"),
            pytest.param({"windows": {**SMALL["windows"], "overlap": "duplicate"}}, id="duplicate"),
            pytest.param(
                {"windows": {"length": 10, "stride": 25}, "labels": {"unlabelled": "keep"}},
                id="gaps between windows, unlabelled",
            ),
        ],
    )  # fmt: skip
    def test_of_every_layout(
        self, small_corpus: Path, tmp_path: Path, config: dict[str, Any]
    ) -> None:
        data = tmp_path / "corpus"
        shutil.copytree(small_corpus, data)
        if "labels" in config:
            next(data.rglob("*.csv")).unlink()
        report = tuszstore.build(
            {**SMALL, **config}, split="train", data=data, store=tmp_path, workers=0
        )
        verified = tuszstore.verify(report.store, deep=True)
        assert verified.ok, verified.to_json()

    def test_with_quirks_left_out_and_failed(self, train: tuszstore.Store, corpus: Path) -> None:
        assert len(train.left_out["id"]) > 0
        report = tuszstore.verify(train.path, deep=True)
        assert report.ok, report.to_json()

    def test_an_index_that_was_derived_anew_is_whole(self, path: Path) -> None:
        from tuszstore.builder.reindex import reindex

        reindex(path, {"labels.full_seizure": 0.5})
        report = tuszstore.verify(path, deep=True)
        assert report.ok, report.to_json()

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="no store here"):
            tuszstore.verify(tmp_path / "train.zarr")

    def test_a_folder_that_is_no_store_is_not_damaged(self, path: Path, tmp_path: Path) -> None:
        (tmp_path / "mine").mkdir()
        for folder, told in ((path.parent, "a store root"), (tmp_path / "mine", "not a sto")):
            with pytest.raises(StoreError, match=told):
                tuszstore.verify(folder)

    def test_a_store_without_digests(self, path: Path) -> None:
        edit_json(path / "zarr.json", lambda root: root["attributes"].pop("digests"))
        report = tuszstore.verify(path, deep=True)
        assert report.exit_status == 3
        assert "lacks the attribute digests" in str(report.findings[0])


class TestBitFlips:
    @pytest.mark.parametrize(
        "files",
        [
            pytest.param(lambda store: some_files(store), id="some of each kind"),
            pytest.param(lambda store: files_of(store), id="all", marks=pytest.mark.slow),
        ],
    )
    def test_no_flipped_bit_passes(
        self, built: Path, tmp_path: Path, files: Callable[[Path], list[Path]]
    ) -> None:
        """A bit at a random place, one file at a time."""
        rng = random.Random(7)
        copy = tmp_path / "train.zarr"
        shutil.copytree(built, copy)
        kinds: dict[str, int] = {}
        for file in files(copy):
            content = file.read_bytes()
            kind = kind_of(file, copy)
            for bit in rng.sample(range(8 * len(content)), 5 if kind == "root" else 1):
                damaged = bytearray(content)
                damaged[bit // 8] ^= 1 << bit % 8
                file.write_bytes(damaged)
                report = tuszstore.verify(copy, deep=True, workers=1)
                where = f"bit {bit} of {file.relative_to(copy)}"
                assert report.exit_status in (2, 3), where
                assert self.named(report, file.relative_to(copy)), (where, report.to_json())
                kinds[kind] = kinds.get(kind, 0) + 1
            file.write_bytes(content)
        assert set(kinds) == {
            "root",
            "metadata",
            "shard",
            "label",
            "table channel",
            "table windows",
            "table recordings",
            "table events",
            "table left_out",
            "table shards",
            "table derived",
        }
        assert tuszstore.verify(copy, deep=True).ok

    def named(self, report: VerifyReport, file: Path) -> bool:
        """Return whether a finding names the file, or the array that it belongs to."""
        return any(
            (finding.file and str(file).startswith(finding.file))
            or (finding.array and str(file).startswith(finding.array))
            or (finding.array == "metadata" and file.name == "zarr.json")
            for finding in report.findings
        )

    def test_a_block_is_named_by_recording_and_time(self, path: Path) -> None:
        shard = path / "signal" / "c" / "1" / "0" / "0"
        content = bytearray(shard.read_bytes())
        content[100] ^= 8
        shard.write_bytes(content)
        assert tuszstore.verify(path).ok  # blocks are decoded by deep alone
        (finding,) = found(path, "signal", deep=True)
        id_ = tuszstore.open(path).recordings["id"].values[0]
        assert str(finding) == f"{id_}, 40 to 50 s: signal (signal/c/1/0/0): checksum is wrong"


def some_files(path: Path, most: int = 3) -> list[Path]:
    """Return a few files of each kind."""
    kinds: dict[str, list[Path]] = {}
    for file in files_of(path):
        kinds.setdefault(kind_of(file, path), []).append(file)
    return [file for files in kinds.values() for file in files[:: len(files) // most + 1]]


class TestFiles:
    @pytest.mark.parametrize("damage", ["gone", "cut short", "empty", "longer"])
    def test_a_file_of_each_kind(self, built: Path, tmp_path: Path, damage: str) -> None:
        copy = tmp_path / "train.zarr"
        shutil.copytree(built, copy)
        for file in some_files(copy):
            content = file.read_bytes()
            if damage == "gone":
                file.unlink()
            else:
                changed = {"cut short": content[:-5], "empty": b"", "longer": content + b"\0"}
                file.write_bytes(changed[damage])
            assert not tuszstore.verify(copy, workers=1).ok, file
            file.write_bytes(content)

    @pytest.mark.parametrize(
        "name", ["signal/c/99/0/0", "label/c/99/0", "notes.txt", "windows/other/zarr.json"]
    )
    def test_what_belongs_to_nobody(self, path: Path, name: str) -> None:
        stray = path / name
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(b"x")
        (finding,) = found(path, "files")
        assert (finding.file, finding.mend) == (name, "stray")

    def test_links_and_pipes(self, path: Path, built: Path) -> None:
        shard = path / "signal" / "c" / "0" / "0" / "0"
        shard.unlink()
        shard.symlink_to(built / "signal" / "c" / "0" / "0" / "0")
        (path / "label" / "loop").symlink_to(path)
        os.mkfifo(path / "events" / "pipe")
        told = {finding.file: finding.what for finding in found(path, "files", deep=True)}
        assert "link" in told["signal/c/0/0/0"]
        assert "link" in told["label/loop"]
        assert "not a file" in told["events/pipe"]

    def test_bytes_that_belong_to_no_block(self, path: Path) -> None:
        """A shard may hold nothing but its blocks: bytes between them have no checksum."""
        shard = path / "signal" / "c" / "0" / "0" / "0"
        content = shard.read_bytes()
        n_index = 16 * tuszstore.open(path).metadata.geometry.shard + 4
        shard.write_bytes(content[:-n_index] + b"\0" * 9 + content[-n_index:])
        assert "no block" in found(path, "signal")[0].what

    def test_a_block_that_was_never_written(self, path: Path) -> None:
        shard = path / "signal" / "c" / "0" / "0" / "0"
        content = bytearray(shard.read_bytes())
        n_index = 16 * tuszstore.open(path).metadata.geometry.shard
        index = np.frombuffer(bytes(content[-n_index - 4 : -4]), "<u8").copy()
        index[2:4] = 2**64 - 1
        content[-n_index - 4 : -4] = index.tobytes()
        content[-4:] = crc32c(index.tobytes()).to_bytes(4, "little")
        shard.write_bytes(content)
        whats = [f"{f.start:g}: {f.what}" for f in found(path, "signal")]
        assert "10: is missing: it was never written" in whats


class TestContent:
    """Changes that leave every checksum right, made with zarr-python."""

    def write(self, path: Path, array: str, change: Callable[[Any], None]) -> None:
        opened: Any = zarr.open_array(path / array, mode="r+")
        values = opened[...]
        change(values)
        opened[...] = values

    def test_other_samples(self, path: Path) -> None:
        first, other = tuszstore.open(path).recordings["first_block"].values[:2] // 4
        shards = path / "signal" / "c"
        shutil.copy(shards / f"{first}" / "0" / "0", shards / f"{other}" / "0" / "0")
        (finding,) = found(path, "signal", deep=True)
        assert finding.what == "values differ from signal_digest"

    def test_other_labels(self, path: Path) -> None:
        def mark(values: Any) -> None:
            values[1, 5:9] = 1

        self.write(path, "label", mark)
        finding = found(path, "labels")[0]
        assert (finding.start, finding.stop) == (10, 20)
        assert "differs from the events" in finding.what

    def test_other_windows(self, path: Path) -> None:
        for name in ("seizure_fraction", "start_time", "start_block", "recording", "category"):
            copy = path.with_name(f"{name}.zarr")
            shutil.copytree(path, copy)

            def change(values: Any) -> None:
                values[-1] += 1

            self.write(copy, f"windows/{name}", change)
            assert {f.array for f in found(copy, "index")} == {f"windows/{name}"}

    def test_other_columns(self, path: Path) -> None:
        def change(values: Any) -> None:
            values[0, 0] *= 2

        self.write(path, "recordings/mean", change)
        (finding,) = found(path, "digests")
        assert finding.array == "recordings"

    @pytest.mark.parametrize(
        ("name", "told"),
        [("first_block", "past the end of signal"), ("n_blocks", "do not match"),
         ("n_samples", "do not match"),
         ("n_windows", "do not match"), ("first_window", "first_window is not")],
    )  # fmt: skip
    def test_rows_that_do_not_fit(self, path: Path, name: str, told: str) -> None:
        def change(values: Any) -> None:
            values[1] += 7 * 2560

        self.write(path, f"recordings/{name}", change)
        assert any(told in finding.what for finding in found(path, "tables"))
        if name in ("first_block", "n_blocks"):
            assert found(path, "signatures")

    def test_parts_of_another_store(self, path: Path, small_corpus: Path, tmp_path: Path) -> None:
        config = {**SMALL, "signal": {"clip": 5}}
        root = tmp_path / "other"
        other = tuszstore.build(config, split="train", data=small_corpus, store=root, workers=0)
        shutil.rmtree(path / "signal")
        shutil.copytree(other.store / "signal", path / "signal")
        assert "belongs to other recordings" in found(path, "signatures")[0].what


class TestMetadata:
    def test_an_array_of_another_kind(self, path: Path) -> None:
        def change(document: Any) -> None:
            document["fill_value"] = 7

        edit_json(path / "label" / "zarr.json", change)
        whats = [finding.what for finding in found(path, "schema")]
        assert any("fill_value is 7, not 32768" in what for what in whats)

    def test_attributes_of_the_root(self, path: Path) -> None:
        edit_json(path / "zarr.json", lambda root: root["attributes"].update(split="eval"))
        assert "attributes were changed" in found(path, "root")[0].what

    def test_an_unfinished_build(self, path: Path) -> None:
        edit_json(path / "zarr.json", lambda root: root["attributes"].update(complete=False))
        assert "unfinished" in found(path, "root")[0].what

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"attributes": 3}', "[" * 100_000])
    def test_a_root_that_cannot_be_read(self, path: Path, text: str) -> None:
        (path / "zarr.json").write_text(text)
        report = tuszstore.verify(path)
        assert report.exit_status == 3
        assert report.notes == ["nothing else can be checked without the root's metadata"]


class TestSplits:
    @pytest.fixture
    def stores(self, small_corpus: Path, tmp_path: Path) -> Path:
        """Two splits of a corpus of which a patient's files were moved in between."""
        data = tmp_path / "corpus"
        shutil.copytree(small_corpus, data)
        root = tmp_path / "stores"
        tuszstore.build(SMALL, split="train", data=data, store=root, workers=0)
        for folder in list((data / "edf" / "train").iterdir()):
            folder.rename(data / "edf" / "dev" / folder.name)
        tuszstore.build(SMALL, split="dev", data=data, store=root, workers=0)
        return root

    def test_a_patient_in_two(self, stores: Path) -> None:
        findings = found(stores / "train.zarr", "splits")  # of patients, and of equal recordings
        assert any("patients in two splits" in finding.what for finding in findings)
        assert any("dev.zarr" in finding.what for finding in findings)
        assert any("train.zarr" in finding.what for finding in found(stores / "val.zarr", "splits"))

    def test_a_policy_that_allows_it(self, small_corpus: Path, tmp_path: Path) -> None:
        config = {**SMALL, "corpus": {"split_policy": "file_order", "val_fraction": 0.5}}
        for split in ("train", "dev"):
            tuszstore.build(config, split=split, data=small_corpus, store=tmp_path, workers=0)
        report = tuszstore.verify(tmp_path / "train.zarr")
        assert report.ok
        assert any("file_order allows" in note for note in report.notes)


class TestAgainst:
    def test_all_recordings(self, built: Path, small_corpus: Path) -> None:
        report = tuszstore.verify(built, against=small_corpus, sample=None)
        assert report.ok, report.to_json()
        n = tuszstore.open(built).recordings.sizes["recording"]
        assert f"{n} of {n} recordings" in report.checks[-1].covered

    def test_a_seeded_sample(self, built: Path, small_corpus: Path) -> None:
        from tuszstore.integrity.source import choose_rows

        assert choose_rows(100, 3, 0) == choose_rows(100, 3, 0) != choose_rows(100, 3, 1)
        report = tuszstore.verify(built, against=small_corpus, sample=1)
        assert "1 of" in report.checks[-1].covered

    def test_a_store_that_lies(self, path: Path, small_corpus: Path, tmp_path: Path) -> None:
        """A whole store of other values under the same configuration: only the source tells."""
        data = tmp_path / "corpus"
        shutil.copytree(small_corpus, data)
        edf = data / tuszstore.open(path).recordings["id"].values[0]
        content = bytearray(edf.read_bytes())
        content[-4000:] = bytes(4000)
        edf.write_bytes(content)
        (finding,) = found(path, "sources", against=data, sample=None)
        assert "EDF file has changed" in finding.what

        other = tuszstore.build(SMALL, split="train", data=data, store=tmp_path / "o", workers=0)
        for name in ("source_digest",):
            column: Any = zarr.open_array(other.store / "recordings" / name, mode="r+")
            column[...] = zarr.open_array(path / "recordings" / name, mode="r")[...]
        findings = found(other.store, "sources", against=small_corpus, sample=None)
        assert any(
            f.what == "values differ from those of the source" and f.start is not None
            for f in findings
        )

    def test_another_annotation(self, path: Path, small_corpus: Path, tmp_path: Path) -> None:
        data = tmp_path / "corpus"
        shutil.copytree(small_corpus, data)
        annotation = (data / tuszstore.open(path).recordings["id"].values[0]).with_suffix(".csv")
        annotation.write_text("channel,start_time,stop_time,label,confidence\nTERM,1,9,seiz,1\n")
        (finding,) = found(path, "sources", against=data, sample=None)
        assert "annotation has changed" in finding.what

    def test_a_corpus_that_is_not_there(self, path: Path, tmp_path: Path) -> None:
        """That is wrong usage: the store is not damaged."""
        (tmp_path / "empty").mkdir()
        for name, told in (("empty", "no EDF file"), ("nowhere", "no such folder")):
            with pytest.raises(CorpusError, match=told):
                tuszstore.verify(path, against=tmp_path / name)


class TestCommand:
    def run(self, *args: object) -> Any:
        return CliRunner().invoke(main, ["verify", *map(str, args)])

    def test_whole(self, built: Path) -> None:
        result = self.run(built, "--deep")
        assert result.exit_code == 0, result.output
        assert "signatures" in result.output
        report = json.loads(self.run(built, "--json").stdout)
        assert report["ok"] is True
        assert report["exit_status"] == 0

    def test_damaged(self, path: Path) -> None:
        (path / "signal" / "c" / "0" / "0" / "0").unlink()
        result = self.run(path)
        assert result.exit_code == 2
        assert "0 to 40 s: signal (signal/c/0/0/0): file is missing" in result.output
        assert "tuszstore repair" in result.output
        report = json.loads(self.run(path, "--json").stdout)
        (finding,) = [f for check in report["checks"] for f in check["findings"]]
        assert finding["file"] == "signal/c/0/0/0"

    def test_lost(self, path: Path) -> None:
        (path / "zarr.json").write_text("{")
        result = self.run(path)
        assert result.exit_code == 3
        assert "tuszstore build --force" in result.output

    def test_wrong_usage(self, built: Path, tmp_path: Path) -> None:
        assert self.run(tmp_path / "none.zarr").exit_code == 1
        assert self.run(built, "--all").exit_code == 1
        assert self.run(built, "--against", tmp_path, "--all", "--sample", 2).exit_code == 1


def test_recordings_are_checked_in_order_and_few_ahead() -> None:
    """The work that waits takes memory too: a store may have any number of recordings."""
    begun: list[int] = []

    def run(row: int) -> Any:
        begun.append(row)
        return row

    done = 0
    with ThreadPoolExecutor(3) as pool:
        for row in _in_order(pool, run, range(500), ahead=5):
            assert row == done
            done += 1
            assert len(begun) <= done + 5
    assert done == 500
