"""How an epoch is divided over the ranks of a training.

The order of an epoch is the sampler's, the same on every rank. It is cut into parts, and the ranks
take them in turn, so the batches of one step lie together in it, however many ranks there are.
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

    Every rank gets the same number of batches, and none is empty. All batches are full but those
    at the end, which share what is left:

    - by default every window is in exactly one part, and the parts of one step differ by at most
      one window. Where less than one window for each rank is left, the last two steps share it;
    - with `pad`, up to ``world_size - 1`` windows from the start of the epoch come again, so that
      the parts of each step are equal;
    - with `drop_last`, what does not fill a batch on every rank is left out.

    The rest of an epoch that other ranks began, in other batches, is cut in the same way, however
    few windows are left: a batch may have one window more than asked for, and where fewer windows
    than ranks are left, those of the last ranks are empty.

    Parameters
    ----------
    n_windows, batch_size, world_size : int
    drop_last, pad : bool
    start : int
        Windows of the epoch that were delivered before.

    Returns
    -------
    ndarray of int64, shape (batch * world_size + 1,)
        Where the parts begin and end in the order of an epoch, continued from its start.

    Raises
    ------
    ValueError
        If not even one full batch for each rank can be had of an epoch, or its windows cannot be
        dealt so.
    """
    step = batch_size * world_size
    if n_windows < step:
        ranks = f" on each of {world_size} ranks" if world_size > 1 else ""
        largest = n_windows // world_size
        way_out = f"lower it to {largest} or less" if largest else "use fewer ranks"
        raise ValueError(
            f"batch_size is {batch_size}{ranks}, and there are {n_windows} windows: {way_out}"
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
                f"{n_windows} windows in batches of 1 cannot be dealt evenly to {world_size} "
                "ranks: use pad=True, drop_last=True or larger batches"
            )
    sizes = np.full(n_full * world_size + n_tail, batch_size, np.int64)
    if n_tail:
        sizes[-n_tail:] = left // n_tail + (np.arange(n_tail) < left % n_tail)
    return start + np.concatenate([[0], np.cumsum(sizes)])


def places(n_windows: int, bounds: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return where in the order of an epoch one part is, of which :func:`deal` made `bounds`.

    Parameters
    ----------
    n_windows : int
        Of the epoch.
    bounds : ndarray of int64
    number : int
        Of the part.
    """
    return np.arange(bounds[number], bounds[number + 1]) % n_windows


def part(order: NDArray[np.int64], bounds: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return one part of an epoch, of which :func:`deal` made `bounds`."""
    return order[places(len(order), bounds, number)]
