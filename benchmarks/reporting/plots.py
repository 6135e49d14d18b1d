"""Pictures of rows."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmarks.engines import LIMIT
from benchmarks.reporting.summary import Spread, exponents
from benchmarks.reporting.tables import OWN
from benchmarks.rows import Row, of
from benchmarks.workloads import TITLES
from benchmarks.workloads.loader import WORKLOADS as LOADING
from benchmarks.workloads.stages import STAGES, TOTALS

COLOURS = {"own": "#1f5fbf", "compressed": "#d98b2b", "bare": "#9a9a9a"}
"""Colours of engines by kind of storage."""

LABELS = {"own": "tuszstore", "compressed": "compressed or chunked", "bare": "bare float32"}


def figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Return all pictures for which there are rows, by name."""
    matplotlib.rcParams.update(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
        }
    )
    measured = of(rows, status="ok")
    there = {row.workload for row in measured}
    drawn: dict[str, Figure] = {}
    panels = {
        "reading": ("random", "in-order", "cold-random", "cold-in-order"),
        "loader": tuple(LOADING),
    }
    for name, workloads in panels.items():
        if chosen := [workload for workload in workloads if workload in there]:
            drawn[name] = rates(measured, chosen)
    for workload in ("growth", "length", "index"):
        if workload in there:
            drawn[workload] = scaling(of(measured, workload=workload), TITLES[workload])
    if "stages" in there:
        drawn["stages"] = stages(of(measured, workload="stages"))
    if "build" in there:
        drawn["build"] = building(of(measured, workload="build"))
    return drawn


def rates(rows: Sequence[Row], workloads: Sequence[str]) -> Figure:
    """Return bars of windows per second, with one panel for each workload; lines show extremes."""
    engines = list(dict.fromkeys(row.engine for row in rows if row.workload in workloads))
    columns = min(2, len(workloads))
    lines = -(-len(workloads) // columns)
    figure = Figure(
        figsize=(6.2 * columns, 0.24 * len(engines) * lines + 1.0 * lines + 0.4),
        layout="constrained",
    )
    axes = figure.subplots(lines, columns, squeeze=False).flat
    for axis, workload in zip(axes, workloads, strict=False):
        _bars(axis, of(rows, workload=workload), TITLES[workload])
    kinds = dict.fromkeys(row.kind for row in rows if row.kind in COLOURS)
    patches = [matplotlib.patches.Patch(color=COLOURS[kind], label=LABELS[kind]) for kind in kinds]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(kinds), frameon=False)
    return figure


def _bars(axis: Any, rows: Sequence[Row], title: str) -> None:
    found = []
    for engine in dict.fromkeys(row.engine for row in rows):
        mine = of(rows, engine=engine)
        spread = Spread.of(row.rate for row in mine)
        if spread is not None:
            found.append((spread, mine[0]))
    found.sort(key=lambda pair: pair[0].median)
    medians = np.array([spread.median for spread, _ in found])
    extremes = np.array([[s.median - s.least, s.most - s.median] for s, _ in found]).T
    axis.barh(
        [row.title for _, row in found],
        medians,
        xerr=extremes,
        height=0.7,
        color=[COLOURS[row.kind] for _, row in found],
        error_kw={"lw": 1},
    )
    for place, (spread, row) in enumerate(found):
        axis.text(spread.most * 1.1, place, f"{spread.median:,.0f}", va="center", fontsize=8)
        if row.engine == LIMIT:
            axis.axvline(spread.median, color="#444", lw=0.8, ls=":")
    axis.set_xscale("log")
    axis.set_xlim(max(0.5, medians.min() / 2), medians.max() * 3)
    axis.set_title(title, loc="left", fontweight="bold")
    axis.set_xlabel("windows/s")
    axis.grid(axis="x", lw=0.3)
    axis.tick_params(axis="y", length=0)


