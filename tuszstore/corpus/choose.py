"""Choosing the corpus of a folder and opening it, in this process and on workers."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tuszstore.config import Config, Labels
from tuszstore.config.labels import EDF_TEXTS
from tuszstore.corpus.base import PROTOCOL
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.corpus.edf_texts import reader_of
from tuszstore.corpus.formats.errata import RELEASED, corrections_of, load_errata
from tuszstore.corpus.recognition import FOLDER, recognise
from tuszstore.errors import ConfigError, CorpusError
from tuszstore.registry import CORPORA
from tuszstore.store.local import absolute

_LOG = logging.getLogger("tuszstore")

AUTO = "auto"


@dataclass(frozen=True)
class CorpusRef:
    """A corpus, as sent to a worker.

    Attributes
    ----------
    name : str
    version : int
        Version of the plug-in that planned the build.
    root : Path
    options : tuple of (str, object)
        Sorted by key.
    """

    name: str
    version: int
    root: Path
    options: tuple[tuple[str, Any], ...] = field(default=())

    @property
    def key(self) -> str:
        """What determines a recording's bytes, besides files and configuration."""
        errata = dict(self.options).get("errata", "correct")
        return f"{self.name} {self.version} {errata}"

    def open(self) -> CheckedCorpus:
        """Return the corpus; one for each process.

        Raises
        ------
        CorpusError
            If the plug-in is not installed here, or has another version.
        """
        return _open(self)


def choose_corpus(config: Config, root: Path) -> CorpusRef:
    """Return which corpus a folder is.

    Parameters
    ----------
    config : Config
        ``corpus.name`` is a name, or ``auto`` for the corpus that recognises the folder.
    root : Path

    Raises
    ------
    CorpusError
        If several corpora are in it, or a plug-in is of another protocol.
    """
    root = absolute(root)  # workers may have another working directory
    name, why = config.corpus.name, "as corpus.name says"
    if name == AUTO:
        found = recognise(root)
        name, why = found.name, found.reason
    if config.corpus.pseudonymize:
        why = ""  # the reason may name a patient
    _LOG.info("corpus: %s%s", name, f": {why}" if why else "")
    if config.corpus.patient is not None and name in CORPORA.builtin and name != FOLDER:
        raise CorpusError(
            f"{root}: corpus.patient is for plain folders, but corpus {name!r} states patients: "
            "remove corpus.patient, or use --corpus folder"
        )
    options: Mapping[str, Any] = {
        "annotation": config.labels.annotation,
        "patient": config.corpus.patient,
        "errata": config.corpus.errata,
        "decisions": _decisions(config.corpus.decisions, name),
        "events": config.labels.events,
        **({"labels": config.labels} if config.labels.annotation == EDF_TEXTS else {}),
        "bads": config.channels.bads,
    }
    try:
        version = CORPORA.version(CORPORA.check(name))
    except ConfigError as error:
        raise CorpusError(str(error)) from error
    return CorpusRef(name, version, root, tuple(sorted(options.items())))


def _decisions(given: Mapping[str, str], name: str) -> tuple[tuple[str, str], ...]:
    """Return the decisions on a corpus; one configuration may contain those on several."""
    corrections_of([one for corpus in RELEASED for one in load_errata(corpus)], given)
    own = {one.decision.key for one in load_errata(name) if one.decision}
    return tuple(sorted((key, choice) for key, choice in given.items() if key in own))


@lru_cache(maxsize=16)
def _open(ref: CorpusRef) -> CheckedCorpus:
    try:
        plugin = CORPORA[CORPORA.check(ref.name)]
        version = CORPORA.version(ref.name)
    except ConfigError as error:
        raise CorpusError(str(error)) from error
    if version != ref.version:
        raise CorpusError(
            f"corpus {ref.name!r} has version {version} here, but the build was planned with "
            f"version {ref.version}: install the same package on every worker"
        )
    protocol = getattr(plugin, "protocol", PROTOCOL)
    if protocol != PROTOCOL:
        raise CorpusError(
            f"corpus {ref.name!r} is written for protocol {protocol!r}, but this tuszstore has "
            f"{PROTOCOL}: install a matching release of the plug-in"
        )
    options = dict(ref.options)
    labels = options.pop("labels", None)
    annotation = reader_of(labels) if isinstance(labels, Labels) else None
    return CheckedCorpus(plugin(ref.root, options), ref.name, annotation)
