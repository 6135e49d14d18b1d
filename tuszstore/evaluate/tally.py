"""Counts of a rule, and derived metrics; those without a denominator are None."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

DAY = 86400.0
"""Seconds."""


@dataclass(frozen=True)
class Tally:
    """Hits, misses and false alarms of any number of recordings.

    They are events or samples, and fractions of events under TAES.

    Attributes
    ----------
    hits, misses, false_alarms : float
        Of the reference those that were found and those that were not, and of the predictions
        those that nothing in the reference explains.
    seconds : float
        Time that was scored.
    """

    hits: float = 0
    misses: float = 0
    false_alarms: float = 0
    seconds: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.seconds + other.seconds,
        )

    @classmethod
    def sum(cls, tallies: Iterable[Self]) -> "Tally":
        """Return the sum of tallies."""
        return sum(tallies, Tally())

    @property
    def references(self) -> float:
        """The total of the reference."""
        return self.hits + self.misses

    @property
    def sensitivity(self) -> float | None:
        """Share of the reference that was found; None without a reference."""
        return _ratio(self.hits, self.hits + self.misses)

    @property
    def precision(self) -> float | None:
        """Share of the predictions that are right; None without predictions."""
        return _ratio(self.hits, self.hits + self.false_alarms)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None if there is neither a reference nor a prediction."""
        return _ratio(2 * self.hits, 2 * self.hits + self.misses + self.false_alarms)

    @property
    def false_alarms_per_day(self) -> float | None:
        """False alarms per 24 h of scored time; None if nothing was scored."""
        return _ratio(self.false_alarms * DAY, self.seconds)

    @property
    def undefined(self) -> dict[str, str]:
        """Numbers that are None, and why."""
        reasons = {
            "sensitivity": "nothing in the reference",
            "precision": "no prediction",
            "f1": "neither a reference nor a prediction",
            "false_alarms_per_day": "no time was scored",
        }
        return {name: why for name, why in reasons.items() if getattr(self, name) is None}

    def to_json(self) -> dict[str, Any]:
        """Return counts and numbers as plain values; undefined ones are None, with a reason."""
        values: dict[str, Any] = {
            "hits": self.hits,
            "misses": self.misses,
            "false_alarms": self.false_alarms,
            "seconds": self.seconds,
            **{name: getattr(self, name) for name in MEASURES},
        }
        return {**values, **({"undefined": self.undefined} if self.undefined else {})}


MEASURES = ("sensitivity", "precision", "f1", "false_alarms_per_day")
"""Numbers that follow from a tally."""


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None
