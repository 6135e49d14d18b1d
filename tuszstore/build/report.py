"""What a build did."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tuszstore.corpus.layout import LeftOut
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.schema import CATEGORIES, UNKNOWN_CATEGORY

BUILT, NOTHING_BUILT, NO_SEIZURES, SOME_FAILED = 0, 1, 2, 3
"""Exit statuses of ``tuszstore build``."""


@dataclass(frozen=True)
class BuildReport:
    """What a build did, or found done.

    Attributes
    ----------
    split : str
    store : Path
    status : {"built", "indexed", "unchanged", "nothing built"}
    recordings, windows, bytes, files : int
    hours : float
        Of EEG in the store.
    categories : dict of str to int
        Windows by category.
    left_out : tuple of LeftOut
    noted : int
        Recordings with notes on what was repaired, clipped or odd.
    warnings : tuple of str
    seconds : float
        That the build took.
    timings : dict of str to float
        Seconds of work by stage, over all workers.
    changes : dict of str to int
        Recordings that were kept, resumed, relabelled, built, and dropped.
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
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    timings: dict[str, float] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[LeftOut, ...]:
        """Recordings that are left out because something is wrong with them."""
        return tuple(entry for entry in self.left_out if entry.kind == "failed")

    @property
    def exit_status(self) -> int:
        """0 built, 1 nothing built, 2 a labelled train split without a seizure, 3 some failed."""
        if self.recordings == 0:
            return NOTHING_BUILT
        n_labelled = sum(self.categories.get(name, 0) for name in CATEGORIES)
        n_seizure = n_labelled - self.categories.get(CATEGORIES[0], 0)
        has_labels = n_labelled > 0 or "unlabelled" not in self.categories
        if self.split == "train" and has_labels and n_seizure == 0:
            return NO_SEIZURES
        return SOME_FAILED if self.failed else BUILT

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            **vars(self),
            "store": str(self.store),
            "left_out": [vars(entry) for entry in self.left_out],
            "warnings": list(self.warnings),
            "exit_status": self.exit_status,
        }


def report_of(store: StoreMetadata, status: str, **figures: Any) -> BuildReport:
    """Return the report of a store that is there.

    Parameters
    ----------
    store : StoreMetadata
    status : str
    **figures
        ``seconds``, ``timings`` and ``changes``, where something was done.
    """
    sizes = store.place.sizes() or []
    seconds = store.recordings["n_samples"].sum() / store.geometry.sfreq
    left_out = zip(*(store.left_out[name] for name in ("id", "reason", "kind")), strict=True)
    return BuildReport(
        split=store.attributes["split"],
        store=Path(store.path),
        status=status,
        recordings=len(store.recordings["id"]),
        hours=round(float(seconds) / 3600, 6),
        windows=len(store.windows["category"]),
        categories=count_categories(store.windows["category"]),
        bytes=sum(sizes),
        files=len(sizes),
        left_out=tuple(LeftOut(*entry) for entry in left_out),
        noted=sum(bool(notes) for notes in store.recordings["notes"]),
        warnings=tuple(store.attributes["warnings"]),
        **figures,
    )


def count_categories(codes: Any) -> dict[str, int]:
    """Return the number of windows of each category; ``unlabelled`` only where there are any.

    Parameters
    ----------
    codes : array_like of int8, shape (window,)
    """
    codes = np.asarray(codes)
    named = {name: int(np.count_nonzero(codes == code)) for code, name in enumerate(CATEGORIES)}
    if unlabelled := int(np.count_nonzero(codes == UNKNOWN_CATEGORY)):
        named["unlabelled"] = unlabelled
    return named
