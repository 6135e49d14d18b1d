"""Events in files: SzCORE's tables in folders of BIDS, ``.csv_bi``, and annotations of MNE.

Files can be read back without loss, to the last bit of onsets and offsets. Recordings that
are parts of one file are merged in it.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from tuszstore.corpus.annotations import MAX_BYTES, Unlabelled, read_nedc_csv
from tuszstore.corpus.events import looks_like_seizure
from tuszstore.corpus.formats.bids import read_events
from tuszstore.corpus.formats.text import text_of
from tuszstore.corpus.regular import read_regular
from tuszstore.errors import RecordingError
from tuszstore.evaluate.events import LABEL, EventTable
from tuszstore.evaluate.intervals import Spans, as_spans
from tuszstore.evaluate.sources import (
    Source,
    bids_paths,
    csv_bi_paths,
    find_files,
    find_source,
    sources_of,
)
from tuszstore.evaluate.tables import Recordings
from tuszstore.evaluate.writing import PredictionError
from tuszstore.read.selection import find_recording
from tuszstore.text import printable

if TYPE_CHECKING:
    from mne import Annotations

SAME_LENGTH = 0.1
"""Tolerance (s) of the duration in a file."""

_COLUMNS = (
    "onset",
    "duration",
    "eventType",
    "confidence",
    "channels",
    "dateTime",
    "recordingDuration",
)


def write_bids(table: EventTable, folder: str | os.PathLike[str]) -> list[Path]:
    """Write SzCORE's ``_events.tsv`` of each file, in folders of BIDS.

    ``recordingDuration`` is the length of the original file: SzCORE's evaluation scores a table of
    another length as if it were empty. A recording without events has one row ``bckg``; an
    unlabelled one has no table.

    Parameters
    ----------
    table : EventTable
    folder : path

    Returns
    -------
    list of Path
        The tables.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    description = {"Name": "Seizures", "BIDSVersion": "1.7.0", "DatasetType": "derivative"}
    (root / "dataset_description.json").write_text(json.dumps(description, indent=1) + "\n")
    return _write(table, root, bids_paths(table.recordings), _bids_lines)


def write_csv_bi(table: EventTable, folder: str | os.PathLike[str]) -> list[Path]:
    """Write a ``.csv_bi`` of each file, like TUSZ, at the path of the signal.

    Parameters
    ----------
    table : EventTable
    folder : path

    Returns
    -------
    list of Path
    """
    return _write(table, Path(folder), csv_bi_paths(table.recordings), _csv_bi_lines)


def to_annotations(table: EventTable, recording: str | int) -> "Annotations":
    """Return the events of one recording as an MNE object, each with the description ``seiz``."""
    import mne

    rows = table.rows(find_recording(table.recordings.id, recording))
    lengths = [_duration(*pair) for pair in zip(table.onset[rows], table.offset[rows], strict=True)]
    extras = [
        {} if math.isnan(sure) else {"confidence": sure} for sure in table.confidence[rows].tolist()
    ]
    return mne.Annotations(table.onset[rows], lengths, [LABEL] * len(rows), extras=extras)


def from_annotations(
    annotations: "Annotations", recordings: Recordings, recording: str | int
) -> EventTable:
    """Return the seizures among annotations of MNE as the events of one recording.

    Parameters
    ----------
    annotations : mne.Annotations
        Only those whose description is that of a seizure become events.
    recordings : Recordings
        The recordings of the table, such as ``predictions.recordings``.
    recording : str or int
        Id, file name with or without suffix, or row.
    """
    row = find_recording(recordings.id, recording)
    chosen = [k for k, name in enumerate(annotations.description) if looks_like_seizure(str(name))]
    onset, length = annotations.onset[chosen], annotations.duration[chosen]
    extras = getattr(annotations, "extras", None) or [{}] * len(annotations)
    sure = [(extras[k] or {}).get("confidence", np.nan) for k in chosen]
    known = np.arange(len(recordings)) == row
    spans = np.column_stack([onset, onset + length])
    return EventTable.of(recordings, [(row, spans, np.array(sure, np.float32))], known)


def read_event_files(
    path: str | os.PathLike[str], recordings: Recordings | None = None
) -> EventTable:
    """Read events of recordings from one file, or from a folder of them.

    In a folder, each recording's file is where :meth:`EventTable.write_bids` or
    :meth:`EventTable.write_csv_bi` puts it, or else has the recording's name anywhere below.
    Recordings without a file are unknown.

    Parameters
    ----------
    path : path
        A ``.csv_bi``, ``.csv`` or ``_events.tsv`` file, or a folder.
    recordings : Recordings
        Those that the events are of, such as ``predictions.recordings``; must be given.

    Raises
    ------
    TypeError
        Without recordings.
    PredictionError
        If a file is of another recording, or of one of another length; or there is none.
    """
    if not isinstance(recordings, Recordings):
        raise TypeError(
            "events are read for known recordings: read_event_files(path, predictions.recordings), "
            "where predictions = tuszstore.open_predictions(...)"
        )
    given = Path(path)
    if not given.exists():
        raise PredictionError(f"{given}: does not exist")
    sources = sources_of(recordings)
    found = (
        find_files(given, recordings, sources)
        if given.is_dir()
        else [(given, find_source(given, recordings, sources))]
    )
    known = np.zeros(len(recordings), bool)
    events = []
    for file, source in found:
        spans, sure = _read(file, source)
        known[source.rows] = True
        for row in source.rows:
            start = recordings.source_start[row]
            cut = spans - start
            if len(source.rows) > 1:
                cut = np.clip(cut, 0, recordings.seconds[row])
            inside = cut[:, 1] > cut[:, 0]
            events.append((row, cut[inside], sure[inside]))
    if not found:
        raise PredictionError(
            f"{given}: has no events file of these recordings: neither *_events.tsv nor "
            f"*.csv_bi with the name of one, such as {sources[0].stem if sources else ''!r}"
        )
    return EventTable.of(recordings, sorted(events, key=lambda entry: entry[0]), known)


