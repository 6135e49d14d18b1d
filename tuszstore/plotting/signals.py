"""Amplitudes and spectra of a store, from a sample of its windows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuszstore.plotting.stretch import microvolts
from tuszstore.store.categories import CODES, UNLABELLED

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

PER_CATEGORY = 40
"""Maximum windows read of each category."""

SEGMENT = 4.0
"""Segment length (s) of Welch's method, which gives a resolution of 0.25 Hz."""

_BATCH = 8  # windows in memory at a time


@dataclass(frozen=True)
class Sampled:
    """Measurements on the sampled windows of one category.

    Attributes
    ----------
    windows : ndarray of int64, shape (window,)
        Indices of the windows.
    rms : ndarray of float64, shape (window, channel)
        Root mean square (µV) about the mean; NaN for channels that were flat or interpolated.
    frequencies : ndarray of float64, shape (frequency,)
        In Hz.
    power : ndarray of float64, shape (window, frequency)
        Power density (µV²/Hz): the median over channels that were neither flat nor interpolated;
        NaN if there are none.
    clipped : ndarray of float64, shape (window,)
        Share of the samples of all channels at the clip value; 0 if the store does not clip.
    """

    windows: NDArray[np.int64]
    rms: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    power: NDArray[np.float64]
    clipped: NDArray[np.float64]


def windows_by_category(store: "WindowCollection") -> dict[str, NDArray[np.int64]]:
    """Return the windows of each category in the store, unlabelled ones last.

    Parameters
    ----------
    store : Store
    """
    category = store.index["category"].values
    found = {name: np.flatnonzero(category == code) for name, code in CODES.items()}
    found[UNLABELLED] = found.pop(UNLABELLED)
    return {name: numbers for name, numbers in found.items() if len(numbers)}


def sample_windows(
    store: "WindowCollection", per_category: int = PER_CATEGORY
) -> dict[str, NDArray[np.int64]]:
    """Return windows of each category in ascending order, sampled with a fixed seed.

    Parameters
    ----------
    store : Store
    per_category : int
        Maximum number.
    """
    rng = np.random.default_rng(0)
    return {
        name: np.sort(rng.choice(numbers, min(per_category, len(numbers)), replace=False))
        for name, numbers in windows_by_category(store).items()
    }


def measure(store: "WindowCollection", windows: NDArray[np.int64]) -> Sampled:
    """Read windows and measure them.

    Parameters
    ----------
    store : Store
    windows : ndarray of int64, shape (window,)

    Raises
    ------
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    from scipy.signal import welch

    recordings = store.metadata.recordings
    unusable = recordings.or_blank("flat") | recordings.or_blank("interpolated")
    rows = store.index["recording"].values[windows]
    n_segment = min(round(SEGMENT * store.sfreq), store.windows.shape[2])
    rms, power, clipped = [], [], []
    limit = _clipped_from(store)
    frequencies = np.zeros(0)
    for start in range(0, len(windows), _BATCH):
        signals = store.read(windows[start : start + _BATCH])
        for signal, row in zip(signals, rows[start : start + _BATCH], strict=True):
            values = microvolts(store, signal, int(row)).astype(np.float64)
            clipped.append(np.mean(np.abs(signal) > limit))
            values[unusable[row]] = np.nan
            rms.append(values.std(axis=1))
            frequencies, density = welch(values, store.sfreq, nperseg=n_segment)
            usable = density[~unusable[row]]
            power.append(np.median(usable, axis=0) if len(usable) else density[0])
    return Sampled(windows, np.array(rms), frequencies, np.array(power), np.array(clipped))


def _clipped_from(store: "WindowCollection") -> float:
    """Return the amplitude above which a value is clipped, in the units of the store."""
    clip, encoding = store.spec.clip, store.metadata.encoding
    if clip is None:
        return np.inf
    if encoding.dtype != "int16":
        return clip * (1 - 1e-6)  # float32 may be a little below it
    return (round(clip / encoding.scale) - 0.5) * encoding.scale
