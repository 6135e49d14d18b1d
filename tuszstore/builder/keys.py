"""Keys: what decides the bytes of a recording's files, hashed.

Two recordings with one signal key have the same signal files, and with one label key the same label
files. So what is built already can serve again, in the store before or after an interruption.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tuszstore.builder.spec import geometry_of, spec_of
from tuszstore.config import Config

PIPELINE_VERSION = 2
"""Raised whenever the same source and configuration give other numbers than before."""

_INDEX_ONLY = {"seizure", "full_seizure"}  # decide windows, not labels
_WHICH_ONLY = {"unlabelled"}  # decides which recordings there are


class Keys:
    """Keys under one configuration.

    Parameters
    ----------
    config : Config
    pipeline : int
        Version of the pipeline that made, or will make, the files.
    """

    def __init__(self, config: Config, pipeline: int = PIPELINE_VERSION) -> None:
        geometry = geometry_of(config)
        layout = [pipeline, geometry.sfreq, geometry.block, geometry.step, geometry.shard]
        storage = config.storage
        chosen = {name: config.decisive(name) for name in ("channels", "signal")}
        channels = [channel.identity for channel in spec_of(config).channels]
        self._signal = [
            *layout, storage.dtype, storage.scale, storage.codec, channels, chosen,
        ]  # fmt: skip
        labels = config.decisive("labels")
        decide = {k: v for k, v in labels.items() if k not in _INDEX_ONLY | _WHICH_ONLY}
        self._label = [*layout, decide]

    def signal(self, source_digest: str) -> str:
        """Return the key of a recording's signal, given the digest of its EDF file."""
        return _hash([self._signal, source_digest])

    def label(self, annotation_digest: str, n_samples: int) -> str:
        """Return the key of a recording's labels.

        Parameters
        ----------
        annotation_digest : str
            Empty without an annotation.
        n_samples : int
            At the store's rate.
        """
        return _hash([self._label, annotation_digest, n_samples])


def changed_settings(before: Mapping[str, Any], after: Config) -> list[str]:
    """Return the dotted keys in which two configurations differ, `paths` and `build` aside.

    Parameters
    ----------
    before : mapping
        As a store records it. A key that it lacks has the value of its default there.
    after : Config
    """
    default, new = (config.model_dump(mode="json") for config in (Config(), after))
    return [
        f"{section}.{key}"
        for section in new
        if section not in ("paths", "build")
        for key in new[section]
        if before.get(section, {}).get(key, default[section][key]) != new[section][key]
    ]


def _hash(state: Any) -> str:
    text = json.dumps(state, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
