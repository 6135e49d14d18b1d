"""Views show of a store what a build with other channels, units or windows would hold."""

import pickle
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.store.made_stores import SPEC, make_store, spec_with
from tuszstore.channels.derivations import Channel
from tuszstore.channels.sets import SETS
from tuszstore.errors import StoreError

SFREQ = 16
CONFIG = {"labels": {"unlabelled": "keep"}, "windows": {"length": 60, "stride": 10}}
OF_BLOCKS = ("first_block", "n_blocks", "signal_digest", "label_digest", "signal_key", "label_key")
"""Columns of recordings that tell how blocks lie, not what is in them."""


def build(corpus: Path, folder: Path, **changes: Any) -> "tuszstore.Store":
    config = {**CONFIG, **changes}
    report = tuszstore.build(config, split="train", data=corpus, store=folder, workers=0)
    return tuszstore.open(report.store)


@pytest.fixture(scope="module")
def long(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> "tuszstore.Store":
    """Windows of 60 s every 10 s, of labelled and unlabelled recordings."""
    return build(corpus, tmp_path_factory.mktemp("long"))


@pytest.fixture
def made(tmp_path: Path) -> "tuszstore.Store":
    """A small store of random values, with windows of 10 s every 5 s at 16 Hz."""
    return tuszstore.open(make_store(tmp_path / "train.zarr").path)


def assert_same(one: np.ndarray, other: np.ndarray, name: str) -> None:
    assert one.dtype == other.dtype, name
    np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize(
    ("length", "stride"),
    [
        pytest.param(12, 5, id="shorter"),
        pytest.param(7.5, 0.25, id="quarters", marks=pytest.mark.slow),
        pytest.param(2, 9, id="gaps", marks=pytest.mark.slow),
    ],
)
def test_other_windows_are_those_of_a_build(
    long: "tuszstore.Store", corpus: Path, tmp_path: Path, length: float, stride: float
) -> None:
    built = build(corpus, tmp_path, windows={"length": length, "stride": stride})
    view = long.view(length=length, stride=stride)
    assert len(view) == len(built)
    assert set(view.metadata.windows) == set(built.metadata.windows)
    for name in built.metadata.windows:
        if name != "start_block":  # where they begin in blocks of another length
            assert_same(built.metadata.windows[name], view.metadata.windows[name], name)
    for name in built.metadata.recordings:
        if name not in OF_BLOCKS:
            assert_same(built.metadata.recordings[name], view.metadata.recordings[name], name)
    assert (built.index["category"] == -1).any()
    some = np.random.default_rng(0).permutation(len(view))[:40]
    np.testing.assert_array_equal(view.read(some), built.read(some))
    np.testing.assert_array_equal(view.labels[some], built.labels[some])
    assert view.spec == replace(built.spec, shard=view.spec.shard)
    start = view.metadata.windows["start_block"] * long.spec.block
    first = view.metadata.recordings["first_block"][view.index["recording"]] * long.spec.block
    within = np.rint(view.index["start_time"] * view.sfreq).astype(int)
    np.testing.assert_array_equal(start - first, within // long.spec.block * long.spec.block)


def test_other_channels_and_units(made: "tuszstore.Store") -> None:
    """A difference in µV is that of the electrodes in µV."""
    view = made.view(channels=["Fp1-F7", Channel.parse("Cz"), "O2-Fp1"], units="uV")
    assert view.channels == ("Fp1-F7", "Cz", "O2-Fp1")
    assert (view.spec.units, view.spec.clip) == ("uV", None)
    rows = made.index["recording"].values
    mean, sd = (made.recordings[name].values[rows][..., None] for name in ("mean", "sd"))
    volts = dict(zip(made.channels, (made.windows[:] * sd + mean).swapaxes(0, 1), strict=True))
    expected = np.stack(
        [volts["Fp1"] - volts["F7"], volts["Cz"], volts["O2"] - volts["Fp1"]], axis=1
    )
    np.testing.assert_allclose(view.windows[:], expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(view.labels[:], made.labels[:])
    np.testing.assert_array_equal(view.recordings["sd"], 1)
    assert view.recordings["mean"].shape == (3, 3)


def test_electrodes_alone_are_the_stored_values(made: "tuszstore.Store") -> None:
    view = made.view(channels=["O2", "Fp1"])
    rows = [made.channels.index(name) for name in view.channels]
    np.testing.assert_array_equal(view.windows[:], made.windows[:][:, rows])
    np.testing.assert_array_equal(view.recordings["sd"], made.recordings["sd"][:, rows])


def test_all_that_a_store_offers_a_view_offers(made: "tuszstore.Store") -> None:
    offered = {name for name in dir(made) if not name.startswith("_")} - {"beside"}
    assert offered <= set(dir(made.view("double_banana")))


def test_states_of_channels_are_those_of_their_parts(tmp_path: Path) -> None:
    store = tuszstore.open(make_store(tmp_path / "train.zarr").path)
    table = store.metadata.recordings
    one, two = (store.channels.index(name) for name in ("Fp1", "F7"))
    view = store.view(["Fp1-F7", "C3-avg"])
    for name, expected in (
        ("interpolated", table["interpolated"][:, one] | table["interpolated"][:, two]),
        ("flat", table["flat"][:, one] & table["flat"][:, two]),
    ):
        np.testing.assert_array_equal(view.recordings[name][:, 0], expected)
    everywhere = table["interpolated"].any(axis=1)
    np.testing.assert_array_equal(view.recordings["interpolated"][:, 1], everywhere)


def test_views_compose(made: "tuszstore.Store") -> None:
    at_once = made.view(["Fp1-F7", "Fz-Cz"], "uV", 3, 1.25)
    orders = [
        made.view(length=3).view(["Fp1-F7", "Fz-Cz"]).view(units="uV", stride=1.25),
        made.view("double_banana", "uV").view(["Fp1-F7", "Fz-Cz"], length=3, stride=1.25),
    ]
    for view in orders:
        assert view.store is made
        assert view.spec == at_once.spec
        np.testing.assert_array_equal(view.windows[:], at_once.windows[:])
    back = orders[0].view("10-20", "zscore", 10, 5)
    assert back.spec == made.spec
    np.testing.assert_array_equal(back.windows[:], made.windows[:])


def test_what_is_not_asked_for_stays(made: "tuszstore.Store") -> None:
    assert made.view().spec == made.spec
    assert made.view(length=2).spec.stride == made.spec.stride
    assert made.view("double_banana").spec.units == made.spec.units
    assert made.view(["C3-avg"]).spec.average_of == tuple(c.name for c in SETS["10-20"])


def test_a_view_of_the_same_windows_loads_nothing(made: "tuszstore.Store") -> None:
    view = made.view("double_banana", "uV")
    assert view.metadata.windows is made.metadata.windows
    assert len(view) == len(made)
    assert repr(view)
    for table in ("windows", "recordings", "events"):
        assert not getattr(made.metadata, table)._loaded


@pytest.mark.parametrize("name", ["\u00b5V", "\u03bcV"], ids=["micro", "mu"])
def test_microvolts_by_their_symbol(made: "tuszstore.Store", name: str) -> None:
    view = made.view(units=name)
    assert view.spec.units == "uV"
    assert view.spec == made.view(units="uV").spec


class TestRefused:
    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ({"channels": ["Fp1-A1", "A2"]}, "Fp1-A1: A1 is missing; A2: A2 is missing"),
            ({"channels": "tcp"}, "A1-T3: A1 is missing"),
            ({"channels": "double_bananna"}, "did you mean 'double_banana'"),
            ({"channels": ["Fp1", "Fp1"]}, "given twice"),
            ({"channels": []}, "no channels given"),
            ({"channels": [7]}, "a channel must be text"),
            ({"units": "mV"}, "units must be 'uV' or 'zscore', not 'mV'"),
            ({"length": 100}, "length of 100 s is longer than any recording: the longest has 62.5"),
            ({"length": 0.1}, r"length of 0.1 s is 1.6 samples at 16 Hz; .* such as 0.125 s"),
            ({"stride": 1.03}, "stride of 1.03 s is 16.48 samples"),
            ({"length": True}, "length must be seconds, above 0, not True"),
            ({"stride": 0}, "stride must be seconds, above 0, not 0"),
            ({"length": "ten"}, "length must be seconds, above 0, not 'ten'"),
            ({"length": float("nan")}, "length must be seconds"),
            ({"length": 10**400}, "length must be seconds, above 0, not 1000"),
            ({"rater": "nobody"}, "no rater 'nobody' in this store"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_what_cannot_be_shown(
        self, made: "tuszstore.Store", asked: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(ValueError, match=told):
            made.view(**asked)
        with pytest.raises(ValueError, match=told):
            made.view("double_banana", "uV").view(**asked)

    def test_what_is_no_channels(self, made: "tuszstore.Store") -> None:
        with pytest.raises(TypeError, match=r"channels must be the name of a set, or .*, not 5"):
            made.view(channels=5)  # type: ignore[arg-type]

    def test_all_underivable_channels_are_named(self, tmp_path: Path) -> None:
        path = make_store(tmp_path / "train.zarr", spec_with(4)).path
        with pytest.raises(ValueError, match=r"Fp1-F7: F7 is missing; F7-T3: F7 and T3 are "):
            tuszstore.open(path).view("double_banana")

    def test_other_windows_of_a_store_of_whole_windows(self, tmp_path: Path) -> None:
        spec = replace(SPEC, block=160, step=80)
        store = tuszstore.open(make_store(tmp_path / "train.zarr", spec).path)
        with pytest.raises(ValueError, match=r"windows\.overlap: duplicate"):
            store.view(length=5)
        again = store.view(rater="majority")
        assert again.metadata.windows is not store.metadata.windows
        for name in store.metadata.windows:
            found = again.metadata.windows[name]
            np.testing.assert_array_equal(found, store.metadata.windows[name], err_msg=name)
        np.testing.assert_array_equal(again.labels[:], store.labels[:])
        np.testing.assert_array_equal(again.windows[:], store.windows[:])
        view = store.view(["Fp1-F7"], "uV", length=10, stride=5)
        assert view.windows.shape == (len(store), 1, 160)
        rows = store.index["recording"].values
        sd, mean = (store.recordings[name].values[rows][..., None] for name in ("sd", "mean"))
        volts = store.windows[:] * sd + mean
        difference = volts[:, 0] - volts[:, store.channels.index("F7")]
        np.testing.assert_allclose(view.windows[:, 0], difference, rtol=1e-4, atol=1e-3)


class TestClosing:
    def test_a_view_leaves_its_store_open(self, made: "tuszstore.Store") -> None:
        with made.view(length=5) as view:
            assert view.windows[0].shape == (19, 80)
        assert view.closed
        assert not made.closed
        for read in (lambda: view.windows[0], lambda: view.metadata.windows["category"]):
            with pytest.raises(StoreError, match="was closed"):
                read()
        assert made.windows[0].shape == (19, 160)

    def test_a_closed_store_closes_its_views(self, made: "tuszstore.Store") -> None:
        views = [made.view(length=5), made.view("double_banana", "uV")]
        assert views[1].reader
        made.close()
        for view in views:
            assert view.closed
            with pytest.raises(StoreError, match="was closed"):
                _ = view.windows[0]
            with pytest.raises(StoreError, match="was closed"):
                view.view(length=2)


class TestReplaced:
    def test_a_view_reads_the_store_that_was_opened(
        self, made: "tuszstore.Store", tmp_path: Path
    ) -> None:
        view = made.view(["Fp1-F7"], "uV", 4, 2)
        before = view.windows[:]
        other = make_store(tmp_path / "other.zarr", seed=1).path
        folder = Path(made.path)
        folder.rename(tmp_path / "old.zarr")
        other.rename(folder)
        np.testing.assert_array_equal(view.windows[:], before)

    def test_a_view_of_a_store_that_is_gone(self, made: "tuszstore.Store") -> None:
        view = made.view(["Fp1-F7"], "uV", 4, 2)
        assert view.windows[0].shape == (1, 64)
        shutil.rmtree(made.path)
        make_store(Path(made.path), seed=1)
        for read in (lambda: view.windows[3], lambda: view.events["confidence"].values):
            with pytest.raises(StoreError, match="was rebuilt or removed since it was opened"):
                read()

    def test_a_pickled_view_knows_its_store(self, made: "tuszstore.Store", tmp_path: Path) -> None:
        view = made.view(["Fp1-F7"], "uV", 4, 2)
        pickled = pickle.dumps(view)
        again = pickle.loads(pickled)
        assert again.spec == view.spec
        np.testing.assert_array_equal(again.windows[:], view.windows[:])
        shutil.rmtree(made.path)
        make_store(Path(made.path), seed=1)
        with pytest.raises(StoreError, match="was rebuilt since a view of it was pickled"):
            pickle.loads(pickled)


@pytest.mark.slow
def test_ten_million_windows_take_little_memory(made: "tuszstore.Store") -> None:
    """Tables of 46,000 recordings stand in the place of those of a small store."""
    rng, n_recordings, n_events = np.random.default_rng(0), 46_000, 100_000
    n_samples = rng.integers(600, 1600, n_recordings) * SFREQ
    owner = np.sort(rng.integers(0, n_recordings, n_events)).astype(np.int32)
    first = (rng.random(n_events) * n_samples[owner]).astype(np.int64)
    made.metadata.recordings._loaded |= {
        "n_samples": n_samples,
        "first_block": np.cumsum(n_samples // made.spec.block + 1),
        "labelled": rng.random(n_recordings) < 0.9,
        "patient": np.array([f"p{k // 5}" for k in range(n_recordings)], object),
        "patient_time": np.where(rng.random(n_recordings) < 0.5, 7200.0, np.nan),
        "timeline": np.full(n_recordings, "", object),
    }
    made.metadata.events._loaded |= {
        "recording": owner,
        "first_sample": first,
        "stop_sample": np.minimum(first + 60 * SFREQ, n_samples[owner]),
        "bit": (1 << rng.integers(0, 3, n_events)).astype(np.uint16),
    }
    tracemalloc.start()
    try:
        view = made.view(length=12, stride=5)
        columns = [view.metadata.windows[name] for name in view.metadata.windows]
        assert len(view) > 10_000_000
        assert tracemalloc.get_traced_memory()[1] < 1.3e9
    finally:
        tracemalloc.stop()
    assert sum(column.nbytes for column in columns) > 6e8
    # of some windows, one by one
    seizure = made.spec.seizure_bits
    for number in rng.integers(0, len(view), 200).tolist():
        row = int(view.metadata.windows["recording"][number])
        begin = round(float(view.metadata.windows["start_time"][number]) * SFREQ)
        label = np.zeros(12 * SFREQ, bool)
        for k in np.flatnonzero(owner == row):
            if int(made.metadata.events["bit"][k]) & seizure:
                a, b = first[k] - begin, made.metadata.events["stop_sample"][k] - begin
                label[max(a, 0) : max(b, 0)] = True
        expected = label.mean() if made.metadata.recordings["labelled"][row] else np.nan
        found = float(view.metadata.windows["seizure_fraction"][number])
        np.testing.assert_equal(found, expected)
