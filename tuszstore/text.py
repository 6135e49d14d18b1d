"""Text for terminals and logs: escaping what is untrusted, and the nearest of known names."""

import difflib
import unicodedata
from collections.abc import Iterable

_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that are not shown: controls, formats (among them the overrides of
direction), surrogates, private and unassigned ones, separators of lines and paragraphs."""


def printable(text: str) -> str:
    r"""Return a text without invisible characters or terminal controls; the rest is unchanged.

    Invisible characters are escaped: control characters and escape sequences,
    bytes of a file name that are not UTF-8 (which Python holds as surrogates), overrides of the
    direction of writing, zero-width characters, line ends. A backslash is kept, so the
    result is for display and cannot be decoded.

    Parameters
    ----------
    text : str
        From a file name, a file or a store.

    Returns
    -------
    str
        One line that can be encoded as UTF-8. Escaping is idempotent.

    Examples
    --------
    >>> printable("Müller\x1b[31m")
    'Müller\\x1b[31m'
    >>> printable("caf\udce9.edf")
    'caf\\xe9.edf'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that is most similar, without regard to case; empty if none is.

    >>> nearest("CHBMIT", ["bids", "chbmit"])
    'chbmit'
    """
    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else ""


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _ESCAPED:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an undecodable byte (os.fsdecode)
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
