"""Of which store the window numbers of a sampler are."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from tuszstore.sampling.columns import Index, SamplingError


@dataclass(frozen=True)
class Origin:
    """Whose windows the numbers of a sampler mean.

    Attributes
    ----------
    store : str
        Where the store is, for messages.
    numbering : str
        Equal where numbers mean the same windows.
    n_windows : int
        Rows of the index.
    """

    store: str = field(compare=False)  # copies of a store number alike
    numbering: str
    n_windows: int

    @classmethod
    def of(cls, index: Index) -> Self | None:
        """Return what an index says of its store; None for columns that say nothing.

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
        """Refuse a store in which the numbers mean other windows.

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
                f"the sampler draws from the windows of {theirs}, and these are the windows of "
                f"{own}: their numbers mean other windows. Make the sampler of this one's `index`"
            )
        if self.n_windows != len(store):
            raise SamplingError(
                f"the sampler was made of {self.n_windows} rows of the index, whose numbers are "
                f"not those of the {len(store)} windows of {own}: make it of the whole index, with "
                "`indices` for the windows to draw from"
            )
