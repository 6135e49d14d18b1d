"""The page itself: traces, the overview strip of the recording, the list of places, and keys.

Each browser tab has its own object. User actions change its state, and whatever depends on the
changed state is redrawn. Signals are read again only when the recording, time, montage or filter
changes.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.events import DocumentReady, Tap
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, CustomJS, Div, FixedTicker, Select

from tuszstore.browse.layout import (
    HELP,
    KEYS,
    OTHER,
    PREDICTED,
    SEIZURE,
    SIDE,
    make_select,
    make_strip,
    make_table,
    make_traces,
)
from tuszstore.browse.pages import Band, Page, probability, read_page
from tuszstore.browse.places import Place, shown_time
from tuszstore.errors import TuszstoreError
from tuszstore.plotting.spans import event_spans
from tuszstore.text import printable
from tuszstore.units import clock

if TYPE_CHECKING:
    from bokeh.document import Document

    from tuszstore.evaluate.events import EventTable
    from tuszstore.evaluate.predictions import Predictions
    from tuszstore.facade.windows import WindowCollection

_log = logging.getLogger(__name__)

LENGTHS = ("10", "15", "20", "30", "60")
"""Page lengths (s)."""

GAINS = ("10", "20", "30", "50", "70", "100", "150", "200", "300", "500", "1000")
"""Distances between two traces (µV)."""

LOWS = {"as stored": None, "0.5 Hz": 0.5, "1 Hz": 1.0, "2 Hz": 2.0, "5 Hz": 5.0}
HIGHS = {"as stored": None, "70 Hz": 70.0, "35 Hz": 35.0, "20 Hz": 20.0, "15 Hz": 15.0}
NOTCHES = {"none": None, "50 Hz": 50.0, "60 Hz": 60.0}

PALE = {True: "#fbe3c8", False: "#e5e7eb"}
"""Background colour of seizures, and of events of other classes.

