"""From an unfinished store to the one that readers see.

A store is made under a hidden name beside its place and takes the place when it is whole. Where
the file system can, old and new are exchanged in one step; elsewhere there is an instant without
either, but never one with half a store.
"""

import ctypes
import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuszstore.corpus.splits import ALIASES
from tuszstore.errors import BuildError
from tuszstore.store.metadata import read_attributes

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


@contextmanager
def workplace(store: Path) -> Iterator[Path]:
    """Lend the hidden folder in which a store is made, to one build at a time.

    What is left in it afterwards is removed.

    Raises
    ------
    BuildError
        If another build of this store is under way, or the folder cannot be made.
    """
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        lock = (store.parent / f".{store.name}.lock").open("a")
    except OSError as error:
        raise BuildError(f"{store.parent}: cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildError(f"{store}: another build of it is under way; wait for it") from None
        unfinished = store.parent / f".{store.name}.building"
        _remove(unfinished)
        try:
            yield unfinished
        finally:
            _remove(unfinished)


def publish(unfinished: Path, store: Path) -> None:
    """Put a finished store in its place, and remove the one that was there.

    Raises
    ------
    BuildError
        If it cannot be moved there.
    """
    try:
        if not store.exists():
            unfinished.rename(store)
        elif not _exchange(unfinished, store):
            old = store.parent / f".{store.name}.old"
            _remove(old)
            store.rename(old)
            unfinished.rename(store)
            _remove(old)
        _link_aliases(store)
    except OSError as error:
        raise BuildError(f"{store}: cannot be published: {error.strerror}") from error


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


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
