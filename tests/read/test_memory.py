"""Memory that is used again: never while anything refers to it."""

import ctypes
import gc
import pickle
import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tuszstore
from tuszstore.read import memory
from tuszstore.read.memory import ALIGNMENT, Memory

Array = NDArray[np.float32]

HOLDS: dict[str, Callable[[Array], Any]] = {
    "itself": lambda a: a,
    "slice": lambda a: a[1:, ::2],
    "row": lambda a: a[2],
    "transposed": lambda a: a.T,
    "other type": lambda a: a.view(np.uint8),
    "flat": lambda a: a.ravel(),
    "reshaped": lambda a: a.reshape(-1, 2)[3:],
    "zero-dimensional": lambda a: a[0, 0:1].reshape(()),
    "memoryview": lambda a: memoryview(a).cast("B")[40:],
    "array of a memoryview": lambda a: np.asarray(memoryview(a)),
    "read only": lambda a: np.broadcast_to(a[0], (9, a.shape[1])),
    "strided": lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=0),
    "masked": lambda a: np.ma.masked_array(a, a > 0),
    "subclass": lambda a: a.view(np.recarray),
    "iterator": lambda a: a.flat,
    "base": lambda a: a.base,
    "base of a view": lambda a: a[1:].base,
    "pointer": lambda a: a.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
    "frombuffer": lambda a: np.frombuffer(a, np.int16),
    "rows": list,
}


@pytest.mark.parametrize("hold", HOLDS.values(), ids=HOLDS)
def test_memory_comes_back_when_nothing_refers_to_it(hold: Callable[[Array], Any]) -> None:
    pool = Memory(keep=2)
    array = pool.take((4, 6), np.float32)
    array[:] = 1
    address = array.ctypes.data
    held = hold(array)
    del array
    other = pool.take((4, 6), np.float32)
    assert other.ctypes.data != address
    del held
    assert pool.take((4, 6), np.float32).ctypes.data == address


def test_tensors_hold_it() -> None:
    torch = pytest.importorskip("torch")
    pool = Memory(keep=2)
    array = pool.take((4, 6), np.float32)
    address = array.ctypes.data
    held = torch.from_numpy(array[1:])[0].view(torch.int32)
    del array
    assert pool.take((4, 6), np.float32).ctypes.data != address
    del held
    assert pool.take((4, 6), np.float32).ctypes.data == address


def test_arrays_are_like_others() -> None:
    pool = Memory(keep=2)
    for shape, dtype in (
        ((3, 5), np.float32),
        ((2, 7, 3), np.int16),
        ((0, 4), np.float32),
        ((1,), "u1"),
    ):
        array = pool.take(shape, dtype)
        assert (array.shape, array.dtype, type(array)) == (shape, np.dtype(dtype), np.ndarray)
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.size == 0 or array.ctypes.data % ALIGNMENT == 0
        array[...] = 7
        again = pickle.loads(pickle.dumps(array))
        np.testing.assert_array_equal(again, array)


def test_bounds() -> None:
    pool = Memory(keep=3, least=100, most=10_000)
    assert pool.take((99,), np.uint8).flags.owndata  # left to the system
    held = [pool.take((2000,), np.uint8) for _ in range(6)]
    del held
    assert pool.idle == 6000
    too_much = pool.take((20_000,), np.uint8)
    del too_much
    assert pool.idle == 6000
    large = [pool.take((6000,), np.uint8) for _ in range(2)]
    del large
    assert pool.idle <= 10_000
    small = pool.take((500,), np.uint8)  # not out of memory of many times its size
    assert small.size == 500
    assert pool.idle <= 10_000


def test_many_threads_never_share() -> None:
    """Each writes its number and finds it again, in whichever part it kept, until it lets go."""
    pool = Memory(keep=4)
    wrong: list[int] = []

    def work(number: int) -> None:
        rng, kept = random.Random(number), []
        for turn in range(300):
            value = number * 1000 + turn
            array = pool.take((rng.choice([50, 60, 100]), 8), np.int64)
            array[:] = value
            part = array[rng.randrange(50) :, ::3]
            kept.append((part if rng.random() < 0.5 else memoryview(array), value))
            if len(kept) > 3:
                kept.pop(rng.randrange(4))
            wrong.extend(v for held, v in kept if not (np.asarray(held) == v).all())

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_cycles_are_given_back_by_the_collector() -> None:
    pool = Memory(keep=2)

    class Node:
        pass

    addresses = set()
    for _ in range(4):
        node: Any = Node()
        node.array, node.self = pool.take((64,), np.float32), node
        addresses.add(node.array.ctypes.data)
        del node
        gc.collect()
    assert len(addresses) == 1


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Memory:
    own = Memory(keep=8, least=memory.LEAST, most=memory.MOST)
    monkeypatch.setattr(memory, "BATCHES", own)
    return own


def test_reading_in_a_loop_uses_memory_again(train: tuszstore.Store, pool: Memory) -> None:
    addresses, first = set(), train.read([0, 1])
    expected = first.copy()
    for number in range(8):
        batch = train.read([number, number + 1])
        addresses.add(batch.ctypes.data)
    assert len(addresses) <= 2
    np.testing.assert_array_equal(first, expected)
    kept = [train.read([number])[0] for number in range(6)]
    indexed = [train.windows[number : number + 2][:, 3] for number in range(6)]
    for number in range(6):
        np.testing.assert_array_equal(kept[number], train.read([number])[0])
        np.testing.assert_array_equal(indexed[number][0], kept[number][3])


@pytest.mark.parametrize(
    "index",
    [
        pytest.param(np.s_[1:3], id="slice"),
        pytest.param(np.s_[[3, 1, 1]], id="list"),
        pytest.param(np.s_[[[0, 2], [2, 1]]], id="table"),
        pytest.param(np.s_[[2, 0], 4], id="list and channel"),
        pytest.param(np.s_[[2, 0], :, 5:9], id="list and samples"),
        pytest.param(np.s_[[2, 0], [1, 3]], id="two lists"),
        pytest.param(np.s_[None, 2], id="new axis"),
        pytest.param(np.s_[2, ..., 0], id="ellipsis"),
        pytest.param(3, id="number"),
    ],
)
def test_indexing_is_that_of_numpy(train: tuszstore.Store, pool: Memory, index: Any) -> None:
    everything = train.read(slice(0, 5))
    array = train.windows
    got = array[index]
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, everything[index])


def test_what_is_read_may_be_changed(train: tuszstore.Store, pool: Memory) -> None:
    expected = train.read([4]).copy()
    for read in (train.read, train.windows.__getitem__):
        batch = read([4])
        batch *= 0
        del batch
        np.testing.assert_array_equal(read([4]), expected)


def test_given_memory_is_filled(train: tuszstore.Store, pool: Memory) -> None:
    view = train.view("tcp_a", units="uV")
    for source in (train, view):
        expected = source.read([2, 0]).copy()
        out = np.full((2, *source.windows.shape[1:]), np.nan, np.float32)
        assert source.read([2, 0], out=out) is out
        np.testing.assert_array_equal(out, expected)
    with pytest.raises(ValueError, match=r"of shape \(2, 20, 15360\), not \(2, 19, 15360\)"):
        view.read([2, 0], out=np.empty((2, 19, 15360), np.float32))
    with pytest.raises(ValueError, match="float32 or as stored, not float64"):
        train.read([2, 0], out=np.empty((2, 19, 15360)))
    frozen = np.empty((2, 19, 15360), np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        train.read([2, 0], out=frozen)
