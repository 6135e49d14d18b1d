"""``.tse`` and ``.tse_bi`` of TUSZ before version 2: events of the whole montage.

After ``version = tse_v1.0.0``, a row is start, stop, class and probability, and the rows cover the
whole recording, including background.
"""

import re
from dataclasses import dataclass

from tuszstore.corpus.annotations import Event
from tuszstore.corpus.formats.text import check_order, lines_of, number_of, seconds_of, shown
from tuszstore.errors import AnnotationError

VERSION = "tse_v1.0.0"

WHOLE = "TERM"
"""Channel of an event that belongs to the whole montage, as in TUSZ v2."""

_VERSION = re.compile(r"\s*version\s*=(.*)")
_CLASS = re.compile(r"[A-Za-z][\w+-]{0,31}")


@dataclass(frozen=True)
class TseAnnotation:
    """The content of a file.

    Attributes
    ----------
    events : tuple of Event
        All rows, background too, in the order of the file.
    seconds : float
        Where the last one stops: the duration of the recording.
    gaps : tuple of (float, float)
        Stretches before that which no row covers; normally none.
    """

    events: tuple[Event, ...]
    seconds: float
    gaps: tuple[tuple[float, float], ...]


def read_tse(text: str, name: str) -> TseAnnotation:
    """Read a file.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
        If the version is not supported, a row cannot be read or is repeated, or there is none. It
        names the line.
    """
    events: dict[tuple[float, float, str], Event] = {}
    versioned = False
    for number, line in lines_of(text):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not versioned:
            check_version(line, VERSION, name, number)
            versioned = True
            continue
        fields = line.split()
        if len(fields) != 4:
            raise AnnotationError.at(
                name, number, f"not a row of start, stop, class and probability: {shown(line)}"
            )
        onset = seconds_of(fields[0], name, number, "start")
        offset = seconds_of(fields[1], name, number, "stop")
        check_order(onset, offset, name, number)
        label = check_class(fields[2], name, number)
        confidence = probability(fields[3], name, number)
        key = (onset, offset, label)
        if key in events:
            raise AnnotationError.at(name, number, f"the same event as in line {events[key].row}")
        events[key] = Event(
            channel=WHOLE,
            onset=onset,
            offset=offset,
            label=label,
            confidence=confidence,
            row=number,
        )
    if not events:
        raise AnnotationError(f"{name}: has no events" if versioned else f"{name}: is empty")
    found = tuple(events.values())
    return TseAnnotation(found, max(event.offset for event in found), _gaps(found))


def check_version(line: str, version: str, name: str, number: int) -> None:
    """Refuse a first line that does not say the version."""
    match = _VERSION.fullmatch(line)
    if match is None:
        raise AnnotationError.at(
            name, number, f"does not begin with 'version = {version}', but with {shown(line)}"
        )
    if match[1].strip() != version:
        raise AnnotationError.at(
            name, number, f"version {shown(match[1].strip())} is not known, only {version}"
        )


def check_class(field: str, name: str, number: int) -> str:
    """Return the class of an event, a word such as ``fnsz``."""
    if not _CLASS.fullmatch(field):
        raise AnnotationError.at(name, number, f"not a class: {shown(field)}")
    return field


def probability(field: str, name: str, number: int) -> float:
    """Read a number from 0 to 1."""
    value = number_of(field, name, number, "the probability")
    if not 0 <= value <= 1:
        raise AnnotationError.at(name, number, f"the probability is {value:g}, not from 0 to 1")
    return value


def _gaps(events: tuple[Event, ...]) -> tuple[tuple[float, float], ...]:
    gaps = []
    reached = 0.0
    for event in sorted(events, key=lambda one: one.onset):
        if event.onset > reached:
            gaps.append((reached, event.onset))
        reached = max(reached, event.offset)
    return tuple(gaps)
