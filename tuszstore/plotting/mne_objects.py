"""Recordings and windows as MNE objects, in volts.

Filtered signals are converted back to volts, which MNE expects, by the recording's mean and
standard deviation. Clipped values stay clipped. Measurement dates and names are absent, since a
store does not contain them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuszstore.channels.annotated import annotated_rows
from tuszstore.channels.derivations import Channel
from tuszstore.compat import standard_montage
from tuszstore.indices import Indices, check_index, check_indices, is_single
from tuszstore.read.selection import find_recording
from tuszstore.store.categories import CATEGORIES, UNLABELLED
from tuszstore.store.raters import decides
from tuszstore.store.tables import WindowTables

if TYPE_CHECKING:
    from mne import Annotations, EpochsArray, Info
    from mne.io import RawArray

    from tuszstore.facade.windows import WindowCollection

EVENT_IDS = {name: number for number, name in enumerate([*CATEGORIES, UNLABELLED], 1)}
"""Event id of each category in :func:`make_epochs`."""

VOLT = 1e-6  # per µV


def make_raw(
    store: "WindowCollection", recording: str | int, *, annotations: bool = True
) -> "RawArray":
    """Return a recording; see :meth:`tuszstore.Store.to_raw`."""
    import mne

    metadata = store.metadata
    number = find_recording(metadata.recordings["id"], recording)
    volts = store.read_recording(number, microvolts=True).astype(np.float64)
    volts *= VOLT
    end = store.reader.length(number) / store.sfreq
    info = _info(metadata, np.array([number]))
    info["description"] = _description(metadata, number, end, store.shown_text())
    info["subject_info"] = {"his_id": str(metadata.recordings["patient"][number])}
    raw = mne.io.RawArray(volts, info, copy=None, verbose="error")
    if annotations:
        raw.set_annotations(_annotations(metadata, number, end), verbose="error")
    return raw


def make_epochs(store: "WindowCollection", indices: Indices) -> "EpochsArray":
    """Return windows; see :meth:`tuszstore.Store.to_epochs`."""
    import mne

    metadata = store.metadata
    if is_single(indices):
        indices = [check_index(indices, metadata.n_windows)]
    numbers = check_indices(indices, metadata.n_windows)
    if not len(numbers):
        raise ValueError("no windows for epochs: the selection is empty")
    table = _window_table(metadata, numbers)
    rows = metadata.windows["recording"][numbers]
    volts = store.read(numbers) * metadata.recordings["sd"][rows][:, :, None]
    volts += metadata.recordings["mean"][rows][:, :, None]
    volts *= VOLT
    info = _info(metadata, np.unique(rows))
    if shown := store.shown_text():
        info["description"] = shown
    codes = table["category"].map(EVENT_IDS).to_numpy()
    # distinct samples, since MNE does not allow two events at one sample
    samples = np.arange(len(numbers)) * volts.shape[2]
    return mne.EpochsArray(
        volts,
        info,
        events=np.column_stack([samples, np.zeros_like(samples), codes]),
        event_id={name: code for name, code in EVENT_IDS.items() if code in codes},
        metadata=table,
        proj=False,
        verbose="error",
    )


def _window_table(store: WindowTables, numbers: NDArray[np.int64]) -> pd.DataFrame:
    """Return the metadata of windows, one row each."""
    windows, recordings, classes = store.windows, store.recordings, store.spec.classes
    rows = windows["recording"][numbers]
    categories = np.array([*CATEGORIES, UNLABELLED], object)  # index -1 is unlabelled
    return pd.DataFrame(
        {
            "window": numbers,
            "recording": recordings["id"][rows],
            "patient": recordings["patient"][rows],
            "session": recordings.or_blank("session")[rows],
            "montage": recordings.or_blank("montage")[rows],
            "start_time": windows["start_time"][numbers],
            "category": categories[windows["category"][numbers]],
            "seizure_fraction": windows["seizure_fraction"][numbers],
            "event_classes": [
                " ".join(name for k, name in enumerate(classes) if bits >> k & 1)
                for bits in windows["event_classes"][numbers].tolist()
            ],
        }
    )


def _info(store: WindowTables, rows: NDArray[np.int64]) -> "Info":
    """Return MNE's info on the channels of recordings; channels without signal in any are bad."""
    import mne

    recordings, spec = store.recordings, store.spec
    info = mne.create_info(list(spec.channel_names), float(spec.sfreq), "eeg")
    info.set_montage(standard_montage(), on_missing="ignore", verbose="error")
    interpolated = recordings.or_blank("interpolated")
    lost = (recordings.or_blank("flat") & ~interpolated) | (recordings["sd"] == 0)
    bad = lost[rows].any(axis=0)
    info["bads"] = [name for name, is_bad in zip(spec.channel_names, bad, strict=True) if is_bad]
    if spec.notch:
        info["line_freq"] = spec.notch
    return info


def _description(store: WindowTables, number: int, end: float, shown: str) -> str:
    """Describe the origin and processing of a recording that is stored up to `end` (s)."""
    recordings, spec = store.recordings, store.spec
    parts = [str(recordings["id"][number])]
    if shown:
        parts.append(shown)
    if spec.bandpass:
        parts.append(f"band-pass {spec.bandpass[0]:g} to {spec.bandpass[1]:g} Hz")
    if spec.notch:
        parts.append(f"notch at {spec.notch:g} Hz")
    if (interpolated := recordings.or_blank("interpolated")[number]).any():
        names = np.array(spec.channel_names)[interpolated]
        parts.append(f"interpolated: {', '.join(names)}")
    seconds = recordings["n_samples"][number] / store.geometry.sfreq
    if end < seconds:
        parts.append(f"only the first {end:g} s of {seconds:g} s are stored")
    if not recordings["labelled"][number]:
        parts.append("no annotation: whether there are seizures is unknown")
    if notes := recordings.or_blank("notes")[number]:
        parts.append(str(notes))
    return "; ".join(parts)


def _annotations(store: WindowTables, number: int, end: float) -> "Annotations":
    """Return a recording's events up to `end` (s); equal events of several channels are merged."""
    import mne

    events, channels = store.events, store.spec.channels
    merged: dict[tuple[float, float, str], set[str]] = {}
    said = decides(events["bit"], events["class_bit"])
    for k in np.flatnonzero((events["recording"] == number) & said):
        onset, offset = events["onset"][k], events["offset"][k]
        if np.isnan(offset):  # unknown: as long as the labels mark it
            offset = events["stop_sample"][k] / store.geometry.sfreq
        if onset < end and (offset > 0 or onset >= 0):
            span = (max(onset, 0.0), min(offset, end), str(events["class"][k]))
            rows = annotated_rows(str(events["channel"][k]), channels)
            merged.setdefault(span, set()).update(channels[row].name for row in rows)
    spans = sorted(merged)
    return mne.Annotations(
        [onset for onset, _, _ in spans],
        [offset - onset for onset, offset, _ in spans],
        [name for _, _, name in spans],
        ch_names=[_in_order(merged[span], channels) for span in spans],
    )


def _in_order(names: set[str], channels: Sequence[Channel]) -> tuple[str, ...]:
    """Return channel names in MNE's format; an empty list stands for all channels."""
    ordered = tuple(channel.name for channel in channels if channel.name in names)
    return ordered if len(ordered) < len(channels) else ()
