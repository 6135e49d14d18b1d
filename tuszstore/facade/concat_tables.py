"""Tables of concatenated stores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.facade.class_bits import ClassBits
from tuszstore.facade.windows import WindowCollection
from tuszstore.store.absent import blank
from tuszstore.store.categories import CATEGORIES
from tuszstore.store.derived_table import DerivedTable, Made
from tuszstore.store.encoding import Encoding
from tuszstore.store.geometry import Geometry
from tuszstore.store.index import categorise
from tuszstore.store.place import ClosedError
from tuszstore.store.schema import Variable, variables
from tuszstore.store.spec import StoreSpec
from tuszstore.store.tables import BaseTable

Columns = Mapping[str, NDArray[Any]]

SOURCE = Variable(
    "windows/source",
    ("window",),
    "int32",
    "Number of the window's store among the concatenated ones",
)


IDS = (("recordings", "id"), ("recordings", "source_id"), ("left_out", "id"))
"""Columns of names that are unique only within a store."""


@dataclass(frozen=True)
class ConcatGrid:
    """Positions of the windows of several stores."""

    parts: Sequence[Any]
    first_window: NDArray[np.int64]
    first_recording: NDArray[np.int64]

    def find(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return recording and first sample, from the recording's start, of windows."""
        recording, first = np.empty(len(numbers), np.int64), np.empty(len(numbers), np.int64)
        source = np.searchsorted(self.first_window, numbers, "right") - 1
        for number in np.unique(source).tolist():
            rows = source == number
            row, sample = self.parts[number].find(numbers[rows] - self.first_window[number])
            recording[rows], first[rows] = row + self.first_recording[number], sample
        return recording, first


@dataclass(frozen=True)
class ConcatTables:
    """All but the signals of several stores; see :class:`tuszstore.store.tables.WindowTables`.

    Attributes
    ----------
    stores : tuple of WindowCollection
    sources : tuple of str
        A name for each.
    spec : StoreSpec
        Common specification.
    bits : ClassBits
        Translation of the bits of each store's classes.
    patients : callable
        Returns the patients of all recordings.
    closed : list of bool
    """

    stores: tuple[WindowCollection, ...]
    sources: tuple[str, ...]
    spec: StoreSpec
    bits: ClassBits
    patients: Callable[[], NDArray[Any]]
    closed: list[bool] = field(default_factory=lambda: [False])

    @property
    def path(self) -> str:
        """Locations of the stores, for messages."""
        return " + ".join(str(store.path) for store in self.stores)

    @property
    def geometry(self) -> Geometry:
        """Lengths of windows."""
        return self.spec.geometry

    @cached_property
    def encoding(self) -> Encoding:
        """How values are stored; if stores differ, as they are read."""
        found = {store.metadata.encoding for store in self.stores}
        rows = any(getattr(store.reader, "rows", None) is not None for store in self.stores)
        return found.pop() if len(found) == 1 and not rows else Encoding("float32", 1.0, "none")

    @property
    def signature(self) -> str:
        """Signature of the content."""
        return " ".join(store.metadata.signature for store in self.stores)

    @property
    def numbering(self) -> str:
        """Equal if window indices refer to the same windows."""
        return ", ".join(store.metadata.numbering for store in self.stores)

    @cached_property
    def first_window(self) -> NDArray[np.int64]:
        """First window of each store."""
        return _starts([len(store) for store in self.stores])

    @cached_property
    def first_recording(self) -> NDArray[np.int64]:
        """First recording of each store."""
        return _starts([store.metadata.recordings.shape("id")[0] for store in self.stores])

    @cached_property
    def grid(self) -> Any:
        """Positions of windows."""
        grids = [store.metadata.grid for store in self.stores]
        return ConcatGrid(grids, self.first_window, self.first_recording)

    @cached_property
    def n_windows(self) -> int:
        """Number of windows."""
        return sum(map(len, self.stores))

    @cached_property
    def windows(self) -> BaseTable:
        """Columns of `windows/*`, and `source`."""
        made = self._joined("windows")
        made.append(Made({"source": (self.n_windows,)}, self._source))
        return self._table("windows", made, [SOURCE])

    @cached_property
    def recordings(self) -> BaseTable:
        """Columns of `recordings/*`; repeated ids are prefixed with the name of their source."""
        return self._table("recordings", self._joined("recordings"))

    @cached_property
    def events(self) -> BaseTable:
        """Columns of `events/*`."""
        return self._table("events", self._joined("events"))

    @cached_property
    def left_out(self) -> BaseTable:
        """Columns of `left_out/*`."""
        return self._table("left_out", self._joined("left_out"))

    def check_open(self) -> None:
        """Raise if this or one of the stores was closed.

        Raises
        ------
        ClosedError
        """
        for store in self.stores:
            store.metadata.check_open()
        if self.closed[0]:
            raise ClosedError(self.path)

    def close(self) -> None:
        """Drop computed columns; the stores are unchanged."""
        self.closed[0] = True
        for name in ("windows", "recordings", "events", "left_out"):
            if name in vars(self):
                vars(self)[name].forget()

    def parts_of(self, table: str) -> list[BaseTable]:
        """Return a table of each store."""
        return [getattr(store.metadata, table) for store in self.stores]

    def _table(self, name: str, made: list[Made], more: Sequence[Variable] = ()) -> BaseTable:
        n_rows = sum(n_rows_of(table) for table in self.parts_of(name))
        n_channels = len(self.spec.channels)
        known = [*variables(name), *more]
        return DerivedTable(self.path, known, made, None, n_rows, n_channels, self.check_open)

    def _joined(self, name: str) -> list[Made]:
        """Return the columns that all stores have, or that may be blank in some."""
        tables, made = self.parts_of(name), []
        for variable in variables(name):
            there = [variable.name in table.variables for table in tables]
            can_be_blank = variable.dtype in ("string", "float64") and any(there)
            if variable.name == "mask":
                shape: tuple[int, ...] = (len(CATEGORIES),)
            elif all(there) or can_be_blank:
                shape = self._shape(variable, tables)
            else:
                continue
            make = _Maker(self, name, variable)
            made.append(Made({variable.name: shape}, make))
        return made

    def _shape(self, variable: Variable, tables: Sequence[BaseTable]) -> tuple[int, ...]:
        n_rows = sum(map(n_rows_of, tables))
        (whole,) = [t for t in tables if variable.name in t.variables][:1]
        sizes = dict(zip(variable.dims, whole.shape(variable.name), strict=True))
        sizes[_row_of(variable)] = n_rows
        return tuple(sizes[dim] for dim in variable.dims)

    def _source(self) -> Columns:
        counts = [len(store) for store in self.stores]
        return {"source": np.repeat(np.arange(len(counts), dtype=np.int32), counts)}


