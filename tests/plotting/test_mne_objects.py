"""Recordings and windows as objects of MNE: volts, events, and what is bad."""

import csv
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal
from scipy.spatial.distance import pdist

import tuszstore
from tests.builder import reference_oracle as oracle
from tests.corpus.edf_files import eeg

TRAIN = "edf/train/aaaaaaaa/s001_2010/01_tcp_ar/aaaaaaaa_s001_t001"


def build(corpus: Path, root: Path, config: Any = None) -> tuszstore.Store:
    built = tuszstore.build(config, split="train", data=corpus, store=root, workers=0)
    return tuszstore.open(built.store)


def one_recording(corpus: Path, rows: str = "TERM,0,1,bckg,1\n", **options: Any) -> Path:
    """Write a corpus of one recording of 20 s, with an annotation."""
    path = corpus / f"{TRAIN}.edf"
    eeg(path, **options)
    path.with_suffix(".csv").write_text(f"channel,start_time,stop_time,label,confidence\n{rows}")
    return corpus


def source(corpus: Path, store: tuszstore.Store, row: int) -> Path:
    return corpus / store.recordings["id"].values[row]


def microvolts(raw: mne.io.BaseRaw) -> NDArray[np.float64]:
    return np.asarray(raw.get_data(units="uV"))


def causally_filtered(path: Path) -> NDArray[np.float64]:
    """Filter an EDF file as the NPZ pipeline does, in µV."""
    data, sfreq = oracle.load(path)
    x = data.astype(np.float64)
    if sfreq != 256:
        x = signal.resample(x, round(x.shape[1] * 256 / sfreq), axis=1)
    x = signal.lfilter(*signal.butter(3, [0.5 / 128, 120 / 128], "band"), x, axis=1)
    return np.asarray(signal.lfilter(*signal.iirnotch(60, 30, 256), x, axis=1))


def filtered_both_ways(path: Path) -> NDArray[np.float64]:
    """Filter an EDF file of 256 Hz forward and backward, in µV."""
    data, sfreq = oracle.load(path)
    assert sfreq == 256
    x = data.astype(np.float64)
    band = signal.butter(3, [0.5 / 128, 120 / 128], "band", output="sos")
    notch = signal.tf2sos(*signal.iirnotch(60, 30, 256))
    return np.asarray(signal.sosfiltfilt(np.vstack([band, notch]), x, axis=1, padlen=1024))


class TestVolts:
    def test_float32_is_the_filtered_edf(self, own_corpus: Path, tmp_path: Path) -> None:
        store = build(own_corpus, tmp_path / "stores", "reference")
        for row in range(store.recordings.sizes["recording"]):
            expected = causally_filtered(source(own_corpus, store, row))
            sd, mean = (store.recordings[name].values[row][:, None] for name in ("sd", "mean"))
            kept = np.abs(expected - mean) < 9.99 * sd  # the rest is clipped
            error = np.abs(microvolts(store.to_raw(row)) - expected)
            assert kept.mean() > 0.99
            assert error[kept].max() < 1e-3

    def test_int16_is_the_filtered_edf_to_half_a_step(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        store = build(own_corpus, tmp_path / "stores")
        rows = np.flatnonzero(store.recordings["source_sfreq"] == 256)
        assert len(rows) > 0
        for row in rows:
            expected = filtered_both_ways(source(own_corpus, store, row))
            sd, mean = (store.recordings[name].values[row][:, None] for name in ("sd", "mean"))
            kept = np.abs(expected - mean) < 9.99 * sd
            steps = np.abs(microvolts(store.to_raw(int(row))) - expected) / (sd * 2.0**-10)
            assert kept.mean() > 0.99
            assert 0.4 < steps[kept].max() < 0.51

    def test_stored_microvolts_are_given_as_they_are(self, tmp_path: Path) -> None:
        corpus = one_recording(tmp_path)
        config = {"signal": {"normalise": "none", "clip": 3000}, "windows": {"length": 10}}
        config["storage"] = {"dtype": "float32"}
        store = build(corpus, tmp_path / "stores", config)
        expected = filtered_both_ways(source(corpus, store, 0))
        np.testing.assert_allclose(microvolts(store.to_raw(0)), expected, atol=1e-3)
        np.testing.assert_allclose(
            store.to_epochs([1]).get_data(units="uV")[0], expected[:, 2560:5120], atol=1e-3
        )

    def test_epochs_are_pieces_of_the_raw(self, train: tuszstore.Store) -> None:
        numbers = [3, len(train) - 1, 0, 3]
        epochs = train.to_epochs(numbers)
        data = epochs.get_data(units="uV")
        assert data.shape == (4, 19, 15360)
        for number, values in zip(numbers, data, strict=True):
            row, start = (train.index[name].values[number] for name in ("recording", "start_time"))
            first = round(start * 256)
            whole = microvolts(train.to_raw(int(row)))
            np.testing.assert_allclose(values, whole[:, first : first + 15360], atol=1e-3)


class TestRaw:
    def test_what_mne_knows_of_it(self, train: tuszstore.Store) -> None:
        raw = train.to_raw(0)
        assert raw.ch_names == list(train.channels)
        assert set(raw.get_channel_types()) == {"eeg"}
        assert (raw.info["sfreq"], raw.info["line_freq"]) == (256, 60)
        assert raw.n_times == int(train.recordings["n_samples"][0])
        # MNE turns the head into its own frame, which leaves distances as they are
        given, expected = (
            pdist([montage.get_positions()["ch_pos"][name] for name in train.channels])
            for montage in (raw.get_montage(), oracle.standard_1020())
        )
        np.testing.assert_allclose(given, expected, rtol=1e-5)

    def test_nothing_personal_is_in_it(self, train: tuszstore.Store) -> None:
        info = train.to_raw(0).info
        assert info["meas_date"] is None
        assert dict(info["subject_info"]) == {"his_id": str(train.recordings["patient"].values[0])}
        assert info["experimenter"] is info["device_info"] is info["proj_name"] is None

    def test_a_recording_by_id_name_or_row(self, train: tuszstore.Store) -> None:
        id_ = str(train.recordings["id"].values[2])
        for given in (id_, Path(id_).stem, 2):
            assert train.to_raw(given).info["description"].startswith(id_)

    def test_a_recording_shorter_than_a_window(self, train: tuszstore.Store) -> None:
        row = int(np.argmin(train.recordings["n_windows"].values))
        assert train.recordings["n_windows"][row] == 0
        assert 0 < train.to_raw(row).times[-1] < 60

    def test_whole_windows_say_what_is_missing(self, own_corpus: Path, tmp_path: Path) -> None:
        config = {"windows": {"overlap": "duplicate", "length": 30, "stride": 40}}
        store = build(own_corpus, tmp_path / "stores", config)
        raw = store.to_raw(0)
        assert raw.n_times == 30 * 256
        assert "the first 30 s of" in raw.info["description"]
        assert (raw.annotations.onset + raw.annotations.duration <= 30).all()

    def test_nothing_stored_is_told(self, tmp_path: Path) -> None:
        corpus = one_recording(tmp_path)
        store = build(corpus, tmp_path / "stores", {"windows": {"overlap": "duplicate"}})
        with pytest.raises(ValueError, match=r"t001\.edf is not stored: .*shorter than a window"):
            store.to_raw(0)

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (10**6, "no recording 1000000 in this store; it has 14"),
            ("x_s1_t1", "unknown recording 'x_s1_t1'; this store has edf/"),
        ],
    )
    def test_no_such_recording_is_told(
        self, train: tuszstore.Store, given: str | int, told: str
    ) -> None:
        with pytest.raises(ValueError, match=told):
            train.to_raw(given)


