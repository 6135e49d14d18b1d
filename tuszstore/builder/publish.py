"""From an unfinished store to the one that readers see.

A store is made under a hidden name beside its place and takes the place when it is whole. Where
the file system can, old and new are exchanged in one step; elsewhere there is an instant without
either, but never one with half a store. Before that the disk has all of it.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

from tuszstore.errors import BuildError
from tuszstore.store.generations import Held, name_aside
from tuszstore.store.metadata import read_attributes
from tuszstore.store.schema import ALIASES
from tuszstore.store.shard import sync_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def check_target(store: Path) -> None:
    """Refuse a place where something else is.

    Raises
    ------
    BuildError
        If `store` is there and is not a store of tuszstore.
    """
    if store.parent.exists() and not store.parent.is_dir():
        raise BuildError(f"{store.parent}: is a file; choose another folder with --store")
    if not os.path.lexists(store):
        return
    if not store.is_dir():
        raise BuildError(f"{store}: is a file, not a store; move it, or choose another --store")
    if any(store.iterdir()) and "schema_version" not in read_attributes(store):
        raise BuildError(
            f"{store}: is a folder, but no store of tuszstore; move it, or choose another"
        )


def publish(unfinished: Path, store: Path) -> None:
    """Put a finished store in its place; the one that was there is moved aside.

    It is for the caller to remove it, with :func:`~tuszstore.store.generations.remove_unused`, when
    he does not read it himself any more.

    Raises
    ------
    BuildError
        If it cannot be moved there.
    """
    try:
        _sync(unfinished)
        held = Held(unfinished)  # or it would be removed with what nobody reads
        # under the name which the old one will have, so that it has it from the first instant
        aside = name_aside(store)
        unfinished.rename(aside)
        if not store.exists():
            aside.rename(store)
        elif not _exchange(aside, store):
            store.rename(name_aside(store))
            aside.rename(store)
        held.release()
        _link_aliases(store)
        sync_folder(store.parent)
    except OSError as error:
        raise BuildError(f"{store}: cannot be published: {error.strerror}") from error


def _sync(path: Path) -> None:
    """Wait until the disk has all that was written to the file system of a path."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def _link_aliases(store: Path) -> None:
    """Let ``val.zarr`` be another name of ``dev.zarr``, unless something else is there."""
    for alias, name in ALIASES.items():
        link = store.parent / f"{alias}.zarr"
        if store.stem == name and not os.path.lexists(link):
            link.symlink_to(store.name)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two names in one step; False where the system has no such call."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    result = libc.renameat2(
        _AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if result == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(b))
