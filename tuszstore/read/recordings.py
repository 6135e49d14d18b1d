"""Stretches of recordings, as stored or in µV, independent of windows."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.read.rows import Rows, make_rows
from tuszstore.read.selection import find_recording
from tuszstore.store.metadata import StoreMetadata

Blocks = Callable[[NDArray[np.int64]], NDArray[Any]]
"""Takes sorted, distinct block numbers, returns ``(block, channel, sample)`` as stored."""


def n_stored(store: StoreMetadata, number: int) -> int:
    """Return how many samples of a recording can be read, from its start.

    With ``overlap: duplicate`` samples after the last window are not stored, and if the stride is
    longer than a window, there is a gap after the first one.
    """
    geometry, recordings = store.geometry, store.recordings
    n_blocks = int(recordings["n_blocks"][number])
    if n_blocks == 0:
        return 0
    if geometry.step > geometry.block:
        n_blocks = 1
    covered = (n_blocks - 1) * geometry.step + geometry.block
    return min(int(recordings["n_samples"][number]), covered)


def read_recording(
    store: StoreMetadata,
    read_blocks: Blocks,
    recording: str | int,
    start: float = 0.0,
    stop: float | None = None,
    *,
    microvolts: bool = False,
    rows: Rows | None = None,
) -> NDArray[np.float32]:
    """Read a stretch of one recording.

    Parameters
    ----------
    store : StoreMetadata
    read_blocks : callable
    recording : str or int
        Id, file name with or without suffix, or row of the recordings table.
    start, stop : float
        Seconds from the start of the recording, rounded to samples; by default to its end.
    microvolts : bool
        Whether to undo the normalisation, with the recording's mean and standard deviation. Clipped
        values stay clipped.
    rows : Rows, optional
        Derivations of the store's channels; by default the stored ones.

    Returns
    -------
    ndarray of float32, shape (row, sample)

    Raises
    ------
    ValueError
        If there is no such recording or stretch.
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    number = find_recording(store.recordings["id"], recording)
    geometry = store.geometry
    end = n_stored(store, number)
    if end == 0:
        raise ValueError(
            f"{store.path}: {store.recordings['id'][number]} is not stored: it is shorter "
            "than a window, and the store has only complete windows (windows.overlap: duplicate)"
        )
    seconds = end / geometry.sfreq
    for name, value in (("start", start), ("stop", stop)):
        if value is not None and not (math.isfinite(value) and 0 <= value <= seconds):
            raise ValueError(
                f"{name} must be within 0 to {seconds:g} s of "
                f"{store.recordings['id'][number]}, not {value:g}"
            )
    first = round(start * geometry.sfreq)
    last = end if stop is None else round(stop * geometry.sfreq)
    if last <= first:
        raise ValueError(f"start must be before stop, not {start:g} and {stop:g} s")
    places = _covering(store, number, first, last)
    blocks = read_blocks(store.recordings["first_block"][number] + np.array(places))
    dtype = np.dtype(np.float32) if rows is None else blocks.dtype
    stored = np.empty((blocks.shape[1], last - first), dtype)
    done = first
    for place, block in zip(places, blocks, strict=True):
        begin = place * geometry.step
        upto = min(begin + geometry.block, last)
        stored[:, done - first : upto - first] = block[:, done - begin : upto - begin]
        done = upto
    if rows is not None:
        if microvolts and rows.units != "uV":
            rows = make_rows(store, rows.wanted, "uV", average_of=rows.average_of)
        made = np.empty((len(rows), last - first), np.float32)
        rows.apply(stored[None], np.array([number]), made[None])
        return made
    if blocks.dtype != np.float32:
        stored *= np.float32(store.encoding.scale)
    if microvolts and store.spec.units != "uV":
        # in float64, since adding a mean of millivolts would lose the last digits of float32
        sd, mean = (store.recordings[name][number][:, None] for name in ("sd", "mean"))
        stored = (stored * sd + mean).astype(np.float32)
    return stored


def _covering(store: StoreMetadata, number: int, first: int, last: int) -> list[int]:
    """Return the minimum blocks of a recording that contain a stretch of samples, in order."""
    geometry = store.geometry
    latest = int(store.recordings["n_blocks"][number]) - 1
    places, reached = [], first
    while reached < last:
        # of overlapping blocks, the last one that starts before the next sample needed
        place = min(reached // geometry.step, latest)
        places.append(place)
        reached = place * geometry.step + geometry.block
    return places
