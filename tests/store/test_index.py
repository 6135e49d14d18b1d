"""The windows table: joined, selected from, derived anew."""

import json
import re
import shutil
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import tuszstore
from tuszstore.builder.reindex import reindex
from tuszstore.builder.spec import geometry_of, spec_of
from tuszstore.cli import main
from tuszstore.config import Config
from tuszstore.errors import BuildError, ConfigError, CorpusError, StaleIndexError, StoreError
from tuszstore.store import index
from tuszstore.store.index import categorise
from tuszstore.store.schema import variables


@pytest.fixture
def small(own_corpus: Path, tmp_path: Path) -> tuszstore.Store:
    """A store of one's own, with its corpus where it was."""
    report = tuszstore.build(split="train", data=own_corpus, store=tmp_path / "stores", workers=0)
    return tuszstore.open(report.store)


def signal_inodes(path: Path) -> set[int]:
    return {f.stat().st_ino for f in (path / "signal" / "c").rglob("*") if f.is_file()}


class TestTable:
    def test_each_window_knows_its_recording(self, train: tuszstore.Store) -> None:
        rows = train.index["recording"].values
        for name in ("id", "patient", "session", "montage"):
            np.testing.assert_array_equal(train.index[name], train.recordings[name].values[rows])

    def test_columns_agree_with_labels(self, train: tuszstore.Store) -> None:
        labels = train.labels[:]
        seizure = (labels & train.spec.seizure_bits) > 0
        np.testing.assert_array_equal(train.index["seizure_fraction"], seizure.mean(axis=1))
        np.testing.assert_array_equal(
            train.index["event_classes"], np.bitwise_or.reduce(labels, axis=1)
        )

    def test_windows_lie_where_they_say(self, train: tuszstore.Store) -> None:
        index, recordings = train.index, train.recordings
        rows = index["recording"].values
        first = recordings["first_block"].values[rows]
        np.testing.assert_array_equal(index["start_block"] - first, index["start_time"] / 10)
        window = recordings["first_window"].values[rows] + index["start_time"].values / 10
        np.testing.assert_array_equal(window, np.arange(len(train)))

    @given(st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1))
    def test_every_window_has_one_category(self, fractions: list[float]) -> None:
        codes = categorise(np.array(fractions), 0.99)
        for fraction, code in zip(fractions, codes, strict=True):
            expected = -1 if fraction != fraction else 0 if fraction == 0 else 1
            assert code == (2 if fraction >= 0.99 else expected)

    def test_it_is_an_xarray_dataset(self, train: tuszstore.Store) -> None:
        counts = train.index.groupby("patient").count()["category"]
        assert int(counts.sum()) == len(train)
        frame = train.index.drop_dims("mask").to_dataframe()
        assert len(frame) == len(train)

    @pytest.mark.parametrize("name", ["index", "recordings", "events", "left_out"])
    def test_pandas_gets_a_row_for_each_row(self, train: tuszstore.Store, name: str) -> None:
        """And all that the table has: a column for each entry of another dimension."""
        table = getattr(train, name)
        (row,) = set(table.dims) - {"channel", "mask"}
        some = table.isel({row: slice(0, 3)})
        for dataset in (table, some, table.copy(), table.load()):
            for frame in (dataset.to_dataframe(), dataset.to_pandas()):
                assert len(frame) == dataset.sizes[row]
                assert frame.index.name == row
                for column, variable in dataset.variables.items():
                    if variable.dims == (row,):
                        np.testing.assert_array_equal(frame[column], variable.values)
                    elif row in variable.dims:
                        (other,) = set(variable.dims) - {row}
                        for label in dataset[other].values:
                            values = dataset[column].isel(
                                {other: list(dataset[other].values).index(label)}
                            )
                            np.testing.assert_array_equal(frame[f"{column}_{label}"], values)

    def test_other_shapes_of_tables_are_those_of_xarray(self, train: tuszstore.Store) -> None:
        recordings = train.recordings
        assert len(recordings.isel(recording=0).to_dataframe()) == 19
        product = recordings.to_dataframe(dim_order=["recording", "channel"])
        assert len(product) == 19 * recordings.sizes["recording"]
        chosen = recordings.sel(channel=["Cz", "Pz"]).to_dataframe()
        assert [name for name in chosen if name.startswith("sd_")] == ["sd_Cz", "sd_Pz"]


