"""Traces of a picture, in clinical order, and their derivations.

Anterior traces are above posterior ones and left ones above right ones, by Guideline 3 of the
American Clinical Neurophysiology Society (Acharya et al., 2016).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.derivations import Channel
from tuszstore.channels.labels import electrode
from tuszstore.channels.names import canonical
from tuszstore.channels.recipes import Recipe, find_recipe
from tuszstore.channels.sets import SETS, TEN_TWENTY, chain

_READING_ORDER = (
    ("Fp1", "Fp2"), ("F7", "F8"), ("F3", "F4"), ("T3", "T4"), ("C3", "C4"), ("T5", "T6"),
    ("P3", "P4"), ("O1", "O2"), ("Fz", "Cz", "Pz"),
)  # fmt: skip
_CHAINS = ("Fp1 F7 T3 T5 O1", "Fp2 F8 T4 T6 O2", "Fp1 F3 C3 P3 O1", "Fp2 F4 C4 P4 O2", "Fz Cz Pz")
_NUMBER = re.compile(r"\d+$")


@dataclass(frozen=True)
class Lane:
    """One trace: a channel of the store, or a derivation of several.

    Attributes
    ----------
    channel : Channel
        The channel shown.
    recipe : tuple of (int, float)
        Rows of the store's channels that it is computed from, and their factors.
    """

    channel: Channel
    recipe: Recipe

    @property
    def name(self) -> str:
        """Name, such as ``Fp1`` or ``Fp1-F7``."""
        return self.channel.name

    @property
    def rows(self) -> list[int]:
        """Rows of the store's channels that it is computed from."""
        return [row for row, _ in self.recipe]

    @property
    def side(self) -> str:
        """``left`` (odd numbers), ``right`` (even numbers) or ``midline`` (all others)."""
        number = _NUMBER.search(self.channel.anode)
        return ("right", "left")[int(number[0]) % 2] if number else "midline"

    def is_annotated_by(self, channel: str) -> bool:
        """Whether an annotation of a channel applies to this trace.

        A pair of electrodes, as in TUSZ, applies to the bipolar trace of that pair and to the
        referential traces of both electrodes. A single electrode applies to every trace that
        contains it. A name without an electrode of the 10-20 system, such as ``TERM``, applies to
        all traces.

        Parameters
        ----------
        channel : str
            Channel as annotated, such as ``FP1-F7`` or ``TERM``.
        """
        named = {canonical(part).upper() for part in electrode(channel).split("-")}
        if not named & _TEN_TWENTY:
            return True
        own = {name.upper() for name in self.channel.electrodes}
        pair = self.channel.is_difference and len(named) == 2
        return own == named if pair else bool(own & named)


_TEN_TWENTY = {channel.name.upper() for channel in TEN_TWENTY}

Groups = tuple[tuple[Lane, ...], ...]
"""Traces from top to bottom, in groups separated by gaps."""


def referential(channels: Sequence[Channel]) -> Groups:
    """Return a trace for each channel of a store.

    The 19 electrodes are grouped in left-right pairs and the midline, and bipolar channels in their
    chains; all others follow in the store's order.

    Parameters
    ----------
    channels : sequence of Channel
    """
    lanes = {c.identity: Lane(c, ((row, 1.0),)) for row, c in enumerate(channels)}
    electrodes = [[Channel(name, name) for name in names] for names in _READING_ORDER]
    known = [*electrodes, *map(chain, _CHAINS)]
    groups = [tuple(lanes.pop(c.identity) for c in group if c.identity in lanes) for group in known]
    return tuple(group for group in (*groups, tuple(lanes.values())) if group)


def bipolar(channels: Sequence[Channel]) -> Groups:
    """Return the traces of the longitudinal bipolar montage that the channels allow.

    Parameters
    ----------
    channels : sequence of Channel

    Raises
    ------
    ValueError
        If they allow none of its traces.
    """
    groups = tuple(
        tuple(
            Lane(wanted, recipe)
            for wanted in chain(names)
            if (recipe := find_recipe(wanted, channels)) is not None
        )
        for names in _CHAINS
    )
    if not any(groups):
        names = ", ".join(channel.name for channel in SETS["double_banana"])
        raise ValueError(
            f"no trace of the bipolar montage ({names}) can be computed from the store's channels: "
            f"{', '.join(channel.name for channel in channels[:20])}"
        )
    return tuple(group for group in groups if group)


def has_bipolar(channels: Sequence[Channel]) -> bool:
    """Return whether channels allow any trace of the bipolar montage."""
    wanted = (channel for names in _CHAINS for channel in chain(names))
    return any(find_recipe(channel, channels) is not None for channel in wanted)


def derive(data: NDArray[np.float32], lane: Lane) -> NDArray[np.float32]:
    """Return the signal of a trace.

    Parameters
    ----------
    data : ndarray, shape (channel, sample)
        Signals of all channels of the store.
    lane : Lane

    Returns
    -------
    ndarray, shape (sample,)
    """
    trace: NDArray[np.float32] = np.zeros(data.shape[-1], np.float32)
    for row, factor in lane.recipe:
        trace += data[row] * np.float32(factor)
    return trace
