"""SzCORE's rules by its own package, and NEDC's against another reading of their definitions."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timescoring.annotations import Annotation
from timescoring.scoring import EventScoring, SampleScoring

from tests.evaluate import rules_oracle
from tuszstore.evaluate import nedc, szcore
from tuszstore.evaluate.intervals import Spans, as_spans, union

HOUR = 3600.0
Pairs = list[tuple[float, float]]


def counts(tally: Any) -> tuple[float, float, float]:
    return tally.hits, tally.misses, tally.false_alarms


def random_list(rng: random.Random, *, whole: bool, end: float = HOUR) -> Pairs:
    """Events in any order, some of which overlap."""
    made = []
    for _ in range(rng.randrange(9)):
        start = rng.uniform(0, end - 1)
        stop = min(end, start + rng.choice([2, 30, 200, 900]) * rng.uniform(0.5, 1.5))
        made.append((float(round(start)), float(round(stop))) if whole else (start, stop))
    return made


def events() -> st.SearchStrategy[Pairs]:
    """Lists of events with odd fractions of seconds, in any order."""
    time = st.floats(0, 3000, allow_nan=False, width=32) | st.integers(0, 30000).map(
        lambda tenth: tenth / 10
    )
    length = st.floats(0.015625, 900, width=32) | st.sampled_from(
        [0.03, 300.0, 300.03, 600.01, 0.1]
    )
    return st.lists(
        st.tuples(time, length).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6
    )


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ([(600, 660)], [(590, 600), (680, 700), (900, 910), (980, 990)], (1, 0, 1)),
        ([(600, 1400)], [(620, 640)], (1, 2, 0)),
        ([(600, 660)], [(300, 1500)], (1, 0, 2)),
        ([(600, 660)], [(720, 725)], (0, 1, 1)),
        ([(600, 660)], [(719, 725)], (1, 0, 0)),
        ([(600, 660)], [], (0, 1, 0)),
        ([], [(600, 660)], (0, 0, 1)),
    ],
)
def test_szcore_events(reference: Pairs, hypothesis: Pairs, expected: tuple[int, int, int]) -> None:
    assert counts(szcore.event_tally(as_spans(reference), as_spans(hypothesis), HOUR)) == expected


@pytest.mark.parametrize("whole", [True, False], ids=["whole seconds", "any times"])
@pytest.mark.slow
def test_a_thousand_random_lists_count_as_the_package_counts_them(whole: bool) -> None:
    rng = random.Random(0)
    for _ in range(1000):
        reference, hypothesis = (random_list(rng, whole=whole) for _ in range(2))
        known, found = (
            Annotation(list(map(tuple, union(pairs).tolist())), 10, 36000)
            for pairs in (reference, hypothesis)
        )
        events = EventScoring(known, found)
        expected = (events.tp, events.refTrue - events.tp, events.fp)
        tally = szcore.event_tally(as_spans(reference), as_spans(hypothesis), HOUR)
        assert counts(tally) == expected, (reference, hypothesis)
        samples = SampleScoring(known, found)
        expected = (samples.tp, samples.refTrue - samples.tp, samples.fp)
        tally = szcore.sample_tally(as_spans(reference), as_spans(hypothesis), HOUR)
        assert counts(tally) == expected, (reference, hypothesis)
        for name, theirs in (("sensitivity", samples.sensitivity), ("f1", samples.f1)):
            ours = getattr(tally, name)
            assert ours == theirs if ours is not None else np.isnan(theirs)


@given(events(), events(), st.randoms(use_true_random=False))
def test_the_order_of_events_and_how_they_are_cut_does_not_matter(
    reference: Pairs, hypothesis: Pairs, rng: random.Random
) -> None:
    pieces = [
        piece
        for start, stop in hypothesis
        for piece in ((start, (start + stop) / 2), ((start + stop) / 2, stop))
    ]
    rng.shuffle(pieces)
    known, found, cut = as_spans(reference), as_spans(hypothesis), as_spans(pieces)
    for rule in (szcore.event_tally, szcore.sample_tally):
        assert rule(known, found, 4000) == rule(known, cut, 4000)


@given(events(), st.sampled_from([3900.0, 3900.04, 3950.37]))
def test_a_perfect_prediction_scores_perfectly(pairs: Pairs, seconds: float) -> None:
    spans = union(as_spans(pairs))
    tallies = [
        szcore.event_tally(spans, spans, seconds),
        szcore.sample_tally(spans, spans, seconds),
        nedc.ovlp(spans, spans, seconds),
        nedc.taes(spans, spans, seconds),
        nedc.epoch(spans, spans, seconds),
    ]
    for tally in tallies:
        assert tally.misses == tally.false_alarms == 0
        assert tally.f1 == (1 if tally.hits else None)
    assert tallies[2].hits == tallies[3].hits == len(spans)
    assert (tallies[0].hits > 0) == (len(spans) > 0)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "events", "shares"),
    [
        ([(100, 150)], [(120, 170)], (1, 0, 0), (0.6, 0.4, 0.4)),
        ([(100, 150), (200, 250)], [(100, 250)], (2, 0, 0), (1, 1, 1)),
        ([(100, 200)], [(90, 120), (150, 180), (400, 410)], (1, 0, 1), (0.5, 0.5, 1.1)),
        # what only meets does not overlap
        ([(100, 200)], [(200, 300)], (0, 1, 1), (0, 1, 1)),
        # a prediction is one false alarm at most
        ([(100, 110)], [(0, 1000)], (1, 0, 0), (1, 0, 1)),
    ],
)
def test_ovlp_and_taes(
    reference: Pairs,
    hypothesis: Pairs,
    events: tuple[float, ...],
    shares: tuple[float, ...],
) -> None:
    known, found = as_spans(reference), as_spans(hypothesis)
    assert counts(nedc.ovlp(known, found, HOUR)) == events
    assert counts(nedc.taes(known, found, HOUR)) == pytest.approx(shares)


@given(events(), events())
def test_ovlp_and_taes_follow_their_definitions(first: Pairs, second: Pairs) -> None:
    known, found = union(first), union(second)
    pairs = (known.tolist(), found.tolist())
    assert counts(nedc.ovlp(known, found, HOUR)) == rules_oracle.ovlp(*pairs)
    expected = [float(value) for value in rules_oracle.taes(*pairs)]
    assert counts(nedc.taes(known, found, HOUR)) == pytest.approx(expected, abs=1e-6)


def test_epoch_counts_what_lies_at_the_middle_of_each_piece() -> None:
    known, found = as_spans([(1, 3)]), as_spans([(2, 4)])
    assert counts(nedc.epoch(known, found, 10, every=1.0)) == (1, 1, 1)
    ignored = as_spans([(2, 2.5), (8, 20)])
    tally = nedc.epoch(known, found, 10, ignored=ignored, every=0.5)
    assert counts(tally) == (1, 2, 2)
    assert tally.seconds == 7.5


@given(events(), events())
def test_epoch_agrees_with_asking_at_each_time(first: Pairs, second: Pairs) -> None:
    known, found = union(first), union(second)

    def inside(time: float, spans: Spans) -> bool:
        return any(start <= time < stop for start, stop in spans.tolist())

    times = [5.0 + 10 * place for place in range(400)]
    both = [(inside(time, known), inside(time, found)) for time in times]
    expected = (both.count((True, True)), both.count((True, False)), both.count((False, True)))
    assert counts(nedc.epoch(known, found, 4000, every=10.0)) == expected


def test_what_is_undefined_is_no_zero() -> None:
    nothing = as_spans([])
    quiet = szcore.event_tally(nothing, nothing, HOUR)
    assert quiet.sensitivity is quiet.precision is quiet.f1 is None
    assert quiet.false_alarms_per_day == 0
    assert quiet.to_json()["undefined"]["sensitivity"] == "nothing in the reference"
    assert szcore.event_tally(nothing, nothing, 0.0).false_alarms_per_day is None
