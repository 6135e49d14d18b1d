"""Sets of windows and their composition."""

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.sampling.columns import (
    Index,
    SamplingError,
    at_most,
    category_codes,
    category_counts,
    column,
    generator_of,
    group_rows,
    whole_number,
    window_numbers,
)
from tuszstore.store.categories import NONE, UNKNOWN_CATEGORY


def limit_per_patient(
    index: Index, indices: ArrayLike, limit: int, seed: int = 42
) -> NDArray[np.int64]:
    """Randomly drop windows of patients with more than `limit`.

    Parameters
    ----------
    index : Index
        With the column ``patient``.
    indices : array_like of int or bool, shape (window,)
        Window indices, or a mask. Repeated ones count repeatedly.
    limit : int
        Maximum number of windows of a patient; at least 1.
    seed : int
        Seed of the choice: equal seeds keep the same windows.

    Returns
    -------
    ndarray of int64, shape (kept,)
        In the order of `indices`.
    """
    limit = whole_number("limit", limit, 1)
    rng = generator_of(whole_number("seed", seed, 0), 0)
    _, codes = group_rows(index, "patient")
    numbers = window_numbers(indices, len(codes))
    return numbers[at_most(limit, codes[numbers], rng)]


def seizure_ratio(
    index: Index, indices: ArrayLike, of: Literal["windows", "samples"] = "windows"
) -> float:
    """Return the fraction of seizure in a set, exactly and without reading a signal.

    Parameters
    ----------
    index : Index
        ``store.index``, or another mapping of its columns.
    indices : array_like of int or bool, shape (window,)
        Window indices, or a mask. Repeated ones count repeatedly.
    of : {"windows", "samples"}
        ``windows``: those with any seizure, which is the ``seizure_ratio`` of the NPZ pipeline;
        17,023 of 49,760 in its balanced set. ``samples``: those within a seizure, the mean of
        ``seizure_fraction``, which is smaller and relevant for a loss over samples.

    Returns
    -------
    float
        Unlabelled windows are ignored.

    Raises
    ------
    SamplingError
        If no window of the set is labelled.
    """
    category = category_codes(index)
    numbers = window_numbers(indices, len(category))
    numbers = numbers[category[numbers] != UNKNOWN_CATEGORY]
    if not len(numbers):
        raise SamplingError(
            "no window of the set is labelled: the fraction of seizure is undefined"
        )
    if of == "windows":
        return float(np.mean(category[numbers] != NONE))
    if of == "samples":
        return float(np.mean(column(index, "seizure_fraction", len(category))[numbers]))
    raise SamplingError(f"of must be 'windows' or 'samples', not {of!r}")


def pos_weight(
    index: Index, indices: ArrayLike, of: Literal["windows", "samples"] = "windows"
) -> float:
    """Return the weight of seizure in a binary cross-entropy, as in the NPZ pipeline.

    Parameters
    ----------
    index, indices, of
        As for :func:`seizure_ratio`.

    Returns
    -------
    float
        ``sqrt((1 - r) / r)`` if the fraction of seizure r is between 0 and 0.5, otherwise 1.
    """
    r = seizure_ratio(index, indices, of)
    return math.sqrt((1 - r) / r) if 0 < r < 0.5 else 1.0


def composition(index: Index, indices: ArrayLike) -> dict[str, int]:
    """Return how many windows of a set have each category.

    Parameters
    ----------
    index : Index
        ``store.index``, or another mapping of its columns.
    indices : array_like of int or bool, shape (window,)
        Window indices, or a mask. Repeated ones count repeatedly.

    Returns
    -------
    dict of str to int
        The three categories, and ``unlabelled`` if there are such windows.
    """
    category = category_codes(index)
    return category_counts(category[window_numbers(indices, len(category))])
