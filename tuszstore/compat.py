"""Differences between versions of dependencies, and optional dependencies."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tuszstore.errors import MissingExtraError

EXTRAS = {
    "PIL": "view",
    "bokeh": "browse",
    "jinja2": "view",
    "matplotlib": "view",
    "obstore": "remote",
}
"""Optional packages, and the extra that installs them."""


@contextmanager
def explain_missing() -> Iterator[None]:
    """Name the extra of a missing package that is imported in the block.

    Raises
    ------
    MissingExtraError
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise MissingExtraError(
            f"this needs {package}, which is not installed: "
            f"pip install 'tuszstore[{EXTRAS[package]}]'"
        ) from error


@cache
def standard_montage() -> Any:
    """Return MNE's montage of the 10-20 system on the Colin 27 head.

    Newer releases of MNE call it ``colin27_1020`` and warn at its old name ``standard_1020``.
    """
    import mne

    known = mne.channels.get_builtin_montages()
    name = "colin27_1020" if "colin27_1020" in known else "standard_1020"
    return mne.channels.make_standard_montage(name)


def import_obstore() -> Any:
    """Return obstore, which reads object stores.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    with explain_missing():
        import obstore
    return obstore
