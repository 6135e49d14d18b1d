"""HTML representation of a store, made from its tables without reading signals."""

from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from tuszstore.html import box, composition, details, numbers, pairs, table
from tuszstore.plotting.facts import total
from tuszstore.store.place import shown_path
from tuszstore.units import clock, percent

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

SHOWN = 50
"""Recordings that the table of a store lists; the rest is only counted."""


def store_html(store: "WindowCollection") -> str:
    """Return the HTML representation of a store.

    Parameters
    ----------
    store : Store
    """
    facts, spec, encoding = total(store), store.spec, store.metadata.encoding
    figures = {
        "hours": f"{facts.hours:,.2f}",
        "recordings": f"{facts.recordings:,}",
        "patients": f"{facts.patients:,}",
        "seizures": f"{facts.seizures:,}",
        "in seizure": f"{clock(facts.seizure_hours * 3600)} "
        f"({percent(facts.seizure_hours / facts.hours)})",
        (
            f"windows of {spec.window_seconds:g} s, every {spec.stride_seconds:g} s"
        ): f"{facts.n_windows:,}",
    }
    attributes = store.attrs
    left_out = len(store.metadata.left_out.or_blank("id"))
    provenance = {
        "path": shown_path(store.path),
        "signal": f"{len(store.channels)} channels at {store.sfreq} Hz, "
        f"{encoding.dtype}, {encoding.codec}",
        "built": str(attributes.get("created", "unknown")),
        "split": f"{attributes['split']}, policy {attributes.get('split_policy', 'unknown')}",
        "configuration": str(attributes.get("config_hash", "unknown")),
        "versions": ", ".join(f"{k} {v}" for k, v in attributes.get("versions", {}).items()),
        "excluded": f"{left_out:,} recordings; see left_out" if left_out else "none",
        **{f"warning {k}": str(text) for k, text in enumerate(attributes.get("warnings", ()), 1)},
    }
    shown = store.shown()
    return box(
        f"<b>tuszstore.{type(store).__name__}</b> {escape(store.name)}",
        pairs(shown) if shown else "",
        numbers(figures),
        composition(facts.windows),
        details("Recordings", _recordings(store)),
        details("Provenance", pairs(provenance)),
    )


def _recordings(store: "WindowCollection") -> str:
    names = ("id", "patient", "montage", "n_samples", "n_windows", "notes")
    columns = [store.metadata.recordings.or_blank(name)[:SHOWN].tolist() for name in names]
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
    return f'<div class="tz-rows">{table(head, rows, numeric=(3, 4))}</div>{more}'
