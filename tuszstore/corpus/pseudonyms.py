"""Keyed hashes instead of patient ids.

A pseudonym is the HMAC-SHA256 [1]_ of a name under a key that only the corpus's owner has, cut to
64 bits. The same key gives the same pseudonyms in every split, so that patients can still be
counted, grouped and separated. The key is never stored; only a hash that identifies
the key is stored.

Pseudonyms hide names. Anyone who has the corpus itself can still identify a recording:
its signal, length, events and digests are in the store.

References
----------
.. [1] RFC 2104, HMAC: Keyed-Hashing for Message Authentication.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Self

from tuszstore.config import Config
from tuszstore.corpus.base import Recording
from tuszstore.errors import ConfigError

KEY, KEY_FILE = "TUSZSTORE_PSEUDONYM_KEY", "TUSZSTORE_PSEUDONYM_KEY_FILE"
"""Environment variables that hold the key, or the path of a file that holds it."""

MIN_KEY = 16
"""Minimum length of a key (byte): a shorter one can be guessed."""

_DIGITS = 16

_QUOTED = re.compile(r"(?<!\w)'[^']*[^a-z_.'][^']*'(?!\w)")
"""Quoted text that is not a word of the configuration."""


class Pseudonyms:
    """Pseudonyms under one key.

    Parameters
    ----------
    key : bytes
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY:
            raise ConfigError(
                f"the key of pseudonyms has {len(key)} bytes, but needs {MIN_KEY}; make one with: "
                "openssl rand -hex 32"
            )
        self._key = key

    @classmethod
    def given(cls) -> Self:
        """Return the pseudonyms of the key in the environment.

        Raises
        ------
        ConfigError
            If there is none, or it is too short.
        """
        if text := os.environ.get(KEY):
            return cls(text.strip().encode())
        if file := os.environ.get(KEY_FILE):
            try:
                return cls(Path(file).read_bytes().strip())
            except OSError as error:
                raise ConfigError(f"{KEY_FILE}: cannot be read: {error.strerror}") from None
        raise ConfigError(
            f"corpus.pseudonymize needs a key: set {KEY}, or {KEY_FILE} to a file that holds it"
        )

    def attributes(self) -> dict[str, str]:
        """Return what a store records about its pseudonyms."""
        return {"method": "HMAC-SHA256, 64 bit", "key_check": self._hash("key", "check")}

    def patient(self, name: str) -> str:
        """Return the pseudonym of a patient."""
        return self._hash("patient", name)

    def path(self, id_: str) -> str:
        """Return the pseudonym of a path in the corpus that is not a recording."""
        return self._hash("path", id_)

    def recording(self, recording: Recording) -> Recording:
        """Return a recording under its pseudonyms, without metadata of the patient."""
        patient = self.patient(recording.patient)
        session = recording.session
        return replace(
            recording,
            id=f"{patient}/{patient}_{self._hash('recording', recording.id)}.edf",
            patient=patient,
            session=self._hash("session", f"{recording.patient}/{session}") if session else "",
            about=(),
        )

    def check(self, attributes: Mapping[str, Any], where: Path) -> None:
        """Reject a store that was built with another key.

        Raises
        ------
        ConfigError
        """
        recorded = attributes.get("pseudonyms")
        if not isinstance(recorded, Mapping) or recorded != self.attributes():
            raise ConfigError(
                f"{where}: built with another key of pseudonyms; set {KEY} to the key "
                "it was built with, or choose another path for the store"
            )

    def _hash(self, kind: str, name: str) -> str:
        message = f"{kind}\0{name}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:_DIGITS]


def pseudonyms_of(config: Config, attributes: Mapping[str, Any], store: Path) -> Pseudonyms | None:
    """Return the pseudonyms that a build uses, or None.

    Parameters
    ----------
    config : Config
    attributes : mapping
        Attributes of the existing store; empty if there is none.
    store : Path
        For messages.

    Raises
    ------
    ConfigError
        If the key is missing or differs from that of the store, or if the store has
        pseudonyms that the configuration would replace by names.
    """
    if config.corpus.pseudonymize:
        pseudonyms = Pseudonyms.given()
        if attributes:
            pseudonyms.check(attributes, store)
        return pseudonyms
    if "pseudonyms" in attributes:
        raise ConfigError(
            f"{store}: has pseudonyms, which this build would replace by patient ids: set "
            "corpus.pseudonymize to true, or choose another path for the store"
        )
    return None


def without_names(text: str, recording: Recording, id_: str) -> str:
    """Return a message with a recording's names replaced by its pseudonym.

    Parameters
    ----------
    text : str
    recording : Recording
        Under its own names.
    id_ : str
        Its pseudonym.
    """
    text = _QUOTED.sub("'...'", text)  # quoted text of a file may contain any name
    path, pseudonym = recording.path, PurePosixPath(id_)
    hidden = pseudonym.stem.partition("_")[0]
    for name, other in (
        (str(path.with_suffix("")), str(pseudonym.with_suffix(""))),
        (str(path.parent), "."),
        (path.stem, pseudonym.stem),
    ):
        text = text.replace(name, other)
    for name in (path.stem.partition("_")[0], recording.patient, *recording.folders):
        text = re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", hidden, text) if name else text
    return text


def by_pseudonym(pseudonyms: Pseudonyms, recordings: Iterable[Recording]) -> dict[str, Recording]:
    """Return recordings by their pseudonyms.

    Raises
    ------
    ConfigError
        If two have the same.
    """
    found: dict[str, Recording] = {}
    for recording in recordings:
        id_ = pseudonyms.recording(recording).id
        if id_ in found:
            raise ConfigError(f"two recordings have the pseudonym {id_}; choose another key")
        found[id_] = recording
    return found
