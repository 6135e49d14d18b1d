"""BIDS with all its quirks: SzCORE's standard, SeizeIT2, and other datasets with events."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests import ROOT
from tests.corpus.edf_files import CHANNELS, Channel, channel, mark, noise, write_edf
from tuszstore.builder.plan import make_plan
from tuszstore.channels.sets import SETS
from tuszstore.config.events import EventWords
from tuszstore.corpus.annotations import Event, Unlabelled
from tuszstore.corpus.base import Recording
from tuszstore.corpus.bids import Bids
from tuszstore.corpus.bids_files import find_sidecar, parse_name
from tuszstore.corpus.recognition import recognise
from tuszstore.errors import CorpusError, RecordingError

SECONDS = 40
SZCORE = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
STAMP = "2000-01-01 00:00:00\t40.00"
BANANA = (
    "Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fz-Cz", "Cz-Pz",
    "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2",
)  # fmt: skip
"""Labels and order of SzCORE's bipolar recordings."""


def szcore(*rows: str, stamp: str = STAMP) -> str:
    """Return an events table of SzCORE; rows are onset, duration, type and perhaps more."""
    return SZCORE + "".join(f"{row}\tn/a\tn/a\t{stamp}\n" for row in rows)


def average(seed: str) -> list[Channel]:
    """Return the 19 electrodes against their average, as SzCORE has them."""
    return [
        channel("x", SECONDS, label=f"{name}-Avg", digital=noise(SECONDS * 256, f"{seed}{name}"))
        for name in CHANNELS
    ]


def bipolar(seed: str) -> list[Channel]:
    volts = {name: noise(SECONDS * 256, f"{seed}{name}") for name in CHANNELS}
    return [
        channel(
            "x",
            SECONDS,
            label=label,
            digital=volts[label[: label.index("-")]] - volts[label[label.index("-") + 1 :]],
        )
        for label in BANANA
    ]


def write(
    root: Path,
    name: str,
    events: str | bytes | None = None,
    *,
    signals: Sequence[Channel] | None = None,
    channels: str | None = None,
) -> Path:
    """Write a recording as ``sub-01[_ses-01]_..._eeg.edf``, with tables beside; return its path."""
    entities = parse_name(name).entities  # type: ignore[union-attr]
    folder = root / f"sub-{entities['sub']}"
    folder = folder / f"ses-{entities['ses']}" if "ses" in entities else folder
    path = folder / "eeg" / name
    write_edf(path, average(name) if signals is None else signals)
    for suffix, content in (("events", events), ("channels", channels)):
        if content is not None:
            table = path.with_name(name.replace("_eeg.edf", f"_{suffix}.tsv"))
            table.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def run(subject: str = "01", number: int = 0) -> str:
    return f"sub-{subject}_ses-01_task-szMonitoring_run-{number:02}_eeg.edf"


def opened(root: Path, **options: Any) -> Bids:
    return Bids(root, {"bads": "interpolate", **options})


def only(corpus: Bids) -> Recording:
    (recording,) = corpus.recordings().recordings
    return recording


def spans(events: Iterable[Event]) -> list[tuple[float, float | None, str]]:
    return [(e.onset, None if isnan(e.offset) else e.offset, e.label) for e in events]


def annotated(root: Path, table: str | bytes | None, **options: Any) -> Any:
    """Return the annotation of a recording with an events table."""
    write(root, run(), table)
    corpus = opened(root, **options)
    return corpus.annotation(only(corpus))


# --- which recordings ---------------------------------------------------------------------------


def test_recordings_of_szcore(tmp_path: Path) -> None:
    for name in (run("02", 1), run("01", 0), run("01", 1)):
        write(tmp_path, name)
    assert recognise(tmp_path).name == "bids"
    found = opened(tmp_path).recordings()
    assert [(r.id, r.patient, r.session, r.folder) for r in found.recordings] == [
        (f"sub-01/ses-01/eeg/{run('01', 0)}", "sub-01", "ses-01", ""),
        (f"sub-01/ses-01/eeg/{run('01', 1)}", "sub-01", "ses-01", ""),
        (f"sub-02/ses-01/eeg/{run('02', 1)}", "sub-02", "ses-01", ""),
    ]
    assert (found.left_out, found.notes) == ([], [])
    corpus = opened(tmp_path)
    assert [corpus.find(one.id) for one in found.recordings] == found.recordings


