"""Memory of batches that are made in worker processes: read into what both processes see.

A tensor that a worker sends lies in a file of ``/dev/shm``. One that does not is copied there
first, so batches are read where they will be. Where that file system is full, the system ends the
worker without a word ("bus error"); a container has 64 MB of it by default, which is less than a
batch. So the room is asked for before.
"""

import math
import os
from typing import Any

import torch
from torch.utils.data import get_worker_info

from tuszstore.errors import SharedMemoryError
from tuszstore.units import size

PLACE = "/dev/shm"


def in_worker() -> bool:
    """Return whether this is a worker process of a ``DataLoader``."""
    return get_worker_info() is not None


def in_shared_memory(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Return a tensor of any content, in memory that is shared with the process of the loader.

    Raises
    ------
    SharedMemoryError
        If there is no room for it, and for as much from each of the other workers.
    """
    check_room(math.prod(shape) * dtype.itemsize)
    return share(torch.empty(shape, dtype=dtype))


def share(tensor: torch.Tensor) -> torch.Tensor:
    """Move a tensor to memory that is shared with other processes, and return it."""
    return torch.Tensor.share_memory_(tensor)  # type: ignore[no-any-return, no-untyped-call]


def check_room(n_bytes: int) -> None:
    """Refuse to write what does not fit, should all workers of the loader write as much now.

    Raises
    ------
    SharedMemoryError
        That says what there is, what is needed, and how to have more.
    """
    info: Any = get_worker_info()
    n_workers = 1 if info is None else info.num_workers
    try:
        found = os.statvfs(PLACE)
    except OSError:  # a system that has its shared memory elsewhere
        return
    free, total = (blocks * found.f_frsize for blocks in (found.f_bavail, found.f_blocks))
    # a file system of size 0 has no limit of its own
    if not total or n_bytes * n_workers <= free:
        return
    workers = f"{n_workers} workers need {size(n_bytes)} each" if n_workers > 1 else (
        f"the worker needs {size(n_bytes)}"
    )  # fmt: skip
    raise SharedMemoryError(
        f"{PLACE} is full: {size(free)} of {size(total)} are free, and {workers} there for the "
        "next batch. Give it more room (docker run --shm-size=8g or --ipc=host; an emptyDir of "
        f"medium Memory at {PLACE} in Kubernetes), lower batch_size, num_workers or "
        "prefetch_factor, or use tuszstore.torch.WindowLoader, which needs no worker processes"
    )
