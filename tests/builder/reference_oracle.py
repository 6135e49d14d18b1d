"""What the reference pipeline gives, spelled out as plainly as possible.

Tests compare a store built under ``configs/reference.yaml`` with these functions, bit for bit, so
this module must never import `tuszstore`: sharing code with what it judges would hide a mistake
made in both. It is written to be read and believed rather than to be fast.

Signals are ``(channel, sample)``, windows ``(window, channel, sample)``, labels
``(window, sample)``. Times are in seconds, rates in Hz, signals in microvolts until they are
normalised.
"""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import NamedTuple

import mne
import numpy as np
from scipy.signal import butter, iirnotch, lfilter, resample

# fmt: off
CHANNELS = (
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1",
    "Fz", "Cz", "Pz",
    "Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2",
)
# fmt: on
SYNONYMS = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
INTERPOLATED = ("Fz", "Pz")
SEIZURE_TYPES = ("seiz", "gnsz", "fnsz", "cpsz", "absz", "spsz", "tcsz", "tnsz", "mysz")
SFREQ = 256
WINDOW = 60 * SFREQ
STRIDE = 10 * SFREQ


class OracleRecording(NamedTuple):
    """One recording, cut into all of its windows."""

    path: Path
    windows: np.ndarray
    """float32 of shape ``(window, channel, sample)``."""
    labels: np.ndarray
    """uint8 of shape ``(window, sample)``: 1 within a seizure."""
    categories: list[str]
    """One of no_seizure, partial_seizure and full_seizure per window."""


def list_files(root: str | Path) -> list[Path]:
    """All EDF files at any depth, sorted as paths, that is folder by folder."""
    return sorted(Path(root).glob("**/*.edf"))


def patient(path: str | Path) -> str:
    """Return the file name up to its first underscore."""
    return Path(path).stem.split("_")[0]


def split_file_order(files: list[Path], fraction: float = 0.2) -> tuple[list[Path], list[Path]]:
    """Split the sorted files in two: the first `fraction` of them is val, and the rest train.

    Returns
    -------
    train, val
        In this order, although val is the first part of the list.
    """
    files = sorted(files)
    n_val = int(fraction * len(files))
    return files[n_val:], files[:n_val]


def standard_1020() -> mne.channels.DigMontage:
    """MNE's standard_1020 montage, which MNE 1.13 renamed and 1.14 has under its new name only."""
    new_name = "colin27_1020"
    known = new_name in mne.channels.get_builtin_montages()
    return mne.channels.make_standard_montage(new_name if known else "standard_1020")


def clean_name(label: str) -> str:
    """Bare electrode name of an EDF label; one of `CHANNELS` in the spelling used there.

    Only the comparison with `CHANNELS` ignores case.
    """
    name = label.replace(" ", "").removeprefix("EEG")
    for suffix in ("-LE", "-REF", "-AR"):
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    for channel in CHANNELS:
        if name.lower() == channel.lower():
            name = channel
    return SYNONYMS.get(name, name)


def select_channels(labels: list[str]) -> dict[str, str]:
    """Map the labels of the channels that have a position in standard_1020 to electrode names.

    All of `CHANNELS` have one. The order is that of `labels`; the names are spelled as in
    `CHANNELS` or else as in the montage.

    Raises
    ------
    ValueError
        If two labels stand for one electrode, which makes it impossible to say which is meant.
    """
    positioned = {name.lower(): name for name in standard_1020().ch_names}
    selected: dict[str, str] = {}
    for label in labels:
        name = positioned.get(clean_name(label).lower())
        if name is None:
            continue
        if name in selected.values():
            raise ValueError(f"More than one channel is {name}: {labels}")
        selected[label] = name
    return selected


def interpolate(data: np.ndarray, names: list[str], missing: list[str], sfreq: float) -> np.ndarray:
    """Estimate the channels `missing` from all others by MNE's spherical splines.

    Parameters
    ----------
    data
        float64 of shape ``(channel, sample)``, in volts.
    names
        Electrode of each row, each with a position in standard_1020.

    Returns
    -------
    interpolated
        float64 of shape ``(len(missing), sample)``, in volts.
    """
    info = mne.create_info([*names, *missing], sfreq, "eeg")
    zeros = np.zeros((len(missing), data.shape[1]))
    raw = mne.io.RawArray(np.concatenate([data, zeros]), info, verbose="error")
    raw.set_montage(standard_1020(), verbose="error")
    raw.info["bads"] = list(missing)
    raw.interpolate_bads(verbose="error")
    return raw.get_data()[len(names) :]


