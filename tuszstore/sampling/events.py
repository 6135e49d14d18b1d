"""Windows by the seizure they show, so that a long seizure counts no more than a short one."""

import numpy as np
from numpy.typing import NDArray

from tuszstore.sampling.columns import Index, category_codes, column
from tuszstore.store.categories import NONE

NO_EVENT = -1
"""Number of the event of windows without a seizure."""


def event_numbers(index: Index) -> NDArray[np.int64]:
    """Return which seizure each window shows, as far as the index tells.

    Windows with seizure that follow each other in one recording show one seizure: the next one
    begins where a window in between shows none.

    Parameters
    ----------
    index : Index
        With the columns ``recording`` and ``category``; its windows in the order of the store.

    Returns
    -------
    ndarray of int64, shape (window,)
        From 0 on, in order; -1 for windows without a seizure and unlabelled ones.
    """
    seizure = category_codes(index) > NONE
    recording = column(index, "recording", len(seizure))
    begins = seizure.copy()
    begins[1:] &= ~seizure[:-1] | (recording[1:] != recording[:-1])
    return np.where(seizure, np.cumsum(begins) - 1, NO_EVENT)


def event_sizes(events: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of some windows show the seizure of each; 1 for those without one.

    Parameters
    ----------
    events : ndarray of int64, shape (window,)
        As of :func:`event_numbers`.
    """
    sizes = np.ones(len(events), np.int64)
    shown = events != NO_EVENT
    sizes[shown] = np.bincount(events[shown])[events[shown]]
    return sizes
