"""The engine for xarray: what is lazy, how it is indexed, chunked and sent to other processes."""

import io
import json
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tuszstore
import tuszstore.datasets.windows
from tuszstore.datasets.windows import chunk_sizes
from tuszstore.errors import StoreError
from tuszstore.read import decode
from tuszstore.store.table import Table
from tuszstore.xarray import TuszstoreBackend

COORDINATES = {
    "window", "store", "recording", "patient", "session", "montage", "category", "start_time",
    "seizure_fraction", "event_classes", "channel", "time",
}  # fmt: skip


def opened(store: tuszstore.Store, **options: Any) -> xr.Dataset:
    return xr.open_dataset(store.path, engine="tuszstore", **options)


@pytest.fixture(scope="module")
def small(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    """Some four hundred windows of 2 s, and three recordings, small enough to be loaded."""
    config = {"windows": {"length": 2, "stride": 1}}
    root = tmp_path_factory.mktemp("small")
    built = tuszstore.build(config, split="train", data=corpus, store=root, workers=0, limit=3)
    return tuszstore.open(built.store)


@pytest.fixture(scope="module")
def loaded(small: tuszstore.Store) -> xr.Dataset:
    return small.to_xarray().load()


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Sizes of all reads of signal."""
    sizes: list[int] = []
    original = decode.extent

    def extent(spans: NDArray[np.int64]) -> tuple[int, int]:
        begin, end = original(spans)
        sizes.append(end - begin)
        return begin, end

    monkeypatch.setattr(decode, "extent", extent)
    return sizes


class TestContent:
    def test_it_is_the_store(self, small: tuszstore.Store, loaded: xr.Dataset) -> None:
        numbers = np.arange(len(small))
        signal, labels = small.read(numbers, labels=True)
        np.testing.assert_array_equal(loaded["windows"], signal)
        np.testing.assert_array_equal(loaded["labels"], labels)
        assert loaded["windows"].dims == ("window", "channel", "sample")
        assert loaded["labels"].dims == ("window", "sample")
        assert (loaded["windows"].dtype, loaded["labels"].dtype) == (np.float32, np.uint16)

    def test_coordinates_are_columns_of_the_tables(
        self, small: tuszstore.Store, loaded: xr.Dataset
    ) -> None:
        assert set(loaded.coords) == COORDINATES
        index = small.index
        for name in ("patient", "session", "montage", "start_time", "seizure_fraction"):
            np.testing.assert_array_equal(loaded[name], index[name])
        np.testing.assert_array_equal(loaded["recording"], index["id"])
        np.testing.assert_array_equal(loaded["event_classes"], index["event_classes"])
        for name in ("no_seizure", "partial_seizure", "full_seizure"):
            np.testing.assert_array_equal(loaded["category"] == name, small.mask(name))
        assert list(loaded["channel"].values) == list(small.channels)
        np.testing.assert_array_equal(loaded["time"], np.arange(512) / 256)
        np.testing.assert_array_equal(loaded["window"], np.arange(len(small)))

    def test_attributes_say_what_values_mean(self, loaded: xr.Dataset) -> None:
        assert loaded.attrs["split"] == "train"
        assert loaded.attrs["sfreq"] == 256
        assert loaded["windows"].attrs["units"] == "1"
        assert loaded["start_time"].attrs["units"] == loaded["time"].attrs["units"] == "s"
        flags = loaded["labels"].attrs
        meanings = flags["flag_meanings"].split()
        assert dict(zip(meanings, flags["flag_masks"].tolist(), strict=True))["unlabelled"] == 32768
        assert flags["flag_masks"].dtype == loaded["labels"].dtype
        assert loaded["event_classes"].attrs["flag_meanings"].split() == meanings[:-1]

    def test_seizure_samples_are_found_by_the_flags(
        self, small: tuszstore.Store, loaded: xr.Dataset
    ) -> None:
        seizure = (loaded["labels"] & small.spec.seizure_bits) > 0
        np.testing.assert_allclose(seizure.mean("sample"), loaded["seizure_fraction"])
        assert 0 < seizure.mean() < 1

    def test_unlabelled_windows_say_so(self, own_corpus: Path, tmp_path: Path) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            annotation.unlink()
        config = {"labels": {"unlabelled": "keep"}}
        built = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        ds = tuszstore.open(built.store).to_xarray()
        assert set(ds["category"].values) == {"unlabelled"}
        assert np.isnan(ds["seizure_fraction"]).all()
        assert (ds["labels"][0] == 0x8000).all()
        assert list(ds.groupby("category").groups) == ["unlabelled"]

    def test_microvolts_have_their_unit(self, own_corpus: Path, tmp_path: Path) -> None:
        config = {"signal": {"normalise": "none", "clip": 3000}, "storage": {"dtype": "float32"}}
        built = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        ds = tuszstore.open(built.store).to_xarray()
        assert ds["windows"].attrs["units"] == "uV"
        assert 5 < float(ds["windows"][0].std()) < 500

    def test_a_store_without_windows(self, own_corpus: Path, tmp_path: Path) -> None:
        config = {"windows": {"length": 600}}
        built = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        for chunks in (None, {}):
            ds = tuszstore.open(built.store).to_xarray(chunks=chunks)
            assert ds["windows"].shape == (0, 19, 153600)
            assert ds["windows"].values.size == ds["category"].values.size == 0


class TestLaziness:
    def test_opening_reads_no_signal_and_no_column(
        self, small: tuszstore.Store, bytes_read: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        columns = []
        original = Table.__getitem__

        def getitem(table: Table, name: str) -> Any:
            columns.append(name)
            return original(table, name)

        monkeypatch.setattr(Table, "__getitem__", getitem)
        for ds in (opened(small), opened(small, chunks={}), small.to_xarray(chunks={})):
            ds.isel(window=slice(5, 9)), ds["windows"][3], repr(ds)
        assert set(columns) == {"n_windows"}  # which Dask's chunks are made of
        assert bytes_read == []
        assert len(np.asarray(ds["patient"])) == len(small)
        assert set(columns) == {"n_windows", "recording", "patient"}

    def test_a_window_reads_its_own_blocks(
        self, train: tuszstore.Store, bytes_read: list[int]
    ) -> None:
        window = opened(train)["windows"][3].values
        assert 0 < sum(bytes_read) < 1_000_000
        np.testing.assert_array_equal(window, train.windows[3])

    def test_a_window_of_a_dask_array_reads_its_own_blocks(
        self, train: tuszstore.Store, bytes_read: list[int]
    ) -> None:
        window = train.to_xarray(chunks={})["windows"][3].values
        assert 0 < sum(bytes_read) < 1_000_000
        np.testing.assert_array_equal(window, train.windows[3])

    def test_a_channel_of_all_windows_is_read_in_portions(
        self, small: tuszstore.Store, loaded: xr.Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        portions = []
        original = small.reader.signal

        def signal(numbers: Any) -> Any:
            portions.append(len(numbers))
            return original(numbers)

        monkeypatch.setattr(small.reader, "signal", signal)
        monkeypatch.setattr(tuszstore.datasets.windows, "READ_BYTES", 10 * 19 * 512 * 4)
        values = small.to_xarray()["windows"].sel(channel="Cz").values
        assert max(portions) == 10
        assert sum(portions) == len(small)
        np.testing.assert_array_equal(values, loaded["windows"].sel(channel="Cz"))

    def test_what_is_dropped_is_not_there(self, small: tuszstore.Store) -> None:
        assert "labels" not in opened(small, drop_variables="labels")
        ds = opened(small, drop_variables=["patient", "window", "windows", "unknown"])
        assert set(ds.coords) == COORDINATES - {"patient", "window"}
        assert set(ds.data_vars) == {"labels"}
        assert "window" not in ds.xindexes


def keys(size: int) -> st.SearchStrategy[Any]:
    places = st.integers(-size, size - 1)
    return st.one_of(
        places,
        st.slices(size),
        st.lists(places, max_size=6),
        st.lists(st.booleans(), min_size=size, max_size=size),
    )


SIZES = {"window": 40, "channel": 19, "sample": 512}


class TestIndexing:
    @settings(max_examples=50, deadline=None)
    @given(data=st.data())
    @pytest.mark.parametrize("chunks", [None, {"window": 17}], ids=["lazy", "dask"])
    def test_lazy_is_loaded(
        self,
        small: tuszstore.Store,
        loaded: xr.Dataset,
        chunks: dict[str, int] | None,
        data: st.DataObject,
    ) -> None:
        """Indexing each dimension with what it likes gives what indexing in memory gives."""
        size = SIZES["window"]
        lazy = small.to_xarray(chunks=chunks).isel(window=slice(size))
        expected = loaded.isel(window=slice(size))
        for _ in range(data.draw(st.integers(1, 2))):
            key = {
                name: data.draw(keys(length), label=str(name))
                for name, length in lazy.sizes.items()
                if length and data.draw(st.booleans())
            }
            lazy, expected = lazy.isel(key), expected.isel(key)
        xr.testing.assert_identical(lazy.compute(), expected)

    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_points_are_those_of_the_loaded(
        self, small: tuszstore.Store, loaded: xr.Dataset, data: st.DataObject
    ) -> None:
        """Arrays along a new dimension pick points."""
        n_points = data.draw(st.integers(1, 5))
        key = {
            name: (
                "point",
                data.draw(st.lists(st.integers(0, size - 1), min_size=n_points, max_size=n_points)),
            )
            for name, size in SIZES.items()
            if data.draw(st.booleans())
        }
        xr.testing.assert_identical(small.to_xarray().isel(key).compute(), loaded.isel(key))

    def test_labels_of_the_dimensions(self, small: tuszstore.Store, loaded: xr.Dataset) -> None:
        key = {"window": [7, 3], "channel": ["Cz", "Fp1"]}
        xr.testing.assert_identical(small.to_xarray().sel(key).compute(), loaded.sel(key))

    def test_masks_and_queries(self, small: tuszstore.Store, loaded: xr.Dataset) -> None:
        ds = small.to_xarray()
        numbers = np.flatnonzero(small.mask("full_seizure"))
        assert len(numbers) > 0
        for chosen in (
            ds.sel(window=ds["category"] == "full_seizure"),
            ds.isel(window=small.mask("full_seizure")),
            ds.query(window="category == 'full_seizure'"),
            ds.sel(window=small.select(category="full_seizure")),
        ):
            np.testing.assert_array_equal(chosen["window"], numbers)
            np.testing.assert_array_equal(chosen["windows"], small.read(numbers))

    def test_no_such_window_is_named(self, small: tuszstore.Store) -> None:
        ds = small.to_xarray()
        with pytest.raises(IndexError, match="1000000000 is out of bounds"):
            ds["windows"][10**9]
        with pytest.raises(KeyError, match="not all values found in index 'window'"):
            ds.sel(window=10**9)

    def test_a_store_is_not_written_to(self, small: tuszstore.Store) -> None:
        ds = small.to_xarray()
        window = ds["windows"][2]
        window[:] = 0
        assert small.windows[2].any()
        for name in ("start_time", "category", "recording"):
            expected = small.to_xarray()[name].values
            ds[name].values[:] = ds[name].values[::-1].copy()
            assert (ds[name] != expected).any()
            np.testing.assert_array_equal(small.to_xarray()[name], expected)


@pytest.fixture(scope="module")
def other(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    """The dev split, of windows as `small` has them."""
    config = {"windows": {"length": 2, "stride": 1}}
    root = tmp_path_factory.mktemp("other")
    built = tuszstore.build(config, split="dev", data=corpus, store=root, workers=0, limit=1)
    return tuszstore.open(built.store)


class TestTwoStores:
    """Window 3 of one has nothing to do with window 3 of the other."""

    WHOLE = staticmethod(lambda dataset: dataset)
    SOME = staticmethod(lambda dataset: dataset.isel(window=[0, 2, 7]))
    EQUAL = staticmethod(lambda dataset: dataset.isel(window=slice(0, 9)))

    @pytest.mark.parametrize("part", [WHOLE, SOME, EQUAL], ids=["whole", "some", "equal"])
    @pytest.mark.parametrize("backwards", [False, True])
    def test_their_numbers_are_not_matched(
        self, small: tuszstore.Store, other: tuszstore.Store, part: Any, backwards: bool
    ) -> None:
        stores = [other, small] if backwards else [small, other]
        paths = [store.path for store in stores]
        datasets = [part(store.to_xarray()) for store in stores]
        pickled = pickle.loads(pickle.dumps(datasets))
        for action in (
            lambda: xr.open_mfdataset(paths, engine="tuszstore", preprocess=part),
            lambda: xr.open_mfdataset(paths, engine="tuszstore", preprocess=part, join="outer"),
            lambda: xr.combine_by_coords(datasets),
            lambda: xr.combine_by_coords([dataset.copy(deep=True) for dataset in datasets]),
            lambda: xr.combine_by_coords(pickled),
            lambda: xr.merge(datasets),
            lambda: xr.align(*datasets),
            lambda: xr.concat(datasets, dim="split"),
            lambda: datasets[0].windows - datasets[1].windows,
            lambda: datasets[0].assign(theirs=datasets[1].labels),
            lambda: datasets[0].reindex_like(datasets[1]),
        ):
            with pytest.raises(
                ValueError, match=r"cannot be matched.*combine=\"nested\""
            ) as caught:
                action()
            assert all(str(path) in str(caught.value) for path in paths)

    @pytest.mark.parametrize("how", ["mfdataset", "concat", "concat with Dask"])
    def test_one_after_the_other(
        self, small: tuszstore.Store, other: tuszstore.Store, how: str
    ) -> None:
        if how == "mfdataset":
            both = xr.open_mfdataset(
                [small.path, other.path], engine="tuszstore", combine="nested", concat_dim="window"
            )
        else:
            chunks = {} if "Dask" in how else None
            both = xr.concat([s.to_xarray(chunks=chunks) for s in (small, other)], dim="window")
        assert both.sizes["window"] == len(small) + len(other)
        for store in (small, other):
            theirs = both.isel(window=both.store.values == str(store.path))
            np.testing.assert_array_equal(theirs.window, np.arange(len(store)))
            np.testing.assert_array_equal(theirs.windows[[3, -1]], store.read([3, -1]))
            np.testing.assert_array_equal(theirs.labels[[3, -1]], store.labels[[3, -1]])
            np.testing.assert_array_equal(theirs.patient, store.index["patient"])

    def test_classes_that_mean_something_else(
        self, small: tuszstore.Store, corpus: Path, tmp_path: Path
    ) -> None:
        """Of the bits of labels and of what is a seizure, only the first store's would be told."""
        config = {
            "windows": {"length": 2, "stride": 1},
            "labels": {"seizure": ["fnsz"], "unknown": "background"},
        }
        built = tuszstore.build(
            config, split="dev", data=corpus, store=tmp_path, workers=0, limit=1
        )
        datasets = [small.to_xarray(), tuszstore.open(built.store).to_xarray()]
        with pytest.raises(ValueError, match=r"cannot be put together: seizure classes: .*fnsz"):
            xr.concat(datasets, dim="window")

    def test_parts_and_copies_of_one_store_belong_together(
        self, small: tuszstore.Store, loaded: xr.Dataset, tmp_path: Path
    ) -> None:
        copy = tuszstore.open(shutil.copytree(small.path, tmp_path / "copy.zarr"))
        ours, theirs = small.to_xarray(), copy.to_xarray()
        difference = ours.windows[[2, 3, 5]] - theirs.windows[3:6]
        np.testing.assert_array_equal(difference.window, [3, 5])
        assert not difference.any()
        parts = [theirs.isel(window=slice(4, 8)), ours.isel(window=slice(0, 4))]
        whole = xr.combine_by_coords([part[["labels"]] for part in parts])
        np.testing.assert_array_equal(whole.labels, loaded.labels[:8])
        ours["score"] = xr.DataArray(np.ones(3), dims="window", coords={"window": [1, 2, 3]})
        assert int(ours.score.notnull().sum()) == 3

    def test_pandas_puts_columns_one_after_the_other(
        self, small: tuszstore.Store, other: tuszstore.Store
    ) -> None:
        columns = [s.to_xarray().start_time.to_series() for s in (small, other)]
        assert len(pd.concat(columns)) == len(small) + len(other)


class TestChunks:
    def test_a_chunk_is_a_recording(self, train: tuszstore.Store) -> None:
        counts = train.recordings["n_windows"].values
        expected = tuple(counts[counts > 0].tolist())
        assert len(expected) > 5
        for ds in (train.to_xarray(chunks={}), opened(train, chunks={})):
            assert ds["windows"].chunks == (expected, (19,), (15360,))
            assert ds["labels"].chunks == (expected, (15360,))
        preferred = opened(train)["windows"].encoding["preferred_chunks"]
        assert opened(train).chunk(preferred)["windows"].chunks[0] == expected

    @given(st.lists(st.integers(0, 500), min_size=1, max_size=20), st.integers(1 << 18, 1 << 28))
    def test_long_recordings_are_cut_into_equal_parts(
        self, counts: list[int], window_bytes: int
    ) -> None:
        sizes = chunk_sizes(counts, window_bytes)
        assert sum(sizes) == sum(counts)
        assert all(size <= max(1, (1 << 27) // window_bytes) for size in sizes)
        ends = np.cumsum(sizes)
        assert set(np.cumsum(counts)) <= {0, *ends}
        for count, end in zip(counts, np.cumsum(counts), strict=True):
            parts = [s for s, e in zip(sizes, ends, strict=True) if end - count < e <= end and s]
            assert not parts or max(parts) - min(parts) <= 1
            assert len(parts) == -(-count // max(1, (1 << 27) // window_bytes))

    def test_coordinates_stay_in_memory(self, train: tuszstore.Store) -> None:
        ds = train.to_xarray(chunks={})
        assert {name for name, variable in ds.variables.items() if variable.chunks} == {
            "windows",
            "labels",
        }

    @pytest.mark.parametrize("by", ["category", "patient"])
    def test_groups(self, small: tuszstore.Store, loaded: xr.Dataset, by: str) -> None:
        means = small.to_xarray(chunks={})["windows"].groupby(by).mean().compute()
        groups = loaded[by].values
        assert list(means[by].values) == sorted(set(groups))
        for name in set(groups):
            expected = loaded["windows"].values[groups == name].mean(0, dtype=np.float64)
            np.testing.assert_allclose(means.sel({by: name}), expected, atol=1e-5)
        assert means.dtype == np.float32

    def test_a_function_of_each_chunk(self, small: tuszstore.Store) -> None:
        ds = small.to_xarray(chunks={})[["windows"]]
        counts = ds.map_blocks(
            lambda part: (
                part["windows"]
                .isel(channel=0, sample=0)
                .notnull()
                .sum(keepdims=True)
                .drop_vars(["channel", "time"])
            ),
            template=ds["windows"][:3, 0, 0]
            .drop_vars(COORDINATES, errors="ignore")
            .astype(int)
            .chunk(window=1),
        )
        present = small.recordings["n_windows"].values
        np.testing.assert_array_equal(counts, present[present > 0])

    def test_sizes_of_ones_own(self, train: tuszstore.Store) -> None:
        ds = train.to_xarray(chunks={"window": 20, "channel": 10})
        assert ds["windows"].chunks[0][0] == 20
        assert ds["windows"].chunks[1] == (10, 9)
        assert train.to_xarray(chunks="auto")["windows"].chunks is not None

    def test_names_are_the_same_each_time(self, train: tuszstore.Store) -> None:
        """So that Dask knows what it has computed already."""
        for first, second in (
            (train.to_xarray(chunks={}), tuszstore.open(train.path).to_xarray(chunks={})),
            (opened(train, chunks={}), opened(train, chunks={})),
        ):
            assert first["windows"].data.name == second["windows"].data.name
            assert first["windows"].data.name != first["labels"].data.name


def _mean_of(ds: xr.Dataset) -> float:
    return float(ds["windows"][2:5].mean())


class TestProcesses:
    def test_a_pickle_holds_no_signal(self, small: tuszstore.Store, loaded: xr.Dataset) -> None:
        pickled = pickle.dumps(small.to_xarray())
        assert len(pickled) < 20_000
        xr.testing.assert_identical(pickle.loads(pickled).load(), loaded)

    def test_a_store_that_was_rebuilt_is_refused(self, own_store: Path) -> None:
        pickled = pickle.dumps(tuszstore.open(own_store).to_xarray())
        os.utime(own_store / "zarr.json")
        with pytest.raises(StoreError, match="rebuilt since it was pickled"):
            pickle.loads(pickled)

    @pytest.mark.parametrize("method", ["spawn", "fork"])
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_other_processes_read(self, small: tuszstore.Store, method: str) -> None:
        ds = small.to_xarray()
        expected = _mean_of(ds)
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(_mean_of, [ds]) == expected

    @pytest.mark.slow
    def test_workers_of_dask_read(self, small: tuszstore.Store, loaded: xr.Dataset) -> None:
        from distributed import Client, LocalCluster

        ds = small.to_xarray(chunks={})
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster),
        ):
            means = ds.groupby("category").mean().compute()
            labels = ds["labels"].max("sample").compute()
        expected = loaded.groupby("category").mean()
        xr.testing.assert_allclose(means["windows"], expected["windows"], atol=1e-5)
        np.testing.assert_array_equal(labels, loaded["labels"].max("sample"))


class TestEngine:
    def test_xarray_knows_it(self) -> None:
        engine = xr.backends.list_engines()["tuszstore"]
        assert isinstance(engine, TuszstoreBackend)
        assert engine.open_dataset_parameters == ("filename_or_obj", "drop_variables")
        assert "tuszstore" in repr(engine)

    def test_a_store_is_recognised(self, small: tuszstore.Store, loaded: xr.Dataset) -> None:
        for path in (small.path, str(small.path)):
            xr.testing.assert_identical(xr.open_dataset(path).load(), loaded)

    def test_groups_are_left_to_zarr(self, small: tuszstore.Store) -> None:
        assert "windows" in xr.open_datatree(small.path).children

    def test_a_tree_is_refused(self, small: tuszstore.Store) -> None:
        for opening in (xr.open_datatree, xr.open_groups):
            with pytest.raises(NotImplementedError, match=r"one Dataset.*engine='zarr'"):
                opening(small.path, engine="tuszstore")

    def test_nothing_else_is_recognised(self, own_store: Path, tmp_path: Path) -> None:
        zarr.create_group(tmp_path / "other.zarr", attributes={"complete": True})
        zarr.create_group(tmp_path / "unfinished.zarr", attributes={"complete": False})
        (tmp_path / "text.zarr").write_text("{}")
        shutil.copytree(own_store, tmp_path / "old.zarr")
        root = json.loads((own_store / "zarr.json").read_text())
        root["attributes"]["complete"] = False
        (tmp_path / "old.zarr" / "zarr.json").write_text(json.dumps(root))
        engine = TuszstoreBackend()
        assert engine.guess_can_open(own_store)
        shutil.rmtree(own_store)
        for other in (
            own_store,
            tmp_path,
            *tmp_path.glob("*.zarr"),
            tmp_path / "nothing",
            "",
            "a\0b",
            "https://example.org/train.zarr",
            "s3://bucket/train.zarr",
            b"\x89HDF",
            io.BytesIO(),
            xr.Dataset(),
            None,
        ):
            assert engine.guess_can_open(other) is False

    def test_another_store_opens_as_before(self, tmp_path: Path) -> None:
        other = xr.Dataset({"x": ("t", np.arange(3))})
        other.to_zarr(tmp_path / "other.zarr", zarr_format=3, consolidated=False)
        xr.testing.assert_equal(xr.open_dataset(tmp_path / "other.zarr", consolidated=False), other)

    def test_errors_are_those_of_opening(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="tuszstore build"):
            xr.open_dataset(tmp_path / "train.zarr", engine="tuszstore")

    def test_a_selection_can_be_saved(self, small: tuszstore.Store, tmp_path: Path) -> None:
        chosen = small.to_xarray().isel(window=[4, 9])
        chosen.to_zarr(tmp_path / "chosen.zarr", zarr_format=3, consolidated=False)
        again = xr.open_zarr(tmp_path / "chosen.zarr", consolidated=False)
        xr.testing.assert_equal(again.load(), chosen.compute())

    @pytest.mark.filterwarnings("ignore:.*dtype=object.*:xarray.SerializationWarning")
    @pytest.mark.filterwarnings("ignore:The specified chunks separate:UserWarning")
    @pytest.mark.parametrize("chunks", [{"window": 100}, {}], ids=["even", "recordings"])
    def test_a_chunked_dataset_can_be_saved(
        self, small: tuszstore.Store, loaded: xr.Dataset, tmp_path: Path, chunks: dict[str, int]
    ) -> None:
        """Zarr has chunks of one size: those of recordings are made even first."""
        for k, ds in enumerate((small.to_xarray(chunks=chunks), opened(small, chunks=chunks))):
            if not chunks:
                with pytest.raises(ValueError, match=r"uniform chunk sizes.*`chunk\(\)`"):
                    ds.to_zarr(tmp_path / "no.zarr", mode="w", consolidated=False)
                ds = ds.chunk(window=100)
            ds.to_zarr(tmp_path / f"{k}.zarr", zarr_format=3, consolidated=False)
            again = xr.open_zarr(tmp_path / f"{k}.zarr", consolidated=False)
            xr.testing.assert_equal(again.load(), loaded)

    @pytest.mark.parametrize("dtype", ["int16", "float32"])
    def test_plain_zarr_shows_the_same(self, own_corpus: Path, tmp_path: Path, dtype: str) -> None:
        config = {"storage": {"dtype": dtype}}
        built = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        ds = xr.open_dataset(built.store, engine="tuszstore")
        tree = xr.open_datatree(built.store, engine="zarr")
        assert list(tree["channel"].values) == list(ds["channel"].values)
        for number in (0, 7, ds.sizes["window"] - 1):
            start = int(tree["windows/start_block"][number])
            blocks = tree["signal"][start : start + 6].transpose("channel", "block", "sample")
            np.testing.assert_allclose(
                blocks.values.reshape(19, -1), ds["windows"][number], atol=1e-6
            )
            labels = tree["label"][start : start + 6].values.reshape(-1)
            np.testing.assert_array_equal(labels, ds["labels"][number])
        rows = tree["windows/recording"].values
        np.testing.assert_array_equal(tree["recordings/patient"].values[rows], ds["patient"])
