"""Memory of batches that worker processes send, reused after release by the loader's process.

A batch of 64 windows is 75 MB of ``/dev/shm``. The system must create and clear new pages one by
one, which takes several times as long as reading. A worker therefore keeps the memory that it has
sent, and reuses it once the other process no longer references it. That process signals
this with a shared byte per piece of memory.
"""

import math
import threading
import weakref
from typing import Any

import torch

from tuszstore.torch.shared import check_room, share

MOST = 64
"""Maximum number of pieces of memory that a worker keeps for reuse."""


class SentMemory:
    """Memory that this worker has sent; thread-safe."""

    def __init__(self) -> None:
        self._flags = share(torch.zeros(MOST, dtype=torch.uint8))
        self._pieces: dict[int, torch.Tensor] = {}
        self._taken: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()

    def take(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return an uninitialised tensor in unused shared memory.

        Raises
        ------
        SharedMemoryError
            If there is none, and no space for more.
        """
        size = math.prod(shape) * dtype.itemsize
        with self._lock:
            piece = self._find(size)
        if piece is None:
            check_room(size)
            piece = share(torch.empty(size, dtype=torch.uint8))
        return piece[:size].view(dtype).reshape(shape)

    def _find(self, size: int) -> torch.Tensor | None:
        for number, piece in self._pieces.items():
            if not self._flags[number] and size <= len(piece) <= 2 * size:
                del self._pieces[number]
                return piece
        for number in [n for n in self._pieces if not self._flags[n]]:
            del self._pieces[number]  # of another size than requested
        return None

    def send(self, tensor: torch.Tensor) -> tuple[torch.Tensor, int]:
        """Record that a tensor is sent; return the flags, and its place in them."""
        with self._lock:
            free = [n for n in range(MOST) if n not in self._pieces]
            if not free:
                return self._flags, -1
            storage = tensor.untyped_storage()
            piece = torch.empty(0, dtype=torch.uint8).set_(storage)
            self._pieces[free[0]] = piece
            self._flags[free[0]] = 1
            return self._flags, free[0]


class SentBatch(list[Any]):
    """The columns of a batch; an ordinary list in the receiving process.

    Parameters
    ----------
    columns : list
    memory : SentMemory
    """

    def __init__(self, columns: list[Any], memory: SentMemory) -> None:
        super().__init__(columns)
        self._memory = memory

    def __reduce__(self) -> Any:
        sent = [self._memory.send(column) if _is_large(column) else None for column in self]
        return _arrive, (list(self), sent)


def _is_large(column: Any) -> bool:
    return type(column) is torch.Tensor and bool(torch.Tensor.is_shared(column))  # type: ignore[no-untyped-call]


def _arrive(columns: list[Any], sent: list[tuple[torch.Tensor, int] | None]) -> list[Any]:
    """Return a batch from a worker, and signal the worker when it is released."""
    for column, known in zip(columns, sent, strict=True):
        if known is not None and known[1] >= 0:
            flags, number = known
            weakref.finalize(column.untyped_storage(), flags.__setitem__, number, 0).atexit = False
    return columns
