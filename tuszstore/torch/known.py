"""Which windows have a known label, for the selection of windows for training."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.facade.windows import WindowCollection
from tuszstore.read.targets import Target

TARGET_OPTIONS = ("label", "horizon", "interval", "rule", "ignore")
"""Options of a loader that select its labels."""

_AT_ONCE = 1 << 18
"""Windows whose labels are computed together, which bounds memory."""


def target_of(options: Mapping[str, Any]) -> Target:
    """Return the target of a loader's options."""
    return Target.of(**{name: options[name] for name in TARGET_OPTIONS if name in options})


def window_targets(store: WindowCollection, target: Target) -> NDArray[np.float32]:
    """Return one label for each window, of a target with one value per window.

    Parameters
    ----------
    store : WindowCollection
    target : Target

    Returns
    -------
    ndarray of float32, shape (window,)
        Above 0 if positive, for ``channels`` in any channel; 0 if negative; NaN if unknown.
    """
    out = np.empty(len(store), np.float32)
    for start in range(0, len(store), _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, len(store)))
        values = store.reader.target(target, part)
        if target.label == "channels":
            # fmax ignores NaN, and returns NaN only if all values are NaN
            values = np.fmax.reduce(values, axis=1)
        out[part] = values
    return out


def known_windows(store: WindowCollection, target: Target) -> NDArray[np.bool_]:
    """Return which windows have any known label.

    Parameters
    ----------
    store : WindowCollection
    target : Target

    Returns
    -------
    ndarray of bool, shape (window,)
    """
    if target.label == "classes":
        target = Target.of("seizure", rule="soft")
    elif not target.per_window:
        target = replace(target, rule="soft")  # NaN only if all samples are
    return ~np.isnan(window_targets(store, target))
