"""Keyed hashes in the place of patient ids."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from click.testing import CliRunner

import tuszstore
from tests.corpus.edf_files import mark
from tuszstore.builder.reindex import reindex
from tuszstore.cli import main
from tuszstore.corpus.base import Recording
from tuszstore.corpus.pseudonyms import KEY, KEY_FILE, Pseudonyms, without_names
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import BuildError, ConfigError, CorpusError
from tuszstore.store.schema import VARIABLES

SECRET = "a key that nobody guesses"
SMALL = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 40}}
HIDDEN = {**SMALL, "corpus": {"pseudonymize": True}}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with every quirk, under a folder with a name of its own."""
    root = tmp_path_factory.mktemp("Clinic") / "JaneDoe"
    write_corpus(root, patients=6, files=4, minutes=1, seed=0)
    some = sorted((root / "edf" / "train").rglob("*.edf"))[0]
    broken = some.with_name(f"{some.stem.partition('_')[0]}_s001_t099.edf")
    shutil.copy(some, broken)
    mark(broken, "no copy")
    row = "channel,start_time,stop_time,label\nTERM,1,2,what\n"
    broken.with_suffix(".csv").write_text(row)
    return root


@pytest.fixture(scope="module")
def stores(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train and dev, with names and without."""
    root = tmp_path_factory.mktemp("stores")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, SECRET)
        for split in ("train", "dev"):
            tuszstore.build(SMALL, split=split, data=data, store=root / "open", workers=0)
            tuszstore.build(HIDDEN, split=split, data=data, store=root / "hidden", workers=0)
    return root


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)


def names_of(data: Path) -> set[str]:
    """Return what must not be seen: patients, file names, the corpus's folder."""
    names = {"JaneDoe"}
    for file in data.rglob("*.edf"):
        names |= {file.stem, file.stem.partition("_")[0]}
    return names


def contents(path: Path) -> Iterator[bytes]:
    """Return every byte of a store: as it lies there, and decoded."""
    for file in path.rglob("*"):
        yield str(file.relative_to(path)).encode()
        if file.is_file():
            yield file.read_bytes()
    for variable in VARIABLES:
        if not variable.required and not (path / variable.path).exists():
            continue
        values = np.asarray(zarr.open_array(path / variable.path, mode="r")[...])
        if values.dtype.kind == "T":
            yield "\n".join(map(str, values)).encode()


class TestStores:
    def test_no_name_is_in_it(self, stores: Path, data: Path) -> None:
        names = [name.encode() for name in names_of(data)]
        for split in ("train", "dev"):
            hidden = b"\n".join(contents(stores / "hidden" / f"{split}.zarr"))
            assert [name for name in names if name in hidden] == []
        plain = b"\n".join(contents(stores / "open" / "train.zarr"))
        assert sum(name in plain for name in names) > 5  # the search finds what is there

    def test_all_else_is_the_same(self, stores: Path) -> None:
        plain, hidden = (tuszstore.open(stores / n / "train.zarr") for n in ("open", "hidden"))
        for name in ("signal_digest", "label_digest", "source_digest", "first_block", "montage"):
            np.testing.assert_array_equal(hidden.recordings[name], plain.recordings[name])
        for name in ("category", "recording", "start_time"):
            np.testing.assert_array_equal(hidden.index[name], plain.index[name])
        np.testing.assert_array_equal(hidden.events["onset"], plain.events["onset"])
        assert sorted(hidden.left_out["kind"].values) == sorted(plain.left_out["kind"].values)
        assert {"duplicate", "failed", "unlabelled"} <= set(hidden.left_out["kind"].values)

    def test_patients_and_sessions_stay_apart_and_together(self, stores: Path) -> None:
        plain, hidden = (tuszstore.open(stores / n / "train.zarr") for n in ("open", "hidden"))
        for names in (["patient"], ["patient", "session"]):
            pairs = [
                {
                    tuple(str(s.recordings[n].values[row]) for s in (plain, hidden) for n in names)
                    for row in range(plain.recordings.sizes["recording"])
                }
            ]
            ours = {pair[: len(names)] for pair in pairs[0]}
            theirs = {pair[len(names) :] for pair in pairs[0]}
            assert len(ours) == len(theirs) == len(pairs[0])
        for id_, patient in zip(
            hidden.recordings["id"].values, hidden.recordings["patient"].values, strict=True
        ):
            assert re.fullmatch(rf"{patient}/{patient}_[0-9a-f]{{16}}\.edf", id_)

    def test_reasons_name_the_same_recordings(self, stores: Path) -> None:
        left_out = tuszstore.open(stores / "hidden" / "train.zarr").left_out
        ids = set(tuszstore.open(stores / "hidden" / "train.zarr").recordings["id"].values)
        for kind, reason in zip(left_out["kind"].values, left_out["reason"].values, strict=True):
            if kind == "duplicate":
                assert reason.removeprefix("same recording as ") in ids | set(left_out["id"].values)

    @pytest.mark.usefixtures("key")
    def test_they_are_whole(self, stores: Path, data: Path) -> None:
        report = tuszstore.verify(stores / "hidden" / "train.zarr", deep=True, against=data)
        assert report.ok, report.to_json()
        assert any("against dev.zarr" in check.covered for check in report.checks)

    @pytest.mark.usefixtures("key")
    def test_annotations_are_found_again(self, stores: Path, data: Path, tmp_path: Path) -> None:
        path = tmp_path / "train.zarr"
        shutil.copytree(stores / "hidden" / "train.zarr", path)
        before = tuszstore.open(path).index["category"].values
        reindex(path, reread_annotations=True, data=data)
        np.testing.assert_array_equal(tuszstore.open(path).index["category"], before)
        copy = tmp_path / "corpus"
        shutil.copytree(data, copy)
        for annotation in copy.rglob("*.csv"):
            annotation.write_text("channel,start_time,stop_time,label\nTERM,1,2,what\n")
        with pytest.raises(BuildError, match="unknown event class") as error:
            reindex(path, reread_annotations=True, data=copy)
        assert not any(name in str(error.value) for name in names_of(data) - {"JaneDoe"})

    @pytest.mark.usefixtures("key")
    @pytest.mark.slow
    def test_nothing_is_said_aloud(self, data: Path, tmp_path: Path) -> None:
        build = [
            "build",
            "--split",
            "train",
            "--data",
            str(data),
            "--store",
            str(tmp_path),
            "-w",
            "0",
            "--set",
            "corpus.pseudonymize=true",
        ]
        store = str(tmp_path / "train.zarr")
        for args in (
            [*build, "--dry-run"],
            build,
            ["info", store],
            ["info", store, "--json"],
            [*build, "--force", "--json"],
            ["verify", store, "--json"],
        ):
            result = CliRunner().invoke(main, args)
            assert result.exit_code in (0, 3), result.output
            told = result.output + result.stderr
            assert not [name for name in names_of(data) - {"JaneDoe"} if name in told]


class TestKeys:
    def build(self, data: Path, store: Path, config: Any = HIDDEN) -> str:
        return tuszstore.build(config, split="dev", data=data, store=store, workers=0).status

    def test_none(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(KEY, raising=False)
        with pytest.raises(ConfigError, match="TUSZSTORE_PSEUDONYM_KEY"):
            self.build(data, tmp_path)

    def test_too_short(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(KEY, "short")
        with pytest.raises(ConfigError, match="has 5 bytes, but needs 16"):
            self.build(data, tmp_path)

    def test_a_file(self, stores: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "key"
        file.write_text(SECRET + "\n")
        monkeypatch.delenv(KEY, raising=False)
        monkeypatch.setenv(KEY_FILE, str(file))
        patient = tuszstore.open(stores / "open" / "dev.zarr").recordings["patient"].values[0]
        hidden = tuszstore.open(stores / "hidden" / "dev.zarr").recordings["patient"].values[0]
        assert Pseudonyms.given().patient(patient) == hidden
        monkeypatch.setenv(KEY_FILE, str(tmp_path / "none"))
        with pytest.raises(ConfigError, match="cannot be read"):
            Pseudonyms.given()

    @pytest.mark.parametrize("secret", ["another key, just as long", None])
    def test_a_rebuild_with_another_key(
        self,
        data: Path,
        stores: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        secret: str | None,
    ) -> None:
        shutil.copytree(stores / "hidden" / "dev.zarr", tmp_path / "dev.zarr")
        monkeypatch.setenv(KEY, SECRET)
        assert self.build(data, tmp_path) == "unchanged"
        if secret:
            monkeypatch.setenv(KEY, secret)
        else:
            monkeypatch.delenv(KEY)
        with pytest.raises(ConfigError, match="TUSZSTORE_PSEUDONYM_KEY"):
            self.build(data, tmp_path)
        with pytest.raises(ConfigError, match="TUSZSTORE_PSEUDONYM_KEY"):
            tuszstore.verify(tmp_path / "dev.zarr", against=data)

    @pytest.mark.usefixtures("key")
    def test_names_do_not_replace_pseudonyms(
        self, data: Path, stores: Path, tmp_path: Path
    ) -> None:
        shutil.copytree(stores / "hidden" / "dev.zarr", tmp_path / "dev.zarr")
        with pytest.raises(ConfigError, match="has pseudonyms"):
            self.build(data, tmp_path, SMALL)
        shutil.copytree(stores / "open" / "dev.zarr", tmp_path / "named" / "dev.zarr")
        with pytest.raises(ConfigError, match="built with another key"):
            self.build(data, tmp_path / "named")

    def test_the_key_is_not_stored(self, stores: Path) -> None:
        for content in contents(stores / "hidden" / "train.zarr"):
            assert SECRET.encode() not in content

    @pytest.mark.usefixtures("key")
    def test_a_patient_in_two_splits_is_not_named(self, data: Path, tmp_path: Path) -> None:
        copy = tmp_path / "corpus"
        shutil.copytree(data, copy)
        folder = sorted((copy / "edf" / "train").iterdir())[0]
        shutil.copytree(folder, copy / "edf" / "dev" / folder.name)
        with pytest.raises(CorpusError, match="patients in two splits") as error:
            self.build(copy, tmp_path / "stores")
        assert folder.name not in str(error.value)


def test_kinds_of_names_are_told_apart() -> None:
    ours, other = Pseudonyms(SECRET.encode()), Pseudonyms(b"another key, just as long")
    recording = Recording("a/x_s001_t000.edf", Path("/c/a/x_s001_t000.edf"), "a", "x", "s001", "")
    renamed = ours.recording(recording)
    assert len({ours.patient("x"), ours.path("x"), other.patient("x"), renamed.session}) == 4
    assert renamed.path == recording.path
    assert ours.recording(recording) == renamed
    assert ours.attributes() != other.attributes()
    assert ours.attributes()["key_check"] not in json.dumps([ours.patient("check")])


def test_messages_bear_pseudonyms() -> None:
    path = Path("/corpus/JD/aaaaaaaa_s001_t000.edf")
    recording = Recording("JD/aaaaaaaa_s001_t000.edf", path, "", "aaaaaaaa", folders=("JD",))
    text = (
        "aaaaaaaa_s001_t000.csv, row 3; /corpus/JD/aaaaaaaa_s001_t000.edf; aaaaaaaa; "
        "/corpus/JD/x of JD"
    )
    told = without_names(text, recording, "ff/ff_00.edf")
    assert told == "ff_00.csv, row 3; ff/ff_00.edf; ff; ./x of ff"
