"""Round numbers for distances of traces and for time steps."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NICE = (1, 1.5, 2, 3, 5, 7, 10)
_STEPS = {
    0.1: 0.1,
    0.2: 0.1,
    0.5: 0.1,
    1: 1,
    2: 1,
    5: 1,
    10: 1,
    15: 5,
    30: 5,
    60: 10,
    120: 30,
    300: 60,
    600: 60,
    900: 300,
    1800: 300,
    3600: 600,
}


def fitting_scale(traces: Sequence[NDArray[np.float32]]) -> float:
    """Return a round distance between traces (µV) at which most traces do not overlap.

    It is two and a half times the median, over traces that are not flat, of the amplitude that 95 %
    of a trace's samples stay within. Thus artefacts on a few traces do not flatten the others.

    Parameters
    ----------
    traces : sequence of ndarray, shape (sample,)
        Around 0, in µV.
    """
    spreads = [float(np.quantile(np.abs(trace), 0.95)) for trace in traces]
    live = [spread for spread in spreads if spread > 0]
    wanted = 2.5 * float(np.median(live)) if live else 100.0
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(nice * power for nice in _NICE if nice * power >= wanted * 0.999)


def time_steps(seconds: float) -> tuple[float, float]:
    """Return the steps (s) of labelled times, at most 16 of them, and of lines between them."""
    step = next((step for step in _STEPS if seconds / step <= 15), max(_STEPS))
    return step, _STEPS[step]


def extremes(values: NDArray[Any], n_bins: int) -> NDArray[np.int64]:
    """Return the indices of the least and greatest value in each bin, in order.

    A line through them looks like one through all values if bins are narrower than a pixel.

    Parameters
    ----------
    values : ndarray, shape (sample,)
    n_bins : int
        Approximate number of bins. Bins have equal length; all values of a remainder are returned.
    """
    size = max(1, len(values) // n_bins)
    whole = len(values) // size * size
    rows = values[:whole].reshape(-1, size)
    within = np.sort(np.stack([rows.argmin(1), rows.argmax(1)], axis=1), axis=1)
    places = within + np.arange(0, whole, size)[:, None]
    return np.concatenate([places.ravel(), np.arange(whole, len(values))])
