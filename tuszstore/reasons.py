"""What is said of recordings: why they are left out, and what is noted of them.

Equal reasons are told once, with their number.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from numpy.typing import NDArray

EXAMPLES = 3
"""Recordings that are named for each reason."""


@dataclass(frozen=True)
class Reason:
    """What was said of recordings, in the same words but for names and numbers.

    Attributes
    ----------
    kind : str
        Of recordings that are left out; empty for notes.
    text : str
        With `…` for what differs.
    count : int
    examples : tuple of str
        Ids of the first recordings.
    """

    kind: str
    text: str
    count: int
    examples: tuple[str, ...]


def group_reasons(entries: Iterable[tuple[str, str, str]]) -> list[Reason]:
    """Group reasons by kind and by what is alike in their texts.

    Parameters
    ----------
    entries : iterable of (str, str, str)
        Kind, text and id of a recording.

    Returns
    -------
    list of Reason
        What failed before all others, then the most frequent first.
    """
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for kind, text, id_ in entries:
        text = text.removeprefix(f"{kind}: ")
        groups.setdefault((kind, _common(text, PurePosixPath(id_).stem)), []).append((text, id_))
    reasons = [
        Reason(
            kind=kind,
            text=members[0][0] if len({text for text, _ in members}) == 1 else common,
            count=len(members),
            examples=tuple(id_ for _, id_ in members[:EXAMPLES]),
        )
        for (kind, common), members in groups.items()
    ]
    return sorted(reasons, key=lambda reason: (reason.kind != "failed", -reason.count))


def all_notes(
    notes: Iterable[str], interpolated: NDArray[Any], channels: Sequence[str]
) -> list[str]:
    """Return what is noted of each recording, interpolated channels among it.

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


_NUMBER = re.compile(r"(?<![\w.])-?\d+(\.\d+)?(?!\w)")
_FILE = re.compile(r"[^\s']+\.(edf|csv_bi|csv)\b", re.IGNORECASE)


def _common(text: str, stem: str) -> str:
    """Return a text with `…` for the recording's name, for names of files, and for numbers."""
    return _NUMBER.sub("…", _FILE.sub("…", text.replace(stem, "…") if stem else text))
