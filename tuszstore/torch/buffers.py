"""Memory of batches as tensors, used again when nothing refers to it any more."""

import math
from typing import Any

import numpy as np
import torch

from tuszstore.read.memory import Memory


class BufferPool:
    """Tensors whose memory comes back; safe to use from several threads.

    Only a tensor's storage refers to its memory, and so does all that is made from the tensor; see
    :class:`tuszstore.read.memory.Memory`.

    Parameters
    ----------
    keep : int
        Buffers that may lie idle, at most.
    """

    def __init__(self, keep: int) -> None:
        self._memory = Memory(keep)

    @property
    def keep(self) -> int:
        """Buffers that may lie idle, at most."""
        return self._memory.keep

    @keep.setter
    def keep(self, keep: int) -> None:
        self._memory.keep = keep

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of any content, which shares its memory with no other."""
        size = math.prod(shape) * dtype.itemsize
        if size == 0:
            return torch.empty(shape, dtype=dtype)
        return torch.from_numpy(self._memory.take((size,), np.uint8)).view(dtype).reshape(shape)

    def __reduce__(self) -> Any:
        return BufferPool, (self.keep,)
