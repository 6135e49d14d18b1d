"""The console that results are printed on, and what all of them have in common."""

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
"""Characters of a line that are shown."""


class _Report(Protocol):
    """What a command found or did."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""


class _Escaping(RenderHook):
    """Shows with escapes whatever is printed: names, ids and notes come from anywhere."""

    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [
            _escaped(entry) if isinstance(entry, Text) else _Escaped(entry) for entry in renderables
        ]


class _Escaped:
    """A table whose text is escaped when it is laid out."""

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
    """Return the console for results, as wide as they need where nobody watches.

    What is printed on it shows with escapes, so that no text of a store or of a file name acts on
    the terminal.
    """
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    console.push_render_hook(_Escaping())
    return console


def escaped(text: str, style: str = "") -> Text:
    """Return a text for the terminal: names of files and of what is in them are shown escaped."""
    return Text(printable(text), style=style)


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print a text in one line, however long, so that a path in it can be copied."""
    console.print(escaped(text, style), soft_wrap=True)


def print_rows(console: Console, title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Print names and values as a table under a title.

    The title stands outside of the table, so that a path in it stays in one piece.
    """
    print_line(console, title, "bold")
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, escaped(value))
    console.print(table)


def print_json(reports: Sequence[_Report]) -> None:
    """Print reports as JSON: one alone, several as a list."""
    values = [report.to_json() for report in reports]
    echo_json(values[0] if len(values) == 1 else values)


def echo_json(value: Any) -> None:
    """Print plain values as JSON."""
    click.echo(json.dumps(value, indent=1))
