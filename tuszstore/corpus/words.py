"""What the words of annotations mean: a class, background, nothing to be labelled, or unknown.

A word that is one of ``labels.classes`` means that class. Any other goes by the first pattern of
``labels.map`` that it matches, then by what the corpus says of it, then by the words that public
corpora have for seizures (:data:`KNOWN`). What ``labels.ignore`` matches comes before all of that.
"""

import fnmatch
import re
from functools import lru_cache

from tuszstore.config import BACKGROUND, Labels
from tuszstore.corpus.annotations import IGNORED
from tuszstore.store.labels import UNLABELLED

KNOWN = {
    "sz_foc*": ("fnsz", "seiz"),
    "sz_gen*": ("gnsz", "seiz"),
    "sz*": ("seiz",),
    "seizure": ("seiz",),
    "seizures": ("seiz",),
    "FIA": ("fnsz", "seiz"),
    "FA": ("fnsz", "seiz"),
    "F-BTC": ("fnsz", "seiz"),
}
"""Patterns of words of public corpora, and the classes that they mean: the first one there is.

SzCORE writes ``sz`` and what follows, some 70 words; SeizeIT has three kinds of focal seizures. All
focal ones are `fnsz`, all generalised ones `gnsz`: the word itself stays in `events`.
"""

_NO_SEIZURE = re.compile(r"(?<![a-z])(?:(?:sz)?free|onset|offset|start|stop|begin|end)(?![a-z])")
"""What stands in words that begin like those of seizures, and mean a moment, or none."""


class Words:
    """Meanings under one configuration.

    Parameters
    ----------
    config : Labels
    """

    def __init__(self, config: Labels) -> None:
        self._ignore_case = config.ignore_case
        self._classes = {self._folded(name): 1 << k for k, name in enumerate(config.classes)}
        self._ignored = tuple(map(self._folded, config.ignore))
        bits = {**self._classes, self._folded(BACKGROUND): 0}
        self._patterns = [
            (self._folded(pattern), bits[self._folded(name)])
            for pattern, name in config.map.items()
        ]
        self._known = []
        for pattern, names in KNOWN.items() if config.known_words else ():
            there = [bits[self._folded(name)] for name in names if self._folded(name) in bits]
            self._known += [(self._folded(pattern), bit) for bit in there[:1]]
        self._meanings = {name: 1 << k for k, name in enumerate(config.classes)}
        self._meanings |= {BACKGROUND: 0, IGNORED: UNLABELLED}
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
            self._seen[key] = self._found(self._folded(word), meaning)
        return self._seen[key]

    def _found(self, word: str, meaning: str) -> int | None:
        if any(fnmatch.fnmatchcase(word, pattern) for pattern in self._ignored):
            return UNLABELLED
        if word in self._classes:
            return self._classes[word]
        for pattern, bit in self._patterns:
            if fnmatch.fnmatchcase(word, pattern):
                return bit
        if meaning in self._meanings:
            return self._meanings[meaning]
        if self._folded(BACKGROUND) == word:
            return 0
        if _NO_SEIZURE.search(word.lower()):
            return None
        for pattern, bit in self._known:
            if fnmatch.fnmatchcase(word, pattern):
                return bit
        return None

    def _folded(self, text: str) -> str:
        return text.lower() if self._ignore_case else text


@lru_cache(maxsize=16)
def words_of(config: Labels) -> Words:
    """Return the meanings under a configuration, made once."""
    return Words(config)
