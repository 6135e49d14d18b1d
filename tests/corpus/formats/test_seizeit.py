"""Annotations of SeizeIT1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats.seizeit import SeizeItSeizure, read_seizeit
from tuszstore.errors import AnnotationError

NAME = "P_ID64_r4_a1.tsv"
HEAD = '# Source: SeizeIt1\n# Seizure Type: "FIAS"=Focal Impaire Awareness\n \n\n'
REMARK = "Hem:L, Orig:Temp, bhe: 0"


def test_seizures_with_and_without_an_end() -> None:
    rows = f"6319\t6339\tFIA\t{REMARK}\n13962\tNone\tF-BTC\t{REMARK}\n14000.5\t14001\tFA\n"
    found = read_seizeit(HEAD + rows, NAME)
    assert found == (
        SeizeItSeizure(6319, 6339, "FIA", REMARK, 5),
        SeizeItSeizure(13962, None, "F-BTC", REMARK, 6),
        SeizeItSeizure(14000.5, 14001, "FA", "", 7),
    )
    assert found[0].remarks == {"Hem": "L", "Orig": "Temp", "bhe": "0"}
    assert found[2].remarks == {}


def test_comments_alone_say_that_somebody_looked() -> None:
    assert read_seizeit(HEAD, NAME) == ()


def test_a_header_of_the_columns() -> None:
    text = "start\tstop\ttype\tremark\n1\t2\tFIA\t\n"
    assert [one.onset for one in read_seizeit(text, NAME)] == [1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "404 457 FIA",
            ", line 5: not a row of start, stop, type and remark between tabs: '404 457",
        ),
        ("404\t457", ", line 5: not a row of"),
        ("404\t457\tFIA\tx\ty", ", line 5: not a row of"),
        ("None\t457\tFIA", ", line 5: start is not a time in seconds: 'None'"),
        ("404\tnan\tFIA", ", line 5: stop is not a time"),
        ("404\t\tFIA", ", line 5: stop is not a time in seconds: ''"),
        ("-4\t5\tFIA", ", line 5: start is negative"),
        ("404\t1e999\tFIA", ", line 5: stop is not finite"),
        ("457\t404\tFIA", r", line 5: seizure ends \(404 s\) before it starts \(457 s\)"),
        ("404\t457\t\tx", ", line 5: not a type of seizure: ''"),
        ("404\t457\tFIA\n404\t457\tFIA\tx", ", line 6: the same seizure as in line 5"),
        ("start\tstop\ttype\tremark", ", line 5: start is not a time"),
    ],
)
def test_what_cannot_be_read_names_the_line(row: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^{NAME}{reason}"):
        read_seizeit(HEAD + row, NAME)


def test_an_empty_file_says_nothing() -> None:
    for text in ("", "\n \n", "start\tstop\ttype\n"):
        with pytest.raises(AnnotationError, match=r"has neither comments nor seizures$"):
            read_seizeit(text, NAME)


TIME = st.floats(0, 1e6).map(lambda value: round(value, 3))
LENGTH = st.none() | st.floats(0, 1e5).map(lambda value: round(value, 3))
ROWS = st.lists(
    st.tuples(TIME, LENGTH, st.sampled_from(["FIA", "FA", "F-BTC"])), unique_by=lambda row: row[0]
)


@given(ROWS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_written_is_read_back(
    rows: list[tuple[float, float | None, str]], end: str
) -> None:
    expected = [
        (onset, None if length is None else onset + length, label) for onset, length, label in rows
    ]
    text = HEAD + "".join(f"{a!r}\t{b!r}\t{label}\t{REMARK}\n" for a, b, label in expected)
    found = read_seizeit(text.replace("\n", end), NAME)
    assert [(one.onset, one.offset, one.label) for one in found] == expected


PIECES = st.sampled_from(["404", "457", "None", "FIA", "#", REMARK, "", "nan"])


@given(st.lists(st.lists(PIECES | st.text(max_size=9), max_size=5).map("\t".join)))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_seizeit("\n".join(lines), NAME)
    except AnnotationError:
        return
    assert all(one.offset is None or one.offset >= one.onset >= 0 for one in found)
