"""Scores of predictions: sums, subjects, groups, thresholds, forecasts and raters."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.evaluate.helpers import recordings, table
from tuszstore.evaluate.forecasts import Timeline, forecast, timelines
from tuszstore.evaluate.intervals import as_spans
from tuszstore.evaluate.predictions import Predictions
from tuszstore.evaluate.scoring import RULES, score_events, score_lists
from tuszstore.evaluate.summaries import bootstrap_mean, macro
from tuszstore.evaluate.tally import Tally
from tuszstore.evaluate.writing import PredictionError

OF = recordings(
    ["a.edf", "b.edf", "c.edf", "d.edf"],
    patient=["p", "p", "q", "r"],
    montage=["ar", "le", "ar", "ar"],
)
REFERENCE = table(OF, [(600, 660), (2000, 2005)], [], [(100, 420)], known=[True, True, True, False])
HYPOTHESIS = table(OF, [(610, 640), (3000, 3010)], [(50, 60)], [(90, 400)], [(1, 2)])


@pytest.fixture
def predictions(made: tuszstore.Store, tmp_path: Path) -> Predictions:
    """What says of each window its share of seizure, and 0.3 of one that has none."""
    share = np.nan_to_num(made.index["seizure_fraction"].values)
    with tuszstore.write_predictions(made, tmp_path / "p") as out:
        out.write(np.arange(len(made)), np.where(share > 0, 0.5 + share / 2, 0.3))
    return tuszstore.open_predictions(tmp_path / "p")


def test_sums_subjects_and_groups() -> None:
    classes = {"fnsz": [as_spans([(600, 660)]), as_spans([]), as_spans([(100, 420)]), as_spans([])]}
    scores = score_events(REFERENCE, HYPOTHESIS, classes=classes)
    assert (scores.recordings, scores.unlabelled) == (3, 1)
    assert scores.total["ovlp"] == Tally(2, 1, 2, 3 * 3600)
    assert scores.subjects["ovlp"] == {"p": Tally(1, 1, 2, 7200), "q": Tally(1, 0, 0, 3600)}
    assert scores.montages["ovlp"]["le"] == Tally(0, 0, 1, 3600)
    for rule in RULES:
        assert sum(t.hits for t in scores.subjects[rule].values()) == scores.total[rule].hits
        assert sum(t.seconds for t in scores.montages[rule].values()) == 3 * 3600
    # 320 s are two events of five minutes at most
    assert scores.total["szcore_events"] == Tally(3, 1, 2, 3 * 3600)
    assert scores.total["szcore_events"].false_alarms_per_day == pytest.approx(16)
    assert scores.classes["fnsz"].sensitivity == 1
    found = {name: (entry.seizures, entry.found) for name, entry in scores.lengths.items()}
    assert found == {
        "0 to 10 s": (1, 0),
        "10 to 30 s": (0, 0),
        "30 to 60 s": (0, 0),
        "60 to 300 s": (1, 1),
        "300 s or more": (1, 1),
    }
    assert scores.latency.tolist() == [10, -10]
    assert scores.median_latency == 0


def test_scores_are_plain_values_and_say_what_is_undefined() -> None:
    values = json.loads(json.dumps(score_events(REFERENCE, HYPOTHESIS).to_json(), allow_nan=False))
    assert values["total"]["szcore_events"]["hits"] == 3
    quiet = values["montages"]["ovlp"]["le"]
    assert quiet["sensitivity"] is None
    assert quiet["undefined"] == {"sensitivity": "nothing in the reference"}
    nothing = score_events(table(OF), table(OF)).to_json()
    assert nothing["total"]["taes"]["f1"] is None
    assert nothing["latency"] == {
        "median": None,
        "found": 0,
        "undefined": "no seizure was detected",
    }


def test_lists_of_one_recording() -> None:
    found = score_lists([(600, 1400)], [(620, 640)], 3600)
    assert found["szcore_events"] == Tally(1, 2, 0, 3600)
    assert found["taes"].hits == pytest.approx(20 / 800)
    mixed = score_lists([(200, 250), (100, 150), (90, 110)], [(100, 250)], 3600, [(245, 300)])
    assert mixed["ovlp"] == Tally(2, 0, 0, 3545)
    assert set(found) == set(RULES)
    assert score_lists([], [], 3600)["epoch"].f1 is None


def test_ignored_spans_are_not_scored() -> None:
    ignored = [as_spans([(2900, 3100), (630, 700)]), *[as_spans([])] * 3]
    scores = score_events(REFERENCE, HYPOTHESIS, ignored=ignored)
    assert scores.ignored_seconds == 270
    for rule in RULES:
        assert scores.total[rule].seconds == 3 * 3600 - 270
    assert scores.total["ovlp"].false_alarms == 1
    assert scores.cases[0].reference.tolist() == [[600, 630], [2000, 2005]]
    # of a seizure that is ignored throughout nothing remains to be found
    lost = [as_spans([(0, 3600)]), *[as_spans([])] * 3]
    assert score_events(REFERENCE, HYPOTHESIS, ignored=lost).total["ovlp"].references == 1


def test_macro_is_over_the_subjects_of_whom_it_is_defined() -> None:
    by_subject = {
        "a": Tally(1, 1, 0, 3600),
        "b": Tally(2, 0, 2, 3600),
        "c": Tally(0, 0, 1, 3600),
    }
    means = macro(by_subject)
    assert means["sensitivity"].mean == 0.75
    assert means["sensitivity"].subjects == 2
    assert means["false_alarms_per_day"].mean == pytest.approx(24)
    low, high = means["sensitivity"].low, means["sensitivity"].high
    assert low is not None
    assert high is not None
    assert 0.5 <= low <= 0.75 <= high <= 1
    assert macro(by_subject) == means
    alone = bootstrap_mean([0.4, None])
    assert (alone.mean, alone.low, alone.subjects) == (0.4, None, 1)
    assert bootstrap_mean([None]).mean is None


def test_the_interval_is_about_two_standard_errors_wide() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400)
    mean = bootstrap_mean(values.tolist())
    assert mean.high is not None
    assert mean.low is not None
    assert (mean.high - mean.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)


def test_predictions_are_scored_against_what_the_store_has_annotated(
    predictions: Predictions, made: tuszstore.Store
) -> None:
    scores = predictions.score(0.5)
    assert scores.recordings == 3
    assert scores.unlabelled == 1
    assert scores.seizures == 3  # the recording that is shorter than a window has one as well
    assert set(scores.classes) == {"fnsz", "tcsz"}
    assert scores.uncovered_seconds == pytest.approx(130 / 16)
    events = made.events
    first = predictions.reference().of_recording(0)
    rows = (events["recording"].values == 0) & (events["bit"].values & 0b101 > 0)
    assert first[0].tolist() == [events["onset"].values[rows][0], events["offset"].values[rows][0]]
    high = predictions.score(0.999)
    assert high.events <= scores.events


def test_perfect_events_score_perfectly(predictions: Predictions) -> None:
    reference = predictions.reference()
    scores = predictions.score(0.5, reference)
    assert scores.seizures == predictions.score(0.5).seizures
    perfect = score_events(reference, reference)
    for rule in RULES:
        assert perfect.total[rule].f1 == 1


def test_scores_against_files(predictions: Predictions, tmp_path: Path) -> None:
    reference = predictions.reference()
    reference.write_csv_bi(tmp_path / "a")
    reference.write_bids(tmp_path / "b")
    mine = predictions.score(0.5)
    for folder in ("a", "b"):
        assert predictions.score(0.5, tmp_path / folder).total == mine.total


def test_a_threshold_is_chosen_on_one_split_and_applied_to_another(
    predictions: Predictions,
) -> None:
    sweep = predictions.sweep([0.9, 0.2, 0.4, 0.5])
    assert sweep.thresholds.tolist() == [0.2, 0.4, 0.5, 0.9]
    for rule, tally in zip(sweep.rules, sweep.tallies, strict=True):
        assert predictions.score(rule.threshold).total["szcore_events"] == tally
    assert (np.diff(sweep.column("sensitivity")) <= 0).all()
    best = sweep.best("f1")
    top = sweep.column("f1").max()
    assert top == predictions.score(best.threshold).total["szcore_events"].f1
    # of thresholds that are as good the highest
    assert best.threshold == sweep.thresholds[sweep.column("f1") == top].max()
    quiet = sweep.best("sensitivity", max_false_alarms_per_day=0)
    assert predictions.score(quiet.threshold).total["szcore_events"].false_alarms == 0
    assert predictions.sweep([0.5], by="taes").tallies[0] == predictions.score(0.5).total["taes"]
    with pytest.raises(tuszstore.PredictionError, match="undefined at every threshold"):
        predictions.sweep([0.5], table(predictions.recordings)).best("sensitivity")
    with pytest.raises(ValueError, match="unknown measure 'f2'; known are sensitivity"):
        sweep.best("f2")
    with pytest.raises(ValueError, match="unknown rule 'any'; known are"):
        predictions.sweep(by="any")
    assert json.dumps(sweep.to_json(), allow_nan=False)


def line(alarms: Any, seizures: Any = (), known: Any = ((0, 36000),)) -> Timeline:
    return Timeline("p", as_spans(known), as_spans(seizures), np.array(alarms, np.float64))


def test_alarms_foretell_what_begins_in_their_period() -> None:
    # horizon of 5 min, period of 30 min: from 300 to 2100 s after the alarm
    seizures = [(10000, 10060), (20000, 20060)]
    found = forecast([line([7899, 9701, 18000, 30000], seizures)], sph=300, sop=1800)
    # the first is too early by a second, the second too late by one
    assert (found.foretold, found.seizures) == (1, 2)
    assert (found.alarms, found.false_alarms, found.undecided) == (4, 3, 0)
    assert found.interictal_seconds == 36000 - 2 * 1800 - 2 * 60
    assert found.warning_seconds == 4 * 2100 - (7899 + 2100 - 9701)
    assert found.time_in_warning == pytest.approx(found.warning_seconds / 36000)
    rate = 3 * 3600 / found.interictal_seconds
    assert found.false_alarms_per_hour == pytest.approx(rate)
    chance = 1 - math.exp(-rate * 0.5)
    assert found.chance == pytest.approx(chance)
    assert found.p_value == pytest.approx(1 - (1 - chance) ** 2)


def test_alarms_that_follow_too_soon_are_none() -> None:
    found = forecast([line([100, 200, 700, 1301, 1500])], sph=0, sop=60, refractory=600)
    assert found.alarms == 2


def test_what_was_not_recorded_decides_nothing() -> None:
    found = forecast([line([3000], known=[(0, 3600), (7200, 9000)])], sph=0, sop=1800)
    assert (found.false_alarms, found.undecided) == (0, 1)
    # a seizure that begins as the recording does could not be foretold
    early = forecast([line([], [(0, 30)])], sph=0, sop=600)
    assert early.seizures == 0
    assert early.sensitivity is None
    assert early.to_json()["undefined"]["sensitivity"] == "no predictable seizure"


def test_an_alarm_may_foretell_a_seizure_of_the_next_file() -> None:
    of = recordings(["a", "b", "c"], patient=["p", "p", "q"], patient_time=[0.0, 3600.0, np.nan])
    nothing = [as_spans([])] * 3
    seizures = [as_spans([]), as_spans([(100, 160)]), as_spans([])]
    lines = timelines(of, seizures, nothing, [np.array([3500.0]), np.empty(0), np.empty(0)])
    assert len(lines) == 2
    found = forecast(lines, sph=0, sop=600)
    assert (found.foretold, found.seizures, found.false_alarms) == (1, 1, 0)
    assert found.seconds == 3 * 3600


def test_an_alarm_foretells_nothing_on_another_timeline() -> None:
    of = recordings(["a", "b"], patient=["p", "p"], patient_time=[0.0, 3600.0], timeline=["1", "2"])
    nothing = [as_spans([])] * 2
    seizures = [as_spans([]), as_spans([(100, 160)])]
    lines = timelines(of, seizures, nothing, [np.array([3500.0]), np.empty(0)])
    found = forecast(lines, sph=0, sop=600)
    assert (len(lines), found.foretold, found.seizures) == (2, 0, 1)


@pytest.mark.parametrize("wrong", [{"sop": 0}, {"sph": -1}, {"refractory": -1}, {"sop": math.inf}])
def test_times_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be 0 s or more"):
        forecast([line([1])], **{"sph": 0, "sop": 60, **wrong})


def test_predictions_foretell(predictions: Predictions) -> None:
    found = predictions.forecast(0.5, sph=0, sop=20)
    # the second recording lies within the time of the first
    assert found.seconds == pytest.approx((1600 + 2400) / 16)
    assert json.dumps(found.to_json(), allow_nan=False)


def test_raters_are_scored_against_each_other(predictions: Predictions) -> None:
    with pytest.raises(PredictionError, match=r"two raters or more, and the store has \w+"):
        predictions.agreement()
    annotated = predictions.annotated
    names = np.where(np.arange(len(annotated)) % 2, "B", "A").astype(object)
    object.__setattr__(annotated, "rater", names)
    both = np.array(["A,B", "A", "A,B", ""], object)
    object.__setattr__(predictions.recordings, "raters", both)
    pairs = [(pair.reference, pair.hypothesis) for pair in predictions.agreement()]
    assert pairs == [("A", "B"), ("B", "A")]
    first, second = (pair.scores.total["ovlp"] for pair in predictions.agreement())
    assert first.hits + first.false_alarms == second.references
    # the recordings that both looked at
    assert predictions.agreement()[0].scores.recordings == 2
    with pytest.raises(ValueError, match="unknown rater 'C'; known are 'A', 'B'"):
        predictions.reference(rater="C")


@pytest.mark.parametrize(
    ("lists", "seconds", "told"),
    [
        (([(np.nan, 3)], []), 10, "reference has"),
        (([], [(5, 3)]), 10, r"hypothesis has \(5.0, 3.0\)"),
        (([], [(5, np.inf)]), 10, "hypothesis has"),
        (([(1, 2, 3, 4)], []), 10, "shape"),
        (([], []), -1, "seconds must be"),
        (([], []), np.nan, "seconds must be"),
    ],
)
def test_lists_that_are_none_are_refused(lists: Any, seconds: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        score_lists(*lists, seconds=seconds)
