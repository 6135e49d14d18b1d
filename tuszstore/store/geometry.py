"""Index arithmetic between samples, blocks, windows and shards.

A window is a run of consecutive blocks. With ``overlap: share`` a block is
``gcd(length, stride)`` long and each sample is stored once; with ``overlap: duplicate`` a block is
as long as a window, and there is one for every window. The same formulas serve both.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Geometry:
    """Lengths in samples at the store's sampling rate, and in blocks.

    Attributes
    ----------
    sfreq : float
        Sampling rate (Hz).
    window, stride : int
        Samples of a window, and between the starts of two.
    block, step : int
        Samples of a block, and between the starts of two.
    shard : int
        Blocks per shard.
    """

    sfreq: float
    window: int
    stride: int
    block: int
    step: int
    shard: int

    @property
    def blocks_per_window(self) -> int:
        """Blocks per window."""
        return self.window // self.block

    @property
    def blocks_per_stride(self) -> int:
        """Blocks between the starts of two windows."""
        return self.stride // self.step

    def n_windows(self, n_samples: int) -> int:
        """Return the number of complete windows in a recording."""
        return max(0, (n_samples - self.window) // self.stride + 1)

    def n_blocks(self, n_samples: int) -> int:
        """Return the number of blocks of a recording; the last one may be partly filled."""
        if self.block == self.step:
            return -(-n_samples // self.block)
        return self.n_windows(n_samples)

    def n_shards(self, n_samples: int) -> int:
        """Return the number of shards of a recording."""
        return -(-self.n_blocks(n_samples) // self.shard)

    def numbering(self, signature: str) -> str:
        """Return a text that is equal if window indices refer to the same windows.

        Parameters
        ----------
        signature : str
            Hash of the recordings.
        """
        return f"{signature} {self.window} {self.stride}"
