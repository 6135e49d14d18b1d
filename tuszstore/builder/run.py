"""Running the tasks of a build: in this process, on a local Dask cluster, or on any other."""

import asyncio
import concurrent.futures
import logging
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tuszstore.builder.recording import Built, Failed, Task, build_recording
from tuszstore.config import Config
from tuszstore.errors import BuildError

IN_FLIGHT = 3
"""Tasks handed to the scheduler for each thread; the rest wait here, so that it stays small."""

CONNECT_SECONDS = 15
"""Time within which a scheduler must answer."""

RESTARTS = 3
"""How often a scheduler may be lost in one build."""

RESTART_SECONDS = 60
"""Time within which a scheduler that was lost, and a worker, must be there again."""

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


_GUARD = (
    "A script that builds must do so below the line\n    if __name__ == '__main__':\n"
    "since each worker imports it. Or build with workers=0, in one process."
)


class SchedulerLost(Exception):
    """The scheduler is gone, or was restarted and has forgotten its tasks."""


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
    pending = {task.id: task for task in tasks}
    lost = 0
    while pending:
        try:
            with ExitStack() as stack:
                client = stack.enter_context(_client(config, n_workers, stack, again=lost > 0))
                for result in _on_cluster(client, work, list(pending.values())):
                    del pending[result.task.id]
                    yield result
        except (SchedulerLost, OSError) as error:  # distributed's errors of connections are those
            lost += 1
            if lost > RESTARTS or config.build.scheduler is None:
                raise BuildError(
                    f"the Dask scheduler was lost ({error!r}). What is built is kept: the same "
                    "command goes on from there"
                ) from error


def refuse_in_worker() -> None:
    """Refuse to build in a worker that only imports the script which started it.

    Raises
    ------
    BuildError
        That says how such a script is written.
    """
    # the mark that multiprocessing itself looks for before it starts a process
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise BuildError(f"each worker that starts would build. {_GUARD}")


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


def _client(config: Config, n_workers: int, stack: ExitStack, *, again: bool = False) -> Any:
    import dask
    from distributed import Client, LocalCluster

    address = config.build.scheduler
    if address is not None:
        deadline = time.monotonic() + (RESTART_SECONDS if again else 0)
        while True:
            try:
                client = Client(address, timeout=CONNECT_SECONDS)
                if again:
                    client.wait_for_workers(1, timeout=RESTART_SECONDS)
                return client
            except (OSError, ValueError) as error:
                if time.monotonic() < deadline:
                    time.sleep(1)
                    continue
                kept = ". What is built is kept: the same command goes on from there"
                raise BuildError(
                    f"no Dask scheduler at {address}: {error}{kept if again else ''}"
                ) from error
    memory = config.build.max_memory
    stack.enter_context(dask.config.set(LOCAL_CLUSTER))
    try:
        cluster = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=memory_bytes(memory) // n_workers if memory else "auto",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
    except RuntimeError as error:
        raise BuildError(f"no worker can be started: {error} {_GUARD}") from error
    return Client(stack.enter_context(cluster))


def _on_cluster(client: Any, work: Any, tasks: Sequence[Task]) -> Iterator[Built | Failed]:
    from distributed import as_completed

    threads = sum(client.nthreads().values())
    if threads == 0:
        raise BuildError("the Dask cluster has no workers; start some, or use --workers")
    remaining = iter(tasks)
    running: dict[str, Task] = {}
    suspects: list[Task] = []

    def submit(count: int) -> list[Any]:
        group = list(islice(remaining, count))
        futures: list[Any] = client.map(work, group, pure=False) if group else []
        running.update((future.key, task) for future, task in zip(futures, group, strict=True))
        return futures

    futures = as_completed(submit(IN_FLIGHT * threads))
    for batch in futures.batches():
        futures.update(submit(len(batch)))  # before anything is done with the results
        for future in batch:
            task = running.pop(future.key)
            if (result := _result(future, task)) is not None:
                yield result
            else:
                suspects.append(task)
    # whoever shared a worker with the culprit is a suspect too: each gets a try of its own
    for task in suspects:
        result = _result(client.submit(work, task, pure=False), task)
        yield result or Failed(task, _WORKER_DIED)


def _result(future: Any, task: Task) -> Built | Failed | None:
    """Return what a task returned, or nothing if its worker died over it.

    Raises
    ------
    SchedulerLost
        If the scheduler knows nothing of it any more.
    """
    from distributed.scheduler import KilledWorker

    try:
        error = future.exception()
        if error is None:  # what it returned is with a worker still, and may be lost yet
            result: Built | Failed = future.result()
            return result
    except (asyncio.CancelledError, concurrent.futures.CancelledError) as cancelled:
        raise SchedulerLost(task.id) from cancelled
    if isinstance(error, KilledWorker):
        return None
    if isinstance(error, BuildError):
        raise error
    raise BuildError(f"the Dask cluster lost {task.id}: {error!r}") from error
