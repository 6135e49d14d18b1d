"""The page itself: traces, the strip of the whole recording, the list of places, keys.

One object for each browser tab. What a user does becomes a change of its state, after which what
depends on it is drawn again: signals are read only where recording, time, montage or filter change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.events import DocumentReady, Tap
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    CustomJSTickFormatter,
    DataTable,
    Div,
    FixedTicker,
    Range1d,
    Select,
    StringFormatter,
    TableColumn,
)
from bokeh.plotting import figure

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

LENGTHS = ("10", "15", "20", "30", "60")
"""Seconds of a page."""

GAINS = ("10", "20", "30", "50", "70", "100", "150", "200", "300", "500", "1000")
"""Distance between two traces (µV)."""

LOWS = {"as stored": None, "0.5 Hz": 0.5, "1 Hz": 1.0, "2 Hz": 2.0, "5 Hz": 5.0}
HIGHS = {"as stored": None, "70 Hz": 70.0, "35 Hz": 35.0, "20 Hz": 20.0, "15 Hz": 15.0}
NOTCHES = {"none": None, "50 Hz": 50.0, "60 Hz": 60.0}

TRACE, SEIZURE, OTHER, PREDICTED, HERE = "#1f2937", "#d97706", "#9ca3af", "#2563eb", "#111827"

PALE = {True: "#fbe3c8", False: "#e5e7eb"}
"""Ground of a trace in a seizure, and in an event of another class; solid, so that the events of
many channels that lie upon each other look like one.
"""

CLOCK = """
const pad = (number) => String(number).padStart(2, '0');
const seconds = Math.round(tick);
const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
const clock = pad(minutes) + ':' + pad(seconds % 60);
return hours ? hours + ':' + clock : clock.replace(/^0/, '');
"""
"""Times of an axis, written as the status line has them."""

KEYS = """
if (window.tuszstoreKeys) { return; }
window.tuszstoreKeys = true;
const names = {ArrowRight: 'next', PageDown: 'next', ArrowLeft: 'previous', PageUp: 'previous',
  ArrowUp: 'larger', ArrowDown: 'smaller', Home: 'first', End: 'last', n: 'next place',
  p: 'previous place'};
