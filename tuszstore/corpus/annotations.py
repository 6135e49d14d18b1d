"""Seizure annotations: the rows of a file beside a recording.

A reader of a format takes the text of a file and its name, and returns events and the duration
in the file's header, or an :class:`Annotation` if there is more; it is registered in
:data:`tuszstore.registry.ANNOTATIONS` under the suffix of its files, which is what
``labels.annotation`` in the configuration chooses.

TUSZ has two formats in one syntax: ``.csv`` with a row per bipolar channel and event type, and
``.csv_bi`` with a row per seizure for the whole montage. In both, time that no seizure row covers
is background; the times of ``bckg`` rows are ignored (half of them span one second of a long
recording). A recording whose file has no rows is unlabelled.
"""

import csv
import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuszstore.corpus.regular import read_regular
from tuszstore.errors import RecordingError
from tuszstore.registry import ANNOTATIONS

BACKGROUND = "bckg"
"""Meaning of an event that is no seizure."""

IGNORED = "ignored"
"""Meaning of an event whose samples are neither seizure nor background, such as an artefact."""

WHOLE_MONTAGE = "TERM"
"""Channel of an event that is annotated for all channels together."""

NONE = "none"
"""Kind of annotation for recordings whose annotations are not to be read."""

USE_OTHER = "use --set labels.annotation="
"""How a message begins the advice to read another file."""

USE_CORPUS = "use --corpus "
"""How a message begins the advice to read annotations as those of a public corpus."""

OWN_FOLDER = {
    "chbmit": "each case of CHB-MIT must be in its own folder, such as chb01, with its summary",
    "siena": "each patient of Siena must be in its own folder, such as PN00, with its list",
}
"""Ends of messages about recordings without the folder of their patient, by corpus."""

CONVERT = "this format is not read; convert it to .csv"
"""What a message says of annotations in another format."""

_BUILD_WITHOUT = (
    "; if it does not annotate seizures, build without labels: --set labels.annotation=none "
    "--set labels.unlabelled=keep"
)

_NAMED_AFTER_PATIENT = {
    r"chb\d\d": ("*-summary.txt", "chbmit"),
    r"PN\d{2,3}": ("Seizures-list-*.txt", "siena"),
}
"""Annotations that are named after the patient with whose name a recording begins, and corpora."""

