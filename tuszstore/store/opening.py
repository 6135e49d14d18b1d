"""Checks of a store's root when it is opened."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tuszstore.errors import SchemaError, StaleIndexError, StoreError
from tuszstore.store.columns import decode_strings, max_strings
from tuszstore.store.digests import is_disguised
from tuszstore.store.limits import chunk_names
from tuszstore.store.nearby import not_a_store
from tuszstore.store.place import Document
from tuszstore.store.schema import SCHEMA_VERSION, attribute_fault
from tuszstore.store.spec import SpecError, StoreSpec

CHANNEL = "channel/c/0"
"""The chunk that holds the names of the channels."""

PARTS = ("recordings", "signal", "label", "windows", "events")
"""Parts of a store that record the recordings and the content to which they belong."""


def channel_names(
    path: Path | str, chunk: Document | None, document: Mapping[str, Any]
) -> NDArray[Any]:
    """Return the names of the channels, from `channel`.

    Raises
    ------
    StoreError
        If its chunk is missing or damaged.
    """
    file, size = f"{path}/{CHANNEL}", document["shape"]
    if chunk is None or chunk_names("channel", document) != [CHANNEL]:
        raise StoreError(f"{file}: is missing")
    n_items = document["chunk_grid"]["configuration"]["chunk_shape"][0]
    names, _ = decode_strings(file, chunk.content, n_items, max_strings(size))
    return names[: size[0]]


def arrays_of(path: Path | str, root: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of groups and arrays in a store's root."""
    inside = root.get("consolidated_metadata")
    arrays = inside.get("metadata") if isinstance(inside, dict) else None
    if not isinstance(arrays, dict):
        raise StoreError(
            f"{path}: its root lacks the metadata of its arrays; build it again with: "
            "tuszstore build --force"
        )
    return arrays


def check_attributes(path: Path | str, attributes: Mapping[str, Any]) -> None:
    """Reject attributes of a root that is not a complete store of this schema.

    Raises
    ------
    StoreError
        With the fault.
    SchemaError
        If the schema version differs.
    """
    if "complete" not in attributes:
        raise StoreError(f"{path}: {not_a_store(path)}")
    if attributes.get("complete") is not True:
        raise StoreError(f"{path}: an unfinished build; build it again with: tuszstore build")
    check_version(path, attributes)
    if fault := attribute_fault(attributes):
        raise StoreError(f"{path}: its root {fault}; build it again with: tuszstore build --force")


def check_version(path: Path | str, attributes: Mapping[str, Any]) -> None:
    """Reject attributes of a root with another schema version.

    Raises
    ------
    StoreError
        If the version is invalid.
    SchemaError
        If it differs.
    """
    version = attributes.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise StoreError(
            f"{path}: is damaged: it has the schema version {version!r:.40}; build it again with: "
            "tuszstore build --force"
        )
    if version != SCHEMA_VERSION:
        newer = version > SCHEMA_VERSION
        way_out = "use a newer tuszstore" if newer else "build it again with: tuszstore build"
        raise SchemaError(
            f"{path}: has schema version {version!r:.40}, but this tuszstore reads "
            f"{SCHEMA_VERSION}; {way_out}"
        )


def schema_error(
    path: Path | str, content: bytes, attributes: Mapping[str, Any]
) -> SchemaError | None:
    """Return why a store needs another tuszstore; None if it does not, or is only damaged.

    Parameters
    ----------
    path : Path or str
        For messages.
    content : bytes
        Content of the root's metadata file.
    attributes : mapping
        That stand in it.
    """
    try:
        check_version(path, attributes)
        read_spec(path, attributes)
    except SchemaError as error:
        version = attributes["schema_version"]
        known = version == SCHEMA_VERSION
        return None if not known and is_disguised(content, version, SCHEMA_VERSION) else error
    except StoreError:
        pass  # reported by the caller that opens it
    return None


def read_spec(path: Path | str, attributes: Mapping[str, Any]) -> StoreSpec:
    """Return the spec of a store.

    Parameters
    ----------
    path : Path or str
        For messages.
    attributes : mapping
        Attributes of the root.

    Raises
    ------
    StoreError
        If it is invalid.
    SchemaError
        If it requires features that this version does not know.
    """
    try:
        spec = StoreSpec.from_json(attributes.get("spec"))
    except SpecError as error:
        raise StoreError(f"{path}: is damaged: spec {error}") from error
    if unknown := spec.unknown_requirements:
        raise SchemaError(
            f"{path}: requires {', '.join(map(repr, unknown))}, which this tuszstore does not "
            "know; use a newer tuszstore"
        )
    return spec


def signature(recordings: Mapping[str, NDArray[Any]]) -> str:
    """Return the signature that all parts of a store share: a hash of the content of recordings.

    Parameters
    ----------
    recordings : mapping of str to ndarray
        ``id``, ``first_block``, ``n_blocks``, ``signal_digest`` and ``label_digest``.
    """
    names = ("id", "first_block", "n_blocks", "signal_digest", "label_digest")
    rows = zip(*(recordings[name].tolist() for name in names), strict=True)
    return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()[:32]


def check_signatures(
    path: Path | str, parts: Mapping[str, Mapping[str, Any]], root: Mapping[str, Any]
) -> None:
    """Reject an index, a signal or a root from another store.

    Each part records in its attributes the signature of its recordings and the
    digest of the store's content. They are read from the parts, not from the
    root's copy of their metadata.
    """
    recorded = {part: attributes.get("signature") for part, attributes in parts.items()}
    expected = recorded["recordings"]
    for part in ("signal", "label"):
        if recorded[part] != expected or expected is None:
            raise StoreError(
                f"{path}: {part} does not belong to this store's recordings; "
                "build it again with: tuszstore build --force"
            )
    content = {part: attributes.get("content_digest") for part, attributes in parts.items()}
    for part in ("recordings", "signal", "label", "events"):
        if content[part] != root["content_digest"]:
            raise StoreError(
                f"{path}: its root does not belong to its {part}: one is from another store; "
                "restore it, or build it again with: tuszstore build --force"
            )
    if recorded["windows"] != expected or content["windows"] != content["recordings"]:
        raise StaleIndexError(
            f"{path}: its index does not belong to its signal; "
            f"rebuild it with: tuszstore index {path}"
        )
