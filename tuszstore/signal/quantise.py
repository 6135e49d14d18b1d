"""From float32 to the stored values."""

import numpy as np
from numpy.typing import NDArray

from tuszstore.config import Storage


def quantise(data: NDArray[np.float32], config: Storage) -> NDArray[np.generic]:
    """Round to multiples of the scale, as int16; storage as float32 leaves data unchanged.

    Parameters
    ----------
    data : ndarray of float32
        Finite, within ±32767 times the scale.
    config : Storage
    """
    if config.dtype == "float32":
        return data
    scaled = data * np.float32(1 / config.scale)
    np.rint(scaled, out=scaled)
    return scaled.astype(np.int16)
