"""Labels of signals in their many spellings: an electrode and its reference.

Messages quote only known electrodes and references from labels, since a damaged header may contain
any text.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tuszstore.channels.names import CHANNELS, SYNONYMS, canonical, is_electrode
from tuszstore.channels.sets import SETS
from tuszstore.compat import standard_montage

PLAIN_REFERENCES = ("", "REF", "LE", "AR")
"""References of TUSZ, and none: electrodes with any of these are read together."""

REFERENCES = ("-LE", "-REF", "-AR")
"""Suffixes that name the reference: linked ears, a common reference, the average."""

_WORDS = frozenset(
    {"AVERAGE", "MEAN", "COMMON", "LINKED", "EARS", "MASTOID", "MASTOIDS", "NASION", "NOSE",
     "REFERENCE", "GROUND", "LEARS", "EARLOBES"}
)  # fmt: skip
"""Names of references that are longer than :data:`_CODE` allows."""

_CODE = re.compile(r"(?:[A-Z]{1,3}(?:REF)?|AVER)\d{0,2}")
"""Short names of references, such as AVG, CS2, G2, AA or REF1."""

_NO_REFERENCE = frozenset({"IMP", "ENV", "RMS", "POW", "PSD", "MIN", "MAX", "SD", "VAR"})
"""Endings that describe a processing of an electrode's signal."""

_MANY = 8
"""From this many electrodes against one other, that one is a common reference, not a neighbour."""

_LABEL = re.compile(
    r"(?:(?:EEG|POL)[\s_:.-]*)*(?P<electrode>[A-Za-z]{1,3}\d{0,3})[\s.]*"
    r"(?:[\s_:/-]+(?P<reference>[^\s].*?))?[\s.]*"
)
_ANY_CASE = re.compile(_LABEL.pattern, re.IGNORECASE)

_PAIR = re.compile(r"([A-Z]{1,2}\d{1,2})([A-Z]{1,2}\d{1,2})", re.IGNORECASE)
_NUMBERED = re.compile(r"(.*[^\s-])\s*-\d{1,2}")
_BETWEEN = re.compile(r"[\s()+/_&,-]+")

ANNOTATIONS = "EDF Annotations"
_SHOWN = 4


@dataclass(frozen=True)
class Label:
    """A parsed label of a signal.

    Attributes
    ----------
    electrode : str
        As written, without zeros before its number.
    reference : str
        In canonical spelling; empty without one.
    written : str
        The reference as a message may repeat it.
    """

    electrode: str
    reference: str
    written: str


def electrode(label: str, *, ignore_case: bool = True) -> str:
    """Return a signal's label without ``EEG`` and the reference.

    >>> electrode("EEG FP1-REF"), electrode("Fp1-Ref"), electrode("EEG EKG1-REF")
    ('FP1', 'Fp1', 'EKG1')

    Parameters
    ----------
    label : str
        Label as in the EDF header.
    ignore_case : bool
        Whether ``eeg`` and ``-Ref`` count as well.
    """
    name = label.replace(" ", "")
    folded = name.upper() if ignore_case else name
    if folded.startswith("EEG"):
        name, folded = name[3:], folded[3:]
    for suffix in REFERENCES:
        if folded.endswith(suffix):
            return name[: -len(suffix)]
    return name


def parse_label(
    label: str,
    *,
    ignore_case: bool = True,
    references: Collection[str] = (),
    any_electrode: bool = False,
) -> Label | None:
    """Return electrode and reference of a label, or None if they are unknown.

    >>> parse_label("POL Fp1-Ref1")
    Label(electrode='Fp1', reference='REF1', written='REF1')
    >>> parse_label("EEG_F7_(A1+A2)/2").reference, parse_label("C3..").reference
    ('A1A2', '')
    >>> parse_label("EKG1") is None
    True

    Parameters
    ----------
    label : str
        As in the EDF header.
    ignore_case : bool
        Whether the case of prefix and reference is ignored; that of the electrode always is.
    references : collection of str
        Further references, from :func:`reference_key`.
    any_electrode : bool
        Whether to include electrodes of the 10-20 and 10-10 systems without a position in MNE's
        montage, such as T1.
    """
    parts = _split(label, ignore_case, any_electrode)
    if parts is None:
        return None
    written = _reference(parts[1], ignore_case=ignore_case)
    if written is None:
        written = reference_key(parts[1], ignore_case=ignore_case)
        return Label(parts[0], written, written) if written in references else None
    return Label(parts[0], SYNONYMS.get(written, written), written)


def reference_key(text: str, *, ignore_case: bool = True) -> str:
    """Return a reference in the canonical spelling of :class:`Label`.

    >>> reference_key("-(A1+A2)/2"), reference_key("- Common 2")
    ('A1A2', 'COMMON2')

    Parameters
    ----------
    text : str
        As named by the user, or as in a label.
    ignore_case : bool
        As for :func:`parse_label`.

    Raises
    ------
    ValueError
        If it is empty: electrodes without a reference are read anyway.
    """
    text = text.strip(" -:/_")
    known = _reference(text, ignore_case=ignore_case)
    if known == "":
        raise ValueError(f"a reference must have a name: {text!r:.40}")
    if known is not None:
        return SYNONYMS.get(known, known)
    squeezed = "".join(text.split())
    return squeezed.upper() if ignore_case else squeezed


def _split(label: str, ignore_case: bool, any_electrode: bool = False) -> tuple[str, str] | None:
    """Return a known electrode, and the text of its reference."""
    match = (_ANY_CASE if ignore_case else _LABEL).fullmatch(label.strip())
    if match is None:
        return None
    electrode = re.sub(r"(?<=[A-Za-z])0+(?=\d)", "", match["electrode"])
    known = electrode.upper() in _electrodes() or (any_electrode and is_electrode(electrode))
    return (electrode, match["reference"] or "") if known else None


