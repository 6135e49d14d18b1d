"""What is said if a folder is not the root of a corpus, or a corpus has no such split."""

from pathlib import Path

import pytest

from tests.cli.runner import run
from tests.corpus.edf_files import channel, noise, write_edf
from tests.corpus.readers import choose_split
from tests.corpus.test_bids import szcore
from tests.corpus.test_bids import write as write_bids
from tuszstore.builder.plan import make_plan
from tuszstore.config import Corpus, load_config
from tuszstore.corpus.base import Recording
from tuszstore.corpus.split_advice import Origin, find_nearby
from tuszstore.errors import CorpusError


def case(root: Path, name: str = "chb01") -> Path:
    (root / name).mkdir(parents=True)
    (root / name / f"{name}-summary.txt").touch()
    return root


class TestNearby:
    @pytest.mark.parametrize(
        "folder", ["..", "../..", "edf/train", "edf/train/new", "edf/train/new/other"]
    )
    def test_the_root_of_a_corpus_is_found(
        self, own_corpus: Path, folder: str, tmp_path: Path
    ) -> None:
        (tmp_path / "outer" / "inner").mkdir(parents=True)
        corpus = own_corpus.rename(tmp_path / "outer" / "inner" / "corpus")
        root = (corpus / folder).resolve()
        root.mkdir(parents=True, exist_ok=True)
        assert find_nearby(root) == (corpus, "tusz")

    def test_a_corpus_beside_a_folder_is_another_one(self, tmp_path: Path) -> None:
        case(tmp_path / "chbmit")
        (tmp_path / "mine" / "p1").mkdir(parents=True)
        assert find_nearby(tmp_path / "mine") is None
        assert find_nearby(tmp_path / "mine" / "p1") is None

    def test_few_folders_are_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for outer in range(30):
            for inner in range(30):
                (tmp_path / f"p{outer:02}" / f"s{inner:02}" / "deep").mkdir(parents=True)
        listed = []
        plain = Path.iterdir

        def counted(path: Path) -> object:
            listed.append(path)
            return plain(path)

        monkeypatch.setattr(Path, "iterdir", counted)
        assert find_nearby(tmp_path) is None
        assert 0 < len(set(listed)) < 300


