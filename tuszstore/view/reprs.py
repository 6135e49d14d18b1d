"""What a notebook shows of stores, samplers and arrays; from tables alone, no signal is read.

Letters and lines take the colours of the page they stand in, and what is filled is seen on light
and on dark ground alike, so it does not matter who decides which of the two a page is. Where a
notebook strips styles, tables and numbers are left.
"""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import PurePosixPath

from tuszstore.api import Store
from tuszstore.console import size
from tuszstore.read.arrays import WindowArray
from tuszstore.sampling.base import Sampler
from tuszstore.store.place import shown_path
from tuszstore.view.facts import total
from tuszstore.view.scales import clock, percent

SHOWN = 50
"""Recordings that the table of a store names before it only counts."""

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


def store_html(store: Store) -> str:
    """Return what a notebook shows of a store.

    Parameters
    ----------
    store : Store
    """
    facts, config = total(store), store.config
    numbers = {
        "hours": f"{facts.hours:,.2f}",
        "recordings": f"{facts.recordings:,}",
        "patients": f"{facts.patients:,}",
        "seizures": f"{facts.seizures:,}",
        "in seizure": f"{clock(facts.seizure_hours * 3600)} "
                      f"({percent(facts.seizure_hours / facts.hours)})",
        f"windows of {config.windows.length:g} s, every {config.windows.stride:g} s":
            f"{facts.n_windows:,}",
    }  # fmt: skip
    attributes = store.attrs
    left_out = store.left_out.sizes["left_out"]
    provenance = {
        "path": shown_path(store.path),
        "signal": f"{len(store.channels)} channels at {store.sfreq} Hz, "
                  f"{config.storage.dtype}, {config.storage.codec}",
        "built": str(attributes.get("created", "not known")),
        "split": f"{attributes['split']}, policy {attributes.get('split_policy', 'not known')}",
        "configuration": str(attributes.get("config_hash", "not known")),
        "versions": ", ".join(f"{k} {v}" for k, v in attributes.get("versions", {}).items()),
        "left out": f"{left_out:,} recordings; see left_out" if left_out else "nothing",
        **{f"warning {k}": str(text) for k, text in enumerate(attributes.get("warnings", ()), 1)},
    }  # fmt: skip
    return _box(
        f"<b>tuszstore.Store</b> {escape(store.name)}",
        _numbers(numbers),
        _composition(facts.windows),
        _details("Recordings", _recordings(store)),
        _details("Provenance", _pairs(provenance)),
    )


def sampler_html(sampler: Sampler, settings: str) -> str:
    """Return what a notebook shows of a sampler.

    Parameters
    ----------
    sampler : Sampler
    settings : str
        How it draws.
    """
    return _box(
        f"<b>{escape(type(sampler).__name__)}</b> {len(sampler):,} windows an epoch",
        _composition(sampler.composition()),
        f'<div class="tz-weak">{escape(settings)}</div>' if settings else "",
    )


def array_html(array: WindowArray) -> str:
    """Return what a notebook shows of an array of windows.

    Parameters
    ----------
    array : WindowArray
    """
    one = array.nbytes / max(1, len(array))
    pairs = {
        "dimensions": ", ".join(array.dims),
        "shape": str(array.shape),
        "type": str(array.dtype),
        "bytes": f"{size(array.nbytes)} if all are read, {size(one)} a window",
        "chunks": str(array.chunks) if array.chunks else "none: made from the events",
    }
    return _box(f"<b>{escape(array.name)}</b> read when indexed", _pairs(pairs))


def _box(head: str, *parts: str) -> str:
    return (
        f'<div class="tuszstore"><style>{_STYLE}</style>'
        f'<div class="tz-head">{head}</div>{"".join(parts)}</div>'
    )


def _numbers(numbers: Mapping[str, str]) -> str:
    shown = "".join(
        f'<span><b>{escape(value)}</b> <span class="tz-weak">{escape(name)}</span></span> '
        for name, value in numbers.items()
    )
    return f'<div class="tz-numbers">{shown}</div>'


def _composition(counts: Mapping[str, float]) -> str:
    """Return a bar with its legend; the rest of very many groups is one."""
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


def _recordings(store: Store) -> str:
    names = ("id", "patient", "montage", "n_samples", "n_windows", "notes")
    columns = [store.recordings[name].values[:SHOWN].tolist() for name in names]
    head = ("recording", "patient", "montage", "length", "windows", "notes")
    rows = [
        (
            PurePosixPath(id_).stem,
            patient,
            montage,
            clock(n_samples / store.sfreq),
            f"{n_windows:,}",
            notes,
        )
        for id_, patient, montage, n_samples, n_windows, notes in zip(*columns, strict=True)
    ]
    rest = store.recordings.sizes["recording"] - len(rows)
    more = f'<div class="tz-weak">and {rest:,} more; see recordings</div>' if rest > 0 else ""
    return f'<div class="tz-rows">{_table(head, rows, numbers=(3, 4))}</div>{more}'


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], numbers: tuple[int, ...]) -> str:
    def line(tag: str, cells: Iterable[str]) -> str:
        return "".join(
            f"<{tag}{' class=tz-number' if k in numbers else ''}>{escape(str(cell))}</{tag}>"
            for k, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{line('th', head)}</tr></thead><tbody>{body}</tbody></table>"


def _pairs(pairs: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs.items()
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"
