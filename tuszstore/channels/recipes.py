"""Recipes: the channels that a channel is computed from, and their factors."""

from collections.abc import Sequence

from tuszstore.channels.derivations import AVERAGE, Channel

Recipe = tuple[tuple[int, float], ...]
"""Row and factor of each term of a derived channel."""


def find_recipe(
    wanted: Channel, channels: Sequence[Channel], average_of: Sequence[str] = ()
) -> Recipe | None:
    """Return how a channel is computed from existing ones; None if it cannot be.

    It exists itself, inverted, or as the difference of two electrodes against one reference
    (the recording's or the average). An electrode minus the average needs all electrodes of
    the average.

    Parameters
    ----------
    wanted : Channel
    channels : sequence of Channel
        Those that exist.
    average_of : sequence of str
        Electrodes of the required average.
    """
    rows = {channel.identity: row for row, channel in enumerate(channels)}
    anode, cathode = wanted.identity
    if wanted.identity in rows:
        return ((rows[wanted.identity], 1.0),)
    if cathode is None:
        return None
    if cathode == AVERAGE:
        return _less_average(anode, rows, average_of)
    if (cathode, anode) in rows:
        return ((rows[cathode, anode], -1.0),)
    for reference in (None, AVERAGE):
        if (anode, reference) in rows and (cathode, reference) in rows:
            return ((rows[anode, reference], 1.0), (rows[cathode, reference], -1.0))
    return None


def _less_average(
    anode: str, rows: dict[tuple[str, str | None], int], average_of: Sequence[str]
) -> Recipe | None:
    if not average_of or any((name, None) not in rows for name in (anode, *average_of)):
        return None
    factors = {rows[name, None]: -1.0 / len(average_of) for name in average_of}
    factors[rows[anode, None]] = factors.get(rows[anode, None], 0.0) + 1.0
    return tuple(sorted(factors.items()))
