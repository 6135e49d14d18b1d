"""The one rule for window indices: what it takes and refuses, and that all places follow it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests import name_of
from tuszstore.indices import check_index, check_indices
from tuszstore.plotting.stretch import window_stretch
from tuszstore.sampling import SamplingError, composition, seizure_ratio


class Tensor:
    """What a tensor on a GPU is like: an array only after it was copied from there."""

    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values)
        self.ndim = self._values.ndim

    def detach(self) -> "Tensor":
        return self

    def cpu(self) -> Any:
        return self._values

    def __array__(self, *args: Any, **options: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


class TestRule:
    @given(data=st.data(), n=st.integers(1, 100))
    def test_integers_are_as_of_numpy(self, data: st.DataObject, n: int) -> None:
        values = data.draw(st.lists(st.integers(-n, n - 1), max_size=8))
        expected = np.arange(n)[np.array(values, np.int64)].tolist()
        for form in (
            list,
            tuple,
            np.array,
            lambda v: np.array(v, np.int8),
            lambda v: np.array(v, object),
            Tensor,
        ):
            found = check_indices(form(values), n)
            assert found.dtype == np.int64
            assert found.tolist() == expected
        for value in values:
            for one in (value, np.int16(value), np.array(value), Tensor(value)):
                assert check_index(one, n) == np.arange(n)[value]

    @given(
        n=st.integers(0, 30),
        bounds=st.tuples(*[st.none() | st.integers(-40, 40)] * 2),
        step=st.none() | st.integers(-3, 3).filter(bool),
    )
    def test_slices_and_ranges_are_as_of_numpy(
        self, n: int, bounds: tuple[int | None, int | None], step: int | None
    ) -> None:
        chosen = slice(*bounds, step)
        numbers = np.arange(n)[chosen].tolist()
        assert check_indices(chosen, n).tolist() == numbers
        assert check_indices(range(*chosen.indices(n)), n).tolist() == numbers

    @given(mask=st.lists(st.booleans(), min_size=1, max_size=20))
    def test_masks(self, mask: list[bool]) -> None:
        expected = np.flatnonzero(mask).tolist()
        assert check_indices(mask, len(mask)).tolist() == expected
        assert check_indices(Tensor(mask), None).tolist() == expected
        with pytest.raises(IndexError, match=rf"a mask must have the shape \({len(mask) + 1},\)"):
            check_indices(mask, len(mask) + 1)

    def test_what_it_returns_is_the_callers_own(self) -> None:
        values = np.array([0, -1])
        check_indices(values, 3)[:] = 7
        assert values.tolist() == [0, -1]

    @pytest.mark.parametrize(
        ("values", "error", "told"),
        [
            ([5], IndexError, "window 5 is out of range: the store has 5 windows"),
            ([0, -6], IndexError, "window -6 is out of range: the store has 5 windows"),
            ([10**30], IndexError, f"window {10**30} is out of range"),
            (np.array([2**64 - 1], np.uint64), IndexError, f"window {2**64 - 1} is out of range"),
            (np.array([100], np.int8), IndexError, "window 100 is out of range"),
            ([[0, 1]], IndexError, r"must be one-dimensional, not of \(1, 2\)"),
            ([[0], [0, 1]], IndexError, "must be one-dimensional, but these are ragged"),
            (3, IndexError, r"must be one-dimensional, not the number 3: use \[3\]"),
            ([0.0], TypeError, "window indices must be integers, not float64"),
            (["a"], TypeError, "window indices must be integers, not 'a'"),
            ([0, None], TypeError, "window indices must be integers, not NoneType"),
            ({0, 1}, TypeError, "window indices must be integers, not set"),
            (iter([0]), TypeError, "window indices must be integers, not list_iterator"),
            (None, TypeError, "window indices must be integers, not NoneType"),
            (True, TypeError, "window indices must be integers, not bool"),
        ],
        ids=name_of,
    )
    def test_refused(self, values: Any, error: type[Exception], told: str) -> None:
        with pytest.raises(error, match=told):
            check_indices(values, 5)

    def test_negative_ones_need_an_end_to_count_from(self) -> None:
        assert check_indices([7, 2**40], None).tolist() == [7, 2**40]
        with pytest.raises(IndexError, match="window -1 is out of range: they count from 0"):
            check_indices([-1], None)

    @pytest.mark.parametrize("value", [[0], slice(1), True, 1.0, None, "a"], ids=name_of)
    def test_one_index(self, value: Any) -> None:
        with pytest.raises(TypeError, match="integer"):
            check_index(value, 5)
        with pytest.raises(IndexError, match=r"item 1 is out of range: the pair has 1 item$"):
            check_index(1, 1, "item", "the pair")


class TestEverywhere:
    @pytest.mark.parametrize(
        "values",
        [[-1, 0], slice(-3, None), np.array([2, -2], np.int8), range(2), Tensor([1, -1])],
        ids=name_of,
    )
    def test_the_same_windows(self, train: tuszstore.Store, values: Any) -> None:
        numbers = check_indices(values, len(train)).tolist()
        expected = train.read(numbers)
        np.testing.assert_array_equal(train.read(values), expected)
        np.testing.assert_array_equal(train.windows[values], expected)
        np.testing.assert_array_equal(train.labels[values], train.labels[numbers])
        assert composition(train.index, values) == composition(train.index, numbers)

    def test_one_window_has_no_window_axis(self, train: tuszstore.Store) -> None:
        last = len(train) - 1
        for one in (-1, np.int32(-1), Tensor(-1), last):
            np.testing.assert_array_equal(train.read(one), train.windows[last])
            signal, labels = train.read(one, labels=True)
            assert (signal.shape, labels.shape) == ((19, 15360), (15360,))
            np.testing.assert_array_equal(labels, train.labels[last])
            assert window_stretch(train, one).name == window_stretch(train, last).name

    def test_a_mask_reads_what_it_marks(self, train: tuszstore.Store) -> None:
        mask = train.mask("full_seizure")
        np.testing.assert_array_equal(train.read(mask), train.read(np.flatnonzero(mask)))

    @pytest.mark.parametrize(
        "use",
        [
            lambda store, values: store.read(values),
            lambda store, values: store.windows[values],
            lambda store, values: store.labels[values],
            lambda store, values: store.reader.labels(values),
            lambda store, values: store.to_epochs(values),
            lambda store, values: window_stretch(store, values[0]),
            lambda store, values: composition(store.index, values),
            lambda store, values: seizure_ratio(store.index, values),
        ],
        ids=["read", "windows", "labels", "reader", "epochs", "plot", "composition", "ratio"],
    )
    def test_the_same_refusals(
        self, train: tuszstore.Store, use: Callable[[Any, Any], Any]
    ) -> None:
        told = f"window -1000 is out of range: the (store|index) has {len(train)} windows"
        with pytest.raises((IndexError, SamplingError), match=told):
            use(train, [-1000])
        with pytest.raises((TypeError, SamplingError), match="must be integers, not float64"):
            use(train, [0.5])
