"""Labels of samples, 1 in a seizure, from few intervals.

A seizure has an event for each channel and class that show it. For a mask they are one interval,
and a window meets one or two of those, so all labels of a batch are painted in a tenth of a
millisecond. Class bits are read as they are stored.
"""

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.labels import UNLABELLED
from tuszstore.store.tables import WindowTables
from tuszstore.store.timeline import merge


class SeizureMask:
    """Paints what ``store.labels & store.spec.seizure_bits`` has.

    Parameters
    ----------
    store : WindowTables
    """

    def __init__(self, store: WindowTables) -> None:
        windows, recordings, events = store.windows, store.recordings, store.events
        # samples of all recordings in a row, so that one number tells recording and time
        n_samples = recordings["n_samples"]
        offset = np.cumsum(n_samples) - n_samples
        begin = np.rint(windows["start_time"] * store.spec.sfreq).astype(np.int64)
        self._begin = begin + offset[windows["recording"]]

        def spans(bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            chosen = (events["bit"] & np.uint16(bits)) > 0
            recording = events["recording"][chosen]
            first, stop = (
                np.clip(events[name][chosen], 0, n_samples[recording]) + offset[recording]
                for name in ("first_sample", "stop_sample")
            )
            return merge(first, stop)

        self._seizure = spans(store.spec.seizure_bits)
        nobody = ~np.asarray(recordings["labelled"], bool)
        ignored = spans(UNLABELLED)
        self._unlabelled = merge(
            np.concatenate([ignored[0], offset[nobody]]),
            np.concatenate([ignored[1], (offset + n_samples)[nobody]]),
        )

    def paint(self, numbers: NDArray[np.int64], out: NDArray[np.float32]) -> None:
        """Set the labels of windows.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
        out : ndarray of float32, shape (window, sample)
            Gets 1 in a seizure, 0 elsewhere, and NaN where samples are unlabelled.
        """
        out[...] = 0
        begin = self._begin[numbers]
        for (first, stop), value in ((self._seizure, 1.0), (self._unlabelled, np.nan)):
            # of the intervals, which are apart, those that end after a window begins ...
            low = np.searchsorted(stop, begin, "right")
            high = np.searchsorted(first, begin + out.shape[1], "left")
            for row in np.flatnonzero(low < high):  # ... and begin before it ends
                for k in range(low[row], high[row]):
                    start = max(first[k] - begin[row], 0)
                    out[row, start : stop[k] - begin[row]] = value
