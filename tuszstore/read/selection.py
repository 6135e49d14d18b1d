"""Selecting windows by the values of their columns."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.store.categories import CATEGORIES
from tuszstore.store.tables import BaseTable, WindowTables

Wanted = str | int | Sequence[str | int] | None


def select_windows(
    store: WindowTables,
    *,
    patient: Wanted = None,
    category: Wanted = None,
    event_class: Wanted = None,
    montage: Wanted = None,
    recording: Wanted = None,
    min_fraction: float | None = None,
    min_seizure_free_before: float | None = None,
    min_seizure_free_after: float | None = None,
) -> NDArray[np.int64]:
    """Return the indices of the windows that fulfil all conditions; see ``Store.select``."""
    windows, recordings = store.windows, store.recordings
    chosen = np.ones(store.n_windows, bool)
    in_recordings = np.ones(len(recordings["id"]), bool)
    for name, values in (("patient", patient), ("montage", montage)):
        if values is not None:
            column = recordings[name].tolist()
            if name == "patient":
                _refuse_other_names(recordings, values, set(column))
            wanted = set(_known(name, values, sorted(set(column))))
            in_recordings &= np.fromiter((value in wanted for value in column), bool, len(column))
    if recording is not None:
        in_recordings &= _recordings(recordings["id"], recording)
    if not in_recordings.all():
        chosen &= in_recordings[windows["recording"]]
    if category is not None:
        codes = [CATEGORIES.index(name) for name in _known("category", category, CATEGORIES)]
        chosen &= np.isin(windows["category"], codes)
    if event_class is not None:
        bits = _bits_of_classes(store, event_class)
        chosen &= (windows["event_classes"] & np.uint16(bits)) > 0
    if min_fraction is not None:
        if not 0 <= min_fraction <= 1:
            raise ValueError(f"min_fraction must be within 0 to 1, not {min_fraction:g}")
        chosen &= windows["seizure_fraction"] >= min_fraction
    for name, seconds in (
        ("seizure_free_before", min_seizure_free_before),
        ("seizure_free_after", min_seizure_free_after),
    ):
        if seconds is not None:
            if isinstance(seconds, str) or not seconds >= 0:
                raise ValueError(f"min_{name} must be a time of 0 s or more, not {seconds!r:.40}")
            chosen &= windows[name] >= seconds  # NaN (unknown) compares as False
    return np.flatnonzero(chosen)


def _listed(values: Wanted) -> list[Any]:
    return [values] if isinstance(values, str | int | np.integer) else list(values or ())


def _bits_of_classes(store: WindowTables, values: Wanted) -> int:
    classes = store.spec.classes
    for value in (wanted := _listed(values)):
        if value in classes:
            continue
        found = int(np.bitwise_or.reduce(store.events["bit"], initial=0))
        present = [name for k, name in enumerate(classes) if found >> k & 1]
        close = difflib.get_close_matches(str(value), present, n=len(present) or 1, cutoff=0.0)
        absent = sorted(set(classes) - set(present))
        raise ValueError(
            f"unknown event class {value!r}; the events of this store have "
            f"{', '.join(close) or 'none'}"
            f"{f', and none has {_or(absent)}' if present and absent else ''}"
        )
    return sum(1 << classes.index(name) for name in {str(value) for value in wanted})


def _or(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if names[1:] else names[0]


def _known(name: str, values: Wanted, known: Iterable[str]) -> list[str]:
    names = [str(value) for value in known]
    for value in (wanted := _listed(values)):
        if value not in names:
            close = difflib.get_close_matches(str(value), names, n=5, cutoff=0.0)
            raise ValueError(
                f"unknown {name} {value!r}; this store has {', '.join(close)}"
                f"{' and others' if len(names) > len(close) else ''}"
            )
    return wanted


def _refuse_other_names(recordings: BaseTable, values: Wanted, known: set[str]) -> None:
    """Reject a patient who has another name by an erratum, naming it."""
    for value in _listed(values):
        if value in known:
            continue
        erratum = re.compile(rf"case '{re.escape(str(value))}' is patient '([^']*)' \(erratum")
        notes = (erratum.search(note) for note in recordings.or_blank("notes").tolist())
        if meant := next(filter(None, notes), None):
            raise ValueError(
                f"unknown patient {value!r}: by an erratum of the corpus it is patient "
                f"{meant[1]!r}, and its recordings are session {value!r} of that patient"
            )


def find_recording(ids: NDArray[Any], value: str | int) -> int:
    """Return the row of one recording.

    Parameters
    ----------
    ids : ndarray of str, shape (recording,)
    value : str or int
        Id, file name with or without suffix, or row.

    Raises
    ------
    ValueError
        If there is none, or a name is ambiguous.
    """
    if isinstance(value, int | np.integer):
        if not -len(ids) <= value < len(ids):
            raise ValueError(f"no recording {value} in this store; it has {len(ids)}")
        return int(value) % len(ids)
    rows = [k for k, id_ in enumerate(ids) if value == id_]
    if not rows:
        names = map(PurePosixPath, ids)
        rows = [k for k, name in enumerate(names) if value in (name.name, name.stem)]
    if not rows:
        _known("recording", value, ids)
    if len(rows) > 1:
        raise ValueError(
            f"{len(rows)} recordings have the name {value!r}; use the full id, "
            f"such as {ids[rows[0]]!r}"
        )
    return rows[0]


def _recordings(ids: NDArray[Any], values: Wanted) -> NDArray[np.bool_]:
    chosen = np.zeros(len(ids), bool)
    for value in _listed(values):
        chosen[find_recording(ids, value)] = True
    return chosen
