"""The baseline: one compressed NPZ file per recording, with every window in it.

A plain implementation of the pipeline that tuszstore replaces, as fast as its steps allow: one
process, MNE, SciPy, ``numpy.savez_compressed``. It does not import tuszstore. Reading, signal
processing, windows and labels, and writing are timed; its manifest of categories, which takes
another pass over all files, is not.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, iirnotch, lfilter, resample

CHANNELS = (
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz",
    "Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2",
)  # fmt: skip
SYNONYMS = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
SEIZURE = {"seiz", "gnsz", "fnsz", "cpsz", "absz", "spsz", "tcsz", "tnsz", "mysz"}
SFREQ = 256
WINDOW, STRIDE = 60 * SFREQ, 10 * SFREQ

STAGES = ("read", "signal", "windows", "savez_compressed")


def build_npz(paths: Sequence[Path], folder: Path) -> dict[str, float]:
    """Write the NPZ file of each recording.

    Parameters
    ----------
    paths : sequence of Path
        EDF files, each with its ``.csv`` beside it.
    folder : Path
        An existing folder for the NPZ files.

    Returns
    -------
    dict of str to float
        Seconds by stage.
    """
    seconds = dict.fromkeys(STAGES, 0.0)
    for path in paths:
        path.read_bytes()  # into the page cache, which other files may have filled
        times = [time.perf_counter()]
        microvolts, sfreq = load(path)
        times.append(time.perf_counter())
        signal = preprocess(microvolts, sfreq)
        times.append(time.perf_counter())
        mask = seizure_mask(path.with_suffix(".csv"), signal.shape[1])
        windows, labels = cut(signal), cut(mask)
        times.append(time.perf_counter())
        np.savez_compressed(folder / f"{path.stem}_windows.npz", windows=windows, labels=labels)
        times.append(time.perf_counter())
        for stage, took in zip(STAGES, np.diff(times), strict=True):
            seconds[stage] += float(took)
    return seconds


def load(path: Path) -> tuple[NDArray[np.float32], float]:
    """Read a whole EDF file and return its 19 channels, ``(channel, sample)`` in µV, and rate."""
    raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
    raw.rename_channels({label: _electrode(label) for label in raw.ch_names})
    missing = [name for name in CHANNELS if name not in raw.ch_names]
    if missing:
        raw = _interpolate(raw, missing)
    microvolts: NDArray[np.float32] = (raw.get_data(picks=list(CHANNELS)) * 1e6).astype(np.float32)
    return microvolts, float(raw.info["sfreq"])


def preprocess(microvolts: NDArray[np.float32], sfreq: float) -> NDArray[Any]:
    """Resample, filter and normalise, all channels at once."""
    x = microvolts.astype(np.float64)
    if sfreq != SFREQ:
        x = resample(x, round(x.shape[1] * SFREQ / sfreq), axis=1)
    x = lfilter(*butter(3, [0.5 / (SFREQ / 2), 120 / (SFREQ / 2)], "band"), x, axis=1)
    x = lfilter(*iirnotch(60, 30, SFREQ), x, axis=1)
    x = (x - x.mean(axis=1, keepdims=True)) / (x.std(axis=1, keepdims=True) + 1e-8)
    np.clip(x, -10, 10, out=x)
    clean: NDArray[np.float32] = np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0).astype(
        np.float32
    )
    return clean


def seizure_mask(path: Path, n_samples: int) -> NDArray[np.float32]:
    """Return 1 for each sample within a seizure, 0 elsewhere."""
    mask = np.zeros(n_samples, np.float32)
    for line in path.read_text().splitlines():
        row = line.split(",")
        if len(row) >= 4 and row[3].strip() in SEIZURE:
            start, stop = (max(0, int(float(second) * SFREQ)) for second in row[1:3])
            mask[start:stop] = 1.0
    return mask


def cut(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return all windows, ``(window, ..., sample)``; the tail is dropped."""
    n_windows = max(0, (x.shape[-1] - WINDOW) // STRIDE + 1)
    windows = np.empty((n_windows, *x.shape[:-1], WINDOW), np.float32)
    for k, window in enumerate(windows):
        window[...] = x[..., k * STRIDE : k * STRIDE + WINDOW]
    return windows


def _electrode(label: str) -> str:
    name = label.replace(" ", "").removeprefix("EEG")
    for suffix in ("-LE", "-REF", "-AR"):
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    named = {channel.upper(): channel for channel in CHANNELS}.get(name.upper(), name)
    return SYNONYMS.get(named, named)


def _interpolate(raw: Any, missing: list[str]) -> Any:
    info = mne.create_info(missing, raw.info["sfreq"], "eeg")
    zeros = np.zeros((len(missing), raw.n_times))
    raw.add_channels([mne.io.RawArray(zeros, info, verbose="error")], force_update_info=True)
    new_name = "colin27_1020"  # name of the same montage since MNE 1.13
    known = new_name in mne.channels.get_builtin_montages()
    montage = mne.channels.make_standard_montage(new_name if known else "standard_1020")
    positioned = {name.upper() for name in montage.ch_names}
    raw.pick([name for name in raw.ch_names if name.upper() in positioned])
    raw.set_montage(montage, match_case=False, verbose="error")
    raw.info["bads"] = missing
    return raw.interpolate_bads(reset_bads=True, verbose="error")
