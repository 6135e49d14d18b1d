"""Loaders of training and validation, with the rules of the NPZ pipeline."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import ConfigError
from tuszstore.facade.windows import WindowCollection
from tuszstore.read.targets import Target
from tuszstore.sampling import (
    Balanced,
    BalancedTargets,
    Sampler,
    SamplingError,
    Sequential,
    Shuffled,
    Weighted,
    seizure_ratio,
)
from tuszstore.store.categories import CATEGORIES, NONE, UNKNOWN_CATEGORY
from tuszstore.torch.known import known_windows, target_of, window_targets
from tuszstore.torch.loader import LOADER_OPTIONS, WindowLoader
from tuszstore.torch.options import refuse_options, refuse_path


@dataclass(frozen=True)
class LoaderConfig:
    """Selection of windows for training.

    Attributes
    ----------
    batch_size : int
        On each rank.
    seed : int
        Seed of the order, and of `transform` and `jitter`.
    use_balanced_sampling : bool
        See :func:`training_loader`.
    full, background, redraw
        Of :class:`tuszstore.sampling.Balanced`; the NPZ pipeline has ``redraw=False``. In a set
        balanced by its label, `background` is the number of negative windows per positive one,
        and `full` is not used.
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
            If it is not a mapping, or has an unknown key.
        """
        if isinstance(config, LoaderConfig):
            return config
        if not isinstance(config, Mapping | None):
            raise ConfigError(
                f"the configuration must be a LoaderConfig or a mapping, not {config!r}: pass "
                "{'batch_size': 64}, or batch_size=64"
            )
        known = [field.name for field in fields(cls)]
        values = dict(config or {})
        if unknown := [str(key) for key in values if key not in known]:
            raise ConfigError(f"unknown key {unknown[0]!r}; known are {', '.join(known)}")
        return cls(**values)


def training_loader(
    store: WindowCollection, config: LoaderConfig | Mapping[str, Any] | None = None, **options: Any
) -> WindowLoader:
    """Return the loader of a training.

    With `use_balanced_sampling`, an epoch is a balanced set
    (:class:`~tuszstore.sampling.Balanced`). If no window is at the edge
    of a seizure, all windows are drawn with replacement, those with seizure weighted with
    ``sqrt((1 - r) / r)``, where r is their share: as in the NPZ pipeline, but counted, not
    estimated from a sample. Without it, an epoch is all windows, shuffled.

    Categories say nothing about what follows a window. With the label ``preictal``, or ``onset``
    with a `rule`, an epoch is balanced by that label instead: all positive windows, and
    `background` negative ones for each (:class:`~tuszstore.sampling.BalancedTargets`). With any
    label, windows for which it is unknown (NaN), in all samples if there are several, are never
    drawn. With `jitter` the label of a shifted window can differ from that by which it was drawn,
    and be unknown.

    A store without any seizure is rejected for balanced sampling: the usual cause is missing
    labels. The NPZ pipeline trains on it.

    Parameters
    ----------
    store : Store
        Windows of unlabelled recordings are excluded.
    config : LoaderConfig or mapping, optional
        A mapping has some of its attributes; the others keep their defaults.
    **options
        Of :class:`LoaderConfig`, overriding `config`, such as `batch_size`; or of
        :class:`WindowLoader`, such as `device`, `rank`, `world_size` or `drop_last`.

    Returns
    -------
    WindowLoader
        Each iteration is an epoch of the selected windows.

    Raises
    ------
    SamplingError
        If balanced sampling finds no seizure, or windows of one class only; or no window is
        labelled.
    ConfigError, TypeError
        If a key or an option is unknown.

    Warns
    -----
    UserWarning
        If the set cannot be balanced.
    """
    names = [field.name for field in fields(LoaderConfig)]
    config = replace(
        LoaderConfig.of(config), **{key: options.pop(key) for key in names if key in options}
    )
    _check_options("training_loader", options, names)
    refuse_path("training_loader", store)
    sampler = _training_sampler(store, config, target_of(options))
    return WindowLoader(store, sampler, config.batch_size, **options)


def validation_loader(
    store: WindowCollection, config: LoaderConfig | Mapping[str, Any] | None = None, **options: Any
) -> WindowLoader:
    """Return the loader of a validation: all windows, once, in their true distribution.

    Parameters
    ----------
    store : Store
        Windows of unlabelled recordings are excluded.
    config : LoaderConfig or mapping, optional
        Only its `batch_size` is used, reduced if there are fewer windows.
    **options
        `batch_size`, overriding `config`, or those of :class:`WindowLoader`.

    Returns
    -------
    WindowLoader
        In the order of the store. Labels can be NaN, such as those of ``preictal`` in a seizure:
        exclude them from a mean.

    Raises
    ------
    SamplingError
        If no window is labelled.
    ConfigError, TypeError
        If a key or an option is unknown.
    """
    batch_size = options.pop("batch_size", LoaderConfig.of(config).batch_size)
    _check_options("validation_loader", options, ["batch_size"])
    refuse_path("validation_loader", store)
    return _ValidationLoader(store, Sequential(_labelled(store)), batch_size, **options)


class _ValidationLoader(WindowLoader):
    """A loader that reduces the batch size if there are too few windows for the number of ranks."""

    @property
    def batch_size(self) -> int:
        return min(self._batch_size, max(1, len(self.sampler) // self.world_size))


def _check_options(where: str, options: Mapping[str, Any], names: list[str]) -> None:
    if "indices" in options:
        raise TypeError(
            f"{where} selects its windows itself: use WindowLoader(store, indices) for others"
        )
    refuse_options(where, options, [*names, *LOADER_OPTIONS])


_BY_CATEGORY = ("seizure", "classes", "channels")
"""Labels that are positive in a seizure, so that a window's category says how much of it is."""


