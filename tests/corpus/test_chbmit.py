"""CHB-MIT with all its quirks: bipolar, one summary a case, patients by folder."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

import tuszstore
from tests.corpus.edf_files import Channel, channel, noise, write_edf
from tests.corpus.formats.test_wfdb import file as seizures_file
from tuszstore.builder.plan import make_plan
from tuszstore.config import Paths
from tuszstore.corpus.annotations import Unlabelled
from tuszstore.corpus.chbmit import ChbMit
from tuszstore.errors import CorpusError, RecordingError

SECONDS = 40
ELECTRODES = (
    "FP1", "F7", "T7", "P7", "O1", "F3", "C3", "P3", "FP2", "F4", "C4", "P4", "O2", "F8", "T8",
    "P8", "FZ", "CZ", "PZ",
)  # fmt: skip
BANANA = (
    "FP1-F7", "F7-T7", "T7-P7", "P7-O1", "FP1-F3", "F3-C3", "C3-P3", "P3-O1", "FP2-F4", "F4-C4",
    "C4-P4", "P4-O2", "FP2-F8", "F8-T8", "T8-P8", "P8-O2", "FZ-CZ", "CZ-PZ",
)  # fmt: skip
EXTRA = ("P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "T8-P8")


def volts(seed: str) -> dict[str, np.ndarray]:
    """Digital samples of electrodes, so that all kinds of files can show one EEG."""
    return {name: noise(SECONDS * 256, f"{seed}{name}") for name in ELECTRODES}


def difference(samples: dict[str, np.ndarray], label: str, seed: str) -> np.ndarray:
    anode, _, cathode = label.partition("-")
    if anode in samples and cathode in samples:
        return samples[anode] - samples[cathode]
    return noise(SECONDS * 256, f"{seed}{label}")


def native(seed: str, labels: Sequence[str] = (*BANANA, *EXTRA)) -> list[Channel]:
    """Bipolar signals, as most files have them."""
    samples = volts(seed)
    return [
        channel("x", SECONDS, label=label, digital=difference(samples, label, seed))
        for label in labels
    ]


def referential(seed: str, pattern: str = "{}", *, typo: bool = False) -> list[Channel]:
    """Electrodes against a reference, or bare; `typo` writes 01 for O1."""
    labels = {name: pattern.format(name) for name in ELECTRODES}
    if typo:
        labels["O1"] = pattern.format("01")
    return [
        channel("x", SECONDS, label=labels[name], digital=samples)
        for name, samples in volts(seed).items()
    ]


def entry(name: str, *seizures: tuple[int, int], declared: int | None = None) -> str:
    count = len(seizures) if declared is None else declared
    lines = [
        f"File Name: {name}",
        "File Start Time: 23:50:00",
        "File End Time: 24:21:32",
        f"Number of Seizures in File: {count}",
    ]
    for number, (onset, end) in enumerate(seizures, 1):
        lines += [
            f"Seizure {number} Start Time:  {onset} seconds",
            f"Seizure {number} End Time: {end} seconds",
        ]
    return "\n".join(lines)


def summary(root: Path, case: str, entries: Iterable[str]) -> None:
    head = "Data Sampling Rate: 256 Hz\n*************************\n\nChannels in EDF Files:\n"
    head += "".join(f"Channel {k}: {name}\n" for k, name in enumerate(BANANA, 1))
    (root / case).mkdir(parents=True, exist_ok=True)
    (root / case / f"{case}-summary.txt").write_text("\n\n".join([head, *entries]) + "\n")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return five cases of four patients."""
    root = tmp_path_factory.mktemp("chbmit")

    def write(name: str, signals: list[Channel], time: str = "01.00.00") -> None:
        write_edf(root / name[:5] / name, signals, date="01.01.75", time=time)

    write("chb01_01.edf", native("a"))
    write("chb01_02.edf", native("b", ("VNS", *BANANA, "-", ".", *EXTRA, "ECG")), "02.00.00")
    (root / "chb01" / "chb01_01.edf.seizures").write_bytes(seizures_file((10 * 256, 20 * 256)))
    summary(root, "chb01", [entry("chb01_01.edf", (10, 20)), entry("chb01_02.edf")])
    write("chb21_01.edf", native("c"), "03.00.00")
    summary(root, "chb21", [entry("chb21_01.edf")])
    write("chb17a_03.edf", native("d"))
    write("chb17b_57.edf", native("e"))
    write("chb17c_02.edf", native("f"))
    summary(root, "chb17", [entry(f"chb17{name}.edf") for name in ("a_03", "b_57", "c_02")])
    write("chb12_27.edf", referential("g", "{}-CS2"))
    write("chb12_28.edf", referential("g", typo=True), "02.00.00")
    write(
        "chb12_29.edf",
        native("g", [label for label in BANANA if label != "T7-P7"] + ["P7-T7"]),
        "03.00.00",
    )
    summary(
        root,
        "chb12",
        [
            entry("chb12_27.edf", (1, 5), (30, 33)),
            "Channels changed:\nChannel 1: F7\nChannel 2: T7",
            entry("chb12_28.edf"),
            "Channels changed:\nChannel 1: FP1-F7",
            entry("chb12_29.edf"),
        ],
    )
    write("chb24_01.edf", native("h"))
    write("chb24_02.edf", native("i"))
    summary(root, "chb24", [entry("chb24_01.edf", (2, 4))])
    write("chb02_16.edf", native("j"))
    write("chb02_16+.edf", native("k"))
    summary(root, "chb02", [entry("chb02_16.edf"), entry("chb02_16+.edf", (3, 9))])
    return root


