"""Windows for the stock ``DataLoader`` of torch."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Dataset, default_collate
from torch.utils.data._utils.collate import default_collate_fn_map

from tuszstore.api import Store
from tuszstore.torch.batches import Batch, BatchReader, Label
from tuszstore.torch.buffers import BufferPool
from tuszstore.torch.order import places, window_numbers

Transform = Callable[[torch.Tensor], torch.Tensor]


class WindowDataset(Dataset[tuple[Any, ...]]):
    """Windows of a store as a map-style dataset.

    An item is ``(signal, label)``, and ``(signal, label, meta)`` with `return_meta`. ``DataLoader``
    asks for all items of a batch at once; they are read by all cores into one piece of memory, and
    its ``default_collate`` returns that without a copy. A list of numbers gives a batch as well::

        DataLoader(dataset, batch_size=64, shuffle=True)
        DataLoader(dataset, batch_sampler=BatchSampler(sampler, 64, drop_last=False))
        DataLoader(dataset, sampler=BatchSampler(sampler, 64, drop_last=False), batch_size=None)

    All three are equally fast. Workers are of use for a slow `transform` only: every batch comes
    from them through shared memory.

    Parameters
    ----------
    store : Store
    indices : array_like of int or bool, shape (window,), optional
        Window numbers, from 0 on, or a mask of all windows; by default all.
    transform : callable, optional
        Takes the signal of one window and returns it changed.
    label : {"seizure", "classes"}
        ``seizure``: float32, 1 in a seizure, 0 elsewhere, and NaN in unlabelled recordings, which
        a store only has with ``labels.unlabelled: keep``. ``classes``: the bits of the event
        classes, as int32.
    return_meta : bool
        Adds a dict: ``window`` (its number in the store), ``recording`` (its id), ``start_time``
        (s from the start of the recording) and ``category`` (the code in ``store.index``).

    Attributes
    ----------
    store : Store
    indices : ndarray of int64, shape (window,)

    Raises
    ------
    TypeError, IndexError, ValueError
        If `indices` are not integers, out of range, or empty.

    Notes
    -----
    Items are safe to keep and to change. Those of one batch share memory, so one that is kept
    keeps the batch. The dataset may be used in forked and spawned workers, and from threads; if the
    store lies in an object store, in spawned workers and those of a fork server only.
    """

    def __init__(
        self,
        store: Store,
        indices: ArrayLike | None = None,
        transform: Transform | None = None,
        *,
        label: Label = "seizure",
        return_meta: bool = False,
    ) -> None:
        self.store = store
        self.indices = window_numbers(indices, len(store))
        self._transform = transform
        self._reader = BatchReader(store, label, return_meta)
        # one batch is in use while the next is read: its signal, twice with a transform, and label
        self._pool = BufferPool(keep=3)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, item: int | Sequence[int] | NDArray[Any]) -> tuple[Any, ...]:
        """Return one window, or several as one batch.

        Parameters
        ----------
        item : int, or array_like of int, shape (window,)
            Places in `indices`.

        Returns
        -------
        signal : Tensor of float32, shape ([window,] channel, sample)
        label : Tensor of float32 or int32, shape ([window,] sample)
        meta : dict
            Only with `return_meta`; of a batch, with one value for each window.

        Raises
        ------
        IndexError, TypeError
            If a place is out of range, or none.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        if np.ndim(item):
            return self._read(item).as_tuple()
        return tuple(self._read([item]).rows()[0])

    def __getitems__(self, items: ArrayLike) -> list[tuple[Any, ...]]:
        """Return windows, read at once, as ``DataLoader`` asks for those of a batch."""
        return _Rows(self._read(items))

    @staticmethod
    def collate(samples: list[tuple[Any, ...]]) -> list[Any]:
        """Make a batch of samples, without a copy where they were read as one.

        It is what ``default_collate`` does with them, so there is no need to ask for it.
        """
        if isinstance(samples, _Rows) and samples.are_whole():
            return list(samples.batch.as_tuple())
        batch: list[Any] = default_collate([tuple(sample) for sample in samples])
        return batch

    def _read(self, items: Any) -> Batch:
        numbers = self.indices[places(items, len(self), "item", "the dataset")]
        batch = self._reader.read(numbers, self._pool.take)
        if self._transform is None or not len(numbers):
            return batch
        signals = [self._transform(signal) for signal in batch.signal.unbind()]
        shape = (len(signals), *signals[0].shape)
        out = self._pool.take(shape, torch.float32)
        return Batch(torch.stack(signals, out=out), batch.label, batch.meta)


class _Sample(tuple[Any, ...]):
    """A tuple which ``default_collate`` can tell from others."""

    __slots__ = ()


class _Rows(list[tuple[Any, ...]]):
    """Samples that are the rows of one batch, which they remember."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(map(_Sample, batch.rows()))
        self.batch = batch
        self._rows = tuple(self)

    def are_whole(self) -> bool:
        """Return whether nobody has taken, added or replaced a sample."""
        return len(self) == len(self._rows) and all(
            a is b for a, b in zip(self, self._rows, strict=True)
        )


def _collate(samples: list[tuple[Any, ...]], *, collate_fn_map: Any = None) -> list[Any]:
    return WindowDataset.collate(samples)


# The documented way to teach `default_collate` a type.
default_collate_fn_map[_Sample] = _collate
