"""Real EEG, where it is there: eight recordings of four people, 500 Hz."""

import shutil
from pathlib import Path

import mne
import numpy as np
import pytest
from scipy import signal

import tuszstore
from tuszstore.channels.names import CHANNELS

SEIZURE = (70.0, 100.0)


@pytest.fixture(scope="module")
def store(eegmat: Path, tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    root = tmp_path_factory.mktemp("eegmat")
    rows = f"FP1-F7,{SEIZURE[0]},{SEIZURE[1]},cpsz,1.0000\n"
    for path in sorted(eegmat.glob("*.edf")):
        copy = root / "data" / path.name
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, copy)
        copy.with_suffix(".csv").write_text(
            "# version = csv_v1.0.0\nchannel,start_time,stop_time,label,confidence\n"
            + (rows if path.stem.endswith("_1") else "FP1-F7,0.0,1.0,bckg,1.0000\n")
        )
    report = tuszstore.build(
        split="train",
        data=root / "data",
        store=root / "stores",
        config={"corpus": {"split_policy": "patient"}},
        workers=0,
    )
    assert report.exit_status == 0
    return tuszstore.open(report.store)


def test_shapes(store: tuszstore.Store) -> None:
    assert store.recordings.sizes["recording"] == 6
    assert len(set(store.recordings["patient"].values)) == 3
    seconds = store.recordings["n_samples"].values / 256
    expected = [(s - 60) // 10 + 1 for s in seconds]
    assert list(store.recordings["n_windows"].values) == expected
    assert store.windows.shape == (sum(expected), 19, 15360)
    assert (store.recordings["source_sfreq"] == 500).all()
    assert not store.recordings["interpolated"].any()


def test_labels(store: tuszstore.Store) -> None:
    for number in range(len(store)):
        recording = int(store.index["recording"][number])
        start = float(store.index["start_time"][number])
        seconds = start + np.arange(15360) / 256
        rest = store.recordings["id"].values[recording].endswith("_1.edf")
        inside = (seconds >= SEIZURE[0]) & (seconds < SEIZURE[1]) & rest
        np.testing.assert_array_equal(store.labels[number] > 0, inside)
        assert store.index["seizure_fraction"][number] == inside.mean()


def test_signal_is_the_filtered_eeg(store: tuszstore.Store, eegmat: Path) -> None:
    """Between 2 and 40 Hz, where no filter acts, stored and source are the same signal."""
    number = 5
    recording = int(store.index["recording"][number])
    start = float(store.index["start_time"][number])
    path = eegmat / store.recordings["id"].values[recording]
    raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
    source = raw.get_data(picks=[f"EEG {name}" for name in CHANNELS]) * 1e6
    source = signal.resample_poly(source, 64, 125, axis=1)
    sos = signal.butter(4, [2, 40], "bandpass", fs=256, output="sos")
    expected = signal.sosfiltfilt(sos, source, axis=1)
    expected = expected[:, int(start * 256) : int(start * 256) + 15360]
    mean, sd = (store.recordings[name][recording].values[:, None] for name in ("mean", "sd"))
    stored = signal.sosfiltfilt(sos, store.windows[number] * sd + mean, axis=1)
    inner = slice(512, -512)
    for a, b in zip(stored[:, inner], expected[:, inner], strict=True):
        assert np.corrcoef(a, b)[0, 1] > 0.999
        assert a.std() == pytest.approx(b.std(), rel=0.01)


def test_spectrum(store: tuszstore.Store) -> None:
    """Falls like EEG, with the notch at 60 Hz and nothing below 0.5 Hz."""
    frequencies, power = signal.welch(store.windows[3], 256, nperseg=1024)
    mean = power.mean(axis=0)

    def at(low: float, high: float) -> float:
        return float(mean[(frequencies >= low) & (frequencies < high)].mean())

    assert at(1, 4) > at(8, 12) > at(20, 30) > 0
    assert at(59.5, 60.5) < 0.2 * at(55, 58)
    assert at(0, 0.2) < 0.2 * at(1, 4)
