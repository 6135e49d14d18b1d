"""Digests of a store's metadata and tables, kept in its root, which detect any changed bit.

Signals and labels have their own checksums and digests. This module covers the metadata of
arrays, the files of the tables, and the root itself: its digest is computed from its text with
zeros in place of the digest. Each file has its own digest, so a reader can verify that it
was written for this root.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tuszstore.errors import StoreError
from tuszstore.store.place import ROOT, Document

ATTRIBUTE = "digests"
"""Attribute of the root that holds the digests."""

FILES = "files"
"""Key of the digests of all files but the root, and those of signal and labels."""

_UNKNOWN = "0" * 64
_NO_DIGITS = "ghijklmnopqrstuvwxyz"
_DIGEST = re.compile("[0-9a-f]{64}")
_ROOT = re.compile(rb'"root": "([0-9a-f]{64})"')
_ATTRIBUTES = re.compile(r'^ "attributes": (?=\{)', re.MULTILINE)
_BLOCKS = frozenset({"signal/c", "label/c"})


def sealed_files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that have digests in a root: name below it, and path.

    Parameters
    ----------
    path : Path
        Root of the store. Links and other non-regular files are skipped.
    """
    for folder, folders, files in os.walk(path):
        below = Path(folder).relative_to(path).as_posix()
        prefix = "" if below == "." else f"{below}/"
        folders[:] = sorted(name for name in folders if f"{prefix}{name}" not in _BLOCKS)
        for name in sorted(files):
            file = Path(folder, name)
            if f"{prefix}{name}" != ROOT and file.is_file() and not file.is_symlink():
                yield f"{prefix}{name}", file


def file_digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a store but the root, and those of signal and labels.

    Parameters
    ----------
    path : Path
        Root of the store.
    """
    digests = {}
    for name, file in sealed_files(path):
        with file.open("rb") as content:
            # names may be untrusted
            known = os.fsencode(name).decode("utf-8", "backslashreplace")
            digests[known] = hashlib.file_digest(content, "sha256").hexdigest()
    return digests


def digests_of(attributes: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the digests of files in the attributes of a root."""
    files: Mapping[str, str] = attributes[ATTRIBUTE][FILES]
    return files


def check_content(path: Path | str, name: str, content: bytes, digests: Mapping[str, str]) -> None:
    """Reject a file that was not written for a root.

    Parameters
    ----------
    path : Path or str
        Path of the store, for messages.
    name : str
        Name of the file, below the root.
    content : bytes
    digests : mapping of str to str
        From :func:`digests_of`.

    Raises
    ------
    StoreError
    """
    if hashlib.sha256(content).hexdigest() != digests.get(name):
        raise StoreError(
            f"{path}/{name}: is damaged, or from another store: its digest differs from the root. "
            f"See what is damaged with: tuszstore verify {path}. If you changed it with "
            f"another tool, recompute the checksums: tuszstore verify --reseal {path}"
        )


def check_document(
    path: Path | str, name: str, document: Document | None, attributes: Mapping[str, Any]
) -> None:
    """Reject a file, as read from a place, that was not written for a root.

    Raises
    ------
    StoreError
        If it differs, or is missing.
    """
    if document is None:
        raise StoreError(f"{path}/{name}: is missing")
    check_content(path, name, document.content, digests_of(attributes))


def check_seal(path: Path | str, content: bytes, attributes: Mapping[str, Any]) -> None:
    """Reject a root whose text was changed since its checksum was written.

    Parameters
    ----------
    path : Path or str
        Path of the store, for messages.
    content : bytes
        Content of the root's metadata file.
    attributes : mapping
        Its attributes, with digests.

    Raises
    ------
    StoreError
    """
    if not is_sealed(content, str(attributes[ATTRIBUTE].get("root"))):
        raise StoreError(
            f"{path}/{ROOT}: was changed since it was written. See what is damaged with: tuszstore "
            f"verify {path}. If another tool changed it, recompute the checksums: tuszstore "
            f"verify --reseal {path}"
        )


def attributes_digest(attributes: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the root's attributes, without the digests themselves."""
    rest = {name: value for name, value in attributes.items() if name != ATTRIBUTE}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def seal(root: dict[str, Any], files: Mapping[str, str]) -> bytes:
    """Return the text of the root's metadata with all digests in it.

    Parameters
    ----------
    root : dict
        Metadata of the root's group; its attributes are completed.
    files : mapping of str to str
        From :func:`file_digests`.
    """
    attributes = root["attributes"]
    own: dict[str, Any] = {
        FILES: dict(files),
        "attributes": attributes_digest(attributes),
        "root": _UNKNOWN,
    }
    attributes[ATTRIBUTE] = own
    for letter in _NO_DIGITS:  # zeros, and each of these, may also occur elsewhere
        own["root"] = mark = 64 * letter
        text = json.dumps(root, indent=1)
        before, _, after = text.partition(mark)
        if mark not in after:
            break
    else:
        raise StoreError("the attributes of the root hold every mark of 64 equal letters")
    own["root"] = _UNKNOWN
    digest = hashlib.sha256(f"{before}{_UNKNOWN}{after}".encode()).hexdigest()
    return f"{before}{digest}{after}".encode()


def is_sealed(content: bytes, digest: str) -> bool:
    """Return whether the text of a root's metadata is unchanged since :func:`seal`.

    Parameters
    ----------
    content : bytes
    digest : str
        The root's digest in it.
    """
    if not _DIGEST.fullmatch(digest) or content.count(digest.encode()) != 1:
        return False
    blank = content.replace(digest.encode(), _UNKNOWN.encode())
    return hashlib.sha256(blank).hexdigest() == digest


def is_disguised(content: bytes, version: int, known: int) -> bool:
    """Return whether a root states another schema version than it was sealed with.

    A bit of the version may flip: such a store is damaged, not newer.

    Parameters
    ----------
    content : bytes
        Content of the root's metadata file.
    version : int
        The stated version.
    known : int
        The version that it may have had.
    """
    stated, sealed = (f'"schema_version": {number}'.encode() for number in (version, known))
    if content.count(stated) != 1:
        return False
    before = content.replace(stated, sealed)
    return any(is_sealed(before, digest.decode()) for digest in _ROOT.findall(before))


def states_attributes(content: bytes, attributes: Mapping[str, Any]) -> bool:
    """Return whether the attributes of a root are unchanged, whatever else has changed.

    They are if they have their digest, or if only that digest was changed.

    Parameters
    ----------
    content : bytes
        Content of the root's metadata file.
    attributes : mapping
        Its attributes, with digests.
    """
    digests = attributes[ATTRIBUTE]
    told, found = str(digests.get("attributes")), attributes_digest(attributes)
    if told == found:
        return True
    if not _DIGEST.fullmatch(found) or not told.isascii() or content.count(told.encode()) != 1:
        return False
    return is_sealed(content.replace(told.encode(), found.encode()), str(digests.get("root")))


def recover_attributes(content: bytes) -> dict[str, Any] | None:
    """Return the attributes of a root that is damaged elsewhere; None if they are damaged too.

    Parameters
    ----------
    content : bytes
        Written by :func:`seal`, then damaged.
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
