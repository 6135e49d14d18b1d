"""Transfer of batches to the CPU's memory, or to a device.

A batch is prepared in the background and finished by the consumer, in its thread and its stream.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tuszstore.read.labels import Shift
from tuszstore.torch.batches import Batch, BatchReader
from tuszstore.torch.buffers import BufferPool
from tuszstore.torch.second_stage import SecondStage


@dataclass(frozen=True)
class Prepared:
    """A batch in transfer.

    Attributes
    ----------
    batch : Batch
    arrived : torch.cuda.Event or None
        Event after which it may be used.
    """

    batch: Batch
    arrived: Any = None


class Transfer(Protocol):
    """Creates batches in two steps."""

    def prepare(self, numbers: NDArray[np.int64], shift: Shift = None) -> Prepared:
        """Read windows, in the background."""

    def finish(self, prepared: Prepared) -> Batch:
        """Pass a batch to the consumer."""


_POOL = BufferPool(keep=0)


class OnHost:
    """Reads float32 on the CPU, into memory shared by all loaders, or page-locked memory.

    Parameters
    ----------
    reader : BatchReader
    pin : bool
    keep : int
        Maximum number of idle batches in memory.
    """

    def __init__(self, reader: BatchReader, *, pin: bool, keep: int) -> None:
        self._reader = reader
        self._allocate = page_locked if pin else _POOL.take
        _POOL.keep = max(_POOL.keep, 2 * keep)  # a batch has a buffer each for signal and label

    def prepare(self, numbers: NDArray[np.int64], shift: Shift = None) -> Prepared:
        """Read windows, in the background."""
        return Prepared(self._reader.read(numbers, self._allocate, shift=shift))

    def finish(self, prepared: Prepared) -> Batch:
        """Pass a batch to the consumer."""
        return prepared.batch


class OnDevice:
    """Copies stored values, half the bytes, and processes them on the device.

    They are scaled, or the rows of a view computed. On a GPU, this runs in a separate
    stream, concurrently with the consumer's.

    Parameters
    ----------
    reader : BatchReader
    device : torch.device
        May be the CPU, for tests: values are the same.
    """

    def __init__(self, reader: BatchReader, device: torch.device) -> None:
        self._reader = reader
        self._device = device
        self._scale: float | None = None
        self._second: SecondStage | None = None
        if reader.stored_dtype == torch.int16:
            self._scale = float(np.float32(reader.store.metadata.encoding.scale))
            if reader.rows is not None:
                self._second = SecondStage(reader.rows, device)
        self._stream: Any = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def prepare(self, numbers: NDArray[np.int64], shift: Shift = None) -> Prepared:
        """Read windows and start their transfer to the device, in the background."""
        if self._stream is None:
            batch = self._reader.read(numbers, on_host, stored=True, shift=shift)
            return Prepared(self._send(batch, numbers))
        batch = self._reader.read(numbers, page_locked, stored=True, shift=shift)
        with torch.cuda.stream(self._stream):
            return Prepared(self._send(batch, numbers), self._stream.record_event())

    def finish(self, prepared: Prepared) -> Batch:
        """Make the consumer's stream wait for a batch, and its memory for the consumer's stream."""
        batch = prepared.batch
        if prepared.arrived is not None:
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(prepared.arrived)
            batch.signal.record_stream(stream)
            batch.label.record_stream(stream)
        return batch

    def _send(self, batch: Batch, numbers: NDArray[np.int64]) -> Batch:
        stored = batch.signal.to(self._device, non_blocking=True)
        if self._second is not None:
            factors, offsets = self._second.factors(self._reader.recordings(numbers))
            signal = self._second(stored, self._moved(factors), self._moved(offsets))
        else:
            signal = stored.to(torch.float32)
            if self._scale is not None:
                signal.mul_(self._scale)
        return Batch(signal, batch.label.to(self._device, non_blocking=True), batch.meta)

    def _moved(self, values: torch.Tensor) -> torch.Tensor:
        if self._stream is not None:  # otherwise this copy would wait for that of the signal
            values = values.pin_memory()
        return values.to(self._device, non_blocking=True)


def on_host(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Allocate a tensor."""
    return torch.empty(shape, dtype=dtype)


def page_locked(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Allocate a tensor from which a GPU copies asynchronously.

    torch reuses its memory only when the copies from it are done.
    """
    return torch.empty(shape, dtype=dtype, pin_memory=True)


def find_device(device: str | torch.device | None) -> torch.device:
    """Return the device of batches: the CPU, with a warning, if there is no such GPU."""
    wanted = torch.device(device or "cpu")
    if wanted.type == "cuda" and not torch.cuda.is_available():
        warnings.warn(f"no GPU for device={str(wanted)!r}: batches are on the CPU", stacklevel=3)
        return torch.device("cpu")
    if wanted.type == "cuda" and wanted.index is None:  # the current device is per thread
        return torch.device("cuda", torch.cuda.current_device())
    return wanted
