"""Synthetic EEG: signals that resemble scalp recordings, and their EDF file.

The signals have the features that filters, normalisation and models react to (1/f background,
posterior alpha, blinks, mains hum, rhythmic seizures) and no more. Everything is
computed on whole arrays in float32, so that an hour of EEG takes a second or two.
"""

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from tuszstore.corpus.synthetic_edf import Trace, write_records

Signal = npt.NDArray[np.float32]
Event = tuple[float, float, str]

# The head seen from above as a unit disc: x to the right ear, y to the nose.
POSITIONS: dict[str, tuple[float, float]] = {
    "FP1": (-0.27, 0.86), "FP2": (0.27, 0.86), "F3": (-0.35, 0.45), "F4": (0.35, 0.45),
    "C3": (-0.44, 0.0), "C4": (0.44, 0.0), "P3": (-0.35, -0.45), "P4": (0.35, -0.45),
    "O1": (-0.27, -0.86), "O2": (0.27, -0.86), "F7": (-0.73, 0.53), "F8": (0.73, 0.53),
    "T3": (-0.9, 0.0), "T4": (0.9, 0.0), "T5": (-0.73, -0.53), "T6": (0.73, -0.53),
    "FZ": (0.0, 0.45), "CZ": (0.0, 0.0), "PZ": (0.0, -0.45), "A1": (-1.1, -0.1),
    "A2": (1.1, -0.1), "T1": (-0.95, 0.35), "LOC": (-0.5, 1.1), "ROC": (0.5, 1.1),
}  # fmt: skip
SCALP = tuple(POSITIONS)[:19]
GENERALIZED = frozenset({"gnsz", "tcsz", "absz"})

_SIDE_RATES = {"IBI": 1, "BURSTS": 1, "SUPPR": 1, "RESP ABDOMEN": 16}
# steps of 0.15, 0.30 and 0.90 uV; all limits fit the 8 characters of their header fields
_RANGES = ((-4915.2, 4915.05), (-9830.4, 9830.1), (-29491.2, 29490.3))
_ASYMMETRIC = ((-4999.84, 4999.847), (-4000.5, 6200.75), (-6553.6, 3276.7))


def write_edf(
    path: Path,
    rng: np.random.Generator,
    *,
    patient: str,
    year: int,
    seconds: int,
    sfreq: int,
    events: Sequence[Event],
    focus: str,
    quirks: Collection[str],
) -> None:
    """Draw the signals of a recording and write them, in records of 1 s.

    Parameters
    ----------
    path : Path
        File to write; its folder exists.
    rng : numpy.random.Generator
        Source of all randomness.
    patient : str
    year : int
        Year of the recording, from 2000 to 2084.
    seconds : int
    sfreq : int
        Sampling rate of all but the side channels, in Hz.
    events : sequence of (float, float, str)
        Onset and offset in seconds and the class of each seizure.
    focus : str
        Electrode at which focal seizures are largest.
    quirks : collection of str
        Keys of ``tuszstore.corpus.synthetic_layout.QUIRKS``.
    """
    channels = _channels(rng, seconds, sfreq, events, focus, quirks)
    if "shuffled_channels" in quirks:
        channels = [channels[k] for k in rng.permutation(len(channels))]
    limits = [_RANGES[rng.integers(len(_RANGES)) if quirks else 0]] * len(channels)
    if "asymmetric_range" in quirks:
        limits = [_ASYMMETRIC[k % len(_ASYMMETRIC)] for k in range(len(channels))]
    if "inverted_range" in quirks:
        limits[1] = limits[1][::-1]
    unit = "mV" if "millivolts" in quirks else "uV"
    person, recording = f"{patient} X X X", f"Startdate 01-JAN-{year} X X X"
    if "personal_header" in quirks:
        person = f"{patient} F 01-JAN-1950 Doe_Jane Age:{year - 1950}"
        recording = f"Startdate 01-JAN-{year} adm-4711 Dr_Roe EEG-2"
    if "colon_date" in quirks:
        recording = "Startdate X X X X"
    traces = [
        _trace(data, rate, label, unit, limit)
        for (label, rate, data), limit in zip(channels, limits, strict=True)
    ]
    write_records(path, traces, patient=person, recording=recording)
    _patch(path, year, seconds, 2 * sum(int(rate) for _, rate, _ in channels), quirks)


