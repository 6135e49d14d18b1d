"""Recordings with the same content, under whatever names."""

from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tuszstore
from tests.corpus.edf_files import eeg
from tests.corpus.readers import annotation_beside, find_recordings
from tuszstore.builder.plan import make_plan, make_plans
from tuszstore.config import Config, load_config
from tuszstore.corpus import copies
from tuszstore.corpus.base import LeftOut, Recording
from tuszstore.corpus.copies import Copy, choose_originals, find_equal, same_name_other_content
from tuszstore.corpus.splits import choose_split
from tuszstore.errors import CorpusError

CSV = "channel,start_time,stop_time,label,confidence\nTERM,5,10,seiz,1\n"
OTHER_CSV = CSV.replace("10", "11")
TOLD = r"patients in two splits: .* recordings that have the same content"
MONTAGES = ("01_tcp_ar", "03_tcp_ar_a")


def edf_like(marks: dict[int, int] | None = None, size: int = 20_000) -> bytes:
    """Bytes that begin as an EDF file does, with some of them changed."""
    content = bytearray(b"0".ljust(256) + bytes(size - 256))
    for place, value in (marks or {}).items():
        content[place] = value
    return bytes(content)


def write(root: Path, files: dict[str, bytes | str]) -> list[Recording]:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return find_recordings(root).recordings


def groups(recordings: list[Recording]) -> list[list[str]]:
    return [[recording.id for recording in group] for group in find_equal(recordings)]


def config_of(data: Path, **options: object) -> Config:
    given = {"paths.data": data, "paths.store": data.parent / "stores", **options}
    return load_config({"windows": {"length": 4, "stride": 2}}, given)


class TestFinding:
    def test_equal_files_are_found_under_any_name(self, tmp_path: Path) -> None:
        one, other = edf_like(), edf_like({300: 1})
        found = write(tmp_path, {"b.edf": one, "x/a.EDF": one, "c.edf": other, "y/z/d.edf": one})
        assert groups(found) == [["b.edf", "x/a.EDF", "y/z/d.edf"]]

    @pytest.mark.parametrize("place", [9, 255, 256, 4000, 9_999, 15_000, 19_999])
    def test_one_byte_makes_another_recording(self, tmp_path: Path, place: int) -> None:
        found = write(tmp_path, {"a.edf": edf_like(), "b.edf": edf_like({place: 7})})
        assert groups(found) == []

    def test_names_of_one_file_are_copies(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.edf": edf_like(), "b.edf": edf_like(), "d.edf": edf_like({500: 1})})
        (tmp_path / "c.edf").hardlink_to(tmp_path / "a.edf")
        (tmp_path / "e.edf").symlink_to("d.edf")
        found = find_recordings(tmp_path).recordings
        assert groups(found) == [["a.edf", "b.edf", "c.edf"], ["d.edf", "e.edf"]]

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"0".ljust(256), id="no signal"),
            pytest.param(b"<html>not found</html>".ljust(5000), id="error page"),
        ],
    )
    def test_what_is_no_recording_is_no_copy(self, tmp_path: Path, content: bytes) -> None:
        found = write(tmp_path, {"a.edf": content, "b.edf": content})
        assert groups(found) == []

    def test_a_file_that_goes_meanwhile_is_no_copy(self, tmp_path: Path) -> None:
        found = write(tmp_path, {name: edf_like() for name in ("a.edf", "b.edf", "c.edf")})
        (tmp_path / "b.edf").unlink()
        assert groups(found) == [["a.edf", "c.edf"]]

    @given(contents=st.lists(st.sampled_from([0, 1, 2, 3]), max_size=9))
    def test_groups_are_those_of_equal_content(
        self, tmp_path_factory: pytest.TempPathFactory, contents: list[int]
    ) -> None:
        kinds = [edf_like(), edf_like({10_000: 1}), edf_like({5000: 1}), edf_like(size=20_001)]
        root = tmp_path_factory.mktemp("corpus")
        files = {f"{number}.edf": kinds[kind] for number, kind in enumerate(contents)}
        recordings = write(root, files) if files else []
        expected = [
            [f"{number}.edf" for number, one in enumerate(contents) if one == kind]
            for kind in dict.fromkeys(contents)
            if contents.count(kind) > 1
        ]
        assert groups(recordings) == expected

    def test_a_file_of_its_own_size_is_never_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = write(tmp_path, {f"{n}.edf": edf_like(size=20_000 + n) for n in range(9)})
        monkeypatch.setattr(copies, "open_regular", lambda *_, **__: pytest.fail("was opened"))
        assert find_equal(found) == []

    def test_only_what_is_alike_so_far_is_read_to_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = {
            f"{n}.edf": edf_like({place: n + 1}) for n, place in enumerate([8, 9, 10_001, 19_990])
        }
        twins = {"x.edf": edf_like(), "y.edf": edf_like()}
        found = write(tmp_path, files | twins)
        read = []
        digest = copies._digest
        monkeypatch.setattr(
            copies, "_digest", lambda f, file: read.append(file.path.name) or digest(f, file)
        )
        assert groups(found) == [["x.edf", "y.edf"]]
        assert sorted(read) == ["x.edf", "y.edf"]


