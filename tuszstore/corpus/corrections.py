"""The errata of a corpus that apply to a recording, under one configuration.

A row of the table is applied if it identifies a file in the recording's folder, or in a folder
above it up to the corpus's root. Each correction is a note of the recording that
ends in :data:`MARK`, by which a build counts it.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from tuszstore.corpus.base import Recording
from tuszstore.corpus.formats.errata import (
    Correction,
    Decision,
    Erratum,
    Note,
    corrections_of,
    load_errata,
)
from tuszstore.corpus.parsed import Parsed
from tuszstore.errors import RecordingError

C = TypeVar("C")

MARK = "(erratum"
"""How the ending of a note on an erratum begins."""

_MAX_FILE = 1 << 22
_APPLIED = re.compile(r"\(erratum[^()]*\)")


@dataclass(frozen=True)
class Applied(Generic[C]):
    """A correction that applies to a recording.

    Attributes
    ----------
    correction : Correction
    erratum : Erratum
        Its row of the table.
    choice : str
        Choice of a decision, such as ``electric``; empty for a correction.
    """

    correction: C
    erratum: Erratum
    choice: str = ""

    def noted(self, text: str) -> str:
        """Return the note on the correction.

        Parameters
        ----------
        text : str
            What was done; names and foreign text in single quotes, so that pseudonyms can hide
            them.
        """
        decision = self.erratum.decision
        which = f" {decision.key}: {self.choice}" if decision else ""
        return f"{text.replace('; ', ', ')} {MARK}{which})"


class Corrections:
    """The errata of a corpus.

    Parameters
    ----------
    corpus : str
        Name of the table, ``errata/<corpus>.yaml``; a corpus without one has no errata.
    root : Path
        Root of the corpus.
    options : mapping
        ``errata``: ``none`` turns all of them off; ``decisions``: pairs of key and choice;
        defaults otherwise.

    Raises
    ------
    CorpusError
        If the corpus has no such decision, or the decision no such choice.
    """

    def __init__(self, corpus: str, root: Path, options: Mapping[str, Any]) -> None:
        self.on = options.get("errata") != "none"
        self._root = root
        self._contents: Parsed[bytes] = Parsed(lambda content, _: content, _MAX_FILE)
        self._holds: dict[tuple[int, bytes], bool] = {}
        errata = load_errata(corpus)
        decisions = dict(options.get("decisions") or ())
        corrections_of(errata, decisions)  # rejects unknown decisions
        self._rows = [_row(one, decisions) for one in errata] if self.on else []

    def of(self, kind: type[C], recording: Recording) -> list[Applied[C]]:
        """Return the corrections of a kind that apply to a recording, in the table's order."""
        return [
            Applied(row.correction, row.erratum, row.choice)
            for row in self._about(recording)
            if isinstance(row.correction, kind)
        ]

    def notes(self, recording: Recording) -> tuple[str, ...]:
        """Return notes on rows that change nothing: oddities, and uncorrected errors."""
        found = []
        for row in self._about(recording):
            if isinstance(row.correction, Note | None):
                text = row.erratum.reason if row.correction else "left as it is in the file"
                found.append(Applied(row.correction, row.erratum, row.choice).noted(text))
        return tuple(found)

    def _about(self, recording: Recording) -> Iterator["_Row"]:
        name = recording.path.name
        for number, row in enumerate(self._rows):
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in row.recordings):
                content = self._content(row.erratum.file, recording.path.parent)
                key = (number, content)
                if key not in self._holds:
                    self._holds[key] = row.erratum.applies_to(row.erratum.file, content)
                if self._holds[key]:
                    yield row

    def _content(self, name: str, folder: Path) -> bytes:
        """Return the content of the file with this name that is nearest to a recording."""
        for place in (folder, *folder.parents):
            if not place.is_relative_to(self._root):
                break
            try:
                return self._contents(place / name)
            except FileNotFoundError:
                continue
            except RecordingError:
                return b""  # the error is reported when it is read
        return b""


def errata_in(notes: str) -> list[str]:
    """Return the errata that the notes of a recording mention.

    Parameters
    ----------
    notes : str
        As a store has them.
    """
    return [note for note in notes.split("; ") if _APPLIED.search(note)]


@dataclass(frozen=True)
class _Row:
    """A row of the table, with its decision applied."""

    erratum: Erratum
    correction: Correction | None
    choice: str
    recordings: tuple[str, ...]


def _row(erratum: Erratum, decisions: Mapping[str, str]) -> _Row:
    if (decision := erratum.decision) is None:
        return _Row(erratum, erratum.correction, "", _recordings(erratum.correction))
    choice = decisions.get(decision.key, decision.default)
    return _Row(erratum, decision.choices[choice], choice, _decided(decision))


def _decided(decision: Decision) -> tuple[str, ...]:
    patterns = (name for one in decision.choices.values() for name in _recordings(one))
    return tuple(dict.fromkeys(patterns))


def _recordings(correction: Correction | None) -> tuple[str, ...]:
    """Return the patterns of the recordings that a correction concerns."""
    if name := getattr(correction, "recording", ""):
        return (re.sub(r"([*?[])", r"[\1]", name),)
    if patient := getattr(correction, "patient", ""):
        return (f"{patient}[a-z_]*",)
    return tuple(getattr(correction, "recordings", ()))
