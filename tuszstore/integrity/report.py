"""What a verification looked at, and what it found damaged."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tuszstore.text import printable

WHOLE, NOT_CHECKED, DAMAGED, LOST = 0, 1, 2, 3
"""Exit statuses of ``tuszstore verify``."""

Mend = Literal["metadata", "index", "label", "events", "signal", "shards", "stray", "build", "none"]
"""What mends a finding: the part that ``tuszstore repair`` makes anew.

``build`` means that the store is to be built again, ``none`` that nothing in the store is wrong.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a store.

    Attributes
    ----------
    what : str
    mend : str
        See :data:`Mend`.
    file : str
        Relative to the store's root; empty where no single file is at fault.
    array : str
        Path of the array.
    recording : str
        Id of the recording; empty where all are concerned.
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
        What it looked at; says so where it could not.
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
    """What a verification found.

    Attributes
    ----------
    store : Path
    deep : bool
        Whether every byte was read.
    checks : list of Check
        In the order in which they were made.
    notes : list of str
        What is no damage but worth knowing.
    seconds : float
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
        """0 whole, 2 damaged, 3 damaged where only building again helps."""
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
    """What a repair did.

    Attributes
    ----------
    store : Path
    status : {"whole", "repaired"}
    mended : dict of str to int
        How many findings of each kind were mended.
    rebuilt : list of str
        Recordings whose signal was computed again.
    notes : list of str
    seconds : float
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
