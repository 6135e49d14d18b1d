"""Seizure lists of the Siena database, in all their variants."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats.clocks import DAY, ClockTime, interval, seconds_after
from tuszstore.corpus.formats.siena_list import SeizureList, read_seizure_list
from tuszstore.corpus.formats.text import text_of
from tuszstore.errors import AnnotationError

NAME = "Seizures-list-PN10.txt"
HEAD = """\
PN10

Data Sampling Rate: 512 Hz

Channels in EDF files:
Channel 1: Fp1
Channel 5: 1      \r
Channel 33: EKG 1

"""


def block(number: int = 1, file: str = "PN10-1.edf", **changed: str) -> str:
    """One seizure; a line that is changed to nothing is left out."""
    lines = {
        "number": f"Seizure n {number}",
        "file": f"File name: {file}",
        "first": "Registration start time: 05.40.05",
        "last": "Registration end time: 09.31.00",
        "start": "Seizure start time: 07.45.50",
        "end": "Seizure end time: 07.46.59",
    } | changed
    return "".join(f"{line}\n" for line in lines.values() if line) + "\n"


def clock(hour: int, minute: int, second: int) -> int:
    return 3600 * hour + 60 * minute + second


def test_a_list() -> None:
    ignored = "All other channels in the edf files must be ignored\n"
    found = read_seizure_list(HEAD.rstrip("\n") + "\n" + ignored + block(), NAME)
    assert (found.patient, found.sfreq) == ("PN10", 512)
    assert found.channels == {1: "Fp1", 5: "1", 33: "EKG 1"}
    (one,) = found.seizures
    assert (one.number, one.remark, one.file, one.line) == (1, "", "PN10-1.edf", 10)
    assert one.registration_start == ClockTime(clock(5, 40, 5), "05.40.05")
    assert one.registration_end == ClockTime(clock(9, 31, 0), "09.31.00")
    assert one.starts == (ClockTime(clock(7, 45, 50), "07.45.50"),)
    assert one.ends == (ClockTime(clock(7, 46, 59), "07.46.59"),)
    assert (one.inherited, one.notes) == (False, ())


@pytest.mark.parametrize(
    ("line", "number", "remark"),
    [
        ("Seizure n 3", 3, ""),
        ("Seizure n 3 ", 3, ""),
        ("Seizure n 3:", 3, ""),
        ("Seizure n 3 (in sleep):", 3, "in sleep"),
        ("Seizure n.3", 3, ""),
        ("SEIZURE N\u00b0 3", 3, ""),
    ],
)
def test_forms_of_the_number(line: str, number: int, remark: str) -> None:
    (one,) = read_seizure_list(block().replace("Seizure n 1", line), NAME).seizures
    assert (one.number, one.remark) == (number, remark)


@pytest.mark.parametrize(
    ("start", "seconds"),
    [
        ("Seizure start time: 16:13.23", clock(16, 13, 23)),
        ("Seizure start time:16:13:23", clock(16, 13, 23)),
        ("Start time: 16.13.23  ", clock(16, 13, 23)),
        ("Seizure  start time :  6.13.23", clock(6, 13, 23)),
        ("seizure Start Time: 00.00.00", 0),
    ],
)
def test_forms_of_a_time(start: str, seconds: int) -> None:
    (one,) = read_seizure_list(block(start=start), NAME).seizures
    assert [time.seconds for time in one.starts] == [seconds]


def test_a_blank_within_an_hour_is_read_and_noted() -> None:
    text = block(7, "PN10-7.8.9.edf", first="Registration start time:1 6.49.25")
    (one,) = read_seizure_list(text, NAME).seizures
    assert one.registration_start == ClockTime(clock(16, 49, 25), "1 6.49.25")
    assert one.notes == ("line 3: '1 6.49.25' is read as 16.49.25",)


def test_alternatives_are_kept_with_their_words() -> None:
    both = "Seizure start time: 15.43.53 (CLINICAL ONSET); 15.43.59 (ELECTRIC ONSET)"
    ends = "Seizure end time: 11.41.04 opure 11.40.43"
    (one,) = read_seizure_list(block(start=both, end=ends), NAME).seizures
    assert one.starts == (
        ClockTime(clock(15, 43, 53), "15.43.53", "CLINICAL ONSET"),
        ClockTime(clock(15, 43, 59), "15.43.59", "ELECTRIC ONSET"),
    )
    assert one.ends == (
        ClockTime(clock(11, 41, 4), "11.41.04"),
        ClockTime(clock(11, 40, 43), "11.40.43", "opure"),
    )
    clinical = "Seizure start time: 15.18.26 (CLINICAL ONSET)"
    (one,) = read_seizure_list(block(start=clinical), NAME).seizures
    assert [time.words for time in one.starts] == ["CLINICAL ONSET"]


def test_names_and_times_before_the_first_seizure() -> None:
    """PN01: one recording above, two seizures below."""
    text = (
        "PN01\nFile name: PN01.edf\nRegistration start time: 19.00.44\n"
        "Registration end time: 08.29.41\n\nSeizure n 1\nStart time: 21:51:02\nEnd time: 21:51:56\n"
        "\nSeizure n 2\nStart time: 07:53:17\nEnd time: 07:54:31\n"
    )
    first, second = read_seizure_list(text, NAME).seizures
    assert first.file == second.file == "PN01.edf"
    assert first.inherited
    assert second.inherited
    assert first.registration_start == second.registration_start
    start = clock(19, 0, 44)
    assert first.registration_start
    assert first.registration_start.seconds == start
    assert interval(second.starts[0].seconds, second.ends[0].seconds, start) == (46353, 46427)


def test_registration_times_of_the_same_file_are_inherited() -> None:
    """PN12: the second seizure repeats the file name alone."""
    text = block(1, "PN12-1.2.edf") + block(
        2,
        "PN12-1.2.edf",
        first="",
        last="",
        start="Seizure start time: 08.00.00",
        end="Seizure end time: 08.01.00",
    )
    first, second = read_seizure_list(text, NAME).seizures
    assert second.registration_start == first.registration_start
    assert (second.inherited, second.file) == (False, "PN12-1.2.edf")
    text = block(1, "PN12-3.edf") + block(2, "PN12-4.edf", first="", last="")
    assert read_seizure_list(text, NAME).seizures[1].registration_start is None


def test_a_file_name_behind_a_complete_seizure_is_that_of_the_next() -> None:
    text = (
        block(1, "a.edf") + "File name: b.edf\nRegistration start time: 01.00.00\nSeizure n 2\n"
        "Start time: 01.10.00\nEnd time: 01.11.00\n"
    )
    assert [one.file for one in read_seizure_list(text, NAME).seizures] == ["a.edf", "b.edf"]


@pytest.mark.parametrize("file", ["PNO6-1.edf", "PN11-.edf", "PN10-4.5.6.edf", "PN16-1.edf"])
def test_file_names_stay_as_written(file: str) -> None:
    (one,) = read_seizure_list(block(file=f"{file} "), NAME).seizures
    assert one.file == file


def test_line_ends_and_blanks_do_not_matter() -> None:
    text = HEAD + block(1) + block(2)
    mixed = text.replace("time: ", "time:").replace("\n", " \r\n", 20)
    assert read_seizure_list(mixed, NAME).seizures[1].starts == (
        read_seizure_list(text, NAME).seizures[1].starts
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (HEAD, r": has no seizure \('Seizure n 1'\)"),
        (block(start=""), ", line 5: seizure end without a start before it"),
        (block(start="", end=""), ", line 1: seizure 1 has no start time"),
        (block(start="", end="", last="x"), ", line 4: cannot be read: 'x'"),
        (block(end=""), ", line 1: seizure 1 has no end time"),
        (block(end="") + block(2), ", line 1: seizure 1 has no end time"),
        (block(file="").replace("File name: \n", ""), ", line 2: has no 'File name' before it"),
        (block(file=""), ", line 2: not a file name"),
        (block(file="../x.edf"), ", line 2: not a file name"),
        (
            "Seizure n 1\nStart time: 01.00.00\nEnd time: 01.00.09\n",
            ", line 1: seizure 1 has no file",
        ),
        (block() + block(), ", line 8: seizure 1 is listed twice, first in line 1"),
        (block(last="Seizure start time: 07.45.50"), ", line 5: second start of seizure 1"),
        (block(last="File name: b.edf"), ", line 4: second file name of one seizure"),
        (block(start="Seizure start time: 24.00.00"), ", line 5: not a clock time"),
        (block(start="Seizure start time: 12.60.00"), ", line 5: not a clock time"),
        (block(start="Seizure start time: 9 9.10.00"), ", line 5: not a clock time"),
        (block(start="Seizure start time: 12.10"), ", line 5: not a clock time"),
        (block(start="Seizure start time: 12.10.10.10"), ", line 5: not a clock time"),
        (block(start="Seizure start time: 12.10.10 or so"), ", line 5: not a clock time"),
        (block(start="Seizure start time: about 12.10.10"), ", line 5: not a clock time"),
        (
            block(start="Seizure start time:"),
            ", line 5: not a clock time .HH.MM.SS.: 'Seizure start",
        ),
        (block(first="Registration start time: 01.00.00; 02.00.00"), ", line 3: more than one"),
        ("Start time: 01.00.00\n", ", line 1: has no 'Seizure n ...'"),
        ("Registration end time: 01.00.00\n", ", line 1: has no 'File name' before it"),
        ("PN10\nPN11\n", ", line 2: cannot be read: 'PN11'"),
        ("Channel 1: a\nChannel 1: b\n", ", line 2: channel 1 is listed twice"),
        (block() + "and 3 more\n", ", line 8: cannot be read: 'and 3 more'"),
        (block() + "Channel 3: x\n", ", line 8: cannot be read: 'Channel 3: x'"),
    ],
)
def test_what_cannot_be_read_names_the_line(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^Seizures-list-PN10.txt{reason}"):
        raise next(iter(read_seizure_list(text, NAME).faults.values()))


def files(*blocks: str) -> tuple[list[str], dict[str, str]]:
    """The files whose seizures are read, and the faults of others."""
    found = read_seizure_list("".join(blocks), NAME)
    faults = {file: str(error).removeprefix(NAME) for file, error in found.faults.items()}
    return [one.file for one in found.seizures], faults


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"start": "Seizure start time: 25.00.00"}, ", line 12: not a clock time"),
        ({"end": "Seizure start time: 07.00.00"}, ", line 13: second start of seizure 2"),
        ({"end": ""}, ", line 8: seizure 2 has no end time"),
        ({"first": "Registration start time: soon"}, ", line 10: not a clock time"),
        ({"last": "of the left hemisphere"}, ", line 11: cannot be read"),
    ],
)
def test_what_cannot_be_read_costs_one_file(changed: dict[str, str], reason: str) -> None:
    read, faults = files(block(1, "a.edf"), block(2, "b.edf", **changed), block(3, "c.edf"))
    assert read == ["a.edf", "c.edf"]
    assert list(faults) == ["b.edf"]
    assert faults["b.edf"].startswith(reason)


def test_a_fault_before_the_name_of_its_file_may_be_of_two() -> None:
    odd = block(2, "b.edf").replace("Seizure n 2\n", "Seizure n 2\n(left)\n")
    read, faults = files(block(1, "a.edf"), odd, block(3, "c.edf"))
    assert read == ["c.edf"]
    assert list(faults) == ["a.edf", "b.edf"]


def test_a_list_that_is_cut_off_keeps_what_is_whole() -> None:
    text = block(1, "a.edf") + block(2, "b.edf")
    read, faults = files(text[: text.index("Seizure end time", 200) + 20])
    assert read == ["a.edf"]
    assert list(faults) == ["b.edf"]


def test_a_second_seizure_of_a_file_with_a_fault_is_not_read_either() -> None:
    """Half of what is in a recording would make the other half background."""
    bad = block(2, "a.edf", start="Seizure start time: 99.00.00")
    assert files(block(1, "a.edf"), bad, block(3, "a.edf"), block(4, "b.edf"))[0] == ["b.edf"]


CLOCKS = st.integers(0, DAY - 1)


@given(CLOCKS, st.integers(0, DAY - 1), st.integers(0, DAY - 1))
def test_seconds_across_midnight(header: int, onset: int, length: int) -> None:
    start = (header + onset) % DAY
    assert seconds_after(start, header) == onset
    assert interval(start, (start + length) % DAY, header) == (onset, onset + length)


@given(
    st.lists(
        st.tuples(CLOCKS, CLOCKS, st.sampled_from("abc"), st.sampled_from([".", ":"])), min_size=1
    ),
    st.sampled_from(["\n", "\r\n", " \r"]),
)
def test_what_is_written_is_read_back(seizures: list[tuple[int, int, str, str]], end: str) -> None:
    def written(seconds: int, separator: str) -> str:
        minutes = f"{seconds // 60 % 60:02d}.{seconds % 60:02d}"
        return f"{seconds // 3600}{separator}{minutes}"

    text = HEAD + "".join(
        block(
            number,
            f"{file}.edf",
            start=f"Seizure start time: {written(start, separator)}",
            end=f"End time:{written(stop, separator)}",
        )
        for number, (start, stop, file, separator) in enumerate(seizures, start=1)
    )
    found = read_seizure_list(text.replace("\n", end), NAME).seizures
    assert [(one.starts[0].seconds, one.ends[0].seconds, one.file[0]) for one in found] == [
        seizure[:3] for seizure in seizures
    ]


LINES = [*HEAD.splitlines(), *block().splitlines(), *block(2, "b.edf").splitlines()]


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=40)))
def test_any_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_seizure_list("\n".join(lines), NAME)
    except AnnotationError:
        return
    assert isinstance(found, SeizureList)
    assert found.seizures or found.faults
    assert found.faults.keys().isdisjoint(one.file for one in found.seizures)


def test_the_real_list(siena: Path) -> None:
    path = siena / "PN00" / "Seizures-list-PN00.txt"
    found = read_seizure_list(text_of(path.read_bytes(), path.name), path.name)
    assert [one.file for one in found.seizures] == [f"PN00-{k}.edf" for k in range(1, 6)]
    assert (len(found.channels), found.channels[5], found.channels[34]) == (31, "1", "EKG 2")
    spans = [
        interval(one.starts[0].seconds, one.ends[0].seconds, one.registration_start.seconds)
        for one in found.seizures
        if one.registration_start
    ]
    assert spans == [(1143, 1213), (1220, 1274), (765, 4425), (1006, 1080), (904, 971)]
    header = (siena / "PN00" / "PN00-1.edf").read_bytes()[176:184]
    start = found.seizures[0].registration_start
    assert start
    assert start.written == header.decode()
