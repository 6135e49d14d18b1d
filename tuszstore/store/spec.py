"""The attribute `spec`: what a reader needs to know besides the metadata of arrays.

The root fully describes a store. Unknown keys are ignored, unless `requires` names them:
then the store is rejected rather than misread.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from tuszstore.channels.derivations import AVERAGE, MAX_NAME, Channel
from tuszstore.channels.sets import check_distinct
from tuszstore.store.geometry import Geometry

MAX_CLASSES = 15
"""Bits of a uint16 available for event classes; the last one marks unlabelled samples."""

MAX_CHANNELS = 4096
"""Maximum number of channels of a store; the size of a block bounds memory."""

MAX_WINDOW_BYTES = 1 << 32
"""Maximum size of a window as float32 (byte)."""

MAX_SHARD_SAMPLES = 1 << 28
"""Maximum samples per channel in a shard: half a gigabyte of labels at once."""

_MAX_SAMPLES = 1 << 31

KNOWN_REQUIREMENTS: frozenset[str] = frozenset()
"""Names that `requires` may hold: features that a reader must support."""


class SpecError(ValueError):
    """An invalid `spec`; the text names the key."""


UNITS = {"zscore": "1", "uV": "uV"}
"""Units in a store's `spec`, by the names in the API."""

_MICRO_SIGNS = "\u00b5\u03bc"
"""Micro sign and Greek mu, which look alike, and of which keyboards have one or the other."""


@dataclass(frozen=True)
class StoreSpec:
    """The specification of a store's content, from its root.

    Attributes
    ----------
    channels : tuple of Channel
        In the order of the channel axis.
    average_of : tuple of str
        Electrodes whose average is the cathode ``avg``; empty if no channel has that.
    sfreq : float
        Sampling rate (Hz).
    units : {"1", "uV"}
        z-scores or microvolts.
    clip : float or None
        Limit of the values, in `units`.
    bandpass : tuple of float, or None
        Cut-off frequencies (Hz).
    notch : float or None
        Frequency (Hz).
    window, stride : int
        Samples of a window, and between the starts of two.
    block, step : int
        Samples of a block, and between the starts of two.
    shard : int
        Blocks of a shard.
    classes : tuple of str
        Event classes, in the order of their bits in `label`.
    seizure : tuple of str
        Those that count as seizure.
    full_seizure : float
        Minimum fraction of seizure for a full seizure.
    requires : tuple of str
        Features that a reader must support.
    rater : str
        Which raters decide the labels: the name of one, or ``any``, ``majority`` or
        ``all`` (:mod:`tuszstore.store.raters`).
    unknown : tuple of str
        Unknown keys, which are ignored.

    Examples
    --------
    >>> import tuszstore
    >>> spec = tuszstore.open("demo/stores/train.zarr").spec
    >>> spec.sfreq, spec.units, spec.window_seconds, spec.channel_names[:3]
    (256.0, '1', 60.0, ('Fp1', 'F3', 'C3'))
    """

    channels: tuple[Channel, ...]
    sfreq: float
    window: int
    stride: int
    block: int
    step: int
    shard: int
    classes: tuple[str, ...]
    seizure: tuple[str, ...]
    full_seizure: float
    units: str = "1"
    clip: float | None = None
    bandpass: tuple[float, float] | None = None
    notch: float | None = None
    average_of: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    rater: str = "any"
    unknown: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        # 256 and 256.0 are equal, and must give the same digest
        for name in ("sfreq", "clip", "notch", "full_seizure"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, float(value))
        if self.bandpass is not None:
            object.__setattr__(self, "bandpass", tuple(map(float, self.bandpass)))

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Return the parsed attribute `spec` of a root.

        Raises
        ------
        SpecError
            If a key is missing, or its value is invalid.
        """
        if not isinstance(values, Mapping):
            raise SpecError(f"must be a mapping, not {values!r:.60}")
        known = {name: values[name] for name in _FIELDS if name in values}
        if missing := [name for name in _FIELDS if name not in known and name not in LATER]:
            raise SpecError(f"lacks {', '.join(missing)}")
        for name in ("classes", "seizure", "average_of", "requires"):
            known[name] = _strings(name, known[name])
        known["channels"] = _channels(known["channels"])
        if known["bandpass"] is not None:
            known["bandpass"] = _pair("bandpass", known["bandpass"])
        unknown = tuple(sorted(str(key) for key in values if key not in _FIELDS))
        return cls(**known, unknown=unknown)

    def to_json(self) -> dict[str, Any]:
        """Return the attribute `spec`, the inverse of :meth:`from_json`."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        for name, meant in LATER.items():
            if values[name] == meant:
                del values[name]
        values["channels"] = [channel.to_json() for channel in self.channels]
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }

    def written_over(self, before: Any) -> dict[str, Any]:
        """Return the attribute `spec`, keeping unknown keys of the one that it replaces."""
        before = before if isinstance(before, Mapping) else {}
        return {**{key: before[key] for key in before if key not in _FIELDS}, **self.to_json()}

    @property
    def digest(self) -> str:
        """Hash of the canonical text; equal for equal specifications."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def unknown_requirements(self) -> list[str]:
        """Names in `requires` that this version does not know."""
        return sorted(set(self.requires) - KNOWN_REQUIREMENTS)

    @cached_property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels, in order."""
        return tuple(channel.name for channel in self.channels)

    @cached_property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return Geometry(self.sfreq, self.window, self.stride, self.block, self.step, self.shard)

    @cached_property
    def seizure_bits(self) -> int:
        """Mask of the label bits that count as seizure."""
        return sum(1 << self.classes.index(name) for name in self.seizure)

    @property
    def window_seconds(self) -> float:
        """Length of a window (s)."""
        return self.window / self.sfreq

    @property
    def stride_seconds(self) -> float:
        """Time between the starts of two windows (s)."""
        return self.stride / self.sfreq


