"""Medians, spreads, ratios and exponents of rows."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from benchmarks.rows import Row


@dataclass(frozen=True)
class Spread:
    """A median over rounds, and its extremes.

    Attributes
    ----------
    median, least, most : float
    """

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Self | None:
        """Return the spread of the values that are not None; None if there are none."""
        there = [value for value in values if value is not None]
        if not there:
            return None
        return cls(statistics.median(there), min(there), max(there))


def ratios(rows: Sequence[Row], workload: str, engine: str, base: str) -> list[float]:
    """Return the ratio of two engines' rates, for each round that has both."""
    rates = {
        name: {
            row.round: row.rate
            for row in rows
            if row.workload == workload and row.engine == name and row.rate
        }
        for name in (engine, base)
    }
    both = sorted(rates[engine].keys() & rates[base].keys())
    return [rates[engine][number] / rates[base][number] for number in both]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return b of the least-squares fit of ``cost = a * size**b`` on logarithmic scales.

    Parameters
    ----------
    sizes, costs : sequence of float
        Positive; at least two sizes.

    Raises
    ------
    ValueError
        If all sizes are the same.
    """
    x = [math.log(size) for size in sizes]
    y = [math.log(cost) for cost in costs]
    return statistics.linear_regression(x, y).slope


def exponents(rows: Iterable[Row]) -> list[float]:
    """Return the exponent of the seconds per window, or per call, over size, in each round.

    Parameters
    ----------
    rows : iterable of Row
        Rows of one workload, engine and variant.
    """
    rounds: dict[int, list[tuple[float, float]]] = {}
    for row in rows:
        cost = 1 / row.rate if row.rate else row.seconds
        if row.size and cost:
            rounds.setdefault(row.round, []).append((row.size, cost))
    return [
        exponent(*zip(*points, strict=True))
        for points in rounds.values()
        if len({size for size, _ in points}) > 1
    ]
