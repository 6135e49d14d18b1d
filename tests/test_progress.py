"""What a program or a notebook that builds sees of the progress."""

import sys
from pathlib import Path
from typing import Any

import pytest

import tuszstore
from tuszstore import progress


class Terminal:
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("wanted", "place", "expected"),
    [
        (None, "log", None),
        (None, "terminal", progress.ProgressBar),
        (None, "notebook", progress.NotebookProgress),
        (True, "log", progress.ProgressLines),
        (True, "terminal", progress.ProgressBar),
        (True, "notebook", progress.NotebookProgress),
        (False, "log", None),
        (False, "terminal", None),
        (False, "notebook", None),
    ],
)
def test_what_is_shown_where(
    wanted: bool | None, place: str, expected: type | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "in_notebook", lambda: place == "notebook")
    if place == "terminal":
        monkeypatch.setattr(sys, "stderr", Terminal())
    chosen = progress.choose_progress(wanted)
    assert (chosen if chosen is None else type(chosen)) == expected


def test_a_program_that_asks_gets_lines(
    own_corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    options: Any = {"split": "train", "data": own_corpus, "store": tmp_path, "workers": 0}
    tuszstore.build(**options)
    assert not capsys.readouterr().err
    tuszstore.build(**options, force=True, progress=True)
    assert "so far)" in capsys.readouterr().err


def test_a_bar_in_a_notebook_is_not_drawn_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message for each of thousands of recordings would keep the browser busy."""
    display = pytest.importorskip("IPython.display")
    drawn: list[str] = []

    class Handle:
        def update(self, shown: dict[str, str], *, raw: bool) -> None:
            assert raw
            drawn.append(shown["text/plain"])

    def show(shown: dict[str, str], **_: object) -> Handle:
        drawn.append(shown["text/plain"])
        assert "<progress" not in shown["text/html"]
        return Handle()

    monkeypatch.setattr(display, "display", show)
    monkeypatch.setattr(progress, "REDRAW_SECONDS", 60.0)
    bar = progress.NotebookBar()
    bar.show("begun <b>")
    for k in range(1000):
        bar.show(f"{k}", k / 1000)
    bar.show("over", 1.0, last=True)
    assert drawn == ["begun <b>", "over"]


@pytest.mark.slow
def test_a_notebook_shows_a_bar(
    own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real kernel: one line in the output of the cell, without further packages."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("TUSZSTORE_CACHE", str(tmp_path / "cache"))  # where moments are kept
    call = f"tuszstore.build(split='train', data={str(own_corpus)!r}, store='s', workers=0"
    cells = (
        f"import tuszstore\n{call}).status",
        f"{call}).status",
        f"{call}, force=True, progress=False).status",
        "store = tuszstore.open('s/train.zarr')\nstore.view(channels=['Fp1-Cz']).read([0]).shape",
    )
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    first, again, silent, view = (
        [(one.get("data") or one)["text/plain"] for one in cell.outputs] for cell in notebook.cells
    )
    line, status = first
    assert line.startswith("train: 0.2/0.2 h, ")
    assert status == "'built'"
    assert '<progress value="1.0000" max="1">' in notebook.cells[0].outputs[0].data["text/html"]
    assert again == ["", "'unchanged'"]
    assert silent == ["'built'"]
    assert view == ["mean and deviation of Fp1-Cz: 3 of 3 recordings", "(1, 1, 15360)"]
