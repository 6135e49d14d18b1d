"""A web server of a folder that answers range requests, and counts, delays or spoils them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

Fault = Callable[["Request"], int | None]
"""Takes a request; returns an HTTP status to answer, -1 to break off, None to serve."""


@dataclass(frozen=True)
class Request:
    """What was asked for."""

    method: str
    path: str
    range: str | None
    number: int


@dataclass
class ObjectServer:
    """Where the server is, what was asked of it, and how it is to behave."""

    root: Path
    url: str
    requests: list[Request] = field(default_factory=list)
    most_at_once: int = 0
    delay: float = 0.0
    etags: bool = True
    ranges: bool = True
    suffixes: bool = True
    suffixes_are_starts: bool = False
    missing: str = ""
    fault: Fault = lambda _: None

    def forget(self) -> None:
        """Count from here on."""
        self.requests.clear()
        self.most_at_once = 0


@contextmanager
def serve(root: Path) -> Iterator[ObjectServer]:
    """Serve a folder on this machine for as long as the context lasts."""
    lock = threading.Lock()
    under_way = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            nonlocal under_way
            with lock:
                request = Request(
                    self.command, unquote(self.path), self.headers["Range"], len(server.requests)
                )
                server.requests.append(request)
                under_way += 1
                server.most_at_once = max(server.most_at_once, under_way)
            try:
                time.sleep(server.delay)
                self.answer(request)
            finally:
                with lock:
                    under_way -= 1

        do_HEAD = do_PUT = do_GET

        def answer(self, request: Request) -> None:
            status = server.fault(request)
            path = server.root / request.path.lstrip("/")
            if status is None and not path.is_file():
                status = 404
            if status is not None and status > 0:
                said = server.missing.encode() if status == 404 else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(said)
                return
            content, stat = path.read_bytes(), path.stat()
            begin, end = 0, len(content)
            suffix = (request.range or "").startswith("bytes=-")
            if request.range and server.ranges and (server.suffixes or not suffix):
                first, _, last = request.range.removeprefix("bytes=").partition("-")
                if suffix and server.suffixes_are_starts:
                    first = "0"
                begin = int(first) if first else max(0, end - int(last))
                end = min(end, int(last) + 1) if first and last else end
                if begin >= end:
                    self.send_response(416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(end - begin))
            if server.etags:
                self.send_header("ETag", f'"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"')
                self.send_header("Last-Modified", formatdate(stat.st_mtime, usegmt=True))
            self.end_headers()
            if self.command == "HEAD":
                return
            if status == -1:
                self.wfile.write(content[begin : (begin + end) // 2])
                self.close_connection = True
            else:
                self.wfile.write(content[begin:end])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: object) -> None:
            """Say nothing of clients that went away."""

    http = Server(("127.0.0.1", 0), Handler)
    server = ObjectServer(root, f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
