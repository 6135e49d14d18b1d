"""Signals and labels of windows, as arrays."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.config import CHANNELS
from tuszstore.errors import StoreError
from tuszstore.signal.quantise import missing_value
from tuszstore.store.labels import UNLABELLED, paint
from tuszstore.store.metadata import StoreMetadata


def check_indices(indices: ArrayLike, n_windows: int) -> NDArray[np.int64]:
    """Return window numbers as int64, negative ones counted from the end.

    Raises
    ------
    TypeError
        If they are not integers.
    IndexError
        If one is out of range, naming it.
    """
    array = np.asarray(indices)
    if array.size == 0:
        return np.zeros(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"window numbers must be integers, not {array.dtype}")
    if array.ndim != 1:
        raise IndexError(f"window numbers must be one-dimensional, not of shape {array.shape}")
    numbers = array.astype(np.int64)
    wrong = (numbers < -n_windows) | (numbers >= n_windows)
    if wrong.any():
        raise IndexError(
            f"window {numbers[wrong][0]} is out of range: the store has {n_windows} windows"
        )
    return np.where(numbers < 0, numbers + n_windows, numbers)


def read_signal(store: StoreMetadata, indices: ArrayLike) -> NDArray[np.float32]:
    """Read windows; each block that they share is read once.

    Parameters
    ----------
    store : StoreMetadata
    indices : array_like of int, shape (window,)

    Returns
    -------
    ndarray of float32, shape (window, channel, sample)

    Raises
    ------
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    geometry = store.geometry
    numbers = check_indices(indices, len(store.windows["start_block"]))
    n_parts = geometry.blocks_per_window
    wanted = store.windows["start_block"][numbers][:, None] + np.arange(n_parts)
    blocks, place = np.unique(wanted, return_inverse=True)
    place = place.reshape(wanted.shape)
    stored = _read_blocks(store, blocks)
    out = np.empty((len(numbers), len(CHANNELS), geometry.window), np.float32)
    scale = np.float32(store.config.storage.scale if stored.dtype == np.int16 else 1)
    for window, parts in zip(out, place, strict=True):
        for k, part in enumerate(parts):
            span = slice(k * geometry.block, (k + 1) * geometry.block)
            np.multiply(stored[part], scale, out=window[:, span])
    return out


def read_labels(store: StoreMetadata, indices: ArrayLike) -> NDArray[np.uint16]:
    """Paint the class bits of windows from the store's events.

    Parameters
    ----------
    store : StoreMetadata
    indices : array_like of int, shape (window,)

    Returns
    -------
    ndarray of uint16, shape (window, sample)
        0 is background; the bits are named by ``config.labels.classes``.
    """
    geometry = store.geometry
    numbers = check_indices(indices, len(store.windows["start_block"]))
    events = store.events
    out = np.zeros((len(numbers), geometry.window), np.uint16)
    recordings = store.windows["recording"][numbers]
    begins = (numbers - store.recordings["first_window"][recordings]) * geometry.stride
    first = np.searchsorted(events["recording"], recordings, "left")
    stop = np.searchsorted(events["recording"], recordings, "right")
    for window, recording, begin, a, b in zip(out, recordings, begins, first, stop, strict=True):
        if not store.recordings["annotation_digest"][recording]:
            window[:] = UNLABELLED
            continue
        paint(
            events["first_sample"][a:b] - begin,
            events["stop_sample"][a:b] - begin,
            events["bit"][a:b],
            window,
        )
    return out


def _read_blocks(store: StoreMetadata, blocks: NDArray[np.int64]) -> NDArray[Any]:
    """Read sorted, distinct blocks, each run of consecutive ones at once."""
    array = store.group["signal"]
    out = np.empty((len(blocks), *array.shape[1:]), array.dtype)
    store.check_identity()
    runs = np.split(np.arange(len(blocks)), np.flatnonzero(np.diff(blocks) != 1) + 1)
    for run in runs if len(blocks) else []:
        first, last = blocks[run[0]], blocks[run[-1]]
        try:
            out[run[0] : run[-1] + 1] = array[first : last + 1]
        except Exception as error:
            # codecs raise what they like at damaged bytes
            raise StoreError(
                f"{_where(store, first, last)}: cannot be read: {type(error).__name__}: {error}"
            ) from error
    store.check_identity()
    missing = missing_value(store.config.storage.dtype)
    corner = out[:, 0, 0]
    absent = np.isnan(corner) if out.dtype.kind == "f" else corner == missing
    if absent.any():
        block = blocks[absent][0]
        raise StoreError(f"{_where(store, block, block)}: is missing")
    return out


def _where(store: StoreMetadata, first: int, last: int) -> str:
    geometry, recordings = store.geometry, store.recordings
    number = int(np.searchsorted(recordings["first_block"], first, "right")) - 1
    begin = (first - recordings["first_block"][number]) * geometry.step / geometry.sfreq
    end = begin + ((last - first) * geometry.step + geometry.block) / geometry.sfreq
    return f"{store.path}: {recordings['id'][number]}, {begin:g} to {end:g} s"
