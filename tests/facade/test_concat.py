"""Stores in a row: windows, tables, labels, patients and what cannot be put together."""

import dataclasses
import pickle
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zarr

import tuszstore
from tests.store.made_stores import seal_again
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import ConcatError, StoreError
from tuszstore.facade.class_bits import ClassBits
from tuszstore.facade.patients import check_leaks, names_of, persons_in
from tuszstore.store.labels import UNLABELLED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpora")
    for k in range(3):
        write_corpus(root / f"c{k}", patients=2, files=2, minutes=3, seed=k, quirks=False)
        config: dict[str, Any] = {"storage": {"shard_seconds": 80}} if k == 1 else {}
        tuszstore.build(config, split="train", data=root / f"c{k}", store=root / f"s{k}", workers=0)
    return root


@pytest.fixture(scope="module")
def stores(folder: Path) -> list[tuszstore.Store]:
    return [tuszstore.open(folder / f"s{k}" / "train.zarr") for k in range(3)]


@pytest.fixture(scope="module")
def whole(stores: list[tuszstore.Store]) -> tuszstore.StoreSeries:
    return tuszstore.concat(stores)


class TestReading:
    def test_windows_come_one_after_the_other(
        self, stores: list[tuszstore.Store], whole: tuszstore.StoreSeries
    ) -> None:
        expected = np.concatenate([store.windows[:] for store in stores])
        assert len(whole) == len(expected)
        rng = np.random.default_rng(0)
        for size in (1, 7, 40):
            numbers = rng.integers(0, len(whole), size)
            np.testing.assert_array_equal(whole.read(numbers), expected[numbers])
        np.testing.assert_array_equal(whole.windows[-1], expected[-1])
        stored = np.empty((3, *expected.shape[1:]), np.int16)
        last = len(whole) - 1
        whole.reader.signal([last, 0, last], stored)
        scale = np.float32(stores[0].metadata.encoding.scale)
        np.testing.assert_array_equal(stored * scale, expected[[last, 0, last]])
        assert whole.read([]).shape == (0, *expected.shape[1:])

    def test_labels(self, stores: list[tuszstore.Store], whole: tuszstore.StoreSeries) -> None:
        expected = np.concatenate([store.labels[:] for store in stores])
        assert expected.any()
        np.testing.assert_array_equal(whole.labels[:], expected)

    def test_recordings(self, stores: list[tuszstore.Store], whole: tuszstore.StoreSeries) -> None:
        ids = whole.recordings["id"].values
        row = 0
        for store in stores:
            for k in range(store.recordings.sizes["recording"]):
                np.testing.assert_array_equal(
                    whole.read_recording(row, 5, 9), store.read_recording(k, 5, 9)
                )
                assert whole.reader.length(str(ids[row])) == store.reader.length(k)
                row += 1
        assert row == len(ids)

    def test_other_layouts_are_read_with_zarr(
        self, stores: list[tuszstore.Store], tmp_path: Path
    ) -> None:
        path = tmp_path / "other.zarr"
        shutil.copytree(stores[0].path, path)
        group = zarr.open_group(path, mode="r+")
        values, attributes = group["signal"][...], dict(group["signal"].attrs)
        shutil.rmtree(path / "signal")
        names = ("block", "channel", "sample")
        made = group.create_array(
            "signal", data=values, chunks=(1, *values.shape[1:]), dimension_names=names,
            fill_value=stores[0].metadata.encoding.missing,
        )  # fmt: skip
        made.attrs.update(attributes)
        zarr.consolidate_metadata(path)
        seal_again(path)
        both = tuszstore.concat([tuszstore.open(path), stores[1]])
        with pytest.warns(UserWarning, match="reading it with zarr-python"):
            _ = both.reader
        n = len(stores[0])
        expected = [stores[1].read([0]), stores[0].read([3]), stores[1].read([1])]
        np.testing.assert_array_equal(both.read([n, 3, n + 1]), np.concatenate(expected))

    def test_a_damaged_block_names_its_store(self, folder: Path, tmp_path: Path) -> None:
        path = tmp_path / "bad.zarr"
        shutil.copytree(folder / "s2" / "train.zarr", path)
        for file in (path / "signal" / "c").rglob("*"):
            if file.is_file():
                file.unlink()
        good = tuszstore.open(folder / "s0" / "train.zarr")
        series = tuszstore.concat([good, tuszstore.open(path)])
        with pytest.raises(StoreError, match=r"bad\.zarr: .*file is missing"):
            series.read([0, len(series) - 1])

    def test_a_pickle_and_an_end(self, folder: Path) -> None:
        parts = [tuszstore.open(folder / f"s{k}" / "train.zarr") for k in range(2)]
        series = tuszstore.concat({"a": parts[0], "b": parts[1]})
        again = pickle.loads(pickle.dumps(series))
        assert repr(again) == repr(series)
        assert again.sources == ("a", "b")
        np.testing.assert_array_equal(again.read([1, -1]), series.read([1, -1]))
        series.close()
        assert series.closed
        assert not parts[0].closed
        with pytest.raises(StoreError, match="closed"):
            series.read([0])
        other = tuszstore.concat(parts)
        parts[1].close()
        assert other.closed
        with pytest.raises(StoreError, match="closed"):
            other.read([0])

    def test_series_of_series(self, stores: list[tuszstore.Store]) -> None:
        inner = tuszstore.concat(stores[:2])
        outer = tuszstore.concat([inner, stores[2]])
        assert len(outer.stores) == 3
        assert len(outer) == sum(map(len, stores))
        np.testing.assert_array_equal(outer.read([0, -1])[1], stores[2].read([-1])[0])


