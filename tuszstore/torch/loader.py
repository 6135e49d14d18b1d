"""Whole batches of windows, the next ones prepared while the last is used."""

import hashlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property, partial
from typing import Any, Literal, Never

import numpy as np
import torch
from numpy.typing import NDArray

from tuszstore.facade.windows import WindowCollection
from tuszstore.indices import Indices, as_whole_number
from tuszstore.sampling import BlockShuffled, Sampler, Sequential, Shuffled
from tuszstore.sampling.ranks import deal, part
from tuszstore.torch.batch_indices import BatchIndices
from tuszstore.torch.batches import BatchReader, Label
from tuszstore.torch.dataset import Transform, window_numbers
from tuszstore.torch.options import refuse_options
from tuszstore.torch.prefetch import Prefetcher, side_by_side
from tuszstore.torch.progress import Position, Progress
from tuszstore.torch.ranks import Ranks
from tuszstore.torch.transfer import OnDevice, OnHost, Prepared, Transfer, find_device

STATE_VERSION = 1


class WindowLoader:
    """Batches of a store's windows, prepared ahead by threads; for training and evaluation.

    Each iteration is an epoch, and gives ``(signal, label)``, or ``(signal, label, meta)``, as
    :class:`~tuszstore.torch.WindowDataset` describes them, for whole batches. The order of an
    epoch depends on the seed and the epoch's number only. After one epoch comes the next, also
    where the last one was broken off, so :meth:`set_epoch` is needed only where a training starts
    in the middle, or out of habit. An iteration begins when its first batch is asked for.

    Parameters
    ----------
    store : Store
    indices : array_like of int or bool, shape (window,), slice, or Sampler, optional
        Windows, negative ones counted from the end, or a mask, by default all; or what draws the
        windows of each epoch.
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
        they are looked up when an epoch begins: those of ``torch.distributed`` where it is
        initialised, or else the environment's ``RANK`` and ``WORLD_SIZE``, as torchrun sets them,
        and otherwise one process. So the loader may be made before the process group.
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
        Takes the signals of a batch, on its device; what it returns takes their place. It runs in
        the consumer's thread, so random numbers come in the same order each time.
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
        rank; or an option is unknown.

    Warns
    -----
    UserWarning
        At the start of an epoch, if there are other processes and the rank is not known.

    Notes
    -----
    An iterator that is dropped ends its thread. Errors in the background, such as a damaged block,
    are raised where the batch would have come. A batch is never written again while any of it is
    referred to. Then its memory is used for the next; that of up to ``prefetch + 1`` batches stays
    with the process for its next loader, since memory that is fresh from the system is slow.
    """

    def __init__(
        self,
        store: WindowCollection,
        indices: Indices | Sampler | None = None,
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
        **unknown: Never,
    ) -> None:
        refuse_options("WindowLoader", unknown, LOADER_OPTIONS if unknown else ())
        if drop_last and pad:
            raise ValueError("drop_last leaves windows out and pad repeats some: choose one")
        self.store = store
        self.sampler, self._seed = _make_sampler(indices, len(store), shuffle, seed)
        self._batch_size = as_whole_number("batch_size", batch_size, 1)
        self._ranks = Ranks(rank, world_size)
        self._dealing = {"drop_last": bool(drop_last), "pad": bool(pad)}
        self._dealt: tuple[int, NDArray[np.int64]] | None = None
        self._bounds()  # raises now where it can
        self._transform = transform
        self._prefetch = as_whole_number("prefetch", prefetch, 0)
        self.device = find_device(device)
        reader = BatchReader(store, label, return_meta)
        self._transfer: Transfer
        if self.device.type == "cpu":
            pin = pin_memory and torch.cuda.is_available()
            self._transfer = OnHost(reader, pin=pin, keep=self._prefetch + 1)
        else:
            self._transfer = OnDevice(reader, self.device)
        self._progress = Progress()
        self._last_order: tuple[int, NDArray[np.int64]] | None = None

    @property
    def epoch(self) -> int:
        """Number of the epoch that is under way, or comes next."""
        return self._progress.epoch(len(self))

    @property
    def batch_size(self) -> int:
        """Windows of a batch, on each rank."""
        return self._batch_size

    @property
    def drop_last(self) -> bool:
        """Whether windows that do not fill a batch on every rank are excluded."""
        return self._dealing["drop_last"]

    @property
    def rank(self) -> int:
        """Number of this process, as it is known now."""
        return self._ranks.find()[0]

    @property
    def world_size(self) -> int:
        """How many processes there are, as it is known now."""
        return self._ranks.find()[1]

    @property
    def batch_sampler(self) -> BatchIndices:
        """The batches of the next iteration as lists of window indices, for frameworks."""
        return BatchIndices(self)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration.

        It begins with its first batch, unless a state of this epoch was just loaded: then it is
        the rest of it, which may be nothing.
        """
        self._progress.set_epoch(as_whole_number("epoch", epoch, 0))

    def __len__(self) -> int:
        """Batches of an epoch, on each rank."""
        return (len(self._bounds()) - 1) // self.world_size

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self._order(self._progress.upcoming(len(self)).epoch)  # raises now what is wrong with it
        return _Epoch(self)

    def state_dict(self) -> dict[str, Any]:
        """Return where this loader is, for a checkpoint: what was delivered, not what is ready.

        It is a place in the epoch that was begun last, also where its iteration was broken off:
        a training that is interrupted there goes on there. One that ends its epochs early by
        itself calls :meth:`set_epoch` in each, and sees the same when it is resumed.

        Returns
        -------
        dict
            Of str, int, bool and None; the same on every rank.
        """
        position = self._progress.position
        return {"version": STATE_VERSION, **asdict(position), **self._set(position.epoch)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader was: the next batch is the one it would have given.

        After the last batch of an epoch, that is the first one of the next epoch.

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
        position = Position(*(as_whole_number(name, state[name], 0) for name in ("epoch", "batch")))
        for name, value in self._set(position.epoch).items():
            if state.get(name) != value:
                raise ValueError(
                    f"the state belongs to other batches: its {name} is {state.get(name)!r}, and "
                    f"this loader's is {value!r}{self._hint(name)}"
                )
        if position.batch > len(self):
            raise ValueError(f"the state is at batch {position.batch}, and there are {len(self)}")
        self._progress.resume(position)

    def __repr__(self) -> str:
        rank, world_size = self._ranks.find()
        ranks = f", rank {rank} of {world_size}" if world_size > 1 else ""
        return f"<WindowLoader: {len(self)} batches of {self.batch_size}{ranks}, {self.sampler!r}>"

    def upcoming(self) -> Iterator[NDArray[np.int64]]:
        """Return the window indices of each batch of the next iteration, without beginning it."""
        return self._parts(self._progress.upcoming(len(self)))

    def _begin(self) -> tuple[Position, Prefetcher[Prepared]]:
        """Begin the next iteration: return its position, and its batches as they are prepared."""
        self._ranks.warn_if_unknown()
        prepare = self._transfer.prepare  # the thread holds no loader, which may hold an iterator
        jobs = (partial(prepare, numbers) for numbers in self.upcoming())
        position = self._progress.begin(len(self))
        if self.store.remote and self._prefetch > 1:
            return position, Prefetcher(side_by_side(jobs, self._prefetch), 1)
        return position, Prefetcher((job() for job in jobs), self._prefetch)

    def _parts(self, position: Position) -> Iterator[NDArray[np.int64]]:
        """Return the windows of each batch of this rank, from a position to the epoch's end."""
        rank, world_size = self._ranks.find()
        order, bounds = self._order(position.epoch), self._bounds()
        n_parts = len(bounds) - 1
        numbers = range(position.batch * world_size + rank, n_parts, world_size)
        return (part(order, bounds, number) for number in numbers)

    def _bounds(self) -> NDArray[np.int64]:
        """Return where the parts of an epoch begin and end, for the world size of now."""
        world_size = self.world_size
        if self._dealt is None or self._dealt[0] != world_size:
            bounds = deal(len(self.sampler), self.batch_size, world_size, **self._dealing)
            self._dealt = world_size, bounds
        return self._dealt[1]

    def _hint(self, name: str) -> str:
        """Return what may be the cause where a state has another value."""
        if name == "world_size" and not self._ranks.given:
            return ": initialise torch.distributed first, or give rank and world_size"
        return ""

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


