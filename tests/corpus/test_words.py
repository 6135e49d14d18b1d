"""What words mean: classes, patterns, what the corpus says, what is to be ignored."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuszstore.config import RATER_RULES, Config, Labels, load_config
from tuszstore.corpus.annotations import Annotation, Event, Looked, Unlabelled
from tuszstore.corpus.doubts import KINDS, find_doubts, warn_of_doubts
from tuszstore.corpus.events import NOT_LOOKED, mark_events
from tuszstore.corpus.words import words_of
from tuszstore.errors import ConfigError, RecordingError
from tuszstore.store.labels import UNLABELLED, paint
from tuszstore.store.raters import decide_recording

DEFAULT = Labels()
SEIZ, FNSZ = 1, 2


def labels(**keys: Any) -> Labels:
    return load_config({"labels": keys}).labels


def event(
    onset: float, offset: float, label: str = "seiz", rater: str = "", channel: str = "TERM"
) -> Event:
    return Event(channel, onset, offset, label, 1.0, 7, rater)


def annotation(*events: Event, raters: tuple[str, ...] = ("",), **more: Any) -> Annotation:
    return Annotation(events, None, "0", raters=raters, **more)


def painted(said: Annotation, seconds: int, config: Labels) -> list[int]:
    """Return the labels of a recording at 1 Hz."""
    marked = mark_events(said, seconds, 1.0, config)
    out = np.full(seconds, 0 if marked.labelled else UNLABELLED, np.uint16)
    paint(marked.first, marked.stop, marked.bit, out)
    return out.tolist()


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["sz", "sz_foc_ia_nm", "SZ_GEN_M", "seizure", "Seizures", "FIA", "FA", "F-BTC", " sz "]
)
def test_words_of_public_corpora_are_seizures_of_one_class(word: str) -> None:
    assert words_of(DEFAULT).bit(word) == SEIZ
    assert words_of(labels(known_words=False)).bit(word) is None
    assert words_of(labels(classes=["fnsz"], seizure=["fnsz"])).bit(word) is None


@pytest.mark.parametrize(
    "word", ["sz onset", "sz_offset", "szfree", "sz_free", "sz-end", "seizure-free", "fast", "artf"]
)
def test_moments_and_what_is_free_of_seizures_are_none(word: str) -> None:
    assert words_of(DEFAULT).bit(word) is None


def test_the_first_pattern_that_a_word_meets_counts() -> None:
    config = labels(
        map={"sz_foc_ia*": "cpsz", "sz_foc*": "fnsz", "re:rest|eyes (open|closed)": "bckg"}
    )
    words = words_of(config)
    bit = {name: 1 << k for k, name in enumerate(config.classes)}
    assert words.bit("sz_foc_ia_nm") == bit["cpsz"]
    assert words.bit("SZ_foc_a") == bit["fnsz"]
    assert words.bit("sz_gen") == bit["seiz"]  # as public corpora have it
    assert words.bit("eyes open") == words.bit("rest") == words.bit("BCKG") == 0
    assert words.bit("gnsz") == bit["gnsz"]


def test_a_class_is_itself_whatever_patterns_say() -> None:
    assert words_of(labels(map={"*": "fnsz"})).bit("gnsz") == 1 << 2


def test_a_pattern_comes_before_what_the_corpus_says() -> None:
    assert words_of(DEFAULT).bit("odd", "fnsz") == FNSZ
    assert words_of(DEFAULT).bit("odd", "bckg") == 0
    assert words_of(DEFAULT).bit("sz", "fnsz") == FNSZ
    assert words_of(labels(map={"odd": "seiz"})).bit("odd", "fnsz") == SEIZ


def test_what_is_ignored_is_no_class() -> None:
    config = labels(ignore=["impd", "art*", "seiz"])
    for word in ("impd", "ARTEFACT", "seiz"):
        assert words_of(config).bit(word, "fnsz") == UNLABELLED
    assert words_of(DEFAULT).bit("impd") == UNLABELLED
    assert words_of(labels(ignore=[])).bit("impd") is None


def test_seventy_words_fit_few_classes_and_stay_what_they_were() -> None:
    words = [f"sz_{kind}_{k}" for kind in ("foc", "gen") for k in range(35)]
    config = labels(
        classes=["focal", "general"],
        seizure=["focal", "general"],
        map={"sz_foc*": "focal", "sz_gen*": "general"},
    )
    said = annotation(*(event(k, k + 1, word) for k, word in enumerate(words)))
    marked = mark_events(said, 70, 1.0, config)
    assert [one.label for one in marked.events] == words
    assert marked.bit.tolist() == [1] * 35 + [2] * 35


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"map": {"sz*": "sezi"}}, "map gives 'sz.' the class 'sezi', which is neither in classes"),
        ({"map": {"re:(": "seiz"}}, r"map: 're:\(' is not a regular expression"),
        ({"ignore": ["re:["]}, r"ignore: 're:\[' is not a regular expression"),
        ({"map": {"": "seiz"}}, "map"),
        ({"open_end": 0}, "open_end"),
        ({"open_end": True}, "open_end: must not be true"),
        ({"open_end": "never"}, "open_end"),
        ({"suspicious": "drop"}, "suspicious"),
        ({"rater": ""}, "rater"),
    ],
)
def test_a_key_that_means_nothing_is_refused(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        labels(**keys)


def test_later_keys_stand_in_no_digest_at_their_defaults() -> None:
    assert load_config().digest() == "fdfbc2cdc81dbc6c62d01ce9246df983"
    later = {"map", "known_words", "ignore", "rater", "open_end", "suspicious"}
    assert not later & Config().decisive("labels").keys()
    changed = load_config({"labels": {"rater": "all", "ignore": []}})
    assert later & changed.decisive("labels").keys() == {"rater", "ignore"}


# --- what is ignored ----------------------------------------------------------------------------


def test_ignored_samples_are_neither_seizure_nor_background() -> None:
    said = annotation(event(1, 5), event(3, 7, "impd"), event(6, 8))
    assert painted(said, 10, DEFAULT) == [0, SEIZ, SEIZ, *[UNLABELLED] * 4, SEIZ, 0, 0]
    assert "neither seizure nor background: impd" in mark_events(said, 10, 1.0, DEFAULT).notes


# --- raters -------------------------------------------------------------------------------------

BOTH = ("A", "B")


def test_one_rater_decides_and_the_others_stay() -> None:
    said = annotation(event(1, 3, rater="A"), event(2, 5, rater="B"), raters=BOTH)
    marked = mark_events(said, 6, 1.0, labels(rater="B"))
    assert [one.rater for one in marked.events] == ["A", "B"]
    assert marked.bit.tolist() == [0, SEIZ]
    assert marked.class_bit.tolist() == [SEIZ, SEIZ]
    assert marked.raters == BOTH
    assert painted(said, 6, labels(rater="B")) == [0, 0, SEIZ, SEIZ, SEIZ, 0]


@pytest.mark.parametrize(
    ("rule", "marked"),
    [("any", [0, 1, 1, 1, 1, 0]), ("majority", [0, 0, 1, 1, 0, 0]), ("all", [0, 0, 1, 0, 0, 0])],
)
def test_any_most_or_all_decide(rule: str, marked: list[int]) -> None:
    raters = ("A", "B", "C")
    said = annotation(
        event(1, 4, rater="A"), event(2, 5, rater="B"), event(2, 3, rater="C"), raters=raters
    )
    assert painted(said, 6, labels(rater=rule)) == marked


def test_what_was_decided_stands_beside_what_was_annotated() -> None:
    said = annotation(
        event(1, 3, rater="A"), event(2, 5, rater="B"), event(0, 1, "fnsz", "A"), raters=BOTH
    )
    marked = mark_events(said, 8, 2.0, labels(rater="all"))
    assert marked.events[:3] == said.events
    (decision,) = marked.events[3:]
    assert (decision.onset, decision.offset, decision.label) == (2.0, 3.0, "seiz")
    assert (decision.rater, decision.channel) == ("all", "TERM")
    assert marked.bit.tolist() == [0, 0, 0, SEIZ]
    assert (marked.first[-1], marked.stop[-1]) == (4, 6)


def test_time_that_nobody_looked_at_is_unlabelled() -> None:
    looked = (Looked("A", 2, 6), Looked("B", 4, math.inf))
    said = annotation(event(5, 7, rater="B"), raters=BOTH, looked=looked)
    no = UNLABELLED
    assert painted(said, 8, labels(rater="A")) == [no, no, 0, 0, 0, 0, no, no]
    assert painted(said, 8, labels(rater="B")) == [no, no, no, no, 0, 1, 1, 0]
    assert painted(said, 8, labels(rater="any")) == [no, no, 0, 0, 0, 1, 1, 0]
    assert painted(said, 8, labels(rater="all")) == [no, no, 0, 0, 0, 0, 1, 0]
    rows = mark_events(said, 8, 1.0, labels(rater="A")).events
    assert [(e.onset, e.offset, e.rater) for e in rows if e.label == NOT_LOOKED] == [
        (0, 2, "A"),
        (6, 8, "A"),
        (0, 4, "B"),
    ]


def test_a_recording_that_a_rater_did_not_look_at() -> None:
    said = annotation(event(1, 3, rater="A"), raters=("A",))
    with pytest.raises(Unlabelled, match=r"B \(labels.rater\) did not review it, but A"):
        mark_events(said, 6, 1.0, labels(rater="B"))
    config = labels(rater="B", unlabelled="keep")
    marked = mark_events(said, 6, 1.0, config)
    assert not marked.labelled
    assert (marked.bit.tolist(), marked.class_bit.tolist()) == ([0], [SEIZ])
    assert painted(said, 6, config) == [UNLABELLED] * 6


TIMES = st.tuples(st.integers(0, 10), st.integers(0, 10)).map(sorted)


@given(
    st.lists(
        st.tuples(TIMES, st.sampled_from(["seiz", "fnsz", "impd"]), st.sampled_from("ABC")),
        max_size=7,
    ),
    st.lists(st.tuples(TIMES, st.sampled_from("AB")), max_size=3),
    st.sampled_from([*RATER_RULES, "A", "C"]),
)
@example([([0, 5], "seiz", "A"), ([0, 9], "impd", "C")], [([2, 4], "A")], "any")
def test_whatever_was_decided_first_a_store_can_decide_again(
    rows: list[tuple[list[int], str, str]], seen: list[tuple[list[int], str]], rule: str
) -> None:
    looked = tuple(Looked(rater, a, b) for (a, b), rater in seen if a < b)
    said = annotation(
        *(event(a, b, label, rater) for (a, b), label, rater in rows),
        raters=("A", "B", "C"),
        looked=looked,
    )
    expected = painted(said, 10, labels(rater=rule))
    for before in (*RATER_RULES, "B"):
        marked = mark_events(said, 10, 1.0, labels(rater=before))
        own = [k for k, one in enumerate(marked.events) if one.rater not in RATER_RULES]
        found = decide_recording(
            marked.first[own],
            marked.stop[own],
            marked.class_bit[own],
            [marked.events[k].rater for k in own],
            marked.raters,
            rule,
        )
        out = np.zeros(10, np.uint16)
        paint(*found, out)
        assert out.tolist() == expected


# --- what cannot be true ------------------------------------------------------------------------

NAN = math.nan


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ([event(1, 2)], []),
        ([event(1, NAN)], ["open_end"]),
        ([event(95, NAN)], ["open_end"]),
        ([event(90, 110)], []),
        ([event(90, 110.5)], ["past_end"]),
        ([event(200, 250)], ["outside"]),
        ([event(200, NAN)], ["open_end", "outside"]),
        ([event(0, 100.5)], ["too_long"]),
        ([event(-5, 20)], []),
        ([event(-10.5, 20)], ["before_start"]),
        ([event(-50, 150)], ["past_end", "before_start", "too_long"]),
        ([event(5, 5)], ["zero"]),
        ([event(1, 5), event(4, 8)], ["overlap"]),
        ([event(4, 8), event(1, 5)], ["overlap"]),
        ([event(1, 9), event(2, 3), event(4, 5)], ["overlap", "overlap"]),
        ([event(1, 5), event(1, 5)], ["overlap"]),
        ([event(1, 5), event(5, 8)], []),
        ([event(1, 5), event(3, 3)], ["zero"]),
        ([event(1, 5), event(4, 8, "fnsz")], []),
        ([event(1, 5), event(4, 8, "sz")], ["overlap"]),
        ([event(1, 5), event(4, 8, channel="F3-C3")], []),
        ([event(1, 5, rater="A"), event(4, 8, rater="B")], []),
        ([event(1, NAN), event(4, 8)], ["open_end"]),
        ([event(5, 5, channel="F3-C3"), event(5, 5, channel="F4-C4")], ["zero"]),
        ([event(1, NAN, channel="F3-C3"), event(1, NAN, channel="F4-C4")], ["open_end"]),
        ([event(1, 5, "impd"), event(4, 4, "impd"), event(4, 900, "impd")], []),
    ],
)
def test_what_cannot_be_true_is_found(events: list[Event], kinds: list[str]) -> None:
    found = [doubt.kind for doubt in find_doubts(events, 100.0, DEFAULT)]
    assert sorted(found) == sorted(kinds)
    raters = tuple({one.rater for one in events})
    said = annotation(*events, raters=raters)
    mark_events(said, 100, 1.0, DEFAULT)  # it is kept
    if kinds:
        with pytest.raises(RecordingError, match=r"impossible annotation: an event .*line 7: "):
            mark_events(said, 100, 1.0, labels(suspicious="leave_out"))
    else:
        mark_events(said, 100, 1.0, labels(suspicious="leave_out"))


def test_an_event_without_an_end_lasts_as_long_as_is_said() -> None:
    said = annotation(event(2, NAN))
    marked = mark_events(said, 100, 1.0, DEFAULT)
    assert (marked.first.tolist(), marked.stop.tolist()) == ([2], [32])
    assert math.isnan(marked.events[0].offset)
    assert marked.notes == ("1 event without an end, taken as 30 s long",)
    assert mark_events(said, 100, 1.0, labels(open_end=5)).stop.tolist() == [7]
    assert mark_events(said, 10, 1.0, DEFAULT).stop.tolist() == [10]
    closed = annotation(event(2, 5))
    assert mark_events(closed, 9, 1.0, labels(open_end="leave_out")).stop.tolist() == [5]
    with pytest.raises(
        RecordingError, match=r"line 7: event 'seiz' has no end; set labels.open_end"
    ):
        mark_events(said, 100, 1.0, labels(open_end="leave_out"))


@pytest.mark.parametrize(
    ("one", "keys", "told"),
    [
        (event(2, 5, "wurst"), {}, r", line 7: unknown event class 'wurst'"),
        (event(2, NAN), {"open_end": "leave_out"}, r", line 7: event 'seiz' has no end"),
        (event(2, 900), {"suspicious": "leave_out"}, r": impossible annotation: .*line 7"),
    ],
)
def test_a_refusal_names_the_file_of_the_row(one: Event, keys: dict[str, Any], told: str) -> None:
    with pytest.raises(RecordingError, match=r"^a_events\.tsv" + told):
        mark_events(annotation(one, file="a_events.tsv"), 100, 1.0, labels(**keys))
    with pytest.raises(RecordingError, match=r"^(impossible )?annotation"):
        mark_events(annotation(one), 100, 1.0, labels(**keys))


def test_doubts_are_counted_by_kind_with_examples() -> None:
    many = find_doubts([event(k, k) for k in range(5)] + [event(0, 900)], 100.0, DEFAULT)
    warnings = warn_of_doubts([("a.edf", many), ("b.edf", ()), ("c.edf", many[:1])])
    told = {kind: [w for w in warnings if f" {KINDS[kind]}, such as " in w] for kind in KINDS}
    assert [len(found) for found in told.values()] == [0, 0, 1, 0, 1, 0, 1]
    (zero,) = told["zero"]
    assert zero.startswith("impossible events: 6 without duration, such as a.edf, line 7: ")
    assert zero.count(";") == 2
    assert "a.edf, line 7: seiz from 0 s to 900 s, of 100 s" in told["too_long"][0]
    assert warn_of_doubts([("a.edf", ())]) == []


@pytest.mark.parametrize(
    ("one", "dropped"),
    [
        (event(20000, 25000), True),
        (event(100, 105), True),
        (event(-7, -2), True),
        (event(100, NAN), True),
        (event(99, 105), False),
        (event(-2, 3), False),
        (event(100, 100), False),
        (event(0, 0), False),
    ],
)
def test_an_event_wholly_outside_is_dropped_with_cause_and_way_out(
    one: Event, dropped: bool
) -> None:
    doubts = find_doubts([one], 100.0, DEFAULT)
    assert ("outside" in [doubt.kind for doubt in doubts]) == dropped
    assert {"past_end", "before_start", "too_long"}.isdisjoint(d.kind for d in doubts)
    marked = mark_events(annotation(one), 100, 1.0, DEFAULT)
    hint = (
        ". 1 recording is stored as background although a seizure is annotated: are onset and "
        "duration in seconds? --set labels.suspicious=leave_out excludes such recordings"
    )
    warnings = warn_of_doubts([("a.edf", doubts)])
    assert any(hint in text for text in warnings) == dropped
    if dropped:
        assert (marked.stop == marked.first).all(), "no sample is marked"
        assert any(note.endswith("dropped") for note in marked.notes)
        with pytest.raises(RecordingError, match=r"impossible annotation: an event "):
            mark_events(annotation(one), 100, 1.0, labels(suspicious="leave_out"))


def test_a_recording_with_another_seizure_is_not_background() -> None:
    events = [event(20000, 25000), event(10, 20)]
    doubts = find_doubts(events, 100.0, DEFAULT, "a hint?")
    (told,) = warn_of_doubts([("a.edf", doubts), ("b.edf", doubts)])
    assert "background" not in told
    assert told.endswith(
        "of 100 s. a hint? --set labels.suspicious=leave_out excludes such recordings"
    )
    lost = find_doubts(events[:1], 100.0, DEFAULT, "a hint")
    (told,) = warn_of_doubts([("a.edf", lost), ("b.edf", lost)])
    assert (
        ". 2 recordings are stored as background although a seizure is annotated: a hint. " in told
    )


def test_the_hint_of_an_annotation_is_told() -> None:
    known = replace(annotation(event(20000, 25000)), outside="is the clock right?")
    with pytest.raises(RecordingError, match=r"\(is the clock right\?\); to keep"):
        mark_events(known, 100, 1.0, labels(suspicious="leave_out"))


def test_rows_that_repeat_an_impossible_event_are_counted() -> None:
    rows = [event(50, 900, channel=name) for name in ("FP1-F7", "F7-T3", "T3-T5")]
    doubts = find_doubts([*rows, event(0, 800)], 100.0, DEFAULT)
    late = [doubt for doubt in doubts if doubt.kind == "past_end"]
    assert [doubt.rows for doubt in late] == [3, 1]
    told = next(text for text in warn_of_doubts([("a.edf", doubts)]) if "past the" in text)
    assert told.startswith(
        "impossible events: 2 past the recording's end by more than 10 s (in 4 rows), such as "
    )
