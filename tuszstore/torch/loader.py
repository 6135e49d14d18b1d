"""A loader of whole batches that prefetches the next ones."""

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
from tuszstore.read.targets import Label, Margins, Rule, Target
from tuszstore.sampling import Sampler
from tuszstore.sampling.places import Drawn
from tuszstore.sampling.ranks import deal, places
from tuszstore.torch.agreement import check_agreement
from tuszstore.torch.batch_indices import BatchIndices
from tuszstore.torch.batches import BatchReader
from tuszstore.torch.dataset import WindowDataset
from tuszstore.torch.epoch import Begun, Epoch
from tuszstore.torch.jitter import Jitter, shifts_of
from tuszstore.torch.options import check_flags, refuse_options, refuse_path
from tuszstore.torch.orders import Orders, make_sampler
from tuszstore.torch.prefetch import Prefetcher, side_by_side
from tuszstore.torch.progress import Position, Progress
from tuszstore.torch.ranks import Ranks, warn_of_empty
from tuszstore.torch.state import check_same, describe, make_state, read_position
from tuszstore.torch.transfer import OnDevice, OnHost, Transfer, find_device, on_host
from tuszstore.torch.transforms import Transform, Transformation


class WindowLoader:
    """Batches of a store's windows, prefetched in threads; for training and evaluation.

    Each iteration is an epoch, and yields ``(signal, label)``, or ``(signal, label, meta)``, as
    :class:`~tuszstore.torch.WindowDataset` describes them, for whole batches. The order of an
    epoch depends only on the seed and the epoch's number. Each iteration is the next epoch, even
    if the last one was stopped early, so :meth:`set_epoch` is needed only if a training starts
    in a later epoch. An iteration starts when its first batch is requested.

    Parameters
    ----------
    store : Store
        A store, view or series.
    indices : array_like of int or bool, shape (window,), slice, or Sampler, optional
        Windows, negative ones counted from the end, or a mask, by default all; or a sampler that
        draws the windows of each epoch.
    batch_size : int
        Windows of a batch, on each rank.
    shuffle : {True, False, "block"}, optional
        ``True``, the default: a random order of all windows. ``False``: as in
        `indices`. ``"block"``: in runs of neighbours, for slow disks; see
        :class:`~tuszstore.torch.BlockShuffled`. Not with a sampler, which has its own order.
    seed : int, optional
        Seed of the order; 42 by default. Not with a sampler, which has its own.
    rank, world_size : int, optional
        Rank of this process and number of processes, each with a loader of the same parameters.
        By default they are looked up at the start of an epoch: from ``torch.distributed`` if
        initialised, else the environment's ``RANK`` and ``WORLD_SIZE``, as torchrun sets them,
        else one process. The loader may therefore be created before the process group.
    drop_last : bool
        Drop windows that do not fill a batch on every rank.
    pad : bool
        Without `drop_last`, each window occurs exactly once over all ranks, each rank has the same
        number of batches, and the last one or two may be smaller, differing by one window between
        ranks. With `pad` the batches of a step have equal size on all ranks: up to
        ``world_size - 1`` windows are repeated.
    pin_memory : bool
        Batches are in page-locked memory, for your own copies to a GPU. Ignored without one.
    device : str or torch.device, optional
        ``"cuda"``: stored values are copied to and scaled on the GPU, concurrently with its
        computations. Without a GPU, batches are on the CPU, with a warning.
    transform : callable, optional
        ``transform(signal)`` takes the signals of a batch, on its device; its result replaces
        them. ``transform(signal, label, rng)`` takes single windows, and
        returns signal and label; `rng` is a NumPy generator that depends on the seed, the epoch
        and the window's place in its order, but not on ranks or batches. A parameter
        ``channels`` receives the names of the channels. It runs in the consumer's thread.
    jitter : bool
        Shift each window within its stride, differently in each epoch: a function of the seed, the
        epoch and the window's place in its order, independent of ranks, batches and resuming.
        Labels are those of the shifted window, and `meta` has its start; its category is that of
        the unshifted window.
    label, horizon, interval, rule, ignore, return_meta : optional
        As of :class:`~tuszstore.torch.WindowDataset`.
    prefetch : int
        Maximum number of batches that are ready or in progress, besides those you hold, which
        bounds memory. With 0 batches are read on demand, without a thread. From an object store
        they are read concurrently, so more of them hide longer round trips.

    Attributes
    ----------
    store : Store
        What its windows are read from.
    sampler : Sampler
        What draws the windows of each epoch.
    batch_size, rank, world_size : int
        Windows of a batch on a rank; the ranks as they are known by now.
    device : torch.device
        Where batches are.

    Raises
    ------
    TypeError, IndexError, ValueError
        If windows are not integers, out of range, missing, or fewer than a batch on each
        rank; or an option is unknown.

    Warns
    -----
    UserWarning
        At the start of an epoch, if there are other processes and the rank is unknown.

    Notes
    -----
    Deleting an iterator ends its thread. Errors in the background, such as a damaged block,
    are raised in place of the batch. A batch is never overwritten while any part of it is
    referenced. Its memory is reused afterwards; that of up to ``prefetch + 1`` batches is kept
    for the next loader, because new memory from the system is slow.

    Examples
    --------
    >>> import tuszstore
    >>> from tuszstore.torch import WindowLoader
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> loader = WindowLoader(store, store.select(category="partial_seizure"), batch_size=8)
    >>> signal, label = next(iter(loader))
    >>> tuple(signal.shape), tuple(label.shape), len(loader)
    ((8, 19, 15360), (8, 15360), 7)
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
        jitter: bool = False,
        label: Label = "seizure",
        horizon: float | None = None,
        interval: float | None = None,
        rule: Rule | None = None,
        ignore: Margins | None = None,
        return_meta: bool = False,
        prefetch: int = 2,
        **unknown: Never,
    ) -> None:
        refuse_path("WindowLoader", store)
        refuse_options("WindowLoader", unknown, LOADER_OPTIONS if unknown else ())
        check_flags(drop_last=drop_last, pad=pad, pin_memory=pin_memory, jitter=jitter,
                    return_meta=return_meta)  # fmt: skip
        if drop_last and pad:
            raise ValueError("drop_last drops windows and pad repeats some: choose one")
        self.store = store
        self.sampler, self._seed = make_sampler(indices, store, shuffle, seed)
        self._draws = self.sampler.seed if self._seed is None else self._seed
        self._orders = Orders(self.sampler, len(store))
        self._batch_size = as_whole_number("batch_size", batch_size, 1)
        if self.sampler.batch_size not in (None, self._batch_size):
            raise ValueError(
                f"batch_size is {batch_size}, but the order of {type(self.sampler).__name__} is "
                f"for batches of {self.sampler.batch_size}: use the same for both"
            )
        self._ranks = Ranks(rank, world_size)
        self._dealing = {"drop_last": drop_last, "pad": pad}
        self._dealt: tuple[tuple[int, int], NDArray[np.int64]] | None = None
        self._agreed = False
        self._target = Target.of(
            label, horizon=horizon, interval=interval, rule=rule, ignore=ignore
        )
        self._bounds()  # to raise errors early, if possible
        self._of_windows: dict[str, Any] = {
            "transform": transform, "label": label, "horizon": horizon, "interval": interval,
            "rule": rule, "ignore": ignore, "return_meta": return_meta, "jitter": jitter,
            "seed": self._draws,
        }  # fmt: skip
        self._jitter = Jitter(store, self._draws) if jitter else None
        self._transform: Transformation | None = None
        if transform is not None:
            self._transform = Transformation(transform, store.channels, self._draws)
        self._prefetch = as_whole_number("prefetch", prefetch, 0)
        self.device = find_device(device)
        reader = BatchReader(store, self._target, return_meta)
        self._transfer: Transfer
        if self.device.type == "cpu":
            pin = pin_memory and torch.cuda.is_available()
            self._transfer = OnHost(reader, pin=pin, keep=self._prefetch + 1)
        else:
            self._transfer = OnDevice(reader, self.device)
        self._progress = Progress()

    @property
    def epoch(self) -> int:
        """Number of the current or next epoch."""
        return self._progress.epoch(self._is_over)

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
        """Rank of this process, as currently known."""
        return self._ranks.find()[0]

    @property
    def world_size(self) -> int:
        """Number of processes, as currently known."""
        return self._ranks.find()[1]

    @property
    def batch_sampler(self) -> BatchIndices:
        """The batches of the next iteration as lists of window indices, for frameworks."""
        return BatchIndices(self)

    num_workers = 0
    # Accelerate copies it to a DataLoader without workers
    prefetch_factor = None

    @cached_property
    def dataset(self) -> WindowDataset:
        """All windows as a dataset, for `batch_sampler`.

        This lets ``accelerator.skip_first_batches(loader, n)`` return the rest of this rank's next
        epoch.
        """
        return WindowDataset(self.store, **self._of_windows)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration.

        It starts with its first batch, unless a state of this epoch was just loaded: then it is
        the rest of the epoch, possibly empty.
        """
        self._progress.set_epoch(as_whole_number("epoch", epoch, 0))

    def __len__(self) -> int:
        """Return the number of batches of a complete epoch, on each rank."""
        return (len(self._bounds()) - 1) // self.world_size

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self._orders.of(self._progress.upcoming(self._is_over).epoch)  # to raise errors early
        return Epoch(self)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this loader for a checkpoint: delivered batches, not prefetched ones.

        It is a position in the last started epoch, even if its iteration was stopped:
        a training that is interrupted resumes there. A training that ends epochs early on
        purpose should call :meth:`set_epoch` in each, to get the same windows when resumed.

        Returns
        -------
        dict
            Of str, int, bool, None and lists of str; the same on every rank.
        """
        position = self._progress.position
        return make_state(position, self._same(position.epoch), self.sampler)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume at the state of another loader, with the windows that it had not delivered.

        Ranks and batch size may differ: the rest of the epoch is resharded in the same
        order, so that each window still occurs once. If fewer windows than ranks remain, the
        batches of some ranks are empty, with a warning. After the last batch of an epoch, the next
        batch is the first one of the next epoch.

        Parameters
        ----------
        state : mapping
            From :meth:`state_dict`, of a loader with the same store or view, windows, seed, label,
            `drop_last`, `pad` and `jitter`; and the same `batch_size` if the sampler's order
            depends on it, as in :class:`~tuszstore.sampling.Stratified`.

        Raises
        ------
        ValueError, TypeError
            If it is invalid, or from a loader with other batches, naming what differs.
        """
        position = read_position(state)
        check_same(state, self._same(position.epoch), self.sampler, self.store.path)
        if position.delivered > len(self.sampler):
            raise ValueError(
                f"the state has {position.delivered} delivered windows of an epoch, more than "
                f"{len(self.sampler)}"
            )
        self._agreed = False
        self._progress.resume(position)

    def __repr__(self) -> str:
        rank, world_size = self._ranks.find()
        ranks = f", rank {rank} of {world_size}" if world_size > 1 else ""
        return f"<WindowLoader: {len(self)} batches of {self.batch_size}{ranks}, {self.sampler!r}>"

    def upcoming(self) -> Iterator[list[Drawn]]:
        """Return the window indices of each batch of the next iteration, without starting it."""
        position = self._progress.upcoming(self._is_over)
        order, epoch = self._orders.of(position.epoch), position.epoch
        return (
            [Drawn.at(int(order[place]), epoch, place) for place in part.tolist()]
            for part in self._places(self._bounds(position.delivered))
        )

    def _begin(self) -> Begun:
        """Begin the next iteration."""
        self._ranks.warn_if_unknown()
        upcoming = self._progress.upcoming(self._is_over)
        bounds, world_size = self._bounds(upcoming.delivered), self.world_size
        self._compare_ranks(upcoming)
        warn_of_empty(bounds, world_size)
        # the thread must not reference the loader, which may reference an iterator
        prepare = self._transfer.prepare
        order, parts = self._orders.of(upcoming.epoch), [*self._places(bounds)]
        shifts = partial(shifts_of, self._jitter, upcoming.epoch)
        jobs = (partial(prepare, order[part], shifts(order[part], part)) for part in parts)
        stops = np.minimum(bounds[world_size::world_size], len(self.sampler))
        position = self._progress.begin(self._is_over)
        if self.store.remote and self._prefetch > 1:
            prepared = Prefetcher(side_by_side(jobs, self._prefetch), 1)
        else:
            prepared = Prefetcher((job() for job in jobs), self._prefetch)
        return Begun(position, iter(parts), iter(stops.tolist()), prepared)

    def _compare_ranks(self, upcoming: Position) -> None:
        """Raise an error if ranks begin with different windows."""
        rank, world_size = self._ranks.find()
        if self._agreed or world_size == 1:
            return
        values = {**self._same(upcoming.epoch), **asdict(upcoming)}
        values = {"seed": values.pop("seed"), "sampler": repr(self.sampler)} | values
        check_agreement(values | {"batch_size": self.batch_size}, rank, world_size)
        self._agreed = True

    def _places(self, bounds: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Return the places in the epoch's order of the windows of each batch of this rank."""
        rank, world_size = self._ranks.find()
        numbers = range(rank, len(bounds) - 1, world_size)
        return (places(len(self.sampler), bounds, number) for number in numbers)

    def _transformed(self, columns: list[Any], epoch: int, places: NDArray[np.int64]) -> list[Any]:
        transform = self._transform
        if transform is None:
            return columns
        if not transform.of_windows:
            return [transform.signal(columns[0]), *columns[1:]]
        return transform.batch(
            columns, [(epoch, place) for place in places.tolist()], on_host
        ).whole()

    def _bounds(self, start: int = 0) -> NDArray[np.int64]:
        """Return start and stop of the parts of the rest of an epoch, for the current ranks."""
        key = self.world_size, start
        if self._dealt is None or self._dealt[0] != key:
            size, world_size = len(self.sampler), self.world_size
            bounds = deal(size, self.batch_size, world_size, start=start, **self._dealing)
            self._dealt = key, bounds
        return self._dealt[1]

    def _is_over(self, delivered: int) -> bool:
        """Return whether an epoch has no further batches."""
        least = self.batch_size * self.world_size if self.drop_last else 1
        return len(self.sampler) - delivered < least

    def _same(self, epoch: int) -> dict[str, Any]:
        """Return what must be equal in two loaders for the same windows in an epoch."""
        return {
            **describe(self.store),
            "label": str(self._target),
            "jitter": self._jitter is not None,
            "windows": len(self.sampler),
            "seed": self._seed,
            "batch_size": self.sampler.batch_size,
            **self._dealing,
            "order": self._orders.digest(epoch),
        }


LOADER_OPTIONS = tuple(
    name for name in inspect.signature(WindowLoader).parameters if name not in ("store", "unknown")
)
"""Names of the options of :class:`WindowLoader`."""
