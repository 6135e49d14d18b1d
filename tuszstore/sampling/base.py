"""What every sampler is."""

from abc import ABC, abstractmethod
from html import escape

import numpy as np
from numpy.typing import NDArray

from tuszstore.html import box, composition


class Sampler(ABC):
    """Which windows, in which order, for each epoch; a pure function of (index, seed, epoch)."""

    @abstractmethod
    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the window numbers of an epoch, in order.

        Parameters
        ----------
        number : int
            From 0 on; epochs may be asked for in any order.

        Returns
        -------
        ndarray of int64, shape (len(self),)
            The caller's own.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Windows of an epoch; the same for all."""

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are of each group that the sampler knows.

        Returns
        -------
        dict of str to float
            On average, where they are drawn with replacement. Empty for a sampler that knows
            nothing of its windows but their numbers.
        """
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} windows an epoch{self._describe()}>"

    def _repr_html_(self) -> str:
        settings = self._settings()
        return box(
            f"<b>{escape(type(self).__name__)}</b> {len(self):,} windows an epoch",
            composition(self.composition()),
            f'<div class="tz-weak">{escape(settings)}</div>' if settings else "",
        )

    def _describe(self) -> str:
        return f", {settings}" if (settings := self._settings()) else ""

    def _settings(self) -> str:
        return ""
