"""Samples of annotated events, and their class."""

import json
import math
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuszstore.config import Labels
from tuszstore.corpus.annotations import (
    BACKGROUND,
    WHOLE_MONTAGE,
    Annotation,
    Event,
    Looked,
    Unlabelled,
)
from tuszstore.corpus.doubts import refuse_doubtful
from tuszstore.corpus.words import Words, words_of
from tuszstore.errors import RecordingError
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.raters import RULES, counting, decide_recording, is_decided_by_one
from tuszstore.text import printable

NOT_LOOKED = "unlabelled"
"""Class of samples that a rater did not review, or on which no rater decided."""

NOT_COUNTED = "not counted as seizures, but named like seizures"
"""How the warning begins that events named like seizures are background."""

_SEIZURE = re.compile(
    r"seiz|\bsz|_sz|sz\d*\b|sz_|(?<![a-z])ictal|convuls|epilep(?!tiform)|tonic|clonic|absence|spasm"
    r"|anfall|krampf|\bcris[ei]|_cris[ei]|(?<![a-z])(?:fb?tcs?|gtcs?|f-?btc|fia|fa)(?![a-z])"
)
"""Parts of names of seizure classes, in lower case."""

_KINDS = (
    ("absence", "absz"),
    ("myoclon", "mysz"),
    ("tonic.?clonic", "tcsz"),
    ("atonic", "atsz"),
    ("tonic", "tnsz"),
    ("clonic", "cnsz"),
    ("focal|partial", "fnsz"),
    ("general", "gnsz"),
)
"""Parts of names of seizures, and the class of TUSZ that a message proposes."""

_NO_SEIZURE = re.compile(
    r"(?<![a-z])(?:no|non|not|without|pre|post|peri|inter)[\W_]*(?:an?[\W_]+)?(?:seiz|sz|ictal)"
    r"|(?:seiz\w*?|sz)[\W_]*free"
)


@dataclass(frozen=True)
class MarkedEvents:
    """The events of a recording, in its samples.

    Attributes
    ----------
    events : tuple of Event
        As annotated.
    first, stop : ndarray of int64, shape (event,)
        First sample, and the one after the last, within the recording; equal if the event
        marks none.
    bit : ndarray of uint16, shape (event,)
        The bit that it sets in the labels: that of its class, or of unlabelled samples; 0 for
        background, and for an event of a rater who does not alone decide the labels.
    class_bit : ndarray of uint16, shape (event,)
        The bit of its word, whichever rater decides.
    notes : tuple of str
        What was clipped or dropped.
    raters : tuple of str
        Who reviewed the recording.
    labelled : bool
        Whether a rater who counts reviewed it.
    """

    events: tuple[Event, ...]
    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    bit: NDArray[np.uint16]
    class_bit: NDArray[np.uint16]
    notes: tuple[str, ...] = ()
    raters: tuple[str, ...] = ("",)
    labelled: bool = True


_NO_SAMPLES = np.empty(0, np.int64)
_NO_BITS = np.empty(0, np.uint16)

NOTHING_MARKED = MarkedEvents((), _NO_SAMPLES, _NO_SAMPLES, _NO_BITS, _NO_BITS)
"""Of a recording in which an unnamed rater found no event."""


def mark_events(
    annotation: Annotation, n_samples: int, sfreq: float, config: Labels
) -> MarkedEvents:
    """Convert events from seconds to samples within the recording, and decide which raters count.

    With ``rounding: outward`` an event marks every sample that it touches, so that one shorter
    than a sample is not lost; ``truncate`` marks ``[int(onset * sfreq), int(offset * sfreq))``.

    What a rater did not review is an event of that rater, of the class :data:`NOT_LOOKED`. If the
    labels are not the events of one rater, the decision follows as events with the rule as rater:
    setting the bits of all events gives the labels (:mod:`tuszstore.store.raters`).

    Parameters
    ----------
    annotation : Annotation
    n_samples : int
        Length of the recording at `sfreq`.
    sfreq : float
        Sampling rate of the store (Hz).
    config : Labels

    Raises
    ------
    RecordingError
        With the setting ``leave_out``: if no rater who counts reviewed it (``unlabelled``;
        :class:`Unlabelled`), an event's class is unknown (``unknown``), its end is unknown
        (``open_end``), or an event is impossible (``suspicious``).
    """
    events = tuple(e for e in annotation.events if e.label.lower() != BACKGROUND)
    nobody_named = annotation.raters == ("",) and config.rater in RULES
    if nobody_named and not events and not annotation.looked:
        return NOTHING_MARKED  # most recordings of most corpora
    refuse_doubtful(events, n_samples / sfreq, config, annotation.file, annotation.outside)
    ends = [_samples(event, sfreq, config) for event in events]
    raw_first = np.array([first for first, _ in ends], np.int64).reshape(-1)
    raw_stop = np.array([stop for _, stop in ends], np.int64).reshape(-1)
    first = raw_first.clip(0, n_samples)
    stop = np.maximum(raw_stop.clip(0, n_samples), first)
    is_open = [math.isnan(event.offset) for event in events]
    notes = []
    for count, what in (
        (((raw_stop > n_samples) & (raw_first < n_samples)).sum(), "cut at the recording's end"),
        ((raw_first >= n_samples).sum(), "past the recording's end dropped"),
        (((raw_first < 0) & (raw_stop > 0)).sum(), "cut at the recording's start"),
        (((raw_first < 0) & (raw_stop <= 0)).sum(), "before the recording's start dropped"),
        ((raw_stop == raw_first).sum(), "without duration, marking no samples"),
        (sum(is_open), f"without an end, taken as {_seconds(config)} s long"),
    ):
        if count:
            notes.append(f"{count} event{'s' if count > 1 else ''} {what}")
    words = words_of(config)
    bits = np.array(
        [_bit(event, words, config, annotation.file) for event in events], np.uint16
    ).reshape(-1)
    for bit, told in ((0, "taken as background"), (UNLABELLED, "neither seizure nor background")):
        if found := sorted({e.label for e, b in zip(events, bits, strict=True) if b == bit}):
            notes.append(f"{told}: {', '.join(found)}")
    marked = MarkedEvents(events, first, stop, bits, bits, tuple(notes), annotation.raters)
    return _decided(_with_gaps(marked, annotation.looked, n_samples, sfreq, config), sfreq, config)


