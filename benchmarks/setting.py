"""The size of a run of the benchmarks, and the state shared by its workloads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, own_versions, setting


@dataclass(frozen=True)
class Size:
    """The extent of a run.

    Attributes
    ----------
    name : str
    files : int
        Recordings for the workloads of reading.
    minutes : float
        Length of a recording.
    rounds, loader_rounds : int
        Rounds of reading, and of slower workloads: torch's loader, growing stores, recordings of
        several lengths, and other windows.
    seconds : float
        Duration of a measurement of reading.
    batch : int
        Windows per batch.
    loader_batches : int
        Batches of 32 per epoch of torch's loader.
    build_files, build_rounds : int
        Recordings to build, of the same length, and rounds of building.
    growth, index : tuple of int
        Numbers of windows of these workloads.
    lengths : tuple of float
        Minutes of recordings.
    geometries : tuple of (float, float)
        Length and stride of windows (s).
    remote_batches : int
        Batches read from the server after the first.
    memory_minutes : float
        Length of the recordings for measuring the memory of a build.
    recordings : tuple of int
        Numbers of recordings to plan.
    """

    name: str
    files: int
    minutes: float
    rounds: int
    loader_rounds: int
    seconds: float
    batch: int
    loader_batches: int
    build_files: int
    build_rounds: int
    growth: tuple[int, ...]
    index: tuple[int, ...]
    lengths: tuple[float, ...]
    geometries: tuple[tuple[float, float], ...]
    remote_batches: int
    memory_minutes: float
    recordings: tuple[int, ...]


SIZES = {
    size.name: size
    for size in (
        Size(
            "smoke", files=4, minutes=8, batch=16, rounds=2, loader_rounds=1, build_rounds=1,
            seconds=0.15, loader_batches=6, build_files=3, memory_minutes=5,
            recordings=(500, 2_000),
            growth=(1_000, 10_000), index=(10_000, 100_000), lengths=(5, 10),
            geometries=((60, 10), (10, 5)), remote_batches=4,
        ),
        Size(
            "small", files=8, minutes=20, batch=64, rounds=5, loader_rounds=3, build_rounds=3,
            seconds=1.0, loader_batches=160, build_files=6, memory_minutes=60,
            recordings=(1_000, 10_000),
            growth=(1_000, 10_000, 100_000, 1_000_000),
            index=(10_000, 100_000, 1_000_000, 10_000_000), lengths=(5, 15, 30, 60, 120),
            geometries=((60, 10), (60, 60), (30, 10), (10, 10), (10, 5), (4, 2)),
            remote_batches=12,
        ),
        Size(
            "large", files=24, minutes=30, batch=64, rounds=7, loader_rounds=5, build_rounds=3,
            seconds=3.0, loader_batches=400, build_files=12, memory_minutes=60,
            recordings=(10_000, 100_000),
            growth=(1_000, 10_000, 100_000, 1_000_000),
            index=(10_000, 100_000, 1_000_000, 10_000_000), lengths=(5, 15, 30, 60, 120),
            geometries=((60, 10), (60, 60), (30, 10), (20, 5), (10, 10), (10, 5), (4, 2)),
            remote_batches=24,
        ),
    )
}  # fmt: skip
"""All sizes by name."""


@dataclass(frozen=True)
class Prepared:
    """An engine with its windows stored.

    Attributes
    ----------
    path : str
        Path that the engine opens.
    stored : int
        Size of all its files (bytes).
    versions : dict of str to str
    python : str
        Path of its interpreter.
    """

    path: str
    stored: int
    versions: dict[str, str]
    python: str


@dataclass(frozen=True)
class Setting:
    """State shared by workloads.

    Attributes
    ----------
    size : Size
    scratch : Path
        Folder for files, removed afterwards.
    corpus : Path
        EDF files with annotations.
    source : Path
        Folder of a :class:`benchmarks.source.Source`.
    engines : mapping of str to Prepared
        Available engines, by name.
    say : callable
        Called with lines on the progress.
    """

    size: Size
    scratch: Path
    corpus: Path
    source: Path
    engines: Mapping[str, Prepared]
    say: Callable[[str], None]
    common: Mapping[str, Any] = field(default_factory=setting)

    def row(self, **values: Any) -> Row:
        """Return a row with the place and time of the measurement."""
        return Row(**values, setting=dict(self.common))

    def own_row(self, workload: str, number: int, **values: Any) -> Row:
        """Return a row for a round of measuring tuszstore itself."""
        return self.row(
            workload=workload,
            engine="tuszstore",
            title="tuszstore",
            kind="own",
            round=number,
            versions=dict(own_versions()),
            **values,
        )
