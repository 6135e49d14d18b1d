"""Windows for the stock ``DataLoader`` of torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, default_collate, get_worker_info
from torch.utils.data._utils.collate import default_collate_fn_map

from tuszstore.facade.windows import WindowCollection
from tuszstore.indices import Indices, check_index, check_indices, is_single
from tuszstore.torch.batches import Batch, BatchReader, Label
from tuszstore.torch.buffers import BufferPool

Transform = Callable[[torch.Tensor], Any]


class WindowDataset(Dataset[tuple[Any, ...]]):
    """Windows of a store as a map-style dataset.

    An item is ``(signal, label)``, and ``(signal, label, meta)`` with `return_meta`. ``DataLoader``
    asks for all items of a batch at once; they are read by all cores into one piece of memory, and
    its ``default_collate`` returns that without a copy. A list, a slice or a mask gives a batch as
    well::

        DataLoader(dataset, batch_size=64, shuffle=True)
        DataLoader(dataset, batch_size=64, sampler=Balanced(store.index))
        DataLoader(dataset, batch_sampler=BatchSampler(sampler, 64, drop_last=False))
        DataLoader(dataset, sampler=BatchSampler(sampler, 64, drop_last=False), batch_size=None)

    All are equally fast. A sampler of :mod:`tuszstore.sampling` gives window indices of the store,
    so it goes with a dataset of all windows. Workers are of use for a slow `transform` only: every
    batch comes from them through shared memory.

    Parameters
    ----------
    store : Store
    indices : array_like of int or bool, shape (window,), or slice, optional
        Windows of the store, negative ones counted from its end, or a mask of all; by default all.
    transform : callable, optional
        Takes the signal of one window. What it returns takes the signal's place, of whatever type
        and shape: it reaches a ``collate_fn`` as it is, and ``default_collate`` makes batches of
        tensors, arrays, numbers, and of tuples and dicts of those.
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
        store: WindowCollection,
        indices: Indices | None = None,
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

    def __getitem__(self, item: Indices) -> tuple[Any, ...]:
        """Return one window, or several as one batch.

        Parameters
        ----------
        item : int, or array_like of int or bool, shape (window,), or slice
            Places in `indices`; negative ones count from the end.

        Returns
        -------
        signal : Tensor of float32, shape ([window,] channel, sample)
        label : Tensor of float32 or int32, shape ([window,] sample)
        meta : dict
            Only with `return_meta`; of a batch, with one value for each window.

        Raises
        ------
        IndexError, TypeError
            If a place is out of range, or no integer.
        TypeError
            If what `transform` returns for several windows does not make one batch.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        if is_single(item):
            return tuple(self._read([check_index(item, len(self), "item", "the dataset")])[0])
        return tuple(self._read(item).collated())

    def __getitems__(self, items: Indices) -> list[tuple[Any, ...]]:
        """Return windows, read at once, as ``DataLoader`` asks for those of a batch."""
        return self._read(items)

    @staticmethod
    def collate(samples: list[tuple[Any, ...]]) -> list[Any]:
        """Make a batch of samples, without a copy where they were read as one.

        It is what ``default_collate`` does with them, so there is no need to ask for it.
        """
        if isinstance(samples, _Rows) and samples.are_whole():
            return samples.collated()
        batch: list[Any] = default_collate([tuple(sample) for sample in samples])
        return batch

    def _read(self, items: Indices) -> "_Rows":
        numbers = self.indices[check_indices(items, len(self), "item", "the dataset")]
        batch = self._reader.read(numbers, self._pool.take)
        rows = batch.rows()
        if self._transform is None or not rows:
            return _Rows(rows, batch, None, self._pool)
        results = [self._transform(signal) for signal, *_ in rows]
        if all(result is row[0] for result, row in zip(results, rows, strict=True)):
            return _Rows(rows, batch, None, self._pool)  # changed in place
        rows = [(result, *rest) for result, (_, *rest) in zip(results, rows, strict=True)]
        return _Rows(rows, batch, results, self._pool)


def window_numbers(indices: Indices | None, n_windows: int) -> NDArray[np.int64]:
    """Return the window numbers of a set, checked.

    Parameters
    ----------
    indices : array_like of int or bool, shape (window,), or slice, optional
        As :func:`tuszstore.indices.check_indices` takes them. By default all.
    n_windows : int
        Windows of the store.

    Returns
    -------
    ndarray of int64, shape (window,)

    Raises
    ------
    TypeError, IndexError
        As of :func:`tuszstore.indices.check_indices`.
    ValueError
        If there are none.
    """
    numbers = check_indices(slice(None) if indices is None else indices, n_windows)
    if not len(numbers):
        raise ValueError("there are no windows: indices are empty, or the store is")
    return numbers


class _Sample(tuple[Any, ...]):
    """A tuple which ``default_collate`` can tell from others."""

    __slots__ = ()


class _Rows(list[tuple[Any, ...]]):
    """Samples that are the rows of one batch, which they remember.

    Parameters
    ----------
    rows : list of tuple
    batch : Batch
    results : list, optional
        What a transform returned in the place of signals.
    pool : BufferPool
    """

    def __init__(
        self,
        rows: list[tuple[Any, ...]],
        batch: Batch,
        results: list[Any] | None,
        pool: BufferPool,
    ) -> None:
        super().__init__(map(_Sample, rows))
        self._batch = batch
        self._results = results
        self._pool = pool
        self._rows = tuple(self)

    def are_whole(self) -> bool:
        """Return whether nobody has taken, added or replaced a sample."""
        return len(self) == len(self._rows) and all(
            a is b for a, b in zip(self, self._rows, strict=True)
        )

    def collated(self) -> list[Any]:
        """Return the samples as one batch."""
        signal, *rest = self._batch.as_tuple()
        return [signal if self._results is None else _stack(self._results, self._pool), *rest]


def _stack(results: list[Any], pool: BufferPool) -> Any:
    """Make a batch of what a transform returned, as ``default_collate`` does."""
    # a worker's batch goes to shared memory, of which torch takes care
    if get_worker_info() is None and _are_alike(results):
        first = results[0]
        return torch.stack(results, out=pool.take((len(results), *first.shape), first.dtype))
    try:
        return default_collate(results)
    except (TypeError, RuntimeError) as error:
        raise TypeError(
            f"what transform returned does not make one batch: {error}. Give DataLoader a "
            "collate_fn that makes it, or ask for windows one by one"
        ) from error


def _are_alike(results: list[Any]) -> bool:
    first = results[0]
    return all(
        type(result) is torch.Tensor
        and (result.shape, result.dtype) == (first.shape, first.dtype)
        and result.device.type == "cpu"
        and result.layout == torch.strided
        and not result.requires_grad
        for result in results
    )


def _collate(samples: list[tuple[Any, ...]], *, collate_fn_map: Any = None) -> list[Any]:
    return WindowDataset.collate(samples)


# The documented way to teach `default_collate` a type.
default_collate_fn_map[_Sample] = _collate
