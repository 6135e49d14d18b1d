"""Caches of a user, shared by the processes of a machine.

A column of ten million windows takes 80 MB in each process of a training. A large column is
therefore decoded once into a file that all processes map, so that it is in memory only once. The
file's name is derived from the digests of the column's files, and its checksum is verified when it
is mapped.
"""

import contextlib
import hashlib
import mmap
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.shard import CRC, checksum_of

CACHE = "TUSZSTORE_CACHE"
"""Environment variable with the cache folder; by default the
platform's folder for a user's caches."""

LEAST = 1 << 22
"""Minimum size of a shared column (byte)."""


def cache_folder() -> Path:
    """Return the cache folder."""
    given = os.environ.get(CACHE)
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("tuszstore", appauthor=False))


def shared_column(
    digests: Iterable[str],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    read: Callable[[], NDArray[Any]],
) -> NDArray[Any]:
    """Return a column that all processes of this user share, decoded if not yet cached.

    Parameters
    ----------
    digests : iterable of str
        Digests of the files that contain the column.
    shape : tuple of int
    dtype : numpy.dtype
    read : callable
        Decodes the column.

    Returns
    -------
    ndarray
        Changes stay in this process. If the file cannot be written, the result of `read`.
    """
    text = f"{dtype.str} {shape} {' '.join(digests)}"
    name = hashlib.sha256(text.encode()).hexdigest()[:40]
    try:
        path = cache_folder() / "columns" / name
        found = _mapped(path, shape, dtype)
        if found is None:
            if path.exists():  # damaged
                path.unlink(missing_ok=True)
            _write(path, read())
            found = _mapped(path, shape, dtype)
    except OSError:
        found = None
    return read() if found is None else found


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return the content of a file; None if it is absent, owned by another user, or damaged."""
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(descriptor)
        if status.st_size != n_bytes + CRC or status.st_uid != os.getuid():
            return None
        mapping = mmap.mmap(descriptor, 0, flags=mmap.MAP_PRIVATE, prot=_READ_AND_CHANGE)
    finally:
        os.close(descriptor)
    view = memoryview(mapping)
    if checksum_of(view[:n_bytes]) != view[n_bytes:]:
        return None
    values: NDArray[Any] = np.frombuffer(mapping, dtype, int(np.prod(shape))).reshape(shape)
    return values


def _write(path: Path, values: NDArray[Any]) -> None:
    """Write a column to a temporary file, and link it to its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = np.ascontiguousarray(values)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.data.cast("B"))
            file.write(checksum_of(content.data.cast("B")))
        # must not replace a file that another process has just written and mapped
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(name)
    finally:
        with contextlib.suppress(OSError):
            Path(name).unlink(missing_ok=True)


_READ_AND_CHANGE = getattr(mmap, "PROT_READ", 1) | getattr(mmap, "PROT_WRITE", 2)
