"""Meaning of timed texts of a recording, by the words of ``labels.events``.

Rows of BIDS and texts of EDF+ are free text: a start and an end of a seizure, a seizure with its
duration, annotated background, and anything else.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tuszstore.config.events import EventWords
from tuszstore.corpus.annotations import WHOLE_MONTAGE, Event
from tuszstore.corpus.events import denies_seizure
from tuszstore.corpus.formats.markers import Marker, Patterns, Span, spans_of, within
from tuszstore.corpus.words import KNOWN
from tuszstore.patterns import matcher

SEIZURE = "seiz"
"""Class of a seizure for which a corpus gives no class, or one in its own words."""


@dataclass(frozen=True)
class Told:
    """Meaning of texts.

    Attributes
    ----------
    seizures : tuple of Span
        By onset. The offset is None if the end is unknown.
    background : int
        Number of texts that mean background.
    others : tuple of Span
        All other texts; the offset is None without a duration.
    notes : tuple of str
        What was clipped or dropped.
    """

    seizures: tuple[Span, ...]
    background: int
    others: tuple[Span, ...]
    notes: tuple[str, ...]


class Vocabulary:
    """The words of ``labels.events``.

    Parameters
    ----------
    words : EventWords, optional
    """

    def __init__(self, words: EventWords | None = None) -> None:
        self.words = words or EventWords()
        self._patterns = Patterns(self.words.starts, self.words.ends, self.words.spans)
        self._is_marker = matcher((*self.words.starts, *self.words.ends))
        self._is_span = matcher(self.words.spans)
        self._is_background = matcher(self.words.background)
        self._is_known = matcher(KNOWN)

    def meaning(self, seizure: Span) -> str:
        """Return what the word of a seizure means; empty for words of public corpora.

        Those have their own classes (:data:`tuszstore.corpus.words.KNOWN`).
        """
        label = seizure.label.strip()
        return "" if self._is_known(label) and not self._is_marker(label) else SEIZURE

    def tell(self, markers: Iterable[Marker], name: str, *, unit: str = "line") -> Told:
        """Sort texts by their meaning.

        Parameters
        ----------
        markers : iterable of Marker
        name : str
            Name of the file, for messages.
        unit : str
            What a marker's line counts, for messages.

        Raises
        ------
        AnnotationError
            If starts and ends cannot be paired. It names the line.
        """
        seizures: list[Marker] = []
        others: list[Span] = []
        background = 0
        for marker in markers:
            text = marker.text.strip()
            if self._is_background(text):
                background += 1
            elif self._is_marker(text) or (self._is_span(text) and not denies_seizure(text)):
                seizures.append(marker)
            else:
                others.append(_span(marker))
        found = spans_of(seizures, self._patterns, name, open_end=True, unit=unit)
        rest = within(others)
        return Told(found.spans, background, rest.spans, (*found.notes, *rest.notes))


def event_of(
    span: Span,
    meaning: str,
    *,
    channel: str = WHOLE_MONTAGE,
    confidence: float = float("nan"),
) -> Event:
    """Return the event of a span.

    Parameters
    ----------
    span : Span
    meaning : str
        As :attr:`~tuszstore.corpus.annotations.Event.meaning`.
    channel : str
    confidence : float
    """
    offset = float("nan") if span.offset is None else span.offset
    return Event(channel, span.onset, offset, span.label, confidence, span.line, meaning=meaning)


def _span(marker: Marker) -> Span:
    offset = None if marker.duration is None else marker.onset + marker.duration
    return Span(marker.onset, offset, marker.text.strip(), marker.line)
