"""Section ``labels.events``: what the words of tables and texts mean."""

from typing import Self

from pydantic import model_validator

from tuszstore.config.section import Section
from tuszstore.patterns import matcher


class EventWords(Section):
    """Words that start a seizure, end one, name one with its duration, or mean background.

    They are patterns, for the events tables of BIDS and the texts of EDF+: wildcards such as
    ``sz*``, or regular expressions after ``re:``. A pattern must match the whole text, ignoring
    case. A text that starts or ends a seizure is never a span.
    ``labels.map`` gives the class of other words.
    """

    column: str | None = None
    """Column of types in an events table; by default ``eventType``, or ``trial_type``."""
    starts: tuple[str, ...] = (r"re:(sz|seiz|seizure)[\s_.:-]*(onset|start|begin)\b.*",)
    """Texts at which a seizure starts."""
    ends: tuple[str, ...] = (r"re:(sz|seiz|seizure)[\s_.:-]*(offset|end|stop)\b.*",)
    """Texts at which it ends."""
    spans: tuple[str, ...] = ("sz*", "seiz*")
    """Texts that are a seizure, with its duration."""
    background: tuple[str, ...] = ("bckg", "background")
    """Texts that mean background."""

    @model_validator(mode="after")
    def _are_patterns(self) -> Self:
        for name in ("starts", "ends", "spans", "background"):
            try:
                matcher(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return self
