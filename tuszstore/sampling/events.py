"""Windows by the seizure they contain, so that long and short seizures have equal weight."""

import numpy as np
from numpy.typing import NDArray

from tuszstore.sampling.columns import Index, category_codes, column
from tuszstore.store.categories import NONE

NO_EVENT = -1
"""Number of the event of windows without a seizure."""


def event_numbers(index: Index) -> NDArray[np.int64]:
    """Return the seizure that each window contains, according to the index.

    Consecutive windows with seizure in one recording contain one seizure; a window without
    seizure separates it from the next one.

    Parameters
    ----------
    index : Index
        With the columns ``recording`` and ``category``; its windows in the order of the store.

    Returns
    -------
    ndarray of int64, shape (window,)
        Counted from 0, in order; -1 for windows without a seizure and unlabelled ones.
    """
    seizure = category_codes(index) > NONE
    recording = column(index, "recording", len(seizure))
    begins = seizure.copy()
    begins[1:] &= ~seizure[:-1] | (recording[1:] != recording[:-1])
    return np.where(seizure, np.cumsum(begins) - 1, NO_EVENT)


def event_sizes(events: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of some windows contain the seizure of each; 1 for those without one.

    Parameters
    ----------
    events : ndarray of int64, shape (window,)
        From :func:`event_numbers`.
    """
    sizes = np.ones(len(events), np.int64)
    shown = events != NO_EVENT
    sizes[shown] = np.bincount(events[shown])[events[shown]]
    return sizes
