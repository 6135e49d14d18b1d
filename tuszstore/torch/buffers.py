"""Memory of batches as tensors, reused when no longer referenced."""

import math
from typing import Any

import numpy as np
import torch

from tuszstore.read.memory import Memory


class BufferPool:
    """Tensors with reused memory; thread-safe.

    A tensor's storage holds its memory, and so do all tensors derived from it; see
    :class:`tuszstore.read.memory.Memory`.

    Parameters
    ----------
    keep : int
        Maximum number of idle buffers.
    """

    def __init__(self, keep: int) -> None:
        self._memory = Memory(keep)

    @property
    def keep(self) -> int:
        """Maximum number of idle buffers."""
        return self._memory.keep

    @keep.setter
    def keep(self, keep: int) -> None:
        self._memory.keep = keep

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return an uninitialised tensor that shares its memory with no other."""
        size = math.prod(shape) * dtype.itemsize
        if size == 0:
            return torch.empty(shape, dtype=dtype)
        return torch.from_numpy(self._memory.take((size,), np.uint8)).view(dtype).reshape(shape)

    def __reduce__(self) -> Any:
        return BufferPool, (self.keep,)
