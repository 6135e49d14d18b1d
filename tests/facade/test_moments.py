"""Mean and deviation of derivations, and z-scores and µV that are made with them."""

import os
import shutil
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

import tuszstore
from tests.corpus.edf_files import eeg, noise
from tuszstore.channels.derivations import Channel
from tuszstore.channels.names import CHANNELS
from tuszstore.channels.sets import SETS, parse_channels
from tuszstore.facade import moments
from tuszstore.facade.moments import CACHE, find_moments
from tuszstore.read.rows import FLAT, make_rows
from tuszstore.read.windows import WindowReader
from tuszstore.store.metadata import StoreMetadata

OWN = ["Fp1-Cz", "O2-Pz", "F8-F7", "Pz-avg"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setattr(moments, "_kept", {})
    return tmp_path / "cache"


def build(data: Path, root: Path, **config: Any) -> StoreMetadata:
    report = tuszstore.build(
        {"corpus": {"split_policy": "official"}} | config,
        split="train", data=data, store=root, workers=0,
    )  # fmt: skip
    assert report.exit_status == 0, report.failed
    return tuszstore.open(report.store).metadata


@pytest.fixture(scope="module")
def store(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> StoreMetadata:
    return build(small_corpus, tmp_path_factory.mktemp("moments"))


def place_of(root: Path, number: int) -> Path:
    """Return where a recording goes in a corpus, with an annotation beside it."""
    patient = f"aaaaaaa{number}"
    folder = root / "edf" / "train" / patient / "s001_2000" / "01_tcp_ar"
    folder.mkdir(parents=True)
    path = folder / f"{patient}_s001_t000.edf"
    path.with_suffix(".csv").write_text(
        "# version = csv_v1.0.0\nchannel,start_time,stop_time,label,confidence\n"
        "FP1-F7,5.0000,50.0000,cpsz,1.0000\n"
    )
    return path


@pytest.fixture(scope="module")
def real(eegmat: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of two real recordings, of which Subject12_1 is full of artefacts."""
    root = tmp_path_factory.mktemp("eegmat")
    for number, name in enumerate(("Subject12_1", "Subject03_1")):
        shutil.copyfile(eegmat / f"{name}.edf", place_of(root, number))
    return root


def whole(store: StoreMetadata, channels: Any, units: str) -> list[NDArray[np.float32]]:
    """Return all recordings in other channels."""
    rows = make_rows(store, channels, units, find_moments(store, channels))
    reader = WindowReader(store, 1, rows=rows)
    return [reader.recording(k) for k in range(store.recordings.shape("id")[0])]


def plain(store: StoreMetadata) -> list[NDArray[np.float32]]:
    reader = WindowReader(store, 1)
    return [reader.recording(k) for k in range(store.recordings.shape("id")[0])]


def assert_like_a_build(view: list[Any], built: list[Any], store: StoreMetadata) -> None:
    """To 0.01 of a deviation at the 99.9th percentile, where no electrode was clipped."""
    clip = store.spec.clip
    for made, expected, stored in zip(view, built, plain(store), strict=True):
        assert made.shape == expected.shape
        inside = (np.abs(stored) < clip).all(axis=0) & (np.abs(expected) < clip)
        assert inside.mean() > 0.7
        assert np.percentile(np.abs(made - expected)[inside], 99.9) < 0.01


@pytest.mark.parametrize("name", ["double_banana", "tcp_a"])
def test_z_scores_of_a_set_are_those_of_a_build(
    store: StoreMetadata, small_corpus: Path, tmp_path: Path, cache: Path, name: str
) -> None:
    built = build(small_corpus, tmp_path, channels={"set": name})
    assert_like_a_build(whole(store, SETS[name], "zscore"), plain(built), store)
    assert not cache.exists()  # the store has what is needed


def test_z_scores_of_other_derivations_are_those_of_a_build(
    store: StoreMetadata, small_corpus: Path, tmp_path: Path
) -> None:
    channels = parse_channels(OWN)
    built = build(small_corpus, tmp_path, channels={"set": OWN})
    assert_like_a_build(whole(store, channels, "zscore"), plain(built), store)


@pytest.mark.parametrize("wanted", ["tcp_a", OWN, [f"{name}-avg" for name in CHANNELS]])
def test_real_z_scores_are_those_of_a_build(real: Path, tmp_path: Path, wanted: Any) -> None:
    store = build(real, tmp_path / "electrodes")
    built = build(real, tmp_path / "derived", channels={"set": wanted})
    assert_like_a_build(whole(store, parse_channels(wanted), "zscore"), plain(built), store)


def filtered(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a signal of 256 Hz as a build filters it by default, without its code."""
    band = signal.butter(3, [0.5 / 128, 120 / 128], "bandpass")
    sections = [signal.tf2sos(*band), signal.tf2sos(*signal.iirnotch(60, 30, 256))]
    y: NDArray[np.float64] = signal.sosfiltfilt(np.concatenate(sections), x, axis=1, padlen=1024)
    return y


def assert_differences(
    store: StoreMetadata, sources: list[NDArray[np.float64]], *, inner: slice, more: float
) -> None:
    """To half a step of quantisation of both electrodes, where neither was clipped."""
    channels, sd = SETS["double_banana"], store.recordings["sd"]
    row = {name: number for number, name in enumerate(CHANNELS)}
    views, electrodes = whole(store, channels, "uV"), plain(store)
    for k, source in enumerate(sources):
        for made, channel in zip(views[k], channels, strict=True):
            pair = [row[channel.anode], row[str(channel.cathode)]]
            expected = source[pair[0]] - source[pair[1]]
            clear = (np.abs(electrodes[k][pair]) < store.spec.clip).all(axis=0)[inner]
            assert clear.mean() > 0.7
            step = store.encoding.scale * sd[k, pair].sum() / 2
            off = np.abs(made - expected)[inner][clear]
            assert np.percentile(off, 99) < step + more, (k, channel.name, step)
            assert off.max() < step + 5 * more, (k, channel.name, step)


def test_microvolts_are_the_difference_of_the_filtered_recording(tmp_path: Path) -> None:
    channels = eeg(place_of(tmp_path, 0), seconds=70)
    source = filtered(np.array([channels[name].physical for name in CHANNELS]))
    store = build(tmp_path, tmp_path / "stores")
    assert_differences(store, [source], inner=slice(None), more=2e-4)


def test_real_microvolts_are_the_difference_of_the_filtered_recording(
    real: Path, tmp_path: Path
) -> None:
    sources = []
    for path in sorted(real.rglob("*.edf")):
        raw = mne.io.read_raw_edf(path, preload=True, verbose="error")
        x = raw.get_data(picks=[f"EEG {name}" for name in CHANNELS]) * 1e6
        sources.append(filtered(signal.resample_poly(x, 64, 125, axis=1)))
    # resamplers have their edges, and their own way of cutting off near 128 Hz
    inner = slice(2560, -2560)
    assert_differences(build(real, tmp_path), sources, inner=inner, more=0.05)


def test_what_was_clipped_is_an_artefact(tmp_path: Path) -> None:
    """An electrode that was off by far for a while is excluded, as in a build, which sees it."""
    digital = noise(150 * 256, "C3")
    digital[40 * 256 : 80 * 256] += np.tile([30000, -30000], 20 * 256).astype(np.int16)
    fields = {"C3": {"digital": digital}}
    eeg(place_of(tmp_path, 0), seconds=150, changes=fields)
    store = build(tmp_path, tmp_path / "stores")
    built = build(tmp_path, tmp_path / "built", channels={"set": ["C3-Cz", "O1-C3", "O1-Cz"]})
    channels = parse_channels(["C3-Cz", "O1-C3", "O1-Cz"])
    mean, sd = find_moments(store, channels)
    np.testing.assert_allclose(sd, built.recordings["sd"], rtol=0.01)
    np.testing.assert_allclose(mean, built.recordings["mean"], atol=0.5)


def test_the_store_and_a_pass_over_it_agree(store: StoreMetadata) -> None:
    channels = SETS["double_banana"]
    mean, sd = find_moments(store, channels)
    normaliser = moments._normaliser(store)
    again = moments._pass_over(store, channels, (), normaliser, lambda *_: None)
    np.testing.assert_allclose(again[1], sd, rtol=0.01)
    np.testing.assert_allclose(again[0], mean, atol=0.05)


def test_upside_down(store: StoreMetadata) -> None:
    """Of a channel, of a member of a set, and of both in one call."""
    names = ["F7-Fp1", "Fp1-F3", "O1"]
    mean, sd = find_moments(store, [Channel.parse(name) for name in names])
    ahead = find_moments(store, [Channel.parse(name) for name in ("Fp1-F7", "Fp1-F3", "O1")])
    np.testing.assert_array_equal(mean, ahead[0] * [-1, 1, 1])
    np.testing.assert_array_equal(sd, ahead[1])
    np.testing.assert_array_equal(mean[:, 2], store.recordings["mean"][:, 7])


def test_a_pass_is_made_once(
    store: StoreMetadata, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels, seen = parse_channels(OWN), []
    first = find_moments(store, channels, progress=lambda done, total: seen.append((done, total)))
    n = store.recordings.shape("id")[0]
    assert sorted(seen) == [(k + 1, n) for k in range(n)]
    monkeypatch.setattr(moments, "_pass_over", lambda *_: pytest.fail("read again"))
    again = find_moments(store, channels[::-1])
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other[:, ::-1])
    assert len(list(cache.rglob("*.npz"))) == len(OWN)
    assert not list(cache.rglob("*.tmp"))


def test_a_damaged_cache_is_made_again(store: StoreMetadata, cache: Path) -> None:
    channels = parse_channels(OWN[:1])
    first = find_moments(store, channels)
    (path,) = cache.rglob("*.npz")
    content = bytearray(path.read_bytes())
    for damaged in (content[:40], b"", content[:-100] + bytes(100)):
        path.write_bytes(damaged)
        np.testing.assert_array_equal(find_moments(store, channels), first)
        assert path.read_bytes() == content
    flipped = content.copy()
    flipped[len(flipped) // 3] ^= 4
    path.write_bytes(flipped)
    np.testing.assert_array_equal(find_moments(store, channels), first)


def test_another_store_has_other_moments(
    store: StoreMetadata, small_corpus: Path, tmp_path: Path
) -> None:
    other = build(small_corpus, tmp_path, signal={"bandpass": {"low": 8.0, "high": 30.0}})
    channels = parse_channels(OWN[:1])
    assert (find_moments(other, channels)[1] < 0.9 * find_moments(store, channels)[1]).all()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(store: StoreMetadata, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o500)
    check_unwritable(store, "Permission denied")


def test_a_cache_that_is_no_folder(store: StoreMetadata, cache: Path) -> None:
    cache.write_text("")
    check_unwritable(store, "Not a directory")


def check_unwritable(store: StoreMetadata, reason: str) -> None:
    channels = parse_channels(OWN[:1])
    with pytest.warns(UserWarning, match=f"cannot keep the moments.*{reason}.*TUSZSTORE_CACHE"):
        first = find_moments(store, channels)
    np.testing.assert_array_equal(find_moments(store, channels), first)  # kept in this process


def test_a_store_in_microvolts(store: StoreMetadata, small_corpus: Path, tmp_path: Path) -> None:
    """Electrodes and derivations are normalised as a build does it by default."""
    config: dict[str, Any] = {
        "signal": {"normalise": "none", "clip": 3000.0}, "storage": {"scale": 0.1},
    }  # fmt: skip
    volts = build(small_corpus, tmp_path / "uV", **config)
    channels = parse_channels(["Cz", "O1", "Fp1-F7"])
    assert_like_a_build(whole(volts, channels, "zscore"), whole(store, channels, "zscore"), volts)
    for a, b in zip(whole(volts, channels, "uV"), whole(store, channels, "uV"), strict=True):
        assert np.percentile(np.abs(a - b), 99) < 0.2


def test_a_normaliser_that_is_not_here(store: StoreMetadata) -> None:
    config = {**store.attributes["config"]}
    config["signal"] = {**config["signal"], "normalise": "of_a_package"}
    other = StoreMetadata(
        store.place, {**store.attributes, "config": config}, store.spec, store.arrays,
        store.signal, store.identity, None,
    )  # fmt: skip
    with pytest.raises(ValueError, match="'of_a_package', which is not installed here"):
        find_moments(other, parse_channels(OWN[:1]))
    assert np.isfinite(find_moments(other, SETS["tcp_a"])).all()  # known without it


def test_a_derivation_without_signal_is_zero(store: StoreMetadata) -> None:
    """Of two electrodes that show the same, the rounding of both is not blown up."""
    channels = parse_channels(OWN[:1])
    mean, sd = find_moments(store, channels)
    sd[0] = FLAT / 2
    rows = make_rows(store, channels, "zscore", (mean, sd))
    reader = WindowReader(store, 1, rows=rows)
    assert not reader.recording(0).any()
    assert reader.recording(1).std() == pytest.approx(1, rel=0.2)
