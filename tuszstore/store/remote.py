"""A store in an object store, read with obstore.

See :mod:`tuszstore.store.requests` for how requests are made and cancelled. Errors name the store's
URL and a reason, without the texts of obstore, which may contain complete URLs and answers with
credentials.
"""

import contextlib
import os
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tuszstore.compat import import_obstore
from tuszstore.errors import StoreError
from tuszstore.store import requests
from tuszstore.store.files import too_large
from tuszstore.store.nearby import list_stores, no_remote_store
from tuszstore.store.place import (
    MAX_METADATA,
    ROOT,
    Document,
    Identity,
    Place,
    ReplacedError,
    RequestError,
    hide_credentials,
)
from tuszstore.store.remote_errors import (
    endpoint_fault,
    explain,
    is_answer,
    is_connection,
    lacks_bucket,
    refuses_suffixes,
)

T = TypeVar("T")

SCHEMES = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "https", "http")
"""Kinds of URLs; ``file`` is a folder."""

REQUEST_SECONDS = 180.0
"""Timeout of a request of a store opened by URL, including retries."""

RETRIES: dict[str, Any] = {
    "max_retries": 10,
    "retry_timeout": timedelta(seconds=REQUEST_SECONDS),
}
"""For stores opened by URL: obstore's defaults, some seconds without a server."""

_process: int | None = None  # the process that has obstore's threads