def test_what_is_no_recording_of_the_dataset(tmp_path: Path) -> None:
    write(tmp_path, run())
    eeg = tmp_path / "sub-01" / "ses-01"
    for other in (
        eeg / "ecg" / run().replace("_eeg", "_ecg"),
        eeg / "emg" / run().replace("_eeg", "_emg"),
        tmp_path / "derivatives" / "clean" / "sub-01" / "eeg" / run(),
        tmp_path / "sourcedata" / "a.edf",
        tmp_path / "extra" / "night1.edf",
        tmp_path / "sub-02" / "eeg" / "sub-03_task-x_eeg.edf",
    ):
        write_edf(other, average("x"))
    found = opened(tmp_path).recordings()
    assert [one.id for one in found.recordings] == [f"sub-01/ses-01/eeg/{run()}"]
    assert [(one.id, one.reason, one.kind) for one in found.left_out] == [
        (
            "extra/night1.edf",
            "is not a BIDS name, such as sub-01_task-rest_run-01_eeg.edf",
            "failed",
        ),
        (
            "sub-02/eeg/sub-03_task-x_eeg.edf",
            "is in sub-02, but its name says sub-03",
            "failed",
        ),
    ]
    assert found.notes == [
        "2 EDF files in code, derivatives, phenotype, sourcedata, stimuli skipped: they are not "
        "raw recordings",
        "2 EDF files of other kinds than eeg and ieeg skipped",
    ]


def test_other_formats_are_left_out_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path, run()).parent
    for suffix in (".bdf", ".vhdr", ".eeg", ".vmrk", ".set", ".fdt", ".SET"):
        (folder / f"sub-01_ses-01_task-x_run-05_eeg{suffix}").touch()
    (folder / "sub-01_ses-01_task-x_run-05_ecg.bdf").touch()
    left_out = {Path(one.id).suffix: one.reason for one in opened(tmp_path).recordings().left_out}
    assert left_out == {
        ".bdf": "BDF is not read yet: convert it to EDF",
        ".vhdr": "BrainVision's .vhdr is not read yet: convert it to EDF",
        ".set": "EEGLAB's .set is not read yet: convert it to EDF",
        ".SET": "EEGLAB's .set is not read yet: convert it to EDF",
    }
    (folder / run()).unlink()
    with pytest.raises(
        CorpusError, match=r"no EDF files .*_eeg\.(bdf|set|SET|vhdr): .* is not read"
    ):
        opened(tmp_path).recordings()


def test_a_folder_for_each_official_split(tmp_path: Path) -> None:
    for split, subject in (("train", "01"), ("dev", "02"), ("eval", "03")):
        write(tmp_path / split, run(subject))
    assert recognise(tmp_path).name == "bids"
    found = opened(tmp_path).recordings().recordings
    assert {one.patient: one.folder for one in found} == {
        "sub-01": "train", "sub-02": "dev", "sub-03": "eval",
    }  # fmt: skip


def test_a_file_that_is_not_read_is_told_for_the_split_of_its_participant(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for subject in ("01", "02"):
        write(data, f"sub-{subject}_ses-1_eeg.edf")
        other = data / f"sub-{subject}" / "ses-2" / "eeg"
        other.mkdir(parents=True)
        (other / f"sub-{subject}_ses-2_eeg.bdf").touch()
    config = tuszstore.load_config(
        None,
        {
            "paths.data": data, "paths.store": tmp_path, "corpus.split_policy": "patient",
            "labels.unlabelled": "keep",
        },
    )  # fmt: skip
    for split in ("train", "dev"):
        plan = make_plan(config, split)
        (planned,) = plan.recordings
        (left_out,) = plan.left_out
        assert left_out.id == planned.recording.id.replace("ses-1", "ses-2").replace(".edf", ".bdf")


@pytest.mark.parametrize("name", ["sub-01_ses-01_task-rest_eeg.edf", "sub-ab1_task-x_eeg.edf"])
def test_recognising(tmp_path: Path, name: str) -> None:
    assert not Bids.recognises(tmp_path)
    assert not Bids.recognises(tmp_path / "absent")
    write(tmp_path, name)
    assert Bids.recognises(tmp_path) == f"{name} has the name of a BIDS recording file"
    other = tmp_path / "other" / "sub-1" / "eeg"
    other.mkdir(parents=True)
    (other / "sub-2_eeg.edf").touch()
    (other / "a.edf").touch()
    assert not Bids.recognises(tmp_path / "other")


def test_recognising_reads_few_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for subject in range(30):
        for session in range(3):
            for kind in ("eeg", "ieeg"):
                folder = tmp_path / f"sub-{subject}" / f"ses-{session}" / kind
                folder.mkdir(parents=True)
                for number in range(9):
                    (folder / f"{number}.edf").touch()
    for number in range(300):
        (tmp_path / f"{number}.json").touch()
    n_read = 0
    iterdir = Path.iterdir

    def counted(path: Path) -> Iterator[Path]:
        nonlocal n_read
        for entry in iterdir(path):
            n_read += 1
            yield entry

    monkeypatch.setattr(Path, "iterdir", counted)
    assert not Bids.recognises(tmp_path)
    assert n_read <= 200


def test_an_id_from_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, run())
    for id_ in ("../x.edf", "a.edf", "sub-01/eeg/sub-02_task-x_eeg.edf", ""):
        with pytest.raises(RecordingError):
            opened(tmp_path).find(id_)


