"""A build from end to end: plan, compare, run, assemble, publish."""

import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tuszstore.builder.assemble import Part, assemble
from tuszstore.builder.changes import Changes, find_changes
from tuszstore.builder.keys import PIPELINE_VERSION, plugins_of
from tuszstore.builder.leftovers import clear_leftovers
from tuszstore.builder.lock import find_holder, locked
from tuszstore.builder.memory import check_memory, choose_workers, needs_of
from tuszstore.builder.neighbours import root_of_patients
from tuszstore.builder.planned import Plan
from tuszstore.builder.publish import check_target, other_alias, publish
from tuszstore.builder.recording import Built, Failed, Task, writing
from tuszstore.builder.records import discard, versions
from tuszstore.builder.replacing import check_replaced
from tuszstore.builder.report import BuildReport, report_of
from tuszstore.builder.run import refuse_in_worker, run_tasks
from tuszstore.builder.workplace import Workplace
from tuszstore.corpus.base import LeftOut
from tuszstore.errors import BuildError, StoreError
from tuszstore.reasons import plural
from tuszstore.store.create import finish
from tuszstore.store.generations import remove_unused
from tuszstore.store.metadata import StoreMetadata, read_attributes, refuse_newer

_LOG = logging.getLogger("tuszstore")


class Progress(Protocol):
    """Progress reports of a build.

    If it has a method ``say``, that is called with messages, such as that the build
    waits for workers; else they are logged as warnings of ``tuszstore``.
    """

    def start(self, plan: Plan) -> None:
        """Start with a plan."""

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Count one recording and its seconds of EEG."""

    def stop(self) -> None:
        """Finish, whatever the outcome."""


class Silent:
    """Progress that is not shown."""

    def start(self, plan: Plan) -> None:
        """Say nothing."""

    def advance(self, seconds: float, *, failed: bool) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Say nothing."""


def run_plan(
    plan: Plan,
    *,
    force: bool = False,
    progress: Progress | None = None,
    tell: Callable[[Changes], None] | None = None,
) -> BuildReport:
    """Build what is planned and missing; reuse what exists if possible.

    Each recording that is built is kept until the store is published: after an interruption the
    same plan resumes with the missing ones.

    Parameters
    ----------
    plan : Plan
    force : bool
        Reuse nothing of the existing store, even if nothing changed, and replace the store of
        another corpus.
    progress : Progress, optional
    tell : callable, optional
        Called with the changes before they are made.

    Returns
    -------
    BuildReport
        With status ``nothing built`` if no recording could be built; the store is then unchanged.

    Raises
    ------
    BuildError
        If the build cannot start or continue, or would replace the store of another corpus; the
        store is then unchanged.
    """
    start = time.perf_counter()
    refuse_in_worker()
    check_target(plan.store)
    if not force:
        refuse_newer(plan.store)
        check_replaced(plan)
    check_memory(plan, force=force)
    say = getattr(progress, "say", None) or _LOG.warning
    if told := other_alias(plan.store):
        say(told)
    for warning in plan.beside:
        say(f"warning: {plan.split}: {warning}")
    _clear(plan.store)
    report = None if force else _unchanged(plan)
    if report is None:
        report = _build(plan, force, progress or Silent(), tell, say)
        if report.status == "built":
            report = replace(report, seconds=time.perf_counter() - start)
    remove_unused(plan.store)
    return replace(report, warnings=(*report.warnings, *plan.beside))


