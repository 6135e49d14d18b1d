"""Splits that were built with different settings, and settings that a command forgot."""

from pathlib import Path
from typing import Any

import pytest

import tuszstore
from tests.cli.runner import run
from tuszstore.builder.plan import make_plan, make_plans
from tuszstore.config import load_config

CONFIG = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 60}}
OPTIONS = ["--set", "windows.length=20", "--set", "storage.shard_seconds=60"]


def build(corpus: Path, root: Path, split: str, **options: Any) -> Any:
    config = load_config(CONFIG, options)
    return tuszstore.build(config, split=split, data=corpus, store=root, workers=0)


@pytest.fixture
def root(small_corpus: Path, tmp_path: Path) -> Path:
    """Folder of a dev store with a notch at 60 Hz."""
    build(small_corpus, tmp_path, "dev")
    return tmp_path


def warnings_of(corpus: Path, root: Path, options: dict[str, Any]) -> tuple[str, ...]:
    paths = {"paths.data": corpus, "paths.store": root}
    return make_plan(load_config(CONFIG, {**paths, **options}), "train").beside


class TestNeighbours:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            pytest.param(
                {"signal.notch.freq": 50}, "signal.notch.freq 60, here 50", id="key in a key"
            ),
            pytest.param(
                {"channels.set": ["C3", "C4"]}, "channels.set 10-20, here C3, C4", id="list"
            ),
            pytest.param({"signal.clip": 9, "storage.scale": 2.0**-11},
                         "signal.clip 10, here 9; storage.scale 0.000976562, here 0.000488281",
                         id="scale"),
            pytest.param(
                {"labels.full_seizure": 0.5}, "labels.full_seizure 0.99, here 0.5", id="labels"
            ),
            pytest.param({"windows.length": 40}, "windows.length 20, here 40", id="windows"),
            pytest.param(
                {"signal.clip": 9, "signal.sfreq": 200, "signal.bandpass.high": 80,
                 "signal.notch": None},
                "signal.sfreq 256, here 200; signal.bandpass.high 120, here 80; signal.notch "
                '{"freq": 60.0, "q": 30.0}, here null and 1 more',
                id="several",
            ),
        ],
    )  # fmt: skip
    def test_other_settings_are_told(
        self, small_corpus: Path, root: Path, options: dict[str, Any], told: str
    ) -> None:
        (warning,) = warnings_of(small_corpus, root, options)
        assert warning == (
            f"dev.zarr was built with other settings: {told}; build it with the same"
        )

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"corpus.val_fraction": 0.3},
            {"storage.codec": "zstd"},
            {"labels.unlabelled": "keep"},
            {"build.workers": 3},
        ],
        ids=str,
    )
    def test_settings_without_meaning_are_not_told(
        self, small_corpus: Path, root: Path, options: dict[str, Any]
    ) -> None:
        assert warnings_of(small_corpus, root, options) == ()

    def test_a_split_that_is_built_with_it_is_not_told(
        self, small_corpus: Path, root: Path
    ) -> None:
        options = {"paths.data": small_corpus, "paths.store": root, "signal.notch.freq": 50}
        plans = make_plans(load_config(CONFIG, options), "all")
        assert [plan.beside for plan in plans] == [()] * len(plans)

    def test_the_store_does_not_keep_the_warning(self, small_corpus: Path, root: Path) -> None:
        report = build(small_corpus, root, "train", **{"signal.notch.freq": 50})
        assert "signal.notch.freq 60, here 50" in report.warnings[-1]
        again = build(small_corpus, root, "train", **{"signal.notch.freq": 50})
        assert (again.status, again.warnings) == ("unchanged", report.warnings)
        assert "other settings" not in str(tuszstore.open(report.store).attrs["warnings"])

    def test_the_command_tells_it_once(self, small_corpus: Path, root: Path) -> None:
        args = ["build", "-s", "train", "-d", small_corpus, "-o", root, "-w", 0, *OPTIONS]
        for more in (["--dry-run"], []):
            output = run(*args, "--set", "signal.notch.freq=50", *more).output
            assert output.count("dev.zarr was built with other settings") == 1


class TestForgotten:
    def test_old_and_new_values_are_told(self, small_corpus: Path, tmp_path: Path) -> None:
        build(small_corpus, tmp_path, "train", **{"labels.full_seizure": 0.9})
        args = ["build", "-s", "train", "-d", small_corpus, "-o", tmp_path, *OPTIONS, "--dry-run"]
        output = run(*args).output
        assert "settings changed: labels.full_seizure 0.9 -> 0.99 (default)\n" in output
        assert "repeat the options" not in output  # the signal is kept
        output = run(*args, "--set", "labels.full_seizure=0.5").output
        assert "settings changed: labels.full_seizure 0.9 -> 0.5\n" in output

    def test_of_signals_that_are_built_again_the_command_says_how_to_keep_them(
        self, small_corpus: Path, tmp_path: Path
    ) -> None:
        build(small_corpus, tmp_path, "train", **{"channels.set": "double_banana"})
        args = ["build", "-s", "train", "-d", small_corpus, "-o", tmp_path, *OPTIONS, "--dry-run"]
        output = " ".join(run(*args).output.split())
        assert "settings changed: channels.set double_banana -> 10-20 (default)" in output
        assert (
            "the store was built with channels.set double_banana; repeat the options (--config, "
            "--set) to keep that"
        ) in output
        output = run(*args, "--set", "channels.set=tcp").output
        assert "channels.set double_banana -> tcp" in output
        assert "repeat the options" not in output  # the change was asked for