class TestDerive:
    @given(st.data(), st.sampled_from([1, 3]), st.booleans())
    @settings(max_examples=40)
    def test_windows_are_those_of_each_recording_alone(
        self, data: st.DataObject, n_threads: int, missing: bool
    ) -> None:
        """However many recordings are looked at together, and with labels that have no file."""
        length, stride = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
        config = Config().replace(
            **{
                "windows.length": length,
                "windows.stride": stride,
                "windows.overlap": data.draw(st.sampled_from(["share", "duplicate"])),
                "storage.shard_seconds": data.draw(st.integers(1, 20)),
                "signal.sfreq": 256,
            }
        )
        geometry = geometry_of(config)
        n_samples = data.draw(st.lists(st.integers(1, 40 * 256), max_size=6))
        shards = np.array([geometry.n_shards(n) for n in n_samples], int)
        first = (np.cumsum(shards) - shards) * geometry.shard
        rng = np.random.default_rng(data.draw(st.integers(0, 99)))
        bits = [0, 0, 1 << 3, 1 << 9, 0x8000]
        shape = (int(shards.sum()) * geometry.shard, geometry.block)
        label: Any = rng.choice(bits, (shape[0], 1)).astype(np.uint16) * np.ones(shape, np.uint16)
        label[:, rng.integers(geometry.block)] |= 1 << 5
        if missing:
            label = np.broadcast_to(np.uint16(data.draw(st.sampled_from(bits))), shape)
        recordings = {"n_samples": np.array(n_samples, int), "first_block": first}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(index, "BATCH", data.draw(st.integers(1, 60)))
            found = index.derive_windows(label, recordings, spec_of(config), n_threads=n_threads)
        expected: dict[str, list[Any]] = {name: [] for name in found}
        for row, (n, at) in enumerate(zip(n_samples, first.tolist(), strict=True)):
            for k in range(geometry.n_windows(n)):
                block = at + k * geometry.blocks_per_stride
                values = label[block : block + geometry.blocks_per_window]
                union = int(np.bitwise_or.reduce(values, axis=None))
                seizure = np.count_nonzero(values & config.labels.seizure_bits) / geometry.window
                expected["recording"].append(row)
                expected["start_block"].append(block)
                expected["start_time"].append(k * (geometry.stride / geometry.sfreq))
                expected["seizure_fraction"].append(float("nan") if union >> 15 else seizure)
                expected["event_classes"].append(union & 0x7FFF)
        for variable in variables("windows")[:6]:
            if variable.name != "category":
                column = np.array(expected[variable.name], variable.dtype)
                np.testing.assert_array_equal(found[variable.name], column, strict=True)
        category = categorise(found["seizure_fraction"], config.labels.full_seizure)
        np.testing.assert_array_equal(found["category"], category, strict=True)
        assert found["category_mask"].shape == (3, len(category))

    def test_labels_are_read_a_few_at_a_time(self) -> None:
        """Of labels no more is asked for at once than one shard, and none of it is kept."""
        geometry, alive, most = geometry_of(Config()), set(), 0

        class Label:
            def __getitem__(self, blocks: slice) -> Any:
                nonlocal most
                values = np.zeros((blocks.stop - blocks.start, geometry.block), np.uint16)
                alive.add(id(values))
                weakref.finalize(values, alive.discard, id(values))
                most = max(most, len(alive))
                assert len(values) <= geometry.shard
                return values

        n = 300
        recordings = {
            "n_samples": np.full(n, 1000 * 256),
            "first_block": np.arange(n) * 2 * geometry.shard,
        }
        found = index.derive_windows(Label(), recordings, spec_of(Config()), n_threads=2)
        assert len(found["recording"]) == n * 95
        assert most <= 8


