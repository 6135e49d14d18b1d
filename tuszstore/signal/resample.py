"""From the original sampling rate to that of the store.

A resampler takes ``(channel, sample)`` float64, the two rates, which always differ, and the number
of samples to return. It is registered in :data:`tuszstore.registry.RESAMPLERS` under its name in
``signal.resample``.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tuszstore.errors import RecordingError

MAX_FACTOR = 100_000
"""Largest up- or down-sampling factor; its filter has 32 times as many taps."""

ROUNDED = 5e-6
"""Maximum relative error of a rate due to record lengths rounded to six digits."""

HALF_LENGTH = 16
"""Half-length of the polyphase filter, in samples of the lower rate.

SciPy's default of 10 attenuates 120 Hz by 2 dB; with 16, it is 0.7 dB, and the alias of 140 Hz at
116 Hz is 40 dB down instead of 20 dB.
"""

KAISER_BETA = 5.0


def resampled_length(n_samples: int, sfreq: Fraction, target: int) -> int:
    """Return the number of samples at the target rate, rounded half to even.

    Parameters
    ----------
    n_samples : int
        At `sfreq`.
    sfreq : Fraction
        Original sampling rate (Hz).
    target : int
        Rate of the store (Hz).
    """
    if sfreq == target:
        return n_samples
    return round(n_samples * float(target) / float(sfreq))


def nominal_rate(sfreq: Fraction, target: int, resample: str) -> Fraction:
    """Return the sampling rate from which a recording is resampled.

    A header gives a record of a third of a second as 0.333333 s, so that 300 Hz become 300.0003 Hz,
    which have no simple ratio to any rate. Only in such cases is the nearby simple rate used.

    Parameters
    ----------
    sfreq : Fraction
        Original sampling rate (Hz), according to the header.
    target : int
        Rate of the store (Hz).
    resample : str
        Name of the resampler: only ``polyphase`` needs a simple ratio.
    """
    if resample != "polyphase" or _is_simple(target / sfreq):
        return sfreq
    for simple in (Fraction(round(sfreq)), sfreq.limit_denominator(10)):
        if simple and abs(simple / sfreq - 1) <= ROUNDED:
            return simple
    return sfreq


def _is_simple(ratio: Fraction) -> bool:
    return max(ratio.numerator, ratio.denominator) <= MAX_FACTOR


def polyphase(
    x: NDArray[np.float64], sfreq: Fraction, target: int, length: int
) -> NDArray[np.float64]:
    """Resample with a zero-phase FIR low-pass (`scipy.signal.resample_poly`).

    The filter is short, so the end of a recording does not affect its start. A line through both
    ends is subtracted before and added after, so that offsets cause no step.
    """
    ratio = target / sfreq
    if not _is_simple(ratio):
        raise RecordingError(
            f"sampling rate of {float(sfreq):.9g} Hz has no simple ratio to {target} Hz; "
            "set signal.resample to 'fft'"
        )
    up, down = ratio.numerator, ratio.denominator
    start, end = x[..., :1], x[..., -1:]
    slope = (end - start) / max(1, x.shape[-1] - 1)
    y: NDArray[np.float64] = signal.resample_poly(
        x - (start + slope * np.arange(x.shape[-1])), up, down, axis=-1, window=_lowpass(up, down)
    )[..., :length]
    y += start + slope * (np.arange(y.shape[-1]) * (down / up))
    return y


@lru_cache(maxsize=8)
def _lowpass(up: int, down: int) -> Any:
    """Return a Kaiser-windowed sinc with unit DC gain in each phase.

    Without that, an offset of 3 mV would be overlaid with a tone of 1 µV.
    """
    factor = max(up, down)
    length = 2 * HALF_LENGTH * factor + 1
    taps = signal.firwin(length, 1 / factor, window=("kaiser", KAISER_BETA))
    for phase in range(up):
        taps[phase::up] /= up * taps[phase::up].sum()
    return taps


def fft(x: NDArray[np.float64], sfreq: Fraction, target: int, length: int) -> NDArray[np.float64]:
    """Resample by truncating the spectrum of the whole recording (`scipy.signal.resample`).

    This is the method of the NPZ pipeline. It treats the recording as one period of a periodic
    signal, so a difference between its ends causes ringing at both.
    """
    y: NDArray[np.float64] = signal.resample(x, length, axis=-1)
    return y


Resampler = Callable[[NDArray[np.float64], Fraction, int, int], NDArray[np.float64]]
"""A resampler: channels, their rate, the target rate (Hz) and length to channels."""
