"""The store that the window indices of a sampler refer to."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from tuszstore.sampling.columns import Index, SamplingError


@dataclass(frozen=True)
class Origin:
    """The windows that the indices of a sampler refer to.

    Attributes
    ----------
    store : str
        Location of the store, for messages.
    numbering : str
        Equal if indices refer to the same windows.
    n_windows : int
        Rows of the index.
    """

    store: str = field(compare=False)  # copies of a store have the same indices
    numbering: str
    n_windows: int

    @classmethod
    def of(cls, index: Index) -> Self | None:
        """Return the origin of an index; None for columns without one.

        Parameters
        ----------
        index : Index
            ``store.index``, or another mapping of its columns.
        """
        attrs: Any = getattr(index, "attrs", {})
        if "numbering" not in attrs:
            return None
        source = getattr(index, "encoding", {}).get("source", "another store")
        return cls(str(source), str(attrs["numbering"]), np.shape(index["category"])[0])

    def check(self, store: Any) -> None:
        """Reject a store in which the indices refer to other windows.

        Parameters
        ----------
        store : WindowCollection

        Raises
        ------
        SamplingError
        """
        own, made_of = str(store.path), self.store
        if self.numbering != store.metadata.numbering:
            theirs = "another view or version of it" if made_of == own else made_of
            raise SamplingError(
                f"the sampler draws from the windows of {theirs}, but these are the windows of "
                f"{own}, with other indices. Create the sampler from the `index` of this one"
            )
        if self.n_windows != len(store):
            raise SamplingError(
                f"the sampler is from {self.n_windows} rows of an index, whose indices are "
                f"not those of the {len(store)} windows of {own}: use the complete index, with "
                "`indices` for the windows to draw from"
            )
