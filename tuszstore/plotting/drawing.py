"""The parts of a picture of EEG: traces, time, shading, scale, strip of classes, title."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray

from tuszstore.plotting.montage import Lane
from tuszstore.plotting.scales import extremes, time_steps
from tuszstore.plotting.spans import Span, merge
from tuszstore.plotting.stretch import Stretch
from tuszstore.plotting.style import Style
from tuszstore.units import clock

_DENSE = 5
"""Samples per pixel above which only extremes are drawn.

They look the same and take a third of the space. A page of 10 s shows every sample.
"""

DPI = 110
"""Resolution of a picture on a screen."""

_MARGIN = 0.12
"""Distance (inches) of titles from both sides."""

_SMALLEST = 0.75
"""Size of letters to which a line is reduced if it does not fit, as a fraction."""

_BOLD_LETTER = 0.09
"""Approximate width (inches) of a letter of a class's name."""


@dataclass(frozen=True)
class Layout:
    """Positions of traces, in the units of the vertical axis (µV).

    Attributes
    ----------
    bases : mapping of Lane to float
        Height of each trace's zero line, from 0 downwards.
    scale : float
        Distance between two traces.
    """

    bases: Mapping[Lane, float]
    scale: float

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the vertical axis."""
        return min(self.bases.values()) - 0.8 * self.scale, 0.8 * self.scale


def draw_frame(axes: Axes, layout: Layout, stretch: Stretch, style: Style) -> None:
    """Draw the names of traces, and a time axis with a line for each second."""
    axes.set(xlim=stretch.limits, ylim=layout.limits, facecolor="none")
    for name, spine in axes.spines.items():
        spine.set(visible=name == "bottom", color=style.grid, linewidth=0.8)
    axes.set_yticks(list(layout.bases.values()), [lane.name for lane in layout.bases])
    axes.tick_params(axis="y", length=0, pad=7)
    for (lane, base), text in zip(layout.bases.items(), axes.get_yticklabels(), strict=True):
        text.set_color(style.of_side(lane.side))
        axes.annotate(
            ", ".join(_marks(lane, stretch)),
            (0, base),
            (-7, -7),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            ha="right",
            va="top",
            color=style.muted,
            fontsize=7,
            annotation_clip=False,
        )
    _draw_time(axes, style)


def _marks(lane: Lane, stretch: Stretch) -> list[str]:
    """Return which of interpolated and flat apply to a trace's electrodes."""
    own = {stretch.channels[row].name for row in lane.rows}
    told = {
        "interpolated": own & stretch.interpolated,
        "flat": own & (stretch.flat - stretch.interpolated),
    }
    return [word for word, names in told.items() if names]


