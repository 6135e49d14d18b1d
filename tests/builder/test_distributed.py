"""Builds on a scheduler and workers that are processes of their own, and that die.

The faults are in `tests/builder/slow_worker.py`, which the workers load with ``--preload``: a
recording waits until it is let go, or takes all memory.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

import tuszstore
from tuszstore.builder.plan import make_plan
from tuszstore.builder.workplace import Workplace
from tuszstore.config import load_config

pytestmark = pytest.mark.slow

CONFIG = {"windows": {"length": 20, "stride": 10}}
PRELOAD = Path(__file__).with_name("slow_worker.py")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        time.sleep(0.05)


class Cluster:
    """A scheduler and workers over TCP, each started by its command."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.gates = folder / "gates"
        self.gates.mkdir()
        self._stack = stack
        self._folder = folder
        self._env = {
            **os.environ,
            "TUSZSTORE_TEST_GATES": str(self.gates),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
        }
        self.scheduler = self.start_scheduler()

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        port = self.address.rpartition(":")[2]
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"
        )
        return self.scheduler

    def start_worker(self, *options: str) -> subprocess.Popen[bytes]:
        return self._start(
            "worker",
            self.address,
            "--nthreads",
            "1",
            "--no-dashboard",
            "--preload",
            str(PRELOAD),
            "--local-directory",
            str(self._folder),
            *options,
        )

    def _start(self, *args: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *args],
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._stack.callback(self.end, process)
        return process

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        """Kill a process with its children, which a nanny has."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def gate(self, name: str) -> Path:
        """Return the file that says that a recording is waiting."""
        return self.gates / f"{name}.waits"

    def open_gate(self) -> None:
        (self.gates / "open").touch()

    def command(self, corpus: Path, root: Path) -> list[str]:
        return [
            sys.executable,
            "-m",
            "tuszstore",
            "build",
            "--split",
            "train",
            "--data",
            str(corpus),
            "--store",
            str(root),
            "--scheduler",
            self.address,
            "--quiet",
            "--set",
            "windows.length=20",
        ]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@pytest.fixture(scope="module")
def clean(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("clean")
    tuszstore.build(CONFIG, split="train", data=small_corpus, store=root, workers=0)
    return content(root)


def content(root: Path) -> str:
    return str(tuszstore.open(root / "train.zarr").attrs["content_digest"])


def stems(corpus: Path) -> list[str]:
    """Names of the recordings, in the order in which they are built."""
    plan = make_plan(load_config(CONFIG, {"paths.data": corpus, "paths.store": "x"}), "train")
    planned = sorted(plan.recordings, key=lambda planned: -planned.n_samples)
    return [planned.recording.path.stem for planned in planned]


def test_a_worker_that_is_killed_and_a_client_that_comes_back(
    cluster: Cluster, own_corpus: Path, tmp_path: Path, clean: str
) -> None:
    root = tmp_path / "stores"
    last = stems(own_corpus)[-1]
    (cluster.gates / last).touch()  # this one is to wait
    first = cluster.start_worker("--no-nanny")
    wait_for_worker(cluster)
    build = subprocess.Popen(cluster.command(own_corpus, root))
    wait_for(cluster.gate(last).exists, "the recording's beginning")
    # killed in the midst of its task; another one takes it over
    cluster.gate(last).unlink()
    cluster.end(first)
    second = cluster.start_worker("--no-nanny")
    wait_for(cluster.gate(last).exists, "the recording's second beginning")
    # the client is gone, and comes back with the same command
    build.send_signal(signal.SIGKILL)
    build.wait()
    assert len(Workplace(root / "train.zarr").built(forced=False)) == 2
    cluster.open_gate()
    done = subprocess.run(cluster.command(own_corpus, root), check=False)
    assert done.returncode == 0
    assert content(root) == clean
    assert second.poll() is None


def test_a_scheduler_that_is_restarted(
    cluster: Cluster, own_corpus: Path, tmp_path: Path, clean: str
) -> None:
    root = tmp_path / "stores"
    last = stems(own_corpus)[-1]
    (cluster.gates / last).touch()
    cluster.start_worker("--no-nanny")
    wait_for_worker(cluster)
    build = subprocess.Popen(cluster.command(own_corpus, root))
    wait_for(cluster.gate(last).exists, "the recording's beginning")
    cluster.end(cluster.scheduler)
    cluster.open_gate()
    cluster.start_scheduler()
    cluster.start_worker("--no-nanny")
    assert build.wait(120) == 0
    assert content(root) == clean


def test_a_worker_that_runs_out_of_memory(
    cluster: Cluster, own_corpus: Path, tmp_path: Path
) -> None:
    """It costs the recording, which the next build tries again."""
    root = tmp_path / "stores"
    victim = stems(own_corpus)[0]
    (cluster.gates / f"{victim}.hungry").touch()
    cluster.start_worker("--memory-limit", "700MB")
    wait_for_worker(cluster)
    config = {**CONFIG, "build": {"scheduler": cluster.address}}
    report = tuszstore.build(config, split="train", data=own_corpus, store=root)
    assert report.exit_status in (2, 3)
    assert [Path(entry.id).stem for entry in report.failed] == [victim]
    assert "its worker died" in report.failed[0].reason
    assert report.recordings == 2
    (cluster.gates / f"{victim}.hungry").unlink()
    again = tuszstore.build(CONFIG, split="train", data=own_corpus, store=root, workers=0)
    assert (again.changes["keep"], again.changes["build"]) == (2, 1)


def wait_for_worker(cluster: Cluster) -> None:
    from distributed import Client

    with Client(cluster.address, timeout=60) as client:
        client.wait_for_workers(1, timeout=60)
