"""Repairing only what a verification finds damaged.

The repaired store is a new generation: intact files are linked or copied into a folder beside the
store, damaged parts are recomputed there, and it is published only if a deep verification
finds no damage and all digests are unchanged. Readers see the old store or the repaired one.
"""

import os
import shutil
import time
from pathlib import Path

from tuszstore.builder.leftovers import clear_leftovers, folder_for, remove_leftovers
from tuszstore.builder.lock import locked
from tuszstore.builder.publish import publish
from tuszstore.builder.recording import writing
from tuszstore.errors import BuildError, TuszstoreError
from tuszstore.integrity.mending import AGAIN, Mending, refuse_lost
from tuszstore.integrity.report import Finding, RepairReport
from tuszstore.integrity.root import read_root
from tuszstore.integrity.verify import verify
from tuszstore.store.digests import digests_of
from tuszstore.store.find import local_folder
from tuszstore.store.generations import identity, remove_unused
from tuszstore.store.place import ROOT

ROUNDS = 3
"""Maximum number of rounds of repair and verification."""


def repair(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
) -> RepairReport:
    """Repair the damaged parts of a store; see :func:`tuszstore.repair`."""
    start = time.perf_counter()
    place = local_folder(path, "tuszstore repair").resolve()
    clear_leftovers(place)
    this = identity(place)
    found = verify(place, deep=True)
    damage = [finding for finding in found.findings if finding.mend != "none"]
    if not damage:
        return RepairReport(place, "whole", seconds=time.perf_counter() - start)
    refuse_lost(place, damage)
    report = RepairReport(place, "repaired")
    work = folder_for(place, "repairing")
    with locked(place), writing(work):
        if identity(place) != this:
            raise BuildError(f"{place}: was rebuilt while it was verified; repair it again")
        remove_leftovers(place)
        try:
            _mend(Mending(place, work, data, workers, report), damage)
            publish(work / "store", place)
        except (TuszstoreError, OSError):
            raise
        except Exception as error:  # a library may raise anything on damaged data
            raise BuildError(
                f"{place}: could not be repaired: {type(error).__name__}: {error}; {AGAIN}"
            ) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    remove_unused(place)
    report.seconds = time.perf_counter() - start
    return report


def _mend(mending: "Mending", damage: list[Finding]) -> None:
    """Make a repaired copy of a damaged store, beside it."""
    mending.copy({finding.file for finding in damage if finding.mend == "stray"})
    for _ in range(ROUNDS):
        mending.mend(damage)
        # damaged metadata may hide further damage
        damage = [f for f in verify(mending.target, deep=True).findings if f.mend != "none"]
        if not damage:
            break
    else:
        raise BuildError(f"{mending.place}: was not repaired: {damage[0]}; {AGAIN}")
    _check_same(mending.place, mending.target)


def _check_same(place: Path, unfinished: Path) -> None:
    """Raise an error unless the repaired store equals the store before the damage."""
    contents = read_root(place)
    before, after = contents.attributes, read_root(unfinished).attributes
    # if the root was changed, its digests of files may have been too, but not the content digest,
    # which is one of the attributes known to be unchanged
    old, new = digests_of(before) if contents.sound else {}, digests_of(after)
    if before.get("content_digest") != after["content_digest"] or any(
        digest != new.get(name) for name, digest in old.items() if not name.endswith(ROOT)
    ):
        raise BuildError(f"{place}: the repaired parts differ from those of the build; {AGAIN}")
