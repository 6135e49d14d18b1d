"""Outputs of windows, back on their recording, against one cell after the other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tuszstore.evaluate.stitching import MODES, Mode, Trace, cell_length, stitch


def slowly(
    values: Any, starts: Any, window: int, cell: int, n_cells: int, mode: str, hold: int
) -> Any:
    """What each cell has, as it is described."""
    out = np.full(n_cells, np.nan)
    share = window // values.shape[1]
    for place in range(n_cells):
        time = place * cell
        if mode == "causal":
            ended = [k for k, start in enumerate(starts) if start + window <= time]
            newest = max(ended, key=lambda k: starts[k], default=None)
            is_last = newest is not None and starts[newest] == max(starts)
            if newest is not None and not (is_last and time >= starts[newest] + window + hold):
                out[place] = values[newest, -1]
            continue
        there = [k for k, start in enumerate(starts) if start <= time < start + window]
        told = {k: values[k, (time - starts[k]) // share] for k in there}
        if not there:
            continue
        if mode == "max":
            out[place] = max(told.values())
        elif mode == "last":
            out[place] = told[max(there, key=lambda k: starts[k])]
        else:
            middles = {k: (time + cell / 2 - starts[k]) / window for k in there}
            weights = {k: 1 - abs(2 * x - 1) for k, x in middles.items()}
            total = sum(weights[k] * told[k] for k in there)
            out[place] = total / sum(weights.values())
    return out


@st.composite
def windows(draw: st.DrawFn) -> tuple[Any, Any, int]:
    n_values = draw(st.sampled_from([1, 2, 4]))
    window = 4 * draw(st.integers(1, 5))
    starts = draw(st.lists(st.integers(0, 60), max_size=12, unique=True))
    seed = draw(st.integers(0, 99))
    values = np.random.default_rng(seed).uniform(0, 1, (len(starts), n_values))
    return values.astype(np.float32), np.array(starts, np.int64), window


@pytest.mark.parametrize("mode", MODES)
@given(made=windows())
def test_each_cell_has_what_is_described(mode: Mode, made: tuple[Any, Any, int]) -> None:
    values, starts, window = made
    cell = cell_length(starts, window, values.shape[1])
    n_cells = 90 // cell
    options = {"window": window, "cell": cell, "n_cells": n_cells, "mode": mode, "hold": 2 * cell}
    expected = slowly(values, starts, **options)
    np.testing.assert_allclose(stitch(values, starts, **options), expected, atol=1e-6)


@given(made=windows(), time=st.integers(0, 80))
def test_a_causal_trace_knows_nothing_of_what_comes(made: tuple[Any, Any, int], time: int) -> None:
    values, starts, window = made
    cell = cell_length(starts, window, values.shape[1])
    options: dict[str, Any] = {"window": window, "cell": cell, "n_cells": 90 // cell}
    before = stitch(values, starts, mode="causal", hold=90, **options)
    other = np.where((starts + window > time)[:, None], 1 - values, values)
    after = stitch(other, starts, mode="causal", hold=90, **options)
    same = np.arange(90 // cell) * cell <= time
    np.testing.assert_array_equal(before[same], after[same])


def test_constant_outputs_give_a_constant_trace() -> None:
    values = np.full((40, 1), 0.7, np.float32)
    for mode in MODES:
        trace = stitch(values, np.arange(40) * 5, window=20, cell=5, n_cells=43, mode=mode, hold=5)
        known = trace[4:] if mode == "causal" else trace
        np.testing.assert_allclose(known, 0.7, atol=1e-6)


def test_smoothing_is_a_mean_around_each_cell() -> None:
    values = np.array([0, 0, 1, 0, 0, np.nan, 1], np.float32)
    around = Trace("x", values, 1.0).smoothed(3)
    np.testing.assert_allclose(around, [0, 1 / 3, 1 / 3, 1 / 3, 0, np.nan, 1], atol=1e-7)
    before = Trace("x", values, 1.0, causal=True).smoothed(3)
    np.testing.assert_allclose(before, [0, 0, 1 / 3, 1 / 3, 1 / 3, np.nan, 0.5], atol=1e-7)
    assert Trace("x", values, 1.0).smoothed(None) is values


def test_traces_of_predictions(made: tuszstore.Store, tmp_path: Path) -> None:
    starts = made.index["start_time"].values
    rows = made.index["recording"].values
    values = (starts / 200)[:, None] + np.array([0, 0.01])
    with tuszstore.write_predictions(made, tmp_path / "p") as out:
        out.write(np.arange(len(made)), values)
    predictions = tuszstore.open_predictions(tmp_path / "p")
    for row, trace in enumerate(predictions.traces()):
        assert trace.recording == made.recordings["id"].values[row]
        assert trace.step == 5.0
        mine = rows == row
        expected = stitch(
            values[mine].astype(np.float32),
            np.rint(starts[mine] * 16).astype(np.int64),
            window=160,
            cell=80,
            n_cells=len(trace.values),
        )
        np.testing.assert_array_equal(trace.values, expected)
    short = predictions.trace(1)
    assert np.isnan(short.values).all()
    assert short.covered == 0
    assert predictions.trace("s0").covered == 100.0
    with pytest.raises(ValueError, match="unknown recording 'nobody'"):
        predictions.trace("nobody")
    with pytest.raises(ValueError, match="unknown mode 'best'"):
        predictions.trace(0, mode="best")  # type: ignore[arg-type]
