"""A report of rows: the same sections as Markdown, as a page, and as a part of a document."""

import base64
import html
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.reporting.tables import (
    ASKED_BATCH,
    Table,
    absences,
    build_table,
    circumstances,
    comparison,
    losses,
    overview,
    varied_table,
    workload_table,
)
from benchmarks.rows import Row, of
from benchmarks.workloads import TITLES
from benchmarks.workloads.loader import WORKLOADS as LOADING
from benchmarks.workloads.reading import WORKLOADS as READING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEGIN = "<!-- benchmarks: begin; written by `python -m benchmarks --readme` -->"
END = "<!-- benchmarks: end -->"

NOTES = {
    "disk": "Page cache dropped before each batch. The plain reads do not process the bytes.",
    "growth": "Shards are hard links to a few files, so everything grows except the bytes read.",
    "length": "All stores contain the same EEG, cut into recordings of different lengths.",
    "geometry": "Rates for different lengths are not comparable; shares of the bound are.",
    "index": "Stores have every table but no signal.",
    "stages": "Stages are differences between readers on one thread; they add up to `1 thread`.",
    "views": "Variants alternate batch by batch; shares are of the plain read of as many blocks.",
    "memory": "One recording of 33 signals; peak memory of the process that builds it.",
    "remote": "A server on this machine answers each request after 20 ms.",
}


@dataclass(frozen=True)
class Section:
    """One part of a report.

    Attributes
    ----------
    title : str
    text : list of str
        Paragraphs.
    tables : list of Table
    figures : list of str
        Names of pictures.
    """

    title: str
    text: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)


def sections(rows: Sequence[Row], figures: Sequence[str] = ()) -> Iterator[Section]:
    """Yield all sections for which there are rows.

    Parameters
    ----------
    rows : sequence of Row
        Rows of one run.
    figures : sequence of str
        Names of the existing pictures of :func:`benchmarks.reporting.plots.figures`.
    """

    def shown(*names: str) -> list[str]:
        return [name for name in names if name in figures]

    there = {row.workload for row in rows if row.status == "ok"}
    if there & {*READING, *LOADING}:
        yield Section(
            "All engines",
            [
                f"Medians. {circumstances(rows)}. Bold: the fastest of a column, except the upper "
                "bound. *: windows in the engine's own order. Cold: page cache dropped before each "
                "batch (random) or pass (in order)."
            ],
            [overview(rows)],
            shown("reading", "loader"),
        )
        compared = comparison(rows)
        if compared.lines:
            batch = rows[0].setting.get("batch", ASKED_BATCH)
            note = f"Targets are for batches of {ASKED_BATCH} windows; this run has {batch}."
            yield Section("Performance targets", [note] if batch != ASKED_BATCH else [], [compared])
        slower = losses(rows)
        yield Section(
            "Where tuszstore is slower",
            slower or ["Nowhere in this run, except for the upper bound."],
        )
    missing = absences(rows)
    if missing:
        yield Section("Not measured", missing)
    for workload in TITLES:
        if workload not in there:
            continue
        title = TITLES[workload][0].upper() + TITLES[workload][1:]
        if workload in (*READING, *LOADING):
            yield Section(title, [], [workload_table(rows, workload)])
        elif workload == "build":
            yield Section(title, [], [build_table(rows)], shown("build"))
        else:
            text = [NOTES[workload]] if workload in NOTES else []
            yield Section(title, text, [varied_table(rows, workload)], shown(workload))
    versions: dict[str, str] = {}
    for row in rows:
        versions |= {f"{name} {version}": "" for name, version in row.versions.items()}
    yield Section("Versions", [", ".join(sorted(versions))])


