"""Calling and checking the steps that a configuration names.

An exception or an invalid result of a plug-in becomes the reason for excluding the recording.
Built-in steps are not checked for each recording: tests do that.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.config import Signal
from tuszstore.errors import RecordingError
from tuszstore.registry import FILTERS, NORMALISERS, RESAMPLERS, Registry
from tuszstore.signal.normalise import Moments

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[np.float64]


def resampled(x: Array, sfreq: Fraction, length: int, config: Signal) -> Array:
    """Return channels at the rate of the store.

    Parameters
    ----------
    x : ndarray of float64, shape (channel, sample)
    sfreq : Fraction
        Its rate (Hz).
    length : int
        Samples to return.
    config : Signal

    Raises
    ------
    RecordingError
        If a plug-in fails, or returns an invalid signal.
    """
    name = config.resample
    out = _call(RESAMPLERS, name, x, sfreq, config.sfreq, length)
    return _signal(RESAMPLERS, name, x, out, (len(x), length))


def filtered(x: Array, sections: Any, config: Signal) -> Array:
    """Return filtered channels.

    Parameters
    ----------
    x : ndarray of float64, shape (channel, sample)
    sections : list
        As :func:`tuszstore.signal.filters.design` gives them.
    config : Signal

    Raises
    ------
    RecordingError
        See :func:`resampled`.
    """
    out = _call(FILTERS, config.filter, x, sections, config.sfreq)
    return _signal(FILTERS, config.filter, x, out, x.shape)


def normalised(x: Array, config: Signal) -> Moments:
    """Normalise channels in place.

    Parameters
    ----------
    x : ndarray of float64, shape (channel, sample)
    config : Signal

    Returns
    -------
    mean, sd : ndarray of float64, shape (channel,)
        In µV.

    Raises
    ------
    RecordingError
        See :func:`resampled`.
    """
    name = config.normalise
    moments = _call(NORMALISERS, name, x, config.sfreq)
    if name in NORMALISERS.builtin:
        found: Moments = moments
        return found
    try:
        mean, sd = (np.asarray(values, np.float64) for values in moments)
    except (TypeError, ValueError):
        raise _wrong(NORMALISERS, name, "mean and sd", type(moments).__name__) from None
    if mean.shape != (len(x),) or sd.shape != (len(x),):
        raise _wrong(NORMALISERS, name, f"{len(x)} means and sds", (mean.shape, sd.shape))
    if not (np.isfinite(mean).all() and np.isfinite(sd).all() and (sd >= 0).all()):
        raise _wrong(NORMALISERS, name, "finite means, and sds of at least 0", (mean, sd))
    return mean, sd


def _call(registry: Registry, name: str, x: Array, *args: Any) -> Any:
    function: Callable[..., Any] = registry[name]
    if name in registry.builtin:
        return function(x, *args)
    try:
        return function(x, *args)
    except (RecordingError, MemoryError):
        raise
    except Exception as error:  # a plug-in may raise anything
        raise RecordingError(
            f"the {registry.kind} {name!r} failed: {type(error).__name__}: {error}"
        ) from error


def _signal(registry: Registry, name: str, x: Array, out: Any, shape: tuple[int, ...]) -> Array:
    if name not in registry.builtin:
        if not isinstance(out, np.ndarray) or out.dtype != np.float64:
            found = f"{getattr(out, 'dtype', type(out).__name__)}"
            raise _wrong(registry, name, "an array of float64", found)
        if out.shape != shape:
            raise _wrong(registry, name, f"the shape {shape}", out.shape)
        if np.isfinite(x).all() and not np.isfinite(out).all():
            raise _wrong(registry, name, "finite samples of finite ones", "NaN or infinite ones")
    result: Array = out
    return result


def _wrong(registry: Registry, name: str, expected: str, found: object) -> RecordingError:
    return RecordingError(
        f"the {registry.kind} {name!r} must return {expected}, not {found!s:.120}"
    )
