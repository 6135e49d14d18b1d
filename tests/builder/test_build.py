"""Builds from end to end: what is stored, what is left out, and what goes wrong."""

import errno
import gc
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import tuszstore
from tests.corpus.edf_files import CHANNELS, channel, time_keeping, write_edf
from tuszstore.builder import builder, memory, overlap, recording, run, watch
from tuszstore.builder.lock import locked
from tuszstore.builder.memory import check_memory, choose_workers
from tuszstore.builder.plan import make_plan, make_plans
from tuszstore.builder.publish import publish
from tuszstore.builder.run import memory_bytes
from tuszstore.config import Build, Config, load_config
from tuszstore.corpus.edf import read_header
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import BuildError, CorpusError
from tuszstore.store.metadata import read_attributes


def edf_files(corpus: Path, split: str = "train") -> list[Path]:
    return sorted((corpus / "edf" / split).rglob("*.edf"))


def build(corpus: Path, root: Path, config: object = None, **options: object):
    given = {"split": "train", "workers": 0, **options}
    return tuszstore.build(config, data=corpus, store=root, **given)


def die_over_the_first(task: recording.Task, recordings: Path, config: Config) -> object:
    """Stand in for a recording that takes all memory; workers import it from here."""
    path = task.recording.path
    if path == min(path.parents[3].rglob("*.edf")):
        os._exit(1)
    return recording.build_recording(task, recordings, config)


def reasons(report: tuszstore.BuildReport) -> dict[str, str]:
    return {Path(entry.id).name: entry.reason for entry in report.left_out}


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What a build said on the way, also where another test has asked for more with ``-v``."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "tuszstore" and record.levelno >= logging.WARNING
    ]


