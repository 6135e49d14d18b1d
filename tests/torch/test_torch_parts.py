"""What datasets and loaders are made of: memory and the background thread."""

import gc
import os
import pickle
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.torch.helpers import prefetch_threads, wait_for  # noqa: E402
from tuszstore.torch.buffers import BufferPool  # noqa: E402
from tuszstore.torch.prefetch import Prefetcher  # noqa: E402


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    if prefetch_threads():
        gc.collect()
    assert wait_for(lambda: not prefetch_threads())


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
        for shape, dtype in [
            ((3, 4), torch.float32),
            ((2, 4), torch.float32),
            ((3, 4), torch.int16),
            ((9, 9), torch.bfloat16),
            ((1, 1), torch.float32),
            ((0, 4), torch.int32),
        ] * 3:
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
        assert pool._memory.idle == 2000
        again = pickle.loads(pickle.dumps(pool))
        assert (again.keep, again._memory.idle) == (2, 0)


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
            with pytest.raises(RuntimeError, match="create one after the fork"):
                next(items)
        assert next(items) == 0