def _build(
    plan: Plan,
    force: bool,
    progress: Progress,
    tell: Callable[[Changes], None] | None,
    say: Callable[[str], None],
) -> BuildReport:
    if not plan.recordings:
        return _nothing(plan, plan.left_out)
    work = Workplace(plan.store)
    if not (plan.store.exists() or work.path.exists()):
        _check_space(plan, plan.n_blocks)  # before anything is written
    with locked(plan.store):
        changes = find_changes(plan, force=force, deep=True)
        check_memory(plan, changes)
        if tell:
            tell(changes)
        for action, count in changes.counts.items():
            if count:
                _LOG.info("%s: %s: %s", plan.split, action, plural(count, "recording"))
        to_build = (step.planned for step in changes.steps if step.action == "build")
        _check_space(plan, sum(plan.geometry.n_blocks(p.n_samples) for p in to_build))
        with writing(work.path):
            work.begin(plan, forced=force)
            for folder in changes.damaged:
                discard(folder)
        results = _run(changes, plan, work, progress, say)
        parts = _parts(changes, results)
        failed = [result for result in results if isinstance(result, Failed)]
        left_out = sorted(
            [*plan.left_out, *(LeftOut(r.task.id, r.reason, "failed") for r in failed)],
            key=lambda entry: entry.id,
        )
        if not parts:
            return _nothing(plan, left_out)
        made = Counter(
            "build" if r.task.donor is None else "relabel" for r in results if isinstance(r, Built)
        )
        missing = {result.task.id for result in failed}
        if not force and len(failed) == len(results) and (same := _unchanged(plan, missing)):
            work.remove()  # recordings that failed before fail again
            return same
        _LOG.info("%s: assembling the store of %s", plan.split, plural(len(parts), "recording"))
        with writing(work.store):
            assemble(plan, parts, left_out, work.store)
            finish(
                work.store,
                plan.spec,
                {**_attributes(plan, parts), "build": work.begun().get("build")},
            )
        publish(work.store, plan.store)
        _LOG.info("%s: published at %s", plan.split, plan.store)
        work.remove()
    return report_of(
        StoreMetadata.open(plan.store),
        "built",
        timings=dict(sum((Counter(r.timings) for r in results if isinstance(r, Built)), Counter())),
        changes={**changes.counts, "build": made["build"], "relabel": made["relabel"]},
    )


def _clear(store: Path) -> None:
    """Remove remains of builds that were killed after publishing, and of killed repairs."""
    remove_unused(store)
    clear_leftovers(store)
    work = Workplace(store)
    if work.is_over() and not find_holder(store):
        with locked(store):
            work.remove()


def _unchanged(plan: Plan, missing: Set[str] = frozenset()) -> BuildReport | None:
    """Return the report of an existing store if it equals what the plan would build, or None.

    Parameters
    ----------
    plan : Plan
    missing : set of str
        Planned recordings that the store may lack.
    """
    if read_attributes(plan.store).get("sources_digest") != plan.sources_digest:
        return None
    try:
        store = StoreMetadata.open(plan.store)
    except StoreError:
        return None  # of an older schema version, or damaged: rebuilt
    there = set(store.recordings["id"])
    if any(p.recording.id not in there | missing for p in plan.recordings):
        return None
    report = report_of(store, "unchanged", changes={"keep": len(there)})
    # advice of this plan: what it depends on may have changed without changing the store
    return replace(report, warnings=plan.warnings)


def _nothing(plan: Plan, left_out: Sequence[LeftOut]) -> BuildReport:
    return BuildReport(
        plan.split, plan.store, "nothing built", left_out=tuple(left_out), warnings=plan.warnings
    )


def _check_space(plan: Plan, n_blocks: int) -> None:
    """Raise an error if the disk has too little space for so many blocks."""
    needed = plan.expected_bytes * n_blocks / max(1, plan.n_blocks)
    folder = plan.store.parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BuildError(
            f"{folder}: {needed / 1e9:.2f} GB are needed, but {free / 1e9:.2f} GB are "
            "free on this disk; choose another folder with --store"
        )


