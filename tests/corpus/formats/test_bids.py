"""The TSV sidecars of BIDS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats.bids import (
    Table,
    read_channels,
    read_events,
    read_participants,
    read_table,
)
from tuszstore.corpus.formats.markers import Patterns, Span, spans_of
from tuszstore.errors import AnnotationError

NAME = "sub-01_ses-01_task-szMonitoring_run-00_events.tsv"
SZCORE = "onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
STAMP = "2000-01-01 00:00:00\t3600.00\n"


def test_the_events_of_szcore() -> None:
    text = SZCORE + f"36.89\t200.32\tsz_foc_ia\t1.00\tfp1,F3\t{STAMP}1e2\t0\tsz\tn/a\tn/a\t{STAMP}"
    first, second = read_events(text, NAME)
    assert (first.onset, first.duration, first.label) == (36.89, 200.32, "sz_foc_ia")
    assert (first.confidence, first.channels, first.recording_seconds) == (1, ("fp1", "F3"), 3600)
    assert (second.onset, second.confidence, second.channels) == (100, None, ())
    assert first.row.line == 2
    assert first.row.values["dateTime"] == "2000-01-01 00:00:00"


def test_other_columns_in_another_order() -> None:
    text = "\ufefftrial_type\tsample\tduration\tonset\r\nseizure\t9\tn/a\t4\r\n\tN/A\t\t-2.5\r\n"
    first, second = read_events(text, NAME)
    assert (first.label, first.onset, first.duration) == ("seizure", 4, None)
    assert (second.label, second.onset, second.duration) == (None, -2.5, None)
    assert (first.confidence, first.recording_seconds) == (None, None)


def test_a_column_of_types_that_is_given() -> None:
    text = "onset\tduration\ttrial_type\tevent\n1\t2\tx\tsz\n"
    assert [event.label for event in read_events(text, NAME, "event")] == ["sz"]
    with pytest.raises(
        AnnotationError, match=f"^{NAME}: has no column value, but 'onset, duration"
    ):
        read_events(text, NAME, "value")
    (event,) = read_events("onset\tduration\n1\t2\n", NAME)
    assert event.label is None


def test_quoted_cells() -> None:
    text = 'onset\tduration\t"trial_type"\n"1"\t2\t"say ""sz"""\n3\t4\t5" long\n'
    assert [event.label for event in read_events(text, NAME)] == ['say "sz"', '5" long']


def test_pairs_of_markers() -> None:
    text = "onset\tduration\ttrial_type\n10\t0\tsz onset\n11\t0\tspike\n30.5\t0\tsz offset\n"
    patterns = Patterns(starts=("sz onset",), ends=("sz offset",))
    found = spans_of((event.marker for event in read_events(text, NAME)), patterns, NAME)
    assert found.spans == (Span(10, 30.5, "sz onset", 2),)


