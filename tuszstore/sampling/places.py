"""Random numbers for a place in an epoch's order.

The random numbers of a window depend only on the seed, the epoch and the window's place in its
order: not on batches, ranks, threads or worker processes, nor on where a run was resumed.
"""

import numpy as np
from numpy.typing import NDArray

_JITTER = 1
"""Last part of the key of shifts, distinct from the keys of orders and of windows."""


def generator_at(seed: int, epoch: int, place: int) -> np.random.Generator:
    """Return the generator of one window.

    Parameters
    ----------
    seed, epoch : int
    place : int
        In the order of the epoch, counted from 0.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, place)))


def uniform_at(seed: int, epoch: int, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a random number in [0, 1) for each of some places.

    Parameters
    ----------
    seed, epoch : int
    places : ndarray of int64, shape (window,)

    Returns
    -------
    ndarray of float64, shape (window,)

    Notes
    -----
    SplitMix64, a hashed counter: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable
    pseudorandom number generators", OOPSLA 2014. Its key depends on the epoch.
    """
    key = np.random.SeedSequence(seed, spawn_key=(epoch, 0, _JITTER)).generate_state(1, np.uint64)
    z = key + (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    draws: NDArray[np.float64] = (z >> np.uint64(11)) * 2.0**-53
    return draws


class Drawn(int):
    """A window index that knows its epoch and its place in the order.

    It passes through torch's ``DataLoader`` and its workers as an int.
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