@pytest.mark.parametrize(
    ("name", "entities"),
    [
        ("sub-01_ses-01_task-szMonitoring_run-00_eeg.edf",
         {"sub": "01", "ses": "01", "task": "szMonitoring", "run": "00"}),
        ("sub-01_eeg.EDF", {"sub": "01"}),
        ("events.json", {}),
        ("sub-01_sub-02_eeg.edf", None),
        ("sub_01_eeg.edf", None),
        ("sub-01_eeg", None),
        ("sub-_eeg.edf", None),
    ],
)  # fmt: skip
def test_names(name: str, entities: Mapping[str, str] | None) -> None:
    found = parse_name(name)
    assert (found and dict(found.entities)) == entities


def test_the_nearest_sidecar_counts(tmp_path: Path) -> None:
    path = write(tmp_path, run())
    for table in (
        tmp_path / "events.tsv",
        tmp_path / "task-other_events.tsv",
        tmp_path.parent / "task-szMonitoring_events.tsv",
    ):
        table.touch()
    assert find_sidecar(path, tmp_path, "events") == tmp_path / "events.tsv"
    for name, folder in (
        ("task-szMonitoring_events.tsv", tmp_path),
        ("sub-01_ses-01_events.tsv", path.parent.parent),
        ("sub-01_ses-01_task-szMonitoring_events.tsv", path.parent),
        (run().replace("_eeg.edf", "_events.tsv"), path.parent),
    ):
        (folder / name).touch()
        assert find_sidecar(path, tmp_path, "events") == folder / name
    assert find_sidecar(path, tmp_path, "channels") is None


# --- what is annotated --------------------------------------------------------------------------


def test_events_of_szcore(tmp_path: Path) -> None:
    text = SZCORE + (
        f"5.5\t10\tsz_foc_ia_nm\t0.80\tfp1,F3\t{STAMP}\n20\t4.25\tSZ\tn/a\tn/a\t{STAMP}\n"
    )
    found = annotated(tmp_path, text)
    first, second = found.events
    assert (first.onset, first.offset, first.label) == (5.5, 15.5, "sz_foc_ia_nm")
    assert (first.channel, first.confidence, first.row) == ("fp1,F3", 0.8, 2)
    assert (second.onset, second.offset, second.label, second.channel) == (20, 24.25, "SZ", "TERM")
    assert isnan(second.confidence)
    assert (found.seconds, found.notes) == (40, ())
    assert {event.meaning for event in found.events} == {""}  # known to all


@pytest.mark.parametrize(
    "content",
    [
        szcore("1\t2\tsz").replace("\n", "\r\n"),
        szcore("1\t2\tsz").replace("\n", "\r"),
        "\ufeff" + szcore("1\t2\tsz"),
        b"onset\tduration\ttrial_type\tnote\n1\t2\tsz\tann\xe9e\n",
        SZCORE + "\n" + szcore("1\t2\tsz").removeprefix(SZCORE) + "\n \n",
        "trial_type\tonset\tduration\nsz\t1\t2\n",
        "onset\tduration\tTrial_Type\tvalue\n1\t2\t seizure \t9\n",
        'onset\tduration\t"eventType"\n1\t2\t"Seizure"\n',
    ],
    ids=["CRLF", "CR", "BOM", "latin-1", "blank line", "order", "case", "quotes"],
)
def test_spellings_of_a_table(tmp_path: Path, content: str | bytes) -> None:
    (event,) = annotated(tmp_path, content).events
    assert (event.onset, event.offset) == (1, 3)
    assert event.label in ("sz", "seizure", "Seizure")


def test_background_is_no_event_and_says_that_somebody_looked(tmp_path: Path) -> None:
    found = annotated(tmp_path, szcore("0\t40\tbckg"))
    assert found.events == ()
    assert found.file.endswith("_events.tsv")


def test_artefacts_alone_are_labelled(tmp_path: Path) -> None:
    found = annotated(tmp_path, szcore("3\t4\timpd", "20\t1\timpd"))
    assert spans(found.events) == [(3, 7, "impd"), (20, 21, "impd")]


def test_pairs_of_markers(tmp_path: Path) -> None:
    text = "onset\tduration\ttrial_type\n10\t0\tsz onset\n11\t0\tspike\n30.5\t0\tsz offset\n"
    found = annotated(tmp_path, text)
    assert spans(found.events) == [(10, 30.5, "sz onset"), (11, 11, "spike")]
    assert [event.meaning for event in found.events] == ["seiz", ""]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["4\tn/a\tsz"], [(4, None, "sz")]),
        (["4\t0\tseizure onset"], [(4, None, "seizure onset")]),
        (["-3\t5\tsz"], [(0, 2, "sz")]),
        (["-9\t5\tsz"], []),
        (["1\t2\tseizure-free", "3\t1\tsz"], [(1, 3, "seizure-free"), (3, 4, "sz")]),
        (["1\t2\tsz", "1\t2\tsz"], [(1, 3, "sz")]),
    ],
    ids=["no duration", "no end marker", "before", "long before", "denied", "twice"],
)
def test_what_is_odd_in_a_row(
    tmp_path: Path, rows: list[str], expected: list[tuple[float, float | None, str]]
) -> None:
    found = annotated(tmp_path, szcore(*rows))
    assert spans(found.events) == expected
    if expected and expected[0][2] == "seizure-free":
        assert found.events[0].meaning == ""


