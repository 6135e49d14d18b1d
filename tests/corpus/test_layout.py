"""Which recordings a folder holds, and which split each belongs to."""

import contextlib
import os
import random
import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.corpus.readers import choose_split, find_recordings
from tuszstore.config import Corpus
from tuszstore.corpus.annotations import read_annotation
from tuszstore.corpus.base import Discovery, Files, LeftOut, Recording
from tuszstore.corpus.edf import read_header
from tuszstore.corpus.regular import read_regular
from tuszstore.corpus.sources import signal_sha256
from tuszstore.corpus.splits import available_splits, canonical_split, concerns
from tuszstore.corpus.tusz import Tusz, named_recording
from tuszstore.errors import CorpusError, RecordingError
from tuszstore.store.schema import SPLITS

OFFICIAL = Corpus()
BY_PATIENT = Corpus(split_policy="patient")
BY_FILE = Corpus(split_policy="file_order")


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def tusz(split: str, patient: str, session: int = 1, token: int = 0, montage: str = "ar") -> str:
    """Path of a recording in the corpus, without suffix."""
    kinds = {"ar": "01_tcp_ar", "le": "02_tcp_le", "ar_a": "03_tcp_ar_a"}
    folder = f"edf/{split}/{patient}/s{session:03}_2008/{kinds[montage]}"
    return f"{folder}/{patient}_s{session:03}_t{token:03}"


def ids(found: Discovery | Iterable[Recording]) -> list[str]:
    recordings = found.recordings if isinstance(found, Discovery) else found
    return [recording.id for recording in recordings]


def recording(name: str) -> Recording:
    """Return a recording as it would be found under its path from ``edf`` on."""
    root = Path("/corpus")
    base = root / "edf" if name.startswith("edf/") else root
    return named_recording(root / name, root, base, "tusz")


# --- finding recordings -------------------------------------------------------------------------


def test_the_tusz_layout_is_known(tmp_path: Path) -> None:
    name = tusz("train", "aaaaaaac", session=2, token=5)
    touch(tmp_path, f"{name}.edf", f"{name}.csv", f"{name}.csv_bi", "AAREADME.txt", "edf/x.list")
    (found,) = find_recordings(tmp_path).recordings
    assert found == Recording(
        id=f"{name}.edf",
        path=tmp_path / f"{name}.edf",
        folder="train",
        patient="aaaaaaac",
        session="s002",
        montage="01_tcp_ar",
        reference="AR",
        folders=("aaaaaaac", "s002_2008"),
    )
    for kind in ("csv", "csv_bi"):
        corpus = Tusz(tmp_path, {"annotation": kind})
        assert corpus.files(found) == Files((found.path,), (tmp_path / f"{name}.{kind}",))


@pytest.mark.parametrize("below", ["", "edf"], ids=["root above edf", "root is edf"])
def test_the_root_may_be_above_edf_or_edf_itself(tmp_path: Path, below: str) -> None:
    touch(tmp_path, *(f"{tusz(split, 'aaaaaaaa')}.edf" for split in SPLITS))
    found = find_recordings(tmp_path / below)
    assert [found.folder for found in found.recordings] == ["dev", "eval", "train"]
    assert len(set(ids(found))) == 3


def test_a_plain_folder_of_files_is_a_corpus(tmp_path: Path) -> None:
    touch(tmp_path, "chb01_03.edf", "chb02_16+.edf", "notes.txt", "more/p7_a.edf", "solo.edf")
    found = find_recordings(tmp_path).recordings
    assert [(one.id, one.patient, one.folder, one.session, one.montage) for one in found] == [
        ("chb01_03.edf", "chb01", "", "", ""),
        ("chb02_16+.edf", "chb02", "", "", ""),
        ("more/p7_a.edf", "p7", "more", "", ""),
        ("solo.edf", "solo", "", "", ""),
    ]


def test_files_are_in_the_order_of_their_paths(tmp_path: Path) -> None:
    names = [
        f"{tusz(split, patient, token=token)}.edf"
        for split in ("train", "dev")
        for patient in ("aaaaaaab", "aaaaaaaa")
        for token in (10, 2)
    ]
    names += ["edf/train/z.edf", "edf/train.edf", "edf/train-2/a.edf", "edf/Train/a.edf"]
    touch(tmp_path, *names)
    expected = sorted(tmp_path.glob("**/*.edf"))
    assert [found.path for found in find_recordings(tmp_path).recordings] == expected


