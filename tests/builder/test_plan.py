import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.read.plan import LEAST_WINDOWS, MAX_BLOCKS, plan_runs

starts = st.lists(st.integers(0, 300), max_size=80)


@given(starts=starts, n_parts=st.integers(1, 120), n_threads=st.integers(1, 4))
def test_every_window_lies_within_one_run(starts: list[int], n_parts: int, n_threads: int) -> None:
    rows = []
    runs = list(plan_runs(np.array(starts, np.int64), n_parts, n_threads))
    for run in runs:
        assert run.stop - run.first <= max(MAX_BLOCKS, n_parts)
        places = run.targets[:, 1]
        assert (np.diff(places) >= 0).all()
        for row, place in run.targets.tolist():
            assert run.first + place == starts[row]
            assert starts[row] + n_parts <= run.stop
            rows.append(row)
        # nothing is read that no window of the run holds
        covered = np.unique(places[:, None] + np.arange(n_parts))
        assert len(covered) == run.stop - run.first
    assert sorted(rows) == list(range(len(starts)))
    assert [run.first for run in runs] == sorted(run.first for run in runs)


@given(n_windows=st.integers(1, 90), n_threads=st.integers(1, 8))
def test_neighbours_keep_all_threads_at_work(n_windows: int, n_threads: int) -> None:
    runs = list(plan_runs(np.arange(n_windows), 6, n_threads))
    assert len(runs) >= min(n_threads, -(-n_windows // LEAST_WINDOWS))
    decoded = sum(run.stop - run.first for run in runs)
    assert decoded == n_windows + 5 * len(runs)