def test_words_and_columns_that_are_given(tmp_path: Path) -> None:
    words = EventWords(
        column="what", starts=("on*",), ends=("off*",), spans=("re:ann?fall",), background=("ok",)
    )
    rows = ("1\t2\tsz\tanfall", "4\t0\tsz\ton 1", "6\t0\tsz\toff", "9\t1\tsz\tok")
    text = "\n".join(("onset\tduration\ttrial_type\twhat", *rows))
    assert spans(annotated(tmp_path, text, events=words).events) == [
        (1, 3, "anfall"),
        (4, 6, "on 1"),
    ]


def test_notes_on_a_table(tmp_path: Path) -> None:
    text = szcore("1\t2\tsz", "1\t2\tn/a", "5\t1\tsz", "5\t1\tsz").replace("40.00", "39.00", 1)
    found = annotated(tmp_path, text)
    name = run().replace("_eeg.edf", "_events.tsv")
    assert found.seconds == 39
    assert found.notes == (
        f"{name}, line 5: repeats line 4",
        "1 row without a type (line 3)",
        f"{name}: recordingDuration varies: 40 s in line 3, 39 s in line 2",
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no events table in its folder or above"),
        (b"", "{name}: file is empty"),
        (b" \n\r\n", "{name}: file is empty"),
        (SZCORE, "{name}: has a header but no rows"),
        (szcore("1\t2\tn/a"), "{name}: no row has a type"),
    ],
    ids=["no table", "empty", "blanks", "header alone", "no types"],
)
def test_who_did_not_look(tmp_path: Path, content: str | bytes | None, reason: str) -> None:
    with pytest.raises(Unlabelled) as told:
        annotated(tmp_path, content)
    assert str(told.value) == reason.format(name=run().replace("_eeg.edf", "_events.tsv"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("onset\tduration\tkind\n1\t2\tsz\n", ": has no column eventType or trial_type, but "),
        ("onset\teventType\n1\tsz\n", ": has no column duration"),
        (szcore("1\t2\tsz")[:-8], ", line 2: has 6 cells for 7 columns"),
        (szcore("00:05:00\t2\tsz"), ", line 2: onset is not a time in seconds: '00:05:00'"),
        (szcore("0\t40\tbckg", "n/a\t2\tsz"), ", line 3: onset is not a time in seconds: 'n/a'"),
        (szcore("5\t-2\tsz"), r", line 2: duration is negative \(-2 s\)"),
        (szcore("5\t0\tsz onset", "8\t0\tsz onset"), ", line 3: second start .'sz onset'.,"),
        (szcore("5\t0\tsz offset"), ", line 2: 'sz offset' at 5 s has no start before it"),
        (b"\xff\xfe" + szcore("1\t2\tsz").encode("utf-16-le"), ": UTF-16 text"),
        (b"onset\x00", ", byte 5: not a text file"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    name = run().replace("_eeg.edf", "_events.tsv")
    with pytest.raises(RecordingError, match=f"^{name}{reason}") as told:
        annotated(tmp_path, content)
    assert not isinstance(told.value, Unlabelled)


def test_annotations_are_not_to_be_read(tmp_path: Path) -> None:
    with pytest.raises(Unlabelled, match=r"labels\.annotation is 'none'"):
        annotated(tmp_path, szcore("1\t2\tsz"), annotation="none")


def test_a_table_that_is_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, run(), szcore("1\t2\tsz"))
    corpus = opened(tmp_path)
    first = corpus.annotation(only(corpus))
    table = path.with_name(path.name.replace("_eeg.edf", "_events.tsv"))
    table.write_text(szcore("1\t2\tsz", "5\t2\tsz"))
    second = corpus.annotation(only(corpus))
    assert (len(first.events), len(second.events)) == (1, 2)
    assert first.digest != second.digest


# --- participants, scans, clocks ----------------------------------------------------------------


def test_participants(tmp_path: Path) -> None:
    write(tmp_path, run("01"))
    write(tmp_path, run("03"))
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tage\tsex\tcomment\nsub-01\t11\tf\tn/a\nsub-02\t3\tm\tx\n"
    )
    corpus = opened(tmp_path)
    found = corpus.recordings()
    assert [one.about for one in found.recordings] == [(("age", "11"), ("sex", "f")), ()]
    assert found.notes == [
        "participants.tsv lists 1 participant without a recording, such as 'sub-02' (line 3)",
        "participants.tsv does not list 1 participant with recordings, such as 'sub-03'",
    ]
    assert tmp_path / "participants.tsv" in corpus.files(found.recordings[0]).annotation


def test_participants_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, run())
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t1\nsub-01\t2\n")
    found = opened(tmp_path).recordings()
    assert found.notes == [
        "participants table skipped: participants.tsv, line 3: 'sub-01' is repeated, "
        "first in line 2"
    ]
    assert found.recordings[0].about == ()


