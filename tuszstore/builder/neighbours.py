"""Check that no patient is in two splits, across the stores of a store root."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from tuszstore.builder.planned import Plan
from tuszstore.errors import CorpusError, StoreError
from tuszstore.store.metadata import StoreMetadata, read_attributes
from tuszstore.store.patients import NAMESPACES, are_comparable, persons_of
from tuszstore.store.schema import SPLITS
from tuszstore.text import printable

NAMED = 5
"""Patients that a message names."""


def check_neighbours(plan: Plan, together: Collection[str] = ()) -> list[str]:
    """Reject patients who are in another split beside the planned store.

    Within one corpus its division into splits ensures that. This checks other corpora with the
    same namespace of patients, such as TUSZ and other corpora of TUH; under the split policy
    ``file_order`` it only warns.

    Parameters
    ----------
    plan : Plan
    together : collection of str
        Splits that are built with it, so their stores are replaced.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    CorpusError
        Naming patients and stores.
    """
    own = root_of_patients(plan)
    here = {
        (own[NAMESPACES][planned.recording.corpus], planned.recording.patient)
        for planned in plan.recordings
        if own[NAMESPACES].get(planned.recording.corpus)
    }
    warnings = []
    for path, attributes in _others(plan, own, together) if here else ():
        if not are_comparable(own, attributes):
            warnings.append(f"{path.name}: has other pseudonyms: patients were not compared")
            continue
        try:
            store = StoreMetadata.open(path, allow_stale_index=True)
            try:
                table = store.recordings
                there = persons_of(
                    attributes, table["patient"].tolist(), table.or_blank("corpus").tolist()
                )
            finally:
                store.release()
        except StoreError as error:
            warnings.append(f"patients were not compared with a neighbouring store: {error}")
            continue
        both = here.intersection(there)
        if shared := sorted({name for _, name in both}):
            told = ", ".join(map(printable, shared[:NAMED]))
            more = f" and {len(shared) - NAMED} more" if len(shared) > NAMED else ""
            where = f"{told}{more} in {plan.split} and in {path.name} beside it"
            if plan.config.corpus.split_policy == "file_order":
                warnings.append(f"split policy file_order: patients in two splits: {where}")
                continue
            raise CorpusError(
                f"patients in two splits: {where}, which belongs to another corpus with the same "
                f"patient names ({', '.join(sorted({space for space, _ in both}))}). "
                "Choose another folder with --store, or remove that store"
            )
    return warnings


def root_of_patients(plan: Plan) -> dict[str, Any]:
    """Return the attributes of a planned store's root that identify its patients."""
    corpus = plan.corpus.open()
    data = {} if plan.pseudonyms else {"data": str(plan.data.absolute())}
    pseudonyms = {"pseudonyms": plan.pseudonyms.attributes()} if plan.pseudonyms else {}
    names = dict.fromkeys([corpus.name, *(p.recording.corpus for p in plan.recordings)])
    return {**data, **pseudonyms, NAMESPACES: dict.fromkeys(names, corpus.patient_namespace)}


def _others(
    plan: Plan, own: dict[str, Any], together: Collection[str]
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the stores of other splits that may contain patients of the plan."""
    spaces = set(own[NAMESPACES].values()) - {""}
    for split in SPLITS:
        path = Path(plan.config.paths.store or plan.store.parent) / f"{split}.zarr"
        if split == plan.split or split in together:
            continue
        attributes = read_attributes(path)
        known = attributes.get(NAMESPACES)
        if not isinstance(known, dict) or spaces.isdisjoint(map(str, known.values())):
            continue
        if known == own[NAMESPACES] and attributes.get("data", "") == own.get("data", ""):
            continue  # splits of one corpus are disjoint, or are being rebuilt
        yield path, attributes
