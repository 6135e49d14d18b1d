"""Windows as tensors: the dataset in torch's own loader, and which windows a training sees."""

import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tests import ROOT  # noqa: E402
from tests.store.made_stores import make_store, seal_again  # noqa: E402
from tests.torch.helpers import flat, seen  # noqa: E402
from tuszstore.errors import ConfigError  # noqa: E402
from tuszstore.sampling import (  # noqa: E402
    Balanced,
    SamplingError,
    Shuffled,
    balanced,
    pos_weight,
    seizure_ratio,
)
from tuszstore.torch import (  # noqa: E402
    LoaderConfig,
    WindowDataset,
    WindowLoader,
    training_loader,
    validation_loader,
)
from tuszstore.torch.batches import BatchReader  # noqa: E402

DataLoader = torch.utils.data.DataLoader
BatchSampler = torch.utils.data.BatchSampler


def set_categories(path: Path, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    """Change the categories of windows in a store, as if its annotations were others."""
    with zarr.config.set({"array.write_empty_chunks": True}):  # one that is not there was lost
        array = zarr.open_array(path / "windows" / "category", mode="r+")
        category = change(array[...])
        array[...] = category
        mask = zarr.open_array(path / "windows" / "category_mask", mode="r+")
        mask[...] = np.arange(3)[:, None] == category
    seal_again(path)


class TestDataset:
    def test_an_item_is_what_the_store_has(self, train: tuszstore.Store) -> None:
        dataset = WindowDataset(train)
        assert len(dataset) == len(train)
        number = int(np.flatnonzero(train.mask("partial_seizure"))[0])
        signal, label = dataset[number]
        assert (signal.shape, label.shape) == ((19, 15360), (15360,))
        assert signal.dtype == label.dtype == torch.float32
        np.testing.assert_array_equal(signal.numpy(), train.windows[number])
        seizure = train.labels[number] & train.spec.seizure_bits > 0
        np.testing.assert_array_equal(label.numpy(), seizure.astype(np.float32))
        assert 0 < label.mean() < 1
        assert label.unique().tolist() == [0, 1]

    def test_every_label_is_that_of_the_store(self, train: tuszstore.Store) -> None:
        everything = list(range(len(train)))
        bits = train.labels[:]
        seizure = bits & train.spec.seizure_bits > 0
        np.testing.assert_array_equal(WindowDataset(train)[everything][1].numpy(), seizure)
        classes = WindowDataset(train, label="classes")[everything][1]
        assert classes.dtype == torch.int32
        np.testing.assert_array_equal(classes.numpy(), bits)

    def test_unlabelled_windows_are_no_background(self, tmp_path: Path) -> None:
        store = tuszstore.open(make_store(tmp_path / "train.zarr").path)
        numbers = np.flatnonzero(store.index["category"] == -1)[[0, -1]]
        signal, label = WindowDataset(store, numbers)[[0, 1]]
        assert label.isnan().all()
        assert signal.isfinite().all()

    def test_meta(self, train: tuszstore.Store) -> None:
        numbers = [3, len(train) - 1]
        dataset = WindowDataset(train, numbers, return_meta=True)
        for place, number in enumerate(numbers):
            row = train.index.isel(window=number)
            meta = dataset[place][2]
            assert meta == {
                "window": number,
                "recording": str(train.recordings["id"].values[int(row["recording"])]),
                "start_time": float(row["start_time"]),
                "category": int(row["category"]),
            }
        assert type(meta["start_time"]) is float
        assert type(meta["window"]) is int

    def test_indices_choose_in_their_order(self, train: tuszstore.Store) -> None:
        numbers = [70, 3, 3]
        expected = train.read(numbers)
        for indices in (numbers, np.array(numbers, np.uint8), torch.tensor(numbers)):
            dataset = WindowDataset(train, indices)
            assert len(dataset) == 3
            np.testing.assert_array_equal(dataset[[0, 1, 2]][0].numpy(), expected)
        mask = train.mask("full_seizure")
        assert WindowDataset(train, mask).indices.tolist() == np.flatnonzero(mask).tolist()

    @pytest.mark.parametrize(
        ("indices", "error", "told"),
        [
            ([0, 10**6], IndexError, "window 1000000 is out of range: the store has"),
            ([3, -(10**6)], IndexError, "window -1000000 is out of range"),
            ([0.5], TypeError, "window indices must be integers, not float64"),
            (["a"], TypeError, "must be integers"),
            ([], ValueError, "no windows"),
            ([[1, 2]], IndexError, "one-dimensional"),
            ([True, False], IndexError, "a mask must have the shape"),
            (5, IndexError, "one-dimensional"),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("kind", [WindowDataset, WindowLoader])
    def test_bad_indices(
        self, train: tuszstore.Store, kind: Any, indices: Any, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            kind(train, indices)

    @pytest.mark.parametrize(
        ("item", "error", "told"),
        [
            (4, IndexError, "item 4 is out of range: the dataset has 4"),
            (-5, IndexError, "item -5 is out of range: the dataset has 4 items"),
            ([0, 9], IndexError, "item 9 is out of range"),
            (1.0, TypeError, "integers"),
            (True, TypeError, "integers"),
            ([[1]], IndexError, "one-dimensional"),
            (None, TypeError, "integers"),
            (["a"], TypeError, "integers"),
            ([True] * 5, IndexError, "a mask must have the shape"),
        ],
        ids=str,
    )
    def test_bad_items(
        self, train: tuszstore.Store, item: Any, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            WindowDataset(train, range(4))[item]

    def test_no_items(self, train: tuszstore.Store) -> None:
        signal, label = WindowDataset(train, transform=torch.neg)[[]]
        assert (signal.shape, label.shape) == ((0, 19, 15360), (0, 15360))
        assert WindowDataset(train).__getitems__([]) == []

    def test_no_such_label(self, train: tuszstore.Store) -> None:
        with pytest.raises(ValueError, match=r"label must be one of .* not 'sz'"):
            WindowDataset(train, label="sz")  # type: ignore[arg-type]

    def test_transform_takes_one_signal(self, train: tuszstore.Store) -> None:
        dataset = WindowDataset(train, transform=lambda signal: signal[:2, ::4] * 2)
        expected = train.read([5, 1])[:, :2, ::4] * 2
        np.testing.assert_array_equal(dataset[[5, 1]][0].numpy(), expected)
        np.testing.assert_array_equal(dataset[5][0].numpy(), expected[0])
        np.testing.assert_array_equal(dataset.__getitems__([5, 1])[1][0].numpy(), expected[1])

    def test_indices_of_items_are_as_of_numpy(self, train: tuszstore.Store) -> None:
        dataset = WindowDataset(train, slice(-9, None), return_meta=True)
        assert dataset.indices.tolist() == list(range(len(train) - 9, len(train)))
        for item, places in {
            "last": (-1, 8),
            "tensor": (torch.tensor(-9), 0),
            "slice": (slice(0, 4), [0, 1, 2, 3]),
            "from the end": (slice(-2, None), [7, 8]),
            "tensors": (torch.tensor([2, -1]), [2, 8]),
            "list of tensors": ([torch.tensor(5), torch.tensor(0)], [5, 0]),
            "mask": ([True] + [False] * 7 + [True], [0, 8]),
            "tensor mask": (torch.arange(9) == 3, [3]),
            "range": (range(3), [0, 1, 2]),
        }.values():
            signal, label, meta = dataset[item]
            expected = dataset.indices[places]
            assert (
                meta["window"] == expected
                if signal.ndim == 2
                else (meta["window"].tolist() == expected.tolist())
            )
            np.testing.assert_array_equal(signal.numpy(), train.read(expected))
            assert label.shape == (*signal.shape[:-2], 15360)
        assert len(dataset.__getitems__(torch.tensor([0, -1]))) == 2
        assert len(list(dataset)) == 9

    @pytest.mark.parametrize("kind", ["half", "double", "short", "bfloat16", "cfloat", "bool"])
    def test_a_transform_keeps_its_type(self, train: tuszstore.Store, kind: str) -> None:
        def transform(signal: Any) -> Any:
            return getattr(signal[:, ::8], kind)()

        dataset = WindowDataset(train, [3, 1, 2], transform)
        expected = torch.stack([transform(torch.from_numpy(x)) for x in train.read([3, 1, 2])])
        for signal in (dataset[:][0], next(iter(DataLoader(dataset, 3)))[0]):
            assert signal.dtype == expected.dtype
            assert torch.equal(signal, expected)
        assert torch.equal(dataset[0][0], expected[0])

    @pytest.mark.parametrize(
        ("transform", "check"),
        [
            (lambda x: x.numpy()[:2], lambda b, x: np.testing.assert_array_equal(b, x[:, :2])),
            (lambda x: float(x[0, 0]), lambda b, x: np.testing.assert_array_equal(b, x[:, 0, 0])),
            (
                lambda x: (x[:1], x[1:].mean()),
                lambda b, x: np.testing.assert_array_equal(b[0], x[:, :1]),
            ),
            (
                lambda x: {"raw": x, "fft": torch.fft.rfft(x)},
                lambda b, x: np.testing.assert_array_equal(b["raw"], x),
            ),
            (lambda x: x.neg_(), lambda b, x: np.testing.assert_array_equal(b, -x)),
        ],
        ids=["array", "number", "pair", "dict", "in place"],
    )
    def test_what_a_transform_returns_is_collated(
        self, train: tuszstore.Store, transform: Any, check: Any
    ) -> None:
        dataset = WindowDataset(train, [3, 1], transform, return_meta=True)
        expected = train.read([3, 1])
        for batch, label, meta in (dataset[[0, 1]], next(iter(DataLoader(dataset, 2)))):
            check(batch, expected)
            assert meta["window"].tolist() == [3, 1]
            assert len(label) == 2

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    @pytest.mark.parametrize("num_workers", [0, 1])
    def test_collate_fn_gets_what_a_transform_returns(
        self, train: tuszstore.Store, num_workers: int
    ) -> None:
        class Crop:
            def __init__(self, signal: Any) -> None:
                self.signal = signal[:, : 5 + int(signal[0, 0].abs() * 50)]

        lengths = [Crop(torch.from_numpy(x)).signal.shape[1] for x in train.read(range(4))]
        assert len(set(lengths)) > 1

        def collate(samples: list[Any]) -> Any:
            assert {type(sample[0]) for sample in samples} == {Crop}
            return [sample[0].signal.shape[1] for sample in samples]

        loader = DataLoader(
            WindowDataset(train, range(4), Crop),
            4,
            collate_fn=collate,
            num_workers=num_workers,
            multiprocessing_context="fork" if num_workers else None,
        )
        assert list(loader) == [lengths]

    def test_a_transform_that_learns(self, train: tuszstore.Store) -> None:
        gain = torch.ones(19, 1, requires_grad=True)
        signal, _ = WindowDataset(train, transform=lambda x: x * gain)[[0, 1]]
        signal.sum().backward()
        assert gain.grad is not None

    @pytest.mark.parametrize(
        "transform",
        [lambda x: x[:, : 5 + int(x[0, 0].abs() * 50)], lambda x: object()],
        ids=["ragged", "object"],
    )
    def test_what_makes_no_batch_is_told(self, train: tuszstore.Store, transform: Any) -> None:
        dataset = WindowDataset(train, range(4), transform)
        assert len([dataset[k] for k in range(4)]) == 4
        told = "the results of transform cannot be collated: .* Pass DataLoader a .*collate_fn"
        with pytest.raises(TypeError, match=f"(?s){told}"):
            dataset[:]
        with pytest.raises(TypeError, match=f"(?s){told}"):
            next(iter(DataLoader(dataset, 4)))

    def test_what_is_kept_never_changes(self, train: tuszstore.Store) -> None:
        dataset = WindowDataset(train)
        rng = np.random.default_rng(0)
        kept = []
        for k in range(40):
            numbers = rng.integers(0, len(train), rng.integers(1, 9))
            batch = dataset[numbers]
            if k % 3 == 0:
                place = int(rng.integers(len(numbers)))
                kept.append((numbers[place], batch[0][place], batch[1][place]))
        for number, signal, _ in kept:
            np.testing.assert_array_equal(signal.numpy(), train.windows[number])

    def test_threads_share_a_dataset(self, train: tuszstore.Store) -> None:
        dataset = WindowDataset(train)
        wrong: list[int] = []

        def read(seed: int) -> None:
            rng = np.random.default_rng(seed)
            for _ in range(10):
                numbers = rng.integers(0, len(train), 4)
                if not np.array_equal(dataset[numbers][0].numpy(), train.read(numbers)):
                    wrong.append(seed)

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_a_pickle_is_small(self, train: tuszstore.Store) -> None:
        dataset = WindowDataset(train, [3, 1], return_meta=True)
        expected = dataset[[0, 1]]
        pickled = pickle.dumps(dataset)
        assert len(pickled) < 5000
        assert torch.equal(pickle.loads(pickled)[[0, 1]][0], expected[0])


FORMS: dict[str, Callable[..., Any]] = {
    "batch_size": lambda d, **kw: DataLoader(d, 8, **kw),
    "batch_sampler": lambda d, **kw: DataLoader(
        d, batch_sampler=BatchSampler(range(len(d)), 8, drop_last=False), **kw
    ),
    "lists": lambda d, **kw: DataLoader(
        d, sampler=BatchSampler(range(len(d)), 8, drop_last=False), batch_size=None, **kw
    ),
    "collate": lambda d, **kw: DataLoader(d, 8, collate_fn=WindowDataset.collate, **kw),
    "subset": lambda d, **kw: DataLoader(torch.utils.data.Subset(d, range(len(d))), 8, **kw),
    "plain": lambda d, **kw: DataLoader([tuple(d[k]) for k in range(len(d))], 8, **kw),
}


class TestStockDataLoader:
    @pytest.fixture
    def dataset(self, train: tuszstore.Store) -> WindowDataset:
        return WindowDataset(train, range(40, 61), return_meta=True)

    def check(self, dataset: WindowDataset, batches: Any) -> None:
        batches = list(batches)
        assert [len(batch[0]) for batch in batches] == [8, 8, 5]
        signal = torch.cat([batch[0] for batch in batches])
        np.testing.assert_array_equal(signal.numpy(), dataset.store.windows[40:61])
        for batch in batches:
            numbers = batch[2]["window"]
            index = dataset.store.index.isel(window=numbers.numpy())
            ids = dataset.store.recordings["id"].values[index["recording"].values]
            assert list(batch[2]["recording"]) == ids.tolist()
            assert batch[2]["start_time"].dtype == torch.float64
            assert batch[2]["start_time"].tolist() == index["start_time"].values.tolist()
            assert batch[2]["category"].dtype == torch.int64
            assert batch[2]["category"].tolist() == index["category"].values.tolist()
            seizure = dataset.store.labels[numbers.numpy()] & 0x7FFF > 0
            np.testing.assert_array_equal(batch[1].numpy(), seizure)

    @pytest.mark.parametrize("form", FORMS)
    def test_all_forms_give_the_same(self, dataset: WindowDataset, form: str) -> None:
        self.check(dataset, FORMS[form](dataset))

    @pytest.mark.parametrize("use", ["sampler", "batch_sampler", "lists"])
    def test_samplers_are_those_of_torch(self, train: tuszstore.Store, use: str) -> None:
        dataset, sampler = WindowDataset(train, return_meta=True), Balanced(train.index)
        loader = {
            "sampler": lambda: DataLoader(dataset, 16, sampler=sampler),
            "batch_sampler": lambda: DataLoader(
                dataset, batch_sampler=BatchSampler(sampler, 16, drop_last=False)
            ),
            "lists": lambda: DataLoader(
                dataset, sampler=BatchSampler(sampler, 16, drop_last=False), batch_size=None
            ),
        }[use]()
        assert len(loader) == -(-len(sampler) // 16)
        for epoch in range(2):
            assert flat(seen(loader)) == sampler.epoch(epoch).tolist()
        assert flat(seen(islice(loader, 2))) == sampler.epoch(2)[:32].tolist()
        assert flat(seen(islice(loader, 2))) == sampler.epoch(3)[:32].tolist()

    @pytest.mark.parametrize("form", ["batch_size", "batch_sampler", "lists", "subset"])
    def test_a_batch_is_not_copied(
        self, dataset: WindowDataset, form: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        addresses = []
        original = BatchReader.read

        def read(*args: Any, **options: Any) -> Any:
            batch = original(*args, **options)
            addresses.append(batch.signal.data_ptr())
            return batch

        monkeypatch.setattr(BatchReader, "read", read)
        batches = [batch[0] for batch in FORMS[form](dataset)]
        assert [batch.data_ptr() for batch in batches] == addresses

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    @pytest.mark.parametrize("form", ["batch_size", "lists"])
    def test_forked_workers(self, dataset: WindowDataset, form: str) -> None:
        dataset[0]  # the parent has read before
        self.check(dataset, FORMS[form](dataset, num_workers=2, multiprocessing_context="fork"))

    @pytest.mark.slow
    @pytest.mark.parametrize("method", ["spawn", "forkserver"])
    def test_new_workers(self, dataset: WindowDataset, method: str) -> None:
        dataset[0]
        self.check(
            dataset,
            FORMS["batch_size"](dataset, num_workers=1, multiprocessing_context=method),
        )

    def test_changed_samples_are_collated_anew(self, dataset: WindowDataset) -> None:
        rows = dataset.__getitems__([0, 1, 2])
        rows[1] = (rows[1][0] * 2, *rows[1][1:])
        signal, *_ = torch.utils.data.default_collate(rows)
        assert torch.equal(signal[1], dataset[1][0] * 2)
        assert torch.equal(signal[2], dataset[2][0])
        del rows[0]
        assert torch.utils.data.default_collate(rows)[2]["window"].tolist() == [41, 42]
        single = [dataset[2], dataset[0]]
        assert WindowDataset.collate(single)[2]["window"].tolist() == [42, 40]


class TestTraining:
    def test_balanced(self, train: tuszstore.Store) -> None:
        loader = training_loader(train, {"batch_size": 16}, return_meta=True)
        assert flat(seen(loader)) == balanced(train.index).tolist()
        assert sorted(flat(seen(loader))) != sorted(balanced(train.index).tolist())
        fixed = training_loader(train, LoaderConfig(16, redraw=False), return_meta=True)
        first, second = flat(seen(fixed)), flat(seen(fixed))
        assert first != second
        assert sorted(first) == sorted(second)
        few = training_loader(train, {"batch_size": 4, "full": 0, "background": 1, "seed": 3})
        assert len(few.sampler) == 2 * np.count_nonzero(train.mask("partial_seizure"))

    def test_not_balanced(self, train: tuszstore.Store) -> None:
        config = LoaderConfig(batch_size=16, use_balanced_sampling=False, seed=1)
        loader = training_loader(train, config, return_meta=True)
        assert flat(seen(loader)) == Shuffled(len(train), 1).epoch(0).tolist()

    def test_fallback_where_the_set_cannot_be_balanced(self, own_store: Path) -> None:
        set_categories(own_store, lambda category: np.where(category == 1, 2, category))
        store = tuszstore.open(own_store)
        with pytest.warns(UserWarning, match="cannot be balanced: all windows are drawn"):
            loader = training_loader(store, {"batch_size": 16}, return_meta=True)
        assert len(loader.sampler) == len(store)
        full = store.mask("full_seizure")
        drawn = np.concatenate([loader.sampler.epoch(k) for k in range(300)])
        r = seizure_ratio(store.index, np.arange(len(store)))
        weight = pos_weight(store.index, np.arange(len(store)))
        expected = r * weight / (r * weight + 1 - r)
        assert full[drawn].mean() == pytest.approx(expected, abs=0.01)
        assert len(np.unique(drawn)) == len(store)

    def test_fallback_where_all_is_seizure(self, own_store: Path) -> None:
        set_categories(own_store, lambda category: np.full_like(category, 2))
        with pytest.warns(UserWarning, match="with a weight of 1"):
            training_loader(tuszstore.open(own_store))

    def test_no_seizure_at_all(self, own_store: Path) -> None:
        set_categories(own_store, np.zeros_like)
        store = tuszstore.open(own_store)
        with pytest.raises(SamplingError, match=r"none of \d+ windows has a seizure.*annotation"):
            training_loader(store)
        assert len(training_loader(store, {"use_balanced_sampling": False}).sampler) == len(store)

    def test_validation_is_all_windows_in_order(self, train: tuszstore.Store) -> None:
        loader = validation_loader(train, {"batch_size": 50}, return_meta=True)
        assert flat(seen(loader)) == list(range(len(train)))
        loader = validation_loader(train, {"batch_size": 1000}, rank=1, world_size=2)
        assert loader.batch_size == len(train) // 2
        assert validation_loader(train).batch_size == 64

    def test_unlabelled_windows_are_left_out(self, own_store: Path) -> None:
        def change(category: NDArray[Any]) -> NDArray[Any]:
            return np.where(np.arange(len(category)) < 30, -1, category)

        set_categories(own_store, change)
        store = tuszstore.open(own_store)
        everything = list(range(30, len(store)))
        assert flat(seen(validation_loader(store, return_meta=True))) == everything
        loader = training_loader(store, {"use_balanced_sampling": False}, return_meta=True)
        assert sorted(flat(seen(loader))) == everything
        set_categories(own_store, lambda category: np.full_like(category, -1))
        with pytest.raises(SamplingError, match=r"none of .* windows is labelled"):
            validation_loader(tuszstore.open(own_store))

    def test_an_unknown_key(self, train: tuszstore.Store) -> None:
        with pytest.raises(ConfigError, match="unknown key 'batchsize'; known are batch_size, "):
            training_loader(train, {"batchsize": 3})

    def test_keys_of_the_configuration_as_options(self, train: tuszstore.Store) -> None:
        loader = training_loader(
            train, {"batch_size": 4, "seed": 1}, batch_size=16, full=0, return_meta=True
        )
        assert loader.batch_size == 16
        assert flat(seen(loader)) == balanced(train.index, full=0, seed=1).tolist()
        assert validation_loader(train, {"batch_size": 4}, batch_size=16).batch_size == 16

    @pytest.mark.parametrize("make", [training_loader, validation_loader])
    @pytest.mark.parametrize(
        ("options", "error", "told"),
        [
            ({"num_workers": 4}, TypeError, "_loader has no option 'num_workers': reading needs"),
            ({"batchsize": 4}, TypeError, "did you mean 'batch_size'"),
            ({"config": 64}, ConfigError, "must be a LoaderConfig or a mapping, not 64: pass"),
            ({"config": [64]}, ConfigError, "must be a LoaderConfig or a mapping"),
            ({"indices": [1]}, TypeError, r"selects its windows itself: use WindowLoader\(store"),
            (
                {"shuffle": True},
                ValueError,
                "such as that of training_loader, has its own order",
            ),
            ({"batch_size": "8"}, TypeError, "batch_size must be an integer"),
        ],
        ids=str,
    )
    def test_other_options(
        self, train: tuszstore.Store, make: Any, options: Any, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            make(train, **options)

    @pytest.mark.parametrize(
        "make", [training_loader, validation_loader, WindowLoader, WindowDataset]
    )
    def test_the_path_of_a_store(self, train: tuszstore.Store, make: Any) -> None:
        for path in (train.path, str(train.path)):
            with pytest.raises(TypeError, match=r"open it first with tuszstore\.open"):
                make(path)

    def test_options_reach_the_loader(self, train: tuszstore.Store) -> None:
        loader = training_loader(train, {"batch_size": 8}, rank=1, world_size=2, drop_last=True)
        assert (loader.rank, loader.world_size) == (1, 2)


def test_without_torch() -> None:
    program = "import sys; sys.modules['torch'] = None; import tuszstore.torch"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 1
    assert result.stderr.endswith(
        "MissingExtraError: torch is missing: install tuszstore with its extra 'torch' "
        "(docs/start/install.md), or run `pip install torch`\n"
    )


def test_tuszstore_does_not_import_torch() -> None:
    program = "import sys, tuszstore, tuszstore.sampling; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert result.stdout == "False\n"


@pytest.mark.slow
def test_the_example(train: tuszstore.Store) -> None:
    script = ROOT / "examples" / "train.py"
    result = subprocess.run(
        [sys.executable, "-W", "error", script, train.path, "--steps", "6", "--batch-size", "4"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert "step   5  loss 0." in result.stdout
    assert "6 steps in" in result.stdout
