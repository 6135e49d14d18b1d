"""Which corpus a folder is, whatever its folders are called and wherever they are."""

from pathlib import Path

import pytest

from tuszstore.corpus import recognition
from tuszstore.corpus.recognition import MOST_FOLDERS, recognise
from tuszstore.errors import CorpusError

FILES = {
    "bids": "sub-01/eeg/sub-01_task-x_eeg.edf",
    "chbmit": "chb01/chb01-summary.txt",
    "helsinki": "annotations_2017_B.csv",
    "seizeit": "P_ID64/P_ID64_r1.edf",
    "siena": "PN00/PN00-1.edf",
    "tusz": "edf/train/aaaaaaaq/s001_2015/01_tcp_ar/aaaaaaaq_s001_t000.edf",
}
"""A file by which each corpus is recognised."""


def place(root: Path, corpus: str) -> Path:
    """Write the file of a corpus below a folder, and return the folder."""
    path = root / FILES[corpus]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return root


def plain(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "a.edf").touch()


@pytest.mark.parametrize("corpus", FILES)
def test_each_corpus_is_recognised_by_its_root(tmp_path: Path, corpus: str) -> None:
    assert recognise(place(tmp_path, corpus)).name == corpus


@pytest.mark.parametrize(
    "pair", [(a, b) for a in FILES for b in FILES if a < b], ids=" and ".join
)  # fmt: skip
def test_two_corpora_side_by_side_are_never_taken_for_one(
    tmp_path: Path, pair: tuple[str, str]
) -> None:
    for number, letters in enumerate(("AZ", "ZA")):  # either may come first by name
        root = tmp_path / str(number)
        for letter, corpus in zip(letters, pair, strict=True):
            place(root / letter, corpus)
        told = ".*".join(f"{name} \\(in {at}" for name, at in zip(pair, letters, strict=True))
        with pytest.raises(CorpusError, match=rf"several corpora .*{told}.*--data \S*A or --data"):
            recognise(root)


@pytest.mark.parametrize("here", FILES)
@pytest.mark.parametrize("below", FILES)
def test_a_corpus_with_another_in_a_folder_of_its_own(
    tmp_path: Path, here: str, below: str
) -> None:
    place(place(tmp_path, here) / "other", below)
    if here == below:
        assert recognise(tmp_path).name == here
        return
    told = (
        rf"several corpora .* {here} \(.*; {below} \(in other.*--corpus {here} or --corpus {below}"
    )
    with pytest.raises(CorpusError, match=told):
        recognise(tmp_path)


@pytest.mark.parametrize("letter", ["A", "M", "Z"])
def test_many_folders_beside_do_not_hide_a_corpus(tmp_path: Path, letter: str) -> None:
    plain(tmp_path, *(f"B{n:02}" for n in range(20)), *(f"N{n:02}" for n in range(20)))
    place(tmp_path / letter, "chbmit")
    found = recognise(tmp_path)
    assert (found.name, found.reason) == (
        "chbmit", f"in {letter}, chb01/chb01-summary.txt is the summary of a case of CHB-MIT",
    )  # fmt: skip
    place(tmp_path / "Y", "siena")
    with pytest.raises(CorpusError, match=r"several corpora .* chbmit .* siena"):
        recognise(tmp_path)


def test_many_files_do_not_hide_a_folder(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}.txt").touch()
    assert recognise(place(tmp_path, "siena")).name == "siena"


def test_the_number_of_folders_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain(tmp_path, *(f"{n:03}" for n in range(MOST_FOLDERS + 20)))
    asked = []
    real = recognition.recognised_here

    def counted(folder: Path, *skipped: object) -> dict[str, str]:
        asked.append(folder)
        return real(folder, *skipped)  # type: ignore[arg-type]

    monkeypatch.setattr(recognition, "recognised_here", counted)
    assert recognise(tmp_path).name == "folder"
    assert asked == [tmp_path, *(tmp_path / f"{n:03}" for n in range(MOST_FOLDERS))]


@pytest.mark.parametrize("folder", ["sourcedata", "derivatives"])
def test_the_original_in_a_bids_dataset_is_not_another_corpus(tmp_path: Path, folder: str) -> None:
    place(place(tmp_path, "bids") / folder, "chbmit")
    assert recognise(tmp_path).name == "bids"


@pytest.mark.parametrize("hidden", [".cache", "train.zarr"])
def test_hidden_folders_and_stores_are_not_examined(tmp_path: Path, hidden: str) -> None:
    place(place(tmp_path, "siena") / hidden, "chbmit")
    assert recognise(tmp_path).name == "siena"


@pytest.mark.parametrize("corpus", ["bids", "tusz"])
def test_ids_of_some_corpora_begin_in_their_root(tmp_path: Path, corpus: str) -> None:
    place(tmp_path / "mine", corpus)
    assert recognise(tmp_path).name == "folder"
