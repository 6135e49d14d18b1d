"""Digests of a store's metadata and tables, kept in its root: no changed bit of them passes.

Signals and labels have checksums and digests of their own. What is left are the documents that say
how arrays lie, the tables, and the root itself, whose digest is that of its text with zeros in the
digest's place.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuszstore.store.schema import TABLES, VARIABLES

ATTRIBUTE = "digests"
"""Attribute of the root that holds the digests."""

METADATA = "metadata"
"""Digest of the metadata of all groups and arrays below the root."""

CONTENTS = ("channel", *TABLES)
"""Arrays and tables whose values have a digest each."""

_UNKNOWN = "0" * 64
_DIGEST = re.compile("[0-9a-f]{64}")
_ATTRIBUTES = re.compile(r'^ "attributes": (?=\{)', re.MULTILINE)


def part_digests(path: Path) -> dict[str, str]:
    """Return the digests of all parts of a store but its root.

    Parameters
    ----------
    path : Path
        Root of the store.
    """
    return {part: part_digest(path, part) for part in (METADATA, *CONTENTS)}


def part_digest(path: Path, part: str) -> str:
    """Return the SHA-256 of names and contents of a part's files.

    Parameters
    ----------
    path : Path
        Root of the store.
    part : str
        :data:`METADATA`, or one of :data:`CONTENTS`.
    """
    if part == METADATA:
        nodes = sorted({*TABLES, *(variable.path for variable in VARIABLES)})
        files = [path / node / "zarr.json" for node in nodes]
    else:
        arrays = [v.path for v in VARIABLES if part in (v.path, v.group)]
        files = sorted(file for array in arrays for file in (path / array / "c").rglob("*"))
    digest = hashlib.sha256()
    for file in files:
        if file.is_symlink() or not file.is_file():
            continue
        with file.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        name = os.fsencode(file.relative_to(path).as_posix())  # which anyone may have chosen
        digest.update(name + f"\0{found}\n".encode())
    return digest.hexdigest()


def attributes_digest(attributes: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the root's attributes, but for the digests themselves."""
    rest = {name: value for name, value in attributes.items() if name != ATTRIBUTE}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def seal(root: dict[str, Any], parts: Mapping[str, str]) -> bytes:
    """Return the text of the root's metadata with all digests in it.

    Parameters
    ----------
    root : dict
        Metadata of the root's group; its attributes are completed.
    parts : mapping of str to str
        As :func:`part_digests` gives them.
    """
    attributes = root["attributes"]
    attributes[ATTRIBUTE] = {
        **parts,
        "attributes": attributes_digest(attributes),
        "root": _UNKNOWN,
    }
    text = json.dumps(root, indent=1)
    return text.replace(_UNKNOWN, hashlib.sha256(text.encode()).hexdigest()).encode()


def is_sealed(content: bytes, digest: str) -> bool:
    """Return whether the text of a root's metadata is as :func:`seal` wrote it.

    Parameters
    ----------
    content : bytes
    digest : str
        The root's digest that stands in it.
    """
    if not _DIGEST.fullmatch(digest) or content.count(digest.encode()) != 1:
        return False
    blank = content.replace(digest.encode(), _UNKNOWN.encode())
    return hashlib.sha256(blank).hexdigest() == digest


def states_attributes(content: bytes, attributes: Mapping[str, Any]) -> bool:
    """Return whether the attributes of a root are as they were written, whatever else was changed.

    They are if they have their digest, or if nothing but that digest was changed.

    Parameters
    ----------
    content : bytes
        Of the root's metadata file.
    attributes : mapping
        That stand in it, with digests.
    """
    digests = attributes[ATTRIBUTE]
    told, found = str(digests.get("attributes")), attributes_digest(attributes)
    if told == found:
        return True
    if not _DIGEST.fullmatch(found) or not told.isascii() or content.count(told.encode()) != 1:
        return False
    return is_sealed(content.replace(told.encode(), found.encode()), str(digests.get("root")))


def recover_attributes(content: bytes) -> dict[str, Any] | None:
    """Return the attributes of a root whose text is damaged elsewhere; None if they are as well.

    Parameters
    ----------
    content : bytes
        As :func:`seal` wrote it, but for the damage.
    """
    text = content.decode("utf-8", "replace")
    if (start := _ATTRIBUTES.search(text)) is None:
        return None
    try:
        attributes, _ = json.JSONDecoder().raw_decode(text, start.end())
    except (ValueError, RecursionError):
        return None
    digests = attributes.get(ATTRIBUTE)
    if not isinstance(digests, dict) or digests.get("attributes") != attributes_digest(attributes):
        return None
    found: dict[str, Any] = attributes
    return found