Opaque, so that overlapping events of several channels look like one.
"""


@dataclass
class Contents:
    """The content of a page.

    Attributes
    ----------
    title : str
    montages : mapping of str to Store or View
        Montages by name; the first is shown at the start.
    names : sequence of str
        Displayed names of the recordings.
    places : mapping of str to callable
        Functions that make the lists of places, by the name of the list.
    predictions : Predictions, optional
    events : EventTable, optional
        Events of the predictions at the threshold.
    start : (int, float)
        Initial recording and time (s).
    hidden : bool
        Whether paths and people's names must not be shown.
    """

    title: str
    montages: "Mapping[str, WindowCollection]"
    names: Sequence[str]
    places: Mapping[str, Callable[[], list[Place]]]
    predictions: "Predictions | None" = None
    events: "EventTable | None" = None
    start: tuple[int, float] = (0, 0.0)
    hidden: bool = False
    made: dict[str, list[Place]] = field(default_factory=dict)

    def listed(self, name: str) -> list[Place]:
        """Return a list of places, made when it is first shown."""
        if name not in self.made:
            self.made[name] = self.places[name]()
        return self.made[name]


class Browser:
    """One open page.

    Parameters
    ----------
    contents : Contents
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._row, self._start = contents.start
        self._strip_row = -1
        self._page: Page | None = None
        self._shown: list[Place] = []
        names = list(contents.montages)
        listed = list(contents.places)
        self._recording = Select(
            title="Recording",
            value=str(self._row),
            options=[(str(k), name) for k, name in enumerate(contents.names)],
            width=SIDE,
            name="recording",
        )
        self._montage = make_select("Montage", names, names[0], "montage")
        self._length = make_select("Seconds per page", LENGTHS, "10", "length")
        self._gain = make_select("µV between traces", GAINS, "100", "gain")
        self._low = make_select("Low cut-off", list(LOWS), "as stored", "low")
        self._high = make_select("High cut-off", list(HIGHS), "as stored", "high")
        self._notch = make_select("Notch", list(NOTCHES), "none", "notch")
        self._list = make_select("Jump to", listed, listed[0], "list")
        self._status = Div(text="", name="status", width=900)
        self._traces = ColumnDataSource({"xs": [], "ys": []})
        self._spans = ColumnDataSource({k: [] for k in ("left", "right", "bottom", "top", "color")})
        self._marks = ColumnDataSource({k: [] for k in ("left", "right", "bottom", "top", "color")})
        self._curve = ColumnDataSource({"x": [], "y": []})
        self._here = ColumnDataSource({"left": [0.0], "right": [0.0]})
        self._rows = ColumnDataSource({"recording": [], "time": [], "what": []})
        self._keys = ColumnDataSource({"name": [""], "count": [0]})
        self._status.tags = [self._keys]  # makes it part of the synchronised document
        self._plot = make_traces(self._spans, self._traces)
        self._strip = make_strip(self._marks, self._curve, self._here)
        self._connect()
        self._go(*contents.start)
        self._show_list()

    def add_to(self, document: "Document") -> None:
        """Put the page into a document of the server."""
        document.title = self._contents.title
        document.js_on_event(DocumentReady, CustomJS(args={"keys": self._keys}, code=KEYS))
        table = make_table(self._rows)
        controls = (self._montage, self._length, self._gain, self._low, self._high, self._notch)
        page = column(self._status, self._plot, self._strip, sizing_mode="stretch_both")
        side = column(
            self._recording, self._list, table, width=SIDE + 10, sizing_mode="stretch_height"
        )
        document.add_root(
            column(
                row(*controls),
                row(page, side, sizing_mode="stretch_both"),
                Div(text=HELP, sizing_mode="stretch_width"),
                sizing_mode="stretch_width",
                # all of the page is visible without scrolling, unless the screen is small
                styles={"height": "calc(100vh - 20px)", "min-height": "600px"},
            )
        )

    def _connect(self) -> None:
        self._strip.on_event(Tap, lambda event: self._go(self._row, float(event.x)))
        self._recording.on_change("value", lambda _a, _o, new: self._choose(int(new)))
        for widget in (self._montage, self._length, self._low, self._high, self._notch):
            widget.on_change("value", lambda _a, _o, _n: self._go(self._row, self._start))
        self._gain.on_change("value", lambda _a, _o, _n: self._draw())
        self._list.on_change("value", lambda _a, _o, _n: self._show_list())
        self._rows.selected.on_change("indices", lambda _a, _o, new: self._jump(new))
        self._keys.on_change("data", lambda _a, _o, new: self._press(new["name"][0]))

    @property
    def _store(self) -> "WindowCollection":
        return self._contents.montages[self._montage.value]

    @property
    def _end(self) -> float:
        return self._store.reader.length(self._row) / self._store.sfreq

    def _press(self, name: str) -> None:
        seconds = float(self._length.value)
        steps = {
            "next": seconds,
            "previous": -seconds,
            "second forward": 1.0,
            "second back": -1.0,
        }
        if name in steps:
            self._go(self._row, self._start + steps[name])
        elif name in ("first", "last"):
            self._go(self._row, 0.0 if name == "first" else math.inf)
        elif name in ("larger", "smaller"):
            place = GAINS.index(self._gain.value) + (1 if name == "smaller" else -1)
            self._gain.value = GAINS[min(max(place, 0), len(GAINS) - 1)]
        else:
            chosen = self._rows.selected.indices
            step = 1 if name == "next place" else -1
            place = (chosen[0] if chosen else -1 if step > 0 else len(self._shown)) + step
            if 0 <= place < len(self._shown):
                self._rows.selected.indices = [place]

    def _jump(self, chosen: Sequence[int]) -> None:
        if chosen and chosen[0] < len(self._shown):
            place = self._shown[chosen[0]]
            seconds = float(self._length.value)
            # in whole pages, so that paging back and forth shows the same pages
            self._go(place.row, place.start // seconds * seconds)

    def _choose(self, to: int) -> None:
        if to != self._row:  # otherwise this object has set the menu itself
            self._go(to, 0.0)

    def _go(self, to: int, start: float) -> None:
        self._row = to
        if self._recording.value != str(to):
            self._recording.value = str(to)
        try:
            last = max(0.0, self._end - float(self._length.value))
            self._start = min(max(0.0, start), last)
            band = Band(LOWS[self._low.value], HIGHS[self._high.value], NOTCHES[self._notch.value])
            self._page = read_page(
                self._store, self._row, self._start, float(self._length.value), band
            )
            self._draw()
            self._draw_strip()
        except (TuszstoreError, OSError) as error:
            self._page = None
            self._show_error(error)

    def _show_error(self, error: Exception) -> None:
        """Show an error instead of the page, and clear the plots of the previous page."""
        for source in (self._traces, self._spans, self._here):
            source.data = {name: [] for name in source.data}
        if self._strip_row != self._row:
            self._strip_row = -1
            for source in (self._marks, self._curve):
                source.data = {name: [] for name in source.data}
        self._plot.x_range.update(start=self._start, end=self._start + float(self._length.value))
        told = str(error)
        if self._contents.hidden:  # the error may name paths and recordings
            _log.error("%s", printable(told))
            told = (
                f"cannot be shown ({type(error).__name__}): see the terminal, since the error may "
                "name people"
            )
        name = self._contents.names[self._row]
        self._status.text = _escaped(f"{name}, from {clock(self._start)}: {told}")

    def _draw(self) -> None:
        page = self._page
        if page is None:
            return
        gain = float(self._gain.value)
        n_channels = len(page.channels)
        centres = np.arange(n_channels, 0, -1, dtype=np.float32) - 0.5
        # negative up, the clinical convention; a trace may overlap its neighbours, but no others
        ys = centres[:, None] - np.clip(page.traces / gain, -3, 3)
        self._traces.data = {"xs": [page.times] * n_channels, "ys": list(ys)}
        self._plot.x_range.update(start=page.start, end=page.start + float(self._length.value))
        self._plot.y_range.update(start=0, end=n_channels)
        self._plot.yaxis.ticker = FixedTicker(ticks=centres.tolist())
        self._plot.yaxis.major_label_overrides = dict(
            zip(centres.tolist(), page.channels, strict=True)
        )
        rate = self._store.sfreq
        rows = [
            (
                max(span.start / rate, page.start),
                min(span.stop / rate, page.stop),
                *_height(span.channel, page.channels),
                PALE[span.seizure],
            )
            for span in sorted(page.spans, key=lambda span: span.seizure)
        ]
        self._spans.data = dict(
            zip(("left", "right", "bottom", "top", "color"), _columns(rows, 5), strict=True)
        )
        labels = sorted({span.label for span in page.spans})
        said = f", {', '.join(labels)}" if labels else ""
        name = self._contents.names[self._row]
        self._status.text = _escaped(
            f"{name}, {clock(page.start)} to {clock(page.stop)} of {clock(self._end)}{said}"
        )

    def _draw_strip(self) -> None:
        page = self._page
        if page is None:
            return
        self._here.data = {"left": [page.start], "right": [page.stop]}
        if self._strip_row == self._row:
            return
        self._strip_row = self._row
        self._strip.x_range.update(start=0, end=max(self._end, 1e-3))
        contents, rate = self._contents, self._store.sfreq
        rows = [
            (span.start / rate, span.stop / rate, 0.55, 1.0, SEIZURE if span.seizure else OTHER)
            for span in event_spans(self._store, self._row)
        ]
        if contents.events is not None:
            spans = contents.events.of_recording(self._row).tolist()
            rows += [(start, stop, 0.0, 0.45, PREDICTED) for start, stop in spans]
        self._marks.data = dict(
            zip(("left", "right", "bottom", "top", "color"), _columns(rows, 5), strict=True)
        )
        if contents.predictions is not None:
            times, values = probability(contents.predictions, self._row)
            self._curve.data = {"x": times, "y": values}

    def _show_list(self) -> None:
        self._rows.selected.indices = []
        try:
            self._shown = self._contents.listed(self._list.value)
        except (TuszstoreError, OSError) as error:
            self._shown = []
            self._show_error(error)
        self._rows.data = {
            "recording": [self._contents.names[place.row] for place in self._shown],
            "time": [shown_time(place) for place in self._shown],
            "what": [printable(place.what) for place in self._shown],
        }


def _columns(rows: Sequence[tuple[Any, ...]], number: int) -> list[list[Any]]:
    return [list(values) for values in zip(*rows, strict=True)] or [[] for _ in range(number)]


def _height(channel: str, channels: Sequence[str]) -> tuple[float, float]:
    """Return bottom and top of an event: those of its own trace, or of all traces."""
    if channel in channels:
        place = len(channels) - channels.index(channel)
        return place - 1.0, float(place)
    return 0.0, float(len(channels))


def _escaped(text: str) -> str:
    return escape(printable(text))
