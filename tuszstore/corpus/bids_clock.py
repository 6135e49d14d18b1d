"""Start times of recordings in BIDS: ``dateTime`` of events, or ``acq_time`` of scans tables.

Anonymised datasets shift dates, or use the same date everywhere. A participant's times are trusted
if the recordings do not overlap according to them.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tuszstore.corpus.bids_files import SIGNALS, find_sidecar, parse_name, parse_scans
from tuszstore.corpus.formats.bids import BidsEvent, Row
from tuszstore.corpus.formats.text import shown
from tuszstore.corpus.parsed import Parsed
from tuszstore.errors import RecordingError
from tuszstore.reasons import plural

_MOST = 1 << 24
_FRESH = 2.0  # s, before the tables of a participant are checked again
_CLOSE = 1.0  # s, by which recordings may overlap: times are given in whole seconds


class Clocks:
    """Starts of recordings.

    Parameters
    ----------
    events : Parsed
        Reads events tables.
    """

    def __init__(self, events: Parsed[tuple[BidsEvent, ...]]) -> None:
        self._events = events
        self._scans = Parsed(parse_scans, _MOST)
        self._known: dict[Path, tuple[float, dict[Path, tuple[datetime | None, list[str]]]]] = {}

    def start(self, path: Path, dataset: Path) -> tuple[datetime | None, list[str]]:
        """Return when a recording began, if that can be trusted, and notes on it.

        Parameters
        ----------
        path : Path
        dataset : Path
            Folder of its dataset.
        """
        subject = dataset / path.relative_to(dataset).parts[0]
        known = self._known.get(subject)
        if known is None or time.monotonic() > known[0] or path not in known[1]:
            known = (
                time.monotonic() + _FRESH,
                self._believed({path, *_recordings_of(subject)}, dataset),
            )
            self._known[subject] = known
        return known[1][path]

    def _believed(
        self, paths: Iterable[Path], dataset: Path
    ) -> dict[Path, tuple[datetime | None, list[str]]]:
        """Return the start times of a participant's recordings, and notes on each."""
        told = {path: self._told(path, dataset) for path in paths}
        spans = sorted(
            ((begin - datetime.min).total_seconds(), seconds or 0.0)
            for begin, seconds, _ in told.values()
            if begin is not None
        )
        overlap = any(
            begin + seconds > after + _CLOSE or begin == after
            for (begin, seconds), (after, _) in pairwise(spans)
        )
        return {
            path: (None if overlap else begin, [fault] if fault else [])
            for path, (begin, _, fault) in told.items()
        }

    def absent(self, dataset: Path) -> list[str]:
        """Return notes on recordings that scans tables list but that do not exist.

        Parameters
        ----------
        dataset : Path
        """
        notes = []
        for path in sorted(dataset.glob("sub-*/**/*_scans.tsv")):
            try:
                rows = self._scans(path)
            except FileNotFoundError:
                continue
            except RecordingError as error:
                notes.append(f"not read: {error}")
                continue
            lost = [
                (file, row.line)
                for file, row in rows.items()
                if _is_signal(file) and not (path.parent / file).exists()
            ]
            if lost:
                notes.append(
                    f"{path.name} lists {plural(len(lost), 'recording')} not in the corpus, "
                    f"such as {shown(lost[0][0])} (line {lost[0][1]})"
                )
        return notes

    def _told(self, path: Path, dataset: Path) -> tuple[datetime | None, float | None, str]:
        """Return start and duration of a recording according to the tables, and errors."""
        fault, seconds = "", None
        table = find_sidecar(path, dataset, "events")
        for row in self._rows(table):
            seconds = seconds or row.recording_seconds
            if text := _known(row.row, "dateTime"):
                start = _date(text)
                if start is not None:
                    return start, seconds, ""
                assert table is not None
                fault = fault or (
                    f"{table.name}, line {row.row.line}: dateTime is not a date and time: "
                    f"{shown(text)}; the clock is not used"
                )
        for folder in path.parents:
            for scans in sorted(folder.glob("*_scans.tsv")):
                row_of = self._scan(scans, path.relative_to(folder).as_posix())
                text = _known(row_of, "acq_time") if row_of else None
                if text and (start := _date(text)) is not None:
                    return start, seconds, ""
                if text and row_of:
                    fault = fault or (
                        f"{scans.name}, line {row_of.line}: acq_time is not a date and time: "
                        f"{shown(text)}; the clock is not used"
                    )
            if folder == dataset:
                break
        return None, seconds, fault

    def _rows(self, table: Path | None) -> tuple[BidsEvent, ...]:
        if table is None:
            return ()
        try:
            return self._events(table)
        except (FileNotFoundError, RecordingError):
            return ()  # reported when the annotation is read

    def _scan(self, table: Path, file: str) -> Row | None:
        try:
            return self._scans(table).get(file)
        except (FileNotFoundError, RecordingError):
            return None  # reported when recordings are listed


def _known(row: Row, column: str) -> str | None:
    name = next((one for one in row.values if one.lower() == column.lower()), None)
    return row.known(name)


def _date(text: str) -> datetime | None:
    """Return a date and time; None if it is invalid, or a date without a time."""
    if len(text) <= len("2000-01-01"):
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def _recordings_of(subject: Path) -> list[Path]:
    """Return the recordings of a participant."""
    return [other for kind in SIGNALS for other in subject.rglob(f"*_{kind}.edf")]


def _is_signal(file: str) -> bool:
    name = parse_name(file.rpartition("/")[2])
    return name is not None and name.suffix in SIGNALS
