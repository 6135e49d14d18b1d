"""Matching names of channels in a table to the labels of a file, in any spelling.

``FP1``, ``EEG Fp1-Ref`` and ``Fp1-Avg`` are one signal if a file has no other of that electrode,
and ``T4-T6`` is ``T8-P8``, in either polarity.
"""

from collections.abc import Callable, Hashable, Sequence

from tuszstore.channels.labels import Label, is_common, parse_label
from tuszstore.channels.names import canonical, is_electrode
from tuszstore.channels.signals import label_key


def match_names(names: Sequence[str], labels: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the signals that names refer to; several if labels are repeated.

    >>> match_names(["FP1", "t4-t6"], ["Fp1-Avg", "T8-P8", "P8-T8"])
    {'FP1': (0,), 't4-t6': (1, 2)}

    Parameters
    ----------
    names : sequence of str
    labels : sequence of str
        Labels of all signals of the file.

    Returns
    -------
    dict of str to tuple of int
        Empty for a name that no signal has.
    """
    common = _common(labels)

    def electrode(text: str) -> Hashable:
        """Return the electrode of a label; None if its reference is a neighbour."""
        parsed = _parsed(text)
        if parsed is None or (is_electrode(parsed.reference) and parsed.reference not in common):
            return None
        return canonical(parsed.electrode)

    keys: tuple[Callable[[str], Hashable], ...] = (
        lambda text: " ".join(text.split()),
        label_key,
        _signal,
        electrode,
        _letters,
    )
    found: dict[str, tuple[int, ...]] = dict.fromkeys(names, ())
    for key in keys:
        left = [name for name, numbers in found.items() if not numbers]
        if not left:
            break
        by_key: dict[Hashable, list[int]] = {}
        for number, label in enumerate(labels):
            by_key.setdefault(key(label), []).append(number)
        by_key.pop(None, None)
        for name in left:
            found[name] = tuple(by_key.get(key(name), ()))
    return found


def _parsed(text: str) -> Label | None:
    return parse_label(text, any_electrode=True)


def _signal(text: str) -> Hashable:
    """Return electrode and reference, or the two electrodes of a difference in any order."""
    parsed = _parsed(text)
    if parsed is None:
        return None
    if is_electrode(parsed.reference):
        return frozenset({canonical(parsed.electrode), canonical(parsed.reference)})
    return canonical(parsed.electrode), parsed.reference


def _letters(text: str) -> Hashable:
    return "".join(letter for letter in text.casefold() if letter.isalnum()) or None


def _common(labels: Sequence[str]) -> set[str]:
    """Return the electrodes that many others are referenced to."""
    against: dict[str, set[str]] = {}
    for parsed in map(_parsed, labels):
        if parsed is not None and is_electrode(parsed.reference):
            against.setdefault(parsed.reference, set()).add(parsed.electrode.upper())
    return {name for name, others in against.items() if is_common(name, len(others))}
