"""Epochs that mix several samplers, or groups of windows, in given shares."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.reasons import plural
from tuszstore.sampling.base import Sampler
from tuszstore.sampling.columns import (
    Index,
    SamplingError,
    category_codes,
    generator_of,
    group_rows,
    whole_number,
    window_numbers,
)
from tuszstore.sampling.origin import Origin
from tuszstore.sampling.samplers import Shuffled
from tuszstore.sampling.shares import Shares, shares_of
from tuszstore.store.categories import UNKNOWN_CATEGORY

MakePart = Callable[[NDArray[np.int64], int], Sampler]
"""Takes window indices and a seed; returns a sampler of them."""


class Mixed(Sampler):
    """Windows of several samplers, in given shares, spread evenly over the epoch.

    Each part is drawn by its own consecutive epochs: a large part takes several epochs of the
    mixture, a small one restarts within an epoch. Over many epochs, all windows of a part are
    therefore drawn equally often, and the shares are exact in each epoch up
    to rounding. Any section of the order, such as a batch, has the parts in their shares, to within
    a window or two.

    Parameters
    ----------
    parts : mapping of name to Sampler, or sequence of Sampler
        What is mixed, such as a sampler of each source; unnamed ones are numbered from 0.
    shares : mapping of name to float, or sequence of float, or "equal", optional
        By default equal.
    temperature : float, optional
        Shares are proportional to ``len(part) ** (1 / temperature)``; not with `shares`.
    n : int, optional
        Windows per epoch; by default the total of the parts.
    seed : int
        Seed of the order in which the parts alternate; each part has its own.

    Raises
    ------
    SamplingError
        If there are no parts, a share is negative, unknown or all are 0, or `n` is too small for
        a part to have a window.

    Examples
    --------
    >>> from tuszstore.sampling import Mixed, Shuffled
    >>> mixed = Mixed({"few": Shuffled(range(100)), "many": Shuffled(range(100, 1000))}, n=200)
    >>> int((mixed.epoch(0) < 100).sum())
    100
    """

    def __init__(
        self,
        parts: Mapping[Any, Sampler] | Sequence[Sampler],
        shares: Shares | Sequence[float] | None = None,
        temperature: float | None = None,
        n: int | None = None,
        seed: int = 42,
    ) -> None:
        named = dict(parts) if isinstance(parts, Mapping) else dict(enumerate(parts))
        if not named:
            raise SamplingError("no parts to mix")
        if shares is not None and not isinstance(shares, str | Mapping):
            given = list(shares)
            if len(given) != len(named):
                raise SamplingError(
                    f"{plural(len(given), 'share')} given for {plural(len(named), 'part')}"
                )
            shares = dict(zip(named, given, strict=True))
        self.seed = whole_number("seed", seed, 0)
        self._parts = named
        self.origin = _common_origin(named)
        sizes = np.array([len(part) for part in named.values()], np.int64)
        amounts = shares_of([*named], sizes, "part", shares, temperature)
        total = int(sizes.sum()) if n is None else whole_number("n", n, 1)
        self._counts = _round(amounts * total)
        for name, share, count in zip(named, amounts, self._counts.tolist(), strict=True):
            if share and not count:
                raise SamplingError(
                    f"the part {name!r} has a share of {share:.2g} of {total} windows, which is "
                    "less than one: raise n"
                )

    @classmethod
    def of_groups(
        cls,
        index: Index,
        by: str = "source",
        shares: Shares | None = None,
        temperature: float | None = None,
        n: int | None = None,
        seed: int = 42,
        *,
        indices: ArrayLike | None = None,
        make: MakePart | None = None,
    ) -> Self:
        """Mix the groups of a column, such as the sources of :func:`tuszstore.concat`.

        Parameters
        ----------
        index : Index
            ``store.index``, or another mapping of its columns.
        by : str
            Column whose values are the groups.
        shares : mapping of value to float, or "equal", optional
            By default equal.
        temperature : float, optional
            See :class:`Mixed`.
        n : int, optional
            Windows of an epoch.
        seed : int
            Seed of the mixture, from which those of the groups are derived.
        indices : array_like of int or bool, shape (window,), optional
            Window indices, or a mask; by default all labelled windows.
        make : callable, optional
            Takes the window indices of a group and a seed, and returns a sampler; by
            default :class:`Shuffled`. ``lambda windows, seed: Balanced(index, seed=seed,
            indices=windows)`` balances each group.
        """
        names, codes = group_rows(index, by)
        labelled = category_codes(index) != UNKNOWN_CATEGORY
        chosen = (
            np.flatnonzero(labelled) if indices is None else window_numbers(indices, len(codes))
        )
        seed = whole_number("seed", seed, 0)
        parts: dict[Any, Sampler] = {}
        for number, name in enumerate(names.tolist()):
            windows = chosen[codes[chosen] == number]
            if len(windows):
                own_seed = int(
                    np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(1)[0]
                )
                parts[name] = (make or Shuffled)(windows, own_seed)
        mixed = cls(parts, shares, temperature, n, seed)
        mixed.origin = Origin.of(index)
        return mixed

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order of an epoch."""
        rng = generator_of(self.seed, number)
        drawn, keys = [], []
        for part, count in zip(self._parts.values(), self._counts.tolist(), strict=True):
            drawn.append(_stretch(part, number * count, count))
            # one window at a random place in each of equal pieces of the epoch
            keys.append((np.arange(count) + rng.random(count)) / max(count, 1))
        order = np.argsort(np.concatenate(keys), kind="stable")
        return np.concatenate(drawn)[order]

    def __len__(self) -> int:
        return int(self._counts.sum())

    def composition(self) -> dict[str, float]:
        """Return how many windows of an epoch are from each part."""
        counts = zip(self._parts, self._counts.tolist(), strict=True)
        return {str(name): count for name, count in counts if count}

    def _settings(self) -> str:
        shares = ", ".join(
            f"{count / len(self):.1%} {name}"
            for name, count in zip(self._parts, self._counts.tolist(), strict=True)
        )
        return f"{shares}, seed {self.seed}"


def _stretch(part: Sampler, start: int, count: int) -> NDArray[np.int64]:
    """Return windows of a part from a position on, in the sequence of its concatenated epochs."""
    size, pieces = len(part), []
    while count:
        epoch, first = divmod(start, size)
        piece = part.epoch(epoch)[first : first + count]
        pieces.append(piece)
        start, count = start + len(piece), count - len(piece)
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int64)


def _round(amounts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round amounts to whole numbers with the same sum, by the largest remainder."""
    counts = np.floor(amounts + 1e-9).astype(np.int64)
    left = round(float(amounts.sum())) - int(counts.sum())
    largest = np.argsort(counts - amounts, kind="stable")[: max(left, 0)]
    counts[largest] += 1
    return counts


def _common_origin(parts: Mapping[Any, Sampler]) -> Origin | None:
    """Return the store to which the indices of all parts refer."""
    known = {part.origin: name for name, part in parts.items() if part.origin is not None}
    if len(known) > 1:
        (first, a), (other, b) = [*known.items()][:2]
        raise SamplingError(
            f"the part {a!r} draws from the windows of {first.store}, and {b!r} from those of "
            f"{other.store}: concatenate them with tuszstore.concat, and create both from its "
            "`index` with `indices`"
        )
    return next(iter(known), None)
