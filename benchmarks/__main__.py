"""Measures tuszstore side by side with alternatives.

``python -m benchmarks`` makes a corpus, stores its windows with every engine that is installed or
can be installed, measures all of them in turn, and writes rows (JSONL), tables (Markdown), pictures
(PNG) and a page (HTML).
"""

import signal
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.engines import ENGINES
from benchmarks.harness import run
from benchmarks.reporting.plots import figures
from benchmarks.reporting.report import (
    BEGIN,
    END,
    as_markdown,
    as_page,
    as_readme,
    has_place,
    write_into,
)
from benchmarks.rows import Row, read_rows
from benchmarks.setting import SIZES
from benchmarks.workloads import TITLES


class Names(click.ParamType):  # type: ignore[type-arg]  # generic in newer releases only
    """A comma-separated list of known names.

    Parameters
    ----------
    known : collection of str
    """

    name = "names"

    def __init__(self, known: Collection[str]) -> None:
        self._known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the names in the order of the known ones."""
        if not isinstance(value, str):
            return value
        wanted = [name.strip() for name in value.split(",")]
        for name in wanted:
            if name not in self._known:
                self.fail(f"{name!r} is not one of {', '.join(self._known)}", param, ctx)
        return [name for name in self._known if name in wanted]


_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--size",
    type=click.Choice(list(SIZES)),
    default="small",
    show_default=True,
    help="Extent of the measurements.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A corpus with a split train; by default a synthetic one is made.",
)
@click.option(
    "--engines",
    type=Names(ENGINES),
    default=list(ENGINES),
    metavar="A,B,...",
    help=f"Some of {', '.join(ENGINES)}.",
    show_default="all",
)
@click.option(
    "--workloads",
    type=Names(TITLES),
    default=list(TITLES),
    metavar="A,B,...",
    help=f"Some of {', '.join(TITLES)}.",
    show_default="all",
)
@click.option(
    "--rounds", type=click.IntRange(1), metavar="N", help="Measurements of each workload."
)
@click.option(
    "--out",
    type=_FOLDER,
    default=Path("benchmark-results"),
    show_default=True,
    metavar="DIR",
    help="Folder for the results.",
)
@click.option(
    "--scratch",
    type=_FOLDER,
    metavar="DIR",
    help="Folder for temporary files; by default that of the system.",
)
@click.option(
    "--rows",
    "rows_file",
    type=_FILE,
    metavar="FILE",
    help="Only report the rows of an earlier run.",
)
@click.option(
    "--readme", type=_FILE, metavar="FILE", help="Write the table between the markers of this file."
)
@click.option(
    "--no-install", is_flag=True, help="Create no environments; engines that need one are absent."
)
@click.option("--json", "as_json", is_flag=True, help="Print rows instead of tables.")
def main(
    size: str,
    data: Path | None,
    engines: list[str],
    workloads: list[str],
    rounds: int | None,
    out: Path,
    scratch: Path | None,
    rows_file: Path | None,
    readme: Path | None,
    no_install: bool,
    as_json: bool,
) -> None:
    """Measure tuszstore side by side with alternatives."""
    # if terminated, it removes its files and ends its processes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if readme is not None and not has_place(readme):  # before hours of measuring
        raise click.BadParameter(f"{readme} lacks the lines {BEGIN!r} and {END!r}")
    out.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    if rows_file is not None:
        rows = read_rows(rows_file)
    else:
        chosen = SIZES[size]
        if rounds is not None:
            chosen = replace(chosen, rounds=rounds, loader_rounds=rounds, build_rounds=rounds)
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True)
        rows = []
        with (
            tempfile.TemporaryDirectory(prefix="tuszstore-bench-", dir=scratch) as folder,
            (out / "rows.jsonl").open("w", encoding="utf-8") as file,
        ):
            for row in run(
                chosen,
                Path(folder),
                engines,
                workloads,
                data=data,
                install=not no_install,
                say=_say(start),
            ):
                rows.append(row)
                file.write(row.line() + "\n")
                file.flush()
    _report(rows, out, readme, as_json=as_json)


def _say(start: float) -> Any:
    def say(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - start), 60)
        click.echo(f"{minutes:3d}:{seconds:02d}  {line}", err=True)

    return say


def _report(rows: list[Row], out: Path, readme: Path | None, *, as_json: bool) -> None:
    drawn = figures(rows)
    for name, figure in drawn.items():
        figure.savefig(out / f"{name}.png", dpi=130)
    text = as_markdown(rows, list(drawn))
    (out / "report.md").write_text(text, encoding="utf-8")
    (out / "report.html").write_text(as_page(rows, drawn), encoding="utf-8")
    if readme is not None:
        write_into(readme, as_readme(rows))
    for line in (row.line() for row in rows) if as_json else [text]:
        click.echo(line)


if __name__ == "__main__":
    main()
