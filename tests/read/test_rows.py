"""Rows of other channels, in other units, from any sample on: what views read."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tuszstore
from tuszstore.channels.derivations import Channel
from tuszstore.channels.names import CHANNELS
from tuszstore.channels.sets import SETS, parse_channels
from tuszstore.read import decode
from tuszstore.read.decode import Buffers, Layout, make_decoder
from tuszstore.read.rows import Moments, Rows, make_rows, needs_moments
from tuszstore.read.windows import WindowReader
from tuszstore.store.metadata import StoreMetadata

compiled = pytest.mark.skipif(decode._kernel is None, reason="installed without a compiler")

AVERAGES = [f"{name}-avg" for name in CHANNELS]

STORES: dict[str, dict[str, Any]] = {
    "int16": {"windows": {"length": 12.0, "stride": 4.0}},
    "float32": {"storage": {"dtype": "float32"}, "windows": {"length": 10.0, "stride": 10.0}},
    "bare": {"storage": {"codec": "none", "shard_seconds": 20}, "windows": {"stride": 20.0}},
    "uV": {"signal": {"normalise": "none", "clip": 500.0}, "storage": {"scale": 0.03125}},
}


@pytest.fixture(scope="module", params=STORES)
def store(
    request: pytest.FixtureRequest, small_corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> StoreMetadata:
    """Two recordings of a small corpus, stored in one of several ways."""
    root = tmp_path_factory.mktemp("rows")
    config = STORES[request.param]
    report = tuszstore.build(
        config, split="train", data=small_corpus, store=root, workers=0, limit=2
    )
    return tuszstore.open(report.store).metadata


def some_moments(store: StoreMetadata, n_channels: int) -> Moments:
    rng = np.random.default_rng(0)
    shape = (store.recordings.shape("id")[0], n_channels)
    return rng.normal(0, 3, shape), rng.uniform(5, 50, shape)


def as_stored(store: StoreMetadata) -> list[NDArray[np.float64]]:
    """Return all recordings in the store's units, as zarr-python reads them."""
    blocks = store.group["signal"][:]
    recordings, scale = store.recordings, np.float32(store.encoding.scale)
    signals = []
    for first, n_blocks, n_samples in zip(
        recordings["first_block"], recordings["n_blocks"], recordings["n_samples"], strict=True
    ):
        part = np.concatenate(list(blocks[first : first + n_blocks]), axis=1)[:, :n_samples]
        signals.append((part.astype(np.float32) * scale).astype(np.float64))
    return signals