def _channels(
    rng: np.random.Generator,
    seconds: int,
    sfreq: int,
    events: Sequence[Event],
    focus: str,
    quirks: Collection[str],
) -> list[tuple[str, int, Signal]]:
    """Draw all signals: label, sampling rate, and samples in microvolts."""
    names, others = list(SCALP), ["EKG1"]
    if "montage_ar_a" not in quirks:
        names += ["A1", "A2"]
    if "extra_channels" in quirks:
        names += ["T1", "LOC", "ROC"]
        others += ["31", "PHOTIC"]
    if "no_fz_pz_with_ekg1" in quirks or "no_fz_pz_with_a1_a2" in quirks:
        names = [name for name in names if name not in ("FZ", "PZ")]
    if "no_fz_pz_with_a1_a2" in quirks:
        others = []
    eeg = background(rng, names, seconds * sfreq, sfreq)
    for event in events:
        add_seizure(rng, eeg, names, sfreq, event, focus)
    if "dc_offset" in quirks:
        eeg[rng.choice(len(SCALP), 3, replace=False)] += rng.choice([-1, 1]) * rng.uniform(1e3, 3e3)

    reference = "LE" if "montage_le" in quirks else "REF"
    channels = [
        (f"EEG {name}-{reference}", sfreq, row) for name, row in zip(names, eeg, strict=True)
    ]
    for name in others:
        label = f"PHOTIC-{reference}" if name == "PHOTIC" else f"EEG {name}-{reference}"
        channels.append((label, sfreq, auxiliary(rng, name, seconds * sfreq, sfreq)))
    if "side_channels" in quirks:
        for name, rate in _SIDE_RATES.items():
            label = f"{name}-{reference}" if name == "RESP ABDOMEN" else name
            channels.append((label, rate, auxiliary(rng, name, seconds * rate, rate)))
    return channels


def _trace(
    microvolts: Signal, rate: int, label: str, unit: str, limits: tuple[float, float]
) -> Trace:
    low, high = limits
    steps = np.rint((microvolts - low) * (65535 / (high - low))) - 32768
    scale = 1000 if unit == "mV" else 1
    samples = steps.clip(-32768, 32767).astype(np.int16)
    return Trace(label, samples, rate, unit, (round(low / scale, 6), round(high / scale, 6)))


def _patch(path: Path, year: int, seconds: int, record_bytes: int, quirks: Collection[str]) -> None:
    """Overwrite header fields with content of real files, valid or not."""
    fields = {168: "01:01:85" if "colon_date" in quirks else f"01.01.{year % 100:02d}"}
    if "reserved_edf" in quirks:
        fields[192] = "EDF".ljust(44)
    if "unknown_record_count" in quirks:
        fields[236] = "-1".ljust(8)
    if "excess_record_count" in quirks:
        fields[236] = str(seconds + 7).ljust(8)
    with path.open("r+b") as file:
        for offset, text in fields.items():
            file.seek(offset)
            file.write(text.encode("ascii"))
    if "truncated_record" in quirks:
        os.truncate(path, path.stat().st_size - record_bytes // 2)


def background(rng: np.random.Generator, names: Sequence[str], n: int, sfreq: float) -> Signal:
    """Draw interictal EEG: pink noise, alpha, blinks, mains hum.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    names : sequence of str
        Electrodes, keys of `POSITIONS`.
    n : int
        Number of samples.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float32, shape (channel, sample)
        Microvolts.
    """
    xy = np.array([POSITIONS[name] for name in names])
    # neighbours are alike (volume conduction), all share the reference, each has its own noise
    covariance = 0.2 + 0.65 * _closeness(xy, xy, 0.5) + 0.15 * np.eye(len(names))
    mixing = np.linalg.cholesky(covariance) * rng.uniform(12, 22)
    eeg = mixing.astype(np.float32) @ _noise(rng, len(names), n, sfreq, _pink)

    peak = rng.uniform(9, 11)
    alpha = _noise(rng, 2, n, sfreq, lambda f: np.exp(-0.5 * ((f - peak) / 0.6) ** 2))
    occipital = _closeness(xy, np.array([POSITIONS["O1"], POSITIONS["O2"]]), 0.45)
    eeg += (occipital * rng.uniform(8, 16)).astype(np.float32) @ alpha

    eyes = _closeness(xy, np.array([(-0.3, 1.0), (0.3, 1.0)]), 0.25).max(axis=1)
    eeg += np.outer(eyes, _pulses(rng, n, sfreq, interval=8, width=0.12, height=90))

    hum = np.sin(2 * np.pi * 60 * np.arange(n) / sfreq + rng.uniform(0, 2 * np.pi))
    strength = rng.uniform(0.3, 3, len(names)).astype(np.float32)
    eeg += np.outer(strength, hum.astype(np.float32))
    return eeg


def add_seizure(
    rng: np.random.Generator,
    eeg: Signal,
    names: Sequence[str],
    sfreq: float,
    event: Event,
    focus: str,
) -> None:
    """Add an evolving rhythm to `eeg` in place: slowing, growing, then ending at once.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    eeg : ndarray of float32, shape (channel, sample)
        Microvolts; the event is cut at its end.
    names : sequence of str
        Electrodes of `eeg`, keys of `POSITIONS`.
    sfreq : float
        Sampling rate in Hz.
    event : tuple of (float, float, str)
        Onset and offset in seconds, and the TUSZ class, which selects all electrodes
        or those near `focus`.
    focus : str
        The electrode at which a focal seizure is largest.
    """
    onset, offset, label = event
    first, last = round(onset * sfreq), min(round(offset * sfreq), eeg.shape[1])
    if last <= first:
        return
    t = np.arange(last - first) / sfreq
    length = offset - onset
    fast, slow = (3.2, 2.9) if label == "absz" else (rng.uniform(5.5, 7), rng.uniform(3, 3.6))
    # the integral of a frequency that falls linearly from fast to slow
    phase = 2 * np.pi * (fast * t + (slow - fast) * t**2 / (2 * length))
    wave = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase)
    envelope = (0.4 + 0.6 * t / length) * np.clip(np.minimum(t / 1.5, (length - t) / 0.5), 0, 1)

    xy = np.array([POSITIONS[name] for name in names])
    if label in GENERALIZED:
        weight = 0.7 + 0.3 * _closeness(xy, np.array([POSITIONS["FZ"]]), 0.6)[:, 0]
    else:
        weight = _closeness(xy, np.array([POSITIONS[focus]]), 0.5)[:, 0]
    rhythm = (rng.uniform(70, 120) * envelope * wave).astype(np.float32)
    eeg[:, first:last] += np.outer(weight.astype(np.float32), rhythm)


