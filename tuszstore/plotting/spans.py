"""Annotated events as spans of time, by class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tuszstore.api import Store


@dataclass(frozen=True)
class Span:
    """What one annotated event marks.

    Attributes
    ----------
    label : str
        Class, as the store writes it; as annotated, where it is taken as background.
    start, stop : int
        First sample, and the one after the last, from the recording's start.
    channel : str
        As annotated.
    seizure : bool
        Whether the class counts as seizure.
    recording : int
        Row of the recordings table.
    """

    label: str
    start: int
    stop: int
    channel: str
    seizure: bool
    recording: int


def event_spans(store: Store, recording: int | None = None) -> list[Span]:
    """Return the spans of a store's events, or of those of one recording, in the table's order.

    Events that mark no sample have none.

    Parameters
    ----------
    store : Store
    recording : int, optional
        Row of the recordings table.
    """
    spec, events = store.spec, store.events
    rows = np.arange(events.sizes["event"])
    if recording is not None:
        rows = rows[events["recording"].values == recording]
    names = ("first_sample", "stop_sample", "bit", "class", "channel", "recording")
    columns = (events[name].values[rows].tolist() for name in names)
    return [
        Span(
            spec.classes[bit.bit_length() - 1] if bit else str(label), first, stop,
            str(channel), bool(bit & spec.seizure_bits), number,
        )
        for first, stop, bit, label, channel, number in zip(*columns, strict=True)
        if stop > first
    ]  # fmt: skip


def merge(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """Return the samples that spans of one recording cover, as disjoint intervals in order.

    Parameters
    ----------
    spans : iterable of Span

    Returns
    -------
    list of (int, int)
        First sample, and the one after the last; between two lies at least one sample.
    """
    merged: list[tuple[int, int]] = []
    for start, stop in sorted((span.start, span.stop) for span in spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def by_class(spans: Sequence[Span]) -> dict[str, list[Span]]:
    """Return spans by their class, in the order in which the classes first come.

    Parameters
    ----------
    spans : sequence of Span
    """
    classes: dict[str, list[Span]] = {}
    for span in spans:
        classes.setdefault(span.label, []).append(span)
    return classes
