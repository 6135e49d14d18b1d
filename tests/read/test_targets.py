"""Labels of training, against what a loop over samples says of the stored labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tuszstore
from tests.store.made_stores import make_store
from tuszstore.channels.annotated import annotated_rows
from tuszstore.channels.sets import parse_channels
from tuszstore.read.targets import Target, bits_by_rule, by_rule
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.spans import Spans
from tuszstore.store.timeline import merge

SFREQ = 16


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> "tuszstore.Store":
    """A store in which no clock tells how recordings lie."""
    folder = tmp_path_factory.mktemp("made")
    lengths, without = (3000, 2000, 640), ["recordings/patient_time"]
    return tuszstore.open(make_store(folder / "train.zarr", lengths=lengths, without=without).path)


def sample_labels(store: "tuszstore.Store") -> list[np.ndarray]:
    """Return the labels of all samples of each recording, as they are stored."""
    stored = getattr(store, "store", store).metadata
    label, table = np.asarray(stored.group["label"]), stored.recordings
    rows = zip(*(table[n].tolist() for n in ("first_block", "n_blocks", "n_samples")), strict=True)
    return [label[a : a + n].reshape(-1)[:size] for a, n, size in rows]


def of_windows(store: "tuszstore.Store", samples: list[np.ndarray]) -> np.ndarray:
    """Return what windows have of values of samples, cut one by one."""
    n, rows = store.spec.window, store.index["recording"].values
    first = np.rint(store.index["start_time"].values * store.sfreq).astype(int)
    return np.stack([samples[r][..., a : a + n] for r, a in zip(rows, first, strict=True)])


def seizures(store: "tuszstore.Store") -> list[list[tuple[int, int]]]:
    """Return the stretches of seizure of each recording, from the stored labels."""
    found = []
    for label in sample_labels(store):
        inside = (label & store.spec.seizure_bits) > 0
        edges = np.flatnonzero(np.diff(inside.astype(int), prepend=0, append=0))
        found.append(list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)))
    assert sum(map(len, found)) >= 2
    return found


def expected_samples(store: "tuszstore.Store", onset: float = 0, margins: Any = (0, 0)) -> Any:
    """Return 1, 0 and NaN of each sample, one after the other."""
    values = []
    for label, stretches in zip(sample_labels(store), seizures(store), strict=True):
        value = np.zeros(len(label), np.float32)
        for a, b in stretches:
            value[a:b] = 1
        for a, b in stretches:
            if onset:
                value[a + round(onset * SFREQ) : b] = np.nan
            for edge, seconds in ((a, margins[0]), (b, margins[1])):
                n = round(seconds * SFREQ)
                value[max(edge - n, 0) : edge + n] = np.nan
        value[label & UNLABELLED > 0] = np.nan
        values.append(value)
    return values


class TestSamples:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, {}),
            ({"ignore": 0.5}, {"margins": (0.5, 0.5)}),
            ({"ignore": (2, 0)}, {"margins": (2, 0)}),
            ({"label": "onset"}, {"onset": 10}),
            ({"label": "onset", "interval": 1.5, "ignore": (0, 3)},
             {"onset": 1.5, "margins": (0, 3)}),
        ],
        ids=["seizure", "margins", "onsets-only", "onset", "onset-and-margin"],
    )  # fmt: skip
    def test_of_all_windows(
        self, store: "tuszstore.Store", options: dict[str, Any], expected: dict[str, Any]
    ) -> None:
        found = store.targets(slice(None), **options)
        wanted = of_windows(store, expected_samples(store, **expected))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)
        assert np.isnan(wanted).any()
        np.testing.assert_array_equal(store.targets(-1, **options), wanted[-1])

    def test_class_bits(self, store: "tuszstore.Store") -> None:
        found = store.targets(slice(None), "classes")
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, of_windows(store, sample_labels(store)))
        np.testing.assert_array_equal(store.labels[:], found)
        union = store.targets(slice(None), "classes", rule="any")
        np.testing.assert_array_equal(union, np.bitwise_or.reduce(found, axis=1))

    def test_shifted_windows(self, store: "tuszstore.Store") -> None:
        """A window that is taken later has the labels and the signal of there."""
        rng = np.random.default_rng(0)
        n_samples = store.metadata.recordings["n_samples"]
        rows = store.index["recording"].values
        first = np.rint(store.index["start_time"].values * store.sfreq).astype(np.int64)
        room = n_samples[rows] - first - store.spec.window
        shift = rng.integers(0, np.minimum(room, store.spec.stride - 1) + 1)
        assert shift.any()
        samples = expected_samples(store)
        expected = np.stack(
            [
                samples[r][a : a + store.spec.window]
                for r, a in zip(rows, first + shift, strict=True)
            ]
        )
        everything = np.arange(len(store))
        found = store.reader.target(Target.of(), everything, shift=shift)
        np.testing.assert_array_equal(found, expected)
        signal = store.reader.signal(everything, shift=shift)
        whole = [store.read_recording(row) for row in range(len(n_samples))]
        for k, (row, a) in enumerate(zip(rows, first + shift, strict=True)):
            np.testing.assert_array_equal(signal[k], whole[row][:, a : a + store.spec.window])


class TestRules:
    @given(
        st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=1, max_size=12),
        st.sampled_from(["any", "majority"]) | st.integers(1, 10).map(lambda n: n / 10),
    )
    def test_unknown_samples_may_decide(self, samples: list[float], rule: Any) -> None:
        """A value is known if it is the same whatever unknown samples are."""
        outcomes = set()
        for unknown in (0.0, 1.0):
            known = np.array([unknown if v != v else v for v in samples])
            n, ones = len(known), int(known.sum())
            if rule == "any":
                outcomes.add(ones >= 1)
            elif rule == "majority":
                outcomes.add(2 * ones > n)
            else:
                outcomes.add(ones >= 1 and 10 * ones >= round(10 * rule) * n)
        (found,) = by_rule(np.array([samples], np.float32), rule)
        expected = float(outcomes.pop()) if len(outcomes) == 1 else float("nan")
        np.testing.assert_equal(float(found), expected)

    def test_soft_centre_and_last(self) -> None:
        nan = np.nan
        values = np.array([[0, 1, 1, nan], [nan] * 4, [0, 0, nan, 1]], np.float32)
        np.testing.assert_allclose(by_rule(values, "soft"), [2 / 3, nan, 1 / 3])
        np.testing.assert_array_equal(by_rule(values, "centre"), [1, nan, nan])
        np.testing.assert_array_equal(by_rule(values, "last"), [nan, nan, 1])
        np.testing.assert_array_equal(bits_by_rule(np.array([[1, 2, 4]]), "centre"), [2])

    @pytest.mark.parametrize("rule", ["any", "majority", "centre", "last", "soft", 0.2])
    @pytest.mark.parametrize("label", ["seizure", "onset", "channels"])
    def test_a_rule_is_of_the_samples(
        self, store: "tuszstore.Store", label: Any, rule: Any
    ) -> None:
        samples = store.targets(slice(None), label)
        found = store.targets(slice(None), label, rule=rule)
        np.testing.assert_array_equal(found, by_rule(samples, rule))
        assert found.shape == samples.shape[:-1]


class TestPreictal:
    def expected(self, store: "tuszstore.Store", horizon: float, interval: float) -> np.ndarray:
        """Return labels by a search of what follows each window, sample by sample."""
        n_samples, annotated = store.metadata.recordings["n_samples"], seizures(store)
        found = []
        for row, start in zip(
            store.index["recording"].values, store.index["start_time"].values, strict=True
        ):
            begin = round(start * SFREQ)
            stop = begin + store.spec.window
            stretches = annotated[row]
            low, high = stop + horizon * SFREQ, stop + (horizon + interval) * SFREQ
            onsets = [a for a, b in stretches if a >= stop]
            if not store.metadata.recordings["labelled"][row] or any(
                a < stop and b > begin for a, b in stretches
            ):
                found.append(np.nan)
            elif onsets and low <= onsets[0] <= high:
                found.append(1.0)
            elif onsets and onsets[0] < low:
                found.append(np.nan)
            else:
                found.append(0.0 if n_samples[row] >= high else np.nan)
        return np.array(found, np.float32)

    @pytest.mark.parametrize(("horizon", "interval"), [(0, 20), (10, 15), (5, 1), (30, 60)])
    def test_what_follows_a_window(
        self, store: "tuszstore.Store", horizon: float, interval: float
    ) -> None:
        view = store.view(length=5, stride=0.5)
        found = view.targets(slice(None), "preictal", horizon=horizon, interval=interval)
        np.testing.assert_array_equal(found, self.expected(view, horizon, interval))
        assert set(found[~np.isnan(found)]) >= {1.0}

    def test_seconds_are_counted_from_the_windows_end(self, store: "tuszstore.Store") -> None:
        view = store.view(length=5, stride=0.5)
        to = view.index["time_to_seizure"].values
        found = view.targets(slice(None), "preictal", horizon=4, interval=8)
        assert to[found == 1].min() >= 4
        assert to[found == 1].max() <= 12
        assert (view.index["seizure_free_after"].values[found == 0] >= 12).all()


class TestChannels:
    @pytest.mark.parametrize(
        ("annotated", "channels", "expected"),
        [
            ("FP1-F7", "double_banana", ["Fp1-F7"]),
            ("F7-FP1", "double_banana", ["Fp1-F7"]),
            ("T7-P7", "double_banana", ["T3-T5"]),
            ("FP1-F7", "10-20", ["Fp1", "F7"]),
            ("EEG FP1-REF", "10-20", ["Fp1"]),
            ("Cz", "double_banana", ["Fz-Cz", "Cz-Pz"]),
            ("T3-C3", "double_banana", ["F7-T3", "T3-T5", "F3-C3", "C3-P3"]),
            ("A1-A2", "double_banana", []),
            ("C3", ["C3-avg", "C4-avg"], ["C3-avg"]),
            ("BTEleft SD", ["BTEleft SD", "CROSStop SD"], ["BTEleft SD"]),
            ("TERM", ["Fp1", "F7"], ["Fp1", "F7"]),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_whose_channels_they_are(
        self, annotated: str, channels: Any, expected: list[str]
    ) -> None:
        wanted = parse_channels(channels)
        rows = annotated_rows(annotated, wanted)
        assert [wanted[row].name for row in rows] == expected

    def test_a_mask_of_channel_and_sample(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = tuszstore.open(make_store(tmp_path / "train.zarr").path)
        events = made.metadata.events
        names = np.array(["FP1-F7", "TERM", "C3-P3", "T3-C3"] * 3, object)[: len(events["bit"])]
        monkeypatch.setitem(events._loaded, "channel", names)
        view = made.view("tcp_a", "uV", 4, 2)
        expected = [
            np.zeros((len(view.channels), n), np.float32)
            for n in made.metadata.recordings["n_samples"]
        ]
        seizure = made.spec.seizure_bits
        columns = ("recording", "first_sample", "stop_sample", "bit", "channel")
        for row, a, b, bit, name in zip(*(events[c] for c in columns), strict=True):
            if bit & seizure:
                named = name.replace("FP", "Fp")
                here = [c == named or name == "TERM" for c in view.channels]
                assert any(here)
                expected[row][here, a:b] = 1
        for row, labelled in enumerate(made.metadata.recordings["labelled"]):
            if not labelled:
                expected[row][:] = np.nan
        found = view.targets(slice(None), "channels")
        np.testing.assert_array_equal(found, of_windows(view, expected))
        assert len(np.unique((found == 1).any(axis=(0, 2)))) == 2


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"label": "preictl"}, "did you mean 'preictal'"),
            ({"label": "preictal"}, "needs interval"),
            ({"label": "preictal", "interval": 0}, "interval must be above 0"),
            ({"label": "preictal", "interval": 9, "rule": "any"}, "remove rule"),
            ({"label": "preictal", "interval": 9, "ignore": 1}, "ignore is not for"),
            ({"horizon": 3}, "horizon is only for label='preictal'"),
            ({"interval": 3}, "interval is only for"),
            ({"rule": "most"}, "rule must be one of any, majority"),
            ({"rule": 0}, "or above 0"),
            ({"rule": True}, "or above 0"),
            ({"label": "classes", "rule": "soft"}, "only any, centre and last"),
            ({"ignore": -1}, "ignore must be a time of 0 s or more, not -1"),
            ({"ignore": (1, 2, 3)}, "or a pair"),
            ({"label": "preictal", "interval": "x"}, "interval must be a time"),
        ],
        ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
    )
    def test_what_cannot_be(
        self, store: "tuszstore.Store", options: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(ValueError, match=told):
            store.targets([0], **options)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40))), st.integers(1, 9))
def test_spans_that_windows_meet(pairs: list[tuple[int, int]], length: int) -> None:

    first, stop = (
        np.array(side, np.int64) for side in (zip(*pairs, strict=True) if pairs else ((), ()))
    )
    spans = Spans(*merge(first, stop))
    marked = np.zeros(60, bool)
    for a, b in pairs:
        marked[a:b] = True
    begin = np.arange(0, 45, 3)
    found = np.zeros((len(begin), length), bool)
    for row, a, b in spans.meeting(begin, length):
        assert not found[row, a:b].any()
        found[row, a:b] = True
    expected = np.stack([marked[a : a + length] for a in begin])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(spans.meets(begin, length), expected.any(axis=1))
