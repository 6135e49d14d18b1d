"""The location of a store, and how it is read."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from tuszstore.errors import StoreError

T = TypeVar("T")

Identity = tuple[Any, ...]
"""Identity of an object's content, which changes when it is replaced; empty if it is missing."""

MAX_METADATA = 1 << 21
"""Maximum size of a metadata file (byte): 50 times a root; parsed it may be 100 times larger."""

ROOT = "zarr.json"
"""The root's metadata, which is written last and makes a store complete."""


class RequestError(StoreError):
    """A request that failed.

    Parameters
    ----------
    url : str
    reason : str
    missing : bool
        Whether the object is missing.
    unanswered : bool
        Whether the server did not answer, so that further requests would wait again.
    """

    def __init__(
        self, url: str, reason: str, *, missing: bool = False, unanswered: bool = False
    ) -> None:
        super().__init__(f"{url}: {reason}")
        self.reason = reason
        self.missing = missing
        self.unanswered = unanswered


class ReplacedError(StoreError):
    """A store that was removed or replaced."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"{path}: was rebuilt or removed since it was opened; open it again")


class ClosedError(StoreError):
    """A read from a closed store."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"{path}: was closed; open it again with tuszstore.open")


@dataclass(frozen=True)
class Document:
    """A file of a store, and its identity."""

    content: bytes
    identity: Identity


class Hold(Protocol):
    """A hold that prevents removal of a store after it is replaced."""

    def release(self) -> None:
        """Release it now, rather than when this object is deleted."""


class Place(Protocol):
    """The location of a store, or of one generation of it."""

    @property
    def path(self) -> Path | str:
        """For display: a folder, or a URL without credentials."""

    @property
    def remote(self) -> bool:
        """Whether each request is a round trip, so that many should be made at once."""

    def exists(self) -> bool:
        """Return whether anything exists there that might be a store."""

    def absent(self) -> str:
        """Return a message that there is no store here, naming those near it."""

    def sibling(self, name: str) -> "Place":
        """Return the place of another name beside this one."""

    def read(self, names: Sequence[str], limit: int = MAX_METADATA) -> list[Document | None]:
        """Return complete files, None for missing ones.

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
        """Return the identity of the current root."""

    def find(self, identity: Identity) -> "Place":
        """Return the current location of the store of an identity: here, or moved aside.

        Raises
        ------
        ReplacedError
            If it no longer exists.
        """

    def hold(self) -> Hold | None:
        """Return a hold that keeps the current store while it exists; None if impossible."""

    def of_one_store(
        self, tasks: Sequence[Callable[["Place"], T]], identity: Identity = ()
    ) -> list[T]:
        """Return the results of tasks, run concurrently if that saves round trips.

        Parameters
        ----------
        tasks : sequence of callable
            Each is called with the store's location, and may be called again with another one if
            the store is replaced meanwhile.
        identity : tuple, optional
            Identity of the expected store; by default the current one.

        Raises
        ------
        ReplacedError
            If it no longer exists.
        """

    def check_folders(self, names: Iterable[str]) -> None:
        """Reject a store if folders of its groups or these arrays are links.

        Raises
        ------
        StoreError
            Naming the link.
        """

    def open_group(self) -> Any:
        """Return the store as a ``zarr.Group`` with consolidated metadata, read-only."""

    def at_once(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Return the results of tasks, run concurrently if that saves round trips."""

    def explain(self, error: BaseException) -> str:
        """Return the text of an error of zarr-python, without credentials."""

    def sizes(self) -> list[int] | None:
        """Return the sizes (byte) of all files; None if they cannot be listed."""


def hide_credentials(url: str) -> str:
    """Return a URL without user, password, query and fragment."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def shown_path(path: Path | str) -> str:
    """Return a path for display: relative to the working directory, if it is inside it."""
    if isinstance(path, Path):
        with contextlib.suppress(ValueError, OSError):  # not below the working directory
            return str(path.relative_to(Path.cwd()))
    return str(path)