class _Epoch(Iterator[tuple[Any, ...]]):
    """What is left of one epoch, which is chosen when the first batch is asked for."""

    def __init__(self, loader: WindowLoader) -> None:
        self._loader: WindowLoader | None = loader  # None: it has ended
        self._prepared: Prefetcher[Prepared] | None = None
        self._position: Position

    def __next__(self) -> tuple[Any, ...]:
        loader = self._loader
        if loader is None:
            raise StopIteration
        try:
            if self._prepared is None:
                self._position, self._prepared = loader._begin()
            prepared = next(self._prepared, None)
            if prepared is not None:
                signal, *rest = loader._transfer.finish(prepared).as_tuple()
                if loader._transform is not None:
                    signal = loader._transform(signal)
        except BaseException:
            self._end()
            raise
        if prepared is None:
            self._end()
            loader._progress.finish(self._position)
            raise StopIteration
        self._position.batch += 1
        return (signal, *rest)

    def _end(self) -> None:
        self._loader = None
        if self._prepared is not None:
            self._prepared.close()


def _make_sampler(
    indices: Indices | Sampler | None,
    n_windows: int,
    shuffle: bool | Literal["block"] | None,
    seed: int | None,
) -> tuple[Sampler, int | None]:
    """Return what gives the order of an epoch, and its seed where that is known."""
    if isinstance(indices, Sampler):
        if shuffle or seed is not None:
            raise ValueError("a sampler has its own order and seed: leave out shuffle and seed")
        return indices, None
    if isinstance(indices, torch.utils.data.Sampler):
        raise TypeError(
            f"{type(indices).__name__} is a sampler of torch, which goes with torch's loader: "
            "DataLoader(WindowDataset(store), batch_size, sampler=...)"
        )
    numbers = window_numbers(indices, n_windows)
    seed = 42 if seed is None else as_whole_number("seed", seed, 0)
    if shuffle == "block":
        return BlockShuffled(numbers, seed), seed
    if shuffle not in (None, True, False):
        raise ValueError(f"shuffle must be True, False or 'block', not {shuffle!r}")
    return (Sequential(numbers) if shuffle is False else Shuffled(numbers, seed)), seed


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


LOADER_OPTIONS = tuple(
    name for name in inspect.signature(WindowLoader).parameters if name not in ("store", "unknown")
)
"""Names of what :class:`WindowLoader` takes besides the store."""
