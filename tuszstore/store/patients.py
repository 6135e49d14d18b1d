"""Identity of patients, by the namespace of their corpus.

Patients with the same name in two corpora are different people, unless both corpora have the same
namespace: all corpora of TUH share patient names. The root's attribute `patient_namespaces` gives
the namespace of each corpus.
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
    """Return the identity of the patient of each recording.

    Parameters
    ----------
    attributes : mapping
        Attributes of its root.
    patients, corpora : iterable of str
        `recordings/patient` and `recordings/corpus`.
    unnamed : str
        Distinguishes corpora with the same name and no namespace, such as two plain folders.
    """
    pairs = [*zip(map(str, corpora), map(str, patients), strict=True)]
    known = attributes.get(NAMESPACES)
    named = known if isinstance(known, Mapping) else {}
    of_corpus = {corpus: str(named.get(corpus) or f"{corpus} of {unnamed}") for corpus, _ in pairs}
    return [(of_corpus[corpus], patient) for corpus, patient in pairs]


def are_comparable(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Return whether two stores have comparable patient names: no pseudonyms, or the same key.

    Parameters
    ----------
    a, b : mapping
        Attributes of their roots.
    """
    return _key(a) == _key(b)


def _key(attributes: Mapping[str, Any]) -> object:
    found = attributes.get("pseudonyms")
    return found.get("key_check") if isinstance(found, Mapping) else None
