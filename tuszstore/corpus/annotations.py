"""Seizure annotations: what a file beside a recording says, row by row.

A reader of a format takes a path and returns an :class:`Annotation`; it is registered in
:data:`READERS` under the suffix of its files, which is what ``labels.annotation`` in the
configuration chooses.

TUSZ has two formats in one syntax: ``.csv`` with a row per bipolar channel and event type, and
``.csv_bi`` with a row per seizure for the whole montage. In both, time that no seizure row covers
is background; the times of ``bckg`` rows mean nothing (half of them span one second of a long
recording). A file without any row says nothing at all.
"""

import csv
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tuszstore.corpus.regular import read_regular
from tuszstore.errors import RecordingError

BACKGROUND = "bckg"

MAX_BYTES = 64_000_000
"""Size of an annotation file that is read: a million rows."""

_COLUMNS = ("channel", "start_time", "stop_time", "label", "confidence")


@dataclass(frozen=True)
class Event:
    """One row of an annotation.

    Attributes
    ----------
    channel : str
        Bipolar channel such as ``FP1-F7``, or ``TERM`` for the whole montage.
    onset, offset : float
        Seconds from the start of the recording, as annotated.
    label : str
        Event class as written.
    confidence : float
    row : int
        Line in the file, for messages.
    """

    channel: str
    onset: float
    offset: float
    label: str
    confidence: float
    row: int


@dataclass(frozen=True)
class Annotation:
    """What an annotation file says of a recording.

    Attributes
    ----------
    events : tuple of Event
        All rows but background, in the order of the file.
    seconds : float or None
        Duration of the recording according to the file's header.
    digest : str
        SHA-256 of the file.
    """

    events: tuple[Event, ...]
    seconds: float | None
    digest: str


class Unlabelled(RecordingError):
    """A recording of which no annotation says anything."""


def read_annotation(path: Path, kind: str) -> Annotation:
    """Read an annotation file.

    Parameters
    ----------
    path : Path
    kind : str
        One of :data:`READERS`.

    Raises
    ------
    Unlabelled
        If there is no file, or nothing in it.
    RecordingError
        If the file cannot be understood; the text names file and row.
    """
    try:
        content = read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        raise Unlabelled(f"no annotation file {path.name}") from None
    except RecordingError as error:
        raise RecordingError(f"{path.name}: {error}") from None
    except OSError as error:
        raise RecordingError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    if not content.strip():
        raise Unlabelled(f"{path.name}: annotation file is empty")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path.name}: not a text file ({error.reason})") from None
    digest = hashlib.sha256(content).hexdigest()
    events, seconds = READERS[kind](text, path.name)
    return Annotation(tuple(events), seconds, digest)


def read_nedc_csv(text: str, name: str) -> tuple[list[Event], float | None]:
    """Read the text of a ``.csv`` or ``.csv_bi`` file of the TUH corpora.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Returns
    -------
    events : list of Event
        All rows but background.
    seconds : float or None
        Duration in the header.
    """
    seconds: float | None = None
    columns: list[str] | None = None
    events: list[Event] = []
    n_rows = 0
    for row, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            key, _, value = line.lstrip("# \t").partition("=")
            if key.strip() == "duration":
                seconds = _duration(value)
            continue
        fields = _fields(line, name, row)
        if columns is None:
            columns = [part.lower() for part in fields]
            if lost := [column for column in _COLUMNS[:4] if column not in columns]:
                raise RecordingError(
                    f"{name}, row {row}: expected the columns {','.join(_COLUMNS)}, "
                    f"and {', '.join(lost)} is not there"
                )
            continue
        n_rows += 1
        event = _event(dict(zip(columns, fields, strict=False)), name, row)
        if event.label.lower() != BACKGROUND:
            events.append(event)
    if n_rows == 0:
        raise Unlabelled(f"{name}: annotation has a header but no rows")
    return events, seconds


def _fields(line: str, name: str, row: int) -> list[str]:
    try:
        return [part.strip() for part in next(csv.reader([line]))]
    except csv.Error as error:
        raise RecordingError(f"{name}, row {row}: not a row of a CSV file ({error})") from None


def _event(fields: dict[str, str], name: str, row: int) -> Event:
    try:
        onset, offset = float(fields["start_time"]), float(fields["stop_time"])
        confidence = float(fields.get("confidence") or "nan")
        label, channel = fields["label"], fields["channel"]
    except (KeyError, ValueError):
        raise RecordingError(
            f"{name}, row {row}: not a row of channel,start_time,stop_time,label"
        ) from None
    if not label or not (math.isfinite(onset) and math.isfinite(offset)):
        raise RecordingError(f"{name}, row {row}: a label or a time is missing")
    if offset < onset and label.lower() != BACKGROUND:
        raise RecordingError(
            f"{name}, row {row}: event ends ({offset:g} s) before it starts ({onset:g} s)"
        )
    return Event(channel, onset, offset, label, confidence, row)


def _duration(value: str) -> float | None:
    try:
        return float(value.replace("secs", "").replace("sec", ""))
    except ValueError:
        return None  # informative only: the recording itself has the length


READERS: dict[str, Callable[[str, str], tuple[list[Event], float | None]]] = {
    "csv": read_nedc_csv,
    "csv_bi": read_nedc_csv,
}
"""Annotation formats by the suffix of their files."""
