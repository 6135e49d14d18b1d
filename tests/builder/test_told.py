"""What people are told of seizures that do not count, and of annotations and channels not found."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import tuszstore
from tests.corpus.edf_files import eeg
from tuszstore.builder.reindex import reindex
from tuszstore.cli import main

WINDOWS = {"windows.length": 2, "windows.stride": 1}
KEEP = "--set labels.unlabelled=keep"


def record(
    folder: Path, name: str, label: str = "", *, kind: str = "csv", **fields: object
) -> None:
    """Write a recording of 20 s, with an event from 5 to 15 s if it has a label."""
    path = folder / "train" / f"{name}_s001_t000.edf"
    eeg(path, sfreq=64, **{"patient": f"{name} X X X", **fields})
    if label:
        path.with_suffix(f".{kind}").write_text(
            f"channel,start_time,stop_time,label,confidence\nTERM,5,15,{label},1.0\n"
        )


def build(folder: Path, **settings: object) -> Result:
    given = {**WINDOWS, "signal.sfreq": 256, **settings}
    options = [part for key, value in given.items() for part in ("--set", f"{key}={value}")]
    args = ["--data", folder, "--store", folder / "stores", "--workers", 0]
    return CliRunner().invoke(main, ["build", "--split", "train", *map(str, args), *options])


class TestSeizures:
    @pytest.mark.parametrize(
        "settings",
        [
            pytest.param(
                {"labels.classes": "[seiz,sz]", "labels.seizure": "[seiz]"},
                id="a class",
            ),
            pytest.param(
                {"labels.unknown": "background", "labels.known_words": "false"}, id="background"
            ),
        ],
    )
    def test_what_becomes_background_is_in_the_summary(
        self, tmp_path: Path, settings: dict[str, object]
    ) -> None:
        for name, label in (("a", "seiz"), ("b", "sz"), ("c", "sz")):
            record(tmp_path, name, label)
        result = build(tmp_path, **settings)
        told = "not counted as seizures, but named like seizures: 'sz' in 2 recordings"
        assert told in result.stdout
        store = tuszstore.open(tmp_path / "stores" / "train.zarr")
        assert [told in warning for warning in store.attrs["warnings"]] == [True]
        assert told in build(tmp_path, **settings).stdout, "nor is it forgotten"

    def test_the_way_out_of_an_unknown_word_works_as_it_is_printed(self, tmp_path: Path) -> None:
        record(tmp_path, "a", "Anfall")
        result = build(tmp_path)
        (told,) = (line for line in result.stdout.splitlines() if "unknown event class" in line)
        key, _, value = shlex.split(told.partition("--set ")[2])[0].partition("=")
        assert build(tmp_path, **{key: value}).exit_code == 0
        assert len(tuszstore.open(tmp_path / "stores" / "train.zarr").events["onset"]) == 1

    def test_what_counts_is_not(self, tmp_path: Path) -> None:
        record(tmp_path, "a", "sz")
        result = build(tmp_path, **{"labels.classes": "[sz]", "labels.seizure": "[sz]"})
        assert (result.exit_code, "warning" in result.stdout) == (0, False)

    def test_a_new_index_tells_it_anew(self, tmp_path: Path) -> None:
        record(tmp_path, "a", "fnsz")
        record(tmp_path, "b", "seiz")
        build(tmp_path)
        store = tmp_path / "stores" / "train.zarr"
        (told,) = reindex(store, {"labels.seizure": ["seiz"]}).warnings
        assert "'fnsz' in 1 recording;" in told
        assert reindex(store, {"labels.seizure": ["seiz", "fnsz"]}).warnings == ()
        options = {
            "labels.classes": ["seiz"],
            "labels.seizure": ["seiz"],
            "labels.unknown": "background",
        }
        (told,) = reindex(store, options, reread_annotations=True).warnings
        assert "'fnsz' in 1 recording;" in told


class TestNothingBuilt:
    def test_annotations_of_the_other_kind(self, tmp_path: Path) -> None:
        record(tmp_path, "a", "seiz", kind="csv_bi")
        result = build(tmp_path)
        assert result.exit_code == 1
        assert result.stderr.endswith("--set labels.annotation=csv_bi\n")
        assert KEEP not in result.output
        assert build(tmp_path, **{"labels.annotation": "csv_bi"}).exit_code == 0

    def test_missing_channels(self, tmp_path: Path) -> None:
        record(tmp_path, "a", "seiz", names=["Fp1", "Cz"])
        result = build(tmp_path)
        assert result.exit_code == 1
        assert "the file has 2 electrodes (Fp1, Cz)" in result.stdout
        assert "labels" not in result.output

    def test_no_annotations(self, tmp_path: Path) -> None:
        record(tmp_path, "a")
        result = build(tmp_path)
        assert result.exit_code == 1
        assert result.stderr.endswith(f"without annotations: {KEEP}\n")

    def test_a_file_of_another_program(self, tmp_path: Path) -> None:
        record(tmp_path, "a")
        (tmp_path / "train" / "a_s001_t000.csv").write_text("time,marker\n1.0,blink\n")
        result = build(tmp_path, **{"labels.unlabelled": "keep"})
        assert result.exit_code == 1
        assert "--set labels.annotation=none" in result.stdout
        assert KEEP not in result.stderr, "it is set"
        settings = {"labels.unlabelled": "keep", "labels.annotation": "none"}
        assert build(tmp_path, **settings).exit_code == 0


class TestCutOff:
    def test_files_with_fewer_records_than_declared_are_in_plan_and_report(
        self, tmp_path: Path
    ) -> None:
        for name in "abcde":
            record(tmp_path, name, "seiz")
        told = "4 recordings are cut off: their headers declare more data records than the files"
        for name in "abcd":
            path = tmp_path / "train" / f"{name}_s001_t000.edf"
            size = path.stat().st_size
            with path.open("r+b") as file:
                file.truncate(size - (size - 256 * 20) // 20 * 3 - 1)
        result = build(tmp_path)
        text = " ".join(result.stdout.split())
        assert told in text
        assert "a_s001_t000.edf (16 of 20 data records)" in text
        config = tuszstore.load_config("tusz", {**WINDOWS, "signal.sfreq": 256})
        stores = tmp_path / "stores"
        report = tuszstore.build(config, split="train", data=tmp_path, store=stores, workers=0)
        (warning,) = report.warnings
        assert told in warning
        assert "d_s001_t000" not in warning
        assert "e_s001_t000" not in warning

    def test_one_that_is_longer_than_declared_is_not(self, tmp_path: Path) -> None:
        record(tmp_path, "a", "seiz", n_records=10)
        record(tmp_path, "b", "seiz", n_records=-1)
        result = build(tmp_path)
        assert result.exit_code == 0
        assert "cut off" not in result.stdout
