"""Times from windows to seizures, on the timeline of a patient if clocks allow it.

The recordings of a patient with a known start are on one timeline, or on several if their clocks
cannot be compared; any other recording has its own timeline. All timelines are concatenated on one
axis of samples, far enough apart that they do not interact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.labels import UNLABELLED
from tuszstore.store.spec import StoreSpec

TOLERANCE = 1.0
"""Maximum seconds between recordings without a gap: clocks in headers resolve 1 s."""

Samples = NDArray[np.int64]


def merge(first: Samples, stop: Samples, gap: int = 0) -> tuple[Samples, Samples]:
    """Return the union of intervals, sorted and disjoint.

    Parameters
    ----------
    first, stop : ndarray of int64, shape (interval,)
        In any order; empty ones are ignored.
    gap : int
        Intervals at most this far apart are merged.
    """
    order = np.argsort(first, kind="stable")
    order = order[stop[order] > first[order]]
    first, stop = first[order], np.maximum.accumulate(stop[order])
    begins = np.ones(len(first), bool)
    begins[1:] = first[1:] > stop[:-1] + gap
    return first[begins], stop[np.roll(begins, -1)]


def without(
    first: Samples, stop: Samples, cut_first: Samples, cut_stop: Samples
) -> tuple[Samples, Samples]:
    """Return the difference of intervals.

    Parameters
    ----------
    first, stop : ndarray of int64, shape (interval,)
        Sorted and disjoint, from :func:`merge`.
    cut_first, cut_stop : ndarray of int64, shape (cut,)
        The same.
    """
    if not len(cut_first) or not len(first):
        return first, stop
    # uncut: all stretches that overlap an interval
    free = np.concatenate([[np.iinfo(np.int64).min], cut_stop])
    until = np.concatenate([cut_first, [np.iinfo(np.int64).max]])
    low = np.searchsorted(until, first, "right")
    high = np.searchsorted(free, stop, "left")
    count = np.maximum(high - low, 0)
    owner = np.repeat(np.arange(len(first)), count)
    piece = low[owner] + np.arange(len(owner)) - (np.cumsum(count) - count)[owner]
    return np.maximum(first[owner], free[piece]), np.minimum(stop[owner], until[piece])


@dataclass(frozen=True)
class Timelines:
    """Recordings and seizures on one axis of samples.

    Attributes
    ----------
    start : ndarray of int64, shape (recording,)
        Where each recording begins.
    whole : ndarray of bool, shape (recording,)
        Which of them are within one known stretch.
    ends : ndarray of int64, shape (timeline,)
        Where each timeline ends, in the order of the axis.
    onsets, offsets : ndarray of int64, shape (seizure,)
        Seizures, disjoint and sorted.
    known, until : ndarray of int64, shape (stretch,)
        Begin and end of stretches that are recorded and annotated without a gap.
    """

    start: Samples
    whole: NDArray[np.bool_]
    ends: Samples
    onsets: Samples
    offsets: Samples
    known: Samples
    until: Samples

    @classmethod
    def of(
        cls,
        recordings: Mapping[str, NDArray[Any]],
        events: Mapping[str, NDArray[Any]],
        spec: StoreSpec,
    ) -> Self:
        """Place recordings and seizures on their timelines.

        Parameters
        ----------
        recordings : mapping of str to ndarray
            ``patient``, ``n_samples``, ``labelled`` and ``patient_time`` (s); without the last
            each recording has a timeline of its own. With ``timeline``, a patient may have several.
        events : mapping of str to ndarray
            ``recording``, ``first_sample``, ``stop_sample`` and ``bit``. What they mark as
            unlabelled is neither a seizure nor free of one.
        spec : StoreSpec
        """
        n_samples = recordings["n_samples"].astype(np.int64)
        within, line = _lines(recordings, spec.sfreq)
        n_lines = int(line.max(initial=-1)) + 1
        length = np.zeros(n_lines, np.int64)
        np.maximum.at(length, line, within + n_samples)
        apart = round(TOLERANCE * spec.sfreq) + 1
        begins = np.cumsum(length + apart) - (length + apart)
        start = begins[line] + within

        def spans(bits: int) -> tuple[Samples, Samples]:
            chosen = (events["bit"] & np.uint16(bits)) > 0
            owner = events["recording"][chosen]
            first, stop = (
                start[owner] + np.clip(events[name][chosen], 0, n_samples[owner])
                for name in ("first_sample", "stop_sample")
            )
            return merge(first, stop)

        ignored = spans(UNLABELLED)
        labelled = recordings["labelled"].astype(bool)
        annotated = merge(start[labelled], (start + n_samples)[labelled], apart - 1)
        known, until = without(*annotated, *ignored)
        stretch = np.searchsorted(known, start, "right")
        whole = np.concatenate([[-1], until])[stretch] >= start + n_samples
        seizures = without(*spans(spec.seizure_bits), *ignored)
        return cls(start, whole, begins + length, *seizures, known, until)

    @cached_property
    def _lines(self) -> tuple[Samples, Samples]:
        """Start and end of each recording's timeline."""
        line = np.searchsorted(self.ends, self.start, "right")
        return np.concatenate([[0], self.ends])[line], self.ends[line]

    @cached_property
    def _stretches(self) -> Samples:
        """Number of known stretches that begin at or before the start of each recording."""
        found: Samples = np.searchsorted(self.known, self.start, "right")
        return found

    def distances(
        self, recording: NDArray[Any], first: Samples, length: int, sfreq: float
    ) -> dict[str, NDArray[np.float64]]:
        """Return the times from windows to seizures.

        Parameters
        ----------
        recording : ndarray of int, shape (window,)
        first : ndarray of int64, shape (window,)
            First sample of each, from its recording's start.
        length : int
            Samples of a window.
        sfreq : float
            Sampling rate (Hz).

        Returns
        -------
        dict of str to ndarray of float64, shape (window,)
            ``time_to_seizure`` and ``time_since_seizure`` (s): to the next onset and from the last
            offset; 0 in windows with seizure, NaN if none is known. ``seizure_free_after``
            and ``seizure_free_before`` (s): recorded and annotated time without a seizure from the
            window on, up to the next seizure or gap.
        """
        begin = self.start[recording] + first
        stop = begin + length
        # limited to the recording's timeline
        line_begin, line_end = (limits[recording] for limits in self._lines)
        following = np.searchsorted(self.offsets, begin, "right")
        far = np.iinfo(np.int64).max
        onset = np.append(self.onsets, far)[following]
        offset = np.concatenate([[-1], self.offsets])[following]
        inside = onset < stop
        to = np.where(onset < line_end, (onset - stop) / sfreq, np.nan)
        since = np.where(offset > line_begin, (begin - offset) / sfreq, np.nan)
        # and to its known stretch, if the recording is in one
        stretch = self._stretches[recording]
        others = ~self.whole[recording]
        stretch[others] = np.searchsorted(self.known, begin[others], "right")
        known = np.concatenate([[far], self.known])[stretch]
        until = np.concatenate([[-1], self.until])[stretch]
        after = (np.minimum(onset, until) - stop) / sfreq
        before = (begin - np.maximum(offset, known)) / sfreq
        unknown = until < stop
        distances = {
            "time_to_seizure": np.where(inside, 0.0, to),
            "time_since_seizure": np.where(inside, 0.0, since),
            "seizure_free_after": np.where(inside, 0.0, after),
            "seizure_free_before": np.where(inside, 0.0, before),
        }
        return {name: np.where(unknown, np.nan, values) for name, values in distances.items()}


def _lines(recordings: Mapping[str, NDArray[Any]], sfreq: float) -> tuple[Samples, Samples]:
    """Return each recording's start on its timeline, and the timeline's number."""
    found = recordings.get("patient_time")
    alone = np.full(len(recordings["patient"]), np.nan)
    time = alone if found is None else np.asarray(found, np.float64)
    told = np.isfinite(time)
    patients, code = np.unique(
        np.asarray(recordings["patient"]).astype(object), return_inverse=True
    )
    if (several := recordings.get("timeline")) is not None:
        names, number = np.unique(np.asarray(several).astype(object), return_inverse=True)
        patients, code = np.unique(code * len(names) + number, return_inverse=True)
    line = np.where(told, code, len(patients) + np.arange(len(time)))
    _, line = np.unique(line, return_inverse=True)
    within = np.zeros(len(time), np.int64)
    within[told] = np.rint(time[told] * sfreq).astype(np.int64)
    return within, line.astype(np.int64)