class RemotePlace:
    """A prefix of an object store.

    Parameters
    ----------
    objects : obstore store
    prefix : str
        Prefix of the store within it; may be empty.

    Raises
    ------
    StoreError
        If `objects` is not a store of obstore.
    MissingExtraError
        If obstore is not installed.
    """

    remote = True

    def __init__(self, objects: Any, prefix: str = "") -> None:
        import_obstore()
        if type(objects).__module__.partition(".")[0] != "obstore":
            raise StoreError(
                "store must be one of obstore.store, such as S3Store, not "
                f"{type(objects).__module__}.{type(objects).__qualname__}"
            )
        self._objects = objects
        self._prefix = prefix.strip("/")
        self._url: str | None = None
        self._seconds: float | None = None  # objects set up by a user have their own timeouts
        self._suffixes = True
        self.path = "/".join(filter(None, (public_url(objects), self._prefix)))

    @classmethod
    def of_url(cls, url: str) -> "RemotePlace":
        """Return the place of a URL, with credentials from the environment.

        Raises
        ------
        StoreError
            If obstore does not know such URLs.
        MissingExtraError
            If it is not installed.
        """
        parts = urlsplit(url)
        if parts.scheme.lower() not in SCHEMES:
            raise StoreError(
                f"{parts.scheme}://: unknown kind of store; known are "
                f"{', '.join(f'{name}://' for name in SCHEMES)} and file://"
            )
        shown = hide_credentials(url)
        if parts.query or parts.fragment:
            raise StoreError(
                f"{shown}: a store's URL has no query or fragment; for signed access pass "
                "store=, an obstore store with the credentials"
            )
        if parts.scheme.lower() in ("s3", "s3a") and (fault := endpoint_fault()):
            raise StoreError(f"{shown}: cannot be opened: {fault}")
        import_obstore()
        import obstore.store

        options: dict[str, Any] = {"retry_config": RETRIES}
        if parts.scheme.lower() == "http":
            options["client_options"] = {"allow_http": True}
        try:
            objects = obstore.store.from_url(url.rstrip("/"), **options)
        except Exception as error:  # its type depends on the kind of object store
            raise StoreError(f"{shown}: cannot be opened: {explain(error)}") from None
        place = cls(objects)
        place.path, place._url, place._seconds = shown.rstrip("/"), url, REQUEST_SECONDS
        return place

    def exists(self) -> bool:
        """Return whether a root exists."""
        return self.identity() != ()

    def sibling(self, name: str) -> "RemotePlace":
        """Return the place of another name beside this one."""
        if self._url is not None:
            return self.of_url("/".join((self._url.rstrip("/").rpartition("/")[0], name)))
        return RemotePlace(self._objects, "/".join((self._prefix.rpartition("/")[0], name)))

    def read(self, names: Sequence[str], limit: int = MAX_METADATA) -> list[Document | None]:
        """Return complete objects, None for missing ones.

        Raises
        ------
        StoreError
            If one is larger than the limit, or cannot be read.
        """
        return self.at_once([partial(self._read, name, limit) for name in names])

    def identity(self) -> Identity:
        """Return the identity of the current root."""
        try:
            return _identity(self._request(ROOT, self._objects.head_async))
        except RequestError as error:
            if error.missing:
                return ()
            raise

    def find(self, identity: Identity) -> "RemotePlace":
        """Return this place, if the store of an identity exists: objects are never moved aside.

        Raises
        ------
        ReplacedError
            If it was replaced or removed.
        """
        if self.identity() != identity:
            raise ReplacedError(self.path)
        return self

    def hold(self) -> None:
        """Return nothing: objects have no locks."""

    def of_one_store(
        self, tasks: Sequence[Callable[[Place], T]], identity: Identity = ()
    ) -> list[T]:
        """Return the results of tasks, run concurrently.

        Parameters
        ----------
        tasks : sequence of callable
            Each is called with this place.
        identity : tuple, optional
            Identity of the expected store; by default the current one.

        Raises
        ------
        ReplacedError
            If it was replaced or removed, before or meanwhile.
        """
        reads = [partial(task, self) for task in tasks]
        if not identity:
            return self.at_once(reads)
        # requested together with the others, to save a round trip
        checks: list[Callable[[], Any]] = [*reads, partial(self.find, identity)]
        try:
            return self.at_once(checks)[:-1]
        except ReplacedError:
            raise
        except Exception as error:
            # avoids waiting again for a server that did not answer
            if not (isinstance(error, RequestError) and error.unanswered):
                with contextlib.suppress(RequestError):  # the first error is closer to the cause
                    self.find(identity)
            raise

    def check_folders(self, names: Iterable[str]) -> None:
        """Do nothing: an object store has no links."""

    def open_group(self) -> Any:
        """Return the store as a ``zarr.Group`` with consolidated metadata, read-only."""
        import zarr
        from zarr.storage import ObjectStore

        objects = ObjectStore(self._objects, read_only=True)

        with self._explained(""):
            return zarr.open_group(
                objects, path=self._prefix, mode="r", zarr_format=3, use_consolidated=True
            )

    def at_once(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Return the results of tasks, run in threads; the first error cancels the others."""
        self.check_process()
        return requests.at_once(tasks)

    def explain(self, error: BaseException) -> str:
        """Return the text of an error of zarr-python, without credentials."""
        return explain(error, type(self._objects).__name__)

    def sizes(self) -> list[int] | None:
        """Return the sizes (byte) of all objects; None if they cannot be listed."""
        if urlsplit(self.path).scheme in ("http", "https"):
            return None  # web servers cannot list files
        # a prefix matches complete path segments: "a/train.zarr" does not find "a/train.zarr2/x"
        prefix = self._prefix or None

        async def listed(_: str) -> list[int]:
            return [entry["size"] async for page in self._objects.list(prefix) for entry in page]

        return self._request("", listed)

    def absent(self) -> str:
        """Return a message that there is no store here, naming those near it, if it is cheap."""
        inside, beside = self._stores_below(), list[str]()
        if not inside and self.path.endswith(".zarr"):
            with contextlib.suppress(StoreError):  # a bucket has nothing above it
                beside = self.sibling("")._stores_below()
        return no_remote_store(self.path, inside, beside)

    def _stores_below(self) -> list[str]:
        if urlsplit(self.path).scheme not in ("http", "https"):
            with contextlib.suppress(StoreError):  # credentials may allow only to read
                return self._request("", lambda key: list_stores(self._objects, key))
        return []

    def get(self, name: str, span: dict[str, int] | tuple[int, int]) -> tuple[Any, int, Identity]:
        """Return a part of an object.

        Parameters
        ----------
        name : str
        span : (int, int) or dict
            Begin and end in bytes, or ``{"suffix": n}`` for the last n.

        Returns
        -------
        content : bytes-like
            Shorter if the object is.
        size : int
            Size of the object.
        identity : Identity

        Raises
        ------
        RequestError
            If the object is missing, or the server's answer is invalid.
        """
        return self._request(name, partial(self._get, span=span))

    def check_process(self) -> None:
        """Raise an error for requests in a forked child, where they would never finish.

        obstore has threads, which a fork does not copy and which cannot be restarted.

        Raises
        ------
        StoreError
        """
        global _process
        if _process is None:
            _process = os.getpid()
        elif _process != os.getpid():
            raise StoreError(
                f"{self.path}: cannot be read in a process that was forked after its parent had "
                "read from an object store; start workers without fork, as with "
                "DataLoader(..., multiprocessing_context='spawn') or 'forkserver'"
            )

    def __reduce__(self) -> Any:
        if self._url is not None:
            return RemotePlace.of_url, (self._url,)
        return RemotePlace, (self._objects, self._prefix)

    def _read(self, name: str, limit: int) -> Document | None:
        async def get(key: str) -> Document:
            result = await self._objects.get_async(key)
            if error := too_large(f"{self.path}/{name}", result.meta["size"], limit):
                raise error
            identity = _identity(result.meta)  # first: taking the bytes may consume the result
            return Document(bytes(await result.bytes_async()), identity)

        try:
            return self._request(name, get)
        except RequestError as error:
            if error.missing:
                return None
            raise

    async def _get(self, key: str, span: Any) -> tuple[Any, int, Identity]:
        if not isinstance(span, dict):
            return await self._get_range(key, span)
        if self._suffixes:
            from obstore.exceptions import BaseError

            try:
                return await self._get_range(key, span)
            except BaseError as error:
                if not refuses_suffixes(error):
                    raise
        # Azure and some servers do not support suffix ranges: they reject them, or send the start
        meta = await self._objects.head_async(key)
        size = meta["size"]
        if size == 0:  # no range is valid
            return b"", 0, _identity(meta)
        found = await self._get_range(key, (max(0, size - span["suffix"]), size))
        self._suffixes = False  # a property of the server, not of this object
        return found

    async def _get_range(self, key: str, span: Any) -> tuple[Any, int, Identity]:
        result = await self._objects.get_async(key, options={"range": span})
        meta = result.meta
        return await result.bytes_async(), meta["size"], _identity(meta)

    def _request(self, name: str, request: Callable[[str], Coroutine[Any, Any, T]]) -> T:
        key = "/".join(filter(None, (self._prefix, name)))
        with self._explained(name):
            return requests.ask(partial(request, key), self._seconds)

    @contextlib.contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """Translate errors of an object into our own messages."""
        self.check_process()
        from obstore.exceptions import BaseError

        shown = f"{self.path}/{name}".rstrip("/")
        try:
            yield
        except FileNotFoundError as error:
            if lacks_bucket(error):
                reason = "cannot be read: there is no such bucket; check its name and the endpoint"
                raise RequestError(self.path, reason) from None
            raise RequestError(shown, "is missing", missing=True) from None
        except TimeoutError:
            raise RequestError(
                shown,
                f"cannot be read: the server did not answer in {self._seconds:g} s",
                unanswered=True,
            ) from None
        except (BaseError, OSError, ValueError) as error:
            # not `from error`: its text may contain credentials
            raise RequestError(
                self.path if is_connection(error) else shown,
                f"cannot be read: {self.explain(error)}",
                unanswered=not is_answer(error),
            ) from None


def public_url(objects: Any) -> str:
    """Return the URL of an obstore store, without credentials."""
    kind = type(objects).__name__
    if kind == "HTTPStore":
        return hide_credentials(objects.url).rstrip("/")
    scheme, container = {
        "S3Store": ("s3", "bucket"),
        "GCSStore": ("gs", "bucket"),
        "AzureStore": ("az", "container_name"),
        "LocalStore": ("file", None),
    }.get(kind, (kind.removesuffix("Store").lower(), None))
    name = objects.config.get(container, "") if container else ""
    prefix = str(getattr(objects, "prefix", None) or "").lstrip("/")
    return f"{scheme}://{name}/{prefix}" if prefix else f"{scheme}://{name}"


def _identity(meta: Any) -> Identity:
    """Return the tag of an object's content, or the best available substitute."""
    tag = meta["e_tag"] or meta["last_modified"].isoformat()
    return tag, meta["version"], meta["size"]
