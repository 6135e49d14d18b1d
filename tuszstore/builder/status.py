"""Differences between a store and its corpus, and what a build would do about them."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuszstore.builder.changes import Changes, find_changes
from tuszstore.builder.lock import Holder, find_holder
from tuszstore.builder.plan import make_plan
from tuszstore.builder.planned import Plan
from tuszstore.builder.provenance import recorded_config
from tuszstore.builder.workplace import Workplace
from tuszstore.corpus.sources import root_of
from tuszstore.errors import StoreError
from tuszstore.store.find import local_folder
from tuszstore.store.generations import remove_unused
from tuszstore.store.metadata import read_attributes
from tuszstore.store.nearby import no_store, not_a_store
from tuszstore.store.place import ROOT

UP_TO_DATE, TO_DO = 0, 4
"""Exit statuses of ``tuszstore status``; 1 is an error."""


@dataclass(frozen=True)
class Status:
    """The state of a store.

    Attributes
    ----------
    plan : Plan
        With the configuration of the store; of the unfinished build, if there is no store.
    changes : Changes
    holder : Holder or None
        Process that is building it.
    unfinished : dict
        An interrupted build: its start and number of recordings; empty if there is none.
    n_old : int
        Number of older generations that are still read.
    """

    plan: Plan
    changes: Changes
    holder: Holder | None
    unfinished: dict[str, Any]
    n_old: int

    @property
    def exit_status(self) -> int:
        """0 if a build would change nothing, 4 if it would."""
        return UP_TO_DATE if self.changes.up_to_date else TO_DO

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "store": str(self.plan.store),
            "data": str(self.plan.data),
            "split": self.plan.split,
            "corpus": self.plan.corpus.name,
            "patients_from": self.plan.patients_from,
            **self.changes.to_json(),
            "left_out": [vars(entry) for entry in self.plan.left_out],
            "holder": vars(self.holder) if self.holder else None,
            "unfinished": self.unfinished or None,
            "old_generations": self.n_old,
            "exit_status": self.exit_status,
        }


def find_status(store: str | os.PathLike[str], data: Path | None = None) -> Status:
    """Compare a store with its corpus, by a scan of headers and annotations.

    Parameters
    ----------
    store : path
        A store, or the target of an interrupted build.
    data : Path, optional
        Root of the corpus, if it has moved.

    Raises
    ------
    StoreError
        If there is neither a store nor an unfinished build.
    CorpusError
        If the corpus does not exist.
    """
    store = local_folder(store, "tuszstore status").resolve()
    work = Workplace(store)
    begun = work.begun()
    known = read_attributes(store) or begun
    if not known and any(store.glob(f"*/{ROOT}")):
        raise StoreError(f"{store}: {not_a_store(store)}")
    if not known:
        raise StoreError(f"{store}: {no_store(store, 'store or unfinished build')}")
    config = recorded_config(known, store)
    split, root = known["split"], root_of(known, data, store)
    options = {"paths.data": root, "paths.store": store.parent}
    plan = make_plan(config.replace(**options), split, limit=known.get("limit"))
    plan = replace(plan, store=store)
    unfinished = {}
    if begun:
        unfinished = {"since": begun["since"], "recordings": len(work.built(forced=False))}
    return Status(
        plan=plan,
        changes=find_changes(plan),
        holder=find_holder(store),
        unfinished=unfinished,
        n_old=len(remove_unused(store)),
    )