@pytest.fixture(scope="module")
def stores(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuszstore.Store]:
    config = tuszstore.load_config(
        "bipolar",
        {
            "corpus.split_policy": "patient",
            "signal.normalise": "none",
            "signal.bandpass": None,
            "signal.notch": None,
            "signal.clip": None,
            "storage.dtype": "float32",
            "windows.length": 10.0,
        },
    )
    root = tmp_path_factory.mktemp("stores")
    built = {}
    for split in ("train", "dev"):
        report = tuszstore.build(config, split=split, data=corpus, store=root, workers=0)
        assert not report.failed, report
        again = tuszstore.build(config, split=split, data=corpus, store=root, workers=0)
        assert again.status == "unchanged", again
        built[split] = tuszstore.open(report.store)
    return built


def rows(stores: dict[str, tuszstore.Store]) -> dict[str, dict[str, object]]:
    found = {}
    for split, store in stores.items():
        table = store.recordings
        for k, id_ in enumerate(table["id"].values):
            found[id_] = {"split": split, "store": store, "row": k} | {
                name: table[name].values[k]
                for name in (
                    "patient",
                    "session",
                    "labelled",
                    "notes",
                    "clock",
                    "patient_time",
                    "reference",
                    "corpus",
                )
            }
    return found


def signal_of(row: dict[str, object]) -> np.ndarray:
    """Return a recording's µV, from its windows one after the other."""
    store = row["store"]
    numbers = np.flatnonzero(store.metadata.windows["recording"] == row["row"])
    starts = store.metadata.windows["start_time"][numbers]
    return np.concatenate(
        [store.reader.signal([n])[0] for n, s in zip(numbers, starts, strict=True) if s % 10 == 0],
        axis=1,
    )


def test_patients_are_folders_and_chb21_is_chb01(stores: dict[str, tuszstore.Store]) -> None:
    found = rows(stores)
    patients = {id_: row["patient"] for id_, row in found.items()}
    assert {id_[:5] for id_, name in patients.items() if name == "chb01"} == {"chb01", "chb21"}
    assert {name for id_, name in patients.items() if id_.startswith("chb17/")} == {"chb17"}
    splits: dict[object, set[object]] = {}
    for row in found.values():
        splits.setdefault(row["patient"], set()).add(row["split"])
    assert all(len(one) == 1 for one in splits.values())
    assert {row["corpus"] for row in found.values()} == {"chbmit"}


def test_a_recording_without_an_entry_is_unlabelled(stores: dict[str, tuszstore.Store]) -> None:
    left_out = {
        id_: reason
        for store in stores.values()
        for id_, reason in zip(
            store.left_out["id"].values, store.left_out["reason"].values, strict=True
        )
    }
    assert list(left_out) == ["chb24/chb24_02.edf"]
    assert "unlabelled" in left_out["chb24/chb24_02.edf"]
    assert len(rows(stores)) == 12


