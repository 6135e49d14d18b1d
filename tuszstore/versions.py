"""Versions of an installation, for a question or the report of an error."""

import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TextIO

from tuszstore.read.decode import has_kernel

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def show_versions(file: TextIO | None = None) -> None:
    """Print the versions of tuszstore, Python, the system, and all packages that tuszstore can use.

    Nothing printed identifies a user: there are no paths and no host names.

    Parameters
    ----------
    file : file-like, optional
        Text file to print to; by default standard output.

    Examples
    --------
    >>> import tuszstore
    >>> tuszstore.show_versions()  # doctest: +SKIP
    tuszstore        0.1.0
    compiled kernel  yes
    Python           3.11.7 (CPython)
    ...
    """
    rows = [
        ("tuszstore", version("tuszstore")),
        ("compiled kernel", "yes" if has_kernel() else "no: windows are read with NumPy"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("processors", str(os.cpu_count())),
        *((name, _version(name)) for name in sorted(set(_packages()), key=str.lower)),
    ]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}", file=file or sys.stdout)


def _packages() -> Iterator[str]:
    """Yield names of required and optional packages."""
    for requirement in requires("tuszstore") or ():
        match = _NAME.match(requirement)
        if match is not None and match[0] != "tuszstore":
            yield match[0]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
