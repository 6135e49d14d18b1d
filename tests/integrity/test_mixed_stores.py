"""Stores put together from parts of two valid ones: each is refused, or is one of the two."""

import contextlib
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tuszstore
from tests.integrity.store_mixing import TINY, mix
from tests.store.made_stores import SPEC, make_store, spec_with
from tuszstore.cli import main
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import SchemaError, StoreError, TuszstoreError
from tuszstore.store.digests import file_digests, seal
from tuszstore.store.encoding import Encoding

pytestmark = pytest.mark.slow

Values = list[NDArray[Any]]

MIXES = int(os.environ.get("TUSZSTORE_TEST_MIXES", "12"))
"""Mixes of each kind; with ``TUSZSTORE_TEST_RANDOM=1`` others in each run."""

FLOAT32 = Encoding("float32", 1.0, "zstd")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Valid stores that differ in their recordings, or in what their samples or windows mean."""
    root = tmp_path_factory.mktemp("stores")
    data = {"few": root / "few", "more": root / "more"}
    write_corpus(data["few"], patients=3, files=2, minutes=1.2, seed=5, quirks=False)
    write_corpus(data["more"], patients=4, files=3, minutes=1.2, seed=7, quirks=False)
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "plain": ("few", {}),
        "more": ("more", {}),
        "scale": ("few", {"storage": {**TINY["storage"], "scale": 2**-9}}),
        "float32": ("few", {"storage": {**TINY["storage"], "dtype": "float32"}}),
        "windows": ("few", {"windows": {"length": 30, "stride": 10}}),
        "categories": ("few", {"labels": {"full_seizure": 0.5}}),
    }
    return {
        name: tuszstore.build(
            {**TINY, **config}, split="train", data=data[corpus], store=root / name, workers=0
        ).store
        for name, (corpus, config) in kinds.items()
    }


def values_of(path: Path) -> Values:
    store = tuszstore.open(path)
    return [store.windows[:], store.labels[:], store.index["category"].values]


def equal(a: Values, b: Values) -> bool:
    return all(x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def use(path: Path) -> Values:
    """Do with a store what its users do; return what it holds."""
    store = tuszstore.open(path)
    values = values_of(path)
    for table in (store.index, store.recordings, store.events, store.left_out):
        table.load()
    for row in range(store.recordings.sizes["recording"]):
        store.read_recording(row)
    repr(store), store._repr_html_()
    return values


def info(path: Path) -> str:
    """Return what `info` prints; whatever it raises but errors of its own is raised."""
    result = CliRunner().invoke(main, ["info", str(path)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output + result.stderr


class TestMixedAtRandom:
    @settings(
        max_examples=MIXES,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(seed=st.integers(0, 2**32 - 1))
    @pytest.mark.filterwarnings("ignore:.*which is slower:UserWarning")
    def test_is_refused_or_one_of_the_two(
        self, stores: dict[str, Path], tmp_path: Path, seed: int
    ) -> None:
        rng = random.Random(seed)
        one, other = rng.sample(sorted(stores), 2)
        path = tmp_path / f"{seed}" / "train.zarr"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(stores[one], path)
        done = mix(rng, path, stores[other])
        said = info(path)
        assert "\x1b" not in said
        values = None
        with contextlib.suppress(TuszstoreError):
            values = use(path)
        try:
            report = tuszstore.verify(path, deep=True, workers=1)
        except SchemaError:  # it states another version, or requires something
            assert values is None, done
            return
        json.dumps(report.to_json())
        unforeseen = [f for f in report.findings if "could not be completed" in f.what]
        assert not unforeseen, (done, unforeseen)
        is_one = values is not None and any(
            equal(values, values_of(stores[name])) for name in (one, other)
        )
        assert is_one or not report.ok, done
        if not report.ok and rng.random() < 0.3:
            self.repaired(path, [stores[one], stores[other]], done)
        shutil.rmtree(path.parent)

    def repaired(self, path: Path, whole: list[Path], done: list[str]) -> None:
        before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
        try:
            tuszstore.repair(path)
        except TuszstoreError:
            assert {f: f.read_bytes() for f in path.rglob("*") if f.is_file()} == before, done
        else:
            assert any(equal(values_of(path), values_of(store)) for store in whole), done
        left = [entry.name for entry in path.parent.glob(".*") if ".old." not in entry.name]
        assert left in ([], [".train.zarr.lock"]), done  # an old generation may still be read


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Stores that were built from no corpus, and of which the first is mixed with the others."""
    root = tmp_path_factory.mktemp("made")
    kinds: list[dict[str, Any]] = [
        {"spec": SPEC},
        {"spec": spec_with(4)},
        {"spec": replace(SPEC, window=240)},
        {"spec": SPEC, "lengths": (1300, 500, 90, 700), "seed": 3},
        {"spec": replace(SPEC, seizure=("gnsz",))},
        {"spec": SPEC, "encoding": FLOAT32},
    ]
    return [make_store(root / f"{k}" / "train.zarr", **kind).path for k, kind in enumerate(kinds)]


