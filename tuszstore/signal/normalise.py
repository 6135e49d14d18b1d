"""Location and scale of a channel.

A normaliser takes ``(channel, sample)`` float64, subtracts and divides in place, and returns what
it took: mean and standard deviation in µV. It is registered in :data:`NORMALISERS` under its name
in ``signal.normalise``.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Moments = tuple[NDArray[np.float64], NDArray[np.float64]]

EPSILON = 1e-8
"""Added to the standard deviation by the NPZ pipeline, so that a flat channel gives zeros."""

OUTLIER = 10.0
"""Robust standard deviations from the median beyond which a sample is no EEG."""

_SUBSAMPLE = 1 << 16
_NORMAL_MAD = 0.6744897501960817  # median absolute deviation of a standard normal


def zscore(x: NDArray[np.float64]) -> Moments:
    """Subtract the mean, divide by the standard deviation (ddof 0) plus 1e-8."""
    mean = np.mean(x, axis=-1, keepdims=True)
    x -= mean
    # numpy.std() would subtract the mean again, into an array of its own
    sd = np.sqrt(np.add.reduce(x * x, axis=-1, keepdims=True) / x.shape[-1])
    x /= sd + EPSILON
    return mean[:, 0], sd[:, 0]


def robust_zscore(x: NDArray[np.float64]) -> Moments:
    """Take mean and standard deviation of the samples that are EEG, not artefact.

    Left out of both are samples more than :data:`OUTLIER` robust standard deviations from the
    median; both are estimated from at most 65536 samples spread over the recording, the
    deviation as the median absolute one divided by 0.6745. On a recording without artefacts this
    is the z-score. A channel without variance gives zeros.
    """
    means, sds = np.empty(len(x)), np.empty(len(x))
    for k, row in enumerate(x):
        sample = row[:: max(1, row.size // _SUBSAMPLE)]
        centre = np.median(sample)
        spread = np.median(np.abs(sample - centre)) / _NORMAL_MAD
        row -= centre
        kept = np.abs(row) <= OUTLIER * spread if spread > 0 else np.ones(row.size, bool)
        eeg = row if kept.all() else row[kept]
        shift = eeg.mean()
        sd = eeg.std()
        row -= shift
        if sd > 0:
            row /= sd
        means[k], sds[k] = centre + shift, sd
    return means, sds


def none(x: NDArray[np.float64]) -> Moments:
    """Leave microvolts as they are: mean 0, standard deviation 1."""
    return np.zeros(len(x)), np.ones(len(x))


Normaliser = Callable[[NDArray[np.float64]], Moments]

NORMALISERS: dict[str, Normaliser] = {
    "robust_zscore": robust_zscore,
    "zscore": zscore,
    "none": none,
}
"""Normalisers by their name in the configuration."""
