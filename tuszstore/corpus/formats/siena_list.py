"""``Seizures-list-PNxx.txt`` of the Siena database: seizures in clock times, written by hand.

The result is the list as written: file names with typos, and all alternatives of a time with their
remarks. Errata decide which alternative applies, and which file a misspelt name means.
Clock times become seconds after the start in the *header of the EDF file*, modulo a day, since
recordings cross midnight (:mod:`tuszstore.corpus.formats.clocks`); the registration times of the
list are a check on that, and wrong in places.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tuszstore.corpus.formats.clocks import ClockTime, clock_times
from tuszstore.corpus.formats.text import lines_of, number_of, shown, words_of
from tuszstore.errors import AnnotationError

# matched after each run of blanks is replaced by one blank
_PATIENT = re.compile(r"PN ?\d{1,4}", re.IGNORECASE)
_RATE = re.compile(r"data sampling rate ?: ?(\S+) ?hz", re.IGNORECASE)
_CHANNELS = re.compile(r"channels?\b[^:\d]*:?", re.IGNORECASE)
_CHANNEL = re.compile(r"channel ?(\d{1,4}) ?:(.*)", re.IGNORECASE)
_SEIZURE = re.compile(r"seizure n ?[.\u00b0:]? ?(\d{1,4}) ?(?:\(([^()]*)\))? ?:?", re.IGNORECASE)
_FILE = re.compile(r"file name ?:(.*)", re.IGNORECASE)
_TIME = re.compile(r"(registration |seizure )?(start|end) time ?:(.*)", re.IGNORECASE)


@dataclass(frozen=True)
class ListedSeizure:
    """One seizure of a list.

    Attributes
    ----------
    number : int
        As the list counts.
    remark : str
        The remark after the number, such as ``in sleep``.
    file : str
        Name of the EDF file as written, including typos.
    registration_start, registration_end : ClockTime or None
        Of the recording, given here or earlier for the same file.
    inherited : bool
        Whether file and registration times are given before this seizure, not with it.
    starts, ends : tuple of ClockTime
        All alternatives, in the order of the text; usually one of each.
    line : int
        Line of the number.
    notes : tuple of str
        Oddities that were read.
    text : str
        The lines that determine the seizure, without redundant blanks.
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
        As written; empty if missing.
    sfreq : float or None
        Sampling rate in Hz.
    channels : mapping of int to str
        The list's numbers and names. They are not those of the EDF files, and its channel ``1`` is
        O1: labels must be taken from the EDF header.
    seizures : tuple of ListedSeizure
        In the order of the text.
    faults : mapping of str to AnnotationError
        Why seizures of a file cannot be read, by the file's name as written: some of its seizures
        are missing from `seizures`; those of other files are not affected.
    """

    patient: str
    sfreq: float | None
    channels: Mapping[int, str]
    seizures: tuple[ListedSeizure, ...]
    faults: Mapping[str, AnnotationError]


def read_seizure_list(text: str, name: str) -> SeizureList:
    """Read a list.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
        If there is no seizure, or an unreadable line may concern any file. It names the line.
    """
    reader = _Reader(name)
    for number, line in lines_of(text):
        if words := words_of(line):
            reader.read(words, number)
    return reader.finish()


@dataclass
class _Recording:
    """A file name and its registration times, which apply to the seizures below it."""

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
    broken: AnnotationError | None = None
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
        self.faults: dict[str, AnnotationError] = {}

    def read(self, line: str, number: int) -> None:
        """Take in one line."""
        if match := _FILE.fullmatch(line):
            self._file(match[1].strip(), line, number)
        elif match := _SEIZURE.fullmatch(line):
            self._open(int(match[1]), (match[2] or "").strip(), line, number)
        elif not (_TIME.fullmatch(line) or self.recording or self.seizure):
            self._head(line, number)
        else:
            try:
                self._times(line, number)
            except AnnotationError as error:
                self._blame(error)

    def finish(self) -> SeizureList:
        """Return the parsed content."""
        self._close()
        if not (self.seizures or self.faults):
            raise AnnotationError(f"{self.name}: has no seizure ('Seizure n 1')")
        seizures = tuple(one for one in self.seizures if one.file not in self.faults)
        return SeizureList(self.patient, self.sfreq, self.channels, seizures, self.faults)

    def _error(self, line: int, reason: str) -> AnnotationError:
        return AnnotationError.at(self.name, line, reason)

    def _blame(self, error: AnnotationError) -> None:
        """Keep an error with the files that it may concern, so that other files can be read."""
        if self.recording is None:
            raise error
        self.faults.setdefault(self.recording.file, error)
        if self.seizure and not self.seizure.broken:
            self.seizure.broken = error

    def _times(self, line: str, number: int) -> None:
        """Parse a line with a time."""
        match = _TIME.fullmatch(line)
        if match is None:
            raise self._error(number, f"cannot be read: {shown(line)}")
        kind = (match[1] or "").strip().lower()
        take = self._registration if kind == "registration" else self._time
        take(match[2].lower(), match[3].strip(), line, number)

    def _head(self, line: str, number: int) -> None:
        """Parse a line before the first seizure."""
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
        self.seizure = _Seizure(count, remark, number, [line])
        if count in self.numbers:
            first = self.numbers[count]
            self._blame(
                self._error(number, f"seizure {count} is listed twice, first in line {first}")
            )
        self.numbers[count] = number

    def _file(self, file: str, line: str, number: int) -> None:
        self._next()
        if not file or "/" in file or "\\" in file:
            raise self._error(number, f"not a file name: {shown(line)}")
        if self.seizure and self.seizure.own:
            raise self._error(number, "second file name of one seizure")
        # a repeated name keeps its registration times, unless they are given again
        self.recording = self.recordings.setdefault(file, _Recording(file, line))
        if self.seizure:
            self.seizure.own = True
            if self.seizure.broken:  # the error preceded the name of its file
                self.faults.setdefault(file, self.seizure.broken)

    def _registration(self, which: str, value: str, line: str, number: int) -> None:
        self._next()
        if self.recording is None:
            raise self._error(number, f"has no 'File name' before it: {shown(line)}")
        clocks, notes = self._clocks(value, line, number)
        if len(clocks) > 1:
            raise self._error(number, f"more than one registration time: {shown(line)}")
        self.recording.times[which] = (clocks[0], line)
        if self.seizure:
            self.seizure.notes += notes

    def _time(self, which: str, value: str, line: str, number: int) -> None:
        if self.seizure is None:
            raise self._error(number, f"has no 'Seizure n ...' before it: {shown(line)}")
        if which in self.seizure.times:
            raise self._error(number, f"second {which} of seizure {self.seizure.number}")
        if which == "end" and "start" not in self.seizure.times:
            raise self._error(number, "seizure end without a start before it")
        clocks, notes = self._clocks(value, line, number)
        self.seizure.times[which] = tuple(clocks)
        self.seizure.notes += notes
        self.seizure.lines.append(line)

    def _next(self) -> None:
        """End a complete seizure; the following lines belong to the next one."""
        if self.seizure and self.seizure.complete:
            self._close()

    def _clocks(self, value: str, line: str, number: int) -> tuple[list[ClockTime], list[str]]:
        """Return all alternatives of a time; any other text is an error."""
        clocks = clock_times(value)
        if clocks is None:
            raise self._error(number, f"not a clock time (HH.MM.SS): {shown(line)}")
        notes = [
            f"line {number}: {clock.written!r} is read as {clock.plain}"
            for clock in clocks
            if " " in clock.written
        ]
        return list(clocks), notes

    def _close(self) -> None:
        seizure, self.seizure = self.seizure, None
        if seizure is None:
            return
        if seizure.broken:
            return
        what = f"seizure {seizure.number}"
        recording = self.recording
        if recording is None:
            raise self._error(seizure.line, f"{what} has no file name")
        for which in ("start", "end"):
            if which not in seizure.times:
                self._blame(self._error(seizure.line, f"{what} has no {which} time"))
                return
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
