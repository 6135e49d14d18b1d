"""Rows made with torch have the bits of those that NumPy makes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from tuszstore.channels.derivations import Channel  # noqa: E402
from tuszstore.read.rows import Rows  # noqa: E402
from tuszstore.torch.second_stage import SecondStage  # noqa: E402


@settings(max_examples=100)
@given(
    n_channels=st.integers(1, 6),
    n_shared=st.integers(0, 2),
    n_rows=st.integers(1, 5),
    n_recordings=st.sampled_from([1, 4]),
    seed=st.integers(0, 10**6),
)
def test_any_sums(
    n_channels: int, n_shared: int, n_rows: int, n_recordings: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 6, n_shared + n_rows)
    channels = [
        rng.integers(0, n_channels + (n_shared if k >= n_shared else 0), count)
        for k, count in enumerate(counts)
    ]
    rows = Rows(
        wanted=tuple(Channel(f"r{k}", f"r{k}") for k in range(n_rows)),
        units="uV", clip=None, average_of=(), n_channels=n_channels, n_shared=n_shared,
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        channels=np.concatenate(channels).astype(np.int32),
        factors=rng.normal(0, 1, (n_recordings, int(counts.sum()))).astype(np.float32),
        offsets=rng.choice([-0.0, 0.0, 1e-3, 1e9], (n_recordings, n_rows)).astype(np.float32),
        limits=np.where(rng.random(n_rows) < 0.5, np.inf, 100).astype(np.float32),
    )  # fmt: skip
    stored = rng.integers(-32768, 32768, (3, n_channels, 50)).astype(np.int16)
    recordings = rng.integers(0, n_recordings, 3)
    expected = np.empty((3, n_rows, 50), np.float32)
    rows.apply(stored, recordings, expected)
    stage = SecondStage(rows, torch.device("cpu"))
    made = stage(torch.from_numpy(stored), *stage.factors(recordings))
    assert made.numpy().tobytes() == expected.tobytes()
