"""Faults below Python: processes that die, or whose calls fail, at a chosen call of the system.

The faults are in a library that is loaded before the system's (`faults.c`); tuszstore knows nothing
of it. Linux and a C compiler are needed.
"""

import ctypes
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIBRARY = "TUSZSTORE_TORTURE_LIBRARY"
CHANGES, READS = range(2)
OFF, COUNT, KILL, FAIL_ONCE, FAIL_ALWAYS = range(5)
ERRORS = (errno.ENOSPC, errno.EIO, errno.EPERM)


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Run something in a forked process; return its wait status and what it returned."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            content = json.dumps(work())
            os.write(writer, content.encode())
            status = 0
        except BaseException as error:
            os.write(writer, json.dumps(f"{type(error).__name__}: {error}").encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        received = file.read()
    _, status = os.waitpid(child, 0)
    return status, json.loads(received) if received else None


def armed(
    mode: int,
    number: int,
    error: int,
    folder: Path,
    log: Path,
    work: Callable[[], Any],
    kind: int = CHANGES,
) -> tuple[Any, int]:
    """Do something while one change of files below a folder, or one read, goes wrong.

    Returns
    -------
    result
        Of `work`.
    counted : int
        Changes, or reads, that there were.
    """
    library = ctypes.CDLL(os.environ[LIBRARY])
    library.faults_arm(
        kind, mode, ctypes.c_long(number), error, os.fsencode(folder), os.fsencode(log)
    )
    result = work()
    counted = int(library.faults_counted())
    library.faults_arm(kind, OFF, ctypes.c_long(0), 0, b"/", b"")
    return result, counted


def must(work: Callable[[], Any]) -> Any:
    """Run something in a child that must not fail."""
    status, result = in_child(work)
    if status != 0:
        raise RuntimeError(f"without any fault: {result}")
    return result


def environment() -> dict[str, str]:
    """Return this process's environment without the library of faults."""
    return {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", LIBRARY)}


def compile_library(folder: Path) -> Path:
    """Compile `faults.c`."""
    library = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
