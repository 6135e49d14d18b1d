"""The part of a report with scores of predictions and their worst errors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from tuszstore.plotting.figures import Embedded, chart_axes, embed
from tuszstore.plotting.predictions import detection_trace, draw_prediction
from tuszstore.plotting.stretch import Stretch, recording_stretch
from tuszstore.plotting.style import Style
from tuszstore.rules import NAMES, OF_EVENTS
from tuszstore.units import clock

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions
    from tuszstore.evaluate.stitching import Trace
    from tuszstore.evaluate.sweeping import Sweep
    from tuszstore.evaluate.tally import Tally
    from tuszstore.evaluate.worst import Finding
    from tuszstore.facade.windows import WindowCollection

SHOWN = 3
"""Maximum misses drawn, and maximum false alarms."""

_MEASURES = ("sensitivity", "precision", "f1")
_BEFORE, _LONGEST, _WIDTH = 10.0, 40.0, 10.6  # seconds, seconds, inches


@dataclass(frozen=True)
class Worst:
    """A missed seizure or a false alarm, with text and picture.

    Attributes
    ----------
    text : str
    picture : Embedded
    """

    text: str
    picture: Embedded


@dataclass(frozen=True)
class Evaluation:
    """The part of a page that shows predictions.

    Attributes
    ----------
    title : str
        Model, if known, and threshold.
    numbers : dict of str to str
    rows : list of list of str
        A row of the table for each rule.
    macro : list of list of str
        Means over subjects: number, mean, interval, subjects.
    groups : list of list of str
        Seizures by class and by length: group, number, found, sensitivity.
    undefined : list of str
        Measures that are undefined, and why.
    curve : Embedded
        Sensitivity against false alarms.
    misses, false_alarms : list of Worst
    """

    title: str
    numbers: dict[str, str]
    rows: list[list[str]]
    macro: list[list[str]]
    groups: list[list[str]]
    undefined: list[str]
    curve: Embedded
    misses: list[Worst]
    false_alarms: list[Worst]


def show_predictions(
    store: "WindowCollection",
    predictions: "Predictions",
    threshold: float = 0.5,
    **options: Any,
) -> Evaluation:
    """Score predictions and draw their part of a page.

    Parameters
    ----------
    store : Store or view
    predictions : Predictions
        Predictions of that store.
    threshold : float
    **options
        Of :meth:`tuszstore.evaluate.predictions.Predictions.events`.

    Raises
    ------
    PredictionError
        If they are of another store.
    ValueError
        If the threshold or an option is invalid.
    """
    predictions.check(store)
    scores = predictions.score(threshold, **options)
    sweep = predictions.sweep(**options | {"hysteresis": _share(threshold, **options)})
    total = scores.total
    latency = scores.median_latency
    numbers = {
        "seizures": f"{scores.seizures:,}",
        "predicted events": f"{scores.events:,}",
        "hours scored": f"{scores.seconds / 3600:,.2f}",
        "F1 (SzCORE)": _number(total["szcore_events"].f1),
        "false alarms per day": _number(total["szcore_events"].false_alarms_per_day, 1),
        "median latency": "undefined" if latency is None else f"{latency:.1f} s",
    }
    reasons = sorted({reason for tally in total.values() for reason in tally.undefined.items()})
    model = predictions.attrs.get("model")
    misses, alarms = predictions.worst(scores, SHOWN)
    return Evaluation(
        title=_title(model, threshold, **options),
        numbers=numbers,
        rows=[[NAMES[name], *_row(name, tally)] for name, tally in total.items()],
        macro=[
            [
                name.replace("_", " "),
                _number(mean.mean),
                "" if mean.low is None else f"{_number(mean.low)} to {_number(mean.high)}",
                str(mean.subjects),
            ]
            for name, mean in scores.macro("szcore_events").items()
        ],
        groups=[
            [name, str(entry.seizures), str(entry.found), _number(entry.sensitivity)]
            for name, entry in {**scores.classes, **scores.lengths}.items()
            if entry.seizures
        ],
        undefined=[f"{name.replace('_', ' ')} is undefined: {why}" for name, why in reasons],
        curve=sensitivity_curve(sweep, threshold, total["szcore_events"]),
        misses=_drawn(store, predictions, misses, "missed", threshold, **options),
        false_alarms=_drawn(store, predictions, alarms, "false alarm", threshold, **options),
    )


def _share(threshold: float, hysteresis: float | None = None, **_: Any) -> float | None:
    """Return the hysteresis as a share of the threshold, as a sweep expects it."""
    return None if hysteresis is None else hysteresis / threshold if threshold else 0.0


def _title(
    model: str | None,
    threshold: float,
    hysteresis: float | None = None,
    min_duration: float = 0.0,
    merge_gap: float = 0.0,
    smooth: float | None = None,
    mode: str = "mean",
) -> str:
    """Return the model, if known, and how events are detected."""
    parts = [f"Model {model}, threshold {threshold:g}" if model else f"Threshold {threshold:g}"]
    if hysteresis is not None:
        parts.append(f"hysteresis {hysteresis:g}")
    if smooth:
        parts.append(f"smoothed over {smooth:g} s")
    if merge_gap:
        parts.append(f"gaps up to {merge_gap:g} s merged")
    if min_duration:
        parts.append(f"events from {min_duration:g} s on")
    if mode != "mean":
        parts.append(f"overlapping windows: {mode}")
    return ", ".join(parts)


def sensitivity_curve(sweep: "Sweep", threshold: float, at: "Tally") -> Embedded:
    """Draw sensitivity against false alarms per day, a dot for each threshold.

    Parameters
    ----------
    sweep : Sweep
    threshold : float
        Threshold to mark.
    at : Tally
        Counts at this threshold.
    """
    x, y = (sweep.column(name) for name in ("false_alarms_per_day", "sensitivity"))

    def make(style: Style) -> Figure:
        figure, axes = chart_axes(style, 5.2, 3.6, left=0.6)
        axes.plot(x, y, color=style.left, linewidth=1.2, marker="o", markersize=3.5)
        previous = (math.nan, math.nan)
        for a, b, value in zip(x, y, sweep.thresholds, strict=True):
            # of several thresholds with the same scores, the first is labelled
            if np.isfinite([a, b]).all() and (a, b) != previous:
                axes.annotate(
                    f"{value:g}",
                    (a, b),
                    (4, -8),
                    textcoords="offset points",
                    fontsize=7,
                    color=style.muted,
                )
                previous = (a, b)
        if at.sensitivity is not None and at.false_alarms_per_day is not None:
            place = ([at.false_alarms_per_day], [at.sensitivity])
            axes.plot(*place, "o", color=style.full_seizure, markersize=8, zorder=3)
            axes.annotate(
                f"threshold {threshold:g}",
                (place[0][0], place[1][0]),
                (0, 9),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
                color=style.full_seizure,
            )
        axes.set_xlabel("false alarms per day")
        axes.set_title("sensitivity", loc="left", fontsize=8.5, color=style.muted)
        highest = np.nanmax(x) if np.isfinite(x).any() else 1.0
        axes.set_xlim(-0.09 * max(highest, 1), 1.14 * max(highest, 1))
        axes.set_ylim(-0.04, 1.12)
        axes.grid(color=style.second, linewidth=0.7)
        axes.set_axisbelow(True)
        return figure

    return embed(make, "Sensitivity against false alarms per day, by threshold (SzCORE)")


def _drawn(
    store: "WindowCollection",
    predictions: "Predictions",
    findings: Sequence["Finding"],
    what: str,
    threshold: float,
    **options: Any,
) -> list[Worst]:
    drawn = []
    table = predictions.events(threshold, **options)
    for finding in findings:
        trace = detection_trace(predictions, finding.row, **options)
        events = table.of_recording(finding.row).tolist()
        start = max(0.0, finding.onset - _BEFORE)
        length = min(_LONGEST, finding.offset + _BEFORE - start)
        try:
            stretch = recording_stretch(store, finding.row, start, length)
        except ValueError:
            continue  # past the stored end of the recording
        make = partial(_draw, stretch, trace, events, threshold)
        sure = finding.probability
        told = "not covered by windows" if math.isnan(sure) else f"highest probability {sure:.2f}"
        text = f"{what}, {clock(finding.onset)} to {clock(finding.offset)}, {told}"
        drawn.append(Worst(text, embed(make, f"EEG of {stretch.title}", bitmap=True)))
    return drawn


def _draw(
    stretch: Stretch,
    trace: "Trace",
    events: Sequence[tuple[float, float]],
    threshold: float,
    style: Style,
) -> Figure:
    return draw_prediction(stretch, trace, events, threshold, width=_WIDTH, style=style)


def _row(rule: str, tally: "Tally") -> list[str]:
    counts = [f"{value:,.5g}" for value in (tally.hits, tally.misses, tally.false_alarms)]
    rate = _number(tally.false_alarms_per_day, 2) if rule in OF_EVENTS else "-"
    return [*counts, *(_number(getattr(tally, name)) for name in _MEASURES), rate]


def _number(value: float | None, decimals: int = 3) -> str:
    return "undefined" if value is None else f"{value:,.{decimals}f}"
