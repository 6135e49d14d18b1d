"""The data of one page: signals, filtered and decimated for the screen, and events."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tuszstore.plotting.spans import Span, event_spans

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions
    from tuszstore.facade.windows import WindowCollection

MAX_POINTS = 2400
"""Maximum points of a trace; a longer one is reduced to the extremes of half as many columns."""

ORDER = 2
"""Order of the display's Butterworth filters."""


@dataclass(frozen=True)
class Band:
    """A display filter, applied forwards and backwards.

    Attributes
    ----------
    low, high, notch : float or None
        Cut-offs and the frequency of the power line (Hz); None for none.
    """

    low: float | None = None
    high: float | None = None
    notch: float | None = None

    def apply(self, data: NDArray[np.float32], sfreq: float) -> NDArray[np.float32]:
        """Filter signals; cut-offs above the Nyquist frequency are skipped.

        Parameters
        ----------
        data : ndarray of float32, shape (channel, sample)
        sfreq : float
            Hz.
        """
        sections = []
        if self.low is not None:
            sections.append(signal.butter(ORDER, self.low, "highpass", fs=sfreq, output="sos"))
        if self.high is not None and self.high < sfreq / 2:
            sections.append(signal.butter(ORDER, self.high, "lowpass", fs=sfreq, output="sos"))
        if self.notch is not None and self.notch < sfreq / 2:
            sections.append(signal.tf2sos(*signal.iirnotch(self.notch, 30, fs=sfreq)))
        if not sections or data.shape[1] < 2:
            return data
        padding = min(data.shape[1] - 1, round(sfreq))
        filtered = signal.sosfiltfilt(np.concatenate(sections), data, axis=1, padlen=padding)
        return np.asarray(filtered, np.float32)


@dataclass(frozen=True)
class Page:
    """A stretch of a recording, ready to be drawn.

    Attributes
    ----------
    start, stop : float
        Seconds from the start of the recording.
    channels : tuple of str
    times : ndarray of float64, shape (point,)
        In seconds.
    traces : ndarray of float32, shape (channel, point)
        In µV, or as stored if the store cannot be read in µV.
    spans : list of Span
        Events that overlap the page.
    """

    start: float
    stop: float
    channels: tuple[str, ...]
    times: NDArray[np.float64]
    traces: NDArray[np.float32]
    spans: list[Span]


def read_page(
    store: "WindowCollection", row: int, start: float, seconds: float, band: Band
) -> Page:
    """Read a page, and only the blocks that it overlaps.

    Parameters
    ----------
    store : Store or View
    row : int
        Row of the recordings table.
    start, seconds : float
        Start and length; a page that extends past the end of the recording is cut there.
    band : Band

    Raises
    ------
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    end = store.reader.length(row) / store.sfreq
    start = min(max(0.0, start), end)
    stop = min(start + seconds, end)
    n_channels = len(store.channels)
    data = np.empty((n_channels, 0), np.float32)
    if stop > start:
        data = band.apply(store.read_recording(row, start, stop), store.sfreq)
    places, traces = thin_out(data)
    first, last = start * store.sfreq, stop * store.sfreq
    spans = [span for span in event_spans(store, row) if span.start < last and span.stop > first]
    return Page(start, stop, store.channels, start + places / store.sfreq, traces, spans)


def thin_out(
    data: NDArray[np.float32], max_points: int = MAX_POINTS
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Reduce long traces to the smallest and the largest sample of each column of pixels.

    Parameters
    ----------
    data : ndarray of float32, shape (channel, sample)
    max_points : int

    Returns
    -------
    places : ndarray of int64, shape (point,)
        Sample of each point; two points of one column are half a column apart.
    values : ndarray of float32, shape (channel, point)
    """
    n_samples = data.shape[1]
    if n_samples <= max_points:
        return np.arange(n_samples), data
    width = -(-2 * n_samples // max_points)
    n_columns = n_samples // width
    columns = data[:, : n_columns * width].reshape(len(data), n_columns, width)
    values = np.stack([columns.min(axis=2), columns.max(axis=2)], axis=2)
    rest = data[:, n_columns * width :]
    places = np.arange(2 * n_columns) * width // 2
    places = np.concatenate([places, np.arange(n_columns * width, n_samples)])
    return places, np.concatenate([values.reshape(len(data), -1), rest], axis=1)


def probability(
    predictions: "Predictions", row: int, max_points: int = MAX_POINTS
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return the predictions along a recording, as the largest value of each column of pixels.

    Returns
    -------
    times : ndarray of float64, shape (point,)
        In seconds.
    values : ndarray of float32, shape (point,)
        NaN where nothing was predicted.
    """
    trace = predictions.trace(row)
    values = trace.values
    width = max(1, -(-len(values) // max_points))
    padded = np.full(-(-len(values) // width) * width, np.nan, np.float32)
    padded[: len(values)] = values
    # fmax ignores NaN, and returns NaN only if all values are NaN
    largest: NDArray[np.float32] = np.fmax.reduce(padded.reshape(-1, width), axis=1)
    times = (np.arange(len(largest), dtype=np.float64) + 0.5) * (width * trace.step)
    return np.asarray(times, np.float64), largest
