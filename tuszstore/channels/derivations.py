"""Derivations of channels: an electrode, a difference, or an electrode minus the average.

Two channels are the same if anode and cathode are, in one nomenclature, whatever their
names: ``T7-P7`` is ``T3-T5``, and ``P7-T7`` is its inverse.
"""

import re
from dataclasses import dataclass
from typing import Self

from tuszstore.channels.names import canonical, is_electrode

AVERAGE = "avg"
"""Cathode of a channel against the average of electrodes."""

MAX_NAME = 80
"""Maximum number of characters of a channel's name: an EDF label has 16."""

_PARTS = re.compile(r"([^-\s]+)\s*-\s*([^-\s]+)")


@dataclass(frozen=True)
class Channel:
    """One channel of a store.

    Attributes
    ----------
    name : str
        Name of the channel.
    anode : str
        Electrode, in the nomenclature of :data:`~tuszstore.channels.names.CHANNELS` if it is one of
        the 10-20 system; otherwise a label as in the source.
    cathode : str or None
        Electrode that is subtracted, ``"avg"`` for the average of electrodes, or None for a
        channel as recorded, against the recording's reference.
    """

    name: str
    anode: str
    cathode: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the channel that a text means, such as ``Fp1``, ``F7-T7`` or ``C3-avg``.

        >>> Channel.parse("T7-P7")
        Channel(name='T3-T5', anode='T3', cathode='T5')
        >>> Channel.parse("c3-AVG").cathode, Channel.parse("BTEleft SD").cathode
        ('avg', None)

        Parameters
        ----------
        text : str
            A pair of electrodes, an electrode with ``-avg``, or any other label, unchanged.

        Raises
        ------
        ValueError
            If it is empty, too long, or a channel minus itself.
        """
        label = " ".join(text.split())
        if not label or len(label) > MAX_NAME:
            raise ValueError(
                f"a channel's name must have 1 to {MAX_NAME} characters: {text!r:.100}"
            )
        pair = _PARTS.fullmatch(label)
        if pair is None or not is_electrode(pair[1]):
            anode = canonical(label)
            return cls(anode, anode)
        anode = canonical(pair[1])
        if pair[2].lower() == AVERAGE:
            return cls(f"{anode}-{AVERAGE}", anode, AVERAGE)
        if not is_electrode(pair[2]):
            return cls(label, label)
        cathode = canonical(pair[2])
        if anode == cathode:
            raise ValueError(f"{text!r} is a channel minus itself")
        return cls(f"{anode}-{cathode}", anode, cathode)

    @property
    def electrodes(self) -> tuple[str, ...]:
        """Names of electrodes; without those of an average."""
        return (self.anode,) if self.cathode in (None, AVERAGE) else (self.anode, str(self.cathode))

    @property
    def identity(self) -> tuple[str, str | None]:
        """Anode and cathode: equal for equivalent channels."""
        return self.anode, self.cathode

    @property
    def is_difference(self) -> bool:
        """Whether it is one electrode minus another."""
        return self.cathode is not None and self.cathode != AVERAGE

    def to_json(self) -> dict[str, str | None]:
        """Return it as in a store's `spec`."""
        return {"name": self.name, "anode": self.anode, "cathode": self.cathode}