def _write(
    table: EventTable,
    root: Path,
    paths: list[PurePosixPath],
    lines: Callable[[Source, Spans, list[float]], Iterator[str]],
) -> list[Path]:
    written = []
    starts = table.recordings.source_start
    for source, path in zip(sources_of(table.recordings), paths, strict=True):
        rows = np.concatenate([table.rows(row) for row in source.rows])
        if not table.known[source.rows].any():
            continue
        shift = starts[table.recording[rows]]
        spans = np.column_stack([table.onset[rows] + shift, table.offset[rows] + shift])
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines(source, spans, table.confidence[rows].tolist()))
        target.write_text(text + "\n", encoding="utf-8")
        written.append(target)
    return written


def _bids_lines(source: Source, spans: Spans, sure: list[float]) -> Iterator[str]:
    yield "\t".join(_COLUMNS)
    rest = f"n/a\tn/a\t{source.seconds!r}"
    for (onset, offset), confidence in zip(spans.tolist(), sure, strict=True):
        known = "n/a" if math.isnan(confidence) else repr(confidence)
        yield f"{onset!r}\t{_duration(onset, offset)!r}\tsz\t{known}\t{rest}"
    if not len(spans):
        yield f"0.0\t{source.seconds!r}\tbckg\tn/a\t{rest}"


def _csv_bi_lines(source: Source, spans: Spans, sure: list[float]) -> Iterator[str]:
    yield "# version = csv_v1.0.0"
    yield f"# bname = {printable(source.stem)}"
    yield f"# duration = {source.seconds!r} secs"
    yield "#"
    yield "channel,start_time,stop_time,label,confidence"
    for (onset, offset), confidence in zip(spans.tolist(), sure, strict=True):
        known = "" if math.isnan(confidence) else repr(confidence)
        yield f"TERM,{onset!r},{offset!r},{LABEL},{known}"
    if not len(spans):
        yield f"TERM,0.0,{source.seconds!r},bckg,1.0"


def _duration(onset: float, offset: float) -> float:
    """Return the duration that, added to the onset, gives the offset exactly."""
    length = float(offset) - float(onset)
    for near in (length, np.nextafter(length, math.inf), np.nextafter(length, -math.inf)):
        if onset + float(near) == offset:
            return float(near)
    return length


def _read(file: Path, source: Source) -> tuple[Spans, Any]:
    """Return onset, offset and confidence of the seizures in a file."""
    try:
        text = text_of(read_regular(file, MAX_BYTES), str(file))
        spans, sure, seconds = (_read_tsv if file.suffix == ".tsv" else _read_csv)(text, file)
    except Unlabelled as error:
        raise PredictionError(f"{error}: it is unknown whether there are seizures") from None
    except (RecordingError, OSError) as error:
        raise PredictionError(str(error)) from error
    named = re.search(r"^#[ \t]*bname[ \t]*=[ \t]*(.*\S)[ \t]*$", text, re.MULTILINE)
    if named and named[1] not in (source.stem, printable(source.stem).strip()):
        raise PredictionError(
            f"{file}: is of another recording: it names {named[1]!r:.60}, not {source.stem!r}"
        )
    end = float(spans[:, 1].max(initial=0.0))
    told = seconds if seconds is not None else end
    if abs(told - source.seconds) > SAME_LENGTH and (seconds is not None or end > source.seconds):
        raise PredictionError(
            f"{file}: is of a recording with another duration: {told:g} s, but {source.name} has "
            f"{source.seconds:g} s"
        )
    cut = np.clip(spans, 0, max(source.seconds, told))
    return cut, sure


def _read_tsv(text: str, file: Path) -> tuple[Spans, Any, float | None]:
    rows = read_events(text, str(file))
    if not rows:
        raise PredictionError(f"{file}: has no row, so it is unknown whether there are seizures")
    chosen = [row for row in rows if row.label is not None and looks_like_seizure(row.label)]
    for row in chosen:
        if row.duration is None:
            raise PredictionError(f"{file}, line {row.row.line}: a seizure without a duration")
    spans = as_spans([(row.onset, row.onset + (row.duration or 0.0)) for row in chosen])
    sure = [math.nan if row.confidence is None else row.confidence for row in chosen]
    lengths = {row.recording_seconds for row in rows} - {None}
    if len(lengths) > 1:
        raise PredictionError(f"{file}: states several lengths of the recording")
    return spans, np.array(sure, np.float32), next(iter(lengths), None)


def _read_csv(text: str, file: Path) -> tuple[Spans, Any, float | None]:
    events, seconds = read_nedc_csv(text, str(file))
    chosen = [event for event in events if looks_like_seizure(event.label)]
    spans = as_spans([(event.onset, event.offset) for event in chosen])
    return spans, np.array([event.confidence for event in chosen], np.float32), seconds
