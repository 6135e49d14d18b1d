"""All processing steps in order, a few channels at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.recipes import Recipe
from tuszstore.config import Signal
from tuszstore.errors import RecordingError
from tuszstore.signal.filters import design
from tuszstore.signal.gaps import interpolate_gaps
from tuszstore.signal.normalise import Moments
from tuszstore.signal.resample import nominal_rate, resampled_length
from tuszstore.signal.steps import filtered, normalised, resampled

GROUP = 4
"""Channels in float64 at a time: SciPy's FFT transforms four at once, and memory stays small."""


@dataclass(frozen=True)
class Preprocessed:
    """A recording as it is stored, before rounding.

    Attributes
    ----------
    data : ndarray of float32, shape (channel, sample)
        z-scores, or µV if ``normalise`` is ``none``.
    mean, sd : ndarray of float64, shape (channel,)
        In µV: ``data * sd + mean`` is the filtered signal, except for clipping.
    interpolated_samples : ndarray of int64, shape (channel,)
        Number of samples that were NaN or infinite, at the original sampling rate.
    derived : Moments
        Mean and standard deviation (µV) of derivations, each ``(derivation,)``, as computed by the
        normaliser.
    """

    data: NDArray[np.float32]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    interpolated_samples: NDArray[np.int64]
    derived: Moments


def preprocess(
    data: NDArray[np.float32],
    sfreq: Fraction,
    config: Signal,
    derivations: Sequence[Recipe] = (),
) -> Preprocessed:
    """Resample, filter, normalise and clip a whole recording.

    Parameters
    ----------
    data : ndarray of float32, shape (channel, sample)
        In µV.
    sfreq : Fraction
        Its sampling rate (Hz).
    config : Signal
    derivations : sequence of Recipe
        Derivations of the channels whose moments are also computed. They are computed from the
        filtered signal of the derivation, since they do not follow from the moments of its
        channels: the normaliser excludes other seconds if one of the electrodes has an artefact.

    Returns
    -------
    Preprocessed
        At ``config.sfreq``.
    """
    n_channels, n_source = data.shape
    sfreq = nominal_rate(sfreq, config.sfreq, config.resample)
    length = resampled_length(n_source, sfreq, config.sfreq)
    if length == 0:
        raise RecordingError(f"too short: less than one sample at {config.sfreq} Hz")
    out = np.empty((n_channels, length), np.float32)
    mean, sd = np.empty(n_channels), np.empty(n_channels)
    interpolated = np.zeros(n_channels, np.int64)
    before = np.empty((n_channels if derivations else 0, length), np.float32)
    sections = design(config)
    for start in range(0, n_channels, GROUP):
        group = slice(start, start + GROUP)
        x = data[group].astype(np.float64)
        if config.nonfinite == "interpolate":
            interpolated[group] = [interpolate_gaps(row) for row in x]
        if sfreq != config.sfreq:
            x = resampled(x, sfreq, length, config)
        x = filtered(x, sections, config)
        if derivations:
            before[group] = x
        mean[group], sd[group] = normalised(x, config)
        if config.clip is not None:
            np.clip(x, -config.clip, config.clip, out=x)
        out[group] = x
    np.nan_to_num(out, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    derived = derived_moments(before, derivations, config)
    return Preprocessed(out, mean, sd, interpolated, derived)


def derived_moments(
    data: NDArray[np.float32], derivations: Sequence[Recipe], config: Signal
) -> Moments:
    """Return the moments of derivations of channels, as computed by the normaliser.

    Parameters
    ----------
    data : ndarray of float32, shape (channel, sample)
        Filtered, in µV, at ``config.sfreq``.
    derivations : sequence of Recipe
    config : Signal

    Returns
    -------
    mean, sd : ndarray of float64, shape (derivation,)
        In µV.
    """
    mean, sd = np.zeros(len(derivations)), np.zeros(len(derivations))
    for k, recipe in enumerate(derivations):
        x = sum_of(recipe, data)[None]
        mean[k : k + 1], sd[k : k + 1] = normalised(x, config)
    return mean, sd


def sum_of(recipe: Recipe, data: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the weighted sum of channels that a recipe defines.

    Parameters
    ----------
    recipe : Recipe
    data : ndarray of float32, shape (channel, sample)

    Returns
    -------
    ndarray of float64, shape (sample,)
    """
    (row, factor), *rest = recipe
    out: NDArray[np.float64] = data[row].astype(np.float64)
    if factor != 1:
        out *= factor
    for row, factor in rest:
        if factor == -1:
            out -= data[row]
        else:
            out += data[row] * factor
    return out