class TestContent:
    def test_quirks_are_repaired_or_left_out_with_a_reason(self, train: tuszstore.Store) -> None:
        report = builder.report_of(train.metadata, "unchanged")
        assert report.exit_status == 0
        assert not report.failed
        assert {entry.kind for entry in report.left_out} >= {"unlabelled"}
        assert report.noted > 0

    def test_channels_are_standardised(self, train: tuszstore.Store) -> None:
        """Mean 0 and SD 1 over a recording, but for what was clipped and taken for artefact."""
        numbers = np.flatnonzero(train.mask("no_seizure"))[::20]
        signal = train.read(numbers)
        assert signal.dtype == np.float32
        assert np.abs(signal).max() <= 10
        sd = signal.std(axis=(0, 2))
        assert ((sd > 0.4) & (sd < 1.5)).all()

    def test_labels_are_painted_as_they_are_stored(self, train: tuszstore.Store) -> None:
        label = train.metadata.group["label"]
        block = train.metadata.geometry.block
        for number in np.flatnonzero(~train.mask("no_seizure"))[::7]:
            start = int(train.index["start_block"][number])
            stored = label[start : start + 15360 // block].reshape(-1)
            np.testing.assert_array_equal(train.labels[number], stored)

    def test_interpolated_channels_are_recorded_and_not_flat(self, train: tuszstore.Store) -> None:
        table = train.recordings
        rows = np.flatnonzero(table["interpolated"].any("channel"))
        assert len(rows) > 0
        for row in rows:
            names = table["channel"].values[table["interpolated"][row].values]
            assert set(names) == {"Fz", "Pz"}
            assert (table["sd"][row].values > 1).all()

    def test_microvolts_are_recovered_from_mean_and_sd(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        plain = {"signal": {"normalise": "none", "clip": 3000}, "storage": {"dtype": "float32"}}
        scaled = {"signal": {"clip": 30}, "storage": {"dtype": "float32"}}
        microvolts = tuszstore.open(build(own_corpus, tmp_path / "a", plain).store)
        store = tuszstore.open(build(own_corpus, tmp_path / "b", scaled).store)
        row = int(store.index["recording"][3])
        mean, sd = (store.recordings[name][row].values[:, None] for name in ("mean", "sd"))
        np.testing.assert_allclose(store.windows[3] * sd + mean, microvolts.windows[3], atol=1e-3)

    def test_int16_rounds_to_half_a_step(self, own_corpus: Path, tmp_path: Path) -> None:
        exact = tuszstore.open(
            build(own_corpus, tmp_path / "a", {"storage": {"dtype": "float32"}}).store
        )
        rounded = tuszstore.open(build(own_corpus, tmp_path / "b").store)
        error = np.abs(exact.windows[5] - rounded.windows[5])
        assert 0 < error.max() <= 2.0**-11 + 1e-6

    def test_duplicated_windows_are_the_shared_ones(
        self, own_corpus: Path, tmp_path: Path, train: tuszstore.Store
    ) -> None:
        shared = tuszstore.open(build(own_corpus, tmp_path / "a").store)
        whole = tuszstore.open(
            build(own_corpus, tmp_path / "b", {"windows": {"overlap": "duplicate"}}).store
        )
        assert len(whole) == len(shared)
        np.testing.assert_array_equal(whole.windows[:], shared.windows[:])
        np.testing.assert_array_equal(whole.labels[:], shared.labels[:])
        for name in ("start_time", "category", "event_classes", "seizure_fraction"):
            np.testing.assert_array_equal(whole.index[name], shared.index[name])

    def test_no_personal_field_of_a_header_is_stored(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        path = edf_files(own_corpus)[0]
        with path.open("r+b") as file:
            file.seek(8)
            file.write(b"XSECRETX F 01-JAN-1950 Doe_Jane".ljust(80))
            file.write(b"Startdate 02-MAR-2004 XADMINX XTECHX XDEVICEX".ljust(80))
        report = build(own_corpus, tmp_path / "stores")
        content = b"".join(f.read_bytes() for f in report.store.rglob("*") if f.is_file())
        for word in (b"XSECRETX", b"Doe_Jane", b"JAN-1950", b"XADMINX", b"XTECHX", b"XDEVICEX"):
            assert word not in content

    def test_unlabelled_recordings_are_kept_on_request(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            annotation.unlink()
        report = build(own_corpus, tmp_path, {"labels": {"unlabelled": "keep"}})
        assert report.exit_status == 0
        assert set(report.categories.values()) == {0, report.windows}
        store = tuszstore.open(report.store)
        assert (store.labels[0] == 0x8000).all()
        assert (store.index["category"] == -1).all()
        assert not any(store.mask(name).any() for name in report.categories if name != "unlabelled")


def test_records_of_a_third_of_a_second(tmp_path: Path) -> None:
    """Their length is rounded in the header, and their times have six digits."""
    onsets = [f"+{k / 3:g}\x14\x14\x00".encode() for k in range(180)]
    signals = [
        channel(name, 60, 300, record_seconds=1 / 3, label=f"{name}-Avg", unit="UV")
        for name in CHANNELS
    ]
    path = tmp_path / "train" / "aaaaaaaa_s001_t000.edf"
    write_edf(path, [*signals, time_keeping(onsets)], "0.333333", reserved="EDF+D")
    path.with_suffix(".csv").write_text(
        "channel,start_time,stop_time,label,confidence\nTERM,20,40,seiz,1\n"
    )
    report = build(tmp_path, tmp_path / "stores")
    assert (report.exit_status, report.windows, report.hours) == (0, 1, round(60 / 3600, 6))


class TestLeftOut:
    def test_unlabelled(self, own_corpus: Path, tmp_path: Path) -> None:
        first, second, *_ = edf_files(own_corpus)
        first.with_suffix(".csv").unlink()
        second.with_suffix(".csv").write_text("channel,start_time,stop_time,label,confidence\n")
        told = reasons(build(own_corpus, tmp_path))
        assert "no annotation file" in told[first.name]
        assert "header but no rows" in told[second.name]

    def test_all_unlabelled_is_nothing_built(self, own_corpus: Path, tmp_path: Path) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            annotation.unlink()
        report = build(own_corpus, tmp_path)
        assert report.exit_status == 1
        assert not report.store.exists()

    @pytest.mark.parametrize(
        ("damage", "reason"),
        [
            pytest.param(lambda p: p.write_bytes(b""), "file is empty", id="empty"),
            pytest.param(lambda p: p.write_bytes(b"junk" * 99), "not an EDF file", id="not EDF"),
            pytest.param(lambda p: os.truncate(p, 700), "cut off", id="cut in the header"),
            pytest.param(
                lambda p: os.truncate(p, read_header(p).n_bytes), "no complete data", id="bare"
            ),
            pytest.param(
                lambda p: p.with_suffix(".csv").write_text(
                    "channel,start_time,stop_time,label,confidence\nTERM,x,2,seiz,1\n"
                ),
                "line 2",
                id="garbage row",
            ),
            pytest.param(
                lambda p: p.with_suffix(".csv").write_text(
                    "channel,start_time,stop_time,label,confidence\nTERM,1,2,oops,1\n"
                ),
                "unknown event class 'oops'",
                id="unknown class",
            ),
            pytest.param(
                lambda p: (p.unlink(), p.symlink_to("nowhere")), "No such file", id="dangling link"
            ),
        ],
    )
    def test_one_bad_recording_does_not_end_the_build(
        self, corpus: Path, tmp_path: Path, damage: object, reason: str
    ) -> None:
        own = tmp_path / "corpus"
        shutil.copytree(corpus / "edf" / "train", own / "edf" / "train")
        good = build(own, tmp_path / "stores", limit=3)
        victim = own / tuszstore.open(good.store).recordings["id"].values[1]
        damage(victim)  # type: ignore[operator]
        report = build(own, tmp_path / "stores", limit=2)
        assert report.exit_status == 3
        assert report.recordings == 2
        assert [entry.id for entry in report.failed] == [victim.relative_to(own).as_posix()]
        assert reason in report.failed[0].reason

    def test_a_file_that_disappears_after_planning(self, own_corpus: Path, tmp_path: Path) -> None:
        config = load_config(
            None, {"paths.data": own_corpus, "paths.store": tmp_path, "build.workers": 0}
        )
        plan = make_plan(config, "train")
        plan.recordings[-1].recording.path.unlink()
        report = builder.run_plan(plan)
        assert report.exit_status == 3
        assert "No such file" in report.failed[0].reason
        assert report.recordings == len(plan.recordings) - 1

    def test_a_file_that_grows_after_planning(self, own_corpus: Path, tmp_path: Path) -> None:
        config = load_config(
            None, {"paths.data": own_corpus, "paths.store": tmp_path, "build.workers": 0}
        )
        plan = make_plan(config, "train")
        path = plan.recordings[0].recording.path
        with path.open("ab") as file:
            file.write(bytes(20 * read_header(path).record_bytes))
        report = builder.run_plan(plan)
        assert "changed since it was planned" in report.failed[0].reason
        survivors = tuszstore.open(report.store)
        assert len(survivors.read(np.arange(len(survivors)))) == len(survivors)

    def test_an_error_of_a_library_is_a_reason(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = recording.preprocess
        calls = []

        def fail_once(*args: object) -> object:
            calls.append(args)
            if len(calls) == 1:
                raise ZeroDivisionError("odd file")
            return original(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(recording, "preprocess", fail_once)
        report = build(own_corpus, tmp_path)
        assert [entry.reason for entry in report.failed] == ["ZeroDivisionError: odd file"]

    def test_no_seizure_in_train_is_told(self, own_corpus: Path, tmp_path: Path) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            annotation.write_text(
                "channel,start_time,stop_time,label,confidence\nTERM,0,1,bckg,1\n"
            )
        assert build(own_corpus, tmp_path).exit_status == 2
        assert build(own_corpus, tmp_path, split="val").exit_status == 0

    def test_short_recordings_are_stored_and_counted(self, train: tuszstore.Store) -> None:
        short = train.recordings["n_windows"].values == 0
        assert short.any()
        assert (train.recordings["n_blocks"].values[short] > 0).all()


class TestPlan:
    def test_figures_are_those_of_the_build(self, corpus: Path, train: tuszstore.Store) -> None:
        config = load_config(None, {"paths.data": corpus, "paths.store": train.path.parent})
        plan = make_plan(config, "train")
        files = [file for file in train.path.rglob("*") if file.is_file()]
        assert plan.n_windows == len(train)
        assert [p.recording.id for p in plan.recordings] == list(train.recordings["id"].values)
        assert plan.expected_files == pytest.approx(len(files), rel=0.2)
        assert 0.5 < plan.expected_bytes / sum(f.stat().st_size for f in files) < 2
        json.dumps(plan.to_json())

    def test_every_recording_owns_whole_shards(self, corpus: Path, tmp_path: Path) -> None:
        for config in ("tusz", "smoke"):
            loaded = load_config(config, {"paths.data": corpus, "paths.store": tmp_path})
            plan = make_plan(loaded, "train")
            shard = plan.geometry.shard
            owned = [
                set(
                    range(
                        p.first_block // shard,
                        p.first_block // shard + plan.geometry.n_shards(p.n_samples),
                    )
                )
                for p in plan.recordings
            ]
            assert sum(map(len, owned)) == len(set().union(*owned)) == plan.n_shards
            assert all(planned.first_block % shard == 0 for planned in plan.recordings)

    def test_all_plans_the_splits_that_are_there(self, corpus: Path, tmp_path: Path) -> None:
        config = load_config(None, {"paths.data": corpus, "paths.store": tmp_path})
        assert [plan.split for plan in make_plans(config, "all")] == ["train", "dev", "eval"]

    def test_a_patient_in_two_splits_is_refused(self, own_corpus: Path, tmp_path: Path) -> None:
        path = edf_files(own_corpus)[0]
        target = own_corpus / "edf" / "dev" / "x" / "s001_2000" / "01_tcp_ar"
        target.mkdir(parents=True)
        shutil.copy(path, target / path.name)
        with pytest.raises(CorpusError, match=path.name.partition("_")[0]):
            build(own_corpus, tmp_path)

    def test_file_order_may_share_a_patient_and_says_so(self, corpus: Path, tmp_path: Path) -> None:
        report = build(corpus, tmp_path, "reference", split="val")
        patient = edf_files(corpus)[0].name.partition("_")[0]
        assert any(patient in warning for warning in report.warnings)
        assert read_attributes(report.store)["warnings"] == list(report.warnings)

    @pytest.mark.parametrize(
        "text", ["", " ", "much", "-3GB", "0", "GB", "nan", "inf", "1e400GB", "50%", "8 apples"]
    )
    def test_an_amount_of_memory_must_be_one(self, text: str) -> None:
        with pytest.raises(BuildError, match="max_memory"):
            memory_bytes(text)

    def test_memory_limits_the_workers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        needs = [(500_000_000, "a"), (900_000_000, "long"), *[(500_000_000, "b")] * 8]
        monkeypatch.setattr(memory, "memory_of_machine", lambda: 64_000_000_000)
        assert choose_workers(Build(workers=8), needs) == (8, "")
        assert choose_workers(Build(workers=8), needs[:3]) == (3, "")
        assert choose_workers(Build(workers=0, max_memory="1GB"), needs) == (0, "")
        assert choose_workers(Build(workers=8, max_memory="2.8GB"), needs) == (
            3,
            "3 of 8 workers fit into max_memory: about 0.9 GB are needed for long",
        )
        monkeypatch.setattr(memory, "memory_of_machine", lambda: 2_000_000_000)
        n_workers, told = choose_workers(Build(workers=8), needs)
        assert (n_workers, "2 of 8 workers fit into the memory of this" in told) == (2, True)
        n_workers, told = choose_workers(Build(workers=8), [(3_000_000_000, "huge")] * 9)
        assert (n_workers, "3.0 GB are needed for huge, more than" in told) == (1, True)
        given = Build(workers=8, max_memory="1GB", scheduler="tcp://x:1")
        assert "does not apply to the workers of a scheduler" in choose_workers(given, needs)[1]

    def test_a_small_build_starts_no_workers_unless_they_are_asked_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "memory_of_machine", lambda: 64_000_000_000)
        monkeypatch.setattr(os, "cpu_count", lambda: 4)
        needs = [(500_000_000, str(k)) for k in range(9)]
        small, large = memory.SMALL_HOURS - 0.1, memory.SMALL_HOURS
        assert choose_workers(Build(), needs, small) == (0, "")
        assert choose_workers(Build(max_memory="8GB"), needs, small) == (0, "")
        assert choose_workers(Build(), needs, large) == (4, "")
        assert choose_workers(Build(workers=2), needs, small) == (2, "")
        assert choose_workers(Build(scheduler="tcp://x:1"), needs, small) == (4, "")

    def test_the_default_of_a_small_build_does_not_start_a_cluster(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def started(*_: object, **__: object) -> None:
            raise AssertionError("a cluster was started")

        monkeypatch.setattr("distributed.LocalCluster", started)
        assert build(own_corpus, tmp_path, workers=None).status == "built"
        with pytest.raises(AssertionError, match="a cluster was started"):
            build(own_corpus, tmp_path, workers=1, force=True)

    @pytest.mark.slow
    def test_a_build_says_that_memory_allows_fewer_workers(
        self, own_corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        config = {"build": {"max_memory": "500MB"}}
        assert build(own_corpus, tmp_path, config, workers=2).status == "built"
        assert "1 of 2 workers fit into max_memory" in caplog.text

    @pytest.mark.parametrize("workers", [0, 1, 2])
    def test_less_memory_than_one_worker_needs_is_refused(
        self, own_corpus: Path, tmp_path: Path, workers: int
    ) -> None:
        root = tmp_path / "stores"
        config = {"build": {"max_memory": "200MB"}}
        with pytest.raises(BuildError, match=r"needs about 4\d\dMB .*edf, but .* is 200MB") as told:
            build(own_corpus, root, config, workers=workers)
        assert not root.exists()
        enough = str(told.value).rpartition("raise --max-memory to ")[2].removesuffix(" or more")
        options = {"paths.data": own_corpus, "paths.store": root, "build.max_memory": enough}
        check_memory(make_plan(load_config(None, options), "train"))

    def test_memory_matters_only_where_something_is_built(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        build(own_corpus, tmp_path)
        config = {"build": {"max_memory": "200MB"}}
        assert build(own_corpus, tmp_path, config).status == "unchanged"
        other = {**config, "labels": {"full_seizure": 0.5}}
        assert build(own_corpus, tmp_path, other).changes["keep"] == 3
        with pytest.raises(BuildError, match="200MB"):
            build(own_corpus, tmp_path, other, force=True)


class TestPublish:
    def test_an_unchanged_corpus_is_not_built_again(self, own_corpus: Path, tmp_path: Path) -> None:
        first = build(own_corpus, tmp_path)
        inode = (first.store / "zarr.json").stat().st_ino
        again = build(own_corpus, tmp_path)
        assert (first.status, again.status) == ("built", "unchanged")
        assert (first.store / "zarr.json").stat().st_ino == inode
        assert build(own_corpus, tmp_path, force=True).status == "built"
        assert build(own_corpus, tmp_path, {"storage": {"codec": "zstd"}}).status == "built"
        edf_files(own_corpus)[0].with_suffix(".csv").touch()
        assert build(own_corpus, tmp_path, {"storage": {"codec": "zstd"}}).status == "built"

    def test_a_failed_rebuild_leaves_the_old_store(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "stores"
        store = build(own_corpus, root).store
        before = tuszstore.open(store).windows[:]

        def full(path: Path, content: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(recording, "write_durably", full)
        with pytest.raises(BuildError, match="No space left on device"):
            build(own_corpus, root, force=True)
        np.testing.assert_array_equal(tuszstore.open(store).windows[:], before)
        names = [".train.zarr.building", ".train.zarr.lock", "train.zarr"]
        assert sorted(f.name for f in root.iterdir()) == names

    def test_too_little_space_is_told_before_the_build(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage(tmp_path)._replace(free=1000)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(BuildError, match="are free on this disk"):
            build(own_corpus, tmp_path / "stores")
        assert not (tmp_path / "stores").exists()

    @pytest.mark.parametrize("where", ["store", "root"])
    def test_a_file_in_the_way_is_refused(
        self, own_corpus: Path, tmp_path: Path, where: str
    ) -> None:
        root = tmp_path / "stores"
        if where == "root":
            root.write_text("mine")
        else:
            root.mkdir()
            (root / "train.zarr").write_text("mine")
        with pytest.raises(BuildError, match="is a file"):
            build(own_corpus, root, force=True)
        assert (root if where == "root" else root / "train.zarr").read_text() == "mine"

    def test_a_foreign_folder_in_the_way_is_refused(self, own_corpus: Path, tmp_path: Path) -> None:
        (tmp_path / "train.zarr").mkdir()
        (tmp_path / "train.zarr" / "thesis.txt").write_text("mine")
        with pytest.raises(BuildError, match=r"train\.zarr: is a folder, but not a store; move it"):
            build(own_corpus, tmp_path, force=True)
        assert (tmp_path / "train.zarr" / "thesis.txt").exists()

    def test_a_store_in_the_place_of_its_folder_is_refused(
        self, own_corpus: Path, own_store: Path
    ) -> None:
        before = sorted(own_store.rglob("*"))
        with pytest.raises(BuildError, match="stores cannot be nested") as caught:
            build(own_corpus, own_store)
        with pytest.raises(BuildError, match="stores cannot be nested"):  # the plan, too
            make_plan(
                load_config(None, {"paths.data": own_corpus, "paths.store": own_store}), "train"
            )
        assert str(caught.value).endswith(f"--store {own_store.parent}")
        assert sorted(own_store.rglob("*")) == before

    def test_a_store_whose_name_is_a_link_is_replaced_where_it_lies(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        root, disk = tmp_path / "stores", tmp_path / "disk"
        build(own_corpus, disk)
        (disk / "train.zarr").rename(disk / "mine[1].zarr")
        root.mkdir()
        (root / "train.zarr").symlink_to("../disk/hop")
        (disk / "hop").symlink_to(disk / "mine[1].zarr")
        reader = tuszstore.open(root / "train.zarr")
        before = reader.windows[:]
        report = build(own_corpus, root, {"storage": {"codec": "zstd"}})
        assert report.status == "built"
        assert report.store == disk / "mine[1].zarr"
        assert (root / "train.zarr").is_symlink()
        assert tuszstore.open(root / "train.zarr").metadata.encoding.codec == "zstd"
        np.testing.assert_array_equal(reader.windows[:], before)
        del reader
        gc.collect()
        assert build(own_corpus, root, {"storage": {"codec": "zstd"}}).status == "unchanged"
        assert [f.name for f in root.iterdir()] == ["train.zarr"]
        assert {f.name for f in disk.iterdir()} - {".train.zarr.lock"} == {
            ".mine[1].zarr.lock",
            "hop",
            "mine[1].zarr",
        }
        assert tuszstore.verify(root / "train.zarr", deep=True).ok

    def test_a_link_to_an_empty_folder_chooses_the_place(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "stores").symlink_to(tmp_path / "disk")  # the root is one as well
        (tmp_path / "elsewhere" / "empty").mkdir(parents=True)
        (tmp_path / "disk" / "dev.zarr").symlink_to(tmp_path / "elsewhere" / "empty")
        report = build(own_corpus, tmp_path / "stores", split="val")
        assert report.store == tmp_path / "elsewhere" / "empty"
        names = {f.name for f in report.store.parent.iterdir()}
        assert names == {"empty", ".empty.lock"}
        for name in ("dev", "val"):
            assert len(tuszstore.open(tmp_path / "stores" / f"{name}.zarr")) == report.windows

    @pytest.mark.parametrize("target", ["gone", "train.zarr", "file", "foreign"])
    @pytest.mark.parametrize("force", [False, True])
    def test_a_link_to_no_store_is_refused(
        self, own_corpus: Path, tmp_path: Path, target: str, force: bool
    ) -> None:
        (tmp_path / "file").write_text("mine")
        (tmp_path / "foreign").mkdir()
        (tmp_path / "foreign" / "zarr.json").write_text("{}")
        (tmp_path / "train.zarr").symlink_to(target)
        told = {
            "file": "file: is a file, not a store",
            "foreign": "foreign: is a folder, but not a store",
        }.get(target, r"train.zarr: is a link to .*which does not exist; mount")
        with pytest.raises(BuildError, match=told):
            build(own_corpus, tmp_path, force=force)
        assert os.readlink(tmp_path / "train.zarr") == target
        names = {"train.zarr", "file", "foreign", "corpus"}
        assert {f.name for f in tmp_path.iterdir()} == names
        assert (tmp_path / "foreign" / "zarr.json").read_text() == "{}"

    def test_a_root_that_leads_nowhere_is_refused(self, own_corpus: Path, tmp_path: Path) -> None:
        (tmp_path / "disk").symlink_to("gone")
        for root in (tmp_path / "disk", tmp_path / "disk" / "stores"):
            with pytest.raises(BuildError, match=r"disk: is a link to .*gone, which does not"):
                build(own_corpus, root)

    @pytest.mark.parametrize("name", ["building", "lock"])
    def test_what_is_hidden_beside_a_store_may_be_no_link(
        self, own_corpus: Path, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("mine")
        to = "mine" if name == "building" else "mine/thesis.txt"
        (tmp_path / f".train.zarr.{name}").symlink_to(to)
        with pytest.raises(BuildError, match=rf"\.train\.zarr\.{name}: is a link"):
            build(own_corpus, tmp_path)
        assert (tmp_path / "mine" / "thesis.txt").read_text() == "mine"

    def test_what_a_link_that_was_moved_aside_leads_to_stays(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        store = build(own_corpus, tmp_path / "a").store
        aside = tmp_path / "b" / ".train.zarr.old.00000000000000000001"
        aside.parent.mkdir()
        aside.symlink_to(store)
        build(own_corpus, tmp_path / "b")
        assert not aside.is_symlink()
        assert tuszstore.verify(store, deep=True).ok

    def test_another_store_under_the_name_of_val_is_told(
        self, own_corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = build(own_corpus, tmp_path / "other").store
        root = tmp_path / "stores"
        root.mkdir()
        (root / "val.zarr").symlink_to(other)
        build(own_corpus, root, split="val")
        assert "val.zarr is not the same store as dev.zarr" in caplog.text
        assert tuszstore.open(root / "val.zarr").attrs["split"] == "train"
        caplog.clear()
        (root / "val.zarr").unlink()
        build(own_corpus, root, split="val", force=True)
        assert os.readlink(root / "val.zarr") == "dev.zarr"
        build(own_corpus, root, split="val")
        assert not caplog.text

    def test_val_is_another_name_of_dev(self, own_corpus: Path, tmp_path: Path) -> None:
        report = build(own_corpus, tmp_path, split="val")
        assert report.store.name == "dev.zarr"
        dev, val = (tuszstore.open(tmp_path / f"{name}.zarr") for name in ("dev", "val"))
        assert dev.attrs == val.attrs
        (tmp_path / "val.zarr").unlink()
        assert tuszstore.open(tmp_path / "val.zarr").path == report.store

    @pytest.mark.slow
    def test_readers_never_see_half_a_store(self, own_corpus: Path, tmp_path: Path) -> None:
        """Whoever looks while two stores take turns finds a whole one, each time."""
        one = build(own_corpus, tmp_path / "a").store
        two = build(own_corpus, tmp_path / "b", {"storage": {"codec": "none"}}).store
        place = tmp_path / "train.zarr"
        shutil.copytree(one, place)
        hashes = {read_attributes(path)["config_hash"] for path in (one, two)}
        assert len(hashes) == 2
        stop = threading.Event()
        seen: list[object] = []

        def look() -> None:
            while not stop.is_set():
                seen.append(read_attributes(place).get("config_hash"))

        thread = threading.Thread(target=look)
        thread.start()
        for source in [two, one] * 20:
            copy = tmp_path / "copy"
            shutil.copytree(source, copy)
            publish(copy, place)
        stop.set()
        thread.join()
        assert set(seen) <= hashes
        assert len(seen) > 20

    def test_two_builds_of_one_store_do_not_meet(self, own_corpus: Path, tmp_path: Path) -> None:
        with (
            locked(tmp_path / "train.zarr"),
            pytest.raises(BuildError, match=f"another build is running.*process {os.getpid()} on"),
        ):
            build(own_corpus, tmp_path)
        assert build(own_corpus, tmp_path).status == "built"

    @pytest.mark.slow
    def test_a_killed_build_leaves_the_old_store_and_can_be_repeated(
        self, own_corpus: Path, tmp_path: Path
    ) -> None:
        old = build(own_corpus, tmp_path)
        code = (
            "import time, tuszstore\n"
            "from tuszstore.builder import recording\n"
            "recording._annotation = lambda *a: time.sleep(60)\n"
            f"tuszstore.build(split='train', data={str(own_corpus)!r}, store={str(tmp_path)!r}, "
            "workers=0, force=True)\n"
        )
        process = subprocess.Popen([sys.executable, "-c", code])
        unfinished = tmp_path / ".train.zarr.building" / "build.json"
        deadline = time.monotonic() + 30
        while not unfinished.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert unfinished.exists()
        assert len(tuszstore.open(old.store)) == old.windows
        report = build(own_corpus, tmp_path, force=True)
        assert report.windows == old.windows
        assert not unfinished.exists()


class TestDask:
    def test_workers_build_the_same_store(self, own_corpus: Path, tmp_path: Path) -> None:
        here = tuszstore.open(build(own_corpus, tmp_path / "a").store)
        there = tuszstore.open(build(own_corpus, tmp_path / "b", workers=2).store)
        for name in ("signal_digest", "label_digest"):
            np.testing.assert_array_equal(here.recordings[name], there.recordings[name])
        np.testing.assert_array_equal(here.index["category"], there.index["category"])

    @pytest.mark.slow
    def test_a_worker_that_dies_costs_one_recording(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "build_recording", die_over_the_first)
        report = build(own_corpus, tmp_path, workers=1)
        assert report.recordings == len(edf_files(own_corpus)) - 1
        assert "its worker died" in report.failed[0].reason

    def test_any_cluster_serves(self, own_corpus: Path, tmp_path: Path) -> None:
        from distributed import LocalCluster

        (edf_files(own_corpus)[-1]).write_bytes(b"")
        with LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster:
            config = {"build": {"scheduler": cluster.scheduler_address}}
            report = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path)
        assert report.exit_status == 3
        assert report.recordings == len(edf_files(own_corpus)) - 1

    @pytest.mark.slow
    def test_a_cluster_without_workers_is_waited_for(
        self,
        own_corpus: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        from distributed import LocalCluster

        monkeypatch.setattr(watch, "SAY_SECONDS", 0.3)
        monkeypatch.setattr(watch, "LOOK_SECONDS", 0.1)
        with LocalCluster(
            n_workers=0, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as cluster:
            config = {"build": {"scheduler": cluster.scheduler_address}}
            given = {"split": "train", "data": own_corpus, "store": tmp_path}
            with monkeypatch.context() as patch:
                patch.setattr(watch, "GIVE_UP_SECONDS", 1.0)
                with pytest.raises(BuildError, match=r"//.*: no workers for 1 s; start workers"):
                    tuszstore.build(config, **given)
            messages = said(caplog)
            assert "no workers; the build waits from now on, 1 s at most" in messages[0]
            assert any("the build waits for " in message for message in messages[1:])
            caplog.clear()
            timer = threading.Timer(1.5, cluster.scale, [1])
            timer.start()
            assert tuszstore.build(config, **given).status == "built"
            timer.join()
        assert "no workers; the build waits from now on, 60 min at most" in caplog.text
        assert said(caplog)[-1].endswith("workers are available; the build continues")

    def test_paused_workers_are_told(self, caplog: pytest.LogCaptureFixture) -> None:
        class Client:
            status = "paused"

            def nthreads(self) -> dict[str, int]:
                return {"tcp://a": 2}

            def scheduler_info(self) -> object:
                return {"workers": {"tcp://a": {"status": self.status, "memory_limit": 2e8}}}

        client, told = Client(), []
        looks = watch.Watch(client, "here", told.append)
        assert looks.look() == 0
        assert told == []  # it may be over at once
        assert looks.look(grace=0.0) == 0
        assert "all workers are paused" in told[0]
        assert "0.2 GB per worker" in told[0]
        client.status = "running"
        assert looks.look() == 2
        assert "the build continues" in told[1]

    def test_no_scheduler_there(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "CONNECT_SECONDS", 1)
        for address in ("tcp://127.0.0.1:9", "nonsense"):
            config = {"build": {"scheduler": address}}
            with pytest.raises(BuildError, match="no Dask scheduler"):
                tuszstore.build(config, split="train", data=own_corpus, store=tmp_path)
        assert not (tmp_path / "train.zarr").exists()


@pytest.mark.parametrize(("share", "in_threads"), [(0.9, False), (0.1, True)])
def test_headers_are_read_in_threads_where_they_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, share: float, in_threads: bool
) -> None:
    wall = iter(range(10**6))
    processor = (share * number for number in range(10**6))
    monkeypatch.setattr(overlap.time, "perf_counter", lambda: next(wall))
    monkeypatch.setattr(overlap.time, "process_time", lambda: next(processor))
    threads = set()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        return -number

    assert list(overlap.overlapped(work, range(600))) == [-number for number in range(600)]
    assert (threads != {threading.get_ident()}) == in_threads


@pytest.mark.slow
def test_a_script_without_its_guard_is_told_so(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", patients=1, files=2, minutes=0.5, quirks=False)
    script = tmp_path / "script.py"
    script.write_text(
        "import tuszstore\n"
        f"tuszstore.build('smoke', split='train', data={str(tmp_path / 'corpus')!r},\n"
        f"                store={str(tmp_path / 'stores')!r}, workers=1)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "each worker that starts would build" in done.stderr
    assert done.stderr.count("if __name__ == '__main__':") >= 2  # in the worker, and at the end
    assert "BuildError: no worker can be started" in done.stderr.strip()
    assert not (tmp_path / "stores" / "train.zarr").exists()


def test_a_call_builds_one_split(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"one split, not 'all'; call build for 'train', .* --split"
    ):
        tuszstore.build(split="all", data=tmp_path, store=tmp_path)
