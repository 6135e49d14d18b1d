"""Tables of a store as xarray Datasets whose columns are loaded when they are used."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from tuszstore.store.absent import RARE
from tuszstore.store.schema import VARIABLES
from tuszstore.store.tables import BaseTable, WindowTables

JOINED = ("id", "patient", "session", "montage")
"""Columns of recordings that the windows table shows for each window."""


class _Column(BackendArray):
    """An array that is loaded completely when any part is used."""

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], load: Callable[[], NDArray[Any]]
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._load = load

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return index_explicitly(key, self.shape, lambda raw: outer(self._load(), raw))


def index_explicitly(
    key: indexing.ExplicitIndexer, shape: tuple[int, ...], method: Callable[[Any], NDArray[Any]]
) -> Any:
    """Index an array of a backend that knows outer indexing.

    Parameters
    ----------
    key : ExplicitIndexer
        As xarray gives it.
    shape : tuple of int
    method : callable
        Takes an integer, slice or array of integers for each axis, each meant on its own.
    """
    if isinstance(key, indexing.VectorizedIndexer):
        support = indexing.IndexingSupport.OUTER
        return indexing.explicit_indexing_adapter(key, shape, support, method)
    # unchanged, since xarray's decomposition fails for an empty slice with a negative step
    return method(key.tuple)


def outer(values: NDArray[Any], key: tuple[Any, ...]) -> NDArray[Any]:
    """Index each axis of an array on its own.

    Parameters
    ----------
    values : ndarray
    key : tuple of int, slice or array_like of int
        One for each axis.
    """
    for axis in reversed(range(values.ndim)):  # last axis first, since an integer removes its axis
        values = values[(slice(None),) * axis + (key[axis],)]
    return values


ABSENT = "absent"
"""Attribute of a table that names the optional columns its store does not have."""

ROWS = frozenset(variable.dims[0] for variable in VARIABLES if len(variable.dims) == 1) - {
    "channel",
    "mask",
}
"""Dimensions whose entries are rows of a table."""


class TableDataset(xarray.Dataset):  # type: ignore[no-untyped-call]
    """A table as a Dataset that pandas converts row by row.

    An ordinary Dataset becomes the product of all its dimensions there: 19 rows for a recording
    whose mean is known of each channel. Here a variable with another dimension becomes a column
    for each entry of that: ``mean_Fp1``, ``mean_F3`` and so on.
    """

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        try:
            return super().__getitem__(key)
        except KeyError:
            if isinstance(key, str) and key in self.attrs.get(ABSENT, ()):
                raise KeyError(
                    f"{key} is absent: it is optional, and the store was written without it"
                ) from None
            raise

    def to_dataframe(self, dim_order: Sequence[Hashable] | None = None) -> pd.DataFrame:
        """Return a DataFrame with a row for each row of the table.

        Parameters
        ----------
        dim_order : sequence of hashable, optional
            If it is given, the product of these dimensions, as of any Dataset.
        """
        flat = self._flat() if dim_order is None else None
        return super().to_dataframe(dim_order) if flat is None else flat.to_dataframe()

    def to_pandas(self) -> pd.Series | pd.DataFrame:
        """Return :meth:`to_dataframe` of more than one row."""
        flat = self._flat()
        return super().to_pandas() if flat is None else flat.to_dataframe()

    def _flat(self) -> xarray.Dataset | None:
        """Return the table with one dimension; None if it has one already, or not one of rows."""
        rows = [dim for dim in self.dims if dim in ROWS]
        if len(rows) != 1 or len(self.dims) == 1:
            return None
        (row,) = rows
        flat: dict[str, xarray.Variable] = {}
        for name, variable in self.variables.items():
            others = [dim for dim in variable.dims if dim != row]
            if row not in variable.dims or len(others) > 1:
                continue  # names of entries of another dimension, or no longer part of a table
            for number in range(variable.sizes[others[0]] if others else 0):
                label = self[others[0]].values[number] if others[0] in self.coords else number
                flat[f"{name}_{label}"] = variable.isel({others[0]: number})
            if not others:
                flat[str(name)] = variable
        return xarray.Dataset(flat)


def table_dataset(
    table: BaseTable, channels: Sequence[str], *, coordinates: Iterable[str] = ()
) -> TableDataset:
    """Return a table as a Dataset.

    Parameters
    ----------
    table : BaseTable
    channels : sequence of str
        Names of the store's channels.
    coordinates : iterable of str
        Columns that name the entries of another dimension.
    """
    data = {}
    for name, variable in table.variables.items():
        dtype = np.dtype(object if variable.dtype == "string" else variable.dtype)
        column = lazy_column(table.shape(name), dtype, partial(table.__getitem__, name))
        attributes = {"comment": variable.comment, **variable.attributes}
        data[name] = xarray.Variable(variable.dims, column, attributes)
    lacking = [variable.name for variable in table.absent if variable.path not in RARE]
    absent = {ABSENT: lacking} if lacking else {}
    dataset = TableDataset(data, attrs=absent)
    if "channel" in dataset.dims:
        dataset = dataset.assign_coords(channel=("channel", list(channels)))
    return dataset.set_coords(list(coordinates))


def index_dataset(store: WindowTables) -> TableDataset:
    """Return the windows table, with id, patient, session and montage of each one's recording.

    Parameters
    ----------
    store : WindowTables
    """
    dataset = table_dataset(store.windows, store.spec.channel_names, coordinates=["mask"])
    dataset.attrs["numbering"] = store.numbering
    dataset.encoding["source"] = str(store.path)  # like xarray's own engines; copies are identical
    joined = [name for name in JOINED if name in store.recordings.variables]
    for name in joined:
        column = lazy_column((store.n_windows,), np.dtype(object), partial(_join, store, name))
        comment = store.recordings.variables[name].comment
        dataset[name] = xarray.Variable(("window",), column, {"comment": comment})
    return dataset.set_coords(joined)


def _join(store: WindowTables, name: str) -> NDArray[Any]:
    column: NDArray[Any] = store.recordings[name][store.windows["recording"]]
    return column


def lazy_column(
    shape: tuple[int, ...], dtype: np.dtype[Any], load: Callable[[], NDArray[Any]]
) -> Any:
    """Return data of an xarray Variable that is loaded completely when any part is used.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        ``object`` for strings.
    load : callable
        Called each time; pickled with the array.
    """
    return indexing.LazilyIndexedArray(_Column(shape, dtype, load))
