"""What a generic Zarr reader must know to read windows from tuszstore's store."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines.base import Signal


@dataclass(frozen=True)
class Blocks:
    """Positions of windows in ``signal``, ``(block, channel, sample)``.

    Attributes
    ----------
    first : ndarray of int64, shape (window,)
        First block of each window.
    per_window : int
        Blocks of a window.
    shape : tuple of int
        Shape of a window, ``(channel, sample)``.
    scale : float32
    """

    first: NDArray[np.int64]
    per_window: int
    shape: tuple[int, int]
    scale: np.float32

    @classmethod
    def of(cls, group: Any) -> Self:
        """Return the positions in a store opened with zarr-python."""
        signal = group["signal"]
        windows = group.attrs["config"]["windows"]
        samples = round(windows["length"] * signal.attrs["sfreq"])
        _, n_channels, block = signal.shape
        return cls(
            np.asarray(group["windows/start_block"][...]),
            samples // block,
            (n_channels, samples),
            np.float32(signal.attrs.get("scale_factor", 1)),
        )

    def span(self, number: int) -> slice:
        """Return the blocks of a window."""
        first = int(self.first[number])
        return slice(first, first + self.per_window)

    def scale_into(self, blocks: NDArray[Any], row: Signal) -> None:
        """Scale the blocks of a window, and transpose them to channels first."""
        target = row.reshape(row.shape[0], self.per_window, -1).swapaxes(0, 1)
        np.multiply(blocks, self.scale, out=target)