def auxiliary(rng: np.random.Generator, name: str, n: int, sfreq: float) -> Signal:
    """Draw a channel that is not EEG, such as `EKG1`, `RESP ABDOMEN` or `IBI`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    name : str
        Name without prefix and reference; an unknown one gives the noise of an open input.
    n : int
        Number of samples.
    sfreq : float
        Sampling rate in Hz.

    Returns
    -------
    ndarray of float32, shape (sample,)
    """
    if name == "EKG1":
        return _pulses(rng, n, sfreq, interval=0.85, width=0.02, height=600)
    if name == "PHOTIC":
        return _pulses(rng, n, sfreq, interval=20, width=0.01, height=1000)
    if name == "RESP ABDOMEN":
        breath: Signal = np.sin(2 * np.pi * 0.25 * np.arange(n) / sfreq).astype(np.float32)
        return breath * np.float32(200)
    noise: Signal = rng.standard_normal(n, dtype=np.float32)
    level, spread = (850, 40) if name == "IBI" else (0, 2)
    noise *= spread
    noise += level
    return noise


def _closeness(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], width: float) -> Signal:
    """Gaussian of the distance between points, shape (len(a), len(b))."""
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    closeness: Signal = np.exp(-squared / (2 * width**2)).astype(np.float32)
    return closeness


def _pink(freqs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Amplitude of 1/f noise (power falls as f**-1.2); level below 0.5 Hz, no slow drift."""
    return np.where(freqs < 0.1, 0, np.maximum(freqs, 0.5) ** -0.6)


def _noise(
    rng: np.random.Generator,
    rows: int,
    n: int,
    sfreq: float,
    amplitude: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
) -> Signal:
    """Independent Gaussian noises with the given amplitude spectrum and unit variance."""
    # at least 16 s, so that the spectrum of a short file has bins to shape
    size = fft.next_fast_len(max(n, int(16 * sfreq)), real=True)
    gain = amplitude(fft.rfftfreq(size, 1 / sfreq)).astype(np.float32)
    # |X|^2 of two bins (positive and negative frequency) adds up to the variance
    gain *= size / (2 * np.sqrt((gain.astype(np.float64) ** 2).sum()))
    spectrum = rng.standard_normal((rows, 2 * gain.size), dtype=np.float32).view(np.complex64)
    spectrum *= gain
    noise: Signal = fft.irfft(spectrum, size, overwrite_x=True)[:, :n]
    return noise


def _pulses(
    rng: np.random.Generator, n: int, sfreq: float, interval: float, width: float, height: float
) -> Signal:
    """Gaussian pulses of `width` seconds at irregular times, `interval` seconds apart."""
    gaps = interval * rng.uniform(0.7, 1.3, 1 + int(1.5 * n / sfreq / interval))
    times = (np.cumsum(gaps) * sfreq).astype(int)
    train = np.zeros(n, dtype=np.float32)
    train[times[times < n]] = height
    reach = int(np.ceil(4 * width * sfreq))
    shape = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (width * sfreq)) ** 2)
    pulses: Signal = signal.oaconvolve(train, shape.astype(np.float32), "same")
    return pulses.astype(np.float32)
