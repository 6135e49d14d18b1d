"""Readers that are open while their store is built anew."""

import errno
import fcntl
import gc
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tuszstore.builder.publish import publish
from tuszstore.errors import StoreError
from tuszstore.store import generations
from tuszstore.store.generations import old_generations, remove_unused

CONFIG = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 60}}
OTHER = {**CONFIG, "signal": {"clip": 5}}


def build(corpus: Path, root: Path, config: object = CONFIG) -> Path:
    report = tuszstore.build(config, split="train", data=corpus, store=root, workers=0)
    return Path(report.store)


@pytest.fixture
def path(own_corpus: Path, tmp_path: Path) -> Path:
    return build(own_corpus, tmp_path / "stores")


def test_an_open_store_reads_on(own_corpus: Path, path: Path) -> None:
    """Tables that it has not loaded yet, and signals that it has not read."""
    expected = tuszstore.open(path)
    signal, labels = expected.read(np.arange(len(expected)), labels=True)
    tables = {name: getattr(expected, name).load() for name in ("index", "recordings", "events")}
    started, fresh = tuszstore.open(path), tuszstore.open(path)
    started.read([0])
    build(own_corpus, path.parent, OTHER)
    build(own_corpus, path.parent, {**OTHER, "labels": {"rounding": "truncate"}})
    for store in (started, fresh):
        read, painted = store.read(np.arange(len(store)), labels=True)
        np.testing.assert_array_equal(read, signal)
        np.testing.assert_array_equal(painted, labels)
        for name, table in tables.items():
            assert getattr(store, name).identical(table)
        np.testing.assert_array_equal(store.read_recording(0), expected.read_recording(0))
    assert (tuszstore.open(path).read([3]) != signal[3]).any()
    assert "train.zarr:" in repr(fresh)


@pytest.mark.slow
def test_an_old_generation_goes_when_nobody_reads_it(own_corpus: Path, path: Path) -> None:
    store = tuszstore.open(path)
    again = tuszstore.open(path)
    build(own_corpus, path.parent, OTHER)
    assert len(old_generations(path)) == 1
    del store
    gc.collect()
    assert len(remove_unused(path)) == 1
    np.testing.assert_array_equal(again.read([0]).shape, (1, 19, 5120))
    del again
    gc.collect()
    build(own_corpus, path.parent, OTHER)  # nothing to do but this
    assert sorted(f.name for f in path.parent.iterdir()) == [".train.zarr.lock", "train.zarr"]


def test_one_that_was_removed_all_the_same_is_told(own_corpus: Path, path: Path) -> None:
    store = tuszstore.open(path)
    store.read([0])
    build(own_corpus, path.parent, OTHER)
    shutil.rmtree(old_generations(path)[0])
    with pytest.raises(StoreError, match="open it again"):
        store.read([0])
    with pytest.raises(StoreError, match="open it again"):
        _ = store.events["onset"].values


def test_a_pickle_opens_the_generation_it_was_made_of(own_corpus: Path, path: Path) -> None:
    store = tuszstore.open(path)
    expected, pickled = store.read([5]), pickle.dumps(store)
    build(own_corpus, path.parent, OTHER)
    again = pickle.loads(pickled)
    assert again.path == store.path.absolute()
    np.testing.assert_array_equal(again.read([5]), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).read([5]), expected)
    del store, again
    gc.collect()
    remove_unused(path)
    with pytest.raises(StoreError, match="rebuilt since it was pickled"):
        pickle.loads(pickled)


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_of_a_loader_read_on(own_corpus: Path, path: Path, method: str) -> None:
    store = tuszstore.open(path)
    numbers = list(range(len(store)))
    expected = tuszstore.open(path).read(numbers)
    build(own_corpus, path.parent, OTHER)
    with multiprocessing.get_context(method).Pool(2) as pool:
        for values in pool.map(store.read, [numbers] * 3):
            np.testing.assert_array_equal(values, expected)


