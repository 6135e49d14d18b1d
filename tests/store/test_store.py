"""Opening a store, and what its arrays and tables give."""

import contextlib
import gc
import json
import multiprocessing
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tuszstore
from tests import ROOT
from tuszstore.errors import StoreError
from tuszstore.integrity.reseal import reseal
from tuszstore.read.arrays import WindowArray
from tuszstore.store.metadata import read_attributes
from tuszstore.store.place import ClosedError
from tuszstore.store.schema import VARIABLES, markdown


def set_attributes(path: Path, **attributes: object) -> None:
    root = json.loads((path / "zarr.json").read_text())
    root["attributes"].update(attributes)
    (path / "zarr.json").write_text(json.dumps(root))


class TestOtherReaders:
    def test_zarr_python(self, train: tuszstore.Store) -> None:
        group = zarr.open_group(train.path, mode="r")
        scale = group["signal"].attrs["scale_factor"]
        for number in (0, len(train) - 1):
            start = int(train.index["start_block"][number])
            blocks = group["signal"][start : start + 6] * np.float32(scale)
            window = np.moveaxis(blocks, 0, 1).reshape(19, -1)
            np.testing.assert_array_equal(window, train.windows[number])

    def test_zarrs(self, train: tuszstore.Store) -> None:
        pytest.importorskip("zarrs")
        paths = [v.path for v in VARIABLES if v.path in train.metadata.arrays]
        expected = {path: zarr.open_array(train.path / path, mode="r")[...] for path in paths}
        with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
            for path in paths:
                values = zarr.open_array(train.path / path, mode="r")[...]
                np.testing.assert_array_equal(values, expected[path], err_msg=path)

    def test_tensorstore(self, train: tuszstore.Store) -> None:
        """All but strings, for which tensorstore has no type."""
        tensorstore = pytest.importorskip("tensorstore")
        for variable in VARIABLES:
            if variable.dtype == "string" or variable.path not in train.metadata.arrays:
                continue
            spec = {"driver": "zarr3", "kvstore": f"file://{train.path / variable.path}"}
            array = tensorstore.open(spec, read=True).result()
            expected = zarr.open_array(train.path / variable.path, mode="r")
            np.testing.assert_array_equal(array.read().result(), expected[...])
            assert array.domain.labels == variable.dims

    def test_plain_xarray(self, train: tuszstore.Store) -> None:
        tree = xr.open_datatree(train.path, engine="zarr")
        assert tree["signal"].dims == ("block", "channel", "sample")
        assert list(tree["channel"].values) == list(train.channels)
        start = int(train.index["start_block"][7])
        blocks = tree["signal"][start : start + 6]
        window = blocks.transpose("channel", "block", "sample").values.reshape(19, -1)
        np.testing.assert_allclose(window, train.windows[7], atol=1e-6)
        np.testing.assert_array_equal(tree["windows/category"], train.index["category"])
        assert tree["signal"].attrs["units"] == "1"
        assert "flag_meanings" in tree["label"].attrs
        # the blocks of a shard that no recording fills are missing, not zero
        n_blocks = int(train.recordings["n_blocks"][0])
        assert n_blocks % 64
        assert np.isnan(tree["signal"][n_blocks].values).all()


