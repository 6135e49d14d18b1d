"""Section ``corpus``: the corpus, its patients, and the splits."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuszstore.config.section import Fraction, Section, registered
from tuszstore.registry import CORPORA

AUTO = "auto"
"""Name for recognising the corpus by its folder."""

PATIENT_RULES = ("folder", "name")
"""Values of ``corpus.patient``, besides a pattern."""


class Corpus(Section):
    """The corpus, its patients, and the assignment of recordings to splits."""

    name: str = AUTO
    """A registered corpus, or ``auto`` to recognise it by its folder."""
    patient: str | None = None
    """How patients of a plain folder are found: ``folder`` (the outermost one), ``name`` (before
    the first underscore), or a pattern with one group; null chooses by the names.
    """
    errata: Literal["correct", "none"] = "correct"
    """Whether known faults of public corpora are corrected."""
    decisions: dict[str, str] = Field(default={})
    """Choices, by key, where a public corpus allows several readings."""
    split_policy: Literal["official", "patient", "file_order", "file"] = "official"
    """Where splits come from: the corpus (``official``), a seeded share of the patients
    (``patient``), the order of the files (``file_order``), or a list (``file``).
    """
    split_file: Annotated[str, Field(min_length=1)] | None = None
    """The list of ``file``: a path, or one that comes with tuszstore, such as ``chbmit``. It
    implies that policy.
    """
    val_fraction: Fraction = 0.2
    """Share of the patients, or of the files, that make ``dev`` where splits are made."""
    split_seed: int = 42
    """Seed of the split by patients."""
    pseudonymize: bool = False
    """Whether to replace ids by keyed hashes."""

    @field_validator("name")
    @classmethod
    def _known_name(cls, value: str) -> str:
        return value if value == AUTO else registered(CORPORA, value)

    @field_validator("patient")
    @classmethod
    def _known_rule(cls, value: str | None) -> str | None:
        if value in (None, *PATIENT_RULES):
            return value
        try:
            groups = re.compile(value or "").groups
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from None
        if groups != 1:
            raise ValueError(
                f"{value!r} must be {' or '.join(PATIENT_RULES)}, or a pattern with one group, "
                "for the patient, such as ^([^/]+)/"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _file_implies_its_policy(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("split_file") and "split_policy" not in values:
            return {**values, "split_policy": "file"}
        return values

    @model_validator(mode="after")
    def _file_is_given(self) -> Self:
        if self.split_policy == "file" and self.split_file is None:
            raise ValueError(
                "split_policy 'file' needs split_file: a path or name such as 'chbmit'"
            )
        if self.split_policy != "file" and self.split_file is not None:
            raise ValueError(
                "split_file needs split_policy 'file', which is then the default, not "
                f"{self.split_policy!r}: leave that out (--split-policy)"
            )
        return self

    @model_validator(mode="after")
    def _decisions_hold(self) -> Self:
        if self.decisions and self.errata == "none":
            raise ValueError("errata is none, which also turns decisions off")
        return self
