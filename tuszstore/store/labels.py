"""Class bits of samples, painted from events."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNLABELLED = 0x8000
"""Label bit of samples of which no annotation says anything: padding, unlabelled recordings."""

LABEL_CODEC = "lz4"
"""Codec of `label`, whatever that of `signal`."""


def paint(first: ArrayLike, stop: ArrayLike, bit: ArrayLike, out: NDArray[np.uint16]) -> None:
    """Set the bit of each event on its samples.

    Parameters
    ----------
    first, stop : array_like of int, shape (event,)
        Samples relative to the start of `out`; what lies outside is ignored.
    bit : array_like of uint16, shape (event,)
    out : ndarray of uint16, shape (sample,)
    """
    firsts = np.clip(first, 0, out.size)
    stops = np.clip(stop, 0, out.size)
    for a, b, mask in zip(firsts, stops, np.asarray(bit, np.uint16), strict=True):
        out[a:b] |= mask


def flag_attributes(classes: tuple[str, ...]) -> dict[str, Any]:
    """Return the CF attributes that name the bits of a label.

    Parameters
    ----------
    classes : tuple of str
        Event classes in the order of their bits.
    """
    masks = [1 << k for k in range(len(classes))]
    return {
        "flag_masks": [*masks, UNLABELLED],
        "flag_meanings": " ".join([*classes, "unlabelled"]),
    }
