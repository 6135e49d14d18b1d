"""score, and report with predictions, as a user meets them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.cli.runner import run
from tests.store.made_stores import make_store

ID = "s0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and predictions that find its seizures and one thing more."""
    folder = tmp_path_factory.mktemp("scored")
    make_store(folder / "dev.zarr", lengths=(1600, 130, 2400, 960))
    store = tuszstore.open(folder / "dev.zarr")
    share = np.nan_to_num(store.index["seizure_fraction"].values)
    said = np.where(share > 0, 0.5 + share / 2, 0.1)
    said[0] = 0.8
    with tuszstore.write_predictions(store, folder / "p", model="a") as out:
        out.write(np.arange(len(store)), said)
    return folder


def values(*args: object) -> Any:
    result = run("score", *args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def shown_rows(result: Any) -> dict[str, str]:
    """Return the rows of the first table."""
    cells = (line.split("│") for line in result.stdout.splitlines() if line.count("│") == 3)
    return {name.strip(): value.strip() for _, name, value, _ in cells}


def test_text(folder: Path) -> None:
    result = run("score", folder / "p", "--threshold", 0.45)
    assert result.exit_code == 0, result.output
    for word in ("SzCORE, events", "OVLP", "TAES", "EPOCH", "false alarms per day", "unlabelled"):
        assert word in result.output
    shown = {
        row.split("│")[1].strip(): row.split("│")[-2].strip()
        for row in result.output.split("\n")
        if row.count("│") > 7
    }
    without = [name for name, rate in shown.items() if rate == "-"]
    assert without == ["SzCORE,", "TAES", "EPOCH"]  # of samples, in a second line
    total = values(folder / "p", "--threshold", 0.45)["total"]
    assert shown["SzCORE, events"] == f"{total['szcore_events']['false_alarms_per_day']:.2f}"
    # the numbers are kept for programs
    assert total["epoch"]["false_alarms_per_day"] > 0


def test_verbose_shows_every_recording(folder: Path) -> None:
    ids = tuszstore.open(folder / "dev.zarr").recordings["id"].values
    short, full = (run(*args, folder / "p").stdout for args in (["score"], ["-v", "score"]))
    rows = [line.split("│")[1:3] for line in full.splitlines() if "│" in line]
    shown = {name.strip(): number.strip() for name, number in rows}
    assert [shown[id_].isdecimal() for id_ in ids[:3]] == [True] * 3
    assert shown[ids[3]] == "not scored"  # nobody looked at it
    assert not any(id_ in short for id_ in ids)


def test_json_says_what_the_library_says(folder: Path) -> None:
    found = values(folder / "p", "--threshold", 0.45, "--smooth", 10, "--min-duration", 5)
    predictions = tuszstore.open_predictions(folder / "p")
    expected = predictions.score(0.45, smooth=10.0, min_duration=5.0).to_json()
    assert found.pop("predictions") == str(folder / "p")
    assert found.pop("against") is None
    assert found.pop("notes") == []
    assert found == json.loads(json.dumps(expected))
    assert found["total"]["ovlp"]["hits"] == 2


def test_what_is_undefined_is_said(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / f"{ID}.csv_bi"
    head = "# duration = 100.0 secs\nchannel,start_time,stop_time,label,confidence\n"
    file.write_text(f"{head}TERM,0,100,bckg,1\n")
    result = run("score", folder / "p", "--against", file)
    assert result.exit_code == 0
    assert "sensitivity is undefined: nothing in the reference" in result.output
    found = values(folder / "p", "--against", file)
    assert found["total"]["szcore_events"]["sensitivity"] is None
    assert found["recordings"] == 1
    assert found["against"] == str(file)


def test_the_reference_is_told(folder: Path, tmp_path: Path) -> None:
    assert shown_rows(run("score", folder / "p"))["reference"] == "the annotation in the store"
    run("score", folder / "p", "--events", tmp_path / "e")
    result = run("score", folder / "p", "--against", tmp_path / "e")
    assert shown_rows(result)["reference"].startswith("/")


def test_seizures_of_several_classes_at_once_are_explained(folder: Path, tmp_path: Path) -> None:
    found = values(folder / "p")
    by_class = sum(entry["seizures"] for entry in found["classes"].values())
    assert by_class > found["seizures"]
    told = "Seizures of different classes that touch or overlap are one seizure"
    assert told in run("score", folder / "p").stdout
    run("score", folder / "p", "--events", tmp_path / "e")  # a reference without classes
    assert told not in run("score", folder / "p", "--against", tmp_path / "e").stdout


def test_events_are_written_and_score_the_same(folder: Path, tmp_path: Path) -> None:
    values(folder / "p", "--events", tmp_path / "e")
    # what was predicted is right if it is compared with itself
    found = values(folder / "p", "--against", tmp_path / "e")
    assert found["total"]["taes"]["f1"] == 1


def test_a_threshold_from_another_split(folder: Path) -> None:
    found = values(folder / "p", "--threshold-from", folder / "p")
    best = tuszstore.open_predictions(folder / "p").sweep().best("f1")
    assert found["rule"]["threshold"] == best.threshold


def test_a_threshold_of_another_model_is_warned_of(folder: Path, tmp_path: Path) -> None:
    store = tuszstore.open(folder / "dev.zarr")
    for name, model in (("b", "b"), ("unnamed", "")):
        with tuszstore.write_predictions(store, tmp_path / name, model=model) as out:
            out.write(np.arange(len(store)), np.full(len(store), 0.4))
    result = run("score", folder / "p", "--threshold-from", tmp_path / "b", "--json")
    assert result.exit_code == 0
    (note,) = json.loads(result.stdout)["notes"]
    assert result.stderr == f"warning: {note}\n"
    assert note == (
        f"the threshold is of another model: {tmp_path / 'b'} names the model 'b', "
        f"{folder / 'p'} 'a'"
    )
    for other in (folder / "p", tmp_path / "unnamed"):
        result = run("score", folder / "p", "--threshold-from", other, "--json")
        assert result.stderr == ""
        assert json.loads(result.stdout)["notes"] == []


def test_the_threshold_of_another_split_is_of_events_made_alike(folder: Path) -> None:
    found = values(folder / "p", "--threshold-from", folder / "p", "--hysteresis", "0.6")
    best = max(
        (values(folder / "p", "--threshold", at, "--hysteresis", "0.6") for at in (0.6, 0.75, 0.9)),
        key=lambda scores: scores["total"]["szcore_events"]["f1"] or 0,
    )
    assert found["rule"]["threshold"] >= found["rule"]["hysteresis"] == 0.6
    f1 = found["total"]["szcore_events"]["f1"]
    assert f1 >= best["total"]["szcore_events"]["f1"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["nowhere"], "has no predictions: it does not exist"),
        (["dev.zarr"], "is a store and has no predictions"),
        (["p", "--threshold", "2"], "2.0 is not in the range"),
        (["p", "--threshold", "0.5", "--threshold-from", "p"], "exclude each other"),
        (["p", "--threshold", "0.2", "--hysteresis", "0.4"], "hysteresis must be within"),
        (["p", "--threshold-from", "p", "--hysteresis", "0.97"], "above all thresholds"),
        (["p", "--against", "nothing.tsv"], "nothing.tsv: does not exist"),
        (["p", "--against", "other_events.tsv"], "is of another recording"),
        (["p", "--against", "s0.csv_bi"], "with another duration: 90 s"),
        (["p", "--mode", "middle"], "'middle' is not one of"),
    ],
)
def test_wrong_usage_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], told: str
) -> None:
    monkeypatch.chdir(folder)
    Path("other_events.tsv").write_text("onset\tduration\teventType\n1\t2\tsz\n")
    Path("s0.csv_bi").write_text("# duration = 90 secs\nchannel,start_time,stop_time,label\n,1,2,x")
    result = run("score", *args)
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.startswith("tuszstore: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_report_shows_scores_and_the_worst(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "r.html"
    predictions = ["--predictions", folder / "p", "--threshold", 0.6, "-o", page]
    result = run("report", folder / "dev.zarr", *predictions)
    assert result.exit_code == 0, result.output
    text = page.read_text()
    for words in (
        "Predictions",
        "Model a, threshold 0.6",
        "SzCORE, events",
        "missed, ",
        "false alarm",
    ):
        assert words in text
    for option, value in (("--threshold", 0.6), ("--smooth", 0), ("--mode", "mean")):
        result = run("report", folder / "dev.zarr", option, value, "-o", page)
        assert f"{option} needs --predictions" in result.stderr
    make_store(tmp_path / "train.zarr", seed=9)
    result = run("report", tmp_path / "train.zarr", *predictions)
    assert result.exit_code == 1
    assert "belongs to another store" in result.stderr


@pytest.mark.slow
def test_a_report_detects_events_as_score_does(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "r.html"
    rule = ["--threshold-from", folder / "p", "--hysteresis", 0.5, "--smooth", 30]
    rule += ["--merge-gap", 20, "--min-duration", 40, "--mode", "max"]
    result = run("report", folder / "dev.zarr", "--predictions", folder / "p", *rule, "-o", page)
    assert result.exit_code == 0, result.output
    scores = values(folder / "p", *rule)
    text = page.read_text()
    assert (
        f"Model a, threshold {scores['rule']['threshold']:g}, hysteresis 0.5, smoothed over 30 s, "
        "gaps up to 20 s merged, events from 40 s on, overlapping windows: max."
    ) in text
    assert f"<dt>predicted events</dt><dd>{scores['events']}</dd>" in text
    assert scores["events"] != values(folder / "p")["events"]
