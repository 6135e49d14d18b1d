"""A web server for a folder in a separate process, with the latency of an object store.

    python -m benchmarks.object_server FOLDER --delay 0.02

It prints its URL; `/requests` below it returns the number of requests. Requests wait concurrently,
as with an object store, and the operating system sends the files, so that the server takes little
time from the measured process on the same machine.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote
from urllib.request import urlopen

import click

COUNT = "/requests"
"""Path that returns the number of requests so far, without this one."""


def n_requests(url: str) -> int:
    """Return how many requests a server has had."""
    with urlopen(url + COUNT) as answer:
        return int(answer.read())


@contextmanager
def served(folder: Path, delay: float) -> Iterator[str]:
    """Serve a folder from another process; yields the URL.

    Parameters
    ----------
    folder : Path
    delay : float
        Seconds before each answer.
    """
    command = [sys.executable, "-m", "benchmarks.object_server", str(folder), "--delay", str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def serve(folder: Path, delay: float) -> None:
    """Serve a folder until the process ends.

    Parameters
    ----------
    folder : Path
    delay : float
        Seconds before each answer.
    """
    count = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                if head[0].startswith(f"GET {COUNT} "):
                    text = str(count).encode()
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text
                    )
                    continue
                count += 1
                await asyncio.sleep(delay)
                await _answer(folder, head, writer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


async def _answer(folder: Path, head: list[str], writer: asyncio.StreamWriter) -> None:
    method, target, _ = head[0].split(" ", 2)
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    try:
        file = (folder / unquote(target).lstrip("/")).open("rb")
    except OSError:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    with file:
        stat = os.fstat(file.fileno())
        begin, end, status = 0, stat.st_size, "200 OK"
        if span := headers.get("range"):
            first, _, last = span.removeprefix("bytes=").partition("-")
            begin = int(first) if first else max(0, end - int(last))
            end = min(end, int(last) + 1) if first and last else end
            status = "206 Partial Content"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {end - begin}\r\n"
            f"Content-Range: bytes {begin}-{end - 1}/{stat.st_size}\r\n"
            f'ETag: "{stat.st_ino:x}-{stat.st_mtime_ns:x}"\r\nAccept-Ranges: bytes\r\n'
            f"Last-Modified: {formatdate(stat.st_mtime, usegmt=True)}\r\n\r\n".encode()
        )
        await writer.drain()
        if method != "HEAD" and end > begin:
            await asyncio.get_running_loop().sendfile(
                writer.transport, file, begin, end - begin, fallback=True
            )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--delay", default=0.02, show_default=True, help="Seconds before each answer.")
def main(folder: Path, delay: float) -> None:
    """Serve a folder on this machine."""
    asyncio.run(serve(folder, delay))


if __name__ == "__main__":
    main()