document.addEventListener('keydown', (event) => {
  const target = event.composedPath()[0];
  if (event.ctrlKey || event.metaKey || event.altKey) { return; }
  if (['INPUT', 'SELECT', 'TEXTAREA'].includes(target.tagName)) { return; }
  let name = names[event.key];
  if (name === undefined) { return; }
  if (event.shiftKey && event.key === 'ArrowRight') { name = 'second forward'; }
  if (event.shiftKey && event.key === 'ArrowLeft') { name = 'second back'; }
  event.preventDefault();
  keys.data = {name: [name], count: [keys.data.count[0] + 1]};
}, true);
"""

HELP = (
    "Keys: left and right, or page up and page down, turn the page; with shift by a second. Up and "
    "down change the gain, home and end go to the ends of the recording, n and p to the next and "
    "the previous place of the list. A click on the strip goes there."
)


@dataclass
class Contents:
    """What a page is about.

    Attributes
    ----------
    title : str
    montages : mapping of str to Store or View
        By name; the first is shown first.
    names : sequence of str
        Of the recordings, as they are shown.
    places : mapping of str to callable
        What makes the lists of places, by the name of each.
    predictions : Predictions, optional
    events : EventTable, optional
        What the predictions hold at the threshold.
    start : (int, float)
        Recording and time (s) at first.
    """

    title: str
    montages: "Mapping[str, WindowCollection]"
    names: Sequence[str]
    places: Mapping[str, Callable[[], list[Place]]]
    predictions: "Predictions | None" = None
    events: "EventTable | None" = None
    start: tuple[int, float] = (0, 0.0)
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
            width=320,
            name="recording",
        )
        self._montage = _select("Montage", names, names[0], "montage")
        self._length = _select("Seconds a page", LENGTHS, "10", "length")
        self._gain = _select("µV between traces", GAINS, "100", "gain")
        self._low = _select("Low cut-off", list(LOWS), "as stored", "low")
        self._high = _select("High cut-off", list(HIGHS), "as stored", "high")
        self._notch = _select("Notch", list(NOTCHES), "none", "notch")
        self._list = _select("Jump to", listed, listed[0], "list")
        self._status = Div(text="", name="status", width=900)
        self._traces = ColumnDataSource({"xs": [], "ys": []})
        self._spans = ColumnDataSource({k: [] for k in ("left", "right", "bottom", "top", "color")})
        self._marks = ColumnDataSource({k: [] for k in ("left", "right", "bottom", "top", "color")})
        self._curve = ColumnDataSource({"x": [], "y": []})
        self._here = ColumnDataSource({"left": [0.0], "right": [0.0]})
        self._rows = ColumnDataSource({"recording": [], "time": [], "what": []})
        self._keys = ColumnDataSource({"name": [""], "count": [0]})
        self._status.tags = [self._keys]  # so that it is part of the document, and kept in step
        self._plot = self._make_plot()
        self._strip = self._make_strip()
        self._connect()
        self._show()
        self._show_list()

    def add_to(self, document: "Document") -> None:
        """Put the page into a document of the server."""
        document.title = self._contents.title
        document.js_on_event(DocumentReady, CustomJS(args={"keys": self._keys}, code=KEYS))
        table = DataTable(
            source=self._rows,
            columns=[
                TableColumn(field=name, title=name, formatter=StringFormatter(), width=width)
                for name, width in (("recording", 160), ("time", 50), ("what", 120))
            ],
            width=330,
            height=640,
            index_position=None,
            reorderable=False,
            name="places",
        )
        controls = (self._montage, self._length, self._gain, self._low, self._high, self._notch)
        page = column(self._status, self._plot, self._strip, sizing_mode="stretch_width")
        side = column(self._recording, self._list, table, width=340)
        document.add_root(
            column(
                row(*controls),
                row(page, side, sizing_mode="stretch_width"),
                Div(text=HELP),
                sizing_mode="stretch_width",
            )
        )

    def _make_plot(self) -> Any:
        plot = figure(
            height=640,
            sizing_mode="stretch_width",
            x_range=Range1d(0, 10),
            y_range=Range1d(0, 1),
            tools="",
            toolbar_location=None,
            name="traces",
            # what a pixel cannot show is not drawn: the canvas is the fastest for so many lines
            output_backend="canvas",
        )
        plot.quad(source=self._spans, line_alpha=0, color="color")
        plot.multi_line("xs", "ys", source=self._traces, color=TRACE, line_width=0.8)
        plot.ygrid.visible = False
        plot.xaxis.formatter = CustomJSTickFormatter(code=CLOCK)
        return plot

    def _make_strip(self) -> Any:
        strip = figure(
            height=120,
            sizing_mode="stretch_width",
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            tools="",
            toolbar_location=None,
            name="strip",
        )
        strip.quad(source=self._marks, color="color", line_alpha=0, fill_alpha=0.8)
        strip.line("x", "y", source=self._curve, color=PREDICTED, line_width=1)
        strip.quad(
            source=self._here, bottom=0, top=1, left="left", right="right",
            fill_alpha=0.15, color=HERE,
        )  # fmt: skip
        strip.xaxis.formatter = CustomJSTickFormatter(code=CLOCK)
        strip.yaxis.visible = False
        strip.ygrid.visible = False
        strip.on_event(Tap, lambda event: self._go(self._row, float(event.x)))
        return strip

    def _connect(self) -> None:
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
            self._go(self._row, 0.0 if name == "first" else self._end)
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
            # whole pages, so that leafing back and forth meets the same ones
            self._go(place.row, place.start // seconds * seconds)

    def _choose(self, to: int) -> None:
        if to != self._row:  # else it was set here
            self._go(to, 0.0)

    def _go(self, to: int, start: float) -> None:
        self._row = to
        last = max(0.0, self._end - float(self._length.value))
        self._start = min(max(0.0, start), last)
        if self._recording.value != str(to):
            self._recording.value = str(to)
        self._show()

    def _show(self) -> None:
        band = Band(LOWS[self._low.value], HIGHS[self._high.value], NOTCHES[self._notch.value])
        try:
            self._page = read_page(
                self._store, self._row, self._start, float(self._length.value), band
            )
        except TuszstoreError as error:
            self._page = None
            self._traces.data = {"xs": [], "ys": []}
            self._status.text = _escaped(str(error))
            return
        self._draw()
        self._draw_strip()

    def _draw(self) -> None:
        page = self._page
        if page is None:
            return
        gain = float(self._gain.value)
        n_channels = len(page.channels)
        centres = np.arange(n_channels, 0, -1, dtype=np.float32) - 0.5
        # negative up, as EEG is read; a trace may reach into its neighbours, and no further
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
        self._shown = self._contents.listed(self._list.value)
        self._rows.data = {
            "recording": [self._contents.names[place.row] for place in self._shown],
            "time": [shown_time(place) for place in self._shown],
            "what": [printable(place.what) for place in self._shown],
        }


def _select(title: str, options: Sequence[str], value: str, name: str) -> Select:
    return Select(title=title, options=list(options), value=value, width=150, name=name)


def _columns(rows: Sequence[tuple[Any, ...]], number: int) -> list[list[Any]]:
    return [list(values) for values in zip(*rows, strict=True)] or [[] for _ in range(number)]


def _height(channel: str, channels: Sequence[str]) -> tuple[float, float]:
    """Return bottom and top of an event: of its own trace, or of all."""
    if channel in channels:
        place = len(channels) - channels.index(channel)
        return place - 1.0, float(place)
    return 0.0, float(len(channels))


def _escaped(text: str) -> str:
    return escape(printable(text))
