"""Annotation files, from rows of text to marked samples."""

import codecs
import hashlib
import math
import os
import shlex
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tuszstore.config import Labels
from tuszstore.corpus.annotations import (
    BACKGROUND,
    IGNORED,
    Annotation,
    Event,
    Unlabelled,
    read_annotation,
)
from tuszstore.corpus.events import (
    MarkedEvents,
    mark_events,
    not_counted,
    warn_not_counted,
)
from tuszstore.errors import RecordingError
from tuszstore.store.labels import paint

DEFAULT = Labels()
HEADER = """\
# version = csv_v1.0.0
# bname = aaaaapks_s012_t001
# duration = 2348.00 secs
# montage_file = $NEDC_NFC/lib/nedc_eas_default_montage.txt
#
"""
COLUMNS = "channel,start_time,stop_time,label,confidence\n"


def text(*rows: str, header: str = HEADER, columns: str = COLUMNS) -> str:
    """Return an annotation file with some rows."""
    return header + columns + "".join(f"{row}\n" for row in rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aaaaapks_s012_t001.csv"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that property tests write over and over."""
    return tmp_path_factory.mktemp("annotations") / "scratch.csv"


def read(path: Path, content: str | bytes, kind: str = "csv") -> Annotation:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_annotation(path, kind)


def times(annotation: Annotation) -> list[tuple[float, float, str]]:
    return [(event.onset, event.offset, event.label) for event in annotation.events]


def annotation(*events: tuple[float, float] | tuple[float, float, str]) -> Annotation:
    """Return an annotation with some events, of class seiz where they name none."""
    made = [
        Event("TERM", onset, offset, *(label or ["seiz"]), 1.0, row)
        for row, (onset, offset, *label) in enumerate(events, start=7)
    ]
    return Annotation(tuple(made), None, "")


# --- files that are as they should be -----------------------------------------------------------


def test_a_term_annotation_is_read(path: Path) -> None:
    content = text("TERM,4.9724,36.3315,seiz,1.0000", "TERM,99.0000,100.5000,seiz,0.8500")
    found = read(path, content, "csv_bi")
    assert found.events == (
        Event("TERM", 4.9724, 36.3315, "seiz", 1.0, row=7),
        Event("TERM", 99.0, 100.5, "seiz", 0.85, row=8),
    )
    assert found.seconds == 2348.0
    assert found.digest == hashlib.sha256(content.encode()).hexdigest()


def test_a_channel_annotation_is_read(path: Path) -> None:
    found = read(
        path,
        text(
            "FP1-F7,0.0000,36.8868,bckg,1.0000",
            "FP1-F7,36.8868,183.3055,cpsz,1.0000",
            "F7-T3,40.0000,183.3055,fnsz,1.0000",
        ),
    )
    assert [(event.channel, event.label, event.row) for event in found.events] == [
        ("FP1-F7", "cpsz", 8),
        ("F7-T3", "fnsz", 9),
    ]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(["TERM,0.0000,1.0000,bckg,1.0000"], id="one second"),
        pytest.param(["TERM,0.0000,2348.0000,bckg,1.0000"], id="the whole file"),
        pytest.param(["TERM,0.0000,99999.0000,bckg,1.0000"], id="past the end"),
        pytest.param(["TERM,5.0000,1.0000,bckg,1.0000"], id="reversed"),
        pytest.param(["TERM,-5.0000,-1.0000,BCKG,1.0000"], id="negative, upper case"),
    ],
)
def test_background_rows_are_no_events(path: Path, rows: list[str]) -> None:
    assert read(path, text(*rows)).events == ()
    rows.append("TERM,1.0000,2.0000,seiz,1.0000")
    assert times(read(path, text(*rows))) == [(1.0, 2.0, "seiz")]


