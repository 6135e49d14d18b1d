"""Checks that redundant metadata of a store agree.

The root contains the spec, and a copy of the metadata of all arrays; `signal` and `label` have
their own metadata, with factor, rate, units and classes; `channel` has the names. The value of a
sample depends on all of these. If two disagree, the correct one is unknown, so the store is
rejected.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuszstore.errors import StoreError
from tuszstore.store.encoding import Encoding
from tuszstore.store.labels import UNLABELLED, flag_attributes
from tuszstore.store.schema import missing_value
from tuszstore.store.spec import StoreSpec

NOT_OF_ARRAY = frozenset({"consolidated_metadata"})
"""Redundant key of a group's metadata: its members have their own metadata."""

OF_STORE = ("signature", "content_digest")
"""Attributes of the parts of a store that identify the store."""

FOR_PEOPLE = ("comment", "long_name")
"""Attributes that no reader needs; another version may word them differently."""

_FILLS = {"int16": (missing_value("int16"),), "float32": ("NaN", "0x7fc00000")}


def signal_attributes(spec: StoreSpec, encoding: Encoding) -> dict[str, Any]:
    """Return the attributes of `signal` that determine the values of its samples.

    Parameters
    ----------
    spec : StoreSpec
    encoding : Encoding
    """
    attributes: dict[str, Any] = {"units": spec.units, "sfreq": spec.sfreq}
    if encoding.dtype == "int16":
        attributes["scale_factor"] = encoding.scale
        # readers that support CF show NaN, not zero, for missing blocks
        attributes["_FillValue"] = encoding.missing
    return attributes


def check_copies(
    path: Path | str, own: Mapping[str, Mapping[str, Any]], copies: Mapping[str, Any]
) -> None:
    """Reject arrays and groups if the root's copy of their metadata differs.

    Parameters
    ----------
    path : Path or str
        Path of the store, for messages.
    own : mapping of str to dict
        Metadata beside the arrays, by path.
    copies : mapping of str to dict
        The root's copies.

    Raises
    ------
    StoreError
        Naming the array, and what differs.
    """
    for name, document in own.items():
        if different := differences(document, copies.get(name)):
            raise StoreError(
                f"{path}: the metadata of {name} and the root's copy of it differ in "
                f"{', '.join(different)[:200]}; see what is damaged with: tuszstore verify {path}"
            )


def differences(own: Any, copy: Any) -> list[str]:
    """Return the keys in which the metadata of an array or group differs from a copy of it."""
    if not isinstance(own, dict) or not isinstance(copy, dict):
        return ["all"]
    a, b = _plain(own), _plain(copy)
    keys = sorted((a.keys() | b.keys()) - NOT_OF_ARRAY)
    found = []
    for key in keys:
        if _text(a.get(key)) == _text(b.get(key)):
            continue
        one, other = a.get(key), b.get(key)
        if key == "attributes" and isinstance(one, dict) and isinstance(other, dict):
            found += [
                f"attribute {name}"
                for name in sorted(one.keys() | other.keys())
                if _text(one.get(name)) != _text(other.get(name))
            ]
        else:
            found.append(key)
    return found


def check_meaning(path: Path | str, arrays: Mapping[str, Any], spec: StoreSpec) -> None:
    """Reject a signal or labels if their metadata contradict the spec.

    Parameters
    ----------
    path : Path or str
        Path of the store, for messages.
    arrays : mapping of str to dict
        Metadata of `signal` and `label`, as they pass
        :func:`~tuszstore.store.limits.check_arrays`.
    spec : StoreSpec

    Raises
    ------
    StoreError
        Naming the array, and both values.
    """
    signal = arrays["signal"]
    scale = (signal.get("attributes") or {}).get("scale_factor", 1.0)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not 1e-30 < scale < 1e30:
        raise StoreError(f"{path}: signal has the scale_factor {_shown(scale)}, which is invalid")
    encoding = Encoding.of_array(signal)
    if encoding.dtype == "int16" and spec.clip is not None and spec.clip > 32768 * scale:
        raise StoreError(
            f"{path}: signal has the scale_factor {_shown(scale)}, so int16 cannot hold values "
            f"up to the {spec.clip:g} of its spec; see what is damaged with: tuszstore verify "
            f"{path}"
        )
    expected = {
        "signal": signal_attributes(spec, encoding),
        "label": flag_attributes(spec.classes),
    }
    # attributes that are written only if needed must be absent otherwise
    absent = {"scale_factor", "add_offset", "_FillValue"} - expected["signal"].keys()
    for name, attributes in expected.items():
        found = arrays[name].get("attributes")
        found = found if isinstance(found, dict) else {}
        for key, value in attributes.items():
            if not _same(found.get(key), value):
                raise _conflict(path, name, key, found.get(key), value)
        for key in sorted(absent if name == "signal" else {"scale_factor", "add_offset"}):
            if key in found:
                raise _conflict(path, name, key, found[key], None)
    for name, fills in (("signal", _FILLS[encoding.dtype]), ("label", (UNLABELLED,))):
        if (fill := arrays[name].get("fill_value")) not in fills or isinstance(fill, bool):
            raise _conflict(path, name, "fill_value", fill, fills[0])


def check_channels(path: Path | str, names: Any, spec: StoreSpec) -> None:
    """Reject an array `channel` if its names differ from the spec.

    Raises
    ------
    StoreError
        Names the first that differs.
    """
    for found, name in zip(names, spec.channel_names, strict=True):
        if found != name:
            raise StoreError(
                f"{path}: channel names {found!r:.40}, but its spec has {name!r:.40}; see what is "
                f"damaged with: tuszstore verify {path}"
            )


def _conflict(path: Path | str, array: str, key: str, found: Any, expected: Any) -> StoreError:
    return StoreError(
        f"{path}: {array} has {key} {_shown(found)}, but its spec requires "
        f"{_shown(expected)}; see what is damaged with: tuszstore verify {path}"
    )


def _shown(value: Any) -> str:
    return "none" if value is None else f"{_text(value):.80}"


def _same(found: Any, value: Any) -> bool:
    """Return whether an attribute has the required value; 256 and 256.0 are equal."""
    if isinstance(value, float) and isinstance(found, int) and not isinstance(found, bool):
        return found == value
    return _text(found) == _text(value)


def _text(value: Any) -> str:
    # not with ==: true must not equal 1, and NaN must equal itself
    return json.dumps(value, sort_keys=True)


def _plain(value: Any) -> Any:
    """Return metadata without empty lists and objects, which mean the same as absent ones."""
    if isinstance(value, dict):
        plain = {key: _plain(entry) for key, entry in value.items()}
        return {key: entry for key, entry in plain.items() if entry not in (None, {}, [])}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value
