"""Texts in the annotation signals of EDF+."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.edf_files import channel, time_keeping, write_edf
from tuszstore.corpus.formats import edfplus
from tuszstore.corpus.formats.edfplus import EdfTexts, read_edf_texts, read_tals
from tuszstore.corpus.formats.markers import Marker, Patterns, Span, spans_of
from tuszstore.errors import AnnotationError, RecordingError


def stamp(seconds: float) -> bytes:
    return f"{seconds:+g}\x14\x14\x00".encode()


def tal(onset: float, text: str, duration: float | None = None) -> bytes:
    """A list of one text."""
    length = "" if duration is None else f"\x15{duration!r}"
    return f"{onset:+.6f}{length}\x14{text}\x14\x00".encode()


def written(path: Path, records: Sequence[bytes], *others: Sequence[bytes], size: int = 64) -> Path:
    """An EDF+ file with records of 1 s; each further signal is one more of annotations."""
    signals = [time_keeping(one, per_record=size) for one in (records, *others)]
    write_edf(path, [channel("Cz", len(records), 16), *signals], reserved="EDF+C")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.edf"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that property tests write over and over."""
    return tmp_path_factory.mktemp("edfplus") / "scratch.edf"


def test_texts_of_all_records_and_signals(path: Path) -> None:
    written(
        path,
        [stamp(0) + tal(0.5, "Seizure", 1.25), stamp(1), stamp(2) + tal(2.5, "f\u00fcr\u20ac")],
        [b"", tal(1.5, "spike") + tal(1.75, "two\x14texts"), b""],
    )
    assert read_edf_texts(path) == EdfTexts(
        n_signals=2,
        start=0,
        markers=(
            Marker(0.5, 1.25, "Seizure", 1),
            Marker(2.5, None, "f\u00fcr\u20ac", 3),
            Marker(1.5, None, "spike", 2),
            Marker(1.75, None, "two", 2),
            Marker(1.75, None, "texts", 2),
        ),
    )


def test_times_count_from_the_first_sample(path: Path) -> None:
    written(path, [stamp(0.25) + tal(0.75, "a") + tal(-2, "b"), stamp(1.25)])
    found = read_edf_texts(path)
    assert found.start == 0.25
    assert [(one.onset, one.text) for one in found.markers] == [(0.5, "a"), (-2.25, "b")]


def test_latin_1_and_empty_durations(path: Path) -> None:
    written(path, [stamp(0) + b"+1\x15\x14d\xe9but\x14\x00"])
    assert read_edf_texts(path).markers == (Marker(1, None, "d\u00e9but", 1),)


def test_a_file_without_annotation_signals(path: Path) -> None:
    write_edf(path, [channel("Cz", 2, 16)])
    assert read_edf_texts(path) == EdfTexts(0, 0.0, ())


def test_seizures_from_texts(path: Path) -> None:
    written(path, [stamp(0) + tal(0.5, "SZ START"), stamp(1) + tal(1.5, "sz end"), stamp(2)])
    patterns = Patterns(starts=("sz start",), ends=("sz end",))
    found = spans_of(read_edf_texts(path).markers, patterns, path.name, unit="record")
    assert found.spans == (Span(0.5, 1.5, "SZ START", 1),)
    with pytest.raises(
        AnnotationError, match=r"^a\.edf, record 1: 'SZ START' at 0\.5 s has no end"
    ):
        spans_of(read_edf_texts(path).markers, replace(patterns, ends=()), path.name, unit="record")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"Seizure\x14\x00", "annotation without a time: 'Seizure"),
        (b"+1e5\x14x\x14\x00", "annotation without a time"),
        (b"+\x14x\x14\x00", "annotation without a time"),
        (b"+1\x15-2\x14x\x14\x00", "annotation without a time"),
        (b"+1\x14x", "annotation is cut off: '.1.x14x'"),
        (b"+1", "annotation is cut off"),
        (b"+nan\x14x\x14\x00", "annotation without a time"),
    ],
)
def test_what_cannot_be_read_names_the_record(path: Path, content: bytes, reason: str) -> None:
    written(path, [stamp(0), stamp(1) + content])
    with pytest.raises(AnnotationError, match=f"^a.edf, record 2: {reason}"):
        read_edf_texts(path)


def test_annotations_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, [stamp(0) + tal(0, "a") + tal(0, "b")])
    monkeypatch.setattr(edfplus, "_MAX_TEXTS", 1)
    with pytest.raises(AnnotationError, match=r"^a\.edf, record 1: more than 1 texts$"):
        read_edf_texts(path)
    monkeypatch.setattr(edfplus, "MAX_BYTES", 100)
    with pytest.raises(AnnotationError, match=r"^a\.edf: 128 bytes of annotation signals are too"):
        read_edf_texts(path)


@pytest.mark.parametrize("content", [b"", b"x" * 300, b"\xffBIOSEMI" + b" " * 300])
def test_what_is_no_edf_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"file is empty|not an EDF file|a BDF file"):
        read_edf_texts(path)


TEXT = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=10)
TEXTS = st.lists(
    st.tuples(st.floats(-1e4, 1e6).map(lambda x: round(x, 6)), st.none() | st.just(2.5), TEXT),
    max_size=3,
)


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_what_is_written_is_read_back(
    scratch: Path, records: list[list[tuple[float, float | None, str]]]
) -> None:
    content = [
        stamp(k) + b"".join(tal(onset, text, length) for onset, length, text in texts)
        for k, texts in enumerate(records)
    ]
    found = read_edf_texts(written(scratch, content, size=256)).markers
    assert [(one.onset, one.duration, one.text, one.line) for one in found] == [
        (*text, record) for record, texts in enumerate(records, start=1) for text in texts
    ]


PIECES = st.sampled_from([b"+1", b"-2.5", b"\x14", b"\x15", b"\x00", b"text", b"\x14\x14\x00"])


@given(st.lists(PIECES | st.binary(max_size=4)).map(b"".join))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        lists = read_tals(content, "a", 1)
    except AnnotationError:
        return
    assert all(duration is None or duration >= 0 for _, duration, _ in lists)


def test_the_real_recordings(eegmat: Path, chbmit: Path, siena: Path) -> None:
    for path in sorted((*eegmat.glob("*.edf"), *chbmit.rglob("*.edf"), *siena.rglob("*.edf"))):
        found = read_edf_texts(path)
        assert (found.n_signals, found.start) == (1, 0), path.name