VARIANTS = {
    "CRLF": text("TERM,1.0,2.0,seiz,1.0").replace("\n", "\r\n").encode(),
    "CR": text("TERM,1.0,2.0,seiz,1.0").replace("\n", "\r").encode(),
    "no newline at the end": text("TERM,1.0,2.0,seiz,1.0").rstrip("\n").encode(),
    "BOM": codecs.BOM_UTF8 + text("TERM,1.0,2.0,seiz,1.0").encode(),
    "BOM without header": codecs.BOM_UTF8 + text("TERM,1.0,2.0,seiz,1.0", header="").encode(),
    "no header": text("TERM,1.0,2.0,seiz,1.0", header="").encode(),
    "blank lines": text("", "TERM,1.0,2.0,seiz,1.0", "  ", "").encode(),
    "blanks around fields": text(" TERM , 1.0,\t2.0 , seiz , 1.0 ").encode(),
    "comment between rows": text("# checked", "TERM,1.0,2.0,seiz,1.0").encode(),
    "quoted fields": text('"TERM","1.0","2.0","seiz","1.0"').encode(),
    "upper case columns": text("TERM,1.0,2.0,seiz,1.0", columns=COLUMNS.upper()).encode(),
    "extra columns": text(
        "TERM,1.0,2.0,seiz,1.0,me,ok", columns=f"{COLUMNS.strip()},reader,note\n"
    ).encode(),
    "extra fields": text("TERM,1.0,2.0,seiz,1.0,,,").encode(),
    "columns in another order": text(
        "seiz,TERM,2.0,1.0", columns="label,channel,stop_time,start_time\n"
    ).encode(),
    "no confidence": text(
        "TERM,1.0,2.0,seiz", columns="channel,start_time,stop_time,label\n"
    ).encode(),
    "empty confidence": text("TERM,1.0,2.0,seiz,").encode(),
    "exponents": text("TERM,1e0,2.0E+0,seiz,1.0").encode(),
    "no UTF-8 needed": text("TERM,1.0,2.0,seiz,1.0", header="# reader = Müller\n").encode(),
}


@pytest.mark.parametrize("content", VARIANTS.values(), ids=VARIANTS)
def test_a_file_may_be_written_in_many_ways(path: Path, content: bytes) -> None:
    assert times(read(path, content)) == [(1.0, 2.0, "seiz")]


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("# duration = 2348.00 secs", 2348.0),
        ("# duration = 2348.0000 secs", 2348.0),
        ("# duration = 301.0039 secs", 301.0039),
        ("#duration=60 secs", 60.0),
        ("#  duration  =  60.5 sec", 60.5),
        ("# duration = 60", 60.0),
        ("# duration = an hour", None),
        ("# duration =", None),
        ("# durations = 5.00 secs", None),
        ("# bname = duration", None),
        ("# nothing", None),
    ],
)
def test_the_duration_is_found_by_its_key(path: Path, line: str, seconds: float | None) -> None:
    header = f"# montage_file = a\n# note = b = c\n{line}\n"
    assert read(path, text("TERM,1,2,seiz,1", header=header)).seconds == seconds


def test_the_confidence_may_be_missing(path: Path) -> None:
    (event,) = read(path, text("TERM,1.0,2.0,seiz,")).events
    assert math.isnan(event.confidence)


# --- nothing in it ------------------------------------------------------------------------------


EMPTY = {
    "empty": (b"", "annotation file is empty"),
    "blank": (b" \r\n\n\t\n", "annotation file is empty"),
    "header only": (HEADER.encode(), "a header but no rows"),
    "columns only": ((HEADER + COLUMNS).encode(), "a header but no rows"),
    "columns and blank lines": ((HEADER + COLUMNS + "\n \n").encode(), "a header but no rows"),
    "BOM only": (codecs.BOM_UTF8, "a header but no rows"),
}


@pytest.mark.parametrize(("content", "reason"), EMPTY.values(), ids=EMPTY)
def test_an_annotation_without_rows_says_nothing(path: Path, content: bytes, reason: str) -> None:
    """Such a recording is unlabelled, which is not background."""
    with pytest.raises(Unlabelled, match=rf"aaaaapks_s012_t001\.csv: .*{reason}"):
        read(path, content)


@pytest.mark.parametrize("kind", ["csv", "csv_bi"])
def test_a_missing_annotation_says_nothing(path: Path, kind: str) -> None:
    with pytest.raises(Unlabelled, match=r"no annotation file aaaaapks_s012_t001\.csv"):
        read_annotation(path, kind)


BESIDE = {
    "csv_bi": (
        "{stem}.csv_bi",
        r"\*\.csv_bi exists beside it: to read the \*\.csv_bi of all recordings, use --set "
        r"labels\.annotation=csv_bi$",
    ),
    "CSV": ("{stem}.CSV", r"\*\.CSV exists beside it: rename it to \*\.csv"),
    "tse_bi": (
        "{stem}.tse_bi",
        r"\*\.tse_bi exists beside it: .* use --set labels\.annotation=tse_bi$",
    ),
    "lbl": ("{stem}.lbl", r"\*\.lbl exists beside it: .* use --set labels\.annotation=lbl$"),
    "seizures": ("{stem}.edf.seizures", r"\*\.edf\.seizures exists beside it"),
    "BIDS": ("{stem}_events.tsv", r"\*_events\.tsv exists beside it: use --corpus bids"),
    "SeizeIT": ("{stem}_a1.tsv", r"\*_a1\.tsv exists beside it: use --corpus seizeit"),
    "CHB-MIT": ("chb05-summary.txt", r"\*-summary\.txt exists beside it: use --corpus chbmit"),
    "Siena": (
        "Seizures-list-chb05.txt",
        r"Seizures-list-\*\.txt exists beside it: use --corpus siena",
    ),
}


