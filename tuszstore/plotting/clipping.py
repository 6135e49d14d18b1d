"""How many samples of a store lie at its clip value, from a sample of its windows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuszstore.plotting.signals import Sampled, windows_by_category
from tuszstore.store.categories import CODES, FULL, PARTIAL

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection


@dataclass(frozen=True)
class Clipping:
    """Shares of clipped samples, estimated from a sample of windows.

    Attributes
    ----------
    limit : float
        Clip value, in the units of the store.
    total : float
        Share of all samples in windows.
    seizure : float or None
        Share of those in windows with a seizure; None without such windows.
    """

    limit: float
    total: float
    seizure: float | None


def estimate_clipping(store: "WindowCollection", sampled: Mapping[str, Sampled]) -> Clipping | None:
    """Return the shares of clipped samples; None if the store does not clip or has no windows.

    Categories are sampled with equal numbers, so each counts by its number of windows.

    Parameters
    ----------
    store : Store
    sampled : mapping of str to Sampled
        By category, the measured windows.
    """
    limit = store.spec.clip
    if limit is None or not sampled:
        return None
    sizes = {name: len(numbers) for name, numbers in windows_by_category(store).items()}
    in_seizure = [name for name in sampled if CODES[name] in (PARTIAL, FULL)]

    def share(names: list[str]) -> float:
        shares = [sampled[name].clipped.mean() for name in names]
        return float(np.average(shares, weights=[sizes[name] for name in names]))

    return Clipping(limit, share(list(sampled)), share(in_seizure) if in_seizure else None)
