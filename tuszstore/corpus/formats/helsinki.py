"""``annotations_2017_*.csv`` of the Helsinki neonates: one expert's annotation of all recordings.

A column is a recording, under its number; a row is a second, 1 in a seizure and 0 outside. After
the end of a recording its cells are blank.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuszstore.corpus.formats.text import lines_of, shown
from tuszstore.errors import AnnotationError

_VALUES = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}
_NUMBER = re.compile(r"\d{1,6}", re.ASCII)


@dataclass(frozen=True)
class SecondBySecond:
    """The annotation of one recording.

    Attributes
    ----------
    number : int
        Number of the recording: 7 is ``eeg7.edf``.
    marks : bytes
        One byte per second: 1 in a seizure, else 0.
    """

    number: int
    marks: bytes

    @property
    def seconds(self) -> int:
        """Length of the annotation."""
        return len(self.marks)

    @property
    def values(self) -> NDArray[np.uint8]:
        """The marks as a read-only array."""
        return np.frombuffer(self.marks, np.uint8)

    @property
    def intervals(self) -> tuple[tuple[int, int], ...]:
        """Onset and end of each seizure in seconds."""
        edges = np.flatnonzero(np.diff(self.values, prepend=np.uint8(0), append=np.uint8(0)))
        return tuple((int(onset), int(end)) for onset, end in edges.reshape(-1, 2))


@dataclass(frozen=True)
class Expert:
    """The annotation of one expert.

    Attributes
    ----------
    recordings : mapping of int to SecondBySecond
        By number of the recording, in the order of the columns.
    faults : mapping of int to AnnotationError
        Why a column cannot be read; such a column is not in `recordings`.
    """

    recordings: Mapping[int, SecondBySecond]
    faults: Mapping[int, AnnotationError]


def read_helsinki(text: str, name: str) -> Expert:
    """Read the annotation of one expert.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
        If a number in the header is invalid or repeated, or a row has the wrong number of cells. It
        names the line.
    """
    faults: dict[int, AnnotationError] = {}
    numbers: list[int] = []
    marks: list[bytearray] = []
    rows = 0
    for line_number, line in lines_of(text):
        blank = not line.strip()
        if not numbers:
            if not blank:
                numbers = _header(line, name, line_number)
                marks = [bytearray() for _ in numbers]
            continue
        cells = [] if blank else [cell.strip().strip('"') for cell in line.split(",")]
        if not blank and len(cells) != len(numbers):
            raise AnnotationError.at(
                name, line_number, f"has {len(cells)} cells for {len(numbers)} recordings"
            )
        for number, column, cell in zip(numbers, marks, cells, strict=False):
            if not cell or number in faults:
                continue
            value = _VALUES.get(cell)
            if value is None:
                what = f"eeg{number} has {shown(cell)}, not 0 or 1"
            elif len(column) < rows:
                what = f"eeg{number} has a value after its end at {len(column)} s"
            else:
                column.append(value)
                continue
            faults[number] = AnnotationError.at(name, line_number, what)
        rows += 1
    if not (any(marks) or faults):
        raise AnnotationError(f"{name}: has no values" if numbers else f"{name}: is empty")
    recordings = {
        number: SecondBySecond(number, bytes(column))
        for number, column in zip(numbers, marks, strict=True)
        if number not in faults
    }
    return Expert(recordings, faults)


def _header(line: str, name: str, line_number: int) -> list[int]:
    numbers: dict[int, None] = {}
    for cell in line.split(","):
        written = cell.strip().strip('"')
        if not _NUMBER.fullmatch(written):
            raise AnnotationError.at(
                name, line_number, f"not the number of a recording: {shown(cell)}"
            )
        if int(written) in numbers:
            raise AnnotationError.at(name, line_number, f"recording {written} has two columns")
        numbers[int(written)] = None
    return list(numbers)
