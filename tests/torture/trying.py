"""Trying points one after the other, in some processes side by side, and what came of it."""

import json
import os
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Tally:
    """What was tried, and what came of it.

    Attributes
    ----------
    points : int
        Faults that were injected, one at a time.
    killed : Counter
        Kills, by what was being done.
    failed : Counter
        Errors of calls that change files, by name.
    failed_reads : int
        Errors of calls that read.
    survived : int
        Errors that did not end what was being done.
    kept : int
        Recordings that were taken up after an interruption.
    replaced, batches, refused : int
        Of the soak: files and stores that were replaced, batches that were right, and errors that
        readers got instead of a batch.
    lost : list of str
        Everything that should not be.
    """

    points: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    failed_reads: int = 0
    survived: int = 0
    kept: int = 0
    replaced: int = 0
    batches: int = 0
    refused: int = 0
    lost: list[str] = field(default_factory=list)

    def add(self, other: dict[str, Any]) -> None:
        """Add another tally's attributes."""
        for name, value in other.items():
            if isinstance(value, dict):
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    def __str__(self) -> str:
        def kinds(counter: Counter[str]) -> str:
            return ", ".join(f"{n:,} {what}" for what, n in counter.most_common())

        lines = [
            f"points tried: {self.points:,}",
            f"  killed: {sum(self.killed.values()):,} ({kinds(self.killed)})",
            f"  errors injected: {sum(self.failed.values()) + self.failed_reads:,} "
            f"({kinds(self.failed)}, {self.failed_reads:,} on read), {self.survived:,} survived",
            f"recordings taken up after an interruption: {self.kept:,}",
            f"replaced under readers: {self.replaced:,}; batches read right: {self.batches:,}, "
            f"refused: {self.refused:,}",
            f"lost: {len(self.lost)}",
            *(f"  {told}" for told in self.lost),
        ]
        return "\n".join(lines)


Attempt = Callable[[Path, Tally], None]
"""Tries one point in a folder of its own, and takes note of what came of it."""


def try_all(attempts: Sequence[Attempt], folder: Path, jobs: int) -> Tally:
    """Make all attempts, some side by side, each in a forked process with no thread."""
    pipes = []
    for job in range(jobs):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            tally, status = Tally(), 1
            try:
                for attempt in attempts[job::jobs]:
                    attempt(folder / f"run{job}", tally)
                with os.fdopen(writer, "w") as file:
                    json.dump(vars(tally), file)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(writer)
        pipes.append((child, reader))
    total = Tally()
    for child, reader in pipes:
        with os.fdopen(reader) as file:
            content = file.read()
        _, status = os.waitpid(child, 0)
        if status != 0:
            raise RuntimeError("the torture itself went wrong, as told above")
        total.add(json.loads(content))
    return total
