"""Location and scale of a channel.

A normaliser takes ``(channel, sample)`` float64 and its rate (Hz), subtracts and divides in place,
and returns the mean and standard deviation used, in µV. It is registered in
:data:`tuszstore.registry.NORMALISERS` under its name in ``signal.normalise``.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Moments = tuple[NDArray[np.float64], NDArray[np.float64]]

EPSILON = 1e-8
"""Added to the standard deviation by the NPZ pipeline, so that a flat channel gives zeros."""

OUTLIER = 10.0
"""Typical deviations of a second from the median beyond which a sample is an artefact."""

RING = 3
"""Seconds around such a sample in which filters ring."""

FLAT = 1e-3
"""Standard deviation (µV) of a second below which the electrode was off, below amplifier noise."""


def zscore(x: NDArray[np.float64], sfreq: int) -> Moments:
    """Subtract the mean, divide by the standard deviation (ddof 0) plus 1e-8."""
    mean = np.mean(x, axis=-1, keepdims=True)
    x -= mean
    # numpy.std() would subtract the mean again, into a temporary array
    sd = np.sqrt(np.add.reduce(x * x, axis=-1, keepdims=True) / x.shape[-1])
    x /= sd + EPSILON
    return mean[:, 0], sd[:, 0]


def robust_zscore(x: NDArray[np.float64], sfreq: int) -> Moments:
    """Normalise by mean and standard deviation of the seconds without artefacts.

    Excluded are seconds without variance (electrode off), and those within :data:`RING` seconds of
    an outlier: a sample whose distance from the median of the seconds' means is more than
    :data:`OUTLIER` times the median of the seconds' standard deviations. Without artefacts, this is
    the z-score. A channel without any variance gives zeros.
    """
    means, sds = np.zeros(len(x)), np.zeros(len(x))
    for k, row in enumerate(x):
        eeg = _eeg(row, sfreq)
        sd = eeg.std() if eeg.size else 0.0
        if sd <= FLAT:
            row[:] = 0.0
            continue
        means[k], sds[k] = eeg.mean(), sd
        row -= means[k]
        row /= sd
    return means, sds


def _eeg(row: NDArray[np.float64], sfreq: int) -> NDArray[np.float64]:
    """Return the samples of a channel without artefacts; without a copy if that is all."""
    whole = max(sfreq, row.size // sfreq * sfreq)
    seconds = row[:whole].reshape(-1, min(sfreq, row.size))
    sd = seconds.std(axis=1)
    live = sd > FLAT
    if not live.any():
        return row[:0]
    centre, spread = np.median(seconds.mean(axis=1)[live]), np.median(sd[live])
    far = np.abs(seconds - centre).max(axis=1) > OUTLIER * spread
    ringing = np.convolve(far, np.ones(2 * RING + 1), "same")[: len(far)] > 0.5
    kept = live & ~ringing if (live & ~ringing).any() else live
    if kept.all():
        return row
    eeg: NDArray[np.float64] = row[:whole][np.repeat(kept, seconds.shape[1])]
    return eeg


def none(x: NDArray[np.float64], sfreq: int) -> Moments:
    """Leave microvolts unchanged: mean 0, standard deviation 1."""
    return np.zeros(len(x)), np.ones(len(x))


Normaliser = Callable[[NDArray[np.float64], int], Moments]
"""A normaliser: changes channels in place; takes channels and rate (Hz), returns mean and sd."""
