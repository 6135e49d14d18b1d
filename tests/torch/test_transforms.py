"""Transforms: what they ask for, and numbers that are the same whoever draws them."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tests.torch.helpers import flat, seen  # noqa: E402
from tuszstore.sampling import Shuffled  # noqa: E402
from tuszstore.sampling.places import Drawn, generator_at, uniform_at  # noqa: E402
from tuszstore.torch import WindowDataset, WindowLoader  # noqa: E402
from tuszstore.torch.transforms import Transformation  # noqa: E402

DataLoader = torch.utils.data.DataLoader
N = 20


def noted(signal: Any, label: Any, rng: np.random.Generator) -> Any:
    """Replace the signal by what was drawn."""
    return torch.from_numpy(rng.random(3)), label


def drawn_by(loader: Any) -> dict[int, list[float]]:
    """Return what was drawn for each window."""
    return {
        window: values
        for signal, _, meta in loader
        for window, values in zip(meta["window"].tolist(), signal.tolist(), strict=True)
    }


def expected(seed: int, epoch: int) -> dict[int, list[float]]:
    order = Shuffled(N, seed).epoch(epoch).tolist()
    return {
        window: generator_at(seed, epoch, place).random(3).tolist()
        for place, window in enumerate(order)
    }


class TestDraws:
    @pytest.mark.parametrize("options", [{}, {"prefetch": 0}, {"batch_size": 7}])
    def test_the_loader(self, train: tuszstore.Store, options: dict[str, Any]) -> None:
        given = {"batch_size": 4, "transform": noted, "return_meta": True, "seed": 3} | options
        loader = WindowLoader(train, range(N), **given)
        for epoch in range(2):
            assert drawn_by(loader) == expected(3, epoch)

    def test_on_any_ranks_and_after_a_resume(self, train: tuszstore.Store) -> None:
        options = {"transform": noted, "return_meta": True, "seed": 3}
        first = WindowLoader(train, range(N), 8, **options)
        drawn = drawn_by([next(iter(first))])
        for rank in range(3):
            loader = WindowLoader(train, range(N), 3, rank=rank, world_size=3, **options)
            loader.load_state_dict(first.state_dict())
            drawn |= drawn_by(loader)
        assert drawn == expected(3, 0)

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    @pytest.mark.parametrize("num_workers", [0, 2])
    def test_the_dataset_with_our_sampler(self, train: tuszstore.Store, num_workers: int) -> None:
        loader = DataLoader(
            WindowDataset(train, transform=noted, return_meta=True, seed=3),
            8,
            sampler=Shuffled(N, 3).placed(),
            num_workers=num_workers,
            multiprocessing_context="fork" if num_workers else None,
        )
        for epoch in range(2):
            assert drawn_by(loader) == expected(3, epoch)

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    @pytest.mark.parametrize("num_workers", [0, 1])
    def test_the_dataset_with_a_sampler_of_torch(
        self, train: tuszstore.Store, num_workers: int
    ) -> None:
        dataset = WindowDataset(train, range(5, 5 + N), noted, return_meta=True, seed=3)
        loader = DataLoader(
            dataset,
            8,
            shuffle=True,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            multiprocessing_context="fork" if num_workers else None,
        )
        for epoch in (0, 7):
            dataset.set_epoch(epoch)
            assert drawn_by(loader) == {
                5 + place: generator_at(3, epoch, place).random(3).tolist() for place in range(N)
            }

    def test_places_are_independent(self) -> None:
        places = np.arange(4000)
        draws = np.array([uniform_at(1, epoch, places) for epoch in range(5)])
        assert draws.min() >= 0
        assert draws.max() < 1
        assert abs(draws.mean() - 0.5) < 0.01
        # uniform: the largest distance to the diagonal is below that of 1 in 10,000 samples
        ordered = np.sort(draws.ravel())
        distance = np.abs(ordered - np.arange(ordered.size) / ordered.size).max()
        assert distance < 2.3 / np.sqrt(ordered.size)
        correlations = np.corrcoef([*draws, np.roll(draws[0], 1), uniform_at(2, 0, places)])
        assert np.abs(correlations - np.eye(len(correlations))).max() < 0.07
        some = np.array([3999, 0, 17])
        np.testing.assert_array_equal(uniform_at(1, 2, some), draws[2][some])

    def test_an_index_that_knows_its_place(self) -> None:
        import pickle

        sampler = Shuffled(5, 1)
        drawn = [pickle.loads(pickle.dumps(index)) for _ in range(2) for index in sampler.placed()]
        assert drawn == [*sampler.epoch(0), *sampler.epoch(1)]
        assert [(d.epoch, d.place) for d in drawn] == [(e, p) for e in range(2) for p in range(5)]
        assert isinstance(drawn[0], Drawn)


def flip(signal: Any, label: Any, rng: np.random.Generator, channels: tuple[str, ...]) -> Any:
    """Swap left and right."""
    other = {"Fp1": "Fp2", "Fp2": "Fp1"}
    order = [channels.index(other.get(name, name)) for name in channels]
    return (signal[order] if rng.random() < 0.5 else signal), label


class TestForms:
    @pytest.mark.parametrize(
        ("transform", "asked"),
        [
            (lambda signal: signal, {}),
            (lambda x, scale=2: x, {}),
            (lambda *args: args, {}),
            (torch.neg, {}),
            (torch.nn.Identity(), {}),
            (lambda x, y, g: x, {"y": "label", "g": "rng"}),
            (lambda x, y: x, {"y": "label"}),
            (lambda x, rng: x, {"rng": "rng"}),
            (lambda x, rng, label: x, {"rng": "rng", "label": "label"}),
            (lambda x, *, channels: x, {"channels": "channels"}),
            (lambda x, channels, g, rng: x, {"channels": "channels", "g": "label", "rng": "rng"}),
            (lambda x, rng=None: x, {"rng": "rng"}),
            (functools.partial(lambda p, x, label: x, 3), {"label": "label"}),
        ],
    )
    def test_what_is_asked_for(self, transform: Any, asked: dict[str, str]) -> None:
        assert Transformation(transform, ["Fp1"], 0)._asked == asked

    @pytest.mark.parametrize(
        ("transform", "told"),
        [
            (lambda a, b, c, d: a, r"asks for 'd', which is unknown: it is called as transform\(s"),
            (lambda a, label, rng, montage: a, "asks for 'montage', which is unknown"),
            (3, "transform must be callable, as transform"),
        ],
    )
    @pytest.mark.parametrize("kind", [WindowDataset, WindowLoader])
    def test_what_is_not_known(
        self, train: tuszstore.Store, kind: Any, transform: Any, told: str
    ) -> None:
        with pytest.raises(TypeError, match=told):
            kind(train, transform=transform)

    def both(self, store: tuszstore.Store, transform: Callable[..., Any]) -> list[Any]:
        """Return the first batch of a loader and of torch's, which are equal."""
        ours = next(iter(WindowLoader(store, range(N), 4, transform=transform)))
        dataset = WindowDataset(store, transform=transform)
        theirs = next(iter(DataLoader(dataset, 4, sampler=Shuffled(N).placed())))
        assert all(map(torch.equal, ours, theirs))
        return list(ours)

    def test_left_and_right(self, train: tuszstore.Store) -> None:
        signal, _ = self.both(train, flip)
        order = Shuffled(N).epoch(0)[:4]
        plain = train.read(order)
        swapped = [generator_at(42, 0, place).random() < 0.5 for place in range(4)]
        assert 0 < sum(swapped) < 4
        a, b = train.channels.index("Fp1"), train.channels.index("Fp2")
        assert a != b
        for row, window, swap in zip(signal.numpy(), plain, swapped, strict=True):
            np.testing.assert_array_equal(row[[a, b]], window[[b, a] if swap else [a, b]])

    def test_a_label_that_changes(self, train: tuszstore.Store) -> None:
        _, label = self.both(train, lambda signal, label: (signal, label.mean()))
        assert label.shape == (4,)

    def test_a_label_that_stays(self, train: tuszstore.Store) -> None:
        signal, label = self.both(train, lambda signal, label, rng: signal[:2])
        assert (signal.shape, label.shape) == ((4, 2, 15360), (4, 15360))

    def test_changes_in_place(self, train: tuszstore.Store) -> None:
        def transform(signal: Any, label: Any, rng: Any) -> Any:
            return signal.mul_(0), label.add_(1)

        signal, label = self.both(train, transform)
        assert not signal.any()
        assert label.min() == 1

    def test_channels_of_a_batch(self, train: tuszstore.Store) -> None:
        def transform(signal: Any, channels: tuple[str, ...]) -> Any:
            return signal[..., [channels.index("Cz")], :]

        signal, _ = self.both(train, transform)
        cz = train.channels.index("Cz")
        np.testing.assert_array_equal(
            signal[:, 0].numpy(), train.read(Shuffled(N).epoch(0)[:4])[:, cz]
        )

    def test_one_item(self, train: tuszstore.Store) -> None:
        dataset = WindowDataset(train, transform=noted)
        assert dataset[5][0].tolist() == generator_at(42, 0, 5).random(3).tolist()
        assert dataset[[5, 3]][0][1].tolist() == dataset[3][0].tolist()

    def test_epochs_are_checked(self, train: tuszstore.Store) -> None:
        with pytest.raises(ValueError, match="epoch must be 0 or more"):
            WindowDataset(train).set_epoch(-1)
        with pytest.raises(ValueError, match="seed must be 0 or more"):
            WindowDataset(train, seed=-1)


def test_windows_stay_those_of_the_order(train: tuszstore.Store) -> None:
    loader = WindowLoader(train, range(N), 4, transform=noted, return_meta=True)
    assert flat(seen(loader)) == Shuffled(N).epoch(0).tolist()
