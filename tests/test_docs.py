"""README and docs: what they tell to type runs, as it stands, beside the demo."""

import ast
import doctest
import importlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

import tuszstore
from tests.test_docs_hooks import load_hooks
from tuszstore import sampling
from tuszstore.cli import main
from tuszstore.cli.demo import run_demo
from tuszstore.config import Config, load_config
from tuszstore.plotting.signals import sample_windows

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SUPPORT.md",
    *(p.relative_to(ROOT).as_posix() for p in DOCS),
)

MADE = {ROOT / "docs/reference" / name for name in ("command-line.md", "configuration.md")}
"""Pages that are made from the code when the site is built."""

_FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n|\n(?= {4}))+")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """A snippet of a page: Python, or lines of a shell."""

    page: str
    line: int
    language: str
    text: str
    not_run: str = ""

    @property
    def commands(self) -> list[str]:
        """Its lines but for comments, continued ones joined."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in (re.sub(r"\s# .*", "", line).strip() for line in lines) if line]


def blocks(page: str) -> list[Block]:
    """Return the snippets of a page in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    # what is fenced may be indented within: it is blanked out before looking for indented ones
    rest = _FENCED.sub(lambda match: re.sub(r"[^\n]", "-", match[0]), text)
    found = [(match, match["language"], match["text"]) for match in _FENCED.finditer(text)]
    found += [
        (match, "shell", "\n".join(line[4:] for line in match[0].splitlines()))
        for match in _INDENTED.finditer(rest)
    ]
    return [
        Block(
            page,
            text.count("\n", 0, match.start()) + 1,
            language,
            inside,
            reason[1] if (reason := _NOT_RUN.search(text[: match.start()])) else "",
        )
        for match, language, inside in sorted(found, key=lambda entry: entry[0].start())
    ]


ALL = {page: blocks(page) for page in PAGES}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a fresh demonstration in it, as a clone of the repository has it."""
    root = tmp_path_factory.mktemp("clone")
    assert run_demo(root / "demo", workers=0) == 0
    return root


@pytest.fixture(scope="module")
def done() -> set[str]:
    """Commands that were run."""
    return set()


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a page exports is gone after it, and so are keys of whoever runs the tests."""
    monkeypatch.delenv("TUSZSTORE_PSEUDONYM_KEY", raising=False)
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have small pictures of few windows."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("tuszstore.plotting.figures._EXAMPLE_DPI", 30)
    monkeypatch.setattr("tuszstore.plotting.report.sample_windows", lambda s: sample_windows(s, 2))


def is_synopsis(words: list[str]) -> bool:
    return any(word.startswith("[") or word.isupper() for word in words)


def run_command(line: str, done: set[str]) -> None:
    """Run a line as a shell would; of other programs than tuszstore only ``export``."""
    if line in done:  # by another page
        return
    done.add(line)
    if line.startswith("export "):
        name, _, value = line.removeprefix("export ").partition("=")
        os.environ[name] = subprocess.run(
            ["bash", "-c", f"echo {value}"], check=True, capture_output=True, text=True
        ).stdout.strip()
    if not line.startswith("tuszstore "):
        return
    words = shlex.split(line)[1:]
    if is_synopsis(words):
        check_synopsis(words)
        return
    if words[0] == "build" and "--workers" not in words:
        words += ["--workers", "0"]  # other processes give the same, later
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, f"{line}\n{result.output}\n{result.exception!r}"


def check_synopsis(words: list[str]) -> None:
    """Every option that a synopsis names is one of its command's."""
    command = main.commands[words[0]]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    named = {match for word in words[1:] for match in re.findall(r"--?[a-z][a-z-]*", word)}
    assert named <= known, f"tuszstore {words[0]} has no {', '.join(named - known)}"


