"""Texts about recordings: reasons for exclusion, and notes.

Equal reasons are given once, with their count.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from numpy.typing import NDArray

EXAMPLES = 3
"""Recordings that are named for each reason; one more if only one would remain."""


@dataclass(frozen=True)
class Reason:
    """Equal texts about recordings, except for names and numbers.

    Attributes
    ----------
    kind : str
        Kind of exclusion; empty for notes.
    text : str
        Where the texts differ, with the range of numbers (`row 3 to 40`), `*` for names of
        recordings, and `…` for dates and times of day.
    count : int
    examples : tuple of str
        Ids of the first recordings.
    """

    kind: str
    text: str
    count: int
    examples: tuple[str, ...]


def group_reasons(entries: Iterable[tuple[str, str, str]]) -> list[Reason]:
    """Group reasons by kind, and by text without names and numbers.

    Parameters
    ----------
    entries : iterable of (str, str, str)
        Kind, text and id of a recording.

    Returns
    -------
    list of Reason
        What failed before all others, then the most frequent first.
    """
    groups: dict[tuple[str, str], list[_Said]] = {}
    for kind, text, id_ in entries:
        said = _Said(text.removeprefix(f"{kind}: "), id_)
        groups.setdefault((kind, said.cause), []).append(said)
    reasons = [
        Reason(
            kind=kind,
            text=_text_of(members),
            count=len(members),
            examples=tuple(member.id for member in members[: _named(len(members))]),
        )
        for (kind, _), members in groups.items()
    ]
    return sorted(reasons, key=lambda reason: (reason.kind != "failed", -reason.count))


def in_a_line(reason: Reason, noun: str = "recording") -> str:
    """Return a reason with the recordings that it is of, and how many.

    Parameters
    ----------
    reason : Reason
    noun : str
        What is counted.
    """
    text, named = after_kind(reason.kind, reason.text), ", ".join(reason.examples)
    if reason.count == 1:
        return f"{named}: {text}"
    more = reason.count - len(reason.examples)
    named += f" and {more:,} more" if more else ""
    return f"{plural(reason.count, noun)}: {text} ({named})"


def after_kind(kind: str, text: str) -> str:
    """Return a reason, prefixed by its kind unless the reason includes that."""
    known = kind in ("", "failed", "duplicate") or text.startswith(f"{kind}: ")
    return text if known else f"{kind}: {text}"


def all_notes(
    notes: Iterable[str], interpolated: NDArray[Any], channels: Sequence[str]
) -> list[str]:
    """Return the notes on each recording, including interpolated channels.

    Parameters
    ----------
    notes : iterable of str
        Column of the recordings table.
    interpolated : ndarray of bool, shape (recording, channel)
    channels : sequence of str
        Their names.
    """
    told = []
    for note, row in zip(notes, interpolated, strict=True):
        names = ", ".join(name for name, bad in zip(channels, row, strict=True) if bad)
        parts = (str(note), f"interpolated: {names}" if names else "")
        told.append("; ".join(filter(None, parts)))
    return told


def plural(count: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 recording`` or ``2,400 recordings``.

    Parameters
    ----------
    count : int
    noun : str
        In the singular, of a word whose plural ends in s.
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _named(count: int) -> int:
    """Return how many recordings to name, given that "and 1 more" is as long as a name."""
    return count if count == EXAMPLES + 1 else min(count, EXAMPLES)


_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:[.:/-]\d+)*(?!\w)")
_PLAIN = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_FILE = re.compile(r"[^\s']+(\.(?:edf|csv_bi|csv|tse_bi|tse|lbl_bi|lbl|tsv|seizures)\b)", re.I)
_PLURAL = re.compile("(?<=\0 )([a-z]{2,}?)s\\b")


class _Said:
    """A text about one recording.

    Attributes
    ----------
    text, id : str
    pattern : str
        The text with names of files and of the recording replaced by `*`, and numbers by NUL.
    numbers : list of str
    cause : str
        The pattern with nouns after numbers in the singular, equal for equal causes.
    """

    def __init__(self, text: str, id_: str) -> None:
        self.text, self.id = text, id_
        stem = PurePosixPath(id_).stem
        bare = text.replace("\0", " ")  # NUL stands for numbers
        bare = _FILE.sub(r"*\1", bare.replace(stem, "*") if stem else bare)
        self.numbers = _NUMBER.findall(bare)
        self.pattern = _NUMBER.sub("\0", bare)
        self.cause = _PLURAL.sub(r"\1", self.pattern)


def _text_of(members: Sequence[_Said]) -> str:
    """Return one text for recordings with the same cause."""
    if len({member.text for member in members}) == 1:
        return members[0].text
    # "2 signals" rather than "1 signal"
    first, *rest = max((member.pattern for member in members), key=len).split("\0")
    columns = zip(*(member.numbers for member in members), strict=True)
    return first + "".join(
        _range(column) + text for column, text in zip(columns, rest, strict=True)
    )


def _range(numbers: Sequence[str]) -> str:
    """Return a number, or the range of different ones."""
    if len(set(numbers)) == 1:
        return numbers[0]
    if not all(map(_PLAIN.fullmatch, numbers)):
        return "…"
    low, *_, high = sorted(numbers, key=lambda number: float(number.replace(",", "")))
    return f"{low} to {high}"
