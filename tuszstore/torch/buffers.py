"""Memory of batches, used again when nothing refers to it any more.

A batch of 64 windows is 75 MB. Memory that is fresh from the system must be faulted in page by
page, which takes a third as long as reading the batch. So a batch goes back when the last tensor
or array that shares it is gone, and not before: one that the user keeps is never written again.
"""

import contextlib
import math
import weakref
from collections import deque
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


class BufferPool:
    """Tensors whose memory comes back; safe to use from several threads.

    Parameters
    ----------
    keep : int
        Buffers that may lie idle, at most.

    Attributes
    ----------
    keep : int
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        # its methods are atomic; a lock would be taken twice where a garbage collection, which may
        # come anywhere, gives a buffer back
        self._idle: deque[NDArray[np.uint8]] = deque()

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of any content, which shares its memory with no other."""
        size = math.prod(shape) * dtype.itemsize
        if size == 0:
            return torch.empty(shape, dtype=dtype)
        memory = self._find(size)
        # only the tensor's storage refers to the loan, and so does all that is made from the tensor
        loan = memory[:size]
        weakref.finalize(loan, self._give_back, memory).atexit = False
        return torch.from_numpy(loan).view(dtype).reshape(shape)

    def _give_back(self, memory: NDArray[np.uint8]) -> None:
        self._idle.append(memory)
        with contextlib.suppress(IndexError):
            while len(self._idle) > self.keep:
                self._idle.popleft()

    def _find(self, size: int) -> NDArray[np.uint8]:
        unfit = []
        try:
            while True:
                memory = self._idle.pop()
                if size <= len(memory) <= 2 * size:
                    return memory
                unfit.append(memory)
        except IndexError:
            return np.empty(size, np.uint8)
        finally:
            self._idle.extend(reversed(unfit))

    def __reduce__(self) -> Any:
        return BufferPool, (self.keep,)
