"""Publishing an unfinished store: making it visible to readers.

A store is built under a hidden name beside its final path and renamed when it is complete. If the
file system supports it, old and new are exchanged atomically; otherwise there is briefly no store,
but never an incomplete one. All data are flushed to disk before that.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

from tuszstore.builder.lock import lock_path
from tuszstore.errors import BuildError
from tuszstore.store.generations import Held, name_aside
from tuszstore.store.metadata import read_attributes
from tuszstore.store.schema import ALIASES
from tuszstore.store.shard import sync_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
_PARTS = ("building", "indexing", "repairing")  # in names of hidden folders beside a store


def place_of(store: Path) -> Path:
    """Return the path of a store, resolving a link.

    A build replaces the store at the link's target, so the link is unchanged.

    Raises
    ------
    BuildError
        If the link is broken: a disk may not be mounted; or if it would be within another
        store.
    """
    for folder in store.parents:
        if "schema_version" in read_attributes(folder):
            raise BuildError(
                f"{folder}: is itself a store, and stores cannot be nested; pass the "
                f"folder that contains it: --store {folder.parent}"
            )
    if not store.is_symlink():
        return store
    real = Path(os.path.realpath(store))
    if not os.path.exists(store):
        raise BuildError(
            f"{store}: is a link to {real}, which does not exist; mount what is missing, or remove "
            "the link"
        )
    return real


def check_target(store: Path) -> None:
    """Reject a path where something else exists.

    Parameters
    ----------
    store : Path
        From :func:`place_of`.

    Raises
    ------
    BuildError
        If `store` exists but is not a store of tuszstore, or cannot be replaced.
    """
    _check_folder(store.parent)
    # the folders are renamed and removed, which must not affect targets of links
    for hidden in (lock_path(store), *(store.parent / f".{store.name}.{part}" for part in _PARTS)):
        if hidden.is_symlink():
            raise BuildError(f"{hidden}: is a link; remove it, because a build needs this path")
    if not os.path.lexists(store):
        return
    if not store.is_dir():
        raise BuildError(f"{store}: is a file, not a store; move it, or choose another --store")
    if os.path.ismount(store):
        raise BuildError(
            f"{store}: is a mount point, which cannot be replaced; mount its parent folder, "
            "or choose another --store"
        )
    if any(store.iterdir()) and "schema_version" not in read_attributes(store):
        raise BuildError(
            f"{store}: is a folder, but not a store; move it, or choose another --store"
        )


def other_alias(store: Path) -> str:
    """Return a warning if the other name of a split's store refers to another store."""
    for alias, name in ALIASES.items():
        link = store.parent / f"{alias}.zarr"
        if store.stem == name and link.exists() and not (store.exists() and link.samefile(store)):
            return f"{link} is not the same store as {store.name}, which is built; remove it"
    return ""


def _check_folder(folder: Path) -> None:
    """Reject a store root that is not a folder and cannot be created."""
    for path in (folder, *folder.parents):
        if path.is_dir():
            return
        if path.exists():
            raise BuildError(f"{path}: is a file; choose another folder with --store")
        if path.is_symlink():
            raise BuildError(
                f"{path}: is a link to {os.path.realpath(path)}, which does not exist; mount what "
                "is missing, or choose another folder with --store"
            )


def publish(unfinished: Path, store: Path) -> None:
    """Publish a finished store; the previous one is moved aside.

    The caller removes it with :func:`~tuszstore.store.generations.remove_unused` when it is
    no longer read.

    Raises
    ------
    BuildError
        If it cannot be moved.
    """
    try:
        _sync(unfinished)
        held = Held(unfinished)  # otherwise it could be removed as a generation without readers
        # under the name that the old store gets, so that readers find it there at any time
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
    """Flush the file system of a path to disk."""
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
    """Make ``val.zarr`` a link to ``dev.zarr``, unless something else has that name."""
    for alias, name in ALIASES.items():
        link = store.parent / f"{alias}.zarr"
        if store.stem == name and not os.path.lexists(link):
            link.symlink_to(store.name)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two names atomically; return False if the system cannot."""
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