class TestFlatChannels:
    def store(self, tmp_path: Path, flat: str) -> tuszstore.Store:
        changes = {"Cz": {"digital": np.full(5120, 42, np.int16)}}
        corpus = one_recording(tmp_path, changes=changes)
        config = {"channels": {"flat": flat}, "windows": {"length": 10}}
        return build(corpus, tmp_path / "stores", config)

    def test_a_flat_channel_is_bad(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, "keep")
        raw, epochs = store.to_raw(0), store.to_epochs([0])
        assert raw.info["bads"] == epochs.info["bads"] == ["Cz"]
        assert np.ptp(raw.get_data(picks=["Cz"])) == 0

    def test_an_interpolated_one_is_good_and_named(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, "interpolate")
        raw = store.to_raw(0)
        assert raw.info["bads"] == store.to_epochs([0]).info["bads"] == []
        assert "interpolated: Cz" in raw.info["description"]
        assert np.ptp(raw.get_data(picks=["Cz"])) > 1e-6


def electrodes(channel: str) -> set[str]:
    """Return the channels of MNE's object that a bipolar channel stands for."""
    known = {name.upper(): name for name in oracle.CHANNELS}
    return {known[part] for part in channel.split("-") if part in known}


def columns(notes: mne.Annotations) -> tuple[Any, ...]:
    return notes.onset, notes.duration, notes.description, notes.ch_names


