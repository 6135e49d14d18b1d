"""Clock times written by hand, and the seconds between two of them across midnight."""

import re
from dataclasses import dataclass

DAY = 86_400
"""Seconds of a day."""

# matched after each run of blanks is replaced by one blank
_CLOCK = re.compile(r"(\d\d?|\d \d)[.:](\d\d)[.:](\d\d)(?![\d.:])", re.ASCII)
_WORDS = re.compile(r" ?\(([^()]*)\)")
_BETWEEN = re.compile(r" ?(?:[;,/]|\b(op+ure|or|o)\b) ?", re.IGNORECASE)


@dataclass(frozen=True)
class ClockTime:
    """One clock time of a list.

    Attributes
    ----------
    seconds : int
        Since midnight.
    written : str
        As written, such as ``16:13.23``.
    words : str
        The text in parentheses after it (``CLINICAL ONSET``), or the word that makes
        it an alternative (``opure``); else empty.
    """

    seconds: int
    written: str
    words: str = ""

    @property
    def plain(self) -> str:
        """The time as ``HH.MM.SS``."""
        minutes, second = divmod(self.seconds, 60)
        return f"{minutes // 60:02d}.{minutes % 60:02d}.{second:02d}"


def clock_times(text: str) -> tuple[ClockTime, ...] | None:
    """Return all alternatives of a time, or None if the text contains anything else.

    >>> [time.plain for time in clock_times("15.43.53 (CLINICAL ONSET); 1 5:43.59") or ()]
    ['15.43.53', '15.43.59']

    Parameters
    ----------
    text : str
        Without blanks at its ends.
    """
    clocks: list[ClockTime] = []
    position = 0
    words = ""
    while True:
        match = _CLOCK.match(text, position)
        hour, minute, second = map(int, _digits(match)) if match else (99, 0, 0)
        if match is None or hour > 23 or minute > 59 or second > 59:
            return None
        position = match.end()
        if inside := _WORDS.match(text, position):
            words = inside[1].strip()
            position = inside.end()
        clocks.append(ClockTime(3600 * hour + 60 * minute + second, match[0], words))
        if position == len(text):
            return tuple(clocks)
        between = _BETWEEN.match(text, position)
        if between is None:
            return None
        words = between[1] or ""
        position = between.end()


def seconds_after(clock: int, start: int) -> int:
    """Return the seconds from one clock time to the next occurrence of another.

    Parameters
    ----------
    clock, start : int
        Seconds since midnight.

    Returns
    -------
    int
        At least 0 and less than :data:`DAY`.
    """
    return (clock - start) % DAY


def interval(start: int, end: int, header_start: int) -> tuple[int, int]:
    """Return onset and end of a seizure in seconds from the start of its recording.

    Parameters
    ----------
    start, end : int
        Of the seizure, in seconds since midnight; the end is the first after the start.
    header_start : int
        Start of the recording in the EDF header, in seconds since midnight.
    """
    onset = seconds_after(start, header_start)
    return onset, onset + seconds_after(end, start)


def _digits(match: re.Match[str]) -> tuple[str, ...]:
    return tuple(group.replace(" ", "") for group in match.groups())
