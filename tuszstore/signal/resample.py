"""From the source's sampling rate to the store's.

A resampler takes ``(channel, sample)`` float64, the two rates and the number of samples to
return; it is registered in :data:`RESAMPLERS` under its name in ``signal.resample``.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tuszstore.errors import RecordingError

MAX_FACTOR = 100_000
"""Largest up- or down-sampling factor; its filter has 20 times as many taps."""


def resampled_length(n_samples: int, sfreq: Fraction, target: int) -> int:
    """Return the number of samples at the target rate, rounded half to even.

    Parameters
    ----------
    n_samples : int
        At `sfreq`.
    sfreq : Fraction
        Rate of the source (Hz).
    target : int
        Rate of the store (Hz).
    """
    if sfreq == target:
        return n_samples
    return round(n_samples * float(target) / float(sfreq))


def polyphase(
    x: NDArray[np.float64], sfreq: Fraction, target: int, length: int
) -> NDArray[np.float64]:
    """Resample with a zero-phase FIR low-pass (`scipy.signal.resample_poly`).

    The filter sees 10 samples of the lower rate to each side, so the end of a recording never
    reaches its start. A line through both ends is taken out meanwhile: an offset makes no step.
    """
    ratio = target / sfreq
    if max(ratio.numerator, ratio.denominator) > MAX_FACTOR:
        raise RecordingError(
            f"sampling rate of {float(sfreq):.9g} Hz has no simple ratio to {target} Hz; "
            "set signal.resample to 'fft'"
        )
    y: NDArray[np.float64] = signal.resample_poly(
        x, ratio.numerator, ratio.denominator, axis=-1, padtype="line"
    )
    return y[..., :length]


def fft(x: NDArray[np.float64], sfreq: Fraction, target: int, length: int) -> NDArray[np.float64]:
    """Resample by cutting the spectrum of the whole recording (`scipy.signal.resample`).

    The method of the NPZ pipeline. It takes the recording for one period of a periodic signal, so
    a difference between its ends rings at both.
    """
    y: NDArray[np.float64] = signal.resample(x, length, axis=-1)
    return y


Resampler = Callable[[NDArray[np.float64], Fraction, int, int], NDArray[np.float64]]

RESAMPLERS: dict[str, Resampler] = {"polyphase": polyphase, "fft": fft}
"""Resamplers by their name in the configuration."""
