"""The TSV sidecars of BIDS: ``_events.tsv``, ``_channels.tsv`` and ``participants.tsv``.

Columns may be in any order, ``n/a`` or an empty cell means "unknown", and cells may be quoted. The
type of an event is in ``eventType`` in SzCORE's standard, and in ``trial_type`` in BIDS itself. A
corpus defines the meaning of its words; :mod:`tuszstore.corpus.formats.markers` pairs markers
of zero length. BIDS allows onsets before the recording, and rows that repeat each other.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tuszstore.corpus.formats.markers import Marker
from tuszstore.corpus.formats.text import lines_of, number_of, seconds_of, shown
from tuszstore.errors import AnnotationError

TYPE_COLUMNS = ("eventType", "trial_type")
"""Columns that may name the type of an event; the first that exists is used."""

_UNKNOWN = frozenset({"", "n/a"})
_SEPARATORS = {",": "commas", ";": "semicolons", " ": "blanks"}
_STATUS = frozenset({"good", "bad"})


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes
    ----------
    line : int
    values : mapping of str to str
        Cells by column, as written but without blanks at their ends.
    """

    line: int
    values: Mapping[str, str]

    def known(self, column: str | None) -> str | None:
        """Return a cell, or None if the column or the value is missing."""
        value = self.values.get(column, "") if column else ""
        return None if value.lower() in _UNKNOWN else value


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    name : str
        Name of the file, for messages.
    columns : tuple of str
    rows : tuple of Row
    line : int
        Line of the header.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int = 1

    def column(self, *names: str) -> str | None:
        """Return the first of some columns that exists, in any case; None if none does."""
        lowered = {column.lower(): column for column in reversed(self.columns)}
        for name in names:
            if name in self.columns:
                return name
            if name.lower() in lowered:
                return lowered[name.lower()]
        return None

    def required(self, *names: str) -> str:
        """Return the first of some columns that exists.

        Raises
        ------
        AnnotationError
            If none does.
        """
        found = self.column(*names)
        if found is None:
            if any(map(_is_value, self.columns)):
                raise _no_header(self.name, self.line, self.columns)
            if separator := self._separator(names):
                raise AnnotationError(
                    f"{self.name}: has no column {' or '.join(names)}: its cells are separated by "
                    f"{separator}, but BIDS needs tabs"
                )
            raise AnnotationError(
                f"{self.name}: has no column {' or '.join(names)}, "
                f"but {shown(', '.join(self.columns))}"
            )
        return found

    def _separator(self, names: tuple[str, ...]) -> str:
        """Return what separates the cells in place of tabs, if that gives one of some columns."""
        wanted = {name.lower() for name in names}
        if len(self.columns) == 1:
            for character, told in _SEPARATORS.items():
                parts = self.columns[0].lower().split(character)
                if wanted & {part.strip(' "') for part in parts}:
                    return told
        return ""


def _is_value(cell: str) -> bool:
    """Return whether a cell is a number or ``n/a``, and not the name of a column."""
    try:
        float(cell)
    except ValueError:
        return cell.lower() == "n/a"
    return True


def _no_header(name: str, line: int, cells: Iterable[str]) -> AnnotationError:
    return AnnotationError.at(
        name,
        line,
        f"the first row is not a header, but values: {shown(', '.join(cells))}; BIDS needs a row "
        "with the names of the columns before it",
    )


@dataclass(frozen=True)
class BidsEvent:
    """A row of an events table.

    Attributes
    ----------
    onset : float
        Seconds from the first sample; may be negative.
    duration : float or None
    label : str or None
        Its type, as written.
    confidence : float or None
    channels : tuple of str
        Empty if unknown.
    recording_seconds : float or None
        Duration of the whole recording.
    row : Row
    """

    onset: float
    duration: float | None
    label: str | None
    confidence: float | None
    channels: tuple[str, ...]
    recording_seconds: float | None
    row: Row

    @property
    def marker(self) -> Marker:
        """The event as a text with a time, which ``markers.spans_of`` pairs."""
        return Marker(self.onset, self.duration, self.label or "", self.row.line)


@dataclass(frozen=True)
class BidsChannel:
    """A row of a channels table.

    Attributes
    ----------
    name : str
        Its spelling may differ from that of the EDF file.
    kind : str or None
        Type, such as ``EEG``.
    units : str or None
    bad : bool or None
        None if the status is unknown.
    row : Row
    """

    name: str
    kind: str | None
    units: str | None
    bad: bool | None
    row: Row


