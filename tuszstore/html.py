"""Parts of HTML representations.

Text and lines inherit the colours of the page, and fills are visible on light
and dark backgrounds. If a notebook strips styles, tables and numbers remain.
"""

from collections.abc import Iterable, Mapping
from html import escape

from tuszstore.units import percent

_COLORS = {
    "no_seizure": "#7488a5",
    "partial_seizure": "#dc8f2e",
    "full_seizure": "#d14848",
    "unlabelled": "#a8a8a8",
}
_OTHERS = ("#4f8fd0", "#c8703f", "#4aa38a", "#a06cc0", "#b8953a", "#c0627e")

_STYLE = """
.tuszstore { color: var(--jp-content-font-color1, var(--vscode-editor-foreground, inherit));
  font: 13px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; max-width: 56em; }
.tuszstore .tz-head { border-bottom: 1px solid rgba(128,128,128,.35); padding: 2px 0 5px; }
.tuszstore .tz-weak { opacity: .68; }
.tuszstore .tz-numbers { display: flex; flex-wrap: wrap; gap: 2px 26px; margin: 8px 0; }
.tuszstore .tz-numbers b { font-weight: 600; font-size: 15px; }
.tuszstore .tz-bar { display: flex; height: 12px; border-radius: 3px; overflow: hidden;
  background: rgba(128,128,128,.2); max-width: 40em; margin-top: 8px; }
.tuszstore .tz-legend { display: flex; flex-wrap: wrap; gap: 0 20px; margin: 4px 0 6px; }
.tuszstore .tz-dot { display: inline-block; width: 9px; height: 9px; border-radius: 2px;
  margin-right: 6px; }
.tuszstore summary { cursor: pointer; opacity: .8; padding: 2px 0; }
.tuszstore .tz-rows { max-height: 24em; overflow: auto; }
.tuszstore table { border-collapse: collapse; font-size: 12px; margin: 4px 0 8px; }
.tuszstore tr, .tuszstore thead tr { background: none; }
.tuszstore th, .tuszstore td { border: 0; border-bottom: 1px solid rgba(128,128,128,.18);
  padding: 3px 16px 3px 0; text-align: left; vertical-align: top; font-weight: normal; }
.tuszstore th { opacity: .68; white-space: nowrap; }
.tuszstore .tz-rows td:last-child { min-width: 20em; }
.tuszstore .tz-number { text-align: right; white-space: nowrap; }
"""


def box(head: str, *parts: str) -> str:
    """Return the representation of an object: a head, and parts below it."""
    return (
        f'<div class="tuszstore"><style>{_STYLE}</style>'
        f'<div class="tz-head">{head}</div>{"".join(parts)}</div>'
    )


def numbers(values: Mapping[str, str]) -> str:
    """Return large numbers, each with its name."""
    shown = "".join(
        f'<span><b>{escape(value)}</b> <span class="tz-weak">{escape(name)}</span></span> '
        for name, value in values.items()
    )
    return f'<div class="tz-numbers">{shown}</div>'


def composition(counts: Mapping[str, float]) -> str:
    """Return a bar of shares with its legend; the smallest of many groups are merged."""
    groups = {name: count for name, count in counts.items() if count or name in _COLORS}
    n_all = sum(groups.values())
    if not n_all:
        return ""
    if len(groups) > len(_OTHERS):
        ordered = sorted(groups.items(), key=lambda item: -item[1])
        kept = dict(ordered[: len(_OTHERS)])
        groups = {**kept, f"{len(groups) - len(kept):,} more": n_all - sum(kept.values())}
    colors = {name: _COLORS.get(name, (*_OTHERS, "#909090")[k]) for k, name in enumerate(groups)}
    bar = "".join(
        f'<i style="width:{100 * count / n_all:.3f}%;background:{colors[name]}"></i>'
        for name, count in groups.items()
    )
    legend = "".join(
        f'<span><i class="tz-dot" style="background:{colors[name]}"></i>{escape(name)} '
        f'<b>{count:,.0f}</b> <span class="tz-weak">{percent(count / n_all)}</span></span> '
        for name, count in groups.items()
    )
    return f'<div class="tz-bar">{bar}</div><div class="tz-legend">{legend}</div>'


def table(head: Iterable[str], rows: Iterable[Iterable[str]], numeric: tuple[int, ...]) -> str:
    """Return a table; columns of numbers are aligned to the right."""

    def line(tag: str, cells: Iterable[str]) -> str:
        return "".join(
            f"<{tag}{' class=tz-number' if k in numeric else ''}>{escape(str(cell))}</{tag}>"
            for k, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{line('th', head)}</tr></thead><tbody>{body}</tbody></table>"


def pairs(values: Mapping[str, str]) -> str:
    """Return names and values, one per line."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in values.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def details(summary: str, content: str) -> str:
    """Return content that is shown when its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"