class TestOpening:
    def test_attributes(self, train: tuszstore.Store) -> None:
        assert train.attrs["complete"] is True
        assert train.attrs["config_hash"] == tuszstore.load_config(train.config).digest()
        assert train.attrs["split"] == "train"
        assert train.attrs["versions"]["zarr"] == zarr.__version__
        assert train.spec.sfreq == train.sfreq == 256

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="tuszstore build"):
            tuszstore.open(tmp_path / "train.zarr")

    def test_another_group(self, tmp_path: Path) -> None:
        zarr.create_group(tmp_path / "x.zarr")
        with pytest.raises(StoreError, match="not a store of tuszstore"):
            tuszstore.open(tmp_path / "x.zarr")

    def test_the_folder_of_the_stores(self, own_store: Path) -> None:
        with pytest.raises(StoreError, match=r"a store root.*; give one: ") as caught:
            tuszstore.open(own_store.parent)
        assert str(caught.value).endswith(str(own_store))

    def test_incomplete(self, own_store: Path) -> None:
        set_attributes(own_store, complete=False)
        with pytest.raises(StoreError, match="unfinished build"):
            tuszstore.open(own_store)

    @pytest.mark.parametrize(
        ("version", "way_out"), [(99, "newer tuszstore"), (0, "build it again")]
    )
    def test_another_schema(self, own_store: Path, version: int, way_out: str) -> None:
        set_attributes(own_store, schema_version=version)
        with pytest.raises(StoreError, match=f"schema version {version}.*{way_out}"):
            tuszstore.open(own_store)

    def test_configuration_of_another_version(self, own_store: Path) -> None:
        set_attributes(own_store, config={"signal": {"loudness": 3}})
        reseal(own_store)
        assert tuszstore.open(own_store).config["signal"] == {"loudness": 3}

    def test_a_lost_variable(self, own_store: Path) -> None:
        root = json.loads((own_store / "zarr.json").read_text())
        del root["consolidated_metadata"]["metadata"]["windows/category"]
        (own_store / "zarr.json").write_text(json.dumps(root))
        with pytest.raises(StoreError, match="windows/category is missing"):
            tuszstore.open(own_store)

    def test_root_that_is_no_json(self, own_store: Path) -> None:
        (own_store / "zarr.json").write_text("{")
        assert read_attributes(own_store) == {}
        with pytest.raises(StoreError, match="not a store"):
            tuszstore.open(own_store)

    def test_importing_is_cheap(self) -> None:
        code = (
            "import sys, tuszstore; names = 'torch mne dask scipy xarray matplotlib'.split();"
            "print([name for name in names if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.strip() == "[]", done.stderr

    def test_the_build_function_is_not_hidden_by_its_package(self) -> None:
        import tuszstore.builder.plan

        assert callable(tuszstore.build)

    def test_repr_names_what_it_is(self, train: tuszstore.Store) -> None:
        assert "split train" in repr(train)
        assert f"window: {len(train)}, channel: 19, sample: 15360" in repr(train.windows)


class TestLazyArray:
    values = np.arange(12 * 3 * 5).reshape(12, 3, 5)

    def lazy(self, asked: list[int] | None = None) -> WindowArray:
        def read(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
            if asked is not None:
                asked.extend(numbers.tolist())
            return self.values[numbers]

        return WindowArray("windows", self.values.shape, self.values.dtype, ("w", "c", "s"), read)

    @pytest.mark.parametrize(
        "key",
        [
            5, -1, np.int64(3), slice(2, 5), slice(None, None, 4), slice(None, None, -3), [3, 1, 3],
            np.array([[0, 1], [-1, 4]]), np.arange(12) % 3 == 0, (3, 2), (3, slice(None), 4),
            (slice(1, 3), [0, 2]), ([1, 2], [0, 2]), ([1, 2], slice(1, 3), [0, 4]), (None, 3),
            (slice(4, 6), ..., 0), (2, ...), ..., (..., 2), [], slice(3, 3), (np.arange(2), None),
        ],
        ids=str,
    )  # fmt: skip
    def test_indexing_is_numpys(self, key: Any) -> None:
        np.testing.assert_array_equal(self.lazy()[key], self.values[key])

    def test_only_what_is_asked_is_read(self) -> None:
        asked: list[int] = []
        lazy = self.lazy(asked)
        lazy[3, 0], lazy[[7, 5, 7]], lazy[:2, 1]
        assert asked == [3, 7, 5, 7, 0, 1]

    def test_it_is_an_array(self) -> None:
        lazy = self.lazy()
        assert (lazy.ndim, lazy.size, lazy.nbytes, len(lazy)) == (3, 180, 1440, 12)
        np.testing.assert_array_equal(np.asarray(lazy), self.values)
        np.testing.assert_array_equal(np.stack(list(lazy)), self.values)
        with pytest.raises(ValueError, match="copy"):
            np.asarray(lazy, copy=False)

    @pytest.mark.parametrize(
        ("key", "error"),
        [(12, IndexError), (-13, IndexError), ([0, 12], IndexError), (np.ones(3, bool), IndexError),
         ("first", TypeError), (1.5, TypeError), ([0.5], TypeError)],
        ids=str,
    )  # fmt: skip
    def test_bad_keys(self, key: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            self.lazy()[key]


PROCESS_IO = Path("/proc/self/io")


class TestReading:
    def test_masks(self, train: tuszstore.Store) -> None:
        mask = train.mask("full_seizure")
        assert mask.any()
        np.testing.assert_array_equal(train.windows[mask], train.read(np.flatnonzero(mask)))
        assert ((train.labels[mask] & train.spec.seizure_bits) > 0).mean() >= 0.99

    def test_labels_come_with_the_signal(self, train: tuszstore.Store) -> None:
        signal, labels = train.read([4, 0], labels=True)
        np.testing.assert_array_equal(signal, train.windows[[4, 0]])
        np.testing.assert_array_equal(labels, train.labels[[4, 0]])

    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_a_window_is_the_same_however_it_is_read(
        self, train: tuszstore.Store, data: st.DataObject
    ) -> None:
        numbers = data.draw(st.lists(st.integers(0, len(train) - 1), min_size=1, max_size=6))
        together = train.read(numbers)
        for number, window in zip(numbers, together, strict=True):
            np.testing.assert_array_equal(window, train.read([number])[0])

    @pytest.mark.parametrize(
        ("indices", "error", "told"),
        [
            ([10**9], IndexError, "window 1000000000 is out of range"),
            ([-(10**9)], IndexError, "out of range"),
            ([0.5], TypeError, "integers"),
            (["a"], TypeError, "integers"),
            ([[1, 2]], IndexError, "one-dimensional"),
        ],
        ids=str,
    )
    def test_bad_indices(
        self, train: tuszstore.Store, indices: list, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            train.read(indices)

    def test_no_indices(self, train: tuszstore.Store) -> None:
        signal, labels = train.read([], labels=True)
        assert signal.shape == (0, 19, 15360)
        assert labels.shape == (0, 15360)

    def test_no_such_category(self, train: tuszstore.Store) -> None:
        with pytest.raises(
            ValueError, match="unknown category 'half_seizure'; known are no_seizure, "
        ):
            train.mask("half_seizure")

    @pytest.mark.skipif(not PROCESS_IO.exists(), reason="the system does not count what is read")
    def test_a_window_reads_only_its_blocks(self, train: tuszstore.Store, decoder: str) -> None:
        """One window needs six blocks of its shard, some 450 kB, not all 64."""

        def n_read() -> int:
            return int(re.findall(r"rchar: (\d+)", PROCESS_IO.read_text())[0])

        store = tuszstore.open(train.path)
        store.windows[4]  # loads the table and the shard's index
        before = n_read()
        store.windows[3]
        assert 300_000 < n_read() - before < 600_000


def rewrite(path: Path, **options: Any) -> None:
    """Store the signal in another way, as another tool might."""
    array = zarr.open_array(path / "signal", mode="r")
    values, attributes = array[...], dict(array.attrs)
    dims = array.metadata.dimension_names
    shutil.rmtree(path / "signal")
    new = zarr.create_array(
        path / "signal",
        data=values,
        dimension_names=dims,
        fill_value=-32768,
        attributes=attributes,
        **options,
    )
    assert new.shape == values.shape


@pytest.mark.usefixtures("decoder")
class TestOtherLayouts:
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"chunks": (6, 19, 2560)}, id="not sharded"),
            pytest.param({"chunks": (1, 19, 2560), "shards": (32, 19, 2560)}, id="other shards"),
            pytest.param(
                {"chunks": (1, 19, 2560), "shards": (64, 19, 2560), "compressors": None},
                id="other codecs",
            ),
        ],
    )
    def test_zarr_reads_what_the_fast_path_does_not_know(
        self, own_store: Path, train: tuszstore.Store, options: dict[str, Any]
    ) -> None:
        rewrite(own_store, **options)
        root = json.loads((own_store / "zarr.json").read_text())
        array = json.loads((own_store / "signal" / "zarr.json").read_text())
        root["consolidated_metadata"]["metadata"]["signal"] = array
        (own_store / "zarr.json").write_text(json.dumps(root))
        reseal(own_store)
        store = tuszstore.open(own_store)
        with pytest.warns(UserWarning, match="zarr-python, which is slower"):
            signal = store.read([3, 70, 4])
        np.testing.assert_array_equal(signal, train.read([3, 70, 4]))
        np.testing.assert_array_equal(store.read([-1]), train.read([-1]))  # no second warning

    @pytest.mark.parametrize(
        "config",
        [
            pytest.param({"storage": {"codec": "zstd"}}, id="zstd"),
            pytest.param({"storage": {"codec": "none"}}, id="uncompressed"),
            pytest.param({"storage": {"dtype": "float32"}}, id="float32"),
            pytest.param({"windows": {"length": 30, "stride": 4}}, id="blocks of 2 s"),
            pytest.param({"storage": {"shard_seconds": 40}}, id="windows across shards"),
            pytest.param(
                {"storage": {"codec": "none"}, "windows": {"length": 60, "stride": 0.25}},
                id="240 blocks a window",
            ),
        ],
    )
    def test_every_layout_gives_what_zarr_gives(
        self, built_as: Callable[[dict[str, Any]], Path], config: dict[str, Any]
    ) -> None:
        store = tuszstore.open(path := built_as(config))
        signal = zarr.open_array(path / "signal", mode="r")
        scale = np.float32(signal.attrs.get("scale_factor", 1))
        n_blocks = store.windows.shape[2] // signal.shape[2]
        # zarr takes a millisecond for each block
        numbers = np.random.default_rng(0).integers(0, len(store), max(5, 240 // n_blocks))
        for number, window in zip(numbers, store.read(numbers), strict=True):
            start = int(store.index["start_block"][number])
            blocks = np.moveaxis(signal[start : start + n_blocks], 0, 1).reshape(19, -1)
            np.testing.assert_array_equal(window, blocks * scale)

    def test_stored_values_on_request(self, train: tuszstore.Store) -> None:
        out = np.empty((2, 19, 15360), np.int16)
        assert train.reader.signal([5, 1], out) is out
        np.testing.assert_array_equal(out * np.float32(2**-10), train.read([5, 1]))

    def test_memory_of_ones_own(self, train: tuszstore.Store) -> None:
        for indices, n_axes in (([5, 1], 3), (slice(3), 3), (7, 2)):
            expected, labels = train.read(indices, labels=True)
            out = np.full_like(expected, np.nan)
            found, again = train.read(indices, labels=True, out=out)
            assert found is out
            assert out.ndim == n_axes
            np.testing.assert_array_equal(out, expected)
            np.testing.assert_array_equal(again, labels)
        with pytest.raises(ValueError, match="out must be"):
            train.read([5], out=out)
        for indices in ([5], 5):
            with pytest.raises(TypeError, match="out must be a NumPy array, not list"):
                train.read(indices, out=[])  # type: ignore[call-overload]

    @pytest.mark.parametrize(
        "out",
        [np.empty((1, 19, 15360), np.float32), np.empty((2, 19, 15360)),
         np.empty((2, 19, 30720), np.float32)[..., ::2]],
        ids=["shape", "dtype", "strides"],
    )  # fmt: skip
    def test_an_unfit_array_is_refused(self, train: tuszstore.Store, out: Any) -> None:
        with pytest.raises(ValueError, match="out must be"):
            train.reader.signal([5, 1], out)


class TestProcesses:
    def test_a_pickle_opens_the_same_store(self, train: tuszstore.Store) -> None:
        again = pickle.loads(pickle.dumps(train))
        np.testing.assert_array_equal(again.windows[3], train.windows[3])

    def test_a_pickle_of_a_store_that_was_rebuilt(self, own_store: Path) -> None:
        pickled = pickle.dumps(tuszstore.open(own_store))
        os.utime(own_store / "zarr.json")
        with pytest.raises(StoreError, match="rebuilt since it was pickled"):
            pickle.loads(pickled)

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_children_read_after_the_parent_has(self, train: tuszstore.Store, method: str) -> None:
        expected = train.windows[2:7]
        with multiprocessing.get_context(method).Pool(2) as pool:
            for values in pool.map(train.read, [list(range(2, 7))] * 4):
                np.testing.assert_array_equal(values, expected)

    def test_threads_share_a_store(self, train: tuszstore.Store) -> None:
        expected = train.read(np.arange(len(train)))
        numbers = np.random.default_rng(0).integers(0, len(train), (20, 8))
        with ThreadPoolExecutor(4) as pool:
            for wanted, values in zip(numbers, pool.map(train.read, numbers), strict=True):
                np.testing.assert_array_equal(values, expected[wanted])

    def test_a_store_that_is_dropped_leaves_no_file_open(self, train: tuszstore.Store) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            tuszstore.open(train.path).read([0, 9])
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) <= before


@pytest.mark.usefixtures("decoder")
def open_folders() -> set[str]:
    """Return what this process has open, as far as the system tells."""
    links = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            links.add(os.readlink(f"/proc/self/fd/{number}"))
    return links


class TestClosing:
    def test_nothing_stays_open(self, own_store: Path) -> None:
        store = tuszstore.open(own_store)
        store.read([0], labels=True)
        reader = store.reader
        assert [path for path in open_folders() if path.startswith(str(own_store))]
        store.close()
        assert not [path for path in open_folders() if path.startswith(str(own_store))]
        assert not [t for t in threading.enumerate() if t.name.startswith("tuszstore")]
        assert reader is not None  # whoever keeps it keeps nothing else

    def test_what_is_read_afterwards_is_refused(self, train: tuszstore.Store) -> None:
        """By all that was made of the store before, and all that is made afterwards."""
        store = tuszstore.open(train.path)
        signal = store.read([3])
        lazy, index, reader, windows = store.to_xarray(), store.index, store.reader, store.windows
        assert not store.closed
        store.close()
        store.close()
        assert store.closed
        for action in (
            lambda: store.read([3]),
            lambda: store.windows[3],
            lambda: store.labels[3],
            lambda: store.read_recording(0),
            lambda: store.mask("no_seizure"),
            lambda: store.select(category="no_seizure"),
            lambda: lazy.windows[3].values,
            lambda: lazy.patient.values,
            lambda: lazy.labels[3].values,
            lambda: index.patient.values,
            lambda: store.recordings.load(),
            lambda: reader.signal([3]),
            lambda: reader.labels([3]),
            lambda: windows[3],
            lambda: store.to_xarray().windows[0].values,
            lambda: pickle.dumps(store),
            store.__enter__,
        ):
            with pytest.raises(StoreError, match=r"train.zarr: was closed; open it again"):
                action()
        assert len(store) == len(train)
        assert repr(store) == repr(train)
        np.testing.assert_array_equal(signal, train.read([3]))

    def test_with(self, train: tuszstore.Store) -> None:
        with tuszstore.open(train.path) as store:
            values = store.windows[3]
        assert store.closed
        np.testing.assert_array_equal(values, train.windows[3])
        with pytest.raises(ZeroDivisionError), tuszstore.open(train.path) as store:
            _ = 1 / 0
        assert store.closed

    def test_a_dataset_that_is_closed_closes_its_store(self, train: tuszstore.Store) -> None:
        with xr.open_dataset(train.path, engine="tuszstore") as dataset:
            np.testing.assert_array_equal(dataset.windows[3], train.windows[3])
        with pytest.raises(StoreError, match="was closed"):
            _ = dataset.windows[4].values
        store = tuszstore.open(train.path)
        store.to_xarray().close()  # what the store was open for before stays open
        assert not store.closed

    def test_a_batch_that_is_being_read_is_finished(self, train: tuszstore.Store) -> None:
        """Another folder may get the number of one that is closed, and would be read from."""
        expected = train.read(np.arange(8))
        for _ in range(20):
            store = tuszstore.open(train.path)
            assert store.reader
            begun = threading.Event()

            def read(store: tuszstore.Store = store, begun: threading.Event = begun) -> int:
                n_read = 0
                with contextlib.suppress(ClosedError):
                    while True:
                        np.testing.assert_array_equal(store.read(np.arange(8)), expected)
                        n_read += 1
                        begun.set()
                return n_read

            with ThreadPoolExecutor(1) as pool:
                reading = pool.submit(read)
                begun.wait(60)
                store.close()
                others = [os.open("/", os.O_RDONLY) for _ in range(8)]
                assert reading.result() > 0
            for descriptor in others:
                os.close(descriptor)


class TestWorkingDirectory:
    """A relative path means what it meant when the store was opened."""

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Path:
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        return folder

    @pytest.mark.parametrize("before", ["nothing", "a window", "a table"])
    def test_it_may_change(
        self,
        own_store: Path,
        train: tuszstore.Store,
        elsewhere: Path,
        monkeypatch: pytest.MonkeyPatch,
        before: str,
    ) -> None:
        monkeypatch.chdir(own_store.parent)
        store = tuszstore.open(own_store.name)
        dataset = xr.open_dataset(own_store.name, engine="tuszstore")
        if before == "a window":
            store.read([0])
        elif before == "a table":
            store.recordings.load()
        monkeypatch.chdir(elsewhere)
        np.testing.assert_array_equal(store.read([5]), train.read([5]))
        np.testing.assert_array_equal(dataset.windows[5], train.windows[5])
        assert store.index["patient"].identical(train.index["patient"])
        assert store.events.identical(train.events)
        again = pickle.loads(pickle.dumps(store))
        assert again.path == store.path == own_store
        np.testing.assert_array_equal(again.read([5]), train.read([5]))
        assert store.sizes() == tuszstore.open(own_store).sizes()
        assert store.beside("dev") is None

    @pytest.mark.parametrize("given", [".", "../train.zarr", "x/.."])
    def test_any_way_to_write_it(
        self, own_store: Path, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch, given: str
    ) -> None:
        (own_store / "x").mkdir()
        shutil.copytree(own_store, own_store.with_name("dev.zarr"))
        monkeypatch.chdir(own_store)
        store = tuszstore.open(given)
        other = store.beside("dev")
        monkeypatch.chdir(own_store.parent)
        np.testing.assert_array_equal(store.read([5]), train.read([5]))
        assert other is not None
        assert Path(other.path).name == "dev.zarr"

    @pytest.mark.parametrize("split", ["dev", "val", "eval"])
    def test_a_split_without_a_store_is_none(self, own_store: Path, split: str) -> None:
        assert tuszstore.open(own_store).beside(split) is None

    @pytest.mark.parametrize(
        ("split", "told"),
        [
            ("evaal", "unknown split 'evaal'; did you mean 'eval'\\? Known are dev, eval, train"),
            ("dev.zarr", "unknown split 'dev.zarr'; did you mean 'dev'"),
            ("x", "unknown split 'x'; known are dev, eval, train and val .alias of dev., and no"),
        ],
    )
    def test_an_unknown_split_raises_an_error(self, own_store: Path, split: str, told: str) -> None:
        with pytest.raises(ValueError, match=told):
            tuszstore.open(own_store).beside(split)

    @pytest.mark.parametrize(("name", "split"), [("dev", "val"), ("other", "other")])
    def test_another_store_beside_it(self, own_store: Path, name: str, split: str) -> None:
        shutil.copytree(own_store, own_store.with_name(f"{name}.zarr"))
        other = tuszstore.open(own_store).beside(split)
        assert other is not None
        assert Path(other.path).name == f"{name}.zarr"

    def test_a_store_is_shown_from_there_on(
        self, own_store: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(own_store.parent)
        store = tuszstore.open("train.zarr")
        assert repr(store).startswith("<tuszstore.Store train.zarr: ")
        monkeypatch.chdir(elsewhere)
        assert repr(store).startswith(f"<tuszstore.Store {own_store}: ")

    def test_one_that_was_removed(
        self, own_store: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(elsewhere)
        elsewhere.rmdir()
        with pytest.raises(StoreError, match="removed working directory"):
            tuszstore.open("train.zarr")
        assert len(tuszstore.open(own_store)) > 0

    def test_a_build_says_where_its_store_is(
        self, own_corpus: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(own_corpus.parent)
        report = tuszstore.build(
            split="train", data=own_corpus.name, store="stores", workers=0, limit=1
        )
        monkeypatch.chdir(elsewhere)
        assert len(tuszstore.open(report.store)) > 0


class TestDamage:
    def shard(self, path: Path) -> Path:
        return path / "signal" / "c" / "0" / "0" / "0"

    def test_a_shard_cut_off_under_a_reader(self, own_store: Path) -> None:
        store = tuszstore.open(own_store)
        store.read([0])
        os.truncate(self.shard(own_store), 200_000)
        with pytest.raises(StoreError, match="0 to 60 s: file is cut off"):
            store.read([0])
        self.shard(own_store).unlink()
        with pytest.raises(StoreError, match="0 to 60 s: file is missing"):
            store.read([0])

    def test_a_shard_that_cannot_be_read(self, own_store: Path) -> None:
        store = tuszstore.open(own_store)
        store.read([0])
        self.shard(own_store).unlink()
        self.shard(own_store).mkdir()
        with pytest.raises(StoreError, match="0 to 60 s: cannot be read: Is a directory"):
            store.read([0])

    def test_a_missing_shard_is_no_zeros(self, own_store: Path) -> None:
        self.shard(own_store).unlink()
        store = tuszstore.open(own_store)
        id_ = store.recordings["id"].values[0]
        with pytest.raises(StoreError, match=f"{id_}, 0 to 60 s: file is missing"):
            store.read([0])
        assert store.read([len(store) - 1]).std() > 0

    @pytest.mark.parametrize(
        ("damage", "told"),
        [
            pytest.param((100, 1), "0 to 10 s: checksum is wrong", id="first block"),
            pytest.param((100_000, 1), "10 to 20 s: checksum is wrong", id="second block"),
            pytest.param((-1, 1), "0 to 60 s: checksum of the shard's index", id="index"),
            pytest.param(None, "0 to 60 s: checksum of the shard's index", id="cut off"),
        ],
    )
    def test_damage_names_recording_and_time(
        self, own_store: Path, damage: tuple[int, int] | None, told: str
    ) -> None:
        shard = self.shard(own_store)
        if damage:
            content = bytearray(shard.read_bytes())
            content[damage[0]] ^= damage[1]
            shard.write_bytes(content)
        else:
            os.truncate(shard, shard.stat().st_size // 2)
        store = tuszstore.open(own_store)
        id_ = store.recordings["id"].values[0]
        with pytest.raises(StoreError, match=f"{id_}, {told}"):
            store.read([0])

    def test_a_store_rebuilt_under_a_reader(self, own_store: Path, train: tuszstore.Store) -> None:
        store = tuszstore.open(own_store)
        store.read([0])
        shutil.rmtree(own_store)
        with pytest.raises(StoreError, match="open it again"):
            store.read([0])
        shutil.copytree(train.path, own_store)
        os.utime(own_store / "zarr.json")
        with pytest.raises(StoreError, match="open it again"):
            store.read([0])


def test_the_schema_is_documented() -> None:
    docs = ROOT / "docs" / "store.md"
    assert markdown() in docs.read_text(), "print markdown() of tuszstore.store.schema into it"
