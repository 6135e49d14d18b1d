"""Files that annotate many recordings: parsed once, and again after a change.

A corpus object may outlive a build, and a file may be corrected before the next one.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from tuszstore.corpus.regular import read_regular
from tuszstore.errors import RecordingError

T = TypeVar("T")


class Parsed(Generic[T]):
    """Parsed files, by path.

    Parameters
    ----------
    parse : callable
        Takes content and name of a file; raises RecordingError if it cannot be parsed.
    most : int
        Maximum size of a file (byte).
    """

    def __init__(self, parse: Callable[[bytes, str], T], most: int) -> None:
        self._parse = parse
        self._most = most
        self._known: dict[Path, tuple[tuple[int, ...], T | RecordingError]] = {}

    def __call__(self, path: Path) -> T:
        """Return the content of a file, parsed.

        Raises
        ------
        FileNotFoundError
            If it does not exist.
        RecordingError
            If it cannot be read or understood; the text names it.
        """
        try:
            stat = os.stat(path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unreadable(path, error) from error
        state = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        before = self._known.get(path)
        if before is None or before[0] != state:
            before = self._known[path] = (state, self._read(path))
        if isinstance(before[1], RecordingError):
            raise before[1].with_traceback(None)
        return before[1]

    def _read(self, path: Path) -> T | RecordingError:
        try:
            content = read_regular(path, self._most)
        except FileNotFoundError:
            raise
        except OSError as error:
            return _unreadable(path, error)
        except RecordingError as error:
            return RecordingError(f"{path.name}: {error}")
        try:
            return self._parse(content, path.name)
        except RecordingError as error:
            return error


def _unreadable(path: Path, error: OSError) -> RecordingError:
    return RecordingError(f"{path.name}: cannot be read: {error.strerror or error}")
