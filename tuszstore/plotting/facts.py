"""Statistics of a store, computed from its tables without reading signals."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.plotting.spans import merge_all, span_class
from tuszstore.reasons import Reason, all_notes, group_reasons
from tuszstore.store.categories import CODES, UNLABELLED
from tuszstore.store.raters import decides

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection


@dataclass(frozen=True)
class Share:
    """Statistics of some recordings of a store: those of a patient, of a montage, or all.

    Attributes
    ----------
    name : str
    patients, recordings : int
    hours : float
    seizures : int
        Contiguous stretches in which any channel was annotated with a seizure class.
    seizure_hours : float
        Their duration.
    windows : dict of str to int
        By category; ``unlabelled`` only if there are any.
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
        """Number of windows of all categories."""
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
        Contiguous stretches in which any channel was annotated with it.
    hours : float
        Their duration.
    median_seconds : float
        Median duration of a stretch.
    patients, recordings : int
        Those with such an event.
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
    """Statistics of a store.

    Attributes
    ----------
    total : Share
    classes : list of EventClass
        Those with the most hours first.
    patients, montages, rates : list of Share
        By patient, montage and original sampling rate, those with the most hours first.
    unlabelled_hours : float
        Duration of recordings without annotation (h).
    left_out, notes : list of Reason
        Failures first, then by descending frequency.
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


def gather(store: "WindowCollection") -> Facts:
    """Return the statistics of a store.

    Parameters
    ----------
    store : Store
    """
    counter = _Counter(store)
    recordings, left_out = store.metadata.recordings, store.metadata.left_out
    ids = recordings["id"]
    hours = recordings["n_samples"] / store.sfreq / 3600
    told = all_notes(
        recordings.or_blank("notes"), recordings.or_blank("interpolated"), store.channels
    )
    notes = [
        ("", note, id_)
        for id_, text in zip(ids, told, strict=True)
        for note in filter(None, text.split("; "))
    ]
    columns = (left_out.or_blank(name) for name in ("kind", "reason", "id"))
    rates = [
        "" if np.isnan(rate) else f"{rate:g} Hz" for rate in recordings.or_blank("source_sfreq")
    ]
    return Facts(
        total=counter.all(),
        classes=_classes(counter.events, recordings["patient"], store.sfreq),
        patients=counter.by(recordings["patient"]),
        montages=counter.by(recordings.or_blank("montage")),
        rates=counter.by(np.array(rates, object)),
        unlabelled_hours=float(hours[~recordings["labelled"]].sum()),
        left_out=group_reasons(zip(*columns, strict=True)),
        notes=group_reasons(notes),
        noted=sum(map(bool, told)),
    )


def total(store: "WindowCollection") -> Share:
    """Return the statistics of all recordings of a store.

    Parameters
    ----------
    store : Store
    """
    return _Counter(store).all()


class _Counter:
    """Counts the contents of each recording once, and sums the counts over groups of recordings."""

    def __init__(self, store: "WindowCollection") -> None:
        recordings = store.recordings
        n = recordings.sizes["recording"]
        self.events = _Events(store)
        self._sfreq = store.sfreq
        _, self._patients = np.unique(recordings["patient"].values, return_inverse=True)
        self._samples = recordings["n_samples"].values
        first = recordings["first_window"].values
        self._windows = _count_windows(
            store.index["category"].values, first, first + recordings["n_windows"].values
        )
        seizure = self.events.seizure
        rows, start, stop = merge_all(*(column[seizure] for column in self.events.spans))
        self._seizures = np.bincount(rows, minlength=n)
        self._seizure_samples = np.bincount(rows, stop - start, minlength=n)

    def all(self) -> Share:
        """Return the statistics of all recordings."""
        (share,) = self._shares(["all"], np.zeros(len(self._samples), np.int64))
        return share

    def by(self, column: NDArray[Any]) -> list[Share]:
        """Return the statistics of recordings grouped by a column, most hours first."""
        names, codes = np.unique(column, return_inverse=True)
        shares = self._shares([str(name) for name in names], codes)
        return sorted(shares, key=lambda share: -share.hours)

    def _shares(self, names: list[str], codes: NDArray[Any]) -> list[Share]:
        n = len(names)

        def add(values: NDArray[Any]) -> list[float]:
            added: list[float] = np.bincount(codes, values, n).tolist()
            return added

        n_patients = self._patients.max(initial=-1) + 1
        members = np.unique(codes * n_patients + self._patients) // max(1, n_patients)
        patients, recordings = (np.bincount(c, minlength=n).tolist() for c in (members, codes))
        samples, seizures = add(self._samples), add(self._seizures)
        seizure_samples = add(self._seizure_samples)
        windows = {name: add(counts) for name, counts in self._windows.items()}
        return [
            Share(
                name=name,
                patients=patients[k],
                recordings=recordings[k],
                hours=samples[k] / self._sfreq / 3600,
                seizures=int(seizures[k]),
                seizure_hours=seizure_samples[k] / self._sfreq / 3600,
                windows={
                    category: int(counts[k])
                    for category, counts in windows.items()
                    if counts[k] or category != UNLABELLED
                },
            )
            for k, name in enumerate(names)
        ]


def _count_windows(
    category: NDArray[Any], first: NDArray[Any], stop: NDArray[Any]
) -> dict[str, NDArray[np.int64]]:
    """Return the number of windows of each recording by category, unlabelled ones last."""
    codes = {name: code for name, code in CODES.items() if name != UNLABELLED}
    counts = {}
    until = np.zeros(len(category) + 1, np.int64)
    for name, code in {**codes, UNLABELLED: CODES[UNLABELLED]}.items():
        np.cumsum(category == code, out=until[1:])
        counts[name] = until[stop] - until[first]
    return counts


class _Events:
    """The annotated events that cover at least one sample, as columns.

    Attributes
    ----------
    spans : tuple of ndarray of int64, shape (event,)
        Row of the recording, first sample, and the one after the last.
    names : list of str
        Classes, in order of first occurrence.
    code : ndarray of int64, shape (event,)
        Index of the event's class in `names`.
    seizure : ndarray of bool, shape (event,)
        Whether its class counts as seizure.
    """

    def __init__(self, store: "WindowCollection") -> None:
        spec, events = store.spec, store.events
        start, stop = events["first_sample"].values, events["stop_sample"].values
        bit, class_bit = events["bit"].values, events["class_bit"].values
        marks = np.flatnonzero((stop > start) & decides(bit, class_bit))
        rows = events["recording"].values[marks].astype(np.int64)
        self.spans = rows, start[marks], stop[marks]
        bits = bit[marks]
        self.seizure = (bits & spec.seizure_bits) > 0
        codes: dict[str, int] = {}
        annotated = zip(bits.tolist(), events["class"].values[marks].tolist(), strict=True)
        names = (span_class(bit, name, spec.classes) for bit, name in annotated)
        code = [codes.setdefault(name, len(codes)) for name in names]
        self.code = np.array(code, np.int64)
        self.names = list(codes)


def _classes(events: _Events, patients: NDArray[Any], sfreq: float) -> list[EventClass]:
    classes = []
    order = np.argsort(events.code, kind="stable")
    ends = np.cumsum(np.bincount(events.code, minlength=len(events.names)))
    for name, members in zip(events.names, np.split(order, ends[:-1]), strict=False):
        rows, start, stop = merge_all(*(column[members] for column in events.spans))
        seconds = (stop - start) / sfreq
        own = np.unique(rows)
        classes.append(
            EventClass(
                name=name,
                seizure=bool(events.seizure[members[0]]),
                events=len(seconds),
                hours=float(seconds.sum()) / 3600,
                median_seconds=float(np.median(seconds)),
                patients=len(set(patients[own])),
                recordings=len(own),
            )
        )
    return sorted(classes, key=lambda entry: -entry.hours)
