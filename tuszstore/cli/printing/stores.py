"""Printing of stores."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console

from tuszstore.builder.report import count_categories, count_events
from tuszstore.cli.console import print_line, print_rows
from tuszstore.cli.printing.processing import describe_processing, processing_rows
from tuszstore.cli.printing.reasons import SHORTER, group_lines, noted, print_remarks
from tuszstore.corpus.base import LeftOut
from tuszstore.facade.store import Store
from tuszstore.facade.view import View
from tuszstore.read.decode import NO_KERNEL, has_kernel
from tuszstore.reasons import all_notes, plural
from tuszstore.store.place import shown_path
from tuszstore.units import size

_ATTRIBUTES = (
    "split",
    "split_policy",
    "created",
    "config_hash",
    "content_digest",
    "versions",
    "warnings",
    "schema_version",
)
"""Root attributes that are shown."""


def show_store(console: Console, store: Store | View) -> None:
    """Print the contents of a store or of a view."""
    facts = describe(store)
    channels = f"{plural(len(store.channels), 'channel')} at {store.sfreq:g} Hz"
    window, stride = facts["window_seconds"], facts["stride_seconds"]
    patients = plural(facts["patients"], "patient")
    origin = f" (from {facts['patients_from']})" if facts["patients_from"] else ""
    events = ", ".join(f"{n:,} {name}" for name, n in facts["events"].items())
    short = facts["shorter_than_a_window"]
    space = "unknown: a web server does not list its files"
    if facts["bytes"] is not None:
        space = f"{size(facts['bytes'])} in {plural(facts['files'], 'file')}"
    rows = [
        *((f"view, {name}", text) for name, text in facts["view"].items()),
        ("split", f"{facts['split']} (policy {facts['split_policy']})"),
        ("built", f"{facts['created']} by tuszstore {facts['versions']['tuszstore']}"),
        ("config hash", facts["config_hash"]),
        ("content digest", facts["content_digest"]),
        ("recordings", f"{facts['recordings']:,} of {patients}{origin}"),
        ("hours", f"{facts['hours']:,.2f}"),
        ("signal", f"{facts['dtype']}, {facts['codec']}, {channels}"),
        *processing_rows(facts),
        ("windows", f"{facts['windows']:,} of {window:g} s, every {stride:g} s"),
        *category_rows(facts["categories"]),
        *([("too short", f"{plural(short, 'recording')} {SHORTER}")] if short else []),
        ("seizure events", f"{facts['seizures']:,}"),
        ("events by class", events or "none"),
        ("size", space),
        ("with notes", noted(len(facts["notes"]), facts["interpolated"])),
        ("read with", "the compiled kernel" if facts["kernel"] else NO_KERNEL),
    ]
    print_rows(console, shown_path(store.path), rows)
    left_out = [LeftOut(**entry) for entry in facts["left_out"]]
    print_remarks(console, left_out, facts["warnings"])
    if facts["notes"]:
        print_line(console, f"notes on {plural(len(facts['notes']), 'recording')}:")
    for _, line in group_lines(("", note, id_) for id_, note in facts["notes"].items()):
        print_line(console, f"  {line}")


def category_rows(categories: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    """Return a row for each category: its number of windows and its share."""
    total = max(1, sum(categories.values()))
    for name, count in categories.items():
        yield f"  {name}", f"{count:,} ({count / total:.1%})"


def describe(store: Store | View) -> dict[str, Any]:
    """Return the figures of a store, or of a view of it, as plain values."""
    files = store.sizes()
    spec, encoding, attrs = store.spec, store.metadata.encoding, store.attrs
    recordings = store.recordings
    table, excluded = store.metadata.recordings, store.metadata.left_out
    interpolated = table.or_blank("interpolated")
    columns = {str(name): column.values for name, column in store.events.items()}
    seizures, counts = count_events(columns, spec)
    notes = all_notes(table.or_blank("notes"), interpolated, store.channels)
    return {
        "store": str(store.path),
        "view": store.shown(),
        "channels": list(store.channels),
        "units": spec.units,
        **describe_processing(store),
        **{name: attrs[name] for name in _ATTRIBUTES},
        "recordings": recordings.sizes["recording"],
        "patients": len(set(recordings["patient"].values)),
        "patients_from": str(store.attrs.get("patients_from", "")),
        "hours": float(recordings["n_samples"].sum()) / store.sfreq / 3600,
        "dtype": encoding.dtype,
        "codec": encoding.codec,
        "windows": len(store),
        "shorter_than_a_window": int((recordings["n_windows"].values == 0).sum()),
        "window_seconds": spec.window_seconds,
        "stride_seconds": spec.stride_seconds,
        "categories": count_categories(store.index["category"].values),
        "seizures": seizures,
        "events": counts,
        "bytes": None if files is None else sum(files),
        "files": None if files is None else len(files),
        "kernel": has_kernel(),
        "notes": {
            id_: note for id_, note in zip(recordings["id"].values, notes, strict=True) if note
        },
        "interpolated": int(interpolated.any(axis=1).sum()),
        "left_out": [
            dict(zip(("id", "reason", "kind"), entry, strict=True))
            for entry in zip(*(excluded.or_blank(n) for n in ("id", "reason", "kind")), strict=True)
        ],
    }