def _reference(text: str, *, ignore_case: bool) -> str | None:
    text = text.removesuffix("/2").strip(" ().")
    if not text:
        return ""
    name = text.upper() if ignore_case else text
    if name.upper() in PLAIN_REFERENCES:
        return name if name in PLAIN_REFERENCES else None
    pair = _PAIR.fullmatch(name)
    parts = [part.upper() for part in (pair.groups() if pair else _BETWEEN.split(name)) if part]
    if all(part in _electrodes() for part in parts):
        return "".join(parts)
    if len(parts) > 1 or name.upper() in _NO_REFERENCE:
        return None
    known = _CODE.fullmatch(name.upper()) or name.upper() in _WORDS
    return name if known else None


ONE_REFERENCE = "electrodes against one common reference are required"
"""How the description of a file with bipolar signals ends where electrodes are needed."""


def describe_labels(
    labels: Sequence[str],
    *,
    ignore_case: bool = True,
    references: Collection[str] = (),
    one_reference: bool = True,
) -> str:
    """Return a summary of a file's signals that mentions only known electrodes and references.

    It does not depend on the order of signals.

    Parameters
    ----------
    labels : sequence of str
        Labels of all its signals.
    ignore_case, references
        As for :func:`parse_label`.
    one_reference : bool
        Whether single electrodes are needed, all against one reference.
    """
    names = _electrodes()
    groups: dict[str, list[Label]] = {}
    n_unknown = n_other = 0
    for label in labels:
        if label == ANNOTATIONS:
            continue
        parsed = parse_label(label, ignore_case=ignore_case, references=references)
        parsed = parsed or _numbered(label, ignore_case)
        if parsed is None:
            is_electrode = _split(label, ignore_case) is not None
            n_unknown, n_other = n_unknown + is_electrode, n_other + (not is_electrode)
            continue
        plain = parsed.reference in PLAIN_REFERENCES
        groups.setdefault("" if plain else parsed.reference, []).append(parsed)
    pairs = []
    parts = []
    for reference, found in sorted(groups.items()):
        shown = [names[one.electrode.upper()] for one in found]
        against = min(names.get(one.written, one.written) for one in found)
        if reference not in references and not is_common(reference, len(set(shown))):
            pairs += [
                f"{name}-{names[one.written]}" for name, one in zip(shown, found, strict=True)
            ]
        elif reference:
            electrodes = _listed(sorted(shown, key=_place), "electrode")
            parts.append(f"{electrodes} against {against}")
        else:
            parts.append(_listed(sorted(shown, key=_place), "electrode"))
    n_references = len(parts)
    if pairs:
        parts.append(_listed(sorted(pairs, key=_place), "bipolar derivation"))
    for count, what in (
        (n_unknown, "of an electrode with unknown reference"),
        (n_other, "without an electrode's name"),
    ):
        if count:
            parts.append(f"{count} signal{'s' if count > 1 else ''} {what}")
    if not parts:
        return "the file has no signals"
    several = f"{', '.join(parts[:-1])} and {parts[-1]}" if parts[1:] else parts[0]
    if n_references > 1:
        what = "all" if one_reference else "both electrodes of a derivation"
        return f"the file has {several}, and {what} must be against one reference"
    if one_reference and len(pairs) > len(groups.get("", ())):
        return f"the file has {several}, and {ONE_REFERENCE}"
    return f"the file has {several}"


@lru_cache(maxsize=1)
def _places() -> dict[str, int]:
    """Return the display order of electrodes and differences, by their usual names."""
    shown = [channel.name for name in ("10-20", "double_banana", "tcp") for channel in SETS[name]]
    return {name: place for place, name in enumerate(dict.fromkeys(shown))}


def _place(name: str) -> tuple[int, str]:
    usual = "-".join(map(canonical, name.split("-")))
    return _places().get(usual, len(_places())), name


def without_number(label: str) -> str | None:
    """Return a label without the number that MNE adds to repeated ones.

    >>> without_number("T8-P8-0"), without_number("T8-P8")
    ('T8-P8', None)
    """
    match = _NUMBERED.fullmatch(label.strip())
    return match and match[1]


def _numbered(label: str, ignore_case: bool) -> Label | None:
    """Return a difference of two electrodes whose label ends in a number."""
    parsed = parse_label(without_number(label) or "", ignore_case=ignore_case)
    return parsed if parsed and parsed.reference in _electrodes() else None


def is_common(reference: str, n_electrodes: int) -> bool:
    """Return whether a reference of this many electrodes is a common one, not a neighbour.

    Parameters
    ----------
    reference : str
        As of :class:`Label`.
    n_electrodes : int
    """
    return reference not in _electrodes() or n_electrodes >= _MANY


def _listed(names: Sequence[str], what: str) -> str:
    kind = what if len(names) == 1 else f"{what}s"
    if len(names) <= _SHOWN:
        return f"{len(names)} {kind} ({', '.join(names)})"
    return f"{len(names)} {kind} ({', '.join(names[:_SHOWN])}, ...)"


@lru_cache(maxsize=1)
def positioned_electrodes() -> tuple[str, ...]:
    """Return the electrodes of MNE's 10-20 montage, except those with an older name."""
    return tuple(name for name in standard_montage().ch_names if name not in SYNONYMS)


@lru_cache(maxsize=1)
def _electrodes() -> dict[str, str]:
    """Return all names of electrodes in capitals, with their usual spelling."""
    names = (*standard_montage().ch_names, *CHANNELS, *SYNONYMS)
    return {name.upper(): name for name in names}
