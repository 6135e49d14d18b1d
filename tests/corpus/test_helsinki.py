"""The Helsinki neonates: three experts, each with one file for all recordings."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests.corpus.edf_files import CHANNELS, channel, write_edf
from tuszstore.corpus.annotations import Looked, Unlabelled
from tuszstore.corpus.helsinki import Helsinki
from tuszstore.corpus.recognition import recognise
from tuszstore.errors import RecordingError

SECONDS = 60
A, B, C = "annotations_2017_A_fixed.csv", "annotations_2017_B.csv", "annotations_2017_C.csv"


def recording(root: Path, number: int, reference: str = "Ref") -> None:
    labels = [f"EEG {name}-{reference}" for name in CHANNELS] + ["ECG EKG", "Resp Effort"]
    signals = [channel(f"{number}{one}", SECONDS, label=one) for one in labels]
    write_edf(root / f"eeg{number}.edf", signals)


def column(*spans: tuple[int, int], seconds: int = SECONDS) -> list[int]:
    marks = np.zeros(seconds, int)
    for onset, end in spans:
        marks[onset:end] = 1
    return marks.tolist()


def expert(path: Path, columns: Mapping[int, Sequence[int]], end: str = "\n") -> None:
    longest = max(map(len, columns.values()))
    rows = [",".join(map(str, columns))] + [
        ",".join(str(one[k]) if k < len(one) else "" for one in columns.values())
        for k in range(longest)
    ]
    path.write_bytes(end.join([*rows, ""]).encode())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three newborns; A saw two seizures, B one, C half of a recording."""
    root = tmp_path_factory.mktemp("helsinki")
    for number, reference in ((1, "Ref"), (7, "REF"), (12, "Ref")):
        recording(root, number, reference)
    none = column()
    expert(root / A, {1: column((0, 20), (40, 60)), 7: none, 12: column((10, 30))})
    expert(root / B, {1: column((10, 30)), 7: none, 12: none})
    expert(root / C, {1: column((15, 20), seconds=30), 7: none, 12: column((20, 40))})
    (root / "annotations_2017_A.csv").write_text("1,7,12\n" + "1,1,1\n" * SECONDS)
    return root


def read(corpus: Path, number: int) -> dict[str, list[tuple[float, float]]]:
    opened = Helsinki(corpus, {})
    found = opened.annotation(opened.find(f"eeg{number}.edf"))
    return {
        rater: [(e.onset, e.offset) for e in found.events if e.rater == rater]
        for rater in found.raters
    }


def test_each_expert_is_a_rater_and_the_fixed_file_counts(corpus: Path) -> None:
    assert read(corpus, 1) == {"A": [(0, 20), (40, 60)], "B": [(10, 30)], "C": [(15, 20)]}
    assert read(corpus, 7) == {"A": [], "B": [], "C": []}
    assert read(corpus, 12) == {"A": [(10, 30)], "B": [], "C": [(20, 40)]}


def test_what_an_expert_did_not_look_at(corpus: Path) -> None:
    opened = Helsinki(corpus, {})
    assert opened.annotation(opened.find("eeg1.edf")).looked == (Looked("C", 0, 30),)
    assert opened.annotation(opened.find("eeg7.edf")).looked == ()
    assert opened.annotation(opened.find("eeg1.edf")).seconds == SECONDS


