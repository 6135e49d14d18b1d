"""A lock that prevents concurrent builds: who holds it, and whether the holder is alive.

The lock is an ``flock`` on a file beside the store, which the system releases when its holder dies.
The file names its holder. If the file system has no locks, or they do not reach other
machines, the file's time decides: the holder renews it, and is considered dead when it
is too old.
"""

import errno
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from tuszstore.errors import BuildError

BEAT_SECONDS = 15.0
"""Seconds between renewals of the lock file's time."""

STALE_SECONDS = 120.0
"""Age (s) at which a lock on another machine is considered dead; clocks may differ by as much."""

_SETTLE_SECONDS = 1.0  # until another process's write is visible, if the text decides

_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}


@dataclass(frozen=True)
class Holder:
    """Who builds a store.

    Attributes
    ----------
    host : str
    pid : int
    since : str
        When the build began, UTC.
    token : str
        Unique to this build.
    """

    host: str
    pid: int
    since: str
    token: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def lock_path(store: Path) -> Path:
    """Return the path of the file that locks a store."""
    return store.parent / f".{store.name}.lock"


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold the lock of a store.

    Parameters
    ----------
    store : Path
        Its folder is created if missing.

    Raises
    ------
    BuildError
        If another build, which is named, holds it; or if it cannot be written.
    """
    path = lock_path(store)
    try:
        store.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        file = os.fdopen(descriptor, "a+")
    except OSError as error:
        raise BuildError(f"{store.parent}: cannot be written: {error.strerror}") from error
    with file:
        supported = _flock(file, store)
        holder = _read(file)
        if holder and _lives(holder, file, supported):
            raise _refusal(store, holder)
        me = Holder(
            socket.gethostname(),
            os.getpid(),
            datetime.now(UTC).isoformat(timespec="seconds"),
            secrets.token_hex(8),
        )
        try:
            _write(file, json.dumps(asdict(me)))
        except OSError as error:
            raise BuildError(f"{path}: cannot be written: {error.strerror}") from error
        if not supported:
            time.sleep(_SETTLE_SECONDS)
            if (other := _read(file)) != me:
                raise _refusal(store, other)
        try:
            with _beating(file):
                yield
        finally:
            with suppress(OSError):  # otherwise it is recognised as that of a dead process
                _write(file, "")


def find_holder(store: Path) -> Holder | None:
    """Return who builds a store now; None if the lock was left by a process that died."""
    try:
        file = lock_path(store).open("r")
    except OSError:
        return None
    with file:
        holder = _read(file)
        supported = True
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return holder
        except OSError:
            supported = False
        return holder if holder and _lives(holder, file, supported) else None


def _flock(file: IO[str], store: Path) -> bool:
    """Lock the file; return whether the file system supports that."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _refusal(store, _read(file)) from None
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise BuildError(f"{lock_path(store)}: cannot be locked: {error.strerror}") from error
        return False
    return True


def _lives(holder: Holder, file: IO[str], supported: bool) -> bool:
    """Return whether a holder is alive although its lock does not exclude us."""
    if holder.host == socket.gethostname():
        return not supported and _is_running(holder.pid)
    return time.time() - os.fstat(file.fileno()).st_mtime < STALE_SECONDS


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # of another user
    return True


def _read(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        return Holder(**json.loads(file.read()))
    except (ValueError, TypeError):
        return None
    except OSError as error:
        raise BuildError(f"{file.name}: cannot be read: {error.strerror}") from error


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


@contextmanager
def _beating(file: IO[str]) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                os.utime(file.fileno())
            except OSError:
                return  # other machines may then consider us dead; on this one, the lock tells

    thread = threading.Thread(target=beat, name="tuszstore-lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _refusal(store: Path, holder: Holder | None) -> BuildError:
    who = str(holder) if holder else "another process"
    return BuildError(
        f"{store}: another build is running ({who}); wait for it, or end that process"
    )
