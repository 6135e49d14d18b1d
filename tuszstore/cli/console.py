"""The console for results, and what all results have in common."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import click
from rich.console import Console, ConsoleOptions, RenderableType, RenderHook, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from tuszstore.text import printable

LONGEST = 4000
"""Maximum characters shown of a line."""


class _Report(Protocol):
    """The result of a command."""

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""


class _Escaping(RenderHook):
    """Escapes control characters in output: names, ids and notes come from untrusted files."""

    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [
            _escaped(entry) if isinstance(entry, Text) else _Escaped(entry) for entry in renderables
        ]


class _Escaped:
    """A table whose text is escaped before layout."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for text, style, control in console.render(self._renderable, options):
            lines = text if control else "\n".join(map(printable, text.split("\n")))
            yield Segment(lines, style, control)


def _escaped(text: Text) -> Text:
    plain = text.plain
    if len(plain) > LONGEST:
        plain = f"{plain[:LONGEST]} … and {len(plain) - LONGEST:,} characters more"
    return Text(printable(plain), text.style, end=text.end)


def make_console() -> Console:
    """Return the console for results, as wide as they need if output is not a terminal.

    Output is escaped, so that text from a store or a file name cannot control the terminal.
    """
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    console.push_render_hook(_Escaping())
    return console


def escaped(text: str, style: str = "") -> Text:
    """Return a text for the terminal, in which names of files and of their contents are escaped."""
    return Text(printable(text), style=style)


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print a text in one line, however long, so that a path in it can be copied."""
    console.print(escaped(text, style), soft_wrap=True)


def print_rows(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values as a table under a title.

    The title is outside the table, so that a path in it is not wrapped.
    """
    print_line(console, title, "bold")
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, escaped(value))
    console.print(table)


def print_json(reports: Sequence[_Report]) -> None:
    """Print reports as JSON: a single report as an object, several as a list."""
    values = [report.to_json() for report in reports]
    echo_json(values[0] if len(values) == 1 else values)


def echo_json(value: Any) -> None:
    """Print plain values as JSON."""
    click.echo(json.dumps(value, indent=1))
