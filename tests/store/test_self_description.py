"""Stores of schema 3: understood from what they say of themselves, or refused by name."""

import json
import resource
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray
import zarr
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tuszstore
from tests.store.made_stores import INT16, SPEC, Made, drop, make_store, spec_with
from tuszstore.builder.plan import make_plan
from tuszstore.builder.reindex import reindex
from tuszstore.cli import main
from tuszstore.errors import SchemaError, StoreError
from tuszstore.integrity.reseal import reseal
from tuszstore.store.absent import COMPUTED, AbsentError
from tuszstore.store.digests import file_digests, seal
from tuszstore.store.encoding import Encoding
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.schema import VARIABLES

OPTIONAL = [
    variable.path for variable in VARIABLES
    if not variable.required and variable.group in ("recordings", "windows", "events")
]  # fmt: skip


def edit(path: Path, change: Callable[[Any], object], *, sealed: bool = True) -> None:
    """Change a root, and seal it again whatever stands in it."""
    root = json.loads((path / "zarr.json").read_text())
    change(root)
    content = seal(root, file_digests(path)) if sealed else json.dumps(root).encode()
    (path / "zarr.json").write_bytes(content)


def say(path: Path, **values: Any) -> None:
    """Change what the spec says, and seal the store again."""
    edit(path, lambda root: root["attributes"]["spec"].update(values))


def run(*words: str) -> Any:
    result = CliRunner().invoke(main, list(map(str, words)))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Made]:
    """Stores by their number of channels."""
    root = tmp_path_factory.mktemp("made")
    return {n: make_store(root / f"{n}" / "train.zarr", spec_with(n)) for n in (1, 2, 19, 128)}


