"""The figures of a report, each for a light and a dark theme, embedded in the page as data."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from tuszstore.plotting.montage import has_bipolar, referential
from tuszstore.plotting.plots import draw, render
from tuszstore.plotting.signals import Sampled
from tuszstore.plotting.stretch import Stretch
from tuszstore.plotting.style import DARK, LIGHT, Style, house_style

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

_EXAMPLE_WIDTH = 10.6  # inches
_EXAMPLE_DPI = 120
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Embedded:
    """A picture within a page.

    Attributes
    ----------
    light, dark : str
        Data URIs.
    width, height : int
        In pixels of the page.
    alt : str
        Alternative text.
    """

    light: str
    dark: str
    width: int
    height: int
    alt: str


def example(stretch: Stretch) -> Embedded:
    """Draw a stretch in the bipolar montage, or as recorded if its channels do not allow that.

    Parameters
    ----------
    stretch : Stretch
    """
    is_bipolar = has_bipolar(stretch.channels)

    def make(style: Style) -> Figure:
        return draw(stretch, bipolar=is_bipolar, style=style, width=_EXAMPLE_WIDTH)

    return embed(make, f"EEG of {stretch.title}", bitmap=True)


def amplitude_by_channel(store: "WindowCollection") -> Embedded:
    """Draw the range of standard deviations over recordings, for each channel.

    Parameters
    ----------
    store : Store
    """
    recordings = store.metadata.recordings
    usable = ~(recordings.or_blank("flat") | recordings.or_blank("interpolated"))
    sd = np.where(usable, recordings["sd"], np.nan)
    lanes = [lane for group in referential(store.spec.channels) for lane in group]
    columns = {lane.name: sd[:, lane.rows[0]] for lane in lanes}

    def make(style: Style) -> Figure:
        figure, axes = chart_axes(style, 4.0, max(1.5, 0.6 + 0.195 * len(lanes)), left=0.45)
        colors = {lane.name: style.of_side(lane.side) for lane in lanes}
        _draw_ranges(axes, columns, colors, style)
        axes.set_xlabel("standard deviation (µV)")
        return figure

    return embed(make, "Standard deviation of each channel over the recordings, in µV")


def amplitude_by_category(sampled: Mapping[str, Sampled]) -> Embedded:
    """Draw the range of root mean squares of channels in windows, by category.

    Parameters
    ----------
    sampled : mapping of str to Sampled
    """
    columns = {name.replace("_", " "): entry.rms.ravel() for name, entry in sampled.items()}

    def make(style: Style) -> Figure:
        figure, axes = chart_axes(style, 4.0, 0.75 + 0.3 * len(columns), left=1.15)
        colors = {name.replace("_", " "): style.of_category(name) for name in sampled}
        _draw_ranges(axes, columns, colors, style)
        axes.set_xlabel("root mean square of a channel in a window (µV)")
        return figure

    return embed(make, "Root mean square of channels in windows of each category, in µV")


def spectra(sampled: Mapping[str, Sampled]) -> Embedded:
    """Draw power densities by category: median and quartiles over windows.

    Parameters
    ----------
    sampled : mapping of str to Sampled
    """

    def make(style: Style) -> Figure:
        figure, axes = chart_axes(style, 4.0, 2.95, left=0.55)
        middles = []
        for name, entry in sampled.items():
            # just below the Nyquist frequency there is only the slope of a filter
            shown = (entry.frequencies > 0) & (entry.frequencies <= 0.8 * entry.frequencies[-1])
            x, color = entry.frequencies[shown], style.of_category(name)
            low, middle, high = _quantiles(entry.power[:, shown], (0.25, 0.5, 0.75))
            axes.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
            axes.plot(x, middle, color=color, linewidth=1.4, label=name.replace("_", " "))
            middles.append(middle)
        axes.set(xscale="log", yscale="log", xlabel="frequency (Hz)")
        axes.set_title("power density (µV²/Hz)", loc="left", fontsize=8.5, color=style.muted)
        axes.set_xlim(0.5, x[-1])
        _limit_decades(axes, np.concatenate(middles))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(color=style.second, linewidth=0.7)
        axes.legend(frameon=False, labelcolor=style.ink, fontsize=8, loc="lower left")
        return figure

    return embed(make, "Power density against frequency, by category of windows")


def _limit_decades(axes: Axes, power: NDArray[np.float64]) -> None:
    """Limit the axis to exclude notches and frequencies beyond the amplifier's band."""
    known = power[power > 0]
    if len(known):
        axes.set_ylim(bottom=max(np.quantile(known, 0.02) / 3, known.max() * 1e-6))


def chart_axes(style: Style, width: float, height: float, *, left: float) -> tuple[Figure, Axes]:
    """Return a figure (size in inches) with the axes of a chart and space for names at the left."""
    figure = Figure((width, height), facecolor="none")
    rect = (left / width, 0.45 / height, 1 - (left + 0.15) / width, 1 - 0.75 / height)
    axes = figure.add_axes(rect, facecolor="none")
    for name, spine in axes.spines.items():
        spine.set(visible=name == "bottom", color=style.grid)
    axes.tick_params(length=0, labelsize=8, colors=style.muted, which="both")
    axes.xaxis.label.set(color=style.muted, fontsize=8.5)
    return figure, axes


def _draw_ranges(
    axes: Axes, columns: Mapping[str, NDArray[np.float64]], colors: Mapping[str, str], style: Style
) -> None:
    """Draw a row for each column: 5 to 95 % thin, quartiles thick, the median as a dot."""
    for place, (name, values) in enumerate(columns.items()):
        low, first, middle, third, high = _quantiles(values, _QUANTILES)
        color = colors[name]
        axes.plot([low, high], [place, place], color=color, linewidth=1, alpha=0.8)
        axes.plot([first, third], [place, place], color=color, linewidth=4.5, alpha=0.55)
        axes.plot([middle], [place], "o", color=color, markersize=4.5)
    axes.set_yticks(range(len(columns)), list(columns))
    axes.tick_params(axis="y", labelcolor=style.ink)
    axes.set_ylim(len(columns) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.grid(axis="x", color=style.second, linewidth=0.7)
    axes.set_axisbelow(True)


def _quantiles(values: NDArray[np.float64], shares: tuple[float, ...]) -> NDArray[np.float64]:
    """Return quantiles along the first axis, ignoring NaN; NaN if all values are NaN."""
    rows = values[~np.isnan(values if values.ndim == 1 else values[:, -1])]
    if not len(rows):
        return np.full((len(shares), *values.shape[1:]), np.nan)
    return np.asarray(np.quantile(rows, shares, axis=0))


def embed(make: Callable[[Style], Figure], alt: str, *, bitmap: bool = False) -> Embedded:
    """Draw a figure for the light and the dark theme, and return both as embedded data."""
    uris = []
    for style in (LIGHT, DARK):
        with house_style():
            figure = make(style)
        if bitmap:
            kind, content = "png", render(figure, "png", dpi=_EXAMPLE_DPI)
        else:
            # text as outlines: an embedded picture cannot use the page's fonts
            kind, content = "svg+xml", render(figure, "svg", outlines=True, transparent=True)
        uris.append(f"data:image/{kind};base64,{base64.b64encode(content).decode()}")
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Embedded(uris[0], uris[1], width, height, alt)
