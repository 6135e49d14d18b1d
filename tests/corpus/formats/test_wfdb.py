"""Binary annotations of CHB-MIT."""

import hashlib
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuszstore.corpus.formats.wfdb import WfdbSeizures, read_seizures
from tuszstore.errors import AnnotationError

NAME = "chb01_03.edf.seizures"
ONSET, END, NOTE = 32, 33, 22


def word(code: int, value: int = 0) -> bytes:
    return struct.pack("<H", code << 10 | value)


def skip(distance: int) -> bytes:
    """A longer distance: the upper half first, each half with its lower byte first."""
    return word(59) + struct.pack("<HH", distance >> 16 & 0xFFFF, distance & 0xFFFF)


def aux(text: bytes) -> bytes:
    return word(63, len(text)) + text + b"\x00" * (len(text) % 2)


def resolution(rate: bytes = b"256") -> bytes:
    """A note of the rate as WFDB writes it, and a step back and forth behind it."""
    return word(NOTE) + aux(b"## time resolution: " + rate) + skip(-1) + word(0, 1)


def file(*seizures: tuple[int, int], head: bytes = resolution(), end: bytes = b"\0\0") -> bytes:
    content, time = head, 0
    for onset, offset in seizures:
        content += skip(onset - time) + word(ONSET) + skip(offset - onset) + word(END)
        time = offset
    return content + end


def test_the_bytes_are_those_of_the_released_file() -> None:
    """chb01_03 has one seizure from 2996 to 3036 s; the digest is that of PhysioNet's file."""
    content = file((2996 * 256, 3036 * 256))
    assert hashlib.sha256(content).hexdigest() == (
        "eb521b5e1a521f70fb8224e4205f0826c5ade093f29765d057b5db4d6b6594ab"
    )
    found = read_seizures(content, NAME)
    assert found == WfdbSeizures(256.0, ((2996 * 256, 3036 * 256),), 0)
    assert found.seconds == ((2996.0, 3036.0),)


@pytest.mark.parametrize("trailing", [1, 2, 256])
def test_bytes_behind_the_end_mean_nothing(trailing: int) -> None:
    found = read_seizures(file((1, 2), end=b"\0\0" + b"\x80" * trailing), NAME)
    assert (found.samples, found.trailing) == (((1, 2),), trailing)


def test_short_distances_and_fields_of_a_seizure() -> None:
    fields = word(60, 3) + word(61, 255) + word(62, 7) + aux(b"focal")
    content = resolution() + word(ONSET, 1000) + fields + word(END, 23) + word(NOTE, 5) + b"\0\0"
    assert read_seizures(content, NAME).samples == ((1000, 1023),)


def test_the_rate_of_the_recording_where_the_file_gives_none() -> None:
    content = file((512, 1024), head=b"")
    assert read_seizures(content, NAME, sfreq=512).seconds == ((1.0, 2.0),)
    assert read_seizures(file((512, 1024)), NAME, sfreq=512).seconds == ((2.0, 4.0),)
    with pytest.raises(AnnotationError, match=r"gives no time resolution$"):
        read_seizures(content, NAME)


def test_a_file_without_a_seizure() -> None:
    assert read_seizures(file(), NAME).samples == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", ": is empty"),
        (file((1, 2), end=b""), ": is cut off after 52 bytes"),
        (file((1, 2), end=b"\0"), ": is cut off after 53 bytes"),
        (resolution()[:12], ": is cut off after 12 bytes"),
        (resolution() + skip(1)[:4], ": is cut off after"),
        (word(ONSET) + word(ONSET, 1) + b"\0\0", ", byte 2: second onset before"),
        (word(END) + b"\0\0", ", byte 0: end without an onset"),
        (word(ONSET) + b"\0\0", ", byte 2: the seizure at sample 0 has no end"),
        (skip(9) + word(ONSET) + skip(-4) + word(END) + b"\0\0", ", byte 14: a seizure ends"),
        (skip(-4) + word(ONSET) + b"\0\0", ", byte 6: an onset at sample -4"),
        (word(1, 4) + b"\0\0", ", byte 0: code 1 is neither"),
        (word(55, 4) + b"\0\0", ", byte 0: code 55 is neither"),
        (resolution(b"fast"), ", byte 2: the time resolution is not a number"),
        (resolution(b"0"), ", byte 2: the time resolution is '0'"),
        (file((1, 2), (1, 2)), ", byte 66: the seizure at sample 1 is listed twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_names_the_byte(content: bytes, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^{NAME}{reason}"):
        read_seizures(content, NAME, sfreq=256)


TIMES = st.lists(st.integers(0, 2**31 - 1), unique=True, max_size=10).map(sorted)


@given(TIMES, st.binary(max_size=20))
def test_what_is_written_is_read_back(times: list[int], trailing: bytes) -> None:
    pairs = tuple(zip(times[::2], times[1::2], strict=False))
    found = read_seizures(file(*pairs, end=b"\0\0" + trailing), NAME)
    assert found == WfdbSeizures(256.0, pairs, len(trailing))


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: resolution() + tail))
@example(aux(b"x")[:-1])
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        found = read_seizures(content, NAME, sfreq=256)
    except AnnotationError:
        return
    assert all(0 <= onset <= end for onset, end in found.samples)
