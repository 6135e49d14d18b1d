"""Computing rows from stored values on the device of a batch, like the kernel on a CPU.

Stored values, half as large as float32, are copied to the GPU, which sums and scales them. Products
and sums are separate operations in the order of :meth:`tuszstore.read.rows.Rows.apply`, so that the
results are equal.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tuszstore.read.rows import Rows


class SecondStage:
    """Computes rows of stored channels on a device.

    Parameters
    ----------
    rows : Rows
    device : torch.device
    """

    def __init__(self, rows: Rows, device: torch.device) -> None:
        self._rows = rows
        self._device = device
        self._shared = [_Sums([terms], device) for terms in rows.sums[: rows.n_shared]]
        self._sums = _Sums(rows.sums[rows.n_shared :], device)
        self._limits = None
        if np.isfinite(rows.limits).any():
            self._limits = torch.from_numpy(rows.limits).to(device)[:, None]

    def factors(self, recordings: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return factors and offsets of the rows of windows, on the CPU.

        Parameters
        ----------
        recordings : ndarray of int64, shape (window,)
            Row of each window's recording in the recordings table.

        Returns
        -------
        factors, offsets : Tensor of float32, shape (window, term) and (window, row)
        """
        factors, offsets = self._rows.of(recordings)
        return torch.from_numpy(factors), torch.from_numpy(offsets)

    def __call__(
        self, stored: torch.Tensor, factors: torch.Tensor, offsets: torch.Tensor
    ) -> torch.Tensor:
        """Compute rows; all tensors are on the device.

        Parameters
        ----------
        stored : Tensor of int16, shape (window, channel, sample)
        factors, offsets : Tensor of float32
            From :meth:`factors`.

        Returns
        -------
        Tensor of float32, shape (window, row, sample)
        """
        source = stored.to(torch.float32)
        if self._shared:
            shared = [sums(source, factors) for sums in self._shared]
            source = torch.cat([source, *shared], dim=1)
        total = self._sums(source, factors).add_(offsets[:, :, None])
        if self._limits is not None:
            total.clamp_(-self._limits, self._limits)
        return total


class _Sums:
    """Sums of terms: the first terms of all sums at once, then the second ones, and so on."""

    def __init__(self, sums: Sequence[Sequence[tuple[int, int]]], device: torch.device) -> None:
        self._steps = []
        for place in range(max(map(len, sums))):
            there = [row for row, terms in enumerate(sums) if len(terms) > place]
            terms, channels = zip(*(sums[row][place] for row in there), strict=True)
            rows = None if len(there) == len(sums) else torch.tensor(there, device=device)
            self._steps.append(
                (rows, torch.tensor(terms, device=device), torch.tensor(channels, device=device))
            )

    def __call__(self, source: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        total: torch.Tensor | None = None
        for rows, terms, channels in self._steps:
            term = source.index_select(1, channels)
            term.mul_(factors.index_select(1, terms)[:, :, None])
            if total is None:
                total = term
            elif rows is None:
                total.add_(term)
            else:
                total.index_add_(1, rows, term)
        assert total is not None  # every sum has a term
        return total