class TestTables:
    def test_the_index(self, stores: list[tuszstore.Store], whole: tuszstore.StoreSeries) -> None:
        counts = [len(store) for store in stores]
        assert whole.index["source"].values.tolist() == np.repeat([0, 1, 2], counts).tolist()
        for name in ("start_time", "seizure_fraction", "category", "event_classes",
                     "time_to_seizure", "patient"):  # fmt: skip
            np.testing.assert_array_equal(
                whole.index[name].values, np.concatenate([s.index[name].values for s in stores])
            )
        np.testing.assert_array_equal(
            whole.mask("full_seizure"), np.concatenate([s.mask("full_seizure") for s in stores])
        )
        ids = whole.recordings["id"].values[whole.index["recording"].values]
        expected = np.concatenate(
            [s.recordings["id"].values[s.index["recording"].values] for s in stores]
        )
        assert ids.tolist() == expected.tolist()
        chosen = whole.select(category="full_seizure")
        assert chosen.tolist() == np.flatnonzero(whole.mask("full_seizure")).tolist()

    def test_events(self, stores: list[tuszstore.Store], whole: tuszstore.StoreSeries) -> None:
        first = np.cumsum([0, *(store.recordings.sizes["recording"] for store in stores)])
        expected = np.concatenate(
            [s.events["recording"].values + k for s, k in zip(stores, first[:-1], strict=True)]
        )
        np.testing.assert_array_equal(whole.events["recording"].values, expected)

    def test_xarray(self, stores: list[tuszstore.Store], whole: tuszstore.StoreSeries) -> None:
        dataset = whole.to_xarray()
        place = len(stores[0]) + 2
        row = dataset.isel(window=place)
        assert str(row["source"].values) == whole.sources[1] == "s1/train.zarr"
        assert str(row["store"].values) == str(stores[1].path)
        np.testing.assert_array_equal(row["windows"].values, stores[1].windows[2])
        assert "source" not in stores[0].to_xarray()

    def test_the_same_id_twice(self, folder: Path) -> None:
        store = tuszstore.open(folder / "s0" / "train.zarr")
        twice = tuszstore.concat({"a": store, "b": store.view(stride=5)})
        ids = twice.recordings["id"].values.tolist()
        assert len(set(ids)) == len(ids)
        assert ids[0].startswith("a/edf/")
        assert ids[-1].startswith("b/edf/")
        # of one corpus, so that they are the same
        patients = twice.stores[0].recordings["patient"].values.tolist()
        assert twice.recordings["patient"].values.tolist() == 2 * patients

    def test_html_and_attributes(self, whole: tuszstore.StoreSeries) -> None:
        assert "seizure" in whole._repr_html_()
        assert whole.attrs["split"] == "train"
        assert whole.name == "s0/train.zarr+s1/train.zarr+s2/train.zarr"
        assert not whole.remote
        assert len(whole.sizes() or ()) > 30


