"""Identity of patients in concatenated stores.

Names of patients are specific to a corpus: patients with equal names in two corpora are different
people, unless the corpora share a namespace, such as TUH.
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
    """Return the identities of the patients of a store's recordings.

    Parameters
    ----------
    store : WindowCollection
    source : str
        Replaces an unknown namespace.
    """
    recordings = store.metadata.recordings
    patients = recordings["patient"].tolist()
    corpora = recordings.or_blank("corpus").tolist()
    return persons_of(store.attrs, patients, corpora, str(store.attrs.get("data") or source))


def check_leaks(
    persons: Sequence[Persons], stores: Sequence[WindowCollection], sources: Sequence[str]
) -> None:
    """Reject patients who are in two splits, which would leak from training to test.

    Raises
    ------
    ConcatError
        Naming patients, their namespace and both stores.

    Warns
    -----
    UserWarning
        If two splits have pseudonyms under different keys, so patients cannot be compared.
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
                    f"keys: patients of both {splits[b]} and {splits[a]} cannot be detected",
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
                f"share the namespace {shared[0][0]!r}: {names}{more}. Training on one split "
                "and testing on the other leaks: build the splits with split_policy 'patient', or "
                "remove their recordings from one"
            )


def names_of(persons: Sequence[Persons]) -> NDArray[np.object_]:
    """Return a name for the patient of each recording of concatenated stores.

    Unique names are kept; ambiguous ones are prefixed with their namespace.

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