def _run(
    changes: Changes, plan: Plan, work: Workplace, progress: Progress, say: Callable[[str], None]
) -> list[Built | Failed]:
    """Build and relabel recordings as required; finished recordings are in the workplace."""
    plugins = plugins_of(plan.config)
    tasks = [
        Task(
            id=step.planned.recording.id,
            corpus=plan.corpus,
            recording=step.planned.origin,
            plugins=plugins,
            n_samples=step.planned.n_samples,
            seconds=step.planned.seconds,
            donor=step.donor if step.action == "relabel" else None,
        )
        for step in changes.steps
        if step.action in ("relabel", "build")
    ]
    if not tasks:
        return []
    # longest first, so that no single worker has a long one left at the end
    tasks.sort(key=lambda task: (task.donor is not None, -task.n_samples))
    n_workers, warning = choose_workers(
        plan.config.build, needs_of(changes), sum(task.seconds for task in tasks) / 3600
    )
    if warning:
        say(warning)
    results = []
    progress.start(plan)
    for step in changes.steps:
        if step.action in ("keep", "resume"):
            progress.advance(step.planned.seconds, failed=False)
    _LOG.info("%s: %s", plan.split, _workers(plan, n_workers, len(tasks)))
    try:
        running = run_tasks(tasks, work.recordings, plan.config, n_workers=n_workers, say=say)
        with closing(running):  # closed now, not when an interruption's traceback is released
            for result in running:
                results.append(result)
                _log(plan.split, result)
                progress.advance(result.task.seconds, failed=isinstance(result, Failed))
    finally:
        progress.stop()
    return results


def _workers(plan: Plan, n_workers: int, n_tasks: int) -> str:
    address = plan.config.build.scheduler
    where = f"by the workers of {address}" if address else f"by {plural(n_workers, 'worker')}"
    if not address and n_workers == 0:
        where = "in this process"
    return f"{plural(n_tasks, 'recording')} to build or relabel {where}"


def _log(split: str, result: Built | Failed) -> None:
    """Log the result of a recording."""
    task = result.task
    if isinstance(result, Failed):
        _LOG.info("%s: %s: failed: %s", split, task.id, result.reason)
        if result.traceback:
            _LOG.info("%s", result.traceback)
        return
    done = "built" if task.donor is None else "relabelled"
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in result.timings.items())
    seconds = sum(result.timings.values())
    told = f"{done} in {seconds:.2f} s ({stages})" if stages else "built already"
    _LOG.info("%s: %s: %g s of EEG, %s", split, task.id, round(task.seconds, 3), told)


def _parts(changes: Changes, results: Sequence[Built | Failed]) -> list[Part]:
    """Return the parts of the store, in its order."""
    have = {
        s.planned.recording.id: s.donor for s in changes.steps if s.action in ("keep", "resume")
    }
    have |= {r.task.id: (r.record, r.files) for r in results if isinstance(r, Built)}
    found = ((step.planned, have.get(step.planned.recording.id)) for step in changes.steps)
    return [Part(planned, *pair) for planned, pair in found if pair is not None]


def _attributes(plan: Plan, parts: Sequence[Part]) -> dict[str, Any]:
    config = plan.config.model_dump(mode="json")
    data, pseudonyms = str(plan.data.absolute()), {}
    if plan.pseudonyms:  # a path may contain a name
        config["paths"] = {"data": None, "store": None}
        data, pseudonyms = "", {"pseudonyms": plan.pseudonyms.attributes()}
    made_by = {json.dumps(v, sort_keys=True) for part in parts for v in part.record.signal.made_by}
    return {
        "title": f"EEG windows with seizure labels, split {plan.split}",
        "Conventions": "CF-1.11",
        "split": plan.split,
        "split_policy": plan.config.corpus.split_policy,
        "data": data,
        "patients_from": plan.patients_from,
        "patient_namespaces": root_of_patients(plan)["patient_namespaces"],
        **pseudonyms,
        "config": config,
        "config_hash": plan.config.digest(),
        "sources_digest": plan.sources_digest,
        "sources_seen": plan.sources_seen,
        "pipeline_version": PIPELINE_VERSION,
        "limit": plan.limit,
        "versions": versions(),
        "versions_of_signal": [json.loads(text) for text in sorted(made_by)],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "warnings": list(plan.warnings),
    }
