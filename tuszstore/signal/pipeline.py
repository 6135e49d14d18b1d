"""All steps in their order, a few channels at a time."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tuszstore.config import Signal
from tuszstore.errors import RecordingError
from tuszstore.signal.filters import FILTERS, design
from tuszstore.signal.gaps import bridge
from tuszstore.signal.normalise import NORMALISERS
from tuszstore.signal.resample import RESAMPLERS, nominal_rate, resampled_length

GROUP = 4
"""Channels in float64 at a time: SciPy's FFT does four at once, and memory stays small."""


@dataclass(frozen=True)
class Preprocessed:
    """A recording as it is stored, before rounding.

    Attributes
    ----------
    data : ndarray of float32, shape (channel, sample)
        z-scores, or µV where ``normalise`` is ``none``.
    mean, sd : ndarray of float64, shape (channel,)
        In µV: ``data * sd + mean`` is the filtered signal, but for clipping.
    bridged : ndarray of int64, shape (channel,)
        Samples that were no number, at the source's rate.
    """

    data: NDArray[np.float32]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    bridged: NDArray[np.int64]


def preprocess(data: NDArray[np.float32], sfreq: Fraction, config: Signal) -> Preprocessed:
    """Resample, filter, normalise and clip a whole recording.

    Parameters
    ----------
    data : ndarray of float32, shape (channel, sample)
        In µV.
    sfreq : Fraction
        Its sampling rate (Hz).
    config : Signal

    Returns
    -------
    Preprocessed
        At ``config.sfreq``.
    """
    n_channels, n_source = data.shape
    sfreq = nominal_rate(sfreq, config.sfreq, config.resample)
    length = resampled_length(n_source, sfreq, config.sfreq)
    if length == 0:
        raise RecordingError(f"too short: not one sample at {config.sfreq} Hz")
    out = np.empty((n_channels, length), np.float32)
    mean, sd = np.empty(n_channels), np.empty(n_channels)
    bridged = np.zeros(n_channels, np.int64)
    sections = design(config)
    for start in range(0, n_channels, GROUP):
        group = slice(start, start + GROUP)
        x = data[group].astype(np.float64)
        if config.nonfinite == "bridge":
            bridged[group] = [bridge(row) for row in x]
        if sfreq != config.sfreq:
            x = RESAMPLERS[config.resample](x, sfreq, config.sfreq, length)
        x = FILTERS[config.filter](x, sections, config.sfreq)
        mean[group], sd[group] = NORMALISERS[config.normalise](x, config.sfreq)
        if config.clip is not None:
            np.clip(x, -config.clip, config.clip, out=x)
        out[group] = x
    np.nan_to_num(out, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return Preprocessed(out, mean, sd, bridged)
