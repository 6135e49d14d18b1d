"""``Seizures-list-PNxx.txt`` of the Siena database: seizures in clock times, written by hand.

The result is what stands there: file names with their typos, all alternatives of a time with the
words that go with them. Which alternative holds, and which file a misspelt name means, are errata.
Clock times become seconds by :func:`seconds_after` the start in the *header of the EDF file*,
modulo a day, since recordings cross midnight; the registration times of the list are a check on
that, and wrong in places.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tuszstore.corpus.formats.text import lines_of, number_of, shown, words_of
from tuszstore.errors import AnnotationError

DAY = 86_400
"""Seconds of a day."""

# all of these meet lines in which each run of blanks is one blank
_PATIENT = re.compile(r"PN ?\d{1,4}", re.IGNORECASE)
_RATE = re.compile(r"data sampling rate ?: ?(\S+) ?hz", re.IGNORECASE)
_CHANNELS = re.compile(r"channels?\b[^:\d]*:?", re.IGNORECASE)
_CHANNEL = re.compile(r"channel ?(\d{1,4}) ?:(.*)", re.IGNORECASE)
_SEIZURE = re.compile(r"seizure n ?[.\u00b0:]? ?(\d{1,4}) ?(?:\(([^()]*)\))? ?:?", re.IGNORECASE)
_FILE = re.compile(r"file name ?:(.*)", re.IGNORECASE)
_TIME = re.compile(r"(registration |seizure )?(start|end) time ?:(.*)", re.IGNORECASE)
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
        What stands with it: the text in parentheses (``CLINICAL ONSET``), or the word that makes
        it an alternative (``opure``); else empty.
    """

    seconds: int
    written: str
    words: str = ""


@dataclass(frozen=True)
class ListedSeizure:
    """One seizure of a list.

    Attributes
    ----------
    number : int
        As the list counts.
    remark : str
        What stands behind the number, such as ``in sleep``.
    file : str
        Name of the EDF file as written, typos and all.
    registration_start, registration_end : ClockTime or None
        Of the recording, given here or before for the same file.
    inherited : bool
        Whether file and registration times stand before and not with this seizure.
    starts, ends : tuple of ClockTime
        All alternatives, in the order of the text: one of each but for a few.
    line : int
        Of the number.
    notes : tuple of str
        What was read though it is odd.
    text : str
        The lines that decide the seizure, without blanks that mean nothing.
    """

    number: int
    remark: str
    file: str
    registration_start: ClockTime | None
    registration_end: ClockTime | None
    inherited: bool
    starts: tuple[ClockTime, ...]
    ends: tuple[ClockTime, ...]
    line: int
    notes: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class SeizureList:
    """A list of a patient.

    Attributes
    ----------
    patient : str
        As written; empty if it is not.
    sfreq : float or None
        Sampling rate in Hz.
    channels : mapping of int to str
        The list's numbers and names. They are not those of the EDF files, and its channel ``1`` is
        O1: labels are to be taken from the EDF header alone.
    seizures : tuple of ListedSeizure
        In the order of the text.
    """

    patient: str
    sfreq: float | None
    channels: Mapping[int, str]
    seizures: tuple[ListedSeizure, ...]


