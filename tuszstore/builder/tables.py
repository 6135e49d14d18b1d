"""Rows of the tables from the results of a build's tasks."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.corpus.events import MarkedEvents
from tuszstore.store.raters import UNNAMED


def event_columns(marked: Sequence[MarkedEvents]) -> dict[str, NDArray[Any]]:
    """Return the columns of `events/*`.

    Parameters
    ----------
    marked : sequence of MarkedEvents
        One for each recording, in the order of the store.
    """
    events = [event for group in marked for event in group.events]
    counts = [len(group.events) for group in marked]
    bit, class_bit = (
        np.concatenate([getattr(group, name) for group in marked]) for name in ("bit", "class_bit")
    )
    # redundant: it is computed when absent
    decided = {} if np.array_equal(bit, class_bit) else {"class_bit": class_bit}
    return {
        "recording": np.repeat(np.arange(len(marked)), counts),
        "channel": strings(event.channel for event in events),
        "onset": np.array([event.onset for event in events]),
        "offset": np.array([event.offset for event in events]),
        "first_sample": np.concatenate([group.first for group in marked]),
        "stop_sample": np.concatenate([group.stop for group in marked]),
        "class": strings(event.label for event in events),
        "bit": bit,
        **decided,
        "confidence": np.array([event.confidence for event in events]),
        "rater": strings(event.rater for event in events),
    }


def rater_columns(raters: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the column `recordings/raters`; empty if no rater has a name.

    Parameters
    ----------
    raters : sequence of str
        Raters of each recording, from :func:`~tuszstore.store.raters.joined`.
    """
    return {"raters": strings(raters)} if set(raters) - {"", UNNAMED} else {}


def strings(values: Iterable[str]) -> NDArray[Any]:
    """Return strings as an array of NumPy's variable-length string type."""
    return np.array(list(values), dtype=np.dtypes.StringDType())