class TestAnnotations:
    def test_they_are_those_of_the_file(self, train: tuszstore.Store, corpus: Path) -> None:
        n_events = 0
        for row in range(train.recordings.sizes["recording"]):
            raw = train.to_raw(row)
            end = raw.n_times / 256
            expected: dict[tuple[float, float, str], set[str]] = {}
            text = source(corpus, train, row).with_suffix(".csv").read_text().splitlines()
            for line in csv.DictReader(line for line in text if line and line[0] != "#"):
                onset, offset = float(line["start_time"]), float(line["stop_time"])
                if line["label"] != "bckg" and onset < end:
                    key = (round(onset, 4), round(min(offset, end), 4), line["label"])
                    expected.setdefault(key, set()).update(electrodes(line["channel"]))
            given = {
                (round(onset, 4), round(onset + duration, 4), str(name)): set(names)
                for onset, duration, name, names in zip(*columns(raw.annotations), strict=True)
            }
            assert given == expected
            n_events += len(given)
        assert n_events > 5

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ("TERM,5,9,seiz,1\n", [(5, 4, "seiz", ())]),
            ("term,5,9,seiz,1\nFP1-F7,5,9,seiz,1\n", [(5, 4, "seiz", ())]),
            ("FP1-F7,5,9,fnsz,1\n", [(5, 4, "fnsz", ("Fp1", "F7"))]),
            ("F7-T7,5,9,fnsz,1\n", [(5, 4, "fnsz", ("F7", "T3"))]),
            ("A1-T3,5,9,fnsz,1\n", [(5, 4, "fnsz", ("T3",))]),
            ("A1-A2,5,9,fnsz,1\n", [(5, 4, "fnsz", ())]),
            ("CZ-C4,7,9,gnsz,1\nFP1-F7,5,9,fnsz,1\nFP2-F8,5,9,fnsz,1\n",
             [(5, 4, "fnsz", ("Fp1", "F7", "Fp2", "F8")), (7, 2, "gnsz", ("Cz", "C4"))]),
            ("TERM,-3,2,seiz,1\nTERM,18,30,seiz,1\nTERM,20,21,seiz,1\nTERM,-3,0,seiz,1\n",
             [(0, 2, "seiz", ()), (18, 2, "seiz", ())]),
            ("TERM,5,5,seiz,1\n", [(5, 0, "seiz", ())]),
            ("TERM,0,1,bckg,1\n", []),
        ],
        ids=["whole", "whole and one", "two electrodes", "newer name", "one unknown",
             "all unknown", "several", "ends", "no duration", "none"],
    )  # fmt: skip
    def test_channels_and_ends(self, tmp_path: Path, rows: str, expected: list[Any]) -> None:
        store = build(one_recording(tmp_path, rows), tmp_path / "stores")
        given = store.to_raw(0).annotations
        assert list(zip(*columns(given), strict=True)) == expected
        assert len(store.to_raw(0, annotations=False).annotations) == 0

    def test_an_unlabelled_recording_says_so(self, tmp_path: Path) -> None:
        corpus = one_recording(tmp_path)
        (corpus / f"{TRAIN}.csv").unlink()
        config = {"labels": {"unlabelled": "keep"}, "windows": {"length": 10}}
        store = build(corpus, tmp_path / "stores", config)
        raw, epochs = store.to_raw(0), store.to_epochs([0, 1])
        assert len(raw.annotations) == 0
        assert "no annotation" in raw.info["description"]
        assert set(epochs.event_id) == {"unlabelled"}
        assert epochs.metadata["seizure_fraction"].isna().all()
        assert (
            "no annotation"
            not in build(one_recording(tmp_path / "other"), tmp_path / "others")
            .to_raw(0)
            .info["description"]
        )


class TestEpochs:
    def test_metadata_and_ids_are_those_of_the_index(self, train: tuszstore.Store) -> None:
        numbers = np.flatnonzero(~train.mask("no_seizure"))
        epochs = train.to_epochs(numbers)
        table = epochs.metadata
        assert list(table["window"]) == list(numbers)
        index = train.index.isel(window=numbers)
        assert list(table["recording"]) == list(index["id"].values)
        for name in ("patient", "session", "montage", "start_time", "seizure_fraction"):
            assert list(table[name]) == list(index[name].values)
        classes = train.spec.classes
        for text, bits in zip(table["event_classes"], index["event_classes"].values, strict=True):
            assert sum(1 << classes.index(name) for name in text.split()) == bits
        for category in ("partial_seizure", "full_seizure"):
            chosen = numbers[train.mask(category)[numbers]]
            assert list(epochs[category].metadata["window"]) == list(chosen)
            by_query = epochs[f"category == '{category}'"]
            assert list(by_query.metadata["window"]) == list(chosen)

    def test_a_mask_a_number_or_numbers(self, train: tuszstore.Store) -> None:
        mask = train.mask("full_seizure")
        for given in (mask, list(mask), np.flatnonzero(mask)):
            assert list(train.to_epochs(given).metadata["window"]) == list(np.flatnonzero(mask))
        assert list(train.to_epochs(4).metadata["window"]) == [4]
        assert list(train.to_epochs([-1]).metadata["window"]) == [len(train) - 1]

    def test_a_patient_without_seizures_is_told(self, tmp_path: Path) -> None:
        config = {"windows": {"length": 10}}
        store = build(one_recording(tmp_path), tmp_path / "stores", config)
        for chosen in (
            store.select(patient="aaaaaaaa", category="partial_seizure"),
            store.mask("full_seizure"),
        ):
            with pytest.raises(ValueError, match="no windows for epochs"):
                store.to_epochs(chosen)

    @pytest.mark.parametrize(
        ("given", "error", "told"),
        [
            ([10**9], IndexError, "window 1000000000 is out of range"),
            ([True, False], IndexError, "a mask must have"),
            ([0.5], TypeError, "integers"),
            ([[1, 2]], IndexError, "one-dimensional"),
        ],
        ids=str,
    )
    def test_bad_numbers(
        self, train: tuszstore.Store, given: Any, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            train.to_epochs(given)
