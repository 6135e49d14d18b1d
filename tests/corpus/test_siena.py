"""The Siena database with all its quirks: clock times, names with slips, decisions."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests.cli.runner import run
from tests.corpus.siena_files import (
    SEIZURES,
    STARTS,
    block,
    recording,
    write_list,
    write_siena,
)
from tuszstore.builder.reindex import reindex
from tuszstore.corpus.annotations import Unlabelled
from tuszstore.corpus.choose import choose_corpus
from tuszstore.corpus.formats.errata import load_errata
from tuszstore.corpus.recognition import recognise
from tuszstore.corpus.siena import Siena
from tuszstore.errors import ConfigError, CorpusError, RecordingError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_siena(tmp_path_factory.mktemp("siena"))


@pytest.fixture(scope="module")
def stores(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuszstore.Store]:
    root = tmp_path_factory.mktemp("stores")
    config = tuszstore.load_config("bipolar", {"corpus.split_policy": "patient"})
    reports = [
        tuszstore.build(config, split=split, data=corpus, store=root, workers=0)
        for split in ("train", "dev")
    ]
    assert not any(report.failed for report in reports), reports
    return {report.split: tuszstore.open(report.store) for report in reports}


def read(corpus: Path | Siena, **options: object) -> dict[str, list[tuple[float, float]] | str]:
    """The seizures of each recording, or why it has none."""
    opened = corpus if isinstance(corpus, Siena) else Siena(corpus, options)
    found: dict[str, list[tuple[float, float]] | str] = {}
    for one in opened.recordings().recordings:
        try:
            events = opened.annotation(one).events
            found[one.path.stem] = [(event.onset, event.offset) for event in events]
        except RecordingError as error:
            found[one.path.stem] = f"{type(error).__name__}: {error}"
    return found


def notes(corpus: Path, name: str, **options: object) -> list[str]:
    opened = Siena(corpus, options)
    found = opened.find(f"{name[:4]}/{name}.edf")
    return [*opened.facts(found).notes, *opened.annotation(found).notes]


def test_seizures_are_those_of_the_lists_with_errata(corpus: Path) -> None:
    assert read(corpus) == SEIZURES


def test_stores_have_the_seizures(stores: dict[str, tuszstore.Store]) -> None:
    found: dict[str, list[tuple[float, float]]] = {}
    for store in stores.values():
        ids = store.recordings["id"].values[store.events["recording"].values]
        times = zip(store.events["onset"].values, store.events["offset"].values, strict=True)
        for id_, (onset, end) in zip(ids, times, strict=True):
            found.setdefault(Path(id_).stem, []).append((float(onset), float(end)))
    assert found == SEIZURES


def test_patients_are_folders_and_in_one_split(stores: dict[str, tuszstore.Store]) -> None:
    of: dict[str, set[str]] = {}
    for split, store in stores.items():
        table = store.recordings
        rows = zip(table["id"].values, table["patient"].values, strict=True)
        for id_, patient in rows:
            assert str(id_).startswith(f"{patient}/")
            of.setdefault(str(patient), set()).add(split)
        assert set(table["corpus"].values) == {"siena"}
        assert set(table["clock"].values) == {"none"}  # all headers have one date
    assert of.keys() == {name[:4] for name in STARTS}
    assert Counter(map(len, of.values())) == {1: 9}


def test_channels_and_rate_are_those_of_tusz(
    stores: dict[str, tuszstore.Store], small_corpus: Path, tmp_path: Path
) -> None:
    report = tuszstore.build("bipolar", data=small_corpus, store=tmp_path, workers=0, limit=1)
    tusz = tuszstore.open(report.store)
    for store in stores.values():
        assert store.spec.channels == tusz.spec.channels
        assert store.spec.sfreq == tusz.spec.sfreq == 256


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("PN00-3", "end of seizure 3 in the list read as 18.29.29 (erratum)"),
        ("PN01-1", "named 'PN01.edf' in Seizures-list-PN01.txt (erratum)"),
        ("PN01-1", "the second is of the same file (erratum)"),
        ("PN05-3", "start of the recording in the list (06.01.23) read as that of its header "
                   "(erratum siena_pn05_3_start: header)"),
        ("PN06-1", "named 'PNO6-1.edf' in Seizures-list-PN06.txt (erratum)"),
        ("PN06-2", "named 'PNO6-2.edf' in Seizures-list-PN06.txt (erratum)"),
        ("PN10-2", "end of seizure 2 in the list read as 11.41.04 "
                   "(erratum siena_pn10_2_end: first)"),
        ("PN10-3", "start of seizure 3 in the list read as 15.43.59 "
                   "(erratum siena_pn10_3_onset: electric)"),
        ("PN10-4.5.6", "clinical onset of seizure 6 only, the electric one"),
        ("PN10-4.5.6", "start of seizure 6: 'CLINICAL ONSET'"),
        ("PN10-7.8.9", "start of the recording in the list (1 6.49.25) read as 16.49.25 (erratum)"),
        ("PN11-1", "named 'PN11-.edf' in Seizures-list-PN11.txt (erratum)"),
        ("PN12-1.2", "the registration times stand with the first seizure only"),
        ("PN14-3", "start of the recording in the list (16.17.45) read as that of its header "
                   "(erratum)"),
        ("PN16-1", "seizure 1: 'in sleep'"),
    ],
)  # fmt: skip
def test_what_was_put_right_is_noted(corpus: Path, name: str, told: str) -> None:
    assert any(told in note for note in notes(corpus, name)), notes(corpus, name)


def test_every_row_of_the_table_shows_in_the_notes(corpus: Path, tmp_path: Path) -> None:
    """But for PN06-4, which the others stand for."""
    recording(tmp_path, "PN06-4", "11.00.00")
    shutil.copy(corpus / "PN06" / "Seizures-list-PN06.txt", tmp_path / "PN06")
    told = [n for name in STARTS for n in notes(corpus, name)] + notes(tmp_path, "PN06-4")
    assert sum("(erratum" in note for note in told) == len(load_errata("siena"))


def test_a_recording_without_a_slip_has_no_notes(corpus: Path) -> None:
    assert notes(corpus, "PN00-1") == notes(corpus, "PN06-3") == []


@pytest.mark.parametrize(
    ("decision", "name", "seizures"),
    [
        ({"siena_pn10_3_onset": "clinical"}, "PN10-3", [(13, 30)]),
        ({"siena_pn10_3_onset": "electric"}, "PN10-3", [(19, 30)]),
        ({"siena_pn10_2_end": "second"}, "PN10-2", [(5, 13)]),
        ({"siena_pn05_3_start": "list"}, "PN05-3", [(10, 20)]),
    ],
)
def test_decisions(
    corpus: Path, decision: dict[str, str], name: str, seizures: list[tuple[float, float]]
) -> None:
    config = tuszstore.load_config(None, {"corpus.decisions": decision})
    options = dict(choose_corpus(config, corpus).options)
    assert read(corpus, **options) == SEIZURES | {name: seizures}
    (key, choice) = next(iter(decision.items()))
    assert any(f"(erratum {key}: {choice})" in note for note in notes(corpus, name, **options))


def test_a_decision_of_another_corpus_is_no_error(corpus: Path) -> None:
    """One configuration serves several corpora."""
    config = tuszstore.load_config(
        None, {"corpus.decisions": {"chb24_21_onset": "seizures", "siena_pn10_2_end": "second"}}
    )
    assert dict(choose_corpus(config, corpus).options)["decisions"] == (
        ("siena_pn10_2_end", "second"),
    )


@pytest.mark.parametrize(
    ("decisions", "told"),
    [
        ({"siena_pn10_3_onse": "clinical"}, r"did you mean siena_pn10_3_onset\?"),
        ({"siena_pn10_3_onset": "late"}, "'late' is not one of clinical, electric"),
    ],
)
def test_a_decision_that_there_is_not(corpus: Path, decisions: dict[str, str], told: str) -> None:
    config = tuszstore.load_config(None, {"corpus.decisions": decisions})
    with pytest.raises(CorpusError, match=f"^corpus.decisions: .*{told}"):
        choose_corpus(config, corpus)


def test_decisions_need_errata() -> None:
    values = {"corpus.decisions": {"siena_pn10_2_end": "first"}, "corpus.errata": "none"}
    with pytest.raises(ConfigError, match="errata is none, which also turns decisions off"):
        tuszstore.load_config(None, values)


def test_a_decision_relabels_and_rebuilds_no_signal(corpus: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for patient in ("PN10", "PN11"):
        shutil.copytree(corpus / patient, data / patient)
    config = tuszstore.load_config("bipolar", {"corpus.split_policy": "file_order"})
    before = tuszstore.build(config, data=data, store=tmp_path / "s", workers=0)
    assert {Path(id_).stem for id_, _ in before.errata} == {
        "PN10-3",
        "PN10-4.5.6",
        "PN10-7.8.9",
        "PN11-1",
    }
    told = ("PN11/PN11-1.edf", "named 'PN11-.edf' in Seizures-list-PN11.txt (erratum)")
    assert told in before.errata
    assert {"id": told[0], "note": told[1]} in before.to_json()["errata"]
    config = config.replace(**{"corpus.decisions": {"siena_pn10_3_onset": "clinical"}})
    after = tuszstore.build(config, data=data, store=tmp_path / "s", workers=0)
    assert after.changes["relabel"] == 1
    assert after.changes["build"] == 0


def test_without_errata_what_no_rule_reads_is_an_error_with_its_line(corpus: Path) -> None:
    found = read(corpus, errata="none")
    same = ("PN00-1", "PN05-3", "PN06-3", "PN10-4.5.6", "PN10-7.8.9", "PN12-1.2", "PN14-3",
            "PN16-1")  # fmt: skip
    assert {name: found[name] for name in same} == {name: SEIZURES[name] for name in same}
    assert found["PN00-3"] == [(9, 3669)]
    for name, told in {
        "PN10-2": "line 11: more than one end of seizure 2: 11.41.04, 11.40.43 opure; errata are",
        "PN10-3": "line 17: more than one start of seizure 3: 15.43.53 CLINICAL ONSET, 15.43.59 E",
        "PN01-1": "line 14: a seizure of 'PN01.edf', which does not exist; it may be of 'PN01-1.",
        "PN06-1": "line 11: a seizure of 'PNO6-1.edf', which does not exist",
        "PN11-1": "line 11: a seizure of 'PN11-.edf', which does not exist",
    }.items():
        assert f"AnnotationError: Seizures-list-{name[:4]}.txt, {told}" in str(found[name])


def test_without_errata_nothing_is_noted_as_one(corpus: Path) -> None:
    told = notes(corpus, "PN14-3", errata="none")
    assert told == [
        "Seizures-list-PN14.txt, line 11: recording starts at 16.17.45, 10800 s from the "
        "start in its header, which is used"
    ]
    assert "line 43: '1 6.49.25' is read as 16.49.25" in notes(corpus, "PN10-7.8.9", errata="none")


def test_a_corrected_list_is_left_alone(tmp_path: Path) -> None:
    recording(tmp_path, "PN00-3", "18.28.20")
    recording(tmp_path, "PN11-1", "11.31.00")
    write_list(tmp_path, "PN00", block(3, "PN00-3.edf", "18.28.20", "18.28.29", "18.28.49"))
    write_list(tmp_path, "PN11", block(1, "PN11-1.edf", "11.31.00", "11.31.01", "11.31.11"))
    assert read(tmp_path) == {"PN00-3": [(9, 29)], "PN11-1": [(1, 11)]}
    assert notes(tmp_path, "PN00-3") == notes(tmp_path, "PN11-1") == []


def test_a_letter_o_is_a_zero_in_any_list(tmp_path: Path) -> None:
    recording(tmp_path, "PN07-1", "10.00.00")
    write_list(tmp_path, "PN07", block(1, "PNO7-1.edf", "10.00.00", "10.00.01", "10.00.11"))
    assert read(tmp_path) == {"PN07-1": [(1, 11)]}
    assert "AnnotationError" in read(tmp_path, errata="none")["PN07-1"]


def one(root: Path, *blocks: str, start: str = "10.00.00", encoding: str = "utf-8") -> Siena:
    recording(root, "PN07-1", start)
    write_list(root, "PN07", *blocks, encoding=encoding)
    return Siena(root, {})


GOOD = block(1, "PN07-1.edf", "10.00.00", "10.00.01", "10.00.11")


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        (["x\n"], r"line 11: cannot be read: 'x'"),
        ([GOOD.replace("10.00.01", "10.61.01")], "line 14: not a clock time"),
        ([GOOD.replace("end", "start")], "line 15: second start of seizure 1"),
        ([GOOD.replace("Registration start", "Registration begin")], "line 13: cannot be read"),
        ([GOOD[:80]], "line 14: cannot be read: 'Seizure star"),
        ([GOOD.replace("10.00.11", "10.00.00")], r"line 11: seizure 1 ends \(10\.00\.00\) before"),
        ([GOOD.replace("PN07-1.edf", "PN07_1.edf")], "line 11: a seizure of 'PN07_1.edf', which"),
        ([GOOD.replace("10.00.01", "10.00.01, 10.00.02")], "one start.*no erratum decides"),
    ],
    ids=["no seizure", "no clock", "two starts", "odd line", "cut off", "ends first", "name",
         "two times"],
)  # fmt: skip
def test_what_cannot_be_read_names_file_and_line(
    tmp_path: Path, blocks: Sequence[str], told: str
) -> None:
    corpus = one(tmp_path, *blocks)
    (found,) = corpus.recordings().recordings
    with pytest.raises(RecordingError, match=rf"^Seizures-list-PN07\.txt.*{told}") as error:
        corpus.annotation(found)
    assert not isinstance(error.value, Unlabelled)


def test_an_empty_list_is_an_error_and_a_missing_one_means_unlabelled(tmp_path: Path) -> None:
    corpus = one(tmp_path, GOOD)
    path = tmp_path / "PN07" / "Seizures-list-PN07.txt"
    assert read(corpus) == {"PN07-1": [(1, 11)]}
    path.write_bytes(b" \r\n")
    assert read(corpus) == {"PN07-1": "AnnotationError: Seizures-list-PN07.txt: is empty"}
    path.unlink()
    assert read(corpus) == {"PN07-1": "Unlabelled: no list Seizures-list-PN07.txt"}
    path.mkdir()
    assert "a folder, not a regular file" in str(read(corpus)["PN07-1"])


def test_one_bad_seizure_costs_one_recording(tmp_path: Path) -> None:
    recording(tmp_path, "PN07-2", "10.00.00")
    bad = block(2, "PN07-2.edf", "10.00.00", "10.00.xx", "10.00.11")
    found = read(one(tmp_path, GOOD, bad))
    assert found["PN07-1"] == [(1, 11)]
    assert "line 20: not a clock time" in found["PN07-2"]


def test_a_recording_that_is_not_listed_is_unlabelled(tmp_path: Path) -> None:
    recording(tmp_path, "PN07-2", "10.00.00")
    found = read(one(tmp_path, GOOD))
    assert found == {
        "PN07-1": [(1, 11)],
        "PN07-2": "Unlabelled: no seizure of it in Seizures-list-PN07.txt",
    }


def test_a_listed_recording_that_is_not_there_is_told(tmp_path: Path) -> None:
    other = block(2, "PN07-2.edf", "10.00.00", "10.00.01", "10.00.11")
    assert one(tmp_path, GOOD, other).recordings().folder_notes["PN07"] == [
        "Seizures-list-PN07.txt lists 1 recording not in the corpus, such as PN07-2.edf (line 17)"
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    text = GOOD.replace("Seizure n 1", "Seizure n\u00b0 1 (caf\u00e9)").replace("\n", end)
    corpus = one(tmp_path, text, encoding=encoding)
    assert read(corpus) == {"PN07-1": [(1, 11)]}
    assert notes(tmp_path, "PN07-1") == ["seizure 1: 'caf\u00e9'"]


def test_utf_16_is_refused_by_name(tmp_path: Path) -> None:
    found = read(one(tmp_path, GOOD, encoding="utf-16"))
    assert found["PN07-1"] == "AnnotationError: Seizures-list-PN07.txt: UTF-16 text; save it " \
        "as UTF-8"  # fmt: skip


def test_a_header_without_a_time(tmp_path: Path) -> None:
    corpus = one(tmp_path, GOOD, start="25.00.00")
    assert read(corpus) == {"PN07-1": [(1, 11)]}
    assert notes(tmp_path, "PN07-1") == [
        "Seizures-list-PN07.txt, line 11: the start in the list (10.00.00) is used: its header has "
        "none"
    ]
    bare = block(1, "PN07-1.edf", "", "10.00.01", "10.00.11")
    assert "its header has no start" in str(read(one(tmp_path, bare, start="25.00.00"))["PN07-1"])


def test_a_copy_without_times_in_its_headers(tmp_path: Path) -> None:
    """By the header the seizure would be hours behind the end, and the recording background."""
    second = block(2, "PN07-1.edf", "", "10.00.20", "10.00.22")
    assert read(one(tmp_path, GOOD, second, start="00.00.00")) == {"PN07-1": [(1, 11), (20, 22)]}
    assert notes(tmp_path, "PN07-1") == [
        "Seizures-list-PN07.txt, line 11: recording starts at 10.00.00, which is used: the "
        "00.00.00 of its header is taken as no time"
    ]


def test_a_header_that_is_hours_off(tmp_path: Path) -> None:
    assert read(one(tmp_path, GOOD, start="13.00.00")) == {"PN07-1": [(1, 11)]}
    assert notes(tmp_path, "PN07-1") == [
        "Seizures-list-PN07.txt, line 11: recording starts at 10.00.00, which is used: by "
        "its header (13.00.00) it has no seizure"
    ]


def test_a_zeroed_header_near_midnight_is_no_time(tmp_path: Path) -> None:
    """By the header the seizure would be in the recording as well, 15 s too early."""
    listed = block(1, "PN07-1.edf", "23.59.45", "00.00.10", "00.00.20")
    corpus = one(tmp_path, listed, start="00.00.00")
    assert read(corpus) == {"PN07-1": [(25, 35)]}
    assert corpus.recordings().notes == [
        "1 recording has the start 00.00.00 in the header and another one in the list, which is "
        "used, such as PN07/PN07-1.edf: check the seizures, or use the original files"
    ]


@pytest.mark.parametrize("cut", [False, True], ids=["clocks", "cut off"])
def test_a_seizure_outside_its_recording(tmp_path: Path, cut: bool) -> None:
    one(tmp_path, block(1, "PN07-1.edf", "10.00.00", "10.00.30", "10.00.35"), start="10.00.00")
    path = tmp_path / "PN07" / "PN07-1.edf"
    if cut:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        write_list(tmp_path, "PN07", block(1, "PN07-1.edf", "10.00.00", "11.00.30", "11.00.35"))
    values = {"corpus.split_policy": "file_order", "windows.length": 10.0}
    config = tuszstore.load_config("bipolar", values)
    report = tuszstore.build(config, data=tmp_path, store=tmp_path / "s", workers=0)
    (told,) = (text for text in report.warnings if "impossible events" in text)
    hint = (
        "the file is cut off, and the event may be in the part that is missing."
        if cut
        else "the list has clock times: do they fit the start in the header of the EDF file, and "
        "its length?"
    )
    assert told.endswith(
        f". 1 recording is stored as background although a seizure is annotated: {hint} --set "
        "labels.suspicious=leave_out excludes such recordings"
    )
    before = tuszstore.open(report.store).attrs["warnings"]
    reindex(report.store, reread_annotations=True)
    assert sorted(tuszstore.open(report.store).attrs["warnings"]) == sorted(before)


@pytest.mark.parametrize(
    ("first", "onset"),
    [("00.00.00", 10), ("00.00.01", 10), ("", 10), ("03.00.00", 10)],
    ids=["equal", "rounded", "not listed", "only the header has the seizure"],
)
def test_a_recording_that_begins_at_midnight(tmp_path: Path, first: str, onset: int) -> None:
    listed = block(1, "PN07-1.edf", first, "00.00.10", "00.00.20")
    corpus = one(tmp_path, listed, start="00.00.00")
    assert read(corpus) == {"PN07-1": [(onset, onset + 10)]}
    assert corpus.recordings().notes == []


def test_the_header_counts_where_any_seizure_is_in_the_recording(tmp_path: Path) -> None:
    corpus = one(tmp_path, GOOD, start="09.59.58")
    assert read(corpus) == {"PN07-1": [(3, 13)]}
    (note,) = notes(tmp_path, "PN07-1")
    assert note.endswith("10.00.00, 2 s from the start in its header, which is used")


def test_other_lists_of_the_patient_do_not_change_the_digest(tmp_path: Path) -> None:
    def digest() -> str:
        corpus = Siena(tmp_path, {})
        return corpus.annotation(corpus.find("PN07/PN07-1.edf")).digest

    one(tmp_path, GOOD)
    before = digest()
    write_list(tmp_path, "PN07", GOOD, block(2, "PN07-9.edf", "", "01.00.00", "01.00.01"))
    assert digest() == before
    write_list(tmp_path, "PN07", GOOD.replace("10.00.11", "10.00.12"))
    assert digest() != before


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("PN00/Seizures-list-PN00.txt", "siena"),
        ("1.0.0/PN10/PN10-4.5.6.edf", "siena"),
        ("pn00/pn00-1.edf", "siena"),
        ("PN00/other.edf", "folder"),
        ("PN00.edf", "folder"),
    ],
)
def test_siena_is_recognised(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert recognise(tmp_path).name == found


def test_the_folder_of_one_patient_is_recognised(tmp_path: Path) -> None:
    one(tmp_path, GOOD)
    assert recognise(tmp_path / "PN07").name == "siena"
    corpus = Siena(tmp_path / "PN07", {})
    assert [found.patient for found in corpus.recordings().recordings] == ["PN07"]
    assert read(corpus) == {"PN07-1": [(1, 11)]}


def test_a_folder_of_two_corpora_asks_which(tmp_path: Path) -> None:
    for name in ("PN00/PN00-1.edf", "chb01/chb01_01.edf"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    with pytest.raises(CorpusError, match=r"several corpora .* chbmit .* siena .*--corpus siena"):
        recognise(tmp_path)


def test_patients_in_one_folder_are_unlabelled_with_the_way_out(tmp_path: Path) -> None:
    for name in ("PN00-1.edf", "Seizures-list-PN00.txt", "Seizures-list-PN01.txt"):
        (tmp_path / name).touch()
    corpus = Siena(tmp_path, {})
    with pytest.raises(
        Unlabelled, match=r"no list .*: each patient .* such as PN00, with its list"
    ):
        corpus.annotation(corpus.find("PN00-1.edf"))


DAY = 86_400


@given(
    start=st.integers(0, DAY - 1),
    onset=st.integers(0, DAY // 2),
    length=st.integers(0, 3600),
    separators=st.lists(st.sampled_from(".:"), min_size=6, max_size=6),
)
def test_any_clock_times_are_seconds_from_the_header(
    tmp_path_factory: pytest.TempPathFactory,
    start: int,
    onset: int,
    length: int,
    separators: list[str],
) -> None:
    def clock(seconds: int, one: str = ".", two: str = ".") -> str:
        seconds %= DAY
        return f"{seconds // 3600:02d}{one}{seconds // 60 % 60:02d}{two}{seconds % 60:02d}"

    root = tmp_path_factory.mktemp("clock")
    folder = root / "PN07"
    folder.mkdir()
    header = b" " * 168 + b"01.01.16" + clock(start).encode() + b" " * 100
    (folder / "PN07-1.edf").write_bytes(header)
    write_list(
        root,
        "PN07",
        block(
            1,
            "PN07-1.edf",
            clock(start, *separators[:2]),
            clock(start + onset, *separators[2:4]),
            clock(start + onset + length, *separators[4:]),
        ),
    )
    assert read(root) == {"PN07-1": [(onset, onset + length)]}


def test_the_released_list_and_headers(tmp_path: Path) -> None:
    from tests.corpus.formats.conftest import DATA

    if not (DATA / "siena").is_dir():
        pytest.skip("no released files of siena")
    corpus = Siena(DATA / "siena", {})
    assert recognise(DATA / "siena").name == "siena"
    found = corpus.recordings()
    assert [one.patient for one in found.recordings] == ["PN00", "PN00"]
    assert read(corpus) == {"PN00-1": [(1143, 1213)], "PN00-3": [(765, 825)]}
    assert found.folder_notes["PN00"] == [
        "Seizures-list-PN00.txt lists 3 recordings not in the corpus, such as PN00-2.edf (line 46)"
    ]


def test_the_summary_of_a_build_names_errata(corpus: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for patient in ("PN06", "PN11"):
        shutil.copytree(corpus / patient, data / patient)
    args = ["build", "--split", "train", "--split-policy", "file_order", "--config", "bipolar",
            "--data", data, "--store", tmp_path / "s", "--workers", "0",
            "--set", "windows.length=10"]  # fmt: skip
    told = " ".join(run(*args, "--set", "corpus.errata=none").output.split())
    assert "known faults" not in told
    output = run(*args, "--force").output
    told = " ".join(output.split())
    assert "errata │ 3 in 3 recordings" in told
    assert (
        "2 recordings: named '*.edf' in Seizures-list-PN06.txt (erratum) "
        "(PN06/PN06-1.edf, PN06/PN06-2.edf)" in told
    )
    report = json.loads(run(*args, "--json").stdout)
    assert [entry["note"] for entry in report["errata"]] == [
        "named 'PNO6-1.edf' in Seizures-list-PN06.txt (erratum)",
        "named 'PNO6-2.edf' in Seizures-list-PN06.txt (erratum)",
        "named 'PN11-.edf' in Seizures-list-PN11.txt (erratum)",
    ]
