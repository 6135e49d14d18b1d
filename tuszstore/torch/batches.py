"""Batches of windows as tensors, read into given memory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tuszstore.facade.windows import WindowCollection
from tuszstore.read.labels import Shift
from tuszstore.read.rows import Rows
from tuszstore.read.targets import Target

Allocate = Callable[[tuple[int, ...], torch.dtype], torch.Tensor]

Meta = dict[str, Any]
"""Of a batch: ``window``, ``recording``, ``start_time`` and ``category``, one value per window."""


@dataclass(frozen=True)
class Batch:
    """Windows and their labels; row k of each belongs to the same window.

    Attributes
    ----------
    signal : Tensor, shape (window, channel, sample)
    label : Tensor, shape (window, ...)
        Per sample, per window, or per channel.
    meta : dict or None
    """

    signal: torch.Tensor
    label: torch.Tensor
    meta: Meta | None

    def as_list(self) -> list[Any]:
        """Return signal, label, and meta if requested."""
        return [self.signal, self.label] + ([] if self.meta is None else [self.meta])


class BatchReader:
    """Reads batches of one store.

    Parameters
    ----------
    store : Store
    target : Target
    return_meta : bool
    """

    def __init__(self, store: WindowCollection, target: Target, return_meta: bool) -> None:
        self.store = store
        self._windows = store.reader
        self._target = target
        self._return_meta = return_meta
        self._shape = store.windows.shape[1:]
        self._table = store.metadata.windows
        self._ids = store.metadata.recordings["id"]
        # loaded now, so that background threads need no further tables
        self._windows.load_labels(target)
        if self.rows is not None:
            self._table.load("recording")
        if return_meta:
            self._table.load("recording", "start_time", "category")

    def read(
        self,
        numbers: NDArray[np.int64],
        allocate: Allocate,
        *,
        stored: bool = False,
        shift: Shift = None,
    ) -> Batch:
        """Read windows.

        Parameters
        ----------
        numbers : ndarray of int64, shape (window,)
        allocate : callable
            Returns uninitialised memory for a shape and a type.
        stored : bool
            Whether to return stored int16 values, if stored so: the unscaled channels of the
            store, before `rows` are computed.
        shift : ndarray of int64, shape (window,), optional
            Samples by which each window is shifted later.

        Returns
        -------
        Batch
            The label is float32, and NaN where unlabelled; class bits are int32, because torch
            has few operations on uint16.
        """
        n_channels, n_samples = self._shape
        dtype = self.stored_dtype if stored else torch.float32
        if self.rows is not None and dtype == torch.int16:
            n_channels = self.rows.n_channels
        signal = allocate((len(numbers), n_channels, n_samples), dtype)
        label_dtype = torch.int32 if self._target.dtype == np.int32 else torch.float32
        shape = self._target.shape(*self._shape)
        label = allocate((len(numbers), *shape), label_dtype)
        self._windows.signal(numbers, signal.numpy(), shift)
        # after the signal: a separate thread for 2 % of the time would slow the others
        self._windows.target(self._target, numbers, label.numpy(), shift)
        return Batch(signal, label, self._meta(numbers, shift))

    @property
    def rows(self) -> Rows | None:
        """Derivations of the store's channels; None for the stored ones."""
        return getattr(self._windows, "rows", None)

    def recordings(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row of each window's recording in the recordings table."""
        recordings: NDArray[np.int64] = self._table["recording"][numbers].astype(np.int64)
        return recordings

    @property
    def stored_dtype(self) -> torch.dtype:
        """Data type of stored values; derived ones are float32."""
        made = getattr(self._windows, "rows", None) is not None
        stored = self.store.metadata.encoding.dtype
        return torch.int16 if stored == "int16" and not made else torch.float32

    def _meta(self, numbers: NDArray[np.int64], shift: Shift) -> Meta | None:
        """Return window metadata, if requested, as torch would collate it."""
        if not self._return_meta:
            return None
        start = self._table["start_time"][numbers]
        if shift is not None:
            start = start + shift / self.store.sfreq
        return {
            "window": torch.from_numpy(numbers.copy()),
            "recording": self._ids[self._table["recording"][numbers]].tolist(),
            "start_time": torch.from_numpy(start),
            "category": torch.from_numpy(self._table["category"][numbers].astype(np.int64)),
            **self._sources(numbers),
        }

    def _sources(self, numbers: NDArray[np.int64]) -> Meta:
        """Return the stores of windows, if there are several."""
        if "source" not in self._table.variables:
            return {}
        return {"source": torch.from_numpy(self._table["source"][numbers].astype(np.int64))}

    def __reduce__(self) -> Any:
        return BatchReader, (self.store, self._target, self._return_meta)
