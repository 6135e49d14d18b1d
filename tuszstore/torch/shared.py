"""Shared memory for batches of worker processes.

A tensor that a worker sends is in a file of ``/dev/shm``. Others are copied there
first, so batches are read directly into it. If that file system is full, the system kills the
worker ("bus error"); a container has 64 MB by default, less than a
batch. The free space is therefore checked first.
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
    """Return an uninitialised tensor in memory shared with the loader's process.

    Raises
    ------
    SharedMemoryError
        If there is not enough space for it and for as much from each other worker.
    """
    check_room(math.prod(shape) * dtype.itemsize)
    return share(torch.empty(shape, dtype=dtype))


def share(tensor: torch.Tensor) -> torch.Tensor:
    """Move a tensor to memory that is shared with other processes, and return it."""
    return torch.Tensor.share_memory_(tensor)  # type: ignore[no-any-return, no-untyped-call]


def check_room(n_bytes: int) -> None:
    """Raise if there is not enough space for all workers of the loader to write as much.

    Raises
    ------
    SharedMemoryError
        Names the available and required space, and how to increase it.
    """
    info: Any = get_worker_info()
    n_workers = 1 if info is None else info.num_workers
    try:
        found = os.statvfs(PLACE)
    except OSError:  # the system has its shared memory elsewhere
        return
    free, total = (blocks * found.f_frsize for blocks in (found.f_bavail, found.f_blocks))
    # a file system of size 0 has no limit
    if not total or n_bytes * n_workers <= free:
        return
    workers = f"{n_workers} workers need {size(n_bytes)} each" if n_workers > 1 else (
        f"the worker needs {size(n_bytes)}"
    )  # fmt: skip
    raise SharedMemoryError(
        f"{PLACE} is full: {size(free)} of {size(total)} are free, but {workers} for the "
        "next batch. Increase it (docker run --shm-size=8g or --ipc=host; an emptyDir of "
        f"medium Memory at {PLACE} in Kubernetes), lower batch_size, num_workers or "
        "prefetch_factor, or use tuszstore.torch.WindowLoader, which needs no worker processes"
    )
