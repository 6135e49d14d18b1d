"""Keys: hashes of everything that determines the bytes of a recording's files.

Recordings with the same signal key have the same signal files, and with the same label key the same
label files. Built files can therefore be reused, from the store or after an interruption.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tuszstore.builder.spec import geometry_of, spec_of
from tuszstore.config import STEPS, Config
from tuszstore.config.decisive import NOT_CONTENT
from tuszstore.registry import ANNOTATIONS
from tuszstore.store.settings import Difference, find_differences

PIPELINE_VERSION = 2
"""Raised whenever results change for the same source and configuration."""

_INDEX_ONLY = {"seizure", "full_seizure"}  # affect windows, not labels
WHICH_ONLY = {"unlabelled"}  # affects which recordings are stored


class Keys:
    """Keys under one configuration.

    Parameters
    ----------
    config : Config
    corpus : str
        The :attr:`~tuszstore.corpus.choose.CorpusRef.key` of the corpus.
    pipeline : int
        Version of the pipeline that writes, or wrote, the files.
    """

    def __init__(self, config: Config, corpus: str, pipeline: int = PIPELINE_VERSION) -> None:
        geometry = geometry_of(config)
        layout = [corpus, pipeline, geometry.sfreq, geometry.block, geometry.step, geometry.shard]
        storage = config.storage
        chosen = {name: config.decisive(name) for name in ("channels", "signal")}
        for key, registry in STEPS.items():
            chosen["signal"][key] = registry.state(getattr(config.signal, key))
        channels = [channel.identity for channel in spec_of(config).channels]
        self._signal = [
            *layout,
            storage.dtype,
            storage.scale,
            storage.codec,
            channels,
            chosen,
        ]
        labels = config.decisive("labels")
        decide = {k: v for k, v in labels.items() if k not in _INDEX_ONLY | WHICH_ONLY}
        if labels["annotation"] in ANNOTATIONS:
            decide["annotation"] = ANNOTATIONS.state(labels["annotation"])
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


def plugins_of(config: Config) -> tuple[tuple[str, str, int], ...]:
    """Return kind, name and version of the registered objects that a configuration names.

    Parameters
    ----------
    config : Config
    """
    named = [(registry, getattr(config.signal, key)) for key, registry in STEPS.items()]
    if config.labels.annotation in ANNOTATIONS:
        named.append((ANNOTATIONS, config.labels.annotation))
    return tuple((registry.kind, name, registry.version(name)) for registry, name in named)


def differences(before: Mapping[str, Any], after: Config) -> list[Difference]:
    """Return the keys in which two configurations differ, except `paths` and `build`.

    Parameters
    ----------
    before : mapping
        As recorded in a store. Missing keys have their default values.
    after : Config
    """
    default, new = (config.model_dump(mode="json") for config in (Config(), after))
    return find_differences(before, new, default, [one for one in new if one not in NOT_CONTENT])


def _hash(state: Any) -> str:
    text = json.dumps(state, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
