"""Samples that are NaN or infinite."""

import numpy as np
from numpy.typing import NDArray


def interpolate_gaps(x: NDArray[np.float64]) -> int:
    """Replace NaN and infinite samples by a straight line between their neighbours, in place.

    At the ends, the nearest finite sample is repeated. A channel without finite samples becomes
    zero.

    Parameters
    ----------
    x : ndarray of float64, shape (sample,)

    Returns
    -------
    int
        Number of samples replaced.
    """
    finite = np.isfinite(x)
    count = x.size - int(np.count_nonzero(finite))
    if count == x.size:
        x[:] = 0.0
    elif count:
        here = np.flatnonzero(finite)
        gaps = np.flatnonzero(~finite)
        x[gaps] = np.interp(gaps, here, x[here])
    return count
