"""Reports of verifications and repairs."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuszstore.text import printable

WHOLE, NOT_CHECKED, DAMAGED, LOST = 0, 1, 2, 3
"""Exit statuses of ``tuszstore verify``."""

Mend = Literal["metadata", "index", "label", "events", "signal", "shards", "stray", "build", "none"]
"""What repairs a finding: the part that ``tuszstore repair`` recomputes.

``build`` means that the store must be rebuilt, ``none`` that the store itself is intact.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a store.

    Attributes
    ----------
    what : str
    mend : str
        See :data:`Mend`.
    file : str
        Relative to the store's root; empty if it is not a single file.
    array : str
        Path of the array.
    recording : str
        Id of the recording; empty if all are affected.
    row : int
        Its row in the recordings table; -1 without one.
    start, stop : float or None
        Seconds from the start of the recording.
    """

    what: str
    mend: Mend
    file: str = ""
    array: str = ""
    recording: str = ""
    row: int = -1
    start: float | None = None
    stop: float | None = None

    @property
    def where(self) -> str:
        """Recording, time and file."""
        span = "" if self.start is None else f"{self.start:g} to {self.stop:g} s"
        where = ", ".join(part for part in (self.recording, span) if part)
        return " ".join(part for part in (where, f"({self.file})" if self.file else "") if part)

    @property
    def told(self) -> str:
        """Array, and what is wrong."""
        return ": ".join(part for part in (self.array, self.what) if part)

    def __str__(self) -> str:
        span = "" if self.start is None else f"{self.start:g} to {self.stop:g} s"
        where = ", ".join(part for part in (self.recording, span) if part)
        file = f"({self.file})" if self.file else ""
        place = " ".join(part for part in (self.array, file) if part)
        return printable(": ".join(part for part in (where, place, self.what) if part))


@dataclass
class Check:
    """One kind of check.

    Attributes
    ----------
    name : str
    covered : str
        What it checked, or that it could not.
    findings : list of Finding
    """

    name: str
    covered: str = ""
    findings: list[Finding] = field(default_factory=list)

    def add(self, what: str, mend: Mend, **where: Any) -> None:
        """Add a finding."""
        self.findings.append(Finding(what, mend, **where))


@dataclass
class VerifyReport:
    """The result of a verification.

    Attributes
    ----------
    store : Path
        Path of the store.
    deep : bool
        Whether every byte was read.
    checks : list of Check
        In order.
    notes : list of str
        Remarks that are not damage.
    seconds : float
        Duration of the verification.
    """

    store: Path
    deep: bool
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def findings(self) -> list[Finding]:
        """All findings."""
        return list(self._all())

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not any(check.findings for check in self.checks)

    @property
    def exit_status(self) -> int:
        """0 intact, 2 damaged, 3 damaged beyond repair."""
        if self.ok:
            return WHOLE
        return LOST if any(finding.mend == "build" for finding in self._all()) else DAMAGED

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "store": str(self.store),
            "deep": self.deep,
            "ok": self.ok,
            "exit_status": self.exit_status,
            "seconds": round(self.seconds, 3),
            "notes": self.notes,
            "checks": [
                {
                    "name": check.name,
                    "covered": check.covered,
                    "findings": [asdict(finding) for finding in check.findings],
                }
                for check in self.checks
            ],
        }

    def _all(self) -> Iterator[Finding]:
        for check in self.checks:
            yield from check.findings


@dataclass
class RepairReport:
    """The result of a repair.

    Attributes
    ----------
    store : Path
        Path of the store.
    status : {"whole", "repaired"}
        ``whole`` if nothing was damaged.
    mended : dict of str to int
        Number of repaired findings of each kind.
    rebuilt : list of str
        Recordings with a recomputed signal.
    notes : list of str
        Remarks; empty so far.
    seconds : float
        Duration of the repair, including that of the verification.
    """

    store: Path
    status: str
    mended: dict[str, int] = field(default_factory=dict)
    rebuilt: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {**vars(self), "store": str(self.store), "seconds": round(self.seconds, 3)}
