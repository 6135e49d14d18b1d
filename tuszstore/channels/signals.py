"""The signals of a file by kind: electrodes by reference, differences, other labels.

Signals of two references are never combined, with one exception: a single
electrode may have no reference, or any reference of TUSZ.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tuszstore.channels.labels import (
    PLAIN_REFERENCES,
    REFERENCES,
    Label,
    electrode,
    is_common,
    parse_label,
    positioned_electrodes,
    without_number,
)
from tuszstore.channels.names import SYNONYMS, canonical, is_electrode

MANY = 8
"""From this many electrodes against one other, that one is a common reference, not a neighbour."""


@dataclass(frozen=True)
class Group:
    """Electrodes that may be combined.

    Attributes
    ----------
    reference : str or None
        Common reference, as in :class:`~tuszstore.channels.labels.Label`; None for several.
    numbers : mapping of str to tuple of int
        Signals of each electrode. The first is used, the others must be equal.
    """

    reference: str | None
    numbers: Mapping[str, tuple[int, ...]]

    @cached_property
    def zero(self) -> str | None:
        """The electrode that is the reference, and therefore zero."""
        name = canonical(self.reference or "")
        return name if is_electrode(name) else None

    @cached_property
    def n_positioned(self) -> int:
        """Number of electrodes that others can be interpolated from."""
        return sum(name in positioned() for name in self.numbers)


@dataclass(frozen=True)
class Signals:
    """The signals of a file by kind, as numbers.

    Attributes
    ----------
    number : int
        Number of signals.
    labels : mapping of str to tuple of int
        By label, from :func:`label_key`.
    pairs : mapping of (str, str) to tuple of int
        Differences by anode and cathode.
    mixed : tuple of Group
        Groups for single electrodes, of which the first that has all is used: the references
        of TUSZ in their usual spellings, in any spelling, then each other reference.
    groups : tuple of Group
        One for each common reference.
    """

    number: int
    labels: Mapping[str, tuple[int, ...]]
    pairs: Mapping[tuple[str, str], tuple[int, ...]]
    mixed: tuple[Group, ...]
    groups: tuple[Group, ...]

    def shared(self, anode: str, cathode: str) -> list[str]:
        """Return the electrodes that were subtracted from both, sorted."""
        known = {electrode for _, electrode in self.pairs}
        return sorted(e for e in known if {(anode, e), (cathode, e)} <= self.pairs.keys())


@lru_cache(maxsize=1)
def positioned() -> frozenset[str]:
    """Return the electrodes that can be interpolated and used for interpolation."""
    return frozenset(map(canonical, positioned_electrodes()))


def label_key(label: str, *, ignore_case: bool = True) -> str:
    """Return a label for comparison: with single blanks, and in capitals if case is ignored."""
    joined = " ".join(label.split())
    return joined.upper() if ignore_case else joined


def sort_signals(
    labels: Sequence[str], *, ignore_case: bool = True, references: Collection[str] = ()
) -> Signals:
    """Return the signals of a file by kind.

    Parameters
    ----------
    labels : sequence of str
        Labels of all signals.
    ignore_case : bool
        Whether prefix, reference and synonyms are matched without case; electrodes always are.
    references : collection of str
        Further references, from :func:`~tuszstore.channels.labels.reference_key`: their
        electrodes may be combined, however few they are.
    """
    by_label: dict[str, list[int]] = {}
    pairs: dict[tuple[str, str], list[int]] = {}
    usual: list[tuple[int, str]] = []
    spelled: dict[str, list[tuple[int, str]]] = {}  # with a position, in order of occurrence
    unplaced: list[tuple[int, Label]] = []
    named = frozenset(references)
    one: dict[int, str] = {}
    for number, label in enumerate(labels):
        by_label.setdefault(label_key(label, ignore_case=ignore_case), []).append(number)
        read = _read(label, ignore_case, named)
        usual.append((number, read.usual))
        if read.pair is not None:
            pairs.setdefault(read.pair, []).append(number)
        if read.label is not None and read.placed:
            spelled.setdefault(read.label.reference, []).append((number, read.label.electrode))
        elif read.label is not None:
            unplaced.append((number, read.label))
        if read.reference is not None:
            one[number] = read.reference
    common = {
        reference: entries
        for reference, entries in spelled.items()
        if reference in named or is_common(reference, len({name.upper() for _, name in entries}))
    }
    for number, read_label in unplaced:
        if not is_electrode(read_label.reference) or read_label.reference in common:
            common.setdefault(read_label.reference, []).append((number, read_label.electrode))
    plain = {name: common.pop(name) for name in PLAIN_REFERENCES if name in common}
    unnamed = sorted(entry for entries in plain.values() for entry in entries)
    first = _numbers(usual, ignore_case)
    others = [Group(key, _numbers(sorted(part), ignore_case)) for key, part in common.items()]
    mixed = [_mixed(first, one), _mixed(_numbers(unnamed, ignore_case) | first, one), *others]
    # labels that only the usual spelling matches, such as "F p 1-REF", also belong to their
    # reference
    strict = {key: dict(entries) for key, entries in plain.items()}
    for number, name in usual:
        if is_electrode(name) and one.get(number) in PLAIN_REFERENCES:
            strict.setdefault(one[number], {}).setdefault(number, name)
    apart = [Group(k, _numbers(sorted(part.items()), ignore_case)) for k, part in strict.items()]
    apart += [group for group in others if _is_shared(group, named)]
    return Signals(
        number=len(labels),
        labels={name: tuple(numbers) for name, numbers in by_label.items()},
        pairs={pair: tuple(numbers) for pair, numbers in pairs.items()},
        mixed=tuple(mixed),
        groups=tuple(sorted(apart, key=lambda group: group.reference or "")),
    )


def _is_shared(group: Group, named: Collection[str]) -> bool:
    """Whether a reference is a common one, not a neighbour such as T1 in F7-T1."""
    reference = group.reference or ""
    return reference in named or not is_electrode(reference) or len(group.numbers) >= MANY


def _mixed(numbers: Mapping[str, tuple[int, ...]], one: Mapping[int, str]) -> Group:
    found = {one.get(signals[0]) for signals in numbers.values()}
    return Group(found.pop() if len(found) == 1 else None, numbers)


def _numbers(entries: Iterable[tuple[int, str]], ignore_case: bool) -> dict[str, tuple[int, ...]]:
    """Return the signals of each electrode, those under its older name first."""
    found: dict[str, list[int]] = {}
    newer: dict[str, list[int]] = {}
    for number, name in entries:
        usual, is_newer = _usual(name, ignore_case)
        if usual:
            (newer if is_newer else found).setdefault(usual, []).append(number)
    for name, numbers in newer.items():
        found.setdefault(name, []).extend(numbers)
    return {name: tuple(numbers) for name, numbers in found.items()}


@lru_cache(maxsize=4096)
def _usual(name: str, ignore_case: bool) -> tuple[str | None, bool]:
    """Return an electrode's usual name, if known, and whether the given name is a newer one."""
    if name.upper() in SYNONYMS:
        return SYNONYMS.get(name.upper() if ignore_case else name), True
    return (canonical(name) if is_electrode(name) else None), False