def load(path: str | Path) -> tuple[np.ndarray, float]:
    """Read the 19 channels of an EDF file.

    Channels without a position are never read: one that runs slower or faster than the EEG would
    make MNE resample, and they must not take part in the interpolation.

    Returns
    -------
    data
        float32 of shape ``(19, sample)``, in microvolts, in the order of `CHANNELS`.
    sfreq
        Sampling rate in the file.

    Raises
    ------
    ValueError
        If channels other than Fz and Pz are missing, or one is there twice.
    """
    header = mne.io.read_raw_edf(path, preload=False, verbose="error")
    selected = select_channels(header.ch_names)
    missing = [channel for channel in CHANNELS if channel not in selected.values()]
    if not set(missing) <= set(INTERPOLATED):
        raise ValueError(f"{path} has no channel {', '.join(missing)}")

    raw = mne.io.read_raw_edf(path, include=list(selected), preload=True, verbose="error")
    sfreq = float(raw.info["sfreq"])
    names = [selected[label] for label in raw.ch_names]
    volts = raw.get_data()
    if missing:
        volts = np.concatenate([volts, interpolate(volts, names, missing, sfreq)])
        names = [*names, *missing]
    rows = [names.index(channel) for channel in CHANNELS]
    return (volts[rows] * 1e6).astype(np.float32), sfreq


# A sample that is not finite makes its whole channel NaN on the way, and zero at the end.
@np.errstate(invalid="ignore", over="ignore")
def preprocess(data: np.ndarray, sfreq: float) -> np.ndarray:
    """Resample to 256 Hz, filter and normalise a whole recording.

    Parameters
    ----------
    data
        Shape ``(channel, sample)``, in microvolts.
    sfreq
        Sampling rate of `data`.

    Returns
    -------
    normalised
        float32 of shape ``(channel, round(sample * 256 / sfreq))``, within ±10 and finite.
    """
    x = np.asarray(data, dtype=np.float64)
    if sfreq != SFREQ:
        x = resample(x, round(x.shape[1] * SFREQ / float(sfreq)), axis=1)
    b, a = butter(3, [0.5 / 128, 120 / 128], "band")
    x = lfilter(b, a, x, axis=1)
    b, a = iirnotch(60, 30, SFREQ)
    x = lfilter(b, a, x, axis=1)
    mean = x.mean(axis=1, keepdims=True)
    std = x.std(axis=1, keepdims=True)
    x = (x - mean) / (std + 1e-8)
    x = np.clip(x, -10, 10)
    x = np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0)
    return x.astype(np.float32)


def read_events(csv_path: str | Path) -> list[tuple[float, float, str]]:
    """Read the start, stop and label of every row of an annotation file, of any channel and type.

    Rows are ``channel,start_time,stop_time,label,confidence``; comments and the header row are
    left out. A row that is not of this form is an error of the test that wrote it.
    """
    with Path(csv_path).open(encoding="utf-8", newline="") as file:
        lines = [line.strip() for line in file]
    events = []
    for row in csv.reader(line for line in lines if line and not line.startswith("#")):
        if row[0].strip().lower() == "channel":
            continue
        events.append((float(row[1]), float(row[2]), row[3].strip()))
    return events


def seizure_mask(events: list[tuple[float, float, str]], n_samples: int) -> np.ndarray:
    """Mark the samples of a recording at 256 Hz that lie within a seizure.

    Returns
    -------
    mask
        uint8 of shape ``(n_samples,)``, 0 or 1.
    """
    mask = np.zeros(n_samples, dtype=np.uint8)
    for start, stop, label in events:
        if label in SEIZURE_TYPES:
            first = min(max(int(start * SFREQ), 0), n_samples)
            last = min(max(int(stop * SFREQ), 0), n_samples)
            mask[first:last] = 1
    return mask