_UNREADABLE = ("edf.seizures", "tsv")
"""Suffixes of annotations in other formats."""
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
        Seconds from the start of the recording, as annotated. NaN is an
        unknown offset: ``labels.open_end`` decides what the event marks.
    label : str
        Event class as written; ``labels`` decides what it means (:mod:`tuszstore.corpus.words`).
    confidence : float
        NaN if unknown.
    row : int
        Line in the file, for messages.
    rater : str
        Who annotated it, one of the annotation's `raters`; empty if unknown.
    meaning : str
        Meaning of a class that is not in ``labels.classes``, according to the corpus: one of
        the classes, :data:`BACKGROUND` or :data:`IGNORED`; empty if the corpus does not know.
    """

    channel: str
    onset: float
    offset: float
    label: str
    confidence: float
    row: int
    rater: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Looked:
    """A stretch of a recording that a rater reviewed.

    Attributes
    ----------
    rater : str
        One of the annotation's `raters`.
    onset, offset : float
        Seconds from the start of the recording; infinity is its end.
    """

    rater: str
    onset: float
    offset: float


@dataclass(frozen=True)
class Annotation:
    """The annotation of a recording.

    Attributes
    ----------
    events : tuple of Event
        All rows but background, in the order of the file.
    seconds : float or None
        Duration of the recording according to the file's header.
    digest : str
        SHA-256 of what decides it: the file, or the recording's part of one that annotates many.
    raters : tuple of str
        Who reviewed the recording, including those who found nothing; one without a name if
        unknown.
    notes : tuple of str
        What was corrected.
    looked : tuple of Looked
        What each rater reviewed. A rater who is not named here reviewed all of it; time that
        no rater reviewed is unlabelled.
    file : str
        Name of the file with the rows of events, for messages; empty if there is none.
    outside : str
        What to check if an event is wholly outside the recording, for messages; by default whether
        times are in seconds.
    """

    events: tuple[Event, ...]
    seconds: float | None
    digest: str
    raters: tuple[str, ...] = ("",)
    notes: tuple[str, ...] = ()
    looked: tuple[Looked, ...] = ()
    file: str = ""
    outside: str = ""


class Unlabelled(RecordingError):
    """A recording without an annotation."""


class Foreign(RecordingError):
    """A file that is named like an annotation, but is not one."""


def read_annotation(path: Path, kind: str) -> Annotation:
    """Read an annotation file.

    Parameters
    ----------
    path : Path
        Path of the file.
    kind : str
        A name in :data:`~tuszstore.registry.ANNOTATIONS`, or :data:`NONE`, for which no file is
        read.

    Returns
    -------
    Annotation
        What the reader of that format returns, with the file's name and digest.

    Raises
    ------
    Unlabelled
        If there is no file, or it is empty.
    RecordingError
        If the file cannot be understood; the text names file and line.
    """
    if kind == NONE:
        raise Unlabelled("labels.annotation is 'none'")
    try:
        content = read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        raise Unlabelled(f"no annotation file {path.name}{_beside(path, kind)}") from None
    except RecordingError as error:
        raise RecordingError(f"{path.name}: {error}") from None
    except OSError as error:
        raise RecordingError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    if not content.strip():
        raise Unlabelled(f"{path.name}: annotation file is empty{_beside(path, kind)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise RecordingError(
            f"{path.name}, line {row}: not a text file in UTF-8 ({error.reason})"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    try:
        found = ANNOTATIONS[kind](text, path.name)
        if isinstance(found, Annotation):
            return replace(found, digest=digest, file=path.name)
        events, seconds = found
        events = tuple(events)
    except Unlabelled as reason:
        raise Unlabelled(f"{reason}{_beside(path, kind)}") from None
    except Foreign as reason:
        raise RecordingError(f"{reason}{_beside(path, kind) or _BUILD_WITHOUT}") from None
    except RecordingError:
        raise
    except Exception as error:  # a plug-in may raise anything
        raise RecordingError(
            f"{path.name}: the annotation format {kind!r} failed: {type(error).__name__}: {error}"
        ) from error
    return Annotation(events, seconds, digest, file=path.name)


def has_rows(path: Path, kind: str) -> bool:
    """Return whether a path is an annotation of a kind with rows, which may be faulty."""
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8-sig")
    except (RecordingError, OSError, UnicodeDecodeError):
        return False
    if not text.strip():
        return False
    try:
        ANNOTATIONS[kind](text, path.name)
    except (Unlabelled, Foreign):
        return False
    except Exception:  # of a faulty row; a plug-in may raise anything
        return True
    return True


def _beside(path: Path, kind: str) -> str:
    """Return a note on other annotations of a recording; empty if there are none.

    Files are looked up by name, since listing the folder for each recording would be slow. The note
    does not name them, since names may identify patients.
    """
    stem, folder = path.with_suffix(""), path.parent
    for other in ANNOTATIONS:
        # the advice would be circular if that file were empty too
        if other != kind and has_rows(Path(f"{stem}.{other}"), other):
            return (
                f", but *.{other} exists beside it: to read the *.{other} of all recordings, "
                f"{USE_OTHER}{other}"
            )
    for suffix in (kind.upper(), kind.capitalize()):
        if Path(f"{stem}.{suffix}").is_file():
            return f", but *.{suffix} exists beside it: rename it to *.{kind}"
    of_corpora: dict[str, tuple[str | Path, str]] = {
        "*_events.tsv": (f"{str(stem).removesuffix('_eeg')}_events.tsv", "bids"),
        "*_a1.tsv": (f"{stem}_a1.tsv", "seizeit"),
        "*-summary.txt": (folder / f"{folder.name}-summary.txt", "chbmit"),
        "Seizures-list-*.txt": (folder / f"Seizures-list-{folder.name}.txt", "siena"),
    }
    for name, (place, corpus) in of_corpora.items():
        if Path(place).is_file():
            return f", but {name} exists beside it: {USE_CORPUS}{corpus}"
    for pattern, (name, corpus) in _NAMED_AFTER_PATIENT.items():
        if (found := re.match(pattern, path.name, re.IGNORECASE)) and (
            folder / name.replace("*", found[0])
        ).is_file():
            return f", but {name} of its patient exists beside it: {OWN_FOLDER[corpus]}"
    there = [f"*.{suffix}" for suffix in _UNREADABLE if Path(f"{stem}.{suffix}").is_file()]
    if there:
        return f", but {' and '.join(there)} exist{'' if there[1:] else 's'} beside it: {CONVERT}"
    return ""


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
    columns: dict[str, int] | None = None
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
            columns = {part.lower(): number for number, part in enumerate(fields)}
            if lost := [column for column in _COLUMNS[:4] if column not in columns]:
                raise Foreign(
                    f"{name}, line {row}: expected the columns {','.join(_COLUMNS)}, "
                    f"but {', '.join(lost)} {'are' if len(lost) > 1 else 'is'} missing"
                )
            continue
        n_rows += 1
        event = _event(fields, columns, name, row)
        if event.label.lower() != BACKGROUND:
            events.append(event)
    if n_rows == 0:
        raise Unlabelled(f"{name}: annotation has a header but no rows")
    return events, seconds


def _fields(line: str, name: str, row: int) -> list[str]:
    if '"' not in line and len(line) <= csv.field_size_limit():  # nearly all of millions
        return [part.strip() for part in line.split(",")]
    try:
        return [part.strip() for part in next(csv.reader([line]))]
    except csv.Error as error:
        raise RecordingError(f"{name}, line {row}: not a row of a CSV file ({error})") from None


def _event(fields: Sequence[str], columns: Mapping[str, int], name: str, row: int) -> Event:
    number = columns.get("confidence", len(fields))
    try:
        onset, offset = float(fields[columns["start_time"]]), float(fields[columns["stop_time"]])
        confidence = float(fields[number] or "nan") if number < len(fields) else math.nan
        label, channel = fields[columns["label"]], fields[columns["channel"]]
    except (IndexError, ValueError):
        raise RecordingError(
            f"{name}, line {row}: not a row of channel,start_time,stop_time,label"
        ) from None
    if not label or not (math.isfinite(onset) and math.isfinite(offset)):
        raise RecordingError(f"{name}, line {row}: a label or a time is missing")
    if offset < onset and label.lower() != BACKGROUND:
        raise RecordingError(
            f"{name}, line {row}: event ends ({offset:g} s) before it starts ({onset:g} s)"
        )
    return Event(channel, onset, offset, label, confidence, row)


def _duration(value: str) -> float | None:
    try:
        return float(value.replace("secs", "").replace("sec", ""))
    except ValueError:
        return None  # only informative: the length is that of the recording
