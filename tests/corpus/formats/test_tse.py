"""Events of the whole montage in TUSZ before version 2."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.annotations import Event
from tuszstore.corpus.formats.tse import TseAnnotation, read_tse
from tuszstore.errors import AnnotationError

NAME = "00009578_s006_t001.tse"
HEAD = "version = tse_v1.0.0\n\n"


def test_a_file() -> None:
    text = HEAD + "0.0000 17.0000 bckg 1.0000\n17.0000 30.5000 fnsz 0.9000\n"
    assert read_tse(text, NAME) == TseAnnotation(
        events=(
            Event(channel="TERM", onset=0, offset=17, label="bckg", confidence=1, row=3),
            Event(channel="TERM", onset=17, offset=30.5, label="fnsz", confidence=0.9, row=4),
        ),
        seconds=30.5,
        gaps=(),
    )


@pytest.mark.parametrize(
    "head", ["version=tse_v1.0.0\n", "# comment\r\n version = tse_v1.0.0 \r\n# data\r\n"]
)
def test_forms_of_the_head(head: str) -> None:
    (event,) = read_tse(head + "\t1.0\t2.0\tseiz\t1\r\n", NAME).events
    assert (event.onset, event.offset, event.label) == (1, 2, "seiz")


def test_gaps_are_told() -> None:
    text = HEAD + "30 40 bckg 1\n2 10 bckg 1\n4 9 seiz 1\n9 12 seiz 1\n"
    assert read_tse(text, NAME).gaps == ((0, 2), (12, 30))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ": is empty"),
        ("# nothing\n", ": is empty"),
        (HEAD, ": has no events"),
        ("0 17 bckg 1\n", ", line 1: does not begin with 'version = tse_v1.0.0', but with '0 17"),
        ("version = tse_v2.0.0\n", ", line 1: version 'tse_v2.0.0' is not known, only tse_v1.0.0"),
        ("version = lbl_v1.0.0\n", ", line 1: version 'lbl_v1.0.0' is not known"),
        (HEAD + "0 17 bckg\n", ", line 3: not a row of start, stop, class and probability: '0 17"),
        (HEAD + "0 17 bckg 1 x\n", ", line 3: not a row"),
        (HEAD + "x 17 bckg 1\n", ", line 3: start is not a time in seconds: 'x'"),
        (HEAD + "0 inf bckg 1\n", ", line 3: stop is not a time"),
        (HEAD + "-1 2 bckg 1\n", ", line 3: start is negative"),
        (HEAD + "9 2 bckg 1\n", r", line 3: event ends \(2 s\) before it starts \(9 s\)"),
        (HEAD + "1 2 7 1\n", ", line 3: not a class: '7'"),
        (HEAD + "1 2 seiz nan\n", ", line 3: the probability is not a number"),
        (HEAD + "1 2 seiz 1.5\n", ", line 3: the probability is 1.5, not from 0 to 1"),
        (HEAD + "1 2 seiz 1\n1 2 seiz 1\n", ", line 4: the same event as in line 3"),
    ],
)
def test_what_cannot_be_read_names_the_line(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^{NAME}{reason}"):
        read_tse(text, NAME)


TIMES = st.lists(st.integers(0, 10**8), min_size=2, unique=True).map(sorted)


@given(TIMES, st.sampled_from(["\n", "\r\n", " \r"]))
def test_what_is_written_is_read_back(ticks: list[int], end: str) -> None:
    times = [tick / 10_000 for tick in ticks]
    rows = list(pairwise(times))
    text = HEAD + "".join(f"{onset:.4f} {offset:.4f} seiz 1.0000\n" for onset, offset in rows)
    found = read_tse(text.replace("\n", end), NAME)
    assert [(event.onset, event.offset) for event in found.events] == rows
    assert found.seconds == times[-1]
    assert found.gaps == (((0, times[0]),) if times[0] else ())


PIECES = st.sampled_from(["version = tse_v1.0.0", "0", "1", "seiz", "nan", "#", "0 1 seiz 1"])


@given(st.lists(st.lists(PIECES | st.text(max_size=5), max_size=4).map(" ".join)))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_tse("\n".join(["version = tse_v1.0.0", *lines]), NAME)
    except AnnotationError:
        return
    assert found.events
