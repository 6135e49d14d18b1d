"""Generations of a store: the current one, and older ones that are still read.

A store is never changed, only replaced under its name. Readers hold a shared lock
on its root's metadata file. The old generation is moved to a hidden name beside it, where
its readers find it by the identity of that file, and is removed when it has no readers.
"""

import contextlib
import errno
import fcntl
import glob
import os
import shutil
import time
import weakref
from pathlib import Path

from tuszstore.store.place import ROOT, Identity

KEPT_SECONDS = 86_400
"""How long an old generation is kept if the file system has no locks to detect readers."""


def identity(path: Path) -> Identity:
    """Return the identity of a store's root; None if there is none."""
    try:
        return identity_of((path / ROOT).stat())
    except (OSError, ValueError):  # ValueError: a null byte in the name
        return ()


def identity_of(stat: os.stat_result) -> Identity:
    """Return device, number, time and size of a file: none of them changes when it is moved."""
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


def find_generation(path: Path, wanted: Identity) -> Path | None:
    """Return the current path of a generation of a store, if it still exists.

    Parameters
    ----------
    path : Path
        Name of the store.
    wanted : tuple
        Its :func:`identity` when it was opened.
    """
    # names aside are listed after the check of the store's name, so that a store moved in between
    # is found
    if wanted and identity(path) == wanted:
        return path
    return next((old for old in old_generations(path) if wanted and identity(old) == wanted), None)


def old_generations(path: Path) -> list[Path]:
    """Return the older generations of a store, the oldest first."""
    real = Path(os.path.realpath(path))
    return sorted(real.parent.glob(f".{glob.escape(real.name)}.old.*"))


def name_aside(path: Path) -> Path:
    """Return a new name for an older generation of a store."""
    return path.parent / f".{path.name}.old.{time.time_ns():020}"


class Held:
    """A shared lock on a store, until it is released or this object is dropped.

    Forked children share it; others open the store themselves.

    Parameters
    ----------
    path : Path
        Root of the store.
    """

    def __init__(self, path: Path) -> None:
        self._close: weakref.finalize[..., Held] | None = None
        try:
            # neither following links nor blocking on a pipe
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(path / ROOT, flags)
        except (OSError, ValueError):
            return  # opening the store reports the error
        self._close = weakref.finalize(self, os.close, descriptor)
        with contextlib.suppress(OSError):  # without locks, the old store is kept for a day
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def release(self) -> None:
        """Release the store: it may be removed once it is replaced."""
        if self._close is not None:
            self._close()


def remove_unused(path: Path) -> list[Path]:
    """Remove older generations of a store that are no longer read; return those that are kept.

    Parameters
    ----------
    path : Path
        Name of the store.
    """
    kept = []
    for old in old_generations(path):
        if old.is_symlink():  # the target of a link must not be removed
            with contextlib.suppress(OSError):
                old.unlink()
            continue
        if _is_read(old):
            kept.append(old)
            continue
        # the root's file first, so that a partial removal leaves no store
        with contextlib.suppress(OSError):
            (old / ROOT).unlink(missing_ok=True)
        shutil.rmtree(old, ignore_errors=True)
    return kept


def _is_read(old: Path) -> bool:
    try:
        descriptor = os.open(old / ROOT, os.O_RDWR)
    except FileNotFoundError:
        return False  # partially removed
    except OSError:
        return True  # not permitted
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return True
        moved = int(old.name.rpartition(".")[2])
        return time.time_ns() - moved < KEPT_SECONDS * 1_000_000_000
    finally:
        os.close(descriptor)
    return False
