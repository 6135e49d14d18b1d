"""Reading untrusted files of a store: no links, no pipes, bounded size."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from tuszstore.errors import StoreError
from tuszstore.store.place import MAX_METADATA


def read_file(path: Path, limit: int | None = None) -> bytes:
    """Return the content of a regular file.

    Parameters
    ----------
    path : Path
    limit : int, optional
        Largest size in bytes.

    Raises
    ------
    OSError
        If it is missing or cannot be read.
    StoreError
        If it is a link, not a file, or larger.
    """
    return read_with_status(path, limit)[0]


def read_with_status(path: Path, limit: int | None = None) -> tuple[bytes, os.stat_result]:
    """Return the content and the status of a regular file.

    Parameters
    ----------
    path : Path
    limit : int, optional
        Largest size in bytes.

    Raises
    ------
    OSError, StoreError
        As :func:`read_file`.
    """
    descriptor = _open_file(path)
    with open(descriptor, "rb") as file:
        status = _status(descriptor, path, limit)
        return file.read(status.st_size), status


def read_tail(path: Path, n_bytes: int, limit: int) -> tuple[bytes, int]:
    """Return the last bytes of a regular file, and its size.

    Parameters
    ----------
    path : Path
    n_bytes : int
        Number of bytes; all, if the file has fewer.
    limit : int
        Largest size of the file in bytes.

    Raises
    ------
    OSError, StoreError
        As :func:`read_file`.
    """
    descriptor = _open_file(path)
    try:
        size = _status(descriptor, path, limit).st_size
        return os.pread(descriptor, n_bytes, max(0, size - n_bytes)), size
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a metadata file.

    Raises
    ------
    OSError
        If it is missing or cannot be read.
    StoreError
        If it is too large, or not a JSON object.
    """
    return parse_json(read_file(path, MAX_METADATA), path)


def parse_json(content: bytes, path: Path | str) -> dict[str, Any]:
    """Return the object in the content of a metadata file.

    Raises
    ------
    StoreError
        If it is not a JSON object.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise StoreError(f"{path}: is not a JSON object")
    return value


def too_large(path: Path | str, size: int, limit: int | None) -> StoreError | None:
    """Return the error of a file that is too large, or None."""
    if limit is None or size <= limit:
        return None
    return StoreError(f"{path}: has {size} bytes, more than {limit}")


def _open_file(path: Path) -> int:
    # a pipe without a writer would block, a device might never end
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        if path.is_symlink():
            raise StoreError(f"{path}: is a link; a store must not contain links") from None
        raise


def _status(descriptor: int, path: Path, limit: int | None) -> os.stat_result:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path}: is not a file")
    if error := too_large(path, status.st_size, limit):
        raise error
    return status
