"""Events of each channel in TUSZ before version 2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.annotations import Event
from tuszstore.corpus.formats.lbl import Derivation, read_lbl
from tuszstore.errors import AnnotationError

NAME = "00009578_s006_t001.lbl"
HEAD = """\
version = lbl_v1.0.0

# montage section
montage =  0, FP1-F7: EEG FP1-REF -- EEG F7-REF
montage =  5, F8-T4 : EEG F8-REF --  EEG T4-REF

number_of_levels = 1

level[0] = 1

symbols[0] = {0: '(null)', 1: 'spsw', 2: 'bckg', 3: 'fnsz'}

"""
ROW = "label = {0, 0, 36.8868, 183.3055, 5, [0.0, 0.0, 0.0, 1.0]}\n"


def test_a_file() -> None:
    found = read_lbl(HEAD + ROW + "label = {0, 0, 0, 36.8868, 0, [0.0, 0.1, 0.8, 0.1]}\n", NAME)
    assert found.montage == {
        0: Derivation("FP1-F7", "EEG FP1-REF", "EEG F7-REF"),
        5: Derivation("F8-T4", "EEG F8-REF", "EEG T4-REF"),
    }
    assert found.symbols == {0: ("(null)", "spsw", "bckg", "fnsz")}
    first = Event(
        channel="F8-T4", onset=36.8868, offset=183.3055, label="fnsz", confidence=1, row=13
    )
    second = Event(channel="FP1-F7", onset=0, offset=36.8868, label="bckg", confidence=0.8, row=14)
    assert found.events == (first, second)


def test_a_file_without_blanks() -> None:
    text = (HEAD + ROW).replace(" ", "").replace("version=", "version = ")
    assert read_lbl(text, NAME).events == read_lbl(HEAD + ROW, NAME).events


def test_an_event_of_the_whole_montage() -> None:
    (event,) = read_lbl(HEAD + ROW.replace("3055, 5,", "3055, -1,"), NAME).events
    assert event.channel == "TERM"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ": is empty"),
        (HEAD, ": has no labels"),
        ("version = tse_v1.0.0\n", ", line 1: version 'tse_v1.0.0' is not known, only lbl_v1.0.0"),
        (ROW, ", line 1: does not begin with 'version = lbl_v1.0.0'"),
        (HEAD + "montage = 0, A: B -- C\n", ", line 13: montage 0 is repeated"),
        (HEAD + "montage = 7, A: B - C\n", ", line 13: cannot be read: 'montage = 7, A: B - C'"),
        (HEAD + "symbols[0] = {0: 'x'}\n", ", line 13: classes of level 0 are repeated"),
        (HEAD + "symbols[1] = {0: 'x', 2: 'y'}\n", ", line 13: class 1 is missing before 2"),
        (HEAD + "symbols[1] = {0: x}\n", ", line 13: cannot be read at '0: x'"),
        (HEAD + "symbols[1] = {0: 'x'}\n" + ROW, ": declares 1 levels, but has classes of 2"),
        (HEAD + ROW + ROW, ", line 14: the same label as in line 13"),
        (HEAD + ROW.replace("{0,", "{1,"), ", line 13: no classes of level '1' before it"),
        (HEAD + ROW.replace("{0, 0", "{0, 1"), ", line 13: no sublevel '1' of level 0"),
        (HEAD + ROW.replace("3055, 5", "3055, 4"), ", line 13: no montage '4' before it"),
        (HEAD + ROW.replace("3055, 5", "3055"), ", line 13: not level, sublevel"),
        (HEAD + ROW.replace("0.0, 1.0", "1.0"), ", line 13: has 3 probabilities for 4 classes"),
        (HEAD + ROW.replace("1.0]", "0.0]"), ", line 13: no class has a probability above 0"),
        (HEAD + ROW.replace("0.0, 1.0]", "1, 1]"), ", line 13: 2 classes share the highest"),
        (HEAD + ROW.replace("1.0]", "2.0]"), ", line 13: the probability is 2, not from 0 to 1"),
        (HEAD + ROW.replace("183.3055", "1.5"), ", line 13: event ends .1.5 s. before"),
        (HEAD + ROW.replace("36.8868", "nan"), ", line 13: start is not a time"),
        (HEAD + ROW.replace("36.8868", "-1"), ", line 13: start is negative"),
        (HEAD + ROW[:40], ", line 13: cannot be read: 'label = "),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_the_line(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^{NAME}{reason}"):
        read_lbl(text, NAME)


ROWS = st.lists(
    st.tuples(
        st.integers(0, 10**7), st.integers(0, 10**6), st.sampled_from([0, 5]), st.integers(0, 3)
    ),
    min_size=1,
    unique=True,
)


@given(ROWS, st.sampled_from(["\n", "\r\n", " \r"]))
def test_what_is_written_is_read_back(rows: list[tuple[int, int, int, int]], end: str) -> None:
    names, classes = {0: "FP1-F7", 5: "F8-T4"}, ["(null)", "spsw", "bckg", "fnsz"]
    text, expected = HEAD, []
    for start, length, channel, label in rows:
        onset, offset = start / 10_000, (start + length) / 10_000
        odds = ", ".join("1.0" if k == label else "0.0" for k in range(4))
        text += f"label = {{0, 0, {onset:.4f}, {offset:.4f}, {channel}, [{odds}]}}\n"
        expected.append((onset, offset, names[channel], classes[label]))
    found = read_lbl(text.replace("\n", end), NAME).events
    assert [(one.onset, one.offset, one.channel, one.label) for one in found] == expected


LINES = [*HEAD.splitlines(), ROW.strip()]


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=30)))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_lbl("\n".join(["version = lbl_v1.0.0", *lines]), NAME)
    except AnnotationError:
        return
    assert found.events