def test_seizures_are_those_of_the_summaries(stores: dict[str, tuszstore.Store]) -> None:
    found = {}
    for store in stores.values():
        events = store.events
        ids = store.recordings["id"].values[events["recording"].values]
        times = zip(events["onset"].values, events["offset"].values, strict=True)
        for id_, time in zip(ids, times, strict=True):
            found.setdefault(str(id_), []).append(tuple(map(float, time)))
    assert found == {
        "chb01/chb01_01.edf": [(10, 20)],
        "chb12/chb12_27.edf": [(1, 5), (30, 33)],
        "chb24/chb24_01.edf": [(2, 4)],
        "chb02/chb02_16+.edf": [(3, 9)],
    }


@pytest.mark.parametrize(
    ("id_", "seed", "reference"),
    [
        ("chb01/chb01_02.edf", "b", ""),
        ("chb12/chb12_27.edf", "g", "CS2"),
        ("chb12/chb12_28.edf", "g", ""),
        ("chb12/chb12_29.edf", "g", ""),
    ],
)
def test_all_kinds_of_files_give_the_same_microvolts(
    stores: dict[str, tuszstore.Store], id_: str, seed: str, reference: str
) -> None:
    row = rows(stores)[id_]
    samples = volts(seed)
    # a digital step is 0.1 µV
    expected = np.stack([difference(samples, label, seed) for label in BANANA]) * 0.1
    store = row["store"]
    names = [name.upper() for name in store.channels]
    order = [names.index(older(label)) for label in BANANA]
    np.testing.assert_allclose(signal_of(row)[order], expected, atol=0.06)
    assert row["reference"] == reference


def older(label: str) -> str:
    for newer, name in (("T7", "T3"), ("T8", "T4"), ("P7", "T5"), ("P8", "T6")):
        label = label.replace(newer, name)
    return label


def test_what_was_put_right_is_noted(stores: dict[str, tuszstore.Store]) -> None:
    found = rows(stores)
    assert "label '01' read as 'O1'" in str(found["chb12/chb12_28.edf"]["notes"])
    assert "T4-T6" in str(found["chb01/chb01_01.edf"]["notes"])  # is present twice, taken once


def test_clocks_tell_the_time_within_a_patient(stores: dict[str, tuszstore.Store]) -> None:
    found = rows(stores)
    assert {row["clock"] for row in found.values()} == {"surrogate"}
    hours = [found[f"chb12/chb12_{n}.edf"]["patient_time"] for n in (27, 28, 29)]
    assert hours == [0, 3600, 7200]


def test_the_other_name_of_a_patient_is_told(stores: dict[str, tuszstore.Store]) -> None:
    store = rows(stores)["chb21/chb21_01.edf"]["store"]
    assert isinstance(store, tuszstore.Store)
    assert len(store.select(patient="chb01"))
    told = "unknown patient 'chb21': by an erratum of the corpus it is patient 'chb01'"
    with pytest.raises(ValueError, match=told):
        store.select(patient="chb21")
    with pytest.raises(ValueError, match="unknown patient 'chb2'; this store has"):
        store.select(patient="chb2")


def test_two_cases_of_a_patient_are_on_two_timelines(
    stores: dict[str, tuszstore.Store], tmp_path: Path
) -> None:
    """By the dates of their headers, chb21_01 begins two hours after the seizure of chb01_01."""
    found = rows(stores)
    assert [found[f"chb01/chb01_0{n}.edf"]["patient_time"] for n in (1, 2)] == [0, 3600]
    assert found["chb21/chb21_01.edf"]["patient_time"] == 0
    store = found["chb21/chb21_01.edf"]["store"]
    assert isinstance(store, tuszstore.Store)
    table = store.recordings
    names = dict(zip(table["id"].values, table["timeline"].values, strict=True))
    assert {id_[:5]: name for id_, name in names.items() if name} == {"chb01": "1", "chb21": "2"}
    ids = table["id"].values[store.index["recording"].values]
    since = store.index["time_since_seizure"].values
    assert since[ids == "chb01/chb01_02.edf"].tolist()[0] == 3600 - 20
    assert np.isnan(since[ids == "chb21/chb21_01.edf"]).all()
    other = next(one for one in stores.values() if one is not store)
    assert "timeline" not in other.recordings
    assert other.recordings.attrs == {}
    with tuszstore.write_predictions(store, tmp_path / "p") as out:
        out.write(range(len(store)), np.zeros(len(store)))
    assert set(tuszstore.open_predictions(tmp_path / "p").recordings.timeline) >= {"1", "2"}


