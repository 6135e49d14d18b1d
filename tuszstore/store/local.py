"""A store in a local folder, which is never changed, only replaced.

See :mod:`tuszstore.store.generations` for replaced stores.
"""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tuszstore.errors import StoreError
from tuszstore.store.files import read_with_status
from tuszstore.store.generations import Held, find_generation, identity, identity_of
from tuszstore.store.limits import check_folders
from tuszstore.store.nearby import no_store
from tuszstore.store.place import MAX_METADATA, Document, Identity, Place, ReplacedError

T = TypeVar("T")


class LocalPlace:
    """A folder.

    Parameters
    ----------
    path : Path
        Made absolute, so that it does not depend on the working directory.
    """

    remote = False

    def __init__(self, path: Path) -> None:
        self.path = absolute(path)

    def exists(self) -> bool:
        """Return whether anything exists there that might be a store."""
        return self.path.exists()

    def absent(self) -> str:
        """Return a message that there is no store here, naming those near it."""
        return no_store(self.path)

    def sibling(self, name: str) -> "LocalPlace":
        """Return the place of another name beside this one."""
        return LocalPlace(self.path.with_name(name))

    def read(self, names: Sequence[str], limit: int = MAX_METADATA) -> list[Document | None]:
        """Return complete files, None for missing ones.

        Raises
        ------
        StoreError
            If one is larger than the limit, a link or a pipe, or cannot be read.
        """
        return [_read(self.path / name, limit) for name in names]

    def identity(self) -> Identity:
        """Return the identity of the current root."""
        return identity(self.path)

    def find(self, identity: Identity) -> "LocalPlace":
        """Return the current path of the store of an identity: here, or moved aside.

        Raises
        ------
        ReplacedError
            If it was removed.
        """
        found = find_generation(self.path, identity)
        if found is None:
            raise ReplacedError(self.path)
        return self if found == self.path else LocalPlace(found)

    def hold(self) -> Held:
        """Return a hold that keeps the current store while it exists."""
        return Held(self.path)

    def of_one_store(
        self, tasks: Sequence[Callable[[Place], T]], identity: Identity = ()
    ) -> list[T]:
        """Return the results of tasks, run in order, all on the same store.

        Parameters
        ----------
        tasks : sequence of callable
            Each is called with the store's path; they are called again if that changed meanwhile.
        identity : tuple, optional
            Identity of the expected store; by default the current one.

        Raises
        ------
        ReplacedError
            If it was removed.
        """
        while True:
            place = self.find(identity) if identity else self
            wanted = identity or place.identity()
            try:
                values = [task(place) for task in tasks]
            except Exception:
                if place.identity() == wanted:
                    raise
                continue  # read from another store that replaced this one meanwhile, or from both
            if place.identity() == wanted:
                return values

    def check_folders(self, names: Iterable[str]) -> None:
        """Refuse a store whose folders lead elsewhere.

        Raises
        ------
        StoreError
            Naming the link.
        """
        check_folders(self.path, names)

    def open_group(self) -> Any:
        """Return the store as a ``zarr.Group`` with consolidated metadata, read-only.

        Raises
        ------
        StoreError
            If its metadata cannot be read.
        """
        import zarr

        try:
            return zarr.open_group(self.path, mode="r", zarr_format=3, use_consolidated=True)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read: {self.explain(error)}") from error

    def at_once(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Return the results of tasks, run in order, as local reads need no overlap."""
        return [task() for task in tasks]

    def explain(self, error: BaseException) -> str:
        """Return the text of an error of zarr-python."""
        return f"{type(error).__name__}: {error}"

    def sizes(self) -> list[int]:
        """Return the sizes (bytes) of all files."""
        # strings, since pathlib takes three times as long, and a large store has 10^5 files
        files = (
            os.path.join(folder, name) for folder, _, names in os.walk(self.path) for name in names
        )
        return [status.st_size for status in map(os.lstat, files) if stat.S_ISREG(status.st_mode)]

    def __reduce__(self) -> Any:
        return LocalPlace, (self.path,)


def absolute(path: Path) -> Path:
    """Return the absolute path of a store, without resolving links.

    Raises
    ------
    StoreError
        If it is relative to a folder that was removed.
    """
    try:
        path = path.absolute()
    except FileNotFoundError:
        raise StoreError(
            f"{path}: is relative to the removed working directory; use an absolute path"
        ) from None
    # the last part is the store's name, by which its neighbours are found
    return Path(os.path.realpath(path)) if path.name in ("", "..") else path


def _read(path: Path, limit: int) -> Document | None:
    try:
        content, status = read_with_status(path, limit)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null byte
        return None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    return Document(content, identity_of(status))
