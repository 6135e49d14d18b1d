"""Patterns that users write: which texts they meet."""

import fnmatch
import re
from collections.abc import Callable, Iterable

_LONG = 1000


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that tells whether a text meets one of some patterns.

    A pattern is such as ``sz*``, or a regular expression after ``re:``. It meets the whole text
    without blanks at its ends, and case does not matter. In the former ``*`` stands for any text,
    ``?`` for a letter and ``[abc]`` for one of some.

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
    # a text of that length is no marker, and some regular expressions would never end on it
    return lambda text: len(text) <= _LONG and any(one.fullmatch(text.strip()) for one in compiled)
