"""Whose patients are whose, where stores of several corpora stand in a row.

Names of patients are a corpus's own: patient 1 of one has nothing to do with patient 1 of another.
Corpora of one namespace share theirs, as all of TUH do.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import ConcatError
from tuszstore.facade.windows import WindowCollection
from tuszstore.store.patients import NAMESPACES
from tuszstore.text import printable

Persons = list[tuple[str, str]]
"""Namespace and name of the patient of each recording."""


def persons_of(store: WindowCollection, source: str) -> Persons:
    """Return who the patients of a store are.

    Parameters
    ----------
    store : WindowCollection
    source : str
        Stands for a namespace where nothing tells one.
    """
    recordings = store.metadata.recordings
    known = store.attrs.get(NAMESPACES)
    named = known if isinstance(known, Mapping) else {}
    unnamed = store.attrs.get("data") or source
    corpora = recordings.or_blank("corpus").tolist()
    spaces = {name: str(named.get(name) or f"{name} of {unnamed}") for name in set(corpora)}
    patients = recordings["patient"].tolist()
    return [(spaces[c], str(p)) for c, p in zip(corpora, patients, strict=True)]


def check_leaks(
    persons: Sequence[Persons], stores: Sequence[WindowCollection], sources: Sequence[str]
) -> None:
    """Refuse patients who are in two splits: what is trained on them would be tested on them.

    Raises
    ------
    ConcatError
        Naming patients, their namespace and both stores.
    """
    splits = [str(store.attrs.get("split", "")) for store in stores]
    known = [set(some) for some in persons]
    for a in range(len(stores)):
        for b in range(a):
            shared = sorted(known[a] & known[b])
            if splits[a] == splits[b] or not shared:
                continue
            names = ", ".join(printable(name) for _, name in shared[:5])
            more = ", ..." if len(shared) > 5 else ""
            count = f"{len(shared)} patients are" if len(shared) > 1 else "1 patient is"
            raise ConcatError(
                f"{count} in {splits[b]} ({sources[b]}) and in {splits[a]} ({sources[a]}), which "
                f"share the namespace {shared[0][0]!r}: {names}{more}. Whoever trains on one split "
                "would test on the same patients: build the splits with split_policy 'patient', or "
                "leave their recordings out of one"
            )


def names_of(persons: Sequence[Persons]) -> NDArray[np.object_]:
    """Return a name for the patient of each recording, of all stores in a row.

    A name that is one patient's alone stays; those of several have their namespace before.

    Parameters
    ----------
    persons : sequence of Persons
    """
    spaces: dict[str, set[str]] = {}
    everyone = [person for some in persons for person in some]
    for space, name in set(everyone):
        spaces.setdefault(name, set()).add(space)
    out = np.empty(len(everyone), object)
    out[:] = [f"{space}/{name}" if len(spaces[name]) > 1 else name for space, name in everyone]
    return out
