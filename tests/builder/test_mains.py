"""The advice on a notch that is not at the frequency of the mains."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import tuszstore
from tests.corpus.edf_files import eeg
from tuszstore.builder.plan import make_plan
from tuszstore.builder.planned import Plan
from tuszstore.cli import main
from tuszstore.config import load_config
from tuszstore.registry import CORPORA

EVENTS = "onset\tduration\teventType\n5\t5\tsz_foc\n"
SHORT = {"corpus.split_policy": "file_order", "windows.length": 2, "windows.stride": 1}


def bids(root: Path, *subjects: str, **sidecars: Any) -> None:
    """Write recordings, and sidecars by the subject in their name; ``all`` is the root's."""
    for subject in subjects:
        path = root / f"sub-{subject}" / "eeg" / f"sub-{subject}_task-x_eeg.edf"
        eeg(path, sfreq=64, patient=f"{subject} X X X")
        path.with_name(f"sub-{subject}_task-x_events.tsv").write_text(EVENTS)
    for name, content in sidecars.items():
        folder = root if name == "all" else root / f"sub-{name[1:]}" / "eeg"
        stem = "task-x_eeg" if name == "all" else f"sub-{name[1:]}_task-x_eeg"
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{stem}.json").write_text(text)


def planned(root: Path, options: Mapping[str, Any] | None = None, split: str = "train") -> Plan:
    paths = {"paths.data": str(root), "paths.store": str(root.parent / "stores")}
    return make_plan(load_config("tusz", {**SHORT, **paths, **(options or {})}), split)


def mains(plan: Plan) -> list[str]:
    return [text for text in plan.warnings if "mains" in text]


HZ50, HZ60 = {"PowerLineFrequency": 50}, {"PowerLineFrequency": 60}


def test_one_warning_for_all_recordings_names_a_source_and_the_way_out(tmp_path: Path) -> None:
    bids(tmp_path / "d", "01", "02", "03", "04", "05", all=HZ50)
    assert mains(planned(tmp_path / "d")) == [
        "the notch is at 60 Hz (signal.notch.freq), but the mains are at 50 Hz in 4 recordings "
        "(PowerLineFrequency in task-x_eeg.json): --set signal.notch.freq=50"
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"signal.notch.freq": 50},
        {"signal.notch": None},
        {"signal.sfreq": 80, "signal.bandpass.high": 30, "signal.notch.freq": 30},
    ],
    ids=["at the mains", "no notch", "mains above half of the sampling rate"],
)
def test_no_warning_if_there_is_nothing_to_change(tmp_path: Path, options: dict[str, Any]) -> None:
    bids(tmp_path / "d", "01", all=HZ50)
    assert not mains(planned(tmp_path / "d", options, "train"))


def test_the_nearest_sidecar_that_has_the_key_counts(tmp_path: Path) -> None:
    bids(tmp_path / "d", "01", "02", "03", "04", all=HZ50, s01=HZ60, s02={"EEGReference": "Cz"})
    plan = planned(tmp_path / "d")
    assert [one.mains for one in plan.recordings] == [60, 50, 50, 50]
    (told,) = mains(plan)
    assert "50 Hz in 3 recordings (PowerLineFrequency in task-x_eeg.json)" in told
    bids(tmp_path / "e", "01", all=HZ50, s01={"PowerLineFrequency": "n/a"})
    assert not mains(planned(tmp_path / "e"))


@pytest.mark.parametrize(
    "content",
    ["{", "[50]", "", "\xff", '{"PowerLineFrequency": []}', '{"PowerLineFrequency": -50}',
     '{"PowerLineFrequency": NaN}', '{"PowerLineFrequency": true}', "[" * 100_000,
     '{"PowerLineFrequency": "unknown"}', '{"PowerLineFrequency": 1' + "0" * 400 + "}"],
)  # fmt: skip
def test_an_invalid_sidecar_does_not_end_the_build(tmp_path: Path, content: str) -> None:
    bids(tmp_path / "d", "01", s01=content)
    plan = planned(tmp_path / "d")
    assert (len(plan.recordings), mains(plan)) == (1, [])


def test_a_frequency_as_text_is_read(tmp_path: Path) -> None:
    bids(tmp_path / "d", "01", s01='{"PowerLineFrequency": "50"}')
    (told,) = mains(planned(tmp_path / "d"))
    assert "sub-01_task-x_eeg.json" in told


def test_it_is_advice_in_plan_and_build_and_changes_no_value(tmp_path: Path) -> None:
    given = [part for key, value in SHORT.items() for part in ("--set", f"{key}={value}")]

    def build(root: Path, *more: str) -> str:
        paths = ["--data", root, "--store", root.parent / f"{root.name}-stores"]
        result = CliRunner().invoke(
            main, ["build", "--split", "train", "--workers", "0", *map(str, paths), *given, *more]
        )
        assert result.exit_code == 0, result.output
        return result.stdout.replace("\n", " ")

    bids(tmp_path / "d", "01")
    assert "mains" not in build(tmp_path / "d")
    before = tuszstore.open(tmp_path / "d-stores" / "train.zarr").attrs["content_digest"]
    plan = planned(tmp_path / "d")
    bids(tmp_path / "d", all=HZ50)
    assert planned(tmp_path / "d").sources_digest == plan.sources_digest
    assert "mains are at 50 Hz in 1 recording" in build(tmp_path / "d", "--dry-run")
    unchanged = build(tmp_path / "d")
    assert unchanged.startswith("train: unchanged")
    assert "mains are at 50 Hz in 1 recording" in unchanged
    assert "mains are at 50 Hz in 1 recording" in build(tmp_path / "d", "--force")
    after = tuszstore.open(tmp_path / "d-stores" / "train.zarr").attrs["content_digest"]
    assert after == before


def test_no_name_is_told_if_there_are_pseudonyms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSZSTORE_PSEUDONYM_KEY", "a key of sufficient length for a hash")
    bids(tmp_path / "d", "01", s01=HZ50)
    (told,) = mains(planned(tmp_path / "d", {"corpus.pseudonymize": True}))
    assert "sub-01" not in told
    assert "mains are at 50 Hz in 1 recording: --set" in told


@pytest.mark.parametrize(
    ("name", "freq"),
    [("siena", 50), ("seizeit", 50), ("helsinki", 50), ("chbmit", 60), ("tusz", 60),
     ("folder", None), ("bids", None)],
)  # fmt: skip
def test_corpora_of_one_country_state_its_frequency(name: str, freq: float | None) -> None:
    assert CORPORA[name].mains == freq
