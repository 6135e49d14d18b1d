"""Checks of columns of the windows table, window indices and other arguments."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.errors import TuszstoreError
from tuszstore.indices import as_whole_number, check_indices, is_single
from tuszstore.store.categories import CATEGORIES, CODES, PARTIAL, UNKNOWN_CATEGORY, UNLABELLED


class SamplingError(TuszstoreError, ValueError):
    """A set of windows that cannot be drawn as requested."""


class Index(Protocol):
    """The windows table: ``store.index``, or any mapping of its columns to arrays."""

    def __getitem__(self, name: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


def generator_of(seed: int, epoch: int) -> np.random.Generator:
    """Return the generator of an epoch; for the first epoch it depends only on the seed.

    ``default_rng([seed, epoch])`` would be the same for other pairs of large seeds and epochs.
    """
    number = whole_number("epoch", epoch, 0)
    return np.random.default_rng(
        np.random.SeedSequence(seed, spawn_key=(number,) if number else ())
    )


def apportion(limit: int, shares: Mapping[int, float]) -> dict[int, int]:
    """Divide the windows of a patient among categories, by the largest remainder."""
    exact = {code: limit * share / sum(shares.values()) for code, share in shares.items()}
    limits = {code: int(amount) for code, amount in exact.items()}
    by_remainder = sorted(exact, key=lambda code: limits[code] - exact[code])
    for code in by_remainder[: limit - sum(limits.values())]:
        limits[code] += 1
    if limits[PARTIAL] == 0:
        raise SamplingError(
            f"max_per_patient is {limit}, which leaves no window at the edge of a seizure per "
            "patient: raise it, or lower full and background"
        )
    return limits


def at_most(limit: int, groups: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose at most `limit` members of each group; return their places, ascending."""
    order = rng.permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    sizes = np.bincount(groups)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[rank < limit])


def column(index: Index, name: str, n_windows: int | None = None) -> NDArray[Any]:
    """Return a column of the windows table; the error for an unknown name lists the known ones."""
    if isinstance(index, str) or not hasattr(index, "__getitem__"):
        raise SamplingError(f"a sampler takes the index, `store.index`, not {type(index).__name__}")
    try:
        values = np.asarray(index[name])
    except KeyError:
        known = ", ".join(str(key) for key in index if np.ndim(index[key]) == 1)
        hint = "; create it from recordings['patient'] and the column recording"
        raise SamplingError(
            f"the index has no column {name!r}, only {known}{hint if name == 'patient' else ''}"
        ) from None
    if values.ndim != 1 or n_windows not in (None, len(values)):
        expected = "(window,)" if n_windows is None else f"({n_windows},)"
        raise SamplingError(f"column {name!r} must have the shape {expected}, not {values.shape}")
    return values


def category_codes(index: Index) -> NDArray[np.int8]:
    """Return the category of every window."""
    values = column(index, "category")
    if values.size and values.dtype.kind not in "iu":
        raise SamplingError(f"column 'category' must hold codes, not {values.dtype}")
    if values.size and (values.min() < UNKNOWN_CATEGORY or values.max() >= len(CATEGORIES)):
        raise SamplingError(
            f"column 'category' has codes from {values.min()} to {values.max()}, not from "
            f"{UNKNOWN_CATEGORY} to {len(CATEGORIES) - 1}"
        )
    return values.astype(np.int8, copy=False)


def group_rows(index: Index, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the values of a column, sorted, and the place of each window's among them."""
    values = column(index, name, len(category_codes(index)))
    changes = np.ones(len(values), bool)  # windows of a patient are adjacent: few values to sort
    changes[1:] = values[1:] != values[:-1]
    heads = np.flatnonzero(changes)
    try:
        names, codes = np.unique(values[heads], return_inverse=True)
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in values[heads]}))
        raise SamplingError(f"column {name!r} mixes values of {kinds}") from None
    # the smallest integer type, which NumPy sorts fastest
    codes = codes.astype(np.min_scalar_type(len(names)))
    return names, np.repeat(codes, np.diff(heads, append=len(values)))


def window_numbers(indices: ArrayLike | slice, n_windows: int | None = None) -> NDArray[np.int64]:
    """Return non-negative window indices, as a copy.

    If the number of windows is unknown, one number means that many from the first,
    and negative indices are rejected.
    """
    if n_windows is None and is_single(indices):
        return np.arange(whole_number("the number of windows", indices, 0))
    try:
        return check_indices(indices, n_windows, owner="the index")
    except (IndexError, TypeError) as error:
        raise SamplingError(str(error)) from None


def not_empty(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return window indices, at least one."""
    if not len(numbers):
        raise SamplingError("no windows to draw from: check the mask, or the split")
    return numbers


def whole_number(name: str, value: Any, least: int) -> int:
    """Return an argument that must be an integer of at least `least`."""
    try:
        return as_whole_number(name, value, least)
    except (TypeError, ValueError) as error:
        raise SamplingError(str(error)) from None


def finite_amount(name: str, value: Any) -> float:
    """Return an argument that must be a finite number, 0 or more."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise SamplingError(f"{name} must be a number of 0 or more, not {value!r}")
    return number


def category_counts(category: NDArray[np.int8]) -> dict[str, int]:
    """Return the number of windows by category; unlabelled ones only if there are any."""
    counts = {name: int(np.count_nonzero(category == code)) for name, code in CODES.items()}
    unlabelled = counts.pop(UNLABELLED)
    return counts | ({UNLABELLED: unlabelled} if unlabelled else {})


def counts_text(counts: Mapping[str, float]) -> str:
    """Return counts as text for messages."""
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def weights_of_all(weights: ArrayLike, n_windows: int) -> NDArray[np.float64]:
    """Return weights given for every window."""
    try:
        values = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        raise SamplingError("weights must be numbers, or a mapping of values to numbers") from None
    if values.shape != (n_windows,):
        raise SamplingError(f"weights must have the shape ({n_windows},), not {values.shape}")
    wrong = ~((values >= 0) & (values < np.inf))
    if wrong.any():
        number = int(np.argmax(wrong))
        raise SamplingError(
            f"the weight of window {number} must be a number of 0 or more, not {values[number]}"
        )
    return values


def weights_by(
    index: Index, weights: Mapping[Any, float], by: str | None, category: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Return the weight of every window by the value of a column."""
    if by is None:
        raise SamplingError("weights of values need their column: by='category'")
    names, codes = group_rows(index, by)
    known = dict.fromkeys(names.tolist())
    if by == "category":
        known = dict.fromkeys([*CODES, *CODES.values()])
    for value in weights:
        if value not in known:
            some = ", ".join(map(repr, [*known][:8])) + (", ..." if len(known) > 8 else "")
            raise SamplingError(f"no window has the {by} {value!r}; known are {some}")
    amounts = {value: finite_amount(f"the weight of {value!r}", w) for value, w in weights.items()}
    if by == "category":
        amounts = {CODES.get(value, value): amount for value, amount in amounts.items()}
    group_weights = np.array([amounts.get(name, 0.0) for name in names.tolist()], np.float64)
    each: NDArray[np.float64] = group_weights[codes]
    if by != "category":
        each[category == UNKNOWN_CATEGORY] = 0
    return each
