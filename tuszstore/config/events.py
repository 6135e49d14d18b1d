"""Section ``labels.events``: what the words of tables and texts mean."""

from typing import Self

from pydantic import model_validator

from tuszstore.config.section import Section
from tuszstore.patterns import matcher


class EventWords(Section):
    """Which words start a seizure, end one, name one with its length, or are background.

    They are patterns as of :func:`tuszstore.patterns.matcher`, for the events tables of BIDS and
    the texts of EDF+. A text that starts or ends a seizure is no span, whatever it meets beside.
    The class of other words, ``labels.map`` tells.
    """

    column: str | None = None
    """Column of an events table that names types; else ``eventType``, or ``trial_type``."""
    starts: tuple[str, ...] = (r"re:(sz|seiz|seizure)[\s_.:-]*(onset|start|begin)\b.*",)
    """Texts at which a seizure starts."""
    ends: tuple[str, ...] = (r"re:(sz|seiz|seizure)[\s_.:-]*(offset|end|stop)\b.*",)
    """Texts at which it ends."""
    spans: tuple[str, ...] = ("sz*", "seiz*")
    """Texts that are a seizure, with its duration."""
    background: tuple[str, ...] = ("bckg", "background")
    """Texts that say that somebody looked."""

    @model_validator(mode="after")
    def _are_patterns(self) -> Self:
        for name in ("starts", "ends", "spans", "background"):
            try:
                matcher(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return self
