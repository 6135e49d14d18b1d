"""Lanes of a picture, in the order in which EEG is read, and what each of them shows.

Anterior lanes stand above posterior ones and left ones above right ones, as Guideline 3 of the
American Clinical Neurophysiology Society asks (Acharya et al., 2016).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuszstore.config import CHANNELS
from tuszstore.corpus.channels import electrode
from tuszstore.corpus.labels import SYNONYMS


@dataclass(frozen=True)
class Lane:
    """One lane: an electrode as it was recorded, or the difference between two.

    Attributes
    ----------
    electrode : str
        One of the 19.
    minus : str
        The electrode that is subtracted; empty for none.
    """

    electrode: str
    minus: str = ""

    @property
    def name(self) -> str:
        """Such as ``Fp1`` or ``Fp1-F7``."""
        return f"{self.electrode}-{self.minus}" if self.minus else self.electrode

    @property
    def electrodes(self) -> tuple[str, ...]:
        """What the lane is made of."""
        return (self.electrode, self.minus) if self.minus else (self.electrode,)

    @property
    def side(self) -> str:
        """``left``, ``right`` or ``midline``: odd numbers, even ones, and z."""
        last = self.electrode[-1]
        return "midline" if last == "z" else ("right", "left")[int(last) % 2]

    def is_annotated_by(self, channel: str) -> bool:
        """Whether an annotation of a channel is one of this lane.

        A pair of electrodes, as TUSZ annotates, is one of the bipolar lane of that pair, and of
        the referential lanes of both. A single electrode is one of every lane that it is part of,
        and what names none of the 19, such as ``TERM``, of all lanes.

        Parameters
        ----------
        channel : str
            As annotated, such as ``FP1-F7`` or ``TERM``.
        """
        named = {SYNONYMS.get(part, part) for part in electrode(channel).upper().split("-")}
        if not named & _ELECTRODES:
            return True
        own = {name.upper() for name in self.electrodes}
        return own == named if self.minus and len(named) == 2 else bool(own & named)


_ELECTRODES = {name.upper() for name in CHANNELS}

REFERENTIAL = tuple(
    tuple(Lane(name) for name in names.split())
    for names in ("Fp1 Fp2", "F7 F8", "F3 F4", "T3 T4", "C3 C4", "T5 T6", "P3 P4", "O1 O2",
                  "Fz Cz Pz")
)  # fmt: skip
"""The 19 electrodes, in groups between which there is a gap: pairs of both sides, the midline."""


def _chain(names: str) -> tuple[Lane, ...]:
    electrodes = names.split()
    return tuple(map(Lane, electrodes[:-1], electrodes[1:]))


BIPOLAR = tuple(
    _chain(names)
    for names in ("Fp1 F7 T3 T5 O1", "Fp2 F8 T4 T6 O2", "Fp1 F3 C3 P3 O1", "Fp2 F4 C4 P4 O2",
                  "Fz Cz Pz")
)  # fmt: skip
"""Longitudinal bipolar montage ("double banana"): temporal, parasagittal and midline chains."""


def derive(data: NDArray[np.float32], lane: Lane) -> NDArray[np.float32]:
    """Return what a lane shows.

    Parameters
    ----------
    data : ndarray, shape (channel, sample)
        In the order of :data:`tuszstore.config.CHANNELS`.
    lane : Lane

    Returns
    -------
    ndarray, shape (sample,)
    """
    row: NDArray[np.float32] = data[CHANNELS.index(lane.electrode)]
    return np.subtract(row, data[CHANNELS.index(lane.minus)]) if lane.minus else row
