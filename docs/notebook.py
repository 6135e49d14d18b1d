"""The notebook as a page of the site, with the output that it is committed with.

Pictures become files. HTML, such as that of tables, is set in after Markdown was converted,
which would change it.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "explore.ipynb"
PAGE = "notebook.md"

# apart from the rules of the theme for tables, lists and the like
_OUTPUT = """\
<aside class="output" data-search-exclude><template shadowrootmode="open">
{}
</template></aside>
"""
_HTML: list[str] = []
_PLACE = re.compile(r"<p>output-of-cell:(\d+)</p>")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page, its pictures and the notebook itself."""
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    files.append(File.generated(config, NOTEBOOK.name, abs_src_path=str(NOTEBOOK)))
    _HTML.clear()
    parts = []
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for output in cell["outputs"]:
            parts.append(_shown(output, f"images/notebook-{number}.png", files, config))
    title, intro = parts[0].split("\n\n", 1)
    link = (
        f"[Download it]({NOTEBOOK.name}) into the folder in which you ran `tuszstore demo demo`, "
        "or open it in a clone with `make notebook`."
    )
    text = "\n\n".join([title, intro, link, *parts[1:]])
    files.append(File.generated(config, PAGE, content=text))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Set in the HTML of the outputs."""
    if page.file.src_uri != PAGE:
        return html
    return _PLACE.sub(lambda match: _HTML[int(match[1])], html)


def _shown(output: dict[str, Any], picture: str, files: Files, config: MkDocsConfig) -> str:
    """Return the Markdown of an output; its picture becomes a file."""
    data = output.get("data", {})
    if "image/png" in data:
        content = base64.b64decode("".join(data["image/png"]))
        files.append(File.generated(config, picture, content=content))
        return f"![Output of the cell above]({picture})"
    if "text/html" in data:
        _HTML.append(_OUTPUT.format("".join(data["text/html"])))
        return f"output-of-cell:{len(_HTML) - 1}"
    text = "".join(data.get("text/plain", output.get("text", "")))
    return f"```text\n{text.rstrip()}\n```"
