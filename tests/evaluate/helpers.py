"""Recordings and events without a store."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tuszstore.evaluate.events import EventTable
from tuszstore.evaluate.intervals import as_spans
from tuszstore.evaluate.tables import Recordings


def recordings(ids: Sequence[str], **columns: Any) -> Recordings:
    """Return recordings of an hour each, of patients of their own, unless it is said otherwise."""
    n = len(ids)
    texts = {
        "patient": [f"p{k}" for k in range(n)],
        "session": ["s1"] * n,
        "montage": ["01_tcp_ar"] * n,
        "source_id": list(ids),
        "raters": [""] * n,
        "timeline": [""] * n,
    }
    values: dict[str, Any] = {
        "labelled": np.ones(n, bool),
        "seconds": np.full(n, 3600.0),
        "n_samples": np.full(n, 3600 * 16),
        "source_start": np.zeros(n),
        "patient_time": np.full(n, np.nan),
    }
    columns = {"id": list(ids), **texts, **values, **columns}
    return Recordings(
        **{
            name: np.array(value, object) if name in ("id", *texts) else np.asarray(value)
            for name, value in columns.items()
        }
    )


def table(of: Recordings, *events: Sequence[tuple[float, float]], known: Any = None) -> EventTable:
    """Return the events of recordings in their order; those after the last have none."""
    rows = []
    for row, pairs in enumerate(events):
        sure = np.linspace(0.5, 1, len(pairs)).astype(np.float32)
        rows.append((row, as_spans(pairs), sure))
    return EventTable.of(of, rows, None if known is None else np.asarray(known))
