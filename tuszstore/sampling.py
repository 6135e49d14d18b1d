"""Which windows are seen, and in which order: pure functions of the windows table and a seed.

Nothing is read for it, so a set can be drawn, counted and repeated anywhere. The order of an epoch
depends on the seed and the epoch's number only, never on workers, batches or what was drawn before.
This module knows neither of signals nor of torch.
"""

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.errors import TuszstoreError
from tuszstore.store.schema import CATEGORIES, UNKNOWN_CATEGORY

_NONE, _PARTIAL, _FULL = range(len(CATEGORIES))
_UNLABELLED = "unlabelled"
_CODES = {_UNLABELLED: UNKNOWN_CATEGORY} | {name: code for code, name in enumerate(CATEGORIES)}


class SamplingError(TuszstoreError, ValueError):
    """A set of windows that cannot be drawn as asked."""


class Index(Protocol):
    """The windows table: ``store.index``, or any mapping of its columns to arrays."""

    def __getitem__(self, name: str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


def balanced(
    index: Index, full: float = 0.3, background: float = 2.5, seed: int = 42
) -> NDArray[np.int64]:
    """Return the balanced set of SeizureTransformer, in the order of the NPZ pipeline.

    All P windows of ``partial_seizure``, ``int(full * P)`` of ``full_seizure`` and
    ``int(background * P)`` of ``no_seizure``, or as many as there are, shuffled. The same index and
    seed give the very set and order of brain-go-brr v2.

    Parameters
    ----------
    index : Index
    full, background : float
        Windows within a seizure, and without one, for each at the edge of one.
    seed : int

    Returns
    -------
    ndarray of int64, shape (window,)
        Window numbers, each once. Unlabelled windows are never among them.

    Raises
    ------
    SamplingError
        If no window is at the edge of a seizure.
    """
    return Balanced(index, full, background, seed).epoch(0)


def limit_per_patient(
    index: Index, indices: ArrayLike, limit: int, seed: int = 42
) -> NDArray[np.int64]:
    """Leave out windows of the patients who have more than `limit`, at random.

    Parameters
    ----------
    index : Index
        With the column ``patient``.
    indices : array_like of int or bool, shape (window,)
        Window numbers, or a mask. One that stands twice counts twice.
    limit : int
    seed : int

    Returns
    -------
    ndarray of int64, shape (kept,)
        In the order of `indices`.
    """
    limit = _whole("limit", limit, 1)
    rng = _generator(_whole("seed", seed, 0), 0)
    _, codes = _groups(index, "patient")
    numbers = _numbers(indices, len(codes))
    return numbers[_at_most(limit, codes[numbers], rng)]


def seizure_ratio(
    index: Index, indices: ArrayLike, of: Literal["windows", "samples"] = "windows"
) -> float:
    """Return the share of seizure in a set, exactly and without reading a signal.

    Parameters
    ----------
    index : Index
    indices : array_like of int or bool, shape (window,)
        Window numbers, or a mask. One that stands twice counts twice.
    of : {"windows", "samples"}
        ``windows``: those with any seizure, which is the ``seizure_ratio`` of the NPZ pipeline;
        17,023 of 49,760 in its balanced set. ``samples``: those within a seizure, the mean of
        ``seizure_fraction``, which is smaller and what a loss over samples sees.

    Returns
    -------
    float
        Unlabelled windows count neither way.

    Raises
    ------
    SamplingError
        If no window of the set is labelled.
    """
    category = _categories(index)
    numbers = _numbers(indices, len(category))
    numbers = numbers[category[numbers] != UNKNOWN_CATEGORY]
    if not len(numbers):
        raise SamplingError("no window of the set is labelled: there is no share of seizure")
    if of == "windows":
        return float(np.mean(category[numbers] != _NONE))
    if of == "samples":
        return float(np.mean(_column(index, "seizure_fraction", len(category))[numbers]))
    raise SamplingError(f"of must be 'windows' or 'samples', not {of!r}")


def pos_weight(
    index: Index, indices: ArrayLike, of: Literal["windows", "samples"] = "windows"
) -> float:
    """Return the weight of seizure in a binary cross-entropy, as the NPZ pipeline has it.

    Parameters
    ----------
    index, indices, of
        As :func:`seizure_ratio` takes them.

    Returns
    -------
    float
        ``sqrt((1 - r) / r)`` where the share of seizure r is between 0 and 0.5, and 1 elsewhere.
    """
    r = seizure_ratio(index, indices, of)
    return math.sqrt((1 - r) / r) if 0 < r < 0.5 else 1.0


def composition(index: Index, indices: ArrayLike) -> dict[str, int]:
    """Return how many windows of a set have each category.

    Parameters
    ----------
    index : Index
    indices : array_like of int or bool, shape (window,)

    Returns
    -------
    dict of str to int
        The three categories, and ``unlabelled`` if there are such windows.
    """
    category = _categories(index)
    return _counts(category[_numbers(indices, len(category))])


class Sampler(ABC):
    """Which windows, in which order, for each epoch; a pure function of (index, seed, epoch)."""

    @abstractmethod
    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the window numbers of an epoch, in order.

        Parameters
        ----------
        number : int
            From 0 on; epochs may be asked for in any order.

        Returns
        -------
        ndarray of int64, shape (len(self),)
            The caller's own.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Windows of an epoch; the same for all."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} windows an epoch{self._describe()}>"

    def _describe(self) -> str:
        return ""


class Sequential(Sampler):
    """Windows in the order given, the same in every epoch.

    Parameters
    ----------
    indices : int, or array_like of int or bool, shape (window,)
        How many windows from the first on, window numbers, or a mask.
    """

    def __init__(self, indices: ArrayLike | int) -> None:
        self._indices = _some(_numbers(indices))

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order given."""
        _whole("epoch", number, 0)
        return self._indices.copy()

    def __len__(self) -> int:
        return len(self._indices)


class Shuffled(Sampler):
    """Each window once an epoch, in a random order.

    Parameters
    ----------
    indices : int, or array_like of int or bool, shape (window,)
        How many windows from the first on, window numbers, or a mask.
    seed : int
    """

    def __init__(self, indices: ArrayLike | int, seed: int = 42) -> None:
        self._indices = _some(_numbers(indices))
        self._seed = _whole("seed", seed, 0)

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order of an epoch."""
        return _generator(self._seed, number).permutation(self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def _describe(self) -> str:
        return f", seed {self._seed}"


class Balanced(Sampler):
    """Balanced sets as of :func:`balanced`; that of the first epoch is the very same.

    Parameters
    ----------
    index : Index
    full, background : float
        Windows within a seizure, and without one, for each at the edge of one.
    seed : int
    redraw : bool
        Whether each epoch draws windows of ``full_seizure`` and ``no_seizure`` anew. Without it
        every epoch has the set of the first one, as in the NPZ pipeline, in another order.
    max_per_patient : int, optional
        An epoch has at most so many windows of one patient, chosen at random. They are divided
        among the categories in the proportions ``1 : full : background``, so that the set stays
        balanced. Needs the column ``patient``.

    Raises
    ------
    SamplingError
        If no window is at the edge of a seizure.
    """

    def __init__(
        self,
        index: Index,
        full: float = 0.3,
        background: float = 2.5,
        seed: int = 42,
        redraw: bool = True,
        max_per_patient: int | None = None,
    ) -> None:
        self._category = _categories(index).copy()
        self._seed = _whole("seed", seed, 0)
        self._redraw = redraw
        shares = {_PARTIAL: 1.0, _FULL: _amount("full", full)}
        shares[_NONE] = _amount("background", background)
        self._patients: NDArray[Any] | None = None
        self._limits: dict[int, int] = {}
        if max_per_patient is not None:
            _, self._patients = _groups(index, "patient")
            self._limits = _apportion(_whole("max_per_patient", max_per_patient, 1), shares)
        candidates = {code: self._count_candidates(code) for code in shares}
        if candidates[_PARTIAL] == 0:
            raise SamplingError(
                "a balanced set needs windows at the edge of a seizure (partial_seizure), and "
                f"there is none among {_text(_counts(self._category))}: check labels.annotation "
                "and labels.seizure of the configuration, and the split; `tuszstore info STORE` "
                "shows what a store holds"
            )
        self._sizes = {
            code: int(min(share * candidates[_PARTIAL], candidates[code]))
            for code, share in shares.items()
        }

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the set of an epoch, in its order."""
        rng = _generator(self._seed, number)
        if self._redraw or number == 0:
            return self._draw(rng)
        return rng.permutation(self._draw(_generator(self._seed, 0)))

    def __len__(self) -> int:
        return sum(self._sizes.values())

    def _describe(self) -> str:
        sizes = {CATEGORIES[code]: size for code, size in self._sizes.items()}
        how = "drawn anew" if self._redraw else "one set"
        return f" ({_text(sizes)}), {how}, seed {self._seed}"

    def _count_candidates(self, code: int) -> int:
        chosen = self._category == code
        if self._patients is None:
            return int(np.count_nonzero(chosen))
        return int(np.minimum(np.bincount(self._patients[chosen]), self._limits[code]).sum())

    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        # without patients, what is asked of the generator is what the NPZ pipeline asks
        parts = []
        for code, size in self._sizes.items():
            rows = np.flatnonzero(self._category == code)
            if self._patients is not None:
                rows = rows[_at_most(self._limits[code], self._patients[rows], rng)]
            if code != _PARTIAL:
                rows = rows[rng.choice(len(rows), size, replace=False)] if size else rows[:0]
            parts.append(rows)
        drawn = np.concatenate(parts)
        rng.shuffle(drawn)
        return drawn


class Weighted(Sampler):
    """Windows with replacement, each drawn with a probability proportional to its weight.

    Parameters
    ----------
    index : Index
    weights : mapping of value to float, or array_like of float, shape (window,)
        The weight of *each* window whose column `by` has the value, so a group of many windows is
        drawn more often than one of few with the same weight. Windows of other values, and
        unlabelled ones, are never drawn, unless ``by="category"`` names ``unlabelled``. An array
        has the weight of every window of the index, and `by` is ignored.
    by : str
        Column. For ``category``, values may be names or codes.
    n : int, optional
        Windows of an epoch; by default as many as have a weight above 0.
    seed : int

    Raises
    ------
    SamplingError
        If a weight is negative or no number, none is above 0, or no window has a value that is
        named (categories excepted, so that one mapping serves all splits).
    """

    def __init__(
        self,
        index: Index,
        weights: Mapping[Any, float] | ArrayLike,
        by: str | None = "category",
        n: int | None = None,
        seed: int = 42,
    ) -> None:
        category = _categories(index)
        each = (
            _weights_by(index, weights, by, category)
            if isinstance(weights, Mapping)
            else _weights_of_all(weights, len(category))
        )
        n_positive = int(np.count_nonzero(each))
        if n_positive == 0:
            raise SamplingError(
                f"no window has a weight above 0, of {_text(_counts(category))}: nothing to draw"
            )
        self._n = n_positive if n is None else _whole("n", n, 1)
        self._seed = _whole("seed", seed, 0)
        each = each / each.max()  # so that no sum is infinite
        self._shares = np.bincount(category + 1, each, len(_CODES)) / each.sum()
        self._cumulative = np.cumsum(each)
        self._cumulative /= self._cumulative[-1]

    @classmethod
    def equal(
        cls, index: Index, by: str = "category", n: int | None = None, seed: int = 42
    ) -> Self:
        """Draw from each group with the same probability, and from its windows alike.

        Parameters
        ----------
        index : Index
        by : str
            Column whose values are the groups, such as ``category`` or ``patient``. Unlabelled
            windows are in none.
        n : int, optional
            Windows of an epoch; by default as many as are labelled.
        seed : int
        """
        labelled = _categories(index) != UNKNOWN_CATEGORY
        names, codes = _groups(index, by)
        sizes = np.bincount(codes[labelled], minlength=len(names))
        return cls(index, np.where(labelled, 1 / np.maximum(sizes, 1)[codes], 0), None, n, seed)

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows drawn for an epoch."""
        rng = _generator(self._seed, number)
        # sorted, so that the search walks through memory, and then shuffled
        points = np.sort(rng.random(self._n))
        drawn = np.searchsorted(self._cumulative, points, side="right").astype(np.int64, copy=False)
        rng.shuffle(drawn)
        return drawn

    def __len__(self) -> int:
        return self._n

    def _describe(self) -> str:
        shares = zip(_CODES, self._shares, strict=True)
        parts = ", ".join(f"{share:.1%} {name}" for name, share in shares if share)
        return f" (on average {parts}), seed {self._seed}"


class Stratified(Sampler):
    """Each window once an epoch, so that every batch holds the proportions of the set.

    Of each stratum, a batch has its share rounded up or down, the last and smaller batch too.

    Parameters
    ----------
    index : Index
    indices : array_like of int or bool, shape (window,)
        Window numbers, or a mask.
    batch_size : int
        The loader must have the same.
    by : str
        Column whose values are the strata.
    seed : int
    """

    def __init__(
        self,
        index: Index,
        indices: ArrayLike,
        batch_size: int,
        by: str = "category",
        seed: int = 42,
    ) -> None:
        names, codes = _groups(index, by)
        self._indices = _some(_numbers(indices, len(codes)))
        self._batch_size = _whole("batch_size", batch_size, 1)
        if self._batch_size > len(self._indices):
            raise SamplingError(
                f"batch_size is {self._batch_size}, and there are {len(self._indices)} windows: "
                "lower it"
            )
        self._seed = _whole("seed", seed, 0)
        self._by = by
        self._codes = codes[self._indices]
        self._counts = np.bincount(self._codes, minlength=len(names))

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order of an epoch."""
        rng = _generator(self._seed, number)
        places = np.argsort(self._strata(rng), kind="stable")
        windows = rng.permutation(len(self._indices))
        windows = windows[np.argsort(self._codes[windows], kind="stable")]
        order = np.empty_like(self._indices)
        order[places] = self._indices[windows]
        return order

    def __len__(self) -> int:
        return len(self._indices)

    def _describe(self) -> str:
        n_strata = np.count_nonzero(self._counts)
        return f", {n_strata} strata by {self._by} in batches of {self._batch_size}"

    def _strata(self, rng: np.random.Generator) -> NDArray[Any]:
        """Return the stratum of each place of an epoch.

        A table of batches and strata is rounded so that the sums of both stay: each batch has its
        shares rounded down, and what is left of the strata, one after the other, is dealt out to
        the batches in turn. No stratum has more left than there are batches, so none deals twice
        to one batch. All in whole numbers, with nothing lost to rounding.
        """
        size = self._batch_size
        strata = rng.permutation(len(self._counts)).astype(self._codes.dtype)
        counts = self._counts[strata]
        total = len(self._indices)
        n_batches, n_last = divmod(total, size)
        # the last batch: rounded up with the probability of the fraction
        below, fraction = np.divmod(n_last * counts, total)
        last = below + np.diff((np.cumsum(fraction) + rng.integers(total)) // total, prepend=0)
        each = size * counts // total
        left = np.repeat(strata, counts - last - each * n_batches).reshape(-1, n_batches)
        batches = np.empty((n_batches, size), strata.dtype)
        batches[:, : each.sum()] = np.repeat(strata, each)
        batches[:, each.sum() :] = rng.permutation(left.T)
        rng.permuted(batches, axis=1, out=batches)
        return np.concatenate([batches.ravel(), rng.permutation(np.repeat(strata, last))])


def _generator(seed: int, epoch: int) -> np.random.Generator:
    """Return the generator of an epoch; that of the first is the generator of the seed alone.

    ``default_rng([seed, epoch])`` would be the same for other pairs of large seeds and epochs.
    """
    number = _whole("epoch", epoch, 0)
    return np.random.default_rng(
        np.random.SeedSequence(seed, spawn_key=(number,) if number else ())
    )


def _apportion(limit: int, shares: Mapping[int, float]) -> dict[int, int]:
    """Divide the windows of a patient among categories, by the largest remainder."""
    exact = {code: limit * share / sum(shares.values()) for code, share in shares.items()}
    limits = {code: int(amount) for code, amount in exact.items()}
    by_remainder = sorted(exact, key=lambda code: limits[code] - exact[code])
    for code in by_remainder[: limit - sum(limits.values())]:
        limits[code] += 1
    if limits[_PARTIAL] == 0:
        raise SamplingError(
            f"max_per_patient is {limit}, which leaves no window at the edge of a seizure to a "
            "patient: raise it, or lower full and background"
        )
    return limits


def _at_most(limit: int, groups: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose at most `limit` members of each group; return their places, ascending."""
    order = rng.permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    sizes = np.bincount(groups)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.sort(order[rank < limit])


def _column(index: Index, name: str, n_windows: int | None = None) -> NDArray[Any]:
    try:
        values = np.asarray(index[name])
    except KeyError:
        known = ", ".join(str(key) for key in index if np.ndim(index[key]) == 1)
        hint = "; make it of recordings['patient'] and the column recording"
        raise SamplingError(
            f"the index has no column {name!r}, only {known}{hint if name == 'patient' else ''}"
        ) from None
    if values.ndim != 1 or n_windows not in (None, len(values)):
        expected = "(window,)" if n_windows is None else f"({n_windows},)"
        raise SamplingError(f"column {name!r} must have the shape {expected}, not {values.shape}")
    return values


def _categories(index: Index) -> NDArray[np.int8]:
    values = _column(index, "category")
    if values.size and values.dtype.kind not in "iu":
        raise SamplingError(f"column 'category' must hold codes, not {values.dtype}")
    if values.size and (values.min() < UNKNOWN_CATEGORY or values.max() >= len(CATEGORIES)):
        raise SamplingError(
            f"column 'category' has codes from {values.min()} to {values.max()}, not from "
            f"{UNKNOWN_CATEGORY} to {len(CATEGORIES) - 1}"
        )
    return values.astype(np.int8, copy=False)


def _groups(index: Index, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the values of a column, sorted, and the place of each window's among them."""
    values = _column(index, name, len(_categories(index)))
    changes = np.ones(len(values), bool)  # windows of a patient follow each other: few to sort
    changes[1:] = values[1:] != values[:-1]
    heads = np.flatnonzero(changes)
    try:
        names, codes = np.unique(values[heads], return_inverse=True)
    except TypeError:
        kinds = ", ".join(sorted({type(value).__name__ for value in values[heads]}))
        raise SamplingError(f"column {name!r} mixes values of {kinds}") from None
    # the smallest integers, which NumPy sorts fastest
    codes = codes.astype(np.min_scalar_type(len(names)))
    return names, np.repeat(codes, np.diff(heads, append=len(values)))


def _numbers(indices: ArrayLike, n_windows: int | None = None) -> NDArray[np.int64]:
    """Return window numbers, as a copy; negative ones are none."""
    values = np.asarray(indices)
    if n_windows is None and values.ndim == 0:
        return np.arange(_whole("the number of windows", values[()], 0))
    if values.ndim != 1:
        raise SamplingError(f"window numbers must be one-dimensional, not of {values.shape}")
    if values.dtype == bool:
        if n_windows not in (None, len(values)):
            raise SamplingError(f"a mask must have {n_windows} values, not {len(values)}")
        return np.flatnonzero(values)
    if values.size and values.dtype.kind not in "iu":
        raise SamplingError(f"window numbers must be integers, not {values.dtype}")
    numbers = values.astype(np.int64)
    wrong = numbers < 0
    if n_windows is not None:
        wrong |= numbers >= n_windows
    if wrong.any():
        there = "" if n_windows is None else f": there are {n_windows} windows"
        raise SamplingError(f"window {values[wrong][0]} is out of range{there}, counted from 0")
    return numbers


def _some(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    if not len(numbers):
        raise SamplingError("there are no windows to draw from: check the mask, or the split")
    return numbers


def _whole(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise SamplingError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise SamplingError(f"{name} must be {least} or more, not {number}")
    return number


def _amount(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise SamplingError(f"{name} must be a number of 0 or more, not {value!r}")
    return number


def _counts(category: NDArray[np.int8]) -> dict[str, int]:
    counts = {name: int(np.count_nonzero(category == code)) for name, code in _CODES.items()}
    unlabelled = counts.pop(_UNLABELLED)
    return counts | ({_UNLABELLED: unlabelled} if unlabelled else {})


def _text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _weights_of_all(weights: ArrayLike, n_windows: int) -> NDArray[np.float64]:
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


def _weights_by(
    index: Index, weights: Mapping[Any, float], by: str | None, category: NDArray[np.int8]
) -> NDArray[np.float64]:
    if by is None:
        raise SamplingError("weights of values need the column that has them: by='category'")
    names, codes = _groups(index, by)
    known = dict.fromkeys(names.tolist())
    if by == "category":
        known = dict.fromkeys([*_CODES, *_CODES.values()])
    for value in weights:
        if value not in known:
            some = ", ".join(map(repr, [*known][:8])) + (", ..." if len(known) > 8 else "")
            raise SamplingError(f"no window has the {by} {value!r}; there are {some}")
    amounts = {value: _amount(f"the weight of {value!r}", w) for value, w in weights.items()}
    if by == "category":
        amounts = {_CODES.get(value, value): amount for value, amount in amounts.items()}
    group_weights = np.array([amounts.get(name, 0.0) for name in names.tolist()], np.float64)
    each: NDArray[np.float64] = group_weights[codes]
    if by != "category":
        each[category == UNKNOWN_CATEGORY] = 0
    return each
