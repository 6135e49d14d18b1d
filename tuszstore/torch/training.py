"""The loaders of a training: which windows it sees by the rules of the NPZ pipeline."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tuszstore.api import Store
from tuszstore.errors import ConfigError
from tuszstore.sampling import (
    Balanced,
    Sampler,
    SamplingError,
    Sequential,
    Shuffled,
    Weighted,
    seizure_ratio,
)
from tuszstore.store.categories import CATEGORIES, UNKNOWN_CATEGORY
from tuszstore.torch.loader import WindowLoader, find_rank


@dataclass(frozen=True)
class LoaderConfig:
    """Which windows a training sees.

    Attributes
    ----------
    batch_size : int
        On each rank.
    seed : int
    use_balanced_sampling : bool
        See :func:`training_loader`.
    full, background, redraw
        Of :class:`tuszstore.sampling.Balanced`; the NPZ pipeline has ``redraw=False``.
    """

    batch_size: int = 64
    seed: int = 42
    use_balanced_sampling: bool = True
    full: float = 0.3
    background: float = 2.5
    redraw: bool = True

    @classmethod
    def of(cls, config: "LoaderConfig | Mapping[str, Any] | None") -> "LoaderConfig":
        """Return a configuration from a mapping of some of its attributes.

        Raises
        ------
        ConfigError
            If the mapping has a key that is none of them.
        """
        if isinstance(config, LoaderConfig):
            return config
        known = [field.name for field in fields(cls)]
        values = dict(config or {})
        if unknown := [str(key) for key in values if key not in known]:
            raise ConfigError(f"unknown key {unknown[0]!r}; known are {', '.join(known)}")
        return cls(**values)


def training_loader(
    store: Store, config: LoaderConfig | Mapping[str, Any] | None = None, **options: Any
) -> WindowLoader:
    """Return the loader of a training.

    With `use_balanced_sampling`, an epoch is a balanced set
    (:class:`~tuszstore.sampling.Balanced`). Where that cannot be, because no window is at the edge
    of a seizure, all windows are drawn with replacement, those with seizure weighted with
    ``sqrt((1 - r) / r)``, where r is their share: as in the NPZ pipeline, but counted and not
    estimated from a sample. Without it, an epoch is all windows, shuffled.

    A store without any seizure is refused for balanced sampling. The NPZ pipeline trains on it as
    it is, and its usual reason is labels that were not found.

    Parameters
    ----------
    store : Store
        Windows of unlabelled recordings are left out.
    config : LoaderConfig or mapping, optional
    **options
        Of :class:`WindowLoader`, such as `device`, `rank`, `world_size` or `drop_last`.

    Returns
    -------
    WindowLoader

    Raises
    ------
    SamplingError
        If balanced sampling finds no seizure, or no window is labelled.

    Warns
    -----
    UserWarning
        If the set cannot be balanced.
    """
    config = LoaderConfig.of(config)
    return WindowLoader(store, _training_sampler(store, config), config.batch_size, **options)


def validation_loader(
    store: Store, config: LoaderConfig | Mapping[str, Any] | None = None, **options: Any
) -> WindowLoader:
    """Return the loader of a validation: always all windows, once, in their true distribution.

    Parameters
    ----------
    store : Store
        Windows of unlabelled recordings are left out.
    config : LoaderConfig or mapping, optional
        Only its `batch_size` is used, and less where there are fewer windows.
    **options
        Of :class:`WindowLoader`.

    Returns
    -------
    WindowLoader
        In the order of the store.

    Raises
    ------
    SamplingError
        If no window is labelled.
    """
    windows = Sequential(_labelled(store))
    _, world_size = find_rank(options.get("rank"), options.get("world_size"))
    batch_size = min(LoaderConfig.of(config).batch_size, max(1, len(windows) // world_size))
    return WindowLoader(store, windows, batch_size, **options)


def _training_sampler(store: Store, config: LoaderConfig) -> Sampler:
    labelled, table = _labelled(store), store.metadata.windows
    if not config.use_balanced_sampling:
        return Shuffled(labelled, config.seed)
    n_none, n_partial, _ = (np.count_nonzero(store.mask(name)) for name in CATEGORIES)
    if n_partial:
        return Balanced(table, config.full, config.background, config.seed, redraw=config.redraw)
    if n_none == len(labelled):
        raise SamplingError(
            f"{store.path}: none of {n_none} windows has a seizure: there is nothing to balance. "
            "Check labels.annotation and labels.seizure of the configuration, and that the "
            "annotation files lie beside the recordings; `tuszstore info STORE` shows what a store "
            "holds. To train on it all the same, set use_balanced_sampling to false"
        )
    r = seizure_ratio(table, labelled)
    weight = math.sqrt((1 - r) / r) if r < 1 else 1.0
    warnings.warn(
        f"{store.path}: no window is at the edge of a seizure, so the set cannot be balanced: "
        f"all windows are drawn instead, those with seizure with a weight of {weight:.3g}",
        stacklevel=3,
    )
    weights = dict(zip(CATEGORIES, (1.0, weight, weight), strict=True))
    return Weighted(table, weights, seed=config.seed)


def _labelled(store: Store) -> Any:
    windows = np.flatnonzero(store.metadata.windows["category"] != UNKNOWN_CATEGORY)
    if not len(windows):
        raise SamplingError(
            f"{store.path}: none of {len(store)} windows is labelled: there is nothing to learn"
        )
    return windows
