"""Labels of windows at any position, from annotated intervals."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.annotated import annotated_rows
from tuszstore.indices import Indices, check_indices
from tuszstore.read.targets import Target, bits_by_rule, by_rule
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.spans import LabelSpans, Spans
from tuszstore.store.tables import WindowTables
from tuszstore.store.timeline import Timelines, merge

Shift = NDArray[np.int64] | None
"""Samples by which each window is shifted later, ``(window,)``; it must stay in its recording."""

_MAX_SAMPLES = 1 << 24
"""Samples whose labels are reduced together by a rule, which bounds memory."""


class WindowLabels:
    """Computes labels of windows; thread-safe.

    The tables of recordings and events are loaded on first use.

    Parameters
    ----------
    tables : WindowTables
    """

    def __init__(self, tables: WindowTables) -> None:
        self._tables = tables
        self._made: dict[tuple[Target, int], list[Spans]] = {}

    def classes(self, indices: Indices, shift: Shift = None) -> NDArray[np.uint16]:
        """Return the class bits of windows.

        Parameters
        ----------
        indices : array_like of int or bool, shape (window,), or slice
        shift : ndarray of int64, shape (window,), optional

        Returns
        -------
        ndarray of uint16, shape (window, sample)
            0 is background; the bits are named by ``spec.classes``, and the last marks unlabelled
            samples.
        """
        begin = self._begin(indices, shift)
        out = np.zeros((len(begin), self._tables.geometry.window), np.uint16)
        for bit, spans in (*self._spans.classes.items(), (UNLABELLED, self._spans.unlabelled)):
            for row, first, stop in spans.meeting(begin, out.shape[1]):
                out[row, first:stop] |= np.uint16(bit)
        return out

    def fill(
        self,
        target: Target,
        indices: Indices,
        out: NDArray[Any] | None = None,
        shift: Shift = None,
    ) -> NDArray[Any]:
        """Return the labels of windows for a target.

        Parameters
        ----------
        target : Target
        indices : array_like of int or bool, shape (window,), or slice
        out : ndarray of ``target.dtype``, optional
            To be filled, of the shape ``(window, *target.shape(n_channels, n_samples))``.
        shift : ndarray of int64, shape (window,), optional

        Returns
        -------
        ndarray
            `out`, if it was given.
        """
        numbers = check_indices(indices, self._tables.n_windows)
        n_samples = self._tables.geometry.window
        shape = target.shape(len(self._tables.spec.channels), n_samples)
        if out is None:
            out = np.empty((len(numbers), *shape), target.dtype)
        begin = self._begin(numbers, shift)
        if target.label == "preictal":
            out[...] = self._preictal(target, numbers, begin, shift)
        elif target.label == "classes":
            bits = self.classes(numbers, shift)
            out[...] = bits if target.rule is None else bits_by_rule(bits, target.rule)
        elif target.label == "channels":
            for row, spans in enumerate(self._channels):
                self._fill_samples(target, row, spans, begin, out[:, row])
        else:
            self._fill_samples(target, -1, self._spans.seizure, begin, out)
        return out

    def load(self, target: Target) -> None:
        """Load the tables for a target: in a thread it may be too late for zarr-python."""
        self.fill(target, np.zeros(0, np.int64))
        if target.label == "channels":
            _ = self._channels
        if target.label == "preictal":
            _ = self._timelines

    def _begin(self, indices: Indices, shift: Shift) -> NDArray[np.int64]:
        """Return the starts of windows on the axis of the intervals."""
        numbers = check_indices(indices, self._tables.n_windows)
        recording, first = self._tables.grid.find(numbers)
        begin: NDArray[np.int64] = self._spans.offset[recording] + first
        return begin if shift is None else begin + shift

    def _fill_samples(
        self,
        target: Target,
        channel: int,
        spans: Spans,
        begin: NDArray[np.int64],
        out: NDArray[Any],
    ) -> None:
        """Set the labels of windows from the seizures of a channel; -1 stands for all channels."""
        n_samples = self._tables.geometry.window
        key = target, channel
        if key not in self._made:
            self._made[key] = self._unknown(target, spans)
        if target.rule is None:
            self._fill_values(spans, self._made[key], begin, out)
            return
        out[...] = 0  # by any rule, where no interval is met
        met = np.zeros(len(begin), bool)
        for each in (spans, *self._made[key]):
            met |= each.meets(begin, n_samples)
        rows = np.flatnonzero(met)
        at_once = max(1, _MAX_SAMPLES // n_samples)
        for part in (rows[k : k + at_once] for k in range(0, len(rows), at_once)):
            values = np.empty((len(part), n_samples), np.float32)
            self._fill_values(spans, self._made[key], begin[part], values)
            out[part] = by_rule(values, target.rule)

    def _fill_values(
        self, spans: Spans, unknown: list[Spans], begin: NDArray[np.int64], values: NDArray[Any]
    ) -> None:
        """Set one value per sample: 1 within intervals, 0 outside, and NaN where unknown."""
        n_samples = self._tables.geometry.window
        values[...] = 0
        for row, first, stop in spans.meeting(begin, n_samples):
            values[row, first:stop] = 1
        for each in unknown:
            for row, first, stop in each.meeting(begin, n_samples):
                values[row, first:stop] = np.nan

    def _unknown(self, target: Target, spans: Spans) -> list[Spans]:
        """Return where labels are unknown: unlabelled, in the rest of seizures, or near edges."""
        sfreq = self._tables.spec.sfreq
        unknown = [self._spans.unlabelled]
        if target.label == "onset":
            rest = spans.first + max(1, round(target.interval * sfreq))
            unknown.append(_spans(rest, spans.stop))
        for edges, seconds in zip((spans.first, spans.stop), target.ignore, strict=True):
            if margin := round(seconds * sfreq):
                unknown.append(self._around(edges, spans.first, margin))
        return unknown

    def _around(self, edges: NDArray[np.int64], within: NDArray[np.int64], margin: int) -> Spans:
        """Return margins on both sides of edges, within the recordings that contain `within`."""
        offset, length = self._spans.offset, self._tables.recordings["n_samples"]
        owner = np.searchsorted(offset, within, "right") - 1
        low, high = offset[owner], offset[owner] + length[owner]
        return _spans(np.maximum(edges - margin, low), np.minimum(edges + margin, high))

    def _preictal(
        self,
        target: Target,
        numbers: NDArray[np.int64],
        begin: NDArray[np.int64],
        shift: Shift,
    ) -> NDArray[Any]:
        recording, first = self._tables.grid.find(numbers)
        if shift is not None:
            first = first + shift
        n_samples, sfreq = self._tables.geometry.window, self._tables.spec.sfreq
        known = self._timelines.distances(recording, first, n_samples, sfreq)
        inside = self._spans.seizure.meets(begin, n_samples)
        until, free = known["time_to_seizure"], known["seizure_free_after"]
        low, high = target.horizon, target.horizon + target.interval
        out = np.full(len(numbers), np.nan, np.float32)
        out[(free >= high) & ~inside] = 0
        out[(until >= low) & (until <= high) & ~inside] = 1
        return out

    @cached_property
    def _spans(self) -> LabelSpans:
        tables = self._tables
        return LabelSpans.of(tables.recordings, tables.events, tables.spec)

    @cached_property
    def _timelines(self) -> Timelines:
        tables = self._tables
        return Timelines.of(tables.recordings, tables.events, tables.spec)

    @cached_property
    def _channels(self) -> list[Spans]:
        """Seizures of each channel, if annotations name channels."""
        tables, offset = self._tables, self._spans.offset
        events, channels = tables.events, tables.spec.channels
        seizure = (events["bit"] & np.uint16(tables.spec.seizure_bits)) > 0
        owner = events["recording"][seizure]
        n_samples = tables.recordings["n_samples"][owner]
        first, stop = (
            offset[owner] + np.clip(events[name][seizure], 0, n_samples)
            for name in ("first_sample", "stop_sample")
        )
        names, code = np.unique(events["channel"][seizure].astype(object), return_inverse=True)
        meant = np.zeros((len(names), len(channels)), bool)
        for number, name in enumerate(names.tolist()):
            meant[number, annotated_rows(str(name), channels)] = True
        return [
            _spans(first[chosen], stop[chosen])
            for chosen in (meant[code, row] for row in range(len(channels)))
        ]


def _spans(first: NDArray[np.int64], stop: NDArray[np.int64]) -> Spans:
    return Spans(*merge(first, stop))