def _with_gaps(
    marked: MarkedEvents,
    looked: Iterable[Looked],
    n_samples: int,
    sfreq: float,
    config: Labels,
) -> MarkedEvents:
    """Add an event for each stretch that a rater did not review."""
    seen: dict[str, list[tuple[int, int]]] = {}
    for one in looked:
        event = Event(WHOLE_MONTAGE, one.onset, one.offset, NOT_LOOKED, math.nan, 0)
        seen.setdefault(one.rater, []).append(_samples(event, sfreq, config))
    gaps = []
    for rater, stretches in seen.items():
        at = 0
        for first, stop in [*sorted(stretches), (n_samples, n_samples)]:
            until = min(first, n_samples)
            if until > at:
                gaps.append((rater, at, until))
            at = max(at, stop)
    return _added(marked, [(*gap, NOT_LOOKED, UNLABELLED) for gap in gaps], sfreq)


def _added(
    marked: MarkedEvents, rows: Sequence[tuple[str, int, int, str, int]], sfreq: float
) -> MarkedEvents:
    """Append events, given as rater, first and last sample, class and bit."""
    if not rows:
        return marked
    made = tuple(
        Event(WHOLE_MONTAGE, first / sfreq, stop / sfreq, label, math.nan, 0, rater)
        for rater, first, stop, label, _ in rows
    )
    _, first, stop, _, bit = (np.array(column) for column in zip(*rows, strict=True))
    bits = bit.astype(np.uint16)
    return replace(
        marked,
        events=(*marked.events, *made),
        first=np.concatenate([marked.first, first.astype(np.int64)]),
        stop=np.concatenate([marked.stop, stop.astype(np.int64)]),
        bit=np.concatenate([marked.bit, bits]),
        class_bit=np.concatenate([marked.class_bit, bits]),
    )


def _decided(marked: MarkedEvents, sfreq: float, config: Labels) -> MarkedEvents:
    """Keep the bits of events that decide the labels, or add events that do."""
    raters, rule = marked.raters, config.rater
    voters = counting(raters, rule)
    if raters and not voters and config.unlabelled == "leave_out":
        names = ", ".join(map(printable, filter(None, raters))) or "an unnamed rater"
        raise Unlabelled(f"{printable(rule)} (labels.rater) did not review it, but {names} did")
    owner = [event.rater for event in marked.events]
    if is_decided_by_one(marked.bit, raters, rule):
        counts = np.array([rater in voters for rater in owner], bool)
        bit = np.where(counts, marked.bit, np.uint16(0))
        return replace(marked, bit=bit, labelled=bool(voters))
    first, stop, bit = decide_recording(
        marked.first, marked.stop, marked.class_bit, owner, raters, rule
    )
    rows = []
    classes = {**{1 << k: name for k, name in enumerate(config.classes)}, UNLABELLED: NOT_LOOKED}
    for mask, class_ in classes.items():
        has = (bit & mask) > 0
        rows += [(rule, a, b, class_, mask) for a, b in _touching(first[has], stop[has])]
    none = np.zeros_like(marked.bit)
    return _added(replace(marked, bit=none), sorted(rows, key=lambda row: row[1:3]), sfreq)


