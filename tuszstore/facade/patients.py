"""Whose patients are whose, where stores of several corpora stand in a row.

Names of patients are a corpus's own: patient 1 of one has nothing to do with patient 1 of another.
Corpora of one namespace share theirs, as all of TUH do.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import ConcatError
from tuszstore.facade.windows import WindowCollection
from tuszstore.store.patients import Person, are_comparable, persons_of
from tuszstore.text import printable

Persons = list[Person]
"""Namespace and name of the patient of each recording."""


def persons_in(store: WindowCollection, source: str) -> Persons:
    """Return who the patients of a store's recordings are.

    Parameters
    ----------
    store : WindowCollection
    source : str
        Stands for a namespace where nothing tells one.
    """
    recordings = store.metadata.recordings
    patients = recordings["patient"].tolist()
    corpora = recordings.or_blank("corpus").tolist()
    return persons_of(store.attrs, patients, corpora, str(store.attrs.get("data") or source))


def check_leaks(
    persons: Sequence[Persons], stores: Sequence[WindowCollection], sources: Sequence[str]
) -> None:
    """Refuse patients who are in two splits: what is trained on them would be tested on them.

    Raises
    ------
    ConcatError
        Naming patients, their namespace and both stores.

    Warns
    -----
    UserWarning
        Where two splits have pseudonyms under different keys, so that nobody can tell.
    """
    splits = [str(store.attrs.get("split", "")) for store in stores]
    known = [set(some) for some in persons]
    for a in range(len(stores)):
        for b in range(a):
            if splits[a] == splits[b]:
                continue
            if not are_comparable(stores[a].attrs, stores[b].attrs):
                warnings.warn(
                    f"the patients of {sources[b]} and {sources[a]} have pseudonyms of different "
                    f"keys: whether one is in {splits[b]} and in {splits[a]} cannot be checked",
                    stacklevel=3,
                )
            shared = sorted(known[a] & known[b])
            if not shared:
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
