"""The index of any windows from events alone is that which is derived from labels."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.store.made_stores import SPEC
from tuszstore.store.index import derive_windows
from tuszstore.store.labels import UNLABELLED, paint
from tuszstore.store.regular import WindowGrid, place_columns, window_columns
from tuszstore.store.spans import LabelSpans
from tuszstore.store.spec import StoreSpec

BITS = (1, 2, 4, 0, UNLABELLED)


@st.composite
def annotated(draw: st.DrawFn) -> tuple[StoreSpec, dict[str, Any], dict[str, Any]]:
    """Windows of any geometry, a few recordings, and what is annotated in them."""
    window, stride = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    block = math.gcd(window, stride)
    spec = replace(SPEC, window=window, stride=stride, block=block, step=block, shard=3)
    lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=4))
    n_blocks = [-(-n // block) for n in lengths]
    labelled = draw(st.lists(st.booleans(), min_size=len(lengths), max_size=len(lengths)))
    events = [
        (row, *sorted(draw(st.tuples(st.integers(0, 45), st.integers(0, 45)))),
         draw(st.sampled_from(BITS)))
        for row, known in enumerate(labelled) if known
        for _ in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    columns = np.array(events, np.int64).reshape(-1, 4)
    names = ("recording", "first_sample", "stop_sample")
    recordings = {
        "n_samples": np.array(lengths),
        "first_block": np.cumsum(n_blocks) - n_blocks,
        "labelled": np.array(labelled),
    }
    table = {name: columns[:, k] for k, name in enumerate(names)}
    return spec, recordings, {**table, "bit": columns[:, 3].astype(np.uint16)}


def labels(spec: StoreSpec, recordings: dict[str, Any], events: dict[str, Any]) -> np.ndarray:
    """Return the blocks of `label`, painted sample by sample."""
    blocks = []
    for row, n in enumerate(recordings["n_samples"].tolist()):
        label = np.full(n, 0 if recordings["labelled"][row] else UNLABELLED, np.uint16)
        mine = events["recording"] == row
        span = (events[name][mine] for name in ("first_sample", "stop_sample", "bit"))
        paint(*span, label)
        size = -(-n // spec.block) * spec.block
        filled = np.full(size, UNLABELLED, np.uint16)
        filled[:n] = label
        blocks.append(filled.reshape(-1, spec.block))
    return np.concatenate(blocks)


@given(annotated())
def test_columns_are_those_of_labels(case: tuple[StoreSpec, Any, Any]) -> None:
    spec, recordings, events = case
    expected = derive_windows(labels(*case), recordings, spec)
    grid = WindowGrid.of(recordings, spec.geometry, spec.geometry)
    found = {
        **place_columns(grid, recordings["first_block"], spec.block),
        **window_columns(grid, recordings, events, spec),
    }
    assert len(grid) == len(expected["recording"])
    for name, column in found.items():
        assert column.dtype == expected[name].dtype, name
        np.testing.assert_array_equal(column, expected[name], err_msg=name)


@given(annotated())
def test_windows_are_found_again(case: tuple[StoreSpec, Any, Any]) -> None:
    """Recording and place of each window, counted one by one."""
    spec, recordings, _ = case
    grid = WindowGrid.of(recordings, spec.geometry, spec.geometry)
    expected = [
        (row, start)
        for row, n in enumerate(recordings["n_samples"].tolist())
        for start in range(0, n - spec.window + 1, spec.stride)
    ]
    numbers = np.arange(len(grid))
    recording, first = grid.find(numbers)
    assert list(zip(recording.tolist(), first.tolist(), strict=True)) == expected
    positions, again = grid.places(numbers)
    base = recordings["first_block"] * spec.block
    np.testing.assert_array_equal(positions, base[recording] + first)
    np.testing.assert_array_equal(again, recording)


@given(annotated())
def test_intervals_hold_what_labels_have(case: tuple[StoreSpec, Any, Any]) -> None:
    spec, recordings, _ = case
    spans = LabelSpans.of(case[1], case[2], spec)
    flat = labels(*case)
    for row, n in enumerate(recordings["n_samples"].tolist()):
        first = recordings["first_block"][row]
        label = flat[first : first + -(-n // spec.block)].reshape(-1)[:n]
        found = np.zeros(n, np.uint16)
        begin = np.array([spans.offset[row]])
        for bit, some in (*spans.classes.items(), (UNLABELLED, spans.unlabelled)):
            for _, a, b in some.meeting(begin, n):
                found[a:b] |= np.uint16(bit)
        np.testing.assert_array_equal(found, label)
