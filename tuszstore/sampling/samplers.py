"""Orders of windows, epoch by epoch."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.sampling.base import Sampler
from tuszstore.sampling.columns import (
    Index,
    SamplingError,
    apportion,
    at_most,
    category_codes,
    category_counts,
    counts_text,
    finite_amount,
    generator_of,
    group_rows,
    not_empty,
    weights_by,
    weights_of_all,
    whole_number,
    window_numbers,
)
from tuszstore.store.categories import CATEGORIES, CODES, FULL, NONE, PARTIAL, UNKNOWN_CATEGORY


class Sequential(Sampler):
    """Windows in the order given, the same in every epoch.

    Parameters
    ----------
    indices : int, or array_like of int or bool, shape (window,)
        How many windows from the first on, window numbers, or a mask.
    """

    def __init__(self, indices: ArrayLike | int) -> None:
        self._indices = not_empty(window_numbers(indices))

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order given."""
        whole_number("epoch", number, 0)
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
        self._indices = not_empty(window_numbers(indices))
        self.seed = whole_number("seed", seed, 0)

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order of an epoch."""
        return generator_of(self.seed, number).permutation(self._indices)

    def __len__(self) -> int:
        return len(self._indices)

    def _settings(self) -> str:
        return f"seed {self.seed}"


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
        self._category = category_codes(index).copy()
        self.seed = whole_number("seed", seed, 0)
        self._redraw = redraw
        shares = {PARTIAL: 1.0, FULL: finite_amount("full", full)}
        shares[NONE] = finite_amount("background", background)
        self._patients: NDArray[Any] | None = None
        self._limits: dict[int, int] = {}
        if max_per_patient is not None:
            _, self._patients = group_rows(index, "patient")
            self._limits = apportion(whole_number("max_per_patient", max_per_patient, 1), shares)
        candidates = {code: self._count_candidates(code) for code in shares}
        if candidates[PARTIAL] == 0:
            raise SamplingError(
                "a balanced set needs windows at the edge of a seizure (partial_seizure), and "
                f"there is none among {counts_text(category_counts(self._category))}: check "
                "labels.annotation and labels.seizure of the configuration, and the split; "
                "`tuszstore info STORE` shows what a store holds"
            )
        self._sizes = {
            code: int(min(share * candidates[PARTIAL], candidates[code]))
            for code, share in shares.items()
        }

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the set of an epoch, in its order."""
        rng = generator_of(self.seed, number)
        if self._redraw or number == 0:
            return self._draw(rng)
        return rng.permutation(self._draw(generator_of(self.seed, 0)))

    def __len__(self) -> int:
        return sum(self._sizes.values())

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are of each category."""
        return {CATEGORIES[code]: size for code, size in self._sizes.items()}

    def _describe(self) -> str:
        return f" ({counts_text(self.composition())}), {self._settings()}"

    def _settings(self) -> str:
        return f"{'drawn anew' if self._redraw else 'one set'}, seed {self.seed}"

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
                rows = rows[at_most(self._limits[code], self._patients[rows], rng)]
            if code != PARTIAL:
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
        category = category_codes(index)
        each = (
            weights_by(index, weights, by, category)
            if isinstance(weights, Mapping)
            else weights_of_all(weights, len(category))
        )
        n_positive = int(np.count_nonzero(each))
        if n_positive == 0:
            raise SamplingError(
                f"no window has a weight above 0, of {counts_text(category_counts(category))}: "
                "nothing to draw"
            )
        self._n = n_positive if n is None else whole_number("n", n, 1)
        self.seed = whole_number("seed", seed, 0)
        each = each / each.max()  # so that no sum is infinite
        self._shares = np.bincount(category + 1, each, len(CODES)) / each.sum()
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
        labelled = category_codes(index) != UNKNOWN_CATEGORY
        names, codes = group_rows(index, by)
        sizes = np.bincount(codes[labelled], minlength=len(names))
        return cls(index, np.where(labelled, 1 / np.maximum(sizes, 1)[codes], 0), None, n, seed)

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows drawn for an epoch."""
        rng = generator_of(self.seed, number)
        # sorted, so that the search walks through memory, and then shuffled
        points = np.sort(rng.random(self._n))
        drawn = np.searchsorted(self._cumulative, points, side="right").astype(np.int64, copy=False)
        rng.shuffle(drawn)
        return drawn

    def __len__(self) -> int:
        return self._n

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are of each category, on average."""
        shares = zip(CODES, self._shares, strict=True)
        return {name: float(self._n * share) for name, share in shares if share}

    def _describe(self) -> str:
        shares = zip(CODES, self._shares, strict=True)
        parts = ", ".join(f"{share:.1%} {name}" for name, share in shares if share)
        return f" (on average {parts}), seed {self.seed}"

    def _settings(self) -> str:
        return f"on average, drawn with replacement, seed {self.seed}"


class Stratified(Sampler):
    """Each window once an epoch, so that every batch holds the proportions of the set.

    Of each stratum, a batch has its share rounded up or down, the last and smaller batch too.

    Parameters
    ----------
    index : Index
    indices : array_like of int or bool, shape (window,)
        Window numbers, or a mask.
    batch_size : int
        The loader must have the same, also where a training is resumed.
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
        names, codes = group_rows(index, by)
        self._indices = not_empty(window_numbers(indices, len(codes)))
        self.batch_size: int = whole_number("batch_size", batch_size, 1)
        if self.batch_size > len(self._indices):
            raise SamplingError(
                f"batch_size is {self.batch_size}, and there are {len(self._indices)} windows: "
                "lower it"
            )
        self.seed = whole_number("seed", seed, 0)
        self._by = by
        categories = {code: name for name, code in CODES.items()} if by == "category" else {}
        self._names = [str(categories.get(name, name)) for name in names.tolist()]
        self._codes = codes[self._indices]
        self._counts = np.bincount(self._codes, minlength=len(names))

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order of an epoch."""
        rng = generator_of(self.seed, number)
        places = np.argsort(self._strata(rng), kind="stable")
        windows = rng.permutation(len(self._indices))
        windows = windows[np.argsort(self._codes[windows], kind="stable")]
        order = np.empty_like(self._indices)
        order[places] = self._indices[windows]
        return order

    def __len__(self) -> int:
        return len(self._indices)

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are of each stratum."""
        counts = zip(self._names, self._counts.tolist(), strict=True)
        return {name: count for name, count in counts if count}

    def _settings(self) -> str:
        n_strata = np.count_nonzero(self._counts)
        return f"{n_strata} strata by {self._by} in batches of {self.batch_size}"

    def _strata(self, rng: np.random.Generator) -> NDArray[Any]:
        """Return the stratum of each place of an epoch.

        A table of batches and strata is rounded so that the sums of both stay: each batch has its
        shares rounded down, and what is left of the strata, one after the other, is dealt out to
        the batches in turn. No stratum has more left than there are batches, so none deals twice
        to one batch. All in whole numbers, with nothing lost to rounding.
        """
        size = self.batch_size
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