def read_table(text: str, name: str) -> Table:
    """Read a table of tab-separated values.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
        If there is no header, a column has no name or a repeated one, or a row has the wrong
        number of cells. It names the line.
    """
    columns: tuple[str, ...] = ()
    header = 1
    rows = []
    for number, line in lines_of(text):
        if not line.strip():
            continue
        cells = _cells(line, name, number)
        if columns:
            if len(cells) > len(columns) and not any(cells[len(columns) :]):
                del cells[len(columns) :]
            if len(cells) != len(columns):
                raise AnnotationError.at(
                    name,
                    number,
                    f"has {len(cells)} cells for {len(columns)} columns: {shown(line)}",
                )
            rows.append(Row(number, dict(zip(columns, cells, strict=True))))
            continue
        while len(cells) > 1 and not cells[-1]:
            cells.pop()
        unnamed = "" in cells or len(set(cells)) < len(cells)
        if unnamed and any(map(_is_value, cells)):
            raise _no_header(name, number, cells)
        if "" in cells:
            raise AnnotationError.at(name, number, f"a column without a name: {shown(line)}")
        if twice := [cell for cell, count in Counter(cells).items() if count > 1]:
            raise AnnotationError.at(name, number, f"column {shown(twice[0])} is repeated")
        columns, header = tuple(cells), number
    if not columns:
        raise AnnotationError(f"{name}: has no header")
    return Table(name, columns, tuple(rows), header)


def read_events(text: str, name: str, type_column: str | None = None) -> tuple[BidsEvent, ...]:
    """Read an events table.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.
    type_column : str, optional
        Column of the type of an event; by default the first of :data:`TYPE_COLUMNS`.

    Raises
    ------
    AnnotationError
        If ``onset``, ``duration`` or the given column is missing, or a cell cannot be read.
    """
    table = read_table(text, name)
    onset, duration = table.required("onset"), table.required("duration")
    kind = table.required(type_column) if type_column else table.column(*TYPE_COLUMNS)
    confidence, whole = table.column("confidence"), table.column("recordingDuration")
    channels = table.column("channels", "channel")
    events = []
    for row in table.rows:
        line = row.line
        length, sure, seconds = row.known(duration), row.known(confidence), row.known(whole)
        events.append(
            BidsEvent(
                onset=seconds_of(row.values[onset], name, line, "onset", negative=True),
                duration=None if length is None else seconds_of(length, name, line, "duration"),
                label=row.known(kind),
                confidence=None if sure is None else number_of(sure, name, line, "confidence"),
                channels=tuple(
                    part.strip() for part in (row.known(channels) or "").split(",") if part.strip()
                ),
                recording_seconds=None
                if seconds is None
                else seconds_of(seconds, name, line, "recordingDuration"),
                row=row,
            )
        )
    return tuple(events)


def read_channels(text: str, name: str) -> tuple[BidsChannel, ...]:
    """Read a channels table.

    A name may be repeated, like labels of EDF files, but not with another status.

    Raises
    ------
    AnnotationError
        If ``name`` is missing, a status is neither ``good`` nor ``bad``, or two contradict each
        other.
    """
    table = read_table(text, name)
    label = table.required("name")
    kind, units, status = table.column("type"), table.column("units"), table.column("status")
    channels: dict[str, BidsChannel] = {}
    found = []
    for row in table.rows:
        value = row.known(label)
        if value is None:
            raise AnnotationError.at(name, row.line, "a channel without a name")
        word = row.known(status)
        if word is not None and word.lower() not in _STATUS:
            raise AnnotationError.at(
                name, row.line, f"the status of {shown(value)} is {shown(word)}, not good or bad"
            )
        bad = None if word is None else word.lower() == "bad"
        channel = BidsChannel(value, row.known(kind), row.known(units), bad, row)
        before = channels.setdefault(value, channel)
        if before.bad != bad:
            raise AnnotationError.at(
                name, row.line, f"{shown(value)} has another status in line {before.row.line}"
            )
        found.append(channel)
    return tuple(found)


def read_participants(text: str, name: str) -> dict[str, Row]:
    """Read the table of participants: their rows by id, in the order of the file.

    Raises
    ------
    AnnotationError
        If ``participant_id`` is missing, or one is empty or repeated.
    """
    table = read_table(text, name)
    column = table.required("participant_id")
    found: dict[str, Row] = {}
    for row in table.rows:
        participant = row.known(column)
        if participant is None:
            raise AnnotationError.at(name, row.line, "a participant without an id")
        if participant in found:
            raise AnnotationError.at(
                name,
                row.line,
                f"{shown(participant)} is repeated, first in line {found[participant].line}",
            )
        found[participant] = row
    return found


def _cells(line: str, name: str, number: int) -> list[str]:
    if '"' not in line:
        return [cell.strip() for cell in line.split("\t")]
    try:
        (cells,) = csv.reader([line], delimiter="\t", strict=True)
    except csv.Error as error:
        raise AnnotationError.at(name, number, f"not a row of a TSV file ({error})") from None
    return [cell.strip() for cell in cells]
