"""The files of recordings: found by a store's ids, measured, and hashed."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuszstore.config import Config
from tuszstore.corpus.base import Recording
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.corpus.choose import CorpusRef, choose_corpus
from tuszstore.corpus.pseudonyms import Pseudonyms, by_pseudonym
from tuszstore.corpus.regular import open_regular
from tuszstore.errors import CorpusError, RecordingError


@dataclass(frozen=True)
class Sources:
    """The recordings of a corpus by their ids in a store.

    Attributes
    ----------
    ref : CorpusRef
    find : callable
        Returns a recording, with its original names, by its id in a store; raises RecordingError if
        the corpus has none.
    """

    ref: CorpusRef
    find: Callable[[str], Recording]

    @property
    def corpus(self) -> CheckedCorpus:
        """The corpus, opened."""
        return self.ref.open()


def root_of(attributes: Mapping[str, Any], data: Path | None, store: Path) -> Path:
    """Return the root of the corpus that a store was built from.

    Parameters
    ----------
    attributes : mapping
        Attributes of the store.
    data : Path or None
        Given by the user; by default from the store.
    store : Path

    Raises
    ------
    CorpusError
        If neither gives it.
    """
    if data is not None:
        return data
    if recorded := attributes.get("data"):
        return Path(str(recorded))
    raise CorpusError(f"{store}: does not record where its corpus is: pass its root with --data")


def find_sources(root: Path, config: Config, attributes: Mapping[str, Any], store: Path) -> Sources:
    """Return the means to find the recordings of a store in a corpus.

    Parameters
    ----------
    root : Path
        Root of the corpus.
    config : Config
        With which the store was built.
    attributes : mapping
        Attributes of the store.
    store : Path

    Raises
    ------
    ConfigError
        If the store has pseudonyms, and their key is missing or wrong.
    CorpusError
        If several corpora recognise the folder, or the store's corpus is not installed.
    """
    pseudonyms = None
    if config.corpus.pseudonymize:
        pseudonyms = Pseudonyms.given()
        pseudonyms.check(attributes, store)
    ref = choose_corpus(config, root)
    if pseudonyms is None:
        return Sources(ref, ref.open().find)
    recordings = by_pseudonym(pseudonyms, ref.open().recordings().recordings)

    def find(id_: str) -> Recording:
        if id_ not in recordings:
            raise RecordingError("no recording of the corpus has this pseudonym")
        return recordings[id_]

    return Sources(ref, find)


def stat_signal(paths: Sequence[Path]) -> tuple[int, int, int]:
    """Return size (byte), mtime and ctime (ns) of a signal's files.

    Raises
    ------
    RecordingError
        If one is missing.
    """
    try:
        stats = [os.stat(path) for path in paths]
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error
    return (
        sum(stat.st_size for stat in stats),
        max(stat.st_mtime_ns for stat in stats),
        max(stat.st_ctime_ns for stat in stats),
    )


def signal_sha256(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of a signal's file; of several files, that of their digests in order.

    Raises
    ------
    RecordingError
        If one cannot be read.
    """
    first, *others = (_sha256(path) for path in paths)
    return hashlib.sha256("".join([first, *others]).encode()).hexdigest() if others else first


def _sha256(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error
