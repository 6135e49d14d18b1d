"""Serving pages only to this machine.

The server listens on loopback. Its address contains a secret that is required for access, which
other users of the machine and other sites in the same browser do not know. Bokeh also checks that
each connection comes from a page of this address.
"""

import asyncio
import logging
import math
import os
import secrets
import socket
import threading
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.server.server import Server

from tuszstore.browse.document import Browser, Contents
from tuszstore.browse.montages import montages
from tuszstore.browse.places import Place, errors, seizures, windows
from tuszstore.read.selection import find_recording
from tuszstore.text import printable

if TYPE_CHECKING:
    from bokeh.document import Document
    from tornado.ioloop import IOLoop

    from tuszstore.evaluate.predictions import Predictions
    from tuszstore.facade.windows import WindowCollection
    from tuszstore.indices import Indices

HOST = "127.0.0.1"

_LOGGERS = ("tornado.access", "bokeh.server.views.ws")
"""Loggers that warn of requests without the secret, such as for an icon, and of closed tabs."""


class Browsing:
    """Pages of a store, served until they are closed; created by :meth:`tuszstore.Store.browse`.

    Attributes
    ----------
    url : str
        Address of the pages. It contains a secret: anyone on this machine who knows it can see the
        recordings.
    """

    def __init__(self, contents: Contents, port: int = 0) -> None:
        self._contents = contents
        self._started = threading.Event()
        self._loop: IOLoop | None = None
        self._error: BaseException | None = None
        self._port = _free_port(port)
        self._token = secrets.token_urlsafe(24)
        self.url = f"http://{HOST}:{self._port}/{self._token}/"
        self._thread = threading.Thread(target=self._serve, name="tuszstore-browse", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise OSError(f"cannot listen on port {self._port}: {self._error}") from self._error

    def wait(self) -> None:
        """Serve until closed or interrupted."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """Stop serving; may be called twice."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.add_callback(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Browsing {self._contents.title}: {self.url}>"

    def _repr_html_(self) -> str:
        return (
            f'<iframe src="{escape(self.url)}" width="100%" height="900" '
            'style="border: 1px solid #9ca3af"></iframe>'
        )

    def _make(self, document: "Document") -> None:
        Browser(self._contents).add_to(document)

    def _serve(self) -> None:
        own = threading.get_ident()

        def is_of_interest(record: logging.LogRecord) -> bool:
            return record.thread != own or record.levelno >= logging.ERROR

        loggers = [logging.getLogger(name) for name in _LOGGERS]
        for logger in loggers:
            logger.addFilter(is_of_interest)
        try:
            self._serve_pages()
        finally:
            for logger in loggers:
                logger.removeFilter(is_of_interest)

    def _serve_pages(self) -> None:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            server = Server(
                {"/": Application(FunctionHandler(self._make))},
                port=self._port,
                address=HOST,
                prefix=self._token,
                allow_websocket_origin=[f"{HOST}:{self._port}"],
            )
            server.start()
        except (OSError, SystemExit) as error:
            self._error = error
            self._started.set()
            loop.close()
            return
        self._loop = server.io_loop
        self._started.set()
        try:
            server.io_loop.start()
        finally:
            server.stop()
            server.io_loop.close(all_fds=True)


def browse(
    store: "WindowCollection",
    predictions: "Predictions | None" = None,
    *,
    threshold: float = 0.5,
    indices: "Indices | None" = None,
    recording: str | int | None = None,
    at: float = 0.0,
    port: int = 0,
    **options: Any,
) -> Browsing:
    """Serve pages of a store; see :meth:`tuszstore.Store.browse`."""
    if not math.isfinite(at):
        raise ValueError(f"at must be a number of seconds, not {at}")
    first = 0
    if recording is not None:
        first = find_recording(store.metadata.recordings["id"], recording)
    end = store.reader.length(first) / store.sfreq if len(store.metadata.recordings["id"]) else 0
    if not (at >= 0 and (at < end or at == end == 0)):
        id_ = store.metadata.recordings["id"][first]
        raise ValueError(f"at must be 0 or more and below the {end:g} s of {id_}, not {at:g}")
    events = None
    if predictions is not None:
        if isinstance(predictions, str | os.PathLike):
            raise TypeError(
                "predictions must be opened, not a path: "
                f"tuszstore.open_predictions({os.fspath(predictions)!r}, store=store)"
            )
        predictions.check(store)
        events = predictions.events(threshold, **options)
    listed: dict[str, Any] = {"seizures": lambda: seizures(store)}
    if predictions is not None and events is not None:
        found, detected = predictions, events
        wrong: list[tuple[list[Place], list[Place]]] = []

        def errors_of(kind: int) -> list[Place]:
            if not wrong:
                wrong.append(errors(found, detected))
            return wrong[0][kind]

        listed["misses"] = lambda: errors_of(0)
        listed["false alarms"] = lambda: errors_of(1)
    if indices is not None:
        chosen = windows(store, indices)
        listed["windows"] = lambda: chosen
    contents = Contents(
        title=_title(store),
        montages=montages(store),
        names=_names(store),
        places=listed,
        predictions=predictions,
        events=events,
        start=(first, at),
        hidden=_is_pseudonymised(store),
    )
    return Browsing(contents, port)


def _is_pseudonymised(store: "WindowCollection") -> bool:
    return any(one.attrs.get("pseudonyms") for one in getattr(store, "stores", (store,)))


def _title(store: "WindowCollection") -> str:
    split = str(store.attrs.get("split", ""))
    return f"{split} - tuszstore" if _is_pseudonymised(store) else f"{store.name} - tuszstore"


def _names(store: "WindowCollection") -> list[str]:
    """Return the displayed names of recordings: their row numbers if people are hidden."""
    table = store.metadata.recordings
    if _is_pseudonymised(store):
        return [f"recording {number}" for number in range(len(table["id"]))]
    ids = [str(name) for name in table["id"]]
    stems = [PurePosixPath(name).stem for name in ids]
    return [printable(name) for name in (stems if len(set(stems)) == len(ids) else ids)]


def _free_port(wanted: int) -> int:
    """Return a port that is free; 0 stands for any.

    Raises
    ------
    OSError
        If the port is in use, or not permitted.
    ValueError
        If there is no such port.
    """
    if not 0 <= wanted <= 65535:
        raise ValueError(f"port must be within 0 to 65535, not {wanted}")
    with socket.socket() as probe:
        # like the server: a port that was just closed counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError as error:
            raise OSError(f"cannot listen on port {wanted}: {error.strerror}") from error
        port: int = probe.getsockname()[1]
        return port
