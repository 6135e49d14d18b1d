"""Microvolts of the 19 channels of one recording, read through MNE.

Only the signals that are needed are read: a side channel at 1 Hz would otherwise be upsampled at
great cost, and a faster one would change the rate of all others.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.names import CHANNELS
from tuszstore.compat import standard_montage
from tuszstore.config import Channels
from tuszstore.corpus.channels import ChannelMap, match_channels, require_channels
from tuszstore.corpus.continuity import check_continuous
from tuszstore.corpus.edf import (
    EdfHeader,
    check_signals,
    clean_edf,
    read_header,
    records_of,
)
from tuszstore.corpus.units import MICROVOLT, NANOVOLT, volts
from tuszstore.errors import RecordingError


@dataclass(frozen=True)
class SourceFacts:
    """What planning needs to know of an EDF file, from its header alone.

    Attributes
    ----------
    header : EdfHeader
    channels : ChannelMap
    sfreq : Fraction
        Sampling rate of the 19 channels (Hz).
    n_samples : int
        Their number of samples.
    notes : tuple of str
        What was repaired.
    """

    header: EdfHeader
    channels: ChannelMap
    sfreq: Fraction
    n_samples: int
    notes: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Duration of the recording."""
        return float(self.n_samples / self.sfreq)


@dataclass(frozen=True)
class Microvolts:
    """The 19 channels of one recording.

    Attributes
    ----------
    data : ndarray of float32, shape (19, sample)
        In µV, in the order of :data:`~tuszstore.channels.names.CHANNELS`.
    sfreq : Fraction
        Sampling rate (Hz).
    interpolated : tuple of str
        Channels that were interpolated from all others.
    flat : tuple of str
        Channels that did not change once, before interpolation.
    notes : tuple of str
        What was repaired.
    """

    data: NDArray[np.float32]
    sfreq: Fraction
    interpolated: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def inspect_edf(path: Path, config: Channels) -> SourceFacts:
    """Read the header of a recording and check that it can be built.

    Raises
    ------
    RecordingError
        With the reason why it cannot be.
    """
    header = read_header(path)
    labels = [signal.label for signal in header.signals]
    channels = match_channels(labels, ignore_case=config.ignore_case, may_miss=config.interpolate)
    require_channels(channels, config.interpolate, labels, ignore_case=config.ignore_case)
    _require_one_each(path, header, channels)
    numbers = list(channels.signals.values())
    notes = [*header.notes, *check_signals(header, numbers), *check_continuous(path, header)]
    if channels.duplicates:
        names = ", ".join(channels.duplicates)
        notes.append(f"stands twice with the same samples, taken once: {names}")
    return SourceFacts(
        header=header,
        channels=channels,
        sfreq=header.rate(numbers),
        n_samples=header.n_samples(numbers[0]),
        notes=tuple(notes),
    )


def read_microvolts(path: Path, config: Channels) -> Microvolts:
    """Read the 19 channels of a recording; interpolate those that are missing or flat.

    Interpolation is MNE's spherical spline from all other electrodes that have a position
    [1]_, A1 and A2 among them. Signals without a position (EKG, LOC) take no part: MNE would
    return zeros for every channel if one did.

    Parameters
    ----------
    path : Path
    config : Channels

    Raises
    ------
    RecordingError
        With the reason why the recording cannot be used.

    References
    ----------
    .. [1] Perrin et al. (1989), Spherical splines for scalp potential and current density
       mapping, doi:10.1016/0013-4694(89)90180-6.
    """
    facts = inspect_edf(path, config)
    missing = facts.channels.missing
    raw = _read_raw(path, facts, with_others=bool(missing))
    flat = [name for name in raw.ch_names if name in CHANNELS and _is_flat(raw, name)]
    bad = [*missing, *(flat if config.flat == "interpolate" else [])]
    _check_bad(flat, bad, config)
    if bad and not missing:
        raw = _read_raw(path, facts, with_others=True)
    if bad:
        useless = [name for name in raw.ch_names if name not in CHANNELS and _is_flat(raw, name)]
        raw = _interpolate(raw.drop_channels(useless), bad)
    data = np.empty((len(CHANNELS), facts.n_samples), np.float32)
    for row, name in enumerate(CHANNELS):
        data[row] = raw.get_data(picks=[name])[0] * 1e6
    return Microvolts(data, facts.sfreq, tuple(bad), tuple(flat), facts.notes)


