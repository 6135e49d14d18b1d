"""The oracle against answers that can be worked out by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import edfio
import numpy as np
import pytest

from tests.builder import reference_oracle as oracle

ANNOTATIONS = """\
# version = csv_v1.0.0
# duration = 70.00 secs
#
channel,start_time,stop_time,label,confidence
FP1-F7,0.0000,30.0000,bckg,1.0000
FP1-F7,30.0000,40.0000,cpsz,1.0000
F7-T3,35.0000,45.5000,fnsz,1.0000
"""


def write_edf(path: Path, labels: list[str], seconds: int = 2, sfreq: int = 256) -> np.ndarray:
    """Write noise of 30 uV under the names `labels`, and return it as it was written."""
    rng = np.random.default_rng(0)
    data = rng.normal(0, 30, (len(labels), seconds * sfreq))
    signals = [
        edfio.EdfSignal(
            row, sfreq, label=label, physical_dimension="uV", physical_range=(-300, 300)
        )
        for row, label in zip(data, labels, strict=True)
    ]
    # As in TUSZ, a channel without a position and at a rate of its own stands beside the EEG.
    signals.append(edfio.EdfSignal(np.zeros(seconds), 1, label="IBI", physical_range=(-1, 1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    edfio.Edf(signals).write(path)
    return data


def tusz_labels(*, without: tuple[str, ...] = (), extra: tuple[str, ...] = ()) -> list[str]:
    """Names as TUSZ writes them, in an order that is not that of the oracle."""
    names = [name for name in reversed(oracle.CHANNELS) if name not in without]
    return [f"EEG {name.upper()}-REF" for name in (*names, *extra)]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("EEG FP1-REF", "Fp1"),
        ("EEG FZ-LE", "Fz"),
        ("Fp1-AR", "Fp1"),
        ("T7", "T3"),
        ("EEG P8-REF", "T6"),
        ("EEG A1-REF", "A1"),
        ("EEG EKG1-REF", "EKG1"),
        ("EEG A2-A1", "A2-A1"),
        ("eeg Fp1", "eegFp1"),
        ("Fp1-ref", "Fp1-ref"),
        ("Fp1-AR-REF", "Fp1-AR"),
    ],
)
def test_clean_name(label, name):
    assert oracle.clean_name(label) == name


def test_load_orders_by_name_and_keeps_the_rate(tmp_path):
    path = tmp_path / "a.edf"
    written = write_edf(path, tusz_labels(extra=("A1", "EKG1")), sfreq=200)
    data, sfreq = oracle.load(path)
    assert (sfreq, data.shape, data.dtype) == (200, (19, 400), np.float32)
    np.testing.assert_allclose(data, written[18::-1], atol=600 / 65535)


def test_load_interpolates_the_midline_from_positioned_channels_only(tmp_path):
    midline = [oracle.CHANNELS.index("Fz"), oracle.CHANNELS.index("Pz")]
    write_edf(tmp_path / "plain.edf", tusz_labels(without=("Fz", "Pz")))
    write_edf(tmp_path / "ekg.edf", tusz_labels(without=("Fz", "Pz"), extra=("EKG1",)))
    write_edf(tmp_path / "ears.edf", tusz_labels(without=("Fz", "Pz"), extra=("A1", "A2")))
    plain, ekg, ears = (
        oracle.load(tmp_path / f"{name}.edf")[0] for name in ("plain", "ekg", "ears")
    )
    assert (plain[midline].std(axis=1) > 1).all()
    np.testing.assert_array_equal(plain, ekg)
    assert (plain[midline] != ears[midline]).any()
    np.testing.assert_array_equal(
        np.delete(plain, midline, axis=0), np.delete(ears, midline, axis=0)
    )


def test_interpolation_keeps_what_all_channels_share():
    names = [name for name in oracle.CHANNELS if name not in ("Fz", "Pz")]
    common = np.sin(np.arange(100.0)) * 1e-5
    result = oracle.interpolate(np.tile(common, (17, 1)), names, ["Fz", "Pz"], 256.0)
    np.testing.assert_allclose(result, [common, common], rtol=1e-6)


@pytest.mark.parametrize("without", [("Cz",), ("Fz", "Cz")], ids="+".join)
def test_load_names_missing_channels(tmp_path, without):
    write_edf(tmp_path / "a.edf", tusz_labels(without=without))
    with pytest.raises(ValueError, match=r"no channel.* Cz"):
        oracle.load(tmp_path / "a.edf")


def test_load_refuses_two_channels_of_one_name(tmp_path):
    write_edf(tmp_path / "a.edf", [*tusz_labels(), "T7"])
    with pytest.raises(ValueError, match="More than one channel is T3"):
        oracle.load(tmp_path / "a.edf")


@pytest.mark.parametrize(
    ("offset", "field"),
    [
        pytest.param(168, b"01:01:85", id="date with colons"),
        pytest.param(236, b"-1      ", id="number of records unknown"),
        pytest.param(236, b"99      ", id="number of records too large"),
    ],
)
def test_load_survives_a_wrong_header_field(tmp_path, offset, field):
    path = tmp_path / "a.edf"
    write_edf(path, tusz_labels())
    expected, _ = oracle.load(path)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(field)
    np.testing.assert_array_equal(oracle.load(path)[0], expected)


@pytest.mark.parametrize(
    ("n_samples", "sfreq", "expected"),
    [(1001, 512, 500), (1003, 512, 502), (1000, 400, 640), (1001, 400, 641), (700, 256, 700)],
)
def test_resampled_length_rounds_half_to_even(n_samples, sfreq, expected):
    data = np.random.default_rng(0).normal(size=(19, n_samples))
    assert oracle.preprocess(data, sfreq).shape == (19, expected)


@pytest.mark.parametrize("sfreq", [256.0, 250.0])
def test_preprocess_normalises_clips_and_cleans(sfreq):
    data = np.random.default_rng(0).normal(0, 30, (19, 25600))
    data[1, 12800] = 1e6
    data[2, 5] = np.nan
    data[3, 5] = np.inf
    data[4] = 0
    result = oracle.preprocess(data, sfreq)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result[0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(result[0].std(), 1, atol=1e-5)
    assert result[1].max() == 10
    assert not result[2:5].any()


def test_preprocess_removes_the_powerline():
    time = np.arange(60 * 250) / 250
    data = np.tile(np.sin(2 * np.pi * 10 * time) + np.sin(2 * np.pi * 60 * time), (19, 1))
    result = oracle.preprocess(data, 250.0)[0, 30 * 256 : 40 * 256]
    spectrum = np.abs(np.fft.rfft(result))
    assert spectrum.argmax() == 10 * 10
    assert spectrum[60 * 10] < 1e-3 * spectrum.max()


def test_seizure_mask():
    events = [
        (-1.0, 2.5 / 256, "seiz"),
        (10.9 / 256, 12.9 / 256, "mysz"),
        (14 / 256, 14.9 / 256, "cpsz"),
        (4 / 256, 6 / 256, "bckg"),
        (4 / 256, 6 / 256, "SEIZ"),
        (4 / 256, 6 / 256, "atsz"),
        (18 / 256, 9.0, "fnsz"),
        (30.0, 31.0, "fnsz"),
    ]
    expected = np.zeros(20, dtype=np.uint8)
    expected[[0, 1, 10, 11, 18, 19]] = 1
    np.testing.assert_array_equal(oracle.seizure_mask(events, 20), expected)


def test_read_events(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(ANNOTATIONS.replace("\n", "\r\n").encode())
    assert oracle.read_events(path) == [
        (0.0, 30.0, "bckg"),
        (30.0, 40.0, "cpsz"),
        (35.0, 45.5, "fnsz"),
    ]


@pytest.mark.parametrize(
    ("n_samples", "n_windows"),
    [(0, 0), (15359, 0), (15360, 1), (17919, 1), (17920, 2), (61440, 19)],
)
def test_windows(n_samples, n_windows):
    mask = np.arange(n_samples)
    data = np.tile(mask.astype(np.float32), (19, 1))
    signal, labels = oracle.windows(data, mask)
    assert signal.shape == (n_windows, 19, 15360)
    assert labels.shape == (n_windows, 15360)
    assert labels[:, 0].tolist() == [2560 * i for i in range(n_windows)]
    assert (signal == labels[:, np.newaxis]).all()


@pytest.mark.parametrize(
    ("n_seizure", "expected"),
    [
        (0, "no_seizure"),
        (1, "partial_seizure"),
        (15206, "partial_seizure"),
        (15207, "full_seizure"),
        (15360, "full_seizure"),
    ],
)
def test_category(n_seizure, expected):
    assert oracle.category(np.arange(15360) < n_seizure) == expected


def test_balanced_counts_of_the_corpus():
    counts = {"partial_seizure": 13095, "full_seizure": 6759, "no_seizure": 232235}
    categories = np.repeat(list(counts), list(counts.values()))
    chosen = oracle.balanced(categories)
    assert len(set(chosen.tolist())) == len(chosen) == 49760
    assert Counter(categories[chosen].tolist()) == {
        "partial_seizure": 13095,
        "full_seizure": 3928,
        "no_seizure": 32737,
    }
    assert oracle.seizure_share(categories, chosen) == (13095 + 3928) / 49760


def test_balanced_order():
    categories = np.random.default_rng(1).permutation(
        ["partial_seizure"] * 20 + ["full_seizure"] * 9 + ["no_seizure"] * 200
    )
    partial, full, none = (
        [i for i, name in enumerate(categories) if name == wanted]
        for wanted in ("partial_seizure", "full_seizure", "no_seizure")
    )
    rng = np.random.default_rng(42)
    rows = [("partial", i) for i in partial]
    rows += [("full", full[k]) for k in rng.choice(9, size=6, replace=False)]
    rows += [("none", none[k]) for k in rng.choice(200, size=50, replace=False)]
    shuffled = [rows[k][1] for k in rng.permutation(76)]
    assert oracle.balanced(list(categories)).tolist() == shuffled


def test_balanced_takes_what_there_is():
    categories = ["partial_seizure"] * 4 + ["no_seizure"] * 3
    assert sorted(oracle.balanced(categories)) == list(range(7))
    with pytest.raises(ValueError, match="partial_seizure"):
        oracle.balanced(["full_seizure", "no_seizure"])


@pytest.mark.parametrize(
    ("r", "expected"), [(0, 1), (0.1, 3), (0.2, 2), (0.5, 1), (0.8, 1), (1, 1)]
)
def test_pos_weight(r, expected):
    assert oracle.pos_weight(r) == pytest.approx(expected)


def test_split_file_order():
    files = [Path(f"{i:05}.edf") for i in range(4667)]
    train, val = oracle.split_file_order(files[::-1])
    assert (len(train), len(val)) == (3734, 933)
    assert val + train == files


def test_build(tmp_path):
    tokens = {
        "bbbbbbbb/s001_2008/01_tcp_ar/bbbbbbbb_s001_t000": ANNOTATIONS,
        "bbbbbbbb/s001_2008/02_tcp_le/bbbbbbbb_s001_t000": ANNOTATIONS,
        "bbbbbbbb/s001_2008/01_tcp_ar/bbbbbbbb_s001_t001": None,
        "bbbbbbbb/s001_2008/01_tcp_ar/bbbbbbbb_s001_t002": "",
        "bbbbbbbb/s001_2008/01_tcp_ar/bbbbbbbb_s001_t003": ANNOTATIONS.split("FP1")[0],
        "aaaaaaab/s002_2008/03_tcp_ar_a/aaaaaaab_s002_t000": ANNOTATIONS,
    }
    for token, text in tokens.items():
        write_edf(tmp_path / f"{token}.edf", tusz_labels(), seconds=70)
        if text is not None:
            (tmp_path / f"{token}.csv").write_text(text)
    files = oracle.list_files(tmp_path)
    assert len(files) == 6
    recordings = oracle.build(files[::-1])
    assert [recording.path.stem for recording in recordings] == [
        "aaaaaaab_s002_t000",
        "bbbbbbbb_s001_t000",
    ]
    assert recordings[1].path.parent.name == "01_tcp_ar"
    assert oracle.patient(recordings[1].path) == "bbbbbbbb"
    recording = recordings[0]
    assert recording.windows.shape == (2, 19, 15360)
    assert recording.labels.sum(axis=1).tolist() == [15.5 * 256, 15.5 * 256]
    assert recording.categories == ["partial_seizure", "partial_seizure"]