@pytest.mark.slow
def test_a_reader_in_another_process_is_known(own_corpus: Path, path: Path) -> None:
    code = (
        "import sys, tuszstore\n"
        f"store = tuszstore.open({str(path)!r})\n"
        "print('open', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(store.read([5]).sum(), flush=True)\n"
    )
    expected = tuszstore.open(path).read([5]).sum()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        gc.collect()
        build(own_corpus, path.parent, OTHER)
        assert len(remove_unused(path)) == 1
        told, _ = reader.communicate("go\n")
    assert float(told) == pytest.approx(float(expected))
    assert remove_unused(path) == []


def test_one_that_is_moved_aside_while_it_is_looked_for(
    own_corpus: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build(own_corpus, path.parent.parent / "other", OTHER)
    store = tuszstore.open(path)
    look = generations.identity

    def looked(place: Path) -> Any:
        if place == path and other.exists():
            publish(other, path)
        return look(place)

    monkeypatch.setattr(generations, "identity", looked)
    found = generations.find_generation(path, store.metadata.identity)
    assert found is not None
    assert found.name.startswith(".train.zarr.old.")


@pytest.mark.slow
def test_stores_that_take_turns_under_openings(own_corpus: Path, path: Path) -> None:
    """Whoever opens a store at any instant has all parts of one, never of two."""
    other = build(own_corpus, path.parent.parent / "other", OTHER)
    sources = [path.parent / "one", other]
    shutil.copytree(path, sources[0])
    expected = {}
    for source in sources:
        store = tuszstore.open(source)
        expected[store.attrs["config_hash"]] = store.read([3, 7]), store.recordings["mean"].values
    stop = threading.Event()
    problems: list[str] = []
    n_opened = 0

    def look() -> None:
        nonlocal n_opened
        while not stop.is_set():
            try:
                store = tuszstore.open(path)
                signal, mean = expected[store.attrs["config_hash"]]
                if (store.read([3, 7]) != signal).any():
                    problems.append("signal of another")
                if (store.recordings["mean"].values != mean).any():
                    problems.append("table of another")
                n_opened += 1
            except Exception as error:
                problems.append(repr(error))

    thread = threading.Thread(target=look)
    thread.start()
    for k in range(1000):
        if n_opened >= 4 and k >= 8:
            break
        copy = path.parent / "copy"
        shutil.copytree(sources[(k + 1) % 2], copy)
        publish(copy, path)
        remove_unused(path)
        time.sleep(0.05 * (k % 5))
    stop.set()
    thread.join()
    assert problems == []
    assert n_opened > 3
    gc.collect()
    assert remove_unused(path) == []


class TestWithoutLocks:
    """On a file system without locks an old generation is kept for a day."""

    @pytest.fixture(autouse=True)
    def no_locks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def flock(*args: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", flock)

    def test_for_a_day(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        copy = path.parent / "copy"
        shutil.copytree(path, copy)
        store = tuszstore.open(path)
        publish(copy, path)
        assert len(remove_unused(path)) == 1
        assert len(store.read([0])) == 1
        monkeypatch.setattr(generations, "KEPT_SECONDS", 0)
        assert remove_unused(path) == []


def test_without_an_exchange_of_names(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS: two renames, and open readers read on all the same."""
    from tuszstore.builder import publish as module

    monkeypatch.setattr(module, "_exchange", lambda a, b: False)
    store, copy = tuszstore.open(path), path.parent / "copy"
    shutil.copytree(path, copy)
    publish(copy, path)
    assert len(store.read([0])) == 1
    assert tuszstore.open(path).metadata.identity != store.metadata.identity
    assert len(old_generations(path)) == 1


def test_half_removed_generations_are_removed(path: Path) -> None:
    old = generations.name_aside(path)
    (old / "signal").mkdir(parents=True)
    (old / "signal" / "x").write_bytes(b"x")
    assert remove_unused(path) == []
    assert not old.exists()


def test_what_cannot_be_looked_at_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(path, generations.name_aside(path))
    original = os.open

    def refuse(name: Any, flags: int, *args: Any, **options: Any) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, "Permission denied")
        return original(name, flags, *args, **options)

    monkeypatch.setattr(generations.os, "open", refuse)
    assert len(remove_unused(path)) == 1
