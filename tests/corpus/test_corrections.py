"""Which errata hold for which recording, and what is noted of them."""

from pathlib import Path

import pytest

from tuszstore.corpus.base import Recording
from tuszstore.corpus.corrections import Corrections, errata_in
from tuszstore.corpus.formats.errata import ListedClock, ListedName
from tuszstore.errors import CorpusError


def recording(root: Path, name: str, folder: str = "PN11") -> Recording:
    path = root / folder / name
    return Recording(id=f"{folder}/{name}", path=path, folder="", patient=folder)


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def listed(errata: Corrections, one: Recording) -> list[str]:
    return [applied.correction.listed for applied in errata.of(ListedName, one)]


def test_a_row_holds_where_its_file_says_so(tmp_path: Path) -> None:
    errata = Corrections("siena", tmp_path, {})
    one, other = recording(tmp_path, "PN11-1.edf"), recording(tmp_path, "PN11-2.edf")
    assert listed(errata, one) == []  # there is no list
    write(tmp_path, "PN11/Seizures-list-PN11.txt", "File name: PN11-1.edf")
    assert listed(errata, one) == []  # corrected
    write(tmp_path, "PN11/Seizures-list-PN11.txt", "File name: PN11-.edf")
    assert listed(errata, one) == ["PN11-.edf"]
    assert listed(errata, other) == []
    assert errata.of(ListedClock, one) == []


def test_the_nearest_file_up_to_the_root_counts(tmp_path: Path) -> None:
    text = "File name: PN11-.edf"
    root = tmp_path / "root"
    errata = Corrections("siena", root, {})
    one = recording(root, "PN11-1.edf", "a/b")
    write(tmp_path, "Seizures-list-PN11.txt", text)
    assert listed(errata, one) == []  # outside the corpus
    write(root, "a/Seizures-list-PN11.txt", text)
    assert listed(errata, one) == ["PN11-.edf"]
    write(root, "a/b/Seizures-list-PN11.txt", "another")
    assert listed(errata, one) == []


def test_errata_may_be_off(tmp_path: Path) -> None:
    write(tmp_path, "PN11/Seizures-list-PN11.txt", "File name: PN11-.edf")
    errata = Corrections("siena", tmp_path, {"errata": "none"})
    assert not errata.on
    assert listed(errata, recording(tmp_path, "PN11-1.edf")) == []
    assert errata.notes(recording(tmp_path, "PN11-1.edf")) == ()


def test_a_decision_that_leaves_the_file_as_it_is_is_noted(tmp_path: Path) -> None:
    write(tmp_path, "chb24/chb24-summary.txt", "File Name: chb24_21.edf")
    one = recording(tmp_path, "chb24_21.edf", "chb24")
    assert Corrections("chbmit", tmp_path, {}).notes(one) == (
        "left as it is in the file (erratum chb24_21_onset: summary)",
    )
    decisions = {"decisions": (("chb24_21_onset", "seizures"),)}
    assert Corrections("chbmit", tmp_path, decisions).notes(one) == ()


def test_unknown_decisions(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no decision 'onset', only chb24_21_onset$"):
        Corrections("chbmit", tmp_path, {"decisions": {"onset": "x"}})
    with pytest.raises(CorpusError, match="no decision 'onset', only none"):
        Corrections("folder", tmp_path, {"decisions": {"onset": "x"}})


@pytest.mark.parametrize(
    ("notes", "errata"),
    [
        ("", []),
        ("label '01' read as 'O1' (erratum)", ["label '01' read as 'O1' (erratum)"]),
        (
            "x (erratum); y; z (erratum siena_pn10_3_onset: electric)",
            ["x (erratum)", "z (erratum siena_pn10_3_onset: electric)"],
        ),
        ("an erratum of something (see there)", []),
    ],
)
def test_notes_tell_of_errata(notes: str, errata: list[str]) -> None:
    assert errata_in(notes) == errata


def test_a_note_is_one_note(tmp_path: Path) -> None:
    """Notes are joined with semicolons."""
    write(tmp_path, "chb03/chb03-summary.txt", "File Name: chb03_24.edf")
    (note,) = Corrections("chbmit", tmp_path, {}).notes(
        recording(tmp_path, "chb03_24.edf", "chb03")
    )
    assert "; " not in note
    assert errata_in(note) == [note]
