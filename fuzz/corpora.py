"""Fuzz targets of what corpora make of tables and texts: events in samples, or a refusal."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.corpus.edf_files import channel, edf_bytes, time_keeping
from tuszstore.config import Labels
from tuszstore.corpus.annotations import Annotation, read_annotation
from tuszstore.corpus.base import Recording
from tuszstore.corpus.bids import Bids
from tuszstore.corpus.edf_texts import read_edf_annotation
from tuszstore.corpus.events import mark_events
from tuszstore.errors import RecordingError

FOLDER = Path(tempfile.mkdtemp(prefix="tuszstore-fuzz-"))
"""Where a target writes what is read as a file."""

_LENGTH, _SFREQ = 400, 10
_PLAIN = edf_bytes([channel("Cz", 2, 4), channel("Fp1", 2, 4)])
_TEXTS = Labels(annotation="edf+")


def bids_events(data: bytes) -> None:
    """Read an events table of BIDS, and when its recording began."""
    corpus, recording = _dataset("events", data)
    facts = corpus.facts(recording)
    assert (facts.start is None) == (facts.clock == "none")
    _marked(lambda: corpus.annotation(recording), Labels())


def bids_channels(data: bytes) -> None:
    """Read which channels are bad."""
    corpus, recording = _dataset("channels", data)
    files = corpus.files(recording).signal
    try:
        facts = corpus.facts(recording)
    except RecordingError:
        assert files == (recording.path,)
        return
    assert any(signal.bad for signal in facts.signals) <= (len(files) == 2)


def bids_lists(data: bytes) -> None:
    """Read participants, and recordings of a session."""
    corpus, recording = _dataset("scans", data)
    (corpus.root / "participants.tsv").write_bytes(data)
    found = corpus.recordings()
    (one,) = found.recordings
    assert (one.id, bool(one.patient)) == (recording.id, True)
    assert sum(len(a) + len(b) for a, b in one.about) <= 1000
    corpus.facts(recording)


def tse_events(data: bytes) -> None:
    """Read events of the whole montage, and what nobody looked at."""
    _read(data, "tse")


def lbl_events(data: bytes) -> None:
    """Read events of each channel, of which all are seizures."""
    _read(data, "lbl")


def edf_texts(data: bytes) -> None:
    """Read seizures in the texts of one data record."""
    path = FOLDER / "texts.edf"
    signal = time_keeping([data], per_record=len(data) // 2 + 1)
    path.write_bytes(edf_bytes([channel("Cz", 1, 4), signal], reserved="EDF+C"))
    recording = Recording(id=path.name, path=path, folder="", patient="a")
    _marked(lambda: read_edf_annotation(recording, _TEXTS), _TEXTS)


def _dataset(table: str, data: bytes) -> tuple[Bids, Recording]:
    """Return a dataset of one recording with a table."""
    root = FOLDER / table
    folder = root / "sub-01" / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sub-01_task-x_eeg.edf"
    path.write_bytes(_PLAIN)
    (folder / f"sub-01_task-x_{table}.tsv").write_bytes(data)
    corpus = Bids(root, {"bads": "interpolate"})
    return corpus, corpus.find("sub-01/eeg/sub-01_task-x_eeg.edf")


def _read(data: bytes, kind: str) -> None:
    path = FOLDER / f"a.{kind}"
    path.write_bytes(data)
    _marked(lambda: read_annotation(path, kind), Labels())


def _marked(read: Callable[[], Annotation], labels: Labels) -> None:
    try:
        found = read()
        assert found.digest
        for event in found.events:
            assert event.onset >= 0
            assert np.isnan(event.offset) or event.onset <= event.offset
        marked = mark_events(found, _LENGTH, _SFREQ, labels)
    except RecordingError:
        return
    assert (marked.first >= 0).all()
    assert (marked.first <= marked.stop).all()
    assert (marked.stop <= _LENGTH).all()
