"""Sections ``windows``, ``storage``, ``paths``, ``build``: the layout of a store and its build."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tuszstore.config.section import Positive, Section


class Windows(Section):
    """Length and stride of a window in seconds, and how overlap is stored."""

    length: Annotated[Positive, Field(le=86_400)] = 60.0
    """Length of a window (s)."""
    stride: Annotated[Positive, Field(le=86_400)] = 10.0
    """Distance between the starts of windows (s)."""
    overlap: Literal["share", "duplicate"] = "share"
    """Whether overlapping windows share blocks, or each has its own."""


class Storage(Section):
    """How values are stored."""

    dtype: Literal["int16", "float32"] = "int16"
    """Data type of stored samples."""
    scale: Positive = 2.0**-10
    """Step of int16 samples, in standard deviations (or µV)."""
    codec: Literal["lz4", "zstd", "none"] = "lz4"
    """How blocks are compressed."""
    shard_seconds: Positive = 640.0
    """Maximum duration of EEG in one file of the signal (s)."""


class Paths(Section):
    """Where the corpus and the stores are."""

    data: Path | None = None
    """Root of the corpus."""
    store: Path | None = None
    """Folder of the stores, one per split."""

    @field_validator("*", mode="before")
    @classmethod
    def _no_url(cls, value: Any) -> Any:
        """Reject URLs, which ``pathlib`` would turn into folders."""
        if isinstance(value, str) and "://" in value:
            raise ValueError(
                "must be a local folder, not a URL; build locally, and copy the store with "
                "the tools of the object store"
            )
        return value


class Build(Section):
    """How a build is run; this does not affect the result."""

    workers: Annotated[int, Field(ge=0)] | None = None
    """Worker processes; 0 runs in this process, and null means 0 below 10 h, else one per core."""
    max_memory: str | None = None
    """Memory for all workers, such as ``8GB``; fewer are started if each needs more."""
    scheduler: str | None = None
    """Address of a Dask scheduler to use instead of local workers."""
