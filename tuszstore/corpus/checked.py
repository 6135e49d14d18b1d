"""A corpus whose results are checked, so that a faulty plug-in cannot break a build.

An exception of a plug-in, or a result that breaks the protocol, becomes the reason
why one recording is excluded, or an error that names the plug-in if all are affected.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tuszstore.config import RATER_RULES
from tuszstore.corpus.annotations import Annotation, Event, Looked
from tuszstore.corpus.base import (
    Corpus,
    Discovery,
    Files,
    LeftOut,
    Recording,
    Source,
    SourceFacts,
    SourceSignal,
)
from tuszstore.errors import CorpusError, RecordingError, TuszstoreError
from tuszstore.registry import CORPORA

T = TypeVar("T")

MAX_EVENTS = 1_000_000
"""Events of a recording, at most."""

MAX_SIGNALS = 100_000
"""Signals of a recording, at most."""

_MAX_NAME = 4096
_NO_RATER = ",?*\0\n"
_LATEST = 1e10  # s, about three centuries
_CLOCKS = ("real", "surrogate", "none")


class CheckedCorpus:
    """The methods of a corpus, checked.

    Parameters
    ----------
    corpus : Corpus
    name : str
        Registered name.
    annotation : callable, optional
        Reads the annotation of a recording in place of the corpus.
    """

    def __init__(
        self,
        corpus: Corpus,
        name: str,
        annotation: Callable[[Recording], Annotation] | None = None,
    ) -> None:
        self._corpus = corpus
        self._annotation = annotation or (lambda recording: corpus.annotation(recording))
        self.name = name
        self._own = name in CORPORA.builtin  # built-in corpora note what they cut off
        self.version = getattr(corpus, "version", 1)
        self.patient_namespace = str(getattr(corpus, "patient_namespace", ""))
        self.same_samples = getattr(corpus, "same_samples", None)
        self.opposite_samples = getattr(corpus, "opposite_samples", None)

    def recordings(self) -> Discovery:
        """List all recordings.

        Raises
        ------
        CorpusError
            If the plug-in fails, or two recordings have one id.
        """
        found = self._called(CorpusError, "recordings", self._corpus.recordings)
        if not isinstance(found, Discovery) or not all(
            (
                *(isinstance(p, list) for p in (found.recordings, found.left_out, found.notes)),
                isinstance(found.patients_from, str),
                isinstance(found.folder_notes, dict),
            )
        ):
            raise self._wrong(CorpusError, "recordings", "a Discovery", found)
        seen: set[str] = set()
        for recording in found.recordings:
            self._check_recording(CorpusError, "recordings", recording)
            if recording.id in seen:
                raise CorpusError(
                    f"corpus {self.name!r}: two recordings have the id {recording.id!r:.200}"
                )
            seen.add(recording.id)
        for entry in found.left_out:
            if not isinstance(entry, LeftOut):
                raise self._wrong(CorpusError, "recordings", "LeftOut entries", entry)
        return found

    def find(self, id: str) -> Recording:
        """Return a recording by its id."""
        found = self._called(RecordingError, "find", lambda: self._corpus.find(id))
        self._check_recording(RecordingError, "find", found)
        return found

    def files(self, recording: Recording) -> Files:
        """Return the files that determine how a recording is built."""
        found = self._called(RecordingError, "files", lambda: self._corpus.files(recording))
        if not isinstance(found, Files) or not (_is_tuple(found.signal) and found.signal):
            raise self._wrong(RecordingError, "files", "Files with a signal", found)
        if not _is_tuple(found.annotation):
            raise self._wrong(RecordingError, "files", "a tuple of paths", found.annotation)
        for path in (*found.signal, *found.annotation):
            if not isinstance(path, Path):
                raise self._wrong(RecordingError, "files", "paths", path)
        return found

    def facts(self, recording: Recording) -> SourceFacts:
        """Return what is known about a recording without reading its samples."""
        facts = self._called(RecordingError, "facts", lambda: self._corpus.facts(recording))
        if not isinstance(facts, SourceFacts):
            raise self._wrong(RecordingError, "facts", "SourceFacts", facts)
        if not _is_tuple(facts.signals) or not 0 < len(facts.signals) <= MAX_SIGNALS:
            raise self._wrong(RecordingError, "facts", "a tuple of signals", facts.signals)
        for signal in () if self._own else facts.signals:  # built-in corpora are checked by tests
            ok = (
                isinstance(signal, SourceSignal)
                and isinstance(signal.label, str)
                and isinstance(signal.sfreq, Fraction)
                and type(signal.n_samples) is int
                and signal.n_samples >= 0
                and signal.sfreq >= 0
                and isinstance(signal.fault, str)
                and _are_texts(signal.notes)
            )
            if not ok:
                raise self._wrong(
                    RecordingError,
                    "facts",
                    "signals with label, rate (Fraction) and length",
                    signal,
                )
        if not _are_texts(facts.notes):
            raise self._wrong(RecordingError, "facts", "a tuple of texts as notes", facts.notes)
        if (
            not isinstance(facts.clock, str)
            or facts.clock not in _CLOCKS
            or not isinstance(facts.start, datetime | None)
        ):
            raise self._wrong(RecordingError, "facts", "a clock", (facts.clock, facts.start))
        mains = facts.mains
        known = isinstance(mains, int | float) and not isinstance(mains, bool)
        if mains is not None and not (known and 0 < mains < math.inf):
            raise self._wrong(RecordingError, "facts", "a frequency (Hz) or None as mains", mains)
        for name in ("mains_from", "cut_off", "timeline"):
            if not isinstance(text := getattr(facts, name), str):
                raise self._wrong(RecordingError, "facts", f"a text as {name}", text)
        return facts

    def signal(self, recording: Recording, signals: Sequence[int]) -> Source:
        """Read some signals of a recording."""
        source = self._called(
            RecordingError, "signal", lambda: self._corpus.signal(recording, signals)
        )
        volts = getattr(source, "volts", None)
        if not isinstance(source, Source) or not isinstance(volts, np.ndarray):
            raise self._wrong(RecordingError, "signal", "a Source", source)
        if volts.dtype != np.float64 or volts.ndim != 2 or len(volts) != len(signals):
            raise self._wrong(
                RecordingError,
                "signal",
                f"float64 volts of {len(signals)} signals",
                (str(volts.dtype), volts.shape),
            )
        return source

    def annotation(self, recording: Recording) -> Annotation:
        """Return what was annotated."""
        found = self._called(RecordingError, "annotation", lambda: self._annotation(recording))
        if not isinstance(found, Annotation) or not isinstance(found.digest, str):
            raise self._wrong(RecordingError, "annotation", "an Annotation", found)
        if not found.digest:
            raise self._wrong(RecordingError, "annotation", "a digest", found.digest)
        if not _is_tuple(found.events) or len(found.events) > MAX_EVENTS:
            raise self._wrong(RecordingError, "annotation", "a tuple of events", found.events)
        if not (_are_texts(found.notes) and _are_texts(found.raters)):
            raise self._wrong(RecordingError, "annotation", "texts as notes and raters", found)
        for name in ("file", "outside"):
            if not isinstance(text := getattr(found, name), str):
                raise self._wrong(RecordingError, "annotation", f"a text as {name}", text)
        if not isinstance(found.seconds, int | float | None):
            raise self._wrong(RecordingError, "annotation", "a duration", found.seconds)
        self._check_raters(found)
        for event in found.events:
            if _is_plain(event, found.raters):
                continue
            if not isinstance(event, Event) or not (
                _are_texts((event.label, event.channel, event.rater))
            ):
                raise self._wrong(RecordingError, "annotation", "Events", event)
            times = (event.onset, event.offset)
            if not all(isinstance(t, int | float) for t in times) or not (
                abs(event.onset) <= _LATEST
                and (math.isnan(event.offset) or abs(event.offset) <= _LATEST)
            ):
                raise self._wrong(RecordingError, "annotation", "finite times", times)
            if event.offset < event.onset:
                raise self._wrong(RecordingError, "annotation", "an end after each start", times)
            if event.onset < 0 and not self._own:
                raise self._wrong(RecordingError, "annotation", "times not before the start", times)
            if event.rater not in found.raters:
                raise self._wrong(
                    RecordingError, "annotation", f"events of its raters {found.raters}", event
                )
        return found

    def _check_raters(self, found: Annotation) -> None:
        """Reject raters that are invalid, repeated, or named like a rule."""
        raters = found.raters
        if not raters or len(set(raters)) < len(raters):
            raise self._wrong(RecordingError, "annotation", "each rater once", raters)
        for rater in raters:
            if rater in RATER_RULES or not set(rater).isdisjoint(_NO_RATER) or len(rater) > 100:
                raise self._wrong(
                    RecordingError,
                    "annotation",
                    f"raters with names other than {', '.join(RATER_RULES)}, and without , ? or *",
                    rater,
                )
        if not isinstance(found.looked, tuple):
            raise self._wrong(RecordingError, "annotation", "a tuple of Looked", found.looked)
        for one in found.looked:
            if not isinstance(one, Looked) or one.rater not in raters:
                raise self._wrong(RecordingError, "annotation", "Looked of its raters", one)
            times = (one.onset, one.offset)
            if not all(isinstance(t, int | float) for t in times) or not one.onset <= one.offset:
                raise self._wrong(RecordingError, "annotation", "stretches that end later", one)

    def _called(self, kind: type[TuszstoreError], method: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except (TuszstoreError, OSError, MemoryError):
            raise
        except Exception as error:  # a plug-in may raise anything
            raise kind(
                f"corpus {self.name!r}: {method}() failed: {type(error).__name__}: {error}"
            ) from error

    def _check_recording(self, kind: type[TuszstoreError], method: str, recording: Any) -> None:
        texts = ("id", "patient", "folder", "session", "montage", "reference", "corpus")
        if not isinstance(recording, Recording) or not isinstance(recording.path, Path):
            raise self._wrong(kind, method, "a Recording with a path", recording)
        for name in texts:
            value = getattr(recording, name)
            if not isinstance(value, str) or len(value) > _MAX_NAME or "\0" in value:
                raise self._wrong(kind, method, f"text for {name}", value)
        if not recording.id or not recording.patient:
            raise self._wrong(kind, method, "an id and a patient", recording)

    def _wrong(
        self, kind: type[TuszstoreError], method: str, expected: str, found: object
    ) -> TuszstoreError:
        return kind(f"corpus {self.name!r}: {method}() must return {expected}, not {found!r:.120}")


def _is_plain(event: object, raters: tuple[str, ...]) -> bool:
    """Return whether an event is an ordinary one, of which a corpus has millions."""
    return (
        type(event) is Event
        and type(event.onset) is float
        and type(event.offset) is float
        and type(event.label) is str
        and type(event.channel) is str
        and type(event.rater) is str
        and 0 <= event.onset <= event.offset <= _LATEST
        and event.rater in raters
    )


def _is_tuple(value: object) -> bool:
    return isinstance(value, tuple)


def _are_texts(values: object) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, str) for value in values)
