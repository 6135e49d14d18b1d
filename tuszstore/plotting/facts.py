"""The figures of a store, from its tables alone: no signal is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.api import Store
from tuszstore.plotting.spans import Span, by_class, event_spans, merge
from tuszstore.reasons import Reason, all_notes, group_reasons
from tuszstore.sampling.columns import category_counts


@dataclass(frozen=True)
class Share:
    """Some of a store's recordings: those of a patient, of a montage, or all.

    Attributes
    ----------
    name : str
    patients, recordings : int
    hours : float
    seizures : int
        Stretches without a gap in which any channel was annotated with a seizure class.
    seizure_hours : float
        Their duration.
    windows : dict of str to int
        By category; ``unlabelled`` only where there are any.
    """

    name: str
    patients: int
    recordings: int
    hours: float
    seizures: int
    seizure_hours: float
    windows: dict[str, int]

    @property
    def n_windows(self) -> int:
        """Windows of all categories."""
        return sum(self.windows.values())


@dataclass(frozen=True)
class EventClass:
    """The annotated events of one class.

    Attributes
    ----------
    name : str
    seizure : bool
        Whether it counts as seizure.
    events : int
        Stretches without a gap in which any channel was annotated with it.
    hours : float
        Their duration.
    median_seconds : float
        Of a stretch.
    patients, recordings : int
        That have one.
    """

    name: str
    seizure: bool
    events: int
    hours: float
    median_seconds: float
    patients: int
    recordings: int


@dataclass(frozen=True)
class Facts:
    """The figures of a store.

    Attributes
    ----------
    total : Share
    classes : list of EventClass
        Those with the most hours first.
    patients, montages, rates : list of Share
        By patient, montage and sampling rate of the source, those with the most hours first.
    unlabelled_hours : float
        Of recordings without annotation.
    left_out, notes : list of Reason
        The most frequent first, what failed before all others.
    noted : int
        Recordings with notes or interpolated channels.
    """

    total: Share
    classes: list[EventClass]
    patients: list[Share]
    montages: list[Share]
    rates: list[Share]
    unlabelled_hours: float
    left_out: list[Reason]
    notes: list[Reason]
    noted: int


def gather(store: Store) -> Facts:
    """Return the figures of a store.

    Parameters
    ----------
    store : Store
    """
    counter = _Counter(store)
    recordings, left_out = store.recordings, store.left_out
    ids = recordings["id"].values
    hours = recordings["n_samples"].values / store.sfreq / 3600
    told = all_notes(recordings["notes"].values, recordings["interpolated"].values, store.channels)
    notes = [
        ("", note, id_)
        for id_, text in zip(ids, told, strict=True)
        for note in filter(None, text.split("; "))
    ]
    columns = (left_out[name].values for name in ("kind", "reason", "id"))
    rates = [f"{rate:g} Hz" for rate in recordings["source_sfreq"].values]
    return Facts(
        total=counter.share("all", np.arange(len(ids))),
        classes=_classes(counter.spans, recordings["patient"].values, store.sfreq),
        patients=counter.by(recordings["patient"].values),
        montages=counter.by(recordings["montage"].values),
        rates=counter.by(np.array(rates, object)),
        unlabelled_hours=float(hours[recordings["annotation_digest"].values == ""].sum()),
        left_out=group_reasons(zip(*columns, strict=True)),
        notes=group_reasons(notes),
        noted=sum(map(bool, told)),
    )


def total(store: Store) -> Share:
    """Return the figures of all recordings of a store.

    Parameters
    ----------
    store : Store
    """
    return _Counter(store).share("all", np.arange(store.recordings.sizes["recording"]))


class _Counter:
    """Counts what some recordings hold."""

    def __init__(self, store: Store) -> None:
        recordings = store.recordings
        self.spans = event_spans(store)
        self._sfreq = store.sfreq
        self._patients = recordings["patient"].values
        self._samples = recordings["n_samples"].values
        self._first = recordings["first_window"].values
        self._stop = self._first + recordings["n_windows"].values
        self._category = store.index["category"].values
        seizures: dict[int, list[Span]] = {}
        for span in self.spans:
            if span.seizure:
                seizures.setdefault(span.recording, []).append(span)
        self._seizures = {row: merge(spans) for row, spans in seizures.items()}

    def share(self, name: str, rows: NDArray[Any]) -> Share:
        seizures = [span for row in rows.tolist() for span in self._seizures.get(row, [])]
        windows = [self._category[self._first[row] : self._stop[row]] for row in rows]
        return Share(
            name=name,
            patients=len(set(self._patients[rows])),
            recordings=len(rows),
            hours=float(self._samples[rows].sum()) / self._sfreq / 3600,
            seizures=len(seizures),
            seizure_hours=sum(stop - start for start, stop in seizures) / self._sfreq / 3600,
            windows=category_counts(np.concatenate([np.zeros(0, np.int8), *windows])),
        )

    def by(self, column: NDArray[Any]) -> list[Share]:
        names = sorted(set(column))
        shares = [self.share(str(name), np.flatnonzero(column == name)) for name in names]
        return sorted(shares, key=lambda share: -share.hours)


def _classes(spans: Sequence[Span], patients: NDArray[Any], sfreq: float) -> list[EventClass]:
    classes = []
    for name, members in by_class(spans).items():
        by_recording: dict[int, list[Span]] = {}
        for span in members:
            by_recording.setdefault(span.recording, []).append(span)
        seconds = [
            (stop - start) / sfreq
            for own in by_recording.values()
            for start, stop in merge(own)
        ]  # fmt: skip
        classes.append(
            EventClass(
                name=name,
                seizure=members[0].seizure,
                events=len(seconds),
                hours=sum(seconds) / 3600,
                median_seconds=median(seconds),
                patients=len({patients[row] for row in by_recording}),
                recordings=len(by_recording),
            )
        )
    return sorted(classes, key=lambda entry: -entry.hours)
