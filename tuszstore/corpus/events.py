"""Which samples of a recording an annotated event marks, and with which class."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuszstore.config import Labels
from tuszstore.corpus.annotations import BACKGROUND, IGNORED, Annotation, Event
from tuszstore.errors import RecordingError
from tuszstore.store.labels import UNLABELLED

NOT_COUNTED = "not counted as seizures, but named like some"
"""How the warning begins that events named like seizures are background."""

_SEIZURE = re.compile(
    r"seiz|\bsz|_sz|sz\d*\b|sz_|(?<![a-z])ictal|convuls|epilep(?!tiform)|tonic|clonic|absence|spasm"
    r"|anfall|krampf|\bcris[ei]|_cris[ei]|(?<![a-z])(?:fb?tcs?|gtcs?|f-?btc|fia|fa)(?![a-z])"
)
"""What stands in names of seizure classes, in lower case."""

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
        First sample, and the one after the last, within the recording; equal for an event that
        marks none.
    bit : ndarray of uint16, shape (event,)
        Label bit of the event's class; 0 for a class that is taken as background, and that of
        unlabelled samples for one that is to be ignored.
    notes : tuple of str
        What was clipped or dropped.
    """

    events: tuple[Event, ...]
    first: NDArray[np.int64]
    stop: NDArray[np.int64]
    bit: NDArray[np.uint16]
    notes: tuple[str, ...]


def mark_events(
    annotation: Annotation, n_samples: int, sfreq: float, config: Labels
) -> MarkedEvents:
    """Convert events from seconds to samples, within the recording.

    With ``rounding: outward`` an event marks every sample that it touches, so that one shorter
    than a sample is not lost; ``truncate`` marks ``[int(onset * sfreq), int(offset * sfreq))``.

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
        If an event's class is unknown, and ``unknown`` is ``leave_out``.
    """
    events = annotation.events
    ends = [_samples(event, sfreq, config.rounding) for event in events]
    raw_first = np.array([first for first, _ in ends], np.int64).reshape(-1)
    raw_stop = np.array([stop for _, stop in ends], np.int64).reshape(-1)
    first = raw_first.clip(0, n_samples)
    stop = np.maximum(raw_stop.clip(0, n_samples), first)
    notes = []
    for count, what in (
        (((raw_stop > n_samples) & (raw_first < n_samples)).sum(), "cut at the recording's end"),
        ((raw_first >= n_samples).sum(), "past the recording's end dropped"),
        (((raw_first < 0) & (raw_stop > 0)).sum(), "cut at the recording's start"),
        (((raw_first < 0) & (raw_stop <= 0)).sum(), "before the recording's start dropped"),
        ((raw_stop == raw_first).sum(), "without duration, marking no sample"),
    ):
        if count:
            notes.append(f"{count} event{'s' if count > 1 else ''} {what}")
    bits = np.array([_bit(event, config) for event in events], np.uint16).reshape(-1)
    if ignored := sorted({e.label for e, bit in zip(events, bits, strict=True) if bit == 0}):
        notes.append(f"taken as background: {', '.join(ignored)}")
    if left := sorted({e.label for e, bit in zip(events, bits, strict=True) if bit == UNLABELLED}):
        notes.append(f"neither seizure nor background: {', '.join(left)}")
    return MarkedEvents(events, first, stop, bits, tuple(notes))


def _samples(event: Event, sfreq: float, rounding: str) -> tuple[int, int]:
    # far outside any recording, but still within an int64 after multiplication
    onset, offset = (min(max(time, -1e9), 1e9) for time in (event.onset, event.offset))
    if rounding == "truncate":
        return int(onset * sfreq), int(offset * sfreq)
    # 0.29 s at 100 Hz is 28.999... samples in floating point
    first = math.floor(round(onset * sfreq, 6))
    if offset == onset:
        return first, first
    return first, max(first + 1, math.ceil(round(offset * sfreq, 6)))


def _bit(event: Event, config: Labels) -> int:
    label, classes = event.label, list(config.classes)
    if config.ignore_case:
        label, classes = label.lower(), [name.lower() for name in classes]
    if label in classes:
        return 1 << classes.index(label)
    if event.meaning in config.classes:
        return 1 << config.classes.index(event.meaning)
    if event.meaning == IGNORED:
        return UNLABELLED
    if config.unknown == "background" or event.meaning == BACKGROUND:
        return 0
    raise RecordingError(
        f"annotation, row {event.row}: unknown event class {event.label!r}; "
        f"{_way_out(event, config)}"
    )


def _way_out(event: Event, config: Labels) -> str:
    if event.label.lower() in (name.lower() for name in config.classes):
        return "it is known in other letters: set labels.ignore_case to true"
    if len(event.label.split()) != 1:
        return "a class must be one word: give it another name in the annotation file"
    if looks_like_seizure(event.label):
        return (
            "it looks like a seizure: if it is one, add it to labels.classes and to "
            "labels.seizure; in labels.classes alone it does not count as one"
        )
    return (
        "if it is a seizure, add it to labels.classes and to labels.seizure; if not, add it to "
        "labels.classes alone, or set labels.unknown to 'background'"
    )


def looks_like_seizure(label: str) -> bool:
    """Return whether the name of an event class looks like that of a seizure.

    >>> [looks_like_seizure(name) for name in ("sz_foc_ia", "Seizure", "ictal", "FBTCS")]
    [True, True, True, True]
    >>> [looks_like_seizure(name) for name in ("artf", "postictal", "no seizure", "nesz")]
    [False, False, False, False]

    Parameters
    ----------
    label : str
        As annotated. ``nesz`` is no seizure: TUSZ's non-epileptic one.
    """
    name = label.casefold()
    if name == "nesz" or denies_seizure(name):
        return False
    return bool(_SEIZURE.search(name))


def denies_seizure(label: str) -> bool:
    """Return whether a text says that there is no seizure, such as ``seizure-free``."""
    return bool(_NO_SEIZURE.search(label.casefold()))


def not_counted(events: Iterable[tuple[str, int]], config: Labels) -> set[str]:
    """Return the classes of events that look like seizures and do not count as such.

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
    """Return the warning for a build's summary, if there is anything to warn of.

    Parameters
    ----------
    classes : iterable of iterable of str
        For each recording, what :func:`not_counted` gives.
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
