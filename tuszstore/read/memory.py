"""Memory of batches, reused when no longer referenced.

A batch of 64 windows is 75 MB. New memory from the system is faulted in page by page, which takes
as long as reading the batch. A batch's memory is therefore reused, but only after the last array
that shares it is deleted: an array that is kept is never overwritten.
"""

import contextlib
import math
import weakref
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LEAST = 1 << 20
"""Minimum size of reused memory (byte); smaller allocations are fast."""

MOST = 1 << 29
"""Maximum idle memory of :data:`BATCHES` (byte)."""

ALIGNMENT = 64
"""Size of a cache line (byte)."""


class _Loan:
    """The owner of the memory of an array and of all its views."""

    def __init__(self, memory: NDArray[np.uint8]) -> None:
        self._memory = memory
        self.__array_interface__ = memory.__array_interface__


class Memory:
    """Arrays with reused memory; thread-safe.

    Parameters
    ----------
    keep : int
        Maximum number of idle pieces of memory.
    least : int
        Minimum size of reused memory (byte).
    most : int, optional
        Maximum idle memory (byte).

    Attributes
    ----------
    keep : int
    """

    def __init__(self, keep: int, *, least: int = 1, most: int | None = None) -> None:
        self.keep = keep
        self._least = least
        self._most = most
        # its methods are atomic; a lock could deadlock, since garbage collection may return memory
        # at any point
        self._idle: deque[NDArray[np.uint8]] = deque()

    def take(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an uninitialised array that shares its memory with no other."""
        dtype = np.dtype(dtype)
        size = math.prod(shape) * dtype.itemsize
        if size < self._least:
            return np.empty(shape, dtype)
        memory = self._find(size)
        loan = _Loan(memory[:size])
        weakref.finalize(loan, self._give_back, memory).atexit = False
        # NumPy resolves the base of views to the owning array, but not through this object
        return np.asarray(loan).view(dtype).reshape(shape)

    @property
    def idle(self) -> int:
        """Idle memory (byte)."""
        return sum(len(memory) for memory in tuple(self._idle))

    def _give_back(self, memory: NDArray[np.uint8]) -> None:
        if self._most is not None and len(memory) > self._most:
            return
        self._idle.append(memory)
        with contextlib.suppress(IndexError):
            while len(self._idle) > self.keep or (
                self._most is not None and self.idle > self._most
            ):
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
            memory = np.empty(size + ALIGNMENT, np.uint8)
            skipped = -memory.ctypes.data % ALIGNMENT
            return memory[skipped : skipped + size]
        finally:
            self._idle.extend(reversed(unfit))


BATCHES = Memory(keep=8, least=LEAST, most=MOST)
"""Memory of batches that are read without `out`."""


def check_out(out: NDArray[Any] | None, shape: tuple[int, ...], stored: str) -> NDArray[Any]:
    """Return the array for a batch: `out`, if it can be filled.

    Parameters
    ----------
    out : ndarray or None
    shape : tuple of int
    stored : str
        The stored type.

    Raises
    ------
    ValueError
    """
    if out is None:
        return BATCHES.take(shape, np.float32)
    if out.dtype not in (np.float32, np.dtype(stored)):
        raise ValueError(f"out must be float32 or as stored, not {out.dtype}")
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"out must be C-contiguous and writeable, of shape {shape}, not {out.shape}"
        )
    return out
