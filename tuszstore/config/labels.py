"""Section ``labels``: which annotation is read, and what its events mean."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuszstore.config.events import EventWords
from tuszstore.config.section import Positive, Section, registered
from tuszstore.patterns import matcher
from tuszstore.registry import ANNOTATIONS

EVENT_CLASSES = (
    "seiz", "fnsz", "gnsz", "spsz", "cpsz", "absz", "tnsz", "cnsz", "tcsz", "atsz", "mysz", "nesz",
)  # fmt: skip
"""Event classes of the TUSZ documentation that are not background, in the order of their bits."""

MAX_CLASSES = 15
"""Bits of a uint16 available for event classes; the last one marks unlabelled samples."""

EDF_TEXTS = "edf+"
"""What ``labels.annotation`` names for texts within EDF+ files."""

BACKGROUND = "bckg"
"""What ``labels.map`` names for words that are background."""

RATER_RULES = ("any", "majority", "all")
"""Values of ``labels.rater``, besides the name of a rater."""

MAX_PATTERN = 200
"""Maximum number of characters of a pattern."""

Pattern = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN)]


class Labels(Section):
    """Which annotation is read, what its events mean, and which raters count."""

    annotation: str = "csv"
    """Format of the annotations beside the recordings, for corpora with several; ``edf+`` for
    texts within EDF+ files, of any corpus; or ``none``.
    """
    events: EventWords = EventWords()
    """Texts of BIDS and EDF+ that start a seizure, end one, are one, or mean background."""
    classes: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_CLASSES)] = EVENT_CLASSES
    """Event classes in the order of their bits; at most 15."""
    seizure: Annotated[tuple[str, ...], Field(min_length=1)] = EVENT_CLASSES[:-1]
    """The classes that count as seizure."""
    map: dict[Pattern, str] = Field(default={})
    """Patterns of words, such as ``sz_foc*``, and their class, or ``bckg``; the first
    match is used.
    """
    known_words: bool = True
    """Whether to recognise words of public corpora that are not in ``classes``."""
    ignore: tuple[Pattern, ...] = ("impd",)
    """Patterns of words whose samples are neither seizure nor background, but unlabelled."""
    ignore_case: bool = True
    """Whether classes that differ in case only are equal."""
    rater: Annotated[str, Field(min_length=1)] = "any"
    """Which raters decide: one by name, or ``any``, ``majority`` or ``all`` of them."""
    open_end: Positive | Literal["leave_out"] = 30.0
    """Duration (s) of an event with unknown end, or ``leave_out`` to exclude its recording."""
    suspicious: Literal["keep", "leave_out"] = "keep"
    """How to handle a recording with an impossible event."""
    unknown: Literal["leave_out", "background"] = "leave_out"
    """How to handle an event of an unknown class: exclude its recording, or treat it as
    background.
    """
    unlabelled: Literal["leave_out", "keep"] = "leave_out"
    """Whether recordings without annotations are stored, as unlabelled, or excluded."""
    rounding: Literal["outward", "truncate"] = "outward"
    """Which samples an event covers at its ends: all that it touches (``outward``), or complete
    ones (``truncate``).
    """
    full_seizure: Annotated[float, Field(gt=0, le=1)] = 0.99
    """Minimum fraction of seizure for a window to be ``full_seizure``."""

    @field_validator("annotation")
    @classmethod
    def _known_format(cls, value: str) -> str:
        others = (EDF_TEXTS, "none")
        return value if value in others else registered(ANNOTATIONS, value, *others)

    @field_validator("map", "ignore")
    @classmethod
    def _are_patterns(cls, value: Any) -> Any:
        matcher(value)
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes has a repeated class")
        if strange := [name for name in self.classes if len(name.split()) != 1 or name == "bckg"]:
            raise ValueError(f"classes must be single words other than 'bckg', not {strange}")
        if missing := [name for name in self.seizure if name not in self.classes]:
            raise ValueError(f"seizure names {missing}, which classes lacks")
        known = (*self.classes, BACKGROUND)
        for pattern, name in self.map.items():
            if name not in known:
                raise ValueError(
                    f"map gives {pattern!r} the class {name!r}, which is neither in classes nor "
                    f"{BACKGROUND!r}"
                )
        return self

    @property
    def seizure_bits(self) -> int:
        """Mask of the label bits that count as seizure."""
        return sum(1 << self.classes.index(name) for name in self.seizure)
