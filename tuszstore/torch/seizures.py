"""Labels of samples, 1 in a seizure, from few intervals.

A seizure has an event for each channel and class that show it. For a mask they are one interval,
and a window meets one or two of those, so all labels of a batch are painted in a tenth of a
millisecond. Class bits are painted by :mod:`tuszstore.read`.
"""

import numpy as np
from numpy.typing import NDArray

from tuszstore.api import Store


class SeizureMask:
    """Paints what ``store.labels & store.spec.seizure_bits`` has.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        # NumPy's tables: the first Dataset of a process costs as much as some batches
        windows, recordings, events = (
            store.metadata.windows, store.metadata.recordings, store.metadata.events
        )  # fmt: skip
        # samples of all recordings in a row, so that one number tells recording and time
        n_samples = recordings["n_samples"]
        offset = np.cumsum(n_samples) - n_samples
        begin = np.rint(windows["start_time"] * store.sfreq).astype(np.int64)
        self._begin = begin + offset[windows["recording"]]
        self._unlabelled = windows["category"] < 0
        seizure = (events["bit"] & np.uint16(store.spec.seizure_bits)) > 0
        recording = events["recording"][seizure]
        first, stop = (
            np.clip(events[name][seizure], 0, n_samples[recording]) + offset[recording]
            for name in ("first_sample", "stop_sample")
        )
        self._first, self._stop = merge(first, stop)

    def paint(self, numbers: NDArray[np.int64], out: NDArray[np.float32]) -> None:
        """Set the labels of windows.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
        out : ndarray of float32, shape (window, sample)
            Gets 1 in a seizure, 0 elsewhere, and NaN in windows of unlabelled recordings.
        """
        out[...] = 0
        begin = self._begin[numbers]
        # of the intervals, which are apart, those that end after a window begins ...
        low = np.searchsorted(self._stop, begin, "right")
        high = np.searchsorted(self._first, begin + out.shape[1], "left")
        for row in np.flatnonzero(low < high):  # ... and begin before it ends
            for k in range(low[row], high[row]):
                first = max(self._first[k] - begin[row], 0)
                out[row, first : self._stop[k] - begin[row]] = 1
        out[self._unlabelled[numbers]] = np.nan


def merge(
    first: NDArray[np.int64], stop: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the union of intervals as sorted ones that neither meet nor overlap.

    Parameters
    ----------
    first, stop : ndarray of int64, shape (interval,)
        In any order; those that do not end after they begin are ignored.
    """
    order = np.argsort(first)
    order = order[stop[order] > first[order]]
    first, stop = first[order], np.maximum.accumulate(stop[order])
    begins = np.ones(len(first), bool)
    begins[1:] = first[1:] > stop[:-1]
    return first[begins], stop[np.roll(begins, -1)]
