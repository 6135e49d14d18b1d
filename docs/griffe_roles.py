"""Cross-references of docstrings, written as Sphinx has them, as links of the site."""

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`(~?)([\w.]+)`")


class Roles(griffe.Extension):
    """Turns ``:func:`tuszstore.open``` into a link."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of an object that was loaded."""
        if obj.docstring:
            obj.docstring.value = _ROLE.sub(_link, obj.docstring.value)


def _link(match: re.Match[str]) -> str:
    name = match[2].rpartition(".")[2] if match[1] else match[2]
    # what is not on the site, being no public name, stays text
    return f'<autoref identifier="{match[2]}" optional><code>{name}</code></autoref>'
