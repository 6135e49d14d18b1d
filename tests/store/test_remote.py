"""Reading stores from object stores: the same values, few requests, and errors that say what."""

import gc
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import tuszstore
from tests.store.made_stores import seal_again
from tests.store.object_server import ObjectServer, Request, serve
from tuszstore.builder.reindex import reindex
from tuszstore.cli import main
from tuszstore.errors import ConfigError, MissingExtraError, StoreError
from tuszstore.read.plan import Part, Run
from tuszstore.read.remote import GAP, plan_fetches
from tuszstore.store import remote
from tuszstore.store.remote_errors import explain
from tuszstore.store.schema import variables

pytest.importorskip("obstore")

from obstore.store import HTTPStore, LocalStore, MemoryStore, S3Store

ONCE = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}


@pytest.fixture
def server(own_store: Path) -> Iterator[ObjectServer]:
    """A web server of a store that a test may damage, called train.zarr."""
    with serve(own_store.parent) as server:
        yield server


def open_at(server: ObjectServer, name: str = "train.zarr") -> tuszstore.Store:
    """Open a store of a server as one would who has no patience."""
    options: Any = {"client_options": {"allow_http": True}, "retry_config": ONCE}
    return tuszstore.open(name, store=HTTPStore.from_url(server.url, **options))


