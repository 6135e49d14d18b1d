"""Complete predictions: traces of recordings, events, scores."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.errors import StoreError
from tuszstore.evaluate.detection import EventRule, find_events
from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.group import VALUES, read_content
from tuszstore.evaluate.intervals import Spans
from tuszstore.evaluate.reference import Reference
from tuszstore.evaluate.stitching import Mode, Trace, cell_length, n_cells_of, stitch
from tuszstore.evaluate.tables import Annotated, Recordings, recordings_digest
from tuszstore.evaluate.writing import PredictionError
from tuszstore.read.selection import find_recording
from tuszstore.store.spec import SpecError, StoreSpec
from tuszstore.text import printable

if TYPE_CHECKING:
    import xarray

    from tuszstore.evaluate.forecasts import Forecast
    from tuszstore.evaluate.raters import Agreement
    from tuszstore.evaluate.scoring import Scores
    from tuszstore.evaluate.sweeping import Sweep
    from tuszstore.evaluate.worst import Finding
    from tuszstore.facade.windows import WindowCollection


class Predictions:
    """A model's output for each window; created by :func:`tuszstore.open_predictions`.

    Results are computed recording by recording, so memory is needed only for one.

    Attributes
    ----------
    path : Path
    attrs : dict
        Stored attributes: ``model``, ``spec``, digests.

    Examples
    --------
    >>> import numpy as np
    >>> import tuszstore
    >>> store = tuszstore.open("demo/stores/val.zarr")
    >>> outputs = np.nan_to_num(store.index["seizure_fraction"].values)[:, None]
    >>> with tuszstore.write_predictions(store, "val.example", overwrite=True) as out:
    ...     out.write(np.arange(len(store)), outputs)
    >>> predictions = tuszstore.open_predictions("val.example", store=store)
    >>> len(predictions.events(0.5)), round(predictions.score(0.5).total["ovlp"].sensitivity, 2)
    (1, 0.5)
    """

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        self.path = path
        self.attrs = attributes
        # the windows read last: the first, the one after the last, and their values
        self._near: tuple[int, int, Any] = (0, 0, None)

    @cached_property
    def _group(self) -> Any:
        import zarr

        return zarr.open_group(self.path, mode="r", zarr_format=3, use_consolidated=False)

    @cached_property
    def _values(self) -> Any:
        return self._group[VALUES]

    @cached_property
    def _content(self) -> Any:
        try:
            content = read_content(self._group, self.attrs)
        except (KeyError, ValueError, RuntimeError, TypeError, OSError) as error:
            raise StoreError(
                f"{self.path}: is damaged: {type(error).__name__}: {error!s:.200}"
            ) from error
        if self._values.shape[0] != len(content.windows):
            raise StoreError(f"{self.path}: is damaged: its tables belong to other windows")
        return content

    @property
    def spec(self) -> StoreSpec:
        """Specification of the windows, from the store or view."""
        try:
            return StoreSpec.from_json(self.attrs["spec"])
        except SpecError as error:
            raise StoreError(f"{self.path}: is damaged: spec {error}") from error

    @property
    def recordings(self) -> Recordings:
        """The recordings, one a row."""
        recordings: Recordings = self._content.recordings
        return recordings

    @property
    def annotated(self) -> Annotated:
        """The annotation when the predictions were written."""
        annotated: Annotated = self._content.annotated
        return annotated

    def check(self, store: "WindowCollection") -> None:
        """Reject a store or view with other recordings or signals.

        Raises
        ------
        PredictionError
        """
        if recordings_digest(store) != self._content.identity["recordings"]:
            raise PredictionError(
                f"{self.path}: belongs to another store than {store.path}: recordings, signals or "
                "labels differ; predict its windows again"
            )

    def trace(self, recording: str | int, *, mode: Mode = "mean") -> Trace:
        """Return the probability along one recording.

        Parameters
        ----------
        recording : str or int
            Id, file name with or without suffix, or row of the recordings table.
        mode : {"mean", "max", "last", "causal"}
            How overlapping windows are merged: their mean, with smaller weights near
            the edges; the maximum; the value of the window that began last; or, using only past
            data, the last value of the window that ended last.

        Returns
        -------
        Trace
            A trace whose cells have the greatest length that divides all windows.

        Raises
        ------
        ValueError
            If there is no such recording, or mode.
        """
        row = find_recording(self.recordings.id, recording)
        content = self._content
        windows = self._windows_of(row)
        values = self._read(windows)
        samples = stitch(
            values,
            content.windows.start[windows],
            window=content.window,
            cell=self._cell,
            n_cells=n_cells_of(int(self.recordings.n_samples[row]), self._cell),
            mode=mode,
            hold=content.stride,
        )
        step = self._cell / content.sfreq
        return Trace(str(self.recordings.id[row]), samples, step, mode == "causal")

    def traces(self, *, mode: Mode = "mean") -> Iterator[Trace]:
        """Yield the traces of all recordings, one after the other."""
        for row in range(len(self.recordings)):
            yield self.trace(row, mode=mode)

    def events(
        self,
        threshold: float,
        hysteresis: float | None = None,
        min_duration: float = 0.0,
        merge_gap: float = 0.0,
        smooth: float | None = None,
        *,
        mode: Mode = "mean",
    ) -> EventTable:
        """Return the events of the traces.

        Parameters
        ----------
        threshold : float
            An event begins where the probability is this or more.
        hysteresis : float, optional
            It ends where the probability falls below this; by default below `threshold`.
        min_duration : float
            Events shorter than this (s) are dropped, after merging.
        merge_gap : float
            Events at most this far apart (s) are merged.
        smooth : float, optional
            Seconds over which the trace is averaged first.
        mode : str
            As for :meth:`trace`.

        Raises
        ------
        ValueError
            If a parameter is invalid.
        """
        rule = EventRule(threshold, hysteresis, min_duration, merge_gap, smooth, mode)
        return self.detect([rule])[0][0]

    def detect(self, rules: Sequence[EventRule]) -> tuple[list[EventTable], NDArray[np.float64]]:
        """Return the events by several rules, and how much of each recording has a trace (s)."""
        found: list[list[Any]] = [[] for _ in rules]
        covered = np.zeros(len(self.recordings))
        for row in range(len(self.recordings)):
            traces = {mode: self.trace(row, mode=mode) for mode in {rule.mode for rule in rules}}
            covered[row] = max((trace.covered for trace in traces.values()), default=0.0)
            seconds = float(self.recordings.seconds[row])
            for events, rule in zip(found, rules, strict=True):
                events.append((row, *find_events(traces[rule.mode], rule, seconds)))
        return [EventTable.of(self.recordings, events) for events in found], covered

    def reference(self, *, rater: str | None = None) -> EventTable:
        """Return the annotated seizures of the store, as events.

        Parameters
        ----------
        rater : str, optional
            A rater by name; by default the store's labels.

        Raises
        ------
        ValueError
            If there is no such rater.
        """
        return self._reference.seizures(rater)

    @property
    def raters(self) -> list[str]:
        """Names of the raters; empty if unknown."""
        return self._reference.raters

    @property
    def ignored(self) -> list[Spans]:
        """For each recording, the spans that are annotated as not to be scored."""
        return self._reference.ignored

    def spans_of(self, chosen: NDArray[np.bool_]) -> list[Spans]:
        """Return for each recording the union of some of the annotated events."""
        return self._reference.spans_of(chosen)

    def score(
        self,
        threshold: float = 0.5,
        against: str | os.PathLike[str] | EventTable | None = None,
        **options: Any,
    ) -> "Scores":
        """Score the events at a threshold; see :func:`tuszstore.evaluate.scoring.score_events`.

        Parameters
        ----------
        threshold : float
        against : path or EventTable, optional
            The reference: a ``.csv_bi`` or ``_events.tsv`` file or a folder of them, or events; by
            default the annotation in the store.
        **options
            Of :meth:`events`.
        """
        from tuszstore.evaluate.scoring import score_predictions

        return score_predictions(self, EventRule(threshold, **options), against)

    def worst(self, scores: "Scores", number: int = 3) -> "tuple[list[Finding], list[Finding]]":
        """Return the worst misses and the worst false alarms.

        Misses are worse the lower their highest probability, false alarms the higher it is.
        """
        from tuszstore.evaluate.worst import worst_false_alarms, worst_misses

        return worst_misses(self, scores, number), worst_false_alarms(self, scores, number)

    def sweep(
        self,
        thresholds: ArrayLike | None = None,
        against: str | os.PathLike[str] | EventTable | None = None,
        **options: Any,
    ) -> "Sweep":
        """Score the events at many thresholds, to choose one that is then applied to others.

        See :func:`tuszstore.evaluate.sweeping.sweep_thresholds`.
        """
        from tuszstore.evaluate.sweeping import sweep_thresholds

        return sweep_thresholds(self, thresholds, against, **options)

    def forecast(
        self, threshold: float, *, sph: float, sop: float, refractory: float = 0.0, **options: Any
    ) -> "Forecast":
        """Score the events as alarms that predict seizures.

        See :func:`tuszstore.evaluate.forecasts.forecast_predictions`.
        """
        from tuszstore.evaluate.forecasts import forecast_predictions

        rule = EventRule(threshold, **{"mode": "causal", **options})
        return forecast_predictions(self, rule, sph=sph, sop=sop, refractory=refractory)

    def agreement(self) -> "list[Agreement]":
        """Score each rater against each other; see :mod:`tuszstore.evaluate.raters`.

        Raises
        ------
        PredictionError
            If there are fewer than two raters.
        """
        from tuszstore.evaluate.raters import rater_agreement

        if len(self.raters) < 2:
            named = f"only that of {self.raters[0]!r}" if self.raters else "none with a rater"
            raise PredictionError(
                f"{self.path}: agreement needs the annotations of two raters or more, and the "
                f"store has {named}: docs/corpora.md says how annotations name their raters"
            )
        return rater_agreement(self)

    def to_xarray(self) -> "xarray.Dataset":
        """Return the outputs of windows as a lazy Dataset.

        Returns
        -------
        xarray.Dataset
            ``probability`` ``(window, value)`` float32; along ``window`` ``recording`` (id),
            ``patient`` and ``start_time`` (s); along ``value`` ``time`` (s from the start of the
            window to that of the value's share of it).
        """
        import xarray

        content = self._content
        opened = xarray.open_dataset(
            self.path, engine="zarr", chunks=None, consolidated=False, zarr_format=3
        )
        rows = content.windows.recording
        n_values = opened.sizes["value"]
        return opened[[VALUES]].assign_coords(
            recording=("window", self.recordings.id[rows]),
            patient=("window", self.recordings.patient[rows]),
            start_time=("window", content.windows.start / content.sfreq, {"units": "s"}),
            time=("value", np.arange(n_values) * content.window / n_values / content.sfreq),
        )

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self._content.windows)

    def __repr__(self) -> str:
        shape = self._values.shape
        model = f", model {printable(self.attrs['model'])}" if self.attrs.get("model") else ""
        return (
            f"<Predictions {self.path}: {len(self.recordings)} recordings, {shape[0]} windows of "
            f"{shape[1]} value{'s' if shape[1] != 1 else ''}{model}>"
        )

    @cached_property
    def _cell(self) -> int:
        content = self._content
        n_values = self._values.shape[1]
        return cell_length(np.unique(content.windows.start), content.window, n_values)

    @cached_property
    def _reference(self) -> Reference:
        return Reference(self.recordings, self.annotated)

    @cached_property
    def _order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Windows ordered by recording, and the position of each recording's first window."""
        recording = self._content.windows.recording
        order = np.argsort(recording, kind="stable")
        return order, np.searchsorted(recording[order], np.arange(len(self.recordings) + 1))

    def _windows_of(self, row: int) -> NDArray[np.int64]:
        order, bounds = self._order
        return order[bounds[row] : bounds[row + 1]]

    def _read(self, windows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the values of windows, read in one piece if they are consecutive."""
        array = self._values
        if not len(windows):
            return np.empty((0, array.shape[1]), np.float32)
        first, last = int(windows.min()), int(windows.max()) + 1
        try:
            if last - first > len(windows):
                return np.asarray(array.oindex[windows])
            begin, end, values = self._near
            if not begin <= first < last <= end:
                # whole chunks, which also contain the next recordings
                rows = array.chunks[0]
                begin, end = first // rows * rows, -(-last // rows) * rows
                values = np.asarray(array[begin:end])
                self._near = begin, end, values
        except (ValueError, RuntimeError, OSError) as error:
            raise StoreError(
                f"{self.path}/{VALUES}: cannot read windows {first} to {last - 1}: {error!s:.200}"
            ) from error
        found: NDArray[np.float32] = values[windows - begin]
        return found
