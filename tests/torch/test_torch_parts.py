"""What datasets and loaders are made of: orders, memory, labels and the background thread."""

import gc
import os
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tests.torch.helpers import prefetch_threads, wait_for  # noqa: E402
from tuszstore.read.plan import plan_runs  # noqa: E402
from tuszstore.sampling import SamplingError  # noqa: E402
from tuszstore.torch import BlockShuffled  # noqa: E402
from tuszstore.torch.buffers import BufferPool  # noqa: E402
from tuszstore.torch.order import deal, part  # noqa: E402
from tuszstore.torch.prefetch import Prefetcher  # noqa: E402
from tuszstore.torch.seizures import merge  # noqa: E402


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    if prefetch_threads():
        gc.collect()
    assert wait_for(lambda: not prefetch_threads())


class TestDeal:
    @given(
        n=st.integers(0, 400),
        batch_size=st.integers(1, 40),
        world_size=st.integers(1, 9),
        rest=st.sampled_from(["exact", "pad", "drop"]),
    )
    def test_laws(self, n: int, batch_size: int, world_size: int, rest: str) -> None:
        order = np.random.default_rng(0).permutation(n)
        try:
            bounds = deal(n, batch_size, world_size, drop_last=rest == "drop", pad=rest == "pad")
        except ValueError:
            tiny = rest == "exact" and batch_size == 1 and n % world_size
            assert n < batch_size * world_size or tiny
            return
        parts = [part(order, bounds, k) for k in range(len(bounds) - 1)]
        sizes = np.array([len(p) for p in parts]).reshape(-1, world_size)
        assert sizes.min() >= 1
        assert sizes.max() <= batch_size
        # only the end is smaller
        assert (sizes[:-2] == batch_size).all()
        everything = np.concatenate(parts)
        np.testing.assert_array_equal(everything[:n], order[: len(everything)])
        if rest == "exact":
            assert len(everything) == n
            assert (np.ptp(sizes, axis=1) <= 1).all()
        elif rest == "pad":
            assert 0 <= len(everything) - n < world_size
            assert (np.ptp(sizes, axis=1) == 0).all()
        else:
            assert (sizes == batch_size).all()
            assert n - len(everything) < batch_size * world_size

    def test_an_example(self) -> None:
        assert np.diff(deal(22, 4, 2, drop_last=False, pad=False)).tolist() == [4, 4, 4, 4, 3, 3]
        assert np.diff(deal(17, 4, 2, drop_last=False, pad=False)).tolist() == [4, 4, 3, 2, 2, 2]
        assert np.diff(deal(17, 4, 2, drop_last=False, pad=True)).tolist() == [4, 4, 4, 4, 1, 1]
        assert np.diff(deal(23, 4, 2, drop_last=True, pad=False)).tolist() == [4, 4, 4, 4]


class TestBlockShuffled:
    @given(n=st.integers(1, 200), run=st.integers(1, 30), seed=st.integers(0, 9))
    def test_each_window_once(self, n: int, run: int, seed: int) -> None:
        indices = np.random.default_rng(0).permutation(2 * n)[:n]
        sampler = BlockShuffled(indices, seed, run)
        for epoch in range(3):
            order = sampler.epoch(epoch)
            np.testing.assert_array_equal(order, sampler.epoch(epoch))
            np.testing.assert_array_equal(np.sort(order), np.sort(indices))
        assert len(sampler) == n

    @pytest.mark.parametrize("indices", [[0.5], [-1], [], 0, [[1]], ["a"]], ids=str)
    def test_no_windows(self, indices: Any) -> None:
        with pytest.raises(SamplingError):
            BlockShuffled(indices)

    def test_a_mask_or_a_number_of_windows(self) -> None:
        assert sorted(BlockShuffled([False, True, True]).epoch(0)) == [1, 2]
        assert sorted(BlockShuffled(3)) == [0, 1, 2]

    def test_it_reads_long_runs_in_another_order_each_time(self) -> None:
        sampler = BlockShuffled(range(10_000))
        first, second = (sampler.epoch(k)[:64] for k in range(2))
        assert first.tolist() != second.tolist()
        assert len(list(plan_runs(np.sort(first), 6))) <= 10  # 64 neighbours
        assert len(np.unique(np.diff(np.sort(first)))) > 1