def one_case(root: Path, entries: Iterable[str], signals: list[Channel] | None = None) -> ChbMit:
    write_edf(root / "chb05" / "chb05_01.edf", signals or native("x"))
    summary(root, "chb05", entries)
    return ChbMit(root, {})


def test_without_the_preset_the_plan_names_it(corpus: Path, tmp_path: Path) -> None:
    options = {"corpus.split_policy": "patient", "corpus.val_fraction": 0.01}
    config = tuszstore.load_config({}, {"paths.data": corpus, "paths.store": tmp_path, **options})
    told = [
        warning
        for split in ("train", "dev")
        for warning in make_plan(config, split).warnings
        if "bipolar" in warning
    ]
    bipolar = config.replace(**{"channels.set": "double_banana"})
    plans = [make_plan(bipolar, split) for split in ("train", "dev")]
    assert all(
        re.search(r"^\d+ recordings? (is|are) bipolar.*use --config bipolar$", t) for t in told
    )
    assert sum(int(t.split()[0]) for t in told) == 11  # all but the two of electrodes
    assert not any("bipolar" in warning for plan in plans for warning in plan.warnings)


def test_two_signals_of_one_name_must_be_equal(tmp_path: Path) -> None:
    signals = native("x")
    signals[-1] = channel("x", SECONDS, label="T8-P8", digital=noise(SECONDS * 256, "other"))
    one_case(tmp_path, [entry("chb05_01.edf")], signals)
    config = tuszstore.load_config("bipolar", {"corpus.split_policy": "file_order"})
    report = tuszstore.build(config, data=tmp_path, store=tmp_path / "s", workers=0)
    (left,) = report.left_out
    assert "T4-T6 is present twice with different samples" in left.reason


class TestUpsideDown:
    """P7-T7 stands in nearly every file, and is T7-P7 negated: by rounding, not to the last bit."""

    RANGE: ClassVar[dict[str, int]] = {
        "physical_min": -800, "physical_max": 800, "digital_min": -2048, "digital_max": 2047
    }  # fmt: skip

    def reasons(self, root: Path, **changes: Any) -> list[str]:
        """Return why the recording is left out whose P7-T7 is changed."""
        signals = native("x")
        forward = signals[BANANA.index("T7-P7")].digital
        digital = changes.pop("digital", lambda samples: -1 - samples)(forward)
        number = len(BANANA) + EXTRA.index("P7-T7")
        signals = [replace(signal, **self.RANGE) for signal in signals]
        signals[number] = replace(signals[number], digital=digital, **changes)
        one_case(root, [entry("chb05_01.edf")], signals)
        config = tuszstore.load_config("bipolar", {"corpus.split_policy": "file_order"})
        config = config.model_copy(update={"paths": Paths(data=root, store=root / "s")})
        return [left.reason for left in make_plan(config, "train").left_out]

    @pytest.mark.parametrize("more", [-2, -1, 0, 1, 2])
    def test_rounded_by_itself_it_is_the_same(self, tmp_path: Path, more: int) -> None:
        def rounded(samples: NDArray[np.int16]) -> NDArray[np.int16]:
            negative = -1 - samples
            negative[7] += more
            return negative

        assert self.reasons(tmp_path, digital=rounded) == []

    def test_in_another_unit_it_is_the_same(self, tmp_path: Path) -> None:
        assert self.reasons(tmp_path, unit="mV", physical_min=-0.8, physical_max=0.8) == []

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"digital": lambda samples: samples}, id="not negated"),
            pytest.param({"digital": lambda s: noise(len(s), "other")}, id="other samples"),
            pytest.param({"physical_max": 900}, id="another scale"),
            pytest.param({"unit": "mV"}, id="another unit"),
            pytest.param({"unit": "mmHg"}, id="no voltage"),
            pytest.param({"per_record": 128, "digital": lambda s: -1 - s[::2]}, id="another rate"),
        ],
    )
    def test_else_it_is_refused(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        (reason,) = self.reasons(tmp_path, **changes)
        assert "channel T3-T5 is present inverted with different samples" in reason
        assert "signals 3 ('T7-P7') and 19 ('P7-T7')" in reason

    def test_a_single_sample_is_a_difference(self, tmp_path: Path) -> None:
        def changed(samples: NDArray[np.int16]) -> NDArray[np.int16]:
            negative = -1 - samples
            negative[-1] += 3
            return negative

        (reason,) = self.reasons(tmp_path, digital=changed)
        assert "is present inverted" in reason

    def test_without_the_other_it_is_read(self, tmp_path: Path) -> None:
        signals = [s for s in native("x") if s.label != "T7-P7"]
        one_case(tmp_path, [entry("chb05_01.edf")], signals)
        config = tuszstore.load_config("bipolar", {"corpus.split_policy": "file_order"})
        config = config.model_copy(update={"paths": Paths(data=tmp_path, store=tmp_path / "s")})
        assert len(make_plan(config, "train").recordings) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (entry("chb05_01.edf", (1, 2), declared=2), "declares? 2"),
        (entry("chb05_01.edf", (9, 2)), "before"),
        (entry("chb05_01.edf").replace("File: 0", "File: 1")
         + "\nSeizure Start Time: 1 seconds\nSeizure Start Time: 3 seconds", "line"),
    ],
    ids=["more declared", "ends first", "two starts"],
)  # fmt: skip
def test_a_summary_that_contradicts_itself_names_file_and_line(
    tmp_path: Path, text: str, told: str
) -> None:
    corpus = one_case(tmp_path, [text])
    (recording,) = corpus.recordings().recordings
    with pytest.raises(RecordingError, match=told) as error:
        corpus.annotation(recording)
    assert "chb05-summary.txt" in str(error.value)
    assert "line" in str(error.value)


