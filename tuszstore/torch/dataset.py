"""Windows for the stock ``DataLoader`` of torch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from tuszstore.facade.windows import WindowCollection
from tuszstore.indices import Indices, as_whole_number, check_index, check_indices, is_single
from tuszstore.read.targets import Label, Margins, Rule, Target
from tuszstore.sampling.places import Drawn
from tuszstore.torch.batches import BatchReader
from tuszstore.torch.buffers import BufferPool
from tuszstore.torch.jitter import Jitter
from tuszstore.torch.options import check_flags, refuse_path
from tuszstore.torch.rows import Columns, Rows, collate
from tuszstore.torch.sent import SentMemory
from tuszstore.torch.shared import in_worker, share
from tuszstore.torch.transforms import Transform, Transformation


class WindowDataset(Dataset[tuple[Any, ...]]):
    """Windows of a store as a map-style dataset.

    An item is ``(signal, label)``, and ``(signal, label, meta)`` with `return_meta`. ``DataLoader``
    requests all items of a batch at once; they are read by all cores into contiguous memory, and
    its ``default_collate`` returns that without a copy. A list, a slice or a mask also returns a
    batch::

        DataLoader(dataset, batch_size=64, shuffle=True)
        DataLoader(dataset, batch_size=64, sampler=Balanced(store.index))
        DataLoader(dataset, batch_sampler=BatchSampler(sampler, 64, drop_last=False))
        DataLoader(dataset, sampler=BatchSampler(sampler, 64, drop_last=False), batch_size=None)

    All are equally fast. A sampler of :mod:`tuszstore.sampling` yields window indices of the store,
    so it needs a dataset of all windows. Workers only help with a slow `transform`. They
    read with one thread each, into memory that they share with the loader's process: ``/dev/shm``
    must have space for the batches in flight.

    Parameters
    ----------
    store : Store
        A store, view or series.
    indices : array_like of int or bool, shape (window,), or slice, optional
        Windows of the store, negative ones counted from its end, or a mask of all; by default all.
    transform : callable, optional
        ``transform(signal)`` takes the signal of one window. Its result replaces the
        signal and may have any type and shape: it is passed to a ``collate_fn`` unchanged, and
        ``default_collate`` forms batches of tensors, arrays, numbers, and of tuples and dicts of
        those. ``transform(signal, label, rng)`` returns signal and label; `rng` is a NumPy
        generator that depends on the seed, the epoch and the window's place in it, but not on
        the worker. A parameter ``channels`` receives the names of the channels.
    label : {"seizure", "classes", "onset", "preictal", "channels"}
        ``seizure``: float32, 1 in a seizure, 0 elsewhere, and NaN where unlabelled: in ignored
        samples and in unlabelled recordings, which a store only has with
        ``labels.unlabelled: keep``. ``classes``: the bits of the event classes, as int32. Others
        are float32 too: ``onset``, the first `interval` seconds of seizures; ``preictal``, one
        value per window, whether a seizure follows; ``channels``, per channel and sample.
        :meth:`tuszstore.read.targets.Target.of` describes them all.
    horizon, interval : float, optional
        With ``preictal``: seconds between a warning and the earliest seizure, and those after that
        in which it is expected (SPH and SOP). `interval` also with ``onset``; 10 by default.
    rule : {"any", "majority", "centre", "last", "soft"} or float, optional
        One value per window, not per sample: whether any of them, most, the middle one,
        the last, or at least a fraction of them are 1; ``soft`` is the fraction.
    ignore : float or (float, float), optional
        Seconds around onsets and offsets, or around each of both, whose samples are NaN.
    return_meta : bool
        Adds a dict: ``window`` (its index in the store), ``recording`` (its id), ``start_time``
        (s from the start of the recording) and ``category`` (the code in ``store.index``).
    jitter : bool
        Shift each window within its stride, as in :class:`~tuszstore.torch.WindowLoader`.
    seed : int
        Of the random numbers of `transform` and `jitter`. The place is that of the item, and the
        epoch is set by :meth:`set_epoch`: call it in each epoch, or all epochs are the same. With
        :meth:`tuszstore.sampling.Sampler.placed` the indices carry epoch and place.

    Attributes
    ----------
    store : Store
        What its items are read from.
    indices : ndarray of int64, shape (window,)
        Its windows, counted from 0.

    Raises
    ------
    TypeError, IndexError, ValueError
        If `indices` are not integers, out of range, or empty.

    Notes
    -----
    Items may be kept and changed. Those of one batch share memory, so keeping one
    keeps the batch. The dataset may be used in forked and spawned workers, and from threads; if the
    store is in an object store, only in spawned workers and those of a fork server.

    Examples
    --------
    >>> import tuszstore
    >>> from torch.utils.data import DataLoader
    >>> from tuszstore.torch import WindowDataset
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> signal, label = next(iter(DataLoader(WindowDataset(store), batch_size=4)))
    >>> tuple(signal.shape)
    (4, 19, 15360)
    """

    def __init__(
        self,
        store: WindowCollection,
        indices: Indices | None = None,
        transform: Transform | None = None,
        *,
        label: Label = "seizure",
        horizon: float | None = None,
        interval: float | None = None,
        rule: Rule | None = None,
        ignore: Margins | None = None,
        return_meta: bool = False,
        jitter: bool = False,
        seed: int = 42,
    ) -> None:
        refuse_path("WindowDataset", store)
        check_flags(jitter=jitter, return_meta=return_meta)
        self.store = store
        self.indices = window_numbers(indices, len(store))
        seed = as_whole_number("seed", seed, 0)
        self._jitter = Jitter(store, seed) if jitter else None
        self._transform: Transformation | None = None
        if transform is not None:
            self._transform = Transformation(transform, store.channels, seed)
        self._target = Target.of(
            label, horizon=horizon, interval=interval, rule=rule, ignore=ignore
        )
        self._reader = BatchReader(store, self._target, return_meta)
        # one batch is in use while the next is read; each has a signal (two with a transform) and a
        # label
        self._pool = BufferPool(keep=3)
        self._sent: SentMemory | None = None  # in a worker
        self._epoch = torch.zeros((), dtype=torch.int64)
        if self._jitter or (self._transform is not None and self._transform.of_windows):
            share(self._epoch)  # shared with running workers, which thus see changes

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the random numbers of `transform` and `jitter`, also in running workers.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        """
        self._epoch.fill_(as_whole_number("epoch", epoch, 0))

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
        label : Tensor of float32 or int32, shape ([window,] [channel,] [sample])
        meta : dict
            Only with `return_meta`; of a batch, with one value for each window.

        Raises
        ------
        IndexError, TypeError
            If a place is out of range, or not an integer.
        TypeError
            If the results of `transform` for several windows cannot be collated.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        if is_single(item):
            return tuple(self._read([check_index(item, len(self), "item", "the dataset")])[0])
        return tuple(self._read(item).collated())

    def __getitems__(self, items: Indices) -> list[tuple[Any, ...]]:
        """Return the windows of a batch, read at once, for ``DataLoader``."""
        return self._read(items)

    @staticmethod
    def collate(samples: list[tuple[Any, ...]]) -> list[Any]:
        """Collate samples, without a copy if they were read as one batch.

        ``default_collate`` does the same, so passing this function is not necessary.
        """
        return collate(samples)

    def _read(self, items: Indices) -> Rows:
        places = check_indices(items, len(self), "item", "the dataset")
        numbers = self.indices[places]
        take = self._pool.take
        sent = self._sent
        if in_worker():
            if sent is None:
                sent = self._sent = SentMemory()
                self.store.reader.limit_threads(1)  # workers share the cores
            take = sent.take
        drawn, shift = self._drawn(items, places), None
        if self._jitter is not None:
            shift = self._jitter.shifts(numbers, *np.array(drawn, np.int64).reshape(-1, 2).T)
        if self._transform is None or not len(numbers):
            columns = Columns(self._reader.read(numbers, take, shift=shift).as_list())
            return Rows(columns.rows(), columns, sent)
        batch = self._reader.read(numbers, self._pool.take, shift=shift)
        columns = self._transform.batch(batch.as_list(), drawn, take)
        return Rows(columns.rows(), columns, sent)

    def _drawn(self, items: Any, places: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Return epoch and place of each item."""
        epoch = int(self._epoch)
        # a mask has an entry for every window, not for each selected one
        listed = isinstance(items, list | tuple) and any(isinstance(i, Drawn) for i in items)
        asked = items if listed else [None] * len(places)
        return [
            (item.epoch, item.place) if isinstance(item, Drawn) else (epoch, place)
            for item, place in zip(asked, places.tolist(), strict=True)
        ]


def window_numbers(indices: Indices | None, n_windows: int) -> NDArray[np.int64]:
    """Return the window indices of a set, checked.

    Parameters
    ----------
    indices : array_like of int or bool, shape (window,), or slice, optional
        As for :func:`tuszstore.indices.check_indices`. By default all.
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
        raise ValueError("no windows: the indices or the store are empty")
    return numbers
