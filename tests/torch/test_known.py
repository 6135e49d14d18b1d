"""Which windows `training_loader` draws for each label: those whose label is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.store.made_stores import make_store
from tests.torch.helpers import flat, seen
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.sampling import BalancedTargets, SamplingError, Shuffled, balanced

torch = pytest.importorskip("torch")

from tuszstore.torch import training_loader  # noqa: E402

AHEAD: dict[str, Any] = {"label": "preictal", "horizon": 10, "interval": 60}

OF_WINDOWS: list[dict[str, Any]] = [AHEAD, {"label": "onset", "interval": 5, "rule": "any"}]


def identify(options: dict[str, Any]) -> str:
    return "-".join(map(str, options.values()))


def known_and_positive(windows: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    values = windows.targets(slice(None), **options)
    if values.ndim == 2:
        return ~np.isnan(values).all(axis=1), (values > 0).any(axis=1)
    return ~np.isnan(values), values > 0


@pytest.fixture(scope="module")
def other_store(tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    root = tmp_path_factory.mktemp("other")
    write_corpus(root / "corpus", patients=2, files=2, minutes=3, seed=5, quirks=False)
    report = tuszstore.build(split="train", data=root / "corpus", store=root, workers=0)
    return tuszstore.open(report.store)


class TestOneValuePerWindow:
    @pytest.mark.parametrize("options", OF_WINDOWS, ids=identify)
    @pytest.mark.parametrize("kind", ["store", "view", "concat"])
    def test_an_epoch_has_all_positives_and_negatives_in_proportion(
        self,
        train: tuszstore.Store,
        other_store: tuszstore.Store,
        kind: str,
        options: dict[str, Any],
    ) -> None:
        view = train.view(["Fp1-F7", "F7-T3", "C3-P3"], "uV", 12, 5)
        series = tuszstore.concat([other_store, train]).view(length=12, stride=5)
        windows: Any = {"store": train, "view": view, "concat": series}[kind]
        known, positive = known_and_positive(windows, options)
        loader = training_loader(windows, batch_size=16, background=1.5, **options)
        for epoch in range(2):
            drawn = loader.sampler.epoch(epoch)
            assert len(np.unique(drawn)) == len(drawn)
            assert known[drawn].all()
            assert np.isin(np.flatnonzero(positive), drawn).all()
            expected = min(int(1.5 * positive.sum()), (known & ~positive).sum())
            assert np.count_nonzero(~positive[drawn]) == expected > 0

    def test_the_batches_have_both_classes_and_no_nan(self, train: tuszstore.Store) -> None:
        labels = torch.cat([label for _, label in training_loader(train, batch_size=8, **AHEAD)])
        assert set(labels.tolist()) == {0, 1}
        unknown = np.isnan(train.targets(slice(None), **AHEAD))
        assert unknown.any()  # or the test would show nothing

    def test_unbalanced_is_all_known_windows(self, train: tuszstore.Store) -> None:
        known = np.flatnonzero(~np.isnan(train.targets(slice(None), **AHEAD)))
        loader = training_loader(train, use_balanced_sampling=False, seed=3, batch_size=8, **AHEAD)
        assert loader.sampler.epoch(1).tolist() == Shuffled(known, 3).epoch(1).tolist()

    def test_ranks_share_an_epoch_and_a_state_resumes_it(self, train: tuszstore.Store) -> None:
        def make(**options: Any) -> Any:
            return training_loader(train, batch_size=4, return_meta=True, **AHEAD, **options)

        whole = flat(seen(make()))
        ranks = [flat(seen(make(rank=rank, world_size=2))) for rank in range(2)]
        assert sorted(ranks[0] + ranks[1]) == sorted(whole)
        first = make()
        batches = iter(first)
        begun = next(batches)[2]["window"].tolist()
        rest = make()
        rest.load_state_dict(first.state_dict())
        assert begun + flat(seen(rest)) == whole
        other = training_loader(train, batch_size=4, **{**AHEAD, "interval": 61})
        with pytest.raises(ValueError, match="belongs to other batches: its label"):
            other.load_state_dict(first.state_dict())

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"interval": 1e5}, r" [1-9]\d* positive, 0 negative, \d+ unknown.*shorten horizon"),
            ({"interval": 1e-3}, r" 0 positive, [1-9]\d* negative, \d+ unknown.*lengthen interval"),
            ({"background": 0}, r" [1-9]\d* positive, [1-9].*Raise background, which is 0"),
        ],
        ids=["no-negative", "no-positive", "none-drawn"],
    )
    def test_one_class_only_is_an_error_with_the_numbers(
        self, train: tuszstore.Store, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(SamplingError, match=message):
            training_loader(train, **{**AHEAD, **options})

    @pytest.mark.parametrize("rule", [None, "any"])
    def test_no_known_window_is_an_error(self, tmp_path: Path, rule: str | None) -> None:
        store = tuszstore.open(make_store(tmp_path / "train.zarr", lengths=(900, 200)).path)
        with pytest.raises(SamplingError, match=r"unknown for each of \d+ windows.*or ignore"):
            training_loader(store, rule=rule, ignore=1e6, use_balanced_sampling=False)


class TestOneValuePerSample:
    def test_the_default_set_is_that_of_the_categories(self, train: tuszstore.Store) -> None:
        for options in (
            *({}, {"label": "classes"}, {"label": "channels"}),
            *({"rule": "any"}, {"label": "channels", "rule": "majority"}),
        ):
            loader = training_loader(train, batch_size=8, **options)
            assert loader.sampler.epoch(0).tolist() == balanced(train.index).tolist()

    @pytest.mark.parametrize(
        "options",
        [{"label": "onset", "interval": 2}, {"ignore": 20}, {"rule": "soft", "ignore": 20}],
        ids=identify,
    )
    def test_windows_without_a_known_sample_are_not_drawn(
        self, train: tuszstore.Store, options: dict[str, Any]
    ) -> None:
        view = train.view(["Fp1-F7"], "uV", 4, 4)
        known, _ = known_and_positive(view, options)
        assert not known.all()
        loader = training_loader(view, use_balanced_sampling=False, batch_size=8, **options)
        assert sorted(loader.sampler.epoch(0)) == np.flatnonzero(known).tolist()

    def test_the_drawn_windows_are_known(self, train: tuszstore.Store) -> None:
        view = train.view(["Fp1-F7"], "uV", 4, 4)
        loader = training_loader(view, batch_size=4, label="onset", interval=2)
        known = ~np.isnan(view.targets(slice(None), "onset", interval=2)).all(axis=1)
        assert known[loader.sampler.epoch(0)].all()
        with pytest.warns(UserWarning, match="no window with a known label is at the edge"):
            loader = training_loader(view, batch_size=4, ignore=20)
        known = ~np.isnan(view.targets(slice(None), ignore=20)).all(axis=1)
        assert known[loader.sampler.epoch(0)].all()


def test_a_rule_gives_the_same_in_parts(
    train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"label": "channels", "rule": 0.3, "ignore": 1}
    expected = train.targets(slice(None), **options)
    monkeypatch.setattr("tuszstore.read.labels._MAX_SAMPLES", 1)
    np.testing.assert_array_equal(train.targets(slice(None), **options), expected)
    samples = train.targets(slice(None), "channels", ignore=1)
    positive, unknown = (samples == 1).sum(-1), np.isnan(samples).sum(-1)
    least = np.ceil(0.3 * samples.shape[-1])
    by_hand = np.where(positive >= least, 1, np.where(positive + unknown < least, 0, np.nan))
    np.testing.assert_array_equal(expected, by_hand)


class TestSampler:
    INDEX = {"category": np.zeros(6, np.int8)}  # noqa: RUF012

    def test_one_set_in_other_orders(self) -> None:
        sampler = BalancedTargets(self.INDEX, [1, 0, 0, 0, np.nan, 0], 2, redraw=False)
        first, second = sampler.epoch(0), sampler.epoch(1)
        assert set(first) == set(second)
        assert sampler.composition() == {"negative": 2, "positive": 1}
        assert "2 negative, 1 positive" in repr(sampler)

    @pytest.mark.parametrize(
        ("targets", "message"),
        [
            ([1, 0], r"shape \(6,\), one value for each window of the index, not \(2,\)"),
            (["a"] * 6, "must be numbers"),
            ([1, 0, 0, -1, 0, 0], "target of window 3 must be 0 or more, or NaN, not -1"),
        ],
    )
    def test_other_targets(self, targets: Any, message: str) -> None:
        with pytest.raises(SamplingError, match=message):
            BalancedTargets(self.INDEX, targets)

    def test_of_another_store(self, train: tuszstore.Store, tmp_path: Path) -> None:
        from tuszstore.torch import WindowLoader

        view = train.view(length=12, stride=5)
        sampler = BalancedTargets(view.index, view.targets(slice(None), rule="any"))
        with pytest.raises(SamplingError, match="with other indices"):
            WindowLoader(train, sampler)
