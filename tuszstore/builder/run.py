"""Running the tasks of a build: in this process, on a local Dask cluster, or on another one."""

import asyncio
import concurrent.futures
import logging
import multiprocessing
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from tuszstore.builder.interrupts import closing_in_peace, deferred, shielded
from tuszstore.builder.recording import Built, Failed, Task, build_recording
from tuszstore.builder.watch import LOOK_SECONDS, Watch
from tuszstore.config import Config
from tuszstore.errors import BuildError

_LOG = logging.getLogger("tuszstore")

IN_FLIGHT = 3
"""Tasks sent to the scheduler per thread; the others wait here to keep it small."""

CONNECT_SECONDS = 15
"""Timeout for an answer of the scheduler."""

RESTARTS = 3
"""Maximum number of times that a scheduler may be lost in a build."""

RESTART_SECONDS = 60
"""Timeout for reconnecting to a lost scheduler."""

LOCAL_CLUSTER = {
    # a task whose worker died is not retried by Dask: _on_cluster() retries it alone
    "distributed.scheduler.allowed-failures": 0,
    # without MALLOC_TRIM_THRESHOLD_, which Dask would set: it makes each large array new memory
    # from the system, and filters take twice as long
    "distributed.nanny.pre-spawn-environ": {
        "OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1,
    },
    # a worker's memory is that of its current task: it could spill nothing, and would pause for
    # ever
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}  # fmt: skip
"""Dask's settings for the workers of a local cluster."""

_WORKER_DIED = (
    "its worker died, even when run alone; it may have run out of memory: use fewer workers, or "
    "raise --max-memory"
)


_GUARD = (
    "A script that builds must do so below the line\n    if __name__ == '__main__':\n"
    "since each worker imports it. Or build with workers=0, in one process."
)


class SchedulerLost(Exception):
    """The scheduler is lost, or was restarted without its tasks."""


def run_tasks(
    tasks: Sequence[Task],
    recordings: Path,
    config: Config,
    *,
    n_workers: int,
    say: Callable[[str], None] = _LOG.warning,
) -> Generator[Built | Failed, None, None]:
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
    say : callable
        Called with messages, such as that the build waits for workers.

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
            with closing_in_peace() as stack:
                client = _client(config, n_workers, stack, again=lost > 0)
                watch = Watch(client, config.build.scheduler or "the local cluster", say)
                for result in _on_cluster(client, work, list(pending.values()), watch):
                    del pending[result.task.id]
                    yield result
        except (SchedulerLost, OSError) as error:  # includes connection errors of distributed
            lost += 1
            if lost > RESTARTS or config.build.scheduler is None:
                raise BuildError(
                    f"the Dask scheduler was lost ({error!r}). What is built is kept: rerun "
                    "the command to resume"
                ) from error
            say("the Dask scheduler was lost; the build waits for it, up to a minute")


def refuse_in_worker() -> None:
    """Refuse to build in a worker that imports the script that started it.

    Raises
    ------
    BuildError
        Explains how to write such a script.
    """
    # the attribute that multiprocessing checks before it starts a process
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise BuildError(f"each worker that starts would build. {_GUARD}")


def memory_bytes(text: str) -> int:
    """Return the number of bytes of a text such as ``8GB``.

    Raises
    ------
    BuildError
        If it is invalid.
    """
    from dask.utils import parse_bytes

    try:  # dask accepts a unit without a number, as 1
        size = int(parse_bytes(text)) if any(map(str.isdigit, text)) else 0
    except (ValueError, OverflowError):
        size = 0
    if size <= 0:
        raise BuildError(
            f"max_memory of {text!r} is not a valid memory size; write for example 8GB"
        )
    return size


def memory_of_machine() -> int:
    """Return the memory (byte) of this machine or container."""
    from distributed.system import MEMORY_LIMIT

    return int(MEMORY_LIMIT)


def _client(config: Config, n_workers: int, stack: ExitStack, *, again: bool = False) -> Any:
    import dask
    from distributed import Client, LocalCluster

    address = config.build.scheduler
    if address is not None:
        deadline = time.monotonic() + (RESTART_SECONDS if again else 0)
        while True:
            try:
                return stack.enter_context(Client(address, timeout=CONNECT_SECONDS))
            except (OSError, ValueError) as error:
                if time.monotonic() < deadline:
                    time.sleep(1)
                    continue
                kept = ". What is built is kept: rerun the command to resume"
                raise BuildError(
                    f"no Dask scheduler at {address}: {error}{kept if again else ''}"
                ) from error
    memory = config.build.max_memory
    limit = memory_bytes(memory) if memory else memory_of_machine()
    stack.enter_context(dask.config.set(LOCAL_CLUSTER))
    with deferred(), shielded():
        try:
            cluster = LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=limit // n_workers,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        except RuntimeError as error:
            raise BuildError(f"no worker can be started: {error} {_GUARD}") from error
        return stack.enter_context(Client(stack.enter_context(cluster)))


def _on_cluster(
    client: Any, work: Any, tasks: Sequence[Task], watch: Watch
) -> Iterator[Built | Failed]:
    remaining = iter(tasks)
    running: dict[str, tuple[Any, Task]] = {}  # Dask cancels a future without references
    suspects: list[Task] = []
    done: SimpleQueue[Any] = SimpleQueue()

    def submit(count: int) -> None:
        group = list(islice(remaining, max(0, count)))
        futures = client.map(work, group, pure=False) if group else []
        for future, task in zip(futures, group, strict=True):
            running[future.key] = future, task
            future.add_done_callback(done.put)

    submit(IN_FLIGHT * watch.wait_for_threads())
    while running:
        batch = _all_of(done)
        if not batch:
            submit(IN_FLIGHT * watch.look() - len(running))  # workers may have been added
            continue
        watch.goes_on()
        submit(len(batch))  # before results are processed, to keep workers busy
        for future in batch:
            _, task = running.pop(future.key)
            if (result := _result(future, task, watch)) is not None:
                yield result
            else:
                suspects.append(task)
    # any task on the dead worker may be the cause: each is retried alone
    for task in suspects:
        result = _result(client.submit(work, task, pure=False), task, watch)
        yield result or Failed(task, _WORKER_DIED)


def _all_of(done: "SimpleQueue[Any]") -> list[Any]:
    """Return all items of a queue; none if none arrived for a while."""
    batch = []
    with suppress(Empty):
        batch.append(done.get(timeout=LOOK_SECONDS))
        while True:
            batch.append(done.get_nowait())
    return batch


def _result(future: Any, task: Task, watch: Watch) -> Built | Failed | None:
    """Return the result of a task, or None if its worker died.

    Raises
    ------
    SchedulerLost
        If the scheduler no longer knows the task.
    """
    from distributed.scheduler import KilledWorker

    try:
        error = _patiently(future.exception, watch)
        if error is None:  # the result is still on a worker, and may be lost
            result: Built | Failed = _patiently(future.result, watch)
            return result
    except (asyncio.CancelledError, concurrent.futures.CancelledError) as cancelled:
        raise SchedulerLost(task.id) from cancelled
    if isinstance(error, KilledWorker):
        return None
    if isinstance(error, BuildError):
        raise error
    raise BuildError(f"the Dask cluster lost {task.id}: {error!r}") from error


def _patiently(function: Any, watch: Watch) -> Any:
    """Call a function with a timeout until it returns, checking the workers in between."""
    while True:
        try:
            return function(timeout=LOOK_SECONDS)
        except TimeoutError:
            watch.look()