@pytest.mark.parametrize("name", ["A_s001_t001.EDF", "A_s001_t001.Edf"])
def test_a_suffix_in_capitals_counts(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert ids(find_recordings(tmp_path)) == [name]


def test_hidden_files_and_folders_do_not_count(tmp_path: Path) -> None:
    """Such as macOS and trash cans leave beside real ones."""
    touch(tmp_path, "a.edf", "._a.edf", ".edf", ".Trash/b.edf", "sub/._c.edf", "sub/.x/d.edf")
    assert ids(find_recordings(tmp_path)) == ["a.edf"]


def test_a_root_below_a_hidden_folder_counts(tmp_path: Path) -> None:
    touch(tmp_path, ".cache/corpus/a.edf")
    assert ids(find_recordings(tmp_path / ".cache" / "corpus")) == ["a.edf"]


def test_a_folder_named_like_a_file_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "odd.edf/a.edf")
    assert ids(find_recordings(tmp_path)) == ["odd.edf/a.edf"]


@pytest.mark.parametrize(
    "target", ["..", ".", "../..", "loop"], ids=["parent", "itself", "above the root", "link"]
)
def test_a_circle_of_links_ends(tmp_path: Path, target: str) -> None:
    root = tmp_path / "root"
    touch(root, "sub/a.edf")
    (root / "sub" / "loop").symlink_to(target)
    found = find_recordings(root)
    assert ids(found).count("sub/a.edf") == 1
    assert len(ids(found)) == 1


def test_a_folder_that_is_linked_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "disk/a_s001_t001.edf")
    (tmp_path / "root" / "edf").mkdir(parents=True)
    (tmp_path / "root" / "edf" / "train").symlink_to(tmp_path / "disk")
    (found,) = find_recordings(tmp_path / "root").recordings
    assert (found.id, found.folder) == ("edf/train/a_s001_t001.edf", "train")


def test_a_folder_that_is_linked_twice_is_read_once(tmp_path: Path) -> None:
    touch(tmp_path, "disk/a.edf")
    for name in ("one", "two"):
        (tmp_path / "root" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "root" / name).symlink_to(tmp_path / "disk")
    assert ids(find_recordings(tmp_path / "root")) == ["one/a.edf"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.edf", "b/y.edf")
    (tmp_path / "b").chmod(0)
    try:
        found = find_recordings(tmp_path)
    finally:
        (tmp_path / "b").chmod(0o700)
    assert ids(found) == ["a/x.edf"]
    assert found.left_out == [LeftOut("b", "folder cannot be read: Permission denied", "failed")]


def refuse(folder: Path) -> Callable[[str], object]:
    """Return a scandir() that may not read one folder, as it is for anyone but root."""
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    return guarded


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/x.edf", "b/y.edf")
    monkeypatch.setattr(os, "scandir", refuse(tmp_path / "b"))
    found = find_recordings(tmp_path)
    assert ids(found) == ["a/x.edf"]
    assert found.left_out == [LeftOut("b", "folder cannot be read: Permission denied", "failed")]


def test_a_root_that_cannot_be_listed_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "x.edf")
    monkeypatch.setattr(os, "scandir", refuse(tmp_path))
    with pytest.raises(CorpusError, match=r"no EDF files.*Permission denied"):
        find_recordings(tmp_path)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "folder does not exist; .*--data"),
        ("file", "not a folder; .*--data"),
        ("empty", "no EDF files in this folder or below it"),
        ("texts", "no EDF files in this folder or below it"),
    ],
)
def test_a_root_without_recordings_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    touch(tmp_path, "file", "texts/a.txt", "texts/edf", "texts/a.edf.gz", "texts/.b.edf")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=f"{tmp_path / name}: {reason}"):
        find_recordings(tmp_path / name)