def _touching(first: NDArray[np.int64], stop: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield sorted spans, merging those that touch."""
    begins = np.append(True, first[1:] != stop[:-1])[: len(first)]
    ends = np.append(begins[1:], True)[: len(first)]
    yield from zip(first[begins].tolist(), stop[ends].tolist(), strict=True)


def _seconds(config: Labels) -> str:
    return config.open_end if isinstance(config.open_end, str) else f"{config.open_end:g}"


def _samples(event: Event, sfreq: float, config: Labels) -> tuple[int, int]:
    end = event.offset
    if math.isnan(end) and config.open_end != "leave_out":
        end = event.onset + config.open_end
    # far outside any recording, but still within int64 after multiplication
    onset, offset = (min(max(time, -1e9), 1e9) for time in (event.onset, end))
    if config.rounding == "truncate":
        return int(onset * sfreq), int(offset * sfreq)
    # 0.29 s at 100 Hz is 28.999... samples in floating point
    first = math.floor(round(onset * sfreq, 6))
    if offset == onset:
        return first, first
    return first, max(first + 1, math.ceil(round(offset * sfreq, 6)))


def _bit(event: Event, words: Words, config: Labels, file: str) -> int:
    bit = words.bit(event.label, event.meaning)
    if bit is not None:
        return bit
    if config.unknown == "background":
        return 0
    raise RecordingError(
        f"{file or 'annotation'}, line {event.row}: unknown "
        f"{'event class' if len(event.label.split()) == 1 else 'annotated text'} "
        f"{event.label!r}; {_way_out(event, config)}"
    )


def _way_out(event: Event, config: Labels) -> str:
    if event.label.lower() in (name.lower() for name in config.classes):
        return "it is known in another case: set labels.ignore_case to true"
    if len(event.label.split()) != 1:
        return f"map it to a class, or to bckg, such as {_mapping(event.label, config)}"
    if looks_like_seizure(event.label):
        return (
            "it looks like a seizure: if it is one, add it to labels.classes and to "
            "labels.seizure; in labels.classes alone it does not count as one. Or map it in "
            f"labels.map to a class, such as {_mapping(event.label, config)}"
        )
    return (
        "if it is a seizure, add it to labels.classes and to labels.seizure; if not, add it to "
        "labels.classes alone, map it in labels.map, leave its samples unlabelled "
        "(labels.ignore), or set labels.unknown to 'background'"
    )


def _mapping(label: str, config: Labels) -> str:
    """Return the option that maps a word, beside those that are mapped, to a class of its kind."""
    class_ = BACKGROUND
    if looks_like_seizure(label):
        likely = (name for part, name in _KINDS if re.search(part, label.casefold()))
        known = (name for name in likely if name in config.seizure)
        class_ = next(known, config.seizure[0])
    pairs = {**config.map, label: class_}.items()
    told = ", ".join(f"{json.dumps(word, ensure_ascii=False)}: {name}" for word, name in pairs)
    return f"--set {shlex.quote(f'labels.map={{{told}}}')}"


def looks_like_seizure(label: str) -> bool:
    """Return whether the name of an event class looks like that of a seizure.

    >>> [looks_like_seizure(name) for name in ("sz_foc_ia", "Seizure", "ictal", "FBTCS")]
    [True, True, True, True]
    >>> [looks_like_seizure(name) for name in ("artf", "postictal", "no seizure", "nesz")]
    [False, False, False, False]

    Parameters
    ----------
    label : str
        As annotated. ``nesz``, TUSZ's non-epileptic seizure, does not count.
    """
    name = label.casefold()
    if name == "nesz" or denies_seizure(name):
        return False
    return bool(_SEIZURE.search(name))


def denies_seizure(label: str) -> bool:
    """Return whether a text states the absence of seizures, such as ``seizure-free``."""
    return bool(_NO_SEIZURE.search(label.casefold()))


def not_counted(events: Iterable[tuple[str, int]], config: Labels) -> set[str]:
    """Return the classes of events that look like seizures but do not count as seizures.

    Parameters
    ----------
    events : iterable of (str, int)
        Class of each event, as annotated, and its label bit.
    config : Labels
    """
    counted = config.seizure_bits | UNLABELLED
    uncounted = {label for label, bit in events if not bit & counted}
    return {label for label in uncounted if looks_like_seizure(label)}


def warn_not_counted(classes: Iterable[Iterable[str]]) -> list[str]:
    """Return the warning for a build's summary, if any.

    Parameters
    ----------
    classes : iterable of iterable of str
        For each recording, the result of :func:`not_counted`.
    """
    found = Counter(name for group in classes for name in set(group))
    if not found:
        return []
    told = ", ".join(
        f"{name!r:.40} in {n} recording{'s' if n > 1 else ''}" for name, n in sorted(found.items())
    )
    return [
        f"{NOT_COUNTED}: {told}; if they are seizures, add them to labels.classes and "
        "labels.seizure"
    ]
