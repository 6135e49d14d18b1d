"""The number of workers of a build: how many are worth it, and how many fit into memory."""

import math
import os
from collections.abc import Sequence

from tuszstore.builder.changes import Changes, find_changes
from tuszstore.builder.planned import PROCESS_BYTES, Plan
from tuszstore.builder.run import memory_bytes, memory_of_machine
from tuszstore.config import Build
from tuszstore.errors import BuildError

SMALL_HOURS = 10.0
"""Hours of EEG from which local workers are started by default.

A core builds an hour of EEG in 1.5 to 2.3 s, and starting a local cluster of two workers takes 8 to
9 s of processor time, mostly imports: two cores are faster from about 10 hours on.
"""


def check_memory(plan: Plan, changes: Changes | None = None, *, force: bool = False) -> None:
    """Reject a build if a single worker needs more than ``build.max_memory``.

    Parameters
    ----------
    plan : Plan
    changes : Changes, optional
        What will be done; computed if needed.
    force : bool
        As for :func:`~tuszstore.builder.changes.find_changes`.

    Raises
    ------
    BuildError
        Names the required and the allowed size; also if ``build.max_memory`` is not a valid size.
    """
    build = plan.config.build
    if build.max_memory is None:
        return
    allowed = memory_bytes(build.max_memory)
    # workers of an external scheduler have their own limits
    if build.scheduler is not None or max(plan.peak_bytes, PROCESS_BYTES) <= allowed:
        return
    needed, id_ = max(needs_of(changes or find_changes(plan, force=force)), default=(0, ""))
    if needed > allowed:
        megabytes = f"{-(-needed // 1_000_000)}MB"
        raise BuildError(
            f"{plan.split}: a worker needs about {megabytes} for {id_}, but max_memory is "
            f"{build.max_memory}, for all workers: raise --max-memory to {megabytes} or more"
        )


def needs_of(changes: Changes) -> list[tuple[int, str]]:
    """Return the memory (byte) that each recording to build or relabel needs, and its id."""
    return [
        (s.planned.peak_bytes if s.action == "build" else PROCESS_BYTES, s.planned.recording.id)
        for s in changes.steps
        if s.action in ("build", "relabel")
    ]


def choose_workers(
    build: Build, needs: Sequence[tuple[int, str]], hours: float = math.inf
) -> tuple[int, str]:
    """Return how many processes to use, and a warning if memory allows fewer than requested.

    Without a number in the configuration, less than :data:`SMALL_HOURS` are built in this process.

    Parameters
    ----------
    build : Build
    needs : sequence of int and str
        From :func:`needs_of`.
    hours : float
        Hours of EEG to build or relabel.
    """
    if build.workers is None and build.scheduler is None and hours < SMALL_HOURS:
        return 0, ""
    wanted = os.cpu_count() or 1 if build.workers is None else build.workers
    wanted = min(wanted, len(needs))
    if build.scheduler is not None:
        ignored = build.max_memory is not None
        return wanted, "max_memory does not apply to the workers of a scheduler" if ignored else ""
    if wanted == 0:
        return wanted, ""
    if build.max_memory is None:
        limit, available = "the memory of this machine", memory_of_machine()
    else:
        limit, available = "max_memory", memory_bytes(build.max_memory)
    needed, id_ = max(needs)
    fitting = available // needed
    if fitting >= wanted:
        return wanted, ""
    need = f"about {needed / 1e9:.1f} GB are needed for {id_}"
    if fitting == 0:
        return 1, f"{need}, more than {limit}; it may fail"
    return int(fitting), f"{fitting} of {wanted} workers fit into {limit}: {need}"
