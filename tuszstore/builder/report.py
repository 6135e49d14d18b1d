"""Reports of builds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.corpus.base import LeftOut
from tuszstore.corpus.corrections import errata_in
from tuszstore.reasons import all_notes
from tuszstore.store.categories import CATEGORIES, UNKNOWN_CATEGORY
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.raters import decides
from tuszstore.store.spec import StoreSpec

BUILT, NOTHING_BUILT, UNFIT, SOME_FAILED = 0, 1, 2, 3
"""Exit statuses of ``tuszstore build``."""


@dataclass(frozen=True)
class BuildReport:
    """The outcome of a build.

    Attributes
    ----------
    split : str
        ``train``, ``dev`` or ``eval``.
    store : Path
        Path of the store.
    status : {"built", "indexed", "unchanged", "nothing built"}
        Whether a new store was written (``built``), only its index and labels (``indexed``), or
        nothing, as there was nothing to do (``unchanged``) or no recording could be built.
    recordings, patients, windows, bytes, files : int
        Contents of the store, and the size and number of its files.
    hours : float
        Hours of EEG in the store.
    categories : dict of str to int
        Windows by category.
    left_out : tuple of LeftOut
        Recordings that are not in the store, with the reasons.
    noted : int
        Recordings with notes on repairs, clipping or oddities, or with interpolated channels.
    errata : tuple of (str, str)
        Id and note of recordings for each erratum that was corrected or noted.
    interpolated : int
        Recordings with interpolated channels.
    short : int
        Recordings that are shorter than a window.
    longest : float
        Duration of the longest recording (s).
    seizures : int
        Annotated stretches of seizure, in any channel.
    events : dict of str to int
        Annotated stretches by class.
    warnings : tuple of str
        Warnings of planning, such as patients in two splits.
    seconds : float
        Duration of the build.
    timings : dict of str to float
        Seconds of work by stage, over all workers.
    changes : dict of str to int
        Recordings that were kept, resumed, relabelled, built, and dropped.

    Examples
    --------
    >>> import tuszstore
    >>> report = tuszstore.build(split="train", data="demo/corpus", store="demo/stores", workers=0)
    >>> report.status, report.recordings, report.exit_status
    ('unchanged', 14, 0)
    """

    split: str
    store: Path
    status: str
    recordings: int = 0
    hours: float = 0.0
    windows: int = 0
    categories: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    files: int = 0
    left_out: tuple[LeftOut, ...] = ()
    noted: int = 0
    errata: tuple[tuple[str, str], ...] = ()
    interpolated: int = 0
    short: int = 0
    longest: float = 0.0
    seizures: int = 0
    events: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    patients: int = 0

    @property
    def failed(self) -> tuple[LeftOut, ...]:
        """Recordings that are excluded because of a fault."""
        return tuple(entry for entry in self.left_out if entry.kind == "failed")

    @property
    def exit_status(self) -> int:
        """0 built, 1 nothing built, 2 unfit for training, 3 some failed.

        Unfit is a store without a window, and a labelled train split without a seizure window.
        """
        if self.recordings == 0:
            return NOTHING_BUILT
        if self.windows == 0:
            return UNFIT
        n_labelled = sum(self.categories.get(name, 0) for name in CATEGORIES)
        n_seizure = n_labelled - self.categories.get(CATEGORIES[0], 0)
        has_labels = n_labelled > 0 or "unlabelled" not in self.categories
        if self.split == "train" and has_labels and n_seizure == 0:
            return UNFIT
        return SOME_FAILED if self.failed else BUILT

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            **vars(self),
            "store": str(self.store),
            "left_out": [vars(entry) for entry in self.left_out],
            "errata": [{"id": id_, "note": note} for id_, note in self.errata],
            "warnings": list(self.warnings),
            "exit_status": self.exit_status,
        }


def overall_status(reports: Sequence[BuildReport]) -> int:
    """Return the exit status of builds of several splits.

    It is 1 if nothing was built, otherwise the most severe one; a split that could not be built at
    all counts as failed recordings.

    Parameters
    ----------
    reports : sequence of BuildReport
        At least one.
    """
    statuses = {report.exit_status for report in reports}
    if statuses == {NOTHING_BUILT}:
        return NOTHING_BUILT
    statuses = {SOME_FAILED if status == NOTHING_BUILT else status for status in statuses}
    return min(statuses, key=(UNFIT, SOME_FAILED, BUILT).index)


def report_of(store: StoreMetadata, status: str, **figures: Any) -> BuildReport:
    """Return the report of an existing store.

    Parameters
    ----------
    store : StoreMetadata
    status : str
    **figures
        ``seconds``, ``timings`` and ``changes``, if something was done.
    """
    sizes = store.place.sizes() or []
    recordings, sfreq = store.recordings, store.geometry.sfreq
    seconds = recordings["n_samples"] / sfreq
    names = store.spec.channel_names
    interpolated = recordings.or_blank("interpolated")
    notes = all_notes(recordings.or_blank("notes"), interpolated, names)
    seizures, events = count_events(store.events, store.spec)
    left_out = zip(
        *(store.left_out.or_blank(name) for name in ("id", "reason", "kind")), strict=True
    )
    return BuildReport(
        split=store.attributes["split"],
        store=Path(store.path),
        status=status,
        recordings=len(recordings["id"]),
        patients=len(set(recordings["patient"])),
        hours=round(float(seconds.sum()) / 3600, 6),
        windows=len(store.windows["category"]),
        categories=count_categories(store.windows["category"]),
        bytes=sum(sizes),
        files=len(sizes),
        left_out=tuple(LeftOut(*entry) for entry in left_out),
        noted=sum(map(bool, notes)),
        errata=tuple(
            (str(id_), erratum)
            for id_, note in zip(recordings["id"], notes, strict=True)
            for erratum in errata_in(note)
        ),
        interpolated=int(interpolated.any(axis=1).sum()),
        short=int((recordings["n_windows"] == 0).sum()),
        longest=float(seconds.max(initial=0)),
        seizures=seizures,
        events=events,
        warnings=tuple(store.attributes["warnings"]),
        **figures,
    )


def count_events(events: Mapping[str, Any], spec: StoreSpec) -> tuple[int, dict[str, int]]:
    """Return the number of seizures, and of annotated events by class.

    An annotation may have a row for each channel: contiguous stretches of time in which any
    channel is marked are counted.

    Parameters
    ----------
    events : mapping of str to array_like
        Columns of the events table.
    spec : StoreSpec
        Specification of the store.

    Returns
    -------
    seizures : int
        Stretches marked with any class that counts as seizure.
    by_class : dict of str to int
        The most frequent first; background and ignored classes under their own
        names. Of several raters, only those who decide the labels count, or the decision.
    """
    bit = np.asarray(events["bit"])
    said = decides(bit, events.get("class_bit", bit))
    columns = [
        np.asarray(events[n], np.int64) for n in ("recording", "first_sample", "stop_sample")
    ]
    names = np.array(
        [
            spec.classes[int(bit_).bit_length() - 1] if 0 < bit_ < UNLABELLED else name
            for bit_, name in zip(bit.tolist(), events["class"], strict=True)
        ],
        dtype=object,
    )
    counts = {
        str(name): _stretches(columns, said & (names == name))
        for name in dict.fromkeys(names[said])
    }
    return (
        _stretches(columns, (bit & spec.seizure_bits) != 0),
        dict(Counter(counts).most_common()),
    )


def _stretches(columns: Sequence[NDArray[Any]], chosen: NDArray[Any]) -> int:
    """Return the number of disjoint stretches that some events cover."""
    recording, first, stop = columns
    rows = np.flatnonzero(chosen & (stop > first))
    if not len(rows):
        return 0
    base = recording[rows] * (int(stop.max()) + 2)  # places recordings on one axis without overlap
    first, stop = first[rows] + base, stop[rows] + base
    order = np.argsort(first, kind="stable")
    covered = np.maximum.accumulate(stop[order])
    return 1 + int((first[order][1:] > covered[:-1]).sum())


def count_categories(codes: Any) -> dict[str, int]:
    """Return the number of windows of each category; ``unlabelled`` only if there are any.

    Parameters
    ----------
    codes : array_like of int8, shape (window,)
    """
    codes = np.asarray(codes)
    named = {name: int(np.count_nonzero(codes == code)) for code, name in enumerate(CATEGORIES)}
    if unlabelled := int(np.count_nonzero(codes == UNKNOWN_CATEGORY)):
        named["unlabelled"] = unlabelled
    return named