def with_spec(store: tuszstore.Store, **changes: Any) -> tuszstore.Store:
    """The same store, as if its root said something else."""
    spec = dataclasses.replace(store.spec, **changes)
    return tuszstore.Store(dataclasses.replace(store.metadata, spec=spec))


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"sfreq": 200.0}, "a and b have different sampling rates: 256 Hz and 200 Hz; build"),
            (
                {"window": 7680, "block": 2560},
                "window lengths: 60 s and 30 s; use a view",
            ),
            ({"units": "uV"}, "different units: z-scores and microvolts; use views"),
        ],
        ids=["rate", "window", "units"],
    )
    def test_what_must_be_equal(
        self, stores: list[tuszstore.Store], changes: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(ConcatError, match=told):
            tuszstore.concat({"a": stores[0], "b": with_spec(stores[1], **changes)})

    def test_channels(self, stores: list[tuszstore.Store]) -> None:
        channels = stores[0].spec.channels
        fewer = with_spec(stores[1], channels=channels[:-1])
        with pytest.raises(ConcatError) as caught:
            tuszstore.concat({"a": stores[0], "b": fewer})
        common = [channel.name for channel in channels[:-1]]
        assert str(caught.value) == (
            f"a and b have different channels: only a has {channels[-1].name}; use a view of each: "
            f"store.view(channels={common})"
        )
        turned = with_spec(stores[1], channels=channels[::-1])
        with pytest.raises(ConcatError, match="the same ones in another order; use a view"):
            tuszstore.concat({"a": stores[0], "b": turned})

    def test_channels_that_a_set_makes_equal(self, stores: list[tuszstore.Store]) -> None:
        bipolar = stores[1].view(channels="double_banana")
        with pytest.raises(ConcatError, match=r"and 1\d more; only b has Fp1-F7, ") as caught:
            tuszstore.concat({"a": stores[0], "b": bipolar})
        assert str(caught.value).endswith("store.view(channels='double_banana')")
        both = [stores[0].view(channels="double_banana"), bipolar]
        assert len(tuszstore.concat(both)) == len(stores[0]) + len(stores[1])

    def test_channels_without_a_common_view(self, stores: list[tuszstore.Store]) -> None:
        a, b = (
            stores[k].view(channels=names) for k, names in enumerate((["Fp1", "Cz"], ["O1-O2"]))
        )
        with pytest.raises(ConcatError, match=r"build both with the same channels\.set$"):
            tuszstore.concat({"a": a, "b": b})

    @pytest.mark.parametrize(
        ("given", "error", "told"),
        [
            ([], ConcatError, "no stores to concatenate"),
            (["stores/train.zarr"], TypeError, "takes stores and views, not str: open paths"),
            ("stores/train.zarr", TypeError, "takes a list of stores, not str"),
            (None, TypeError, "takes a list of stores, not NoneType"),
        ],
    )
    def test_what_is_no_store(self, given: Any, error: type[Exception], told: str) -> None:
        with pytest.raises(error, match=told):
            tuszstore.concat(given)

    def test_a_store_twice(self, stores: list[tuszstore.Store], tmp_path: Path) -> None:
        copy = tuszstore.open(shutil.copytree(stores[0].path, tmp_path / "copy.zarr"))
        for same in (stores[0], copy, stores[0].view()):
            with pytest.raises(ConcatError, match=r"a and c are the same windows.*twice"):
                tuszstore.concat({"a": stores[0], "b": stores[1], "c": same})
        other = stores[0].view(length=60, stride=5)
        assert len(tuszstore.concat([stores[0], other])) == len(stores[0]) + len(other)

    def test_one_rule_of_categories(self, stores: list[tuszstore.Store]) -> None:
        other = with_spec(stores[1], full_seizure=0.5)
        with pytest.raises(
            ConcatError, match=r"a defines a fraction of 0\.\d+ of a window as .*, but b 0\.5"
        ):
            tuszstore.concat({"a": stores[0], "b": other})
        both = tuszstore.concat([stores[0], other], full_seizure=0.2)
        fraction = np.concatenate([s.index["seizure_fraction"].values for s in stores[:2]])
        expected = np.where(fraction >= 0.2, 2, np.where(fraction > 0, 1, 0))
        np.testing.assert_array_equal(both.index["category"].values, expected)
        np.testing.assert_array_equal(both.mask("full_seizure"), expected == 2)
        for wrong in (0, 1.5, "x"):
            with pytest.raises(ConcatError, match="full_seizure must be above 0 and at most 1"):
                tuszstore.concat([stores[0], other], full_seizure=wrong)  # type: ignore[arg-type]


class TestClasses:
    def spec(self, stores: list[tuszstore.Store], classes: str, seizure: str) -> Any:
        return dataclasses.replace(stores[0].spec, classes=tuple(classes), seizure=tuple(seizure))

    def test_by_name(self, stores: list[tuszstore.Store]) -> None:
        specs = [self.spec(stores, "abc", "ab"), self.spec(stores, "cdb", "b")]
        bits = ClassBits.of(specs, ["x", "y"])
        assert bits.classes == ("a", "b", "c", "d")
        assert bits.seizure == ("a", "b")
        own = np.array([0, 1, 2, 4, 7, UNLABELLED, UNLABELLED | 4], np.uint16)
        assert bits.of_store(0, own) is own
        c, d, b = 4, 8, 2
        assert bits.of_store(1, own).tolist() == [
            0, c, d, b, b | c | d, UNLABELLED, UNLABELLED | b
        ]  # fmt: skip

    def test_read_from_stores(self, stores: list[tuszstore.Store]) -> None:
        """Labels of a store whose classes stand in another order are those of their names."""
        names = stores[1].spec.classes
        other = with_spec(stores[1], classes=names[::-1])
        series = tuszstore.concat([stores[0], other])
        n, width = len(stores[0]), len(names)
        expected = np.zeros_like(stores[1].labels[:])
        for place in range(width):
            bit = stores[1].labels[:] >> place & 1
            expected |= (bit << (width - 1 - place)).astype(np.uint16)
        assert expected.any()
        np.testing.assert_array_equal(series.labels[n:], expected)
        np.testing.assert_array_equal(
            series.index["event_classes"].values[n:], np.bitwise_or.reduce(expected, axis=1)
        )

    def test_conflicts(self, stores: list[tuszstore.Store]) -> None:
        specs = [self.spec(stores, "ab", "a"), self.spec(stores, "ab", "b")]
        with pytest.raises(ConcatError, match="'a' counts as seizure in x, but not in y"):
            ClassBits.of(specs, ["x", "y"])
        specs = [self.spec(stores, "abcdefgh", "a"), self.spec(stores, "ijklmnop", "i")]
        with pytest.raises(ConcatError, match=r"16 event classes together, but labels .* 15"):
            ClassBits.of(specs, ["x", "y"])


def corpus_of(split: str, corpus: str, patients: str, **attrs: Any) -> Any:
    columns = {"corpus": [corpus] * len(patients), "patient": list(patients)}

    def or_blank(name: str) -> Any:
        return np.array(columns[name], object)

    methods = {"or_blank": staticmethod(or_blank), "__getitem__": lambda _, name: or_blank(name)}
    recordings = type("Recordings", (), methods)()
    return SimpleNamespace(
        attrs={"split": split, **attrs}, metadata=SimpleNamespace(recordings=recordings)
    )


class TestPatients:
    def named(self, *stores: Any) -> list[str]:
        sources = [f"s{k}" for k in range(len(stores))]
        persons = [persons_in(s, n) for s, n in zip(stores, sources, strict=True)]
        check_leaks(persons, stores, sources)
        return list(names_of(persons))

    def test_two_corpora(self) -> None:
        a = corpus_of("train", "tusz", "12", patient_namespaces={"tusz": "tuh"})
        b = corpus_of("train", "chbmit", "23", patient_namespaces={"chbmit": "chbmit"})
        assert self.named(a, b) == ["1", "tuh/2", "chbmit/2", "3"]

    def test_a_namespace_that_is_shared(self) -> None:
        a = corpus_of("train", "tusz", "12", patient_namespaces={"tusz": "tuh"})
        b = corpus_of("train", "tuab", "23", patient_namespaces={"tuab": "tuh"})
        assert self.named(a, b) == ["1", "2", "2", "3"]

    def test_a_leak(self) -> None:
        a = corpus_of("train", "tusz", "12", patient_namespaces={"tusz": "tuh"})
        b = corpus_of("eval", "tuab", "23", patient_namespaces={"tuab": "tuh"})
        told = r"1 patient is in train \(s0\) and in eval \(s1\), .* namespace 'tuh': 2\. "
        with pytest.raises(ConcatError, match=told):
            self.named(a, b)
        assert self.named(a, corpus_of("eval", "x", "2", patient_namespaces={"x": "x"})) == [
            "1", "tuh/2", "x/2"
        ]  # fmt: skip

    def test_pseudonyms_of_two_keys(self) -> None:
        a, b, c = (
            corpus_of(
                split, "tusz", name, patient_namespaces={"tusz": "tuh"}, pseudonyms={"key_check": k}
            )
            for split, name, k in (("train", "1", "x"), ("eval", "2", "y"), ("dev", "3", "x"))
        )
        with pytest.warns(UserWarning, match="s0 and s1 have pseudonyms of different keys"):
            assert self.named(a, b) == ["1", "2"]
        assert self.named(a, c) == ["1", "3"]

    def test_folders_are_corpora_of_their_own(self) -> None:
        a = corpus_of("train", "folder", "1", data="/a", patient_namespaces={"folder": ""})
        b = corpus_of("train", "folder", "1", data="/b", patient_namespaces={"folder": ""})
        assert len(set(self.named(a, b))) == 2
        assert len(set(self.named(a, a))) == 1
        no_attribute = corpus_of("train", "folder", "1")
        assert len(set(self.named(a, no_attribute, no_attribute))) == 3


def test_ten_million_windows(stores: list[tuszstore.Store]) -> None:
    """Nothing is done for each window before it is used."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("the windows table is not needed")

    parts = [with_spec(store, full_seizure=0.5) for store in stores]
    for part in parts:
        vars(part.metadata)["n_windows"] = 10_000_000
        part.metadata.windows._read = refuse  # type: ignore[method-assign]
    begin = time.perf_counter()
    series = tuszstore.concat(parts, full_seizure=0.4)
    assert len(series) == 30_000_000
    assert time.perf_counter() - begin < 1


class TestProcessing:
    def test_other_settings_of_the_signal_are_told(
        self, stores: list[tuszstore.Store], folder: Path, tmp_path: Path
    ) -> None:
        config = {"signal": {"notch": {"freq": 50}, "bandpass": {"low": 1}}}
        report = tuszstore.build(
            config, split="train", data=folder / "c1", store=tmp_path, workers=0, limit=1
        )
        named = {"a": stores[0], "b": tuszstore.open(report.store)}
        with pytest.warns(UserWarning, match="b was built") as told:
            both = tuszstore.concat(named)
        assert [str(one.message) for one in told] == [
            "b was built with other settings: signal.bandpass.low 1, a 0.5; signal.notch.freq 50, "
            "a 60; build them with the same, unless that is intended"
        ]
        assert len(pickle.loads(pickle.dumps(both))) == len(both)  # told once
        assert both.view(channels=["C3"]).channels == ("C3",)

    def test_two_corpora_may_differ(
        self, stores: list[tuszstore.Store], folder: Path, tmp_path: Path
    ) -> None:
        config = {"signal": {"notch": {"freq": 50}}, "corpus": {"name": "folder"}}
        report = tuszstore.build(
            config, split="train", data=folder / "c1", store=tmp_path, workers=0, limit=1
        )
        assert len(tuszstore.concat([stores[0], tuszstore.open(report.store)])) > len(stores[0])
