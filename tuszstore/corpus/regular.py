"""Reading regular files of a corpus.

A named pipe waits for a writer forever, and a device may be endless; either can be named like
a recording. Only regular files are opened here, and reads are bounded.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from tuszstore.errors import RecordingError

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def irregular(path: str | os.PathLike[str]) -> str:
    """Return what a path refers to if that is not a regular file; empty if it is."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if os.path.islink(path):
            return f"a link that cannot be followed ({error.strerror})"
        return f"not readable ({error.strerror})"
    return _other_kind(mode)


def open_regular(path: Path, buffering: int = -1) -> BinaryIO:
    """Open a regular file for reading, without waiting for anything else.

    Parameters
    ----------
    path : Path
    buffering : int
        As for :func:`open`.

    Raises
    ------
    RecordingError
        If it is not a regular file.
    OSError
        From the file system.
    """
    # checked before opening, since opening a device may have effects
    _require_regular(os.stat(path).st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _require_regular(os.fstat(descriptor).st_mode)  # the file may have been replaced
        file: BinaryIO = os.fdopen(descriptor, "rb", buffering)
    except BaseException:
        os.close(descriptor)
        raise
    return file


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a regular file.

    Parameters
    ----------
    path : Path
    most : int
        Maximum size (byte).

    Raises
    ------
    RecordingError
        If it is not a regular file, or is larger.
    OSError
        From the file system.
    """
    with open_regular(path) as file:
        # not most + 1 at once, which would be allocated even for small files
        size = min(os.fstat(file.fileno()).st_size, most)
        content = file.read(size + 1)
        if len(content) > size:
            content += file.read(most + 1 - len(content))
    if len(content) > most:
        raise RecordingError(f"larger than {most / 1e6:g} MB")
    return content


def _require_regular(mode: int) -> None:
    if other := _other_kind(mode):
        raise RecordingError(f"{other}, not a regular file")


def _other_kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    return _KINDS.get(stat.S_IFMT(mode), "a special file")
