"""When a recording began, according to its EDF header."""

import re
from datetime import datetime
from pathlib import Path

from tuszstore.corpus.regular import open_regular


def read_start(path: Path) -> datetime | None:
    """Return when a recording began according to its EDF header; None if that has no valid time.

    Years are two digits; those from 85 belong to the last century, by the EDF specification.
    """
    with open_regular(path) as file:
        text = file.read(184)[168:].decode("latin-1")
    match = re.fullmatch(r"(\d\d)[.:](\d\d)[.:](\d\d)(\d\d)[.:](\d\d)[.:](\d\d)", text)
    if match is None:
        return None
    day, month, year, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year + (1900 if year >= 85 else 2000), month, day, hour, minute, second)
    except ValueError:
        return None
