"""Builds that are interrupted, and go on; builds that meet."""

import errno
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tuszstore.builder import builder, lock, recording, records
from tuszstore.builder.files import Files
from tuszstore.builder.keys import plugins_of
from tuszstore.builder.lock import Holder, find_holder, lock_path, locked
from tuszstore.builder.provenance import built_with
from tuszstore.builder.records import checked, new_folder, read_record, read_records, with_checksum
from tuszstore.builder.workplace import Workplace
from tuszstore.cli import main
from tuszstore.corpus.choose import choose_corpus
from tuszstore.errors import BuildError, StoreError

CONFIG = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 60}}


class Stop(BaseException):
    """Ends a build in its midst, as a signal does."""


def build(corpus: Path, root: Path, config: object = None, **options: Any) -> Any:
    given = {"split": "train", "workers": 0, **options}
    return tuszstore.build(config or CONFIG, data=corpus, store=root, **given)


def stop_after(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let builds end before the recording after n others."""
    original, done = recording.preprocess, []

    def preprocess(*args: Any) -> Any:
        if len(done) == n:
            raise Stop
        done.append(args)
        return original(*args)

    monkeypatch.setattr(recording, "preprocess", preprocess)


def content(root: Path) -> str:
    return str(tuszstore.open(root / "train.zarr").attrs["content_digest"])


@pytest.fixture
def clean(own_corpus: Path, tmp_path: Path) -> str:
    """Content digest of a build that nothing interrupts."""
    return content(build(own_corpus, tmp_path / "clean").store.parent)


class TestResume:
    def test_only_what_is_missing_is_built(
        self, own_corpus: Path, tmp_path: Path, clean: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "stores"
        with monkeypatch.context() as patch:
            stop_after(patch, 2)
            with pytest.raises(Stop):
                build(own_corpus, root)
        assert not (root / "train.zarr").exists()
        report = build(own_corpus, root)
        assert (report.changes["resume"], report.changes["build"]) == (2, 1)
        assert content(root) == clean
        assert sorted(f.name for f in root.iterdir()) == [".train.zarr.lock", "train.zarr"]

    def test_an_unfinished_first_build_is_told_where_its_store_would_be(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "stores"
        with monkeypatch.context() as patch:
            stop_after(patch, 1)
            with pytest.raises(Stop):
                build(own_corpus, root)
        told = r"an unfinished build \(\.train\.zarr\.building\): rerun the build to resume"
        with pytest.raises(StoreError, match=f"no store here, but {told}"):
            tuszstore.open(root / "train.zarr")
        with pytest.raises(StoreError, match=f"no store here, but {told}"):
            tuszstore.verify(root / "train.zarr")
        with pytest.raises(StoreError, match=f"not a store of tuszstore, but a folder with {told}"):
            tuszstore.open(root)
        build(own_corpus, root)
        with pytest.raises(StoreError, match=r"but beside it: .*train\.zarr"):
            tuszstore.open(root / "eval.zarr")

    def test_another_plan_takes_what_serves(
        self, own_corpus: Path, tmp_path: Path, clean: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Interrupted, a recording added before the others, and another configuration tried."""
        root = tmp_path / "stores"
        with monkeypatch.context() as patch:
            stop_after(patch, 1)
            with pytest.raises(Stop):
                build(own_corpus, root, limit=2)
        config = {**CONFIG, "labels": {"full_seizure": 0.5}}
        report = build(own_corpus, root, config)
        assert (report.changes["resume"], report.changes["build"]) == (1, 2)
        assert content(root) != clean
        assert build(own_corpus, root).changes["keep"] == 3
        assert content(root) == clean

    @pytest.mark.parametrize(
        ("damage", "told"),
        [
            ("cut", "signal.1: size has changed"),
            ("no record", "record.json: "),
            ("flipped block", "signal.0: checksum is wrong"),
            ("of another", "record.json: of another recording"),
            *(
                pytest.param(damage, told, marks=pytest.mark.slow)
                for damage, told in {
                    "lost": "label.0: No such file",
                    "another version": "record.json: version 99",
                    "flipped record": "record.json: checksum is wrong",
                    "flipped label": "label.0: checksum is wrong",
                    "flipped index": "signal.1: file is cut off, or its index is damaged",
                }.items()
            ),
        ],
    )  # fmt: skip
    def test_what_is_not_whole_is_built_again(
        self,
        own_corpus: Path,
        tmp_path: Path,
        clean: str,
        monkeypatch: pytest.MonkeyPatch,
        damage: str,
        told: str,
    ) -> None:
        root = tmp_path / "stores"
        with monkeypatch.context() as patch:
            stop_after(patch, 2)
            with pytest.raises(Stop):
                build(own_corpus, root)
        folder = min(Workplace(root / "train.zarr").recordings.iterdir())
        record = folder / "record.json"
        if damage == "cut":
            os.truncate(folder / "signal.1", 1000)
        elif damage == "lost":
            (folder / "label.0").unlink()
        elif damage == "no record":
            os.truncate(record, record.stat().st_size // 2)
        elif damage == "another version":
            record.write_bytes(with_checksum({**checked(record.read_bytes()), "version": 99}))
        elif damage == "flipped record":
            flip(record, record.read_bytes().index(b'"mean"') + 12)
        elif damage == "flipped label":
            flip(folder / "label.0", 30)
        elif damage == "flipped block":
            flip(folder / "signal.0", 100)
        elif damage == "flipped index":
            flip(folder / "signal.1", -20)
        else:
            other = max(folder.parent.iterdir())
            shutil.rmtree(folder)
            shutil.copytree(other, folder)
        args = ["build", "-s", "train", "-d", str(own_corpus), "-o", str(root), "-w", "0"]
        options = ["--set", "windows.length=20", "--set", "storage.shard_seconds=60"]
        result = CliRunner().invoke(main, [*args, *options])
        assert result.exit_code == 0, result.output
        assert "1 recording built before the interruption" in result.output
        assert re.search(
            rf"2 recordings to build: 1 .*damaged since the interruption: {told}", result.output
        )
        assert content(root) == clean
        assert tuszstore.verify(root / "train.zarr", deep=True).ok

    def test_a_note_of_the_build_that_is_damaged_costs_nothing(
        self, own_corpus: Path, tmp_path: Path, clean: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "stores"
        with monkeypatch.context() as patch:
            stop_after(patch, 2)
            with pytest.raises(Stop):
                build(own_corpus, root)
        work = Workplace(root / "train.zarr")
        note = work.path / "build.json"
        flip(note, note.read_bytes().index(b'"forced": ') + 2)
        assert work.begun() == {}
        report = build(own_corpus, root)
        assert (report.changes["resume"], report.changes["build"]) == (2, 1)
        assert content(root) == clean

    def test_damage_beside_a_store_that_serves_is_not_taken_up(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a recording that is relabelled: the interrupted build had done so already."""
        root = tmp_path / "stores"
        build(own_corpus, root)
        config = {**CONFIG, "labels": {"rounding": "truncate"}}
        original = builder.assemble

        def stop(*args: Any) -> None:
            raise Stop

        monkeypatch.setattr(builder, "assemble", stop)
        with pytest.raises(Stop):
            build(own_corpus, root, config)
        monkeypatch.setattr(builder, "assemble", original)
        flip(min(Workplace(root / "train.zarr").recordings.iterdir()) / "label.0", 30)
        report = build(own_corpus, root, config)
        assert (report.changes["resume"], report.changes["relabel"]) == (2, 1)
        assert tuszstore.verify(root / "train.zarr", deep=True).ok

    def test_a_source_that_changed_meanwhile(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "stores"
        with monkeypatch.context() as patch:
            stop_after(patch, 2)
            with pytest.raises(Stop):
                build(own_corpus, root)
        done = read_records(Workplace(root / "train.zarr").recordings)
        first, second = sorted(done)
        with (own_corpus / first).open("r+b") as file:
            file.seek(-500, os.SEEK_END)
            file.write(b"\1\2" * 50)
        annotation = (own_corpus / second).with_suffix(".csv")
        annotation.write_text(annotation.read_text() + "TERM,3,9,seiz,1\n")
        report = build(own_corpus, root)
        assert {name: report.changes[name] for name in ("resume", "relabel", "build")} == {
            "resume": 0,
            "relabel": 1,
            "build": 2,
        }
        build(own_corpus, tmp_path / "fresh")
        assert content(root) == content(tmp_path / "fresh")

    def test_force_goes_on_only_with_what_was_forced(
        self, own_corpus: Path, tmp_path: Path, clean: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "stores"
        with monkeypatch.context() as patch:
            stop_after(patch, 1)
            with pytest.raises(Stop):
                build(own_corpus, root)
        with monkeypatch.context() as patch:
            stop_after(patch, 2)
            with pytest.raises(Stop):
                build(own_corpus, root, force=True)
        report = build(own_corpus, root, force=True)
        assert (report.changes["resume"], report.changes["build"]) == (2, 1)
        assert build(own_corpus, root, force=True).changes["build"] == 3
        assert content(root) == clean

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPERM])
    def test_an_error_names_the_path_and_keeps_the_work(
        self,
        own_corpus: Path,
        tmp_path: Path,
        clean: str,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
    ) -> None:
        root = tmp_path / "stores"
        original, written = recording.write_durably, []

        def full(path: Path, content: bytes) -> None:
            written.append(path)
            if len(written) > 5:
                raise OSError(number, os.strerror(number), str(path))
            original(path, content)

        with monkeypatch.context() as patch:
            patch.setattr(recording, "write_durably", full)
            told = rf"{root}/.*/(signal|label).\d: cannot be written: {os.strerror(number)}.*kept"
            with pytest.raises(BuildError, match=told):
                build(own_corpus, root)
        report = build(own_corpus, root)
        assert report.changes["resume"] > 0
        assert content(root) == clean

    def test_a_full_disk_while_the_store_is_put_together(
        self, own_corpus: Path, tmp_path: Path, clean: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "stores"

        def full(*args: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", "/some/table")

        with monkeypatch.context() as patch:
            patch.setattr(builder, "finish", full)
            with pytest.raises(BuildError, match="/some/table: cannot be written: No space"):
                build(own_corpus, root)
        assert build(own_corpus, root).changes["resume"] == 3
        assert content(root) == clean

    def test_without_links_across_folders_files_are_copied(
        self, own_corpus: Path, tmp_path: Path, clean: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = os.link

        def link(source: Any, target: Any) -> None:
            if Path(source).parent != Path(target).parent:
                raise OSError(errno.EPERM, "Operation not permitted")
            original(source, target)

        monkeypatch.setattr(records.os, "link", link)
        root = tmp_path / "stores"
        build(own_corpus, root)
        assert content(root) == clean
        build(own_corpus, root, {**CONFIG, "labels": {"rounding": "truncate"}})
        build(own_corpus, root)
        assert content(root) == clean

    @pytest.mark.parametrize(
        "number",
        [
            signal.SIGINT,
            pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
            pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        ],
    )
    def test_a_signal_ends_the_command_in_order(
        self, own_corpus: Path, tmp_path: Path, number: int
    ) -> None:
        code = (
            "import signal, sys, time\n"
            "from tuszstore.builder import recording\n"
            "from tuszstore.cli import main\n"
            # the tests may run in the background, where signals are ignored
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
            "original, done = recording.preprocess, []\n"
            "def preprocess(*args):\n"
            "    if done: time.sleep(60)\n"
            "    done.append(1)\n"
            "    return original(*args)\n"
            "recording.preprocess = preprocess\n"
            "main()\n"
        )
        args = [
            "build",
            "--split",
            "train",
            "--data",
            str(own_corpus),
            "--store",
            str(tmp_path),
            "--workers",
            "0",
            "--quiet",
        ]
        work = Workplace(tmp_path / "train.zarr")
        with subprocess.Popen(
            [sys.executable, "-c", code, *args], stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                wait_for(lambda: work.built(forced=False))
                process.send_signal(number)
                _, told = process.communicate(timeout=50)
            finally:
                process.kill()
        assert process.returncode == 128 + number
        assert "what is built is kept" in told
        assert "Traceback" not in told
        assert len(work.built(forced=False)) == 1
        assert not list(work.recordings.glob("*.part"))


def flip(path: Path, at: int) -> None:
    """Flip one bit of a file that others may share."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.unlink()
    path.write_bytes(content)


def wait_for(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


class TestRecords:
    @given(
        values=st.dictionaries(
            st.text(max_size=5),
            st.none() | st.integers() | st.floats() | st.text(max_size=9),
            max_size=4,
        ),
        data=st.data(),
    )
    def test_no_flipped_bit_changes_a_value(self, values: dict[str, Any], data: Any) -> None:
        content = with_checksum(values)
        before = json.dumps(checked(content), sort_keys=True)
        assert before == json.dumps(values, sort_keys=True)
        at = data.draw(st.integers(0, len(content) - 1))
        bit = data.draw(st.integers(0, 7))
        flipped = bytes([*content[:at], content[at] ^ 1 << bit, *content[at + 1 :]])
        try:
            after = checked(flipped)
        except ValueError:
            return
        assert json.dumps(after, sort_keys=True) == before  # between values

    def test_a_record_is_the_same_when_it_is_read(self, train: tuszstore.Store) -> None:
        from tuszstore.builder.changes import Published

        published = Published(train.metadata)
        for id_ in published.rows:
            record, _ = published.get(id_) or pytest.fail("no record")
            again = records.Record.from_json(json.loads(json.dumps(record.to_json())))
            assert again.id == record.id
            assert again.events.events == record.events.events or any(
                event.confidence != event.confidence for event in record.events.events
            )
            for name, value in record.row.items():
                np.testing.assert_array_equal(again.row[name], value)
            for name in ("first", "stop", "bit"):
                np.testing.assert_array_equal(
                    getattr(again.events, name), getattr(record.events, name)
                )

    def test_of_two_workers_the_first_stays(self, own_corpus: Path, tmp_path: Path) -> None:
        root = tmp_path / "stores"
        build(own_corpus, root)
        work = Workplace(root / "train.zarr")
        work.recordings.mkdir(parents=True)
        planned = tuszstore.open(root / "train.zarr")
        id_ = str(planned.recordings["id"].values[0])
        config = built_with(planned.metadata)
        ref = choose_corpus(config, own_corpus)
        n_samples = int(planned.recordings["n_samples"][0])
        task = recording.Task(id_, ref, ref.open().find(id_), plugins_of(config), n_samples, 180.0)
        results = []
        threads = [
            threading.Thread(
                target=lambda: results.append(
                    recording.build_recording(task, work.recordings, config)
                )
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [type(result) for result in results] == [recording.Built] * 3
        (folder,) = work.recordings.iterdir()
        assert read_record(folder) is not None

    def test_a_folder_is_there_whole_or_not_at_all(self, tmp_path: Path) -> None:
        def die() -> None:
            with new_folder(tmp_path, "a") as folder:
                (folder / "signal.0").write_bytes(b"x")
                raise Stop

        with pytest.raises(Stop):
            die()
        assert not list(tmp_path.iterdir())

    def test_places(self, tmp_path: Path) -> None:
        assert Files(tmp_path, 7).signal(2) == tmp_path / "signal/c/9/0/0"
        assert Files(tmp_path).label(2) == tmp_path / "label.2"


class TestLock:
    def test_it_names_its_holder(self, tmp_path: Path) -> None:
        store = tmp_path / "train.zarr"
        assert find_holder(store) is None
        with locked(store):
            holder = find_holder(store)
            assert holder is not None
            assert (holder.pid, holder.host) == (os.getpid(), lock.socket.gethostname())
            with (
                pytest.raises(BuildError, match=f"process {os.getpid()} on .*, since"),
                locked(store),
            ):
                pytest.fail("two hold one lock")
        assert find_holder(store) is None

    def test_of_a_process_that_died(self, tmp_path: Path) -> None:
        store = tmp_path / "train.zarr"
        code = (
            "import os, pathlib, signal\n"
            "from tuszstore.builder.lock import locked\n"
            f"with locked(pathlib.Path({str(store)!r})):\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        subprocess.run([sys.executable, "-c", code])
        assert json.loads(lock_path(store).read_text())["pid"] != os.getpid()
        assert find_holder(store) is None
        with locked(store):
            assert find_holder(store) is not None

    def test_on_another_machine(self, tmp_path: Path) -> None:
        """Whose locks do not reach here: the file tells, as long as it is renewed."""
        store = tmp_path / "train.zarr"
        other = Holder("elsewhere", 1, "2026-01-01T00:00:00+00:00", "x")
        lock_path(store).write_text(json.dumps(vars(other)))
        assert find_holder(store) == other
        with pytest.raises(BuildError, match="process 1 on elsewhere"), locked(store):
            pytest.fail("two hold one lock")
        old = time.time() - lock.STALE_SECONDS - 1
        os.utime(lock_path(store), (old, old))
        assert find_holder(store) is None
        with locked(store):
            pass

    def test_a_holder_renews_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lock, "BEAT_SECONDS", 0.01)
        store = tmp_path / "train.zarr"
        with locked(store):
            os.utime(lock_path(store), (0, 0))
            wait_for(lambda: lock_path(store).stat().st_mtime > 0)

    def test_without_locks_of_the_file_system(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def flock(*args: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", flock)
        monkeypatch.setattr(lock, "_SETTLE_SECONDS", 0.01)
        store = tmp_path / "train.zarr"
        with locked(store):
            assert find_holder(store) is not None
            with pytest.raises(BuildError, match="another build is running"), locked(store):
                pytest.fail("two hold one lock")
        gone = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
        )
        holder = Holder(lock.socket.gethostname(), int(gone.stdout), "then", "x")
        lock_path(store).write_text(json.dumps(vars(holder)))
        with locked(store):
            pass

    def test_the_command_says_who_builds(self, own_corpus: Path, tmp_path: Path) -> None:
        args = ["build", "--split", "train", "--data", str(own_corpus), "--store", str(tmp_path)]
        with locked(tmp_path / "train.zarr"):
            result = CliRunner().invoke(main, args)
        assert result.exit_code == 1
        assert f"process {os.getpid()} on" in result.output
