"""What the site has beside the pages of this folder.

The pages of the configuration, of the command line and of the examples are made from the code,
those of changes, of contributing and the like are the files of the repository. Links to other files
of the repository, which are not on the site, become plain text. What is in ``pyproject.toml`` and
``CITATION.cff`` is put where a page has a comment for it.
"""

import ast
import inspect
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PRESETS = sorted((ROOT / "configs").glob("*.yaml"))

PAGES = {
    "changelog.md": "CHANGELOG.md",
    "conduct.md": "CODE_OF_CONDUCT.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
    "support.md": "SUPPORT.md",
}
"""Pages of the site, and the files of the repository that they are."""

SHOWN = {
    "notebooks/explore.ipynb": "notebook.md",
    **{f"examples/{path.name}": f"examples.md#{path.stem}" for path in EXAMPLES},
    **{f"configs/{path.name}": f"reference/configuration.md#{path.stem}yaml" for path in PRESETS},
}
"""Files of the repository, and where the site shows them."""

USED = ("torch", "train", "remote", "browse", "view")
"""Extras whose packages are told with the oldest version of each."""

_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#:]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Show at the foot of each page of which version it is."""
    from tuszstore import __version__

    config.copyright = f"tuszstore {__version__}, Apache-2.0"
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    for page, source in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_relink(text, ROOT)))
    made = {
        "examples": examples_page(),
        "reference/configuration": [*configuration_page(), *presets()],
        "reference/command-line": command_page(),
    }
    for name, lines in made.items():
        files.append(File.generated(config, f"{name}.md", content="\n".join(lines)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that leave the site into text, and fill in what comes from other files."""
    source = page.file.abs_src_path
    for name, lines in {"bibtex": bibtex, "versions": versions_table}.items():
        markdown = markdown.replace(f"<!-- {name} -->", "\n".join(lines()))
    return _relink(markdown, Path(source).parent) if source else markdown


def _relink(text: str, folder: Path) -> str:
    """Return a page with links to pages of the site, and text for those to other files.

    A link that leads nowhere is left as it is, for the strict build to find.
    """
    docs = ROOT / "docs"
    made = {source: page for page, source in PAGES.items()} | SHOWN
    here = folder if folder.is_relative_to(docs) else docs

    def relinked(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        path = (folder / target).resolve()
        if not path.exists():
            return match[0]
        name = path.relative_to(ROOT).as_posix()
        page, _, shown_at = made.get(name, name.removeprefix("docs/")).partition("#")
        if name in made or path.is_relative_to(docs):
            at = f"#{shown_at}" if shown_at else anchor
            return f"[{label}]({os.path.relpath(docs / page, here)}{at})"
        return f"{label} (`{name}` in the repository)"

    return _LINK.sub(relinked, text)


def command_page() -> Iterator[str]:
    """Yield the lines of the page on the command line: the help of each command."""
    from click.testing import CliRunner

    from tuszstore.cli import main

    runner = CliRunner(env={"COLUMNS": "88", "NO_COLOR": "1", "TERMINAL_WIDTH": "88"})
    yield "# Command line"
    for words in ([], *([name] for name in main.commands)):
        yield from ["", f"## {' '.join(['tuszstore', *words])}", "", "```text"]
        yield runner.invoke(main, [*words, "--help"], prog_name="tuszstore").output.rstrip()
        yield "```"


def examples_page() -> Iterator[str]:
    """Yield the lines of the page of examples: each file as it is."""
    yield "# Examples"
    yield ""
    yield (
        "The scripts in the folder `examples` of the repository. [Training](training.md) explains "
        "them; they run beside the `demo` folder of `tuszstore demo demo`, and `common.py` must be "
        "in the same folder."
    )
    for path in EXAMPLES:
        yield from ["", f"## {path.name} {{ #{path.stem} }}", "", "```python"]
        yield path.read_text(encoding="utf-8").rstrip()
        yield "```"


def presets() -> Iterator[str]:
    """Yield the lines on the configurations that come with tuszstore: each file as it is."""
    yield from ["", "## Presets", "", "The files that `--config` takes by name."]
    for path in PRESETS:
        yield from ["", f"### {path.name} {{ #{path.stem}yaml }}", "", "```yaml"]
        yield path.read_text(encoding="utf-8").rstrip()
        yield "```"


def versions_table() -> Iterator[str]:
    """Yield a table of the oldest allowed versions, from ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    python = "Programming Language :: Python :: 3."
    minors = [one.removeprefix(python) for one in project["classifiers"] if python in one]
    extras = {"none": project["dependencies"]}
    extras |= {f"`{name}`": project["optional-dependencies"][name] for name in USED}
    yield f"The tests of the repository are for Python {', '.join(f'3.{one}' for one in minors)}."
    yield from ["", "| extra | oldest version of each package |", "|---|---|"]
    for extra, requirements in extras.items():
        bounds = (one.split(">=") for one in requirements if ">=" in one)
        yield f"| {extra} | {', '.join(f'{name} {oldest}' for name, oldest in bounds)} |"


def bibtex() -> Iterator[str]:
    """Yield the entry of ``CITATION.cff`` for BibTeX."""
    entry = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    authors = " and ".join(f"{{{author['name']}}}" for author in entry["authors"])
    yield from ["```bibtex", "@software{tuszstore,", f"  author = {{{authors}}},"]
    yield from (f"  {key} = {{{entry[key]}}}," for key in ("title", "version", "license"))
    yield from ["}", "```"]


def configuration_page() -> Iterator[str]:
    """Yield the lines of the page on the configuration, made from the models."""
    from tuszstore.config import Config

    yield "# Configuration"
    yield ""
    yield (
        "Keys of a YAML file for `--config`, of a mapping for `tuszstore.load_config`, and of "
        "`--set`, where sections and keys are joined by dots: `--set signal.notch.freq=50`. "
        "An unknown key is refused, and the nearest known one named."
    )
    for name, field in Config.model_fields.items():
        model = _model(field.annotation)
        yield from ["", f"## {name}", ""]
        yield from _section(name, model)


def _section(path: str, model: type[BaseModel]) -> Iterator[str]:
    docstrings = attribute_docstrings(model)
    yield " ".join((model.__doc__ or "").split())
    # on narrow screens site.css shows the cells of these tables one below the other
    yield from ["", '<div class="keys" markdown>', ""]
    yield from ["| key | values | default | |", "|---|---|---|---|"]
    inner = []
    for name, field in model.model_fields.items():
        if (below := _model(field.annotation)) is not None:
            inner.append((f"{path}.{name}", below))
            null = " or null" if NoneType in get_args(field.annotation) else ""
            shown = f"[below](#{path.replace('.', '')}{name}){null}"
        else:
            shown = f"`{values_of(field.annotation)}`"
        default = field.get_default(call_default_factory=True)
        told = "" if default is PydanticUndefined else _shown(default)
        text = " ".join(docstrings.get(name, "").split())
        cells = (f"`{path}.{name}`", shown, told, text)
        yield "| " + " | ".join(cells) + " |"
    yield from ["", "</div>"]
    for key, below in inner:
        yield from ["", f"### {key}", ""]
        yield from _section(key, below)


def attribute_docstrings(model: type) -> dict[str, str]:
    """Return what stands beneath each attribute of a class, where it is declared."""
    (declared,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(declared, ast.ClassDef)
    found = {}
    for node, after in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    found[node.target.id] = text
    return found


def _model(annotation: Any) -> type[BaseModel] | None:
    options = [annotation, *get_args(annotation)]
    found = [one for one in options if isinstance(one, type) and issubclass(one, BaseModel)]
    return found[0] if found else None


def values_of(annotation: Any) -> str:
    """Return what a user may write for a type: ``list of str``, ``float or null``."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return values_of(inner[0])
    if origin is Literal:
        return " or ".join(map(_shown_value, inner))
    if origin in (Union, UnionType):
        return " or ".join(map(values_of, inner))
    if origin is tuple:
        return f"list of {' or '.join(values_of(one) for one in inner if one is not ...)}"
    if origin is dict:
        return f"mapping of {' to '.join(map(values_of, inner))}"
    if annotation in (None, NoneType):
        return "null"
    if annotation is Path:
        return "path"
    if origin is None and isinstance(annotation, type):
        return annotation.__name__
    raise TypeError(f"no words for the type {annotation!r} of a key")


def _shown_value(value: Any) -> str:
    return "null" if value is None else str(value)


def _shown(default: Any) -> str:
    if isinstance(default, BaseModel):
        return "its defaults"
    if default is None:
        return "null"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return f"`[{', '.join(map(str, default))}]`"
    return f"`{default}`"