def test_patients_of_tuh_keep_their_names(tmp_path: Path) -> None:
    """As SzCORE's conversion of TUSZ lists them, with the official split."""
    write(tmp_path, run("000"))
    write(tmp_path, run("001"))
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tTUH_id\tsplit\nsub-000\taaaaaaac\ttrain\nsub-001\taaaaaaad\teval\n"
    )
    corpus = opened(tmp_path)
    assert corpus.patient_namespace == "tuh"
    assert [(one.patient, one.folder) for one in corpus.recordings().recordings] == [
        ("aaaaaaac", "train"),
        ("aaaaaaad", "eval"),
    ]


def test_a_namespace_is_the_dataset(tmp_path: Path) -> None:
    write(tmp_path, run())
    assert opened(tmp_path).patient_namespace == ""
    described(tmp_path, "SeizeIT2")
    assert opened(tmp_path).patient_namespace == "bids SeizeIT2"
    (tmp_path / "dataset_description.json").write_text("[" * 10_000)
    assert opened(tmp_path).patient_namespace == ""


def described(root: Path, name: str) -> None:
    about = {"Name": name, "BIDSVersion": "1.8.0"}
    (root / "dataset_description.json").write_text(json.dumps(about, indent=2))


def test_recordings_that_scans_list_and_that_are_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, run())
    scans = path.parent.parent / "sub-01_ses-01_scans.tsv"
    lost = f"eeg/{run(number=7)}"
    scans.write_text(
        f"filename\tacq_time\neeg/{run()}\t2001-02-03T04:05:06\n{lost}\tn/a\nemg/x_emg.edf\tn/a\n"
    )
    corpus = opened(tmp_path)
    (note,) = corpus.recordings().notes
    assert note.startswith(f"{scans.name} lists 1 recording not in the corpus, such as 'eeg/sub-01")
    assert note.endswith("(line 3)")
    facts = corpus.facts(only(corpus))
    assert (facts.start, facts.clock) == (datetime(2001, 2, 3, 4, 5, 6), "surrogate")


@pytest.mark.parametrize(
    ("dates", "believed"),
    [
        (("2000-01-01 00:00:00", "2000-01-01 01:00:00"), True),
        (("2000-01-01 00:00:00", "2000-01-01 00:00:40"), True),
        (("2000-01-01 00:00:00", "2000-01-01 00:00:00"), False),
        (("2000-01-01 00:00:00", "2000-01-01 00:00:20"), False),
        (("2000-01-01T00:00:00", "2000-01-02T00:00:00.5Z"), True),
        (("2000-01-01", "2000-01-02"), False),
        (("n/a", "n/a"), False),
    ],
    ids=["apart", "touching", "one for all", "overlapping", "ISO", "days alone", "not known"],
)
def test_clocks_are_believed_unless_recordings_overlap(
    tmp_path: Path, dates: tuple[str, str], believed: bool
) -> None:
    for number, date in enumerate(dates):
        write(tmp_path, run(number=number), szcore("1\t2\tsz", stamp=f"{date}\t40"))
    corpus = opened(tmp_path)
    facts = [corpus.facts(one) for one in corpus.recordings().recordings]
    assert [one.clock for one in facts] == ["surrogate" if believed else "none"] * 2
    assert all((one.start is not None) == believed for one in facts)


def test_a_clock_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, run(), szcore("1\t2\tsz", stamp="yesterday\t1e300"))
    corpus = opened(tmp_path)
    facts = corpus.facts(only(corpus))
    name = run().replace("_eeg.edf", "_events.tsv")
    assert (facts.start, facts.clock) == (None, "none")
    assert facts.notes[-1] == (
        f"{name}, line 2: dateTime is not a date and time: 'yesterday'; the clock is not used"
    )
    assert len(corpus.annotation(only(corpus)).events) == 1


# --- bad channels -------------------------------------------------------------------------------

CHANNEL_TABLE = "name\ttype\tunits\tstatus\n"


def test_bad_channels_are_marked_whatever_their_spelling(tmp_path: Path) -> None:
    table = CHANNEL_TABLE + "FP1\tEEG\tuV\tbad\nEEG Cz-Ref\tEEG\tuV\tBad\nF7\tEEG\tuV\tgood\n"
    path = write(tmp_path, run(), channels=table + "X9\tEEG\tuV\tbad\n")
    corpus = opened(tmp_path)
    recording = only(corpus)
    facts = corpus.facts(recording)
    assert [signal.label for signal in facts.signals if signal.bad] == ["Fp1-Avg", "Cz-Avg"]
    channels = path.with_name(path.name.replace("_eeg.edf", "_channels.tsv"))
    assert facts.notes == (
        f"{channels.name}, line 5: marks 'X9' as bad, which is not a signal of the file",
    )
    assert corpus.files(recording).signal == (path, channels)
    kept = opened(tmp_path, bads="keep")
    assert not any(signal.bad for signal in kept.facts(recording).signals)
    assert kept.files(recording).signal == (path,)


def test_a_table_without_bad_channels_is_no_part_of_the_signal(tmp_path: Path) -> None:
    path = write(tmp_path, run(), channels=CHANNEL_TABLE + "FP1\tEEG\tuV\tgood\n")
    corpus = opened(tmp_path)
    assert corpus.files(only(corpus)).signal == (path,)


