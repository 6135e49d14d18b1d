"""Every variable of a store: where it is, its dimensions, its type, and what it means.

This table defines the arrays, documents them (`docs/store.md` is printed from it) and is used to
check a store when it is opened.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np

from tuszstore.store.categories import CATEGORIES

SCHEMA_VERSION = 3
"""Raised whenever a reader of the previous version could misread a store."""

SPLITS = ("train", "dev", "eval")

ALIASES = {"val": "dev"}
"""Other names of splits."""

MISSING_INT16 = -32768
"""Stored int16 value for a missing sample; real ones are above it."""


def missing_value(dtype: str) -> int | float:
    """Return the stored value for a missing sample."""
    return MISSING_INT16 if dtype == "int16" else float("nan")


@dataclass(frozen=True)
class Variable:
    """One array of a store.

    Attributes
    ----------
    path : str
        Name, with its group.
    dims : tuple of str
    dtype : str
        NumPy's name, or ``string``; empty if the configuration decides.
    comment : str
    attributes : mapping
        Further attributes of the array.
    required : bool
        Whether every store has it. Missing optional variables are computed if possible,
        or reported as missing.
    """

    path: str
    dims: tuple[str, ...]
    dtype: str
    comment: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True

    @property
    def group(self) -> str:
        """Group of the array; empty at the root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Name within the group."""
        return self.path.rpartition("/")[2]


def _table(dimension: str, *rows: tuple[Any, ...], required: bool = True) -> list[Variable]:
    made = [Variable(f"{dimension}s/{name}", *rest) for name, *rest in rows]
    return [replace(variable, required=required) for variable in made]


_W, _R, _E, _S = ("window",), ("recording",), ("event",), ("shard",)
_RC = ("recording", "channel")
_SECONDS, _HERTZ, _MICROVOLT = {"units": "s"}, {"units": "Hz"}, {"units": "uV"}

VARIABLES = (
    Variable("signal", ("block", "channel", "sample"), "",
             "Preprocessed EEG; a window is a run of consecutive blocks"),
    Variable("label", ("block", "sample"), "uint16",
             "One bit per event class; 0 is background"),
    Variable("channel", ("channel",), "string",
             "Name of the channel, as in spec"),
    *_table(
        "window",
        ("recording", _W, "int32", "Row of the window's recording in recordings/*"),
        ("start_block", _W, "int64", "First block of the window in signal and label"),
        ("start_time", _W, "float64", "From the start of the recording", _SECONDS),
        ("seizure_fraction", _W, "float64",
         "Fraction of samples in a seizure; NaN where unlabelled", {"units": "1"}),
        ("category", _W, "int8", "Category by seizure fraction; -1 where unlabelled",
         {"flag_values": list(range(len(CATEGORIES))), "flag_meanings": " ".join(CATEGORIES)}),
        ("event_classes", _W, "uint16", "Union of the labels of the window's samples"),
    ),
    *_table(
        "window",
        ("time_to_seizure", _W, "float64",
         "From the window's end to the next onset; 0 in a seizure, NaN where none is known",
         _SECONDS),
        ("time_since_seizure", _W, "float64",
         "From the last offset to the window's start; 0 in a seizure, NaN where none is known",
         _SECONDS),
        ("seizure_free_after", _W, "float64",
         "Recorded and annotated time without a seizure after the window; 0 in a seizure",
         _SECONDS),
        ("seizure_free_before", _W, "float64",
         "Recorded and annotated time without a seizure before the window; 0 in a seizure",
         _SECONDS),
        ("category_mask", ("mask", "window"), "bool", "Which windows have a category"),
        ("mask", ("mask",), "string", "Name of a category"),
        required=False,
    ),
    *_table(
        "recording",
        ("id", _R, "string", "Path of the EDF file relative to the corpus's root"),
        ("patient", _R, "string", "Patient"),
        ("labelled", _R, "bool", "Whether it is annotated; otherwise it is unlabelled"),
        ("signal_digest", _R, "string", "SHA-256 of the recording's blocks in signal, as stored"),
        ("label_digest", _R, "string", "SHA-256 of the recording's blocks in label"),
        ("n_samples", _R, "int64", "Samples at the store's rate"),
        ("first_block", _R, "int64", "First block in signal and label"),
        ("n_blocks", _R, "int64", "Number of blocks; the last one may be partly filled"),
        ("first_window", _R, "int64", "First window in windows/*"),
        ("n_windows", _R, "int64", "Number of windows"),
        ("mean", _RC, "float64", "Mean that was subtracted", _MICROVOLT),
        ("sd", _RC, "float64", "Standard deviation used as divisor", _MICROVOLT),
    ),
    *_table(
        "recording",
        ("corpus", _R, "string", "Corpus that it comes from"),
        ("session", _R, "string", "Session; empty if unknown"),
        ("montage", _R, "string", "Montage folder; empty if unknown"),
        ("reference", _R, "string", "Reference of the electrodes; empty if unknown"),
        ("source_id", _R, "string", "Recording that it is a part of; its own id without gaps"),
        ("source_start", _R, "float64", "Where it begins in that", _SECONDS),
        ("patient_time", _R, "float64",
         "Start, from that of the timeline's first recording; NaN if unknown",
         _SECONDS),
        ("timeline", _R, "string",
         "Number of a timeline of the patient, on which patient_time is; missing or empty if the "
         "patient has only one"),
        ("clock", _R, "string",
         "real, surrogate (shifted date, correct intervals) or none"),
        ("source_digest", _R, "string", "SHA-256 of the EDF file"),
        ("source_bytes", _R, "int64", "Size of the EDF file", {"units": "byte"}),
        ("source_mtime", _R, "int64", "When the EDF file was last changed, since 1970",
         {"units": "ns"}),
        ("source_sfreq", _R, "float64", "Sampling rate of the EDF file", _HERTZ),
        ("source_samples", _R, "int64", "Samples of the recording in the EDF file, at its rate"),
        ("raters", _R, "string",
         "Raters, separated by commas; ? is one without a name, empty is none"),
        ("annotation_digest", _R, "string", "SHA-256 of the annotation; empty without one"),
        ("signal_key", _R, "string", "Hash of what determines the recording's blocks in signal"),
        ("label_key", _R, "string", "Hash of what determines the recording's blocks in label"),
        ("interpolated", _RC, "bool", "Channel was interpolated from all others"),
        ("flat", _RC, "bool", "Channel did not change in the source"),
        ("interpolated_samples", _RC, "int64",
         "Samples of the source that were NaN or infinite and were interpolated"),
        ("participant", _R, "string",
         "Columns of the patient in a table of participants, as a JSON object; empty without one"),
        ("notes", _R, "string", "What was repaired or clipped"),
        required=False,
    ),
    *_table(
        "event",
        ("recording", _E, "int32", "Row of the event's recording in recordings/*"),
        ("channel", _E, "string", "Channel as annotated; TERM is the whole montage"),
        ("onset", _E, "float64", "Start as annotated", _SECONDS),
        ("offset", _E, "float64", "End as annotated; NaN if unknown", _SECONDS),
        ("first_sample", _E, "int64", "First sample marked in label, from the recording's start"),
        ("stop_sample", _E, "int64", "One after the last sample marked"),
        ("class", _E, "string", "Event class as annotated"),
        ("bit", _E, "uint16",
         "What it sets in label: the bit of its class; 0 for background, or if its rater does "
         "not decide"),
    ),
    *_table(
        "event",
        ("confidence", _E, "float64", "As annotated", {"units": "1"}),
        ("rater", _E, "string",
         "Who annotated it; empty if unknown; any, majority or all for a decision"),
        ("class_bit", _E, "uint16",
         "Bit of the class, whichever rater decides; that of unlabelled samples means no opinion"),
        required=False,
    ),
    *_table(
        "shard",
        ("recording", _S, "int32", "Row of the shard's recording in recordings/*"),
        ("bytes", _S, "int64", "Size of the shard's file", {"units": "byte"}),
        ("digest", _S, "string", "SHA-256 of the shard's file"),
        required=False,
    ),
    Variable("left_out/id", ("left_out",), "string", "Recording that is not in the store",
             required=False),
    Variable("left_out/kind", ("left_out",), "string", "unlabelled, duplicate or failed",
             required=False),
    Variable("left_out/reason", ("left_out",), "string", "Why it is not in the store",
             required=False),
)  # fmt: skip
"""All variables of a store."""


ATTRIBUTES: Mapping[str, type] = {
    "split": str, "split_policy": str, "config": dict, "config_hash": str, "content_digest": str,
    "sources_digest": str, "created": str, "versions": dict, "warnings": list, "spec": dict,
    "digests": dict,
}  # fmt: skip
"""Attributes of the root that every store has, and their types."""

OPTIONAL: Mapping[str, type | tuple[type, ...]] = {
    "data": str, "patients_from": str, "build": str, "pseudonyms": dict, "pipeline_version": int,
    "versions_of_signal": list, "limit": (int, type(None)), "sources_seen": int,
    "patient_namespaces": dict,
}  # fmt: skip
"""Attributes of the root that a store may have, and their types."""


def attribute_fault(attributes: Mapping[str, Any]) -> str:
    """Return what is wrong with the attributes of a root; empty if they are valid.

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
        return "has invalid versions or warnings"
    made_by = attributes.get("versions_of_signal", ())
    if not all(isinstance(versions, dict) for versions in made_by):
        return "has invalid versions_of_signal"
    files = attributes["digests"].get("files")
    if not isinstance(files, dict) or not all(isinstance(d, str) for d in files.values()):
        return "has no digests of its files"
    return ""


