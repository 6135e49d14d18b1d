"""Random numbers that belong to a place in an epoch's order.

What is drawn for a window depends on the seed, the epoch and the window's place in its order, and
on nothing else: not on batches, ranks, threads or worker processes, nor on where a run was resumed.
"""

import numpy as np
from numpy.typing import NDArray

_JITTER = 1
"""Ends the key of shifts, as those of orders and of windows have other lengths."""


def generator_at(seed: int, epoch: int, place: int) -> np.random.Generator:
    """Return the generator of one window.

    Parameters
    ----------
    seed, epoch : int
    place : int
        In the order of the epoch, from 0 on.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, place)))


def uniform_at(seed: int, epoch: int, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number of [0, 1) for each of some places.

    Parameters
    ----------
    seed, epoch : int
    places : ndarray of int64, shape (window,)

    Returns
    -------
    ndarray of float64, shape (window,)

    Notes
    -----
    SplitMix64, a counter that is hashed: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable
    pseudorandom number generators", OOPSLA 2014. Its key is that of the epoch.
    """
    key = np.random.SeedSequence(seed, spawn_key=(epoch, 0, _JITTER)).generate_state(1, np.uint64)
    z = key + (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    draws: NDArray[np.float64] = (z >> np.uint64(11)) * 2.0**-53
    return draws


class Drawn(int):
    """A window index that knows where in which epoch it was drawn.

    It goes through torch's ``DataLoader`` and its workers as the number that it is.
    """

    epoch: int
    place: int

    @classmethod
    def at(cls, window: int, epoch: int, place: int) -> "Drawn":
        """Return an index.

        Parameters
        ----------
        window : int
        epoch : int
        place : int
            In the order of the epoch.
        """
        drawn = cls(window)
        drawn.epoch, drawn.place = epoch, place
        return drawn
