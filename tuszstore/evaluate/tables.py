"""Tables of the store that predictions contain: windows, recordings, and annotation.

They suffice to map outputs to recordings, to write events and to score them, so
that predictions can be used without their store.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.labels import UNLABELLED

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

Column = NDArray[Any]

OTHER, SEIZURE, IGNORED = 0, 1, 2
"""Kinds of events: background, seizures, and stretches that are not scored."""


class _Table:
    """Columns of equal length; columns of strings have dtype object."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]

    @classmethod
    def of(cls, columns: Mapping[str, Column]) -> Self:
        """Return a table of the required columns, ignoring others."""
        return cls(**{f.name: columns[f.name] for f in fields(cls)})  # type: ignore[arg-type]

    def columns(self) -> dict[str, Column]:
        """Return the columns by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class Windows(_Table):
    """Positions of windows.

    Attributes
    ----------
    recording : ndarray of int32, shape (window,)
        Row of each one's recording.
    start : ndarray of int64, shape (window,)
        First sample, from the recording's start.
    """

    recording: Column
    start: Column


@dataclass(frozen=True)
class Recordings(_Table):
    """Recordings, one a row.

    Attributes
    ----------
    id, patient, session, montage, source_id, raters, timeline : ndarray of str
        As in the store; empty if unknown.
    labelled : ndarray of bool
        Whether it is annotated.
    seconds : ndarray of float64
        Length in the original file, at its own rate.
    n_samples : ndarray of int64
        Length at the store's rate.
    source_start : ndarray of float64
        Where it begins in `source_id` (s).
    patient_time : ndarray of float64
        Start, from that of the timeline's first recording (s); NaN if unknown.
    """

    id: Column
    patient: Column
    session: Column
    montage: Column
    source_id: Column
    raters: Column
    labelled: Column
    seconds: Column
    n_samples: Column
    source_start: Column
    patient_time: Column
    timeline: Column


@dataclass(frozen=True)
class Annotated(_Table):
    """The annotation, one event per row.

    Attributes
    ----------
    recording : ndarray of int32
        Row of each one's recording.
    onset, offset : ndarray of float64
        As annotated (s).
    label, rater : ndarray of str
        Class, and rater; empty if unknown.
    kind : ndarray of int8
        What it makes of the labels: :data:`SEIZURE`, :data:`IGNORED` or :data:`OTHER`, which is
        also that of an event of a rater who does not decide them.
    said : ndarray of int8
        The same, as its rater says it.
    """

    recording: Column
    onset: Column
    offset: Column
    label: Column
    rater: Column
    kind: Column
    said: Column


@dataclass(frozen=True)
class Content:
    """Everything that predictions copy from a store or a view.

    Attributes
    ----------
    windows : Windows
    recordings : Recordings
    annotated : Annotated
    window, stride : int
        Samples of a window, and between the starts of two.
    sfreq : float
        Rate of samples (Hz).
    spec : dict
        As the store has it.
    identity : dict of str to str
        Digests of what predictions belong to.
    """

    windows: Windows
    recordings: Recordings
    annotated: Annotated
    window: int
    stride: int
    sfreq: float
    spec: dict[str, Any]
    identity: dict[str, str]

    @classmethod
    def of(cls, source: "WindowCollection") -> Self:
        """Return the tables and metadata of a store or a view."""
        spec = source.spec
        windows = Windows(
            np.asarray(source.index["recording"].values, np.int32),
            np.rint(source.index["start_time"].values * spec.sfreq).astype(np.int64),
        )
        recordings = _recordings(source)
        return cls(
            windows,
            recordings,
            _annotated(source),
            spec.window,
            spec.stride,
            float(spec.sfreq),
            spec.to_json(),
            {
                "spec": spec.digest,
                "recordings": recordings_digest(source),
                "windows": _digest(windows.recording.tobytes(), windows.start.tobytes()),
            },
        )


def recordings_digest(source: "WindowCollection") -> str:
    """Return a hash of the recordings of a store or a view, and of their signals."""
    table = source.recordings
    rows = [table[name].values.tolist() for name in ("id", "signal_digest", "label_digest")]
    return _digest(json.dumps(rows).encode())


def _recordings(source: "WindowCollection") -> Recordings:
    table, sfreq = source.recordings, source.spec.sfreq
    n_samples = np.asarray(table["n_samples"].values, np.int64)
    columns = {
        name: np.asarray(table[name].values if name in table else [""] * len(n_samples), object)
        for name in ("id", "patient", "session", "montage", "raters", "timeline")
    }
    seconds = n_samples / sfreq
    if {"source_samples", "source_sfreq"} <= set(table):
        samples, rate = table["source_samples"].values, table["source_sfreq"].values
        told = (samples > 0) & (rate > 0)
        seconds[told] = samples[told] / rate[told]
    nothing = np.full(len(n_samples), np.nan)
    starts = table["source_start"].values if "source_start" in table else np.zeros(len(n_samples))
    times = table["patient_time"].values if "patient_time" in table else nothing
    sources = table["source_id"].values if "source_id" in table else columns["id"]
    return Recordings(
        **columns,
        source_id=np.where(sources == "", columns["id"], sources).astype(object),
        labelled=np.asarray(table["labelled"].values, bool),
        seconds=np.asarray(seconds, np.float64),
        n_samples=n_samples,
        source_start=np.asarray(starts, np.float64),
        patient_time=np.asarray(times, np.float64),
    )


def _annotated(source: "WindowCollection") -> Annotated:
    events, spec = source.events, source.spec
    bits = np.asarray(events["bit"].values, np.int64)
    said = np.asarray(events["class_bit"].values, np.int64) if "class_bit" in events else bits
    named = {1 << k: name for k, name in enumerate(spec.classes)}

    def kinds(bits: Column) -> Column:
        kind = np.full(len(bits), OTHER, np.int8)
        kind[bits & spec.seizure_bits > 0] = SEIZURE
        kind[bits & UNLABELLED > 0] = IGNORED
        return kind

    labels = [
        named.get(bit, label)
        for bit, label in zip(said.tolist(), events["class"].values.tolist(), strict=True)
    ]
    raters = events["rater"].values if "rater" in events else [""] * len(bits)
    return Annotated(
        np.asarray(events["recording"].values, np.int32),
        np.asarray(events["onset"].values, np.float64),
        np.asarray(events["offset"].values, np.float64),
        np.array(labels, object).reshape(-1),
        np.asarray(raters, object),
        kinds(bits),
        kinds(said),
    )


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]
