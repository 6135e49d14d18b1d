"""Section ``channels``: which are stored, how they are found, and which may be interpolated."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tuszstore.channels.derivations import AVERAGE, Channel
from tuszstore.channels.labels import reference_key
from tuszstore.channels.names import CHANNELS, canonical, is_electrode
from tuszstore.channels.sets import parse_channels
from tuszstore.config.section import Section


class Channels(Section):
    """Which channels are stored, how they are found, and what may be interpolated."""

    set: str | tuple[str, ...] = "10-20"
    """Channels of the store: the name of a set, or a list of electrodes, differences (``F7-T3``),
    electrodes minus the average (``C3-avg``) and labels as in files.
    """
    rename: dict[str, str] = Field(default={})
    """Labels of files, and how to read them."""
    references: tuple[str, ...] = ()
    """Additional names of references, besides ``REF``, ``LE``, ``Avg``, ..."""
    average_of: tuple[str, ...] = CHANNELS
    """Electrodes of the average in ``C3-avg``."""
    ignore_case: bool = True
    """Whether labels that differ in case only are equal."""
    interpolate: tuple[str, ...] = ("Fz", "Pz")
    """Electrodes to interpolate from their neighbours if a file lacks them."""
    flat: Literal["interpolate", "keep", "leave_out"] = "interpolate"
    """How to handle an electrode with a flat signal."""
    bads: Literal["interpolate", "keep", "leave_out"] = "interpolate"
    """How to handle an electrode that the corpus marks as bad."""
    max_interpolated: Annotated[int, Field(ge=0, le=15)] = 4
    """Maximum number of interpolated electrodes; with more, a recording is excluded."""

    @model_validator(mode="after")
    def _known_channels(self) -> Self:
        averaged = [one.name for one in parse_channels(self.set) if one.cathode == AVERAGE]
        if averaged and not self.average_of:
            raise ValueError(f"average_of must name the electrodes of the average in {averaged[0]}")
        for name in self.references:
            reference_key(name, ignore_case=self.ignore_case)
        for name in self.interpolate:
            if canonical(name) != name or not is_electrode(name):
                raise ValueError(f"interpolate names {name!r}, which is not an electrode")
        return self

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels of a store, in order."""
        return parse_channels(self.set)
