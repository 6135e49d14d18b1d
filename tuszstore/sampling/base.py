"""The base class of samplers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.html import box, composition
from tuszstore.sampling.columns import counts_text, generator_of, whole_number
from tuszstore.sampling.origin import Origin
from tuszstore.sampling.places import Drawn


class Sampler(ABC):
    """Which windows, in which order, for each epoch; a pure function of (index, seed, epoch).

    It also serves as a sampler of torch, ``DataLoader(WindowDataset(store), sampler=sampler)``:
    iterating gives the window indices of one epoch, and each iteration is the next epoch.
    """

    batch_size: int | None = None
    """Batch size that the order is made for; None if it suits any."""

    seed: int = 42
    """Seed of the order, and of other random numbers for each place in it."""

    origin: Origin | None = None
    """Store of the window indices; None if unknown."""

    _next_epoch = 0  # epoch of the next iteration; unrelated to `epoch`

    @abstractmethod
    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the window indices of an epoch, in order.

        Parameters
        ----------
        number : int
            Counted from 0; epochs may be requested in any order.

        Returns
        -------
        ndarray of int64, shape (len(self),)
            A new array.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of windows of an epoch; the same for all epochs."""

    def __iter__(self) -> Iterator[int]:
        return EpochIterator(self)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration; without it, each iteration is the next epoch.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        """
        self._next_epoch = whole_number("epoch", epoch, 0)

    def placed(self) -> "Placed":
        """Return the same sampler, for torch, whose indices know their place in the epoch.

        ``DataLoader(WindowDataset(store, transform=...), sampler=sampler.placed())`` draws the
        same random numbers for a window as ``WindowLoader`` does.
        """
        return Placed(self)

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are in each group that the sampler knows.

        Returns
        -------
        dict of str to float
            On average, if they are drawn with replacement. Empty for a sampler that knows
            only the indices of its windows.
        """
        return {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} windows per epoch{self._describe()}>"

    def _repr_html_(self) -> str:
        settings = self._settings()
        return box(
            f"<b>{escape(type(self).__name__)}</b> {len(self):,} windows per epoch",
            composition(self.composition()),
            f'<div class="tz-weak">{escape(settings)}</div>' if settings else "",
        )

    def _describe(self) -> str:
        return f", {settings}" if (settings := self._settings()) else ""

    def _settings(self) -> str:
        return ""


class Resampled(Sampler):
    """A set of windows that is resampled each epoch, or the set of the first one in other orders.

    Parameters
    ----------
    seed : int
        Seed of the random numbers: equal seeds give equal epochs.
    redraw : bool
        Whether it is resampled.
    """

    def __init__(self, seed: int, redraw: bool) -> None:
        self.seed = whole_number("seed", seed, 0)
        self._redraw = redraw

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the set of an epoch, in order."""
        rng = generator_of(self.seed, number)
        if self._redraw or number == 0:
            return self._draw(rng)
        return rng.permutation(self._draw(generator_of(self.seed, 0)))

    @abstractmethod
    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return a set, in order."""

    def _describe(self) -> str:
        return f" ({counts_text(self.composition())}), {self._settings()}"

    def _settings(self) -> str:
        return f"{'resampled each epoch' if self._redraw else 'one set'}, seed {self.seed}"


class Placed:
    """A sampler of torch; see :meth:`Sampler.placed`.

    Parameters
    ----------
    sampler : Sampler
        Whose epochs are counted on.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""
        self._sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[int]:
        return EpochIterator(self._sampler, placed=True)


class EpochIterator(Iterator[int]):
    """The window indices of one epoch, one by one.

    The epoch is determined when the first index is requested: frameworks create an iterator
    and call ``set_epoch`` afterwards. Its state is what torchdata's ``StatefulDataLoader`` saves.

    Parameters
    ----------
    sampler : Sampler
    placed : bool
        Whether indices know their epoch and their place in it.
    """

    def __init__(self, sampler: Sampler, *, placed: bool = False) -> None:
        self._sampler = sampler
        self._placed = placed
        self._order: list[int] | None = None
        self._epoch = self._place = 0

    def __next__(self) -> int:
        if self._order is None:
            self._begin(self._sampler._next_epoch)
        assert self._order is not None
        if self._place >= len(self._order):
            raise StopIteration
        self._place += 1
        window = self._order[self._place - 1]
        return Drawn.at(window, self._epoch, self._place - 1) if self._placed else window

    def state_dict(self) -> dict[str, int]:
        """Return the epoch, and how many of its indices were yielded."""
        epoch = self._sampler._next_epoch if self._order is None else self._epoch
        return {"epoch": epoch, "place": self._place}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume another iterator's state; the sampler's next iteration is the next epoch."""
        self._begin(whole_number("epoch", state["epoch"], 0))
        self._place = whole_number("place", state["place"], 0)

    def _begin(self, epoch: int) -> None:
        self._epoch = epoch
        self._order = np.asarray(self._sampler.epoch(epoch)).tolist()
        self._sampler._next_epoch = epoch + 1
