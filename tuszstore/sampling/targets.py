"""Sets balanced by a label of one value per window."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.sampling.base import Resampled
from tuszstore.sampling.columns import (
    Index,
    SamplingError,
    category_codes,
    counts_text,
    finite_amount,
)
from tuszstore.sampling.origin import Origin


class BalancedTargets(Resampled):
    """All positive windows, and negative ones in proportion, by a label of one value per window.

    Parameters
    ----------
    index : Index
        ``store.index``, or another mapping of its columns.
    targets : array_like of float, shape (window,)
        Label of every window of the index, as of ``store.targets``: above 0 is positive, 0 is
        negative, and NaN is unknown; unknown windows are never drawn.
    negatives : float
        Negative windows per positive one, or all if there are fewer.
    seed : int
        Seed of the random numbers: equal seeds give equal epochs.
    redraw : bool
        Whether negative windows are resampled each epoch. Otherwise every epoch has the set of
        the first one in another order.

    Raises
    ------
    SamplingError
        If an epoch would have positive or negative windows only; it has the number of positive,
        negative and unknown ones.

    Examples
    --------
    >>> import tuszstore
    >>> from tuszstore.sampling import BalancedTargets
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> ahead = store.targets(slice(None), "preictal", horizon=10, interval=60)
    >>> BalancedTargets(store.index, ahead).composition()
    {'negative': 52, 'positive': 21}
    """

    def __init__(
        self,
        index: Index,
        targets: ArrayLike,
        negatives: float = 2.5,
        seed: int = 42,
        redraw: bool = True,
    ) -> None:
        values = _values(targets, len(category_codes(index)))
        super().__init__(seed, redraw)
        self.origin = Origin.of(index)
        self._positive = np.flatnonzero(values > 0)
        self._negative = np.flatnonzero(values == 0)
        wanted = finite_amount("negatives", negatives) * len(self._positive)
        self._n_negative = int(min(wanted, len(self._negative)))
        if not len(self._positive) or not self._n_negative:
            counts = {
                "positive": len(self._positive),
                "negative": len(self._negative),
                "unknown": len(values) - len(self._positive) - len(self._negative),
            }
            raise SamplingError(
                f"an epoch would have one class only: of {len(values)} windows, "
                f"{counts_text(counts)}, with {negatives:g} negative windows per positive one"
            )

    def __len__(self) -> int:
        return len(self._positive) + self._n_negative

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are negative, and positive."""
        return {"negative": self._n_negative, "positive": len(self._positive)}

    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        chosen = rng.choice(len(self._negative), self._n_negative, replace=False)
        drawn = np.concatenate([self._positive, self._negative[chosen]])
        rng.shuffle(drawn)
        return drawn


def _values(targets: ArrayLike, n_windows: int) -> NDArray[Any]:
    """Return the label of every window, checked."""
    try:
        values = np.asarray(targets, np.float64)
    except (TypeError, ValueError):
        raise SamplingError("targets must be numbers, one for each window") from None
    if values.shape != (n_windows,):
        raise SamplingError(
            f"targets must have the shape ({n_windows},), one value for each window of the index, "
            f"not {values.shape}"
        )
    wrong = (values < 0) | np.isinf(values)
    if wrong.any():
        number = int(np.argmax(wrong))
        raise SamplingError(
            f"the target of window {number} must be 0 or more, or NaN, not {values[number]:g}"
        )
    return values
