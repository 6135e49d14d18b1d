"""SeizeIT1 with its quirks: tables with comments, seizures without an end, prefixed labels."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests.corpus.edf_files import CHANNELS, channel, write_edf
from tuszstore.corpus.annotations import Unlabelled
from tuszstore.corpus.recognition import recognise
from tuszstore.corpus.seizeit import SeizeIt
from tuszstore.errors import RecordingError

SECONDS = 60
HEAD = '# Source: SeizeIt1\n# Seizure Type: "FIA"=Focal Impaired Awareness\n \n'
REMARK = "Hem:L, Orig:Temp, bhe: 0"


def recording(root: Path, name: str, table: str | bytes | None = HEAD, prefix: str = "") -> Path:
    """Write a recording at 250 Hz, and its table."""
    labels = (*CHANNELS, "OorLiAchter", "Sph1", "ECG")
    signals = [channel(f"{name}{one}", SECONDS, 250, label=f"{prefix}{one}") for one in labels]
    folder = root / name.rpartition("_")[0]
    write_edf(folder / f"{name}.edf", signals, time="10.00.00")
    path = folder / f"{name}_a1.tsv"
    if table is not None:
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three patients: with and without seizures, with an open end, and unlabelled."""
    root = tmp_path_factory.mktemp("seizeit")
    recording(root, "P_ID6_r1", f"{HEAD}5\t25\tFIA\t{REMARK}\n30.5\t41\tF-BTC\tHem:R, Orig:NC\n")
    recording(root, "P_ID6_r2")
    recording(root, "P_ID64_r1", f"{HEAD}20\tNone\tFA\t\n", prefix="EEG ")
    recording(root, "P_ID65_r1", None)
    recording(root, "P_ID65_r2", f"{HEAD}1\t59\tFIA\t{REMARK}\n")
    return root


def build(corpus: Path, root: Path, **options: object) -> dict[str, tuszstore.Store]:
    values = {"corpus.split_policy": "patient", **options}
    config = tuszstore.load_config("bipolar", values)
    reports = [
        tuszstore.build(config, split=split, data=corpus, store=root, workers=0)
        for split in ("train", "dev")
    ]
    assert not any(report.failed for report in reports), reports
    return {report.split: tuszstore.open(report.store) for report in reports}


@pytest.fixture(scope="module")
def stores(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuszstore.Store]:
    return build(corpus, tmp_path_factory.mktemp("stores"))


def rows(stores: dict[str, tuszstore.Store], *columns: str) -> dict[str, tuple[object, ...]]:
    found = {}
    for store in stores.values():
        table = store.recordings
        for k, id_ in enumerate(table["id"].values):
            found[Path(str(id_)).stem] = tuple(table[name].values[k] for name in columns)
    return found


def events(stores: dict[str, tuszstore.Store]) -> dict[str, list[tuple[str, float, float]]]:
    found: dict[str, list[tuple[str, float, float]]] = {}
    for store in stores.values():
        table = store.events
        ids = store.recordings["id"].values[table["recording"].values]
        columns = (table[name].values for name in ("class", "first_sample", "stop_sample"))
        for id_, label, first, stop in zip(ids, *columns, strict=True):
            times = (float(first) / 256, float(stop) / 256)
            found.setdefault(Path(str(id_)).stem, []).append((str(label), *times))
    return found


def test_patients_are_folders_and_sessions_are_runs(stores: dict[str, tuszstore.Store]) -> None:
    found = rows(stores, "patient", "session", "corpus", "labelled")
    assert found == {
        "P_ID6_r1": ("P_ID6", "r1", "seizeit", True),
        "P_ID6_r2": ("P_ID6", "r2", "seizeit", True),
        "P_ID64_r1": ("P_ID64", "r1", "seizeit", True),
        "P_ID65_r2": ("P_ID65", "r2", "seizeit", True),
    }


def test_seizures_keep_their_words_and_an_open_end_lasts_30_s(
    stores: dict[str, tuszstore.Store],
) -> None:
    assert events(stores) == {
        "P_ID6_r1": [("FIA", 5, 25), ("F-BTC", 30.5, 41)],
        "P_ID64_r1": [("FA", 20, 50)],
        "P_ID65_r2": [("FIA", 1, 59)],
    }