class TestSealedAgain:
    """Mixed and sealed, as by whoever wants it to be read: nothing but errors of its own."""

    @settings(
        max_examples=MIXES,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(seed=st.integers(0, 2**32 - 1))
    @pytest.mark.filterwarnings("ignore")
    def test_is_read_or_refused(self, made: list[Path], tmp_path: Path, seed: int) -> None:
        rng = random.Random(seed)
        path = tmp_path / f"{seed}" / "train.zarr"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(made[0], path)
        done = mix(rng, path, rng.choice(made[1:]))
        root = json.loads((path / "zarr.json").read_bytes())
        assume(isinstance(root.get("attributes"), dict))
        (path / "zarr.json").write_bytes(seal(root, file_digests(path)))
        assert "\x1b" not in info(path)
        with contextlib.suppress(TuszstoreError):
            use(path)
        with contextlib.suppress(SchemaError):
            report = tuszstore.verify(path, deep=True, workers=1)
            json.dumps(report.to_json())
            unforeseen = [f for f in report.findings if "could not be completed" in f.what]
            assert not unforeseen, (done, unforeseen)
        with contextlib.suppress(TuszstoreError):
            tuszstore.repair(path)
        shutil.rmtree(path.parent)


@pytest.fixture
def path(stores: dict[str, Path], tmp_path: Path) -> Path:
    copy = tmp_path / "train.zarr"
    shutil.copytree(stores["plain"], copy)
    return copy


def edit_root(path: Path, change: Callable[[Any], object]) -> None:
    root = json.loads((path / "zarr.json").read_text())
    change(root)
    (path / "zarr.json").write_text(json.dumps(root))


class TestPartsOfAnother:
    @pytest.mark.parametrize(
        "part",
        ["windows", "recordings", "events", "signal", "label", "windows/category", "recordings/id",
         "recordings/first_block", "events/recording", "zarr.json"],
    )  # fmt: skip
    def test_of_other_lengths(self, path: Path, stores: dict[str, Path], part: str) -> None:
        source = stores["more"] / part
        if source.is_dir():
            shutil.rmtree(path / part)
            shutil.copytree(source, path / part)
        else:
            shutil.copyfile(source, path / part)
        info(path)
        with pytest.raises(TuszstoreError):
            use(path)
        report = tuszstore.verify(path, deep=True)
        assert not report.ok
        assert not any("could not be completed" in finding.what for finding in report.findings)

    @pytest.mark.parametrize(
        "name", ["versions", "split", "split_policy", "created", "warnings", "config_hash",
                 "content_digest", "sources_digest", "config"],
    )  # fmt: skip
    @pytest.mark.parametrize("sealed", [True, False])
    def test_a_root_without_an_attribute(self, path: Path, name: str, sealed: bool) -> None:
        edit_root(path, lambda root: root["attributes"].pop(name))
        if not sealed:
            edit_root(path, lambda root: root["attributes"].pop("digests"))
        assert name in info(path)
        with pytest.raises(StoreError, match=f"lacks the attribute {name}"):
            tuszstore.open(path)
        assert tuszstore.verify(path).exit_status == 3

    @pytest.mark.parametrize("value", [None, 7, [], {}, "x", {"tuszstore": 3}], ids=repr)
    def test_versions_that_are_none(self, path: Path, value: Any) -> None:
        edit_root(path, lambda root: root["attributes"].update(versions=value))
        with pytest.raises(StoreError, match="versions"):
            tuszstore.open(path)
        assert tuszstore.verify(path).exit_status == 3

    @pytest.mark.parametrize("array", ["signal", "recordings/id", "windows"])
    @pytest.mark.parametrize(
        ("key", "value"),
        [("codecs", [7]), ("codecs", {}), ("chunk_key_encoding", "x"), ("fill_value", [[]]),
         ("attributes", None), ("node_type", 3), ("chunk_grid", {"name": "regular"}),
         ("data_type", {"name": "x"}), ("storage_transformers", [{"name": "x"}]),
         ("zarr_format", "3")],
    )  # fmt: skip
    def test_metadata_that_is_nonsense(self, path: Path, array: str, key: str, value: Any) -> None:
        """In the array's own and in the root's copy alike, so that they agree."""
        own = json.loads((path / array / "zarr.json").read_text())
        own[key] = value
        (path / array / "zarr.json").write_text(json.dumps(own))
        edit_root(path, lambda root: root["consolidated_metadata"]["metadata"].update({array: own}))
        info(path)
        with pytest.raises(StoreError):
            use(path)
        report = tuszstore.verify(path)
        assert not report.ok
        assert not any("could not be completed" in finding.what for finding in report.findings)


class TestAgreement:
    """What a sample is worth stands in several places, and one of them alone is never believed."""

    def refused(self, path: Path, told: str | None = None) -> None:
        with pytest.raises(StoreError, match=told):
            tuszstore.open(path)
        assert not tuszstore.verify(path).ok

    @pytest.mark.parametrize(
        ("section", "key", "value"),
        [("storage", "scale", 8.0), ("storage", "dtype", "float32"), ("storage", "codec", "zstd"),
         ("storage", "shard_seconds", 80.0), ("signal", "sfreq", 18), ("signal", "clip", 9.0),
         ("signal", "normalise", "none"), ("windows", "length", 30.0), ("windows", "stride", 20.0),
         ("labels", "classes", ["fnsz", *tuszstore.load_config().labels.classes[1:]][:0:-1]),
         ("labels", "seizure", ["fnsz"]), ("labels", "full_seizure", 0.5),
         ("channels", "max_interpolated", 5), ("corpus", "split_seed", 43)],
    )  # fmt: skip
    def test_the_configuration(self, path: Path, section: str, key: str, value: Any) -> None:
        edit_root(path, lambda r: r["attributes"]["config"][section].update({key: value}))
        self.refused(path, "configuration")

    @pytest.mark.parametrize(
        ("array", "key", "value"),
        [("signal", "scale_factor", 8.0), ("signal", "sfreq", 18), ("signal", "units", "uV"),
         ("signal", "_FillValue", 0), ("signal", "scale_factor", None),
         ("signal", "add_offset", 1.0), ("label", "flag_masks", [1, 2]),
         ("label", "flag_meanings", "a b"), ("label", "scale_factor", 2)],
    )  # fmt: skip
    @pytest.mark.parametrize("where", ["own", "copy", "both"])
    def test_an_attribute(self, path: Path, array: str, key: str, value: Any, where: str) -> None:
        own = json.loads((path / array / "zarr.json").read_text())
        own["attributes"][key] = value
        if where != "copy":
            (path / array / "zarr.json").write_text(json.dumps(own))
        if where != "own":
            edit_root(path, lambda r: r["consolidated_metadata"]["metadata"].update({array: own}))
        # a larger factor is no contradiction to the spec: only the seal tells
        self.refused(path, "was changed" if value == 8.0 and where == "both" else key)

    @pytest.mark.parametrize(("array", "value"), [("signal", 0), ("signal", True), ("label", 0)])
    def test_fill_values(self, path: Path, array: str, value: Any) -> None:
        own = json.loads((path / array / "zarr.json").read_text())
        own["fill_value"] = value
        (path / array / "zarr.json").write_text(json.dumps(own))
        edit_root(path, lambda r: r["consolidated_metadata"]["metadata"].update({array: own}))
        self.refused(path, "fill_value")

    @pytest.mark.parametrize(
        ("key", "value"),
        [("chunk_key_encoding", {"name": "default", "configuration": {"separator": "."}}),
         ("codecs", [{"name": "bytes", "configuration": {"endian": "big"}},
                     {"name": "zstd", "configuration": {"level": 3}}, {"name": "crc32c"}])],
    )  # fmt: skip
    def test_how_a_column_lies(self, path: Path, key: str, value: Any) -> None:
        """Read by what stands there it would be zeros, or numbers with their bytes turned round."""
        array = "windows/start_block"
        edit_root(
            path, lambda r: r["consolidated_metadata"]["metadata"][array].update({key: value})
        )
        self.refused(path, array)

    def test_a_copy_of_a_derivation(self, path: Path) -> None:
        """Not what lies beside the root, but its copy is damaged: that is made anew."""
        name = "derived/tcp_a/name"
        edit_root(
            path,
            lambda r: r["consolidated_metadata"]["metadata"][name]["codecs"].__setitem__(2, ["x"]),
        )
        self.refused(path, name)
        assert tuszstore.repair(path).status == "repaired"
        assert tuszstore.verify(path, deep=True).ok

    def test_the_names_of_channels(self, path: Path, stores: dict[str, Path]) -> None:
        import zarr

        names: Any = zarr.open_array(path / "channel", mode="r+")
        values = names[...]
        values[0], values[1] = values[1], values[0]
        names[...] = values
        self.refused(path, "channel names 'F3', but its spec has 'Fp1'")
        (path / "channel" / "c" / "0").unlink()
        self.refused(path, "channel/c/0: is missing")

    @pytest.mark.parametrize("other", ["more", "scale", "float32", "windows", "categories"])
    @pytest.mark.parametrize("part", ["zarr.json", "windows", "events"])
    def test_a_root_or_an_index_of_another(
        self, path: Path, stores: dict[str, Path], other: str, part: str
    ) -> None:
        if part != "zarr.json":
            shutil.rmtree(path / part)
            shutil.copytree(stores[other] / part, path / part)
        else:
            shutil.copyfile(stores[other] / part, path / part)
        self.refused(path)

    @settings(
        max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(data=st.data())
    @pytest.mark.filterwarnings("ignore:.*which is slower:UserWarning")
    def test_no_bit_of_the_metadata_changes_a_value(
        self, path: Path, stores: dict[str, Path], data: st.DataObject
    ) -> None:
        names = ["zarr.json", "signal/zarr.json", "label/zarr.json", "channel/c/0"]
        file = path / data.draw(st.sampled_from(names))
        content = file.read_bytes()
        most = len(content) if file.name == "zarr.json" and data.draw(st.booleans()) else 4000
        bit = data.draw(st.integers(0, 8 * min(most, len(content)) - 1))
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        with contextlib.suppress(StoreError):  # as it should be
            assert equal(values_of(path), values_of(stores["plain"]))
        file.write_bytes(content)
