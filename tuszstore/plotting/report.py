"""The report of a store: one self-contained page."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tuszstore.plotting.clipping import estimate_clipping
from tuszstore.plotting.evaluation import show_predictions
from tuszstore.plotting.facts import EventClass, Facts, gather
from tuszstore.plotting.figures import (
    Embedded,
    amplitude_by_category,
    amplitude_by_channel,
    example,
    spectra,
)
from tuszstore.plotting.signals import measure, sample_windows, windows_by_category
from tuszstore.plotting.splits import find_overlaps, gather_splits
from tuszstore.plotting.stretch import processing, window_stretch
from tuszstore.plotting.style import DARK, LIGHT, tone
from tuszstore.store.categories import CODES, PARTIAL
from tuszstore.units import clock, percent, size

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions
    from tuszstore.facade.store import Store

PATIENTS_SHOWN = 15
"""Patients listed at first; the others can be expanded."""


def make_report(
    store: "Store",
    predictions: "Predictions | None" = None,
    threshold: float = 0.5,
    **options: Any,
) -> str:
    """Return an HTML page that describes the contents of a store.

    It needs neither network nor scripts, and has a light and a dark theme. Signals are read only
    for the examples and for :data:`tuszstore.plotting.signals.PER_CATEGORY` windows of each
    category.

    Parameters
    ----------
    store : Store
    predictions : Predictions, optional
        Predictions of that store, whose scores and worst errors the page shows.
    threshold : float
        Minimum probability of an event.
    **options
        Of :meth:`tuszstore.evaluate.predictions.Predictions.events`, such as ``smooth``.

    Raises
    ------
    StoreError
        If a block is missing or damaged, naming recording and time.
    PredictionError
        If the predictions are of another store.
    """
    evaluation = None
    if predictions is not None:
        evaluation = show_predictions(store, predictions, threshold, **options)
    facts, splits = gather(store), gather_splits(store)
    chosen = sample_windows(store)
    sampled = {name: measure(store, windows) for name, windows in chosen.items()}
    attributes, spec = store.attrs, store.spec
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "number": _count,
        "hours": _hours,
        "clock": clock,
        "percent": percent,
        "share": _share,
        "tone": _tone,
    }
    return environment.get_template("report.html").render(
        title=store.name,
        evaluation=evaluation,
        split=attributes["split"],
        signal=_signal(store),
        window=f"{spec.window_seconds:g}",
        stride=f"{spec.stride_seconds:g}",
        full_seizure=percent(spec.full_seizure),
        warnings=attributes["warnings"],
        numbers=_numbers(facts),
        facts=facts,
        class_hours=sum(entry.hours for entry in facts.classes),
        examples=_examples(store),
        by_channel=amplitude_by_channel(store),
        by_category=amplitude_by_category(sampled) if sampled else None,
        spectra=spectra(sampled) if sampled else None,
        clipping=estimate_clipping(store, sampled),
        sampled=", ".join(f"{_count(len(rows))} {name}" for name, rows in chosen.items()),
        splits=splits,
        overlaps=find_overlaps(splits),
        shown=PATIENTS_SHOWN,
        n_left_out=sum(reason.count for reason in facts.left_out),
        provenance=_provenance(store),
        config=yaml.safe_dump(
            {k: v for k, v in store.config.items() if k not in ("paths", "build")}, sort_keys=False
        ),
        version=version("tuszstore"),
        light=LIGHT,
        dark=DARK,
    )


def choose_examples(store: "Store") -> dict[str, int]:
    """Return an example window for each category in the store.

    Of ``partial_seizure`` windows, it is the one whose share of seizure is nearest to one half; of
    others, the middle one.

    Parameters
    ----------
    store : Store
    """
    fraction = store.index["seizure_fraction"].values
    chosen = {}
    for name, numbers in windows_by_category(store).items():
        place = len(numbers) // 2
        if CODES[name] == PARTIAL:
            place = int(np.abs(fraction[numbers] - 0.5).argmin())
        chosen[name] = int(numbers[place])
    return chosen


def _examples(store: "Store") -> list[Embedded]:
    return [example(window_stretch(store, number)) for number in choose_examples(store).values()]


def _numbers(facts: Facts) -> Mapping[str, str]:
    total = facts.total
    return {
        "hours": _hours(total.hours),
        "recordings": _count(total.recordings),
        "patients": _count(total.patients),
        "windows": _count(total.n_windows),
        "seizures": _count(total.seizures),
        "hours in seizure": _hours(total.seizure_hours),
    }


def _signal(store: "Store") -> str:
    encoding = store.metadata.encoding
    return (
        f"{len(store.channels)} channels at {store.sfreq} Hz, {processing(store.spec)}, "
        f"{encoding.dtype}, {encoding.codec}"
    )


def _provenance(store: "Store") -> Mapping[str, Any]:
    attributes = store.attrs
    files = store.sizes()
    return {
        "built": attributes["created"],
        "split": f"{attributes['split']}, policy {attributes['split_policy']}",
        "configuration": attributes["config_hash"],
        "sources": attributes["sources_digest"],
        "schema version": attributes["schema_version"],
        "versions": ", ".join(f"{name} {v}" for name, v in attributes["versions"].items()),
        **({"size": f"{size(sum(files))} in {len(files):,} files"} if files else {}),
    }


def _count(number: int) -> str:
    return f"{number:,}"


def _share(share: float) -> str:
    return "<0.01 %" if 0 < share < 5e-5 else f"{100 * share:.2f} %"


def _hours(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 100 else f"{hours:.2f}"


def _tone(entry: EventClass) -> str:
    return tone(entry.name, seizure=entry.seizure)
