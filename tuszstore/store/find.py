"""Finding a store by path or URL."""

import os
import re
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from tuszstore.errors import StoreError
from tuszstore.store.local import LocalPlace
from tuszstore.store.place import Place, hide_credentials
from tuszstore.store.schema import ALIASES

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_MANGLED = re.compile(r"(s3|s3a|gs|az|abfss?|https?|file):/(?!/)")


def find_place(path: str | os.PathLike[str], store: Any = None) -> Place:
    """Return the place of a store.

    Parameters
    ----------
    path : path or str
        A folder, a URL, or with `store` a name within that.
    store : obstore store, optional

    Raises
    ------
    StoreError
        If the kind of URL is unknown.
    MissingExtraError
        If obstore is needed and not installed.
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


def resolve_alias(place: Place) -> Place:
    """Return the place of ``dev.zarr`` for ``val.zarr`` if only the former exists."""
    location = PurePosixPath(str(place.path))
    name = ALIASES.get(location.stem)
    if name and not place.exists():
        alias = place.sibling(f"{name}{location.suffix}")
        return alias if alias.exists() else place
    return place


def is_url(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the URL of a store.

    Raises
    ------
    StoreError
        If it was a URL before ``pathlib`` converted it.
    """
    text = os.fspath(path)
    if isinstance(path, PurePath) and (mangled := _MANGLED.match(text)):
        raise StoreError(
            f"{text}: is a URL that pathlib has converted to a path; pass it as a string: "
            f"{mangled[1]}://..."
        )
    return _URL.match(text) is not None


def local_folder(path: str | os.PathLike[str], what: str) -> Path:
    """Return the folder of a store, for reading and writing files.

    Parameters
    ----------
    path : path or str
    what : str
        The operation, for the message.

    Raises
    ------
    StoreError
        If it is in an object store.
    """
    if is_url(path):
        url = os.fspath(path)
        if urlsplit(url).scheme.lower() != "file":
            raise StoreError(
                f"{hide_credentials(url)}: {what} works only in a local folder; run it "
                "locally, and copy the store with the tools of the object store"
            )
        path = _folder(url)
    return Path(resolve_alias(LocalPlace(Path(path))).path)


def _folder(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise StoreError(f"{url}: names another machine; a local path has three slashes: file:///")
    return url2pathname(parts.path)
