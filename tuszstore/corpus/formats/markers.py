"""From timed texts to spans: words for the start or end of a seizure, or for one with a duration.

EDF+ annotations and the rows of BIDS events are free text. A user defines their meaning in
patterns.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tuszstore.corpus.formats.text import check_order, shown
from tuszstore.errors import AnnotationError
from tuszstore.patterns import matcher


@dataclass(frozen=True)
class Marker:
    """A text with a time.

    Attributes
    ----------
    onset : float
        Seconds from the first sample of the recording; may be negative.
    duration : float or None
        None if not given.
    text : str
    line : int
        Line or data record in the file, counted from 1.
    """

    onset: float
    duration: float | None
    text: str
    line: int


@dataclass(frozen=True)
class Span:
    """A stretch of a recording.

    Attributes
    ----------
    onset : float
        Seconds from the first sample.
    offset : float or None
        None if the end is not known.
    label : str
        Text of the marker that starts it.
    line : int
        Line of that marker.
    """

    onset: float
    offset: float | None
    label: str
    line: int


@dataclass(frozen=True)
class Spans:
    """The spans of markers.

    Attributes
    ----------
    spans : tuple of Span
        By onset.
    notes : tuple of str
        What was clipped or dropped because it is before the recording.
    """

    spans: tuple[Span, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Patterns:
    """Patterns of texts, as for :func:`tuszstore.patterns.matcher`.

    Attributes
    ----------
    starts, ends : tuple of str
        Texts at which a span begins and at which it ends.
    spans : tuple of str
        Texts with a duration, each its own span, except starts and ends.
    """

    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()


def spans_of(
    markers: Iterable[Marker],
    patterns: Patterns,
    name: str,
    *,
    open_end: bool = False,
    unit: str = "line",
) -> Spans:
    """Pair starts with ends, and take spans as they are; other texts are ignored.

    Parameters
    ----------
    markers : iterable of Marker
        In any order; those at the same time keep theirs.
    patterns : Patterns
    name : str
        Name of the file, for messages.
    open_end : bool
        Whether the last start without an end, and a span without a duration, is a span whose end
        is unknown, not an error; so is each start, if there are no patterns for ends.
    unit : str
        What :attr:`Marker.line` counts, for messages.

    Raises
    ------
    AnnotationError
        If a text is of two kinds, two starts or two ends follow each other, or one is unpaired.
    ValueError
        If a pattern is invalid.
    """
    kinds = {
        "start": matcher(patterns.starts),
        "end": matcher(patterns.ends),
        "span": matcher(patterns.spans),
    }
    found: list[Span] = []
    start: Marker | None = None

    def error(marker: Marker, reason: str) -> AnnotationError:
        return AnnotationError.at(name, marker.line, reason, unit)

    def without_end(marker: Marker) -> None:
        if not open_end:
            raise error(marker, f"{shown(marker.text)} at {marker.onset:g} s has no end")
        found.append(Span(marker.onset, None, marker.text, marker.line))

    for marker in sorted(markers, key=lambda one: one.onset):
        text = marker.text.strip()
        kind = [kind for kind, meets in kinds.items() if meets(text)]
        if kind[1:] and kind[-1] == "span":
            kind.pop()  # such as "sz onset", which also matches sz*
        if len(kind) > 1:
            raise error(marker, f"{shown(text)} matches patterns of a {kind[0]} and of a {kind[1]}")
        if kind == ["start"]:
            if start is not None:
                if patterns.ends or not open_end:
                    raise error(
                        marker,
                        f"second start ({shown(text)}), but that at {start.onset:g} s has no end",
                    )
                without_end(start)
            start = marker
        elif kind == ["end"]:
            if start is None:
                raise error(marker, f"{shown(text)} at {marker.onset:g} s has no start before it")
            found.append(Span(start.onset, marker.onset, start.text, start.line))
            start = None
        elif kind == ["span"]:
            if marker.duration is None:
                without_end(marker)
            else:
                offset = marker.onset + marker.duration
                check_order(marker.onset, offset, name, marker.line)
                found.append(Span(marker.onset, offset, marker.text, marker.line))
    if start is not None:
        without_end(start)
    return within(found)


def within(spans: Iterable[Span]) -> Spans:
    """Return spans by onset, those that begin before the recording clipped or dropped.

    Formats allow that, and samples begin at 0.
    """
    kept, notes = [], []
    for span in sorted(spans, key=lambda one: one.onset):
        if span.onset >= 0:
            kept.append(span)
        elif span.offset is not None and span.offset <= 0:
            notes.append(f"{shown(span.label)} is before the recording: dropped")
        else:
            notes.append(
                f"{shown(span.label)} begins {-span.onset:g} s before the recording: clipped"
            )
            kept.append(Span(0.0, span.offset, span.label, span.line))
    return Spans(tuple(kept), tuple(notes))