def item_bytes(dtype: str) -> int:
    """Return the size of a value in memory (byte); of an empty string for strings.

    Parameters
    ----------
    dtype : str
        As in an array's metadata.
    """
    return _STRING_BYTES if dtype == "string" else np.dtype(dtype).itemsize


@cache
def variables(group: str) -> tuple[Variable, ...]:
    """Return the variables of one group; ``""`` is the root."""
    return tuple(variable for variable in VARIABLES if variable.group == group)


def derived_variables(name: str) -> list[Variable]:
    """Return the variables of the moments of one set of derivations, such as ``tcp_a``."""
    group = f"derived/{name}"
    both = ("recording", "derivation")
    return [
        Variable(f"{group}/name", ("derivation",), "string", "Name of a derivation",
                 required=False),
        Variable(f"{group}/mean", both, "float64", "Mean that the normaliser computes for it",
                 _MICROVOLT, required=False),
        Variable(f"{group}/sd", both, "float64", "Standard deviation that it computes",
                 _MICROVOLT, required=False),
    ]  # fmt: skip


_STRING_BYTES = 16

_DERIVED = re.compile(r"derived/([^/]{1,64})/(name|mean|sd)")


def stored_variables(names: Iterable[str]) -> list[Variable]:
    """Return the variables that a store may have: all of the schema, and the derivations it has.

    Parameters
    ----------
    names : iterable of str
        Paths of its arrays; unknown ones are ignored.
    """
    sets = dict.fromkeys(m[1] for name in names if (m := _DERIVED.fullmatch(name)))
    return [*VARIABLES, *(variable for name in sets for variable in derived_variables(name))]


