"""Decoding text files into lines and numbers, shared by all formats."""

import math
import re
from collections.abc import Iterator

from tuszstore.errors import AnnotationError

MAX_BYTES = 64 * 2**20
"""A larger file is not an annotation."""

_SHOWN = 60
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def text_of(content: bytes, name: str) -> str:
    """Decode a text file: UTF-8 with or without a byte order mark, else Latin-1.

    Parameters
    ----------
    content : bytes
    name : str
        Name of the file, for messages.

    Returns
    -------
    str
        With its line ends; :func:`lines_of` takes any.

    Raises
    ------
    AnnotationError
        If the file is empty, larger than :data:`MAX_BYTES`, UTF-16 or binary.
    """
    if len(content) > MAX_BYTES:
        raise AnnotationError(
            f"{name}: {len(content)} bytes are too many for an annotation "
            f"(at most {MAX_BYTES // 2**20} MiB)"
        )
    if content.startswith(_UTF16):
        raise AnnotationError(f"{name}: UTF-16 text; save it as UTF-8")
    if b"\x00" in content:
        raise AnnotationError.at(
            name, content.index(b"\x00"), "not a text file (a null byte)", unit="byte"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    if not text.strip():
        raise AnnotationError(f"{name}: is empty")
    return text


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield the lines with their numbers, counted from 1, without their ends.

    Lines end in ``\n``, ``\r\n`` or ``\r``, mixed or not, and in nothing else, so that
    the numbers are those of an editor. Blanks are kept.
    """
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    yield from enumerate(plain.split("\n"), start=1)


def words_of(line: str) -> str:
    """Return a line with each run of blanks reduced to one, and stripped."""
    return " ".join(line.split())


def shown(text: str) -> str:
    """Return foreign text for a message: quoted, escaped, and shortened."""
    if len(text) > _SHOWN:
        text = text[: _SHOWN - 3] + "..."
    return ascii(text)


def seconds_of(field: str, name: str, line: int, what: str, *, negative: bool = False) -> float:
    """Read a time or a duration in seconds.

    Parameters
    ----------
    field : str
    name : str
        Name of the file, for messages.
    line : int
    what : str
        Description of the field, for messages.
    negative : bool
        Whether it may be below 0.

    Raises
    ------
    AnnotationError
        If it is not a finite number, or negative where it must not be.
    """
    value = number_of(field, name, line, what, kind="a time in seconds")
    if value < 0 and not negative:
        raise AnnotationError.at(name, line, f"{what} is negative ({value:g} s)")
    return value


def number_of(
    field: str,
    name: str,
    place: int,
    what: str,
    *,
    kind: str = "a number",
    unit: str = "line",
) -> float:
    """Read a finite decimal number, as :func:`seconds_of` does."""
    if not _NUMBER.fullmatch(field):
        raise AnnotationError.at(name, place, f"{what} is not {kind}: {shown(field)}", unit)
    value = float(field)
    if not math.isfinite(value):
        raise AnnotationError.at(name, place, f"{what} is not finite: {shown(field)}", unit)
    return value


def check_order(onset: float, offset: float, name: str, line: int, what: str = "event") -> None:
    """Reject an event that ends before it starts; its duration may be 0."""
    if offset < onset:
        raise AnnotationError.at(
            name, line, f"{what} ends ({offset:g} s) before it starts ({onset:g} s)"
        )
