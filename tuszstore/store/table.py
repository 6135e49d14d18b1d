"""The tables of a store, with columns loaded on demand."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.absent import COMPUTED, AbsentError, blank, compute, computed_shape
from tuszstore.store.caches import LEAST, shared_column
from tuszstore.store.columns import read_column
from tuszstore.store.digests import digests_of
from tuszstore.store.limits import chunk_names
from tuszstore.store.place import Place
from tuszstore.store.ranges import check_column
from tuszstore.store.schema import Variable
from tuszstore.store.tables import BaseTable

if TYPE_CHECKING:
    from tuszstore.store.metadata import StoreMetadata


class Table(BaseTable):
    """The columns of one table, each loaded when it is first used.

    Those of a remote store are loaded together: they are small, and round trips are long. Missing
    optional columns are computed, or raise an error.

    Parameters
    ----------
    store : StoreMetadata
    columns : sequence of Variable

    Attributes
    ----------
    variables : dict of str to Variable
        Columns that can be used, by name.
    absent : tuple of Variable
        Optional columns that are missing and cannot be computed.
    """

    def __init__(self, store: "StoreMetadata", columns: Sequence[Variable]) -> None:
        stored = {v.path for v in columns if v.required or v.path in store.arrays}
        self.variables = {v.name: v for v in columns if v.path in stored | COMPUTED}
        self.absent = tuple(v for v in columns if v.name not in self.variables)
        self._stored = [name for name, v in self.variables.items() if v.path in stored]
        self._store = store
        self._loaded: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        loaded = self._loaded  # local reference, since closing the store replaces the dict
        if name not in loaded:
            if name in self._stored:
                names = self._stored if self._store.place.remote else [name]
                values = self._store.read([partial(self._read, n) for n in names])
                loaded.update(zip(names, values, strict=True))
            else:
                loaded.update(self._compute(name))
        return loaded[name]

    def or_blank(self, name: str) -> NDArray[Any]:
        """Return a column, or placeholder values if the store lacks it."""
        absent = [variable for variable in self.absent if variable.name == name]
        if not absent:
            return self[name]
        n_rows = self.shape(self._stored[0])[0] if self._stored else 0
        return blank(absent[0], n_rows, len(self._store.spec.channels))

    def _compute(self, name: str) -> Mapping[str, NDArray[Any]]:
        for variable in self.absent:
            if variable.name == name:
                raise AbsentError(self._store.path, variable.path)
        if name not in self.variables:
            raise KeyError(name)
        store = self._store
        store.check_open()
        return compute(name, self, store.recordings, store.events, store.spec)

    def _read(self, name: str, place: Place) -> NDArray[Any]:
        path, store = self.variables[name].path, self._store
        digests, document = digests_of(store.attributes), store.arrays[path]
        read = partial(read_column, place, path, document, digests)
        values = self._shared(path, document, digests, read)
        check_column(store.path, path, values, store.arrays, store.spec)
        return values

    def _shared(
        self,
        path: str,
        document: Mapping[str, Any],
        digests: Mapping[str, str],
        read: Callable[[], NDArray[Any]],
    ) -> NDArray[Any]:
        """Return a column; processes share one copy of large ones."""
        if document["data_type"] == "string":
            return read()
        shape, dtype = tuple(document["shape"]), np.dtype(document["data_type"])
        files = chunk_names(path, document)
        if math.prod(shape) * dtype.itemsize < LEAST or not digests.keys() >= {*files}:
            return read()
        return shared_column([digests[file] for file in files], shape, dtype, read)

    def forget(self) -> None:
        """Drop loaded columns."""
        self._loaded = {}

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a column without loading it."""
        if name in ("class_bit", "raters") and name not in self._stored:
            return self.shape(self._stored[0])[:1]
        if name not in self._stored:
            return computed_shape(name, self._store.n_windows)
        return tuple(self._store.arrays[self.variables[name].path]["shape"])