def windows(data: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut a recording into windows of 60 s every 10 s, without the tail that fills none.

    Returns
    -------
    windows
        Shape ``(window, channel, 15360)``, of the type of `data`.
    labels
        Shape ``(window, 15360)``, of the type of `mask`.
    """
    n_channels, n_samples = data.shape
    n_windows = (n_samples - WINDOW) // STRIDE + 1 if n_samples >= WINDOW else 0
    signal = np.empty((n_windows, n_channels, WINDOW), dtype=data.dtype)
    labels = np.empty((n_windows, WINDOW), dtype=mask.dtype)
    for i in range(n_windows):
        start = i * STRIDE
        signal[i] = data[:, start : start + WINDOW]
        labels[i] = mask[start : start + WINDOW]
    return signal, labels


def category(mask_window: np.ndarray) -> str:
    """Name the category of one window by the share of its samples within a seizure."""
    share = np.mean(mask_window > 0)
    if share == 0:
        return "no_seizure"
    if share >= 0.99:
        return "full_seizure"
    return "partial_seizure"


def is_montage_folder(folder: Path) -> bool:
    """Whether this is a TUSZ montage folder such as ``01_tcp_ar``."""
    return re.fullmatch(r"\d\d_tcp_.*", folder.name) is not None


def without_second_montages(files: list[Path]) -> list[Path]:
    """Leave out a token that stands under an earlier montage folder of the same session too."""
    kept = []
    seen = set()
    for path in sorted(files):
        if is_montage_folder(path.parent):
            token = (path.parent.parent, path.stem)
            if token in seen:
                continue
            seen.add(token)
        kept.append(path)
    return kept


def build(files: list[Path]) -> list[OracleRecording]:
    """Process the recordings with annotations, in the order of their file names.

    A recording whose annotation file is missing or has no rows is unlabelled, not background, and
    is left out. One shorter than a window stays, with no windows.
    """
    recordings = []
    for path in sorted(without_second_montages(files), key=lambda path: (path.stem, path)):
        csv_path = path.with_suffix(".csv")
        events = read_events(csv_path) if csv_path.exists() else []
        if not events:
            continue
        data = preprocess(*load(path))
        signal, labels = windows(data, seizure_mask(events, data.shape[1]))
        categories = [category(label) for label in labels]
        recordings.append(OracleRecording(path, signal, labels, categories))
    return recordings


def balanced(categories: list[str], seed: int = 42) -> np.ndarray:
    """Choose and order the windows of the balanced set.

    Parameters
    ----------
    categories
        Of all windows: recordings by file name, and the windows of each by time.
    seed
        Of the one generator that makes both choices and then shuffles.

    Returns
    -------
    indices
        int64 positions in `categories`, in the order in which they are served.

    Raises
    ------
    ValueError
        If no window is partial_seizure.
    """
    names = np.asarray(categories)
    partial = np.flatnonzero(names == "partial_seizure")
    full = np.flatnonzero(names == "full_seizure")
    none = np.flatnonzero(names == "no_seizure")
    if len(partial) == 0:
        raise ValueError("The balanced set needs partial_seizure windows, and there are none")
    rng = np.random.default_rng(seed)
    chosen = [partial]
    n_full = min(int(0.3 * len(partial)), len(full))
    if n_full > 0:
        chosen.append(full[rng.choice(len(full), n_full, replace=False)])
    n_none = min(int(2.5 * len(partial)), len(none))
    if n_none > 0:
        chosen.append(none[rng.choice(len(none), n_none, replace=False)])
    rows = np.concatenate(chosen)
    rng.shuffle(rows)
    return rows


def seizure_share(categories: list[str], indices: np.ndarray) -> float:
    """Share of the windows `indices` that have any seizure: the r of `pos_weight`."""
    return float(np.mean(np.asarray(categories)[indices] != "no_seizure"))


def pos_weight(r: float) -> float:
    """Weight of the positive class for a share `r` of windows with seizures."""
    return math.sqrt((1 - r) / r) if 0 < r < 0.5 else 1.0
