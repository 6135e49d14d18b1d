"""Why a channel cannot be computed: what is required, what the file has, and how to solve it."""

from collections.abc import Collection, Sequence

from tuszstore.channels.derivations import Channel
from tuszstore.channels.labels import describe_labels
from tuszstore.channels.names import is_electrode

FEW = 4
"""Up to this many missing electrodes, interpolation is suggested."""


def why_not(
    labels: Sequence[str],
    lost: Sequence[Channel],
    would_do: Sequence[str],
    *,
    ignore_case: bool = True,
    references: Collection[str] = (),
    other_case: bool = False,
) -> str:
    """Return the reason why channels cannot be computed, equal for equal causes.

    Parameters
    ----------
    labels : sequence of str
        Labels of all signals of the file, after renaming.
    lost : sequence of Channel
        Channels that cannot be computed.
    would_do : sequence of str
        Electrodes whose interpolation would make all channels available.
    ignore_case, references
        As for :func:`~tuszstore.channels.labels.parse_label`.
    other_case : bool
        Whether they could be derived if case was ignored.
    """
    as_such = [c for c in lost if c.cathode is None]
    plain = sorted(c.anode for c in as_such if is_electrode(c.anode))
    named = [c.anode for c in as_such if not is_electrode(c.anode)]
    derived = [c.name for c in lost if c.cathode is not None]
    parts = []
    if plain:
        parts.append(f"{'channels are' if plain[1:] else 'channel is'} missing: {', '.join(plain)}")
    if derived:
        them = "derivations" if derived[1:] else "derivation"
        parts.append(f"{them} cannot be computed: {', '.join(derived)}")
    if named:
        parts.append(f"no signal has the label {' or '.join(map(repr, named))}")
    told = describe_labels(
        labels,
        ignore_case=ignore_case,
        references=references,
        one_reference=bool(plain) and not derived,
    )
    parts.append(told)
    if other_case:
        parts.append("they exist in another case: set channels.ignore_case to true")
    elif would_do:
        zeros = _zeros(labels, would_do)
        if zeros:
            meant = ", ".join(f"'{zero}': {name}" for zero, name in zeros.items())
            parts.append(f"if a zero stands for the letter O, set channels.rename to {{{meant}}}")
        others = [name for name in would_do if name not in zeros.values()]
        if others:
            them = "them" if others[1:] else "it"
            parts.append(f"to interpolate {them}, add {', '.join(others)} to channels.interpolate")
    elif "with unknown reference" in told:
        parts.append("if all have the same reference, name it in channels.references")
    return "; ".join(parts)


def _zeros(labels: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return those of O1 and O2 that may have been misspelt with a zero."""
    bare = {label.strip() for label in labels}
    return {
        zero: name for zero, name in (("01", "O1"), ("02", "O2")) if zero in bare and name in names
    }
