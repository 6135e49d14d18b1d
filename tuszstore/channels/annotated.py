"""The channels that an annotation's channel refers to."""

from collections.abc import Sequence

from tuszstore.channels.derivations import Channel
from tuszstore.channels.labels import electrode
from tuszstore.channels.names import canonical, is_electrode


def annotated_rows(annotated: str, channels: Sequence[Channel]) -> list[int]:
    """Return the channels that an annotated channel stands for.

    >>> from tuszstore.channels.sets import SETS
    >>> [SETS["double_banana"][row].name for row in annotated_rows("FP1-F7", SETS["double_banana"])]
    ['Fp1-F7']
    >>> [SETS["10-20"][row].name for row in annotated_rows("FP1-F7", SETS["10-20"])]
    ['Fp1', 'F7']

    The channel with that name or these electrodes, in either polarity, if it exists; else all that
    use one of the electrodes. A name without electrodes, such as ``TERM``, refers
    to all channels.

    Parameters
    ----------
    annotated : str
        As annotated, such as ``FP1-F7``.
    channels : sequence of Channel
    """
    parts = electrode(annotated).split("-")
    named = {canonical(part) for part in parts}
    own = [set(channel.electrodes) for channel in channels]
    exact = [
        row
        for row, channel in enumerate(channels)
        if own[row] == named or channel.name == annotated.strip()
    ]
    near = [row for row, electrodes in enumerate(own) if electrodes & named]
    if exact or near or any(map(is_electrode, parts)):
        return exact or near
    return list(range(len(channels)))
