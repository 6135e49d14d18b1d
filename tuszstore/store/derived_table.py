"""A table with some columns computed in memory, replacing those of another table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tuszstore.store.absent import AbsentError, blank
from tuszstore.store.schema import Variable
from tuszstore.store.tables import BaseTable


@dataclass(frozen=True)
class Made:
    """Columns that are computed together, when one of them is first used.

    Attributes
    ----------
    shapes : mapping of str to tuple of int
        Shape of each, by name.
    make : callable
        Returns them by name.
    """

    shapes: Mapping[str, tuple[int, ...]]
    make: Callable[[], Mapping[str, NDArray[Any]]]


class DerivedTable(BaseTable):
    """Columns of another table, some of them replaced.

    Parameters
    ----------
    path : Path or str
        For messages.
    variables : iterable of Variable
        All that may be in it.
    made : iterable of Made
        Computed columns.
    under : BaseTable or None
        Source of all other columns; None if there are no others.
    n_rows, n_channels : int
        Sizes of unknown columns.
    check_open : callable
        Raises once the store is closed.
    """

    def __init__(
        self,
        path: Path | str,
        variables: Iterable[Variable],
        made: Iterable[Made],
        under: BaseTable | None,
        n_rows: int,
        n_channels: int,
        check_open: Callable[[], None],
    ) -> None:
        self._path = path
        self._made = {name: one for one in made for name in one.shapes}
        self._under = under
        self._sizes = n_rows, n_channels
        self._check_open = check_open
        self._loaded: dict[str, NDArray[Any]] = {}
        there = set(self._made) | set(under.variables if under is not None else ())
        known = list(variables)
        self.variables = {v.name: v for v in known if v.name in there}
        self.absent = tuple(v for v in known if v.name not in there)

    def __getitem__(self, name: str) -> NDArray[Any]:
        loaded = self._loaded  # local reference, since closing replaces the dict
        if name not in loaded:
            for variable in self.absent:
                if variable.name == name:
                    raise AbsentError(self._path, variable.path)
            if name not in self.variables:
                raise KeyError(name)
            self._check_open()
            if name not in self._made:
                assert self._under is not None
                return self._under[name]
            loaded.update(self._made[name].make())
        return loaded[name]

    def or_blank(self, name: str) -> NDArray[Any]:
        """Return a column, or placeholder values if it is unknown."""
        for variable in self.absent:
            if variable.name == name:
                return blank(variable, *self._sizes)
        return self[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a column without computing it."""
        if name in self._made:
            return self._made[name].shapes[name]
        assert self._under is not None
        return self._under.shape(name)

    def load(self, *names: str) -> None:
        """Load or compute columns now; those of a remote store together."""
        below = [name for name in names if name in self.variables and name not in self._made]
        if self._under is not None and below:
            self._under.load(*below)
        super().load(*names)

    def forget(self) -> None:
        """Drop computed columns."""
        self._loaded = {}
