"""Checks of a store's root: its attributes, its digest, and whether it matches the other parts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuszstore.errors import SchemaError, StoreError
from tuszstore.integrity.contents import Contents, read_document
from tuszstore.integrity.report import Check, Mend
from tuszstore.store.digests import ATTRIBUTE, is_sealed, recover_attributes, states_attributes
from tuszstore.store.files import parse_json, read_file
from tuszstore.store.opening import PARTS, check_version, read_spec, schema_error, signature
from tuszstore.store.place import MAX_METADATA, ROOT
from tuszstore.store.schema import attribute_fault

_MADE_ANEW: dict[str, Mend] = {"windows": "index", "events": "events"}
"""Parts that can be recomputed from others."""


def read_root(path: Path) -> Contents:
    """Read the root, which everything else depends on.

    If the text of the root is damaged, its attributes are used if their digest is correct.

    Raises
    ------
    StoreError
        If it cannot be used; nothing else can then be checked.
    SchemaError
        If it has another schema version, or requires unknown features.
    """
    try:
        content = read_file(path / ROOT, MAX_METADATA)
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror}") from error
    try:
        root = parse_json(content, path / ROOT)
        attributes = root.get("attributes")
        if not isinstance(attributes, dict) or "complete" not in attributes:
            raise StoreError("not a store of tuszstore")
    except StoreError:
        attributes = recover_attributes(content)
        if attributes is None:
            raise
        root = {"attributes": attributes}
    if other := schema_error(path, content, attributes):
        raise other
    try:
        check_version(path, attributes)
    except SchemaError:  # the digest is valid for this schema version
        raise StoreError("is damaged: its schema version was changed") from None
    spec = read_spec(path, attributes)
    return Contents(path, root, spec, sound=is_whole(content, attributes))


def is_whole(content: bytes, attributes: Mapping[str, Any]) -> bool:
    """Return whether the text of a root, including copies and digests, is unchanged."""
    digests = attributes.get(ATTRIBUTE)
    return isinstance(digests, dict) and is_sealed(content, str(digests.get("root")))


def check_root(contents: Contents, check: Check, notes: list[str]) -> None:
    """Check the root's attributes and its copy of all other metadata."""
    path, attributes = contents.path, contents.attributes
    check.covered = f"{path / ROOT}"
    if attributes.get("complete") is not True:
        check.add("an unfinished build", "build", file=ROOT)
    if fault := attribute_fault(attributes):
        check.add(fault, "build", file=ROOT)
    if contents.spec.unknown:
        notes.append(f"its spec has unknown keys: {', '.join(contents.spec.unknown)}")
    if not contents.sealed:
        return  # reported as a fault of the attributes
    if contents.sound:
        return
    if states_attributes(read_file(path / ROOT, MAX_METADATA), attributes):
        check.add("was changed", "metadata", file=ROOT)
    else:
        check.add("attributes were changed", "build", file=ROOT)


def check_signatures(contents: Contents, check: Check) -> None:
    """Check that signal, labels and index were written for these recordings, and for this root."""
    check.covered = ", ".join(PARTS)
    parts = {}
    for part in PARTS:
        try:
            found = read_document(contents.path / part).get("attributes")
        except StoreError:
            continue  # reported by the schema's check
        parts[part] = found if isinstance(found, dict) else {}
    if (recordings := contents.table("recordings")) is None:
        check.covered += ": not checked, recordings cannot be read"
    else:
        _check_recordings(signature(recordings), parts, check)
    _check_contents(contents, parts, check)


def _check_recordings(expected: str, parts: Mapping[str, Any], check: Check) -> None:
    for part, attributes in parts.items():
        found = attributes.get("signature")
        if found == expected:
            continue
        check.add(
            "belongs to other recordings",
            _MADE_ANEW.get(part, "build"),
            array=part,
            file=f"{part}/{ROOT}",
        )


def _check_contents(contents: Contents, parts: Mapping[str, Any], check: Check) -> None:
    """Compare the content digest recorded in each part with that of the root.

    If all parts agree and the root differs, the root belongs to another store, even if it is
    intact, and must not be used for repairs.
    """
    own = contents.attributes.get("content_digest")
    told = {part: attributes.get("content_digest") for part, attributes in parts.items()}
    others = [part for part, content in told.items() if content != own]
    voters = [part for part in told if part not in _MADE_ANEW]
    if len(voters) > 1 and set(voters) <= set(others):
        check.add(
            f"the root is from another store than {', '.join(voters)}: restore its own {ROOT}",
            "build",
            file=ROOT,
        )
        return
    told_already = {finding.array for finding in check.findings}
    for part in (part for part in others if part not in told_already):
        check.add(
            "is from another store than the root",
            _MADE_ANEW.get(part, "metadata"),
            array=part,
            file=f"{part}/{ROOT}",
        )
