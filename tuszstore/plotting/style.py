"""Colours and fonts of pictures, for light and dark themes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib.style

_FOCAL = ("fnsz", "spsz", "cpsz")
_GENERALISED = ("gnsz", "absz", "tnsz", "cnsz", "tcsz", "atsz", "mysz")


@dataclass(frozen=True)
class Style:
    """Colours of a picture.

    Attributes
    ----------
    paper, ink, muted, grid, second : str
        Background, text, secondary text, and lines at labelled times and at seconds.
    left, midline, right : str
        Traces.
    clipped : str
        Stretches of a trace at the limit.
    seizure, focal, generalised, other, background : str
        Event classes: ``seiz``, focal ones, generalised ones, those specific to a corpus, and those
        that do not count as seizure.
    no_seizure, partial_seizure, full_seizure, unlabelled : str
        Categories of windows.
    """

    paper: str
    ink: str
    muted: str
    grid: str
    second: str
    left: str
    midline: str
    right: str
    clipped: str
    seizure: str
    focal: str
    generalised: str
    other: str
    background: str
    no_seizure: str
    partial_seizure: str
    full_seizure: str
    unlabelled: str

    def of_class(self, label: str, *, seizure: bool = True) -> str:
        """Return the colour of an event class.

        Parameters
        ----------
        label : str
        seizure : bool
            Whether it counts as seizure.
        """
        color: str = getattr(self, tone(label, seizure=seizure))
        return color

    def of_category(self, name: str) -> str:
        """Return the colour of a category."""
        color: str = getattr(self, name)
        return color

    def of_side(self, side: str) -> str:
        """Return the colour of the traces of a side."""
        return {"left": self.left, "right": self.right}.get(side, self.midline)


def tone(label: str, *, seizure: bool = True) -> str:
    """Return the field of :class:`Style` with an event class's colour."""
    if not seizure:
        return "background"
    if label == "seiz":
        return "seizure"
    if label in _FOCAL:
        return "focal"
    return "generalised" if label in _GENERALISED else "other"


LIGHT = Style(
    paper="#ffffff", ink="#1c2430", muted="#667085", grid="#cfd5de", second="#e9ecf1",
    left="#1d4f91", midline="#3a3f47", right="#8f2d3a", clipped="#d6007f",
    seizure="#c92a2a", focal="#d9780f", generalised="#7048c6", other="#0c8599",
    background="#7b8494",
    no_seizure="#7f93ad", partial_seizure="#e09a3e", full_seizure="#c43c3c", unlabelled="#c3c9d2",
)  # fmt: skip
DARK = Style(
    paper="#14171c", ink="#e6e9ef", muted="#98a2b3", grid="#3a414d", second="#232830",
    left="#6ba4ec", midline="#aeb5c1", right="#e5848e", clipped="#ff5cb8",
    seizure="#ff6b6b", focal="#f5a54a", generalised="#a98bf0", other="#3bc9db",
    background="#8b95a5",
    no_seizure="#6f86a6", partial_seizure="#e0a04c", full_seizure="#e05555", unlabelled="#4a5260",
)  # fmt: skip

_RC = {
    "font.family": ["DejaVu Sans"],  # shipped with Matplotlib, so pictures look alike everywhere
    "font.size": 9.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "tuszstore",
    "pdf.fonttype": 42,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Make drawing and saving independent of the session's settings, without changing them."""
    with matplotlib.style.context(["default", _RC]):
        yield
