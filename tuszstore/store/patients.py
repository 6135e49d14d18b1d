"""Who is one person: patients by the namespace of their corpus.

Patient 1 of one corpus has nothing to do with patient 1 of another, unless both have one namespace:
all corpora of TUH name their patients alike. The root's attribute `patient_namespaces` says whose
patients those of each corpus are.
"""

from collections.abc import Iterable, Mapping
from typing import Any

NAMESPACES = "patient_namespaces"
"""The attribute of a root."""

Person = tuple[str, str]
"""Namespace and name of a patient."""


def persons_of(
    attributes: Mapping[str, Any],
    patients: Iterable[Any],
    corpora: Iterable[Any],
    unnamed: str = "",
) -> list[Person]:
    """Return who the patient of each recording is.

    Parameters
    ----------
    attributes : mapping
        Of its root.
    patients, corpora : iterable of str
        `recordings/patient` and `recordings/corpus`.
    unnamed : str
        What tells apart corpora of one name that have no namespace, such as two plain folders.
    """
    pairs = [*zip(map(str, corpora), map(str, patients), strict=True)]
    known = attributes.get(NAMESPACES)
    named = known if isinstance(known, Mapping) else {}
    of_corpus = {corpus: str(named.get(corpus) or f"{corpus} of {unnamed}") for corpus, _ in pairs}
    return [(of_corpus[corpus], patient) for corpus, patient in pairs]


def are_comparable(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Return whether the patients of two stores have names of one kind: none, or one key's.

    Parameters
    ----------
    a, b : mapping
        Attributes of their roots.
    """
    return _key(a) == _key(b)


def _key(attributes: Mapping[str, Any]) -> object:
    found = attributes.get("pseudonyms")
    return found.get("key_check") if isinstance(found, Mapping) else None
