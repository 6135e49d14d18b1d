"""Rows with one measurement each, and files of rows: one JSON object per line."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

_PACKAGES = ("tuszstore", "numpy", "scipy", "mne", "zarr", "numcodecs", "dask", "torch")


@dataclass(frozen=True)
class Row:
    """One engine, workload and round; inapplicable or unknown values are None.

    Attributes
    ----------
    workload, engine, title : str
        Names of workload and engine, and the engine's name in tables.
    round : int
        From 1; 0 for a row without a measurement.
    status : {"ok", "absent", "failed", "unsupported"}
    reason : str
        Why there is no measurement.
    kind : {"own", "compressed", "bare", ""}
        Kind of storage of the engine.
    order : {"given", "own", ""}
        Whether the order of windows is given, or the engine's own.
    variant : str
        Another parameter that was varied, such as ``10 min``.
    size : float
        The same as a number, if a fit over it is made.
    windows, seconds : float
        Measured.
    rate : float
        Windows per second.
    of_limit : float
        Ratio to the rate of the upper bound in the same round.
    read_per_byte, disk_per_byte : float
        Bytes read by system calls, and from the device, for each byte delivered as float32.
    first_batch : float
        Seconds to the first batch, including opening if the workload opens.
    anonymous, mapped : int
        Peak memory (bytes): private, and of mapped files that the system may reclaim.
    stored : int
        Size on disk of the engine's files (bytes).
    cache_dropped : bool
        Whether the system was asked to drop the files from its cache.
    values : dict
        Further measurements of the workload.
    versions : dict of str to str
    setting : dict
        Processor, cores, system, Python, date, and size of the run.
    """

    workload: str
    engine: str
    title: str
    round: int
    status: Literal["ok", "absent", "failed", "unsupported"] = "ok"
    reason: str = ""
    kind: str = ""
    order: str = ""
    variant: str = ""
    size: float | None = None
    windows: float | None = None
    seconds: float | None = None
    rate: float | None = None
    of_limit: float | None = None
    read_per_byte: float | None = None
    disk_per_byte: float | None = None
    first_batch: float | None = None
    anonymous: int | None = None
    mapped: int | None = None
    stored: int | None = None
    cache_dropped: bool | None = None
    values: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    setting: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """Return the row as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, line: str) -> Self:
        """Parse a row from a line."""
        return cls(**json.loads(line))


def read_rows(path: Path) -> list[Row]:
    """Read a file of rows."""
    return [Row.parse(line) for line in path.read_text().splitlines() if line.strip()]


def of(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows whose attributes have these values."""
    return [row for row in rows if all(getattr(row, k) == v for k, v in wanted.items())]


@cache
def _here() -> tuple[tuple[str, Any], ...]:
    return (
        ("processor", _processor()),
        ("cores", os.cpu_count()),
        ("system", f"{platform.system()} {platform.release().split('-')[0]}"),
        ("python", platform.python_version()),
        ("date", date.today().isoformat()),
    )


def setting(**more: Any) -> dict[str, Any]:
    """Return the place and time of the measurements, for every row."""
    return {**dict(_here()), **more}


@cache
def _own_versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in _PACKAGES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def own_versions() -> Mapping[str, str]:
    """Return the versions of tuszstore and of its main dependencies."""
    return dict(_own_versions())


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
