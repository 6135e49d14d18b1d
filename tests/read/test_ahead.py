"""What is announced to the system before it is read, and when."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tuszstore.read import shards
from tuszstore.read.ahead import AHEAD, Announcer
from tuszstore.read.plan import Part, Run
from tuszstore.read.shards import DamagedShard, ShardFiles
from tuszstore.store.shard import signal_file

BLOCK = AHEAD // 8


def parts(counts: list[int]) -> list[Part]:
    run = Run(0, sum(counts), np.zeros((0, 2), np.int64))
    return [Part(0, number, count, run) for number, count in enumerate(counts)]


@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=30),
    waited=st.lists(st.booleans(), min_size=30, max_size=30),
)
def test_parts_are_announced_once_and_not_too_far_ahead(
    counts: list[int], waited: list[bool]
) -> None:
    told: list[int] = []
    announcer = Announcer(parts(counts), lambda part: told.append(part.first), BLOCK)
    for place in range(len(counts)):
        before = len(told)
        announcer.after(place, waited=waited[place])
        if not any(waited[: place + 1]):
            assert not told
        assert all(number > place for number in told[before:])
        assert sum(counts[place + 1 : max(told, default=0) + 1]) * BLOCK <= AHEAD
        following = max([place, *told]) + 1
        if told and following < len(counts):
            # no more would fit
            assert sum(counts[place + 1 : following + 1]) * BLOCK > AHEAD
    assert told == sorted(set(told))


def test_a_shard_that_is_gone_is_not_announced_but_the_next_is() -> None:
    told = []

    def announce(part: Part) -> None:
        if part.first == 1:
            raise DamagedShard("file is missing")
        told.append(part.first)

    Announcer(parts([1, 1, 1]), announce, BLOCK).after(0, waited=True)
    assert told == [2]


def seldom_cached(real: Callable[..., int], error: int) -> Callable[..., int]:
    """Return `preadv` of a system that has nothing in its page cache, or does not tell."""

    def preadv(descriptor: int, buffers: Any, offset: int, flags: int = 0) -> int:
        if flags:
            raise OSError(error, os.strerror(error))
        return real(descriptor, buffers, offset)

    return preadv


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="the system does not tell")
@pytest.mark.parametrize("error", [errno.EAGAIN, errno.EOPNOTSUPP])
def test_the_rest_of_a_batch_is_announced(
    train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    numbers = [0, 10, 20, 30, 40]
    expected = train.read(numbers)
    announced: list[tuple[int, int, int]] = []
    real = ShardFiles.announce

    def announce(files: ShardFiles, shard: int, begin: int, end: int) -> None:
        announced.append((shard, begin, end))
        real(files, shard, begin, end)

    monkeypatch.setattr(ShardFiles, "announce", announce)
    monkeypatch.setattr("tuszstore.read.decode._kernel", None)
    monkeypatch.setattr(shards.os, "preadv", seldom_cached(os.preadv, error))
    store = tuszstore.open(train.path)
    np.testing.assert_array_equal(store.read(numbers), expected)
    assert announced
    assert len(set(announced)) == len(announced)
    for shard, begin, end in announced:
        size = (Path(train.path) / signal_file(shard)).stat().st_size
        assert 0 <= begin < end <= size


def test_nothing_is_announced_that_is_in_the_page_cache(
    train: tuszstore.Store, on_disk: Path, monkeypatch: pytest.MonkeyPatch, decoder: Any
) -> None:
    path = shutil.copytree(train.path, on_disk / "train.zarr")
    store = tuszstore.open(path)
    numbers = np.arange(0, 60, 3)
    expected = store.read(numbers)  # and now it is there

    shard = os.open(path / signal_file(0), os.O_RDONLY)
    try:
        if shards._read_cached(shard, 0, memoryview(bytearray(1))) == 0:
            pytest.skip("the system does not tell what is in the page cache")
    finally:
        os.close(shard)

    def announce(*args: object) -> None:
        raise AssertionError("announced")

    monkeypatch.setattr(ShardFiles, "announce", announce)
    np.testing.assert_array_equal(store.read(numbers), expected)
