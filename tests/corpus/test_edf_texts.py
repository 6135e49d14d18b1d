"""Seizures in the texts of EDF+ annotations."""

from collections.abc import Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests.corpus.edf_files import Channel, eeg_channels, mark, time_keeping, write_edf
from tests.corpus.formats.test_edfplus import stamp, tal
from tuszstore.config import Labels
from tuszstore.corpus.annotations import Annotation, Unlabelled
from tuszstore.corpus.base import Recording
from tuszstore.corpus.edf_texts import read_edf_annotation
from tuszstore.errors import ConfigError, RecordingError

SECONDS = 40
Text = tuple[float, str] | tuple[float, str, float]


def annotations(*texts: Text) -> Channel:
    """Return an annotation signal of records of 1 s with texts, all in the first ones."""
    lists = [tal(onset, text, *rest) for onset, text, *rest in texts]
    per_record = -(-len(lists) // SECONDS) or 1
    records = [
        stamp(k) + b"".join(lists[k * per_record : (k + 1) * per_record]) for k in range(SECONDS)
    ]
    return time_keeping(records, per_record=64 * per_record)


def write(path: Path, *texts: Text, signals: Sequence[Channel] | None = None) -> Path:
    if signals is None:
        signals = list(eeg_channels(SECONDS, 16, names=("Cz",)).values())
    write_edf(path, [*signals, annotations(*texts)], reserved="EDF+C")
    return path


def read(path: Path, *texts: Text, **options: Any) -> Annotation:
    write(path, *texts)
    recording = Recording(id=path.name, path=path, folder="", patient="a")
    return read_edf_annotation(recording, Labels(annotation="edf+", **options))


def spans(found: Annotation) -> list[tuple[float, float | None, str, str]]:
    return [
        (e.onset, None if isnan(e.offset) else e.offset, e.label, e.meaning) for e in found.events
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.edf"


def test_starts_ends_and_spans(path: Path) -> None:
    found = read(
        path,
        (20.0, "sz_foc_ia", 5.0),
        (3.0, "Seizure onset left"),
        (4.0, "eyes open"),
        (9.5, "seizure END"),
        (30.0, "seizure right", 2.0),
    )
    assert spans(found) == [
        (3, 9.5, "Seizure onset left", "seiz"),
        (20, 25, "sz_foc_ia", ""),
        (30, 32, "seizure right", "seiz"),
    ]
    assert [event.row for event in found.events] == [2, 1, 5]
    assert all(isnan(event.confidence) for event in found.events)
    assert found.notes == ()


def test_a_start_without_an_end_is_open(path: Path) -> None:
    found = read(path, (3.0, "sz start"), (9.0, "sz end"), (30.0, "sz start"))
    assert spans(found) == [(3, 9, "sz start", "seiz"), (30, None, "sz start", "seiz")]
    assert spans(read(path, (3.0, "sz"))) == [(3, None, "sz", "")]


def test_patterns_that_are_given(path: Path) -> None:
    events = {"starts": ["EEG An*"], "ends": ["EEG Ende"], "spans": ["re:krampf\\d+"]}
    texts = ((1.0, "EEG Anfall"), (5.0, "EEG Ende"), (8.0, "Krampf12", 2.0))
    assert spans(read(path, *texts, events=events)) == [
        (1, 5, "EEG Anfall", "seiz"),
        (8, 10, "Krampf12", "seiz"),
    ]


def test_classes_what_is_ignored_and_what_is_mapped(path: Path) -> None:
    found = read(
        path,
        (1.0, "fnsz", 2.0),
        (5.0, "movement", 1.0),
        (8.0, "Krampf li.", 2.0),
        (20.0, "rest", 3.0),
        ignore=("mov*",),
        map={"krampf*": "gnsz"},
    )
    assert [event.label for event in found.events] == ["fnsz", "movement", "Krampf li."]


def test_other_texts_say_that_somebody_looked(path: Path) -> None:
    found = read(path, (1.0, "eyes open"), (2.0, "no seizure"), (3.0, "postictal"))
    assert found.events == ()
    assert found.notes == ("none of 3 EDF+ texts describes a seizure",)
    assert read(path, (0.0, "background", 40.0)).notes == ()


def test_a_text_that_looks_like_a_seizure_and_is_not_known(path: Path) -> None:
    with pytest.raises(RecordingError) as told:
        read(path, (1.0, "x"), (2.0, "Anfall links", 3.0))
    assert str(told.value).startswith(
        "a.edf, record 2: the text 'Anfall links' looks like a seizure, but its meaning "
        "is undefined: add a pattern to labels.events"
    )
    found = read(path, (2.0, "Anfall links", 3.0), unknown="background")
    assert spans(found) == [(2, 5, "Anfall links", "")]


def test_texts_that_are_repeated(path: Path) -> None:
    found = read(path, (2.0, "sz", 3.0), (2.0, "sz", 3.0), (2.0, "sz", 4.0))
    assert spans(found) == [(2, 5, "sz", ""), (2, 6, "sz", "")]
    assert found.notes == ("1 EDF+ text repeated, used once",)


def test_who_did_not_look(path: Path) -> None:
    with pytest.raises(Unlabelled, match=r"^a\.edf: its EDF\+ annotations have no text$"):
        read(path)
    write_edf(path, list(eeg_channels(SECONDS, 16, names=("Cz",)).values()))
    recording = Recording(id="a.edf", path=path, folder="", patient="a")
    with pytest.raises(Unlabelled, match=r"^a\.edf: has no EDF\+ annotations$"):
        read_edf_annotation(recording, Labels(annotation="edf+"))


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (((1.0, "sz onset"), (4.0, "sz onset")), "record 2: second start .'sz onset'., but that"),
        (((1.0, "x"), (4.0, "sz offset")), "record 2: 'sz offset' at 4 s has no start before it"),
        (((1.0, "sz \x00cut"),), "record 1: annotation is cut off"),
    ],
)
def test_what_cannot_be_read_names_file_and_record(
    path: Path, texts: tuple[Text, ...], reason: str
) -> None:
    with pytest.raises(RecordingError, match=rf"^a\.edf, {reason}"):
        read(path, *texts)


