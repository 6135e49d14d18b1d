"""The workloads, one module each.

A module has ``WORKLOADS``, titles by name, and ``run(setting, names)``, which yields a
:class:`benchmarks.rows.Row` for each engine, workload and round. To add one, write such a module
and name it here.
"""

from benchmarks.workloads import (
    building,
    disk,
    exploring,
    geometry,
    growth,
    index,
    length,
    loader,
    planning,
    reading,
    remote,
    stages,
    views,
)

GROUPS = (
    reading,
    disk,
    loader,
    building,
    planning,
    growth,
    length,
    geometry,
    index,
    remote,
    exploring,
    stages,
    views,
)
"""All modules, in the order in which they run."""

TITLES: dict[str, str] = {
    name: title for group in GROUPS for name, title in group.WORKLOADS.items()
}
"""Titles of all workloads."""
