"""Windows drawn with replacement, each with its own probability."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.sampling.base import Sampler
from tuszstore.sampling.columns import (
    Index,
    SamplingError,
    category_codes,
    category_counts,
    counts_text,
    finite_amount,
    generator_of,
    group_rows,
    weights_by,
    weights_of_all,
    whole_number,
)
from tuszstore.sampling.events import NO_EVENT, event_numbers, event_sizes
from tuszstore.sampling.origin import Origin
from tuszstore.sampling.shares import Shares, shares_of
from tuszstore.store.categories import CODES, NONE, UNKNOWN_CATEGORY


class Weighted(Sampler):
    """Windows with replacement, each drawn with a probability proportional to its weight.

    Parameters
    ----------
    index : Index
        ``store.index``, or another mapping of its columns.
    weights : mapping of value to float, or array_like of float, shape (window,)
        The weight of *each* window whose column `by` has the value, so a group of many windows is
        drawn more often than one of few with the same weight. Windows of other values, and
        unlabelled ones, are never drawn, unless ``by="category"`` names ``unlabelled``. An array
        has the weight of every window of the index, and `by` is ignored.
    by : str
        Column. For ``category``, values may be names or codes.
    n : int, optional
        Windows per epoch; by default the number with a weight above 0.
    seed : int
        Seed of the random numbers: equal seeds give equal epochs.

    Raises
    ------
    SamplingError
        If a weight is negative or not a number, none is above 0, or no window has a given
        value (except categories, so that one mapping serves all splits).

    Examples
    --------
    >>> import tuszstore
    >>> from tuszstore.sampling import Weighted
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> sampler = Weighted(store.index, {"no_seizure": 1, "partial_seizure": 4}, n=500)
    >>> len(sampler.epoch(0))
    500
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
        self.origin = Origin.of(index)
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
        each = each / each.max()  # prevents infinite sums
        self._shares = np.bincount(category + 1, each, len(CODES)) / each.sum()
        self._cumulative = np.cumsum(each)
        self._cumulative /= self._cumulative[-1]

    @classmethod
    def equal(
        cls, index: Index, by: str = "category", n: int | None = None, seed: int = 42
    ) -> Self:
        """Draw from each group with the same probability, and uniformly from its windows.

        Parameters
        ----------
        index : Index
            ``store.index``, or another mapping of its columns.
        by : str
            Column whose values are the groups, such as ``category`` or ``patient``. Unlabelled
            windows are in no group.
        n : int, optional
            Windows per epoch; by default the number of labelled windows.
        seed : int
            Seed of the random numbers: equal seeds give equal epochs.
        """
        labelled = category_codes(index) != UNKNOWN_CATEGORY
        names, codes = group_rows(index, by)
        sizes = np.bincount(codes[labelled], minlength=len(names))
        return cls(index, np.where(labelled, 1 / np.maximum(sizes, 1)[codes], 0), None, n, seed)

    @classmethod
    def in_shares(
        cls,
        index: Index,
        shares: Shares | None = None,
        by: str = "source",
        temperature: float | None = None,
        n: int | None = None,
        seed: int = 42,
    ) -> Self:
        """Draw from groups with given probabilities, and uniformly from the windows of each.

        Parameters
        ----------
        index : Index
            ``store.index``, or another mapping of its columns.
        shares : mapping of value to float, or "equal", optional
            Probability of each value of the column, up to a common factor; by default equal.
        by : str
            Column whose values are the groups. Unlabelled windows are in no group.
        temperature : float, optional
            Probabilities are proportional to ``size ** (1 / temperature)``; not with `shares`.
        n : int, optional
            Windows per epoch; by default the number with a weight above 0.
        seed : int
            Seed of the random numbers: equal seeds give equal epochs.
        """
        labelled = category_codes(index) != UNKNOWN_CATEGORY
        names, codes = group_rows(index, by)
        sizes = np.bincount(codes[labelled], minlength=len(names))
        amounts = shares_of(names.tolist(), sizes, by, shares, temperature)
        each = (amounts / np.maximum(sizes, 1))[codes]
        return cls(index, np.where(labelled, each, 0), None, n, seed)

    @classmethod
    def by_event(
        cls, index: Index, seizure: float = 0.5, n: int | None = None, seed: int = 42
    ) -> Self:
        """Draw each seizure with the same probability, however long it is.

        Parameters
        ----------
        index : Index
            With the column ``recording``.
        seizure : float
            Share of windows with seizure; the others have none, with equal probabilities.
        n : int, optional
            Windows per epoch; by default the number of labelled windows.
        seed : int
            Seed of the random numbers: equal seeds give equal epochs.

        Raises
        ------
        SamplingError
            If windows with or without seizure have a share but do not exist.
        """
        category, events = category_codes(index), event_numbers(index)
        share = finite_amount("seizure", seizure)
        if share > 1:
            raise SamplingError(f"seizure must be a share of 0 to 1, not {seizure!r}")
        shown, without = events != NO_EVENT, category == NONE
        for name, windows, part in (("with", shown, share), ("without", without, 1 - share)):
            if part and not windows.any():
                raise SamplingError(f"no window is {name} a seizure, but they have a share")
        n_events = len(np.unique(events[shown])) or 1
        each = np.where(shown, share / (n_events * event_sizes(events)), 0.0)
        each[without] = (1 - share) / max(1, int(np.count_nonzero(without)))
        return cls(index, each, None, n, seed)

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows drawn for an epoch."""
        rng = generator_of(self.seed, number)
        # sorted for sequential memory access in the search, then shuffled
        points = np.sort(rng.random(self._n))
        drawn = np.searchsorted(self._cumulative, points, side="right").astype(np.int64, copy=False)
        rng.shuffle(drawn)
        return drawn

    def __len__(self) -> int:
        return self._n

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are in each category, on average."""
        shares = zip(CODES, self._shares, strict=True)
        return {name: float(self._n * share) for name, share in shares if share}

    def _describe(self) -> str:
        shares = zip(CODES, self._shares, strict=True)
        parts = ", ".join(f"{share:.1%} {name}" for name, share in shares if share)
        return f" (on average {parts}), seed {self.seed}"

    def _settings(self) -> str:
        return f"on average, drawn with replacement, seed {self.seed}"
