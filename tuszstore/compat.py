"""Differences between versions of dependencies, and optional dependencies."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tuszstore.errors import MissingExtraError

EXTRAS = {
    "browse": ("bokeh",),
    "remote": ("obstore",),
    "torch": ("torch",),
    "view": ("ipykernel", "jinja2", "matplotlib", "pillow"),
}
"""Extras, and the packages that they install."""

_MODULES = {"PIL": "pillow"}
"""Modules whose packages have other names."""


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
        module = (error.name or "").partition(".")[0]
        package = _MODULES.get(module, module)
        for extra, packages in EXTRAS.items():
            if package in packages:
                raise MissingExtraError(
                    f"{package} is missing: install tuszstore with its extra {extra!r} "
                    f"(docs/start/install.md), or run `pip install {' '.join(packages)}`"
                ) from error
        raise


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