def variable_at(path: str) -> Variable:
    """Return the variable of a path.

    Raises
    ------
    KeyError
        If there is none.
    """
    if path in _BY_PATH:
        return _BY_PATH[path]
    if (match := _DERIVED.fullmatch(path)) is None:
        raise KeyError(path)
    return next(v for v in derived_variables(match[1]) if v.path == path)


def groups_of(variables: Iterable[Variable]) -> list[str]:
    """Return all groups of variables, including parents, outer ones first."""
    parts = (variable.group.split("/") for variable in variables if variable.group)
    return list(
        dict.fromkeys(
            "/".join(names[: depth + 1]) for names in parts for depth in range(len(names))
        )
    )


_BY_PATH = {variable.path: variable for variable in VARIABLES}

TABLES = ("windows", "recordings", "events", "shards", "left_out")
"""Groups that hold one table each."""


def markdown() -> str:
    """Return the schema as a Markdown table."""
    rows = ["| array | dimensions | type | required | meaning |", "|---|---|---|---|---|"]
    for variable in [*VARIABLES, *derived_variables("<set>")]:
        units = variable.attributes.get("units", "1")
        suffix = "" if units == "1" else f" ({units})"
        dtype = variable.dtype or "int16 or float32"
        rows.append(
            f"| `{variable.path}` | {', '.join(variable.dims)} | {dtype} "
            f"| {'yes' if variable.required else 'no'} | {variable.comment}{suffix} |"
        )
    return "\n".join(rows)
