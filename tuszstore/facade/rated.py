"""The events of a store with labels decided by another rater."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.labels import UNLABELLED
from tuszstore.store.raters import RULES, Decided, counting
from tuszstore.store.spec import StoreSpec
from tuszstore.store.tables import BaseTable

WHOLE = "TERM"
"""Channel of events of the whole montage."""

_UNLABELLED = "unlabelled"
_SPAN = ("recording", "first_sample", "stop_sample")


def decided_events(events: BaseTable, decided: Decided, spec: StoreSpec) -> dict[str, NDArray[Any]]:
    """Return the columns of `events/*` of a store with labels decided by a rater.

    All annotations are kept. Events that are directly part of the labels have the bit of their
    class, all others 0; decisions of several raters follow, with the rule as their rater.

    Parameters
    ----------
    events : BaseTable
        Events of the store.
    decided : Decided
    spec : StoreSpec
        With the deciding rater.

    Returns
    -------
    dict of str to ndarray, shape (event,)
        Sorted by recording.
    """
    raters = [str(rater) for rater in events["rater"].tolist()]
    annotated = np.flatnonzero([rater not in RULES for rater in raters])
    matching = _Rows(events, annotated, raters, spec.rater)
    columns = {name: events[name][annotated] for name in events.variables}
    columns["bit"] = np.zeros(len(annotated), np.uint16)
    place = {row: k for k, row in enumerate(annotated.tolist())}
    added: list[tuple[int, int, int, str, int]] = []
    classes = {1 << k: name for k, name in enumerate(spec.classes)} | {UNLABELLED: _UNLABELLED}
    names = (*_SPAN, "bit")
    for *span, bits in zip(*(decided.columns()[n].tolist() for n in names), strict=True):
        row = matching.take((*span, bits))
        if row is not None:
            columns["bit"][place[row]] = bits
            continue
        added += [(*span, name, bit) for bit, name in classes.items() if bits & bit]
    made = _made(added, spec, columns)
    joined = {name: np.concatenate([columns[name], made[name]]) for name in columns}
    order = np.argsort(joined["recording"], kind="stable")
    return {name: column[order] for name, column in joined.items()}


class _Rows:
    """Events of the raters who count, by the samples that they mark; each is used once."""

    def __init__(
        self, events: BaseTable, rows: NDArray[np.int64], raters: list[str], rule: str
    ) -> None:
        self._rows: dict[tuple[int, ...], list[int]] = {}
        columns = [events[name][rows].tolist() for name in (*_SPAN, "class_bit")]
        for row, *key in zip(rows.tolist(), *columns, strict=True):
            if counting((raters[row],), rule):
                self._rows.setdefault(tuple(key), []).append(row)

    def take(self, key: tuple[int, ...]) -> int | None:
        rows = self._rows.get(key)
        return rows.pop(0) if rows else None


def _made(
    added: list[tuple[int, int, int, str, int]],
    spec: StoreSpec,
    like: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[Any]]:
    """Return the columns of decided spans that equal no annotated event."""
    n = len(added)
    recording, first, stop, names, bits = (
        zip(*added, strict=True) if added else ((), (), (), (), ())
    )
    values: dict[str, Any] = {
        "recording": recording,
        "first_sample": first,
        "stop_sample": stop,
        "bit": bits,
        "class_bit": bits,
        "class": names,
        "channel": [WHOLE] * n,
        "rater": [spec.rater] * n,
        "onset": np.array(first, float) / spec.sfreq,
        "offset": np.array(stop, float) / spec.sfreq,
    }
    return {
        name: np.array(values[name], column.dtype)
        if name in values
        else np.full(n, np.nan if column.dtype.kind == "f" else 0, column.dtype)
        for name, column in like.items()
    }
