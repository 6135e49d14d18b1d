"""The notebook and docs/explore.md are true of stores as `make demo` makes them."""

import doctest
import sys
from pathlib import Path
from typing import Any

import pytest

import tuszstore
from tests import ROOT
from tuszstore.cli.demo import run_demo

pytestmark = pytest.mark.slow

pytest.importorskip("matplotlib")

NOTEBOOK = ROOT / "notebooks" / "explore.ipynb"
PAGE = ROOT / "docs" / "explore.md"


def read_notebook() -> Any:
    # here, since its import takes 5 s, also of runs without this file's tests
    return pytest.importorskip("nbformat").read(NOTEBOOK, as_version=4)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(notebook: Any) -> list[set[str]]:
    """Return what each cell shows: MIME types, and names of streams."""
    return [
        {kind for output in cell.outputs for kind in output.get("data", {output.get("name"): 0})}
        for cell in code_cells(notebook)
    ]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a fresh demonstration in it, as a clone of the repository has it."""
    root = tmp_path_factory.mktemp("clone")
    assert run_demo(root / "demo", workers=0) == 0
    return root


@pytest.fixture(scope="module")
def run(clone: Path) -> Any:
    """The notebook, run in a real kernel."""
    nbclient = pytest.importorskip("nbclient")
    folder = clone / "notebooks"
    folder.mkdir()
    notebook = read_notebook()
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def test_it_runs_without_a_warning(run: Any) -> None:
    assert not any("stderr" in kinds for kinds in shown(run))


def test_it_shows_what_it_says(run: Any) -> None:
    text = "".join(
        "".join(output.get("data", {}).get("text/plain", output.get("text", "")))
        for cell in code_cells(run)
        for output in cell.outputs
    )
    assert sum("image/png" in kinds for kinds in shown(run)) == 5
    assert "tcsz" in text
    assert "(16, 19, 15360) float32" in text
    assert "<RawArray | 19 x" in text


def test_what_is_in_the_repository_is_a_whole_run(run: Any) -> None:
    """A reader who runs nothing sees every cell's output, and no trace of where it was run."""
    notebook = read_notebook()
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    assert shown(notebook) == shown(run)
    content = NOTEBOOK.read_text()
    assert len(content) < 1_000_000
    assert "/home/" not in content
    assert str(Path.home()) not in content


def test_it_finds_the_store_beside_it_too(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As whoever downloads it from the site has it."""
    monkeypatch.chdir(clone)
    names: dict[str, Any] = {}
    exec(code_cells(read_notebook())[0].source, names)
    assert names["store"].path == clone / "demo" / "stores" / "train.zarr"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="prints as of the pinned releases")
def test_the_page_shows_what_is_so(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clone)
    store = tuszstore.open("demo/stores/train.zarr")
    result = doctest.testfile(
        str(PAGE),
        module_relative=False,
        globs={"store": store},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert result.attempted > 20
    assert result.failed == 0