def test_labels_count_as_seizures(stores: dict[str, tuszstore.Store]) -> None:
    for store in stores.values():
        table = store.recordings
        for k, id_ in enumerate(table["id"].values):
            windows = np.flatnonzero(store.metadata.windows["recording"] == k)
            has = np.isin(store.metadata.windows["category"][windows], (1, 2)).any()
            assert has == (not str(id_).endswith("P_ID6_r2.edf"))


def test_the_open_end_may_be_chosen(corpus: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(corpus / "P_ID64", data / "P_ID64")
    recording(data, "P_ID64_r2")
    config = tuszstore.load_config(
        "bipolar", {"corpus.split_policy": "file_order", "labels.open_end": 12}
    )
    report = tuszstore.build(config, data=data, store=tmp_path / "a", workers=0)
    assert events({"train": tuszstore.open(report.store)}) == {"P_ID64_r1": [("FA", 20, 32)]}
    config = config.replace(**{"labels.open_end": "leave_out"})
    report = tuszstore.build(config, data=data, store=tmp_path / "b", workers=0)
    (left,) = report.left_out
    assert left.id == "P_ID64/P_ID64_r1.edf"
    assert left.reason.startswith("P_ID64_r1_a1.tsv, line ")
    assert "has no end" in left.reason


def test_what_is_not_labelled(stores: dict[str, tuszstore.Store]) -> None:
    """Comments alone say that somebody looked; no table says nothing."""
    reasons = [
        (str(id_), str(reason))
        for store in stores.values()
        for id_, reason in zip(
            store.left_out["id"].values, store.left_out["reason"].values, strict=True
        )
    ]
    assert reasons == [("P_ID65/P_ID65_r1.edf", "unlabelled: no table P_ID65_r1_a1.tsv")]


def test_remarks_are_notes(corpus: Path) -> None:
    opened = SeizeIt(corpus, {})
    assert opened.annotation(opened.find("P_ID6/P_ID6_r1.edf")).notes == (
        "seizure at 5 s, hemisphere left: 'Hem:L, Orig:Temp, bhe: 0'",
        "seizure at 30.5 s, hemisphere right: 'Hem:R, Orig:NC'",
    )
    assert opened.annotation(opened.find("P_ID64/P_ID64_r1.edf")).notes == ()


def test_channels_and_rate_are_those_of_tusz(
    stores: dict[str, tuszstore.Store], small_corpus: Path, tmp_path: Path
) -> None:
    report = tuszstore.build("bipolar", data=small_corpus, store=tmp_path, workers=0, limit=1)
    tusz = tuszstore.open(report.store)
    for store in stores.values():
        assert store.spec.channels == tusz.spec.channels
        assert store.spec.sfreq == tusz.spec.sfreq == 256


def one(root: Path, table: str | bytes) -> tuple[SeizeIt, Path]:
    path = root / "P_ID7" / "P_ID7_r1_a1.tsv"
    path.parent.mkdir(exist_ok=True)
    path.with_name("P_ID7_r1.edf").touch()
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return SeizeIt(root, {}), path


def times(corpus: SeizeIt) -> list[tuple[float, float]]:
    found = corpus.annotation(corpus.find("P_ID7/P_ID7_r1.edf"))
    return [(event.onset, event.offset) for event in found.events]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", ": is empty"),
        (" \r\n", ": is empty"),
        ("start\tstop\ttype\n", ": has neither comments nor seizures"),
        ("# x\n5\t9", ", line 2: not a row of start, stop, type and remark"),
        ("# x\n5\t9\tFIA\n5\t", ", line 3: not a row of"),
        ("5,9,FIA,x\n", ", line 1: not a row of"),
        ("# x\nFIA\t5\t9\n", ", line 2: start is not a time in seconds: 'FIA'"),
        ("# x\n10:00:05\t9\tFIA\n", ", line 2: start is not a time in seconds: '10:00:05'"),
        ("# x\n9\t5\tFIA\n", r", line 2: seizure ends \(5 s\) before it starts"),
        ("# x\n5\t9\tFIA\n5\t9\tFIA\n", ", line 3: the same seizure as in line 2"),
        (b"# x\n\xff\xfe5\t9\tFIA\n", ", line 2: start is not a time in seconds"),
        (b"\xff\xfe#\x00", ": UTF-16 text; save it as UTF-8"),
        (b"# x\n\x00", ", byte 4: not a text file"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(
    tmp_path: Path, table: str | bytes, told: str
) -> None:
    corpus, path = one(tmp_path, table)
    with pytest.raises(RecordingError, match=f"^{path.name}{told}") as error:
        times(corpus)
    assert not isinstance(error.value, Unlabelled)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    table = f"# caf\u00e9\n5\t9\tFIA\t{REMARK}\n".replace("\n", end)
    corpus, _ = one(tmp_path, table.encode(encoding))
    assert times(corpus) == [(5, 9)]


def test_one_bad_table_costs_one_recording(corpus: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(corpus, data)
    (data / "P_ID64" / "P_ID64_r1_a1.tsv").write_text("# x\n5\tsoon\tFIA\n")
    config = tuszstore.load_config("bipolar", {"corpus.split_policy": "file_order"})
    report = tuszstore.build(config, split="train", data=data, store=tmp_path / "s", workers=0)
    (failed,) = report.failed
    assert failed.id == "P_ID64/P_ID64_r1.edf"
    assert "P_ID64_r1_a1.tsv, line 2: stop is not a time in seconds: 'soon'" in failed.reason
    assert report.recordings > 0


def test_tables_and_recordings_without_each_other(tmp_path: Path) -> None:
    corpus, path = one(tmp_path, HEAD)
    path.with_name("P_ID7_r2_a1.tsv").write_text(HEAD)
    path.with_name("P_ID7_r3.edf").touch()
    path.with_name("P_ID7_r3_a2.tsv").write_text(HEAD)
    assert corpus.recordings().notes == [
        "1 table exists without a recording, such as P_ID7_r2_a1.tsv"
    ]
    told = r"^no table P_ID7_r3_a1\.tsv, and \*_a2\.tsv beside it is not read$"
    with pytest.raises(Unlabelled, match=told):
        corpus.annotation(corpus.find("P_ID7/P_ID7_r3.edf"))


def test_a_table_that_is_corrected_is_read_again(tmp_path: Path) -> None:
    corpus, path = one(tmp_path, "# x\n5\t9\tFIA\n")
    before = corpus.annotation(corpus.find("P_ID7/P_ID7_r1.edf")).digest
    path.write_text("# x\n5\t10\tFIA\n")
    assert times(corpus) == [(5, 10)]
    assert corpus.annotation(corpus.find("P_ID7/P_ID7_r1.edf")).digest != before


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("P_ID64/P_ID64_r1.edf", "seizeit"),
        ("data/P_ID64/P_ID64_r1_a1.tsv", "seizeit"),
        ("p_id64/p_id64_R1.EDF", "seizeit"),
        ("P_ID64/other.edf", "folder"),
        ("P_ID64_r1.edf", "folder"),
    ],
)
def test_seizeit_is_recognised(tmp_path: Path, name: str, found: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).touch()
    assert recognise(tmp_path).name == found


@pytest.mark.parametrize(
    ("id_", "patient", "session", "known"),
    [
        ("P_ID64/P_ID64_r1.edf", "P_ID64", "r1", True),
        ("x/p_id64/p_id64_R2.edf", "P_ID64", "r2", True),
        ("P_ID64_r1.edf", "P_ID64", "r1", True),
        ("P_ID64/other.edf", "P_ID64", "", True),
        ("new/x_1.edf", "new", "", False),
    ],
)
def test_who_is_recorded(tmp_path: Path, id_: str, patient: str, session: str, known: bool) -> None:
    found = SeizeIt(tmp_path, {}).find(id_)
    assert (found.patient, found.session, found.states_patient) == (patient, session, known)


SEIZURES = st.lists(
    st.tuples(st.integers(0, 9000), st.none() | st.integers(1, 900)),
    unique_by=lambda seizure: seizure[0],
)


@given(SEIZURES)
def test_any_table_gives_its_seizures(
    tmp_path_factory: pytest.TempPathFactory, seizures: Sequence[tuple[int, int | None]]
) -> None:
    table = "# x\n" + "".join(
        f"{onset}\t{'None' if length is None else onset + length}\tFIA\t\n"
        for onset, length in seizures
    )
    corpus, _ = one(tmp_path_factory.mktemp("any"), table)
    found = times(corpus)
    assert [onset for onset, _ in found] == [onset for onset, _ in seizures]
    for (onset, end), (_, length) in zip(found, seizures, strict=True):
        assert math.isnan(end) if length is None else end == onset + length
