import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.builder.spec import geometry_of
from tuszstore.config import Config
from tuszstore.store.geometry import Geometry

seconds = st.integers(1, 40)


def geometry(length: float, stride: float, overlap: str = "share") -> Geometry:
    return geometry_of(Config(windows={"length": length, "stride": stride, "overlap": overlap}))


@given(length=seconds, stride=seconds, n_samples=st.integers(0, 256 * 200))
def test_windows_are_those_that_fit(length: int, stride: int, n_samples: int) -> None:
    starts = range(0, n_samples - length * 256 + 1, stride * 256)
    for overlap in ("share", "duplicate"):
        assert geometry(length, stride, overlap).n_windows(n_samples) == len(starts)


@given(length=seconds, stride=seconds, n_samples=st.integers(0, 256 * 200))
def test_every_window_is_a_run_of_whole_blocks(length: int, stride: int, n_samples: int) -> None:
    for overlap in ("share", "duplicate"):
        g = geometry(length, stride, overlap)
        block_starts = np.arange(g.n_blocks(n_samples)) * g.step
        for k in range(g.n_windows(n_samples)):
            first = k * g.blocks_per_stride
            run = block_starts[first : first + g.blocks_per_window]
            assert len(run) == g.blocks_per_window
            assert run[0] == k * g.stride
            assert run[-1] + g.block == k * g.stride + g.window


@given(length=seconds, stride=seconds, n_samples=st.integers(1, 256 * 200))
def test_shared_blocks_cover_every_sample_once(length: int, stride: int, n_samples: int) -> None:
    g = geometry(length, stride)
    assert 0 <= g.n_blocks(n_samples) * g.block - n_samples < g.block


@pytest.mark.parametrize(
    ("length", "stride", "block"), [(60, 10, 10), (60, 60, 60), (12, 8, 4), (2.5, 1, 0.5)]
)
def test_a_block_is_the_greatest_common_divisor(length: float, stride: float, block: float) -> None:
    assert geometry(length, stride).block == block * 256


def test_a_shard_is_as_long_with_any_block() -> None:
    assert geometry(60, 10).shard == 64
    assert geometry(10, 1).shard == 640
    assert geometry(60, 10, "duplicate").shard == 11