class TestMessages:
    def test_the_refusal_names_the_root_and_not_the_policy(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for split in ("train", "all"):
            result = run("build", "-s", split, "-d", ".", "-o", "stores", "--dry-run")
            assert result.exit_code == 1
            assert "corpus looks like tusz: use --data corpus" in result.output
            assert "--split-policy patient" not in result.output

    def test_the_plan_warns_if_the_policy_divides_such_a_folder(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        paths = {"paths.data": tmp_path, "paths.store": tmp_path / "stores"}
        config = load_config(None, {**paths, "corpus.split_policy": "patient"})
        told = f"{own_corpus} looks like tusz: use --data {own_corpus}, or its official splits are"
        assert any(told in warning for warning in make_plan(config, "train").warnings)
        named = config.replace(**{"corpus.name": "folder"})
        assert not any("looks like" in warning for warning in make_plan(named, "train").warnings)

    @pytest.mark.parametrize(
        ("corpus", "files", "deep"),
        [
            ("chbmit", ("chb05/chb05_01.edf", "chb05/chb05_02.edf", "chb06/chb06_01.edf"), "chb05"),
            ("siena", ("PN00/PN00-1.edf", "PN00/PN00-2.edf", "PN01/PN01-1.edf"), "PN00"),
            ("seizeit", ("P_ID1/P_ID1_r1.edf", "P_ID2/P_ID2_r1.edf"), "P_ID1"),
            ("bids", ("sub-01/eeg/sub-01_task-x_eeg.edf", "sub-02/eeg/sub-02_eeg.edf"), "sub-01"),
            ("bids", ("sub-01/eeg/sub-01_eeg.edf", "sub-02/eeg/sub-02_eeg.edf"), "sub-01/eeg"),
            ("bids", ("sub-1/ses-1/eeg/sub-1_ses-1_eeg.edf",), "sub-1/ses-1"),
        ],
    )  # fmt: skip
    def test_one_patient_of_a_corpus_leads_to_the_corpus(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, corpus: str, files: tuple[str, ...],
        deep: str,
    ) -> None:  # fmt: skip
        monkeypatch.chdir(tmp_path)
        for name in files:
            write_edf(tmp_path / "DATA" / name, [channel("Fp1", 4, digital=noise(1024, name))])
        args = ("build", "-s", "train", "-o", "stores", "--split-policy", "patient", "--dry-run")
        result = run(*args, "-d", f"DATA/{deep}")
        assert result.exit_code == 1
        told = f"DATA/{deep} is only one folder of DATA, which looks like {corpus}: use --data DATA"
        assert told in (words := " ".join(result.output.split()))
        assert words.index(told) < words.index("Add recordings of other patients")

    def test_one_patient_in_the_root_is_not_too_deep(self, tmp_path: Path) -> None:
        write_edf(tmp_path / "DATA" / "chb05" / "chb05_01.edf", [channel("Fp1", 4)])
        paths = {"paths.data": tmp_path / "DATA", "paths.store": tmp_path / "stores"}
        config = load_config(None, {**paths, "corpus.split_policy": "patient"})
        with pytest.raises(CorpusError, match=r"of only one patient, 'chb05'\. Add recordings"):
            make_plan(config, "train")

    def test_what_is_lost_fits_the_corpus(self, tmp_path: Path) -> None:
        bids = tmp_path / "mybids"
        for subject in ("01", "02"):
            write_bids(bids, f"sub-{subject}_task-x_eeg.edf", szcore("0\t40\tbckg"))
        paths = {"paths.data": tmp_path, "paths.store": tmp_path / "stores"}
        config = load_config(None, {**paths, "corpus.split_policy": "patient"})
        told = [one for one in make_plan(config, "train").warnings if "looks like" in one]
        assert told == [
            f"{bids} looks like bids: use --data {bids}, or its files are those of a plain "
            "folder, without the annotations of bids"
        ]

    @pytest.mark.parametrize(
        ("split", "policy", "told"),
        [
            pytest.param(
                "train", "official",
                r"corpus chbmit has no official splits .*Use --split-policy patient, or a list of "
                r"patients: --set corpus.split_file=chbmit \(chbmit and chbmit-biot come with",
                id="no official splits",
            ),
            pytest.param(
                "eval", "patient",
                r"leaves 'eval' without .*divides a corpus into train and dev.*"
                r"--set corpus.split_file=chbmit",
                id="eval of patient",
            ),
            pytest.param("eval", "file_order", r"corpus.split_file=chbmit", id="eval of files"),
        ],
    )  # fmt: skip
    def test_a_known_corpus_without_the_split(self, split: str, policy: str, told: str) -> None:
        recordings = [
            Recording(
                id=f"chb{n}/x.edf", path=Path(f"chb{n}/x.edf"), folder="", patient=f"chb{n}",
                session="", montage="", reference="", corpus="chbmit", states_patient=True,
                folders=(),
            )
            for n in range(4)
        ]  # fmt: skip
        config = Corpus(split_policy=policy)  # type: ignore[arg-type]
        with pytest.raises(CorpusError, match=told) as refused:
            choose_split(recordings, split, config, origin=Origin("chbmit"))
        assert "plain folder" not in str(refused.value)
        assert "val_fraction" not in str(refused.value)

    def test_with_all_splits_an_absent_one_is_a_note(
        self, small_corpus: Path, tmp_path: Path
    ) -> None:
        result = run("build", "-s", "all", "-d", small_corpus, "-o", tmp_path, "--dry-run")
        assert result.stderr.startswith("note: no recordings for eval in this corpus")
