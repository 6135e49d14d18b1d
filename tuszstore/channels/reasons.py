"""Why a channel cannot be computed: what is required, what the file has, and how to solve it."""

from collections.abc import Collection, Sequence

from tuszstore.channels.derivations import AVERAGE, Channel
from tuszstore.channels.labels import ONE_REFERENCE, describe_labels
from tuszstore.channels.names import canonical, is_electrode
from tuszstore.channels.sets import SETS

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
    if told.endswith(ONE_REFERENCE):
        parts.append(
            "from its bipolar channels, electrodes cannot be computed: --config bipolar uses the "
            "bipolar channels of the longitudinal montage"
        )
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


def why_not_derived(
    lost: Sequence[Channel], stored: Sequence[Channel], average_of: Sequence[str]
) -> str:
    """Return the reason why channels cannot be derived from those of a store.

    Parameters
    ----------
    lost : sequence of Channel
        Channels that cannot be derived; at least one.
    stored : sequence of Channel
        Channels of the store.
    average_of : sequence of str
        Electrodes of the average.
    """
    there = {channel.identity for channel in stored}
    in_pairs = {name for pair in there if pair[1] is not None for name in pair}
    told, missing = [], dict[str, None]()
    for channel in lost:
        lacking = [name for name in _parts(channel, average_of) if (name, None) not in there]
        missing.update(dict.fromkeys(lacking))
        parts = [name for name in lacking if name in in_pairs]
        others = [name for name in lacking if name not in in_pairs]
        reasons = []
        if parts:
            them = "only parts" if parts[1:] else "only a part"
            reasons.append(f"{_named(parts)} {them} of other channels")
        if others:
            reasons.append(f"{_named(others)} missing")
        told.append(f"{channel.name}: {', '.join(reasons)}")
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    names = ", ".join(channel.name for channel in stored[:_LISTED])
    hidden = len(stored) - _LISTED
    has = names + (f" and {hidden} more" if hidden > 0 else "")
    return f"cannot derive {'; '.join(told[:_SHOWN])}{more}. The store has {has}{_way_out(missing)}"


_SHOWN = 4
_LISTED = 32


def _parts(channel: Channel, average_of: Sequence[str]) -> list[str]:
    # a pair with a name that is not an electrode counts as a single name
    parts = [channel.anode] if channel.cathode else [*map(canonical, channel.anode.split("-"))]
    if channel.cathode == AVERAGE:
        parts += average_of
    elif channel.cathode is not None:
        parts.append(channel.cathode)
    return list(dict.fromkeys(parts))


def _named(names: Sequence[str]) -> str:
    *others, last = names[:_LISTED]
    return f"{', '.join(others)} and {last} are" if others else f"{last} is"


def _way_out(missing: Collection[str]) -> str:
    """Return which configuration stores the missing electrodes; nothing if one is none."""
    if not all(map(is_electrode, missing)):
        return ""
    fitting = [
        name
        for name in ("10-20", "10-20+A")
        if {channel.anode for channel in SETS[name]}.issuperset(missing)
    ]
    few = [*missing][:FEW]
    chosen = fitting[0] if fitting else f"[{', '.join(few)}, ...]"
    return (
        "; if the files have the electrodes themselves, build another store with "
        f"channels.set={chosen}, of which these channels are a view"
    )


def _zeros(labels: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """Return those of O1 and O2 that may have been misspelt with a zero."""
    bare = {label.strip() for label in labels}
    return {
        zero: name for zero, name in (("01", "O1"), ("02", "O2")) if zero in bare and name in names
    }
