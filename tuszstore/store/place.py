"""Where a store lies: in a folder of this machine, or in an object store."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tuszstore.errors import StoreError

T = TypeVar("T")

Identity = tuple[Any, ...]
"""Of an object's content: another one means that it was replaced; empty where there is none."""

ROOT = "zarr.json"
"""The root's metadata, which is written last and makes a store complete."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_MANGLED = re.compile(r"(s3|s3a|gs|az|abfss?|https?|file):/(?!/)")


class RequestError(StoreError):
    """A request that failed; `reason` says why, `missing` whether there is no such object."""

    def __init__(self, url: str, reason: str, *, missing: bool = False) -> None:
        super().__init__(f"{url}: {reason}")
        self.reason = reason
        self.missing = missing


@dataclass(frozen=True)
class Document:
    """A small file of a store, and which one it was."""

    content: bytes
    identity: Identity


class Place(Protocol):
    """Where a store lies, and how its metadata are read from there."""

    @property
    def path(self) -> Path | str:
        """For people: a folder, or a URL without credentials."""

    @property
    def remote(self) -> bool:
        """Whether each request is a round trip, so that many should be made at once."""

    def exists(self) -> bool:
        """Return whether anything is there that might be a store."""

    def sibling(self, name: str) -> "Place":
        """Return the place beside this one of another name."""

    def read(self, names: Sequence[str]) -> list[Document | None]:
        """Return small files, None for those that are not there."""

    def identity(self) -> Identity:
        """Return which root is there now."""

    def open_group(self) -> Any:
        """Return the store as a ``zarr.Group`` with consolidated metadata, to be read only."""

    def at_once(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Return what tasks return, done at the same time where that saves round trips."""

    def explain(self, error: BaseException) -> str:
        """Return what an error of reading with zarr-python says, without credentials."""

    def sizes(self) -> list[int] | None:
        """Return the sizes (bytes) of all files; None where they cannot be listed."""


class LocalPlace:
    """A folder.

    Parameters
    ----------
    path : Path
    """

    remote = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def exists(self) -> bool:
        """Return whether anything is there that might be a store."""
        return self.path.exists()

    def sibling(self, name: str) -> "LocalPlace":
        """Return the place beside this one of another name."""
        return LocalPlace(self.path.with_name(name))

    def read(self, names: Sequence[str]) -> list[Document | None]:
        """Return small files, None for those that are not there."""
        return [self._read(self.path / name) for name in names]

    def identity(self) -> Identity:
        """Return which root is there now."""
        try:
            return _identity((self.path / ROOT).stat())
        except OSError:
            return ()

    def open_group(self) -> Any:
        """Return the store as a ``zarr.Group`` with consolidated metadata, to be read only."""
        import zarr

        return zarr.open_group(self.path, mode="r", zarr_format=3, use_consolidated=True)

    def at_once(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Return what tasks return; one after the other, since nothing is waited for."""
        return [task() for task in tasks]

    def explain(self, error: BaseException) -> str:
        """Return what an error of reading with zarr-python says."""
        return f"{type(error).__name__}: {error}"

    def sizes(self) -> list[int]:
        """Return the sizes (bytes) of all files."""
        return [file.stat().st_size for file in self.path.rglob("*") if file.is_file()]

    def __reduce__(self) -> Any:
        return LocalPlace, (self.path.absolute(),)

    @staticmethod
    def _read(path: Path) -> Document | None:
        try:
            with path.open("rb") as file:
                return Document(file.read(), _identity(os.fstat(file.fileno())))
        except (OSError, ValueError):  # a name with a null byte is no name
            return None


def find_place(path: str | os.PathLike[str], store: Any = None) -> Place:
    """Return where a store lies.

    Parameters
    ----------
    path : path or str
        A folder, a URL, or with `store` a name within that.
    store : obstore store, optional

    Raises
    ------
    StoreError
        If the URL is of no known kind, or obstore is not installed.
    """
    if store is not None or is_url(path):
        from tuszstore.store.remote import RemotePlace

        if store is not None:
            return RemotePlace(store, os.fspath(path))
        url = os.fspath(path)
        if urlsplit(url).scheme.lower() != "file":
            return RemotePlace.of_url(url)
        path = _folder(url)
    return LocalPlace(Path(path))


def is_url(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the URL of a store.

    Raises
    ------
    StoreError
        If it was one before ``pathlib`` made a path of it.
    """
    text = os.fspath(path)
    if isinstance(path, PurePath) and (mangled := _MANGLED.match(text)):
        raise StoreError(
            f"{text}: is a URL that pathlib has taken for a path; give it as a string: "
            f"{mangled[1]}://..."
        )
    return _URL.match(text) is not None


def hide_credentials(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def local_folder(path: str | os.PathLike[str], what: str) -> Path:
    """Return the folder of a store that is to be written.

    Parameters
    ----------
    path : path or str
    what : str
        What is to be done there, for the message.

    Raises
    ------
    StoreError
        If it lies in an object store.
    """
    if is_url(path):
        url = os.fspath(path)
        if urlsplit(url).scheme.lower() != "file":
            raise StoreError(
                f"{hide_credentials(url)}: {what} works in a folder of this machine only; do it "
                "there, and copy the store with the tools of the object store"
            )
        path = _folder(url)
    return Path(path)


def _folder(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise StoreError(f"{url}: names another machine; a local path has three slashes: file:///")
    return url2pathname(parts.path)


def _identity(stat: os.stat_result) -> Identity:
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size