def scaling(rows: Sequence[Row], title: str) -> Figure:
    """Return lines of cost over size on logarithmic scales, each with its exponent."""
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    axis = figure.subplots()
    axis.set_prop_cycle(color=("#d98b2b", "#4f9d69", "#a05195", "#7f7f7f"))
    windowed = rows[0].rate is not None
    cost: Callable[[Row], float | None] = (
        (lambda row: 1e6 / row.rate if row.rate else None)
        if windowed
        else (lambda row: None if row.seconds is None else 1e3 * row.seconds)
    )
    for engine, variant in dict.fromkeys((row.engine, row.variant) for row in rows):
        mine = of(rows, engine=engine, variant=variant)
        sizes = sorted({row.size for row in mine if row.size is not None})
        spreads = [Spread.of(map(cost, of(mine, size=size))) for size in sizes]
        known = [(size, s) for size, s in zip(sizes, spreads, strict=True) if s is not None]
        fitted = Spread.of(exponents(mine))
        label = variant or mine[0].title
        colour = COLOURS["own"] if engine == OWN and not variant else None
        if fitted is not None:
            label += f", exponent {fitted.median:.3f}"
        medians = np.array([s.median for _, s in known])
        extremes = np.array([[s.median - s.least, s.most - s.median] for _, s in known]).T
        axis.errorbar(
            [size for size, _ in known],
            medians,
            extremes,
            marker="o",
            ms=4,
            lw=1.2,
            capsize=2,
            label=label,
            color=colour,
        )
    over = "minutes of a recording" if rows[0].workload == "length" else "windows"
    unit = "µs per window" if windowed else "ms"
    axis.set(xscale="log", yscale="log", xlabel=over, ylabel=unit)
    low, high = axis.get_ylim()
    if high / low < 10:
        # flat curves should look flat
        axis.set_ylim(low / 3, high * 3)
    axis.set_title(title[0].upper() + title[1:], loc="left", fontweight="bold")
    for formatter in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
        formatter(_plain)
    axis.grid(lw=0.3)
    axis.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@FuncFormatter
def _plain(value: float, place: int | None) -> str:
    """Label only 1, 2 and 5 times powers of ten."""
    return f"{value:,g}" if f"{value:e}"[0] in "125" else ""


def stages(rows: Sequence[Row]) -> Figure:
    """Return the time of a window, stacked by stage, compared with the upper bound."""
    medians = {
        variant: 1e6 * spread.median
        for variant in (*STAGES, *TOTALS)
        if (spread := Spread.of(row.seconds for row in of(rows, variant=variant))) is not None
    }
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    axis = figure.subplots()
    left = 0.0
    palette = ("#8fb3e6", "#b8b8b8", "#1f5fbf", "#d98b2b", "#7a5aa8")
    for stage, colour in zip(STAGES, palette, strict=True):
        # differences of small times may be negative
        width = max(0.0, medians[stage])
        axis.barh(
            "tuszstore, 1 thread",
            width,
            left=left,
            color=colour,
            height=0.6,
            label=f"{stage} {medians[stage]:.0f}",
        )
        left += width
    for variant in TOTALS[1:]:
        name = variant if "limit" in variant else f"tuszstore, {variant}"
        axis.barh(name, medians[variant], color="#5c6b80", height=0.6)
    for variant, place in zip(TOTALS, range(len(TOTALS)), strict=True):
        axis.text(medians[variant] * 1.01 + 2, place, f"{medians[variant]:.0f}", va="center")
    axis.invert_yaxis()
    axis.set_xlabel("µs per window")
    axis.legend(ncols=len(STAGES), frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def building(rows: Sequence[Row]) -> Figure:
    """Return the time of building an hour of EEG, stacked by stage."""
    engines = list(dict.fromkeys(row.engine for row in rows))
    figure = Figure(figsize=(8, 0.45 * len(engines) + 1.3), layout="constrained")
    axis = figure.subplots()
    names = list(dict.fromkeys(name for row in rows for name in row.values["stages"]))
    palette = matplotlib.colormaps["tab10"]
    for place, engine in enumerate(engines):
        mine = of(rows, engine=engine)
        per_hour = [row.values["s per hour"] / (row.seconds or 1.0) for row in mine]
        left = 0.0
        for number, name in enumerate(names):
            spread = Spread.of(
                row.values["stages"].get(name, 0.0) * scale
                for row, scale in zip(mine, per_hour, strict=True)
            )
            width = 0.0 if spread is None else spread.median
            axis.barh(mine[0].title, width, left=left, height=0.6, color=palette(number))
            left += width
        total = Spread.of(row.values["s per hour"] for row in mine)
        if total is not None:
            axis.text(left + 0.1, place, f"{total.median:.2f} s", va="center", fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("s of work for an hour of EEG, by stage; figures: of the clock")
    patches = [matplotlib.patches.Patch(color=palette(k), label=n) for k, n in enumerate(names)]
    axis.legend(
        handles=patches,
        frameon=False,
        fontsize=8,
        ncols=4,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
    )
    return figure
