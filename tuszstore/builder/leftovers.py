"""Folders that killed repairs and index rebuilds have left beside a store.

Each uses one hidden folder beside the store and cannot be resumed, so the next holder of the
store's lock removes it. The workplace of an interrupted build is kept, to resume it.
"""

import shutil
from pathlib import Path

from tuszstore.builder.lock import locked
from tuszstore.errors import BuildError

KINDS = ("repairing", "indexing")
"""Operations that use such a folder."""


def folder_for(store: Path, kind: str) -> Path:
    """Return the folder of one of :data:`KINDS`."""
    return store.parent / f".{store.name}.{kind}"


def remove_leftovers(store: Path) -> None:
    """Remove the remains; the caller must hold the lock of the store.

    Parameters
    ----------
    store : Path
    """
    for kind in KINDS:
        folder = folder_for(store, kind)
        if folder.is_symlink():  # not made by this program: its target must not be touched
            folder.unlink(missing_ok=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def clear_leftovers(store: Path) -> None:
    """Remove the remains, unless the store is locked.

    Parameters
    ----------
    store : Path
    """
    if not any(folder_for(store, kind).exists() for kind in KINDS):
        return
    try:
        with locked(store):
            remove_leftovers(store)
    except BuildError:
        return  # the lock's holder is using the folder, or the place is read-only
