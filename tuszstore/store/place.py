"""Where a store lies, and how it is read from there."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from tuszstore.errors import StoreError

T = TypeVar("T")

Identity = tuple[Any, ...]
"""Of an object's content: another one means that it was replaced; empty where there is none."""

MAX_METADATA = 1 << 21
"""Bytes of a metadata file: 50 times a root; parsed it may take 100 times as much memory."""

ROOT = "zarr.json"
"""The root's metadata, which is written last and makes a store complete."""


class RequestError(StoreError):
    """A request that failed.

    Parameters
    ----------
    url : str
    reason : str
    missing : bool
        Whether there is no such object.
    unanswered : bool
        Whether the server said nothing: then asking it for anything else is waiting once more.
    """

    def __init__(
        self, url: str, reason: str, *, missing: bool = False, unanswered: bool = False
    ) -> None:
        super().__init__(f"{url}: {reason}")
        self.reason = reason
        self.missing = missing
        self.unanswered = unanswered


class ReplacedError(StoreError):
    """A store that is no longer there; another one may have its name."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"{path}: was rebuilt or removed since it was opened; open it again")


class ClosedError(StoreError):
    """A store that was closed, and is read all the same."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"{path}: was closed; open it again with tuszstore.open")


@dataclass(frozen=True)
class Document:
    """A file of a store, and which one it was."""

    content: bytes
    identity: Identity


class Hold(Protocol):
    """What keeps a store from being removed after another has taken its name."""

    def release(self) -> None:
        """Let it go now, rather than when this object is dropped."""


class Place(Protocol):
    """Where a store lies, or one generation of it."""

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

    def read(self, names: Sequence[str], limit: int = MAX_METADATA) -> list[Document | None]:
        """Return whole files, None for those that are not there.

        Parameters
        ----------
        names : sequence of str
        limit : int
            Largest size in bytes.

        Raises
        ------
        StoreError
            If one is larger, or cannot be read.
        """

    def identity(self) -> Identity:
        """Return which root is there now."""

    def find(self, identity: Identity) -> "Place":
        """Return where the store of an identity lies now: here, or moved aside.

        Raises
        ------
        ReplacedError
            If it is there no more.
        """

    def hold(self) -> Hold | None:
        """Return what keeps the store that is here, as long as it lives; None if nothing can."""

    def of_one_store(
        self, tasks: Sequence[Callable[["Place"], T]], identity: Identity = ()
    ) -> list[T]:
        """Return what tasks read, done at once where that saves round trips.

        Parameters
        ----------
        tasks : sequence of callable
            Each is given where the store lies, and may be called again elsewhere if another store
            took the place meanwhile.
        identity : tuple, optional
            Of the store that is meant; by default the one that is here.

        Raises
        ------
        ReplacedError
            If it is there no more.
        """

    def check_folders(self, names: Iterable[str]) -> None:
        """Refuse a store of which folders, those of groups and arrays of these names, are links.

        Raises
        ------
        StoreError
            Naming the link.
        """

    def open_group(self) -> Any:
        """Return the store as a ``zarr.Group`` with consolidated metadata, to be read only."""

    def at_once(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Return what tasks return, done at the same time where that saves round trips."""

    def explain(self, error: BaseException) -> str:
        """Return what an error of reading with zarr-python says, without credentials."""

    def sizes(self) -> list[int] | None:
        """Return the sizes (bytes) of all files; None where they cannot be listed."""


def hide_credentials(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def shown_path(path: Path | str) -> str:
    """Return a path as people know it: from the working directory on, if it lies there."""
    if isinstance(path, Path):
        with contextlib.suppress(ValueError, OSError):  # elsewhere, or the directory was removed
            return str(path.relative_to(Path.cwd()))
    return str(path)
