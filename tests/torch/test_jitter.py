"""Windows that are shifted within their stride."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tuszstore.sampling import Shuffled  # noqa: E402
from tuszstore.torch import WindowDataset, WindowLoader  # noqa: E402
from tuszstore.torch.jitter import Jitter  # noqa: E402

DataLoader = torch.utils.data.DataLoader


def shifts(store: Any, epoch: int, seed: int = 42) -> NDArray[np.int64]:
    """The shifts of all windows, in the order of the store."""
    numbers = np.arange(len(store))
    return Jitter(store, seed).shifts(numbers, epoch, numbers)


class TestShifts:
    def test_they_are_uniform_over_the_stride(self, train: tuszstore.Store) -> None:
        stride = train.spec.stride
        drawn = np.array([shifts(train, epoch) for epoch in range(300)])
        assert np.abs(drawn).max() < stride
        # at the end of a recording a window is taken before: the same, counted round the stride
        assert stats.kstest((drawn % stride).ravel() / stride, "uniform").pvalue > 0.001
        for window in (0, 5, len(train) - 1):
            assert stats.kstest(drawn[:, window] % stride / stride, "uniform").pvalue > 0.001
        assert len({tuple(epoch) for epoch in drawn}) == 300
        assert np.abs(np.corrcoef(drawn[:, :8], rowvar=False) - np.eye(8)).max() < 0.25

    def test_windows_stay_in_their_recordings(self, train: tuszstore.Store) -> None:
        recording, first = train.metadata.grid.find(np.arange(len(train)))
        n_samples = train.recordings["n_samples"].values[recording]
        begin = first + np.array([shifts(train, epoch) for epoch in range(100)])
        assert begin.min() >= 0
        assert (begin + train.spec.window <= n_samples).all()

    def test_the_only_window_of_a_recording(self, own_corpus: Path, tmp_path: Path) -> None:
        config = {"windows": {"length": 170, "stride": 170}}
        report = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        store = tuszstore.open(report.store)
        assert set(store.recordings["n_windows"].values.tolist()) == {1}
        room = store.recordings["n_samples"].values - store.spec.window
        drawn = np.array([shifts(store, epoch) for epoch in range(2000)])
        assert drawn.min() >= 0
        assert (drawn <= room).all()
        for column, most in zip(drawn.T, room, strict=True):
            if most > 100:
                assert stats.kstest((column + 0.5) / (most + 1), "uniform").pvalue > 0.001

    def test_seeds_differ(self, train: tuszstore.Store) -> None:
        assert shifts(train, 0).tolist() == shifts(train, 0).tolist()
        assert shifts(train, 0).tolist() != shifts(train, 0, seed=1).tolist()


def seen(loader: Any) -> dict[int, tuple[Any, float, Any]]:
    return {
        window: (signal.numpy(), start, label.numpy())
        for signals, labels, meta in loader
        for signal, label, window, start in zip(
            signals, labels, meta["window"].tolist(), meta["start_time"].tolist(), strict=True
        )
    }


class TestLoader:
    def test_signal_label_and_meta_belong_together(self, train: tuszstore.Store) -> None:
        seizure = np.flatnonzero(train.mask("partial_seizure"))[:12]
        loader = WindowLoader(train, seizure, 5, jitter=True, return_meta=True)
        nominal = train.index["start_time"].values
        moved = 0
        for window, (signal, start, label) in seen(loader).items():
            row = int(train.index["recording"][window])
            stop = start + train.spec.window_seconds
            np.testing.assert_array_equal(signal, train.read_recording(row, start, stop))
            events = train.events.isel(event=train.events["recording"].values == row)
            bits = events["bit"].values & train.spec.seizure_bits > 0
            first = round(start * train.sfreq)
            expected = np.zeros(train.spec.window, np.float32)
            for a, b in zip(
                events["first_sample"].values[bits], events["stop_sample"].values[bits], strict=True
            ):
                expected[max(a - first, 0) : max(b - first, 0)] = 1
            np.testing.assert_array_equal(label, expected)
            moved += start != nominal[window]
        assert moved == 12

    def test_the_same_on_any_ranks_and_after_a_resume(self, train: tuszstore.Store) -> None:
        options: dict[str, Any] = {"jitter": True, "return_meta": True, "seed": 1}
        whole = WindowLoader(train, range(20), 20, **options)
        expected = [{w: s for w, (_, s, _) in seen(whole).items()} for _ in range(2)]
        assert expected[0] != expected[1]
        first = WindowLoader(train, range(20), 8, **options)
        found = {w: s for w, (_, s, _) in seen([next(iter(first))]).items()}
        for rank in range(3):
            loader = WindowLoader(train, range(20), 2, rank=rank, world_size=3, **options)
            loader.load_state_dict(first.state_dict())
            found |= {w: s for w, (_, s, _) in seen(loader).items()}
        assert found == expected[0]

    def test_a_state_with_other_jitter(self, train: tuszstore.Store) -> None:
        state = WindowLoader(train, range(20), 4, jitter=True).state_dict()
        with pytest.raises(ValueError, match="its jitter is True, but this loader's is False"):
            WindowLoader(train, range(20), 4).load_state_dict(state)

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_the_dataset(self, train: tuszstore.Store) -> None:
        expected = seen(WindowLoader(train, range(20), 20, jitter=True, return_meta=True))
        dataset = WindowDataset(train, jitter=True, return_meta=True)
        loader = DataLoader(
            dataset,
            8,
            sampler=Shuffled(20).placed(),
            num_workers=1,
            multiprocessing_context="fork",
        )
        found = seen(loader)
        assert found.keys() == expected.keys()
        for window, (signal, start, label) in found.items():
            assert start == expected[window][1]
            np.testing.assert_array_equal(signal, expected[window][0])
            np.testing.assert_array_equal(label, expected[window][2])

    def test_views_and_stores_in_a_row(self, train: tuszstore.Store) -> None:
        view = train.view(channels=["Fp1-F7", "C3"], length=20, stride=7)
        loader = WindowLoader(view, range(0, len(view), 9), 4, jitter=True, return_meta=True)
        for window, (signal, start, _) in seen(loader).items():
            row = int(view.index["recording"][window])
            np.testing.assert_array_equal(signal, view.read_recording(row, start, start + 20))
        other = train.view(channels=["Fp1-F7", "C3"], length=20, stride=20)
        both = tuszstore.concat({"a": view, "b": other})
        drawn = np.abs(np.array([shifts(both, epoch) for epoch in range(20)]))
        assert drawn[:, : len(view)].max() < 7 * 256
        assert 12 * 256 < drawn[:, len(view) :].max() < 20 * 256
        loader = WindowLoader(
            both, range(len(both) - 8, len(both)), 4, jitter=True, return_meta=True
        )
        for window, (signal, start, _) in seen(loader).items():
            row = int(both.index["recording"][window])
            np.testing.assert_array_equal(signal, both.read_recording(row, start, start + 20))

    def test_windows_that_lie_one_by_one(self, own_corpus: Path, tmp_path: Path) -> None:
        config = {"windows": {"overlap": "duplicate"}}
        report = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        store = tuszstore.open(report.store)
        for kind in (WindowLoader, WindowDataset):
            with pytest.raises(ValueError, match=r"overlap: duplicate.*cannot be shifted"):
                kind(store, jitter=True, **({"batch_size": 4} if kind is WindowLoader else {}))
