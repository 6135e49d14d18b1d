"""Verifying a store: all checks in order, each independent of the others."""

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

from tuszstore.errors import ConfigError, CorpusError, SchemaError, StoreError
from tuszstore.integrity.blocks import RecordingCheck
from tuszstore.integrity.contents import Contents
from tuszstore.integrity.report import Check, Finding, VerifyReport
from tuszstore.integrity.root import check_root, check_signatures, read_root
from tuszstore.integrity.splits import check_splits
from tuszstore.integrity.structure import check_digests, check_files, check_schema, check_tables
from tuszstore.reasons import plural
from tuszstore.store.find import local_folder
from tuszstore.store.generations import Held, identity
from tuszstore.store.nearby import no_store, not_a_store
from tuszstore.store.opening import PARTS
from tuszstore.store.place import ROOT

_LOG = logging.getLogger("tuszstore")

SAMPLE = 3
"""Default number of recordings that are recomputed from their EDF files."""


def verify(
    path: str | os.PathLike[str],
    *,
    deep: bool = False,
    against: str | os.PathLike[str] | None = None,
    sample: int | None = SAMPLE,
    seed: int = 0,
    workers: int | None = None,
) -> VerifyReport:
    """Check whether a store is intact; see :func:`tuszstore.verify`."""
    place = local_folder(path, "tuszstore verify")
    if not place.is_dir():
        raise StoreError(f"{place}: {no_store(place)}")
    if not any((place / part).exists() for part in (ROOT, *PARTS)):  # nothing to rebuild
        raise StoreError(f"{place}: {not_a_store(place)}")
    if against is not None and not Path(against).is_dir():
        raise CorpusError(f"{against}: no such folder; give the root of the corpus")
    start, this, held = time.perf_counter(), identity(place), Held(place)
    report = VerifyReport(place, deep)
    sources = []
    if against is not None:  # first, so that no check is wasted if this is not the store's corpus
        from tuszstore.integrity.source import check_source

        sources.append(check := Check("sources"))
        contents = _contents(place)
        if contents is None or not contents.complete_tables():
            check.covered = "not checked: the tables cannot be read"
        else:
            _guarded(
                check,
                lambda: check_source(
                    contents, check, report.notes, Path(against), sample, seed, workers
                ),
            )
    _verify(report, place, deep, workers or os.cpu_count() or 1)
    report.checks += sources
    if identity(place) != this:
        raise StoreError(f"{place}: was rebuilt while it was verified; verify it again")
    del held
    report.seconds = time.perf_counter() - start
    return report


def _verify(report: VerifyReport, path: Path, deep: bool, n_threads: int) -> None:
    root, notes = Check("root"), report.notes
    report.checks.append(root)
    try:
        contents = read_root(path)
    except SchemaError:
        raise  # not due to damage
    except StoreError as error:
        root.covered = str(path / "zarr.json")
        root.add(str(error), "build", file="zarr.json")
        notes.append("nothing else can be checked without the root's metadata")
        return
    checks: dict[str, Callable[[Check], None]] = {
        "schema": lambda check: check_schema(contents, check, notes),
        "tables": lambda check: check_tables(contents, check),
        "signatures": lambda check: check_signatures(contents, check),
        "files": lambda check: check_files(contents, check),
    }
    _guarded(root, lambda: check_root(contents, root, notes))
    for name, function in checks.items():
        check = Check(name)
        report.checks.append(check)
        _guarded(check, lambda check=check, function=function: function(check))  # type: ignore[misc]
    damaged = _damaged(report.findings)
    digests = Check("digests")
    report.checks.append(digests)
    _guarded(digests, lambda: check_digests(contents, digests, damaged))
    _check_blocks(report, contents, deep, n_threads)
    splits = Check("splits")
    report.checks.append(splits)
    _guarded(splits, lambda: check_splits(contents, splits, notes))


def _guarded(check: Check, function: Callable[[], None]) -> None:
    """Run a check; unexpected errors of libraries are findings."""
    start = time.perf_counter()
    try:
        function()
    except (CorpusError, ConfigError):
        raise  # not a fault of the store
    except Exception as error:
        check.add(f"could not be completed: {type(error).__name__}: {error}", "build")
        _LOG.info("check %s could not be completed", check.name, exc_info=True)
    seconds, found = time.perf_counter() - start, plural(len(check.findings), "finding")
    _LOG.info("check %s: %s, %s in %.2f s", check.name, check.covered, found, seconds)


def _damaged(findings: Iterable[Finding]) -> set[str]:
    """Return the damaged parts: tables, and ``metadata``."""
    parts = set()
    for finding in findings:
        is_metadata = finding.file.endswith("zarr.json")
        parts.add("metadata" if is_metadata else finding.array.partition("/")[0])
    return parts


def _check_blocks(report: VerifyReport, contents: Contents, deep: bool, n_threads: int) -> None:
    """Check signal, labels and index of all recordings, several at once."""
    checks = {name: Check(name) for name in ("signal", "labels", "index")}
    report.checks += checks.values()
    recordings = contents.table("recordings")
    if recordings is None or not {"signal", "label"} <= contents.documents.keys():
        for check in checks.values():
            check.covered = "not checked: the recordings or the arrays' metadata cannot be read"
        return
    impossible = {
        finding.row
        for check in report.checks
        if check.name == "tables"
        for finding in check.findings
    }
    rows = [row for row in range(len(recordings["id"])) if row not in impossible]

    def run(row: int) -> RecordingCheck:
        return RecordingCheck(contents, row, deep=deep).run()

    n_blocks = n_bytes = 0
    with ThreadPoolExecutor(n_threads, "tuszstore-verify") as pool:
        for done in _in_order(pool, run, rows, ahead=4 * n_threads):
            n_blocks += done.n_blocks
            n_bytes += done.n_bytes
            found = plural(len(done.findings), "finding")
            told = f"{plural(done.n_blocks, 'block')}, {done.n_bytes / 1e6:.2f} MB, {found}"
            _LOG.info("checked %s: %s", recordings["id"][done.row], told)
            for finding in done.findings:
                checks[_check_of(finding)].findings.append(finding)
    told = plural(len(rows), "recording")
    how = "decoded" if deep else "found in the indexes of their shards"
    blocks = plural(n_blocks, "block")
    checks["signal"].covered = f"{blocks} of {told}, {n_bytes / 1e6:,.1f} MB, {how}"
    checks["labels"].covered = f"{told}, against digests and events"
    checks["index"].covered = f"windows of {told}, against labels"


def _in_order(
    pool: Executor, run: Callable[[int], RecordingCheck], rows: Iterable[int], *, ahead: int
) -> Iterator[RecordingCheck]:
    """Yield results of threads in order; few tasks are started ahead, since each takes memory."""
    begun: deque[Future[RecordingCheck]] = deque()
    for row in rows:
        begun.append(pool.submit(run, row))
        if len(begun) > ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


def _check_of(finding: Finding) -> str:
    part = finding.array.partition("/")[0]
    return {"label": "labels", "windows": "index"}.get(part, "signal")


def _contents(path: Path) -> Contents | None:
    """Read a store's tables for another check; None if they cannot be read."""
    try:
        contents = read_root(path)
    except StoreError:
        return None
    check_schema(contents, ignored := Check(""))
    check_tables(contents, ignored)
    return contents
