"""What the words of annotations mean: a class, background, ignored, or unknown.

A word that is one of ``labels.classes`` means that class. Any other is looked up in the patterns
of ``labels.map``, then in the corpus, then in the words of public corpora
for seizures (:data:`KNOWN`). Matches of ``labels.ignore`` precede all of these.
"""

import re
from functools import lru_cache

from tuszstore.config import BACKGROUND, Labels
from tuszstore.corpus.annotations import IGNORED
from tuszstore.patterns import matcher
from tuszstore.store.labels import UNLABELLED

KNOWN = ("sz*", "seizure", "seizures", "FIA", "FA", "F-BTC")
"""Patterns of words that public corpora have for seizures: SzCORE's, CHB-MIT's, SeizeIT's."""

SEIZURE = "seiz"
"""The class that they mean, if one of that name exists."""

_NO_SEIZURE = re.compile(r"(?<![a-z])(?:(?:sz)?free|onset|offset|start|stop|begin|end)(?![a-z])")
"""Parts of words that begin like seizure words, but mean a moment or no seizure."""

_is_known = matcher(KNOWN)


class Words:
    """Meanings under one configuration.

    Parameters
    ----------
    config : Labels
    """

    def __init__(self, config: Labels) -> None:
        self._ignore_case = config.ignore_case
        bits = {name: 1 << k for k, name in enumerate(config.classes)}
        self._classes = {self._folded(name): bit for name, bit in bits.items()}
        self._is_ignored = matcher(config.ignore)
        self._meanings = {**bits, BACKGROUND: 0, IGNORED: UNLABELLED}
        self._patterns = [
            (matcher([pattern]), self._meanings[name]) for pattern, name in config.map.items()
        ]
        self._seizure = bits.get(SEIZURE) if config.known_words else None
        self._seen: dict[tuple[str, str], int | None] = {}

    def bit(self, word: str, meaning: str = "") -> int | None:
        """Return the label bit of a word; None for an unknown one.

        Parameters
        ----------
        word : str
            As annotated.
        meaning : str
            Its meaning according to the corpus, as in an event.

        Returns
        -------
        int or None
            0 is background; :data:`~tuszstore.store.labels.UNLABELLED` is to be ignored.
        """
        key = word, meaning
        if key not in self._seen:
            self._seen[key] = self._found(word, meaning)
        return self._seen[key]

    def _found(self, word: str, meaning: str) -> int | None:
        if self._is_ignored(word):
            return UNLABELLED
        if (bit := self._classes.get(self._folded(word))) is not None:
            return bit
        for meets, bit in self._patterns:
            if meets(word):
                return bit
        if meaning in self._meanings:
            return self._meanings[meaning]
        if self._folded(word) == BACKGROUND:
            return 0
        if _is_known(word) and not _NO_SEIZURE.search(word.lower()):
            return self._seizure
        return None

    def _folded(self, text: str) -> str:
        return text.lower() if self._ignore_case else text


@lru_cache(maxsize=16)
def words_of(config: Labels) -> Words:
    """Return the meanings under a configuration, cached."""
    return Words(config)