def places(
    store: StoreMetadata, window: int, n: int, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return where windows begin at random: in their recordings, and as the reader takes it."""
    rng = np.random.default_rng(seed)
    recordings = rng.integers(0, store.recordings.shape("id")[0], n)
    last = store.recordings["n_samples"][recordings] - window
    starts = np.array([rng.integers(0, end + 1) for end in last])
    first = store.recordings["first_block"][recordings].astype(np.int64)
    return recordings, starts, first * store.geometry.block + starts


def microvolts(store: StoreMetadata, signals: list[NDArray[np.float64]]) -> Any:
    sd, mean = store.recordings["sd"], store.recordings["mean"]
    return [x * sd[k][:, None] + mean[k][:, None] for k, x in enumerate(signals)]


def derived(x: NDArray[np.float64], wanted: list[str]) -> NDArray[np.float64]:
    """Return differences, straight from the names."""
    row = {name: k for k, name in enumerate(CHANNELS)}
    rows = []
    for name in wanted:
        anode, _, cathode = name.partition("-")
        minus = x.mean(axis=0) if cathode == "avg" else x[row[cathode]] if cathode else 0.0
        rows.append(x[row[anode]] - minus)
    return np.array(rows)


MONTAGES: dict[str, list[str]] = {
    "electrodes": ["Cz", "Fp1"],
    "double banana": [c.name for c in SETS["double_banana"]],
    "average": AVERAGES,
    "mixed": ["O2", "T3-T5", "Fz-avg", "T5-T3", "Pz"],
}


@pytest.mark.parametrize("units", ["uV", "zscore"])
@pytest.mark.parametrize("wanted", MONTAGES.values(), ids=MONTAGES)
@pytest.mark.usefixtures("decoder")
def test_rows_are_sums_of_microvolts(store: StoreMetadata, wanted: list[str], units: str) -> None:
    channels = [Channel.parse(name) for name in wanted if name != "T5-T3"]
    names = [channel.name for channel in channels]
    mean, sd = some_moments(store, len(channels))
    rows = make_rows(store, channels, units, (mean, sd))
    window = 777
    reader = WindowReader(store, 1, rows=rows, window=window)
    recordings, starts, positions = places(store, window, 25)
    got = reader.signal_at(positions, recordings)
    assert got.dtype == np.float32
    assert got.shape == (25, len(names), window)
    signals = as_stored(store)
    volts = microvolts(store, signals)
    own = store.spec.units == rows.units
    for row, (number, start) in enumerate(zip(recordings, starts, strict=True)):
        cut = slice(start, start + window)
        expected = derived(volts[number][:, cut], names)
        if units == "zscore":
            expected = (expected - mean[number][:, None]) / sd[number][:, None]
        if own:  # channels of the store in its own units are what it holds
            stored = signals[number][:, cut]
            for k, name in enumerate(names):
                if name in CHANNELS:
                    expected[k] = stored[CHANNELS.index(name)]
            if store.spec.clip is not None:
                expected = np.clip(expected, -store.spec.clip, store.spec.clip)
        np.testing.assert_allclose(got[row], expected, rtol=2e-5, atol=2e-4)


@pytest.mark.usefixtures("decoder")
def test_electrodes_have_the_bits_of_the_store(store: StoreMetadata) -> None:
    """From any sample on, and upside down where the sign is all that differs."""
    window = 500
    recordings, starts, positions = places(store, window, 30)
    rows = make_rows(store, store.spec.channels[::-1])
    assert not needs_moments(store.spec, store.spec.channels, None)
    got = WindowReader(store, 2, rows=rows, window=window).signal_at(positions, recordings)
    plain = WindowReader(store, 2, window=window).signal_at(positions, recordings)
    stored = as_stored(store)
    for row, (number, start) in enumerate(zip(recordings, starts, strict=True)):
        expected = stored[number][:, start : start + window].astype(np.float32)
        assert plain[row].tobytes() == expected.tobytes()
        assert got[row].tobytes() == np.ascontiguousarray(expected[::-1]).tobytes()


@compiled
@pytest.mark.parametrize("wanted", MONTAGES.values(), ids=MONTAGES)
@pytest.mark.parametrize("units", ["uV", "zscore"])
def test_the_kernel_and_numpy_give_the_same_bits(
    store: StoreMetadata, wanted: list[str], units: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = [Channel.parse(name) for name in wanted if name != "T5-T3"]
    rows = make_rows(store, channels, units, some_moments(store, len(channels)))
    for window in (1, 13, 1024, 3001):
        recordings, _, positions = places(store, window, 12, window)
        both = []
        for kernel in (decode._kernel, None):
            with monkeypatch.context() as patch:
                patch.setattr(decode, "_kernel", kernel)
                reader = WindowReader(store, 1, rows=rows, window=window)
                both.append(reader.signal_at(positions, recordings))
        assert both[0].tobytes() == both[1].tobytes()


class OneBlock:
    """A block in memory, read by either decoder as windows of which it is a part."""

    def __init__(self, values: NDArray[Any], rows: Rows, window: int) -> None:
        self.values = values
        self.layout = Layout(
            values.shape[0], values.shape[1], window, values.dtype, 1.0, False, False, rows
        )

    def read(
        self,
        targets: NDArray[np.int64],
        recordings: NDArray[np.int64],
        first: int,
        *,
        compiled: bool,
        shift: int,
    ) -> NDArray[np.float32]:
        rows = self.layout.rows
        assert rows is not None
        shape = (len(recordings), len(rows), self.layout.window)
        memory = np.zeros(4 * int(np.prod(shape)) + 16, np.uint8)
        out = memory[4 * shift :][: 4 * int(np.prod(shape))].view(np.float32).reshape(shape)
        content = b"x" + self.values.tobytes() + bytes(4)  # values at an odd address
        spans = np.array([[1, len(content)]])
        decoder = make_decoder(None, self.layout, compiled=compiled)
        decoder(0, spans + 0, first, targets, out, Buffers(), content[1:], recordings)
        return out.copy()


@compiled
@settings(max_examples=150)
@given(data=st.data())
def test_any_sums_have_the_same_bits(data: st.DataObject) -> None:
    """Terms in any number and order, shared sums, offsets, limits, and numbers of all kinds."""
    n_channels, n_samples = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 2100))
    n_shared, n_rows = data.draw(st.integers(0, 2)), data.draw(st.integers(1, 4))
    n_recordings = data.draw(st.sampled_from([1, 3]))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    counts = rng.integers(1, 6, n_shared + n_rows)
    channels = [
        rng.integers(0, n_channels + (n_shared if k >= n_shared else 0), count)
        for k, count in enumerate(counts)
    ]
    n_terms = int(counts.sum())
    limits = np.where(rng.random(n_rows) < 0.5, np.inf, 100).astype(np.float32)
    rows = Rows(
        wanted=tuple(Channel(f"r{k}", f"r{k}") for k in range(n_rows)),
        units="uV", clip=None, average_of=(), n_channels=n_channels, n_shared=n_shared,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        channels=np.concatenate(channels).astype(np.int32),
        factors=rng.normal(0, 1, (n_recordings, n_terms)).astype(np.float32),
        offsets=rng.choice([-0.0, 0.0, 1e-3, 1e9], (n_recordings, n_rows)).astype(np.float32),
        limits=limits,
    )  # fmt: skip
    if data.draw(st.booleans()):
        values = rng.integers(-32768, 32768, (n_channels, n_samples)).astype(np.int16)
    else:
        values = rng.normal(0, 100, (n_channels, n_samples)).astype(np.float32)
        values[rng.random(values.shape) < 0.05] = -0.0
        values[rng.random(values.shape) < 0.01] = np.inf
    window = data.draw(st.integers(1, 2500))
    first = data.draw(st.integers(0, 2))
    n_windows = 4
    starts = np.sort(rng.integers(max(0, first * n_samples - window), (first + 2) * n_samples, 4))
    targets = np.stack([rng.permutation(n_windows), starts], axis=1)
    recordings = rng.integers(0, n_recordings, n_windows)
    block, shift = OneBlock(values, rows, window), data.draw(st.integers(0, 3))
    with np.errstate(invalid="ignore", over="ignore"):
        plain = block.read(targets, recordings, first, compiled=False, shift=0)
    quick = block.read(targets, recordings, first, compiled=True, shift=shift)
    nan = np.isnan(plain)
    assert (np.isnan(quick) == nan).all()
    assert np.where(nan, 0, plain).tobytes() == np.where(nan, 0, quick).tobytes()


def test_int16_is_left_as_stored(store: StoreMetadata) -> None:
    """What the second stage of another device takes."""
    if store.encoding.dtype != "int16":
        pytest.skip("float32 is stored")
    rows = make_rows(store, parse_channels("double_banana"), "uV")
    recordings, _, positions = places(store, 300, 7)
    out = np.empty((7, 19, 300), np.int16)
    reader = WindowReader(store, rows=rows, window=300)
    assert reader.signal_at(positions, recordings, out) is out
    made = np.empty((7, 18, 300), np.float32)
    rows.apply(out, recordings, made)
    assert made.tobytes() == reader.signal_at(positions, recordings).tobytes()


def test_what_cannot_be_derived(store: StoreMetadata) -> None:
    with pytest.raises(ValueError, match=r"A1-T3: A1 is missing; A2-avg: A2 is missing\. The "):
        make_rows(store, [Channel.parse(n) for n in ("A1-T3", "Cz", "A2-avg")], "uV")
    with pytest.raises(ValueError, match="units must be 'uV' or 'zscore', not 'mV'"):
        make_rows(store, parse_channels(["Cz"]), "mV")
    with pytest.raises(ValueError, match="mean and standard deviation"):
        make_rows(store, parse_channels("tcp_a"), "zscore")
    with pytest.raises(ValueError, match="given twice"):
        make_rows(store, [Channel.parse("Cz"), Channel.parse("cz")])


def test_recordings_against_the_average_are_not_averaged_again(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a build does it, which takes electrodes against the average as they are."""
    report = tuszstore.build(split="train", data=small_corpus, store=tmp_path, workers=0, limit=2)
    store = tuszstore.open(report.store).metadata
    loaded = store.recordings["reference"].copy()
    store.recordings._loaded["reference"] = np.array(["AVG", *loaded[1:]], loaded.dtype)
    channels = [Channel.parse("Cz-avg"), Channel.parse("O1-avg")]
    assert make_rows(store, channels, "uV").factors.shape == (2, 23)
    rows = make_rows(store, channels, "uV")
    reader = WindowReader(store, rows=rows, window=256)
    recordings = np.array([0, 1])
    positions = store.recordings["first_block"].astype(np.int64) * store.geometry.block + 40
    got = reader.signal_at(positions, recordings)
    volts = microvolts(store, as_stored(store))
    np.testing.assert_allclose(got[0], volts[0][[9, 7], 40:296], rtol=1e-5, atol=1e-4)
    expected = derived(volts[1][:, 40:296], ["Cz-avg", "O1-avg"])
    np.testing.assert_allclose(got[1], expected, rtol=1e-5, atol=1e-4)


def test_zarr_python_reads_the_same(store: StoreMetadata, tmp_path: Path) -> None:
    """A store whose index lies in front, as other tools may write it, has no fast path."""
    import zarr

    path = Path(shutil.copytree(store.path, tmp_path / "train.zarr"))
    old = zarr.open_group(path, mode="r")["signal"]
    values, document = old[:], json.loads((path / "signal" / "zarr.json").read_text())
    shutil.rmtree(path / "signal" / "c")
    sharding = document["codecs"][0]["configuration"]
    sharding["index_location"] = "start"
    (path / "signal" / "zarr.json").write_text(json.dumps(document))
    root = json.loads((path / "zarr.json").read_text())
    root["consolidated_metadata"]["metadata"]["signal"] = document
    (path / "zarr.json").write_text(json.dumps(root))
    zarr.open_group(path, mode="r+")["signal"][:] = values
    from tuszstore.integrity.reseal import reseal

    reseal(path)
    again = tuszstore.open(path).metadata
    channels = [Channel.parse(name) for name in MONTAGES["mixed"] if name != "T5-T3"]
    moments = some_moments(store, len(channels))
    recordings, _, positions = places(store, 1500, 9)
    with pytest.warns(UserWarning, match="index at the start"):
        slow = WindowReader(again, rows=make_rows(again, channels, "zscore", moments), window=1500)
    fast = WindowReader(store, rows=make_rows(store, channels, "zscore", moments), window=1500)
    assert (
        slow.signal_at(positions, recordings).tobytes()
        == fast.signal_at(positions, recordings).tobytes()
    )


def test_stretches_of_recordings_have_the_rows_of_their_windows(store: StoreMetadata) -> None:
    channels = [Channel.parse(name) for name in MONTAGES["mixed"] if name != "T5-T3"]
    rows = make_rows(store, channels, "zscore", some_moments(store, len(channels)))
    reader = WindowReader(store, rows=rows, window=512)
    first = store.recordings["first_block"].astype(np.int64) * store.geometry.block
    got = reader.signal_at(first[[1]] + 256, np.array([1]))[0]
    sfreq = store.spec.sfreq
    stretch = reader.recording(1, 256 / sfreq, 768 / sfreq)
    assert stretch.tobytes() == got.tobytes()
    volts = reader.recording(1, 256 / sfreq, 768 / sfreq, microvolts=True)
    in_microvolts = WindowReader(store, rows=make_rows(store, channels, "uV"), window=512)
    assert volts.tobytes() == in_microvolts.signal_at(first[[1]] + 256, np.array([1])).tobytes()
