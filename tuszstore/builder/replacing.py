"""Refusing to replace the store of another corpus.

A store's name is that of its split, so two corpora with one folder for stores have the same name. A
build drops the recordings that are no longer planned: of another corpus, these are all of them.
Ids are paths within the folder of data, so a build from a folder below or above has other ids
for the same files.
"""

import os
import shlex
from pathlib import Path

from tuszstore.builder.planned import Plan
from tuszstore.errors import BuildError, StoreError
from tuszstore.reasons import plural
from tuszstore.store.metadata import StoreMetadata, read_attributes
from tuszstore.store.place import shown_path
from tuszstore.text import printable


def check_replaced(plan: Plan, *, force: bool = False) -> None:
    """Refuse to replace a store of another corpus, of which the plan keeps no recording.

    A store of the same files under other ids is not replaced either. Nothing is refused if the
    store cannot be opened, or is of the same folder of data: then its recordings were removed from
    there, or divided into splits in another way.

    Parameters
    ----------
    plan : Plan
    force : bool
        Replace it.

    Raises
    ------
    BuildError
        Naming the store, its corpus, and both folders.
    """
    attributes = {} if force or not plan.recordings else read_attributes(plan.store)
    before = str(attributes.get("data") or "")
    here = str(plan.data.absolute())
    if not attributes or (before and os.path.realpath(before) == os.path.realpath(here)):
        return
    try:
        store = StoreMetadata.open(plan.store, allow_stale_index=True)
        try:
            ids = store.recordings["id"].tolist()
            corpora = set(store.recordings.or_blank("corpus").tolist()) - {""}
        finally:
            store.release()
    except StoreError:
        return  # it is rebuilt from scratch, and the plan says why
    planned = {entry.recording.id for entry in plan.recordings}
    if not ids or not planned.isdisjoint(ids):
        return
    same_corpus = not corpora or not corpora.isdisjoint(e.recording.corpus for e in plan.recordings)
    # stores with pseudonyms do not name the folder, which may be the same
    if same_corpus and not before:
        return
    if same_corpus and _are_nested(before, here):
        if _are_same_files(plan, before, ids):
            raise BuildError(
                printable(
                    f"{shown_path(plan.store)}: was built from {before}, and {here} has the same "
                    "files under other ids, since ids are paths within the folder of data: all "
                    f"{plural(len(ids), 'recording')} would be dropped and built again; use "
                    f"--data {shlex.quote(before)}, as the store was built, or rebuild it with "
                    "--force (force=True)"
                )
            )
        return
    told = f"of {', '.join(sorted(corpora))} " if corpora else ""
    origin = f" from {before}" if before else ""
    raise BuildError(
        printable(
            f"{shown_path(plan.store)}: is the store {told}with {plural(len(ids), 'recording')}"
            f"{origin}, and none of them is in {here} ({plan.corpus.name}), which would replace "
            "it; choose another folder with --store, or replace it with --force (force=True)"
        )
    )


def _are_same_files(plan: Plan, before: str, ids: list[str]) -> bool:
    """Return whether some planned files are those of recordings of the store."""
    files = {os.path.realpath(os.path.join(before, id_)) for id_ in ids}
    return any(os.path.realpath(entry.origin.path) in files for entry in plan.recordings)


def _are_nested(one: str, other: str) -> bool:
    """Return whether one folder contains the other."""
    a, b = (Path(os.path.realpath(path)) for path in (one, other))
    return a.is_relative_to(b) or b.is_relative_to(a)
