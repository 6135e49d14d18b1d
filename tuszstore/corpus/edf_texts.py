"""Seizures in the texts of EDF+ annotations: ``labels.annotation: edf+``, for any corpus of EDF.

``labels.events`` defines which texts mark the start, the end, or the whole of a seizure;
``labels.map``,
``labels.ignore`` and ``labels.classes`` define other words. All other texts are ignored, unless
they look like a seizure. A file without texts is unlabelled.
"""

import hashlib
from collections.abc import Callable
from functools import partial

from tuszstore.config import Labels
from tuszstore.config.labels import EDF_TEXTS
from tuszstore.corpus.annotations import Annotation, Event, Unlabelled
from tuszstore.corpus.base import Recording
from tuszstore.corpus.events import looks_like_seizure
from tuszstore.corpus.formats.edfplus import read_edf_texts
from tuszstore.corpus.formats.markers import Span
from tuszstore.corpus.formats.text import shown
from tuszstore.corpus.vocabulary import Vocabulary, event_of
from tuszstore.corpus.words import words_of
from tuszstore.errors import AnnotationError
from tuszstore.reasons import plural


def reader_of(labels: Labels) -> Callable[[Recording], Annotation] | None:
    """Return the reader that replaces the corpus's annotation; None if there is none.

    Parameters
    ----------
    labels : Labels
    """
    return partial(read_edf_annotation, labels=labels) if labels.annotation == EDF_TEXTS else None


def read_edf_annotation(recording: Recording, labels: Labels) -> Annotation:
    """Read the seizures in the EDF+ texts of a recording.

    Parameters
    ----------
    recording : Recording
    labels : Labels

    Raises
    ------
    Unlabelled
        If the file has no annotations, or no text in them.
    AnnotationError
        If they cannot be read or paired, or one looks like a seizure and its meaning is undefined.
        It names the file and the data record.
    RecordingError
        If it is not an EDF file.
    """
    name = recording.path.name
    found = read_edf_texts(recording.path)
    if not found.n_signals:
        raise Unlabelled(f"{name}: has no EDF+ annotations")
    markers = list({(m.onset, m.duration, m.text): m for m in reversed(found.markers)}.values())
    markers.reverse()
    if not markers:
        raise Unlabelled(f"{name}: its EDF+ annotations have no text")
    vocabulary, words = Vocabulary(labels.events), words_of(labels)
    told = vocabulary.tell(markers, name, unit="record")
    known, meaningless = [], []
    for span in told.others:
        if words.bit(span.label) is not None:
            known.append(span)
        elif looks_like_seizure(span.label):
            if labels.unknown == "leave_out":
                raise _unknown(span, name)
            known.append(span)
        else:
            meaningless.append(span)
    events: list[Event] = [event_of(span, vocabulary.meaning(span)) for span in told.seizures]
    events += [event_of(span, "") for span in known]
    events.sort(key=lambda event: (event.onset, event.row))
    notes = list(told.notes)
    if repeated := len(found.markers) - len(markers):
        notes.append(f"{plural(repeated, 'EDF+ text')} repeated, used once")
    if not events and not told.background:
        notes.append(f"none of {plural(len(meaningless), 'EDF+ text')} describes a seizure")
    state = repr((events, told.background, notes))
    return Annotation(
        tuple(events), None, hashlib.sha256(state.encode()).hexdigest(), notes=tuple(notes)
    )


def _unknown(span: Span, name: str) -> AnnotationError:
    return AnnotationError.at(
        name,
        span.line,
        f"the text {shown(span.label)} looks like a seizure, but its meaning is undefined: add "
        "a pattern to labels.events (starts, ends, spans, background) or to labels.map, or set "
        "labels.unknown to 'background'",
        unit="record",
    )
