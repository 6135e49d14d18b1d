"""Electrodes of the international 10-20 system, and their synonyms."""

import re
from functools import lru_cache

CHANNELS = (
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz",
    "Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2",
)  # fmt: skip
"""The 19 electrodes, in the default order of a store."""

SYNONYMS = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
"""Names of the newer 10-10 nomenclature for four of the 19."""

_CANONICAL = {name.upper(): name for name in CHANNELS} | SYNONYMS

_ELECTRODE = re.compile(
    r"(A|M|Cb|Fp|AF|F|FT|FC|T|TP|C|CP|P|PO|O|I)(\d{1,2})|(Fp|AF|F|FC|C|CP|P|PO|O|I)(z)",
    re.IGNORECASE,
)
_REGIONS = {"FP": "Fp", "CB": "Cb"}


@lru_cache(maxsize=4096)  # planning looks up the same few names repeatedly
def canonical(name: str) -> str:
    """Return an electrode's name in the nomenclature of :data:`CHANNELS`; others unchanged.

    >>> canonical("FP1"), canonical("t7"), canonical("ft9"), canonical("LOC")
    ('Fp1', 'T3', 'FT9', 'LOC')
    """
    if known := _CANONICAL.get(name.upper()):
        return known
    match = _ELECTRODE.fullmatch(name)
    if match is None:
        return name
    region, place = (match[1] or match[3]).upper(), match[2] or "z"
    return f"{_REGIONS.get(region, region)}{place}"


@lru_cache(maxsize=4096)
def is_electrode(name: str) -> bool:
    """Return whether a name is that of an electrode of the 10-20 or 10-10 system."""
    return _ELECTRODE.fullmatch(name) is not None
