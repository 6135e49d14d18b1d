"""Running the tasks of a build: in this process, on a local Dask cluster, or on any other."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tuszstore.build.recording import Built, Failed, Task, build_recording
from tuszstore.config import Config
from tuszstore.errors import BuildError

IN_FLIGHT = 3
"""Tasks handed to the scheduler for each thread; the rest wait here, so that it stays small."""

CONNECT_SECONDS = 15
"""Time within which a scheduler must answer."""

LOCAL_CLUSTER = {
    # a task that lost its worker comes back at once: _on_cluster() tries it again, alone
    "distributed.scheduler.allowed-failures": 0,
    # without MALLOC_TRIM_THRESHOLD_, which Dask would set: with it each large array is new
    # memory from the system, and filters take twice as long
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1,
    },
}  # fmt: skip
"""Dask's settings for the workers of a local cluster."""

_WORKER_DIED = (
    "its worker died over it, alone too; it may have run out of memory: use fewer workers, or "
    "raise --max-memory"
)


def run_tasks(
    tasks: Sequence[Task], recordings: Path, config: Config, *, n_workers: int
) -> Iterator[Built | Failed]:
    """Build recordings, yielding each as it is done, in any order.

    Parameters
    ----------
    tasks : sequence of Task
    recordings : Path
        Folder of all recordings in the workplace, reachable by every worker.
    config : Config
        ``build.scheduler`` and ``build.max_memory`` are used here.
    n_workers : int
        Processes of the local cluster; 0 is this process, without Dask.

    Raises
    ------
    BuildError
        If the store cannot be written, or the scheduler cannot be reached.
    """
    work = partial(build_recording, recordings=recordings.absolute(), config=config)
    if n_workers == 0 and config.build.scheduler is None:
        yield from map(work, tasks)
        return
    with ExitStack() as stack:
        client = stack.enter_context(_client(config, n_workers, stack))
        yield from _on_cluster(client, work, tasks)


def memory_bytes(text: str) -> int:
    """Return the number of bytes that a text such as ``8GB`` means.

    Raises
    ------
    BuildError
        If it means none.
    """
    from dask.utils import parse_bytes

    try:
        size = int(parse_bytes(text)) if text else 0  # to dask, nothing is one byte
    except ValueError:
        size = 0
    if size <= 0:
        raise BuildError(f"max_memory of {text!r} is no amount of memory; write for example 8GB")
    return size


def _client(config: Config, n_workers: int, stack: ExitStack) -> Any:
    import dask
    from distributed import Client, LocalCluster

    address = config.build.scheduler
    if address is not None:
        try:
            return Client(address, timeout=CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            raise BuildError(f"no Dask scheduler at {address}: {error}") from error
    memory = config.build.max_memory
    stack.enter_context(dask.config.set(LOCAL_CLUSTER))
    cluster = stack.enter_context(
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory_bytes(memory) // n_workers if memory else "auto",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
    )
    return Client(cluster)


def _on_cluster(client: Any, work: Any, tasks: Sequence[Task]) -> Iterator[Built | Failed]:
    from distributed import as_completed

    remaining = iter(tasks)
    running: dict[str, Task] = {}
    suspects: list[Task] = []

    def submit(task: Task) -> Any:
        future = client.submit(work, task, pure=False)
        running[future.key] = task
        return future

    threads = sum(client.nthreads().values())
    if threads == 0:
        raise BuildError("the Dask cluster has no workers; start some, or use --workers")
    futures = as_completed([submit(task) for task in islice(remaining, IN_FLIGHT * threads)])
    for future in futures:
        task = running.pop(future.key)
        if (result := _result(future, task)) is not None:
            yield result
        else:
            suspects.append(task)
        futures.update([submit(task) for task in islice(remaining, 1)])
    # whoever shared a worker with the culprit is a suspect too: each gets a try of its own
    for task in suspects:
        result = _result(client.submit(work, task, pure=False), task)
        yield result or Failed(task, _WORKER_DIED)


def _result(future: Any, task: Task) -> Built | Failed | None:
    """Return what a task returned, or nothing if its worker died over it."""
    from distributed.scheduler import KilledWorker

    error = future.exception()
    if isinstance(error, KilledWorker):
        return None
    if isinstance(error, BuildError):
        raise error
    if error is not None:
        raise BuildError(f"the Dask cluster lost {task.id}: {error!r}") from error
    result: Built | Failed = future.result()
    return result
