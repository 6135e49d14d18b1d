"""The specification of a store from a configuration."""

import math

from tuszstore.channels.derivations import AVERAGE
from tuszstore.channels.names import canonical
from tuszstore.config import Config, Storage
from tuszstore.store.encoding import Encoding
from tuszstore.store.geometry import Geometry
from tuszstore.store.spec import StoreSpec


def spec_of(config: Config) -> StoreSpec:
    """Return the specification of a store that is built with a configuration.

    Parameters
    ----------
    config : Config
    """
    signal, windows, labels = config.signal, config.windows, config.labels
    window = round(windows.length * signal.sfreq)
    stride = round(windows.stride * signal.sfreq)
    if windows.overlap == "duplicate":
        block, step = window, stride
    else:
        block = step = math.gcd(window, stride)
    channels = config.channels.channels
    average_of = tuple(dict.fromkeys(map(canonical, config.channels.average_of)))
    averaged = any(channel.cathode == AVERAGE for channel in channels)
    return StoreSpec(
        channels=channels,
        average_of=average_of if averaged else (),
        sfreq=signal.sfreq,
        units="uV" if signal.normalise == "none" else "1",
        clip=signal.clip,
        bandpass=(signal.bandpass.low, signal.bandpass.high) if signal.bandpass else None,
        notch=signal.notch.freq if signal.notch else None,
        window=window,
        stride=stride,
        block=block,
        step=step,
        shard=max(1, round(config.storage.shard_seconds * signal.sfreq / block)),
        classes=labels.classes,
        seizure=labels.seizure,
        full_seizure=labels.full_seizure,
        rater=labels.rater,
    )


def geometry_of(config: Config) -> Geometry:
    """Return the lengths of windows, blocks and shards of a configuration."""
    return spec_of(config).geometry


def encoding_of(storage: Storage) -> Encoding:
    """Return the storage format of a configuration."""
    return Encoding(
        storage.dtype, storage.scale if storage.dtype == "int16" else 1.0, storage.codec
    )