def test_a_listed_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    corpus = one_case(tmp_path, [entry("chb05_01.edf"), entry("chb05_02.edf")])
    (note,) = corpus.recordings().folder_notes["chb05"]
    assert (
        "chb05-summary.txt lists 1 recording not in the corpus, such as chb05_02.edf (line" in note
    )


def test_what_concerns_one_case_is_told_for_its_split_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for case in ("chb01", "chb02", "chb03", "chb04"):
        write_edf(data / case / f"{case}_01.edf", native(case))
        summary(data, case, [entry(f"{case}_01.edf"), entry(f"{case}_02.edf")])
        (data / case / f"{case}_03.edf").symlink_to("nowhere")
    (data / "new").mkdir()
    (data / "new" / "x.edf").symlink_to("nowhere")  # of an unknown patient
    options = {
        "paths.data": data, "paths.store": tmp_path, "corpus.split_policy": "patient",
        "corpus.val_fraction": 0.25,
    }  # fmt: skip
    config = tuszstore.load_config("bipolar", options)
    of_split = {}
    for split in ("train", "dev"):
        plan = make_plan(config, split)
        cases = of_split[split] = {one.recording.patient for one in plan.recordings}
        noted = {one[:5] for one in plan.warnings if "not in the corpus" in one}
        assert noted == cases
        assert {one.id for one in plan.left_out} == {
            "new/x.edf", *(f"{case}/{case}_03.edf" for case in cases),
        }  # fmt: skip
    assert [len(cases) for cases in of_split.values()] == [3, 1]


def test_a_case_without_a_summary_is_unlabelled(tmp_path: Path) -> None:
    corpus = one_case(tmp_path, [entry("chb05_01.edf")])
    (tmp_path / "chb05" / "chb05-summary.txt").unlink()
    (recording,) = corpus.recordings().recordings
    with pytest.raises(Unlabelled, match=r"no summary chb05-summary\.txt"):
        corpus.annotation(recording)


def test_cases_in_one_folder_are_unlabelled_with_the_way_out(tmp_path: Path) -> None:
    write_edf(tmp_path / "chb05_01.edf", native("x"))
    summary(tmp_path, "chb05", [entry("chb05_01.edf")])
    (tmp_path / "chb05" / "chb05-summary.txt").rename(tmp_path / "chb05-summary.txt")
    corpus = ChbMit(tmp_path, {})
    told = rf"no summary {tmp_path.name}-summary\.txt: each case .* such as chb01, with its summary"
    with pytest.raises(Unlabelled, match=told):
        corpus.annotation(corpus.find("chb05_01.edf"))


