"""What repairs and new indexes that were killed have left beside a store.

Each is made in one hidden folder beside the store, which nothing goes on from: whoever holds the
store's lock next removes it. What an interrupted build has left is gone on from, and stays.
"""

import shutil
from pathlib import Path

from tuszstore.builder.lock import locked
from tuszstore.errors import BuildError

KINDS = ("repairing", "indexing")
"""What is done in such a folder."""


def folder_for(store: Path, kind: str) -> Path:
    """Return the folder in which one of :data:`KINDS` is done."""
    return store.parent / f".{store.name}.{kind}"


def remove_leftovers(store: Path) -> None:
    """Remove what was left; only for who holds the lock of the store.

    Parameters
    ----------
    store : Path
    """
    for kind in KINDS:
        folder = folder_for(store, kind)
        if folder.is_symlink():  # not of this program: what it leads to is not touched
            folder.unlink(missing_ok=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def clear_leftovers(store: Path) -> None:
    """Remove what was left, unless somebody is at work on the store.

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
        return  # it is the folder of who holds the lock, or nothing can be written here
