"""A complete configuration: all sections, and constraints between them."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from tuszstore.config.channels import Channels
from tuszstore.config.corpus import Corpus
from tuszstore.config.decisive import NOT_CONTENT, decisive_values
from tuszstore.config.labels import Labels
from tuszstore.config.layout import Build, Paths, Storage, Windows
from tuszstore.config.messages import validated
from tuszstore.config.section import Section
from tuszstore.config.signal import Signal

MAX_WINDOW = 1 << 25
"""Maximum samples of a window: 2.5 GB as float32, in 19 channels."""

MAX_SHARD = 1 << 28
"""Maximum samples per channel in a shard: 20 GB of float32 in one file."""


class Config(Section):
    """A complete configuration, immutable and validated.

    Attributes
    ----------
    corpus, channels, labels, signal, windows, storage
        Content of the store.
    paths, build
        Where and how it is built; not part of the digest.

    Examples
    --------
    >>> import tuszstore
    >>> config = tuszstore.load_config("tusz", {"signal.notch.freq": 50})
    >>> config.signal.notch.freq, config.windows.length
    (50.0, 60.0)
    >>> config.replace(**{"windows.stride": 5}).windows.stride
    5.0
    """

    corpus: Corpus = Corpus()
    channels: Channels = Channels()
    labels: Labels = Labels()
    signal: Signal = Signal()
    windows: Windows = Windows()
    storage: Storage = Storage()
    paths: Paths = Paths()
    build: Build = Build()

    @model_validator(mode="after")
    def _whole_samples(self) -> Self:
        for name, seconds in (("length", self.windows.length), ("stride", self.windows.stride)):
            samples = seconds * self.signal.sfreq
            if round(samples) < 1 or not math.isclose(samples, round(samples), abs_tol=1e-6):
                raise ValueError(
                    f"windows.{name} of {seconds:g} s is {samples:g} samples at "
                    f"{self.signal.sfreq} Hz; it must be a whole number of samples"
                )
            if samples > MAX_WINDOW:
                raise ValueError(
                    f"windows.{name} of {seconds:g} s is {samples:.0f} samples at "
                    f"{self.signal.sfreq} Hz, more than {MAX_WINDOW}"
                )
        if self.storage.shard_seconds * self.signal.sfreq > MAX_SHARD:
            raise ValueError(
                f"storage.shard_seconds of {self.storage.shard_seconds:g} s is more than "
                f"{MAX_SHARD} samples at {self.signal.sfreq} Hz"
            )
        if self.storage.dtype == "int16":
            largest = self.signal.clip
            if largest is None or largest > 32767 * self.storage.scale:
                raise ValueError(
                    f"storage.dtype int16 with scale {self.storage.scale:g} holds values up to "
                    f"{32767 * self.storage.scale:g}: set signal.clip to that or less, raise "
                    "storage.scale, or use float32"
                )
        return self

    def digest(self, *sections: str) -> str:
        """Hash of the sections that determine the content of a store.

        Parameters
        ----------
        *sections : str
            Names of sections; by default all but `paths` and `build`.

        Returns
        -------
        str
            32 hexadecimal digits.
        """
        wanted = sections or tuple(n for n in type(self).model_fields if n not in NOT_CONTENT)
        chosen = {name: self.decisive(name) for name in wanted}
        text = json.dumps(chosen, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def decisive(self, section: str) -> dict[str, Any]:
        """Return the values of a section that determine what is stored, as in JSON.

        A key added later is omitted if its value means the earlier behaviour, so that
        a new key does not force rebuilds.

        Parameters
        ----------
        section : str
        """
        return decisive_values(getattr(self, section), section)

    def replace(self, **options: Any) -> "Config":
        """Return a copy with some dotted keys set, validated again.

        Parameters
        ----------
        **options
            For example ``replace(**{"storage.dtype": "float32"})``; a value of ``None``
            sets the key to null.
        """
        return validate_config(merge(self.model_dump(), options), "")


def validate_config(
    values: Mapping[str, Any], name: str, options: Mapping[str, str] | None = None
) -> Config:
    """Return a configuration from its values, without defaults from the environment.

    Parameters
    ----------
    values : mapping
    name : str
        Their name, for messages.
    options : mapping of str to str, optional
        Names for messages of dotted keys that were set elsewhere.

    Raises
    ------
    ConfigError
    """
    return validated(Config, values, name, options)


def merge(values: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values with dotted keys set."""
    merged = dict(values)
    for key, value in options.items():
        head, _, rest = key.partition(".")
        if rest:
            inner = merged.get(head)
            merged[head] = merge(inner if isinstance(inner, Mapping) else {}, {rest: value})
        else:
            merged[head] = value
    return merged
