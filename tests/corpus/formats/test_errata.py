"""Errata: what a row may say, and those that come with the package."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats.clocks import interval
from tuszstore.corpus.formats.errata import (
    Erratum,
    ListedClock,
    ListedName,
    Note,
    SeizureOnset,
    Unlabelled,
    corrections_of,
    load_errata,
    parse_errata,
)
from tuszstore.corpus.formats.siena_list import read_seizure_list
from tuszstore.corpus.formats.text import text_of
from tuszstore.errors import AnnotationError, CorpusError

NOTE = {"kind": "note", "recordings": ["a.edf"]}
CLOCK = {
    "kind": "listed_clock",
    "recording": "a.edf",
    "seizure": 3,
    "which": "end",
    "listed": "19.29.29",
    "use": "18.29.29",
}
DECISION = {"key": "onset", "default": "late", "choices": {"early": NOTE, "late": None}}
RELEASED = ("bids", "chbmit", "siena")


def row(**changed: Any) -> dict[str, Any]:
    """A row that is right; None takes a key away."""
    values = {"file": "a.txt", "says": "19.29.29", "correction": NOTE, "reason": "r", "source": "s"}
    return {key: value for key, value in (values | changed).items() if value is not None}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def read(*rows: Any) -> tuple[Erratum, ...]:
    return parse_errata("corpus: x\nrows:\n" + yaml.dump(list(rows), Dumper=_Dumper), "x.yaml")


def test_a_row() -> None:
    (erratum,) = read(row(correction=CLOCK, sha256="0" * 64, bytes=12))
    assert (erratum.corpus, erratum.file, erratum.says) == ("x", "a.txt", "19.29.29")
    assert (erratum.sha256, erratum.bytes, erratum.decision) == ("0" * 64, 12, None)
    assert erratum.correction == ListedClock(
        kind="listed_clock",
        recording="a.edf",
        seizure=3,
        which="end",
        listed="19.29.29",
        use="18.29.29",
    )


def test_decisions() -> None:
    errata = read(row(), row(correction=None, decision=DECISION))
    note = Note(kind="note", recordings=("a.edf",))
    assert corrections_of(errata) == ((errata[0], note),)
    assert corrections_of(errata, {"onset": "early"}) == ((errata[0], note), (errata[1], note))
    choice = r"^corpus\.decisions: onset: 'soon' is not one of early, late$"
    with pytest.raises(CorpusError, match=choice):
        corrections_of(errata, {"onset": "soon"})
    with pytest.raises(CorpusError, match=r"^corpus\.decisions: no decision 'end', only onset$"):
        corrections_of(errata, {"end": "early"})


CONTENT = b"Seizure  end time:\t19.29.29\r\n"


@pytest.mark.parametrize(
    ("known_by", "applies"),
    [
        ({"says": "Seizure end time: 19.29.29"}, True),
        ({"says": "Seizure end time: 18.29.29"}, False),
        ({"says": None, "bytes": len(CONTENT)}, True),
        ({"says": None, "bytes": len(CONTENT) + 1}, False),
        ({"says": None, "sha256": hashlib.sha256(CONTENT).hexdigest()}, True),
        ({"says": None, "sha256": "0" * 64}, False),
        ({"sha256": "0" * 64}, True),
    ],
)
def test_a_row_is_for_the_file_that_it_identifies(known_by: dict[str, Any], applies: bool) -> None:
    (erratum,) = read(row(**known_by))
    assert erratum.applies_to("PN00/a.txt", CONTENT) is applies
    assert not erratum.applies_to("b.txt", CONTENT)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row(says=None)], ", line 3: row: needs sha256, bytes or says, to identify the file"),
        ([row(correction=None)], ", line 3: row: needs either a correction or a decision"),
        ([row(decision=DECISION)], ", line 3: row: needs either a correction or a decision"),
        ([row(reason=None)], ", line 3: reason: Field required"),
        ([row(colour="red")], ", line 3: colour: Extra inputs"),
        ([row(), row(sha256="12")], r", line 11: sha256: String should match"),
        ([row(bytes=0)], ", line 3: bytes: Input should be greater"),
        ([row(correction={"kind": "magic"})], ", line 3: correction: Input tag 'magic'"),
        ([row(correction=CLOCK | {"use": "18:29"})], ", line 3: correction.listed_clock.use"),
        ([row(correction=CLOCK | {"seizure": None})], ", line 3: correction.listed_clock: a"),
        ([row(correction=CLOCK | {"use": "header"})], ", line 3: correction.listed_clock: the"),
        ([row(correction=NOTE | {"recordings": []})], ", line 3: correction.note.recordings"),
        ([row(correction=None, decision=DECISION | {"default": "x"})],
         ", line 3: decision: default 'x' is not one of early, late"),
        ([row(correction=None, decision=DECISION)] * 2, ", line 16: decision onset is repeated"),
        ([row(corpus="y")], ", line 3: not a row of file, correction, reason and source"),
        (["text"], ", line 3: not a row of"),
    ],
)  # fmt: skip
def test_a_wrong_row_names_the_line(rows: list[Any], reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^x.yaml({reason})"):
        read(*rows)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ": must have the keys corpus and rows"),
        ("- a", ": must have the keys corpus and rows"),
        ("corpus: x\nrows: []\n", ": rows must be a list"),
        ("corpus: x\nrows: 3\n", ": rows must be a list"),
        ("corpus: x\nrows: []\nmore: 1\n", ": must have the keys corpus and rows, and no others"),
        ("corpus: x\ncorpus: y\n", ", line 2: not valid YAML .a key that is repeated"),
        ("corpus: &a x\nrows: [*a]\n", ", line 2: not valid YAML .an alias"),
        ("corpus: x\nrows: [\n", ", line 3: not valid YAML"),
        ("corpus: !!int ''\nrows: []\n", ": not valid YAML"),
        ("corpus: !!python/name:os.system ''\nrows: []\n", ", line 1: not valid YAML"),
        ("[" * 5000, ": not valid YAML"),
    ],
)
def test_what_is_no_errata_file(text: str, reason: str) -> None:
    with pytest.raises(AnnotationError, match=f"^x.yaml{reason}"):
        parse_errata(text, "x.yaml")


@pytest.mark.parametrize("corpus", RELEASED)
def test_the_errata_of_a_corpus(corpus: str) -> None:
    errata = load_errata(corpus)
    assert errata
    assert {erratum.corpus for erratum in errata} == {corpus}
    assert corrections_of(errata)


def test_a_corpus_without_errata() -> None:
    assert load_errata("folder") == ()
    assert load_errata("../../configs/tusz") == ()


def test_decisions_have_keys_of_their_own() -> None:
    keys = [
        erratum.decision.key
        for corpus in RELEASED
        for erratum in load_errata(corpus)
        if erratum.decision
    ]
    assert sorted(keys) == sorted({*keys})
    assert keys == [
        "chb24_21_onset",
        "siena_pn05_3_start",
        "siena_pn10_2_end",
        "siena_pn10_3_onset",
    ]


@pytest.mark.parametrize(
    "erratum",
    [pytest.param(one, id=f"{one.file}:{one.says}") for one in load_errata("siena")],
)
def test_what_an_erratum_of_siena_says_is_read_by_the_parser(erratum: Erratum) -> None:
    """A list with the text of the row: its times and names come out as the row says they stand."""
    choices = erratum.decision.choices.values() if erratum.decision else [erratum.correction]
    for correction in choices:
        if isinstance(correction, ListedName):
            text = _siena(file=correction.listed)
            (seizure,) = read_seizure_list(text, erratum.file).seizures
            assert seizure.file == correction.listed != correction.recording
        elif isinstance(correction, ListedClock):
            text = _siena(
                correction.recording,
                correction.seizure or 1,
                **{correction.which: correction.listed},
            )
            (seizure,) = read_seizure_list(text, erratum.file).seizures
            clocks = {
                "start": seizure.starts,
                "end": seizure.ends,
                "registration_start": (seizure.registration_start,),
            }[correction.which]
            assert all(clock and clock.written in correction.listed for clock in clocks)
        else:
            assert isinstance(correction, Note)
            text = _siena(start=erratum.says or "")
        assert erratum.applies_to(erratum.file, text.encode())


def _siena(
    file: str = "a.edf",
    number: int = 1,
    *,
    registration_start: str = "01.00.00",
    start: str = "01.10.00",
    end: str = "01.11.00",
) -> str:
    return (
        f"Seizure n {number}\r\nFile name: {file}\r\n"
        f"Registration start time: {registration_start}\r\nSeizure start time: {start}\r\n"
        f"Seizure end time: {end}\r\n"
    )


def test_pn00_3_of_the_real_list_lasts_a_minute(siena: Path) -> None:
    path = siena / "PN00" / "Seizures-list-PN00.txt"
    content = path.read_bytes()
    (applied,) = [one for one in load_errata("siena") if one.applies_to(str(path), content)]
    assert applied.sha256 == hashlib.sha256(content).hexdigest()
    assert applied.bytes == len(content)
    correction = applied.correction
    assert isinstance(correction, ListedClock)
    seizures = read_seizure_list(text_of(content, path.name), path.name).seizures
    (seizure,) = [one for one in seizures if one.number == correction.seizure]
    assert (seizure.file, seizure.ends[0].written) == (correction.recording, correction.listed)
    hour, minute, second = map(int, correction.use.split("."))
    header = 18 * 3600 + 15 * 60 + 44
    end = 3600 * hour + 60 * minute + second
    assert interval(seizure.starts[0].seconds, end, header) == (765, 825)


def test_the_ten_recordings_of_chb24() -> None:
    (unlabelled,) = [
        correction
        for _, correction in corrections_of(load_errata("chbmit"))
        if isinstance(correction, Unlabelled)
    ]
    numbers = [re.fullmatch(r"chb24_(\d\d)\.edf", name) for name in unlabelled.recordings]
    assert [match and match[1] for match in numbers] == [
        "02",
        "05",
        "08",
        "10",
        "12",
        "16",
        "18",
        "19",
        "20",
        "22",
    ]


def test_the_conversions_of_szcore() -> None:
    chbmit, siena = load_errata("bids")
    description = b'{\n  "Name": "BIDS CHB-MIT Scalp EEG Database",\n  "BIDSVersion": "1.8.0"\n}\n'
    assert chbmit.applies_to("dataset_description.json", description)
    assert not siena.applies_to("dataset_description.json", description)
    assert isinstance(chbmit.correction, Unlabelled)
    assert chbmit.correction.background_only
    assert isinstance(siena.correction, SeizureOnset)
    assert (siena.correction.listed, siena.correction.use) == (17540, 6740)


WORD = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


@given(WORD, WORD, WORD, st.integers(1, 10**9), st.lists(WORD, min_size=1, max_size=3))
def test_what_is_written_is_read_back(
    file: str, says: str, reason: str, size: int, recordings: list[str]
) -> None:
    given = row(
        file=file,
        says=says,
        reason=reason,
        bytes=size,
        correction={"kind": "note", "recordings": recordings},
    )
    (erratum,) = read(given)
    found = erratum.model_dump(exclude_none=True, mode="json")
    assert found == given | {"corpus": "x"}


PIECES = st.sampled_from(
    ["corpus: x", "rows:", "- file: a", "  says: b", "!!int ''", "- [", "*a", "&a"]
)


@given(st.lists(PIECES | st.text(max_size=10)).map("\n".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_errata(text, "x.yaml")
    except AnnotationError:
        return
    assert found
