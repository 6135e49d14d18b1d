"""A model's predictions, drawn below the EEG."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from tuszstore.plotting.montage import has_bipolar
from tuszstore.plotting.plots import draw
from tuszstore.plotting.stretch import Stretch, recording_stretch
from tuszstore.plotting.style import LIGHT, Style, house_style
from tuszstore.read.selection import find_recording

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions
    from tuszstore.evaluate.stitching import Mode, Trace
    from tuszstore.facade.windows import WindowCollection

_PANEL, _GAP = 0.95, 0.3
"""Height (inches) of the panel of probabilities, and its distance from the EEG."""


def plot_prediction(
    store: "WindowCollection",
    predictions: "Predictions",
    recording: str | int,
    at: float = 0.0,
    seconds: float = 30.0,
    *,
    threshold: float = 0.5,
    bipolar: bool | None = None,
    width: float = 14.0,
    **options: Any,
) -> Figure:
    """Draw a stretch of a recording, with the probability of a seizure below.

    Parameters
    ----------
    store : Store or view
        The store that the predictions belong to.
    predictions : Predictions
        Predictions of that store.
    recording : str or int
        Id, file name with or without suffix, or row.
    at, seconds : float
        Start, relative to the start of the recording, and length (s).
    threshold : float
        Drawn as a line; predicted events at this threshold are marked.
    bipolar : bool, optional
        As for :func:`tuszstore.plotting.plots.plot_recording`; by default if the channels allow it.
    width : float
        Width of the picture (inches).
    **options
        Of :meth:`tuszstore.evaluate.predictions.Predictions.events`, such as ``smooth``; the
        smoothed probability is drawn.

    Returns
    -------
    matplotlib.figure.Figure
        The EEG as of :func:`~tuszstore.plotting.plots.plot_recording`, and a panel below.

    Raises
    ------
    PredictionError
        If the predictions are of another store.
    ValueError
        If there is no such recording or stretch, or an option is invalid.
    """
    predictions.check(store)
    row = find_recording(store.recordings["id"].values, recording)
    stretch = recording_stretch(store, row, at, seconds)
    events = predictions.events(threshold, **options).of_recording(row)
    trace = detection_trace(predictions, row, **options)
    return draw_prediction(stretch, trace, events.tolist(), threshold, bipolar=bipolar, width=width)


def detection_trace(
    predictions: "Predictions",
    row: int,
    *,
    mode: "Mode" = "mean",
    smooth: float | None = None,
    **_: Any,
) -> "Trace":
    """Return the trace of a recording in which events are detected.

    Parameters
    ----------
    predictions : Predictions
    row : int
    mode, smooth
        As for :meth:`tuszstore.evaluate.predictions.Predictions.events`, whose other options
        are accepted and have no effect.
    """
    trace = predictions.trace(row, mode=mode)
    return replace(trace, values=trace.smoothed(smooth))


def draw_prediction(
    stretch: Stretch,
    trace: "Trace",
    events: Iterable[tuple[float, float]],
    threshold: float,
    *,
    bipolar: bool | None = None,
    width: float = 14.0,
    style: Style = LIGHT,
) -> Figure:
    """Draw a stretch with a panel below: probability, threshold, and predicted events.

    Parameters
    ----------
    stretch : Stretch
    trace : Trace
    events : iterable of (float, float)
        Onset and offset of the predicted events (s).
    threshold : float
    bipolar, width
        As for :func:`plot_prediction`.
    style : Style
    """
    is_bipolar = has_bipolar(stretch.channels) if bipolar is None else bipolar
    figure = draw(stretch, bipolar=is_bipolar, width=width, style=style)
    left, _, across, _ = figure.axes[0].get_position().bounds
    height = _make_room(figure)
    with house_style():
        axes = figure.add_axes((left, 0.16 / height, across, _PANEL / height), facecolor="none")
        first, last = stretch.limits
        edges = np.append(trace.times, len(trace.values) * trace.step)
        shown = np.append(trace.values, trace.values[-1:])
        axes.fill_between(edges, shown, step="post", color=style.partial_seizure, alpha=0.3, lw=0)
        axes.step(edges, shown, where="post", color=style.partial_seizure, linewidth=1.3)
        axes.axhline(threshold, color=style.muted, linewidth=0.8, linestyle=(0, (4, 3)))
        for onset, offset in events:
            begin, end = max(onset, first), min(offset, last)
            if end > begin:
                axes.plot(
                    [begin, end],
                    [1.1, 1.1],
                    color=style.full_seizure,
                    linewidth=4,
                    solid_capstyle="butt",
                    clip_on=False,
                    label="predicted",
                )
        axes.set(xlim=(first, last), ylim=(0, 1.2))
        axes.set_yticks([0, 1], ["0", "1"])
        axes.tick_params(length=0, labelsize=8, colors=style.muted)
        axes.set_xticks([])
        for name, spine in axes.spines.items():
            spine.set(visible=name in ("bottom", "left"), color=style.grid)
        place = axes.get_yaxis_transform()
        options: dict[str, Any] = {"transform": place, "va": "center", "color": style.ink}
        axes.text(-0.014, 0.5, "probability", ha="right", fontsize=8.5, **options)
        axes.text(1.006, 1.1, "predicted", ha="left", fontsize=8.5, **options)
        axes.text(1.006, threshold, f"{threshold:g}", ha="left", fontsize=8.5, **options)
    return figure


def _make_room(figure: Figure) -> float:
    """Extend the figure downwards for the panel; return the new height (inches)."""
    width, before = figure.get_size_inches()
    extra = _PANEL + _GAP
    after = float(before + extra)
    places = [axes.get_position() for axes in figure.axes]
    figure.set_size_inches(width, after)
    for axes, place in zip(figure.axes, places, strict=True):
        bottom = (place.y0 * before + extra) / after
        axes.set_position((place.x0, bottom, place.width, place.height * before / after))
    for text in figure.texts:
        x, y = text.get_position()
        text.set_position((x, (y * before + extra) / after))
    return after
