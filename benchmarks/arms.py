"""What is timed, each in a process of its own, so that none finds memory or caches of another."""

import contextlib
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tuszstore.build.plan import Plan
from tuszstore.config import Config

SPLIT = "train"


@dataclass(frozen=True)
class Run:
    """One arm, once.

    Attributes
    ----------
    seconds : float
        From call to return, libraries already imported.
    bytes : int
        Of all files written.
    stages : dict of str to float
        Seconds by stage; what they leave is in none of them.
    peak : int
        Most memory that the process, or any of its workers, had resident (bytes).
    steady : float
        Seconds from the first recording done to the last, with workers.
    others : float
        Cores that were busy with something else meanwhile.
    """

    seconds: float
    bytes: int
    stages: dict[str, float] = field(default_factory=dict)
    peak: int = 0
    steady: float = 0.0
    others: float = 0.0


def in_fresh_process(function: Callable[..., Run], *args: Any) -> Run:
    """Call a function of a module in a new process, and return what it returns."""
    # what earlier arms wrote goes to disk now, not while this one is timed
    os.sync()
    start, busy, own = time.perf_counter(), _busy_seconds(), _seconds_of_children()
    run: Run = _call(function, *args)
    foreign = _busy_seconds() - busy - (_seconds_of_children() - own)
    return replace(run, others=max(0.0, foreign / (time.perf_counter() - start)))


def same_windows(config: Config, data: Path, scratch: Path) -> bool:
    """Return whether both ways make the same windows and labels, bit for bit.

    Parameters
    ----------
    config : Config
        With the steps of the rival, and float32.
    data : Path
        A corpus.
    scratch : Path
        Folder for what is written; it goes afterwards.
    """
    return bool(_call(_same_windows, config, data, scratch))


def _same_windows(config: Config, data: Path, scratch: Path) -> bool:
    import tuszstore
    from benchmarks.npz_reference import build_npz

    paths = sorted(data.rglob("*.edf"))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        build_npz(paths, Path(folder))
        files = [np.load(Path(folder, f"{path.stem}_windows.npz")) for path in paths]
        windows, labels = (np.concatenate([f[key] for f in files]) for key in ("windows", "labels"))
        tuszstore.build(config, split=SPLIT, data=data, store=folder, workers=0)
        store = tuszstore.open(Path(folder, f"{SPLIT}.zarr"))
        same_signal = np.array_equal(store.windows[: len(store)], windows)
        return same_signal and np.array_equal(np.asarray(store.labels[: len(store)]) > 0, labels)


def _call(function: Callable[..., Any], *args: Any) -> Any:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args).result()


def run_npz(paths: Sequence[Path], warm_up: Sequence[Path], scratch: Path) -> Run:
    """Build NPZ files, after some that do not count.

    Parameters
    ----------
    paths, warm_up : sequence of Path
        EDF files.
    scratch : Path
        Folder for what is written; it goes afterwards.
    """
    from benchmarks.npz_reference import build_npz

    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        build_npz(warm_up, Path(folder))
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        stages = build_npz(paths, Path(folder))
        return Run(sum(stages.values()), _size(Path(folder)), stages, peak_memory())


def run_store(config: Config, data: Path, warm_up: Path | None, scratch: Path) -> Run:
    """Build a store in this process, after one that does not count.

    Parameters
    ----------
    config : Config
    data, warm_up : Path
        Corpora.
    scratch : Path
        Folder for what is written; it goes afterwards.
    """
    import tuszstore

    if warm_up is not None:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            tuszstore.build(config, split=SPLIT, data=warm_up, store=folder, workers=0)
    _into_page_cache(data)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        start = time.perf_counter()
        report = tuszstore.build(config, split=SPLIT, data=data, store=folder, workers=0)
        seconds = time.perf_counter() - start
        _check(report)
        return Run(seconds, _size(Path(folder)), report.timings, peak_memory())


def run_workers(config: Config, data: Path, n_workers: int, scratch: Path) -> Run:
    """Build a store with workers, from the start of their cluster to its end.

    Parameters
    ----------
    config : Config
    data : Path
    n_workers : int
        Processes of the Dask cluster.
    scratch : Path
    """
    import distributed  # noqa: F401  (the workers import it again, and that counts)

    import tuszstore

    _into_page_cache(data)
    watch = Watch()
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        start = time.perf_counter()
        report = tuszstore.build(
            config, split=SPLIT, data=data, store=folder, workers=n_workers, progress=watch
        )
        seconds = time.perf_counter() - start
        _check(report)
        size = _size(Path(folder))
    return Run(seconds, size, report.timings, watch.peak, watch.times[-1] - watch.times[0])


class Watch:
    """Progress that notes when recordings are done, and the memory of the worker processes."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.peak = 0

    def start(self, plan: Plan) -> None:
        """Do nothing."""

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Note the time, and the peak of any process below this one."""
        self.times.append(time.perf_counter())
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError):
                self.peak = max(self.peak, peak_memory(process.pid))

    def stop(self) -> None:
        """Do nothing."""


def peak_memory(pid: int | None = None) -> int:
    """Return the most memory (bytes) that a process has had resident; by default this one.

    Parameters
    ----------
    pid : int, optional
        Of another process; outside Linux its present memory is returned instead.
    """
    status = Path("/proc", str(pid or "self"), "status")
    if status.exists():
        # ru_maxrss of a new process begins with what its parent had when it started it
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    if pid is not None:
        return int(psutil.Process(pid).memory_info().rss)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _into_page_cache(data: Path) -> None:
    for path in {path.resolve() for path in data.rglob("*.edf")}:
        path.read_bytes()


def _busy_seconds() -> float:
    """Return the time that all cores were busy since the machine started."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "irq", 0.0))


def _seconds_of_children() -> float:
    """Return the time that cores were busy with processes which this one started and ended."""
    times = os.times()
    return times.children_user + times.children_system


def _check(report: Any) -> None:
    """Fail if arms would be compared that did not do the same work."""
    if report.left_out:
        raise RuntimeError(f"left out by tuszstore: {report.left_out}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