def test_the_digest_is_of_the_recordings_own_entry(tmp_path: Path) -> None:
    one_case(tmp_path, [entry("chb05_01.edf", (1, 2))])
    (recording,) = ChbMit(tmp_path, {}).recordings().recordings
    before = ChbMit(tmp_path, {}).annotation(recording).digest
    summary(tmp_path, "chb05", [entry("chb05_01.edf", (1, 2)), entry("chb05_09.edf", (1, 2))])
    assert ChbMit(tmp_path, {}).annotation(recording).digest == before
    summary(tmp_path, "chb05", [entry("chb05_01.edf", (1, 3))])
    assert ChbMit(tmp_path, {}).annotation(recording).digest != before


def test_seizures_files_that_disagree_are_told(tmp_path: Path) -> None:
    corpus = one_case(tmp_path, [entry("chb05_01.edf", (10, 20))])
    path = tmp_path / "chb05" / "chb05_01.edf.seizures"
    (recording,) = corpus.recordings().recordings
    path.write_bytes(seizures_file((10 * 256, 20 * 256)))
    assert corpus.annotation(recording).notes == ()
    path.write_bytes(seizures_file((4 * 256, 20 * 256)))
    (note,) = corpus.annotation(recording).notes
    assert "other seizures than the summary" in note


def test_one_patient_alone_cannot_be_divided(tmp_path: Path) -> None:
    one_case(tmp_path, [entry("chb05_01.edf")])
    config = tuszstore.load_config("bipolar", {"corpus.split_policy": "patient"})
    with pytest.raises(CorpusError, match="patient"):
        tuszstore.build(config, data=tmp_path, store=tmp_path / "s", workers=0)


