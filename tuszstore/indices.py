"""One rule for indices, wherever windows are named by number, and for counts.

Indices are integers in a list, an array or a tensor; a mask; or a slice. Negative ones count from
the end. What is none of these is refused in one line that names it. This module imports nothing of
the package, so that reading, sampling, torch and plots share the rule.
"""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

LARGEST = int(np.iinfo(np.int64).max)

Indices = ArrayLike | slice
"""What names several windows; a tensor of torch, on any device, is an ``ArrayLike``."""


def check_indices(
    values: Indices, n: int | None, kind: str = "window", owner: str = "the store"
) -> NDArray[np.int64]:
    """Return indices as numbers from 0 on, in the order given.

    Parameters
    ----------
    values : array_like of int or bool, shape (index,), or slice
        Integers, negative ones counted from the end, or a mask of all.
    n : int or None
        How many there are. None where that is unknown: then negative ones are refused.
    kind, owner : str
        What is counted and where, for messages.

    Returns
    -------
    ndarray of int64, shape (index,)
        The caller's own.

    Raises
    ------
    TypeError
        If they are no integers.
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
    """Return one index as a number from 0 on.

    Parameters
    ----------
    value : int
        Negative ones count from the end.
    n, kind, owner
        As :func:`check_indices` takes them.

    Raises
    ------
    TypeError
        If it is no integer.
    IndexError
        If it is out of range.
    """
    array = _as_array(value, kind)
    if array.ndim:
        raise TypeError(f"one {kind} index is expected, an integer, not {type(value).__name__}")
    return int(resolve(array, n, kind, owner))


def as_whole_number(name: str, value: Any, least: int) -> int:
    """Return a parameter that must be a whole number, `least` or more.

    Raises
    ------
    TypeError
        If it is no integer.
    ValueError
        If it is less.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be {least} or more, not {number}")
    return number


def is_single(value: Any) -> bool:
    """Return whether something stands for one index rather than for several."""
    return not isinstance(value, slice) and np.ndim(value) == 0


def resolve(
    values: Any, n: int | None, kind: str = "window", owner: str = "the store"
) -> NDArray[np.int64]:
    """Return indices of any shape as numbers from 0 on; a mask gives those that it marks.

    Parameters
    ----------
    values, n, kind, owner
        As :func:`check_indices` takes them, but of any shape.
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
    if hasattr(values, "detach"):  # a tensor, which may be on a GPU
        values = values.detach().cpu()
    try:
        return np.asarray(values)
    except ValueError:
        raise IndexError(f"{kind} indices must be one-dimensional, and these are ragged") from None


def _refuse_other_kinds(array: NDArray[Any], given: Any, kind: str) -> None:
    """Raise unless an array is of integers; those too large for 64 bits are objects."""
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
