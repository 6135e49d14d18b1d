"""Patterns that users write, and matching texts to them."""

import fnmatch
import re
from collections.abc import Callable, Iterable

_LONG = 1000


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that tells whether a text matches one of some patterns.

    A pattern is a wildcard such as ``sz*``, or a regular expression after ``re:``. It must match
    the whole stripped text, ignoring case. In a wildcard ``*`` matches any text,
    ``?`` a character and ``[abc]`` one of several.

    >>> meets = matcher(["sz*", "re:seizure (on|off)set"])
    >>> meets("SZ_foc"), meets("Seizure onset"), meets("a seizure onset")
    (True, True, False)

    Parameters
    ----------
    patterns : iterable of str

    Raises
    ------
    ValueError
        If a regular expression is not one; the text names it.
    """
    compiled = []
    for pattern in patterns:
        regular = pattern.removeprefix("re:")
        try:
            compiled.append(
                re.compile(
                    regular if regular != pattern else fnmatch.translate(pattern), re.I | re.S
                )
            )
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    # such a long text is not a marker, and some regular expressions would never finish on it
    return lambda text: len(text) <= _LONG and any(one.fullmatch(text.strip()) for one in compiled)