class TestSelect:
    def test_all_conditions_hold(self, train: tuszstore.Store) -> None:
        index = train.index
        patient = str(index["patient"].values[train.mask("partial_seizure")][0])
        numbers = train.select(patient=patient, category="partial_seizure", min_fraction=0.5)
        expected = (
            (index["patient"].values == patient)
            & (index["category"].values == 1)
            & (index["seizure_fraction"].values >= 0.5)
        )
        np.testing.assert_array_equal(numbers, np.flatnonzero(expected))
        assert len(numbers) > 0

    def test_nothing_asked_is_everything(self, train: tuszstore.Store) -> None:
        np.testing.assert_array_equal(train.select(), np.arange(len(train)))

    def test_an_event_class(self, train: tuszstore.Store) -> None:
        name = str(train.events["class"].values[0])
        bit = 1 << train.spec.classes.index(name)
        for number in train.select(event_class=name):
            assert (train.labels[number] & bit).any()
        assert len(train.select(event_class=["absz", "mysz"])) < len(train)

    def test_an_unknown_event_class_is_told_those_of_the_events(
        self, train: tuszstore.Store
    ) -> None:
        annotated = set(train.events["class"].values.tolist())
        absent = sorted(set(train.spec.classes) - annotated)
        assert annotated
        assert absent
        with pytest.raises(ValueError, match="unknown event class 'fnzs'") as error:
            train.select(event_class="fnzs")
        told = re.fullmatch(r".* this store have (.*), and none has (.*)", str(error.value))
        assert told is not None
        assert set(told[1].split(", ")) == annotated
        assert told[2] == f"{', '.join(absent[:-1])} or {absent[-1]}"

    def test_a_known_event_class_without_an_event_selects_nothing(
        self, train: tuszstore.Store
    ) -> None:
        absent = set(train.spec.classes) - set(train.events["class"].values.tolist())
        assert len(train.select(event_class=sorted(absent))) == 0

    def test_a_recording_by_id_name_or_row(self, train: tuszstore.Store) -> None:
        id_ = train.recordings["id"].values[1]
        expected = np.flatnonzero(train.index["recording"].values == 1)
        for value in (id_, Path(id_).stem, Path(id_).name, 1, [1]):
            np.testing.assert_array_equal(train.select(recording=value), expected)

    @pytest.mark.parametrize(
        ("condition", "told"),
        [
            ({"patient": "nobody"}, "unknown patient 'nobody'; this store has aaaaa"),
            ({"category": "half"}, "unknown category 'half'; this store has "),
            ({"min_fraction": 2}, "min_fraction must be within 0 to 1, not 2"),
            ({"min_fraction": float("nan")}, "min_fraction must be within 0 to 1, not nan"),
            ({"event_class": "spike"}, "unknown event class 'spike'; the events of this "),
            ({"montage": "05"}, "unknown montage '05'; this store has "),
            ({"recording": "x.edf"}, "unknown recording 'x.edf'; this store has "),
            ({"recording": 999}, "no recording 999"),
        ],
        ids=str,
    )
    def test_unknown_values_are_named(
        self, train: tuszstore.Store, condition: dict, told: str
    ) -> None:
        with pytest.raises(ValueError, match=told):
            train.select(**condition)