def run_python(block: Block, names: dict[str, Any]) -> None:
    """Run a snippet in the names that those before it on the page have left."""
    place = f"{block.page}:{block.line}"
    if ">>>" not in block.text:
        exec(compile("\n" * block.line + block.text, place, "exec"), names)
        return
    # tests/test_notebook.py compares what is printed; here it only makes names for what follows
    for example in doctest.DocTestParser().get_examples(block.text):
        (statement,) = ast.parse(example.source).body
        if not isinstance(statement, ast.Expr):
            exec(compile(example.source, place, "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(
    page: str, clone: Path, done: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    names: dict[str, Any] = {"__name__": "docs"}
    for block in ALL[page]:
        if block.language == "python" and block.not_run:
            ast.parse(block.text)
        elif block.language == "python":
            run_python(block, names)
        elif block.language == "shell" and not block.not_run:
            for line in block.commands:
                run_command(line, done)


def test_snippets_are_found() -> None:
    """A page whose markup changed would pass with nothing run."""
    run = [block for page in PAGES for block in ALL[page] if not block.not_run]
    assert sum(block.language == "python" for block in run) >= 15
    commands = [line for block in run if block.language == "shell" for line in block.commands]
    assert sum(line.startswith("tuszstore ") for line in commands) >= 10
    languages = {block.language for page in PAGES for block in ALL[page]}
    assert languages <= {"json", "python", "shell", "toml", "yaml"}
    assert all("tuszstore" in (ROOT / page).read_text() for page in PAGES)


def test_only_what_needs_something_elsewhere_is_not_run() -> None:
    reasons = {block.not_run for page in PAGES for block in ALL[page]} - {""}
    needs = {
        "needs CHB-MIT",
        "needs Kubernetes",
        "needs Modal",
        "needs SLURM",
        "needs SeizeIT1",
        "needs TUSZ",
        "needs a BIDS folder",
        "needs a browser",
        "needs a bucket",
        "needs a cluster",
        "needs a dataset in BIDS",
        "needs h5netcdf",
        "needs the Helsinki neonates",
        "needs an NPZ cache",
        "needs the Siena database",
        "needs predictions",
        "needs the package above",
    }
    assert reasons <= needs


def test_every_key_of_the_configuration_is_described() -> None:
    """The page on the configuration is made from what stands beneath each key."""
    hooks = load_hooks()

    def undescribed(model: type[BaseModel], path: str) -> list[str]:
        described = hooks.attribute_docstrings(model)
        missing = [f"{path}{name}" for name in model.model_fields if name not in described]
        for name, field in model.model_fields.items():
            if (below := hooks._model(field.annotation)) is not None:
                missing += undescribed(below, f"{path}{name}.")
        return missing

    sections = {name: field.annotation for name, field in Config.model_fields.items()}
    assert [key for name, model in sections.items() for key in undescribed(model, f"{name}.")] == []
    page = "\n".join(hooks.configuration_page())
    assert "| `signal.sfreq` | `int` | `256` | Sampling rate of the store (Hz). |" in page
    assert "| `windows.overlap` | `share or duplicate` | `share` |" in page


def test_targets_of_make_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        told = re.findall(r"(?:`|^ {4})make ([a-z][a-z-]*)", (ROOT / page).read_text(), re.M)
        assert set(told) <= targets, page


def test_links_within_the_repository_lead_somewhere() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text()
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text):
            file = (ROOT / page).parent / target if target else ROOT / page
            if file.resolve() in MADE:
                continue
            assert file.exists(), f"{page}: {target}"
            if anchor:
                titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
                known = {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}
                assert anchor in known, f"{page}: {target}#{anchor}"


def test_extras_that_are_told_exist() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    known = set(extras["optional-dependencies"])
    sources = [ROOT / page for page in PAGES] + list((ROOT / "tuszstore").rglob("*.py"))
    told = {
        extra
        for source in sources
        for names in re.findall(r"(?:tuszstore|clone|\.whl\)?)\[([a-z,]+)\]", source.read_text())
        for extra in names.split(",")
    }
    assert {"torch", "view"} <= told <= known


def test_one_speed_of_building_everywhere() -> None:
    """Pages that count with the speed of a build take it from the table of the benchmarks."""
    results = (ROOT / "docs" / "benchmarks.md").read_text()
    section = results.partition("s per h of EEG |        range")[2]
    rows = {
        name.strip(): seconds
        for name, seconds in re.findall(r"^\| (tuszstore[^|]*)\|\s*([\d.]+) \|", section, re.M)
    }
    build = (ROOT / "docs" / "build.md").read_text()
    alone, two = rows["tuszstore"], rows["tuszstore, 2 workers"]
    assert f"A core takes {alone} s for an hour of EEG" in build
    assert f"Two workers take {two} s per hour" in build
    ((speed, core),) = re.findall(r"core time: hours . ([\d.]+) s \| ([\d,]+) s", build)
    assert speed == alone
    assert float(core.replace(",", "")) == pytest.approx(1473.5 * float(alone), rel=1e-3)


def test_the_readme_has_the_figures_of_the_benchmarks() -> None:
    """Its table is a part of the one that the benchmarks write."""

    def table(text: str, columns: list[int]) -> dict[str, list[str]]:
        lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
        cells = [[cell.strip().replace("**", "") for cell in line] for line in lines]
        return {line[0]: [line[k] for k in columns] for line in cells if len(line) > max(columns)}

    _, _, results = (ROOT / "docs" / "benchmarks.md").read_text().partition("## Results")
    full = table(results, [1, 2, 6, 8])
    _, _, section = (ROOT / "README.md").read_text().partition("## How fast")
    short = table(section.partition("\n## ")[0], [1, 2, 3, 4])
    engines = [name for name in short if name and not name.startswith("-")]
    assert {"tuszstore", "NPZ", "LMDB"} <= set(engines)
    assert {name: short[name] for name in engines} == {name: full[name] for name in engines}


def test_the_parser_of_pages() -> None:
    text = "a\n\n    tuszstore info X  # why\n\n    tuszstore build \\\n      --split all\n\nb\n"
    (match,) = _INDENTED.finditer(text)
    shell = "\n".join(line[4:] for line in match[0].splitlines())
    assert Block("", 1, "shell", shell).commands == [
        "tuszstore info X",
        "tuszstore build    --split all",
    ]
    with pytest.raises(AssertionError, match="has no --no-such"):
        check_synopsis(["verify", "STORE", "[--no-such]"])
    assert isinstance(main, click.Group)


def test_calls_in_the_table_of_tasks_work(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("tuszstore.torch")
    xarray = pytest.importorskip("xarray")
    monkeypatch.chdir(clone)
    store = tuszstore.open("demo/stores/train.zarr")
    known = {**vars(sampling), **vars(torch), "tuszstore": tuszstore, "xr": xarray, "store": store}
    known |= {"path": str(store.path), "flip": lambda x, rng: x}
    with tuszstore.write_predictions(store, "predictions", model="zero") as out:
        out.write(np.arange(len(store)), np.zeros(len(store), np.float32))
    known["predictions"] = tuszstore.open_predictions("predictions", store=store)
    known["loader"] = torch.training_loader(store)
    rows = re.findall(
        r"^\| [a-z].*?\| (.*?) \|", (ROOT / "docs/howdoi.md").read_text(), re.MULTILINE
    )
    codes = [code for row in rows for code in re.findall("`(.+?)`", row)]
    assert len(codes) > 40
    for code in codes:
        first, *words = code.split()
        if first == "tuszstore":
            check_synopsis(words)
        elif first == "--set":
            load_config(None, dict([words[0].split("=")]))
        elif first.startswith("--"):
            check_synopsis(["build", first])
        elif (
            re.fullmatch(r"[a-z]+\.[a-z]+", code) and first.partition(".")[0] in Config.model_fields
        ):
            section, _, key = code.partition(".")
            assert key in type(getattr(Config(), section)).model_fields
        elif re.fullmatch(r"[a-z]+=.+", code) and "cuda" not in code:
            eval(f"training_loader(store, {code})", known)
        elif "s3://" not in code and "cuda" not in code and code != "torchrun":
            eval(code, known)


PUBLIC = ("tuszstore", "tuszstore.sampling", "tuszstore.torch")
NEED_NO_EXAMPLE = {"Index", "LoaderConfig", "Sampler"}  # a protocol, a mapping, an abstract class


def public_classes() -> dict[str, type]:
    found = {}
    for module in map(importlib.import_module, PUBLIC):
        for name in module.__all__:
            one = getattr(module, name)
            if isinstance(one, type) and not issubclass(one, Exception):
                found[f"{module.__name__}.{name}"] = one
    return found


def test_examples_of_public_classes_run(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(clone)
    finder = doctest.DocTestFinder(recurse=False)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    without = []
    for name, one in public_classes().items():
        tests = [test for test in finder.find(one, name, globs={}) if test.examples]
        if not tests and one.__name__ not in NEED_NO_EXAMPLE:
            without.append(name)
        for test in tests:
            runner.run(test)
    assert without == []
    assert runner.summarize().failed == 0
