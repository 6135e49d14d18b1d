"""The windows of a store and their categories, derived from `label`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.categories import CATEGORIES, UNKNOWN_CATEGORY
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.spec import StoreSpec
from tuszstore.store.timeline import Timelines

Columns = dict[str, NDArray[Any]]


def derive_windows(label: Any, recordings: Mapping[str, NDArray[Any]], spec: StoreSpec) -> Columns:
    """Return the columns of `windows/*`.

    Parameters
    ----------
    label : array_like of uint16, shape (block, sample)
        Read a shard at a time.
    recordings : mapping of str to ndarray
        ``n_samples`` and ``first_block`` of each recording.
    spec : StoreSpec
    """
    parts = [
        _windows_of(label, number, int(first), int(n_samples), spec)
        for number, (first, n_samples) in enumerate(
            zip(recordings["first_block"], recordings["n_samples"], strict=True)
        )
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns["category"] = categorise(columns["seizure_fraction"], spec.full_seizure)
    codes = np.arange(len(CATEGORIES))[:, None]
    columns["category_mask"] = columns["category"] == codes
    columns["mask"] = np.array(CATEGORIES, dtype=np.dtypes.StringDType())
    return columns


def seizure_distances(
    windows: Columns,
    recordings: Mapping[str, NDArray[Any]],
    events: Mapping[str, NDArray[Any]],
    spec: StoreSpec,
) -> Columns:
    """Return how far windows are from seizures; see :mod:`tuszstore.store.timeline`.

    Parameters
    ----------
    windows : dict of str to ndarray
        ``recording`` and ``start_time``.
    recordings, events : mapping of str to ndarray
        Columns of those tables.
    spec : StoreSpec
    """
    first = np.rint(windows["start_time"] * spec.sfreq).astype(np.int64)
    timelines = Timelines.of(recordings, events, spec)
    return {**timelines.distances(windows["recording"], first, spec.window, spec.sfreq)}


def categorise(fraction: NDArray[np.float64], full: float) -> NDArray[np.int8]:
    """Return the category of windows by their seizure fraction.

    Parameters
    ----------
    fraction : ndarray of float64, shape (window,)
        NaN where unlabelled.
    full : float
        Fraction from which on a window is a full seizure.

    Returns
    -------
    ndarray of int8, shape (window,)
        0 without a seizure, 2 at `full` or above, 1 between, -1 for NaN.
    """
    category = np.ones(fraction.shape, np.int8)
    category[fraction == 0] = 0
    category[fraction >= full] = 2
    category[np.isnan(fraction)] = UNKNOWN_CATEGORY
    return category


def _windows_of(label: Any, number: int, first: int, n_samples: int, spec: StoreSpec) -> Columns:
    geometry = spec.geometry
    n_windows = geometry.n_windows(n_samples)
    offsets = np.arange(n_windows) * geometry.blocks_per_stride
    counts, bits = _blocks_of(label, first, geometry.n_blocks(n_samples), spec)
    until = np.concatenate([[0], np.cumsum(counts)])
    seizure = until[offsets + geometry.blocks_per_window] - until[offsets]
    classes = np.zeros(n_windows, np.uint16)
    for k in range(geometry.blocks_per_window):
        classes |= bits[offsets + k]
    unlabelled = (classes & UNLABELLED) > 0
    return {
        "recording": np.full(n_windows, number, np.int32),
        "start_block": first + offsets,
        "start_time": np.arange(n_windows) * (geometry.stride / geometry.sfreq),
        "seizure_fraction": np.where(unlabelled, np.nan, seizure / geometry.window),
        "event_classes": classes & np.uint16(~UNLABELLED & 0xFFFF),
    }


def _blocks_of(
    label: Any, first: int, n_blocks: int, spec: StoreSpec
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    counts = np.zeros(n_blocks, np.int64)
    bits = np.zeros(n_blocks, np.uint16)
    seizure = np.uint16(spec.seizure_bits)
    for start in range(0, n_blocks, spec.shard):
        stop = min(start + spec.shard, n_blocks)
        values = np.asarray(label[first + start : first + stop])
        if values.any():
            counts[start:stop] = np.count_nonzero(values & seizure, axis=1)
            bits[start:stop] = np.bitwise_or.reduce(values, axis=1)
    return counts, bits