@pytest.mark.parametrize(("name", "told"), BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize("content", [None, "", text()], ids=["none", "empty", "no rows"])
def test_other_annotations_of_the_recording_are_told(
    tmp_path: Path, name: str, told: str, content: str | None
) -> None:
    """Who builds without labels would lose them."""
    path = tmp_path / "chb05" / "Harry_s001.csv"
    path.parent.mkdir()
    if content is not None:
        path.write_text(content)
    other = path.parent / name.format(stem=path.stem)
    other.write_text(text("TERM,1,2,seiz,1") if other.suffix == ".csv_bi" else "a row")
    with pytest.raises(Unlabelled, match=f", but {told}") as error:
        read_annotation(path, "csv")
    assert "Harry" not in str(error.value).partition(", but")[2]


@pytest.mark.parametrize(
    ("recording", "beside", "told"),
    [
        ("chb17a_03", "chb17-summary.txt", "each case .* such as chb01, with its summary$"),
        ("PN00-1", "Seizures-list-PN00.txt", "each patient .* such as PN00, with its list$"),
    ],
)
def test_patients_of_a_corpus_in_one_folder_must_be_separated(
    tmp_path: Path, recording: str, beside: str, told: str
) -> None:
    (tmp_path / beside).touch()
    (tmp_path / f"{recording}.edf.seizures").touch()
    with pytest.raises(Unlabelled, match=f"exists beside it: {told}"):
        read_annotation(tmp_path / f"{recording}.csv", "csv")
    (tmp_path / beside).rename(tmp_path / beside.replace("1", "2").replace("00", "01"))
    with pytest.raises(Unlabelled) as error:  # the list of another patient
        read_annotation(tmp_path / f"{recording}.csv", "csv")
    assert "its own folder" not in str(error.value)


NO_WAY_OUT = {
    "empty": b"",
    "blank": b" \n\n",
    "no rows": text().encode(),
    "no annotation": b"time,marker\n1.0,blink\n",
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("content", NO_WAY_OUT.values(), ids=NO_WAY_OUT)
def test_a_file_beside_without_rows_is_no_way_out(path: Path, content: bytes) -> None:
    path.with_suffix(".csv_bi").write_bytes(content)
    with pytest.raises(Unlabelled, match=rf"no annotation file {path.name}$"):
        read_annotation(path, "csv")


def test_the_advice_is_not_circular(path: Path) -> None:
    """Of two files without rows, neither is recommended in place of the other."""
    for kind in ("csv", "csv_bi"):
        path.with_suffix(f".{kind}").write_text(text())
    for kind in ("csv", "csv_bi"):
        with pytest.raises(Unlabelled, match=r"a header but no rows$"):
            read_annotation(path.with_suffix(f".{kind}"), kind)


def test_a_file_beside_with_a_faulty_row_is_told(path: Path) -> None:
    path.with_suffix(".csv_bi").write_text(text("TERM,1,soon,seiz,1"))
    with pytest.raises(Unlabelled, match=r"use --set labels\.annotation=csv_bi$"):
        read_annotation(path, "csv")


def test_a_folder_named_like_an_annotation_is_no_way_out(path: Path) -> None:
    path.with_suffix(".csv_bi").mkdir()
    with pytest.raises(Unlabelled, match=rf"no annotation file {path.name}$"):
        read_annotation(path, "csv")


def test_the_channel_annotation_beside_is_told_too(path: Path) -> None:
    path.write_text(text("TERM,1,2,seiz,1"))
    with pytest.raises(Unlabelled, match=r"use --set labels\.annotation=csv$"):
        read_annotation(path.with_suffix(".csv_bi"), "csv_bi")


def test_annotations_of_other_recordings_are_not_told(path: Path) -> None:
    for name in ("other.csv_bi", "aaaaapks_s012_t002.tse", "notes.txt", f"{path.stem}.json"):
        (path.parent / name).write_text("TERM")
    with pytest.raises(Unlabelled, match=rf"no annotation file {path.name}$"):
        read_annotation(path, "csv")


def test_annotations_can_be_left_unread(path: Path) -> None:
    path.write_text("no annotation at all")
    with pytest.raises(Unlabelled, match=r"labels\.annotation is 'none'"):
        read_annotation(path, "none")


def test_a_file_of_another_program_has_a_way_out(path: Path) -> None:
    way_out = "labels.annotation=none --set labels.unlabelled=keep"
    with pytest.raises(RecordingError, match=way_out):
        read(path, "time,marker\n1.0,blink\n")
    path.with_suffix(".csv_bi").write_text(text("TERM,1,2,seiz,1"))
    with pytest.raises(RecordingError, match=r"labels\.annotation=csv_bi$"):
        read(path, "time,marker\n1.0,blink\n")


# --- files that cannot be understood ------------------------------------------------------------


GARBAGE = {
    "prose": "the patient was asleep",
    "half a row": "TERM,1.0,2.0",
    "semicolons": "TERM;1.0;2.0;seiz;1.0",
    "start in words": "TERM,soon,2.0,seiz,1.0",
    "stop in words": "TERM,1.0,end,seiz,1.0",
    "confidence in words": "TERM,1.0,2.0,seiz,sure",
    "clock times": "TERM,00:01:00,00:02:00,seiz,1.0",
    "no start": "TERM,,2.0,seiz,1.0",
    "no label": "TERM,1.0,2.0,,1.0",
    "start nan": "TERM,nan,2.0,seiz,1.0",
    "stop inf": "TERM,1.0,inf,seiz,1.0",
    "start minus inf": "TERM,-inf,2.0,seiz,1.0",
    "stop before start": "TERM,9.5,2.0,seiz,1.0",
    "zero bytes": "\0\0\0\0",
    "an endless field": "TERM,1.0,2.0," + "x" * 200_000,
}


@pytest.mark.parametrize("row", GARBAGE.values(), ids=GARBAGE)
def test_a_garbage_row_is_refused_and_named(path: Path, row: str) -> None:
    told = r"aaaaapks_s012_t001\.csv, line 8: ."
    with pytest.raises(RecordingError, match=told) as caught:
        read(path, text("TERM,1.0,2.0,seiz,1.0", row, "TERM,3.0,4.0,seiz,1.0"))
    assert not isinstance(caught.value, Unlabelled)


@pytest.mark.parametrize(
    ("content", "row"),
    [
        pytest.param("TERM,1.0,2.0,seiz,1.0\n", 1, id="rows only"),
        pytest.param("name;age\nx;3\n", 1, id="another table"),
        pytest.param("\n\nhello\n", 3, id="prose"),
        pytest.param(text("TERM,1,2", columns="channel,start_time,stop_time\n"), 6, id="no label"),
    ],
)
def test_other_columns_are_refused(path: Path, content: str, row: int) -> None:
    told = rf"aaaaapks_s012_t001\.csv, line {row}: expected the columns channel,start_time"
    with pytest.raises(RecordingError, match=told) as caught:
        read(path, content)
    assert not isinstance(caught.value, Unlabelled)


def test_the_row_that_is_named_is_the_line_in_the_file(path: Path) -> None:
    content = text("TERM,1.0,2.0,seiz,1.0", "", "TERM,3.0,oops,seiz,1.0", "TERM,5.0,6.0,seiz,1.0")
    with pytest.raises(RecordingError, match="line 9: not a row of channel,start_time"):
        read(path, content)


def test_a_reversed_event_is_told_with_its_times(path: Path) -> None:
    with pytest.raises(RecordingError, match=r"ends \(2 s\) before it starts \(9\.5 s\)"):
        read(path, text("TERM,9.5,2.0,seiz,1.0"))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(text("TERM,1.0,2.0,seiz,1.0").encode("utf-16"), id="UTF-16"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\xff", id="a picture"),
        pytest.param("# reader = Müller\n".encode("latin-1"), id="Latin-1"),
    ],
)
def test_a_file_that_is_no_text_is_refused(path: Path, content: bytes) -> None:
    with pytest.raises(RecordingError, match=r"csv, line 1: not a text file in UTF-8"):
        read(path, content)


def test_the_row_that_is_no_text_is_named(path: Path) -> None:
    content = text("TERM,1.0,2.0,seiz,1.0", "Müller,3.0,4.0,seiz,1.0").encode("latin-1")
    row = content.count(b"\n", 0, content.index(b"\xfc")) + 1
    assert row > 2
    with pytest.raises(RecordingError, match=f"line {row}: not a text file"):
        read(path, content)


def test_a_folder_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(RecordingError, match="a folder, not a regular file") as caught:
        read_annotation(path, "csv")
    assert not isinstance(caught.value, Unlabelled)


def test_a_link_to_itself_is_refused(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(RecordingError, match="cannot be read: ") as caught:
        read_annotation(path, "csv")
    assert not isinstance(caught.value, Unlabelled)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(path: Path) -> None:
    path.write_text(text("TERM,1.0,2.0,seiz,1.0"))
    path.chmod(0)
    with pytest.raises(RecordingError, match="cannot be read: Permission denied") as caught:
        read_annotation(path, "csv")
    assert not isinstance(caught.value, Unlabelled)


def annotation_or_reason(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        found = read_annotation(path, "csv")
    except RecordingError:
        return
    for event in found.events:
        assert math.isfinite(event.onset)
        assert event.onset <= event.offset < math.inf
        assert event.label
        assert event.label.lower() != "bckg"


WORDS = st.sampled_from(
    ["TERM", "seiz", "bckg", "1.0", "-1", "2.5", "nan", "1e999", "", '"', "#", "duration", "=", "é"]
)
LINES = st.lists(WORDS | st.text(max_size=5), max_size=7).map(",".join)


@given(rows=st.lists(LINES, max_size=6), newline=st.sampled_from(["\n", "\r\n", "\r", "\f"]))
@example(rows=["# duration = 1e999 secs", "TERM,1,2,seiz,1"], newline="\n")
@example(rows=["TERM,1_0,2_0,seiz,1"], newline="\n")
@settings(deadline=None, max_examples=60)
def test_any_rows_give_an_annotation_or_a_reason(
    scratch: Path, rows: list[str], newline: str
) -> None:
    content = newline.join([COLUMNS.strip(), *rows])
    annotation_or_reason(scratch, content.encode("utf-8", "surrogatepass"))


@given(content=st.binary() | st.text().map(lambda value: value.encode("utf-8", "surrogatepass")))
@settings(deadline=None)
def test_any_bytes_give_an_annotation_or_a_reason(scratch: Path, content: bytes) -> None:
    annotation_or_reason(scratch, content)


# --- from seconds to samples --------------------------------------------------------------------


def ranges(marked: MarkedEvents) -> list[tuple[int, int]]:
    return list(zip(marked.first.tolist(), marked.stop.tolist(), strict=True))


@pytest.mark.parametrize(
    ("onset", "offset", "outward", "truncate"),
    [
        pytest.param(1, 2, (256, 512), (256, 512), id="on samples"),
        pytest.param(1.001, 1.999, (256, 512), (256, 511), id="between samples"),
        pytest.param(4.9724, 36.3315, (1272, 9301), (1272, 9300), id="a real one"),
        pytest.param(1.0001, 1.0002, (256, 257), (256, 256), id="shorter than a sample"),
        pytest.param(1.0, 1.0, (256, 256), (256, 256), id="without duration"),
        pytest.param(1.001, 1.001, (256, 256), (256, 256), id="without duration, between"),
        pytest.param(-0.001, 1, (0, 256), (0, 256), id="a little before the start"),
        pytest.param(-5, 1, (0, 256), (0, 256), id="from before the start"),
        pytest.param(-5, -1, (0, 0), (0, 0), id="before the start"),
        pytest.param(99, 101, (25344, 25600), (25344, 25600), id="past the end"),
        pytest.param(101, 110, (25600, 25600), (25600, 25600), id="after the end"),
        pytest.param(0, 1e300, (0, 25600), (0, 25600), id="for ever"),
        pytest.param(-1e300, 1e300, (0, 25600), (0, 25600), id="always"),
        pytest.param(1e300, 1e301, (25600, 25600), (25600, 25600), id="never"),
    ],
)
def test_an_event_marks_samples_within_the_recording(
    onset: float, offset: float, outward: tuple[int, int], truncate: tuple[int, int]
) -> None:
    said = annotation((onset, offset))
    n_samples = 100 * 256
    assert ranges(mark_events(said, n_samples, 256, DEFAULT)) == [outward]
    assert ranges(mark_events(said, n_samples, 256, Labels(rounding="truncate"))) == [truncate]


@pytest.mark.parametrize(
    ("events", "notes"),
    [
        pytest.param([(1, 2)], [], id="within"),
        pytest.param([(0, 100)], [], id="all of it"),
        pytest.param([(99, 100.5)], ["1 event cut at the recording's end"], id="end"),
        pytest.param([(99, 101), (98, 102)], ["2 events cut at the recording's end"], id="ends"),
        pytest.param([(100, 101)], ["1 event past the recording's end dropped"], id="past"),
        pytest.param(
            [(101, 102), (200, 300)], ["2 events past the recording's end dropped"], id="two past"
        ),
        pytest.param([(-1, 1)], ["1 event cut at the recording's start"], id="start"),
        pytest.param([(-2, -1)], ["1 event before the recording's start dropped"], id="before"),
        pytest.param([(5, 5)], ["1 event without duration"], id="without duration"),
        pytest.param(
            [(-1, 101)],
            ["1 event cut at the recording's end", "1 event cut at the recording's start"],
            id="longer than the recording",
        ),
        pytest.param([], [], id="none"),
    ],
)
def test_what_is_cut_or_dropped_is_noted(
    events: list[tuple[float, float]], notes: list[str]
) -> None:
    told = sorted(mark_events(annotation(*events), 25600, 256, DEFAULT).notes)
    assert [note[: len(expected)] for note, expected in zip(told, notes, strict=True)] == notes


def test_no_events_mark_nothing() -> None:
    marked = mark_events(annotation(), 25600, 256, DEFAULT)
    assert (marked.first.shape, marked.stop.shape, marked.bit.shape) == ((0,), (0,), (0,))
    assert (marked.first.dtype, marked.stop.dtype, marked.bit.dtype) == (
        np.int64,
        np.int64,
        np.uint16,
    )


# --- classes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEFAULT.classes)
def test_each_class_has_its_bit(name: str) -> None:
    marked = mark_events(annotation((1, 2, name)), 2560, 256, DEFAULT)
    assert marked.bit.tolist() == [1 << DEFAULT.classes.index(name)]


def test_case_of_a_class_is_ignored_by_default() -> None:
    marked = mark_events(annotation((1, 2, "SEIZ"), (3, 4, "Cpsz")), 2560, 256, DEFAULT)
    assert marked.bit.tolist() == [1, 16]


def test_case_of_a_class_in_the_configuration_is_ignored_as_well() -> None:
    config = Labels(classes=("Seizure", "seiz"), seizure=("Seizure",))
    marked = mark_events(annotation((1, 2, "Seizure"), (3, 4, "seizure")), 2560, 256, config)
    assert marked.bit.tolist() == [1, 1]


def test_case_of_a_class_can_matter() -> None:
    config = Labels(ignore_case=False)
    mark_events(annotation((1, 2, "seiz")), 2560, 256, config)
    with pytest.raises(RecordingError, match="unknown event class 'SEIZ'"):
        mark_events(annotation((1, 2, "SEIZ")), 2560, 256, config)


SEIZURES = (
    "sz", "SZ", "sz_foc_ia_nm", "szr1", "Seizure", "seizures", "focal-seizure", "ictal", "Ictal_1",
    "gtcs", "FBTCS", "F-BTC", "FIA", "tonic", "myoclonic", "absence", "convulsion", "Anfall",
    "crise", "nonconvulsive_seizure", "spasms", "cpsz", "epileptic",
)  # fmt: skip
NO_SEIZURES = (
    "artf", "eyem", "chew", "null", "background", "postictal", "pre-ictal", "interictal",
    "no_seizure", "non-seizure", "seizure-free", "sz_free", "nesz", "spsw", "epileptiform",
    "impd", "fast", "faq",
)  # fmt: skip


@pytest.mark.parametrize("label", SEIZURES)
def test_a_class_that_looks_like_a_seizure_is_not_advised_to_be_none(label: str) -> None:
    config = Labels(classes=("artifact",), seizure=("artifact",))
    told = rf"line 8: unknown event class '{label}'; it looks like a seizure: .*labels\.seizure;"
    with pytest.raises(RecordingError, match=told) as error:
        mark_events(annotation((1, 2, "artifact"), (3, 4, label)), 2560, 256, config)
    assert "background" not in str(error.value)


@pytest.mark.parametrize("label", NO_SEIZURES)
def test_an_unknown_class_is_refused_with_its_row_and_the_ways_out(label: str) -> None:
    config = Labels(classes=("seiz",), seizure=("seiz",), ignore=())
    with pytest.raises(
        RecordingError,
        match=rf"line 8: unknown event class '{label}'; if it is a seizure, add it to "
        r"labels\.classes and to labels\.seizure; if not, .* 'background'$",
    ):
        mark_events(annotation((1, 2), (3, 4, label)), 2560, 256, config)


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("Seiz", "set labels.ignore_case to true"),
        ("focal seizure", "unknown annotated text 'focal seizure'; map it to a class, or to bckg"),
    ],
)
def test_a_class_that_no_list_can_name_has_a_way_out(label: str, told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        mark_events(annotation((1, 2, label)), 2560, 256, Labels(ignore_case=False))


@pytest.mark.parametrize(
    ("label", "keys", "class_"),
    [
        ("absence seizure", {}, "absz"),
        ('myoclonic seizure\'s "burst"', {}, "mysz"),
        ("absence seizure", {"classes": ("seiz",), "seizure": ("seiz",)}, "seiz"),
        ("eyes open", {"map": {"eyes closed": "bckg"}}, "bckg"),
        ("Anfall, gro\u00df", {}, "seiz"),
    ],
)
def test_the_option_that_a_message_names_maps_the_text(
    label: str, keys: dict[str, Any], class_: str
) -> None:
    config = Labels(**keys)
    with pytest.raises(RecordingError) as error:
        mark_events(annotation((1, 2, label)), 2560, 256, config)
    option, value = shlex.split(str(error.value).partition(", such as ")[2])
    key, _, text = value.partition("=")
    assert (option, key) == ("--set", "labels.map")
    mapped = yaml.safe_load(text)
    assert mapped == {**config.map, label: class_}
    marked = mark_events(annotation((1, 2, label)), 2560, 256, Labels(**{**keys, "map": mapped}))
    assert len(marked.events) == 1


@pytest.mark.parametrize("label", SEIZURES + NO_SEIZURES)
def test_what_looks_like_a_seizure_and_is_none_is_told(label: str) -> None:
    config = Labels(
        classes=("seiz", "artifact"),
        seizure=("seiz",),
        unknown="background",
        known_words=False,
        ignore=(),
    )
    marked = mark_events(annotation((1, 2), (3, 4, label), (5, 6, "artifact")), 2560, 256, config)
    events = [(event.label, bit) for event, bit in zip(marked.events, marked.bit, strict=True)]
    found = not_counted(events, config)
    assert found == ({label} if label in SEIZURES else set())
    told = warn_not_counted([found, found, set()])
    assert told == [] or f"{label!r} in 2 recordings" in told[0]
    assert len(told) == len(found)


def test_the_classes_of_tusz_are_counted_or_none() -> None:
    assert not_counted([(name, 1 << k) for k, name in enumerate(DEFAULT.classes)], DEFAULT) == set()
    without = Labels(seizure=("seiz", "fnsz"))
    events = [(name, 1 << k) for k, name in enumerate(DEFAULT.classes)]
    assert not_counted(events, without) == {*DEFAULT.classes} - {"seiz", "fnsz", "nesz"}


def test_an_unknown_class_can_be_background_and_is_noted() -> None:
    config = Labels(unknown="background")
    said = annotation((1, 2, "artf"), (3, 4, "seiz"), (5, 6, "eyem"), (7, 8, "artf"))
    marked = mark_events(said, 2560, 256, config)
    assert marked.bit.tolist() == [0, 1, 0, 0]
    assert marked.notes == ("taken as background: artf, eyem",)


# --- laws ---------------------------------------------------------------------------------------


# as in the files: decimal seconds with four places
TIMES = st.integers(-20_000, 220_000).map(lambda number: Fraction(number, 10_000))
LENGTHS = st.integers(0, 220_000).map(lambda number: Fraction(number, 10_000))


def touched(onset: Fraction, offset: Fraction, n_samples: int, sfreq: int) -> list[bool]:
    """Whether sample k, which lasts from k / sfreq to (k + 1) / sfreq, and the event meet."""
    return [
        onset < Fraction(k + 1, sfreq) and offset > Fraction(k, sfreq) and offset > onset
        for k in range(n_samples)
    ]


@pytest.mark.parametrize("sfreq", [8, 10, 25])
@given(onset=TIMES, length=LENGTHS)
@settings(deadline=None)
def test_an_event_marks_every_sample_that_it_touches_and_no_other(
    sfreq: int, onset: Fraction, length: Fraction
) -> None:
    n_samples = 20 * sfreq
    said = annotation((float(onset), float(onset + length)))
    ((first, stop),) = ranges(mark_events(said, n_samples, sfreq, DEFAULT))
    expected = touched(onset, onset + length, n_samples, sfreq)
    assert [first <= k < stop for k in range(n_samples)] == expected


@pytest.mark.parametrize("sfreq", [100, 200, 250, 256, 500, 512, 1000])
@given(onset=TIMES.filter(lambda time: time >= 0), length=LENGTHS.filter(lambda length: length > 0))
@example(onset=Fraction("0.29"), length=Fraction("0.81"))
@example(onset=Fraction("4.9724"), length=Fraction("31.3591"))
@example(onset=Fraction("1.001"), length=Fraction("0.0001"))
@settings(deadline=None)
def test_no_sample_is_gained_or_lost_to_rounding(
    sfreq: int, onset: Fraction, length: Fraction
) -> None:
    """The file's times are decimal, and 1.1 s are 110 samples at 100 Hz, not 111."""
    offset = onset + length
    said = annotation((float(onset), float(offset)))
    ((first, stop),) = ranges(mark_events(said, 100 * sfreq, sfreq, DEFAULT))
    assert (first, stop) == (math.floor(onset * sfreq), math.ceil(offset * sfreq))


@given(onset=TIMES, length=LENGTHS)
@settings(deadline=None)
def test_truncation_marks_as_the_npz_pipeline_did(onset: Fraction, length: Fraction) -> None:
    start, stop = float(onset), float(onset + length)
    mask = np.zeros(5120, bool)
    mask[max(0, int(start * 256)) : max(0, int(stop * 256))] = True
    config = Labels(rounding="truncate")
    ((first, end),) = ranges(mark_events(annotation((start, stop)), 5120, 256, config))
    np.testing.assert_array_equal(np.flatnonzero(mask), np.arange(first, end))


FAR = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("rounding", ["outward", "truncate"])
@given(
    pairs=st.lists(st.tuples(FAR, FAR).map(sorted), max_size=5),
    n_samples=st.integers(0, 10_000),
    sfreq=st.integers(1, 100_000),
)
@settings(deadline=None)
def test_marked_samples_lie_within_the_recording(
    rounding: str, pairs: list[list[float]], n_samples: int, sfreq: int
) -> None:
    said = annotation(*[(onset, offset) for onset, offset in pairs])
    marked = mark_events(said, n_samples, sfreq, Labels(rounding=rounding))
    assert marked.events == said.events
    assert ((marked.first >= 0) & (marked.first <= marked.stop)).all()
    assert (marked.stop <= n_samples).all()


PAINTED = st.lists(
    st.tuples(st.integers(-50, 150), st.integers(-50, 150), st.integers(0, 15)), max_size=12
)


@given(events=PAINTED, size=st.integers(0, 100))
def test_painting_is_the_union_of_the_events(events: list[tuple[int, int, int]], size: int) -> None:
    out = np.zeros(size, np.uint16)
    paint(
        [first for first, _, _ in events],
        [stop for _, stop, _ in events],
        [1 << bit for _, _, bit in events],
        out,
    )
    marks = [
        sum({1 << bit for first, stop, bit in events if first <= sample < stop})
        for sample in range(size)
    ]
    # what is unlabelled is nothing else
    expected = [min(mark, 1 << 15) for mark in marks]
    assert out.tolist() == expected


def test_painting_keeps_what_is_there() -> None:
    out = np.full(4, 0b1000, np.uint16)
    paint([1], [3], [0b1], out)
    assert out.tolist() == [0b1000, 0b1001, 0b1001, 0b1000]


def test_overlapping_rows_of_a_file_are_one_union(path: Path) -> None:
    rows = [
        "FP1-F7,1.0000,3.0000,fnsz,1.0000",
        "F7-T3,2.0000,4.0000,fnsz,1.0000",
        "T3-T5,2.0000,2.5000,gnsz,1.0000",
        "T5-O1,2.0000,2.0000,gnsz,1.0000",
        "FP1-F7,0.0000,9.0000,bckg,1.0000",
        "O1-O2,4.5000,99.0000,cpsz,1.0000",
    ]
    marked = mark_events(read(path, text(*rows)), 10 * 4, 4, DEFAULT)
    label = np.zeros(40, np.uint16)
    paint(marked.first, marked.stop, marked.bit, label)
    fnsz, gnsz, cpsz = 2, 4, 16
    expected = [0] * 4 + [fnsz] * 4 + [fnsz | gnsz] * 2 + [fnsz] * 6 + [0] * 2 + [cpsz] * 22
    assert label.tolist() == expected
    cut, empty = sorted(marked.notes)
    assert cut == "1 event cut at the recording's end"
    assert empty.startswith("1 event without duration")


@pytest.mark.parametrize(
    ("label", "meaning", "bit"),
    [
        ("sz_foc_ia", "seiz", 1),
        ("sz_foc_ia", "fnsz", 2),
        ("fnsz", "seiz", 2),
        ("eyes", BACKGROUND, 0),
        ("impd", IGNORED, 0x8000),
    ],
    ids=["a seizure", "another class", "a class of that name", "background", "an artefact"],
)
def test_a_corpus_says_what_its_words_mean(label: str, meaning: str, bit: int) -> None:
    event = Event("TERM", 1, 2, label, 1.0, 1, meaning=meaning)
    marked = mark_events(Annotation((event,), None, ""), 2560, 256, DEFAULT)
    assert marked.bit.tolist() == [bit]
    assert not_counted([(label, bit)], DEFAULT) == set()
    told = {0: ("taken as background: eyes",), 0x8000: ("neither seizure nor background: impd",)}
    assert marked.notes == told.get(bit, ())


def test_a_meaning_that_is_no_class_here_is_unknown() -> None:
    event = Event("TERM", 1, 2, "sz_foc_ia", 1.0, 1, meaning="seiz")
    config = Labels(classes=("fnsz",), seizure=("fnsz",))
    with pytest.raises(RecordingError, match=r"unknown event class 'sz_foc_ia'"):
        mark_events(Annotation((event,), None, ""), 2560, 256, config)