def set_up_s3(monkeypatch: pytest.MonkeyPatch, url: str, **variables: str) -> None:
    """Have URLs of S3 lead to a server, with credentials, unless variables say otherwise."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    usual = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "bob",
        "AWS_SECRET_ACCESS_KEY": "bob",
        "AWS_METADATA_ENDPOINT": url,  # which gives credentials in a cloud
    }
    for name, value in (usual | variables).items():
        if value:
            monkeypatch.setenv(name, value)


def in_memory(path: Path) -> MemoryStore:
    objects = MemoryStore()
    for file in path.rglob("*"):
        if file.is_file():
            objects.put(str(file.relative_to(path.parent)), file.read_bytes())
    return objects


def assert_same(remote: tuszstore.Store, local: tuszstore.Store) -> None:
    """What the reader, the tables and the labels of both give is the same."""
    numbers = np.random.default_rng(0).integers(0, len(local), 12)
    for got, expected in zip(
        remote.read(numbers, labels=True), local.read(numbers, labels=True), strict=True
    ):
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(remote.read_recording(1), local.read_recording(1))
    for table in ("index", "recordings", "events", "left_out"):
        assert getattr(remote, table).identical(getattr(local, table)), table
    assert remote.attrs == local.attrs


STORES = {
    "int16": {},
    "float32": {"storage": {"dtype": "float32"}},
    "zstd": {"storage": {"codec": "zstd"}},
    "bare": {"storage": {"codec": "none"}},
    "windows on disk": {"windows": {"overlap": "duplicate"}},
    "windows across shards": {"storage": {"shard_seconds": 40}},
    "blocks of 1.25 s": {"windows": {"length": 15.0, "stride": 1.25}},
}


class TestValues:
    @pytest.mark.parametrize("config", STORES.values(), ids=STORES)
    @pytest.mark.usefixtures("decoder")
    def test_every_layout(
        self, built_as: Callable[[dict[str, Any]], Path], config: dict[str, Any]
    ) -> None:
        path = built_as(config)
        with serve(path.parent) as server:
            assert_same(open_at(server), tuszstore.open(path))

    def test_object_stores(self, train: tuszstore.Store) -> None:
        path = Path(train.path)
        in_memory_only = tuszstore.open("train.zarr", store=in_memory(path))
        assert in_memory_only.path == "memory:///train.zarr"
        assert_same(in_memory_only, train)
        assert_same(tuszstore.open("train.zarr", store=LocalStore(path.parent)), train)
        in_folder = tuszstore.open("", store=LocalStore(path))
        assert in_folder.path == f"file://{path}"
        assert_same(in_folder, train)

    def test_urls(self, server: ObjectServer, train: tuszstore.Store) -> None:
        remote = tuszstore.open(f"{server.url}/train.zarr/")
        assert remote.path == f"{server.url}/train.zarr"
        assert (remote.remote, train.remote) == (True, False)
        assert_same(remote, train)

    def test_a_file_url_is_a_folder(self, train: tuszstore.Store) -> None:
        store = tuszstore.open(f"file://{train.path}")
        assert store.path == train.path
        with pytest.raises(StoreError, match="three slashes"):
            tuszstore.open("file://host/train.zarr")

    def test_another_layout_is_read_with_zarr(
        self, server: ObjectServer, train: tuszstore.Store
    ) -> None:
        """A signal without shards, which the fast path does not know."""
        import zarr

        path = server.root / "train.zarr"
        array = zarr.open_array(path / "signal", mode="r")
        values, attributes = array[...], dict(array.attrs)
        shutil.rmtree(path / "signal")
        zarr.create_array(
            path / "signal",
            data=values,
            chunks=(64, 19, 2560),
            fill_value=-32768,
            dimension_names=("block", "channel", "sample"),
            attributes=attributes,
        )
        zarr.consolidate_metadata(path)
        seal_again(path)
        remote = open_at(server)
        with pytest.warns(UserWarning, match="zarr-python, which is slower"):
            np.testing.assert_array_equal(remote.read([3, 70]), train.read([3, 70]))
        server.fault = lambda request: 503 if "/signal/c/" in request.path else None
        with pytest.raises(StoreError, match="0 to 60 s: cannot be read: the server answered 503"):
            remote.read([0])

    @pytest.mark.parametrize("name", ["val.zarr", "dev.zarr"])
    def test_val_and_dev_are_the_same(
        self, server: ObjectServer, train: tuszstore.Store, name: str
    ) -> None:
        (server.root / "train.zarr").rename(server.root / "dev.zarr")
        for store in (open_at(server, name), tuszstore.open(f"{server.url}/{name}")):
            assert str(store.path).endswith("/dev.zarr")
            np.testing.assert_array_equal(store.read([5]), train.read([5]))


def wait_for(n: int) -> Any:
    """Return a fault that answers nothing until so many requests are there."""
    barrier = threading.Barrier(n)

    def wait(_: Request) -> None:
        barrier.wait(30)

    return wait


def _is_suffix(request: Request) -> bool:
    return (request.range or "").startswith("bytes=-")


def shards_of(store: tuszstore.Store, numbers: Any) -> int:
    return len({int(first) // 64 for first in store.index["start_block"].values[numbers]})


class TestRequests:
    """What is counted and bounded is what costs: requests, and those that wait for others."""

    def test_opening(self, server: ObjectServer) -> None:
        tuszstore.open(f"{server.url}/train.zarr")
        assert len(server.requests) == 7  # the root, five parts, and the channels' names

    def test_a_first_batch_and_another(self, server: ObjectServer) -> None:
        """All indexes are asked for at once, then all blocks, and afterwards blocks alone."""
        store = open_at(server)
        # a window of each recording, and so of each shard
        numbers = store.recordings["first_window"].values[store.recordings["n_windows"].values > 0]
        n_shards = shards_of(store, numbers)
        assert n_shards == len(numbers) >= 5
        assert store.reader
        server.forget()
        # nothing of a round is answered before all of it was asked for
        lock = threading.Lock()
        pending = {"round": 0, "n": 0}
        barriers = [threading.Barrier(n_shards), threading.Barrier(n_shards + 1)]

        def in_rounds(_: Request) -> None:
            with lock:
                number = pending["round"]
                pending["n"] += 1
                if pending["n"] == barriers[number].parties:
                    pending["round"], pending["n"] = number + 1, 0
            barriers[number].wait(30)

        server.fault = in_rounds
        store.read(numbers)
        suffixes = [r for r in server.requests if (r.range or "").startswith("bytes=-")]
        heads = [r.path for r in server.requests if r.method == "HEAD"]
        assert len(suffixes) == n_shards
        assert heads == ["/train.zarr/zarr.json"]
        assert len(server.requests) == 2 * n_shards + 1
        server.forget()
        server.fault = wait_for(n_shards)
        store.read(numbers)
        assert len(server.requests) == n_shards

    def test_neighbours_share_a_request(self, server: ObjectServer) -> None:
        store = open_at(server)
        n_windows = int(store.recordings["n_windows"][0])
        assert n_windows > 8
        store.read([0])
        server.forget()
        store.read(np.arange(n_windows)[::-1])
        assert len(server.requests) == 1

    def test_a_table_is_loaded_at_once(self, server: ObjectServer) -> None:
        store = open_at(server)
        server.forget()
        n_requests = len(variables("windows")) + 1  # and whether the store is still the same
        server.fault = wait_for(n_requests)
        store.mask("partial_seizure")
        store.mask("full_seizure")
        assert len(server.requests) == n_requests

    def test_a_reader_loads_its_tables_at_once(self, server: ObjectServer) -> None:
        store = open_at(server)
        server.forget()
        tables = ("windows", "recordings", "events")
        columns = [column.path for table in tables for column in variables(table)]
        stored = [path for path in columns if path in store.metadata.arrays]
        n_requests = len(stored) + len(tables)  # and if it is the same
        server.fault = wait_for(n_requests)
        assert store.reader
        server.fault = lambda _: None
        store.read([0], labels=True)
        assert len(server.requests) == n_requests + 3

    def test_a_recording_is_one_request_for_each_shard(
        self, server: ObjectServer, train: tuszstore.Store
    ) -> None:
        store = open_at(server)
        store.read([0])
        server.forget()
        signal = store.read_recording(0, 20, 90, microvolts=True)
        np.testing.assert_array_equal(signal, train.read_recording(0, 20, 90, microvolts=True))
        assert len([r for r in server.requests if "/signal/c/" in r.path]) == 1

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(1, 6)),
            min_size=1,
            max_size=12,
        )
    )
    def test_every_part_is_fetched_once(self, wanted: list[tuple[int, int, int]]) -> None:
        size = 77_000
        parts = []
        for shard, first, count in wanted:
            spans = np.arange(first, first + count)[:, None] * size + [0, size]
            run = Run(shard * 64 + first, shard * 64 + first + count, np.zeros((0, 2), np.int64))
            parts.append((Part(shard, run.first, count, run), spans))
        fetches = list(plan_fetches(parts))
        fetched = [part for fetch in fetches for part, _ in fetch.parts]
        assert sorted(map(id, fetched)) == sorted(id(part) for part, _ in parts)
        for fetch in fetches:
            assert all(part.shard == fetch.shard for part, _ in fetch.parts)
            assert fetch.begin == min(spans.min() for _, spans in fetch.parts)
            assert fetch.end == max(spans.max() for _, spans in fetch.parts)
            assert fetch.whole().first == min(part.first for part, _ in fetch.parts)
        for a, b in pairwise(fetches):
            assert b.shard > a.shard or b.begin > a.end + GAP

    def test_a_server_that_counts_from_the_start_only(
        self, server: ObjectServer, train: tuszstore.Store
    ) -> None:
        """As Azure does, which needs a request more for an index."""
        server.suffixes = False
        np.testing.assert_array_equal(open_at(server).read([3, 50]), train.read([3, 50]))

    @pytest.mark.parametrize("status", [400, 416, 501])
    def test_a_server_that_refuses_ranges_from_the_end(
        self, server: ObjectServer, train: tuszstore.Store, status: int
    ) -> None:
        """It is asked for none once that is known: then an index costs a request more, not two."""
        server.fault = lambda request: status if _is_suffix(request) else None
        store = open_at(server)
        np.testing.assert_array_equal(store.read([3]), train.read([3]))
        server.forget()
        np.testing.assert_array_equal(store.read([50]), train.read([50]))
        assert not [request for request in server.requests if _is_suffix(request)]

    def test_a_server_that_takes_the_end_for_the_start(
        self, server: ObjectServer, train: tuszstore.Store
    ) -> None:
        server.suffixes_are_starts = True
        np.testing.assert_array_equal(open_at(server).read([3, 50]), train.read([3, 50]))

    def test_an_empty_shard_where_ranges_from_the_end_are_refused(
        self, server: ObjectServer
    ) -> None:
        os.truncate(first_shard(server), 0)
        server.fault = lambda request: 416 if _is_suffix(request) else None
        with pytest.raises(StoreError, match="0 to 60 s: file is cut off"):
            open_at(server).read([0])

    def test_never_more_than_64_at_once(self, server: ObjectServer) -> None:
        """Whoever asks, in whatever threads: tables, batches, or loaders with several of them."""
        store = open_at(server)
        place = store.metadata.place
        server.forget()
        full = threading.Barrier(64)
        server.fault = lambda _: full.wait(30) and None
        reads = [lambda: place.read(["channel/c/0"] * 64)] * 3
        found = place.at_once(reads)
        assert [len(documents) for documents in found] == [64, 64, 64]
        assert len(server.requests) == 192
        assert server.most_at_once == 64


def first_shard(server: ObjectServer) -> Path:
    return server.root / "train.zarr" / "signal" / "c" / "0" / "0" / "0"


VIEWS: dict[str, dict[str, Any]] = {
    "a set in z-scores": {"channels": "double_banana"},
    "a set in microvolts": {"channels": "tcp_a", "units": "uV"},
    "moments of a pass": {"channels": ["C3-avg", "Cz", "Fp1-O2"], "units": "zscore"},
    "windows from any sample": {"length": 1795 / 256, "stride": 333 / 256},
    "all": {"channels": ["O1", "C3-avg"], "units": "uV", "length": 12, "stride": 5},
}


class TestViews:
    """A view of a store on a server is that of the store on disk, with as few requests."""

    @pytest.mark.parametrize("asked", VIEWS.values(), ids=VIEWS)
    def test_it_is_that_of_the_store_on_disk(
        self,
        server: ObjectServer,
        train: tuszstore.Store,
        asked: dict[str, Any],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("TUSZSTORE_CACHE", str(tmp_path / "cache"))
        store = open_at(server)
        server.forget()
        view, expected = store.view(**asked), train.view(**asked)
        if "length" not in asked:
            assert not server.requests
        assert view.remote
        view.read([0])  # makes moments, where they are not stored
        assert len(view) == len(expected)
        some = np.random.default_rng(0).integers(0, len(view), 12)
        monkeypatch.setenv("TUSZSTORE_CACHE", str(tmp_path / "of the store on disk"))
        signal, labels = view.read(some, labels=True)
        np.testing.assert_array_equal(signal, expected.read(some))
        np.testing.assert_array_equal(labels, expected.labels[some])
        stretches = (one.read_recording(1, 3.3, 50) for one in (view, expected))
        np.testing.assert_array_equal(*stretches)
        for name in ("index", "recordings", "events"):
            assert getattr(view, name).identical(getattr(expected, name)), name
        again = pickle.loads(pickle.dumps(view))
        np.testing.assert_array_equal(again.read(some[:2]), signal[:2])

    def test_a_batch_takes_the_requests_of_the_store(self, server: ObjectServer) -> None:
        store = open_at(server)
        view = store.view("double_banana", "uV")
        counts = []
        for one in (store, view):
            one.read([3, 9])
            server.forget()
            one.read([3, 9])
            counts.append(len(server.requests))
        assert counts[0] == counts[1] > 0

    def test_beside_a_view_of_a_store_on_disk(
        self, server: ObjectServer, train: tuszstore.Store
    ) -> None:
        local = train.view("double_banana", "uV", 12)
        remote = open_at(server).view("double_banana", "uV", 12, 6)
        both = tuszstore.concat({"local": local, "remote": remote})
        n = len(local)
        found = both.read([0, n, n + 5, 5])
        expected = train.view("double_banana", "uV", 12, 6).read([0, 5])
        np.testing.assert_array_equal(found[[0, 3]], local.read([0, 5]))
        np.testing.assert_array_equal(found[1:3], expected)
        assert both.remote

    def test_a_store_that_was_replaced_under_it(
        self, server: ObjectServer, small_corpus: Path, tmp_path: Path
    ) -> None:
        view = open_at(server).view("double_banana", "uV", 12)
        view.read([0])
        report = tuszstore.build(
            split="train", data=small_corpus, store=tmp_path / "new", workers=0, limit=1
        )
        shutil.rmtree(server.root / "train.zarr")
        shutil.copytree(report.store, server.root / "train.zarr")
        with pytest.raises(StoreError, match="was rebuilt or removed since it was opened"):
            view.read([len(view) - 1])


@pytest.mark.usefixtures("decoder")
class TestDamage:
    def test_a_missing_shard(self, server: ObjectServer, train: tuszstore.Store) -> None:
        first_shard(server).unlink()
        store = open_at(server)
        id_ = store.recordings["id"].values[0]
        with pytest.raises(StoreError, match=f"{id_}, 0 to 60 s: object is missing") as caught:
            store.read([0])
        assert str(caught.value).startswith(f"{server.url}/train.zarr: ")
        np.testing.assert_array_equal(store.read([-1]), train.read([-1]))

    @pytest.mark.parametrize(
        ("place", "told"),
        [(100, "0 to 10 s: checksum is wrong"), (100_000, "10 to 20 s: checksum is wrong"),
         (-1, "0 to 60 s: checksum of the shard's index")],
        ids=["first block", "second block", "index"],
    )  # fmt: skip
    def test_a_flipped_bit(self, server: ObjectServer, place: int, told: str) -> None:
        content = bytearray(first_shard(server).read_bytes())
        content[place] ^= 1
        first_shard(server).write_bytes(content)
        with pytest.raises(StoreError, match=told):
            open_at(server).read([0])

    @pytest.mark.parametrize("size", [0, 100, 200_000])
    def test_an_object_that_is_cut_off(self, server: ObjectServer, size: int) -> None:
        os.truncate(first_shard(server), size)
        with pytest.raises(StoreError, match=r"0 to 60 s: .*(cut off|cannot be read)"):
            open_at(server).read([0])

    def test_a_shard_that_was_replaced_under_a_reader(self, server: ObjectServer) -> None:
        """Its index is another's: what would be read is nobody knows what."""
        store = open_at(server)
        store.read([0])
        other = server.root / "train.zarr" / "signal" / "c" / "1" / "0" / "0"
        shutil.copyfile(other, first_shard(server))
        with pytest.raises(StoreError, match="0 to 60 s: object was replaced since"):
            store.read([0])

    def test_without_tags_an_object_that_shrank_is_cut_off(self, server: ObjectServer) -> None:
        server.etags = False
        store = open_at(server)
        store.read([0])
        content = first_shard(server).read_bytes()
        first_shard(server).write_bytes(content[:200_000])
        with pytest.raises(StoreError, match=r"0 to 60 s: object (is cut off|was replaced)"):
            store.read([0])

    @pytest.mark.parametrize("gone", [False, True], ids=["another", "gone"])
    def test_a_store_that_was_replaced_under_a_reader(
        self, server: ObjectServer, gone: bool
    ) -> None:
        store = open_at(server)
        store.recordings.load()
        root = server.root / "train.zarr" / "zarr.json"
        if gone:
            root.unlink()
        else:
            os.utime(root)
        with pytest.raises(StoreError, match=r"zarr: was rebuilt or removed.*open it again"):
            store.read([0])
        with pytest.raises(StoreError, match="open it again"):
            store.select(category="no_seizure")

    def test_a_column_that_claims_more_than_it_may(self, server: ObjectServer) -> None:
        """It is refused before memory is taken for it."""
        file = server.root / "train.zarr" / "windows" / "start_block" / "c" / "0"
        header = b"\x28\xb5\x2f\xfd\xe0" + (1 << 36).to_bytes(8, "little")
        file.write_bytes(header + file.read_bytes()[13:])
        seal_again(server.root / "train.zarr")
        with pytest.raises(StoreError, match=f"start_block/c/0: .* claims {1 << 36} bytes"):
            open_at(server).read([0])

    def test_a_column_that_lacks_a_chunk(self, server: ObjectServer) -> None:
        (server.root / "train.zarr" / "windows" / "category" / "c" / "0").unlink()
        with pytest.raises(StoreError, match="windows/category/c/0: is missing"):
            _ = open_at(server).index["category"].values

    def test_metadata_without_end(self, server: ObjectServer) -> None:
        os.truncate(server.root / "train.zarr" / "zarr.json", 1 << 30)
        with pytest.raises(StoreError, match=f"zarr.json: has {1 << 30} bytes, more than"):
            open_at(server)

    def test_a_block_that_was_never_written(
        self, server: ObjectServer, train: tuszstore.Store
    ) -> None:
        """The shard of another recording, which is shorter: the rest of it is absent."""
        blocks = train.recordings["n_blocks"].values
        shortest = int(blocks.argmin())
        assert blocks[shortest] < blocks[0]
        shard = int(train.recordings["first_block"][shortest]) // 64
        shutil.copyfile(first_shard(server).parents[2] / f"{shard}/0/0", first_shard(server))
        with pytest.raises(StoreError, match="is missing: it was never written"):
            open_at(server).read_recording(0)


