"""From the source's sampling rate to the store's.

A resampler takes ``(channel, sample)`` float64, the two rates, which differ, and the number of
samples to return; it is registered in :data:`tuszstore.registry.RESAMPLERS` under its name in
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
"""Relative error of a rate whose record length was rounded to six digits."""

HALF_LENGTH = 16
"""Samples of the lower rate that the polyphase filter sees to each side.

SciPy's own choice of 10 loses 2 dB at 120 Hz; with 16 it is 0.7 dB, and what 140 Hz leaves at
116 Hz is 40 dB down instead of 20.
"""

KAISER_BETA = 5.0


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


def nominal_rate(sfreq: Fraction, target: int, resample: str) -> Fraction:
    """Return the rate that a recording is resampled from.

    A record of a third of a second is one of 0.333333 s in a header, and 300 Hz become 300.0003 Hz,
    which have no simple ratio to any rate. There, and for no other rate, the simple one beside it
    is meant.

    Parameters
    ----------
    sfreq : Fraction
        Rate of the source (Hz), as its header says.
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

    The filter is short, so the end of a recording never reaches its start. A line through both
    ends is taken out meanwhile: an offset makes no step.
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
    """Return a Kaiser-windowed sinc whose every phase passes a constant as it is.

    Without that, an offset of 3 mV would come out with a tone of 1 µV on it.
    """
    factor = max(up, down)
    length = 2 * HALF_LENGTH * factor + 1
    taps = signal.firwin(length, 1 / factor, window=("kaiser", KAISER_BETA))
    for phase in range(up):
        taps[phase::up] /= up * taps[phase::up].sum()
    return taps


def fft(x: NDArray[np.float64], sfreq: Fraction, target: int, length: int) -> NDArray[np.float64]:
    """Resample by cutting the spectrum of the whole recording (`scipy.signal.resample`).

    The method of the NPZ pipeline. It takes the recording for one period of a periodic signal, so
    a difference between its ends rings at both.
    """
    y: NDArray[np.float64] = signal.resample(x, length, axis=-1)
    return y


Resampler = Callable[[NDArray[np.float64], Fraction, int, int], NDArray[np.float64]]
"""A resampler: channels, their rate, the rate wanted (Hz) and the length to channels."""
