"""The stores of the other splits in the same store root, and shared patients."""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from tuszstore.errors import StoreError
from tuszstore.plotting.facts import Share, total
from tuszstore.store.schema import SPLITS

if TYPE_CHECKING:
    from tuszstore.facade.store import Store


@dataclass(frozen=True)
class SplitFacts:
    """The store of one split.

    Attributes
    ----------
    name : str
    own : bool
        Whether it is the store passed to :func:`gather_splits`.
    share : Share or None
        None if the store cannot be opened.
    problem : str
        Why the store cannot be opened.
    config_hash : str
    patients : frozenset of str
    """

    name: str
    own: bool
    share: Share | None
    problem: str = ""
    config_hash: str = ""
    patients: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Overlap:
    """Patients in two splits.

    Attributes
    ----------
    first, second : str
    patients : tuple of str
    """

    first: str
    second: str
    patients: tuple[str, ...]


def gather_splits(store: "Store") -> list[SplitFacts]:
    """Return the statistics of a store and of the other splits' stores in the same store root.

    Parameters
    ----------
    store : Store
    """
    own = str(store.attrs["split"])
    splits = []
    for name in SPLITS:
        try:
            found = store if name == own else store.beside(name)
        except StoreError as error:
            splits.append(SplitFacts(name, False, None, problem=str(error)))
            continue
        if found:
            splits.append(_facts(name, found, own=name == own))
    return splits


def find_overlaps(splits: list[SplitFacts]) -> list[Overlap]:
    """Return the patients shared by each pair of splits.

    Parameters
    ----------
    splits : list of SplitFacts
    """
    return [
        Overlap(one.name, other.name, tuple(sorted(shared)))
        for one, other in combinations(splits, 2)
        if (shared := one.patients & other.patients)
    ]


def _facts(name: str, store: "Store", *, own: bool) -> SplitFacts:
    patients = frozenset(str(patient) for patient in store.recordings["patient"].values)
    return SplitFacts(name, own, total(store), "", str(store.attrs["config_hash"]), patients)
