"""What is annotated, as intervals of samples: from these, labels of any window are made.

A label array says the same sample by sample. From few intervals, the windows that meet one are
found without looking at the others, so that the index of ten million windows takes a second.
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
    """Intervals of samples of all recordings in a row, apart from each other and in order.

    Attributes
    ----------
    first, stop : ndarray of int64, shape (interval,)
    """

    first: Samples
    stop: Samples

    def meeting(self, begin: Samples, length: int) -> Iterator[tuple[int, int, int]]:
        """Yield what windows have of the intervals.

        Parameters
        ----------
        begin : ndarray of int64, shape (window,)
        length : int
            Samples of a window.

        Yields
        ------
        int, int, int
            Place of the window in `begin`; first sample of the part within it, and the one after
            its last.
        """
        low = np.searchsorted(self.stop, begin, "right")
        high = np.searchsorted(self.first, begin + length, "left")
        for row in np.flatnonzero(low < high).tolist():
            for k in range(low[row], high[row]):
                first = max(int(self.first[k] - begin[row]), 0)
                yield row, first, min(int(self.stop[k] - begin[row]), length)

    def meets(self, begin: Samples, length: int) -> NDArray[np.bool_]:
        """Return which windows meet an interval."""
        low = np.searchsorted(self.stop, begin, "right")
        met: NDArray[np.bool_] = low < np.searchsorted(self.first, begin + length, "left")
        return met


@dataclass(frozen=True)
class LabelSpans:
    """What `label` has, as intervals.

    Recordings stand in a row, one sample apart, so that no interval reaches into the next.

    Attributes
    ----------
    offset : ndarray of int64, shape (recording,)
        Where each recording begins.
    seizure : Spans
        Annotated seizures, those too of which something is to be ignored.
    unlabelled : Spans
        Samples of which nothing is known: ignored ones, and unlabelled recordings.
    classes : dict of int to Spans
        Samples of each class that there is, by its bit, without those that are unlabelled.
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
        """Put the labels of recordings in a row.

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