@dataclass(frozen=True)
class _Maker:
    """Makes one column of several stores."""

    tables: ConcatTables
    table: str
    variable: Variable

    def __call__(self) -> Columns:
        name, tables = self.variable.name, self.tables
        parts = tables.parts_of(self.table)
        if name == "mask":
            return {name: np.array(CATEGORIES, object)}
        if (self.table, name) == ("windows", "category_mask"):
            codes = np.arange(len(CATEGORIES))[:, None]
            return {name: tables.windows["category"] == codes}
        if (self.table, name) == ("recordings", "patient"):
            return {name: tables.patients()}
        columns = [self._part(number, table) for number, table in enumerate(parts)]
        if (self.table, name) in IDS:
            columns = distinct(columns, tables.sources)
        axis = self.variable.dims.index(_row_of(self.variable))
        return {name: np.concatenate(columns, axis)}

    def _part(self, number: int, table: BaseTable) -> NDArray[Any]:
        """Return the column of one store, with rows and bits mapped to those of the series."""
        name, tables = self.variable.name, self.tables
        if name not in table.variables:
            return blank(self.variable, n_rows_of(table), len(tables.spec.channels))
        if name == "category":
            spec = tables.stores[number].spec
            if spec.full_seizure != tables.spec.full_seizure:
                return categorise(table["seizure_fraction"], tables.spec.full_seizure)
        values = table[name]
        if name == "recording":
            return np.asarray(values + tables.first_recording[number], values.dtype)
        if name == "first_window":
            return np.asarray(values + tables.first_window[number])
        if name in ("start_block", "first_block"):
            return np.asarray(values + self._first_block(number))
        if name in ("event_classes", "bit", "class_bit"):
            return tables.bits.of_store(number, values)
        return values

    def _first_block(self, number: int) -> int:
        return sum(
            int(store.metadata.recordings["n_blocks"].sum())
            for store in self.tables.stores[:number]
        )


def distinct(columns: Sequence[NDArray[Any]], prefixes: Sequence[str]) -> list[NDArray[Any]]:
    """Return names that are unique across columns, by prefixes. Blanks are kept.

    Parameters
    ----------
    columns : sequence of ndarray of str
    prefixes : sequence of str
        One for each.
    """
    seen: dict[str, int] = {}
    for column in columns:
        for value in set(column.tolist()) - {""}:
            seen[value] = seen.get(value, 0) + 1
    out = []
    for column, prefix in zip(columns, prefixes, strict=True):
        named = np.empty(len(column), object)
        named[:] = [f"{prefix}/{v}" if seen.get(v, 0) > 1 else v for v in column.tolist()]
        out.append(named)
    return out


def n_rows_of(table: BaseTable) -> int:
    """Return the number of rows of a table."""
    for name, variable in table.variables.items():
        if len(variable.dims) == 1 and variable.dims[0] != "mask":
            return table.shape(name)[0]
    return 0


def _row_of(variable: Variable) -> str:
    return variable.dims[1] if variable.dims[0] == "mask" and len(variable.dims) > 1 else (
        variable.dims[0]
    )  # fmt: skip


def _starts(counts: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