def seconds_after(clock: int, start: int) -> int:
    """Return how long after one clock time another comes next, in seconds.

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


def read_seizure_list(text: str, name: str) -> SeizureList:
    """Read a list.

    Parameters
    ----------
    text : str
    name : str
        Of the file, for messages.

    Raises
    ------
    AnnotationError
        If a line cannot be read, a seizure lacks its file, start or end, or there is none. It names
        the line.
    """
    reader = _Reader(name)
    for number, line in lines_of(text):
        if words := words_of(line):
            reader.read(words, number)
    return reader.finish()


@dataclass
class _Recording:
    """A file name and its registration times: what seizures below it inherit."""

    file: str
    line: str
    times: dict[str, tuple[ClockTime, str]] = field(default_factory=dict)


@dataclass
class _Seizure:
    """A seizure that is being read."""

    number: int
    remark: str
    line: int
    lines: list[str]
    own: bool = False
    times: dict[str, tuple[ClockTime, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.times) == 2


class _Reader:
    """The state between the lines of a list."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.patient = ""
        self.sfreq: float | None = None
        self.channels: dict[int, str] = {}
        self.recordings: dict[str, _Recording] = {}
        self.recording: _Recording | None = None
        self.seizure: _Seizure | None = None
        self.numbers: dict[int, int] = {}
        self.seizures: list[ListedSeizure] = []

    def read(self, line: str, number: int) -> None:
        """Take in one line."""
        if match := _TIME.fullmatch(line):
            kind = (match[1] or "").strip().lower()
            take = self._registration if kind == "registration" else self._time
            take(match[2].lower(), match[3].strip(), line, number)
        elif match := _SEIZURE.fullmatch(line):
            self._open(int(match[1]), (match[2] or "").strip(), line, number)
        elif match := _FILE.fullmatch(line):
            self._file(match[1].strip(), line, number)
        elif self.recording or self.seizure or self.seizures:
            raise self._error(number, f"cannot be read: {shown(line)}")
        else:
            self._head(line, number)

    def finish(self) -> SeizureList:
        """Return what was read."""
        self._close()
        if not self.seizures:
            raise AnnotationError(f"{self.name}: has no seizure ('Seizure n 1')")
        return SeizureList(self.patient, self.sfreq, self.channels, tuple(self.seizures))

    def _error(self, line: int, reason: str) -> AnnotationError:
        return AnnotationError.at(self.name, line, reason)

    def _head(self, line: str, number: int) -> None:
        """Take in a line that stands before the first seizure."""
        if match := _CHANNEL.fullmatch(line):
            if int(match[1]) in self.channels:
                raise self._error(number, f"channel {int(match[1])} is listed twice")
            self.channels[int(match[1])] = match[2].strip()
        elif match := _RATE.fullmatch(line):
            self.sfreq = number_of(match[1], self.name, number, "the sampling rate")
        elif not self.patient and _PATIENT.fullmatch(line):
            self.patient = line
        elif not (
            _CHANNELS.fullmatch(line) or {"channels", "ignored"} <= set(line.lower().split())
        ):
            raise self._error(number, f"cannot be read: {shown(line)}")

    def _open(self, count: int, remark: str, line: str, number: int) -> None:
        self._close()
        if count in self.numbers:
            raise self._error(
                number, f"seizure {count} is listed twice, first in line {self.numbers[count]}"
            )
        self.numbers[count] = number
        self.seizure = _Seizure(count, remark, number, [line])

    def _file(self, file: str, line: str, number: int) -> None:
        self._next()
        if not file or "/" in file or "\\" in file:
            raise self._error(number, f"no file name: {shown(line)}")
        if self.seizure and self.seizure.own:
            raise self._error(number, "a second file name of one seizure")
        # a name that comes again keeps its registration times, unless they are given again
        self.recording = self.recordings.setdefault(file, _Recording(file, line))
        if self.seizure:
            self.seizure.own = True

    def _registration(self, which: str, value: str, line: str, number: int) -> None:
        self._next()
        if self.recording is None:
            raise self._error(number, f"belongs to no 'File name': {shown(line)}")
        clocks, notes = self._clocks(value, line, number)
        if len(clocks) > 1:
            raise self._error(number, f"more than one registration time: {shown(line)}")
        self.recording.times[which] = (clocks[0], line)
        if self.seizure:
            self.seizure.notes += notes

    def _time(self, which: str, value: str, line: str, number: int) -> None:
        if self.seizure is None:
            raise self._error(number, f"belongs to no 'Seizure n ...': {shown(line)}")
        if which in self.seizure.times:
            raise self._error(number, f"a second {which} of seizure {self.seizure.number}")
        if which == "end" and "start" not in self.seizure.times:
            raise self._error(number, "a seizure end without a start before it")
        clocks, notes = self._clocks(value, line, number)
        self.seizure.times[which] = tuple(clocks)
        self.seizure.notes += notes
        self.seizure.lines.append(line)

    def _next(self) -> None:
        """End a seizure that has all it needs: what follows belongs to the next."""
        if self.seizure and self.seizure.complete:
            self._close()

    def _clocks(self, value: str, line: str, number: int) -> tuple[list[ClockTime], list[str]]:
        """Return all alternatives of a time; whatever else stands there is an error."""
        clocks: list[ClockTime] = []
        notes = []
        position = 0
        words = ""
        while True:
            match = _CLOCK.match(value, position)
            hour, minute, second = map(int, _digits(match)) if match else (99, 0, 0)
            if match is None or hour > 23 or minute > 59 or second > 59:
                raise self._error(number, f"not a clock time (HH.MM.SS): {shown(line)}")
            if " " in match[1]:
                read = f"{hour:02d}.{minute:02d}.{second:02d}"
                notes.append(f"line {number}: {match[0]!r} is read as {read}")
            position = match.end()
            if inside := _WORDS.match(value, position):
                words = inside[1].strip()
                position = inside.end()
            clocks.append(ClockTime(3600 * hour + 60 * minute + second, match[0], words))
            if position == len(value):
                return clocks, notes
            between = _BETWEEN.match(value, position)
            if between is None:
                raise self._error(number, f"not a clock time (HH.MM.SS): {shown(line)}")
            words = between[1] or ""
            position = between.end()

    def _close(self) -> None:
        seizure, self.seizure = self.seizure, None
        if seizure is None:
            return
        what = f"seizure {seizure.number}"
        for which in ("start", "end"):
            if which not in seizure.times:
                raise self._error(seizure.line, f"{what} has no {which} time")
        recording = self.recording
        if recording is None:
            raise self._error(seizure.line, f"{what} has no file name")
        times = {which: clock for which, (clock, _) in recording.times.items()}
        lines = [recording.line, *(line for _, line in recording.times.values()), *seizure.lines]
        self.seizures.append(
            ListedSeizure(
                number=seizure.number,
                remark=seizure.remark,
                file=recording.file,
                registration_start=times.get("start"),
                registration_end=times.get("end"),
                inherited=not seizure.own,
                starts=seizure.times["start"],
                ends=seizure.times["end"],
                line=seizure.line,
                notes=tuple(seizure.notes),
                text="\n".join(lines),
            )
        )


def _digits(match: re.Match[str]) -> tuple[str, ...]:
    return tuple(group.replace(" ", "") for group in match.groups())
