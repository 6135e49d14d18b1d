"""Summaries of CHB-MIT, in all their forms."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats.chb_summary import Summary, read_summary
from tuszstore.corpus.formats.text import text_of
from tuszstore.errors import AnnotationError

NAME = "chb09-summary.txt"
HEAD = """\
Data Sampling Rate: 256 Hz
*************************

Channels in EDF Files:
**********************
Channel 1: FP1-F7
Channel 2: -
Channel 3:

"""


def entry(file: str, *seizures: str, declared: object = None, clocks: bool = True) -> str:
    times = "File Start Time: 23:21:32\nFile End Time: 24:21:32\n" if clocks else ""
    number = len(seizures) // 2 if declared is None else declared
    lines = "".join(f"{line}\n" for line in seizures)
    return f"File Name: {file}\n{times}Number of Seizures in File: {number}\n{lines}\n"


def spans(text: str) -> dict[str, tuple[tuple[float, float], ...]]:
    return {file: one.seizures for file, one in read_summary(text, NAME).entries.items()}


def test_a_summary() -> None:
    text = (
        HEAD
        + entry("chb09_01.edf")
        + entry("chb09_02.edf", "Seizure Start Time: 417 seconds", "Seizure End Time: 532 seconds")
    )
    found = read_summary(text, NAME)
    assert found.sfreq == 256
    assert found.channels == (("FP1-F7", "-", ""),)
    assert list(found.entries) == ["chb09_01.edf", "chb09_02.edf"]
    one = found.entries["chb09_02.edf"]
    assert (one.start, one.end, one.line, one.channels) == ("23:21:32", "24:21:32", 15, 0)
    assert one.seizures == ((417, 532),)
    assert found.entries["chb09_01.edf"].seizures == ()


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("Seizure Start Time: 12 seconds", "Seizure End Time: 34 seconds"),
        ("Seizure 1 Start Time: 12 seconds", "Seizure 1 End Time: 34 seconds"),
        ("Seizure 1 Start Time:  12 seconds", "Seizure 1 End Time:34 seconds"),
        ("Seizure  Start  Time : 12 seconds  ", "\tSeizure End Time: 34\tseconds"),
        ("Seizure Start Time: 12 secs", "Seizure End Time: 34 sec"),
        ("Seizure Start Time: 12.0", "Seizure End Time: 34s"),
        ("seizure start time: 12 second", "SEIZURE END TIME: 34 SECONDS"),
        ("Seizure 2 Start Time: 12 seconds", "Seizure 1 End Time: 34 seconds"),
    ],
)
def test_forms_of_a_seizure(start: str, end: str) -> None:
    assert spans(entry("a.edf", start, end)) == {"a.edf": ((12, 34),)}


def test_ends_are_paired_by_order_and_not_by_number() -> None:
    text = entry(
        "chb09_08.edf",
        "Seizure 1 Start Time: 2951 seconds",
        "Seizure 1 End Time: 3030 seconds",
        "Seizure 2 Start Time: 9196 seconds",
        "Seizure 1 End Time: 9267 seconds",
    )
    assert spans(text) == {"chb09_08.edf": ((2951, 3030), (9196, 9267))}


def test_a_summary_without_clocks_or_channels() -> None:
    text = entry(
        "chb24_01.edf",
        "Seizure Start Time: 480 seconds",
        "Seizure End Time: 505 seconds",
        clocks=False,
    )
    (one,) = read_summary(text, NAME).entries.values()
    assert (one.start, one.end, one.channels, one.seizures) == (None, None, None, ((480, 505),))


@pytest.mark.parametrize("clock", ["1:21:39", "01:21:39", "24:21:32", "27:00:00"])
def test_clocks(clock: str) -> None:
    text = entry("a.edf").replace("24:21:32", clock)
    assert read_summary(text, NAME).entries["a.edf"].end == clock


def test_channels_that_change() -> None:
    text = (
        HEAD
        + entry("chb12_01.edf")
        + entry("chb02_16+.edf")
        + "Channels changed:\nChannel 1: F7-CS2\nChannel 2: 01\n\n"
        + entry("chb12_27.edf")
        + "Channels changed:\nChannels in EDF Files:\n*****\nChannel 1: A\n"
        + entry("chb12_30.edf")
    )
    found = read_summary(text, NAME)
    assert found.channels == (("FP1-F7", "-", ""), ("F7-CS2", "01"), ("A",))
    assert [one.channels for one in found.entries.values()] == [0, 0, 1, 2]
    assert "Channel" not in found.entries["chb02_16+.edf"].text


def test_the_digest_is_that_of_the_entry_alone() -> None:
    seizure = ("Seizure Start Time: 1 seconds", "Seizure End Time: 2 seconds")
    first = read_summary(HEAD + entry("a.edf") + entry("b.edf", *seizure), NAME).entries
    other = "Seizure 1 Start Time: 5 seconds", "Seizure 1 End Time: 7 seconds"
    text = HEAD.replace("-", "ECG") + entry("a.edf", *other) + entry("b.edf", *seizure)
    again = read_summary(text.replace("\n", "  \r\n"), NAME).entries
    assert again["b.edf"].digest == first["b.edf"].digest
    assert again["a.edf"].digest != first["a.edf"].digest
    assert first["a.edf"].digest == hashlib.sha256(first["a.edf"].text.encode()).hexdigest()
    assert first["a.edf"].text.splitlines()[0] == "File Name: a.edf"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD, r": has no entry \('File Name: \.\.\.'\)$"),
        (entry("a.edf", declared=1), r", line 1: 'a\.edf': declares 1 but lists 0 seizures$"),
        (entry("a.edf", "Seizure Start Time: 1 seconds", "Seizure End Time: 2 seconds", declared=0),
         ", line 1: 'a.edf': declares 0 but lists 1 seizures"),
        (entry("a.edf", "Seizure Start Time: 1 seconds", "Seizure Start Time: 2 seconds"),
         ", line 6: second seizure start, but the one at 1 s has no end"),
        (entry("a.edf", "Seizure End Time: 1 seconds", "Seizure Start Time: 2 seconds"),
         ", line 5: seizure end without a start before it"),
        (entry("a.edf", "Seizure Start Time: 1 seconds"), ", line 1: 'a.edf': the seizure at 1 s"),
        (entry("a.edf", "Seizure Start Time: 9 seconds", "Seizure End Time: 2 seconds"),
         r", line 6: seizure ends \(2 s\) before it starts \(9 s\)"),
        (entry("a.edf", *["Seizure Start Time: 1 seconds", "Seizure End Time: 2 seconds"] * 2),
         ", line 8: the seizure at 1 s is listed twice"),
        (entry("a.edf", "Seizure Start Time: nan seconds"), ", line 5: seizure start is not a"),
        (entry("a.edf", "Seizure Start Time: -4 seconds"), ", line 5: seizure start is negative"),
        (entry("a.edf", "Seizure Start Time: 4 minutes"), ", line 5: seizure start is not a time"),
        (entry("a.edf", "Seizure Start Time:"), ", line 5: seizure start is not a time"),
        (entry("a.edf", declared="one"), ", line 4: not a number of seizures: 'Number of"),
        (entry("a.edf").replace("23:21", "23.21"), ", line 2: not a clock time"),
        (entry("a.edf").replace("23:21", "23:61"), ", line 2: not a clock time"),
        (entry("a.edf").replace("File End", "File Start"), ", line 3: second start time"),
        (entry("a.edf") + entry("a.edf"), ", line 6: 'a.edf' already has an entry in line 1"),
        (entry("a.edf") + "Number of Seizures in File: 0\n", ", line 6: second number"),
        (entry(""), ", line 1: not a file name: 'File Name:'"),
        (entry("../../a.edf"), ", line 1: not a file name"),
        ("Seizure Start Time: 1 seconds\n", ", line 1: has no 'File Name' before it: 'Seizure"),
        ("File Name: a.edf\nFile Start Time: 1:00:00\n", ", line 1: 'a.edf': has no line 'Number"),
        (HEAD + "Recorded on a \x1b[2Jday\n", r", line 10: cannot be read: 'Recorded on a .x1b"),
        ("Data Sampling Rate: fast Hz\n", ", line 1: the sampling rate is not"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_the_line(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^chb09-summary.txt{reason}"):
        raise next(iter(read_summary(text, NAME).faults.values()))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (entry("b.edf", "Seizure Start Time: soon"), ", line 10: seizure start is not a time"),
        (entry("b.edf", declared=2), ", line 6: 'b.edf': declares 2 but lists 0 seizures"),
        (entry("b.edf", "of the left hemisphere"), ", line 10: cannot be read"),
        (entry("b.edf") + entry("b.edf"), ", line 11: 'b.edf' already has an entry in line 6"),
        ("File Name: b.edf\n", ", line 6: 'b.edf': has no line 'Number of Seizures in File'"),
    ],
)
def test_what_cannot_be_read_costs_one_file(bad: str, reason: str) -> None:
    text = entry("a.edf") + bad + entry("c.edf")
    found = read_summary(text, NAME)
    assert list(found.entries) == ["a.edf", "c.edf"]
    ((file, fault),) = found.faults.items()
    assert file == "b.edf"
    assert str(fault).startswith(f"{NAME}{reason}")


def test_a_summary_that_is_cut_off_keeps_what_is_whole() -> None:
    seizure = "Seizure Start Time: 4 seconds", "Seizure End Time: 9 seconds"
    found = read_summary((entry("a.edf") + entry("b.edf", *seizure))[:-20], NAME)
    assert list(found.entries) == ["a.edf"]
    assert list(found.faults) == ["b.edf"]


def test_a_third_entry_of_a_file_does_not_make_it_right() -> None:
    found = read_summary(entry("a.edf") * 3 + entry("b.edf"), NAME)
    assert list(found.entries) == ["b.edf"]
    assert list(found.faults) == ["a.edf"]


TIMES = st.lists(st.integers(0, 10**6), unique=True, max_size=8).map(sorted)
FILES = st.dictionaries(
    st.from_regex(r"chb[0-9]{2}[abc]?_[0-9]{2}\+?\.edf", fullmatch=True),
    TIMES,
    min_size=1,
    max_size=6,
)


@given(FILES, st.booleans(), st.sampled_from(["\n", "\r\n", " \r"]))
def test_what_is_written_is_read_back(
    files: dict[str, list[int]], numbered: bool, end: str
) -> None:
    expected = {}
    text = HEAD
    for file, times in files.items():
        pairs = list(zip(times[::2], times[1::2], strict=False))
        expected[file] = tuple(pairs)
        text += entry(
            file,
            *[
                f"Seizure {f'{k} ' if numbered else ''}{which} Time: {time} seconds"
                for k, pair in enumerate(pairs, start=1)
                for which, time in zip(("Start", "End"), pair, strict=True)
            ],
        )
    assert spans(text.replace("\n", end)) == expected


LINES = [
    *HEAD.splitlines(),
    *entry("a.edf", "Seizure Start Time: 1 s").splitlines(),
    "Seizure 1 End Time: 2 s",
    "Channels changed:",
    "File Name: b.edf",
]


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=40)))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_summary("\n".join(lines), NAME)
    except AnnotationError:
        return
    assert isinstance(found, Summary)
    assert found.entries or found.faults
    assert found.faults.keys().isdisjoint(found.entries)


def test_the_real_summary(chbmit: Path) -> None:
    path = chbmit / "chb05" / "chb05-summary.txt"
    found = read_summary(text_of(path.read_bytes(), path.name), path.name)
    assert len(found.entries) == 39
    assert {file: one.seizures for file, one in found.entries.items() if one.seizures} == {
        "chb05_06.edf": ((417, 532),),
        "chb05_13.edf": ((1086, 1196),),
        "chb05_16.edf": ((2317, 2413),),
        "chb05_17.edf": ((2451, 2571),),
        "chb05_22.edf": ((2348, 2465),),
    }
    assert found.entries["chb05_07.edf"].end == "24:21:32"
    (channels,) = found.channels
    assert (len(channels), channels[0], channels[-1]) == (23, "FP1-F7", "T8-P8")