@pytest.fixture
def path(made: dict[int, Made], tmp_path: Path) -> Path:
    """A store of two channels of one test's own."""
    return Path(shutil.copytree(made[2].path, tmp_path / "train.zarr"))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two channels without anything that is optional."""
    path = tmp_path_factory.mktemp("bare") / "train.zarr"
    return make_store(path, spec_with(2), without=[*OPTIONAL, "shards", "left_out"]).path


@pytest.mark.parametrize("n_channels", [1, 2, 19, 128])
class TestAnyNumberOfChannels:
    def test_windows(self, made: dict[int, Made], n_channels: int, decoder: str) -> None:
        store, spec = tuszstore.open(made[n_channels].path), spec_with(n_channels)
        assert store.spec == spec
        assert store.channels == spec.channel_names
        rows, starts = (store.index[name].values for name in ("recording", "start_block"))
        first = store.recordings["first_block"].values[rows]
        for number, row in enumerate(rows):
            within = (starts[number] - first[number]) * spec.block // spec.stride
            expected = made[n_channels].window(row, within, spec, INT16)
            np.testing.assert_array_equal(store.windows[number], expected)
            samples = slice(within * spec.stride, within * spec.stride + spec.window)
            label = made[n_channels].label[row][samples]
            np.testing.assert_array_equal(store.labels[number], label)

    def test_it_is_whole(self, made: dict[int, Made], n_channels: int) -> None:
        report = tuszstore.verify(made[n_channels].path, deep=True, workers=1)
        assert report.ok, report.findings
        assert report.notes == []

    def test_what_people_see(
        self,
        made: dict[int, Made],
        n_channels: int,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        plt = pytest.importorskip("matplotlib.pyplot")
        monkeypatch.setattr("tuszstore.plotting.figures._EXAMPLE_DPI", 30)  # for speed
        store = tuszstore.open(made[n_channels].path)
        assert f"{n_channels} channels" in store._repr_html_()
        assert json.loads(run("info", store.path, "--json").output)["recordings"] == 3
        assert run("info", store.path).exit_code == 0
        figure = store.plot(0)
        names = {text.get_text() for text in figure.findobj(plt.Text)}
        assert set(store.channels[:2]) <= names
        plt.close(figure)
        page = tmp_path / "report.html"
        assert run("report", store.path, "-o", page).exit_code == 0
        assert "p0" in page.read_text()

    def test_tables(self, made: dict[int, Made], n_channels: int) -> None:
        store = tuszstore.open(made[n_channels].path)
        frame = store.recordings.to_dataframe()
        assert f"sd_{store.channels[-1]}" in frame
        dataset = store.to_xarray()
        assert dict(dataset.sizes)["channel"] == n_channels
        np.testing.assert_array_equal(dataset["windows"][1].values, store.windows[1])

    def test_mne(self, made: dict[int, Made], n_channels: int) -> None:
        pytest.importorskip("mne")
        store = tuszstore.open(made[n_channels].path)
        raw = store.to_raw(0)
        assert raw.ch_names == list(store.channels)
        assert store.to_epochs([0, 1]).get_data(copy=False).shape == (2, n_channels, SPEC.window)

    def test_torch(self, made: dict[int, Made], n_channels: int) -> None:
        pytest.importorskip("torch")
        from tuszstore.torch import WindowDataset, WindowLoader

        store = tuszstore.open(made[n_channels].path)
        signal, _ = WindowDataset(store)[0]
        assert signal.shape == (n_channels, SPEC.window)
        batches = [signal for signal, _ in WindowLoader(store, batch_size=4)]
        assert sum(map(len, batches)) == len(store)
        assert batches[0].shape[1:] == (n_channels, SPEC.window)

    def test_moments_of_derivations(self, made: dict[int, Made], n_channels: int) -> None:
        derived = tuszstore.open(made[n_channels].path).metadata.derived
        assert set(derived) == ({"double_banana", "tcp_a"} if n_channels >= 19 else set())
        for table in derived.values():
            assert table["mean"].shape == table["sd"].shape == (3, len(table["name"]))


@pytest.mark.parametrize(
    "encoding", [Encoding("float32", 1.0, "zstd"), Encoding("int16", 2.0**-8, "none")], ids=str
)
def test_other_encodings(encoding: Encoding, tmp_path: Path) -> None:
    spec = spec_with(3, block=160, step=80, clip=None)  # every window stored whole
    made = make_store(tmp_path / "train.zarr", spec, encoding)
    store = tuszstore.open(made.path)
    np.testing.assert_array_equal(store.windows[2], made.window(0, 2, spec, encoding))
    assert store.metadata.encoding == encoding
    assert tuszstore.verify(made.path, deep=True, workers=1).ok


class TestAbsent:
    """What is optional is computed, or said to be absent in one line."""

    def test_what_is_computed(self, bare: Path, made: dict[int, Made]) -> None:
        store, whole = tuszstore.open(bare), tuszstore.open(made[2].path)
        alone = {
            "time_to_seizure",
            "time_since_seizure",
            "seizure_free_after",
            "seizure_free_before",
        }
        paths = sorted(path for path in COMPUTED if path.startswith("windows/"))
        for name in (path.removeprefix("windows/") for path in paths):
            found, stored = (s.metadata.windows[name] for s in (store, whole))
            assert store.metadata.windows.shape(name) == found.shape == stored.shape
            if name not in alone:  # without patient_time each recording is alone
                np.testing.assert_array_equal(found, stored)
            np.testing.assert_array_equal(store.index[name].values, found)
        np.testing.assert_array_equal(store.mask("full_seizure"), whole.mask("full_seizure"))

    def test_what_is_computed_of_raters(self, bare: Path, made: dict[int, Made]) -> None:
        """Nobody has a name, and each event means what it marks."""
        store, whole = (StoreMetadata.open(path) for path in (bare, made[2].path))
        for table, name in ((store.events, "class_bit"), (store.recordings, "raters")):
            assert table.shape(name) == table[name].shape
        assert store.events["class_bit"].tolist() == whole.events["bit"].tolist()
        labelled = whole.recordings["labelled"].tolist()
        assert store.recordings["raters"].tolist() == ["?" if known else "" for known in labelled]
        assert {True, False} == set(labelled)

    def test_distances_where_clocks_tell(self, made: dict[int, Made], tmp_path: Path) -> None:
        names = sorted(name for name in COMPUTED if "seizure" in name)
        path = make_store(tmp_path / "train.zarr", spec_with(2), without=names).path
        store, whole = tuszstore.open(path), tuszstore.open(made[2].path)
        assert len(names) == 4
        for name in names:
            values = whole.index[name.removeprefix("windows/")].values
            assert np.isfinite(values).any()
            np.testing.assert_array_equal(store.index[name.removeprefix("windows/")].values, values)

    @pytest.mark.parametrize("table", ["recordings", "events", "shards", "left_out"])
    def test_what_is_not(self, bare: Path, table: str) -> None:
        store = StoreMetadata.open(bare)
        found = getattr(store, table)
        names = [
            v.name
            for v in VARIABLES
            if v.group == table and not v.required and v.path not in COMPUTED
        ]
        assert sorted(v.name for v in found.absent) == sorted(names)
        for name in names:
            assert name not in found
            assert found.get(name) is None
            with pytest.raises(AbsentError, match=f"has no {table}/{name}: it is optional") as told:
                found[name]
            assert "\n" not in str(told.value)

    def test_a_dataset(self, bare: Path) -> None:
        store = tuszstore.open(bare)
        assert "notes" in store.recordings.attrs["absent"]
        with pytest.raises(KeyError, match="notes is absent"):
            store.recordings["notes"]
        with pytest.raises(KeyError, match="nothing"):
            store.recordings["nothing"]
        assert "notes" not in store.recordings.to_dataframe()
        assert "montage" not in store.index
        assert {"id", "patient"} <= set(store.index.coords)
        assert "session" not in store.to_xarray()

    def test_select(self, bare: Path) -> None:
        store = tuszstore.open(bare)
        assert len(store.select(patient="p0"))
        with pytest.raises(StoreError, match="has no recordings/montage: it is optional"):
            store.select(montage="01_tcp_ar")

    def test_all_else_works(self, bare: Path, tmp_path: Path) -> None:
        pytest.importorskip("mne")
        plt = pytest.importorskip("matplotlib.pyplot")
        store = tuszstore.open(bare)
        assert "2 channels" in store._repr_html_()
        assert json.loads(run("info", bare, "--json").output)["left_out"] == []
        assert run("report", bare, "-o", tmp_path / "report.html").exit_code == 0
        plt.close(store.plot(0))
        assert "unknown" in store.to_raw(2).info["description"]
        assert len(store.to_epochs([0])) == 1
        report = tuszstore.verify(bare, deep=True, workers=1)
        assert report.ok, report.findings

    def test_an_index_is_derived_anew(self, bare: Path, tmp_path: Path) -> None:
        path = Path(shutil.copytree(bare, tmp_path / "train.zarr"))
        config = tuszstore.Config().replace(
            **{"labels.classes": list(SPEC.classes), "labels.seizure": list(SPEC.seizure)}
        )
        edit(path, lambda r: r["attributes"].update(config=config.model_dump(mode="json")))
        reindex(path, {"labels.full_seizure": 0.5})
        store = tuszstore.open(path)
        assert store.spec.full_seizure == 0.5
        assert tuszstore.verify(path, deep=True, workers=1).ok

    @pytest.mark.parametrize("name", [v.path for v in VARIABLES if v.required])
    def test_what_is_required(self, path: Path, name: str) -> None:
        shutil.rmtree(path / name)
        edit(path, lambda root: root["consolidated_metadata"]["metadata"].pop(name))
        with pytest.raises(StoreError, match=name):
            tuszstore.open(path)
        assert not tuszstore.verify(path, workers=1).ok


class TestUnknown:
    def test_keys_and_arrays_are_ignored_with_a_note(self, path: Path) -> None:
        def change(root: Any) -> None:
            attributes = root["attributes"]
            attributes["spec"].update(colour="blue", later={"a": [1]})
            attributes["spec"]["channels"][0]["serial"] = 7
            attributes["config"]["colour"] = {"of": "EEG"}
            attributes["new"] = 3

        zarr.create_array(path / "quality", data=np.arange(7.0), chunks=(3,))
        zarr.create_array(path / "recordings" / "weight", data=np.arange(3), chunks=(3,))
        before = tuszstore.open(path).windows[:]
        edit(path, change)
        assert run("verify", path, "--reseal").exit_code == 0
        report = tuszstore.verify(path, deep=True, workers=1)
        assert report.ok, report.findings
        notes = "\n".join(report.notes)
        assert "colour, later" in notes
        assert "quality, recordings/weight" in notes
        store = tuszstore.open(path)
        np.testing.assert_array_equal(store.windows[:], before)
        assert store.spec.unknown == ("colour", "later")
        assert store.attrs["spec"]["later"] == {"a": [1]}  # kept when it was sealed again
        assert store.config["colour"] == {"of": "EEG"}

    @pytest.mark.parametrize("name", ["signal", "label", "recordings/sd", "windows/mask"])
    def test_a_comment_of_another_version(self, path: Path, name: str) -> None:
        document = json.loads((path / name / "zarr.json").read_text())
        document["attributes"]["comment"] = "Worded differently"
        (path / name / "zarr.json").write_text(json.dumps(document))
        edit(path, lambda r: r["consolidated_metadata"]["metadata"].update({name: document}))
        report = tuszstore.verify(path, deep=True, workers=1)
        assert report.ok, report.findings

    @pytest.mark.parametrize("lost", ["codecs", "cname"])
    def test_codecs_without_what_they_need(self, path: Path, lost: str) -> None:
        document = json.loads((path / "signal" / "zarr.json").read_text())
        inside = document["codecs"][0]["configuration"]
        if lost == "cname":
            (inside,) = (c["configuration"] for c in inside["codecs"] if c["name"] == "blosc")
        del inside[lost]
        (path / "signal" / "zarr.json").write_text(json.dumps(document))
        edit(path, lambda r: r["consolidated_metadata"]["metadata"].update(signal=document))
        with pytest.raises(StoreError):
            tuszstore.open(path)
        report = tuszstore.verify(path, workers=1)
        assert not report.ok
        assert not [f for f in report.findings if "could not be completed" in f.what]

    def test_an_array_of_a_type_that_nobody_knows(self, path: Path) -> None:
        (path / "odd").mkdir()
        document = {"zarr_format": 3, "node_type": "array", "data_type": "quaternion"}
        (path / "odd" / "zarr.json").write_text(json.dumps(document))
        edit(path, lambda r: r["consolidated_metadata"]["metadata"].update(odd=document))
        assert len(tuszstore.open(path).windows[0]) == 2
        report = tuszstore.verify(path, workers=1)
        assert report.ok, report.findings
        assert "odd" in "\n".join(report.notes)

    @pytest.fixture(params=["requires", "newer", "older"])
    def other(self, request: pytest.FixtureRequest, path: Path) -> tuple[Path, str]:
        """A store that another version reads, and what it is refused with."""
        if request.param == "requires":
            say(path, requires=["ragged-windows"])
            return path, "requires 'ragged-windows'.*use a newer tuszstore"
        version = 4 if request.param == "newer" else 2
        edit(path, lambda root: root["attributes"].update(schema_version=version))
        way_out = "use a newer tuszstore" if version == 4 else "build it again"
        return path, f"schema version {version}.*{way_out}"

    @pytest.mark.parametrize(
        "use",
        [tuszstore.open, tuszstore.verify, tuszstore.repair, reindex, xarray.open_dataset,
         lambda path: xarray.open_dataset(path, engine="tuszstore"), reseal],
        ids=["open", "verify", "repair", "index", "xarray", "engine", "reseal"],
    )  # fmt: skip
    def test_is_refused_by_name(
        self, other: tuple[Path, str], use: Callable[[Path], object]
    ) -> None:
        path, told = other
        before = (path / "zarr.json").read_bytes()
        with pytest.raises(SchemaError, match=told):
            use(path)
        assert (path / "zarr.json").read_bytes() == before

    @pytest.mark.parametrize("command", ["info", "verify", "repair", "index"])
    def test_in_a_line(self, other: tuple[Path, str], command: str) -> None:
        result = run(command, other[0])
        assert result.exit_code == 1
        assert "tuszstore" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1

    def test_a_build_does_not_replace_it(self, other: tuple[Path, str], own_corpus: Path) -> None:
        path, told = other
        before = (path / "zarr.json").read_bytes()
        options: dict[str, Any] = {
            "split": "train",
            "data": own_corpus,
            "store": path.parent,
            "workers": 0,
        }
        if "version 2" not in told:
            with pytest.raises(SchemaError, match=f"{told}.*--force"):
                tuszstore.build(**options)
            assert (path / "zarr.json").read_bytes() == before
            options["force"] = True
        assert tuszstore.build(**options).status == "built"
        assert tuszstore.open(path).spec.channel_names[18] == "O2"

    def test_a_flipped_version_is_damage(self, path: Path) -> None:
        content = (path / "zarr.json").read_bytes()
        (path / "zarr.json").write_bytes(
            content.replace(b'"schema_version": 3', b'"schema_version": 7')
        )
        with pytest.raises(SchemaError):
            tuszstore.open(path)
        assert not tuszstore.verify(path).ok

    @pytest.mark.parametrize("version", [None, True, "3", 3.5, 0, -1, [], {}], ids=repr)
    def test_what_is_no_version(self, path: Path, version: Any) -> None:
        edit(path, lambda root: root["attributes"].update(schema_version=version))
        with pytest.raises(StoreError, match="damaged: it has the schema version") as told:
            tuszstore.open(path)
        assert not isinstance(told.value, SchemaError)
        assert tuszstore.verify(path).exit_status == 3


def test_a_plan_says_nothing_of_a_newer_store(path: Path, own_corpus: Path) -> None:
    from tuszstore.builder.changes import find_changes

    say(path, requires=["x"])
    paths = {"paths.data": own_corpus, "paths.store": path.parent}
    plan = make_plan(tuszstore.load_config(None, paths), "train")
    with pytest.raises(SchemaError, match="requires 'x'"):
        find_changes(plan)
    assert find_changes(plan, force=True).counts["build"] == len(plan.recordings)


class TestSeal:
    def test_zeros_elsewhere(self, path: Path) -> None:
        """As many zeros as stand for the digest while it is computed."""
        edit(path, lambda root: root["attributes"].update(title="0" * 64, root="0" * 64))
        assert tuszstore.open(path).attrs["title"] == "0" * 64

    @pytest.mark.parametrize("key", ["digests", "files", "attributes", "root"])
    def test_a_store_without_digests_is_damaged(self, path: Path, key: str) -> None:
        def change(root: Any) -> None:
            digests = root["attributes"].pop("digests")
            if key != "digests":
                del digests[key]
                root["attributes"]["digests"] = digests

        edit(path, change, sealed=False)
        with pytest.raises(StoreError, match=r"digests|was changed"):
            tuszstore.open(path)
        assert not tuszstore.verify(path).ok

    def test_a_key_that_is_removed(self, path: Path) -> None:
        spec = json.loads((path / "zarr.json").read_text())["attributes"]["spec"]
        for key in spec:
            content = (path / "zarr.json").read_bytes()
            edit(path, lambda root, key=key: root["attributes"]["spec"].pop(key))
            with pytest.raises(StoreError, match=f"damaged: spec lacks {key}"):
                tuszstore.open(path)
            assert tuszstore.verify(path).exit_status == 3
            (path / "zarr.json").write_bytes(content)

    def test_more_files_than_a_root_holds(self, path: Path) -> None:
        for number in range(9_000):
            (path / "windows" / "category" / "c" / f"{number:0180d}").touch()
        before = (path / "zarr.json").read_bytes()
        with pytest.raises(StoreError, match="its root would have"):
            reseal(path)
        assert (path / "zarr.json").read_bytes() == before

    @settings(
        max_examples=60,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(data=st.data())
    def test_a_flipped_bit(self, path: Path, made: dict[int, Made], data: st.DataObject) -> None:
        """Of any metadata or table: refused when it is read, or it decides nothing."""
        files = sorted(
            name.relative_to(path).as_posix()
            for name in path.rglob("*")
            if name.is_file() and "signal/c/" not in str(name) and "label/c/" not in str(name)
        )
        name = data.draw(st.just("zarr.json") | st.sampled_from(files))
        content = (path / name).read_bytes()
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        (path / name).write_bytes(damaged)
        try:
            assert contents(path) == contents(made[2].path)
        except StoreError:
            pass  # as it should be
        else:
            assert name.endswith("zarr.json")
        assert not tuszstore.verify(path, workers=1).ok
        (path / name).write_bytes(content)


def contents(path: Path) -> dict[str, Any]:
    """Return all that a store says."""
    store = tuszstore.open(path)
    tables: Mapping[str, Any] = {
        "windows": store.metadata.windows,
        "recordings": store.metadata.recordings,
        "events": store.metadata.events,
        "shards": store.metadata.shards,
        "left_out": store.metadata.left_out,
        **store.metadata.derived,
    }
    return {
        "attributes": store.attrs,
        "spec": store.spec,
        "signal": store.windows[:].tobytes(),
        "labels": store.labels[:].tobytes(),
        **{
            f"{table}/{name}": str(columns[name].tolist())
            for table, columns in tables.items()
            for name in columns
        },
    }


class TestDisagreement:
    """What spec and arrays both say, sealed again as by a forger."""

    @pytest.mark.parametrize(
        ("key", "value", "told"),
        [("sfreq", 17, "signal has sfreq 16.0, but its spec requires 17.0"),
         ("units", "uV", "signal has units \"1\""),
         ("classes", ["fnsz", "b", "tcsz"], "flag_meanings"),
         ("classes", ["fnsz", "tcsz", "gnsz"], "flag_meanings"), ("clip", 100, "scale_factor"),
         ("block", 160, "has 80 samples, but its spec requires 160"),
         ("shard", 8, ""), ("window", 80, ""), ("full_seizure", 0.1, "")],
    )  # fmt: skip
    def test_a_value(self, path: Path, key: str, value: Any, told: str) -> None:
        """Lengths that only the index shows to be wrong are found when the store is verified."""
        say(path, **{key: value})
        if told:
            with pytest.raises(StoreError, match=told):
                tuszstore.open(path)
        report = tuszstore.verify(path, workers=1)
        assert not report.ok
        assert not any("could not be completed" in finding.what for finding in report.findings)

    def test_names_of_channels(self, path: Path) -> None:
        channels = [{"name": n, "anode": n, "cathode": None} for n in ("Fp1", "Cz")]
        say(path, channels=channels)
        with pytest.raises(StoreError, match="channel names 'F3', but its spec has 'Cz'"):
            tuszstore.open(path)
        say(path, channels=channels[:1])
        with pytest.raises(StoreError, match="has 2 channels, but its spec requires 1"):
            tuszstore.open(path)

    @pytest.mark.parametrize("key", ["scale_factor", "_FillValue"])
    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), 10**400, 1e-320, -1, True, "1", None, [1]], ids=repr
    )
    def test_what_is_no_scale(self, path: Path, key: str, value: Any) -> None:
        file = path / "signal" / "zarr.json"
        document = json.loads(file.read_text())
        document["attributes"][key] = value
        file.write_text(json.dumps(document))
        edit(path, lambda r: r["consolidated_metadata"]["metadata"].update(signal=document))
        with pytest.raises(StoreError, match=key):
            tuszstore.open(path)
        assert not tuszstore.verify(path, workers=1).ok

    @pytest.mark.parametrize("key", ["sfreq", "clip", "notch", "full_seizure", "window", "shard"])
    @pytest.mark.parametrize(
        "value", [float("nan"), float("inf"), 1e300, 10**400, -1, True, "1", {}], ids=repr
    )
    def test_numbers(self, path: Path, key: str, value: Any) -> None:
        say(path, **{key: value})
        with pytest.raises(StoreError, match=f"damaged: spec {key}") as told:
            tuszstore.open(path)
        assert len(str(told.value)) < 300
        assert tuszstore.verify(path, workers=1).exit_status == 3

    def test_whole_numbers_of_either_kind(self, path: Path) -> None:
        before = tuszstore.open(path).spec
        say(path, sfreq=16, clip=10)
        assert tuszstore.open(path).spec.digest == before.digest

    @pytest.mark.parametrize("count", [4096, 10_000])
    def test_channels_without_end(self, path: Path, count: int) -> None:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        names = [f"E{k}" for k in range(count)]
        say(path, channels=[{"name": n, "anode": n, "cathode": None} for n in names])
        with pytest.raises(StoreError, match="channels"):
            tuszstore.open(path)
        tuszstore.verify(path, workers=1)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most < 200_000  # kB

    @pytest.mark.parametrize("name", ["\x1b[31mred", "a\nb", "\ud800", "x" * 80, "<b>", "‮xyz"])
    def test_names_with_escapes(self, tmp_path: Path, name: str) -> None:
        from dataclasses import replace

        from tuszstore.channels.derivations import Channel

        spec = replace(SPEC, channels=(Channel(name, name), *SPEC.channels[:1]))
        try:
            path = make_store(tmp_path / "train.zarr", spec).path
        except UnicodeEncodeError:
            assert name == "\ud800"  # which no file holds
            return
        assert tuszstore.open(path).channels[0] == name
        for words in (("info", path), ("verify", path)):
            result = run(*words)
            assert result.exit_code == 0
            assert not {"\x1b", "‮"} & set(result.output)
        html = tuszstore.open(path)._repr_html_()
        assert "<b>&lt;b&gt;" not in html
        say(
            path,
            channels=[
                {"name": "x", "anode": name, "cathode": None},
                {"name": name + "y", "anode": "z", "cathode": None},
            ],
        )
        with pytest.raises(StoreError) as told:
            tuszstore.open(path)
        assert not {"\x1b", "\n", "‮"} & set(str(told.value))


def test_equal_strings_are_one_object(made: dict[int, Made]) -> None:
    store = StoreMetadata.open(made[2].path)
    recordings, events = store.recordings, store.events
    assert events["rater"].tolist() == ["me"] * 3
    assert len({id(name) for name in events["rater"]}) == 1
    assert recordings["patient"].tolist() == ["p0", "p0", "p1"]
    assert recordings["id"].tolist() == ["p0/s0.edf", "p0/s1.edf", "p1/s2.edf"]


def test_a_store_without_a_table(path: Path) -> None:
    """What another tool has removed, and sealed."""
    drop(path, "shards", "left_out", "windows/category_mask")
    reseal(path)
    assert tuszstore.verify(path, deep=True, workers=1).ok
    store = tuszstore.open(path)
    np.testing.assert_array_equal(store.mask("no_seizure"), store.index["category"].values == 0)
