"""Functions called in new processes, whose memory is watched from outside.

A new process has no memory, cache or thread of another engine's; that it may be of another Python
lets engines be compared which cannot be installed together. Memory is sampled from `/proc`, so
that watching it takes no time of the process's own.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INTERVAL = 0.01  # s, between samples of memory


class ProcessError(RuntimeError):
    """A function that failed in its process; the text is the last line of what it printed."""


@dataclass(frozen=True)
class Memory:
    """Memory of a process and its children at one time.

    Attributes
    ----------
    time : float
        Of the monotonic clock (s).
    anonymous, mapped : int
        Bytes of its own, and of files that the system may take back.
    """

    time: float
    anonymous: int
    mapped: int


@dataclass(frozen=True)
class Result:
    """What a function returned, and the memory of its process."""

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
    timeout: float = 1800,
    sync: bool = False,
    **arguments: Any,
) -> Result:
    """Call a function in a new process.

    Parameters
    ----------
    function : str
        ``module:name``; what it returns must be expressible as JSON, as must its arguments.
    python : str
        The interpreter.
    timeout : float
        Seconds after which it is ended.
    sync : bool
        Whether what was written before goes to disk first, not while this function is timed.
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
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [python, "-m", "benchmarks.child", str(job)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )  # fmt: skip
            memory = _watch(process, timeout)
        result = job.with_suffix(".result")
        if process.returncode or not result.exists():
            raise ProcessError(_last_words(log.read_text(errors="replace"), process.returncode))
        return Result(json.loads(result.read_text()), memory)


def _watch(process: "subprocess.Popen[bytes]", timeout: float) -> list[Memory]:
    samples: list[Memory] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(INTERVAL):
            found = [_memory(pid) for pid in (process.pid, *_children(process.pid))]
            known = [pair for pair in found if pair is not None]
            if known:
                anonymous, mapped = (sum(column) for column in zip(*known, strict=True))
                samples.append(Memory(time.monotonic(), anonymous, mapped))

    watcher = threading.Thread(target=sample, daemon=True)
    watcher.start()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ProcessError(f"took longer than {timeout:g} s") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        ended.set()
        watcher.join()
    return samples


def _memory(pid: int) -> tuple[int, int] | None:
    """Return anonymous and file-backed bytes of a process; None where the system does not tell."""
    try:
        rows = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        anonymous = int(rows["RssAnon"].split()[0]) + int(rows["RssShmem"].split()[0])
        return 1024 * anonymous, 1024 * int(rows["RssFile"].split()[0])
    except (OSError, KeyError, ValueError):  # gone, or no such file on this system
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
    return lines[-1].strip() if lines else f"ended with status {status} and said nothing"