def test_blank_lines_and_empty_cells_at_the_end() -> None:
    table = read_table("a\tb\t\n\n1\t2\t\t\n  \n3\t\n", "t.tsv")
    assert table.columns == ("a", "b")
    assert [(row.line, dict(row.values)) for row in table.rows] == [
        (3, {"a": "1", "b": "2"}),
        (5, {"a": "3", "b": ""}),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ": has no header"),
        ("onset\ttrial_type\n", ": has no column duration, but 'onset, trial_type'"),
        ("onset,duration\n1,2\n", ": has no column onset: its cells are separated by commas, but"),
        ("Onset; duration\n", ": has no column onset: its cells are separated by semicolons"),
        ("onset duration type\n", ": has no column onset: its cells are separated by blanks"),
        ("a,b\n1,2\n", ": has no column onset, but 'a,b'"),
        ("5\t10\tsz\n9\t1\tsz\n", ", line 1: the first row is not a header, but values: '5, 10"),
        ("\n5\tn/a\tn/a\n", ", line 2: the first row is not a header, but values: '5, n/a, n/a'"),
        ("5\t\tsz\n", ", line 1: the first row is not a header"),
        ("onset\t\tduration\n", r", line 1: a column without a name: 'onset\\t\\tduration'"),
        ("onset\tonset\tduration\n", ", line 1: column 'onset' is repeated"),
        ("onset\tduration\n1\n", ", line 2: has 1 cells for 2 columns"),
        ("onset\tduration\n1\t2\t3\n", ", line 2: has 3 cells for 2 columns"),
        ("onset\tduration\nn/a\t2\n", ", line 2: onset is not a time in seconds: 'n/a'"),
        ("onset\tduration\n\n1\t-2\n", r", line 3: duration is negative \(-2 s\)"),
        ("onset\tduration\n1\tnan\n", ", line 2: duration is not a time"),
        ("onset\tduration\n1e999\t1\n", ", line 2: onset is not finite"),
        ("onset\tduration\tconfidence\n1\t1\thigh\n", ", line 2: confidence is not a number"),
        (
            "onset\tduration\trecordingDuration\n1\t1\t-1\n",
            ", line 2: recordingDuration is negative",
        ),
        ('onset\tduration\n"1\t2\n', ", line 2: not a row of a TSV file"),
        ('onset\tduration\n"1"2\t2\n', ", line 2: not a row of a TSV file"),
    ],
)
def test_what_cannot_be_read_names_the_line(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^{NAME}{reason}"):
        read_events(text, NAME)


def test_channels() -> None:
    text = (
        "name\ttype\tunits\tstatus\nFp1-Avg\tEEG\tuV\tgood\nT8-P8\tEEG\tuV\tn/a\nt\tn/a\tV\tBAD\n"
    )
    found = read_channels(text + "T8-P8\tEEG\tuV\tn/a\n", "c.tsv")
    assert [(one.name, one.kind, one.units, one.bad) for one in found] == [
        ("Fp1-Avg", "EEG", "uV", False),
        ("T8-P8", "EEG", "uV", None),
        ("t", None, "V", True),
        ("T8-P8", "EEG", "uV", None),
    ]
    assert [one.bad for one in read_channels("name\nFp1\n", "c.tsv")] == [None]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("type\tstatus\n", ": has no column name"),
        ("name\tstatus\nn/a\tgood\n", ", line 2: a channel without a name"),
        ("name\tstatus\nCz\tok\n", ", line 2: the status of 'Cz' is 'ok', not good or bad"),
        ("name\tstatus\nCz\tbad\nCz\tgood\n", ", line 3: 'Cz' has another status in line 2"),
    ],
)
def test_channels_that_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^c.tsv{reason}"):
        read_channels(text, "c.tsv")


def test_participants() -> None:
    found = read_participants("age\tparticipant_id\n11\tsub-01\nn/a\tsub-02\n", "participants.tsv")
    assert list(found) == ["sub-01", "sub-02"]
    assert [row.known("age") for row in found.values()] == ["11", None]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("subject\nsub-01\n", ": has no column participant_id, but 'subject'"),
        ("participant_id\tage\n\t3\n", ", line 2: a participant without an id"),
        ("participant_id\nsub-01\nsub-01\n", ", line 3: 'sub-01' is repeated, first in line 2"),
    ],
)
def test_participants_that_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^participants.tsv{reason}"):
        read_participants(text, "participants.tsv")


CELL = st.text(
    st.characters(exclude_characters='\t\r\n"', exclude_categories=["C", "Z"]), min_size=1
)
EVENTS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.none() | st.floats(0, 1e6), CELL))


@given(
    EVENTS,
    st.permutations(["onset", "duration", "trial_type"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_is_written_is_read_back(
    events: list[tuple[float, float | None, str]], order: list[str], quoted: bool, end: str
) -> None:
    quote = '"' if quoted else ""
    lines = ["\t".join(order)]
    for onset, duration, label in events:
        cells = {
            "onset": repr(onset),
            "duration": "n/a" if duration is None else repr(duration),
            "trial_type": f"{quote}{label}{quote}",
        }
        lines.append("\t".join(cells[column] for column in order))
    found = read_events(end.join(lines), NAME)
    expected = [
        (onset, duration, None if label.lower() == "n/a" else label)
        for onset, duration, label in events
    ]
    assert [(event.onset, event.duration, event.label) for event in found] == expected


PIECES = st.sampled_from(["onset", "duration", "name", "status", "1", "n/a", "-1", "good", '"', ""])


@given(st.lists(st.lists(PIECES | st.text(max_size=5), max_size=4).map("\t".join)))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    for read in (read_events, read_channels, read_participants, read_table):
        try:
            found = read("\n".join(lines), NAME)  # type: ignore[operator]
        except AnnotationError:
            continue
        assert isinstance(found, tuple | dict | Table)
