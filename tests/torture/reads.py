"""Reads that fail: of a corpus while it is built, and of a store while it is used.

Each call that opens or reads a file is counted, and then fails with EIO, once or from there on. A
build may leave a recording out, or end; the same build again must end in the store that it would
have made. A reader gets the values that are stored or an error that names the store, and
``verify`` does not call a store whole that it could not read.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.torture.injection import (
    COUNT,
    FAIL_ALWAYS,
    FAIL_ONCE,
    READS,
    armed,
    in_child,
    must,
)
from tests.torture.interruptions import Case, fresh, inspect, spread
from tests.torture.trying import Attempt, Tally


@dataclass(frozen=True)
class Use:
    """Something that reads a store.

    Attributes
    ----------
    name : str
    work : callable
        Takes the store's path.
    expected : object
        What it returns when every read succeeds; anything else is wrong, and so is a success where
        all reads fail.
    """

    name: str
    work: Callable[[Path], Any]
    expected: Any


def digest_of_all(store: Path) -> str:
    """Return a SHA-256 of all windows and labels."""
    import tuszstore

    opened = tuszstore.open(store)
    signal, labels = opened.read(np.arange(len(opened)), labels=True)
    return hashlib.sha256(signal.tobytes() + labels.tobytes()).hexdigest()


def is_whole(store: Path) -> bool:
    """Return what `verify` says of every byte."""
    import tuszstore

    return bool(tuszstore.verify(store, deep=True).ok)


def uses(store: Path) -> list[Use]:
    """Return what is done with a store."""
    return [
        Use(name, work, must(partial(work, store)))
        for name, work in (("windows and labels", digest_of_all), ("verify", is_whole))
    ]


def count(folder: Path, log: Path, work: Callable[[], Any]) -> int:
    """Return how many reads there are below a folder."""
    _, counted = must(lambda: armed(COUNT, 0, 0, folder, log, work, READS))
    return int(counted)


def attempts_to_build(case: Case, corpus: Path, folder: Path, points: int) -> Iterator[Attempt]:
    """Yield what lets the reads of a build fail: those of its corpus, and those of its stores.

    Parameters
    ----------
    case : Case
    corpus : Path
        That it builds.
    folder : Path
        For trying it without faults.
    points : int
        Reads that fail of each.
    """
    for below in (corpus, None):
        root = fresh(case, folder)
        n = count(below or folder, folder / "log", partial(case.work, root))
        for k, number in enumerate(spread(n, points)):
            yield partial(disturb_build, case, below, FAIL_ONCE if k % 2 else FAIL_ALWAYS, number)


def disturb_build(
    case: Case, below: Path | None, mode: int, number: int, folder: Path, tally: Tally
) -> None:
    """Let a build's read fail, and build again."""
    root = fresh(case, folder)
    tally.points += 1
    tally.failed_reads += 1
    status, told = in_child(
        lambda: armed(
            mode, number, errno.EIO, below or folder, folder / "log", lambda: case.work(root), READS
        )
    )
    what = "the corpus" if below else "the stores"
    where = f"{case.name}, read {number} of {what}, EIO {'once' if mode == FAIL_ONCE else 'on'}"
    tally.survived += status == 0
    if status != 0 and not _names_a_path(told):
        tally.lost.append(f"{where}: {told}")
        return
    status, seen = in_child(lambda: inspect(root))
    if status != 0:
        tally.lost.append(f"{where}: the store there: {seen}")
        return
    status, report = in_child(lambda: case.work(root))
    if status != 0:
        tally.lost.append(f"{where}: does not go on: {report}")
        return
    status, after = in_child(lambda: inspect(root))
    left = sorted(
        p.name
        for p in root.iterdir()
        if p.name not in (".train.zarr.lock", "train.zarr")
        # it may be read still, as far as a build knows that cannot read
        and not p.name.startswith(".train.zarr.old.")
    )
    if status != 0 or after["digest"] != case.digests[1] or left:
        tally.lost.append(f"{where}: at the end {after}, and beside it {left}")


def attempts_to_use(use: Use, store: Path, folder: Path, points: int) -> Iterator[Attempt]:
    """Yield what lets the reads of a store fail."""
    folder.mkdir(exist_ok=True)
    n = count(store, folder / "log", partial(use.work, store))
    for k, number in enumerate(spread(n, points)):
        yield partial(disturb_use, use, store, FAIL_ONCE if k % 2 else FAIL_ALWAYS, number)


def disturb_use(use: Use, store: Path, mode: int, number: int, folder: Path, tally: Tally) -> None:
    """Let one read of a store fail, or all from there on."""
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    log.unlink(missing_ok=True)
    tally.points += 1
    tally.failed_reads += 1
    status, told = in_child(
        lambda: armed(mode, number, errno.EIO, store, log, partial(use.work, store), READS)[0]
    )
    where = f"{use.name}, read {number}, EIO {'once' if mode == FAIL_ONCE else 'on'}"
    # what is read again by another call may well be right; what can never be read may not
    right = told == use.expected and (mode == FAIL_ONCE or not log.exists())
    if status == 0 and right:
        tally.survived += 1
    elif status == 0 and told is False:
        pass  # not whole, as far as could be read
    elif os.WIFSIGNALED(status) or not _names_a_path(told):
        tally.lost.append(f"{where}: {told}")


def _names_a_path(told: Any) -> bool:
    kind, _, text = str(told).partition(": ")
    return kind in ("BuildError", "StoreError", "StaleIndexError", "CorpusError") and "/" in text
