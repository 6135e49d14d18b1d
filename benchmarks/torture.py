"""Torture: builds that are killed or fail at every change of the file system, and go on.

``python -m benchmarks.torture`` counts the system calls with which a build changes files (write,
open for writing, rename, exchange, link, unlink, mkdir, rmdir, fsync), then for each of them

- kills the process there (SIGKILL; a write is cut in half), and
- lets the call fail, once or from there on, as on a full disk, on a broken one, or not permitted.

Each time the store that was there must still open, whole, as it was or as it will be. The same
build again must take up all that was built, and end in the store of a build that nothing
disturbed: equal by content digest, every window read, nothing left beside it. A last part kills
builds with Dask workers at random times.

The faults are injected below Python, by a library that is loaded before the system's
(`faults.c`); tuszstore knows nothing of it. Linux and a C compiler are needed.
"""

import ctypes
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click

LIBRARY = "TUSZSTORE_TORTURE_LIBRARY"
OFF, COUNT, KILL, FAIL_ONCE, FAIL_ALWAYS = range(5)
ERRORS = (errno.ENOSPC, errno.EIO, errno.EPERM)
CONFIG = {"windows": {"length": 10, "stride": 5}, "storage": {"shard_seconds": 20}}


@dataclass
class Tally:
    """What was tried, and what came of it."""

    points: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    kept: int = 0
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A build to be disturbed.

    Attributes
    ----------
    name : str
    work : callable
        Takes the folder of stores, does the work, returns the report.
    before : Path or None
        Folder of stores that is there when the work begins.
    digests : tuple of str
        Content digests of the store before and after; empty where there is none before.
    """

    name: str
    work: Callable[[Path], Any]
    before: Path | None
    digests: tuple[str, str]


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Run something in a forked process; return its wait status and what it returned."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            content = json.dumps(work())
            os.write(writer, content.encode())
            status = 0
        except BaseException as error:
            os.write(writer, json.dumps(f"{type(error).__name__}: {error}").encode())
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        received = file.read()
    _, status = os.waitpid(child, 0)
    return status, json.loads(received) if received else None


def armed(
    mode: int, number: int, error: int, folder: Path, log: Path, work: Callable[[], Any]
) -> Any:
    """Do something while one change of the file system below a folder goes wrong."""
    library = ctypes.CDLL(os.environ[LIBRARY])
    library.faults_arm(mode, ctypes.c_long(number), error, os.fsencode(folder), os.fsencode(log))
    result = work()
    counted = int(library.faults_counted())
    library.faults_arm(OFF, ctypes.c_long(0), 0, b"/", b"")
    return result, counted


def build(corpus: Path, root: Path) -> dict[str, Any]:
    """Build the train split in this process."""
    import tuszstore

    report = tuszstore.build(CONFIG, split="train", data=corpus, store=root, workers=0)
    return {"status": report.status, "changes": report.changes}


def inspect(root: Path) -> dict[str, Any]:
    """Read all of a store: its content digest, recomputed, and every window."""
    import numpy as np

    import tuszstore
    from tuszstore.store.content import content_digest

    path = root / "train.zarr"
    if not path.exists():
        return {"digest": "", "windows": 0}
    store = tuszstore.open(path)
    digest = content_digest(
        store.attrs["split"], store.attrs["config_hash"],
        lambda name: np.asarray(store.metadata.group[name][...]),
    )  # fmt: skip
    if digest != store.attrs["content_digest"]:
        raise AssertionError("the content digest that is recorded is not that of the tables")
    store.read(np.arange(len(store)))
    return {"digest": digest, "windows": len(store)}


def n_whole(root: Path) -> int:
    """Return how many recordings are whole in the workplace."""
    from tuszstore.build.workplace import Workplace

    return len(Workplace(root / "train.zarr").built(forced=False))


def disturb(case: Case, mode: int, number: int, error: int, folder: Path, tally: Tally) -> None:
    """Disturb a build at one point, look at what is there, and let it go on."""
    root, log = folder / "stores", folder / "log"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if case.before:
        shutil.copytree(case.before, root, symlinks=True)
    tally.points += 1
    status, told = in_child(
        lambda: armed(mode, number, error, folder, log, lambda: case.work(root))
    )
    if not log.exists():
        raise AssertionError(f"{case.name}: call {number} was never made")
    what = log.read_text()
    where = f"{case.name}, call {number} ({what}), " + (
        "killed"
        if mode == KILL
        else f"{errno.errorcode[error]} {'once' if mode == FAIL_ONCE else 'on'}"
    )
    if mode == KILL:
        tally.killed[what] += 1
        if not os.WIFSIGNALED(status):
            tally.lost.append(f"{where}: not killed but {told}")
            return
    else:
        tally.failed[errno.errorcode[error]] += 1
        tally.survived += status == 0
        if status != 0 and not str(told).startswith("BuildError: /"):
            tally.lost.append(f"{where}: {told}")
            return
    status, seen = in_child(lambda: {**inspect(root), "whole": n_whole(root)})
    if status != 0 or seen["digest"] not in case.digests:
        tally.lost.append(f"{where}: the store there: {seen}")
        return
    whole = seen["whole"]
    status, report = in_child(lambda: case.work(root))
    if status != 0:
        tally.lost.append(f"{where}: does not go on: {report}")
        return
    resumed = report["changes"].get("resume", 0)
    # what is in the store already need not be taken from the workplace
    if seen["digest"] != case.digests[1] and "build" in report["changes"] and resumed < whole:
        tally.lost.append(f"{where}: {whole} recordings were built, {resumed} taken up")
        return
    tally.kept += resumed
    status, after = in_child(lambda: inspect(root))
    left = sorted(
        p.name for p in root.iterdir() if p.name not in (".train.zarr.lock", "train.zarr")
    )
    if status != 0 or after["digest"] != case.digests[1] or left:
        tally.lost.append(f"{where}: at the end {after}, and beside it {left}")


def disturb_all(todo: list[tuple[Case, int, int, int]], folder: Path, jobs: int) -> Tally:
    """Disturb builds at many points, in some processes side by side."""
    pipes = []
    for job in range(jobs):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            tally, status = Tally(), 1
            try:
                for case, mode, number, error in todo[job::jobs]:
                    disturb(case, mode, number, error, folder / f"run{job}", tally)
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
        part = json.loads(content)
        for name in ("killed", "failed"):
            getattr(total, name).update(part[name])
        total.points += part["points"]
        total.survived += part["survived"]
        total.kept += part["kept"]
        total.lost += part["lost"]
    return total


def make_cases(folder: Path) -> list[Case]:
    """Make corpora and stores, and the builds to be disturbed."""
    from tuszstore.corpus.synthetic import write_corpus

    first, second = folder / "corpus", folder / "changed"
    write_corpus(first, patients=2, files=5, minutes=0.5, seed=3, quirks=False)
    shutil.copytree(first, second)
    paths = sorted((second / "edf" / "train").rglob("*.edf"))
    edit(paths[0].with_suffix(".csv"))
    with paths[1].open("r+b") as file:
        file.seek(-2000, os.SEEK_END)
        file.write(bytes(range(100)))
    paths[2].unlink()
    extra = paths[3].with_name(paths[3].name.replace("_t0", "_t9"))
    for suffix in (".edf", ".csv"):
        shutil.copy(paths[3].with_suffix(suffix), extra.with_suffix(suffix))
    before, after = folder / "before", folder / "after"
    digests = []
    for corpus, root in ((first, before), (second, after)):
        must(partial(build, corpus, root))
        digests.append(must(partial(inspect, root))["digest"])

    def index(root: Path) -> dict[str, Any]:
        from tuszstore.build.reindex import reindex

        report = reindex(root / "train.zarr", {"labels.full_seizure": 0.5})
        return {"status": report.status, "changes": report.changes}

    indexed = folder / "indexed"
    shutil.copytree(before, indexed)
    must(lambda: index(indexed))
    by_index = must(lambda: inspect(indexed))["digest"]
    return [
        Case("first build", lambda root: build(first, root), None, ("", digests[0])),
        Case("changed corpus", lambda root: build(second, root), before, tuple(digests)),
        Case("index", index, before, (digests[0], by_index)),
    ]


def edit(annotation: Path) -> None:
    """Add an event to an annotation."""
    annotation.write_text(annotation.read_text() + "TERM,2.0,9.0,seiz,1.0\n")


def must(work: Callable[[], Any]) -> Any:
    """Run something in a child that must not fail."""
    status, result = in_child(work)
    if status != 0:
        raise RuntimeError(f"without any fault: {result}")
    return result


def n_calls(case: Case, folder: Path) -> int:
    """Return with how many calls a build changes the file system."""
    root = folder / "stores"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if case.before:
        shutil.copytree(case.before, root)
    _, counted = must(lambda: armed(COUNT, 0, 0, folder, folder / "log", lambda: case.work(root)))
    return int(counted)


def spread(n: int, wanted: int) -> Iterator[int]:
    """Yield call numbers from 1 to n: all, or so many of them evenly."""
    if wanted >= n:
        yield from range(1, n + 1)
    else:
        yield from (1 + k * n // wanted for k in range(wanted))


def kill_at_random(corpus: Path, folder: Path, times: int, seed: int, tally: Tally) -> None:
    """Kill builds with two Dask workers at random times, until one ends; compare the store."""
    rng = random.Random(seed)
    clean = folder / "clean"
    begin = time.monotonic()
    subprocess.run(command(corpus, clean), check=True, env=environment())
    longest = time.monotonic() - begin
    digest = must(lambda: inspect(clean))["digest"]
    root = folder / "stores"
    for _ in range(times):
        process = subprocess.Popen(command(corpus, root), env=environment())
        time.sleep(rng.uniform(0.3, 1.0) * longest)
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            shutil.rmtree(root)  # it was faster: from the start again
            continue
        tally.points += 1
        tally.killed["at random"] += 1
        seen = must(lambda: {**inspect(root), "whole": n_whole(root)})
        if seen["digest"] not in ("", digest):
            tally.lost.append(f"killed at random: the store there is {seen}")
    done = subprocess.run([*command(corpus, root), "--json"], check=True, env=environment(),
                          capture_output=True)  # fmt: skip
    tally.kept += json.loads(done.stdout)["changes"].get("resume", 0)
    if must(lambda: inspect(root))["digest"] != digest:
        tally.lost.append("killed at random: another store at the end")


def command(corpus: Path, root: Path) -> list[str]:
    """Return the command of a build with two workers."""
    options = ["--set", "windows.length=10", "--set", "windows.stride=5",
               "--set", "storage.shard_seconds=20"]  # fmt: skip
    return [sys.executable, "-m", "tuszstore", "build", "--split", "train", "--data", str(corpus),
            "--store", str(root), "--workers", "2", "--quiet", *options]  # fmt: skip


def environment() -> dict[str, str]:
    """Return this process's environment without the library of faults."""
    return {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", LIBRARY)}


def compile_library(folder: Path) -> Path:
    """Compile `faults.c`."""
    library = folder / "faults.so"
    source = Path(__file__).with_name("faults.c")
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def print_tally(tally: Tally, seconds: float) -> None:
    """Print the figures."""
    print(f"points tried: {tally.points:,}")
    print(f"  killed: {sum(tally.killed.values()):,} "
          f"({', '.join(f'{n:,} {what}' for what, n in tally.killed.most_common())})")  # fmt: skip
    print(f"  errors injected: {sum(tally.failed.values()):,} "
          f"({', '.join(f'{n:,} {what}' for what, n in tally.failed.most_common())}), "
          f"{tally.survived:,} of them survived")  # fmt: skip
    print(f"recordings taken up after an interruption: {tally.kept:,}")
    print(f"lost: {len(tally.lost)}")
    for told in tally.lost:
        print(f"  {told}")
    print(f"in {seconds:.0f} s")


@click.command()
@click.option("--points", type=int, default=200, show_default=True, help="Kills of each build.")
@click.option("--errors", type=int, default=25, show_default=True, help="Failures of each kind.")
@click.option("--random-kills", type=int, default=12, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--jobs", type=int, default=os.cpu_count(), help="By default one for each core.")
def main(points: int, errors: int, random_kills: int, seed: int, jobs: int) -> None:
    """Kill builds, let them fail, and see that nothing is lost."""
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        folder = Path(name)
        if LIBRARY not in os.environ:
            library = str(compile_library(folder))
            preload = {**os.environ, "LD_PRELOAD": library, LIBRARY: library}
            done = subprocess.run([sys.executable, "-m", "benchmarks.torture", *sys.argv[1:]],
                                  env=preload)  # fmt: skip
            sys.exit(done.returncode)
        # before any fork, so that no child has to; nothing of it starts a thread
        import mne.io  # noqa: F401
        import scipy.signal  # noqa: F401
        import zarr  # noqa: F401

        begin = time.monotonic()
        cases = make_cases(folder)
        todo: list[tuple[Case, int, int, int]] = []
        for case in cases:
            n = n_calls(case, folder / "run")
            print(f"{case.name}: {n:,} calls change the file system", flush=True)
            todo += [(case, KILL, number, 0) for number in spread(n, points)]
            todo += [
                (case, FAIL_ONCE if k % 2 else FAIL_ALWAYS, number, error)
                for error in ERRORS
                for k, number in enumerate(spread(n, errors))
            ]
        tally = disturb_all(todo, folder, jobs)
        if random_kills:
            kill_at_random(folder / "corpus", folder / "run", random_kills, seed, tally)
        print_tally(tally, time.monotonic() - begin)
    sys.exit(1 if tally.lost else 0)


if __name__ == "__main__":
    main()
