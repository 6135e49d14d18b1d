"""The interface of all tables of windows, recordings and events."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from tuszstore.store.encoding import Encoding
from tuszstore.store.geometry import Geometry
from tuszstore.store.regular import WindowGrid
from tuszstore.store.schema import Variable
from tuszstore.store.spec import StoreSpec


class BaseTable(Mapping[str, NDArray[Any]], ABC):
    """Columns of a table by name, loaded or computed on first use.

    Attributes
    ----------
    variables : mapping of str to Variable
        Columns that can be used, by name.
    absent : tuple of Variable
        Optional columns that are unknown.
    """

    variables: Mapping[str, Variable]
    absent: tuple[Variable, ...]

    @abstractmethod
    def __getitem__(self, name: str) -> NDArray[Any]: ...

    @abstractmethod
    def or_blank(self, name: str) -> NDArray[Any]:
        """Return a column, or placeholder values if it is unknown."""

    @abstractmethod
    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a column without loading it."""

    @abstractmethod
    def forget(self) -> None:
        """Drop loaded columns."""

    def load(self, *names: str) -> None:
        """Load columns now: threads cannot use zarr-python at interpreter shutdown."""
        for name in names:
            self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)


class WindowTables(Protocol):
    """Window metadata of a store, a view, or several stores."""

    @property
    def path(self) -> Path | str:
        """Their location, for messages."""

    @property
    def spec(self) -> StoreSpec:
        """Meaning of values: channels, rate, units, windows, classes."""

    @property
    def geometry(self) -> Geometry:
        """Lengths of windows and blocks."""

    @property
    def encoding(self) -> Encoding:
        """How values are stored."""

    @property
    def signature(self) -> str:
        """Signature of the content: equal for copies of a store."""

    @property
    def numbering(self) -> str:
        """Equal if window indices refer to the same windows."""

    @property
    def grid(self) -> WindowGrid:
        """Positions of windows."""

    @property
    def n_windows(self) -> int:
        """Number of windows."""

    @property
    def windows(self) -> BaseTable:
        """Columns of `windows/*`."""

    @property
    def recordings(self) -> BaseTable:
        """Columns of `recordings/*`."""

    @property
    def events(self) -> BaseTable:
        """Columns of `events/*`."""

    @property
    def left_out(self) -> BaseTable:
        """Columns of `left_out/*`."""

    def check_open(self) -> None:
        """Raise if the store was closed."""
