"""Texts in the annotation signals of EDF+.

Each data record of an annotation signal holds lists (TALs) of a time, perhaps a duration, and
texts; the first list of a record gives the record's time.
:func:`tuszstore.corpus.formats.markers.spans_of` decides which texts mean a seizure.

The format is described at https://www.edfplus.info/specs/edfplus.html.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tuszstore.corpus.edf import ANNOTATION_LABEL, read_header, records_of
from tuszstore.corpus.formats.markers import Marker
from tuszstore.corpus.formats.text import MAX_BYTES, shown
from tuszstore.errors import AnnotationError, RecordingError

_STAMP = re.compile(rb"([+-]?\d{1,15}(?:\.\d{0,30})?)(?:\x15(\d{1,15}(?:\.\d{0,30})?|))?")
_MAX_TEXTS = 1_000_000


@dataclass(frozen=True)
class EdfTexts:
    """The texts in the annotation signals of a file.

    Attributes
    ----------
    n_signals : int
        Annotation signals; with 0, the file has no annotations.
    start : float
        Time of the first sample in seconds from the start in the header: less than 1 s, mostly 0.
    markers : tuple of Marker
        Texts in the order of the file, in seconds *from the first sample*; their line is the data
        record, counted from 1. EDF+ allows times before the recording.
    """

    n_signals: int
    start: float
    markers: tuple[Marker, ...]


def read_edf_texts(path: Path) -> EdfTexts:
    """Read the texts of a file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    AnnotationError
        If a list cannot be read, or there are too many. It names the file and the data record.
    RecordingError
        If it is not an EDF file.
    """
    name = path.name
    header = read_header(path)
    numbers = [k for k, signal in enumerate(header.signals) if signal.label == ANNOTATION_LABEL]
    size = header.n_records * sum(2 * header.signals[number].samples for number in numbers)
    if size > MAX_BYTES:
        raise AnnotationError(
            f"{name}: {size} bytes of annotation signals are too many "
            f"(at most {MAX_BYTES // 2**20} MiB)"
        )
    start: float | None = None
    found: list[tuple[float, float | None, str, int]] = []
    try:
        for signal, number in enumerate(numbers):
            for record, content in enumerate(records_of(path, header, number), start=1):
                lists = read_tals(content, name, record)
                if signal == 0 and record == 1 and lists and lists[0][2][:1] == ("",):
                    start = lists[0][0]
                found += [
                    (onset, duration, text, record)
                    for onset, duration, texts in lists
                    for text in texts
                    if text
                ]
                if len(found) > _MAX_TEXTS:
                    raise AnnotationError.at(
                        name, record, f"more than {_MAX_TEXTS} texts", unit="record"
                    )
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error
    zero = start or 0.0
    return EdfTexts(
        n_signals=len(numbers),
        start=zero,
        markers=tuple(
            Marker(onset - zero, duration, text, record) for onset, duration, text, record in found
        ),
    )


def read_tals(
    content: bytes, name: str, record: int
) -> list[tuple[float, float | None, tuple[str, ...]]]:
    """Read the lists in one data record of an annotation signal.

    Parameters
    ----------
    content : bytes
    name : str
        Name of the file, for messages.
    record : int
        Counted from 1, for messages.

    Returns
    -------
    list of (float, float or None, tuple of str)
        Time, duration and texts of each list. The text is empty in the one that gives the record's
        own time.

    Raises
    ------
    AnnotationError
        If a list is cut off, or has no time.
    """
    lists = []
    for piece in content.split(b"\x00"):
        if not piece:
            continue
        stamp, *texts = piece.split(b"\x14")
        match = _STAMP.fullmatch(stamp)
        if match is None:
            raise AnnotationError.at(
                name, record, f"annotation without a time: {_shown(piece)}", unit="record"
            )
        if not texts or texts.pop():
            raise AnnotationError.at(
                name, record, f"annotation is cut off: {_shown(piece)}", unit="record"
            )
        duration = float(match[2]) if match[2] else None
        lists.append((float(match[1]), duration, tuple(_decoded(text) for text in texts)))
    return lists


def _decoded(text: bytes) -> str:
    try:
        return text.decode().strip()
    except UnicodeDecodeError:
        return text.decode("latin-1").strip()


def _shown(piece: bytes) -> str:
    return shown(piece[:100].decode("latin-1"))
