"""The annotations of the Helsinki neonates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats.helsinki import SecondBySecond, read_helsinki
from tuszstore.errors import AnnotationError

NAME = "annotations_2017_A_fixed.csv"


def test_columns_end_where_they_are_blank() -> None:
    found = read_helsinki("1,7,79\n0,1,0\n1,1,0\n1,,1.0\n0,,1\n", NAME).recordings
    assert list(found) == [1, 7, 79]
    assert found[1] == SecondBySecond(1, b"\x00\x01\x01\x00")
    assert [one.seconds for one in found.values()] == [4, 2, 4]
    assert [one.intervals for one in found.values()] == [((1, 3),), ((0, 2),), ((2, 4),)]
    np.testing.assert_array_equal(found[7].values, [1, 1])


def test_intervals_of_nothing_and_of_many() -> None:
    assert SecondBySecond(1, b"").intervals == ()
    assert SecondBySecond(1, b"\x00\x00").intervals == ()
    assert SecondBySecond(1, b"\x01\x00\x01\x01").intervals == ((0, 1), (2, 4))


def test_quotes_line_ends_and_blank_lines_at_the_end() -> None:
    found = read_helsinki('\ufeff"1","2"\r\n"0",1\r\n 1 ,\r\n,\r\n\r\n', NAME).recordings
    assert [one.marks for one in found.values()] == [b"\x00\x01", b"\x01"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ": is empty"),
        ("1,2\n", ": has no values"),
        ("1,2\n,\n", ": has no values"),
        ("1,x\n0,0\n", ", line 1: not the number of a recording: 'x'"),
        ("1,\n0,0\n", ", line 1: not the number of a recording: ''"),
        ("1,1\n0,0\n", ", line 1: recording 1 has two columns"),
        ("1;2\n0;0\n", ", line 1: not the number of a recording: '1;2'"),
        ("1,2\n0,0\n0\n", ", line 3: has 1 cells for 2 recordings"),
        ("1,2\n0,0,0\n", ", line 2: has 3 cells for 2 recordings"),
        ("1,2\n0,2\n", ", line 2: eeg2 has '2', not 0 or 1"),
        ("1,2\n0,nan\n", ", line 2: eeg2 has 'nan', not 0 or 1"),
        ("1,2\n0,1\n0,\n0,1\n", ", line 4: eeg2 has a value after its end at 1 s"),
        ("1,2\n0,1\n\n0,1\n", ", line 4: eeg1 has a value after its end at 1 s"),
    ],
)
def test_what_cannot_be_read_names_the_line(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^{NAME}{reason}"):
        raise next(iter(read_helsinki(text, NAME).faults.values()))


def test_what_cannot_be_read_costs_one_recording() -> None:
    found = read_helsinki("1,2,3\n0,1,1\n1,x,1\n0,1,\n0,y,0\n", NAME)
    assert {number: list(one.marks) for number, one in found.recordings.items()} == {
        1: [0, 1, 0, 0]
    }
    assert {number: str(error) for number, error in found.faults.items()} == {
        2: f"{NAME}, line 3: eeg2 has 'x', not 0 or 1",
        3: f"{NAME}, line 5: eeg3 has a value after its end at 2 s",
    }


COLUMNS = st.dictionaries(st.integers(0, 99), st.lists(st.integers(0, 1)), min_size=1).filter(
    lambda columns: any(columns.values())
)


@given(COLUMNS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_written_is_read_back(columns: dict[int, list[int]], end: str) -> None:
    longest = max(map(len, columns.values()))
    rows = [",".join(map(str, columns))] + [
        ",".join(str(column[k]) if k < len(column) else "" for column in columns.values())
        for k in range(longest)
    ]
    found = read_helsinki(end.join(rows) + end, NAME).recordings
    assert {number: list(one.marks) for number, one in found.items()} == columns
    for number, one in found.items():
        painted = np.zeros(one.seconds, int)
        for onset, stop in one.intervals:
            painted[onset:stop] = 1
        assert painted.tolist() == columns[number]


PIECES = st.sampled_from(["0", "1", "", "7", "nan"])


@given(st.lists(st.lists(PIECES | st.text(max_size=3), max_size=4).map(",".join)))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_helsinki("\n".join(["1,2", *lines]), NAME)
    except AnnotationError:
        return
    assert {*found.recordings, *found.faults} == {1, 2}
