"""Splits that a file lists: what it may say, and that nobody is in two without being told."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.config import load_config
from tuszstore.corpus.base import Recording
from tuszstore.corpus.split_files import SplitFile, builtin_splits, divide, load_splits
from tuszstore.corpus.splits import Split, available_splits, choose_split
from tuszstore.errors import ConfigError, CorpusError


def recording(id_: str, patient: str, corpus: str = "chbmit") -> Recording:
    folders = tuple(id_.split("/")[:-1])
    return Recording(id_, Path("/c", id_), "", patient, corpus=corpus, folders=folders)


CHBMIT = [
    recording(f"chb{k:02}/chb{k:02}_01.edf", "chb01" if k == 21 else f"chb{k:02}")
    for k in range(1, 25)
]
PLAIN = [recording(f"{name}/{name}_1.edf", name, "folder") for name in "abcdef"]


def choose(recordings: list[Recording], name: str, split_file: object, **keys: Any) -> Split:
    config = load_config({"corpus": {"split_file": str(split_file), **keys}}).corpus
    return choose_split(recordings, name, config, annotation_of=lambda _: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def write(path: Path, **values: Any) -> Path:
    path.write_text(yaml.safe_dump(values))
    return path


def patients(split: Split) -> list[str]:
    return sorted({one.patient for one in split.recordings})


# --- those that come with tuszstore -------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(builtin_splits()))
def test_what_comes_with_tuszstore_says_where_it_is_from(name: str) -> None:
    file = load_splits(name)
    assert file.title
    assert file.source
    assert file.corpus in ("chbmit", "tusz")


def test_chbmit_by_case_has_each_patient_once() -> None:
    splits = {name: choose(CHBMIT, name, "chbmit") for name in ("train", "dev", "eval")}
    assert all(split.warnings == () for split in splits.values())
    assert "chb21/chb21_01.edf" in [one.id for one in splits["train"].recordings]
    assert patients(splits["dev"]) == ["chb19", "chb20", "chb22"]
    assert patients(splits["eval"]) == ["chb23", "chb24"]
    assert sum(len(split.recordings) for split in splits.values()) == 24


@pytest.mark.parametrize(("name", "other"), [("train", "dev"), ("dev", "train")])
def test_a_published_split_that_leaks_is_warned_of(name: str, other: str) -> None:
    split = choose(CHBMIT, name, "chbmit-biot")
    assert split.warnings == (f"this split leaks: chb01 in {name} and {other}, as its file says",)
    assert choose(CHBMIT, "eval", "chbmit-biot").warnings == ()


def test_the_official_one_of_tusz_is_by_folder() -> None:
    names = {"train": "aaaaaaaa", "dev": "aaaaaaab", "eval": "aaaaaaac"}
    found = [
        recording(f"edf/{s}/{p}/s001_2003/01_tcp_ar/{p}.edf", p, "tusz") for s, p in names.items()
    ]
    config = load_config({"corpus": {"split_file": "tusz"}}).corpus
    assert available_splits(found, config) == ["train", "dev", "eval"]
    for name, patient in names.items():
        assert patients(choose(found, name, "tusz")) == [patient]


# --- one's own ----------------------------------------------------------------------------------


def test_a_list_of_patients(path: Path) -> None:
    write(path, train=["a", "b", "c"], val=["d"], eval=["e", "f"])
    assert patients(choose(PLAIN, "train", path)) == ["a", "b", "c"]
    assert patients(choose(PLAIN, "val", path)) == ["d"]
    assert patients(choose(PLAIN, "eval", path)) == ["e", "f"]


def test_patients_that_are_not_listed_and_listed_ones_that_are_not_there(path: Path) -> None:
    write(path, train=["a", "b", "cc"], dev=["d"])
    split = choose(PLAIN, "train", path)
    assert patients(split) == ["a", "b"]
    unlisted, absent = split.warnings
    assert unlisted.endswith("not list 3 recordings of 3 patients, which are in no split: c, e, f")
    assert absent.endswith("lists 1 patient not in the corpus: cc; did you mean 'c'?")


def test_pseudonyms_keep_names_out_of_messages(path: Path) -> None:
    write(path, train=["a", "zz"], dev=["d"])
    warnings = choose(PLAIN, "train", path, pseudonymize=True).warnings
    assert [w.rpartition(": ")[2] for w in warnings] == ["4 names", "1 names"]


def test_a_patient_of_two_folders_in_two_splits_is_refused(path: Path) -> None:
    found = [recording("x/1.edf", "p"), recording("y/2.edf", "p"), recording("z/3.edf", "q")]
    lists = {"by": "folder", "train": ["x", "z"], "dev": ["y"]}
    write(path, **lists)
    told = r"patients in two splits: p in train and dev\. .* list the patient in its 'leaks'"
    with pytest.raises(CorpusError, match=told):
        choose(found, "train", path)
    write(path, **lists, leaks=["p"])
    (warning,) = choose(found, "train", path).warnings
    assert warning.startswith("this split leaks: p in train and dev")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"train": ["a"], "dev": ["b", "a"]}, "a is listed in train and dev"),
        ({"train": ["a", "a"]}, "a is listed in train, twice"),
        ({"train": []}, "lists nothing in train, dev, eval"),
        ({"dev": ["a"], "val": ["b"]}, "dev and val are the same split"),
        ({"trian": ["a"]}, r"unknown key 'trian'; did you mean 'train'\? \(the splits are"),
        (
            {"test": ["a"], "dev": ["b"]},
            r"'test'; did you mean 'eval'\? \(the splits are train, dev",
        ),
        (
            {"xyz": 1},
            r"unknown key 'xyz' \(the splits are train, dev, eval; .* are title, source",
        ),
        ({"train": "a"}, r"train: must be a list of names, such as \[a, b\], not 'a'"),
        ({"train": [1]}, r"train.0: YAML reads this entry as a number \(1\), .*: quote it"),
        ({"train": [False]}, r"as true or false \(false\), .*: quote it"),
        ({"train": list(range(20))}, r"train.4: YAML [^;]*; and 15 more$"),
        ({"train": ["a"], "by": "case"}, "by"),
    ],
)
def test_a_file_that_says_nothing_clear_is_refused(
    path: Path, values: dict[str, Any], told: str
) -> None:
    write(path, **values)
    with pytest.raises(ConfigError, match=rf"corpus.split_file: .*mine\.yaml: .*{told}"):
        choose(PLAIN, "train", path)


@pytest.mark.parametrize(
    "content",
    [b"", b"- a", b"\xff\xfe", b"train: [a", b"train: &x [a]\ndev: *x", b"train: [a]\ntrain: [b]"],
)
def test_a_file_that_is_none_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"corpus.split_file: .*mine\.yaml"):
        choose(PLAIN, "train", path)


def test_a_name_that_is_none_is_told_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"chbmitt: no such file, and not one of .*did you mean 'chbmit'"
    ):
        choose(CHBMIT, "train", "chbmitt")


def test_a_file_of_another_corpus_is_refused() -> None:
    with pytest.raises(CorpusError, match="is for the corpus 'chbmit', but this one is folder"):
        choose(PLAIN, "train", "chbmit")


def test_a_list_of_which_nothing_is_there_is_refused(path: Path) -> None:
    write(path, train=["x", "y"])
    told = r"none of its patients exists; it lists x, y; the corpus has a, b, c, d, e and 1"
    with pytest.raises(CorpusError, match=told):
        choose(PLAIN, "train", path)


def test_a_split_of_which_nothing_is_there_is_refused(path: Path) -> None:
    write(path, train=["a"], dev=["x"])
    with pytest.raises(CorpusError, match=r"mine\.yaml: its split 'dev' has no recordings"):
        choose(PLAIN, "dev", path)


def test_a_split_without_recordings_names_what_it_lists_and_the_nearest(path: Path) -> None:
    found = [recording(f"sub-{k:02}/1.edf", f"sub-{k:02}", "bids") for k in range(1, 10)]
    write(path, train=["sub-3"], dev=["sub-02"])
    told = r"its split 'train' has no recordings: not in the corpus: sub-3; did you mean 'sub-03'\?"
    with pytest.raises(CorpusError, match=told):
        choose(found, "train", path)
    with pytest.raises(CorpusError, match=r"'eval' .*: it lists no patients for it, only for tr"):
        choose(found, "eval", path)
    with pytest.raises(CorpusError, match=r"no recordings: none of 1 names that it lists is in"):
        choose(found, "train", path, pseudonymize=True)
    write(path, train=["xx"], dev=["sub-02"])
    with pytest.raises(CorpusError, match=r"not in the corpus: xx; the corpus has sub-01, "):
        choose(found, "train", path)
    write(path, train=["sub-3"])
    with pytest.raises(CorpusError, match=r"exists; it lists sub-3; .* did you mean 'sub-03'"):
        choose(found, "train", path)


def test_a_number_without_quotes_is_not_a_name(path: Path) -> None:
    path.write_text("train: [03]\ndev: ['04']\n")
    with pytest.raises(ConfigError, match=r"train\.0: YAML .* a number \(3\), .*: quote it"):
        choose(PLAIN, "train", path)


def test_a_recording_in_folders_of_two_splits_is_refused(path: Path) -> None:
    write(path, by="folder", train=["x"], dev=["y"])
    with pytest.raises(CorpusError, match=r"x/y/1\.edf is in folders of dev and train"):
        choose([recording("x/y/1.edf", "p")], "train", path)


@pytest.mark.parametrize(
    ("corpus", "told"),
    [
        ({"split_policy": "file"}, "split_policy 'file' needs split_file"),
        (
            {"split_policy": "patient", "split_file": "chbmit"},
            "split_file needs split_policy 'file'",
        ),
    ],
)
def test_policy_and_file_belong_together(corpus: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_config({"corpus": corpus})


def test_a_file_implies_its_policy() -> None:
    assert load_config(None, {"corpus.split_file": "chbmit"}).corpus.split_policy == "file"
    assert "split_file" not in load_config().decisive("corpus")


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["train", "dev", "eval"])))
def test_each_recording_is_where_its_patient_is_listed(homes: dict[str, str]) -> None:
    lists: dict[str, list[str]] = {}
    for name, split in homes.items():
        lists.setdefault(split, []).append(name)
    if not lists:
        return
    file = SplitFile.model_validate(lists)
    there = {one.patient for one in PLAIN}
    if not there & homes.keys():
        with pytest.raises(CorpusError, match="none of its"):
            divide(PLAIN, file, "f")
        return
    splits, warnings = divide(PLAIN, file, "f")
    found = {one.patient: split for split, members in splits.items() for one in members}
    assert found == {name: split for name, split in homes.items() if name in there}
    assert len(warnings) == bool(there - homes.keys()) + bool(homes.keys() - there)