def test_two_files_of_one_name_are_two_recordings(tmp_path: Path) -> None:
    touch(tmp_path, "x/a_s001_t001.edf", "y/a_s001_t001.edf", "y/a_s001_t001.EDF")
    found = find_recordings(tmp_path).recordings
    assert len({one.id for one in found}) == 3
    assert len({one.order for one in found}) == 3


def test_the_identity_is_the_path_below_the_root(tmp_path: Path) -> None:
    touch(tmp_path, "edf/train/a.edf")
    assert ids(find_recordings(tmp_path)) == ["edf/train/a.edf"]
    assert ids(find_recordings(tmp_path / "edf")) == ["train/a.edf"]


# --- what only looks like a recording -----------------------------------------------------------


def reasons(found: Discovery) -> dict[str, str]:
    assert {entry.kind for entry in found.left_out} <= {"failed"}
    return {entry.id: entry.reason for entry in found.left_out}


def bind_socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)  # a full path may be too long for an address


@pytest.mark.parametrize(
    ("make", "told"),
    [
        pytest.param(os.mkfifo, "a named pipe, not a regular file", id="pipe"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), "a device, not", id="device"),
        pytest.param(lambda path: path.symlink_to("nowhere"), "a link that cannot", id="broken"),
        pytest.param(lambda path: path.symlink_to(path.name), "a link that cannot", id="circle"),
        pytest.param(bind_socket, "a socket, not a regular file", id="socket"),
    ],
)
def test_what_is_no_regular_file_is_left_out_by_name(
    tmp_path: Path, make: Callable[[Path], object], told: str
) -> None:
    touch(tmp_path, "good_1.edf")
    make(tmp_path / "bad_1.edf")
    found = find_recordings(tmp_path)
    assert ids(found) == ["good_1.edf"]
    assert reasons(found)["bad_1.edf"].startswith(told)


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    touch(tmp_path, "disk/a.edf", "root/x")
    (tmp_path / "root" / "b.edf").symlink_to(tmp_path / "disk" / "a.edf")
    assert ids(find_recordings(tmp_path / "root")) == ["b.edf"]


