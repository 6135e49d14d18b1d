"""Complete predictions: traces of recordings, events, scores."""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.evaluate.detection import EventRule, find_events
from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.group import VALUES
from tuszstore.evaluate.intervals import Spans
from tuszstore.evaluate.outputs import Outputs
from tuszstore.evaluate.reference import Reference
from tuszstore.evaluate.stitching import Mode
from tuszstore.evaluate.writing import PredictionError
from tuszstore.text import printable

if TYPE_CHECKING:
    import xarray

    from tuszstore.evaluate.forecasts import Forecast
    from tuszstore.evaluate.raters import Agreement
    from tuszstore.evaluate.scoring import Scores
    from tuszstore.evaluate.sweeping import Sweep
    from tuszstore.evaluate.worst import Finding


class Predictions(Outputs):
    """A model's output for each window; created by :func:`tuszstore.open_predictions`.

    Results are computed recording by recording, so memory is needed only for one.

    Attributes
    ----------
    path : Path
        Their folder.
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
            As of :meth:`trace`.

        Returns
        -------
        EventTable
            Onset, offset and highest probability of each.

        Raises
        ------
        ValueError
            If a parameter is invalid.
        """
        rule = EventRule(threshold, hysteresis, min_duration, merge_gap, smooth, mode)
        return self.detect([rule])[0][0]

    def detect(self, rules: Sequence[EventRule]) -> tuple[list[EventTable], NDArray[np.float64]]:
        """Return the events by several rules, computing each trace once.

        Parameters
        ----------
        rules : sequence of EventRule
            Thresholds, smoothing, durations and mode.

        Returns
        -------
        events : list of EventTable
            One for each rule.
        covered : ndarray of float64, shape (recording,)
            How much of each recording has a trace (s).
        """
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
        """Score the events at a threshold, by every rule.

        Parameters
        ----------
        threshold : float
            An event begins where the probability is this or more.
        against : path or EventTable, optional
            The reference: a ``.csv_bi`` or ``_events.tsv`` file or a folder of them, or events; by
            default the annotation in the store.
        **options
            Of :meth:`events`.

        Returns
        -------
        Scores
            Of all recordings that the reference knows.

        Raises
        ------
        ValueError
            If an option is invalid.
        PredictionError
            If a file of `against` is missing, or belongs to another recording.
        """
        from tuszstore.evaluate.scoring import score_predictions

        return score_predictions(self, EventRule(threshold, **options), against)

    def worst(self, scores: "Scores", number: int = 3) -> "tuple[list[Finding], list[Finding]]":
        """Return the worst misses and the worst false alarms.

        Misses are worse the lower their highest probability, false alarms the higher it is.

        Parameters
        ----------
        scores : Scores
            Of :meth:`score`.
        number : int
            Maximum number of each.

        Returns
        -------
        misses, false_alarms : list of Finding
            The worst first: row of the recording, onset and offset (s), and highest probability.
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

        Parameters
        ----------
        thresholds : array_like of float, optional
            By default 0.05 to 0.95 in steps of 0.05.
        against : path or EventTable, optional
            The reference, as of :meth:`score`.
        **options
            Of :meth:`events`, except that `hysteresis` is a share of each threshold; and `by`, the
            rule by which events are counted: ``szcore_events`` (the default),
            ``szcore_samples``, ``ovlp``, ``taes`` or ``epoch``.

        Returns
        -------
        Sweep
            What was counted at each threshold; its ``best()`` chooses one.

        Raises
        ------
        ValueError
            If a threshold, an option or the rule is invalid.
        """
        from tuszstore.evaluate.sweeping import sweep_thresholds

        return sweep_thresholds(self, thresholds, against, **options)

    def forecast(
        self, threshold: float, *, sph: float, sop: float, refractory: float = 0.0, **options: Any
    ) -> "Forecast":
        """Score the events as alarms that predict seizures.

        An alarm is the onset of an event. It is correct if a seizure begins within `sop` seconds,
        from `sph` seconds after the alarm on.

        Parameters
        ----------
        threshold : float
            An event begins where the probability is this or more.
        sph, sop : float
            Seizure prediction horizon, 0 or more, and seizure occurrence period, above 0 (s).
        refractory : float
            Time after an alarm in which others are ignored (s).
        **options
            Of :meth:`events`; the default of `mode` is ``causal``, which uses past data only.

        Returns
        -------
        Forecast
            Sensitivity, false alarms, time in warning, and comparison with chance.

        Raises
        ------
        ValueError
            If a time or an option is invalid.
        """
        from tuszstore.evaluate.forecasts import forecast_predictions

        rule = EventRule(threshold, **{"mode": "causal", **options})
        return forecast_predictions(self, rule, sph=sph, sop=sop, refractory=refractory)

    def agreement(self) -> "list[Agreement]":
        """Score each rater against each other, over the recordings that both reviewed.

        Returns
        -------
        list of Agreement
            One for each ordered pair.

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

    def __repr__(self) -> str:
        shape = self._values.shape
        model = f", model {printable(self.attrs['model'])}" if self.attrs.get("model") else ""
        return (
            f"<Predictions {self.path}: {len(self.recordings)} recordings, {shape[0]} windows of "
            f"{shape[1]} value{'s' if shape[1] != 1 else ''}{model}>"
        )

    @cached_property
    def _reference(self) -> Reference:
        return Reference(self.recordings, self.annotated)
