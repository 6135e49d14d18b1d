"""Rows of the tables from what the tasks of a build returned."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.corpus.events import MarkedEvents


def event_columns(marked: Sequence[MarkedEvents]) -> dict[str, NDArray[Any]]:
    """Return the columns of `events/*`.

    Parameters
    ----------
    marked : sequence of MarkedEvents
        One for each recording, in the order of the store.
    """
    events = [event for group in marked for event in group.events]
    counts = [len(group.events) for group in marked]
    return {
        "recording": np.repeat(np.arange(len(marked)), counts),
        "channel": strings(event.channel for event in events),
        "onset": np.array([event.onset for event in events]),
        "offset": np.array([event.offset for event in events]),
        "first_sample": np.concatenate([group.first for group in marked]),
        "stop_sample": np.concatenate([group.stop for group in marked]),
        "class": strings(event.label for event in events),
        "bit": np.concatenate([group.bit for group in marked]),
        "confidence": np.array([event.confidence for event in events]),
        "rater": strings(event.rater for event in events),
    }


def strings(values: Iterable[str]) -> NDArray[Any]:
    """Return strings as an array of NumPy's variable-length string type."""
    return np.array(list(values), dtype=np.dtypes.StringDType())
