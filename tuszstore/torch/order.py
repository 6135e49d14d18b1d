"""Which windows an epoch has and which rank gets which: pure functions, without torch.

The order of an epoch is the sampler's, the same on every rank. It is cut into parts, and the ranks
take them in turn, so the batches of one step lie together in it, however many ranks there are.
"""

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.indices import Indices, check_indices
from tuszstore.sampling import Sampler
from tuszstore.sampling.columns import not_empty, whole_number
from tuszstore.sampling.columns import window_numbers as set_numbers


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


def deal(
    n_windows: int, batch_size: int, world_size: int = 1, *, drop_last: bool, pad: bool
) -> NDArray[np.int64]:
    """Cut an epoch into parts: batch k of rank r is part ``k * world_size + r``.

    Every rank gets the same number of batches, and none is empty. All batches are full but those
    at the end, which share what is left:

    - by default every window is in exactly one part, and the parts of one step differ by at most
      one window. Where less than one window for each rank is left, the last two steps share it;
    - with `pad`, up to ``world_size - 1`` windows from the start of the epoch come again, so that
      the parts of each step are equal;
    - with `drop_last`, what does not fill a batch on every rank is left out.

    Parameters
    ----------
    n_windows, batch_size, world_size : int
    drop_last, pad : bool

    Returns
    -------
    ndarray of int64, shape (batch * world_size + 1,)
        Where the parts begin and end in the order of an epoch, continued from its start.

    Raises
    ------
    ValueError
        If not even one full batch for each rank can be had, or the windows cannot be dealt so.
    """
    step = batch_size * world_size
    if n_windows < step:
        ranks = f" on each of {world_size} ranks" if world_size > 1 else ""
        largest = n_windows // world_size
        way_out = f"lower it to {largest} or less" if largest else "use fewer ranks"
        raise ValueError(
            f"batch_size is {batch_size}{ranks}, and there are {n_windows} windows: {way_out}"
        )
    n_full, left = divmod(n_windows, step)
    if drop_last:
        left = 0
    elif pad:
        left = -(-left // world_size) * world_size
    n_tail = world_size if left else 0
    if 0 < left < world_size:
        if batch_size == 1:
            raise ValueError(
                f"{n_windows} windows in batches of 1 cannot be dealt evenly to {world_size} "
                "ranks: use pad=True, drop_last=True or larger batches"
            )
        n_full, left, n_tail = n_full - 1, left + step, 2 * n_tail
    sizes = np.full(n_full * world_size + n_tail, batch_size, np.int64)
    if n_tail:
        sizes[-n_tail:] = left // n_tail + (np.arange(n_tail) < left % n_tail)
    return np.concatenate([[0], np.cumsum(sizes)])


def part(order: NDArray[np.int64], bounds: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return one part of an epoch, of which :func:`deal` made `bounds`."""
    return order.take(np.arange(bounds[number], bounds[number + 1]), mode="wrap")


class BlockShuffled(Sampler):
    """Each window once an epoch, in runs of neighbours, whose order is random.

    For disks that seek slowly: 16 neighbours, 10 s apart, are one read of 210 s, where alone they
    are 16 reads and 960 s. The price is that the windows of a run, which overlap, come in one
    batch or two. Where runs begin is drawn anew for each epoch.

    Parameters
    ----------
    indices : int, or array_like of int or bool, shape (window,)
        How many windows from the first on, window numbers, or a mask.
    seed : int
    run : int
        Windows of a run.
    """

    def __init__(self, indices: ArrayLike | int, seed: int = 42, run: int = 16) -> None:
        self._indices = np.sort(not_empty(set_numbers(indices)))
        self._seed = whole("seed", seed, 0)
        self._run = whole("run", run, 1)

    def epoch(self, number: int) -> NDArray[np.int64]:
        """Return the windows in the order of an epoch."""
        key = (whole_number("epoch", number, 0),)
        rng = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=key))
        run_of = (np.arange(len(self._indices)) + rng.integers(self._run)) // self._run
        rank = rng.permutation(run_of[-1] + 1)
        return self._indices.take(np.argsort(rank[run_of], kind="stable"))

    def __len__(self) -> int:
        return len(self._indices)

    def _describe(self) -> str:
        return f" in runs of {self._run}, seed {self._seed}"


def whole(name: str, value: Any, least: int) -> int:
    """Return a parameter as int; raise if it is none or too small."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be {least} or more, not {number}")
    return number
