"""Means over subjects, with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tuszstore.evaluate.tally import MEASURES, Tally

DRAWS = 2000
"""Number of bootstrap samples."""

LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """The mean of a number over subjects.

    Attributes
    ----------
    mean : float or None
        Mean over the subjects for whom it is defined; None if there are none.
    low, high : float or None
        95 % interval of the means of subjects resampled with replacement (percentile bootstrap);
        None with fewer than two subjects.
    subjects : int
        Number of subjects for whom it is defined.
    """

    mean: float | None
    low: float | None
    high: float | None
    subjects: int


def macro(by_subject: Mapping[str, Tally], *, seed: int = 0) -> dict[str, Mean]:
    """Return the mean of each number over subjects, each of whom counts the same.

    Parameters
    ----------
    by_subject : mapping of str to Tally
    seed : int
        Seed of the draws.
    """
    return {
        name: bootstrap_mean([getattr(t, name) for t in by_subject.values()], seed=seed)
        for name in MEASURES
    }


def bootstrap_mean(values: Sequence[float | None], *, seed: int = 0) -> Mean:
    """Return the mean of numbers, leaving out those that are undefined, and its interval."""
    known = np.array([value for value in values if value is not None], np.float64)
    if not len(known):
        return Mean(None, None, None, 0)
    mean = float(known.mean())
    if len(known) == 1:
        return Mean(mean, None, None, 1)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(known), (DRAWS, len(known)))
    means = known[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Mean(mean, float(low), float(high), len(known))


def macro_json(means: Mapping[str, Mean]) -> dict[str, Any]:
    """Return means as plain values."""
    return {name: asdict(mean) for name, mean in means.items()}
