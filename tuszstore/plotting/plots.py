"""Pictures of windows and recordings, in clinical style.

Traces are in clinical order, each centred at its median, negative up. Annotated seizures are shaded
faintly over all traces, and more strongly on the annotated traces. Pictures are Matplotlib figures
made without pyplot, so no backend is chosen.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from tuszstore.plotting.drawing import (
    DPI,
    Layout,
    draw_frame,
    draw_lane,
    draw_scale,
    draw_strip,
    draw_title,
    shade,
)
from tuszstore.plotting.montage import Lane, derive, referential
from tuszstore.plotting.montage import bipolar as bipolar_lanes
from tuszstore.plotting.scales import fitting_scale
from tuszstore.plotting.spans import by_class
from tuszstore.plotting.stretch import Stretch, recording_stretch, window_stretch
from tuszstore.plotting.style import LIGHT, Style, house_style

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

FORMATS = ("png", "svg", "pdf")
"""Formats of a saved picture, by file suffix."""

LEAST_WIDTH = 6.0
"""Minimum width (inches), below which titles do not fit."""

_COLORS = 256  # palette of a PNG: halves the file without a visible difference

# inches
_LEFT, _RIGHT, _TOP, _BOTTOM = 1.0, 0.85, 0.84, 0.4
_LANE, _STRIP = 0.36, 0.3
_GAP = 0.45  # between groups, in units of the distance of traces


class Picture(Figure):
    """A figure that a notebook displays whether or not pyplot was imported."""

    def _repr_png_(self) -> bytes:
        return render(self, "png")


def plot_window(
    store: "WindowCollection",
    number: int,
    *,
    bipolar: bool = False,
    scale: float | None = None,
    negative_up: bool = True,
    width: float = 14.0,
) -> Figure:
    """Draw a window.

    Parameters
    ----------
    store : Store
        A store, view or series.
    number : int
        Negative ones count from the end.
    bipolar : bool
        Whether to draw the longitudinal bipolar montage ("double banana"), 18 differences between
        neighbours, instead of the 19 channels as recorded.
    scale : float, optional
        Distance between two traces (µV), which is also the length of the scale bar; by default
        chosen from the signal.
    negative_up : bool
        Whether negative is drawn upwards, as is usual in clinical EEG.
    width : float
        Width of the picture (inches).

    Returns
    -------
    matplotlib.figure.Figure
        Coordinates are µV below the top trace and seconds from the recording's start.

    Raises
    ------
    IndexError, TypeError
        If there is no such window.
    ValueError
        If `scale` is not above 0, or `width` below :data:`LEAST_WIDTH`.
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    stretch = window_stretch(store, number)
    return draw(stretch, bipolar=bipolar, scale=scale, negative_up=negative_up, width=width)


def plot_recording(
    store: "WindowCollection",
    recording: str | int,
    at: float = 0.0,
    seconds: float = 10.0,
    *,
    bipolar: bool = False,
    scale: float | None = None,
    negative_up: bool = True,
    width: float = 14.0,
) -> Figure:
    """Draw a stretch of a recording; it is cut at the recording's end.

    Parameters
    ----------
    store : Store
        A store, view or series.
    recording : str or int
        Id, file name with or without suffix, or row of ``store.recordings``.
    at, seconds : float
        Start, relative to the start of the recording, and length (s).
    bipolar, scale, negative_up, width
        As for :func:`plot_window`.

    Returns
    -------
    matplotlib.figure.Figure
        As of :func:`plot_window`.

    Raises
    ------
    ValueError
        If there is no such recording or stretch, or `scale` or `width` are too small.
    StoreError
        If a block is missing or damaged, naming recording and time.
    """
    stretch = recording_stretch(store, recording, at, seconds)
    return draw(stretch, bipolar=bipolar, scale=scale, negative_up=negative_up, width=width)


def draw(
    stretch: Stretch,
    *,
    bipolar: bool = False,
    scale: float | None = None,
    negative_up: bool = True,
    width: float = 14.0,
    style: Style = LIGHT,
) -> Figure:
    """Draw a stretch.

    Parameters
    ----------
    stretch : Stretch
    bipolar, scale, negative_up, width
        As for :func:`plot_window`.
    style : Style

    Returns
    -------
    matplotlib.figure.Figure
    """
    if not (math.isfinite(width) and width >= LEAST_WIDTH):
        raise ValueError(f"width must be {LEAST_WIDTH:g} inches or more, not {width:g}")
    groups = (bipolar_lanes if bipolar else referential)(stretch.channels)
    traces = {lane: _centred(derive(stretch.data, lane)) for group in groups for lane in group}
    if scale is None:
        scale = fitting_scale(list(traces.values()))
    elif not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"scale must be above 0 µV, not {scale:g}")
    layout = Layout(_bases(groups, scale), scale)
    classes = by_class(stretch.spans)
    lowest, highest = layout.limits
    body, strip = (highest - lowest) / scale * _LANE, len(classes) * _STRIP
    height = _TOP + strip + body + _BOTTOM
    left, across = _LEFT / width, (width - _LEFT - _RIGHT) / width
    with house_style():
        figure = Picture((width, height), dpi=DPI, facecolor=style.paper)
        axes = figure.add_axes((left, _BOTTOM / height, across, body / height))
        draw_frame(axes, layout, stretch, style)
        shade(axes, layout, classes, stretch, style)
        for lane, base in layout.bases.items():
            trace = -traces[lane] if negative_up else traces[lane]
            draw_lane(axes, lane, base, trace, stretch, style)
        draw_scale(axes, layout, negative_up, style)
        if classes:
            bottom = (_BOTTOM + body) / height
            above = figure.add_axes((left, bottom, across, strip / height))
            draw_strip(above, classes, stretch, style)
        draw_title(figure, stretch, bipolar, style)
    return figure


def render(figure: Figure, kind: str, *, outlines: bool = False, **options: Any) -> bytes:
    """Return a figure as a file of a format.

    Parameters
    ----------
    figure : Figure
    kind : {"png", "svg", "pdf"}
    outlines : bool
        Whether text in an SVG is stored as outlines, which need no font.
    **options
        Passed to :meth:`matplotlib.figure.Figure.savefig`.
    """
    buffer = io.BytesIO()
    # without the date, so that equal pictures give equal files
    metadata = {"png": None, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    if kind == "png":
        options["pil_kwargs"] = {"compress_level": 1}  # compressed again below
    with house_style(), matplotlib.rc_context({"svg.fonttype": "path"} if outlines else {}):
        figure.savefig(buffer, format=kind, metadata=metadata, **options)
    return _few_colors(buffer) if kind == "png" else buffer.getvalue()


def _few_colors(png: io.BytesIO) -> bytes:
    buffer = io.BytesIO()
    image, method = Image.open(png).convert("RGB"), Image.Quantize.MEDIANCUT
    image.quantize(_COLORS, method, dither=Image.Dither.NONE).save(buffer, "PNG")
    return buffer.getvalue()


def picture_format(path: Path) -> str:
    """Return the picture format of a file name.

    Raises
    ------
    ValueError
        If it is not one of :data:`FORMATS`.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise ValueError(f"{path}: a picture's name must end in one of {known}")
    return kind


def _bases(groups: Sequence[Sequence[Lane]], scale: float) -> dict[Lane, float]:
    """Return the height of each trace's zero line, from 0 downwards."""
    bases, y = {}, 0.0
    for group in groups:
        for lane in group:
            bases[lane] = y
            y -= scale
        y -= _GAP * scale
    return bases


def _centred(trace: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(trace - np.median(trace), np.float32)
