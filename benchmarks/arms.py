"""What is timed, each in a process of its own, so that none finds memory or caches of another."""

import logging
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        Most memory that the process had resident (bytes).
    """

    seconds: float
    bytes: int
    stages: dict[str, float] = field(default_factory=dict)
    peak: int = 0


def in_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of a module in a new process, and return what it returns."""
    # what earlier arms wrote goes to disk now, not while this one is timed
    os.sync()
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
    scratch : Path
    """
    import distributed  # noqa: F401  (the workers import it again, and that counts)

    import tuszstore

    _into_page_cache(data)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        start = time.perf_counter()
        report = tuszstore.build(config, split=SPLIT, data=data, store=folder, workers=n_workers)
        seconds = time.perf_counter() - start
        _check(report)
        return Run(seconds, _size(Path(folder)), report.timings)


def run_on_cluster(config: Config, data: Path, n_workers: int, scratch: Path) -> Run:
    """Build a store on a cluster whose workers are up and have built before.

    Parameters
    ----------
    config : Config
    data : Path
    n_workers : int
    scratch : Path
    """
    from distributed import Client, LocalCluster

    import tuszstore

    cluster = LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    with cluster, Client(cluster) as client:
        client.wait_for_workers(n_workers)
        config = config.replace(**{"build.scheduler": cluster.scheduler_address})
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            tuszstore.build(config, split=SPLIT, data=data, store=folder, limit=3 * n_workers)
        _into_page_cache(data)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            start = time.perf_counter()
            report = tuszstore.build(config, split=SPLIT, data=data, store=folder)
            seconds = time.perf_counter() - start
            _check(report)
            peak = max(client.run(peak_memory).values())
            return Run(seconds, _size(Path(folder)), report.timings, peak)


def peak_memory() -> int:
    """Return the most memory (bytes) that this process has had resident."""
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss of a new process begins with what its parent had when it started it
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _into_page_cache(data: Path) -> None:
    for path in {path.resolve() for path in data.rglob("*.edf")}:
        path.read_bytes()


def _check(report: Any) -> None:
    """Fail if arms would be compared that did not do the same work."""
    if report.left_out:
        raise RuntimeError(f"left out by tuszstore: {report.left_out}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
