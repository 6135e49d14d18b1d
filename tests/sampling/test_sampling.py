"""Which windows are seen, and in which order."""

import hashlib
import pickle
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

import tuszstore
from tests.builder import reference_oracle as oracle
from tuszstore.errors import TuszstoreError
from tuszstore.sampling import (
    Balanced,
    BalancedTargets,
    Sampler,
    SamplingError,
    Sequential,
    Shuffled,
    Stratified,
    Weighted,
    balanced,
    composition,
    limit_per_patient,
    pos_weight,
    seizure_ratio,
)
from tuszstore.store.categories import CATEGORIES

NONE, PARTIAL, FULL = range(3)
NAMES = (*CATEGORIES, "unlabelled")  # the last one has the code -1

codes_of_windows = st.lists(st.integers(-1, 2), max_size=300)
seeds = st.integers(0, 2**70)


def table(category: Any, patient: Any = None) -> dict[str, NDArray[Any]]:
    """Columns of windows with the categories given; by default of four patients in turn."""
    category = np.asarray(category, np.int8)
    if patient is None:
        patient = [f"p{k % 4}" for k in range(len(category))]
    fraction = np.select([category == PARTIAL, category == FULL, category == NONE], [0.25, 1, 0])
    return {
        "category": category,
        "seizure_fraction": np.where(category < 0, np.nan, fraction),
        "patient": np.asarray(patient, object),
    }


def mixed(
    none: int = 200, partial: int = 20, full: int = 9, unlabelled: int = 7
) -> dict[str, NDArray[Any]]:
    """Windows of all categories, in no order, of 13 patients with ever more windows."""
    rng = np.random.default_rng(1)
    codes = np.repeat([NONE, PARTIAL, FULL, -1], [none, partial, full, unlabelled])
    patients = [f"p{k:02}" for k in np.sqrt(rng.uniform(0, 169, len(codes))).astype(int)]
    return table(rng.permutation(codes), patients)


def names(index: Any, indices: NDArray[np.int64]) -> Counter[str]:
    return Counter(NAMES[code] for code in index["category"][indices])


def deviation(counts: NDArray[np.int64], expected: float, share: float = 0.0) -> float:
    """Return the probability of counts as uneven as these, where all should be alike.

    `share` is that of the members drawn each time, without replacement, which evens counts out.
    """
    statistic = ((counts - expected) ** 2).sum() / (expected * (1 - share))
    statistic *= (len(counts) - 1) / len(counts) if share else 1
    return float(stats.chi2.sf(statistic, len(counts) - 1))


def drawn(sampler: Sampler, n_windows: int, n_epochs: int) -> NDArray[np.int64]:
    """Count how often each window is drawn."""
    epochs = [sampler.epoch(number) for number in range(n_epochs)]
    return np.bincount(np.concatenate(epochs), minlength=n_windows)