class TestReindex:
    def test_other_thresholds(self, small: tuszstore.Store) -> None:
        before, inodes = small.index["category"].values, signal_inodes(small.path)
        fraction = small.index["seizure_fraction"].values
        reindex(small.path, {"labels.full_seizure": 0.5})
        after = tuszstore.open(small.path)
        np.testing.assert_array_equal(after.index["category"], categorise(fraction, 0.5))
        assert (after.index["category"].values != before).any()
        assert signal_inodes(small.path) == inodes
        assert after.spec.full_seizure == 0.5
        assert after.attrs["config_hash"] == tuszstore.load_config(after.config).digest()
        np.testing.assert_array_equal(after.mask("full_seizure"), after.index["category"] == 2)

    def test_other_seizure_classes(self, small: tuszstore.Store) -> None:
        there, labels = set(small.events["class"].values), small.labels[:]
        others = [name for name in small.spec.seizure if name not in there]
        reindex(small.path, {"labels.seizure": others})
        after = tuszstore.open(small.path)
        assert after.mask("no_seizure").all()
        np.testing.assert_array_equal(after.labels[:], labels)

    def test_repaired_annotations(self, small: tuszstore.Store, own_corpus: Path) -> None:
        id_ = small.recordings["id"].values[-1]
        annotation = (own_corpus / id_).with_suffix(".csv")
        header = "channel,start_time,stop_time,label,confidence\n"
        annotation.write_text(header + "FP1-F7,20.0,50.0,tcsz,1\nFP1-F7,40.0,70.0,fnsz,1\n")
        inodes, signal = signal_inodes(small.path), small.windows[-5:]
        reindex(small.path, reread_annotations=True)
        repaired = tuszstore.open(small.path)
        assert signal_inodes(small.path) == inodes
        np.testing.assert_array_equal(repaired.windows[-5:], signal)
        fresh = tuszstore.build(
            split="train", data=own_corpus, store=small.path.parent / "x", workers=0
        )
        expected = tuszstore.open(fresh.store)
        for name in ("category", "event_classes", "seizure_fraction"):
            np.testing.assert_array_equal(repaired.index[name], expected.index[name])
        for name in ("label_digest", "annotation_digest", "signal_digest"):
            np.testing.assert_array_equal(repaired.recordings[name], expected.recordings[name])
        np.testing.assert_array_equal(repaired.labels[:], expected.labels[:])
        assert repaired.events.identical(expected.events)

    def test_what_needs_annotations_or_a_build_is_refused(self, small: tuszstore.Store) -> None:
        with pytest.raises(ConfigError, match="add --reread-annotations"):
            reindex(small.path, {"labels.rounding": "truncate"})
        with pytest.raises(ConfigError, match="build again"):
            reindex(small.path, {"signal.clip": 5})

    def test_an_annotation_that_is_gone_changes_nothing(
        self, small: tuszstore.Store, own_corpus: Path
    ) -> None:
        (own_corpus / small.recordings["id"].values[0]).with_suffix(".csv").unlink()
        with pytest.raises(BuildError, match="no annotation file"):
            reindex(small.path, reread_annotations=True)
        assert len(tuszstore.open(small.path)) == len(small)
        with pytest.raises(CorpusError, match="elsewhere: folder does not exist"):
            reindex(small.path, reread_annotations=True, data=own_corpus / "elsewhere")

    def test_an_open_reader_keeps_the_index_it_has(self, small: tuszstore.Store) -> None:
        expected = tuszstore.open(small.path).index["category"].values
        reindex(small.path, {"labels.full_seizure": 0.5})
        np.testing.assert_array_equal(small.index["category"], expected)
        assert (tuszstore.open(small.path).index["category"].values != expected).any()

    @pytest.mark.parametrize("command", ["index", "scan-cache"])
    @pytest.mark.parametrize("option", [[], ["--cache-dir"]])
    def test_command(self, small: tuszstore.Store, command: str, option: list[str]) -> None:
        args = [command, *option, str(small.path), "--set", "labels.full_seizure=0.7", "--json"]
        result = CliRunner().invoke(main, args)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["windows"] == len(small)
        assert tuszstore.open(small.path).spec.full_seizure == 0.7

    def test_command_without_a_store(self) -> None:
        result = CliRunner().invoke(main, ["index"])
        assert result.exit_code == 1
        assert "STORE" in result.output


class TestBelonging:
    @pytest.fixture
    def other(self, own_corpus: Path, tmp_path: Path) -> Path:
        """A store of the same files, but other annotations."""
        for annotation in own_corpus.rglob("*.csv"):
            header = "channel,start_time,stop_time,label,confidence\n"
            annotation.write_text(header + "TERM,10,20,seiz,1\n")
        return tuszstore.build(
            split="train", data=own_corpus, store=tmp_path / "other", workers=0
        ).store

    @pytest.mark.parametrize("group", ["windows", "signal", "label"])
    def test_parts_of_another_store_are_detected(
        self, small: tuszstore.Store, other: Path, group: str
    ) -> None:
        labels = small.labels[:]
        shutil.rmtree(small.path / group)
        shutil.copytree(other / group, small.path / group)
        with pytest.raises(StoreError, match=r"tuszstore (index|build)"):
            tuszstore.open(small.path)
        if group != "windows":
            return
        with pytest.raises(StaleIndexError, match="tuszstore index"):
            tuszstore.open(small.path)
        reindex(small.path)
        mended = tuszstore.open(small.path)
        np.testing.assert_array_equal(mended.labels[:], labels)
        seizure = (labels & mended.spec.seizure_bits) > 0
        np.testing.assert_array_equal(mended.index["seizure_fraction"], seizure.mean(axis=1))

    @pytest.mark.parametrize("name", ["TUSZSTORE_FORCE_REINDEX", "BGB_FORCE_MANIFEST_REBUILD"])
    def test_the_environment_forces_it(
        self, small: tuszstore.Store, other: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.rmtree(small.path / "windows")
        shutil.copytree(other / "windows", small.path / "windows")
        monkeypatch.setenv(name, "0")
        with pytest.raises(StaleIndexError):
            tuszstore.open(small.path)
        monkeypatch.setenv(name, "1")
        assert len(tuszstore.open(small.path)) == len(small)
