"""Builds that are killed or fail at every change of the file system, and go on.

The system calls with which a build changes files are counted (write, open for writing, rename,
exchange, link, unlink, mkdir, rmdir, fsync). Then for each of them

- the process is killed there (SIGKILL; a write is cut in half), or
- the call fails, once or from there on, as on a full disk, on a broken one, or not permitted.

Each time the store that was there must still open, whole, as it was or as it will be. The same
build again must take up all that was built, and end in the store of a build that nothing
disturbed: equal by content digest, every window read, nothing left beside it. A last part kills
builds with Dask workers at random times.
"""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.torture.injection import (
    COUNT,
    ERRORS,
    FAIL_ALWAYS,
    FAIL_ONCE,
    KILL,
    armed,
    environment,
    in_child,
    must,
)
from tests.torture.trying import Attempt, Tally

CONFIG = {"windows": {"length": 10, "stride": 5}, "storage": {"shard_seconds": 20}}


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
    group, there = store.metadata.group, store.metadata.arrays
    digest = content_digest(
        store.attrs["split"],
        store.spec,
        lambda name: np.asarray(group[name][...]) if name in there else None,
    )
    if digest != store.attrs["content_digest"]:
        raise AssertionError("the content digest that is recorded is not that of the tables")
    store.read(np.arange(len(store)))
    return {"digest": digest, "windows": len(store)}


def n_whole(root: Path) -> int:
    """Return how many recordings are whole in the workplace."""
    from tuszstore.builder.workplace import Workplace

    return len(Workplace(root / "train.zarr").built(forced=False))


def attempts(case: Case, n: int, points: int, errors: int) -> Iterator[Attempt]:
    """Yield what kills a build and lets it fail, at so many of its `n` changes."""
    for number in spread(n, points):
        yield partial(disturb, case, KILL, number, 0)
    for error in ERRORS:
        for k, number in enumerate(spread(n, errors)):
            yield partial(disturb, case, FAIL_ONCE if k % 2 else FAIL_ALWAYS, number, error)


def fresh(case: Case, folder: Path) -> Path:
    """Return a folder of stores as it is before a build."""
    root = folder / "stores"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if case.before:
        shutil.copytree(case.before, root, symlinks=True)
    return root


def disturb(case: Case, mode: int, number: int, error: int, folder: Path, tally: Tally) -> None:
    """Disturb a build at one point, look at what is there, and let it go on."""
    root, log = fresh(case, folder), folder / "log"
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
    with extra.open("r+b") as file:
        file.seek(88)
        file.write(b"no copy")  # or it would be left out as one
    before, after = folder / "before", folder / "after"
    digests = []
    for corpus, root in ((first, before), (second, after)):
        must(partial(build, corpus, root))
        digests.append(must(partial(inspect, root))["digest"])

    def index(root: Path) -> dict[str, Any]:
        from tuszstore.builder.reindex import reindex

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


def n_calls(case: Case, folder: Path) -> int:
    """Return with how many calls a build changes the file system."""
    root = fresh(case, folder)
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
        # what is left of a process that was killed complains of it
        process = subprocess.Popen(
            command(corpus, root), env=environment(), stderr=subprocess.DEVNULL
        )
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
    done = subprocess.run(
        [*command(corpus, root), "--json"], check=True, env=environment(), capture_output=True
    )
    tally.kept += json.loads(done.stdout)["changes"].get("resume", 0)
    if must(lambda: inspect(root))["digest"] != digest:
        tally.lost.append("killed at random: another store at the end")


def command(corpus: Path, root: Path) -> list[str]:
    """Return the command of a build with two workers."""
    options = [
        "--set",
        "windows.length=10",
        "--set",
        "windows.stride=5",
        "--set",
        "storage.shard_seconds=20",
    ]
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
        "--workers",
        "2",
        "--quiet",
        *options,
    ]
