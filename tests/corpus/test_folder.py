"""Who the patients of a plain folder are, and what stops where nobody can say."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.corpus.readers import choose_split
from tuszstore.config import Corpus
from tuszstore.corpus.chbmit import ChbMit
from tuszstore.corpus.choose import choose_corpus
from tuszstore.corpus.folder import Folder
from tuszstore.corpus.recognition import recognise
from tuszstore.errors import CorpusError

BY_PATIENT = Corpus(split_policy="patient")


def touch(root: Path, names: Sequence[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def patients(root: Path, names: Sequence[str], rule: str | None = None) -> dict[str, str]:
    touch(root, names)
    found = Folder(root, {"patient": rule}).recordings().recordings
    return {recording.id: recording.patient for recording in found}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["patient01/rec1.edf", "patient02/rec1.edf"], ["patient01", "patient02"]),
        (["PN00/PN00-1.edf", "PN00/PN00-2.edf", "PN01/PN01-1.edf"], ["PN00", "PN00", "PN01"]),
        (["P_ID1/P_ID1_r1.edf", "P_ID2/P_ID2_r1.edf"], ["P_ID1", "P_ID2"]),
        (["a/001.edf", "a/002.edf", "b/001.edf"], ["a", "a", "b"]),
        (["aa_s001_t000.edf", "bb_s001_t000.edf"], ["aa", "bb"]),
        (["x/sub-1_run-1_eeg.edf", "y/sub-1_run-2_eeg.edf"], ["sub-1", "sub-1"]),
        (["p1_a.edf", "p2_a.edf"], ["p1", "p2"]),
    ],
)
def test_patients_are_what_names_and_folders_show(
    tmp_path: Path, names: list[str], expected: list[str]
) -> None:
    assert list(patients(tmp_path, names).values()) == expected


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("folder", ["x", "y"]), ("name", ["p1", "p2"]), (r"/(p)\d_", ["p", "p"])],
)
def test_a_rule_that_is_set_holds(tmp_path: Path, rule: str, expected: list[str]) -> None:
    names = ["x/p1_a.edf", "y/p2_a.edf"]
    assert list(patients(tmp_path, names, rule).values()) == expected
    (note,) = Folder(tmp_path, {"patient": rule}).recordings().notes
    assert "corpus.patient" in note


AMBIGUOUS = {
    "kinds": [f"{kind}/P{k}.edf" for kind in ("ictal", "interictal") for k in range(6)],
    "days": [f"day{d}/P{k}-eeg.edf" for d in range(3) for k in range(6)],
    "sessions": [f"ses{d}/smith{k}.edf" for d in range(3) for k in range(6)],
    "letters": [f"p{k}{letter}/rec{n}.edf" for k in range(9) for letter in "ab" for n in range(2)],
    "case": [f"{p}{k}/rec{n}.edf" for k in range(4) for p in "Pp" for n in range(2)],
    "each its own": [f"p{k}/eeg.edf" for k in range(8)],
    "one": ["p1/a.edf", "p1/b.edf"],
}


@pytest.mark.parametrize("names", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_nobody_is_divided_without_a_word(tmp_path: Path, names: list[str]) -> None:
    patients(tmp_path, names)
    found = Folder(tmp_path, {}).recordings().recordings
    with pytest.raises(CorpusError, match=r"corpus\.patient"):
        choose_split(found, "train", BY_PATIENT)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (r"^(q)/", "does not match"),
        (r"^(x)?y", "finds no patient in"),
        (r"^()y", "finds no patient in"),
        ("folder", "is in none"),
    ],
)
def test_a_rule_that_finds_nobody_is_told(tmp_path: Path, rule: str, told: str) -> None:
    with pytest.raises(CorpusError, match=told):
        patients(tmp_path, ["y.edf"], rule)


@pytest.mark.parametrize(
    ("id_", "patient", "known"),
    [
        ("chb01/chb01_01.edf", "chb01", True),
        ("chb01/extra/chb01_05.edf", "chb01", True),
        ("CHB01/CHB01_01.edf", "chb01", True),
        ("chb17a/chb17a_03.edf", "chb17", True),
        ("chb21/chb21_01.edf", "chb01", True),
        ("CHB21/CHB21_01.edf", "chb01", True),
        ("1.0.0/chb02/chb02_16+.edf", "chb02", True),
        ("chb03_01.edf", "chb03", True),
        ("new/x_1.edf", "new", False),
    ],
)
@pytest.mark.parametrize("errata", ["correct", "none"])
def test_cases_of_chbmit(tmp_path: Path, errata: str, id_: str, patient: str, known: bool) -> None:
    recording = ChbMit(tmp_path, {"errata": errata}).find(id_)
    assert (recording.patient, recording.states_patient) == (patient, known)


def test_the_folder_of_one_case_is_chbmit(tmp_path: Path) -> None:
    touch(tmp_path, ["chb01/chb01-summary.txt", "chb01/chb01_01.edf"])
    assert recognise(tmp_path / "chb01").name == "chbmit"


@pytest.mark.parametrize(
    "name",
    ["chb01/chb01-summary.txt", "CHB01/CHB01_01.edf", "1.0.0/chb03/chb03-summary.txt",
     "chb17/chb17a_03.edf"],
)  # fmt: skip
def test_chbmit_is_recognised(tmp_path: Path, name: str) -> None:
    touch(tmp_path, [name])
    assert recognise(tmp_path).name == "chbmit"


def test_a_rule_is_for_plain_folders(tmp_path: Path) -> None:
    import tuszstore

    touch(tmp_path, ["chb01/chb01-summary.txt"])
    config = tuszstore.load_config(None, {"corpus.patient": "name"})
    with pytest.raises(CorpusError, match="corpus 'chbmit' states patients"):
        choose_corpus(config, tmp_path)
