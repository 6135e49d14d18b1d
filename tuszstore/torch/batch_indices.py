"""Attributes of a loader that frameworks look for.

Lightning expects a loader with a ``sampler`` to have a ``batch_sampler`` as well, and announces
epochs by ``set_epoch`` of its sampler.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuszstore.sampling.places import Drawn
    from tuszstore.torch.loader import WindowLoader


class BatchIndices:
    """The batches of a loader's next iteration as lists of window indices.

    Nothing is read, and the epoch does not advance.

    Parameters
    ----------
    loader : WindowLoader
    """

    def __init__(self, loader: "WindowLoader") -> None:
        self._loader = loader

    @property
    def batch_size(self) -> int:
        """Windows of a batch."""
        return self._loader.batch_size

    @property
    def drop_last(self) -> bool:
        """Whether windows that do not fill a batch are excluded."""
        return self._loader.drop_last

    @property
    def sampler(self) -> "BatchIndices":
        """The object itself, which has ``set_epoch``."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the loader's next iteration."""
        self._loader.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> "Iterator[list[Drawn]]":
        return iter(self._loader.upcoming())