class TestOriginals:
    def chosen(self, root: Path, files: dict[str, bytes | str], kind: str = "csv") -> list[Copy]:
        return choose_originals(
            find_equal(write(root, files)), partial(annotation_beside, kind=kind)
        )

    @pytest.mark.parametrize(
        ("annotated", "kept"),
        [
            pytest.param([], 0, id="neither annotated"),
            pytest.param([0], 0, id="first annotated"),
            pytest.param([1], 1, id="second annotated"),
            pytest.param([0, 1], 0, id="both annotated"),
        ],
    )
    def test_the_first_that_is_annotated_is_taken(
        self, tmp_path: Path, annotated: list[int], kept: int
    ) -> None:
        names = [f"{montage}/a_s001_t000" for montage in MONTAGES]
        files: dict[str, bytes | str] = {f"{name}.edf": edf_like() for name in names}
        files |= {f"{names[number]}.csv": CSV for number in annotated}
        (copy,) = self.chosen(tmp_path, files)
        told = f"same recording as {names[kept]}.edf"
        assert copy.left_out() == LeftOut(f"{names[1 - kept]}.edf", told, "duplicate")

    def test_only_the_annotation_that_will_be_read_decides(self, tmp_path: Path) -> None:
        files = {"a.edf": edf_like(), "b.edf": edf_like(), "a.csv": CSV, "b.csv_bi": CSV}
        assert [copy.original.id for copy in self.chosen(tmp_path, files)] == ["a.edf"]
        assert [copy.original.id for copy in self.chosen(tmp_path, files, "csv_bi")] == ["b.edf"]

    def test_what_bids_keeps_beside_comes_last(self, tmp_path: Path) -> None:
        files = {"sourcedata/export.edf": edf_like(), "sub-02/eeg/sub-02_eeg.edf": edf_like()}
        (copy,) = self.chosen(tmp_path, files)
        assert copy.original.patient == "sub-02"

    def test_annotations_that_differ_are_told(self, tmp_path: Path) -> None:
        files = {
            "a.edf": edf_like(),
            "b.edf": edf_like(),
            "c.edf": edf_like(),
            "a.csv": CSV,
            "b.csv": OTHER_CSV,
            "c.csv": CSV,
        }
        told = {copy.recording.id: copy.left_out().reason for copy in self.chosen(tmp_path, files)}
        assert told["b.edf"] == (
            "same recording as a.edf; their annotations differ, and that of this copy is ignored"
        )
        assert told["c.edf"] == "same recording as a.edf"

    def test_an_annotation_that_cannot_be_read_comes_after_one_that_can(
        self, tmp_path: Path
    ) -> None:
        files = {f"{name}.edf": edf_like() for name in "abc"}
        files |= {"a.csv": "no annotation", "b.csv": "", "c.csv": CSV}
        copies = self.chosen(tmp_path, files)
        assert {copy.original.id for copy in copies} == {"c.edf"}
        (tmp_path / "c.csv").unlink()
        assert {copy.original.id for copy in self.chosen(tmp_path, {})} == {"a.edf"}

    def test_one_name_under_several_montages_with_other_content(self, tmp_path: Path) -> None:
        stem = "edf/train/p/s001_2008/{}/p_s001_t000.edf"
        files = {stem.format(m): edf_like({500: n}) for n, m in enumerate(MONTAGES)}
        files["edf/train/p/s002_2009/01_tcp_ar/p_s002_t000.edf"] = edf_like({500: 9})
        (group,) = same_name_other_content(write(tmp_path, files))
        assert [recording.montage for recording in group] == list(MONTAGES)


