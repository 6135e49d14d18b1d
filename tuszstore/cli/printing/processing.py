"""The signal of a store: corpus, channels, filters, normalisation and changed settings."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tuszstore.channels.sets import SETS
from tuszstore.config import NOT_CONTENT, Config
from tuszstore.facade.store import Store
from tuszstore.facade.view import View

SHOWN = 40
"""Channels that are named, if they are not those of a built-in set; the rest is only counted."""

_NONE = object()


def describe_processing(store: Store | View) -> dict[str, Any]:
    """Return how the signal of a store or a view was made, as plain values."""
    spec = store.spec
    signal = store.config.get("signal")
    corpora = store.metadata.recordings.or_blank("corpus").tolist()
    return {
        "corpora": sorted({str(name) for name in corpora if name}),
        "channel_set": next((n for n, known in SETS.items() if known == spec.channels), None),
        "bandpass": spec.bandpass and list(spec.bandpass),
        "notch": spec.notch,
        "normalise": signal.get("normalise") if isinstance(signal, Mapping) else None,
        "clip": spec.clip,
        "settings": changed_settings(store.config),
    }


def processing_rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of a table for :func:`describe_processing`.

    Parameters
    ----------
    facts : mapping
        Also with `channels`, `units` and `view` of the store.
    """
    band = facts["bandpass"]
    shown = facts["channel_set"]
    if shown is None or "channels" in facts["view"]:
        names = facts["channels"]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        shown = f"{f'{shown}: ' if shown else ''}{', '.join(names[:SHOWN])}{more}"
    unit = "µV" if facts["units"] == "uV" else "z-scores"
    rule = facts["normalise"] or "not recorded"
    if unit == "µV" and rule != "none":
        rule = f"{rule} undone"
    clip = f", clipped at ±{facts['clip']:g}" if facts["clip"] else ""
    rows = [
        ("corpus", ", ".join(facts["corpora"]) or "not recorded"),
        ("channels", shown),
        ("band-pass", f"{band[0]:g} to {band[1]:g} Hz" if band else "none"),
        ("notch", f"{facts['notch']:g} Hz" if facts["notch"] else "none"),
        ("normalisation", f"{rule}: {unit}{clip}"),
    ]
    settings = [f"{key}: {_text(value)}" for key, value in facts["settings"].items()]
    names = ["not the default", *[""] * len(settings)]
    return [*rows, *zip(names, settings or ["nothing"], strict=False)]


def changed_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dotted keys of a recorded configuration that differ from the default.

    Sections that do not affect the content, and keys that the configuration lacks, are omitted;
    keys that this version does not know are included.

    Parameters
    ----------
    config : mapping
    """
    default = dict(_leaves(Config().model_dump(mode="json")))
    content = {name: value for name, value in config.items() if name not in NOT_CONTENT}
    return {k: v for k, v in _leaves(content) if default.get(k, _NONE) != v}


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
