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
    starts: tuple[str, ...] = (r"re:(sz|seiz|seizure)[\s_.:-]*(onset|start|begin)\b.*",)
    ends: tuple[str, ...] = (r"re:(sz|seiz|seizure)[\s_.:-]*(offset|end|stop)\b.*",)
    spans: tuple[str, ...] = ("sz*", "seiz*")
    background: tuple[str, ...] = ("bckg", "background")

    @model_validator(mode="after")
    def _are_patterns(self) -> Self:
        for name in ("starts", "ends", "spans", "background"):
            try:
                matcher(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return self
