"""Section ``labels``: which annotation is read, and what its events mean."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuszstore.config.events import EventWords
from tuszstore.config.section import Section, registered
from tuszstore.registry import ANNOTATIONS

EVENT_CLASSES = (
    "seiz", "fnsz", "gnsz", "spsz", "cpsz", "absz", "tnsz", "cnsz", "tcsz", "atsz", "mysz", "nesz",
)  # fmt: skip
"""Event classes of the TUSZ documentation that are not background, in the order of their bits."""

MAX_CLASSES = 15
"""Bits of a uint16 that are left for event classes; the last one marks unlabelled samples."""


class Labels(Section):
    """Which annotation is read and what its events mean."""

    annotation: str = "csv"
    events: EventWords = EventWords()
    classes: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_CLASSES)] = EVENT_CLASSES
    seizure: Annotated[tuple[str, ...], Field(min_length=1)] = EVENT_CLASSES[:-1]
    ignore_case: bool = True
    unknown: Literal["leave_out", "background"] = "leave_out"
    unlabelled: Literal["leave_out", "keep"] = "leave_out"
    rounding: Literal["outward", "truncate"] = "outward"
    full_seizure: Annotated[float, Field(gt=0, le=1)] = 0.99

    @field_validator("annotation")
    @classmethod
    def _known_format(cls, value: str) -> str:
        return value if value == "none" else registered(ANNOTATIONS, value, "none")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names one class twice")
        if strange := [name for name in self.classes if len(name.split()) != 1 or name == "bckg"]:
            raise ValueError(f"classes must be single words other than 'bckg', not {strange}")
        if missing := [name for name in self.seizure if name not in self.classes]:
            raise ValueError(f"seizure names {missing}, which classes does not hold")
        return self

    @property
    def seizure_bits(self) -> int:
        """Mask of the label bits that count as seizure."""
        return sum(1 << self.classes.index(name) for name in self.seizure)
