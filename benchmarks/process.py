"""Functions called in new processes, with memory sampled from outside.

A new process has no memory, caches or threads of other engines. It may use another Python, so that
engines can be compared that cannot be installed together. Imports, which take seconds for some
engines, are done once in a process that is then forked. Memory is sampled from `/proc`, so that
sampling takes no time of the process.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).parents[1]
INTERVAL = 0.01  # s, between samples of memory


class ProcessError(RuntimeError):
    """A function failed in its process; the text is the last line of its output."""


@dataclass(frozen=True)
class Memory:
    """Memory of a process and its children at one time.

    Attributes
    ----------
    time : float
        On the monotonic clock (s).
    anonymous, mapped : int
        Private bytes, and bytes of mapped files that the system may reclaim.
    """

    time: float
    anonymous: int
    mapped: int


@dataclass(frozen=True)
class Result:
    """The result of a function, and the memory of its process."""

    value: Any
    memory: Sequence[Memory]

    def peak(self, span: Sequence[float]) -> tuple[int | None, int | None]:
        """Return the peaks of anonymous and mapped memory within a span of the clock."""
        within = [m for m in self.memory if span[0] <= m.time <= span[1]]
        if not within:
            return None, None
        return max(m.anonymous for m in within), max(m.mapped for m in within)


def call(
    function: str,
    *,
    python: str = sys.executable,
    imports: Sequence[str] = (),
    timeout: float = 1800,
    sync: bool = False,
    **arguments: Any,
) -> Result:
    """Call a function in a new process.

    Parameters
    ----------
    function : str
        ``module:name``; its arguments and its result must be representable in JSON.
    python : str
        The interpreter.
    imports : sequence of str
        Modules that the process has imported when it starts, since it is forked from a template
        that imports them. Only on Linux, where forking is safe.
    timeout : float
        Seconds after which the process is killed.
    sync : bool
        Whether to flush earlier writes to disk first, so that they do not disturb the timing.
    **arguments

    Raises
    ------
    ProcessError
        If it fails or takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="tuszstore-bench-job-") as folder:
        job, log = Path(folder, "job.json"), Path(folder, "log")
        job.write_text(json.dumps({"function": function, "arguments": arguments}))
        if sync:
            os.sync()
        if imports and sys.platform == "linux":
            status, memory = _template(python, tuple(imports)).fork(job, timeout)
        else:
            status, memory = _start(python, job, log, timeout)
        result = job.with_suffix(".result")
        if status or not result.exists():
            words = log.read_text(errors="replace") if log.exists() else ""
            raise ProcessError(_last_words(words, status))
        return Result(json.loads(result.read_text()), memory)


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _start(python: str, job: Path, log: Path, timeout: float) -> tuple[int, list[Memory]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-m", "benchmarks.child", str(job)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
        )
    with _Watch(process.pid) as watch:
        try:
            return process.wait(timeout), watch.samples
        except subprocess.TimeoutExpired:
            raise ProcessError(f"took longer than {timeout:g} s") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


class _Template:
    """A process that has imported modules, and forks for each job."""

    def __init__(self, python: str, imports: tuple[str, ...]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (for as long as the process)
        self._lines = b""
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.child", "--template", *imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_environment(),
        )
        weakref.finalize(self, _end, self._process, self._log)

    def fork(self, job: Path, timeout: float) -> tuple[int, list[Memory]]:
        """Run a job in a new process."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{job}\n".encode())
            self._process.stdin.flush()
            pid = self._answer(timeout)
        except OSError:
            pid = None
        if pid is None:
            self._log.seek(0)
            raise ProcessError(_last_words(self._log.read().decode(errors="replace"), None))
        status = None
        with _Watch(pid) as watch:
            try:
                status = self._answer(timeout)
            finally:
                if status is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        if status is None:
            self._answer(timeout)
            raise ProcessError(f"took longer than {timeout:g} s")
        return status, watch.samples

    def _answer(self, timeout: float) -> int | None:
        """Return the number in the next line; None on timeout."""
        assert self._process.stdout is not None
        while b"\n" not in self._lines:
            if not select.select([self._process.stdout], [], [], timeout)[0]:
                return None
            more = os.read(self._process.stdout.fileno(), 100)
            if not more:
                return None
            self._lines += more
        line, _, self._lines = self._lines.partition(b"\n")
        return int(line)


def _end(process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, log):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


@cache
def _template(python: str, imports: tuple[str, ...]) -> _Template:
    return _Template(python, imports)


class _Watch:
    """Samples the memory of a process and its children until it is left."""

    def __init__(self, pid: int) -> None:
        self.samples: list[Memory] = []
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(INTERVAL):
            found = [_memory(pid) for pid in (self._pid, *_children(self._pid))]
            known = [pair for pair in found if pair is not None]
            if known:
                anonymous, mapped = (sum(column) for column in zip(*known, strict=True))
                self.samples.append(Memory(time.monotonic(), anonymous, mapped))


def _memory(pid: int) -> tuple[int, int] | None:
    """Return anonymous and file-backed bytes of a process; None if unknown."""
    try:
        rows = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        anonymous = int(rows["RssAnon"].split()[0]) + int(rows["RssShmem"].split()[0])
        return 1024 * anonymous, 1024 * int(rows["RssFile"].split()[0])
    except (OSError, KeyError, ValueError):  # the process has ended, or the system lacks the file
        return None


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []


def _last_words(log: str, status: int | None) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"ended with status {status} without output"
