"""Orders that keep neighbours together, and how an epoch is divided over ranks."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.read.plan import plan_runs
from tuszstore.sampling import BlockShuffled, SamplingError
from tuszstore.sampling.ranks import deal, part


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
