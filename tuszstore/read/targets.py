"""Targets of training, computed from annotated seizures."""

import difflib
import math
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

Label = Literal["seizure", "classes", "onset", "preictal", "channels"]
LABELS: tuple[str, ...] = get_args(Label)

Rule = Literal["any", "majority", "centre", "last", "soft"] | float
RULES = ("any", "majority", "centre", "last", "soft")

Margins = float | tuple[float, float]
"""Seconds around both onsets and offsets, or a pair for each."""

ONSET_SECONDS = 10.0
"""Default duration (s) of the onset of a seizure."""


@dataclass(frozen=True)
class Target:
    """A label of windows; created and checked by :meth:`of`.

    Attributes
    ----------
    label : {"seizure", "classes", "onset", "preictal", "channels"}
        What it marks; see :meth:`of`.
    horizon, interval : float
        Seconds; see :meth:`of`.
    rule : str, float or None
        How the samples of a window are reduced to one value; None for one value per sample.
    ignore : tuple of float
        Seconds on both sides of onsets, and of offsets, that are NaN.
    """

    label: Label = "seizure"
    horizon: float = 0.0
    interval: float = 0.0
    rule: Rule | None = None
    ignore: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(
        cls,
        label: str = "seizure",
        *,
        horizon: float | None = None,
        interval: float | None = None,
        rule: str | float | None = None,
        ignore: Margins | None = None,
    ) -> Self:
        """Return a target.

        Parameters
        ----------
        label : {"seizure", "classes", "onset", "preictal", "channels"}
            ``seizure``: 1 in a seizure, 0 elsewhere. ``classes``: bits of the event classes.
            ``onset``: 1 in the first `interval` seconds of a seizure, 0 outside of seizures, and
            NaN in the rest of one. ``preictal``: one value for each window, 1 if the next
            seizure begins from `horizon` to ``horizon + interval`` seconds after its end, 0 where
            it is known that none does until then, and NaN otherwise: in a seizure, within
            `horizon` before one, or if the recording ends too early to know. ``channels``:
            1 if a channel is annotated with a seizure.
        horizon : float, optional
            Seconds between a warning and the earliest seizure that it is for (seizure prediction
            horizon); only with ``preictal``, 0 by default.
        interval : float, optional
            With ``preictal``, the seconds after that in which the seizure is expected (seizure
            occurrence period), which must be given. With ``onset``, 10 by default.
        rule : {"any", "majority", "centre", "last", "soft"} or float, optional
            One value per window instead of one per sample: 1 if any sample is 1, more
            than half of them, the middle one, the last one, or at least this fraction of them;
            ``soft`` is the fraction. It is NaN if unlabelled samples could change it;
            ``soft`` is the fraction of labelled ones.
        ignore : float or (float, float), optional
            Seconds on both sides of each onset and offset, or a pair for onsets and offsets,
            in which samples are NaN.

        Raises
        ------
        ValueError
            Names an invalid argument, or one that the label does not take.
        """
        if label not in LABELS:
            close = difflib.get_close_matches(str(label), LABELS, n=1)
            hint = f": did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"label must be one of {', '.join(LABELS)}, not {label!r:.60}{hint}")
        if horizon is not None and label != "preictal":
            raise ValueError(f"horizon is only for label='preictal', not {label!r}")
        if interval is not None and label not in ("preictal", "onset"):
            raise ValueError(f"interval is only for label='preictal' or 'onset', not {label!r}")
        if label == "preictal":
            if interval is None:
                raise ValueError(
                    "label='preictal' needs interval: the seconds, from horizon on, in which the "
                    "seizure is expected"
                )
            if rule is not None:
                raise ValueError("label='preictal' is one value per window: remove rule")
        if label in ("preictal", "classes") and ignore is not None:
            raise ValueError(f"ignore is not for label={label!r}, only for labels of samples")
        made = cls(
            label,  # type: ignore[arg-type]  # one of them, as was checked
            _seconds("horizon", 0.0 if horizon is None else horizon),
            _seconds("interval", _default(label) if interval is None else interval),
            _rule(rule),
            _margins(ignore),
        )
        if label in ("preictal", "onset") and made.interval == 0:
            raise ValueError("interval must be above 0 s")
        if label == "classes" and made.rule not in (None, "any", "centre", "last"):
            raise ValueError(f"label='classes' has no rule {rule!r}, only any, centre and last")
        return made

    def __str__(self) -> str:
        parts: list[str] = [self.label]
        if self.label == "preictal":
            parts.append(f"horizon {self.horizon:g} s")
        if self.interval:
            parts.append(f"interval {self.interval:g} s")
        if self.rule is not None:
            parts.append(f"rule {self.rule}")
        if any(self.ignore):
            parts.append(f"ignore {self.ignore[0]:g} and {self.ignore[1]:g} s")
        return ", ".join(parts)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of its values: float32, or int32 for class bits."""
        return np.dtype(np.int32 if self.label == "classes" else np.float32)

    @property
    def per_window(self) -> bool:
        """Whether there is one value per window, not one per sample."""
        return self.rule is not None or self.label == "preictal"

    def shape(self, n_channels: int, n_samples: int) -> tuple[int, ...]:
        """Return the shape of one window's values.

        Parameters
        ----------
        n_channels, n_samples : int
            Of a window's signal.
        """
        channels = (n_channels,) if self.label == "channels" else ()
        return channels if self.per_window else (*channels, n_samples)


def by_rule(values: NDArray[Any], rule: Rule) -> NDArray[Any]:
    """Return one value per window from those of its samples.

    Parameters
    ----------
    values : ndarray of float32, shape (..., sample)
        0, 1, and NaN where unlabelled.
    rule : str or float
        As for :meth:`Target.of`.

    Returns
    -------
    ndarray of float32, shape (...)
        NaN if unlabelled samples could change it.
    """
    n_samples = values.shape[-1]
    if rule == "centre":
        return np.asarray(values[..., n_samples // 2])
    if rule == "last":
        return np.asarray(values[..., -1])
    unknown = np.count_nonzero(np.isnan(values), axis=-1)
    positive = np.count_nonzero(values == 1, axis=-1)
    out = np.full(positive.shape, np.nan, np.float32)
    if rule == "soft":
        known = n_samples - unknown
        np.divide(positive, known, out=out, where=known > 0, casting="same_kind")
        return out
    least = _least(rule, n_samples)
    out[positive >= least] = 1
    out[positive + unknown < least] = 0
    return out


def bits_by_rule(bits: NDArray[Any], rule: Rule) -> NDArray[Any]:
    """Return the class bits of windows, given those of their samples: of any, or of one of them."""
    if rule == "any":
        return np.asarray(np.bitwise_or.reduce(bits, axis=-1))
    return np.asarray(bits[..., bits.shape[-1] // 2 if rule == "centre" else -1])


def _least(rule: Rule, n_samples: int) -> int:
    if rule == "any":
        return 1
    if rule == "majority":
        return n_samples // 2 + 1
    # 0.3 of 10 samples is 3, despite rounding of the product
    return max(1, math.ceil(round(float(rule) * n_samples, 6)))


def _default(label: str) -> float:
    return ONSET_SECONDS if label == "onset" else 0.0


def _rule(rule: Any) -> Rule | None:
    if rule is None or (isinstance(rule, str) and rule in RULES):
        return rule  # type: ignore[return-value]  # one of them
    if isinstance(rule, int | float | np.number) and not isinstance(rule, bool) and 0 < rule <= 1:
        return float(rule)
    raise ValueError(
        f"rule must be one of {', '.join(RULES)}, or above 0 and up to 1, not {rule!r:.60}"
    )


def _seconds(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} must be a time of 0 s or more, not {value!r:.60}")
    return number


def _margins(ignore: Any) -> tuple[float, float]:
    if ignore is None:
        return 0.0, 0.0
    both = tuple(ignore) if isinstance(ignore, tuple | list) else (ignore, ignore)
    if len(both) != 2:
        raise ValueError(
            f"ignore must be seconds, or a pair for onsets and offsets, not {ignore!r:.60}"
        )
    return _seconds("ignore", both[0]), _seconds("ignore", both[1])
