"""Ranges of columns that refer to existing rows, windows and blocks.

Columns may be wrong despite a correct checksum. Their values are checked once, when they
are loaded, so that their users need no checks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.store.categories import CATEGORIES, UNKNOWN_CATEGORY
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.spec import StoreSpec

MAX_SAMPLES = 1 << 53
"""Maximum samples of a recording: what a float represents exactly."""

MAX_TIME = 1e10
"""Maximum seconds between two recordings of a patient: three centuries."""

ASCENDING = frozenset(
    {"windows/recording", "events/recording", "recordings/first_block", "recordings/first_window"}
)
"""Columns that must be sorted for searching."""


def check_column(
    path: Path | str,
    name: str,
    values: NDArray[Any],
    arrays: Mapping[str, Any],
    spec: StoreSpec,
) -> None:
    """Reject a column that refers to missing rows.

    Parameters
    ----------
    path : Path or str
        Path of the store, for messages.
    name : str
        Path of the column in the store.
    values : ndarray
    arrays : mapping of str to dict
        Metadata of all arrays.
    spec : StoreSpec

    Raises
    ------
    StoreError
        Naming the column and the value.
    """
    limits = _limits(name, arrays, spec)
    if limits is None or not values.size:
        return
    low, high = limits
    outside = (values < low) | (values > high)
    if name == "events/bit":
        outside &= values != UNLABELLED  # ignored stretches, or those that a rater did not review
    wrong = values[outside]
    if len(wrong):
        raise StoreError(
            f"{path}: {name} has {wrong[0]}, which is not from {low:g} to {high:g}; see what is "
            f"damaged with: tuszstore verify {path}"
        )
    if name in ASCENDING and (np.diff(values) < 0).any():
        raise StoreError(
            f"{path}: {name} is not sorted; see what is damaged with: tuszstore verify {path}"
        )


def _limits(name: str, arrays: Mapping[str, Any], spec: StoreSpec) -> tuple[float, float] | None:
    """Return the least and the largest permitted value of a column; None if all are."""
    n_blocks = arrays["signal"]["shape"][0]
    n_windows = arrays["windows/category"]["shape"][0]
    n_recordings = arrays["recordings/id"]["shape"][0]
    n_classes = len(spec.classes)
    return {
        "windows/recording": (0, n_recordings - 1),
        "windows/start_block": (0, n_blocks - spec.geometry.blocks_per_window),
        "windows/category": (UNKNOWN_CATEGORY, len(CATEGORIES) - 1),
        "windows/seizure_fraction": (0, 1),
        "windows/event_classes": (0, (1 << n_classes) - 1),
        "recordings/n_samples": (1, MAX_SAMPLES),
        "recordings/patient_time": (0, MAX_TIME),
        "recordings/first_block": (0, n_blocks),
        "recordings/n_blocks": (0, n_blocks),
        "recordings/first_window": (0, n_windows),
        "recordings/n_windows": (0, n_windows),
        "events/recording": (0, n_recordings - 1),
        "events/first_sample": (0, MAX_SAMPLES),
        "events/stop_sample": (0, MAX_SAMPLES),
        "events/bit": (0, UNLABELLED),
    }.get(name)
