"""Band-pass and notch.

A filter takes ``(channel, sample)`` float64, the sections made by :func:`design`, and the rate
(Hz). It is registered in :data:`tuszstore.registry.FILTERS` under its name in
``signal.filter``.
To add another kind of filter, add a section in :func:`design`.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tuszstore.config import Signal

Section = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Numerator and denominator of one filter, in the order of `scipy.signal.lfilter`."""

PAD_SECONDS = 4.0
"""Mirrored signal (s) at both ends for zero-phase filters: two periods of 0.5 Hz."""


def design(config: Signal) -> list[Section]:
    """Return the filters of a configuration, in the order in which they are applied."""
    sections = []
    nyquist = config.sfreq / 2
    if band := config.bandpass:
        edges = [band.low / nyquist, band.high / nyquist]
        sections.append(signal.butter(band.order, edges, "bandpass"))
    if notch := config.notch:
        sections.append(signal.iirnotch(notch.freq, notch.q, config.sfreq))
    return sections


def causal_from_rest(
    x: NDArray[np.float64], sections: list[Section], sfreq: int
) -> NDArray[np.float64]:
    """Filter forward with zero initial state, using `scipy.signal.lfilter`.

    This is the method of the NPZ pipeline. An electrode offset acts as a step at the first sample,
    and rings for seconds.
    """
    for b, a in sections:
        x = signal.lfilter(b, a, x, axis=-1)
    return x


def causal(x: NDArray[np.float64], sections: list[Section], sfreq: int) -> NDArray[np.float64]:
    """Filter forward, starting in the steady state for the first sample."""
    for sos in map(_second_order, sections):
        start = signal.sosfilt_zi(sos)[:, None, :] * x[None, :, :1]
        x, _ = signal.sosfilt(sos, x, axis=-1, zi=start)
    return x


def zero_phase(x: NDArray[np.float64], sections: list[Section], sfreq: int) -> NDArray[np.float64]:
    """Filter forward and backward: no delay at any frequency, twice the order.

    Both ends are extended by their point reflection about the last value, so that offsets and
    slopes cause no step.
    """
    if not sections:
        return x
    sos = np.concatenate([_second_order(section) for section in sections])
    padding = min(round(PAD_SECONDS * sfreq), x.shape[-1] - 1)
    rows = [signal.sosfiltfilt(sos, row, padlen=padding) for row in x]
    return np.stack(rows)


def _second_order(section: Section) -> NDArray[np.float64]:
    sos: NDArray[np.float64] = signal.tf2sos(*section)
    return sos


Filter = Callable[[NDArray[np.float64], list[Section], int], NDArray[np.float64]]
"""A filter: channels, sections and rate (Hz) to channels."""
