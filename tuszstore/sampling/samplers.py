"""Orders of windows, epoch by epoch."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.sampling.base import Resampled, Sampler
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
    whole_number,
    window_numbers,
)
from tuszstore.sampling.events import event_numbers
from tuszstore.sampling.origin import Origin
from tuszstore.store.categories import CATEGORIES, FULL, NONE, PARTIAL, UNKNOWN_CATEGORY


class Sequential(Sampler):
    """Windows in the order given, the same in every epoch.

    Parameters
    ----------
    indices : int, or array_like of int or bool, shape (window,)
        Number of windows from the first, window indices, or a mask.

    Examples
    --------
    >>> import tuszstore
    >>> from tuszstore.sampling import Sequential
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> Sequential(len(store)).epoch(0)[:4]
    array([0, 1, 2, 3])
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
    """Each window once per epoch, in random order.

    Parameters
    ----------
    indices : int, or array_like of int or bool, shape (window,)
        Number of windows from the first, window indices, or a mask.
    seed : int
        Seed of the random numbers: equal seeds give equal epochs.

    Examples
    --------
    >>> import tuszstore
    >>> from tuszstore.sampling import Shuffled
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> sampler = Shuffled(len(store), seed=1)
    >>> first, second = sampler.epoch(0), sampler.epoch(1)
    >>> sorted(first) == sorted(second), all(first == second)
    (True, False)
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


class Balanced(Resampled):
    """Balanced sets like :func:`balanced`, which gives the set of the first epoch.

    Parameters
    ----------
    index : Index
        ``store.index``, or another mapping of its columns.
    full, background : float
        Windows within a seizure, and without one, per window at the edge of one.
    seed : int
        Seed of the random numbers: equal seeds give equal epochs.
    redraw : bool
        Whether windows of ``full_seizure`` and ``no_seizure`` are resampled each epoch. Otherwise
        every epoch has the set of the first one in another order, as in the NPZ pipeline.
    max_per_patient : int, optional
        Maximum number of windows per patient in an epoch, chosen at random. They are divided
        among the categories in the proportions ``1 : full : background``, so that the set stays
        balanced. Needs the column ``patient``.
    indices : array_like of int or bool, shape (window,), optional
        Windows to draw from, or a mask; by default all.
    by_event : bool
        Whether windows of ``full_seizure`` are drawn so that each seizure has the same weight, for
        any number of windows; see :func:`event_numbers`. Needs the column ``recording``.

    Raises
    ------
    SamplingError
        If no window is at the edge of a seizure.

    Examples
    --------
    >>> import tuszstore
    >>> from tuszstore.sampling import Balanced, composition
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> composition(store.index, Balanced(store.index).epoch(0))
    {'no_seizure': 132, 'partial_seizure': 53, 'full_seizure': 5}
    """

    def __init__(
        self,
        index: Index,
        full: float = 0.3,
        background: float = 2.5,
        seed: int = 42,
        redraw: bool = True,
        max_per_patient: int | None = None,
        *,
        indices: ArrayLike | None = None,
        by_event: bool = False,
    ) -> None:
        self._category = category_codes(index).copy()
        super().__init__(seed, redraw)
        self.origin = Origin.of(index)
        if indices is not None:
            others = np.ones(len(self._category), bool)
            others[window_numbers(indices, len(others))] = False
            self._category[others] = UNKNOWN_CATEGORY
        self._events = event_numbers(index) if by_event else None
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
                f"there are none among {counts_text(category_counts(self._category))}: check "
                "labels.annotation and labels.seizure of the configuration, and the split; "
                "`tuszstore info STORE` shows what a store holds"
            )
        self._sizes = {
            code: int(min(share * candidates[PARTIAL], candidates[code]))
            for code, share in shares.items()
        }

    def __len__(self) -> int:
        return sum(self._sizes.values())

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are in each category."""
        return {CATEGORIES[code]: size for code, size in self._sizes.items()}

    def _count_candidates(self, code: int) -> int:
        chosen = self._category == code
        if self._patients is None:
            return int(np.count_nonzero(chosen))
        return int(np.minimum(np.bincount(self._patients[chosen]), self._limits[code]).sum())

    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        # without patients, the generator is called exactly as in the NPZ pipeline
        parts = []
        for code, size in self._sizes.items():
            rows = np.flatnonzero(self._category == code)
            if self._patients is not None:
                rows = rows[at_most(self._limits[code], self._patients[rows], rng)]
            if code == FULL and self._events is not None:
                rows = rows[_of_events(self._events[rows], size, rng)]
            elif code != PARTIAL:
                rows = rows[rng.choice(len(rows), size, replace=False)] if size else rows[:0]
            parts.append(rows)
        drawn = np.concatenate(parts)
        rng.shuffle(drawn)
        return drawn


def _of_events(events: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose places at random, equally many of each event, or all if an event has fewer."""
    order = rng.permutation(len(events))
    order = order[np.argsort(events[order], kind="stable")]
    sizes = np.bincount(events[order])
    rank = np.empty(len(order), np.int64)  # rank of a window among those of its event
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.lexsort((rng.random(len(events)), rank))[:size]


def balanced(
    index: Index, full: float = 0.3, background: float = 2.5, seed: int = 42
) -> NDArray[np.int64]:
    """Return the balanced set of SeizureTransformer, in the order of the NPZ pipeline.

    All P windows of ``partial_seizure``, ``int(full * P)`` of ``full_seizure`` and
    ``int(background * P)`` of ``no_seizure``, or fewer if there are not enough, shuffled. The same
    index and seed give the same set and order as brain-go-brr v2.

    Parameters
    ----------
    index : Index
        ``store.index``, or another mapping of its columns.
    full, background : float
        Windows within a seizure, and without one, per window at the edge of one.
    seed : int
        Seed of the random numbers: equal seeds give equal sets.

    Returns
    -------
    ndarray of int64, shape (window,)
        Window indices, without repeats or unlabelled windows.

    Raises
    ------
    SamplingError
        If no window is at the edge of a seizure.
    """
    return Balanced(index, full, background, seed).epoch(0)
