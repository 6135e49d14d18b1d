"""Bytes to text, lines and numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats import text
from tuszstore.corpus.formats.text import lines_of, number_of, seconds_of, shown, text_of
from tuszstore.errors import AnnotationError, RecordingError


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"a\r\nb", "a\r\nb"),
    ],
    ids=["utf-8", "byte order mark", "latin-1", "line ends"],
)
def test_encodings(content: bytes, expected: str) -> None:
    assert text_of(content, "a.txt") == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "a.txt: is empty"),
        (b"\xef\xbb\xbf \r\n\t", "a.txt: is empty"),
        ("abc".encode("utf-16"), "a.txt: UTF-16 text; save it as UTF-8"),
        (b"ab\x00c", r"a.txt, byte 2: not a text file \(a null byte\)"),
    ],
    ids=["empty", "blank", "utf-16", "binary"],
)
def test_what_is_not_text_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^{reason}$"):
        text_of(content, "a.txt")


def test_a_large_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_BYTES", 2**20)
    assert text_of(b"x" * 2**20, "a.txt")
    with pytest.raises(AnnotationError, match=r"^a\.txt: 1048577 bytes are too many .* 1 MiB"):
        text_of(b"x" * (2**20 + 1), "a.txt")


def test_lines_have_the_numbers_of_an_editor() -> None:
    found = list(lines_of("\ufeffa\r\nb \rc\n\nd\u2028\x0b\x85e"))
    assert found == [(1, "a"), (2, "b "), (3, "c"), (4, ""), (5, "d\u2028\x0b\x85e")]


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n\ufeff"))),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_line_ends_do_not_matter(lines: list[str], end: str) -> None:
    assert [line for _, line in lines_of(end.join(lines))] == (lines or [""])


def test_foreign_text_is_escaped_and_shortened() -> None:
    assert shown("a\x1b[31m\u202eé") == r"'a\x1b[31m\u202e\xe9'"
    assert shown("x" * 61) == repr("x" * 57 + "...")
    assert len(shown("x" * 10**6)) < 70


@pytest.mark.parametrize("field", ["0", "12.5", ".5", "5.", "+1", "1e3", "0012"])
def test_numbers(field: str) -> None:
    assert seconds_of(field, "a", 1, "onset") == float(field)


@pytest.mark.parametrize(
    "field",
    ["", "nan", "inf", "-inf", "1_0", "0x10", "1,5", "\u0661", " 1", "12s", "1e999", "9" * 400],
)
def test_what_is_not_a_finite_number_is_refused(field: str) -> None:
    with pytest.raises(AnnotationError, match=r"^a, line 7: onset is not "):
        seconds_of(field, "a", 7, "onset")


def test_negative_times() -> None:
    with pytest.raises(AnnotationError, match=r"^a, line 7: onset is negative \(-3 s\)$"):
        seconds_of("-3", "a", 7, "onset")
    assert seconds_of("-3", "a", 7, "onset", negative=True) == -3
    assert number_of("-3", "a", 7, "value") == -3


def test_an_annotation_error_is_the_reason_of_a_recording() -> None:
    error = AnnotationError.at("a.tse", 3, "why")
    assert isinstance(error, RecordingError)
    assert str(error) == "a.tse, line 3: why"