def as_markdown(rows: Sequence[Row], figures: Sequence[str] = ()) -> str:
    """Return a report as Markdown, which refers to pictures beside it."""
    parts = ["# Benchmarks"]
    for section in sections(rows, figures):
        parts.append(f"## {section.title}")
        parts += [f"- {line}" for line in section.text] if len(section.text) > 1 else section.text
        parts += [markdown(*table) for table in section.tables]
        parts += [f"![{name}]({name}.png)" for name in section.figures]
    return "\n\n".join(parts) + "\n"


def as_page(rows: Sequence[Row], figures: "dict[str, Figure]") -> str:
    """Return a report as one HTML page, pictures included."""
    body = ["<h1>tuszstore, side by side</h1>"]
    for section in sections(rows, list(figures)):
        body.append(f"<h2>{html.escape(section.title)}</h2>")
        if len(section.text) > 1:
            body.append("<ul>" + "".join(f"<li>{_text(t)}</li>" for t in section.text) + "</ul>")
        else:
            body += [f"<p>{_text(text)}</p>" for text in section.text]
        body += [_picture(name, figures[name]) for name in section.figures]
        body += [_html_table(table) for table in section.tables]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'>"
        f"<title>tuszstore: benchmarks</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def as_readme(rows: Sequence[Row]) -> str:
    """Return the part between the markers of a document."""
    lost = losses(rows)
    parts = [
        markdown(*overview(rows)),
        f"({circumstances(rows)}; medians. Bold: the fastest of a column, except the upper "
        "bound. \\*: windows in the engine's own order. Cold: page cache dropped before each "
        "batch or pass.)",
    ]
    compared = comparison(rows)
    if compared.lines:
        parts.append(markdown(*compared))
    if of(rows, workload="build", status="ok"):
        parts.append(markdown(*build_table(rows)))
    if lost:
        parts += ["Where tuszstore is slower:", "\n".join(f"- {line}" for line in lost)]
    missing = absences(rows)
    if missing:
        parts += ["Not measured:", "\n".join(f"- {line}" for line in missing)]
    return "\n\n".join(parts)


def has_place(readme: Path) -> bool:
    """Return whether a file has the markers between which the table goes."""
    return END in readme.read_text(encoding="utf-8").partition(BEGIN)[2]


def write_into(readme: Path, part: str) -> None:
    """Replace the text between the markers of a file.

    Parameters
    ----------
    readme : Path
    part : str
    """
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n\n{part}\n\n{END}{after}", encoding="utf-8")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns, all but the first to the right.

    Parameters
    ----------
    head : sequence of str
    rows : sequence of sequence of str
        Each has the length of `head`.
    """
    widths = [max(3, *map(len, column)) for column in zip(head, *rows, strict=True)]
    rule = [
        "-" * width if column == 0 else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    ]
    lines = [
        [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in (head, rule, *rows)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h2 { margin-top: 2.5rem; }
div.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd;
         white-space: nowrap; }
th { vertical-align: bottom; white-space: normal; border-bottom: 2px solid #888; }
th:first-child, td:first-child { text-align: left; }
tr.own td { background: #eef5ff; }
img { max-width: 100%; height: auto; margin: .5rem 0 1rem; }
"""


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in table.head)
    lines = [
        f"<tr{' class=own' if line[0].startswith('tuszstore') else ''}>"
        + "".join(f"<td>{_text(cell)}</td>" for cell in line)
        + "</tr>"
        for line in table.lines
    ]
    return f"<div class=table><table><tr>{head}</tr>{''.join(lines)}</table></div>"


def _text(text: str) -> str:
    """Escape text, and convert Markdown's bold and code."""
    escaped = html.escape(text)
    for mark, tag in (("**", "b"), ("`", "code")):
        parts = escaped.split(mark)
        if len(parts) % 2:
            escaped = "".join(
                f"<{tag}>{part}</{tag}>" if k % 2 else part for k, part in enumerate(parts)
            )
    return escaped


def _picture(name: str, figure: "Figure") -> str:
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=110)
    data = base64.b64encode(memory.getvalue()).decode()
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'
