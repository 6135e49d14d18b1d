"""Base of the sections of a configuration."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from tuszstore.errors import ConfigError
from tuszstore.registry import Registry

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


def registered(registry: Registry, name: str, *others: str) -> str:
    """Return a registered name; `others` are further valid values, for messages."""
    try:
        return registry.check(name)
    except ConfigError as error:
        more = f" (or {', '.join(others)})" if others else ""
        raise ValueError(f"{error}{more}") from None


class Section(BaseModel):
    """Keys of one topic: immutable, rejecting unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # some values are dicts

    @field_validator("*", mode="before")
    @classmethod
    def _no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Reject ``yes`` in place of a number, since it would be read as 1."""
        field = cls.model_fields.get(info.field_name or "")
        if isinstance(value, bool) and field and field.annotation is not bool:
            raise ValueError(f"must not be {str(value).lower()}")
        return value
