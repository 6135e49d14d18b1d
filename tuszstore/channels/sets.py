"""Named sets of channels: the electrodes, and common montages.

The longitudinal bipolar montage is that of Guideline 3 of the American Clinical Neurophysiology
Society (Acharya et al., 2016); TCP is the montage of the annotations of TUSZ.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from tuszstore.channels.derivations import Channel
from tuszstore.channels.names import CHANNELS
from tuszstore.channels.recipes import Recipe, find_recipe
from tuszstore.text import nearest


def chain(names: str) -> tuple[Channel, ...]:
    """Return the differences of neighbours in a row of electrodes, such as ``Fz Cz Pz``."""
    return tuple(Channel.parse(f"{anode}-{cathode}") for anode, cathode in pairwise(names.split()))


def _chains(*rows: str) -> tuple[Channel, ...]:
    return tuple(channel for row in rows for channel in chain(row))


TEN_TWENTY = tuple(Channel.parse(name) for name in CHANNELS)

_TEMPORAL = ("Fp1 F7 T3 T5 O1", "Fp2 F8 T4 T6 O2")
_PARASAGITTAL = ("Fp1 F3 C3 P3 O1", "Fp2 F4 C4 P4 O2")

SETS: dict[str, tuple[Channel, ...]] = {
    "10-20": TEN_TWENTY,
    "10-20+A": (*TEN_TWENTY, Channel.parse("A1"), Channel.parse("A2")),
    "double_banana": _chains(
        _TEMPORAL[0], _PARASAGITTAL[0], _PARASAGITTAL[1], _TEMPORAL[1], "Fz Cz Pz"
    ),
    "tcp": _chains(*_TEMPORAL, "A1 T3 C3 Cz C4 T4 A2", *_PARASAGITTAL),
    "tcp_a": _chains(*_TEMPORAL, "T3 C3 Cz C4 T4", *_PARASAGITTAL),
}
"""Built-in sets, each in its order."""


def parse_channels(wanted: str | Sequence[str]) -> tuple[Channel, ...]:
    """Return the channels of a set's name or of a list of channels.

    Parameters
    ----------
    wanted : str or sequence of str
        A key of :data:`SETS`, or channels as :meth:`Channel.parse` takes them.

    Raises
    ------
    ValueError
        If there is no such set, no channel, a repeated one, or a set within a list.
    """
    if isinstance(wanted, str):
        if wanted not in SETS:
            near = nearest(wanted, SETS)
            raise ValueError(
                f"unknown set of channels {wanted!r:.100}"
                + f"; known are {', '.join(sorted(SETS))}, or give a list such as [Fp1, F7-T7]"
                + (f"; did you mean {near!r}?" if near else "")
            )
        return SETS[wanted]
    for text in wanted:
        if not isinstance(text, str):
            raise ValueError(f"a channel must be text, not {text!r:.100}; put it in quotes")
        if text in SETS:
            raise ValueError(f"{text!r} is a set of channels: use it alone, or list its channels")
    channels = tuple(Channel.parse(text) for text in wanted)
    check_distinct(channels)
    return channels


def channels_of(wanted: str | Channel | Iterable[str | Channel]) -> tuple[Channel, ...]:
    """Return the channels of a set's name, or of channels and texts.

    Parameters
    ----------
    wanted : str, Channel or iterable of them
        As for :func:`parse_channels`; a :class:`Channel` is kept.

    Raises
    ------
    TypeError
        If it is neither a name nor several channels.
    ValueError
        As for :func:`parse_channels`.
    """
    if isinstance(wanted, str):
        return parse_channels(wanted)
    if not isinstance(wanted, Channel | Iterable):
        raise TypeError(
            f"channels must be the name of a set, or a list of channels, not {wanted!r:.100}"
        )
    given = [wanted] if isinstance(wanted, Channel) else list(wanted)
    parsed = iter(parse_channels(texts) if (texts := _texts(given)) else ())
    channels = tuple(one if isinstance(one, Channel) else next(parsed) for one in given)
    check_distinct(channels)
    return channels


def _texts(given: Sequence[str | Channel]) -> list[str]:
    return [one for one in given if not isinstance(one, Channel)]


def shown_channels(channels: Sequence[Channel]) -> str:
    """Return a short text for channels: a set's name, or some names and a count.

    >>> shown_channels(SETS["tcp_a"])
    'tcp_a (20 channels)'
    >>> shown_channels(parse_channels(["Fp1", "F7-T3"])), shown_channels(SETS["tcp_a"][:5])
    ('Fp1, F7-T3', 'Fp1-F7, F7-T3, T3-T5 and 2 more')
    """
    for name, members in SETS.items():
        if members == tuple(channels):
            return f"{name} ({len(members)} channels)"
    more = len(channels) - 3
    named = ", ".join(channel.name for channel in channels[: 4 if more == 1 else 3])
    return named if more < 2 else f"{named} and {more} more"


def derivable_sets(channels: Sequence[Channel]) -> dict[str, tuple[Recipe, ...]]:
    """Return how the built-in sets are computed from channels, if possible.

    Parameters
    ----------
    channels : sequence of Channel

    Returns
    -------
    dict of str to tuple of Recipe
        In the order of each set; without sets that the channels already contain.
    """
    there = {channel.identity for channel in channels}
    found = {}
    for name, members in SETS.items():
        recipes = tuple(find_recipe(member, channels) for member in members)
        if None not in recipes and any(member.identity not in there for member in members):
            found[name] = tuple(recipe for recipe in recipes if recipe)
    return found


def check_distinct(channels: Iterable[Channel]) -> None:
    """Reject channels if two are equivalent or have the same name.

    Raises
    ------
    ValueError
        Names them; also if there are none.
    """
    seen: dict[object, Channel] = {}
    for channel in channels:
        for key in {channel.identity, channel.name}:
            if (other := seen.setdefault(key, channel)) is not channel:
                raise ValueError(
                    f"{channel.name} and {other.name} are the same channel, given twice"
                )
    if not seen:
        raise ValueError("no channels given")