def corpus(root: Path, *names: str, seed: str = "") -> None:
    """Write one recording under several names, each annotated."""
    for name in names:
        eeg(root / name, seconds=8, recording=f"Startdate X X X {seed}")
        (root / name).with_suffix(".csv").write_text(CSV.replace("10", "7"))


class TestPlanning:
    def test_a_copy_within_a_split_is_built_once(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        corpus(data, "train/a_s001_t000.edf", "train/b_s001_t000.edf", "train/a_s001_t001.edf")
        corpus(data, "train/c_s001_t000.edf", seed="c")
        plan = make_plan(config_of(data), "train")
        assert [p.recording.id for p in plan.recordings] == [
            "train/a_s001_t000.edf",
            "train/c_s001_t000.edf",
        ]
        assert {entry.id: entry.reason for entry in plan.left_out} == dict.fromkeys(
            ("train/a_s001_t001.edf", "train/b_s001_t000.edf"),
            "same recording as train/a_s001_t000.edf",
        )

    def test_other_content_of_one_name_is_kept_and_told(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        for montage in MONTAGES:
            corpus(data, f"edf/train/p/s001_2008/{montage}/p_s001_t000.edf", seed=montage)
        plan = make_plan(config_of(data), "train")
        assert [p.recording.montage for p in plan.recordings] == list(MONTAGES)
        (warning,) = plan.warnings
        assert "2 files with one name and session" in warning
        assert "different content" in warning

    def test_a_copy_in_another_official_split_is_refused(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        corpus(data, "train/a_s001_t000.edf", "dev/b_s001_t000.edf")
        corpus(data, "train/c_s001_t000.edf", seed="c")
        corpus(data, "eval/d_s001_t000.edf", seed="d")
        for split in ("train", "dev"):
            with pytest.raises(CorpusError, match=TOLD) as caught:
                make_plan(config_of(data), split)
            assert "dev/b_s001_t000.edf = train/a_s001_t000.edf" in str(caught.value)
        assert len(make_plan(config_of(data), "eval").recordings) == 1
        with pytest.raises(CorpusError, match=TOLD):
            make_plans(config_of(data), "all")

    def test_a_refusal_shows_no_names_where_they_are_hidden(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TUSZSTORE_PSEUDONYM_KEY", "0123456789abcdef")
        data = tmp_path / "data"
        corpus(data, "train/SECRET_s001_t000.edf", "dev/HIDDEN_s001_t000.edf")
        with pytest.raises(CorpusError, match=TOLD) as caught:
            make_plan(config_of(data, **{"corpus.pseudonymize": True}), "train")
        assert "SECRET" not in str(caught.value)
        assert "HIDDEN" not in str(caught.value)

    def test_a_copy_outside_all_splits_changes_nothing(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        corpus(data, "train/b_s001_t000.edf", "attic/a_s001_t000.edf")
        plan = make_plan(config_of(data), "train")
        assert [p.recording.id for p in plan.recordings] == ["train/b_s001_t000.edf"]
        assert plan.left_out == ()

    @pytest.mark.parametrize("policy", ["patient", "file_order"])
    def test_no_content_is_in_two_splits(self, tmp_path: Path, policy: str) -> None:
        data = tmp_path / "data"
        for number in range(5):
            other = number if policy == "patient" else (number + 1) % 5
            names = [f"p{number}_s001_t00{number}.edf", f"p{other}_s002_t01{number}.edf"]
            corpus(data, *names, seed=str(number))
        corpus(data, "q_s001_t000.edf", seed="q")
        options = {"corpus.split_policy": policy, "corpus.val_fraction": 0.4}
        train, dev = make_plans(config_of(data, **options), "all")
        content = {
            plan.split: {p.recording.path.read_bytes() for p in plan.recordings}
            for plan in (train, dev)
        }
        assert content["train"]
        assert content["dev"]
        assert not content["train"] & content["dev"]
        assert len(train.recordings) + len(dev.recordings) == 6

    def test_a_copy_in_eval_is_refused_by_the_patient_policy(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        corpus(data, "train/a_s001_t000.edf", "eval/b_s001_t000.edf")
        corpus(data, "train/c_s001_t000.edf", seed="c")
        with pytest.raises(CorpusError, match=TOLD):
            make_plan(config_of(data, **{"corpus.split_policy": "patient"}), "train")


class TestOneContentUnderTwoPatients:
    """One person under two names, or a copy that is wrong: nothing tells, so the user is asked."""

    BY_PATIENT: ClassVar[dict[str, object]] = {"corpus.split_policy": "patient"}
    TOLD = "two patients that have a recording with the same content"

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        """Recordings of patients a to d, of which one of a's also stands under b."""
        data = tmp_path / "data"
        for patient in "abcd":
            corpus(data, f"{patient}_s001_t001.edf", seed=patient)
        corpus(data, "a_s002_t001.edf", "b_s002_t001.edf", seed="both")
        return data

    def patients(self, data: Path, **options: object) -> dict[str, set[str]]:
        """Return the patients of each split that is planned."""
        plans = make_plans(config_of(data, **self.BY_PATIENT | options), "all")
        return {plan.split: {p.recording.patient for p in plan.recordings} for plan in plans}

    def refused(self, data: Path, split: str = "all", **options: object) -> str:
        with pytest.raises(CorpusError, match=self.TOLD) as caught:
            make_plans(config_of(data, **self.BY_PATIENT | options), split)
        return str(caught.value)

    @pytest.mark.parametrize("split", ["train", "dev", "all"])
    def test_stops_and_names_both(self, data: Path, split: str) -> None:
        told = self.refused(data, split)
        assert "a and b (a_s002_t001.edf = b_s002_t001.edf). If they are one person" in told

    def test_whichever_of_them_is_annotated(self, data: Path) -> None:
        (data / "a_s002_t001.csv").unlink()
        assert "b and a (b_s002_t001.edf = a_s002_t001.edf)" in self.refused(data)

    def test_many_are_counted(self, data: Path) -> None:
        for number in range(7):
            corpus(data, f"c_s9_t{number:03}.edf", f"d_s9_t{number:03}.edf", seed=str(number))
        told = self.refused(data)
        assert told.count("; c and d (") == 4
        assert ") and 3 more. If" in told

    def test_names_that_are_hidden(self, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TUSZSTORE_PSEUDONYM_KEY", "0123456789abcdef")
        for path in sorted(data.iterdir()):
            path.rename(path.with_name(path.name.replace("a_", "SECRET_").replace("b_", "HIDDEN_")))
        told = self.refused(data, **{"corpus.pseudonymize": True})
        assert "SECRET" not in told
        assert "HIDDEN" not in told
        assert "dry run without corpus.pseudonymize" in told

    def test_way_out_one_name(self, data: Path) -> None:
        for path in sorted(data.glob("b_*")):
            path.rename(path.with_name(path.name.replace("b_s00", "a_s01")))
        patients = self.patients(data)
        assert not patients["train"] & patients["dev"]
        assert patients["train"] | patients["dev"] == {"a", "c", "d"}

    def test_way_out_folders_of_links(self, data: Path, tmp_path: Path) -> None:
        links = tmp_path / "links"
        for path in sorted(data.iterdir()):
            patient = path.name[0].replace("b", "a")
            (links / patient).mkdir(parents=True, exist_ok=True)
            (links / patient / path.name).symlink_to(path)
        patients = self.patients(links, **{"corpus.patient": "folder"})
        assert patients["train"] | patients["dev"] == {"a", "c", "d"}

    def test_way_out_a_pattern(self, tmp_path: Path) -> None:
        for number in range(3):
            corpus(tmp_path / "data", f"chb0{number}a_1.edf", seed=f"{number}a")
            corpus(tmp_path / "data", f"chb0{number}b_1.edf", seed=f"{number}b")
        corpus(tmp_path / "data", "chb00a_2.edf", "chb00b_2.edf", seed="both")
        self.refused(tmp_path / "data")
        patients = self.patients(tmp_path / "data", **{"corpus.patient": r"(chb\d\d)"})
        assert patients["train"] | patients["dev"] == {"chb00", "chb01", "chb02"}

    def test_way_out_without_the_copy(self, data: Path) -> None:
        (data / "b_s002_t001.edf").unlink()
        patients = self.patients(data)
        assert patients["train"] | patients["dev"] == {"a", "b", "c", "d"}

    def test_way_out_by_the_order_of_files(self, data: Path) -> None:
        options = {"corpus.split_policy": "file_order", "corpus.val_fraction": 0.5}
        train, dev = make_plans(config_of(data, **options), "all")
        assert len(train.recordings) + len(dev.recordings) == 5

    def test_of_official_splits_it_is_a_warning(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        corpus(data, "train/a_s001_t000.edf", "train/b_s001_t000.edf")
        corpus(data, "train/b_s002_t000.edf", seed="b")
        plan = make_plan(config_of(data), "train")
        assert "patients a, b have recordings with the same content" in " ".join(plan.warnings)

    def test_eval_is_not_divided(self, data: Path) -> None:
        """It is built; the pool beside it is not."""
        (data / "train").mkdir()
        for path in sorted(data.glob("*_*")):
            path.rename(data / "train" / path.name)
        corpus(data, "eval/e_s001_t000.edf", seed="e")
        plan = make_plan(config_of(data, **self.BY_PATIENT), "eval")
        assert [p.recording.patient for p in plan.recordings] == ["e"]
        self.refused(data, "train")

    def test_what_bids_keeps_beside_states_nobody(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        for number in range(1, 4):
            name = f"sub-0{number}/eeg/sub-0{number}_task-x_eeg.edf"
            corpus(data, name, f"sourcedata/export{number}.edf", seed=str(number))
        patients = self.patients(data, **{"corpus.name": "folder"})
        assert patients["train"] | patients["dev"] == {"sub-01", "sub-02", "sub-03"}
        corpus(data, "sourcedata/sub-03_eeg.edf", seed="1")
        assert "sub-01 and sub-03" in self.refused(data, **{"corpus.name": "folder"})

    def test_what_bids_keeps_beside_may_be_somebody(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        for number in range(1, 4):
            name = f"sub-0{number}/eeg/sub-0{number}_task-x_eeg.edf"
            corpus(data, name, f"sourcedata/export{number}.edf", seed=str(number))
        corpus(data, "sourcedata/export4.edf", seed="not in the data set")
        assert "sub-01 and sourcedata" in self.refused(data, **{"corpus.name": "folder"})

    @settings(max_examples=30)
    @given(
        who=st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 7)), min_size=6, max_size=9)
    )
    def test_no_person_is_divided_or_it_stops(
        self, tmp_path_factory: pytest.TempPathFactory, who: list[tuple[str, int]]
    ) -> None:
        """Against content compared pair by pair."""
        root = tmp_path_factory.mktemp("corpus")
        files: dict[str, bytes | str] = {
            f"{patient}_s001_t{number:03}.edf": edf_like({300: kind + 1})
            for number, (patient, kind) in enumerate(who)
        }
        recordings = write(root, files)
        two = any(kind == k and one != other for one, kind in who for other, k in who)
        config = config_of(root, **self.BY_PATIENT).corpus
        division = partial(
            choose_split,
            recordings,
            config=config,
            equal=find_equal(recordings),
            annotation_of=partial(annotation_beside, kind="csv"),
        )
        if two:
            with pytest.raises(CorpusError, match=self.TOLD):
                division("train")
            return
        if len({patient for patient, _ in who}) == 1:
            with pytest.raises(CorpusError, match="only one patient"):
                division("train")
            return
        train, dev = division("train").recordings, division("dev").recordings
        assert not {r.patient for r in train} & {r.patient for r in dev}
        assert {r.path.read_bytes() for r in train + dev} == set(files.values())


def test_verify_finds_one_recording_in_two_stores(tmp_path: Path) -> None:
    """Built from two corpora, so that no planning could see it."""
    options = {"windows": {"length": 4, "stride": 2}}
    corpus(tmp_path / "one", "train/a_s001_t000.edf")
    corpus(tmp_path / "two", "dev/b_s001_t000.edf")
    for split, data in (("train", "one"), ("dev", "two")):
        tuszstore.build(
            options, split=split, data=tmp_path / data, store=tmp_path / "stores", workers=0
        )
    report = tuszstore.verify(tmp_path / "stores" / "train.zarr")
    assert report.exit_status != 0
    assert "EDF files with the same content in train and dev" in str(report.to_json())
    # other header, same samples
    corpus(tmp_path / "two", "dev/b_s001_t000.edf", seed="other")
    tuszstore.build(
        options, split="dev", data=tmp_path / "two", store=tmp_path / "stores", workers=0
    )
    report = tuszstore.verify(tmp_path / "stores" / "train.zarr")
    assert "recordings with the same signal in train and dev" in str(report.to_json())
