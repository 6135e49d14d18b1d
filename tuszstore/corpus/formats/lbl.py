"""``.lbl`` and ``.lbl_bi`` of TUSZ before version 2: events of each channel of a montage.

After ``version = lbl_v1.0.0`` come the montage (``0, FP1-F7: EEG FP1-REF -- EEG F7-REF``), the
number of levels, the classes of each level (``symbols[0] = {0: '(null)', 1: 'spsw', ...}``), and
rows ``label = {level, sublevel, start, stop, montage number, [probability of each class]}``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tuszstore.corpus.annotations import Event
from tuszstore.corpus.formats.text import check_order, lines_of, seconds_of, shown, words_of
from tuszstore.corpus.formats.tse import WHOLE, check_version, probability
from tuszstore.errors import AnnotationError

VERSION = "lbl_v1.0.0"

# matched after each run of blanks is replaced by one blank
_MONTAGE = re.compile(r"montage ?= ?(\d{1,4}) ?,([^:]+):(.+?)--(.+)")
_LEVELS = re.compile(r"number_of_levels ?= ?(\d{1,3})")
_LEVEL = re.compile(r"level ?\[ ?(\d{1,3}) ?\] ?= ?(\d{1,3})")
_SYMBOLS = re.compile(r"symbols ?\[ ?(\d{1,3}) ?\] ?= ?\{(.*)\}")
_SYMBOL = re.compile(r" ?(\d{1,4}) ?: ?(?:'([^']*)'|\"([^\"]*)\") ?")
_LABEL = re.compile(r"label ?= ?\{([^{}\[\]]*), ?\[([^{}\[\]]*)\] ?\}")
_EVERYWHERE = "-1"


@dataclass(frozen=True)
class Derivation:
    """A channel of the montage: the difference of two labels of the EDF file."""

    name: str
    anode: str
    cathode: str


@dataclass(frozen=True)
class LblAnnotation:
    """The content of a file.

    Attributes
    ----------
    montage : mapping of int to Derivation
    symbols : mapping of int to tuple of str
        Classes of each level.
    events : tuple of Event
        All rows, background too, in the order of the file: the class with the highest probability.
    """

    montage: Mapping[int, Derivation]
    symbols: Mapping[int, tuple[str, ...]]
    events: tuple[Event, ...]


def read_lbl(text: str, name: str) -> LblAnnotation:
    """Read a file.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
        If the version is not supported, a line cannot be read, a row refers to a missing level or
        channel or is repeated, or there is no row. It names the line.
    """
    reader = _Reader(name)
    for number, line in lines_of(text):
        words = words_of(line)
        if words and not words.startswith("#"):
            reader.read(words, number)
    return reader.finish()


class _Reader:
    """The state between the lines of a file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.versioned = False
        self.montage: dict[int, Derivation] = {}
        self.symbols: dict[int, tuple[str, ...]] = {}
        self.n_levels: int | None = None
        self.sublevels: dict[int, int] = {}
        self.events: dict[tuple[str, float, float, str, str], Event] = {}

    def read(self, line: str, number: int) -> None:
        """Take in one line."""
        if not self.versioned:
            check_version(line, VERSION, self.name, number)
            self.versioned = True
        elif match := _LABEL.fullmatch(line):
            self._label(match[1].split(","), match[2].split(","), line, number)
        elif match := _MONTAGE.fullmatch(line):
            channel = int(match[1])
            if channel in self.montage:
                raise self._error(number, f"montage {channel} is repeated")
            self.montage[channel] = Derivation(match[2].strip(), match[3].strip(), match[4].strip())
        elif match := _SYMBOLS.fullmatch(line):
            self._symbols(int(match[1]), match[2], line, number)
        elif match := _LEVELS.fullmatch(line):
            self.n_levels = int(match[1])
        elif match := _LEVEL.fullmatch(line):
            self.sublevels[int(match[1])] = int(match[2])
        else:
            raise self._error(number, f"cannot be read: {shown(line)}")

    def finish(self) -> LblAnnotation:
        """Return the parsed content."""
        if not self.versioned:
            raise AnnotationError(f"{self.name}: is empty")
        if not self.events:
            raise AnnotationError(f"{self.name}: has no labels")
        if self.n_levels is not None and self.n_levels != len(self.symbols):
            raise AnnotationError(
                f"{self.name}: declares {self.n_levels} levels, but has classes of "
                f"{len(self.symbols)}"
            )
        return LblAnnotation(self.montage, self.symbols, tuple(self.events.values()))

    def _error(self, line: int, reason: str) -> AnnotationError:
        return AnnotationError.at(self.name, line, reason)

    def _symbols(self, level: int, body: str, line: str, number: int) -> None:
        if level in self.symbols:
            raise self._error(number, f"classes of level {level} are repeated")
        classes: list[str] = []
        for part in body.split(","):
            match = _SYMBOL.fullmatch(part)
            if match is None:
                raise self._error(number, f"cannot be read at {shown(part)}: {shown(line)}")
            if int(match[1]) != len(classes):
                raise self._error(number, f"class {len(classes)} is missing before {int(match[1])}")
            classes.append((match[2] or match[3] or "").strip())
        self.symbols[level] = tuple(classes)

    def _label(self, fields: list[str], values: list[str], line: str, number: int) -> None:
        fields = [part.strip() for part in fields]
        if len(fields) != 5:
            raise self._error(
                number,
                f"not level, sublevel, start, stop, montage and probabilities: {shown(line)}",
            )
        level, sublevel, start, stop, channel = fields
        classes = self._classes(level, sublevel, number)
        onset = seconds_of(start, self.name, number, "start")
        offset = seconds_of(stop, self.name, number, "stop")
        check_order(onset, offset, self.name, number)
        where = self._channel(channel, number)
        if len(values) != len(classes):
            raise self._error(
                number,
                f"has {len(values)} probabilities for {len(classes)} classes of level {level}",
            )
        odds = [probability(part.strip(), self.name, number) for part in values]
        highest = max(odds)
        if highest == 0:
            raise self._error(number, "no class has a probability above 0")
        if odds.count(highest) > 1:
            raise self._error(
                number, f"{odds.count(highest)} classes share the highest probability"
            )
        label = classes[odds.index(highest)]
        key = (level, onset, offset, where, label)
        if key in self.events:
            raise self._error(number, f"the same label as in line {self.events[key].row}")
        self.events[key] = Event(
            channel=where, onset=onset, offset=offset, label=label, confidence=highest, row=number
        )

    def _classes(self, level: str, sublevel: str, number: int) -> tuple[str, ...]:
        if not re.fullmatch(r"\d{1,3}", level, re.ASCII) or int(level) not in self.symbols:
            raise self._error(number, f"no classes of level {shown(level)} before it")
        below = self.sublevels.get(int(level))
        if not re.fullmatch(r"\d{1,3}", sublevel, re.ASCII) or (
            below is not None and int(sublevel) >= below
        ):
            raise self._error(number, f"no sublevel {shown(sublevel)} of level {level}")
        return self.symbols[int(level)]

    def _channel(self, channel: str, number: int) -> str:
        if channel == _EVERYWHERE:
            return WHOLE
        if not re.fullmatch(r"\d{1,4}", channel, re.ASCII) or int(channel) not in self.montage:
            raise self._error(number, f"no montage {shown(channel)} before it")
        return self.montage[int(channel)].name
