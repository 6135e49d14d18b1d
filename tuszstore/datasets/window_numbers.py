"""Window indices, as a pandas index that knows its store.

Window 3 of one store is unrelated to window 3 of another. With an index of plain numbers, xarray
would align them, or silently drop one of two stores, as ``combine_by_coords`` does with indexes
that begin alike.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuszstore.facade.windows import WindowCollection


@dataclass(frozen=True)
class Source:
    """What windows are of.

    Attributes
    ----------
    path : str
        Path of the store, for messages.
    signature : str
        Hash of its recordings' blocks: copies of a store are the same source.
    meaning : dict
        What its values mean: sampling rate, unit and event classes.
    """

    path: str
    signature: str
    meaning: dict[str, Any]


def window_numbers(store: "WindowCollection") -> pd.Index:
    """Return the numbers of all windows of a store.

    Parameters
    ----------
    store : Store
    """
    spec = store.spec
    source = Source(
        path=str(store.path),
        signature=store.metadata.numbering,
        meaning={
            "sampling rate": store.sfreq,
            "unit": spec.units,
            "event classes": spec.classes,
            "seizure classes": spec.seizure,
        },
    )
    return _of(pd.RangeIndex(len(store)), source)


def _of(index: pd.Index, source: Source | None) -> pd.Index:
    """Return the same indices as those of a store."""
    if source is None:
        return index
    known: Any
    if isinstance(index, pd.RangeIndex):
        known = _Range(index.start, index.stop, index.step, name=index.name)
    else:
        known = index.view()
        known.__class__ = _List  # pandas has no public way to make an index of a custom type
    known._source = source
    numbers: pd.Index = known
    return numbers


class _Numbers(pd.Index):
    """Common parts of both kinds of indexes."""

    _source: Source | None = None

    def equals(self, other: Any) -> bool:
        """Return whether the numbers are the same.

        Raises
        ------
        ValueError
            If they are of different stores, since a comparison would align unrelated windows.
        """
        theirs = getattr(other, "_source", None)
        if self._source and theirs and self._source.signature != theirs.signature:
            raise ValueError(
                f"windows of {self._source.path} and of {theirs.path} cannot be matched by their "
                'number. To put them one after the other: xarray.concat([...], dim="window"), or '
                'xarray.open_mfdataset([...], combine="nested", concat_dim="window"); the '
                "coordinate `store` then tells them apart"
            )
        return bool(super().equals(other))

    def append(self, other: Any) -> pd.Index:
        """Return these numbers and those of other indexes.

        Raises
        ------
        ValueError
            If they are of stores whose values mean different things.
        """
        others: Sequence[Any] = other if isinstance(other, list | tuple) else [other]
        # plain indexes, which may be compared
        joined = _plain(self).append([_plain(index) for index in others])
        sources = [getattr(index, "_source", None) for index in (self, *others)]
        if self._source is None or None in sources:
            return joined
        for theirs in filter(None, sources):
            for name, value in self._source.meaning.items():
                if theirs.meaning[name] != value:
                    raise ValueError(
                        f"windows of {self._source.path} and of {theirs.path} cannot be put "
                        f"together: {name}: {value} and {theirs.meaning[name]}; build both with "
                        "the same configuration"
                    )
        same = all(theirs.signature == self._source.signature for theirs in filter(None, sources))
        return _of(joined, self._source) if same else joined

    def copy(self, name: Any = None, deep: bool = False) -> Any:
        """Return a copy."""
        return _of(super().copy(name, deep), self._source)

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        return _of(value, self._source) if isinstance(value, pd.Index) else value

    def __reduce__(self) -> Any:
        return _of, (_plain(self), self._source)


class _List(_Numbers):
    """Arbitrary window indices."""


class _Range(_Numbers, pd.RangeIndex):
    """Window indices in a range, which takes no memory."""


def _plain(index: pd.Index) -> pd.Index:
    """Return the same indices as a plain pandas index."""
    if isinstance(index, _Range):
        return pd.RangeIndex(index.start, index.stop, index.step, name=index.name)
    if isinstance(index, _List):
        numbers: pd.Index = pd.Index(np.asarray(index), name=index.name)
        return numbers
    return index
