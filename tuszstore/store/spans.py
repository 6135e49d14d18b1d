"""Annotations as intervals of samples, from which labels of any window are computed.

A label array has the same information per sample. With few intervals, the windows that overlap them
are found without reading the others, so that the index of ten million windows takes a second.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.labels import UNLABELLED
from tuszstore.store.spec import StoreSpec
from tuszstore.store.timeline import merge, without

Samples = NDArray[np.int64]


@dataclass(frozen=True)
class Spans:
    """Disjoint, sorted intervals of samples of all concatenated recordings.

    Attributes
    ----------
    first, stop : ndarray of int64, shape (interval,)
    """

    first: Samples
    stop: Samples

    def meeting(self, begin: Samples, length: int) -> Iterator[tuple[int, int, int]]:
        """Yield the overlaps of windows and intervals.

        Parameters
        ----------
        begin : ndarray of int64, shape (window,)
        length : int
            Samples of a window.

        Yields
        ------
        int, int, int
            Index of the window in `begin`; first sample of the part within it, and the one after
            its last.
        """
        low = np.searchsorted(self.stop, begin, "right")
        high = np.searchsorted(self.first, begin + length, "left")
        for row in np.flatnonzero(low < high).tolist():
            for k in range(low[row], high[row]):
                first = max(int(self.first[k] - begin[row]), 0)
                yield row, first, min(int(self.stop[k] - begin[row]), length)

    def meets(self, begin: Samples, length: int) -> NDArray[np.bool_]:
        """Return which windows overlap an interval."""
        low = np.searchsorted(self.stop, begin, "right")
        met: NDArray[np.bool_] = low < np.searchsorted(self.first, begin + length, "left")
        return met


@dataclass(frozen=True)
class LabelSpans:
    """The content of `label`, as intervals.

    Recordings are concatenated, one sample apart, so that no interval reaches into the next.

    Attributes
    ----------
    offset : ndarray of int64, shape (recording,)
        Where each recording begins.
    seizure : Spans
        Annotated seizures, including partly ignored ones.
    unlabelled : Spans
        Unlabelled samples: ignored ones, and unlabelled recordings.
    classes : dict of int to Spans
        Samples of each existing class, by its bit, without unlabelled ones.
    """

    offset: Samples
    seizure: Spans
    unlabelled: Spans
    classes: dict[int, Spans]

    @classmethod
    def of(
        cls,
        recordings: Mapping[str, NDArray[Any]],
        events: Mapping[str, NDArray[Any]],
        spec: StoreSpec,
    ) -> Self:
        """Concatenate the labels of recordings.

        Parameters
        ----------
        recordings : mapping of str to ndarray
            ``n_samples`` and ``labelled``.
        events : mapping of str to ndarray
            ``recording``, ``first_sample``, ``stop_sample`` and ``bit``.
        spec : StoreSpec
        """
        n_samples = recordings["n_samples"].astype(np.int64)
        offset = np.cumsum(n_samples + 1) - (n_samples + 1)
        owner, bits = events["recording"], events["bit"]
        first, stop = (
            offset[owner] + np.clip(events[name], 0, n_samples[owner])
            for name in ("first_sample", "stop_sample")
        )

        def with_bits(mask: int) -> tuple[Samples, Samples]:
            chosen = (bits & np.uint16(mask)) > 0
            return first[chosen], stop[chosen]

        unknown = ~recordings["labelled"].astype(bool)
        ignored = with_bits(UNLABELLED)
        unlabelled = merge(
            np.concatenate([ignored[0], offset[unknown]]),
            np.concatenate([ignored[1], (offset + n_samples)[unknown]]),
        )
        there = int(np.bitwise_or.reduce(bits, initial=np.uint16(0))) & ~UNLABELLED
        masks = [1 << k for k in range(there.bit_length()) if there >> k & 1]
        return cls(
            offset,
            Spans(*merge(*with_bits(spec.seizure_bits))),
            Spans(*unlabelled),
            {mask: Spans(*without(*merge(*with_bits(mask)), *unlabelled)) for mask in masks},
        )