def test_a_channels_table_that_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, run(), channels=CHANNEL_TABLE + "FP1\tEEG\tuV\tnoisy\n")
    corpus = opened(tmp_path)
    recording = only(corpus)
    corpus.files(recording)
    with pytest.raises(RecordingError, match=r"_channels\.tsv, line 2: the status of 'FP1' is "):
        corpus.facts(recording)
    opened(tmp_path, bads="keep").facts(recording)


# --- errata -------------------------------------------------------------------------------------


def test_background_of_files_that_nobody_looked_at(tmp_path: Path) -> None:
    """SzCORE's conversion of CHB-MIT writes it for the ten files without an entry."""
    write(tmp_path, run("24", 1), szcore("0\t40\tbckg"))
    write(tmp_path, run("24", 0), szcore("1\t2\tsz"))
    write(tmp_path, run("23", 0), szcore("0\t40\tbckg"))
    described(tmp_path, "BIDS CHB-MIT Scalp EEG Database")

    def reasons(**options: Any) -> list[str]:
        corpus = opened(tmp_path, **options)
        told = []
        for recording in corpus.recordings().recordings:
            try:
                corpus.annotation(recording)
            except Unlabelled as reason:
                told.append(f"{recording.id[-17:]}: {reason}")
        return told

    (one,) = reasons()
    assert one.startswith("ng_run-01_eeg.edf: unlabelled: the converter writes background")
    assert one.endswith("(erratum)")
    assert reasons(errata="none") == []
    described(tmp_path, "CHB-MIT Scalp EEG Database")  # as the original is named
    assert reasons() == [one]
    described(tmp_path, "Another dataset")
    assert reasons() == []


def test_that_nobody_looked_is_a_note_where_the_recording_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data, run("24", 1), szcore("0\t40\tbckg"))
    for number in range(4):
        write(data, run("23", number), szcore("0\t40\tbckg"))
    described(data, "BIDS CHB-MIT Scalp EEG Database")
    config = {
        "corpus": {"split_policy": "file_order"},
        "labels": {"unlabelled": "keep"},
        "windows": {"length": 10, "stride": 10},
    }
    notes = {}
    for split in ("train", "dev"):
        report = tuszstore.build(config, split=split, data=data, store=tmp_path, workers=0)
        with tuszstore.open(report.store) as store:
            notes |= dict(
                zip(store.recordings.id.values, store.recordings.notes.values, strict=True)
            )
    told = [note for id_, note in notes.items() if "sub-24" in id_]
    assert len(notes) == 5
    assert len(told) == 1
    assert "unlabelled: the converter" in told[0]
    assert "(erratum)" in told[0]
    assert sum("(erratum" in note for note in notes.values()) == 1


def test_the_seizure_that_is_three_hours_late(tmp_path: Path) -> None:
    write(tmp_path, run("14", 3), szcore("17540\t65\tsz_foc", "100\t5\tsz_foc"))
    described(tmp_path, "BIDS Siena Scalp EEG Database")
    corpus = opened(tmp_path)
    found = corpus.annotation(only(corpus))
    assert spans(found.events) == [(100, 105, "sz_foc"), (6740, 6805, "sz_foc")]
    assert found.notes == ("seizure from 17540 s read as from 6740 s (erratum)",)
    plain = opened(tmp_path, errata="none")
    assert spans(plain.annotation(only(plain)).events)[1] == (17540, 17605, "sz_foc")


# --- stores -------------------------------------------------------------------------------------

CONFIG = {
    "corpus.split_policy": "patient",
    "signal.normalise": "none",
    "signal.bandpass": None,
    "signal.notch": None,
    "signal.clip": None,
    "storage.dtype": "float32",
    "windows.length": 10.0,
}


def built(root: Path, store: Path, config: str = "bipolar", **options: Any) -> list[Any]:
    loaded = tuszstore.load_config(config, {**CONFIG, **options})
    return [
        tuszstore.build(loaded, split=split, data=root, store=store, workers=0)
        for split in ("train", "dev")
    ]


def test_stores_of_average_and_bipolar_recordings_are_one_eeg(tmp_path: Path) -> None:
    """-Avg is a reference like any other, and SzCORE's bipolar order is its own."""
    table = szcore("12\t10\tsz_foc_ia_nm", "30\t4\timpd")
    for kind, signals in (("avg", average), ("bipolar", bipolar)):
        for subject in ("01", "02"):
            write(tmp_path / kind, run(subject), table, signals=signals(subject))
    stores = {}
    for kind in ("avg", "bipolar"):
        for report in built(tmp_path / kind, tmp_path / f"{kind}-stores"):
            assert not report.failed
            stores[kind, report.store.name] = tuszstore.open(report.store)
    for name in ("train.zarr", "dev.zarr"):
        one, other = stores["avg", name], stores["bipolar", name]
        assert one.spec.channels == other.spec.channels
        assert list(one.channels) == [channel.name for channel in SETS["double_banana"]]
        x, y = one.read(range(len(one))), other.read(range(len(other)))
        np.testing.assert_allclose(x, y, atol=0.2)
        windows = one.index.to_dataframe()
        # of 12 to 22 s in windows of 10 s; the last window lies in what is ignored
        np.testing.assert_allclose(windows["seizure_fraction"], [0, 0.8, 0.2, np.nan])
        assert one.events["class"].values.tolist() == ["sz_foc_ia_nm", "impd"]
        assert one.events["bit"].values.tolist() == [1, 0x8000]
        assert set(one.recordings["corpus"].values) == {"bids"}
        assert set(one.recordings["reference"].values) == {"AVG"}


