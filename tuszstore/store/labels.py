"""Class bits of samples: set from events, and read from the files of `label`."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from crc32c import crc32c
from numpy.typing import ArrayLike, NDArray

from tuszstore.errors import StoreError
from tuszstore.store.files import read_file
from tuszstore.store.geometry import Geometry
from tuszstore.store.shard import CRC, blosc_fault, label_file

UNLABELLED = 0x8000
"""Label bit of samples without annotation: padding, unlabelled recordings."""

LABEL_CODEC = "lz4"
"""Codec of `label`, independent of that of `signal`."""


def paint(first: ArrayLike, stop: ArrayLike, bit: ArrayLike, out: NDArray[np.uint16]) -> None:
    """Set the bit of each event on its samples.

    Samples that an event marks as unlabelled are neither seizure nor background, whatever else
    marks them.

    Parameters
    ----------
    first, stop : array_like of int, shape (event,)
        Samples relative to the start of `out`; what is outside is ignored.
    bit : array_like of uint16, shape (event,)
    out : ndarray of uint16, shape (sample,)
    """
    firsts = np.clip(first, 0, out.size)
    stops = np.clip(stop, 0, out.size)
    masks = np.asarray(bit, np.uint16)
    for a, b, mask in zip(firsts, stops, masks, strict=True):
        out[a:b] |= mask
    if (masks & UNLABELLED).any():
        out[out > UNLABELLED] = UNLABELLED


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


class LabelChunks:
    """The array `label` as tuszstore wrote it, one chunk for each shard of the signal.

    Unlike zarr-python it needs memory only for the samples of a chunk, whatever a file claims.

    Parameters
    ----------
    path : Path
        Root of the store.
    geometry : Geometry
    """

    def __init__(self, path: Path, geometry: Geometry) -> None:
        self._path = path
        self._shape = (geometry.shard, geometry.block)

    def file(self, shard: int) -> Path:
        """Return the path of the labels of a shard."""
        return self._path / label_file(shard)

    def __getitem__(self, blocks: slice) -> NDArray[np.uint16]:
        """Return the labels of consecutive blocks, ``(block, sample)``."""
        size = self._shape[0]
        parts = []
        for shard in range(blocks.start // size, -(-blocks.stop // size)):
            low = max(blocks.start - shard * size, 0)
            parts.append(self.chunk(shard)[low : blocks.stop - shard * size])
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self._shape[1]), np.uint16)

    def chunk(self, shard: int) -> NDArray[np.uint16]:
        """Return the labels of all blocks of a shard; unlabelled if the file is missing.

        The array for a missing file is read-only, with one shared value.

        Raises
        ------
        StoreError
            If the file is damaged, naming it.
        """
        from numcodecs import blosc

        path = self.file(shard)
        try:
            content = read_file(path, 2 * math.prod(self._shape) + 1024)
        except FileNotFoundError:
            return np.broadcast_to(np.array(UNLABELLED, "<u2"), self._shape)
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
        out = np.empty(self._shape, "<u2")
        chunk, checksum = content[:-CRC], content[-CRC:]
        if len(content) < 20 or crc32c(chunk) != int.from_bytes(checksum, "little"):
            raise StoreError(f"{path}: checksum is wrong, or the file is cut off")
        if fault := blosc_fault(chunk, out.nbytes):
            raise StoreError(f"{path}: {fault}")
        try:
            blosc.decompress(chunk, out)
        except (RuntimeError, ValueError) as error:
            raise StoreError(f"{path}: cannot be decompressed: {error}") from error
        return out
