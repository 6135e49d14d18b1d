"""Checks of indices and counts, used everywhere.

Indices are integers in a list, an array or a tensor; a mask; or a slice. Negative ones count from
the end. Anything else raises an error that names it. This module imports nothing from
the package, so that all modules can use it.
"""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = int(np.iinfo(np.int64).max)

Indices = ArrayLike | slice
"""Indices of several windows; a tensor of torch, on any device, is an ``ArrayLike``."""


def check_indices(
    values: Indices, n: int | None, kind: str = "window", owner: str = "the store"
) -> NDArray[np.int64]:
    """Return non-negative indices, in the order given.

    Parameters
    ----------
    values : array_like of int or bool, shape (index,), or slice
        Integers, negative ones counted from the end, or a mask of all.
    n : int or None
        Total number. None if unknown: then negative indices are rejected.
    kind, owner : str
        What is counted and where, for messages.

    Returns
    -------
    ndarray of int64, shape (index,)
        A new array.

    Raises
    ------
    TypeError
        If they are not integers.
    IndexError
        If one is out of range, naming it; or they are not one-dimensional, or a mask is of another
        length.
    """
    if isinstance(values, slice) and n is not None:
        return np.arange(n, dtype=np.int64)[values]
    array = _as_array(values, kind)
    if array.ndim != 1:
        _refuse_other_kinds(array, values, kind)
        found = f"the number {array}: use [{array}]" if array.ndim == 0 else f"of {array.shape}"
        raise IndexError(f"{kind} indices must be one-dimensional, not {found}")
    return resolve(array, n, kind, owner)


def check_index(value: Any, n: int, kind: str = "window", owner: str = "the store") -> int:
    """Return one non-negative index.

    Parameters
    ----------
    value : int
        Negative ones count from the end.
    n, kind, owner
        As for :func:`check_indices`.

    Raises
    ------
    TypeError
        If it is not an integer.
    IndexError
        If it is out of range.
    """
    array = _as_array(value, kind)
    if array.ndim:
        raise TypeError(f"one {kind} index is expected, an integer, not {type(value).__name__}")
    return int(resolve(array, n, kind, owner))


def as_whole_number(name: str, value: Any, least: int) -> int:
    """Return a parameter that must be an integer of at least `least`.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it is less.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be {least} or more, not {number}")
    return number


def is_single(value: Any) -> bool:
    """Return whether a value is one index rather than several."""
    return not isinstance(value, slice) and np.ndim(value) == 0


def resolve(
    values: Any, n: int | None, kind: str = "window", owner: str = "the store"
) -> NDArray[np.int64]:
    """Return non-negative indices of any shape; a mask gives the indices of its true values.

    Parameters
    ----------
    values, n, kind, owner
        As for :func:`check_indices`, but of any shape.
    """
    array = _as_array(values, kind)
    if array.dtype == bool and array.ndim:
        if array.ndim != 1 or n not in (None, len(array)):
            expected = "be one-dimensional" if n is None else f"have the shape ({n},)"
            raise IndexError(f"a mask must {expected}, not {array.shape}")
        return np.flatnonzero(array)
    if array.size == 0:
        return np.zeros(array.shape, np.int64)
    _refuse_other_kinds(array, values, kind)
    least, most = (0, LARGEST) if n is None else (-n, n - 1)
    wrong = np.asarray((array < least) | (array > most), bool)
    if wrong.any():
        value = array[wrong].flat[0]
        there = "they count from 0" if n is None else f"{owner} has {_count(n, kind)}"
        raise IndexError(f"{kind} {value} is out of range: {there}")
    numbers = array.astype(np.int64)
    if n is not None:
        numbers[numbers < 0] += n
    return numbers


def _as_array(values: Any, kind: str) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach"):  # a tensor, possibly on a GPU
        values = values.detach().cpu()
    try:
        return np.asarray(values)
    except ValueError:
        raise IndexError(f"{kind} indices must be one-dimensional, but these are ragged") from None


def _refuse_other_kinds(array: NDArray[Any], given: Any, kind: str) -> None:
    """Raise unless an array is of integers; integers too large for 64 bits are objects."""
    if array.dtype.kind in "iu" or not array.size:
        return
    found: Any = array.dtype
    if array.dtype == object:
        others = [value for value in array.flat if not _is_integer(value)]
        if not others:
            return
        found = type(others[0]).__name__
    elif array.dtype.kind in "US":
        found = repr(array.flat[0].item())
    raise TypeError(f"{kind} indices must be integers, not {found}")


def _is_integer(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _count(n: int, kind: str) -> str:
    return f"{n} {kind}" if n == 1 else f"{n} {kind}s"
