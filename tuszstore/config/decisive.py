"""Keys that determine the content of a store: those in the configuration's digest."""

from typing import Any

from pydantic import BaseModel

NOT_CONTENT = frozenset({"paths", "build"})
"""Sections that do not affect the content of a store."""

FIRST_KEYS = {
    "corpus": ("split_policy", "val_fraction", "split_seed", "pseudonymize"),
    "channels": ("ignore_case", "interpolate", "flat", "max_interpolated"),
    "labels": (
        "annotation", "classes", "seizure", "ignore_case", "unknown", "unlabelled", "rounding",
        "full_seizure",
    ),
    "signal": (
        "sfreq", "nonfinite", "resample", "bandpass", "notch", "filter", "normalise", "clip",
    ),
    "signal.bandpass": ("low", "high", "order"),
    "signal.notch": ("freq", "q"),
    "windows": ("length", "stride", "overlap"),
    "storage": ("dtype", "scale", "codec", "shard_seconds"),
}  # fmt: skip
"""Keys of each section that are in every digest. All others were added later."""

MEANING_BEFORE: dict[str, Any] = {}
"""Values of later keys that mean the earlier behaviour, if not the default, by dotted name."""


def decisive_values(section: BaseModel, path: str) -> dict[str, Any]:
    """Return values of a section, without later keys whose value means the earlier behaviour."""
    dumped = section.model_dump(mode="json")
    chosen = {}
    for name, field in type(section).model_fields.items():
        key, value = f"{path}.{name}", getattr(section, name)
        before = MEANING_BEFORE.get(key, field.get_default(call_default_factory=True))
        if name not in FIRST_KEYS.get(path, ()) and value == before:
            continue
        inner = isinstance(value, BaseModel)
        chosen[name] = decisive_values(value, key) if inner else dumped[name]
    return chosen