def test_names_that_are_no_text_are_left_out_escaped(tmp_path: Path) -> None:
    touch(tmp_path, "good_1.edf", "Müller_1.edf")
    for name in (b"caf\xe9_1.edf", b"gr\xfcn/a.edf", b"\xff.txt"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = find_recordings(tmp_path)
    assert ids(found) == ["Müller_1.edf", "good_1.edf"]
    assert reasons(found) == {
        r"caf\xe9_1.edf": "file name is not UTF-8; rename it",
        r"gr\xfcn": "folder's name is not UTF-8; rename it",
    }


def test_a_root_that_is_no_text_is_refused(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    root.mkdir()
    touch(root, "a.edf")
    with pytest.raises(CorpusError, match=r"caf\\xe9: this path is not UTF-8"):
        find_recordings(root)
    (tmp_path / "link").symlink_to(root)
    assert ids(find_recordings(tmp_path / "link")) == ["a.edf"]


def test_where_nothing_is_left_the_reasons_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x\x1b[31m.edf")
    with pytest.raises(CorpusError, match=r"no EDF files .*x\\x1b\[31m\.edf: a named pipe"):
        find_recordings(tmp_path)


@pytest.mark.parametrize(
    ("name", "split", "concerned"),
    [
        ("edf/dev/bad.edf", "dev", True),
        ("edf/val/bad.edf", "dev", True),
        ("edf/dev/bad.edf", "train", False),
        ("train", "train", True),
        ("elsewhere/bad.edf", "train", True),
        ("bad.edf", "eval", True),
    ],
)
def test_what_was_left_out_concerns_its_own_split(name: str, split: str, concerned: bool) -> None:
    assert concerns(LeftOut(name, "", "failed"), split, OFFICIAL) is concerned


@pytest.mark.parametrize("split", ["train", "dev", "eval"])
def test_of_a_divided_folder_each_part_is_concerned(split: str) -> None:
    entry = LeftOut("train/bad.edf", "", "failed")
    assert concerns(entry, split, BY_PATIENT) is (split != "eval")


def test_opening_never_waits_and_reading_has_a_bound(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero", "."):
        with pytest.raises(RecordingError, match="not a regular file"):
            read_regular(tmp_path / name, 10)
    (tmp_path / "file").write_bytes(b"x" * 11)
    assert read_regular(tmp_path / "file", 11) == b"x" * 11
    with pytest.raises(RecordingError, match="larger than"):
        read_regular(tmp_path / "file", 10)
    for read in (read_header, lambda path: signal_sha256([path])):
        with pytest.raises(RecordingError, match="a named pipe"):
            read(tmp_path / "pipe")
    with pytest.raises(RecordingError, match=r"zero: a device, not a regular file"):
        read_annotation(tmp_path / "zero", "csv")


# --- official splits ----------------------------------------------------------------------------


CORPUS = [
    recording(f"edf/{folder}/{patient}/{patient}_s001_t{token:03}.edf")
    for folder, patients in (("dev", "de"), ("eval", "x"), ("train", "abc"))
    for patient in patients
    for token in (1, 2)
]


@pytest.mark.parametrize(
    ("name", "patients"), [("train", "abc"), ("dev", "de"), ("val", "de"), ("eval", "x")]
)
def test_official_splits_are_the_folders(name: str, patients: str) -> None:
    split = choose_split(CORPUS, name, OFFICIAL)
    assert split.name == {"val": "dev"}.get(name, name)
    assert ids(split.recordings) == [one.id for one in CORPUS if one.patient in patients]
    assert split.warnings == ()
    assert available_splits(CORPUS, OFFICIAL) == ["train", "dev", "eval"]


def test_val_is_another_name_of_dev() -> None:
    assert [canonical_split(name) for name in (*SPLITS, "val")] == ["train", "dev", "eval", "dev"]
    folders = [recording(f"edf/val/{name}_s001_t001.edf") for name in "ab"]
    assert ids(choose_split(folders, "dev", OFFICIAL).recordings) == ids(folders)
    assert available_splits(folders, OFFICIAL) == ["dev"]


@pytest.mark.parametrize("name", ["test", "Train", "", "all"])
def test_an_unknown_split_names_those_that_there_are(name: str) -> None:
    with pytest.raises(CorpusError, match=f"unknown split '{name}'; known are train, dev, eval"):
        choose_split(CORPUS, name, OFFICIAL)


def test_an_empty_official_split_names_folders_and_the_way_out() -> None:
    some = [one for one in CORPUS if one.folder != "eval"]
    with pytest.raises(CorpusError, match=r"a folder 'eval' .*found folders: dev, train.*patient"):
        choose_split(some, "eval", OFFICIAL)
    assert available_splits(some, OFFICIAL) == ["train", "dev"]


@pytest.mark.parametrize(
    "choose",
    [
        lambda found: choose_split(found, "train", OFFICIAL),
        lambda found: available_splits(found, OFFICIAL),
    ],
    ids=["one split", "all splits"],
)
def test_a_plain_folder_names_the_policy_that_it_takes(
    choose: Callable[[list[Recording]], object],
) -> None:
    plain = [recording(f"{name}_1.edf") for name in "abc"]
    with pytest.raises(CorpusError, match=r"found no folders.*--split-policy patient"):
        choose(plain)


def test_recordings_outside_the_splits_are_warned_of() -> None:
    strays = [recording("edf/extra/q_s001_t001.edf"), recording("edf/q_s001_t002.edf")]
    split = choose_split([*CORPUS, *strays], "train", OFFICIAL)
    (warning,) = split.warnings
    assert warning.startswith("2 recordings are outside train, dev, eval")
    assert not set(ids(strays)) & set(ids(split.recordings))


EVERY_PATIENT_SHARED = [
    recording(f"edf/{split}/{name}/{name}_s001_t00{token}.edf")
    for token, split in enumerate(("eval", "train"))
    for name in "abc"
]


@pytest.mark.parametrize("config", [OFFICIAL, BY_PATIENT], ids=["official", "patient"])
def test_a_patient_in_two_splits_is_refused_with_the_way_out(config: Corpus) -> None:
    told = r"patients in two splits: .*[abc].* in train and eval\. Move their recordings"
    with pytest.raises(CorpusError, match=told):
        choose_split(EVERY_PATIENT_SHARED, "train", config)


def test_the_way_out_of_a_shared_patient_is_not_the_policy_in_use() -> None:
    with pytest.raises(CorpusError, match="patients in two splits") as caught:
        choose_split(EVERY_PATIENT_SHARED, "train", BY_PATIENT)
    assert "use the split policy 'patient'" not in str(caught.value)


def test_only_the_first_of_many_shared_patients_are_named() -> None:
    many = [f"p{number}" for number in range(8)]
    both = [recording(f"edf/{split}/{name}_s.edf") for split in ("dev", "train") for name in many]
    with pytest.raises(CorpusError, match="p0, p1, p2, p3, p4 and 3 more in train and dev"):
        choose_split(both, "train", OFFICIAL)


def test_a_shared_patient_of_other_splits_does_not_matter() -> None:
    shared = [*CORPUS, recording("edf/eval/d/d_s009_t001.edf")]
    assert choose_split(shared, "train", OFFICIAL).warnings == ()
    with pytest.raises(CorpusError, match="d in eval and dev"):
        choose_split(shared, "eval", OFFICIAL)


# --- splits by patient --------------------------------------------------------------------------


NAMES = st.text("abcdefgh", min_size=1, max_size=4)
PATIENTS = st.lists(st.tuples(NAMES, st.integers(1, 4)), min_size=2, max_size=40).filter(
    lambda patients: len({name for name, _ in patients}) > 1
)


def files_of(patients: Iterable[tuple[str, int]]) -> list[Recording]:
    names = {f"{name}_s001_t{token:03}.edf" for name, n in patients for token in range(n)}
    return [recording(name) for name in sorted(names)]


def patients_of(recordings: Iterable[Recording]) -> set[str]:
    return {one.patient for one in recordings}


def divided(recordings: list[Recording], config: Corpus) -> dict[str, list[Recording]]:
    return {
        name: choose_split(recordings, name, config).recordings
        for name in available_splits(recordings, config)
    }


@given(
    patients=PATIENTS,
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(-(2**40), 2**40),
)
@example(patients=[("a", 1), ("b", 1)], fraction=0.01, seed=42)
@example(patients=[("a", 1), ("b", 1)], fraction=0.99, seed=42)
def test_the_patient_policy_never_shares_a_patient(
    patients: list[tuple[str, int]], fraction: float, seed: int
) -> None:
    files = files_of(patients)
    config = Corpus(split_policy="patient", val_fraction=fraction, split_seed=seed)
    splits = divided(files, config)
    total = len(patients_of(files))
    dev, train = splits["dev"], splits["train"]
    assert not patients_of(dev) & patients_of(train)
    assert sorted(ids([*dev, *train])) == ids(files)
    assert ids(dev) == sorted(ids(dev))
    assert ids(train) == sorted(ids(train))
    assert len(patients_of(dev)) == min(max(round(fraction * total), 1), total - 1)


@given(patients=PATIENTS, order=st.randoms(use_true_random=False))
def test_the_patient_policy_depends_on_the_names_alone(
    patients: list[tuple[str, int]], order: random.Random
) -> None:
    files = files_of(patients)
    shuffled = order.sample(files, len(files))
    first = {name: set(ids(members)) for name, members in divided(files, BY_PATIENT).items()}
    again = {name: set(ids(members)) for name, members in divided(shuffled, BY_PATIENT).items()}
    assert first == again


def test_the_patient_policy_depends_on_the_seed() -> None:
    files = files_of((f"p{number}", 1) for number in range(100))
    dev = {
        seed: tuple(ids(divided(files, Corpus(split_policy="patient", split_seed=seed))["dev"]))
        for seed in range(5)
    }
    assert len(set(dev.values())) == 5


def test_the_patient_policy_is_the_same_tomorrow() -> None:
    """Not Python's salted hash(), and no generator that a new NumPy could change."""
    files = files_of((f"p{number}", 1) for number in range(10))
    assert sorted(patients_of(divided(files, BY_PATIENT)["dev"])) == ["p1", "p9"]


@given(patients=st.sets(NAMES, min_size=2, max_size=30), newcomer=NAMES)
def test_a_new_patient_moves_at_most_one_other(patients: set[str], newcomer: str) -> None:
    before = divided(files_of((name, 1) for name in patients), BY_PATIENT)
    after = divided(files_of((name, 1) for name in patients | {newcomer}), BY_PATIENT)
    moved = patients_of(before["dev"]) ^ patients_of(after["dev"])
    assert len(moved - {newcomer}) <= 1


def test_new_recordings_of_known_patients_move_nobody() -> None:
    few = files_of((f"p{number}", 1) for number in range(50))
    many = files_of((f"p{number}", 3) for number in range(50))
    assert patients_of(divided(few, BY_PATIENT)["dev"]) == patients_of(
        divided(many, BY_PATIENT)["dev"]
    )


@pytest.mark.parametrize("config", [BY_PATIENT, BY_FILE], ids=["patient", "file_order"])
def test_only_train_is_divided_where_there_are_official_folders(config: Corpus) -> None:
    train = [recording(f"edf/train/p{n}/p{n}_s001_t001.edf") for n in range(10)]
    others = [recording(f"edf/{split}/{split}_s001_t001.edf") for split in ("dev", "eval")]
    corpus = [*others, *train]
    splits = divided(corpus, config)
    assert sorted(ids([*splits["dev"], *splits["train"]])) == ids(train)
    assert ids(splits["eval"]) == ["edf/eval/eval_s001_t001.edf"]
    (warning,) = choose_split(corpus, "train", config).warnings
    assert warning.startswith("1 recording in the folder dev is in no split: split policy")
    assert warning.endswith("--split-policy official takes the folders as splits")


def test_recordings_beside_the_official_folders_are_told() -> None:
    corpus = [recording(f"{name}/p{n}_s001_t001.edf") for n, name in enumerate(("x", "train", "y"))]
    (warning,) = choose_split(corpus, "train", Corpus()).warnings
    assert warning == "2 recordings are outside train: in no split"


@pytest.mark.parametrize("config", [BY_PATIENT, BY_FILE], ids=["patient", "file_order"])
def test_an_empty_split_of_a_divided_corpus_is_told(config: Corpus) -> None:
    one = [recording("a_s001_t001.edf")]
    with pytest.raises(
        CorpusError,
        match=rf"split policy '{config.split_policy}' leaves 'dev' without recordings: 1 in all",
    ):
        choose_split(one, "dev", config)
    assert available_splits(one, config) == ["train"]
    plain = files_of((f"p{number}", 1) for number in range(10))
    with pytest.raises(CorpusError, match="leaves 'eval' without recordings"):
        choose_split(plain, "eval", config)


# --- names that do not tell patients ------------------------------------------------------------


def refusal(names: Iterable[str], config: Corpus = BY_PATIENT) -> str:
    """Return why a corpus of some files is not divided; nothing if it is."""
    files = [recording(name) for name in sorted(names)]
    said = set()
    for split in ("train", "dev"):
        try:
            choose_split(files, split, config)
        except CorpusError as error:
            said.add(str(error))
        else:
            said.add("")
    (told,) = said  # the same for both
    return told


def by_patient(seed: int) -> Corpus:
    return Corpus(split_policy="patient", split_seed=seed, val_fraction=0.5)


MISTAKEN = [
    pytest.param([f"{p}-{k}.edf" for p in ("PN00", "PN01") for k in (1, 2, 3)],
                 "almost every recording .* 6 patients in 6 recordings, such as 'PN00-1'",
                 id="names of recordings"),
    pytest.param([f"rec{k:03}_eeg.edf" for k in range(12)], "almost every recording",
                 id="numbers of recordings"),
    pytest.param([*(f"r{k:03}_x.edf" for k in range(12)), "r003_y.edf"], "almost every recording",
                 id="nearly every recording"),
    pytest.param(["a.edf", "b.edf"], "almost every recording", id="two bare names"),
    pytest.param(["chb17a_03.edf", "chb17b_57.edf", "chb17c_02.edf", "chb02_16.edf",
                  "chb05_06.edf"], "almost every recording", id="parts of a patient"),
    pytest.param([f"P_ID{p}_r{k}.edf" for p in (64, 65) for k in (1, 2)],
                 "only one patient, 'P'", id="what all names begin with"),
    pytest.param([f"patient{p:02}/rec1.edf" for p in range(9)], "only one patient, 'rec1'",
                 id="one name in every folder"),
    pytest.param(["a_s001_t000.edf"], "only one patient, 'a'", id="one patient"),
    pytest.param([f"patient{p:02}/rec{k}_x.edf" for p in range(9) for k in (1, 2)],
                 "recordings of folders patient00, .* and 4 more between train and dev",
                 id="the same names in every folder"),
    pytest.param([f"patient{p:02}/day{k}/rec{k}_x.edf" for p in range(9) for k in (1, 2)],
                 "recordings of folders patient00", id="folders below a patient's"),
    pytest.param([f"chb{n}_{k}.edf" for n in ("7a", "7b", "7c", "1", "2") for k in range(3)],
                 "one patient under several names: chb7", id="a letter after the number"),
    pytest.param([f"{name}_{k}.edf" for name in ("Ab", "aB", "AB", "ab", "c") for k in range(3)],
                 "one patient under several names", id="case"),
]  # fmt: skip


@pytest.mark.parametrize(("names", "told"), MISTAKEN)
def test_names_that_do_not_tell_patients_are_refused(names: list[str], told: str) -> None:
    # over all seeds somebody would have been divided
    said = [refusal(names, by_patient(seed)) for seed in range(8)]
    assert any(re.search(told, text) for text in said), said
    for text in filter(None, said):
        assert "--split-policy official" in text
        assert "--split-policy file_order" in text


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([f"{p}_1.edf" for p in "abcd"], id="a few"),
        pytest.param([f"p{p}_r{k}.edf" for p in range(9) for k in (1, 2)], id="two parts"),
        pytest.param([f"p{p}/p{p}_r{k}.edf" for p in range(9) for k in (1, 2)], id="own folders"),
        pytest.param([f"site1/P{p}/p{p}_r{k}.edf" for p in range(9) for k in (1, 2)], id="sites"),
        pytest.param([f"edf/p{p}_r{k}.edf" for p in range(9) for k in (1, 2)], id="below edf"),
        pytest.param([f"train/p{p}_r{k}.edf" for p in range(9) for k in (1, 2)], id="below train"),
        pytest.param([f"p{p}_s001_t000.edf" for p in range(9)], id="TUSZ's names"),
        pytest.param([f"edf/train/normal/01_tcp_ar/p{p}_s001_t000.edf" for p in range(9)],
                     id="TUAB's layout"),
        pytest.param([f"sub-{p}/eeg/sub-{p}_task-x_eeg.edf" for p in range(9)], id="BIDS"),
    ],
)  # fmt: skip
def test_names_that_tell_patients_are_divided(names: list[str]) -> None:
    assert [refusal(names, by_patient(seed)) for seed in range(8)] == [""] * 8


def test_that_patients_are_taken_from_names_is_told() -> None:
    files = [recording(f"p{p}_r{k}.edf") for p in range(10) for k in (1, 2)]
    (warning,) = choose_split(files, "train", BY_PATIENT).warnings
    assert "up to the first underscore: 8 in 16 recordings, such as p" in warning
    stated = files_of([("a", 1), ("b", 1)])
    assert choose_split(stated, "train", BY_PATIENT).warnings == ()


@given(
    folders=st.lists(st.sampled_from(["PN00", "PN01", "x/PN02", "ch3"]), min_size=2, max_size=12),
    scheme=st.sampled_from(["{}-{}.edf", "{}_{}.edf", "{}a{}_x.edf", "r{1}_{0}.edf", "{1}.edf"]),
    seed=st.integers(0, 99),
)
def test_whatever_the_names_no_folder_is_divided(
    folders: list[str], scheme: str, seed: int
) -> None:
    """Folders are the patients here, and names follow one scheme or another."""
    names = {
        f"{folder}/{scheme.format(folder.rpartition('/')[2], number)}"
        for number, folder in enumerate(folders)
    }
    files = [recording(name) for name in sorted(names)]
    config = by_patient(seed)
    try:
        splits = [choose_split(files, name, config).recordings for name in ("train", "dev")]
    except CorpusError:
        return
    train, dev = ({one.path.parent for one in members} for members in splits)
    assert not train & dev


def test_a_folder_that_begins_its_names_is_a_patient_in_official_splits() -> None:
    files = [recording(f"{split}/PN00/PN00-{k}.edf") for k, split in enumerate(("train", "dev"))]
    with pytest.raises(CorpusError, match="patients in two splits: PN00 in train and dev") as error:
        choose_split(files, "train", OFFICIAL)
    assert "split policy 'patient'" not in str(error.value)  # it would take them for two


def test_a_folder_in_two_official_splits_is_told() -> None:
    files = [recording(f"{split}/case1/r{k}.edf") for k, split in enumerate(("train", "dev"))]
    (warning,) = choose_split(files, "train", OFFICIAL).warnings
    assert "recordings of folder case1 are in train and in dev" in warning


@pytest.mark.parametrize("policy", ["official", "patient", "file_order"])
@pytest.mark.parametrize("names", ["{}_s001_t000", "sub-{}_eeg", "{}_r1"])
def test_names_that_differ_by_case_in_two_official_splits_are_told(policy: str, names: str) -> None:
    where = (("train", "p1"), ("train", "p2"), ("train", "p3"), ("eval", "P1"), ("eval", "q4"))
    paths = [f"edf/{split}/{name}/{names.format(name)}.edf" for split, name in where]
    config = Corpus(split_policy=policy, val_fraction=0.4)
    splits = ("train", "eval") if policy == "official" else ("train", "dev", "eval")
    told = [
        warning
        for split in splits
        for warning in choose_split([recording(p) for p in paths], split, config).warnings
        if "may be one patient's" in warning
    ]
    assert len(told) == 2  # where p1 is, and in eval
    assert "P1" in told[-1]
    assert "p1" in told[-1]
    assert "q4" not in "".join(told)


def test_file_order_tells_of_a_folder_that_it_divides() -> None:
    files = [recording(f"PN0{p}/PN0{p}-{k}.edf") for p in (0, 1) for k in range(3)]
    config = Corpus(split_policy="file_order", val_fraction=0.4)
    warnings = choose_split(files, "dev", config).warnings
    assert any("patients in two splits: PN00 in dev and train" in text for text in warnings)


def test_names_are_shown_escaped_in_refusals() -> None:
    told = refusal([f"a\x1b[31m\u202e_{k}.edf" for k in range(3)])
    assert r"'a\x1b[31m\u202e'" in told


# --- splits by the order of files ---------------------------------------------------------------


@given(n=st.integers(2, 400), fraction=st.just(0.2) | st.floats(0.01, 0.99))
@example(n=4667, fraction=0.2)
@example(n=5, fraction=0.2)
@example(n=100, fraction=0.29)
def test_the_first_files_are_dev_under_file_order(n: int, fraction: float) -> None:
    files = [recording(f"edf/train/p{number:05}/p{number:05}_s001_t001.edf") for number in range(n)]
    n_dev = int(fraction * n)
    config = Corpus(split_policy="file_order", val_fraction=fraction)
    splits = divided(files, config)
    assert ids(splits.get("dev", [])) == ids(files)[:n_dev]
    assert ids(splits["train"]) == ids(files)[n_dev:]


def test_file_order_follows_the_sorted_paths(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(f"{tusz('train', f'aaaaaa{letter}a', token=k)}.edf" for letter in "cab" for k in (3, 12)),
    )
    paths = sorted((tmp_path / "edf" / "train").glob("**/*.edf"))
    splits = divided(
        find_recordings(tmp_path).recordings, Corpus(split_policy="file_order", val_fraction=0.4)
    )
    assert [one.path for one in splits["dev"]] == paths[:2]
    assert [one.path for one in splits["train"]] == paths[2:]


def test_file_order_only_warns_of_shared_patients() -> None:
    files = files_of([("a", 3), ("b", 3), ("c", 4)])
    config = Corpus(split_policy="file_order", val_fraction=0.2)
    split = choose_split(files, "dev", config)
    assert ids(split.recordings) == ids(files)[:2]
    assert split.warnings == (
        "split policy file_order: patients in two splits: a in dev and train",
    )
    clean = choose_split(files, "dev", Corpus(split_policy="file_order", val_fraction=0.3))
    assert clean.warnings == ()
