"""Sharding an epoch across ranks.

The order of an epoch is the sampler's, the same on every rank. It is cut into parts that are
assigned to ranks in turn, so the batches of one step are adjacent, for any number of ranks.
"""

import numpy as np
from numpy.typing import NDArray


def deal(
    n_windows: int,
    batch_size: int,
    world_size: int = 1,
    *,
    drop_last: bool,
    pad: bool,
    start: int = 0,
) -> NDArray[np.int64]:
    """Cut an epoch into parts: batch k of rank r is part ``k * world_size + r``.

    Every rank gets the same number of batches, and none is empty. All batches are full except
    the last ones, which share the remainder:

    - by default every window is in exactly one part, and the parts of one step differ by at most
      one window. If less than one window per rank remains, the last two steps share it;
    - with `pad`, up to ``world_size - 1`` windows from the start of the epoch are repeated, so that
      the parts of each step are equal;
    - with `drop_last`, windows that do not fill a batch on every rank are dropped.

    The rest of an epoch that was started with other ranks or batches is cut in the same way: a
    batch may have one window more than requested, and if fewer windows
    than ranks remain, those of the last ranks are empty.

    Parameters
    ----------
    n_windows, batch_size, world_size : int
    drop_last, pad : bool
    start : int
        Windows of the epoch that were already delivered.

    Returns
    -------
    ndarray of int64, shape (batch * world_size + 1,)
        Bounds of the parts in the order of an epoch, continued from its start.

    Raises
    ------
    ValueError
        If an epoch has less than one full batch per rank, or its windows cannot be divided
        like this.
    """
    step = batch_size * world_size
    if n_windows < step:
        ranks = f" on each of {world_size} ranks" if world_size > 1 else ""
        largest = n_windows // world_size
        way_out = f"lower it to {largest} or less" if largest else "use fewer ranks"
        raise ValueError(
            f"batch_size is {batch_size}{ranks}, but there are only {n_windows} windows: {way_out}"
        )
    n_full, left = divmod(max(0, n_windows - start), step)
    if drop_last:
        left = 0
    elif pad:
        left = -(-left // world_size) * world_size
    n_tail = world_size if left else 0
    if 0 < left < world_size and n_full:
        if batch_size > 1:
            n_full, left, n_tail = n_full - 1, left + step, 2 * n_tail
        elif start:
            n_full, left = n_full - 1, left + step
        else:
            raise ValueError(
                f"{n_windows} windows in batches of 1 cannot be sharded evenly across {world_size} "
                "ranks: use pad=True, drop_last=True or larger batches"
            )
    sizes = np.full(n_full * world_size + n_tail, batch_size, np.int64)
    if n_tail:
        sizes[-n_tail:] = left // n_tail + (np.arange(n_tail) < left % n_tail)
    return start + np.concatenate([[0], np.cumsum(sizes)])


def places(n_windows: int, bounds: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return the places of one part in the order of an epoch; `bounds` are from :func:`deal`.

    Parameters
    ----------
    n_windows : int
        Number of windows of the epoch.
    bounds : ndarray of int64
    number : int
        Number of the part.
    """
    return np.arange(bounds[number], bounds[number + 1]) % n_windows


def part(order: NDArray[np.int64], bounds: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return one part of an epoch; `bounds` are from :func:`deal`."""
    return order[places(len(order), bounds, number)]