class TestBalancedSet:
    @settings(deadline=None)
    @given(codes_of_windows, seeds)
    def test_is_the_reference(self, codes: list[int], seed: int) -> None:
        categories = [NAMES[code] for code in codes]
        if PARTIAL not in codes:
            with pytest.raises(SamplingError):
                balanced(table(codes), seed=seed)
            return
        expected = oracle.balanced(categories, seed)
        np.testing.assert_array_equal(balanced(table(codes), seed=seed), expected)

    def test_counts_of_the_corpus(self) -> None:
        codes = np.repeat([PARTIAL, FULL, NONE], [13095, 6759, 232235])
        codes = np.random.default_rng(0).permutation(codes)
        index = table(codes)
        chosen = balanced(index)
        assert chosen.dtype == np.int64
        assert len(chosen) == len(np.unique(chosen)) == 49760
        assert composition(index, chosen) == {
            "no_seizure": 32737,
            "partial_seizure": 13095,
            "full_seizure": 3928,
        }
        np.testing.assert_array_equal(chosen, oracle.balanced(np.array(NAMES)[codes].tolist()))
        assert pos_weight(index, chosen) == pytest.approx(1.387, abs=5e-4)

    def test_of_a_store(self, train: tuszstore.Store) -> None:
        categories = [NAMES[code] for code in train.index["category"].values]
        np.testing.assert_array_equal(balanced(train.index), oracle.balanced(categories))
        np.testing.assert_array_equal(balanced(train.index, seed=3), oracle.balanced(categories, 3))

    @pytest.mark.parametrize(
        "container",
        [
            lambda index: xr.Dataset({name: ("window", column) for name, column in index.items()}),
            pd.DataFrame,
            lambda index: {name: column.tolist() for name, column in index.items()},
            lambda index: index | {"category": index["category"].astype(np.int64)},
            lambda index: index | {"patient": index["patient"].astype(str)},
            lambda index: index | {"patient": index["patient"].astype(np.dtypes.StringDType())},
        ],
        ids=["Dataset", "DataFrame", "lists", "int64", "fixed_strings", "strings"],
    )
    def test_is_the_same_in_any_container(self, container: Callable[..., Any]) -> None:
        index = mixed()
        other = container(index)
        chosen = balanced(index)
        np.testing.assert_array_equal(balanced(other), chosen)
        for make in (
            lambda index: Balanced(index, max_per_patient=8),
            lambda index: Weighted.equal(index, "patient"),
            lambda index: Weighted(index, {"p03": 1, "p07": 2}, by="patient"),
            lambda index: Stratified(index, chosen, 8, by="patient"),
        ):
            np.testing.assert_array_equal(make(other).epoch(2), make(index).epoch(2))
        np.testing.assert_array_equal(
            limit_per_patient(other, chosen, 3), limit_per_patient(index, chosen, 3)
        )
        assert composition(other, chosen) == composition(index, chosen)
        assert seizure_ratio(other, chosen, "samples") == seizure_ratio(index, chosen, "samples")

    def test_other_proportions(self) -> None:
        index = mixed()
        assert names(index, balanced(index, full=0.1, background=5)) == {
            "partial_seizure": 20,
            "full_seizure": 2,
            "no_seizure": 100,
        }
        assert names(index, balanced(index, full=0, background=0)) == {"partial_seizure": 20}
        assert len(balanced(index, full=1e308, background=1e308)) == 229

    def test_needs_windows_at_the_edge_of_a_seizure(self) -> None:
        expected = (
            r"3 no_seizure, 0 partial_seizure, 2 full_seizure, 1 unlabelled.*"
            r"labels\.annotation and labels\.seizure.*split.*tuszstore info STORE"
        )
        with pytest.raises(SamplingError, match=expected) as caught:
            balanced(table([0, 2, 0, -1, 2, 0]))
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, TuszstoreError)
        with pytest.raises(SamplingError, match="0 no_seizure"):
            balanced(table([]))

    def test_takes_little_memory(self) -> None:
        n = 1_000_000
        codes = np.zeros(n, np.int8)
        codes[:: n // 50_000] = PARTIAL
        index = {"category": codes}
        tracemalloc.start()
        balanced(index)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 25 * n


class TestComposition:
    @settings(deadline=None)
    @given(codes_of_windows, st.data())
    def test_counts_all(self, codes: list[int], data: st.DataObject) -> None:
        index = table(codes)
        numbers = st.lists(st.integers(0, max(0, len(codes) - 1)), max_size=50 if codes else 0)
        chosen = data.draw(numbers)
        counts = composition(index, chosen)
        assert list(counts)[:3] == list(CATEGORIES)
        assert {name: n for name, n in counts.items() if n} == names(index, np.array(chosen, int))

    @settings(deadline=None)
    @given(codes_of_windows.filter(lambda codes: set(codes) - {-1}))
    def test_seizure_ratio(self, codes: list[int]) -> None:
        index = table(codes)
        everything = np.arange(len(codes))
        labelled = [NAMES[code] for code in codes if code >= 0]
        r = oracle.seizure_share(labelled, np.arange(len(labelled)))
        assert seizure_ratio(index, everything) == r
        assert pos_weight(index, everything) == oracle.pos_weight(r)
        of_samples = float(np.nanmean(index["seizure_fraction"]))
        assert seizure_ratio(index, everything, of="samples") == pytest.approx(of_samples)
        weight = pos_weight(index, everything, of="samples")
        assert weight == pytest.approx(oracle.pos_weight(of_samples))

    def test_share_of_samples_is_that_of_the_labels(self, train: tuszstore.Store) -> None:
        chosen = balanced(train.index)
        seizure = (train.labels[chosen] & train.spec.seizure_bits) > 0
        assert seizure_ratio(train.index, chosen, of="samples") == pytest.approx(seizure.mean())
        assert seizure_ratio(train.index, chosen) == seizure.any(axis=1).mean()

    def test_a_window_that_stands_twice_counts_twice(self) -> None:
        index = table([NONE, FULL])
        assert seizure_ratio(index, [0, 1, 1, 1]) == 0.75
        assert composition(index, [1, 1])["full_seizure"] == 2

    def test_a_mask_is_as_good_as_numbers(self) -> None:
        index = mixed()
        mask = index["category"] == FULL
        assert composition(index, mask)["full_seizure"] == mask.sum() == 9
        np.testing.assert_array_equal(Sequential(mask).epoch(0), np.flatnonzero(mask))

    @pytest.mark.parametrize("chosen", [[], [1]], ids=["empty", "unlabelled"])
    def test_no_ratio_without_labels(self, chosen: list[int]) -> None:
        for function in (seizure_ratio, pos_weight):
            with pytest.raises(SamplingError, match="no window of the set is labelled"):
                function(table([NONE, -1]), chosen)

    def test_ratio_of_something_else(self) -> None:
        with pytest.raises(SamplingError, match="'windows' or 'samples', not 'events'"):
            seizure_ratio(table([NONE]), [0], of="events")  # type: ignore[arg-type]


class TestLimitPerPatient:
    @settings(deadline=None)
    @given(
        st.lists(st.sampled_from("abcde"), min_size=1, max_size=100),
        st.integers(1, 30),
        seeds,
        st.data(),
    )
    def test_keeps_at_most_so_many(
        self, patients: list[str], limit: int, seed: int, data: st.DataObject
    ) -> None:
        index = table([NONE] * len(patients), patients)
        given_ = data.draw(st.permutations(range(len(patients))))
        kept = limit_per_patient(index, given_, limit, seed)
        assert kept.dtype == np.int64
        assert kept.tolist() == [number for number in given_ if number in set(kept.tolist())]
        before = Counter(patients)
        after = Counter(patients[number] for number in kept)
        assert after == {name: min(count, limit) for name, count in before.items()}
        np.testing.assert_array_equal(kept, limit_per_patient(index, given_, limit, seed))

    def test_every_window_has_the_same_chance(self) -> None:
        index = table([NONE] * 45, ["a"] * 30 + ["b"] * 15)
        kept = [limit_per_patient(index, np.arange(45), 10, seed) for seed in range(3000)]
        counts = np.bincount(np.concatenate(kept))
        assert 0.001 < deviation(counts[:30], 1000, 1 / 3) < 0.999
        assert 0.001 < deviation(counts[30:], 2000, 2 / 3) < 0.999

    def test_of_nothing(self) -> None:
        assert limit_per_patient(table([NONE]), [], 3).tolist() == []
        assert limit_per_patient(table([]), [], 3).tolist() == []

    def test_repeated_windows_count_each_time(self) -> None:
        assert limit_per_patient(table([NONE]), [0, 0, 0], 2).tolist() == [0, 0]

    @pytest.mark.parametrize("limit", [0, -1, 2.5, "3"])
    def test_limit(self, limit: Any) -> None:
        with pytest.raises(SamplingError, match=rf"limit must be .*, not '?{limit}"):
            limit_per_patient(table([NONE]), [0], limit)


SAMPLERS: dict[str, tuple[Callable[[int], Sampler], str]] = {
    "sequential": (lambda seed: Sequential(50), "1f60a176"),
    "shuffled": (lambda seed: Shuffled(50, seed), "67486692"),
    "balanced": (lambda seed: Balanced(mixed(), seed=seed), "ffa8c449"),
    "balanced_one_set": (
        lambda seed: Balanced(mixed(), seed=seed, redraw=False),
        "44596aa0",
    ),
    "balanced_limited": (
        lambda seed: Balanced(mixed(), seed=seed, max_per_patient=5),
        "b88b153e",
    ),
    "balanced_targets": (
        lambda seed: BalancedTargets(mixed(), mixed()["category"] > 0, seed=seed),
        "ba48ef3b",
    ),
    "weighted": (
        lambda seed: Weighted(mixed(), {"full_seizure": 2, "no_seizure": 1}, seed=seed),
        "ab84afce",
    ),
    "equal": (lambda seed: Weighted.equal(mixed(), "patient", n=99, seed=seed), "da78c697"),
    "stratified": (lambda seed: Stratified(mixed(), np.arange(200), 16, seed=seed), "13f3b7b2"),
}


@pytest.mark.parametrize(("make", "digest"), SAMPLERS.values(), ids=SAMPLERS)
class TestContract:
    def test_epochs_are_whole(self, make: Callable[[int], Sampler], digest: str) -> None:
        sampler = make(42)
        for number in range(20):
            order = sampler.epoch(number)
            assert order.dtype == np.int64
            assert order.shape == (len(sampler),)

    def test_depends_on_seed_and_epoch_only(
        self, make: Callable[[int], Sampler], digest: str
    ) -> None:
        sampler, other = make(42), pickle.loads(pickle.dumps(make(42)))
        orders = [sampler.epoch(number) for number in range(5)]
        for number in (4, 0, 3, 3, 1, 2):
            order = other.epoch(np.int32(number))
            np.testing.assert_array_equal(order, orders[number])
            order[:] = 0  # the caller's own
        if not isinstance(sampler, Sequential):
            assert len({order.tobytes() for order in orders}) == 5
            assert sampler.epoch(1).tolist() != make(43).epoch(1).tolist()

    def test_never_changes(self, make: Callable[[int], Sampler], digest: str) -> None:
        """A run that is repeated with another version has to see the same windows."""
        orders = [make(42).epoch(number).astype("<i8").tobytes() for number in (0, 1, 1000)]
        assert hashlib.sha256(b"".join(orders)).hexdigest()[:8] == digest

    @pytest.mark.parametrize("number", [-1, 1.0, None])
    def test_no_such_epoch(self, make: Callable[[int], Sampler], digest: str, number: Any) -> None:
        with pytest.raises(SamplingError, match=f"epoch must be .*, not {number}"):
            make(42).epoch(number)

    def test_repr(self, make: Callable[[int], Sampler], digest: str) -> None:
        sampler = make(42)
        expected = f"<{type(sampler).__name__}: {len(sampler)} windows per epoch"
        assert repr(sampler).startswith(expected)
        assert len(repr(sampler)) < 160


@settings(deadline=None)
@given(st.integers(0, 2**34), st.integers(0, 5), st.integers(0, 2**34), st.integers(0, 5))
def test_seeds_and_epochs_do_not_collide(seed: int, epoch: int, other: int, later: int) -> None:
    same = (seed, epoch) == (other, later)
    a, b = Shuffled(40, seed).epoch(epoch), Shuffled(40, other).epoch(later)
    assert (a.tolist() == b.tolist()) == same


def test_a_large_seed_is_not_a_small_one_of_another_epoch() -> None:
    """As it would be with ``default_rng([seed, epoch])``."""
    a, b = Shuffled(40, 2**32 + 42).epoch(0), Shuffled(40, 42).epoch(1)
    assert a.tolist() != b.tolist()


@pytest.mark.parametrize("seed", [-1, 1.5, None, "a"])
def test_seed_must_be_a_whole_number(seed: Any) -> None:
    index = mixed()
    for make in (
        lambda: Shuffled(3, seed),
        lambda: Balanced(index, seed=seed),
        lambda: balanced(index, seed=seed),
        lambda: Weighted.equal(index, seed=seed),
        lambda: Stratified(index, [1, 2], 1, seed=seed),
        lambda: limit_per_patient(index, [1], 1, seed=seed),
    ):
        with pytest.raises(SamplingError, match="seed must be"):
            make()


class TestSequentialAndShuffled:
    @settings(deadline=None)
    @given(st.lists(st.integers(0, 10**12), min_size=1), seeds, st.integers(0, 10**6))
    def test_orders(self, given_: list[int], seed: int, number: int) -> None:
        assert Sequential(given_).epoch(number).tolist() == given_
        order = Shuffled(given_, seed).epoch(number)
        assert sorted(order.tolist()) == sorted(given_)

    def test_a_number_is_all_windows(self) -> None:
        assert Sequential(3).epoch(0).tolist() == [0, 1, 2]
        assert sorted(Shuffled(np.int64(3)).epoch(0).tolist()) == [0, 1, 2]

    def test_what_was_given_may_change_later(self) -> None:
        given_ = np.arange(5)
        sampler = Sequential(given_)
        given_[:] = 0
        assert sampler.epoch(0).tolist() == [0, 1, 2, 3, 4]

    def test_every_place_is_as_likely(self) -> None:
        sampler = Shuffled(12)
        places = np.array([np.argsort(sampler.epoch(number)) for number in range(6000)])
        for window in range(12):
            assert deviation(np.bincount(places[:, window]), 500) > 0.001

    @pytest.mark.parametrize("make", [Sequential, Shuffled])
    @pytest.mark.parametrize(
        ("indices", "expected"),
        [
            ([], "no windows to draw from"),
            (0, "no windows to draw from"),
            (np.zeros(4, bool), "no windows to draw from"),
            (-1, "0 or more, not -1"),
            (2.5, "integer, not .*2.5"),
            ([0, -2, 1], "window -2 is out of range"),
            ([0.0, 1.0], "integers, not float64"),
            ([[0, 1]], r"one-dimensional, not of \(1, 2\)"),
            (np.array([2**64 - 1], np.uint64), "window 18446744073709551615 is out of range"),
        ],
        ids=str,
    )
    def test_no_windows(self, make: Callable[[Any], Sampler], indices: Any, expected: str) -> None:
        with pytest.raises(SamplingError, match=expected):
            make(indices)


class TestBalanced:
    @pytest.mark.parametrize("redraw", [True, False])
    def test_begins_with_the_reference(self, redraw: bool) -> None:
        index = mixed()
        sampler = Balanced(index, seed=5, redraw=redraw)
        np.testing.assert_array_equal(sampler.epoch(0), balanced(index, seed=5))

    def test_one_set(self) -> None:
        sampler = Balanced(mixed(), redraw=False)
        first = sampler.epoch(0)
        for number in range(1, 10):
            order = sampler.epoch(number)
            assert order.tolist() != first.tolist()
            assert sorted(order.tolist()) == sorted(first.tolist())

    def test_draws_anew(self) -> None:
        index = mixed()
        sampler = Balanced(index)
        seen = [set(sampler.epoch(number).tolist()) for number in range(60)]
        assert len(set(map(frozenset, seen))) == 60
        labelled = np.flatnonzero(index["category"] >= 0)
        assert set.union(*seen) == set(labelled.tolist())
        for chosen in seen:
            assert names(index, np.array(list(chosen))) == {
                "partial_seizure": 20,
                "full_seizure": 6,
                "no_seizure": 50,
            }

    def test_every_window_is_drawn_as_often(self) -> None:
        index = mixed()
        counts = drawn(Balanced(index), len(index["category"]), 2000)
        for code, share in ((FULL, 6 / 9), (NONE, 50 / 200)):
            of_category = counts[index["category"] == code]
            assert 0.001 < deviation(of_category, 2000 * share, share) < 0.999
        assert set(counts[index["category"] == PARTIAL]) == {2000}
        assert set(counts[index["category"] == -1]) == {0}

    def test_the_categories_are_mixed(self) -> None:
        """No part of an epoch has more of a category than others."""
        index = mixed()
        sampler = Balanced(index)
        rows = [index["category"][sampler.epoch(number)] for number in range(2000)]
        counts = (np.array(rows) == PARTIAL).sum(axis=0)
        assert 0.001 < deviation(counts, 2000 * 20 / 76, 20 / 76) < 0.999

    @settings(deadline=None)
    @given(codes_of_windows.filter(lambda codes: PARTIAL in codes), st.integers(2, 40), st.data())
    def test_limit_per_patient(self, codes: list[int], limit: int, data: st.DataObject) -> None:
        letters = st.lists(st.sampled_from("aaab"), min_size=len(codes), max_size=len(codes))
        index = table(codes, data.draw(letters))
        sampler = Balanced(index, max_per_patient=limit)
        unlimited = composition(index, Balanced(index).epoch(0))
        for number in range(3):
            order = sampler.epoch(number)
            assert len(order) == len(np.unique(order)) == len(sampler)
            assert max(Counter(index["patient"][order]).values()) <= limit
            counts = composition(index, order)
            n_partial = counts["partial_seizure"]
            assert 0 < n_partial <= unlimited["partial_seizure"]
            assert counts["full_seizure"] <= int(0.3 * n_partial)
            assert counts["no_seizure"] <= int(2.5 * n_partial)
            assert "unlabelled" not in counts

    def test_a_limit_keeps_the_set_balanced(self) -> None:
        codes = np.tile(np.repeat([NONE, PARTIAL, FULL], [800, 100, 100]), 10)
        index = table(codes, np.repeat([f"p{k}" for k in range(10)], 1000))
        sampler = Balanced(index, max_per_patient=38)
        assert names(index, sampler.epoch(3)) == {
            "partial_seizure": 100,
            "full_seizure": 30,
            "no_seizure": 250,
        }
        assert set(Counter(index["patient"][sampler.epoch(3)]).values()) == {38}
        assert set(sampler.epoch(3).tolist()) != set(sampler.epoch(4).tolist())
        counts = drawn(sampler, len(codes), 500)
        for code, n in ((NONE, 25), (PARTIAL, 10), (FULL, 3)):
            share = n / (800 if code == NONE else 100)
            assert 0.001 < deviation(counts[codes == code], 500 * share, share) < 0.999

    def test_a_high_limit_changes_no_size(self) -> None:
        assert len(Balanced(mixed(), max_per_patient=10_000)) == len(Balanced(mixed()))

    def test_a_limit_that_leaves_no_seizure(self) -> None:
        with pytest.raises(SamplingError, match=r"max_per_patient is 1, .* raise it"):
            Balanced(mixed(), max_per_patient=1)
        assert len(Balanced(mixed(), 0, 0, max_per_patient=1)) <= 13

    def test_the_index_may_change_later(self) -> None:
        index = mixed()
        sampler = Balanced(index)
        expected = sampler.epoch(1)
        index["category"][:] = 0
        np.testing.assert_array_equal(sampler.epoch(1), expected)

    @pytest.mark.parametrize("name", ["full", "background"])
    @pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, None, "many"])
    def test_proportions(self, name: str, value: Any) -> None:
        for make in (Balanced, balanced):
            with pytest.raises(SamplingError, match=f"{name} must be a number of 0 or more"):
                make(mixed(), **{name: value})

    @pytest.mark.parametrize("limit", [0, -3, 1.5])
    def test_limit(self, limit: Any) -> None:
        with pytest.raises(SamplingError, match=f"max_per_patient must be .*, not {limit}"):
            Balanced(mixed(), max_per_patient=limit)

    def test_repr(self) -> None:
        assert repr(Balanced(mixed())) == (
            "<Balanced: 76 windows per epoch (20 partial_seizure, 6 full_seizure, 50 no_seizure), "
            "resampled each epoch, seed 42>"
        )