@given(st.lists(st.integers(0, 39_000), max_size=12, unique=True).map(sorted))
def test_pairs_are_read_back(tmp_path_factory: pytest.TempPathFactory, times: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / "pairs.edf"
    pairs = list(zip(times[::2], times[1::2], strict=False))
    texts = [
        (at / 1000, text)
        for pair in pairs
        for at, text in zip(pair, ("sz start", "sz end"), strict=True)
    ]
    found = read(path, *texts, (0.0, "begin"))
    assert [(e.onset, e.offset) for e in found.events] == [
        (pytest.approx(a / 1000), pytest.approx(b / 1000)) for a, b in pairs
    ]


def test_the_configuration_names_it() -> None:
    assert tuszstore.load_config(options={"labels.annotation": "edf+"}).labels.annotation == "edf+"
    with pytest.raises(ConfigError, match=r"unknown annotation format 'edf'.*\(or edf\+, none\)"):
        tuszstore.load_config(options={"labels.annotation": "edf"})
    with pytest.raises(ConfigError, match=r"labels\.events: starts: 're:\(' is not a regular expr"):
        tuszstore.load_config(options={"labels.events.starts": ["re:("]})


@pytest.mark.parametrize("corpus", ["folder", "bids", "tusz"])
def test_stores_of_any_corpus(tmp_path: Path, corpus: str) -> None:
    root = tmp_path / corpus
    for patient in ("a1", "a2"):
        path = (
            root
            / {
                "folder": f"{patient}/night.edf",
                "bids": f"sub-{patient}/eeg/sub-{patient}_task-x_eeg.edf",
                "tusz": f"train/{patient}/s001_2010/01_tcp_ar/{patient}_s001_t000.edf",
            }[corpus]
        )
        signals = list(eeg_channels(SECONDS).values())
        write(path, (12.0, "Seizure start"), (22.0, "Seizure end"), signals=signals)
        mark(path, patient)
    empty = root / "a1" / "day.edf" if corpus == "folder" else None
    if empty:
        write(empty, signals=list(eeg_channels(SECONDS, 250).values()))
    config = tuszstore.load_config(
        "bipolar",
        {
            "corpus.split_policy": "patient",
            "labels.annotation": "edf+",
            "windows.length": 10.0,
        },
    )
    left_out = []
    for split in ("train", "dev"):
        report = tuszstore.build(config, split=split, data=root, store=tmp_path / "s", workers=0)
        store = tuszstore.open(report.store)
        assert store.recordings["corpus"].values.tolist() == [corpus]
        np.testing.assert_allclose(store.index["seizure_fraction"].values, [0, 0.8, 0.2, 0])
        assert store.events["class"].values.tolist() == ["Seizure start"]
        left_out += [entry.reason for entry in report.left_out]
    told = "unlabelled: day.edf: its EDF+ annotations have no text"
    assert left_out == ([told] if corpus == "folder" else [])


def test_an_open_end_lasts_as_long_as_is_configured(tmp_path: Path) -> None:
    for patient in ("a1", "a2"):
        signals = list(eeg_channels(SECONDS).values())
        write(tmp_path / "d" / patient / "n.edf", (12.0, "sz onset"), signals=signals)
        mark(tmp_path / "d" / patient / "n.edf", patient)
    config = tuszstore.load_config(
        "bipolar",
        {
            "corpus.split_policy": "patient",
            "labels.annotation": "edf+",
            "corpus.patient": "folder",
            "labels.open_end": 5,
            "windows.length": 10.0,
        },
    )
    report = tuszstore.build(config, split="train", data=tmp_path / "d", store=tmp_path, workers=0)
    store = tuszstore.open(report.store)
    np.testing.assert_allclose(store.index["seizure_fraction"].values, [0, 0.5, 0, 0])
    np.testing.assert_equal(store.events["offset"].values, [nan])