class TestBufferPool:
    @pytest.mark.parametrize(
        "view",
        [
            pytest.param(lambda t: t, id="itself"),
            pytest.param(lambda t: t[1:].T[2], id="view"),
            pytest.param(lambda t: t.unbind()[3], id="row"),
            pytest.param(lambda t: t.numpy(), id="array"),
            pytest.param(lambda t: t[1:].numpy()[1:, ::2], id="view of an array"),
            pytest.param(lambda t: torch.from_numpy(t.numpy()[1:]), id="tensor of an array"),
            pytest.param(lambda t: memoryview(t.numpy()[1]), id="memoryview"),
            pytest.param(lambda t: t.view(torch.int32), id="other type"),
            pytest.param(lambda t: t.untyped_storage(), id="storage"),
        ],
    )
    def test_memory_comes_back_when_nothing_refers_to_it(self, view: Any) -> None:
        pool = BufferPool(keep=2)
        tensor = pool.take((4, 5), torch.float32)
        address = tensor.data_ptr()
        held = view(tensor)
        del tensor
        other = pool.take((4, 5), torch.float32)
        assert other.data_ptr() != address
        del held
        assert pool.take((4, 5), torch.float32).data_ptr() == address

    def test_sizes_and_types_differ(self) -> None:
        pool = BufferPool(keep=3)
        held = []
        for shape, dtype in [((3, 4), torch.float32), ((2, 4), torch.float32),
                             ((3, 4), torch.int16), ((9, 9), torch.bfloat16),
                             ((1, 1), torch.float32), ((0, 4), torch.int32)] * 3:  # fmt: skip
            tensor = pool.take(shape, dtype)
            assert (tensor.shape, tensor.dtype) == (shape, dtype)
            assert tensor.is_contiguous()
            tensor.fill_(len(held))
            if len(held) % 4 == 0:
                held.append(tensor)
        for number, tensor in enumerate(held):
            assert (tensor == number).all()

    def test_few_lie_idle(self) -> None:
        pool = BufferPool(keep=2)
        held = [pool.take((1000,), torch.uint8) for _ in range(6)]
        del held
        assert len(pool._idle) == 2
        again = pickle.loads(pickle.dumps(pool))
        assert (again.keep, len(again._idle)) == (2, 0)


class TestSeizureMask:
    @given(
        spans=st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 12)), max_size=12),
    )
    def test_merged_intervals_cover_the_same_samples(self, spans: list[tuple[int, int]]) -> None:
        first = np.array([a for a, _ in spans], np.int64)
        stop = np.array([a + length for a, length in spans], np.int64)
        expected, found = np.zeros(60, bool), np.zeros(60, bool)
        for a, b in zip(first, stop, strict=True):
            expected[a : max(a, b)] = True
        merged = list(zip(*merge(first, stop), strict=True))
        for a, b in merged:
            assert a < b
            assert not found[max(a - 1, 0) : b + 1].any()  # sorted and apart
            found[a:b] = True
        assert merged == sorted(merged)
        np.testing.assert_array_equal(found, expected)


class TestPrefetcher:
    @pytest.mark.parametrize("depth", [0, 1, 3])
    def test_items_come_in_order_and_then_none(self, depth: int) -> None:
        items = Prefetcher(iter(range(5)), depth)
        assert list(items) == list(range(5))
        assert list(items) == []

    @pytest.mark.parametrize("depth", [1, 2, 4])
    def test_it_runs_so_far_ahead_and_no_further(self, depth: int) -> None:
        made: list[int] = []

        def make() -> Iterator[int]:
            for number in range(20):
                made.append(number)
                yield number

        items = Prefetcher(make(), depth)
        for taken in range(3):
            assert wait_for(lambda: len(made) >= depth + taken)  # noqa: B023
            time.sleep(0.02)
            assert len(made) == depth + taken
            assert next(items) == taken
        items.close()
        assert list(items) == []

    @pytest.mark.parametrize("depth", [0, 2])
    def test_errors_come_in_their_place(self, depth: int) -> None:
        items = Prefetcher((10 // k for k in (2, 1, 0, 1)), depth)
        assert [next(items), next(items)] == [5, 10]
        with pytest.raises(ZeroDivisionError):
            next(items)
        assert list(items) == []

    def test_dropping_it_ends_the_thread_at_once(self) -> None:
        items = Prefetcher(iter(range(100)), 2)
        next(items)
        assert prefetch_threads()
        del items
        assert not prefetch_threads()

    def test_a_collection_in_another_thread_ends_it_too(self) -> None:
        items = Prefetcher(iter(range(100)), 2)
        next(items)
        items.itself = items
        gc.disable()
        try:
            del items
            assert prefetch_threads()
            collector = threading.Thread(target=gc.collect)
            collector.start()
            collector.join()
        finally:
            gc.enable()
        assert wait_for(lambda: not prefetch_threads())

    def test_a_forked_process_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        items = Prefetcher(iter(range(100)), 2)
        with monkeypatch.context() as patch:
            patch.setattr(os, "getpid", lambda: -1)
            with pytest.raises(RuntimeError, match="make one after the fork"):
                next(items)
        assert next(items) == 0
