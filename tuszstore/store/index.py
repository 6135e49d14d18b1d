"""The windows of a store and their categories, derived from `label`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.categories import CATEGORIES, UNKNOWN_CATEGORY
from tuszstore.store.geometry import Geometry
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.schema import variables
from tuszstore.store.spec import StoreSpec
from tuszstore.store.timeline import Timelines

Columns = dict[str, NDArray[Any]]

BATCH = 1 << 16
"""Blocks of recordings that are processed together: a week of EEG, by default."""

WINDOWS = 1 << 20
"""Windows whose distances are computed together, which bounds memory."""

_DERIVED = {
    variable.name: variable.dtype
    for variable in variables("windows")
    if variable.name in ("recording", "start_block", "start_time", "seizure_fraction",
                         "event_classes")
}  # fmt: skip


def derive_windows(
    label: Any,
    recordings: Mapping[str, NDArray[Any]],
    spec: StoreSpec,
    *,
    n_threads: int = 1,
) -> Columns:
    """Return the columns of `windows/*`.

    Parameters
    ----------
    label : array_like of uint16, shape (block, sample)
        Read a shard at a time.
    recordings : mapping of str to ndarray
        ``n_samples`` and ``first_block`` of each recording.
    spec : StoreSpec
    n_threads : int
        Threads for reading labels.

    Notes
    -----
    Besides the columns, it needs memory for :data:`BATCH` blocks, or for one recording.
    """
    geometry = spec.geometry
    first = np.asarray(recordings["first_block"], np.int64)
    lengths = np.asarray(recordings["n_samples"]).tolist()
    n_blocks = np.array([geometry.n_blocks(n) for n in lengths], np.int64)
    n_windows = np.array([geometry.n_windows(n) for n in lengths], np.int64)
    stops = np.cumsum(n_windows)
    size = int(n_windows.sum())
    columns: Columns = {name: np.empty(size, dtype) for name, dtype in _DERIVED.items()}
    with ExitStack() as stack:
        read: Any = map
        if n_threads > 1:
            read = stack.enter_context(ThreadPoolExecutor(n_threads, "tuszstore-labels")).map
        for low, high in _batches(n_blocks):
            rows = slice(int(stops[low] - n_windows[low]), int(stops[high - 1]))
            out = {name: column[rows] for name, column in columns.items()}
            blocks = _blocks_of(label, first[low:high], n_blocks[low:high], spec, read)
            _fill(
                out,
                *blocks,
                low,
                first[low:high],
                n_blocks[low:high],
                n_windows[low:high],
                geometry,
            )
    columns["category"] = categorise(columns["seizure_fraction"], spec.full_seizure)
    codes = np.arange(len(CATEGORIES))[:, None]
    columns["category_mask"] = columns["category"] == codes
    columns["mask"] = np.array(CATEGORIES, dtype=np.dtypes.StringDType())
    return columns


def seizure_distances(
    windows: Mapping[str, NDArray[Any]],
    recordings: Mapping[str, NDArray[Any]],
    events: Mapping[str, NDArray[Any]],
    spec: StoreSpec,
) -> Columns:
    """Return how far windows are from seizures; see :mod:`tuszstore.store.timeline`.

    Parameters
    ----------
    windows : mapping of str to ndarray
        ``recording`` and ``start_time``.
    recordings, events : mapping of str to ndarray
        Columns of those tables.
    spec : StoreSpec
    """
    owner, start_time = windows["recording"], windows["start_time"]
    timelines = Timelines.of(recordings, events, spec)
    columns: Columns = {}
    for start in range(0, max(len(owner), 1), WINDOWS):
        rows = slice(start, start + WINDOWS)
        first = np.rint(start_time[rows] * spec.sfreq).astype(np.int64)
        part = timelines.distances(owner[rows], first, spec.window, spec.sfreq)
        for name, values in part.items():
            columns.setdefault(name, np.empty(len(owner)))[rows] = values
    return columns


def categorise(fraction: NDArray[np.float64], full: float) -> NDArray[np.int8]:
    """Return the category of windows by their seizure fraction.

    Parameters
    ----------
    fraction : ndarray of float64, shape (window,)
        NaN where unlabelled.
    full : float
        Minimum fraction of a full seizure.

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


def _batches(n_blocks: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Divide recordings, given their numbers of blocks, into batches of few blocks."""
    start = total = 0
    for row, count in enumerate(n_blocks.tolist()):
        if row > start and total + count > BATCH:
            yield start, row
            start, total = row, 0
        total += count
    if start < len(n_blocks):
        yield start, len(n_blocks)


def _fill(
    out: Columns,
    counts: NDArray[np.int64],
    bits: NDArray[np.uint16],
    number: int,
    first: NDArray[np.int64],
    n_blocks: NDArray[np.int64],
    n_windows: NDArray[np.int64],
    geometry: Geometry,
) -> None:
    """Write the rows of windows of consecutive recordings, the first of which is `number`."""
    row = np.repeat(np.arange(len(first)), n_windows)
    within = np.arange(len(row)) - (np.cumsum(n_windows) - n_windows)[row]
    offset = within * geometry.blocks_per_stride
    at = (np.cumsum(n_blocks) - n_blocks)[row] + offset  # the window's first block within the batch
    until = np.concatenate([[0], np.cumsum(counts)])
    seizure = until[at + geometry.blocks_per_window] - until[at]
    classes = np.zeros(len(row), np.uint16)
    for k in range(geometry.blocks_per_window):
        classes |= bits[at + k]
    unlabelled = (classes & UNLABELLED) > 0
    out["recording"][:] = number + row
    out["start_block"][:] = first[row] + offset
    out["start_time"][:] = within * (geometry.stride / geometry.sfreq)
    out["seizure_fraction"][:] = np.where(unlabelled, np.nan, seizure / geometry.window)
    out["event_classes"][:] = classes & np.uint16(~UNLABELLED & 0xFFFF)


def _blocks_of(
    label: Any,
    first: NDArray[np.int64],
    n_blocks: NDArray[np.int64],
    spec: StoreSpec,
    read: Callable[..., Iterable[tuple[Any, Any]]],
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Return the number of seizure samples of each block, and the union of its labels."""
    seizure = np.uint16(spec.seizure_bits)

    def summarise(shard: tuple[int, int]) -> tuple[Any, Any]:
        values = np.asarray(label[shard[0] : shard[1]])
        if not any(values.strides) and values.size:  # one broadcast value: it has no file
            value = values.flat[0]
            return (values.shape[1] if value & seizure else 0), value
        if not values.any():
            return 0, 0
        return np.count_nonzero(values & seizure, axis=1), np.bitwise_or.reduce(values, axis=1)

    shards = [
        (start, min(start + spec.shard, begin + count))
        for begin, count in zip(first.tolist(), n_blocks.tolist(), strict=True)
        for start in range(begin, begin + count, spec.shard)
    ]
    counts = np.zeros(n_blocks.sum(), np.int64)
    bits = np.zeros(len(counts), np.uint16)
    at = 0
    for (start, stop), (count, union) in zip(shards, read(summarise, shards), strict=True):
        counts[at : at + stop - start], bits[at : at + stop - start] = count, union
        at += stop - start
    return counts, bits