class TestFailures:
    def test_a_server_that_fails(self, server: ObjectServer) -> None:
        store = open_at(server)
        assert store.reader
        server.fault = lambda _: 503
        with pytest.raises(
            StoreError,
            match=f"{server.url}/train.zarr: .*, 0 to 60 s: cannot be read: "
            "the server answered 503 Service Unavailable, after 1 retries",
        ):
            store.read([0])
        # of the requests for a table and for the identity of the store, any may fail first
        parts = r"(left_out/.*|zarr\.json)"
        with pytest.raises(StoreError, match=f"{server.url}.*{parts}: cannot be read: .*503"):
            store.left_out.load()
        with pytest.raises(StoreError, match=f"{server.url}/train.zarr/.*: cannot be read: .*503"):
            open_at(server)

    def test_a_failure_that_passes(self, server: ObjectServer, train: tuszstore.Store) -> None:
        seen = set()

        def at_first(request: Request) -> int | None:
            key = request.method, request.path, request.range
            return None if key in seen else seen.add(key) or 503

        server.fault = at_first
        store = open_at(server)
        np.testing.assert_array_equal(store.read([0]), train.read([0]))

    def test_a_connection_that_breaks(self, server: ObjectServer, train: tuszstore.Store) -> None:
        store = open_at(server)
        store.recordings.load()
        store.read([0])
        server.forget()
        server.fault = lambda request: -1 if request.number == 0 else None
        np.testing.assert_array_equal(store.read([0]), train.read([0]))
        server.fault = lambda _: -1
        with pytest.raises(StoreError, match=f"{server.url}/train.zarr: .*0 to 60 s: cannot be"):
            store.read([0])

    def test_no_server(self, tmp_path: Path) -> None:
        with serve(tmp_path) as server:
            pass
        told = f"{server.url}/train.zarr: cannot be read: no connection to {server.url} after 1 "
        with pytest.raises(StoreError, match=f"{told}retries: nothing listens there.*check the U"):
            open_at(server)

    @pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
    @pytest.mark.parametrize(
        ("host", "cause"),
        [("127.0.0.1:9", "nothing listens there"), ("no.invalid", "the host is unknown, or")],
    )
    def test_a_wrong_endpoint(
        self, host: str, cause: str, variable: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user, password = "".join(["b", "ob"]), "".join(["hunter", "2"])  # not in a traceback
        url = f"http://{user}:{password}@{host}"
        set_up_s3(monkeypatch, "", **{variable: url, "AWS_METADATA_ENDPOINT": ""})
        monkeypatch.setattr(remote, "RETRIES", ONCE)
        with pytest.raises(StoreError) as caught:
            tuszstore.open("s3://bucket/train.zarr")
        assert str(caught.value).startswith(
            f"s3://bucket/train.zarr: cannot be read: no connection to http://{host} after "
            f"1 retries: {cause}"
        )
        assert str(caught.value).endswith(f"check the endpoint in {variable}")
        told = "".join(traceback.format_exception(caught.value))
        assert user not in told.replace(__file__, "")
        assert password not in told

    def test_an_unknown_region(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = RuntimeError(
            "Generic S3 error: Error performing GET https://s3.no.amazonaws.com/b/x in 9ms, after "
            "1 retries, max_retries: 1  - HTTP error: error sending request\n\nDebug source:\n"
            'HttpError { kind: Connect, source: ConnectError("dns error") }'
        )
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            monkeypatch.delenv(name)
        set_up_s3(monkeypatch, "")
        told = "https://s3.no.amazonaws.com after 1 retries: the host .*; check AWS_REGION, or .*r$"
        assert re.search(told, explain(error, "S3Store"))
        monkeypatch.setenv("https_proxy", "http://proxy")
        assert explain(error, "S3Store").endswith("and the proxy in HTTPS_PROXY")

    def test_a_server_without_ranges(self, server: ObjectServer) -> None:
        server.ranges = False
        store = open_at(server)
        with pytest.raises(StoreError, match="does not answer requests for a range of bytes"):
            store.read([0])

    @pytest.mark.parametrize("status", [401, 403])
    def test_no_access(self, server: ObjectServer, status: int) -> None:
        server.fault = lambda _: status
        with pytest.raises(StoreError, match="access is denied; check the credentials"):
            open_at(server)

    @pytest.mark.parametrize(
        ("variables", "told"),
        [
            (
                {"AWS_ALLOW_HTTP": "false"},
                "the endpoint is not https://; .* set AWS_ALLOW_HTTP=true$",
            ),
            ({"AWS_ENDPOINT_URL": "localhost:9000"}, "AWS_ENDPOINT_URL must begin with https://"),
            (
                {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
                r"/zarr.json: cannot be read: no credentials are set, .*\(the server answered 403 "
                r"Forbidden\); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGN",
            ),
            (
                {},
                r"/zarr.json: cannot be read: access is denied; check the credentials "
                r"\(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\) and the names in the URL$",
            ),
        ],
        ids=["http", "no scheme", "no credentials", "other credentials"],
    )
    def test_a_server_of_ones_own(
        self,
        server: ObjectServer,
        variables: dict[str, str],
        told: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Errors name the variables that are missing or wrong."""
        set_up_s3(monkeypatch, server.url, **variables)
        server.fault = lambda _: 403
        with pytest.raises(StoreError, match=f"^s3://bucket/train.zarr.*{told}"):
            tuszstore.open("s3://bucket/train.zarr")

    @pytest.mark.parametrize("name", ["train", "val"])
    def test_no_such_bucket(
        self, server: ObjectServer, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_up_s3(monkeypatch, server.url)
        server.missing = "<Error><Code>NoSuchBucket</Code></Error>"
        with pytest.raises(
            StoreError,
            match=f"^s3://no/{name}.zarr: cannot be read: .* no such bucket; check its name",
        ):
            tuszstore.open(f"s3://no/{name}.zarr")
        server.missing = "<Error><Code>NoSuchKey</Code></Error>"
        with pytest.raises(StoreError, match=f"^s3://no/{name}.zarr: no store here"):
            tuszstore.open(f"s3://no/{name}.zarr")

    @pytest.mark.parametrize("status", [403, 404, 500])
    def test_credentials_are_never_told(self, server: ObjectServer, status: int) -> None:
        user, password = "".join(["b", "ob"]), "".join(["hunter", "2"])  # not in a traceback
        url = server.url.replace("http://", f"http://{user}:{password}@")
        options: Any = {"client_options": {"allow_http": True}, "retry_config": ONCE}
        objects = HTTPStore.from_url(url, **options)
        stores = [
            tuszstore.open("train.zarr", store=objects),
            tuszstore.open(f"{url}/train.zarr"),
        ]
        for store in stores:
            store.recordings.load()
        told = [repr(store) for store in stores]
        told += [str(store.path) for store in stores]
        told.append(CliRunner().invoke(main, ["info", f"{url}/train.zarr"]).output)
        server.fault = lambda _: status
        actions = [
            lambda: stores[0].read([0]),
            lambda: stores[0].events.load(),
            lambda: tuszstore.open("train.zarr", store=objects),
            lambda: tuszstore.open(f"{url}/train.zarr?sig={password}"),
            lambda: reindex(f"{url}/train.zarr"),
        ]
        for action in actions:
            with pytest.raises(StoreError) as caught:
                action()
            told.append("".join(traceback.format_exception(caught.value)))
        assert not [text for text in told if user in text or password in text]
        assert all("127.0.0.1" in text for text in told)

    def test_keys_of_s3_are_never_told(self, tmp_path: Path) -> None:
        with serve(tmp_path) as server:
            objects = S3Store(
                "bucket",
                prefix="stores",
                region="us-east-1",
                access_key_id="AKIDBOB",
                secret_access_key="hunter2",
                endpoint=server.url,
                client_options={"allow_http": True},
                retry_config=ONCE,
            )
            server.fault = lambda _: 403
            with pytest.raises(
                StoreError, match=r"s3://bucket/stores/train.zarr/.*denied"
            ) as caught:
                tuszstore.open("train.zarr", store=objects)
        told = "".join(traceback.format_exception(caught.value))
        assert "hunter2" not in told
        assert "AKIDBOB" not in told


class Silence:
    """A fault of a server that accepts and never answers, until it is told to."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.asked = threading.Semaphore(0)
        self.interrupts = False

    def __call__(self, _: Request) -> None:
        self.asked.release()
        if self.interrupts:  # once, as somebody at a keyboard
            self.interrupts = False
            # a signal in the moment before a thread begins to wait is heard when it has waited
            time.sleep(0.2)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        self.over.wait(20)


def request_threads() -> list[str]:
    """Return which threads of requests there are; one that has just ended has a moment for that."""
    threads = [t for t in threading.enumerate() if t.name.startswith("tuszstore-request")]
    for thread in threads:
        thread.join(5)
    return [thread.name for thread in threads if thread.is_alive()]


class TestSilence:
    @pytest.fixture
    def silence(self, server: ObjectServer) -> Iterator[Silence]:
        """What the server does from when a test has it do so."""
        silence = Silence()
        yield silence
        silence.over.set()

    @pytest.mark.parametrize(
        ("kind", "n_requests"), [("open", 7), ("open val", 1), ("read", 1), ("table", 13)]
    )
    def test_it_is_waited_for_once(
        self,
        server: ObjectServer,
        silence: Silence,
        monkeypatch: pytest.MonkeyPatch,
        kind: str,
        n_requests: int,
    ) -> None:
        """No other waiting begins after the first: nobody asks which store is there by now."""
        url = f"{server.url}/train.zarr"
        store = tuszstore.open(url)
        if kind == "read":
            assert store.reader
        monkeypatch.setattr("tuszstore.store.remote.REQUEST_SECONDS", 0.3)
        monkeypatch.setattr(store.metadata.place, "_seconds", 0.3)
        action = {
            "open": lambda: tuszstore.open(url),
            "open val": lambda: tuszstore.open(url.replace("train", "val")),
            "read": lambda: store.read([0]),
            "table": lambda: store.mask("no_seizure"),
        }[kind]
        server.forget()
        server.fault = silence
        with pytest.raises(StoreError, match=r"cannot be read: the server did not .* in 0.3 s"):
            action()
        assert len(server.requests) == n_requests
        assert not request_threads()

    def test_what_comes_after_a_failure_is_not_asked_for(
        self, server: ObjectServer, silence: Silence, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = tuszstore.open(f"{server.url}/train.zarr").metadata.place
        monkeypatch.setattr(place, "_seconds", 0.3)
        server.forget()
        server.fault = silence
        with pytest.raises(StoreError, match="did not answer"):
            place.read(["channel/c/0"] * 300)
        assert len(server.requests) < 150

    def test_one_failure_ends_the_others(self, server: ObjectServer, silence: Silence) -> None:
        """Though the server keeps silent about them, without a bound of time."""
        place = open_at(server).metadata.place

        def fault(request: Request) -> int | None:
            if request.path.endswith("zarr.json"):
                for _ in range(3):
                    silence.asked.acquire()
                return 403
            silence(request)
            return None

        server.fault = fault
        with pytest.raises(StoreError, match="access is denied"):
            place.read(["channel/c/0", "channel/c/1", "channel/c/2", "zarr.json"])
        assert not silence.over.is_set()
        assert not request_threads()

    @pytest.mark.parametrize("kind", ["open", "read", "table"])
    def test_it_can_be_interrupted(
        self, server: ObjectServer, silence: Silence, train: tuszstore.Store, kind: str
    ) -> None:
        store = open_at(server)
        assert store.reader
        actions = {
            "open": lambda: open_at(server),
            "read": lambda: store.read([0]),
            "table": lambda: store.left_out.load(),
        }
        silence.interrupts = True
        server.fault = silence
        with pytest.raises(KeyboardInterrupt):
            actions[kind]()
        assert not silence.over.is_set()
        assert not request_threads()
        server.fault = lambda _: None
        np.testing.assert_array_equal(store.read([0]), train.read([0]))


class TestOpening:
    def test_nothing_there(self, server: ObjectServer) -> None:
        with pytest.raises(StoreError, match=f"{server.url}/x.zarr: no store here.*copy it there"):
            open_at(server, "x.zarr")

    @pytest.mark.parametrize("below", ["", "corpus/stores"])
    def test_the_stores_of_a_root_are_named(self, below: str) -> None:
        objects = MemoryStore()
        names = ["dev.zarr/zarr.json", "train.zarr/zarr.json", "train.zarr/windows/zarr.json", "x"]
        for name in names:
            objects.put(f"{below}/{name}".lstrip("/"), b"{}")
        objects.put("corpus/stores2/eval.zarr/zarr.json", b"{}")
        root = rf"{below}: no store here, but a store root \(dev.zarr, train.zarr\); give one: .*"
        with pytest.raises(StoreError, match=root + "dev.zarr$"):
            tuszstore.open(below, store=objects)
        with pytest.raises(
            StoreError, match=r"no store here, but beside it: train.zarr, dev.zarr$"
        ):
            tuszstore.open(f"{below}/tran.zarr", store=objects)
        with pytest.raises(StoreError, match=r"here; build one with: .* and copy it there$"):
            tuszstore.open("empty/train.zarr", store=objects)

    @pytest.mark.parametrize("status", [None, 403])
    def test_the_stores_of_a_bucket_are_listed_in_one_request(
        self, server: ObjectServer, status: int | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        set_up_s3(monkeypatch, server.url)
        server.missing = "<Error><Code>NoSuchKey</Code></Error>"
        server.fault = lambda request: status if "list-type" in request.path else None
        told = "no store here; of a store root, append .*, such as s3://bucket/stores/train.zarr;"
        with pytest.raises(StoreError, match=f"^s3://bucket/stores: {told}"):
            tuszstore.open("s3://bucket/stores/")
        (request,) = (one for one in server.requests if "list-type" in one.path)
        assert "delimiter=" in request.path
        assert "prefix=stores" in request.path

    def test_of_a_web_server_the_store_root_is_a_guess(self, server: ObjectServer) -> None:
        url = f"{server.url}/stores"
        result = CliRunner().invoke(main, ["info", url])
        assert f"of a store root, append a store's name, such as {url}/train.zarr" in result.output

    def test_an_unfinished_store(self, server: ObjectServer) -> None:
        root = server.root / "train.zarr" / "zarr.json"
        root.write_text(root.read_text().replace('"complete": true', '"complete": false'))
        with pytest.raises(StoreError, match="unfinished build"):
            open_at(server)

    def test_a_part_of_another_store(self, server: ObjectServer) -> None:
        (server.root / "train.zarr" / "signal" / "zarr.json").unlink()
        with pytest.raises(StoreError, match="signal does not belong"):
            open_at(server)

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            ("ftp://host/train.zarr", "ftp://: unknown kind of store; known are s3://"),
            ("https://host/train.zarr?sig=1", "has no query or fragment.*store="),
            (Path("s3://bucket/train.zarr"), "pass it as a string: s3://"),
            (
                "az://container/train.zarr",
                "az://container/train.zarr: cannot be opened: .*AZURE_STORAGE_ACC",
            ),
        ],
        ids=["scheme", "query", "pathlib", "no account"],
    )
    def test_bad_urls(self, path: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
        with pytest.raises(StoreError, match=told):
            tuszstore.open(path)

    def test_a_store_that_is_none(self) -> None:
        with pytest.raises(StoreError, match=r"one of obstore.store, such as S3Store, not bu"):
            tuszstore.open("train.zarr", store={})

    def test_without_obstore(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "obstore", None)
        for options in ({"path": "s3://bucket/x.zarr"}, {"path": "x.zarr", "store": MemoryStore()}):
            with pytest.raises(MissingExtraError, match=r"extra 'remote'.*pip install obstore"):
                tuszstore.open(**options)

    def test_nothing_is_written(
        self, server: ObjectServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = f"{server.url}/train.zarr"
        with pytest.raises(ConfigError, match=r"paths.store: must be a local folder"):
            tuszstore.build(split="train", data="x", store="s3://bucket/stores")
        result = CliRunner().invoke(main, ["index", url])
        assert result.exit_code == 1
        assert f"{url}: tuszstore index works only in a local folder" in result.output
        monkeypatch.setenv("TUSZSTORE_FORCE_REINDEX", "1")
        with pytest.raises(StoreError, match="only in a local folder"):
            tuszstore.open(url)

    def test_info(self, server: ObjectServer, train: tuszstore.Store) -> None:
        url = f"{server.url}/train.zarr"
        result = CliRunner().invoke(main, ["info", url])
        assert result.exit_code == 0
        assert url in result.output
        assert f"{len(train)} of 60 s" in result.output
        assert "a web server does not list" in result.output

    @pytest.mark.slow
    def test_pictures_and_pages(self, server: ObjectServer, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        url, picture, page = f"{server.url}/train.zarr", tmp_path / "x.png", tmp_path / "x.html"
        for arguments in (
            ["plot", url, "--window", "0", "-o", str(picture)],
            ["report", url, "-o", str(page)],
        ):
            result = CliRunner().invoke(main, arguments)
            assert result.exit_code == 0, result.output
        assert picture.stat().st_size > 10_000
        assert page.stat().st_size > 10_000

    def test_sizes_where_objects_are_listed(self, train: tuszstore.Store) -> None:
        objects = in_memory(Path(train.path))
        objects.put("train.zarr2/x", b"another store's")
        sizes = tuszstore.open("train.zarr", store=objects).sizes()
        assert sizes is not None
        assert sorted(sizes) == sorted(train.sizes() or [])


class TestProcesses:
    def test_pickles(self, server: ObjectServer, train: tuszstore.Store) -> None:
        for store in (open_at(server), tuszstore.open(f"{server.url}/train.zarr")):
            again = pickle.loads(pickle.dumps(store))
            np.testing.assert_array_equal(again.read([3]), train.read([3]))
        os.utime(server.root / "train.zarr" / "zarr.json")
        with pytest.raises(StoreError, match="rebuilt since it was pickled"):
            pickle.loads(pickle.dumps(store))

    @pytest.mark.parametrize("method", ["spawn", "forkserver"])
    def test_new_processes_read(
        self, server: ObjectServer, train: tuszstore.Store, method: str
    ) -> None:
        store = open_at(server)
        store.read([0])
        with multiprocessing.get_context(method).Pool(1) as pool:
            np.testing.assert_array_equal(pool.apply(store.read, ([4, 1],)), train.read([4, 1]))

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_fork_is_refused(self, server: ObjectServer) -> None:
        """obstore would wait for threads that a fork does not have."""
        store = open_at(server)
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()

        def read_and_open() -> None:
            for action in (lambda: store.read([0]), lambda: open_at(server)):
                try:
                    action()
                except StoreError as error:
                    theirs.send(str(error))

        child = context.Process(target=read_and_open)
        child.start()
        for _ in range(2):
            assert ours.poll(60)
            assert "multiprocessing_context='spawn'" in ours.recv()
        child.join()

    def test_threads_share_a_store(self, server: ObjectServer, train: tuszstore.Store) -> None:
        from concurrent.futures import ThreadPoolExecutor

        store = open_at(server)
        numbers = np.random.default_rng(0).integers(0, len(train), (8, 6))
        with ThreadPoolExecutor(4) as pool:
            for wanted, values in zip(numbers, pool.map(store.read, numbers), strict=True):
                np.testing.assert_array_equal(values, train.read(wanted))


class TestTorch:
    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch")

    def test_a_loader_gives_the_same_batches(
        self, server: ObjectServer, train: tuszstore.Store
    ) -> None:
        from tuszstore.torch import WindowLoader

        store = open_at(server)
        for depth in (0, 3):
            remote, local = (
                WindowLoader(s, batch_size=16, prefetch=depth, return_meta=True)
                for s in (store, train)
            )
            for _ in range(2):
                for got, expected in zip(remote, local, strict=True):
                    np.testing.assert_array_equal(got[0], expected[0])
                    np.testing.assert_array_equal(got[1], expected[1])
                    assert got[2]["recording"] == expected[2]["recording"]

    def test_an_error_comes_in_its_place_and_leaves_no_thread(self, server: ObjectServer) -> None:
        from tuszstore.torch import WindowLoader

        first_shard(server).unlink()
        store = open_at(server)
        n_first = int(store.recordings["n_windows"][0])
        good = np.arange(n_first, n_first + 8)
        loader = WindowLoader(store, [*good, 0, *good[:7]], 8, shuffle=False, prefetch=3)
        batches = iter(loader)
        next(batches)
        with pytest.raises(StoreError, match="object is missing"):
            next(batches)
        dropped = iter(WindowLoader(store, np.tile(good, 8), 8, prefetch=3))
        next(dropped)
        del batches, dropped
        gc.collect()
        names = [thread.name for thread in threading.enumerate()]
        assert not [name for name in names if name.startswith("tuszstore")]

    @pytest.mark.parametrize("depth", [1, 3])
    def test_a_loader_can_be_interrupted(
        self, server: ObjectServer, train: tuszstore.Store, depth: int
    ) -> None:
        """In front of a server that has fallen silent, and without its batches being waited for."""
        from tuszstore.torch import WindowLoader

        silence = Silence()
        loader = WindowLoader(open_at(server), batch_size=8, shuffle=False, prefetch=depth)
        batches = iter(loader)
        signal, _ = next(batches)
        np.testing.assert_array_equal(signal, train.read(np.arange(8)))
        silence.interrupts = True
        server.fault = silence
        try:
            with pytest.raises(KeyboardInterrupt):
                for _ in batches:
                    pass
            del batches
            gc.collect()
            threads = [t for t in threading.enumerate() if t.name.startswith("tuszstore")]
            for thread in threads:
                thread.join(5)
            assert not [thread.name for thread in threads if thread.is_alive()]
            assert not silence.over.is_set()
        finally:
            silence.over.set()

    @pytest.mark.slow
    def test_workers_of_a_data_loader(self, server: ObjectServer, train: tuszstore.Store) -> None:
        from torch.utils.data import DataLoader

        from tuszstore.torch import WindowDataset

        dataset = WindowDataset(open_at(server), np.arange(24))
        loader = DataLoader(
            dataset, batch_size=8, num_workers=1, multiprocessing_context="forkserver"
        )
        signal = np.concatenate([batch[0].numpy() for batch in loader])
        np.testing.assert_array_equal(signal, train.read(np.arange(24)))

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_forked_workers_say_what_to_do(self, server: ObjectServer) -> None:
        from torch.utils.data import DataLoader

        from tuszstore.torch import WindowDataset

        dataset = WindowDataset(open_at(server))
        loader = DataLoader(dataset, batch_size=8, num_workers=1, multiprocessing_context="fork")
        with pytest.raises(StoreError, match="multiprocessing_context='spawn'"):
            next(iter(loader))