def _draw_time(axes: Axes, style: Style) -> None:
    first, last = axes.get_xlim()
    step, finer = time_steps(last - first)
    decimals = 0 if step >= 1 else 1
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock(value, decimals)))
    axes.xaxis.set_minor_locator(MultipleLocator(finer))
    axes.grid(axis="x", which="minor", color=style.second, linewidth=0.6)
    axes.grid(axis="x", which="major", color=style.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", which="both", length=0, labelcolor=style.muted, labelsize=8.5)


def shade(
    axes: Axes, layout: Layout, classes: Mapping[str, list[Span]], stretch: Stretch, style: Style
) -> None:
    """Shade annotated seizures: over all traces, and again on the annotated ones."""
    for label, spans in classes.items():
        if not spans[0].seizure:
            continue
        color = style.of_class(label)
        for start, stop in stretch.within(merge(spans)):
            axes.axvspan(start, stop, color=color, alpha=0.08, linewidth=0, label=f"span {label}")
            for edge in {start, stop} - set(stretch.limits):
                axes.axvline(edge, color=color, linewidth=0.9, alpha=0.8)
        for lane, base in layout.bases.items():
            annotated = merge(span for span in spans if lane.is_annotated_by(span.channel))
            for start, stop in stretch.within(annotated):
                corner = (start, base - layout.scale / 2)
                patch = Rectangle(corner, stop - start, layout.scale, color=color, alpha=0.12)
                patch.set(linewidth=0, label=f"span {label} {lane.name}", zorder=0.9)
                axes.add_patch(patch)


def draw_lane(
    axes: Axes, lane: Lane, base: float, trace: NDArray[Any], stretch: Stretch, style: Style
) -> None:
    """Draw one trace, with clipped stretches in another colour."""
    clipped = np.logical_or.reduce(stretch.clipped[lane.rows])
    n_pixels = round(axes.get_window_extent().width)
    shown = np.arange(len(trace))
    if len(trace) > _DENSE * n_pixels:
        shown = extremes(trace, 2 * n_pixels)
    x, y = (stretch.first + shown) / stretch.sfreq, base + trace[shown]
    changed = _marks(lane, stretch)
    axes.plot(
        x,
        y,
        color=style.of_side(lane.side),
        linewidth=0.65,
        alpha=0.55 if changed else 1.0,
        label=f"lane {lane.name}",
    )
    if clipped.any():
        # with a sample on either side, so that a single clipped sample also gives a line
        marked = np.convolve(clipped[shown], np.ones(3), "same") > 0.5
        over = np.where(marked, y, np.nan)
        axes.plot(x, over, color=style.clipped, linewidth=2.0, label=f"clipped {lane.name}")


def draw_scale(axes: Axes, layout: Layout, negative_up: bool, style: Style) -> None:
    """Draw a scale bar as long as the distance between two traces, beside the lowest ones."""
    bottom = min(layout.bases.values()) + 0.5 * layout.scale
    place = axes.get_yaxis_transform()
    axes.plot(
        [1.012, 1.012],
        [bottom, bottom + layout.scale],
        color=style.ink,
        linewidth=1.6,
        transform=place,
        clip_on=False,
        solid_capstyle="butt",
        label="scale",
    )
    text = f"{layout.scale:g} µV\n{'negative' if negative_up else 'positive'}\nup"
    axes.text(
        1.019,
        bottom + layout.scale / 2,
        text,
        transform=place,
        va="center",
        ha="left",
        color=style.ink,
        fontsize=8.5,
        linespacing=1.25,
    )


def draw_strip(
    axes: Axes, classes: Mapping[str, list[Span]], stretch: Stretch, style: Style
) -> None:
    """Draw a named bar for each event class above the traces."""
    axes.set(xlim=stretch.limits, ylim=(len(classes), 0))
    axes.set_axis_off()
    first, last = stretch.limits
    inches = axes.get_window_extent().width / DPI
    for row, (label, spans) in enumerate(classes.items()):
        seizure = spans[0].seizure
        color = style.of_class(label, seizure=seizure)
        text = label if seizure else f"{label}, no seizure"
        width = _BOLD_LETTER * len(text) * (last - first) / inches
        free_from = first
        for start, stop in stretch.within(merge(spans)):
            bar = Rectangle((start, row + 0.62), stop - start, 0.28, color=color, linewidth=0)
            bar.set_label(f"strip {label}")
            axes.add_patch(bar)
            left = min(start, last - width)
            if left >= free_from:
                axes.text(
                    left,
                    row + 0.52,
                    text,
                    color=color,
                    fontsize=9,
                    fontweight="bold",
                    va="baseline",
                    parse_math=False,
                )
                free_from = left + 1.2 * width


def draw_title(figure: Figure, stretch: Stretch, bipolar: bool, style: Style) -> None:
    """Write the title and the processing."""
    width, height = figure.get_size_inches()
    montage = "longitudinal bipolar" if bipolar else stretch.montage
    parts = [stretch.name, montage, stretch.processing]
    if stretch.clipped.any():
        parts.append("thick: clipped")
    for text, top, size, color, weight in (
        (stretch.title, 0.12, 12, style.ink, "bold"),
        (stretch.recording, 0.36, 9, style.muted, "normal"),
        ("  ·  ".join(parts), 0.54, 9, style.muted, "normal"),
    ):
        drawn = figure.text(
            _MARGIN / width,
            1 - top / height,
            text,
            fontsize=size,
            color=color,
            fontweight=weight,
            va="top",
            parse_math=False,
        )
        _fit(drawn, size, (width - 2 * _MARGIN) * figure.dpi)


def _fit(drawn: Text, size: float, available: float) -> None:
    """Fit a line into a width (pixels): in smaller letters, then without some in its middle."""
    needed = drawn.get_window_extent().width
    if needed <= available:
        return
    drawn.set_fontsize(size * max(_SMALLEST, available / needed))
    whole = drawn.get_text()
    kept = len(whole)
    while drawn.get_window_extent().width > available and kept > 2:
        kept -= 1
        drawn.set_text(f"{whole[: kept // 2]}…{whole[len(whole) - (kept - kept // 2) :]}")
