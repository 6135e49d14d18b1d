"""The TSV annotations of SeizeIT1: comments, then a row for each seizure.

A row is start and stop in seconds, type, and a remark such as ``Hem:R, Orig:Temp, bhe: 0``, between
tabs. A stop of ``None`` is a seizure without a marked end. A file with only comments means that
the recording was reviewed and no seizure found.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tuszstore.corpus.formats.text import check_order, lines_of, seconds_of, shown
from tuszstore.errors import AnnotationError

_TYPE = re.compile(r"\w[\w /+-]{0,31}")
_HEADER = ("start", "stop", "type")


@dataclass(frozen=True)
class SeizeItSeizure:
    """One seizure.

    Attributes
    ----------
    onset : float
        Seconds from the start of the recording.
    offset : float or None
        None if the end is not marked.
    label : str
        Type as written: ``FIA``, ``FA``, ``F-BTC``.
    remark : str
        As written; may be empty.
    line : int
    """

    onset: float
    offset: float | None
    label: str
    remark: str
    line: int

    @property
    def remarks(self) -> Mapping[str, str]:
        """The remark by its keys, such as ``{"Hem": "R", "Orig": "Temp", "bhe": "0"}``."""
        pairs = (part.partition(":") for part in self.remark.split(",") if ":" in part)
        return {key.strip(): value.strip() for key, _, value in pairs}


def read_seizeit(text: str, name: str) -> tuple[SeizeItSeizure, ...]:
    """Read an annotation of SeizeIT1.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Returns
    -------
    tuple of SeizeItSeizure
        In the order of the file; empty if it has only comments.

    Raises
    ------
    AnnotationError
        If a row cannot be read, or the file has neither comments nor rows. It names the line.
    """
    seizures: dict[tuple[float, float | None, str], SeizeItSeizure] = {}
    empty = True
    for number, line in lines_of(text):
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            empty = False
            continue
        fields = [part.strip() for part in line.rstrip().split("\t")]
        if empty and tuple(part.lower() for part in fields[:3]) == _HEADER:
            continue
        empty = False
        seizure = _seizure(fields, line, name, number)
        key = (seizure.onset, seizure.offset, seizure.label)
        if key in seizures:
            raise AnnotationError.at(
                name, number, f"the same seizure as in line {seizures[key].line}"
            )
        seizures[key] = seizure
    if empty:
        raise AnnotationError(f"{name}: has neither comments nor seizures")
    return tuple(seizures.values())


def _seizure(fields: list[str], line: str, name: str, number: int) -> SeizeItSeizure:
    if not 3 <= len(fields) <= 4:
        raise AnnotationError.at(
            name, number, f"not a row of start, stop, type and remark between tabs: {shown(line)}"
        )
    onset = seconds_of(fields[0], name, number, "start")
    offset = None if fields[1] == "None" else seconds_of(fields[1], name, number, "stop")
    if offset is not None:
        check_order(onset, offset, name, number, "seizure")
    if not _TYPE.fullmatch(fields[2]):
        raise AnnotationError.at(name, number, f"not a type of seizure: {shown(fields[2])}")
    return SeizeItSeizure(onset, offset, fields[2], fields[3] if len(fields) == 4 else "", number)
