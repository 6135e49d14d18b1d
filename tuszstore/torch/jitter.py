"""Random shifts of windows, different in each epoch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.facade.windows import WindowCollection
from tuszstore.sampling.places import uniform_at


class Jitter:
    """Shifts of windows: within their stride, and within their recording.

    Shifts are uniformly distributed. The last window of a recording, if there is no room after
    it, is shifted within the stride before it; the only window of a recording, within the
    rest of the recording.

    Parameters
    ----------
    store : WindowCollection
    seed : int

    Raises
    ------
    ValueError
        If windows of the store cannot be shifted, naming it.
    """

    def __init__(self, store: WindowCollection, seed: int) -> None:
        nothing = np.zeros(0, np.int64)
        store.reader.signal(nothing, shift=nothing)  # raises if windows are stored separately
        self._store = store
        self._seed = seed
        self._table = store.metadata.windows
        self._n_samples = store.metadata.recordings["n_samples"]
        self._grid = store.metadata.grid
        parts = getattr(store, "stores", (store,))
        self._strides = np.array([part.spec.stride for part in parts], np.int64)
        if len(parts) > 1:
            self._table.load("source")

    def shifts(
        self, numbers: NDArray[np.int64], epochs: Any, places: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the shifts of windows in samples; negative ones are earlier.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
        epochs : int, or ndarray of int64, shape (window,)
        places : ndarray of int64, shape (window,)
            In the orders of the epochs.
        """
        recording, first = self._grid.find(numbers)
        stride = self._strides[self._table["source"][numbers] if len(self._strides) > 1 else 0]
        draws = np.empty(len(numbers))
        epochs = np.broadcast_to(epochs, len(numbers))
        for epoch in np.unique(epochs).tolist():
            own = epochs == epoch
            draws[own] = uniform_at(self._seed, epoch, places[own])
        later = np.floor(draws * stride).astype(np.int64)
        room = self._n_samples[recording] - first - self._store.spec.window
        within = np.floor(draws * (np.minimum(room, stride - 1) + 1)).astype(np.int64)
        shifted = np.where(later <= room, later, later - stride)
        return np.asarray(np.where(first >= stride, shifted, within), np.int64)


def shifts_of(
    jitter: Jitter | None, epoch: int, numbers: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return the shifts of windows of an epoch; None without jitter."""
    return None if jitter is None else jitter.shifts(numbers, epoch, places)
