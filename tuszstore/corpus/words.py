"""What the words of annotations mean: a class, background, nothing to be labelled, or unknown.

A word that is one of ``labels.classes`` means that class. Any other goes by the first pattern of
``labels.map`` that it meets, then by what the corpus says of it, then by the words that public
corpora have for seizures (:data:`KNOWN`). What ``labels.ignore`` meets comes before all of that.
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
"""The class that they mean, where there is one of that name: no more is known of all of them."""

_NO_SEIZURE = re.compile(r"(?<![a-z])(?:(?:sz)?free|onset|offset|start|stop|begin|end)(?![a-z])")
"""What stands in words that begin like those of seizures, and mean a moment, or none."""

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
        """Return the label bit of a word; None for one that means nothing here.

        Parameters
        ----------
        word : str
            As annotated.
        meaning : str
            What the corpus takes it for, as an event has it.

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
    """Return the meanings under a configuration, made once."""
    return Words(config)
