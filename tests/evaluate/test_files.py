"""Events in files are read back without loss, and files of something else are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.evaluate.helpers import recordings, table
from tuszstore import PredictionError
from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.files import from_annotations, read_event_files
from tuszstore.evaluate.sources import bids_paths

IDS = (
    "edf/dev/aaaaaaac/s001_2002/01_tcp_ar/aaaaaaac_s001_t000.edf",
    "edf/dev/aaaaaaac/s001_2002/01_tcp_ar/aaaaaaac_s001_t001.edf",
    "sub-01/ses-01/eeg/sub-01_ses-01_task-szMonitoring_run-00_eeg.edf",
    "chb01/chb01_03.edf",
)
SECONDS = [600.004, 1234.5, 3600.0, 3599.99609375]
OF = recordings(IDS, seconds=SECONDS, patient=["aaaaaaac"] * 2 + ["01", "chb01"])
WRITERS = {"bids": EventTable.write_bids, "csv_bi": EventTable.write_csv_bi}
writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)

time = st.integers(0, 590 * 256).map(lambda k: k / 256) | st.floats(0, 590)
length = st.floats(1e-3, 9) | st.integers(1, 1000).map(lambda k: k / 300)
pairs = st.lists(st.tuples(time, length).map(lambda p: (p[0], p[0] + p[1])), max_size=4)


def same(first: EventTable, second: EventTable) -> None:
    for name in ("recording", "onset", "offset", "confidence", "known"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


@writers
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(events=st.lists(pairs, min_size=4, max_size=4))
def test_what_is_written_is_read_back(
    write: Callable[..., Any], events: Any, tmp_path: Path
) -> None:
    written = table(OF, *events)
    files = write(written, tmp_path)
    assert len(files) == len(IDS)
    same(read_event_files(tmp_path, OF), written)


@writers
def test_one_file_is_known_by_its_name(write: Callable[..., Any], tmp_path: Path) -> None:
    files = write(table(OF, [], [(1.5, 7.25)], [(3, 4)]), tmp_path)
    found = read_event_files(files[1], OF)
    assert found.known.tolist() == [False, True, False, False]
    assert found.of_recording(1).tolist() == [[1.5, 7.25]]
    # one without events says that there are none
    assert read_event_files(files[0], OF).known.tolist() == [True, False, False, False]


@given(events=pairs)
def test_annotations_of_mne_are_read_back(events: Any) -> None:
    written = table(OF, [], events, known=[False, True, False, False])
    order = np.lexsort([written.offset, written.onset])  # as MNE sorts them
    annotations = written.to_annotations(1)
    assert set(annotations.description) <= {"seiz"}
    found = from_annotations(annotations, OF, "aaaaaaac_s001_t001")
    for name in ("onset", "offset", "confidence"):
        mine, theirs = getattr(written, name), getattr(found, name)
        np.testing.assert_array_equal(np.sort(mine[order]), np.sort(theirs))
    assert found.known.tolist() == written.known.tolist()


def test_szcore_tables_stand_in_folders_of_bids(tmp_path: Path) -> None:
    assert [str(path) for path in bids_paths(OF)] == [
        "sub-aaaaaaac/ses-s1/eeg/sub-aaaaaaac_ses-s1_task-szMonitoring_run-00_events.tsv",
        "sub-aaaaaaac/ses-s1/eeg/sub-aaaaaaac_ses-s1_task-szMonitoring_run-01_events.tsv",
        "sub-01/ses-01/eeg/sub-01_ses-01_task-szMonitoring_run-00_events.tsv",
        "sub-chb01/ses-s1/eeg/sub-chb01_ses-s1_task-szMonitoring_run-00_events.tsv",
    ]
    files = table(OF, [(1.5, 7.25)]).write_bids(tmp_path)
    assert (tmp_path / "dataset_description.json").is_file()
    assert files[0].read_text().splitlines() == [
        "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration",
        "1.5\t5.75\tsz\t0.5\tn/a\tn/a\t600.004",
    ]
    assert files[1].read_text().splitlines()[1] == "0.0\t1234.5\tbckg\tn/a\tn/a\tn/a\t1234.5"


def test_szcores_own_package_reads_the_tables(tmp_path: Path) -> None:
    annotations = pytest.importorskip("epilepsy2bids.annotations")
    files = table(OF, [(1.5, 7.25), (30, 40)]).write_bids(tmp_path)
    first = annotations.Annotations.loadTsv(files[0])
    assert first.getEvents() == [(1.5, 7.25), (30, 40)]
    mask = first.getMask(10)
    assert (len(mask), mask.sum()) == (6000, 57 + 100)
    assert annotations.Annotations.loadTsv(files[1]).getEvents() == []


def test_parts_of_one_file_are_one_again(tmp_path: Path) -> None:
    of = recordings(
        ["a.edf#0", "a.edf#1"],
        source_id=["a.edf"] * 2,
        seconds=[100.0, 200.0],
        source_start=[0.0, 150.0],
    )
    written = table(of, [(10, 20)], [(0, 5), (190, 200)])
    (file,) = written.write_csv_bi(tmp_path)
    assert "# duration = 350.0 secs" in file.read_text()
    assert "TERM,340.0,350.0,seiz,1.0" in file.read_text()
    same(read_event_files(tmp_path, of), written)


CSV = "# duration = {} secs\nchannel,start_time,stop_time,label,confidence\n{}"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("other.csv_bi", CSV.format(600.004, "TERM,1,2,seiz,1"), "is of another recording"),
        ("aaaaaaac_s001_t000.csv_bi", CSV.format(1234.5, "TERM,1,2,seiz,1"), "another duration"),
        ("aaaaaaac_s001_t000.csv_bi", CSV.format(600.2, "TERM,1,2,seiz,1"), "another duration"),
        (
            "aaaaaaac_s001_t000.csv_bi",
            "# bname = aaaaaaac_s001_t009\n" + CSV.format(600.004, "TERM,1,2,seiz,1"),
            "is of another recording: it names 'aaaaaaac_s001_t009'",
        ),
        (
            "aaaaaaac_s001_t000.csv_bi",
            "channel,start_time,stop_time,label\nTERM,1,900,seiz",
            "another duration: 900 s",
        ),
        ("aaaaaaac_s001_t000.csv_bi", CSV.format(600.004, ""), "no rows: it is unknown whether"),
        ("aaaaaaac_s001_t000.csv_bi", "what is this", "expected the columns"),
        ("chb01_03_events.tsv", "onset\tduration\teventType\n1\tn/a\tsz\n", "without a duration"),
        ("chb01_03_events.tsv", "onset\tduration\teventType\n", "has no row"),
        (
            "chb01_03_events.tsv",
            "onset\tduration\teventType\trecordingDuration\n1\t2\tsz\t3700\n",
            "another duration: 3700 s",
        ),
    ],
)
def test_files_of_something_else_are_refused(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(PredictionError, match=told) as raised:
        read_event_files(file, OF)
    assert name in str(raised.value)


def test_files_as_tusz_has_them(tmp_path: Path) -> None:
    """Without bckg between seizures, in any order, and of several channels and classes."""
    file = tmp_path / "aaaaaaac_s001_t000.csv"
    rows = (
        "FP1-F7,40.0,50.0,fnsz,1.0\nC3-CZ,10.5,20.25,gnsz,0.5\nC3-CZ,30,35,bckg,1\nF3-C3,1,2,artf,1"
    )
    file.write_text(CSV.format("600.00", rows))
    assert read_event_files(file, OF).of_recording(0).tolist() == [[40, 50], [10.5, 20.25]]


def test_a_folder_without_files_of_these_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PredictionError, match="has no events file of these recordings"):
        read_event_files(tmp_path, OF)
    with pytest.raises(PredictionError, match="nowhere: does not exist"):
        read_event_files(tmp_path / "nowhere", OF)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "chb01_03.csv_bi"
        file.write_text(CSV.format(3600, "TERM,1,2,seiz,1"))
    with pytest.raises(PredictionError, match="more than one events file"):
        read_event_files(tmp_path, OF)


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    of = recordings(["../../a.edf"])
    with pytest.raises(PredictionError, match=r"a\.csv_bi: is outside the folder"):
        table(of, [(1, 2)]).write_csv_bi(tmp_path)


ALIKE = [
    ["p/my file.edf", "p/ä ö.edf", "p/tab\there.edf"],
    ["p/x.edf", "p/x.bdf", "p/y.1", "p/y.2"],
    ["p/x.edf", "q/x.edf", "x.edf"],
    ["sub-1/eeg/sub-1_task-a_eeg.edf", "sub-1/eeg/sub-1_task-a_eeg.bdf"],
]


@writers
@pytest.mark.parametrize("ids", ALIKE, ids=["odd", "suffixes", "folders", "bids"])
def test_recordings_that_are_called_alike_keep_their_events(
    write: Callable[..., Any], ids: list[str], tmp_path: Path
) -> None:
    of = recordings(ids)
    written = table(of, *([(k + 1.25, k + 9.5)] for k in range(len(ids))))
    files = write(written, tmp_path)
    assert len(set(files)) == len(ids)
    same(read_event_files(tmp_path, of), written)


def test_one_file_is_known_by_its_folder_where_names_are_alike(tmp_path: Path) -> None:
    of = recordings(["p/x.edf", "q/x.edf"])
    _, second = table(of, [(1, 2)], [(3, 4)]).write_csv_bi(tmp_path)
    assert read_event_files(second, of).of_recording(1).tolist() == [[3, 4]]
    moved = second.rename(tmp_path / "x.csv_bi")
    with pytest.raises(PredictionError, match="several of these recordings have this name"):
        read_event_files(moved, of)


def test_a_file_that_may_be_of_two_recordings_is_refused(tmp_path: Path) -> None:
    table(recordings(["z/x.edf"]), [(1, 2)]).write_csv_bi(tmp_path)
    of = recordings(["p/x.edf", "q/x.edf"])
    with pytest.raises(PredictionError, match=r"may be of p/x.edf or of q/x.edf"):
        read_event_files(tmp_path, of)


def test_events_without_recordings(tmp_path: Path) -> None:
    for wrong in ((), (tmp_path,)):
        with pytest.raises(TypeError, match=r"read_event_files\(path, predictions\.recordings\)"):
            read_event_files(tmp_path, *wrong)
