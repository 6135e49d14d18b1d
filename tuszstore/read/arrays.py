"""Arrays that are read when indexed."""

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.html import box, pairs
from tuszstore.indices import check_indices, resolve
from tuszstore.units import size


class WindowArray:
    """Values of all windows of a store, read when indexed.

    Indexing follows NumPy in all its forms; the first axis is the window. Only the requested
    windows are read.

    Parameters
    ----------
    name : str
        For messages.
    shape : tuple of int
        The first axis is the window.
    dtype : numpy.dtype
    dims : tuple of str
    read : callable
        Takes window indices, returns their values.
    chunks : tuple of int
        Shape of the pieces that are read completely; empty if values are computed, not read.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        dims: tuple[str, ...],
        read: Callable[[NDArray[np.int64]], NDArray[Any]],
        chunks: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.dims = dims
        self.chunks = chunks
        self._read = read

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))

    @property
    def nbytes(self) -> int:
        """Bytes that all values would take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        axis = next((k for k, part in enumerate(keys) if part is not None), len(keys))
        head = keys[axis] if axis < len(keys) else slice(None)
        if head is Ellipsis:
            return np.asarray(self._all()[key])
        numbers = self._numbers(head)
        rows: Any = slice(None)
        if numbers.ndim == 0:  # one window, as in a loop: the fastest path
            values, rows = self._read(numbers[None]), 0
        elif isinstance(head, slice) or (numbers.ndim == 1 and len(keys) == 1):
            values = self._read(numbers)  # reads repeated windows once
        else:
            # only the windows needed are read, and NumPy applies the remaining index
            wanted, place = np.unique(numbers, return_inverse=True)
            rows = place.reshape(numbers.shape)[()]
            values = self._read(wanted)
        if len(keys) == 1:
            return np.asarray(values[rows])
        return np.asarray(values[(*keys[:axis], rows, *keys[axis + 1 :])])

    def __iter__(self) -> Any:
        return (self[number] for number in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError(f"{self.name} are on disk: an array of them is always a copy")
        return self._all().astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        axes = ", ".join(f"{n}: {size}" for n, size in zip(self.dims, self.shape, strict=True))
        return f"<{self.name} ({axes}) {self.dtype}, {self.nbytes / 1e9:.3g} GB when read>"

    def _repr_html_(self) -> str:
        one = self.nbytes / max(1, len(self))
        facts = {
            "dimensions": ", ".join(self.dims),
            "shape": str(self.shape),
            "type": str(self.dtype),
            "bytes": f"{size(self.nbytes)} if all are read, {size(one)} per window",
            "chunks": str(self.chunks) if self.chunks else "none: computed from the events",
        }
        return box(f"<b>{escape(self.name)}</b> read when indexed", pairs(facts))

    def _all(self) -> NDArray[Any]:
        return self._read(np.arange(len(self)))

    def _numbers(self, head: Any) -> NDArray[np.int64]:
        if isinstance(head, slice):
            return check_indices(head, len(self))
        return resolve(head, len(self))
