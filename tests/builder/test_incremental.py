"""A store whose sources or settings changed: only what has to be is built, and it is told."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import tuszstore
from tests.corpus.edf_files import mark
from tests.store.made_stores import seal_again
from tuszstore.builder import changes as changes_module
from tuszstore.builder import keys
from tuszstore.builder.changes import find_changes
from tuszstore.builder.keys import Keys
from tuszstore.builder.plan import make_plan
from tuszstore.builder.reindex import reindex
from tuszstore.cli import main
from tuszstore.config import Config, load_config

CONFIG = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 60}}


def build(corpus: Path, root: Path, config: object = None, **options: Any) -> Any:
    given = {"split": "train", "workers": 0, **options}
    return tuszstore.build(config or CONFIG, data=corpus, store=root, **given)


def edf_files(corpus: Path) -> list[Path]:
    return sorted((corpus / "edf" / "train").rglob("*.edf"))


def done(report: Any) -> dict[str, int]:
    return {name: n for name, n in report.changes.items() if n}


def content(root: Path) -> str:
    return str(tuszstore.open(root / "train.zarr").attrs["content_digest"])


def edit_edf(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-500, os.SEEK_END)
        file.write(b"\1\2" * 50)


def edit_annotation(path: Path) -> None:
    annotation = path.with_suffix(".csv")
    annotation.write_text(annotation.read_text() + "TERM,3,9,seiz,1\n")


def copy_as(path: Path, name: str) -> None:
    for suffix in (".edf", ".csv"):
        shutil.copy(path.with_suffix(suffix), path.with_name(name).with_suffix(suffix))
    mark(path.with_name(name), "no copy")


def inodes(path: Path, group: str) -> set[int]:
    return {f.stat().st_ino for f in (path / group / "c").rglob("*") if f.is_file()}


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def root(own_corpus: Path, tmp_path: Path) -> Path:
    """Folder of a store of `own_corpus`."""
    build(own_corpus, tmp_path / "stores")
    return tmp_path / "stores"


def check_against_fresh(corpus: Path, root: Path, config: object = None) -> None:
    """The store holds what one that is built from nothing does, byte for byte."""
    fresh = root.parent / "fresh"
    build(corpus, fresh, config)
    assert content(root) == content(fresh)
    for group in ("signal", "label"):
        one, two = (
            {
                f.relative_to(place): f.read_bytes()
                for f in (place / group / "c").rglob("*")
                if f.is_file()
            }
            for place in (root / "train.zarr", fresh / "train.zarr")
        )
        assert one == two


class TestBuild:
    def test_all_kinds_of_changes_at_once(self, own_corpus: Path, root: Path) -> None:
        first, second, third = edf_files(own_corpus)
        copy_as(third, "aaaaaaaa_s001_t001.edf")
        edit_edf(first)
        edit_annotation(second)
        third.unlink()
        report = build(own_corpus, root)
        assert done(report) == {"relabel": 1, "build": 2, "drop": 1}
        check_against_fresh(own_corpus, root)
        assert build(own_corpus, root).status == "unchanged"

    def test_what_did_not_change_is_not_written_again(self, own_corpus: Path, root: Path) -> None:
        before = inodes(root / "train.zarr", "signal")
        copy_as(edf_files(own_corpus)[0], "aaaaaaaa_s001_t001.edf")
        assert done(build(own_corpus, root)) == {"keep": 3, "build": 1}
        assert before < inodes(root / "train.zarr", "signal")
        check_against_fresh(own_corpus, root)

    @pytest.mark.parametrize(
        ("config", "kept"),
        [
            pytest.param({"labels": {"full_seizure": 0.5}}, {"keep": 3}, id="threshold"),
            pytest.param({"labels": {"seizure": ["tcsz"]}}, {"keep": 3}, id="seizure classes"),
            pytest.param({"labels": {"rounding": "truncate"}}, {"relabel": 3}, id="labels"),
            pytest.param({"windows": {"length": 40, "stride": 10}}, {"keep": 3}, id="windows"),
            pytest.param({"signal": {"clip": 9}}, {"build": 3}, id="signal"),
            *(
                pytest.param(changed, {"build": 3}, id=name, marks=pytest.mark.slow)
                for name, changed in {
                    "codec": {"storage": {"codec": "zstd"}},
                    "shards": {"storage": {"shard_seconds": 120}},
                    "blocks": {"windows": {"length": 20, "stride": 5}},
                    "channels": {"channels": {"flat": "keep"}},
                }.items()
            ),
        ],
    )
    def test_other_settings(
        self, own_corpus: Path, root: Path, config: dict[str, Any], kept: dict[str, int]
    ) -> None:
        merged = {key: {**CONFIG.get(key, {}), **config.get(key, {})} for key in {*CONFIG, *config}}
        before = inodes(root / "train.zarr", "signal")
        assert done(build(own_corpus, root, merged)) == kept
        assert (inodes(root / "train.zarr", "signal") == before) == ("build" not in kept)
        check_against_fresh(own_corpus, root, merged)

    def test_sources_that_were_only_touched_or_moved(
        self, own_corpus: Path, root: Path, tmp_path: Path
    ) -> None:
        for path in edf_files(own_corpus):
            path.touch()
        assert done(build(own_corpus, root)) == {"keep": 3}
        assert build(own_corpus, root).status == "unchanged"
        shutil.copytree(own_corpus, tmp_path / "moved", copy_function=shutil.copyfile)
        assert done(build(tmp_path / "moved", root)) == {"keep": 3}
        check_against_fresh(own_corpus, root)

    @pytest.mark.parametrize("kind", ["EDF file", "annotation"])
    def test_a_source_of_equal_size_and_time_with_other_content(
        self, own_corpus: Path, root: Path, kind: str
    ) -> None:
        path = edf_files(own_corpus)[1]
        path = path if kind == "EDF file" else path.with_suffix(".csv")
        before = path.stat()
        content = path.read_bytes()
        if kind == "EDF file":
            edit_edf(path)
        else:
            path.write_bytes(content.replace(b"bckg", b"seiz", 1))
        assert path.read_bytes() != content
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        told = run("status", root / "train.zarr")
        assert told.exit_code == 4
        assert f"{kind} changed" in told.output
        work = {"build": 1} if kind == "EDF file" else {"relabel": 1}
        assert done(build(own_corpus, root)) == {"keep": 2, **work}
        check_against_fresh(own_corpus, root)
        assert build(own_corpus, root).status == "unchanged"

    def test_a_file_of_another_owner_or_mode_is_the_same_file(
        self, own_corpus: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, original = [], changes_module.signal_sha256
        monkeypatch.setattr(
            changes_module, "signal_sha256", lambda paths: read.extend(paths) or original(paths)
        )
        first = edf_files(own_corpus)[0]
        first.chmod(0o640)
        assert run("status", root / "train.zarr").exit_code == 0
        assert read == [first]  # and no other one
        assert done(build(own_corpus, root)) == {"keep": 3}
        assert run("status", root / "train.zarr").exit_code == 0
        assert read == [first] * 2
        assert build(own_corpus, root).status == "unchanged"

    def test_a_time_in_the_future_covers_no_change(self, own_corpus: Path, root: Path) -> None:
        plan = make_plan(
            load_config(CONFIG, {"paths.data": own_corpus, "paths.store": root}), "train"
        )
        latest = max(planned.changed for planned in plan.recordings)
        assert plan.sources_seen == latest
        assert replace(plan, made=latest - 5).sources_seen == latest - 5

    def test_another_version_of_the_pipeline(
        self, own_corpus: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (keys.Keys.__init__,):
            monkeypatch.setattr(module, "__defaults__", (keys.PIPELINE_VERSION + 1,))
        edf_files(own_corpus)[0].touch()
        assert done(build(own_corpus, root)) == {"build": 3}

    @pytest.mark.parametrize("victim", ["signal/c/0/0/0", "label/c/0/0"])
    def test_damaged_files_do_not_serve(self, own_corpus: Path, root: Path, victim: str) -> None:
        os.truncate(root / "train.zarr" / victim, 50)
        edf_files(own_corpus)[-1].touch()
        assert done(build(own_corpus, root)) == {"keep": 2, "build": 1}
        check_against_fresh(own_corpus, root)

    def test_a_store_that_cannot_be_opened_is_made_anew(self, own_corpus: Path, root: Path) -> None:
        path = root / "train.zarr" / "zarr.json"
        values = json.loads(path.read_text())
        values["attributes"]["schema_version"] = 1
        path.write_text(json.dumps(values))
        told: list[Any] = []
        plan = make_plan(
            load_config(
                CONFIG,
                {"paths.data": own_corpus, "paths.store": root, "build.workers": 0},
            ),
            "train",
        )
        from tuszstore.builder.builder import run_plan

        report = run_plan(plan, tell=told.append)
        assert done(report) == {"build": 3}
        assert "schema version 1" in told[0].why_anew

    def test_after_an_index(self, own_corpus: Path, root: Path) -> None:
        before = content(root)
        reindex(root / "train.zarr", {"labels.full_seizure": 0.5})
        assert content(root) != before
        assert done(build(own_corpus, root)) == {"keep": 3}
        assert content(root) == before

    def test_what_failed_is_tried_again(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tuszstore.builder import recording

        original, root = recording.preprocess, tmp_path / "stores"
        tried: list[int] = []

        def fail(data: Any, *args: Any) -> Any:
            tried.append(data.shape[1])
            if len(tried) > 2:
                raise MemoryError
            return original(data, *args)

        with monkeypatch.context() as patch:
            patch.setattr(recording, "preprocess", fail)
            report = build(own_corpus, root)
            assert (report.exit_status, len(report.failed)) == (3, 1)
            n_tried = len(tried)
            again = build(own_corpus, root)
            assert (again.status, again.exit_status) == ("unchanged", 3)
            assert len(tried) == n_tried + 1
        assert done(build(own_corpus, root)) == {"keep": 2, "build": 1}
        check_against_fresh(own_corpus, root)

    def test_versions_of_what_was_taken_over_are_kept(self, own_corpus: Path, root: Path) -> None:
        path = root / "train.zarr" / "zarr.json"
        values = json.loads(path.read_text())
        older = {**values["attributes"]["versions"], "scipy": "1.0"}
        values["attributes"]["versions_of_signal"] = [older]
        path.write_text(json.dumps(values))
        seal_again(root / "train.zarr")
        copy_as(edf_files(own_corpus)[0], "aaaaaaaa_s001_t001.edf")
        build(own_corpus, root)
        attrs = tuszstore.open(root / "train.zarr").attrs
        assert {v["scipy"] for v in attrs["versions_of_signal"]} == {
            "1.0",
            attrs["versions"]["scipy"],
        }

    def test_the_command_says_what_it_does_and_why(self, own_corpus: Path, root: Path) -> None:
        edit_annotation(edf_files(own_corpus)[0])
        args = ["build", "-s", "train", "-d", own_corpus, "-o", root, "-w", 0]
        options = ["--set", "windows.length=20", "--set", "storage.shard_seconds=60"]
        dry = run(*args, *options, "--dry-run")
        assert "1 recording to relabel: annotation changed" in dry.output
        assert "2 recordings kept" in dry.output
        result = run(*args, *options, "--set", "signal.clip=9")
        assert "settings changed: signal.clip" in result.output
        assert "3 recordings to build: settings" in result.output


class TestKeys:
    def test_only_what_decides_bytes_is_in_a_key(self) -> None:
        base = Keys(Config(), "")
        for key, value in {
            "labels.rounding": "truncate",
            "labels.full_seizure": 0.5,
            "corpus.split_seed": 1,
            "build.workers": 3,
            "windows.length": 30,
        }.items():
            assert Keys(Config().replace(**{key: value}), "").signal("x") == base.signal("x"), key
        for key, value in {
            "signal.sfreq": 250,
            "storage.dtype": "float32",
            "storage.scale": 0.001,
            "signal.filter": "causal",
            "channels.max_interpolated": 3,
        }.items():
            assert Keys(Config().replace(**{key: value}), "").signal("x") != base.signal("x"), key
        for key, value in {
            "labels.rounding": "truncate",
            "labels.annotation": "csv_bi",
            "labels.ignore_case": False,
        }.items():
            changed = Keys(Config().replace(**{key: value}), "")
            assert changed.label("x", 9) != base.label("x", 9), key
        assert base.label("x", 9) != base.label("x", 8)
        assert base.signal("x") != base.signal("y")


class TestStatus:
    def test_up_to_date(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        result = run("status", root / "train.zarr")
        assert result.exit_code == 0, result.output
        assert "nothing to do" in result.output

    def test_it_reads_no_signal_where_times_are_as_they_were(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes_module, "signal_sha256", lambda path: pytest.fail("read"))
        assert run("status", root / "train.zarr").exit_code == 0

    def test_everything_that_differs(self, own_corpus: Path, root: Path) -> None:
        first, second, third = edf_files(own_corpus)
        copy_as(third, "aaaaaaaa_s001_t001.edf")
        edit_edf(first)
        edit_annotation(second)
        third.unlink()
        before = content(root)
        result = run("status", root / "train.zarr", "--json")
        assert result.exit_code == 4
        told = json.loads(result.stdout)
        assert (told["build"], told["relabel"], told["drop"]) == (2, 1, 1)
        assert {step["reason"] for step in told["steps"]} == {
            "new",
            "EDF file changed",
            "annotation changed",
        }
        assert told["gone"] == [third.relative_to(own_corpus).as_posix()]
        assert content(root) == before
        text = run("status", root / "train.zarr").output
        for word in ("new", "EDF file changed", "annotation changed", "no longer in the split"):
            assert word in text

    def test_a_corpus_elsewhere(self, own_corpus: Path, root: Path, tmp_path: Path) -> None:
        own_corpus.rename(tmp_path / "moved")
        assert run("status", root / "train.zarr").exit_code == 1
        assert run("status", root / "train.zarr", "--data", tmp_path / "moved").exit_code == 0

    def test_a_limit_is_part_of_it(self, own_corpus: Path, tmp_path: Path) -> None:
        build(own_corpus, tmp_path / "stores", limit=2)
        assert run("status", tmp_path / "stores" / "train.zarr").exit_code == 0

    def test_an_unfinished_build_and_its_holder(self, own_corpus: Path, tmp_path: Path) -> None:
        from tuszstore.builder.lock import locked
        from tuszstore.builder.workplace import Workplace

        options = {"paths.data": own_corpus, "paths.store": tmp_path}
        plan = make_plan(load_config(CONFIG, options), "train")
        Workplace(plan.store).begin(plan, forced=False)
        with locked(plan.store):
            result = run("status", plan.store, "--json")
        assert result.exit_code == 4
        told = json.loads(result.stdout)
        assert told["holder"]["pid"] == os.getpid()
        assert told["unfinished"]["recordings"] == 0
        assert told["build"] == 3
        assert "unfinished build since" in run("status", plan.store).output

    def test_nothing_there(self, tmp_path: Path) -> None:
        result = run("status", tmp_path / "train.zarr")
        assert result.exit_code == 1
        assert "no store or unfinished build here; build one with: tuszstore build" in result.output


def test_content_digest_is_of_what_is_held(own_corpus: Path, tmp_path: Path) -> None:
    """Equal where times, places and reasons differ; another for any other value."""
    build(own_corpus, tmp_path / "a")
    shutil.copytree(own_corpus, tmp_path / "moved", copy_function=shutil.copyfile)
    build(tmp_path / "moved", tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    edit_edf(edf_files(own_corpus)[0])
    build(own_corpus, tmp_path / "c", {**CONFIG, "windows": {"length": 20, "stride": 10}})
    assert content(tmp_path / "c") != content(tmp_path / "a")
    told = json.loads(run("info", tmp_path / "a" / "train.zarr", "--json").stdout)
    assert told["content_digest"] == content(tmp_path / "a")


def test_a_dry_run_and_a_comparison_write_nothing(own_corpus: Path, root: Path) -> None:
    before = sorted((f, f.stat().st_mtime_ns) for f in root.rglob("*"))
    plan = make_plan(load_config(CONFIG, {"paths.data": own_corpus, "paths.store": root}), "train")
    assert find_changes(plan).up_to_date
    assert not find_changes(plan, force=True).up_to_date
    assert sorted((f, f.stat().st_mtime_ns) for f in root.rglob("*")) == before
    np.testing.assert_equal(find_changes(plan).counts["keep"], 3)
