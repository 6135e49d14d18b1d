"""Physical dimensions of signals: voltages and their factors."""

import re
import unicodedata
from functools import lru_cache

MICROVOLT, MILLIVOLT, VOLT, NANOVOLT = 1e-6, 1e-3, 1.0, 1e-9

_SIZES = {
    **dict.fromkeys(("u", "\u03bc", "mc", "micro"), MICROVOLT),
    **dict.fromkeys(("m", "milli"), MILLIVOLT),
    **dict.fromkeys(("n", "nano"), NANOVOLT),
    "": VOLT,
}
_VOLTAGE = re.compile(rf"({'|'.join(_SIZES)})v(?:olts?)?")

_MU = ("\x83\xca", "\u00a6\u00cc", "\u00e6", "\u00ec")
"""Mu in Shift JIS, in GB 2312 and EUC-JP, in code page 437, and in ISO 8859-7, read as Latin-1."""

_OTHER = re.compile(
    r"[pn\u03bcumcdhkKMG?\ufffd]?(?:V|A|Ohm|ohm|\u03c9|\u03a9|S|Hz|W|T|g|m|s|min|h|l|L|Pa|J|N|C|K|mol|bar)"
    r"(?:\^?[23]|/(?:s|min|h|m|kg|l|L|Hz|bit))?"
    r"|%|mmHg|cmH2O|deg[CF]?|\u00b0[CF]?|bpm|BPM|1/min|/min|dB|bits?|LSB|counts?|DU|a\.?u\.?|none|n/a|-"
)
"""Units that a message may repeat: a damaged header may contain any text."""


@lru_cache(maxsize=256)
def volts(unit: str) -> float | None:
    r"""Return a unit of voltage in volts, or None if it is not a voltage.

    Case is ignored, except for a leading ``M``, which may be milli or mega. Mu is recognised in
    both its code points, in UTF-8 and in older encodings.

    >>> volts("uV"), volts("UV"), volts("mv"), volts("\u00c2\u00b5V"), volts("MV"), volts("mmHg")
    (1e-06, 1e-06, 0.001, 1e-06, None, None)

    Parameters
    ----------
    unit : str
        As in an EDF header, read as Latin-1.
    """
    text = _readable(unit)
    match = _VOLTAGE.fullmatch(text.casefold())
    if match is None or (text.startswith("M") and match[1] == "m"):
        return None
    return _SIZES[match[1]]


def known_unit(unit: str) -> str:
    """Return a unit as a message may repeat it; empty if it might be any text.

    Parameters
    ----------
    unit : str
        As in an EDF header, read as Latin-1.
    """
    text = _readable(unit)
    return text if _OTHER.fullmatch(text) else ""


def _readable(unit: str) -> str:
    text = unit
    for _ in range(2):  # UTF-8 is encoded twice if a program treated it as Latin-1
        try:
            text = text.encode("latin-1").decode("utf-8")
        except UnicodeError:
            break
    for mu in _MU:
        if text.startswith(mu):
            text = "\u03bc" + text.removeprefix(mu)
            break
    return re.sub(r"[\s\[\]()]", "", unicodedata.normalize("NFKC", text))
