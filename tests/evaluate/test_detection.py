"""From traces to events."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.evaluate.detection import EventRule, find_events
from tuszstore.evaluate.stitching import Trace


def events(values: Any, step: float = 1.0, seconds: float = 1e9, **rule: Any) -> Any:
    spans, sure = find_events(
        Trace("x", np.array(values, np.float32), step), EventRule(**rule), seconds
    )
    assert len(spans) == len(sure)
    return [tuple(span) for span in spans.tolist()]


@pytest.mark.parametrize("name", ["threshold", "hysteresis", "min_duration", "merge_gap", "smooth"])
@pytest.mark.parametrize("value", ["0.5", [0.5]])
def test_a_number_of_another_type_is_named(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{name} must be a number, not {re.escape(repr(value))}"):
        EventRule(**{"threshold": 0.5, name: value})


def test_numbers_of_numpy_are_numbers() -> None:
    assert EventRule(np.float32(0.5), hysteresis=None, smooth=np.float64(2)).smooth == 2
    with pytest.raises(TypeError, match="threshold must be a number, not None"):
        EventRule(None)  # type: ignore[arg-type]


def slowly(values: Any, threshold: float, low: float, gap: float, least: float) -> Any:
    """One cell after the other."""
    found, onset = [], None
    for place, value in enumerate([*values, np.nan]):
        if onset is None and value >= threshold:
            onset = place
        elif onset is not None and not value >= low:
            found.append([onset, place])
            onset = None
    joined: list[Any] = []
    for begin, end in found:
        if joined and gap and begin - joined[-1][1] <= gap:
            joined[-1][1] = end
        else:
            joined.append([begin, end])
    return [(begin, end) for begin, end in joined if end - begin >= least]


@given(
    st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 1.0, np.nan]), max_size=30),
    st.sampled_from([0.2, 0.5, 0.8]),
    st.sampled_from([None, 0.2, 0.4]),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_events_are_as_one_walks_along(
    values: list[float], threshold: float, hysteresis: float | None, gap: int, least: int
) -> None:
    values = np.array(values, np.float32)
    threshold = float(np.float32(threshold))
    low = None if hysteresis is None else float(min(np.float32(hysteresis), threshold))
    expected = slowly(values, threshold, threshold if low is None else low, gap, least)
    options = {"hysteresis": low, "merge_gap": gap, "min_duration": least}
    assert events(values, threshold=threshold, **options) == expected


def test_an_event_ends_with_its_recording() -> None:
    assert events([0, 1, 1, 1], step=5.0, seconds=18.5, threshold=0.5) == [(5, 18.5)]
    assert events([0, 0, 0, 1], step=5.0, seconds=15.0, threshold=0.5) == []


def test_confidence_is_the_highest_probability() -> None:
    trace = Trace("x", np.array([0.6, 0.9, 0, 0.7], np.float32), 1.0)
    _, sure = find_events(trace, EventRule(0.5), 4)
    assert sure.tolist() == pytest.approx([0.9, 0.7])
    _, sure = find_events(trace, EventRule(0.5, merge_gap=1), 4)
    assert sure.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"threshold": 1.5}, "threshold must be within 0 to 1"),
        ({"threshold": np.nan}, "threshold must be within 0 to 1"),
        ({"threshold": 0.5, "hysteresis": 0.6}, "hysteresis must be within 0 to the threshold 0.5"),
        ({"threshold": 0.5, "min_duration": -1}, "min_duration must be 0 s or more"),
        ({"threshold": 0.5, "smooth": np.inf}, "smooth must be 0 s or more"),
        ({"threshold": 0.5, "mode": "middle"}, "unknown mode 'middle'; known are mean"),
    ],
)
def test_rules_that_are_none_are_refused(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        EventRule(**rule)