_FIELDS = tuple(name for name in StoreSpec.__dataclass_fields__ if name != "unknown")

LATER = {"rater": "any"}
"""Keys added later, and their meaning in a store that lacks them."""


def _check(spec: StoreSpec) -> None:
    """Reject values that are invalid in any store."""
    n_channels = len(spec.channels)
    if n_channels > MAX_CHANNELS:
        raise SpecError(f"has {n_channels} channels, more than {MAX_CHANNELS}")
    try:
        check_distinct(spec.channels)
    except ValueError as error:
        raise SpecError(f"channels: {error}") from None
    averaged = any(channel.cathode == AVERAGE for channel in spec.channels)
    if averaged != bool(spec.average_of):
        raise SpecError("average_of must name electrodes if a channel has the cathode avg")
    _number("sfreq", spec.sfreq, least=0, most=1e6)
    if spec.units not in ("1", "uV"):
        raise SpecError(f"units must be '1' or 'uV', not {spec.units!r:.40}")
    for name in ("clip", "notch"):
        if (value := getattr(spec, name)) is not None:
            _number(name, value, least=0, most=1e9)
    if spec.bandpass is not None:
        low, high = spec.bandpass
        if not low < high:
            raise SpecError(f"bandpass must be increasing, not {low:g} to {high:g}")
    for name in ("window", "stride", "block", "step", "shard"):
        _count(name, getattr(spec, name))
    if spec.window % spec.block or spec.stride % spec.step:
        raise SpecError("window and stride must be whole numbers of blocks")
    if spec.block != spec.step and spec.block != spec.window:
        raise SpecError("blocks overlap, but are not windows")
    if 4 * n_channels * spec.window > MAX_WINDOW_BYTES:
        raise SpecError(
            f"a window of {spec.window} samples of {n_channels} channels takes more than "
            f"{MAX_WINDOW_BYTES} bytes"
        )
    if spec.shard * spec.block > MAX_SHARD_SAMPLES:
        raise SpecError(
            f"a shard of {spec.shard} blocks of {spec.block} samples has more than "
            f"{MAX_SHARD_SAMPLES}"
        )
    if len(spec.classes) > MAX_CLASSES:
        raise SpecError(f"has {len(spec.classes)} classes, more than {MAX_CLASSES}")
    if len(set(spec.classes)) < len(spec.classes):
        raise SpecError("has a repeated class")
    if strange := [name for name in spec.seizure if name not in spec.classes]:
        raise SpecError(f"seizure names {strange[0]!r:.40}, which is not one of its classes")
    _strings("rater", [spec.rater])
    _number("full_seizure", spec.full_seizure, least=0, most=1)


def _number(name: str, value: Any, *, least: float, most: float) -> None:
    """Reject anything but a number above `least` and at most `most`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(f"{name} must be a number, not {value!r:.40}")
    if not least < value <= most:  # also rejects NaN
        raise SpecError(f"{name} must be above {least:g} and at most {most:g}, not {value!r:.40}")


def _count(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_SAMPLES:
        raise SpecError(f"{name} must be an integer from 1 to {_MAX_SAMPLES}, not {value!r:.40}")


def _pair(name: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise SpecError(f"{name} must have two values, not {value!r:.60}")
    for one in value:
        _number(name, one, least=0, most=1e6)
    return value[0], value[1]


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise SpecError(f"{name} must be a list, not {value!r:.60}")
    if strange := [
        one for one in value if not isinstance(one, str) or not 0 < len(one) <= MAX_NAME
    ]:
        raise SpecError(f"{name} has {strange[0]!r:.60}, which is not a name")
    return tuple(value)


def _channels(value: Any) -> tuple[Channel, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise SpecError(f"channels must be a list, not {value!r:.60}")
    channels = []
    for number, one in enumerate(value):
        if not isinstance(one, Mapping) or not {"name", "anode", "cathode"} <= set(one):
            raise SpecError(f"channel {number} must have name, anode and cathode: {one!r:.80}")
        name, anode, cathode = one["name"], one["anode"], one["cathode"]
        _strings(f"channel {number}", [name, anode, *([] if cathode is None else [cathode])])
        channels.append(Channel(name, anode, cathode))
    return tuple(channels)


def units_of(name: str) -> str:
    """Return the units in a `spec` by their name in the API.

    Parameters
    ----------
    name : {"zscore", "uV", "µV"}
        µV with either of its two Unicode characters.

    Raises
    ------
    ValueError
        If it is another name.
    """
    plain = name
    if isinstance(name, str):
        plain = name.translate(dict.fromkeys(map(ord, _MICRO_SIGNS), "u"))
    if plain not in UNITS:
        raise ValueError(f"units must be 'uV' or 'zscore', not {name!r:.40}")
    return UNITS[plain]
