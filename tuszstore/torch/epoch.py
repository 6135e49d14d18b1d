"""One iteration of a loader: the rest of an epoch, batch by batch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuszstore.torch.prefetch import Prefetcher
from tuszstore.torch.progress import Position
from tuszstore.torch.transfer import Prepared

if TYPE_CHECKING:
    from tuszstore.torch.loader import WindowLoader


class Begun(NamedTuple):
    """A started iteration.

    Attributes
    ----------
    position : Position
        On which it counts.
    places : iterator of ndarray of int64
        Places in the order of the epoch of the windows of each batch.
    stops : iterator of int
        Windows of the epoch that were delivered after each batch.
    prepared : Prefetcher
        The batches.
    """

    position: Position
    places: Iterator[NDArray[np.int64]]
    stops: Iterator[int]
    prepared: Prefetcher[Prepared]


class Epoch(Iterator[tuple[Any, ...]]):
    """The rest of one epoch, which is chosen when the first batch is requested."""

    def __init__(self, loader: "WindowLoader") -> None:
        self._loader: WindowLoader | None = loader  # None after the end
        self._begun: Begun | None = None

    def __next__(self) -> tuple[Any, ...]:
        loader = self._loader
        if loader is None:
            raise StopIteration
        try:
            if self._begun is None:
                self._begun = loader._begin()
            begun = self._begun
            prepared = next(begun.prepared, None)
            if prepared is not None:
                columns = loader._transfer.finish(prepared).as_list()
                places = next(begun.places)
                columns = loader._transformed(columns, begun.position.epoch, places)
        except BaseException:
            self._end()
            raise
        if prepared is None:
            self._end()
            loader._progress.finish(begun.position)
            raise StopIteration
        begun.position.delivered = next(begun.stops)
        return tuple(columns)

    def _end(self) -> None:
        self._loader = None
        if self._begun is not None:
            self._begun.prepared.close()