def _training_sampler(store: WindowCollection, config: LoaderConfig, target: Target) -> Sampler:
    labelled = _labelled(store)
    if target.per_window and target.label not in _BY_CATEGORY:
        return _by_target(store, config, target)
    usable = None
    if target != Target.of(target.label) or target.label == "onset":
        usable = _with_known(store, labelled, target)
    if not config.use_balanced_sampling:
        return Shuffled(labelled if usable is None else usable, config.seed)
    return _by_category(store, config, labelled, usable)


def _by_target(store: WindowCollection, config: LoaderConfig, target: Target) -> Sampler:
    """Return a sampler by a label of one value per window."""
    table, values = store.metadata.windows, window_targets(store, target)
    if not config.use_balanced_sampling:
        return Shuffled(_some(store, np.flatnonzero(~np.isnan(values)), target), config.seed)
    try:
        return BalancedTargets(table, values, config.background, config.seed, redraw=config.redraw)
    except SamplingError as error:
        raise SamplingError(
            f"{store.path}: label {target}: {error}. {_advice(target, config, values)}. To train "
            "on it anyway, set use_balanced_sampling to false: an epoch is then all windows with a "
            "known label"
        ) from None


def _advice(target: Target, config: LoaderConfig, values: NDArray[Any]) -> str:
    if (values > 0).any() and (values == 0).any():
        return f"Raise background, which is {config.background:g}"
    if target.label != "preictal":
        return "Change rule or ignore, and check with `tuszstore info STORE` which seizures it has"
    if (values > 0).any():
        return (
            "A window is negative if no seizure begins in the horizon and interval after it and "
            "that time is recorded: shorten horizon, interval or the windows"
        )
    return (
        "A window is positive if a seizure begins within the interval that follows the horizon: "
        "lengthen interval, or shorten horizon or the windows"
    )


def _with_known(store: WindowCollection, labelled: Any, target: Target) -> Any:
    """Return the labelled windows with a known sample; None if these are all."""
    known = known_windows(store, target)[labelled]
    return None if known.all() else _some(store, labelled[known], target)


def _some(store: WindowCollection, windows: Any, target: Target) -> Any:
    if not len(windows):
        raise SamplingError(
            f"{store.path}: label {target}: it is unknown for each of {len(store)} windows, so "
            "there is nothing to train on. Shorten horizon, interval or ignore"
        )
    return windows


def _by_category(
    store: WindowCollection, config: LoaderConfig, labelled: Any, usable: Any
) -> Sampler:
    """Return a sampler by the category of windows; of usable ones, if not None."""
    table = store.metadata.windows
    windows = labelled if usable is None else usable
    category, known = table["category"], "" if usable is None else " with a known label"
    n_none, n_partial, _ = (
        np.count_nonzero(category[windows] == code) for code in range(len(CATEGORIES))
    )
    if n_partial:
        return Balanced(
            table, config.full, config.background, config.seed, redraw=config.redraw, indices=usable
        )
    if n_none == len(windows):
        raise SamplingError(
            f"{store.path}: none of {n_none} windows{known} has a seizure, so the set cannot "
            "be balanced. Check labels.annotation and labels.seizure of the configuration, and "
            "that the annotation files are beside the recordings; `tuszstore info STORE` shows "
            "what a store holds. To train on it anyway, set use_balanced_sampling to false"
        )
    r = seizure_ratio(table, windows)
    weight = math.sqrt((1 - r) / r) if r < 1 else 1.0
    warnings.warn(
        f"{store.path}: no window{known} is at the edge of a seizure, so the set cannot be "
        "balanced: all windows are drawn instead, those with seizure with a weight of "
        f"{weight:.3g}",
        stacklevel=4,
    )
    each = np.zeros(len(category))
    each[windows] = np.where(category[windows] == NONE, 1.0, weight)
    return Weighted(table, each, seed=config.seed)


def _labelled(store: WindowCollection) -> Any:
    windows = np.flatnonzero(store.metadata.windows["category"] != UNKNOWN_CATEGORY)
    if not len(windows):
        raise SamplingError(
            f"{store.path}: none of {len(store)} windows is labelled: training is not possible"
        )
    return windows
