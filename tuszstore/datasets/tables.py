"""Tables of a store as xarray Datasets whose columns are loaded when they are used."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import xarray
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from tuszstore.store.metadata import StoreMetadata, Table

JOINED = ("id", "patient", "session", "montage")
"""Columns of recordings that the windows table shows for each window."""


class _Column(BackendArray):
    """An array that is loaded in whole when any of it is used."""

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
    # as it is: xarray, taking it apart, would fail at an empty slice with a negative step
    return method(key.tuple)


def outer(values: NDArray[Any], key: tuple[Any, ...]) -> NDArray[Any]:
    """Index each axis of an array on its own.

    Parameters
    ----------
    values : ndarray
    key : tuple of int, slice or array_like of int
        One for each axis.
    """
    for axis in reversed(range(values.ndim)):  # from the last on: an integer takes its axis away
        values = values[(slice(None),) * axis + (key[axis],)]
    return values


def table_dataset(
    table: Table, channels: Sequence[str], *, coordinates: Iterable[str] = ()
) -> xarray.Dataset:
    """Return a table as a Dataset.

    Parameters
    ----------
    table : Table
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
    dataset = xarray.Dataset(data)
    if "channel" in dataset.dims:
        dataset = dataset.assign_coords(channel=("channel", list(channels)))
    return dataset.set_coords(list(coordinates))


def index_dataset(store: StoreMetadata) -> xarray.Dataset:
    """Return the windows table, with id, patient, session and montage of each one's recording.

    Parameters
    ----------
    store : StoreMetadata
    """
    dataset = table_dataset(store.windows, store.spec.channel_names, coordinates=["mask"])
    for name in JOINED:
        column = lazy_column((store.n_windows,), np.dtype(object), partial(_join, store, name))
        comment = store.recordings.variables[name].comment
        dataset[name] = xarray.Variable(("window",), column, {"comment": comment})
    return dataset.set_coords(list(JOINED))


def _join(store: StoreMetadata, name: str) -> NDArray[Any]:
    column: NDArray[Any] = store.recordings[name][store.windows["recording"]]
    return column


def lazy_column(
    shape: tuple[int, ...], dtype: np.dtype[Any], load: Callable[[], NDArray[Any]]
) -> Any:
    """Return data of an xarray Variable that is loaded in whole when any of it is used.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        ``object`` for strings.
    load : callable
        Called each time; pickled with the array.
    """
    return indexing.LazilyIndexedArray(_Column(shape, dtype, load))
