"""``chbNN-summary.txt`` of CHB-MIT: one text that annotates all recordings of a case.

The summaries were written by hand. Blanks vary, a single seizure has no number, the second end of
chb09_08 is labelled ``Seizure 1 End Time``, clocks pass 24 hours and have hours of one digit, and
chb24 has none. Starts and ends are therefore paired by their order and never by their numbers,
and the number of seizures that an entry declares must be the number that it lists.

A recording without an entry is unlabelled; an entry with 0 seizures means background.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tuszstore.corpus.formats.text import (
    check_order,
    lines_of,
    number_of,
    seconds_of,
    shown,
    words_of,
)
from tuszstore.errors import AnnotationError

# matched after each run of blanks is replaced by one blank
_RULE = re.compile(r"[*=_-]+")
_RATE = re.compile(r"data sampling rate ?: ?(\S+) ?hz", re.IGNORECASE)
_CHANNEL = re.compile(r"channel ?(\d{1,4}) ?:(.*)", re.IGNORECASE)
_CHANNELS = re.compile(r"channels?\b[^:\d]*:?", re.IGNORECASE)
_FILE = re.compile(r"file name ?:(.*)", re.IGNORECASE)
_CLOCK_LINE = re.compile(r"file (start|end) time ?:(.*)", re.IGNORECASE)
_NUMBER = re.compile(r"number of seizures in file ?:(.*)", re.IGNORECASE)
_SEIZURE = re.compile(r"seizure ?(?:\d{1,4} )?(start|end) time ?:(.*)", re.IGNORECASE)
_SECONDS = re.compile(r"(\S+?) ?(?:seconds?|secs?\.?|s)?", re.IGNORECASE)
_CLOCK = re.compile(r"\d{1,2}:[0-5]\d:[0-5]\d", re.ASCII)


@dataclass(frozen=True)
class SummaryEntry:
    """The entry of one recording in a summary.

    Attributes
    ----------
    file : str
        Name of the EDF file, as written.
    start, end : str or None
        Clock times as written (``24:21:32`` occurs); None where the summary has none.
    seizures : tuple of (float, float)
        Onset and end in seconds from the start of the file, in the order of the text.
    line : int
        Line of the file name.
    channels : int or None
        Index of the channel list in force, in :attr:`Summary.channels`.
    text : str
        The lines of the entry without redundant blanks: they determine its annotation.
    """

    file: str
    start: str | None
    end: str | None
    seizures: tuple[tuple[float, float], ...]
    line: int
    channels: int | None
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of :attr:`text`: it changes only with the annotation of this recording."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Summary:
    """A summary file.

    Attributes
    ----------
    sfreq : float or None
        Sampling rate in Hz.
    channels : tuple of tuple of str
        The channel lists, in the order of the text. Labels may be empty or repeated.
    entries : mapping of str to SummaryEntry
        By file name, in the order of the text.
    faults : mapping of str to AnnotationError
        Why the entry of a file cannot be read; such a file is not in `entries`.
    """

    sfreq: float | None
    channels: tuple[tuple[str, ...], ...]
    entries: Mapping[str, SummaryEntry]
    faults: Mapping[str, AnnotationError]


@dataclass
class _Entry:
    """An entry that is being read."""

    file: str
    line: int
    channels: int | None
    lines: list[str]
    clocks: dict[str, str] = field(default_factory=dict)
    declared: int | None = None
    starts: list[float] = field(default_factory=list)
    # a dict without values: an ordered set
    seizures: dict[tuple[float, float], None] = field(default_factory=dict)


def read_summary(text: str, name: str) -> Summary:
    """Read a summary.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
        If there is no entry, or a line outside of entries cannot be read. It names the line.
    """
    reader = _Reader(name)
    for number, line in lines_of(text):
        if words := words_of(line):
            reader.read(words, number)
    return reader.finish()


class _Reader:
    """The state between the lines of a summary."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sfreq: float | None = None
        self.lists: list[list[str]] = []
        self.in_list = False
        self.entries: dict[str, SummaryEntry] = {}
        self.faults: dict[str, AnnotationError] = {}
        self.entry: _Entry | None = None
        self.broken = ""

    def read(self, line: str, number: int) -> None:
        """Take in one line."""
        if _RULE.fullmatch(line):
            return
        if match := _CHANNEL.fullmatch(line):
            self._channel(match[2].strip())
        elif match := _FILE.fullmatch(line):
            self._file(match[1].strip(), line, number)
        elif match := _RATE.fullmatch(line):
            self.sfreq = number_of(match[1], self.name, number, "the sampling rate")
        elif _CHANNELS.fullmatch(line):
            self.in_list = False
        elif not self.broken:  # a broken entry is ignored
            try:
                self._in_entry(line, number)
            except AnnotationError as error:
                if self.entry is None:
                    raise
                self._blame(self.entry.file, error)

    def _in_entry(self, line: str, number: int) -> None:
        """Parse a line of an entry."""
        if match := _CLOCK_LINE.fullmatch(line):
            self._clock(match[1].lower(), match[2].strip(), line, number)
        elif match := _NUMBER.fullmatch(line):
            self._declared(match[1].strip(), line, number)
        elif match := _SEIZURE.fullmatch(line):
            self._seizure(match[1].lower(), match[2].strip(), line, number)
        else:
            raise self._error(number, f"cannot be read: {shown(line)}")

    def _blame(self, file: str, error: AnnotationError) -> None:
        """Keep the error of an entry, so that other entries can be read."""
        self.faults.setdefault(file, error)
        self.entries.pop(file, None)
        self.entry, self.broken = None, file

    def finish(self) -> Summary:
        """Return the parsed content."""
        self._close()
        if not (self.entries or self.faults):
            raise AnnotationError(f"{self.name}: has no entry ('File Name: ...')")
        return Summary(self.sfreq, tuple(map(tuple, self.lists)), self.entries, self.faults)

    def _error(self, line: int, reason: str) -> AnnotationError:
        return AnnotationError.at(self.name, line, reason)

    def _channel(self, label: str) -> None:
        if not self.in_list:
            self._close()
            self.lists.append([])
        self.in_list = True
        self.lists[-1].append(label)

    def _file(self, file: str, line: str, number: int) -> None:
        self._close()
        self.in_list, self.broken = False, ""
        if not file or "/" in file or "\\" in file:
            raise self._error(number, f"not a file name: {shown(line)}")
        if file in self.entries:
            before = self.entries[file].line
            told = f"{shown(file)} already has an entry in line {before}"
            self._blame(file, self._error(number, told))
            return
        if file in self.faults:
            self.broken = file
            return
        channels = len(self.lists) - 1 if self.lists else None
        self.entry = _Entry(file, number, channels, [line])

    def _open(self, line: str, number: int) -> _Entry:
        if self.entry is None:
            raise self._error(number, f"has no 'File Name' before it: {shown(line)}")
        self.entry.lines.append(line)
        return self.entry

    def _clock(self, which: str, value: str, line: str, number: int) -> None:
        entry = self._open(line, number)
        if not _CLOCK.fullmatch(value):
            raise self._error(number, f"not a clock time (HH:MM:SS): {shown(line)}")
        if which in entry.clocks:
            raise self._error(number, f"second {which} time of {shown(entry.file)}")
        entry.clocks[which] = value

    def _declared(self, value: str, line: str, number: int) -> None:
        entry = self._open(line, number)
        if not re.fullmatch(r"\d{1,6}", value, re.ASCII):
            raise self._error(number, f"not a number of seizures: {shown(line)}")
        if entry.declared is not None:
            raise self._error(number, f"second number of seizures of {shown(entry.file)}")
        entry.declared = int(value)

    def _seizure(self, which: str, value: str, line: str, number: int) -> None:
        entry = self._open(line, number)
        match = _SECONDS.fullmatch(value)
        time = seconds_of(match[1] if match else value, self.name, number, f"seizure {which}")
        if which == "start":
            if entry.starts:
                raise self._error(
                    number,
                    f"second seizure start, but the one at {entry.starts[0]:g} s has no end",
                )
            entry.starts.append(time)
        else:
            if not entry.starts:
                raise self._error(number, "seizure end without a start before it")
            onset = entry.starts.pop()
            check_order(onset, time, self.name, number, "seizure")
            if (onset, time) in entry.seizures:
                raise self._error(number, f"the seizure at {onset:g} s is listed twice")
            entry.seizures[onset, time] = None

    def _close(self) -> None:
        entry, self.entry = self.entry, None
        if entry is None:
            return
        told = ""
        if entry.starts:
            told = f"the seizure at {entry.starts[0]:g} s has no end"
        elif entry.declared is None:
            told = "has no line 'Number of Seizures in File'"
        elif entry.declared != len(entry.seizures):
            told = f"declares {entry.declared} but lists {len(entry.seizures)} seizures"
        if told:
            self._blame(entry.file, self._error(entry.line, f"{shown(entry.file)}: {told}"))
            return
        self.entries[entry.file] = SummaryEntry(
            file=entry.file,
            start=entry.clocks.get("start"),
            end=entry.clocks.get("end"),
            seizures=tuple(entry.seizures),
            line=entry.line,
            channels=entry.channels,
            text="\n".join(entry.lines),
        )
