"""Sections ``windows``, ``storage``, ``paths``, ``build``: how values lie, where, made how."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tuszstore.config.section import Positive, Section


class Windows(Section):
    """Length and stride of a window in seconds, and how overlap is stored."""

    length: Annotated[Positive, Field(le=86_400)] = 60.0
    """Of a window (s)."""
    stride: Annotated[Positive, Field(le=86_400)] = 10.0
    """From one window to the next (s)."""
    overlap: Literal["share", "duplicate"] = "share"
    """Whether windows share the blocks that they have in common, or each has its own."""


class Storage(Section):
    """How values lie on disk."""

    dtype: Literal["int16", "float32"] = "int16"
    """Of stored samples."""
    scale: Positive = 2.0**-10
    """Step of int16 samples, in standard deviations (or µV)."""
    codec: Literal["lz4", "zstd", "none"] = "lz4"
    """How blocks are compressed."""
    shard_seconds: Positive = 640.0
    """EEG of a file of the signal, at most (s)."""


class Paths(Section):
    """Where the corpus is read and the stores are written."""

    data: Path | None = None
    """Root of the corpus."""
    store: Path | None = None
    """Folder of the stores, one a split."""

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
    """Processes of the build: 0 runs in this process, null one for each core."""
    max_memory: str | None = None
    """Of all workers, such as ``8GB``; fewer are started if one needs more."""
    scheduler: str | None = None
    """Address of a Dask scheduler that is used instead of own workers."""
