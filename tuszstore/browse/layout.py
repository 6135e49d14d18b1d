"""The parts of the page: plots, the table, menus, and keys."""

from collections.abc import Sequence
from typing import Any

from bokeh.models import (
    ColumnDataSource,
    CustomJSTickFormatter,
    DataTable,
    HTMLTemplateFormatter,
    Range1d,
    Select,
    TableColumn,
)
from bokeh.plotting import figure

TRACE, SEIZURE, OTHER, PREDICTED, HERE = "#1f2937", "#d97706", "#9ca3af", "#2563eb", "#111827"

SIDE = 410
"""Width (pixels) of the list of places."""

CLOCK = """
const pad = (number) => String(number).padStart(2, '0');
const seconds = Math.round(tick);
const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
const clock = pad(minutes) + ':' + pad(seconds % 60);
return hours ? hours + ':' + clock : clock.replace(/^0/, '');
"""
"""Formats times of an axis like the status line."""

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
    "the previous place of the list. A click on the strip goes there. Negative is up."
)


def make_traces(spans: ColumnDataSource, traces: ColumnDataSource) -> Any:
    """Return the plot of a page, with events in the background."""
    plot = figure(
        min_height=240,
        sizing_mode="stretch_both",
        x_range=Range1d(0, 10),
        y_range=Range1d(0, 1),
        tools="",
        toolbar_location=None,
        name="traces",
        # data are already thinned to the pixels, and canvas is the fastest backend for many lines
        output_backend="canvas",
    )
    plot.quad(source=spans, line_alpha=0, color="color")
    plot.multi_line("xs", "ys", source=traces, color=TRACE, line_width=0.8)
    plot.ygrid.visible = False
    plot.xaxis.formatter = CustomJSTickFormatter(code=CLOCK)
    return plot


def make_strip(marks: ColumnDataSource, curve: ColumnDataSource, here: ColumnDataSource) -> Any:
    """Return the overview plot of a recording, with the current page marked."""
    strip = figure(
        height=120,
        sizing_mode="stretch_width",
        x_range=Range1d(0, 1),
        y_range=Range1d(0, 1),
        tools="",
        toolbar_location=None,
        name="strip",
    )
    strip.quad(source=marks, color="color", line_alpha=0, fill_alpha=0.8)
    strip.line("x", "y", source=curve, color=PREDICTED, line_width=1)
    strip.quad(
        source=here, bottom=0, top=1, left="left", right="right",
        fill_alpha=0.15, color=HERE,
    )  # fmt: skip
    strip.xaxis.formatter = CustomJSTickFormatter(code=CLOCK)
    strip.yaxis.visible = False
    strip.ygrid.visible = False
    return strip


def _whole_on_hover() -> HTMLTemplateFormatter:
    """Return the formatter of a text whose cell may be too narrow for it."""
    return HTMLTemplateFormatter(template='<span title="<%- value %>"><%- value %></span>')


def make_table(rows: ColumnDataSource) -> DataTable:
    """Return the list of places."""
    return DataTable(
        source=rows,
        columns=[
            TableColumn(field=name, title=name, formatter=_whole_on_hover(), width=width)
            for name, width in (("recording", 230), ("time", 60), ("what", 110))
        ],
        width=SIDE,
        min_height=240,
        sizing_mode="stretch_height",
        index_position=None,
        reorderable=False,
        name="places",
    )


def make_select(title: str, options: Sequence[str], value: str, name: str) -> Select:
    """Return a menu."""
    return Select(title=title, options=list(options), value=value, width=150, name=name)
