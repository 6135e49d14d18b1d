"""The orders of a loader's epochs, checked and cached."""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from tuszstore.facade.windows import WindowCollection
from tuszstore.indices import Indices, as_whole_number
from tuszstore.sampling import BlockShuffled, Sampler, Sequential, Shuffled
from tuszstore.torch.dataset import window_numbers
from tuszstore.torch.state import digest


class Orders:
    """The order of each epoch, cached.

    Parameters
    ----------
    sampler : Sampler
    n_windows : int
        Windows of the store.
    """

    def __init__(self, sampler: Sampler, n_windows: int) -> None:
        self._sampler = sampler
        self._n_windows = n_windows
        self._last: tuple[int, NDArray[np.int64]] | None = None
        self._last_digest: tuple[NDArray[np.int64], str] | None = None

    def of(self, epoch: int) -> NDArray[np.int64]:
        """Return the window indices of an epoch, in order.

        Raises
        ------
        IndexError, TypeError
            If the sampler yields an index that is not a window of the store.
        ValueError
            If the number of windows is not its length.
        """
        if self._last is None or self._last[0] != epoch:
            order = window_numbers(self._sampler.epoch(epoch), self._n_windows)
            if len(order) != len(self._sampler):
                raise ValueError(
                    f"epoch {epoch} of {self._sampler!r} has {len(order)} windows, but its "
                    f"length is {len(self._sampler)}"
                )
            self._last = epoch, order
        return self._last[1]

    def digest(self, epoch: int) -> str:
        """Return a digest of the order of an epoch."""
        order = self.of(epoch)
        if self._last_digest is None or self._last_digest[0] is not order:
            self._last_digest = order, digest(order)
        return self._last_digest[1]


def make_sampler(
    indices: Indices | Sampler | None,
    store: WindowCollection,
    shuffle: bool | Literal["block"] | None,
    seed: int | None,
) -> tuple[Sampler, int | None]:
    """Return the sampler of epochs, and its seed if known."""
    if isinstance(indices, Sampler):
        if shuffle or seed is not None:
            raise ValueError(
                "a sampler, such as that of training_loader, has its own order and seed: remove "
                "shuffle and seed"
            )
        if indices.origin is not None:
            indices.origin.check(store)
        return indices, None
    if isinstance(indices, torch.utils.data.Sampler):
        raise TypeError(
            f"{type(indices).__name__} is a sampler of torch, which works with torch's loader: "
            "DataLoader(WindowDataset(store), batch_size, sampler=...)"
        )
    numbers = window_numbers(indices, len(store))
    seed = 42 if seed is None else as_whole_number("seed", seed, 0)
    if shuffle == "block":
        return BlockShuffled(numbers, seed), seed
    if shuffle not in (None, True, False):
        raise ValueError(f"shuffle must be True, False or 'block', not {shuffle!r}")
    return (Sequential(numbers) if shuffle is False else Shuffled(numbers, seed)), seed