def test_what_is_wrong_is_left_out_and_the_rest_built(tmp_path: Path) -> None:
    root = tmp_path / "bids"
    for subject in ("01", "02", "03"):
        write(root, run(subject), szcore("1\t2\tsz"))
    write(root, run("01", 1), szcore("1\t2\tsz")[:-8])
    write(root, run("02", 1))
    (root / "sub-03" / "ses-01" / "eeg" / run("03", 1).replace(".edf", ".bdf")).touch()
    reports = built(root, tmp_path / "stores")
    reasons = {}
    n_recordings = 0
    for report in reports:
        store = tuszstore.open(report.store)
        n_recordings += len(store.recordings["id"])
        reasons |= {
            Path(e["id"]).name: e["reason"] for _, e in store.left_out.to_dataframe().iterrows()
        }
    assert n_recordings == 3
    assert reasons[run("03", 1).replace(".edf", ".bdf")] == "BDF is not read yet: convert it to EDF"
    assert any("_events.tsv, line 2: has 6 cells" in reason for reason in reasons.values())
    assert "unlabelled: no events table in its folder or above" in reasons.values()


def test_what_is_known_of_participants_is_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "bids"
    for subject in ("01", "02"):
        write(root, run(subject), szcore("1\t2\tsz"))
    table = root / "participants.tsv"
    table.write_text("participant_id\tage\tsex\nsub-01\t11\tf\nsub-02\tn/a\tm\n")

    def told(*reports: Any) -> dict[str, str]:
        stores = [tuszstore.open(report.store).recordings for report in reports]
        return {
            patient: text
            for store in stores
            for patient, text in zip(
                store["patient"].values, store["participant"].values, strict=True
            )
        }

    assert told(*built(root, tmp_path / "stores")) == {
        "sub-01": '{"age": "11", "sex": "f"}',
        "sub-02": '{"sex": "m"}',
    }
    table.write_text("participant_id\tage\tsex\nsub-01\t12\tf\nsub-02\tn/a\tm\n")
    again = built(root, tmp_path / "stores")
    assert told(*again)["sub-01"] == '{"age": "12", "sex": "f"}'
    monkeypatch.setenv("TUSZSTORE_PSEUDONYM_KEY", "0123456789abcdef" * 4)
    hidden = built(root, tmp_path / "hidden", **{"corpus.pseudonymize": True})
    assert set(told(*hidden).values()) == {""}


@pytest.mark.parametrize("bads", ["interpolate", "keep", "leave_out"])
def test_bad_channels(tmp_path: Path, bads: str) -> None:
    """What is interpolated is as if the electrode had no signal at all."""
    root = tmp_path / "bids"
    marked = CHANNEL_TABLE + "CZ\tEEG\tuV\tbad\n"
    for subject in ("01", "02"):
        write(root, run(subject), szcore("1\t2\tsz"), signals=average("x"), channels=marked)
    flat = average("x")
    flat[CHANNELS.index("Cz")] = channel("x", SECONDS, label="Cz-Avg", digital=0)
    for subject in ("01", "02"):
        signals = flat if bads == "interpolate" else average("x")
        write(tmp_path / "other", run(subject), szcore("1\t2\tsz"), signals=signals)
        mark_apart(root, tmp_path / "other", subject)
    options = {"channels.bads": bads}
    reports = built(root, tmp_path / "stores", "tusz", **options)
    if bads == "leave_out":
        reasons = {entry.reason for report in reports for entry in report.left_out}
        assert reasons == {"marked as bad: Cz-Avg (channels.bads is 'leave_out')"}
        return
    stores = [tuszstore.open(report.store) for report in reports]
    others = [tuszstore.open(r.store) for r in built(tmp_path / "other", tmp_path / "o", "tusz")]
    for store, other in zip(stores, others, strict=True):
        np.testing.assert_array_equal(store.read([0, 1]), other.read([0, 1]))
        (interpolated,) = store.recordings["interpolated"].values
        assert [c for c, is_so in zip(store.channels, interpolated, strict=True) if is_so] == (
            ["Cz"] if bads == "interpolate" else []
        )
        told = "marked as bad, interpolated: Cz" in store.recordings["notes"].values[0]
        assert told == (bads == "interpolate")