@pytest.mark.parametrize(
    ("rule", "seizure", "unlabelled"),
    [
        ("any", 50, 0),
        ("majority", 10, 0),
        ("all", 5, 0),
        ("A", 40, 0),
        ("B", 20, 0),
        ("C", 5, 30),
    ],
)
def test_labels_by_rater(
    corpus: Path, tmp_path: Path, rule: str, seizure: int, unlabelled: int
) -> None:
    """Of the first recording, second by second; behind 30 s one of two is no majority."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("eeg1.edf", "eeg7.edf", A, B, C):
        shutil.copy(corpus / name, data)
    config = tuszstore.load_config(
        "bipolar",
        {
            "corpus.split_policy": "file_order",
            "labels.rater": rule,
            "windows.length": 1,
            "windows.stride": 1,
        },
    )
    report = tuszstore.build(config, data=data, store=tmp_path / "s", workers=0)
    store = tuszstore.open(report.store)
    row = [str(id_) for id_ in store.recordings["id"].values].index("eeg1.edf")
    category = store.metadata.windows["category"][store.metadata.windows["recording"] == row]
    assert int((category > 0).sum()) == seizure
    assert int((category < 0).sum()) == unlabelled


def test_all_raters_are_stored(corpus: Path, tmp_path: Path) -> None:
    config = tuszstore.load_config("bipolar", {"corpus.split_policy": "patient"})
    reports = [
        tuszstore.build(config, split=split, data=corpus, store=tmp_path, workers=0)
        for split in ("train", "dev")
    ]
    assert not any(report.failed for report in reports)
    raters: set[str] = set()
    patients = []
    for report in reports:
        store = tuszstore.open(report.store)
        raters |= {str(rater) for rater in store.events["rater"].values}
        patients += [str(patient) for patient in store.recordings["patient"].values]
        assert store.spec.sfreq == 256
    assert raters >= {"A", "B", "C"}
    assert sorted(patients) == ["eeg1", "eeg12", "eeg7"]


def test_channels_are_those_of_tusz(corpus: Path, small_corpus: Path, tmp_path: Path) -> None:
    policy = {"corpus.split_policy": "file_order"}
    config = tuszstore.load_config("bipolar", policy)
    channels = [
        tuszstore.open(
            tuszstore.build(config, data=data, store=tmp_path / name, workers=0, limit=1).store
        ).spec.channels
        for data, name in ((corpus, "a"), (small_corpus, "b"))
    ]
    assert channels[0] == channels[1]


def small(root: Path, **files: str | bytes) -> Helsinki:
    """One recording of three seconds, and files of experts by their letters."""
    if not (root / "eeg1.edf").exists():
        signals = [channel("Cz", 3, label="EEG Cz-Ref")]
        write_edf(root / "eeg1.edf", signals)
    for letter, text in files.items():
        content = text if isinstance(text, bytes) else text.encode()
        (root / f"annotations_2017_{letter}.csv").write_bytes(content)
    return Helsinki(root, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ": is empty"),
        ("1\n", ": has no values"),
        ("1,x\n0,0\n", ", line 1: not the number of a recording: 'x'"),
        ("1,1\n0,0\n", ", line 1: recording 1 has two columns"),
        ("1;2\n0;0\n", ", line 1: not the number of a recording"),
        ("1,2\n0,0\n0", ", line 3: has 1 cells for 2 recordings"),
        ("1,2\n0,0\n2,0\n", ", line 3: eeg1 has '2', not 0 or 1"),
        ("1,2\n0,0\n,0\n1,0\n", ", line 4: eeg1 has a value after its end at 1 s"),
        (b"1\n0\n\x00\n", ", byte 4: not a text file"),
        ("1\n0\n".encode("utf-16"), ": UTF-16 text; save it as UTF-8"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    corpus = small(tmp_path, A="1\n0\n1\n0\n", B=text)
    with pytest.raises(RecordingError, match=rf"^annotations_2017_B\.csv{told}") as error:
        corpus.annotation(corpus.find("eeg1.edf"))
    assert not isinstance(error.value, Unlabelled)


def test_a_bad_column_costs_its_recording_alone(tmp_path: Path) -> None:
    corpus = small(tmp_path, A="1,2\n0,x\n1,0\n0,0\n")
    assert len(corpus.annotation(corpus.find("eeg1.edf")).events) == 1
    with pytest.raises(RecordingError, match="line 2: eeg2 has 'x'"):
        corpus.annotation(corpus.find("eeg2.edf"))


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_encodings_and_line_ends(tmp_path: Path, start: bytes, end: bytes) -> None:
    corpus = small(tmp_path, A=start + b'"1",2\n0,0\n1,0\n0,\n'.replace(b"\n", end))
    (event,) = corpus.annotation(corpus.find("eeg1.edf")).events
    assert (event.onset, event.offset, event.row) == (1, 2, 3)


def test_recordings_that_nobody_annotated(tmp_path: Path) -> None:
    corpus = small(tmp_path, A="2\n0\n1\n", B="1,2\n,0\n,1\n")
    told = r"^no values of it in annotations_2017_A\.csv or annotations_2017_B\.csv$"
    with pytest.raises(Unlabelled, match=told):
        corpus.annotation(corpus.find("eeg1.edf"))
    with pytest.raises(Unlabelled, match="its name has no number"):
        corpus.annotation(corpus.find("other.edf"))
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    with pytest.raises(Unlabelled, match=r"^no annotations_2017_\*\.csv beside it$"):
        corpus.annotation(corpus.find("eeg1.edf"))


def test_an_expert_without_a_column_is_no_rater(tmp_path: Path) -> None:
    corpus = small(tmp_path, A="2\n0\n", C="1\n0\n1\n0\n")
    assert corpus.annotation(corpus.find("eeg1.edf")).raters == ("C",)


def test_columns_without_a_recording_are_told(tmp_path: Path) -> None:
    corpus = small(tmp_path, A="1,2,3,4\n0,1,0,\n", B="1\n0\n")
    assert corpus.recordings().notes == [
        "annotations_2017_A.csv has 2 recordings not in the corpus, such as 2"
    ]


def test_the_digest_is_of_the_recordings_own_columns(tmp_path: Path) -> None:
    corpus = small(tmp_path, A="1,2\n0,0\n1,0\n0,0\n")
    one = corpus.find("eeg1.edf")
    before = corpus.annotation(one).digest
    small(tmp_path, A="1,2\n0,0\n1,1\n0,0\n")
    assert corpus.annotation(one).digest == before
    small(tmp_path, A="1,2\n0,0\n1,1\n1,0\n")
    assert corpus.annotation(one).digest != before


def test_recordings_are_in_the_order_of_their_numbers(corpus: Path) -> None:
    found = Helsinki(corpus, {}).recordings()
    assert [one.id for one in found.recordings] == ["eeg1.edf", "eeg7.edf", "eeg12.edf"]
    assert [one.patient for one in found.recordings] == ["eeg1", "eeg7", "eeg12"]
    assert found.notes == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("annotations_2017_A_fixed.csv", "helsinki"),
        ("zenodo/annotations_2017_B.csv", "helsinki"),
        ("eeg1.edf", "folder"),
        ("annotations_2017.mat", "folder"),
    ],
)
def test_helsinki_is_recognised(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert recognise(tmp_path).name == found


COLUMN = st.lists(st.integers(0, 1), min_size=1, max_size=8)


@given(st.dictionaries(st.sampled_from("ABC"), COLUMN, min_size=1))
def test_any_columns_are_the_raters_seconds(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[int]]
) -> None:
    root = tmp_path_factory.mktemp("any")
    texts = {letter: "1\n" + "".join(f"{v}\n" for v in one) for letter, one in columns.items()}
    corpus = small(root, **texts)
    found = corpus.annotation(corpus.find("eeg1.edf"))
    assert found.raters == tuple(sorted(columns))
    for letter, marks in columns.items():
        painted = np.zeros(len(marks), int)
        for event in found.events:
            if event.rater == letter:
                painted[int(event.onset) : int(event.offset)] = 1
        assert painted.tolist() == marks
