"""Every variable of a store: where it is, its dimensions, its type, and what it means.

This table makes the arrays, documents them (`docs/store.md` is printed from it) and is what a store
is checked against when it is opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 2
"""Raised whenever a reader of the version before could misread a store."""

CATEGORIES = ("no_seizure", "partial_seizure", "full_seizure")
"""Categories of a window, in the order of their codes."""

UNKNOWN_CATEGORY = -1
"""Category of a window of an unlabelled recording."""


@dataclass(frozen=True)
class Variable:
    """One array of a store.

    Attributes
    ----------
    path : str
        Name, with its group.
    dims : tuple of str
    dtype : str
        NumPy's name, or ``string``; empty where the configuration decides.
    comment : str
    attributes : mapping
        Further attributes of the array.
    """

    path: str
    dims: tuple[str, ...]
    dtype: str
    comment: str
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Group of the array; empty at the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Name within the group."""
        return self.path.rpartition("/")[2]


def _table(dimension: str, *rows: tuple[Any, ...]) -> list[Variable]:
    return [Variable(f"{dimension}s/{name}", *rest) for name, *rest in rows]


_W, _R, _E = ("window",), ("recording",), ("event",)
_RC = ("recording", "channel")
_SECONDS, _HERTZ, _MICROVOLT = {"units": "s"}, {"units": "Hz"}, {"units": "uV"}

VARIABLES = (
    Variable("signal", ("block", "channel", "sample"), "",
             "Preprocessed EEG; a window is a run of consecutive blocks"),
    Variable("label", ("block", "sample"), "uint16",
             "One bit per event class; 0 is background"),
    Variable("channel", ("channel",), "string",
             "Electrode of the international 10-20 system"),
    *_table(
        "window",
        ("recording", _W, "int32", "Row of the window's recording in recordings/*"),
        ("start_block", _W, "int64", "First block of the window in signal and label"),
        ("start_time", _W, "float64", "From the start of the recording", _SECONDS),
        ("seizure_fraction", _W, "float64",
         "Share of samples in a seizure; NaN where unlabelled", {"units": "1"}),
        ("category", _W, "int8", "Category by seizure fraction; -1 where unlabelled",
         {"flag_values": list(range(len(CATEGORIES))), "flag_meanings": " ".join(CATEGORIES)}),
        ("event_classes", _W, "uint16", "Union of the labels of the window's samples"),
        ("category_mask", ("mask", "window"), "bool", "Which windows have a category"),
        ("mask", ("mask",), "string", "Name of a category"),
    ),
    *_table(
        "recording",
        ("id", _R, "string", "Path of the EDF file relative to the corpus's root"),
        ("patient", _R, "string", "Patient"),
        ("session", _R, "string", "Session; empty where the layout does not tell"),
        ("montage", _R, "string", "Montage folder; empty where the layout does not tell"),
        ("source_digest", _R, "string", "SHA-256 of the EDF file"),
        ("source_bytes", _R, "int64", "Size of the EDF file", {"units": "byte"}),
        ("source_mtime", _R, "int64", "When the EDF file was last changed, since 1970",
         {"units": "ns"}),
        ("annotation_digest", _R, "string", "SHA-256 of the annotation file; empty without one"),
        ("signal_digest", _R, "string", "SHA-256 of the recording's blocks in signal, as stored"),
        ("label_digest", _R, "string", "SHA-256 of the recording's blocks in label"),
        ("source_sfreq", _R, "float64", "Sampling rate of the EDF file", _HERTZ),
        ("n_samples", _R, "int64", "Samples at the store's rate"),
        ("first_block", _R, "int64", "First block in signal and label"),
        ("n_blocks", _R, "int64", "Number of blocks; the last one may be partly filled"),
        ("first_window", _R, "int64", "First window in windows/*"),
        ("n_windows", _R, "int64", "Number of windows"),
        ("mean", _RC, "float64", "Mean that was subtracted", _MICROVOLT),
        ("sd", _RC, "float64", "Standard deviation that was divided by", _MICROVOLT),
        ("interpolated", _RC, "bool", "Channel was interpolated from all others"),
        ("flat", _RC, "bool", "Channel did not change in the source"),
        ("bridged", _RC, "int64", "Samples of the source that were no number and were bridged"),
        ("notes", _R, "string", "What was repaired or clipped"),
    ),
    *_table(
        "event",
        ("recording", _E, "int32", "Row of the event's recording in recordings/*"),
        ("channel", _E, "string", "Channel as annotated; TERM is the whole montage"),
        ("onset", _E, "float64", "Start as annotated", _SECONDS),
        ("offset", _E, "float64", "End as annotated", _SECONDS),
        ("first_sample", _E, "int64", "First sample marked in label, from the recording's start"),
        ("stop_sample", _E, "int64", "One after the last sample marked"),
        ("class", _E, "string", "Event class as annotated"),
        ("bit", _E, "uint16", "Bit of the class in label; 0 where it is taken as background"),
        ("confidence", _E, "float64", "As annotated", {"units": "1"}),
    ),
    Variable("left_out/id", ("left_out",), "string", "Recording that is not in the store"),
    Variable("left_out/kind", ("left_out",), "string", "unlabelled, duplicate, limit or failed"),
    Variable("left_out/reason", ("left_out",), "string", "Why it is not in the store"),
)  # fmt: skip
"""All variables of a store."""


ATTRIBUTES: Mapping[str, type] = {
    "split": str, "split_policy": str, "config": dict, "config_hash": str, "content_digest": str,
    "sources_digest": str, "created": str, "versions": dict, "warnings": list,
}  # fmt: skip
"""Attributes of the root that every store has, and their types."""

OPTIONAL: Mapping[str, type | tuple[type, ...]] = {
    "data": str, "build": str, "pseudonyms": dict, "digests": dict, "pipeline_version": int,
    "versions_of_signal": list, "limit": (int, type(None)),
}  # fmt: skip
"""Attributes of the root that a store may have, and their types."""


def attribute_fault(attributes: Mapping[str, Any]) -> str:
    """Return what is wrong with the attributes of a root; nothing if they may be used.

    Parameters
    ----------
    attributes : mapping
    """
    for name, kind in {**ATTRIBUTES, **OPTIONAL}.items():
        if name not in attributes:
            if name in ATTRIBUTES:
                return f"lacks the attribute {name}"
        elif not isinstance(attributes[name], kind):
            return f"has an attribute {name} of another type: {attributes[name]!r:.40}"
    texts = [*attributes["versions"].values(), *attributes["warnings"]]
    if "tuszstore" not in attributes["versions"] or not all(isinstance(t, str) for t in texts):
        return "has versions or warnings that are none"
    made_by = attributes.get("versions_of_signal", ())
    if not all(isinstance(versions, dict) for versions in made_by):
        return "has versions_of_signal that are none"
    return ""


def variables(group: str) -> list[Variable]:
    """Return the variables of one group; ``""`` is the root."""
    return [variable for variable in VARIABLES if variable.group == group]


TABLES = ("windows", "recordings", "events", "left_out")
"""Groups that hold one table each."""


def markdown() -> str:
    """Return the schema as a Markdown table."""
    rows = ["| array | dimensions | type | meaning |", "|---|---|---|---|"]
    for variable in VARIABLES:
        units = variable.attributes.get("units", "1")
        suffix = "" if units == "1" else f" ({units})"
        dtype = variable.dtype or "int16 or float32"
        rows.append(
            f"| `{variable.path}` | {', '.join(variable.dims)} | {dtype} "
            f"| {variable.comment}{suffix} |"
        )
    return "\n".join(rows)
