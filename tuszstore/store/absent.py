"""Optional variables that a store lacks: computed, or reported as missing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.store.categories import CATEGORIES
from tuszstore.store.index import seizure_distances
from tuszstore.store.raters import UNNAMED
from tuszstore.store.schema import Variable, variables
from tuszstore.store.spec import StoreSpec
from tuszstore.text import printable

Columns = Mapping[str, NDArray[Any]]

DISTANCES = (
    "time_to_seizure",
    "time_since_seizure",
    "seizure_free_after",
    "seizure_free_before",
)

COMPUTED = frozenset(
    [
        *(f"windows/{name}" for name in ("mask", "category_mask", *DISTANCES)),
        "events/class_bit",
        "recordings/raters",
    ]
)
"""Variables that are computed from others if missing."""

RARE = frozenset({"recordings/timeline"})
"""Variables that a store has only if they say something; without them it lacks nothing."""


class AbsentError(StoreError, KeyError):
    """An optional variable that a store lacks and that cannot be computed.

    Parameters
    ----------
    path : Path or str
        Path of the store.
    name : str
        Name of the variable in it.
    """

    def __init__(self, path: Path | str, name: str) -> None:
        super().__init__(f"{path}: has no {name}: it is optional, and this store lacks it")

    def __str__(self) -> str:
        return printable(str(self.args[0]))  # str() of a KeyError would quote the text


def compute(
    name: str, windows: Columns, recordings: Columns, events: Columns, spec: StoreSpec
) -> dict[str, NDArray[Any]]:
    """Return a column that is computed, and those that are computed along with it.

    Parameters
    ----------
    name : str
        Without its group, of one of :data:`COMPUTED`.
    windows, recordings, events : mapping of str to ndarray
        Columns of the tables, loaded as they are needed.
    spec : StoreSpec
    """
    if name == "class_bit":
        return {name: events["bit"]}
    if name == "raters":  # the rater has no name
        return {name: np.where(recordings["labelled"], UNNAMED, "").astype(object)}
    if name == "mask":
        return {name: np.array(CATEGORIES, object)}
    if name == "category_mask":
        return {name: windows["category"] == np.arange(len(CATEGORIES))[:, None]}
    owner = windows["recording"]
    within = np.arange(len(owner)) - recordings["first_window"][owner]
    starts = {"recording": owner, "start_time": within * (spec.stride / spec.sfreq)}
    return seizure_distances(starts, recordings, events, spec)


def computed_shape(name: str, n_windows: int) -> tuple[int, ...]:
    """Return the shape of what :func:`compute` returns for a column of `windows/*`."""
    (dims,) = (variable.dims for variable in variables("windows") if variable.name == name)
    sizes = {"window": n_windows, "mask": len(CATEGORIES)}
    return tuple(sizes[dim] for dim in dims)


def blank(variable: Variable, n_rows: int, n_channels: int) -> NDArray[Any]:
    """Return placeholder values of an unknown variable.

    Parameters
    ----------
    variable : Variable
        Of a table, with a row each, or a row and channels.
    n_rows, n_channels : int

    Returns
    -------
    ndarray
        Empty strings, NaN, zeros or False; read-only.
    """
    shape = (n_rows, n_channels)[: len(variable.dims)]
    if variable.dtype == "string":
        return np.broadcast_to(np.array("", object), shape)
    dtype = np.dtype(variable.dtype)
    return np.broadcast_to(np.array(np.nan if dtype.kind == "f" else 0, dtype), shape)
