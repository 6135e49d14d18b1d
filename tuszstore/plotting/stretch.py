"""A stretch of a recording with all data for a picture of it, without drawing."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.derivations import Channel
from tuszstore.channels.sets import shown_channels
from tuszstore.indices import check_index
from tuszstore.plotting.spans import Span, event_spans, merge
from tuszstore.read.selection import find_recording
from tuszstore.store.categories import CATEGORIES
from tuszstore.store.spec import StoreSpec
from tuszstore.units import clock, percent

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection


@dataclass(frozen=True)
class Stretch:
    """A stretch of a recording, in µV.

    Attributes
    ----------
    recording : str
        Id of the recording.
    name : str
        Name of the stretch, such as ``window 17 of train``.
    state : str
        Category of a window, or the share of seizure in any other stretch.
    first : int
        First sample, relative to the recording's start.
    sfreq : float
        Sampling rate (Hz).
    channels : tuple of Channel
        Channels of the store.
    data : ndarray of float32, shape (channel, sample)
        In µV.
    clipped : ndarray of bool, shape (channel, sample)
        Where the stored values are at the limit ``spec.clip``.
    spans : list of Span
        Annotated events that overlap the stretch.
    interpolated, flat : frozenset of str
        Channels that were interpolated, and channels that are constant.
    processing : str
        Processing of the signal, such as ``0.5-120 Hz, notch 60 Hz``.
    montage : str
        Name of the montage: that of the store, or of a view.
    """

    recording: str
    name: str
    state: str
    first: int
    sfreq: float
    channels: tuple[Channel, ...]
    data: NDArray[np.float32]
    clipped: NDArray[np.bool_]
    spans: list[Span]
    interpolated: frozenset[str]
    flat: frozenset[str]
    processing: str
    montage: str

    @property
    def limits(self) -> tuple[float, float]:
        """Start and end, in seconds from the recording's start."""
        return self.first / self.sfreq, (self.first + self.data.shape[1]) / self.sfreq

    @property
    def title(self) -> str:
        """Recording, time, and category or share of seizure."""
        decimals = 0 if all(limit == round(limit) for limit in self.limits) else 1
        first, last = (clock(limit, decimals) for limit in self.limits)
        return f"{PurePosixPath(self.recording).stem}, {first} to {last}, {self.state}"

    def within(self, intervals: Iterable[tuple[int, int]]) -> list[tuple[float, float]]:
        """Return the parts of sample intervals within the stretch, in seconds.

        Parameters
        ----------
        intervals : iterable of (int, int)
            First sample, and the one after the last, from the recording's start.
        """
        first, stop = self.first, self.first + self.data.shape[1]
        cut = [(max(a, first), min(b, stop)) for a, b in intervals]
        return [(a / self.sfreq, b / self.sfreq) for a, b in cut if b > a]


def window_stretch(store: "WindowCollection", number: int) -> Stretch:
    """Return a window as a stretch of its recording.

    Parameters
    ----------
    store : Store
    number : int
        Negative ones count from the end.

    Raises
    ------
    IndexError, TypeError
        If there is no such window.
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    window = check_index(number, len(store))
    row = int(store.index["recording"].values[window])
    code = int(store.index["category"].values[window])
    fraction = float(store.index["seizure_fraction"].values[window])
    state = CATEGORIES[code] if code >= 0 else "unlabelled"
    if 0 < fraction < 1:
        state += f" ({percent(fraction)} in a seizure)"
    first = round(float(store.index["start_time"].values[window]) * store.sfreq)
    signal = microvolts(store, store.windows[window], row)
    return _stretch(store, row, first, signal, f"window {window} of {_split(store)}", state)


def recording_stretch(
    store: "WindowCollection", recording: str | int, at: float = 0.0, seconds: float = 10.0
) -> Stretch:
    """Return a stretch of a recording; it is cut at the recording's end.

    Parameters
    ----------
    store : Store
    recording : str or int
        Id, file name with or without suffix, or row of ``store.recordings``.
    at : float
        Start, in seconds from the start of the recording.
    seconds : float
        Length.

    Raises
    ------
    ValueError
        If there is no such recording or stretch.
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"seconds must be above 0, not {seconds:g}")
    row = find_recording(store.recordings["id"].values, recording)
    end = store.reader.length(row) / store.sfreq
    if end > 0 and not 0 <= at < end:
        id_ = store.recordings["id"].values[row]
        raise ValueError(f"at must be 0 or more and below the {end:g} s of {id_}, not {at:g}")
    stop = min(at + seconds, end)
    signal = store.read_recording(row, at, stop, microvolts=True)
    first = round(at * store.sfreq)
    return _stretch(store, row, first, signal, f"recording {row} of {_split(store)}", None)


def microvolts(store: "WindowCollection", signal: NDArray[Any], row: int) -> NDArray[np.float32]:
    """Undo the normalisation of signals of one recording; clipped samples stay clipped.

    Parameters
    ----------
    store : Store
    signal : ndarray, shape (..., channel, sample)
        As stored.
    row : int
        Row of the recording.
    """
    if store.spec.units == "uV":
        return np.asarray(signal, np.float32)
    mean, sd = (store.recordings[name].values[row][:, None] for name in ("mean", "sd"))
    # in float64, since adding a mean of millivolts would lose the last digits of float32
    return np.asarray(signal * sd + mean, np.float32)


def _stretch(
    store: "WindowCollection",
    row: int,
    first: int,
    signal: NDArray[np.float32],
    name: str,
    state: str | None,
) -> Stretch:
    recordings, known = store.recordings, store.metadata.recordings
    stop = first + signal.shape[1]
    spans = [span for span in event_spans(store, row) if span.start < stop and span.stop > first]
    if state is None:
        inside = merge(span for span in spans if span.seizure)
        n_seizure = sum(min(b, stop) - max(a, first) for a, b in inside)
        labelled = bool(recordings["labelled"].values[row])
        share = f"{percent(n_seizure / (stop - first))} in a seizure" if n_seizure else "no seizure"
        state = share if labelled else "unlabelled"
    return Stretch(
        recording=str(recordings["id"].values[row]),
        name=name,
        state=state,
        first=first,
        sfreq=store.sfreq,
        channels=store.spec.channels,
        data=signal,
        clipped=_clipped(store, row, signal),
        spans=spans,
        **{
            name: frozenset(np.array(store.channels)[known.or_blank(name)[row]].tolist())
            for name in ("interpolated", "flat")
        },
        processing=processing(store.spec),
        montage=store.shown().get("channels", f"as stored: {shown_channels(store.spec.channels)}"),
    )


def _clipped(store: "WindowCollection", row: int, data: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where stored values are at the clipping limit, allowing for rounding."""
    limit, encoding = store.spec.clip, store.metadata.encoding
    if limit is None:
        return np.zeros(data.shape, bool)
    slack = 1e-5 * limit
    if encoding.dtype == "int16":
        limit, slack = round(limit / encoding.scale) * encoding.scale, encoding.scale / 2
    mean, sd = (store.recordings[name].values[row][:, None] for name in ("mean", "sd"))
    return np.asarray((np.abs(data - mean) >= (limit - slack) * sd) & (sd > 0))


def processing(spec: StoreSpec) -> str:
    """Return the processing of a store's signal, such as ``0.5-120 Hz, notch 60 Hz``."""
    band = spec.bandpass
    parts = [f"{band[0]:g}-{band[1]:g} Hz" if band else "no band-pass"]
    if spec.notch:
        parts.append(f"notch {spec.notch:g} Hz")
    return ", ".join(parts)


def _split(store: "WindowCollection") -> str:
    return str(store.attrs["split"])