class TestWeighted:
    def test_frequencies(self) -> None:
        index = mixed()
        sampler = Weighted(index, {"full_seizure": 5, "partial_seizure": 2, NONE: 0.5}, n=1000)
        counts = drawn(sampler, len(index["category"]), 300)
        total = 5 * 9 + 2 * 20 + 0.5 * 200
        for code, weight in ((FULL, 5), (PARTIAL, 2), (NONE, 0.5)):
            of_category = counts[index["category"] == code]
            assert 0.001 < deviation(of_category, 300_000 * weight / total) < 0.999
        assert set(counts[index["category"] == -1]) == {0}

    def test_the_order_is_random(self) -> None:
        index = mixed()
        epochs = np.array([Weighted.equal(index).epoch(number) for number in range(2000)])
        of_place = (index["category"][epochs] == FULL).sum(axis=0)
        assert 0.001 < deviation(of_place, 2000 / 3, 1 / 3) < 0.999

    def test_names_are_as_good_as_codes(self) -> None:
        index = mixed()
        by_name = Weighted(index, {"full_seizure": 3, "no_seizure": 1, "unlabelled": 2})
        by_code = Weighted(index, {2: 3, 0: 1, -1: 2})
        assert len(by_name) == 216
        np.testing.assert_array_equal(by_name.epoch(3), by_code.epoch(3))

    def test_one_mapping_serves_all_splits(self) -> None:
        order = Weighted(table([NONE, PARTIAL]), {"full_seizure": 3, "no_seizure": 1}).epoch(0)
        assert order.tolist() == [0]

    def test_by_patient(self) -> None:
        index = table([NONE, -1, FULL, NONE], ["a", "a", "b", "c"])
        sampler = Weighted(index, {"a": 1, "b": 3}, by="patient", n=4000)
        assert len(Weighted(index, {"a": 1, "b": 3}, by="patient")) == 2
        counts = np.bincount(sampler.epoch(0), minlength=4)
        assert counts[1] == counts[3] == 0
        assert stats.binomtest(int(counts[2]), 4000, 0.75).pvalue > 0.001

    def test_weight_of_every_window(self) -> None:
        index = mixed()
        weights = np.random.default_rng(0).exponential(size=236) ** 3
        weights[[0, 1, 77, 235]] = 0
        sampler = Weighted(index, weights, n=100_000)
        assert len(Weighted(index, weights)) == 232
        counts = drawn(sampler, 236, 5)
        assert not counts[weights == 0].any()
        often = weights / weights.sum() > 1e-4
        expected = 500_000 * weights[often] / weights.sum()
        statistic = ((counts[often] - expected) ** 2 / expected).sum()
        assert 0.001 < stats.chi2.sf(statistic, often.sum() - 1) < 0.999

    @pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1015])
    def test_only_the_proportions_matter(self, scale: float) -> None:
        weights = np.arange(236.0)
        order = Weighted(mixed(), weights).epoch(0)
        np.testing.assert_array_equal(Weighted(mixed(), weights * scale).epoch(0), order)

    @pytest.mark.parametrize("by", ["category", "patient"])
    def test_equal(self, by: str) -> None:
        index = mixed()
        counts = drawn(Weighted.equal(index, by, n=1000), 236, 100)
        assert not counts[index["category"] == -1].any()
        labelled = index["category"] >= 0
        groups = np.unique(index[by][labelled])
        totals = np.array([counts[index[by] == group].sum() for group in groups])
        assert 0.001 < deviation(totals, 100_000 / len(groups)) < 0.999
        for group in groups:
            members = counts[(index[by] == group) & labelled]
            if len(members) > 1:
                assert deviation(members, members.mean()) > 0.001

    def test_equal_takes_as_many_as_are_labelled(self) -> None:
        assert len(Weighted.equal(mixed())) == 229
        assert len(Weighted.equal(mixed(), n=3)) == 3

    @settings(deadline=None)
    @given(st.lists(st.sampled_from([0, 0, 1e-9, 1, 3.5]), min_size=1, max_size=40), seeds)
    def test_never_draws_what_has_no_weight(self, weights: list[float], seed: int) -> None:
        index = table([NONE] * len(weights))
        if not any(weights):
            with pytest.raises(SamplingError, match="no window has a weight above 0"):
                Weighted(index, weights)
            return
        order = Weighted(index, weights, n=200, seed=seed).epoch(0)
        assert all(weights[number] for number in order)

    @pytest.mark.parametrize(
        ("weights", "by", "expected"),
        [
            ({"full": 1}, "category", "no window has the category 'full'; .*'full_seizure'"),
            ({7: 1}, "category", "no window has the category 7"),
            ({"p99": 1}, "patient", r"the patient 'p99'; known are 'p00', 'p01', .*\.\.\."),
            ({"full_seizure": -1}, "category", "weight of 'full_seizure' must be .*, not -1"),
            ({"full_seizure": np.nan}, "category", "weight of 'full_seizure' must be .*, not nan"),
            ({"full_seizure": None}, "category", "weight of 'full_seizure' must be .*, not None"),
            ({"full_seizure": 0}, "category", "no window has a weight above 0, of 200 no_seizure"),
            ({}, "category", "no window has a weight above 0"),
            ({1: 1}, None, "need their column"),
            ({1: 1}, "sex", "no column 'sex', only category, seizure_fraction, patient"),
            (np.ones(3), None, r"shape \(236,\), not \(3,\)"),
            (1.0, None, r"shape \(236,\), not \(\)"),
            (np.zeros(236), None, "no window has a weight above 0"),
            (-np.eye(236)[5], None, "weight of window 5 must be .*, not -1.0"),
            (np.full(236, np.inf), None, "weight of window 0 must be .*, not inf"),
            (["many"] * 236, None, "weights must be numbers"),
        ],
        ids=str,
    )
    def test_weights(self, weights: Any, by: str | None, expected: str) -> None:
        with pytest.raises(SamplingError, match=expected):
            Weighted(mixed(), weights, by)

    @pytest.mark.parametrize("n", [0, -1, 2.5])
    def test_n(self, n: Any) -> None:
        with pytest.raises(SamplingError, match=f"n must be .*, not {n}"):
            Weighted(mixed(), {"full_seizure": 1}, n=n)

    def test_an_empty_index(self) -> None:
        for make in (Weighted.equal, lambda index: Weighted(index, {NONE: 1})):
            with pytest.raises(SamplingError, match="no window has a weight above 0"):
                make(table([]))

    def test_repr(self) -> None:
        assert repr(Weighted(table([NONE, NONE, FULL]), {"no_seizure": 1, "full_seizure": 2})) == (
            "<Weighted: 3 windows per epoch (on average 50.0% no_seizure, 50.0% full_seizure), "
            "seed 42>"
        )