def mark_apart(*roots_and_subject: Any) -> None:
    """Make files of one EEG those of several patients: copies would be taken once."""
    *roots, subject = roots_and_subject
    for root in roots:
        mark(root / f"sub-{subject}" / "ses-01" / "eeg" / run(subject), f"subject {subject}")


def test_a_bad_difference_is_kept_and_said(tmp_path: Path) -> None:
    root = tmp_path / "bids"
    marked = CHANNEL_TABLE + "P7-T7\tEEG\tuV\tbad\n"
    for subject in ("01", "02"):
        write(root, run(subject), szcore("1\t2\tsz"), signals=bipolar(subject), channels=marked)
    for report in built(root, tmp_path / "stores"):
        (notes,) = tuszstore.open(report.store).recordings["notes"].values
        assert "marked as bad, kept because they cannot be interpolated: T3-T5" in notes


def test_more_bad_electrodes_than_may_be_interpolated(tmp_path: Path) -> None:
    root = tmp_path / "bids"
    rows = "".join(f"{name}\tEEG\tuV\tbad\n" for name in CHANNELS[:5])
    for subject in ("01", "02"):
        write(root, run(subject), szcore("1\t2\tsz"), channels=CHANNEL_TABLE + rows)
    for report in built(root, tmp_path / "stores"):
        (entry,) = report.left_out
        assert entry.reason.startswith("5 channels are missing or marked as bad (Fp1, ")


ROWS = st.lists(
    st.tuples(
        st.integers(0, 3000),
        st.none() | st.integers(0, 500),
        st.sampled_from(["sz_foc", "seizure", "bckg", "impd", "spike", ""]),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@given(ROWS, st.permutations(["onset", "duration", "trial_type", "note"]), st.booleans())
def test_rows_are_read_back_whatever_their_columns(
    scratch: Path, rows: list[tuple[int, int | None, str]], columns: list[str], crlf: bool
) -> None:
    lines = ["\t".join(columns)]
    for onset, duration, kind in rows:
        cells = {
            "onset": f"{onset / 10:g}",
            "duration": "n/a" if duration is None else f"{duration / 10:.2f}",
            "trial_type": kind or "n/a",
            "note": "",
        }
        lines.append("\t".join(cells[column] for column in columns))
    text = ("\r\n" if crlf else "\n").join(lines)
    (scratch / "sub-01" / "eeg" / "sub-01_task-x_events.tsv").write_bytes(text.encode())
    corpus = opened(scratch)
    recording = corpus.find("sub-01/eeg/sub-01_task-x_eeg.edf")
    if not any(kind for _, _, kind in rows):
        with pytest.raises(Unlabelled):
            corpus.annotation(recording)
        return
    expected = [
        (a / 10, None if n is None else pytest.approx((a + n) / 10), kind)
        for a, n, kind in sorted(rows, key=lambda row: row[0])
        if kind not in ("", "bckg")
    ]
    found = spans(corpus.annotation(recording).events)
    assert sorted(found, key=lambda one: one[0]) == sorted(expected, key=lambda one: one[0])


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset whose table property tests write over and over."""
    root = tmp_path_factory.mktemp("scratch")
    write(root, "sub-01_task-x_eeg.edf")
    return root


def test_seizeit2_has_two_of_three_channels(tmp_path: Path) -> None:
    """A recording with artefacts alone is labelled, and one with other channels excluded."""
    root = tmp_path / "ds005873"
    for subject, number, labels in (
        ("001", 1, ("BTEleft SD", "CROSStop SD")),
        ("001", 2, ("BTEleft SD", "BTEright SD")),
        ("002", 1, ("BTEleft SD", "CROSStop SD")),
    ):
        signals = [
            channel("x", SECONDS, label=one, digital=noise(SECONDS * 256, (subject, number, one)))
            for one in labels
        ]
        name = run(subject, number)
        write(root, name, szcore("3\t4\timpd", "20\t1\timpd"), signals=signals)
        mov = root / f"sub-{subject}" / "ses-01" / "mov" / name.replace("_eeg", "_mov")
        write_edf(mov, signals)
    reports = built(root, tmp_path / "s", **{"channels.set": ["BTEleft SD", "CROSStop SD"]})
    reasons = [entry.reason for report in reports for entry in report.left_out]
    assert len(reasons) == 1
    assert "CROSStop SD" in reasons[0]
    for report in reports:
        store = tuszstore.open(report.store)
        assert store.channels == ("BTEleft SD", "CROSStop SD")
        np.testing.assert_equal(store.index["seizure_fraction"].values, [np.nan, 0, np.nan, 0])


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    """Its columns are aligned with blanks for readers, and separated by tabs in a file."""
    page = (ROOT / "docs" / "start" / "bids.md").read_text(encoding="utf-8")
    example = re.search(r"^ {4}onset .*\n(?: {4}.*\n)+", page, re.MULTILINE)
    assert example is not None
    table = re.sub(r" {2,}", "\t", textwrap.dedent(example[0]))
    assert table.splitlines()[1].split("\t") == ["0", "62.5", "bckg"]
    assert spans(annotated(tmp_path, table).events) == [(62.5, 102.5, "sz_foc_ia")]
