"""Sections ``windows``, ``storage``, ``paths``, ``build``: how values lie, where, made how."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tuszstore.config.section import Positive, Section


class Windows(Section):
    """Length and stride of a window in seconds, and how overlap is stored."""

    length: Annotated[Positive, Field(le=86_400)] = 60.0
    stride: Annotated[Positive, Field(le=86_400)] = 10.0
    overlap: Literal["share", "duplicate"] = "share"


class Storage(Section):
    """How values lie on disk."""

    dtype: Literal["int16", "float32"] = "int16"
    scale: Positive = 2.0**-10
    codec: Literal["lz4", "zstd", "none"] = "lz4"
    shard_seconds: Positive = 640.0


class Paths(Section):
    """Where the corpus is read and the stores are written."""

    data: Path | None = None
    store: Path | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _no_url(cls, value: Any) -> Any:
        """Refuse URLs, of which ``pathlib`` would make folders."""
        if isinstance(value, str) and "://" in value:
            raise ValueError(
                "must be a folder of this machine, not a URL; build there, and copy the store with "
                "the tools of the object store"
            )
        return value


class Build(Section):
    """How a build is run; none of it changes the result."""

    workers: Annotated[int, Field(ge=0)] | None = None
    max_memory: str | None = None
    scheduler: str | None = None