class TestStratified:
    @settings(deadline=None)
    @given(st.lists(st.integers(-1, 2), min_size=1, max_size=200), seeds, st.data())
    def test_every_batch_has_the_proportions(
        self, codes: list[int], seed: int, data: st.DataObject
    ) -> None:
        index = table(codes, [f"p{k * k % 11}" for k in range(len(codes))])
        number = st.integers(0, len(codes) - 1)
        chosen = data.draw(st.lists(number, min_size=1, max_size=2 * len(codes)))
        size = data.draw(st.integers(1, len(chosen)))
        by = data.draw(st.sampled_from(["category", "patient"]))
        order = Stratified(index, chosen, size, by, seed).epoch(data.draw(st.integers(0, 3)))
        assert sorted(order.tolist()) == sorted(chosen)
        total = Counter(index[by][chosen].tolist())
        for start in range(0, len(order), size):
            batch = index[by][order[start : start + size]]
            counts = Counter(batch.tolist())
            for stratum, n in total.items():
                # in whole numbers: the difference is below 1
                assert abs(counts[stratum] * len(chosen) - len(batch) * n) < len(chosen)

    @pytest.mark.parametrize("size", [1, 7, 64, 199, 200])
    def test_every_window_is_in_every_place_as_often(self, size: int) -> None:
        index = mixed()
        chosen = np.arange(10, 210)
        sampler = Stratified(index, chosen, size)
        places = np.array([np.argsort(sampler.epoch(number)) for number in range(2000)])
        quarters = np.stack([(places // 50 == k).sum(axis=0) for k in range(4)])
        # each place has each window with a probability of 1/200, whatever the strata
        assert abs(quarters - 500).max() < 5 * np.sqrt(2000 * 3 / 16)
        last = (places >= 200 - (200 % size or size)).mean(axis=0)
        share = (200 % size or size) / 200
        assert abs(last - share).max() < 5 * np.sqrt(share * (1 - share) / 2000) + 1e-12

    def test_windows_are_mixed_within_a_batch(self) -> None:
        index = mixed(64, 32, 32, 0)
        sampler = Stratified(index, np.arange(128), 16)
        rows = [index["category"][sampler.epoch(number)] for number in range(1000)]
        counts = (np.array(rows) == FULL).sum(axis=0)
        assert abs(counts - 250).max() < 5 * np.sqrt(1000 * 3 / 16)

    def test_a_stratum_that_divides_evenly(self) -> None:
        index = table([NONE, NONE, PARTIAL, FULL] * 8)
        order = Stratified(index, np.arange(32), 4).epoch(1)
        for batch in index["category"][order].reshape(8, 4):
            assert sorted(batch) == [NONE, NONE, PARTIAL, FULL]

    @pytest.mark.parametrize(
        ("batch_size", "expected"),
        [
            (0, "batch_size must be 1 or more, not 0"),
            (-4, "batch_size must be 1 or more, not -4"),
            (2.0, "batch_size must be an integer, not 2.0"),
            (11, "batch_size is 11, but only 10 windows exist: lower it"),
        ],
    )
    def test_batch_size(self, batch_size: Any, expected: str) -> None:
        with pytest.raises(SamplingError, match=expected):
            Stratified(mixed(), np.arange(10), batch_size)

    def test_no_windows(self) -> None:
        with pytest.raises(SamplingError, match="no windows to draw from"):
            Stratified(mixed(), [], 1)

    def test_repr(self) -> None:
        assert repr(Stratified(mixed(), np.arange(10), 3, "patient")).endswith(
            "strata by patient in batches of 3>"
        )


class TestIteration:
    """Samplers as torch uses them: each iteration is an epoch."""

    @pytest.mark.parametrize(
        "make",
        [
            lambda index: Sequential(9),
            lambda index: Shuffled(9),
            Balanced,
            lambda index: Weighted(index, {"partial_seizure": 1.0}),
            lambda index: Stratified(index, np.arange(20), 4),
        ],
        ids=["Sequential", "Shuffled", "Balanced", "Weighted", "Stratified"],
    )
    def test_each_is_the_next_epoch(self, make: Callable[[Any], Sampler]) -> None:
        sampler = make(mixed())
        expected = [sampler.epoch(k).tolist() for k in range(4)]
        orders = [list(sampler), list(sampler)]
        assert orders == expected[:2]
        assert {type(number) for number in orders[0]} == {int}
        iterator = iter(sampler)
        assert [next(iterator), next(iterator)] == expected[2][:2]
        assert list(sampler) == expected[3]  # also where one was broken off
        assert list(iterator) == expected[2][2:]
        sampler.set_epoch(1)
        assert list(sampler) == expected[1]

    def test_the_epoch_is_chosen_when_the_first_is_asked_for(self) -> None:
        sampler = Shuffled(9)
        unused, iterator = iter(sampler), iter(sampler)
        sampler.set_epoch(5)
        assert list(iterator) == sampler.epoch(5).tolist()
        assert list(unused) == sampler.epoch(6).tolist()

    def test_a_pickle_goes_on(self) -> None:
        sampler = Shuffled(9)
        list(sampler)
        again = pickle.loads(pickle.dumps(sampler))
        assert list(again) == list(sampler) == sampler.epoch(1).tolist()

    @pytest.mark.parametrize("taken", [0, 1, 8, 9])
    def test_a_state_is_resumed_exactly(self, taken: int) -> None:
        sampler = Shuffled(9)
        list(sampler)
        iterator = iter(sampler)
        for _ in range(taken):
            next(iterator)
        other = Shuffled(9)
        again = iter(other)
        again.load_state_dict(iterator.state_dict())  # type: ignore[attr-defined]
        assert list(again) == list(iterator) == sampler.epoch(1).tolist()[taken:]
        assert list(other) == list(sampler) == sampler.epoch(2).tolist()

    @pytest.mark.parametrize(
        ("epoch", "told"), [(-1, "0 or more, not -1"), ("a", "an integer, not 'a'")]
    )
    def test_no_such_epoch(self, epoch: Any, told: str) -> None:
        with pytest.raises(SamplingError, match=f"epoch must be .*{told}"):
            Shuffled(9).set_epoch(epoch)


class TestIndex:
    @pytest.mark.parametrize(
        ("indices", "expected"),
        [
            ([0, 236], "window 236 is out of range: the index has 236 windows"),
            ([-237], "window -237 is out of range: the index has 236 windows"),
            ([0.5], "integers, not float64"),
            (3, r"one-dimensional, not the number 3: use \[3\]"),
            (np.ones(5, bool), r"a mask must have the shape \(236,\), not \(5,\)"),
        ],
        ids=str,
    )
    @pytest.mark.parametrize(
        "function",
        [
            composition,
            seizure_ratio,
            pos_weight,
            lambda index, indices: limit_per_patient(index, indices, 1),
            lambda index, indices: Stratified(index, indices, 1),
        ],
        ids=["composition", "seizure_ratio", "pos_weight", "limit_per_patient", "Stratified"],
    )
    def test_window_numbers(
        self, function: Callable[..., Any], indices: Any, expected: str
    ) -> None:
        with pytest.raises(SamplingError, match=expected):
            function(mixed(), indices)

    def test_an_unknown_column(self, train: tuszstore.Store) -> None:
        with pytest.raises(SamplingError, match=r"no column 'sex', only recording, start_block, "):
            Stratified(train.index, [0], 1, by="sex")
        index = mixed()
        del index["patient"]
        with pytest.raises(SamplingError, match=r"no column 'patient', only .*; create it from r"):
            limit_per_patient(index, [0], 1)
        with pytest.raises(SamplingError, match="no column 'category', only patient"):
            balanced({"patient": ["a"]})

    @pytest.mark.parametrize("by", ["mask", "category_mask"])
    def test_a_column_of_something_else(self, train: tuszstore.Store, by: str) -> None:
        with pytest.raises(SamplingError, match=rf"'{by}' must have the shape \({len(train)},\)"):
            Stratified(train.index, [0], 1, by=by)

    def test_mixed_values(self) -> None:
        index = mixed() | {"patient": np.array(["a", None] * 118, object)}
        with pytest.raises(SamplingError, match="'patient' mixes values of NoneType, str"):
            limit_per_patient(index, [0], 1)

    @pytest.mark.parametrize(
        ("category", "expected"),
        [
            ([0, 3], "codes from 0 to 3, not from -1 to 2"),
            ([-2, 1], "codes from -2 to 1"),
            (["no_seizure"], "must hold codes, not <U10"),
            ([0.0], "must hold codes, not float64"),
        ],
    )
    def test_strange_categories(self, category: list[Any], expected: str) -> None:
        with pytest.raises(SamplingError, match=expected):
            composition({"category": category}, [])

    @pytest.mark.parametrize("by", ["recording", "event_classes", "start_time", "category"])
    def test_columns_of_a_store(self, train: tuszstore.Store, by: str) -> None:
        everything = np.arange(len(train))
        order = Stratified(train.index, everything, 8, by).epoch(0)
        assert sorted(order.tolist()) == everything.tolist()
        assert len(Weighted.equal(train.index, by)) == len(train)
