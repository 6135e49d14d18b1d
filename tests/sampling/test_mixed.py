"""Several sources in given shares, and seizures of which a long one counts no more."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from tuszstore.sampling import (
    Balanced,
    Mixed,
    SamplingError,
    Sequential,
    Shuffled,
    Stratified,
    Weighted,
    event_numbers,
)

SIZES = (400, 60, 140)


def table(sizes: tuple[int, ...] = SIZES) -> dict[str, NDArray[Any]]:
    source = np.repeat(np.arange(len(sizes)), sizes)
    category = np.arange(len(source)) % 3
    return {"source": source, "category": category.astype(np.int8)}


def counts(index: dict[str, NDArray[Any]], order: NDArray[np.int64]) -> list[int]:
    return np.bincount(index["source"][order], minlength=len(SIZES)).tolist()


class TestMixed:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, [200, 200, 200]),
            ({"shares": "equal"}, [200, 200, 200]),
            ({"shares": {0: 1, 2: 3}}, [150, 0, 450]),
            ({"temperature": 1}, [400, 60, 140]),
            ({"temperature": 2, "n": 300}, [151, 59, 90]),
            ({"n": 90}, [30, 30, 30]),
        ],
    )
    def test_shares_are_exact(self, options: dict[str, Any], expected: list[int]) -> None:
        index = table()
        sampler = Mixed.of_groups(index, **options)
        for epoch in (0, 1, 7):
            order = sampler.epoch(epoch)
            assert counts(index, order) == expected
            assert len(order) == len(sampler)
        assert [*sampler.composition().values()] == [count for count in expected if count]

    def test_every_window_of_a_source_comes_as_often(self) -> None:
        index = table()
        sampler = Mixed.of_groups(index)
        drawn = np.concatenate([sampler.epoch(k) for k in range(30)])
        times = np.bincount(drawn, minlength=sum(SIZES))
        for number, size in enumerate(SIZES):
            own = times[index["source"] == number]
            assert own.max() - own.min() <= 1
            assert own.sum() == 30 * 200
            assert own.mean() == 30 * 200 / size

    @given(st.integers(4, 64), st.integers(0, 5))
    def test_any_stretch_holds_the_shares(self, size: int, epoch: int) -> None:
        index = table()
        order = Mixed.of_groups(index, shares={0: 2, 1: 1, 2: 1}).epoch(epoch)
        for start in range(0, len(order) - size, size):
            found = np.array(counts(index, order[start : start + size]))
            assert np.abs(found - size * np.array([0.5, 0.25, 0.25])).max() <= 2

    def test_places_are_random(self) -> None:
        index = table((20, 20))
        sampler = Mixed.of_groups(index)
        places = np.array([np.argsort(sampler.epoch(k))[index["source"] == 0] for k in range(2000)])
        found = np.bincount(places.ravel() // 4, minlength=10)
        assert stats.chisquare(found).pvalue > 0.001
        assert len({tuple(sampler.epoch(k)) for k in range(20)}) == 20

    def test_an_epoch_depends_on_nothing_else(self) -> None:
        sampler = Mixed.of_groups(table(), seed=3)
        expected = sampler.epoch(5).tolist()
        sampler.epoch(0)
        assert sampler.epoch(5).tolist() == expected
        assert Mixed.of_groups(table(), seed=3).epoch(5).tolist() == expected
        assert Mixed.of_groups(table(), seed=4).epoch(5).tolist() != expected

    def test_balanced_sources(self) -> None:
        index = table()
        sampler = Mixed.of_groups(
            index, make=lambda windows, seed: Balanced(index, 1, 1, seed, indices=windows), n=120
        )
        order = sampler.epoch(2)
        assert counts(index, order) == [40, 40, 40]
        for number in range(3):
            own = index["category"][order[index["source"][order] == number]]
            assert np.abs(np.bincount(own, minlength=3) - 40 / 3).max() < 12

    def test_of_samplers(self) -> None:
        sampler = Mixed({"a": Sequential([1, 2]), "b": Shuffled(range(10, 20))}, [1, 3], n=8)
        drawn = [sampler.epoch(k) for k in range(2)]
        assert [sorted(o[o < 10].tolist()) for o in drawn] == [[1, 2], [1, 2]]
        assert all(np.count_nonzero(o >= 10) == 6 for o in drawn)
        assert repr(sampler) == "<Mixed: 8 windows per epoch, 25.0% a, 75.0% b, seed 42>"

    def test_unlabelled_windows_are_in_none(self) -> None:
        index = table((4, 4))
        index["category"][:2] = -1
        assert not {0, 1} & {*Mixed.of_groups(index).epoch(0).tolist()}
        chosen = Mixed.of_groups(index, indices=[0, 5]).epoch(0)
        assert sorted(chosen.tolist()) == [0, 5]

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"shares": {5: 1}}, "no window has the source 5; known are 0, 1, 2"),
            ({"shares": {0: -1}}, "the share of 0 must be a number of 0 or more"),
            ({"shares": {0: 0}}, "no part has a share above 0"),
            ({"shares": "even"}, "shares must be 'equal' or a mapping"),
            ({"temperature": "hot"}, "temperature must be a number of 1 or more, not 'hot'"),
            ({"temperature": 0.5}, "temperature must be a number of 1 or more, not 0.5"),
            ({"temperature": 2, "shares": "equal"}, "exclude each other"),
            ({"n": 2}, "the part 2 has a share of 0.33 of 2 windows, which is less than one"),
            ({"by": "montage"}, "the index has no column 'montage'"),
            ({"seed": -1}, "seed must be 0 or more"),
        ],
    )
    def test_bad_input(self, options: dict[str, Any], told: str) -> None:
        if options.get("shares") == {5: 1}:
            told = "no window has the part 5"
        with pytest.raises(SamplingError, match=told):
            Mixed.of_groups(table(), **options)

    def test_no_parts(self) -> None:
        with pytest.raises(SamplingError, match="no parts to mix"):
            Mixed([])
        with pytest.raises(SamplingError, match=r"2 shares given for 1 part$"):
            Mixed([Sequential(3)], [1, 2])


class TestWeighted:
    def test_in_shares(self) -> None:
        index = table()
        n = 20000
        for options, shares in [
            ({}, [1 / 3] * 3),
            ({"shares": {0: 1, 1: 3}}, [0.25, 0.75, 0]),
            ({"temperature": 3}, np.cbrt(SIZES) / np.cbrt(SIZES).sum()),
        ]:
            drawn = Weighted.in_shares(index, n=n, **options).epoch(0)  # type: ignore[arg-type]
            found = counts(index, drawn)
            expected = np.array(shares) * n
            kept = expected > 0
            assert not np.array(found)[~kept].any()
            assert stats.chisquare(np.array(found)[kept], expected[kept]).pvalue > 0.001
            within = np.bincount(drawn, minlength=sum(SIZES))[index["source"] == 1]
            assert stats.chisquare(within).pvalue > 0.001

    def test_stratified_over_sources(self) -> None:
        index = table()
        sampler = Stratified(index, np.arange(sum(SIZES)), 30, by="source")
        for batch in sampler.epoch(1).reshape(-1, 30):
            assert np.abs(np.array(counts(index, batch)) - np.array(SIZES) / 20).max() < 1


def seizures() -> dict[str, NDArray[Any]]:
    """Two seizures of 3 and 30 windows in one recording, one of 6 in the next, background."""
    category = np.zeros(100, np.int8)
    category[10:13] = category[20:50] = category[60:66] = 2
    category[[10, 12, 20, 49, 60, 65]] = 1
    recording = np.where(np.arange(100) < 55, 0, 1)
    return {"category": category, "recording": recording}


class TestEvents:
    def test_numbers(self) -> None:
        events = event_numbers(seizures())
        assert Counter(events.tolist()) == {-1: 61, 0: 3, 1: 30, 2: 6}
        joined = {"category": np.full(4, 2, np.int8), "recording": np.array([0, 0, 1, 1])}
        assert event_numbers(joined).tolist() == [0, 0, 1, 1]
        assert event_numbers({"category": np.zeros(0, np.int8), "recording": []}).tolist() == []

    def test_a_long_seizure_counts_no_more(self) -> None:
        index = seizures()
        drawn = Weighted.by_event(index, 0.6, n=30000).epoch(0)
        events = event_numbers(index)
        found = np.bincount(events[drawn] + 1, minlength=4)
        assert stats.chisquare(found, np.array([0.4, 0.2, 0.2, 0.2]) * 30000).pvalue > 0.001
        within = np.bincount(drawn, minlength=100)[events == 1]
        assert stats.chisquare(within).pvalue > 0.001

    def test_balanced(self) -> None:
        index = seizures()
        events = event_numbers(index)
        sampler = Balanced(index, full=1.5, background=1, by_event=True)
        full = np.concatenate([sampler.epoch(k) for k in range(400)])
        full = full[index["category"][full] == 2]
        # 9 a time: the one window of the first, and 4 of each other
        assert np.bincount(events[full]).tolist() == [400, 1600, 1600]
        within = np.bincount(full, minlength=100)[(events == 1) & (index["category"] == 2)]
        assert stats.chisquare(within).pvalue > 0.001
        plain = Balanced(index, full=1.5, background=1)
        assert plain.epoch(0).tolist() != sampler.epoch(0).tolist()

    def test_bad_input(self) -> None:
        index = seizures()
        with pytest.raises(SamplingError, match="seizure must be a share of 0 to 1, not 2"):
            Weighted.by_event(index, 2)
        index["category"][:] = 0
        with pytest.raises(SamplingError, match="no window is with a seizure, but they have a"):
            Weighted.by_event(index)
        assert len(Weighted.by_event(index, 0)) == 100
