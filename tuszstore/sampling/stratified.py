"""Orders in which every batch has the proportions of the set."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.sampling.base import Sampler
from tuszstore.sampling.columns import (
    Index,
    SamplingError,
    generator_of,
    group_rows,
    not_empty,
    whole_number,
    window_numbers,
)
from tuszstore.sampling.origin import Origin
from tuszstore.store.categories import CODES


class Stratified(Sampler):
    """Each window once per epoch, with the proportions of the set in every batch.

    Each batch has the share of each stratum, rounded up or down, including the last batch.

    Parameters
    ----------
    index : Index
        ``store.index``, or another mapping of its columns.
    indices : array_like of int or bool, shape (window,)
        Window indices, or a mask.
    batch_size : int
        The loader must have the same, also when a training is resumed.
    by : str
        Column whose values are the strata.
    seed : int
        Seed of the random numbers: equal seeds give equal epochs.

    Examples
    --------
    >>> import tuszstore
    >>> from tuszstore.sampling import Stratified
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> sampler = Stratified(store.index, range(len(store)), batch_size=8)
    >>> len(sampler.epoch(0)) == len(store)
    True
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
        self.origin = Origin.of(index)
        self._indices = not_empty(window_numbers(indices, len(codes)))
        self.batch_size: int = whole_number("batch_size", batch_size, 1)
        if self.batch_size > len(self._indices):
            raise SamplingError(
                f"batch_size is {self.batch_size}, but only {len(self._indices)} windows exist: "
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
        """Return how many windows of an epoch are in each stratum."""
        counts = zip(self._names, self._counts.tolist(), strict=True)
        return {name: count for name, count in counts if count}

    def _settings(self) -> str:
        n_strata = np.count_nonzero(self._counts)
        return f"{n_strata} strata by {self._by} in batches of {self.batch_size}"

    def _strata(self, rng: np.random.Generator) -> NDArray[Any]:
        """Return the stratum of each place of an epoch.

        A table of batches and strata is rounded so that the sums of both are preserved: each batch
        gets its shares rounded down, and the remainders of the strata, one after the other, are
        assigned to the batches in turn. The remainder of a stratum is at most the number of
        batches, so no batch gets two windows from it. All arithmetic is in integers, without
        rounding errors.
        """
        size = self.batch_size
        strata = rng.permutation(len(self._counts)).astype(self._codes.dtype)
        counts = self._counts[strata]
        total = len(self._indices)
        n_batches, n_last = divmod(total, size)
        # the last batch: rounded up with a probability equal to the fraction
        below, fraction = np.divmod(n_last * counts, total)
        last = below + np.diff((np.cumsum(fraction) + rng.integers(total)) // total, prepend=0)
        each = size * counts // total
        left = np.repeat(strata, counts - last - each * n_batches).reshape(-1, n_batches)
        batches = np.empty((n_batches, size), strata.dtype)
        batches[:, : each.sum()] = np.repeat(strata, each)
        batches[:, each.sum() :] = rng.permutation(left.T)
        rng.permuted(batches, axis=1, out=batches)
        return np.concatenate([batches.ravel(), rng.permutation(np.repeat(strata, last))])
