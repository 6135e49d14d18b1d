"""TUSZ before version 2: its folders, and its four files of annotations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests.corpus.edf_files import eeg, mark
from tuszstore.builder.remarks import other_annotations
from tuszstore.config import Labels
from tuszstore.corpus.annotations import Annotation, Looked, Unlabelled
from tuszstore.corpus.base import Recording
from tuszstore.corpus.events import mark_events
from tuszstore.corpus.folder import Folder
from tuszstore.corpus.old_tusz import read_lbl_events, read_tse_events
from tuszstore.corpus.recognition import recognise
from tuszstore.corpus.tusz import Tusz
from tuszstore.errors import RecordingError
from tuszstore.store.labels import UNLABELLED

SECONDS = 40
HEAD = """\
version = lbl_v1.0.0

montage =  0, FP1-F7: EEG FP1-REF --  EEG F7-REF
montage =  1, F7-T3: EEG F7-REF --  EEG T3-REF
montage =  7, F8-T4 : EEG F8-REF --  EEG T4-REF

number_of_levels = 1

level[0] = 1

symbols[0] = {0: '(null)', 1: 'bckg', 2: 'seiz', 3: 'fnsz'}

"""


def test_a_file_without_rows_is_not_told_as_one_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "00009578_s006_t001.edf"
    recording = Recording(path.name, path, "", "00009578")
    path.with_suffix(".tse").touch()
    path.with_suffix(".csv_bi").write_text("channel,start_time,stop_time,label,confidence\n")
    path.with_suffix(".lbl").write_text("x")
    assert other_annotations([recording], "csv") == [
        "1 recording treated as unlabelled, although .lbl annotations exist beside: "
        "to read those of all recordings, --set labels.annotation=lbl"
    ]


def tse(*rows: str) -> str:
    return "version = tse_v1.0.0\n\n" + "".join(f"{row}\n" for row in rows)


def lbl(*rows: tuple[float, float, int, str]) -> str:
    """Return a file; rows are start, stop, montage number and class."""
    names = ["(null)", "bckg", "seiz", "fnsz"]
    lines = []
    for start, stop, channel, name in rows:
        odds = ", ".join("1.0" if one == name else "0.0" for one in names)
        lines.append(f"label = {{0, 0, {start:.4f}, {stop:.4f}, {channel}, [{odds}]}}\n")
    return HEAD + "".join(lines)


FILES = {
    "tse": tse("0.0000 12.0000 bckg 1.0000", "12.0000 22.0000 fnsz 1.0000", "22 40 bckg 1.0000"),
    "tse_bi": tse("0.0 12.0 bckg 1.0", "12.0 22.0 seiz 1.0", "22.0 40.0 bckg 1.0"),
    "lbl": lbl((0, 12, -1, "bckg"), (12, 20, 0, "fnsz"), (14, 22, 7, "fnsz"), (22, 40, -1, "bckg")),
    "lbl_bi": lbl((0, 12, -1, "bckg"), (12, 22, -1, "seiz"), (22, 40, -1, "bckg")),
}


def name(patient: str, session: int = 6, token: int = 1) -> str:
    return f"{patient}_s{session:03}_t{token:03}"


def place(
    root: Path, split: str, patient: str, *, session: int = 6, token: int = 1, montage: str = "ar"
) -> Path:
    """Return where a recording lies, without its suffix."""
    folder = {"ar": "01_tcp_ar", "le": "02_tcp_le", "ar_a": "03_tcp_ar_a"}[montage]
    inside = f"{folder}/{patient[3:6]}/{patient}/s{session:03}_2012_07_05"
    return root / "edf" / split / inside / name(patient, session, token)


def touch(path: Path, *suffixes: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for suffix in ("edf", *suffixes):
        content = FILES.get(
            suffix, "channel,start_time,stop_time,label,confidence\nTERM,0,1,bckg,1\n"
        )
        Path(f"{path}.{suffix}").write_text(content)


def annotation(path: Path, root: Path, kind: str = "csv") -> Annotation:
    corpus = Tusz(root, {"annotation": kind})
    return corpus.annotation(corpus.find(Path(f"{path}.edf").relative_to(root).as_posix()))


# --- folders ------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["dev", "train", "dev_test"])
def test_recordings(tmp_path: Path, split: str) -> None:
    path = place(tmp_path, split, "00009578")
    touch(path, "tse")
    assert recognise(tmp_path).name == recognise(tmp_path / "edf").name == "tusz"
    corpus = Tusz(tmp_path, {})
    (found,) = corpus.recordings().recordings
    assert found == Recording(
        id=Path(f"{path}.edf").relative_to(tmp_path).as_posix(),
        path=Path(f"{path}.edf"),
        folder="train" if split == "train" else "dev",
        patient="00009578",
        session="s006",
        montage="01_tcp_ar",
        reference="AR",
        folders=("00009578", "s006_2012_07_05"),
    )
    assert corpus.find(found.id) == found


def test_one_patient_under_several_montages(tmp_path: Path) -> None:
    for montage, session in (("ar", 6), ("le", 2), ("ar_a", 3)):
        touch(place(tmp_path, "train", "00009578", session=session, montage=montage), "tse")
    found = Tusz(tmp_path, {}).recordings().recordings
    assert {one.patient for one in found} == {"00009578"}
    assert [(one.montage, one.reference) for one in found] == [
        ("01_tcp_ar", "AR"),
        ("02_tcp_le", "LE"),
        ("03_tcp_ar_a", "AR"),
    ]


def test_other_folders_are_not_taken_for_tusz(tmp_path: Path) -> None:
    for folder in (
        "train/01_tcp_ar/002/00009578",
        "train/01_tcp_ar/0002/00009578/s006_2012_07_05",
        "train/x/002/00009578/s006_2012_07_05",
        "other/01_tcp_ar/002/00009578/s006_2012_07_05",
    ):
        (tmp_path / folder).mkdir(parents=True)
    assert not Tusz.recognises(tmp_path)


def test_a_group_is_no_patient_of_a_plain_folder(tmp_path: Path) -> None:
    touch(place(tmp_path, "train", "00009578"))
    (found,) = Folder(tmp_path, {}).recordings().recordings
    assert (found.patient, found.montage) == ("00009578", "01_tcp_ar")


# --- which file ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "there", "read"),
    [
        ("csv", ("csv", "tse", "lbl"), "csv"),
        ("csv", ("lbl", "tse", "tse_bi"), "tse"),
        ("csv", ("lbl", "tse_bi"), "lbl"),
        ("csv_bi", ("tse", "tse_bi", "lbl_bi"), "tse_bi"),
        ("csv_bi", ("csv", "lbl_bi"), "lbl_bi"),
        ("lbl", ("csv", "tse", "lbl"), "lbl"),
        ("tse_bi", ("csv", "tse", "tse_bi"), "tse_bi"),
    ],
)
def test_which_file_is_read(tmp_path: Path, kind: str, there: tuple[str, ...], read: str) -> None:
    path = place(tmp_path, "train", "00009578")
    touch(path, *there)
    corpus = Tusz(tmp_path, {"annotation": kind})
    (recording,) = corpus.recordings().recordings
    assert corpus.files(recording).annotation == (Path(f"{path}.{read}"),)
    notes = corpus.annotation(recording).notes
    assert notes == (() if read == kind else (f"no .{kind} beside it: .{read} is used",))


def test_what_is_not_asked_for_is_not_read(tmp_path: Path) -> None:
    path = place(tmp_path, "train", "00009578")
    touch(path, "tse_bi")
    with pytest.raises(
        Unlabelled, match=r"\*\.tse_bi exists beside it: .* use --set labels\.annotati"
    ):
        annotation(path, tmp_path, "csv")
    with pytest.raises(Unlabelled, match=r"no annotation file .*\.lbl, but \*\.tse_bi exists"):
        annotation(path, tmp_path, "lbl")


# --- what the files say -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FILES)
def test_all_four_say_the_same(tmp_path: Path, kind: str) -> None:
    path = place(tmp_path, "train", "00009578")
    touch(path, *FILES)
    found = annotation(path, tmp_path, kind)
    channels = {"lbl": ["FP1-F7", "F8-T4"]}.get(kind, ["TERM"])
    assert [event.channel for event in found.events] == channels
    assert {event.label for event in found.events} == {"seiz" if "bi" in kind else "fnsz"}
    marked = mark_events(found, SECONDS * 256, 256, Labels())
    assert (marked.first.min(), marked.stop.max()) == (12 * 256, 22 * 256)
    assert found.seconds == (40 if "tse" in kind else None)
    assert [(one.onset, one.offset) for one in found.looked] == ([(0, 41)] if "tse" in kind else [])


def test_time_that_no_row_covers_is_unlabelled() -> None:
    text = tse("2 10 bckg 1", "10.004 12 seiz 1", "20 30 bckg 1", "25 40 fnsz 1")
    found = read_tse_events(text, "a.tse")
    assert found.looked == (Looked("", 2, 12), Looked("", 20, 41))
    assert found.notes == (
        "no row covers 0 to 2 s: unlabelled",
        "no row covers 12 to 20 s: unlabelled",
    )
    marked = mark_events(found, SECONDS * 256, 256, Labels())
    unlabelled = marked.bit == UNLABELLED
    stretches = zip(marked.first[unlabelled] / 256, marked.stop[unlabelled] / 256, strict=True)
    assert sorted(stretches) == [(0, 2), (12, 20)]


def test_a_file_that_ends_before_its_recording() -> None:
    """Such as one that was cut off behind a row: nobody looked at what follows."""
    marked = mark_events(read_tse_events(tse("0 12 bckg 1"), "a.tse"), 400, 10, Labels())
    assert (marked.first.tolist(), marked.stop.tolist()) == ([130], [400])
    assert marked.bit.tolist() == [UNLABELLED]
    whole = read_tse_events(tse("0 39.9 bckg 1"), "a.tse")
    assert not mark_events(whole, 400, 10, Labels()).events


def test_many_stretches_are_not_all_told() -> None:
    text = tse(*(f"{k} {k + 0.5} bckg 1" for k in range(1, 9)))
    notes = read_tse_events(text, "a.tse").notes
    assert notes[-1] == "and 5 more stretches"
    assert len(notes) == 4


def test_what_has_no_class_is_no_event() -> None:
    text = lbl((0, 12, -1, "(null)"), (12, 20, 1, "seiz"))
    assert [event.label for event in read_lbl_events(text, "a.lbl").events] == ["seiz"]


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("tse", "version = tse_v2.0.0\n0 1 bckg 1\n", r", line 1: version 'tse_v2\.0\.0' is not"),
        ("tse", tse("0 1 bckg"), ", line 3: not a row of start, stop, class and probability"),
        ("tse", tse("0:00:05 1 bckg 1"), ", line 3: start is not a time in seconds: '0:00:05'"),
        ("tse", tse("5 1 seiz 1"), r", line 3: event ends \(1 s\) before it starts \(5 s\)"),
        ("tse", tse("1 2 seiz 1", "1 2 seiz 1"), ", line 4: the same event as in line 3"),
        ("tse", "version = tse_v1.0.0\n", ": has no events"),
        ("lbl", FILES["lbl"][:-20], ", line 16: cannot be read: 'label = "),
        ("lbl", HEAD, ": has no labels"),
        ("lbl", FILES["lbl"].replace("-1,", "9,"), ", line 13: no montage '9' before it"),
        ("lbl", FILES["tse"], ", line 1: version 'tse_v1"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(
    tmp_path: Path, kind: str, content: str, reason: str
) -> None:
    path = place(tmp_path, "train", "00009578")
    touch(path)
    Path(f"{path}.{kind}").write_text(content)
    with pytest.raises(RecordingError, match=rf"^{path.name}\.{kind}{reason}"):
        annotation(path, tmp_path, kind)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("change", ["CRLF", "CR", "BOM", "comment"])
def test_spellings(tmp_path: Path, kind: str, change: str) -> None:
    path = place(tmp_path, "train", "00009578")
    touch(path, *FILES)
    plain = annotation(path, tmp_path, kind)
    text = FILES[kind]
    changed = {
        "CRLF": text.replace("\n", "\r\n"),
        "CR": text.replace("\n", "\r"),
        "BOM": "\ufeff" + text,
        "comment": "# von Hand geprüft\n" + text,
    }[change]
    Path(f"{path}.{kind}").write_bytes(changed.encode())
    found = annotation(path, tmp_path, kind)
    assert [(e.channel, e.onset, e.offset, e.label) for e in found.events] == [
        (e.channel, e.onset, e.offset, e.label) for e in plain.events
    ]


ROWS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 50), st.sampled_from(["bckg", "seiz", "fnsz"])),
    min_size=1,
    max_size=8,
    unique=True,
)


@given(ROWS)
def test_samples_are_labelled_where_a_row_is(rows: list[tuple[int, int, str]]) -> None:
    """Each sample up to the last row: by a model that goes through them one by one."""
    found = read_tse_events(tse(*(f"{a / 10} {(a + n) / 10} {c} 1" for a, n, c in rows)), "a.tse")
    end = max(a + n for a, n, _ in rows)
    marked = mark_events(found, end, 10, Labels())
    label = np.zeros(end, int)
    for first, stop, bit in zip(marked.first, marked.stop, marked.bit, strict=True):
        label[first:stop] |= int(bit)
    bits = {"bckg": 0, "seiz": 1, "fnsz": 2}
    for k in range(end):
        here = [c for a, n, c in rows if a <= k < a + n]
        expected = sum({bits[c] for c in here}) if here else UNLABELLED
        assert label[k] == expected, k


# --- stores -------------------------------------------------------------------------------------


def test_stores_of_old_and_new_tusz_are_one_eeg(tmp_path: Path) -> None:
    """The commands differ in ``--data`` alone."""
    patients = ("00000258", "00009578")
    for patient in patients:
        old = place(tmp_path / "old", "train", patient)
        eeg(Path(f"{old}.edf"), SECONDS)
        for kind, content in FILES.items():
            Path(f"{old}.{kind}").write_text(content)
        new = tmp_path / "new" / "edf" / "train" / patient / "s006_2012" / "01_tcp_ar"
        eeg(new / f"{name(patient)}.edf", SECONDS)
        (new / f"{name(patient)}.csv").write_text(
            "channel,start_time,stop_time,label,confidence\nTERM,12,22,fnsz,1\n"
        )
        for path in (Path(f"{old}.edf"), new / f"{name(patient)}.edf"):
            mark(path, f"patient {patient}")
    stores: dict[str, list[Any]] = {}
    config = tuszstore.load_config(
        "bipolar", {"corpus.split_policy": "patient", "windows.length": 10.0}
    )
    for version in ("old", "new"):
        root, store = tmp_path / version, tmp_path / f"{version}-stores"
        for split in ("train", "dev"):
            report = tuszstore.build(config, split=split, data=root, store=store, workers=0)
            assert not report.failed
            stores.setdefault(version, []).append(tuszstore.open(report.store))
    for one, other in zip(*stores.values(), strict=True):
        assert (one.spec.channels, one.spec.sfreq) == (other.spec.channels, other.spec.sfreq)
        np.testing.assert_array_equal(one.read([0, 1, 2, 3]), other.read([0, 1, 2, 3]))
        fractions = [s.index["seizure_fraction"].values.tolist() for s in (one, other)]
        assert fractions == [[0, 0.8, 0.2, 0]] * 2
