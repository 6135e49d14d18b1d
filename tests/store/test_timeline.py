"""Distances of windows from seizures, against a walk through every second."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tuszstore.builder.spec import spec_of
from tuszstore.config import Config
from tuszstore.store.timeline import Timelines, merge

LENGTH = 4  # samples of a window, at 1 Hz
SPEC = replace(spec_of(Config()), sfreq=1, window=LENGTH, stride=LENGTH, block=LENGTH, step=LENGTH)
NAMES = ("time_to_seizure", "time_since_seizure", "seizure_free_after", "seizure_free_before")


def timelines(
    starts: list[float],
    lengths: list[int],
    labelled: list[bool],
    patients: list[str],
    seizures: list[tuple[int, int, int]],
    names: list[str] | None = None,
) -> Timelines:
    """Put recordings and seizures `(recording, first, stop)` on timelines, at 1 Hz."""
    rows = np.array(seizures, np.int64).reshape(-1, 3)
    recordings: dict[str, Any] = {
        "patient": np.array(patients, object),
        "patient_time": np.array(starts, float),
        "n_samples": np.array(lengths),
        "labelled": np.array(labelled),
    }
    if names:
        recordings["timeline"] = np.array(names, object)
    events: dict[str, Any] = {
        "recording": rows[:, 0],
        "first_sample": rows[:, 1],
        "stop_sample": rows[:, 2],
        "bit": np.full(len(rows), SPEC.seizure_bits & -SPEC.seizure_bits, np.uint16),
    }
    return Timelines.of(recordings, events, SPEC)


def walked(
    starts: list[float],
    lengths: list[int],
    labelled: list[bool],
    patients: list[str],
    seizures: list[tuple[int, int, int]],
    number: int,
    first: int,
) -> tuple[float, float, float, float]:
    """Return the distances of one window, second by second."""
    if not labelled[number]:
        return (math.nan,) * 4
    alone = math.isnan(starts[number])
    line = [
        k
        for k in range(len(starts))
        if k == number or (not alone and patients[k] == patients[number] and starts[k] == starts[k])
    ]
    at = {k: 0 if alone else int(starts[k]) for k in line}
    known = {at[k] + s for k in line if labelled[k] for s in range(lengths[k])}
    ictal = {at[k] + s for k, a, b in seizures if k in at for s in range(a, min(b, lengths[k]))}
    begin, stop = at[number] + first, at[number] + first + LENGTH
    if ictal & set(range(begin, stop)):
        return 0.0, 0.0, 0.0, 0.0
    later, sooner = [s for s in ictal if s >= stop], [s for s in ictal if s < begin]
    to = min(later) - stop if later else math.nan
    since = begin - 1 - max(sooner) if sooner else math.nan

    def free(at: int, step: int) -> int:
        """Count seconds without seizure; one second that is missing is no gap."""
        count = at
        while count not in ictal and (
            count in known or (count + step in known and count - step in known)
        ):
            count += step
        return abs(count - at)

    return to, since, free(stop, 1), free(begin - 1, -1)


@settings(max_examples=300)
@given(st.data())
def test_distances_are_those_of_a_walk(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 4))
    lengths = data.draw(st.lists(st.integers(LENGTH, 12), min_size=n, max_size=n))
    gaps = data.draw(st.lists(st.sampled_from([0, 1, 2, 9]), min_size=n, max_size=n))
    starts: list[float] = []
    for k, gap in enumerate(gaps):
        starts.append(gap + (starts[-1] + lengths[k - 1] if starts else 0))
    unknown = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    starts = [math.nan if no else start for no, start in zip(unknown, starts, strict=True)]
    labelled = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    patients = data.draw(st.lists(st.sampled_from("ab"), min_size=n, max_size=n))
    seizures = [
        (k, first, first + data.draw(st.integers(0, 5)))
        for k in range(n)
        if labelled[k]
        for first in data.draw(st.lists(st.integers(0, lengths[k] - 1), max_size=2))
    ]
    case = (starts, lengths, labelled, patients, seizures)
    lines = timelines(*case)
    for number in range(n):
        for first in range(lengths[number] - LENGTH + 1):
            found = lines.distances(np.array([number]), np.array([first]), LENGTH, 1.0)
            np.testing.assert_array_equal(
                [found[name][0] for name in NAMES], walked(*case, number, first), err_msg=str(case)
            )


def test_the_hour_before_a_seizure_of_the_next_recording_is_not_interictal() -> None:
    lines = timelines([0, 3600, 9000], [3600] * 3, [True] * 3, ["a"] * 3, [(1, 600, 660)])
    found = lines.distances(np.array([0, 2]), np.array([0, 0]), LENGTH, 1.0)
    assert found["time_to_seizure"][0] == found["seizure_free_after"][0] == 4200 - LENGTH
    assert math.isnan(found["time_to_seizure"][1])
    assert found["time_since_seizure"][1] == 9000 - 4260
    assert found["seizure_free_before"][1] == 0  # what was between is not recorded


def test_a_seizure_on_another_timeline_of_the_patient_has_no_distance() -> None:
    case = ([0, 0, 100, 50], [40, 40, 40, 40], [True] * 4, ["a", "a", "a", "b"], [(0, 10, 20)])
    found = timelines(*case, names=["1", "2", "1", ""]).distances(
        np.arange(4), np.full(4, 30), LENGTH, 1.0
    )
    np.testing.assert_array_equal(found["time_since_seizure"], [10, math.nan, 110, math.nan])
    np.testing.assert_array_equal(found["seizure_free_before"], [10, 30, 30, 30])


def test_no_seizure_and_no_recording() -> None:
    found = timelines([0], [8], [True], ["a"], []).distances(np.array([0]), np.array([2]), 4, 1.0)
    assert [found[name][0] for name in NAMES[2:]] == [2, 2]
    assert np.isnan([found[name][0] for name in NAMES[:2]]).all()
    nothing = timelines([], [], [], [], [])
    assert len(nothing.distances(np.zeros(0, int), np.zeros(0, int), 4, 1.0)[NAMES[0]]) == 0


def test_merge_joins_what_is_no_further_apart_than_a_gap() -> None:
    first, stop = merge(np.array([0, 5, 9, 9]), np.array([4, 7, 9, 12]), 1)
    assert (first.tolist(), stop.tolist()) == ([0, 9], [7, 12])


@given(
    spans=st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 12)), max_size=12),
)
def test_merged_intervals_cover_the_same_samples(spans: list[tuple[int, int]]) -> None:
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
