"""Whole batches of windows, the next ones prepared while the last is used."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from tuszstore.api import Store
from tuszstore.sampling import Sampler, Sequential, Shuffled
from tuszstore.torch.batches import BatchReader, Label
from tuszstore.torch.dataset import Transform
from tuszstore.torch.order import BlockShuffled, deal, part, whole, window_numbers
from tuszstore.torch.prefetch import Prefetcher, side_by_side
from tuszstore.torch.transfer import OnDevice, OnHost, Prepared, Transfer, find_device

STATE_VERSION = 1


class WindowLoader:
    """Batches of a store's windows, prepared ahead by threads; for training and evaluation.

    Each iteration is an epoch, and gives ``(signal, label)``, or ``(signal, label, meta)``, as
    :class:`~tuszstore.torch.WindowDataset` describes them, for whole batches. The order of an
    epoch depends on the seed and the epoch's number only. After one epoch comes the next, so
    :meth:`set_epoch` is needed only where a training starts in the middle, or out of habit.

    Parameters
    ----------
    store : Store
    indices : array_like of int or bool, shape (window,), or Sampler, optional
        Window numbers or a mask, by default all; or what draws the windows of each epoch.
    batch_size : int
        Windows of a batch, on each rank.
    shuffle : {True, False, "block"}, optional
        ``True``, the default: every order of all windows is as likely. ``False``: as in
        `indices`. ``"block"``: in runs of neighbours, for slow disks; see
        :class:`~tuszstore.torch.BlockShuffled`. Not with a sampler, which has its own order.
    seed : int, optional
        Of the order; 42 by default. Not with a sampler, which has its own.
    rank, world_size : int, optional
        This process and how many there are, each with a loader of the same parameters. By default
        those of ``torch.distributed`` where it is initialised, and otherwise one process.
    drop_last : bool
        Leave out what does not fill a batch on every rank.
    pad : bool
        Without `drop_last`, each window comes exactly once over all ranks, each rank has the same
        number of batches, and the last one or two may be smaller, by one window more on some
        ranks. With `pad` the batches of a step are equal on all ranks: up to ``world_size - 1``
        windows come twice.
    pin_memory : bool
        Batches lie in page-locked memory, for copies of your own to a GPU. Ignored without one.
    device : str or torch.device, optional
        ``"cuda"``: values are copied as they are stored and scaled on the GPU, beside what it
        computes. Where there is no GPU, batches are made on the CPU, with a warning.
    transform : callable, optional
        Takes the signals of a batch, on its device, and returns them changed. It runs in the
        consumer's thread, so random numbers come in the same order each time.
    label : {"seizure", "classes"}
    return_meta : bool
    prefetch : int
        Batches that are ready or being made, at most, besides those you hold: the bound of memory.
        With 0 each is made when it is asked for, without a thread. From an object store they are
        made at the same time, so that more of them hide longer round trips.

    Attributes
    ----------
    store : Store
    sampler : Sampler
    batch_size, rank, world_size : int
    device : torch.device
        Where batches are.

    Raises
    ------
    TypeError, IndexError, ValueError
        If windows are no integers, out of range or none at all, or fewer than a batch on each
        rank.

    Notes
    -----
    An iterator that is dropped ends its thread. Errors in the background, such as a damaged block,
    are raised where the batch would have come. A batch is never written again while any of it is
    referred to. Then its memory is used for the next; that of up to ``prefetch + 1`` batches stays
    with the process for its next loader, since memory that is fresh from the system is slow.
    """

    def __init__(
        self,
        store: Store,
        indices: ArrayLike | Sampler | None = None,
        batch_size: int = 64,
        *,
        shuffle: bool | Literal["block"] | None = None,
        seed: int | None = None,
        rank: int | None = None,
        world_size: int | None = None,
        drop_last: bool = False,
        pad: bool = False,
        pin_memory: bool = False,
        device: str | torch.device | None = None,
        transform: Transform | None = None,
        label: Label = "seizure",
        return_meta: bool = False,
        prefetch: int = 2,
    ) -> None:
        if drop_last and pad:
            raise ValueError("drop_last leaves windows out and pad repeats some: choose one")
        self.store = store
        self.sampler, self._seed = _make_sampler(indices, len(store), shuffle, seed)
        self.batch_size = whole("batch_size", batch_size, 1)
        self.rank, self.world_size = find_rank(rank, world_size)
        self._dealing = {"drop_last": bool(drop_last), "pad": bool(pad)}
        self._bounds = deal(len(self.sampler), self.batch_size, self.world_size, **self._dealing)
        self._transform = transform
        self._prefetch = whole("prefetch", prefetch, 0)
        self.device = find_device(device)
        reader = BatchReader(store, label, return_meta)
        self._transfer: Transfer
        if self.device.type == "cpu":
            pin = pin_memory and torch.cuda.is_available()
            self._transfer = OnHost(reader, pin=pin, keep=self._prefetch + 1)
        else:
            self._transfer = OnDevice(reader, self.device)
        self._position = _Position(0, 0)
        self._resumed = False
        self._last_order: tuple[int, NDArray[np.int64]] | None = None

    @property
    def epoch(self) -> int:
        """Number of the epoch that is under way, or comes next."""
        return self._position.epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration.

        It begins with its first batch, unless a state of this epoch was just loaded.
        """
        number = whole("epoch", epoch, 0)
        if not (self._resumed and number == self._position.epoch):
            self._position = _Position(number, 0)
            self._resumed = False

    def __len__(self) -> int:
        """Batches of an epoch, on each rank."""
        return (len(self._bounds) - 1) // self.world_size

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        position = self._begin()
        order, bounds = self._order(position.epoch), self._bounds
        steps = range(position.batch, len(self))
        parts = [step * self.world_size + self.rank for step in steps]
        transfer, depth = self._transfer, self._prefetch
        jobs = (partial(transfer.prepare, part(order, bounds, number)) for number in parts)
        prepared: Prefetcher[Prepared]
        if self.store.remote and depth > 1:
            prepared = Prefetcher(side_by_side(jobs, depth), 1)
        else:
            prepared = Prefetcher((job() for job in jobs), depth)
        return _Epoch(prepared, transfer, self._transform, position)

    def state_dict(self) -> dict[str, Any]:
        """Return where this loader is, for a checkpoint: what was delivered, not what is ready.

        Returns
        -------
        dict
            Of str, int, bool and None; the same on every rank.
        """
        return {"version": STATE_VERSION, **asdict(self._position), **self._set(self.epoch)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader was: the next batch is the one it would have given.

        Parameters
        ----------
        state : mapping
            From :meth:`state_dict`, of a loader with the same store, windows, seed, `batch_size`,
            `world_size`, `drop_last` and `pad`.

        Raises
        ------
        ValueError
            If it is none, or that of a loader of other batches, naming what differs.
        """
        missing = {"version", "epoch", "batch"} - set(state)
        if missing or state["version"] != STATE_VERSION:
            found = f"lacks {', '.join(sorted(missing))}" if missing else f"is {state['version']}"
            raise ValueError(
                f"not a state of version {STATE_VERSION} of a WindowLoader: it {found}"
            )
        position = _Position(whole("epoch", state["epoch"], 0), whole("batch", state["batch"], 0))
        for name, value in self._set(position.epoch).items():
            if state.get(name) != value:
                raise ValueError(
                    f"the state belongs to other batches: its {name} is {state.get(name)!r}, and "
                    f"this loader's is {value!r}"
                )
        if position.batch > len(self):
            raise ValueError(f"the state is at batch {position.batch}, and there are {len(self)}")
        self._position, self._resumed = position, True

    def __repr__(self) -> str:
        ranks = f", rank {self.rank} of {self.world_size}" if self.world_size > 1 else ""
        return f"<WindowLoader: {len(self)} batches of {self.batch_size}{ranks}, {self.sampler!r}>"

    def _begin(self) -> "_Position":
        """Return where the next iteration starts."""
        last = self._position
        if self._resumed:
            self._resumed = False
            self._position = _Position(last.epoch, last.batch)
        else:
            # whoever counts the batches need not ask for the end of an epoch
            done = last.batch == len(self)
            self._position = _Position(last.epoch + int(done), 0)
        return self._position

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if self._last_order is None or self._last_order[0] != epoch:
            order = window_numbers(self.sampler.epoch(epoch), len(self.store))
            if len(order) != len(self.sampler):
                raise ValueError(
                    f"epoch {epoch} of {self.sampler!r} has {len(order)} windows, and it says "
                    f"that epochs have {len(self.sampler)}"
                )
            self._last_order = epoch, order
        return self._last_order[1]

    def _set(self, epoch: int) -> dict[str, Any]:
        """Return what must be equal for two loaders to give the same batches in an epoch."""
        return {
            "store": self._store_digest,
            "windows": len(self.sampler),
            "seed": self._seed,
            "batch_size": self.batch_size,
            "world_size": self.world_size,
            **self._dealing,
            "order": _digest(self._order(epoch).tobytes()),
        }

    @cached_property
    def _store_digest(self) -> str:
        return _digest("".join(self.store.metadata.recordings["signal_digest"]).encode())


@dataclass
class _Position:
    """Where an iterator is.

    Attributes
    ----------
    epoch : int
    batch : int
        Batches of the epoch that were delivered.
    """

    epoch: int
    batch: int


class _Epoch(Iterator[tuple[Any, ...]]):
    """What is left of one epoch."""

    def __init__(
        self,
        prepared: Prefetcher[Prepared],
        transfer: Transfer,
        transform: Transform | None,
        position: _Position,
    ) -> None:
        self._prepared = prepared
        self._transfer = transfer
        self._transform = transform
        self._position = position
        self._ended = False

    def __next__(self) -> tuple[Any, ...]:
        if self._ended:
            raise StopIteration
        try:
            prepared = next(self._prepared, None)
            if prepared is not None:
                signal, *rest = self._transfer.finish(prepared).as_tuple()
                if self._transform is not None:
                    signal = self._transform(signal)
        except BaseException:
            self._end()
            raise
        if prepared is None:
            self._end()
            self._position.epoch, self._position.batch = self._position.epoch + 1, 0
            raise StopIteration
        self._position.batch += 1
        return (signal, *rest)

    def _end(self) -> None:
        self._ended = True
        self._prepared.close()


def _make_sampler(
    indices: ArrayLike | Sampler | None,
    n_windows: int,
    shuffle: bool | Literal["block"] | None,
    seed: int | None,
) -> tuple[Sampler, int | None]:
    """Return what gives the order of an epoch, and its seed where that is known."""
    if isinstance(indices, Sampler):
        if shuffle or seed is not None:
            raise ValueError("a sampler has its own order and seed: leave out shuffle and seed")
        return indices, None
    numbers = window_numbers(indices, n_windows)
    seed = 42 if seed is None else whole("seed", seed, 0)
    if shuffle == "block":
        return BlockShuffled(numbers, seed), seed
    if shuffle not in (None, True, False):
        raise ValueError(f"shuffle must be True, False or 'block', not {shuffle!r}")
    return (Sequential(numbers) if shuffle is False else Shuffled(numbers, seed)), seed


def find_rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Return this process's rank and how many there are; see :class:`WindowLoader`."""
    if rank is None and world_size is None:
        distributed = torch.distributed
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return 0, 1
    if rank is None or world_size is None:
        raise ValueError("rank and world_size belong together: give both or neither")
    size = whole("world_size", world_size, 1)
    number = whole("rank", rank, 0)
    if number >= size:
        raise ValueError(f"rank {number} is out of range: there are {size}, counted from 0")
    return number, size


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