@dataclass(frozen=True)
class _Read:
    """A parsed label: in usual spelling, in any spelling, with a position, as a difference."""

    usual: str
    label: Label | None
    placed: bool
    pair: tuple[str, str] | None
    reference: str | None


@lru_cache(maxsize=4096)  # there are far fewer labels than signals
def _read(label: str, ignore_case: bool, references: frozenset[str]) -> _Read:
    usual = electrode(label, ignore_case=ignore_case)
    found = parse_label(label, ignore_case=ignore_case, references=references)
    placed = found is not None
    found = found or parse_label(
        label, ignore_case=ignore_case, references=references, any_electrode=True
    )
    pair = _pair(found)
    if found is None and (stem := without_number(label)):
        pair = _pair(parse_label(stem, ignore_case=ignore_case, any_electrode=True))
    reference = found.reference if found else _suffix(label, ignore_case)
    return _Read(usual, found, placed, pair, reference)


def _pair(label: Label | None) -> tuple[str, str] | None:
    if label is None or not is_electrode(label.reference):
        return None
    pair = canonical(label.electrode), canonical(label.reference)
    return pair if pair[0] != pair[1] else None


def _suffix(label: str, ignore_case: bool) -> str:
    """Return the reference that :func:`electrode` removes."""
    name = label.replace(" ", "")
    folded = name.upper() if ignore_case else name
    return next((suffix[1:] for suffix in REFERENCES if folded.endswith(suffix)), "")