def test_the_preset_gives_tusz_the_same_channels(
    corpus: Path, small_corpus: Path, tmp_path: Path, stores: dict[str, tuszstore.Store]
) -> None:
    report = tuszstore.build("bipolar", data=small_corpus, store=tmp_path, workers=0, limit=2)
    store = tuszstore.open(report.store)
    assert store.channels == stores["train"].channels
    assert store.spec.channels == stores["train"].spec.channels


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what the table of errata is about: files and lines as they were released."""
    root = tmp_path_factory.mktemp("errata")
    cases = {
        "chb03": [entry("chb03_24.edf"), entry("chb03_25.edf")],
        "chb07": [entry("chb07_18.edf"), entry("chb07_19.edf", (13688, 13831))],
        "chb09": [
            entry("chb09_08.edf", (2951, 3030), (9196, 9267)).replace(
                "Seizure 2 End", "Seizure 1 End"
            )
        ],
        "chb12": [entry("chb12_28.edf"), entry("chb12_29.edf")],
        "chb17": [entry("chb17b_69.edf")],
        "chb21": [entry("chb21_01.edf")],
        "chb24": [entry("chb24_01.edf"), entry("chb24_21.edf", (2804, 2872))],
    }
    names = [line.split()[2] for text in cases.values() for line in "\n".join(text).splitlines()
             if line.startswith("File Name")]  # fmt: skip
    numbers = ("02", "05", "08", "10", "12", "16", "18", "19", "20", "22")
    for name in (*names, *(f"chb24_{number}.edf" for number in numbers)):
        labels = [e for e in ELECTRODES if e != "O1"] + ["01" if "chb12" in name else "O1"]
        write_edf(root / name[:5] / name, [channel("x", 1, label=label) for label in labels])
    for case, entries in cases.items():
        summary(root, case, entries)
    (root / "RECORDS-WITH-SEIZURES").write_text("chb05/chb05_06.edf\nchb07/chb07_18.edf\n")
    seizures = seizures_file((2404 * 256, 2872 * 256))
    (root / "chb24" / "chb24_21.edf.seizures").write_bytes(seizures)
    (root / "chb17" / "chb17b_69.edf.seizures").write_bytes(seizures_file() + bytes(256))
    return root


def noted(root: Path, name: str, **options: object) -> list[str]:
    """Notes of a recording that come from the table."""
    opened = ChbMit(root, options)
    found = opened.find(f"{name[:5]}/{name}.edf")
    told = [*opened.facts(found).notes]
    if not name.startswith("chb24") or name in ("chb24_01", "chb24_21"):
        told += opened.annotation(found).notes
    return [note for note in told if "(erratum" in note]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("chb21_01", "case 'chb21' is patient 'chb01' (erratum)"),
        *((f"chb24_{n}", "unlabelled: the summary has no entry for them, it lists the files with "
           "seizures only (erratum)") for n in ("02", "05", "08", "10", "12", "16", "18", "19",
                                                "20", "22")),
        ("chb24_21", "left as it is in the file (erratum chb24_21_onset: summary)"),
        ("chb12_28", "label '01' read as 'O1' (erratum)"),
        ("chb12_29", "label '01' read as 'O1' (erratum)"),
        ("chb07_19", "named 'chb07_18.edf' in RECORDS-WITH-SEIZURES (erratum)"),
        ("chb09_08", "starts and ends are paired by their order (erratum)"),
        ("chb03_24", "ordered by the date and time of their headers (erratum)"),
        ("chb03_25", "ordered by the date and time of their headers (erratum)"),
        ("chb17b_69", "has 256 bytes behind its end, which are not read (erratum)"),
    ],
)  # fmt: skip
def test_each_erratum_is_noted(faulty: Path, name: str, told: str) -> None:
    (note,) = noted(faulty, name)
    assert note.endswith(told)
    assert noted(faulty, name, errata="none") == []


def test_recordings_without_a_slip_have_no_erratum(faulty: Path) -> None:
    assert noted(faulty, "chb07_18") == noted(faulty, "chb24_01") == []


def test_the_ten_recordings_of_chb24_are_unlabelled_with_and_without_errata(faulty: Path) -> None:
    for options in ({}, {"errata": "none"}):
        opened = ChbMit(faulty, options)
        with pytest.raises(Unlabelled, match=r"no entry in chb24-summary\.txt"):
            opened.annotation(opened.find("chb24/chb24_05.edf"))


@pytest.mark.parametrize(
    ("decisions", "onset", "note"),
    [
        ((), 2804, "chb24_21.edf.seizures has other seizures than the summary, which is used: "
                   "2404 to 2872 s"),
        ((("chb24_21_onset", "seizures"),), 2404, "seizure from 2804 s read as from 2404 s "
                                                  "(erratum chb24_21_onset: seizures)"),
    ],
)  # fmt: skip
def test_the_onset_of_chb24_21_is_a_decision(
    faulty: Path, decisions: tuple[tuple[str, str], ...], onset: int, note: str
) -> None:
    opened = ChbMit(faulty, {"decisions": decisions})
    found = opened.annotation(opened.find("chb24/chb24_21.edf"))
    assert [(e.onset, e.offset) for e in found.events] == [(onset, 2872)]
    assert found.notes == (note,)


def test_an_entry_that_cannot_be_read_costs_its_recording_alone(tmp_path: Path) -> None:
    corpus = one_case(tmp_path, [entry("chb05_01.edf", (1, 2)), entry("chb05_02.edf", declared=3)])
    write_edf(tmp_path / "chb05" / "chb05_02.edf", native("y"))
    first, second = corpus.recordings().recordings
    assert len(corpus.annotation(first).events) == 1
    with pytest.raises(RecordingError, match=r"chb05-summary\.txt, line \d+: 'chb05_02\.edf': dec"):
        corpus.annotation(second)


def test_a_summary_that_is_corrected_is_read_again(tmp_path: Path) -> None:
    corpus = one_case(tmp_path, [entry("chb05_01.edf", (1, 2))])
    (recording,) = corpus.recordings().recordings
    assert corpus.annotation(recording).events[0].offset == 2
    summary(tmp_path, "chb05", [entry("chb05_01.edf", (1, 30))])
    assert corpus.annotation(recording).events[0].offset == 30


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_of_a_summary(tmp_path: Path, encoding: str, end: str) -> None:
    corpus = one_case(tmp_path, [entry("chb05_01.edf", (1, 2)), entry("chb05_0\u00e9.edf")])
    path = tmp_path / "chb05" / "chb05-summary.txt"
    path.write_bytes(path.read_text().replace("\n", end).encode(encoding))
    (recording,) = corpus.recordings().recordings
    assert [(e.onset, e.offset) for e in corpus.annotation(recording).events] == [(1, 2)]