def _require_one_each(path: Path, header: EdfHeader, channels: ChannelMap) -> None:
    """Refuse two signals of one name, unless they hold the same samples."""
    if not channels.duplicates:
        return
    for name, numbers in channels.duplicates.items():
        first = channels.signals[name]
        for number in numbers:
            same_scale = (
                header.signals[first].samples == header.signals[number].samples
                and _scale(header, first) == _scale(header, number)
            )  # fmt: skip
            if not same_scale or any(
                a != b
                for a, b in zip(
                    records_of(path, header, first), records_of(path, header, number), strict=True
                )
            ):
                raise RecordingError(
                    f"channel {name} stands twice with different samples: signals "
                    f"{first + 1} ({header.signals[first].label!r}) and {number + 1} "
                    f"({header.signals[number].label!r})"
                )


def _scale(header: EdfHeader, number: int) -> tuple[float | None, ...]:
    s = header.signals[number]
    unit = volts(s.unit) if s.unit else MICROVOLT
    return unit, s.physical_min, s.physical_max, s.digital_min, s.digital_max


def _usable(header: EdfHeader, others: Mapping[str, int], sfreq: Fraction) -> dict[str, int]:
    """Return the other electrodes that can help to interpolate."""
    usable = {}
    for name, number in others.items():
        try:
            check_signals(header, [number])
        except RecordingError:
            continue  # not one of the 19, so nothing is lost
        if header.signals[number].samples / header.record_seconds == sfreq:
            usable[name] = number
    return usable


def _read_raw(path: Path, facts: SourceFacts, *, with_others: bool) -> Any:
    import mne

    signals = dict(facts.channels.signals)
    if with_others:
        signals |= _usable(facts.header, facts.channels.others, facts.sfreq)
    names = {number: name for name, number in signals.items()}
    try:
        with clean_edf(path, facts.header, names) as file, warnings.catch_warnings():
            # what a header can be wrong about was said by read_header
            warnings.simplefilter("ignore", RuntimeWarning)
            raw = mne.io.read_raw_edf(
                file, include=list(signals), preload=True, stim_channel=None, verbose="error"
            )
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RuntimeError, AssertionError) as error:
        raise RecordingError(f"MNE cannot read it: {error}") from error
    nanovolts = [name for number, name in names.items()
                 if volts(facts.header.signals[number].unit) == NANOVOLT]  # fmt: skip
    if nanovolts:  # MNE was told uV
        raw.apply_function(_thousandth, picks=nanovolts, verbose="error")
    if raw.n_times != facts.n_samples:
        raise RecordingError(f"{facts.n_samples} samples were expected, MNE found {raw.n_times}")
    return raw


def _thousandth(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    return samples * 1e-3


def _is_flat(raw: Any, name: str) -> bool:
    samples = raw.get_data(picks=[name])[0]
    return bool((samples == samples[0]).all())


def _check_bad(flat: Sequence[str], bad: Sequence[str], config: Channels) -> None:
    if flat and config.flat == "leave_out":
        raise RecordingError(f"flat: {', '.join(flat)} (channels.flat is 'leave_out')")
    if len(bad) > config.max_interpolated:
        are = "channels are" if len(bad) > 1 else "channel is"
        raise RecordingError(
            f"{len(bad)} {are} flat or missing ({', '.join(bad)}), and no more than "
            f"{config.max_interpolated} may be interpolated (channels.max_interpolated)"
        )


def _interpolate(raw: Any, bad: Sequence[str]) -> Any:
    import mne

    absent = [name for name in bad if name not in raw.ch_names]
    if absent:
        zeros = np.zeros((len(absent), raw.n_times))
        info = mne.create_info(absent, raw.info["sfreq"], "eeg")
        raw.add_channels([mne.io.RawArray(zeros, info, verbose="error")], force_update_info=True)
    raw.set_montage(standard_montage(), verbose="error")
    raw.info["bads"] = list(bad)
    raw.interpolate_bads(reset_bads=True, verbose="error")
    return raw
