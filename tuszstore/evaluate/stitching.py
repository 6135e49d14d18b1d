"""Stitching outputs of windows to one trace per recording; pure functions of arrays."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tuszstore.text import printable

Mode = Literal["mean", "max", "last", "causal"]
"""How overlapping windows are merged; see :func:`stitch`."""

MODES: tuple[str, ...] = get_args(Mode)

CELLS_AT_ONCE = 1 << 20
"""Values that are spread at a time: a long recording takes little more memory than its trace."""


@dataclass(frozen=True)
class Trace:
    """The probability of a seizure along a recording, in cells of equal length.

    Attributes
    ----------
    recording : str
        Id.
    values : ndarray of float32, shape (cell,)
        0 to 1; NaN if unknown.
    step : float
        Length of a cell (s).
    causal : bool
        Whether each value depends only on data before its cell's start.
    """

    recording: str
    values: NDArray[np.float32]
    step: float
    causal: bool = False

    def __repr__(self) -> str:
        kind = ", causal" if self.causal else ""
        return (
            f"<Trace of {printable(self.recording)}: {len(self.values)} values every "
            f"{self.step:g} s, {self.covered:g} s of them known{kind}>"
        )

    @property
    def times(self) -> NDArray[np.float64]:
        """Start of each cell (s)."""
        return np.arange(len(self.values), dtype=np.float64) * self.step

    @property
    def covered(self) -> float:
        """Time that has a value (s)."""
        return float(np.count_nonzero(~np.isnan(self.values)) * self.step)

    def smoothed(self, seconds: float | None) -> NDArray[np.float32]:
        """Return the moving mean, centred on each cell, or for a causal trace before it.

        Cells without a value are unchanged, and are not included in means.

        Parameters
        ----------
        seconds : float or None
            None, or anything shorter than two cells, changes nothing.
        """
        width = 1 if not seconds else max(1, round(seconds / self.step))
        if width == 1 or not len(self.values):
            return self.values
        before = width - 1 if self.causal else (width - 1) // 2
        known = ~np.isnan(self.values)
        sums, counts = (
            np.concatenate([[0.0], np.cumsum(part, dtype=np.float64)])
            for part in (np.where(known, self.values, 0), known)
        )
        places = np.arange(len(self.values))
        first = np.maximum(places - before, 0)
        last = np.minimum(places - before + width, len(places))
        with np.errstate(invalid="ignore"):
            mean = (sums[last] - sums[first]) / (counts[last] - counts[first])
        # cancellation can leave sums slightly below 0
        return np.where(known, np.clip(mean, 0, 1), np.nan).astype(np.float32)


def cell_length(starts: NDArray[np.int64], window: int, n_values: int) -> int:
    """Return the largest number of samples that all windows and their values begin at multiples of.

    Parameters
    ----------
    starts : ndarray of int64, shape (window,)
        First sample of each window.
    window : int
        Samples of a window.
    n_values : int
        Values of a window.
    """
    return int(np.gcd.reduce(starts, initial=window // n_values))


def stitch(
    values: NDArray[np.float32],
    starts: NDArray[np.int64],
    *,
    window: int,
    cell: int,
    n_cells: int,
    mode: Mode = "mean",
    hold: int = 0,
) -> NDArray[np.float32]:
    """Return one value for each cell of a recording.

    Parameters
    ----------
    values : ndarray of float32, shape (window, value)
        Outputs of the recording's windows, in any order.
    starts : ndarray of int64, shape (window,)
        First sample of each window.
    window, cell : int
        Samples of a window and of a cell.
    n_cells : int
        Cells of the recording.
    mode : {"mean", "max", "last", "causal"}
        Value of a cell that several windows cover: their mean, weighted by ``1 - |2 x - 1|``, where
        x is the relative position of the cell's centre in the window, from 0 to 1; their maximum;
        or the value of the window that began last. ``causal``: the last value of the window that
        ended last before the cell begins, as in real time.
    hold : int
        With ``causal``, samples for which the value of the recording's last window stands.

    Returns
    -------
    ndarray of float32, shape (cell,)
        NaN without a window.
    """
    if mode not in MODES:
        raise ValueError(f"unknown mode {mode!r}; known are {', '.join(MODES)}")
    order = np.argsort(starts, kind="stable")
    values, starts = values[order], starts[order]
    if mode == "causal":
        return _held(values, starts + window, cell, n_cells, hold)
    length = window // cell
    repeat = length // values.shape[1]
    inside = (np.arange(length) + 0.5) / length
    weights = 1 - np.abs(2 * inside - 1)
    at_once = max(1, CELLS_AT_ONCE // length)
    weighted, covered = np.zeros(n_cells), np.zeros(n_cells)
    best = np.full(n_cells, -1, np.float32)
    for first in range(0, len(starts), at_once):
        some = slice(first, first + at_once)
        places = (starts[some, None] // cell + np.arange(length)).ravel()
        spread = np.repeat(values[some], repeat, axis=1).ravel()
        fits = places < n_cells
        places, spread = places[fits], spread[fits]
        if mode == "mean":
            weight = np.tile(weights, len(starts[some]))[fits]
            np.add.at(weighted, places, weight * spread)
            np.add.at(covered, places, weight)
        elif mode == "max":
            np.maximum.at(best, places, spread)
        else:
            best[places] = spread  # if places repeat, the last value is kept
    if mode == "mean":
        with np.errstate(invalid="ignore"):
            return np.clip(weighted / covered, 0, 1).astype(np.float32)
    return np.where(best < 0, np.float32(np.nan), best)


def _held(
    values: NDArray[np.float32], ends: NDArray[np.int64], cell: int, n_cells: int, hold: int
) -> NDArray[np.float32]:
    """Return for each cell the last value of the most recent window that has ended."""
    begins = np.arange(n_cells) * cell
    newest = np.searchsorted(ends, begins, "right") - 1
    known = newest >= 0
    if len(ends):
        known &= begins < ends[-1] + max(hold, cell)
        return np.where(known, values[newest, -1], np.float32(np.nan)).astype(np.float32)
    return np.full(n_cells, np.nan, np.float32)


def n_cells_of(n_samples: int, cell: int) -> int:
    """Return how many cells a recording has; the last one may reach past its end."""
    return math.ceil(n_samples / cell)
