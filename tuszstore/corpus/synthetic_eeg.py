"""Synthetic EEG: signals that look enough like scalp recordings to exercise a pipeline.

TUSZ may not be redistributed, so demos, tests and benchmarks need something of the same
shape. The signals have the features that filters, normalisation and models react to (1/f
background, posterior alpha, blinks, mains hum, rhythmic seizures) and claim nothing more.
Everything is drawn in whole arrays, in float32, so that an hour takes about a second.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

Signal = npt.NDArray[np.float32]

# The head seen from above as a unit disc: x to the right ear, y to the nose.
POSITIONS: dict[str, tuple[float, float]] = {
    "FP1": (-0.27, 0.86), "FP2": (0.27, 0.86), "F3": (-0.35, 0.45), "F4": (0.35, 0.45),
    "C3": (-0.44, 0.0), "C4": (0.44, 0.0), "P3": (-0.35, -0.45), "P4": (0.35, -0.45),
    "O1": (-0.27, -0.86), "O2": (0.27, -0.86), "F7": (-0.73, 0.53), "F8": (0.73, 0.53),
    "T3": (-0.9, 0.0), "T4": (0.9, 0.0), "T5": (-0.73, -0.53), "T6": (0.73, -0.53),
    "FZ": (0.0, 0.45), "CZ": (0.0, 0.0), "PZ": (0.0, -0.45), "A1": (-1.1, -0.1),
    "A2": (1.1, -0.1), "T1": (-0.95, 0.35), "LOC": (-0.5, 1.1), "ROC": (0.5, 1.1),
}  # fmt: skip
GENERALIZED = frozenset({"gnsz", "tcsz", "absz"})


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
    eeg += np.outer(rng.uniform(0.3, 3, len(names)), hum.astype(np.float32)).astype(np.float32)
    return eeg


def add_seizure(
    rng: np.random.Generator,
    eeg: Signal,
    names: Sequence[str],
    sfreq: float,
    event: tuple[float, float, str],
    focus: str,
) -> None:
    """Add an evolving rhythm to `eeg` in place: slowing, growing, then ending at once.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of all randomness.
    eeg : ndarray of float32, shape (channel, sample)
        Microvolts; what lies past its end is not drawn.
    names : sequence of str
        Electrodes of `eeg`, keys of `POSITIONS`.
    sfreq : float
        Sampling rate in Hz.
    event : tuple of (float, float, str)
        Onset and offset in seconds, and the TUSZ class, which says whether all electrodes
        take part or those near `focus`.
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
        return (200 * np.sin(2 * np.pi * 0.25 * np.arange(n) / sfreq)).astype(np.float32)
    noise = rng.standard_normal(n, dtype=np.float32)
    if name == "IBI":
        return 850 + 40 * noise
    if name in ("BURSTS", "SUPPR"):
        return np.abs(noise)
    return 2 * noise


def _closeness(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], width: float) -> Signal:
    """Gaussian of the distance between points, shape (len(a), len(b))."""
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=-1)
    return np.exp(-squared / (2 * width**2)).astype(np.float32)


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
