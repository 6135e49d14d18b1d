"""Several raters: who decides each sample, and that a store holds all that is needed to say."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuszstore.config import RATER_RULES
from tuszstore.store.labels import UNLABELLED, paint
from tuszstore.store.raters import (
    RULES,
    UnknownRaterError,
    check_rater,
    counting,
    decide,
    decide_recording,
    decides,
    is_decided_by_one,
    joined,
    parted,
)

NAMES = ("A", "B", "C", "")
SIZE = 12
BITS = (1, 2, 1 << 14, UNLABELLED)

Row = tuple[int, int, int, str]
"""First sample, the one after the last, bit and rater."""


def rows_of(raters: Sequence[str]) -> st.SearchStrategy[list[Row]]:
    times = st.integers(0, SIZE)
    row = st.tuples(times, times, st.sampled_from(BITS), st.sampled_from(raters))
    return st.lists(row.map(lambda r: (min(r[:2]), max(r[:2]), *r[2:])), max_size=8)


CASES = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True).flatmap(
    lambda raters: st.tuples(
        st.just(raters), rows_of(raters), st.sampled_from([*RULES, *raters, "nobody"])
    )
)


def oracle(raters: Sequence[str], rows: Sequence[Row], rule: str) -> list[int]:
    """Say of each sample by itself what the rule makes of it."""
    label = []
    for sample in range(SIZE):
        opinions = []
        for rater in raters:
            said = {bit for a, b, bit, who in rows if who == rater and a <= sample < b}
            if UNLABELLED not in said and (rule in RULES or rater == rule):
                opinions.append(said)
        bits = 0
        for bit in BITS[:3]:
            votes = [bit in said for said in opinions]
            need = {"any": any(votes), "all": all(votes)}.get(rule, sum(votes) * 2 > len(votes))
            bits |= bit * need
        label.append(bits if opinions else UNLABELLED)
    return label


def painted(first: Any, stop: Any, bit: Any, *, labelled: bool = True) -> list[int]:
    out = np.full(SIZE, 0 if labelled else UNLABELLED, np.uint16)
    paint(first, stop, bit, out)
    return out.tolist()


@given(CASES)
@example((["A", "B"], [(0, 6, 1, "A"), (3, 9, UNLABELLED, "B")], "any"))
@example((["A", "B"], [(0, 6, 1, "A")], "majority"))
@example((["A", "B", "C"], [(0, 6, 1, "A"), (0, 3, 2, "B"), (2, 5, 1, "C")], "majority"))
def test_each_sample_is_decided_by_those_with_an_opinion(
    case: tuple[list[str], list[Row], str],
) -> None:
    raters, rows, rule = case
    expected = oracle(raters, rows, rule)
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    if counting(raters, rule):
        first, stop, bit = decide_recording(*columns, raters, rule)
        assert painted(first, stop, bit) == expected
        assert all(first[1:] >= stop[:-1])
        assert (stop > first).all()
        assert (bit > 0).all()
    if counting(raters, rule) and is_decided_by_one(columns[2], raters, rule):
        mine = [row for row in rows if row[3] in counting(raters, rule)]
        assert painted(*([r[k] for r in mine] for k in range(3))) == expected


@given(st.lists(CASES, min_size=1, max_size=3), st.sampled_from([*RULES, "A"]))
def test_a_store_holds_what_is_needed_to_decide_anew(
    cases: list[tuple[list[str], list[Row], str]], rule: str
) -> None:
    """Whatever was decided before, and stands in the table as well."""
    events: dict[str, list[Any]] = {
        name: []
        for name in ("recording", "first_sample", "stop_sample", "class_bit", "rater", "bit")
    }
    for number, (_, rows, before) in enumerate(cases):
        decided = [(0, SIZE, 1, "majority")] if before in RULES else []
        for first, stop, bit, rater in [*rows, *decided]:
            for name, value in zip(events, (number, first, stop, bit, rater, 0), strict=True):
                events[name].append(value)
    recordings = {"raters": np.array([joined(raters) for raters, _, _ in cases], object)}
    table = {
        name: np.array(values, object if name == "rater" else np.int64)
        for name, values in events.items()
    }
    if not any(counting(raters, rule) for raters, _, _ in cases):
        with pytest.raises(UnknownRaterError, match="no rater 'A' in this store"):
            decide(recordings, table, rule)
        return
    found = decide(recordings, table, rule)
    assert sorted(found.columns()) == ["bit", "first_sample", "recording", "stop_sample"]
    assert (np.diff(found.recording) >= 0).all()
    for number, (raters, rows, _) in enumerate(cases):
        mine = found.recording == number
        assert bool(found.labelled[number]) == bool(counting(raters, rule))
        assert painted(
            found.first_sample[mine],
            found.stop_sample[mine],
            found.bit[mine],
            labelled=bool(found.labelled[number]),
        ) == oracle(raters, rows, rule)


@given(st.lists(st.sampled_from(NAMES), max_size=4, unique=True))
def test_names_are_read_as_they_were_written(raters: list[str]) -> None:
    assert parted(joined(raters)) == tuple(raters)


def test_an_unknown_rater_is_told_who_there_is() -> None:
    check_rater("B", ["A", "B"], "here")
    check_rater("all", [], "here")
    with pytest.raises(UnknownRaterError, match=r"no rater 'b' in here: known are A, B; or use"):
        check_rater("b", ["B", "A", "B", ""], "here")
    with pytest.raises(UnknownRaterError, match=r"no rater 'b' in here: its raters have no names"):
        check_rater("b", ["", ""], "here")


def test_which_events_say_something_of_the_labels() -> None:
    assert decides([0, 1, 0, 0x8000], [0, 1, 1, 0x8000]).tolist() == [True, True, False, True]


def test_the_configuration_knows_the_same_rules() -> None:
    assert RULES == RATER_RULES
