"""The loader of whole batches: orders, ranks, states, errors, threads, memory and devices."""

import gc
import json
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tests import name_of  # noqa: E402
from tests.torch.helpers import flat, prefetch_threads, seen, wait_for  # noqa: E402
from tuszstore.errors import StoreError  # noqa: E402
from tuszstore.read.targets import Target  # noqa: E402
from tuszstore.sampling import Sampler, Sequential, Shuffled  # noqa: E402
from tuszstore.torch import (  # noqa: E402
    WindowDataset,
    WindowLoader,
    training_loader,
    validation_loader,
)
from tuszstore.torch.batches import BatchReader  # noqa: E402
from tuszstore.torch.transfer import OnDevice  # noqa: E402

DataLoader = torch.utils.data.DataLoader


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    if prefetch_threads():
        gc.collect()
    assert wait_for(lambda: not prefetch_threads())


class TestLoader:
    def test_batches(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(train, batch_size=50)
        order = Shuffled(len(train), 42).epoch(0)
        batches = list(loader)
        assert len(loader) == len(batches) == 4
        assert [len(signal) for signal, _ in batches] == [50, 50, 50, len(train) - 150]
        for k, (signal, label) in enumerate(batches):
            numbers = order[50 * k : 50 * (k + 1)]
            np.testing.assert_array_equal(signal.numpy(), train.read(numbers))
            assert torch.equal(label, WindowDataset(train)[numbers][1])

    def test_kinds_of_order(self, train: tuszstore.Store) -> None:
        everything = list(range(len(train)))
        make = {
            "shuffled": WindowLoader(train, shuffle=True, return_meta=True),
            "in order": WindowLoader(train, shuffle=False, return_meta=True),
            "blocks": WindowLoader(train, shuffle="block", return_meta=True),
            "sampler": WindowLoader(train, Shuffled(len(train), 1), return_meta=True),
            "another seed": WindowLoader(train, seed=1, return_meta=True),
        }
        orders = {name: flat(seen(loader)) for name, loader in make.items()}
        for order in orders.values():
            assert sorted(order) == everything
        assert orders["in order"] == everything
        assert orders["sampler"] == orders["another seed"] != orders["shuffled"]
        blocks = np.sort(orders["blocks"][:32])
        assert np.count_nonzero(np.diff(blocks) > 1) <= 4

    def test_order_depends_on_seed_and_epoch_only(self, train: tuszstore.Store) -> None:
        expected = Shuffled(len(train), 7).epoch(3).tolist()
        for batch_size, world_size, prefetch in [(16, 1, 2), (33, 1, 0), (8, 3, 1)]:
            loaders = [
                WindowLoader(
                    train,
                    batch_size=batch_size,
                    seed=7,
                    rank=rank,
                    world_size=world_size,
                    prefetch=prefetch,
                    return_meta=True,
                )
                for rank in range(world_size)
            ]
            for loader in loaders:
                loader.set_epoch(3)
            steps = zip(*map(seen, loaders), strict=True)
            assert flat([numbers for step in steps for numbers in step]) == expected

    def test_epochs_follow_each_other(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(train, range(20), 8, return_meta=True)
        epochs = [flat(seen(loader)) for _ in range(3)]
        assert epochs == [Shuffled(20, 42).epoch(k).tolist() for k in range(3)]
        assert loader.epoch == 3
        loader.set_epoch(1)
        assert flat(seen(loader)) == epochs[1]

    def break_by_count(self, loader: WindowLoader) -> list[list[int]]:
        batches = []
        for k, batch in enumerate(loader, 1):
            batches.append(batch)
            if k == 2:
                break
        return seen(batches)

    def raise_in_the_body(self, loader: WindowLoader) -> list[list[int]]:
        batches = []
        with suppress(RuntimeError):
            for batch in loader:
                batches.append(batch)
                if len(batches) == 2:
                    raise RuntimeError
        return seen(batches)

    def drop_a_generator(self, loader: WindowLoader) -> list[list[int]]:
        generator = (batch for batch in loader)
        batches = [next(generator), next(generator)]
        del generator
        return seen(batches)

    def keep_the_iterator(self, loader: WindowLoader) -> list[list[int]]:
        loader.held = [*getattr(loader, "held", []), iter(loader)]  # type: ignore[attr-defined]
        return seen([next(loader.held[-1]), next(loader.held[-1])])  # type: ignore[attr-defined]

    @pytest.mark.parametrize("prefetch", [0, 2])
    @pytest.mark.parametrize(
        "take_two",
        [
            break_by_count,
            raise_in_the_body,
            drop_a_generator,
            keep_the_iterator,
            lambda _, loader: seen(batch for batch, _ in zip(loader, range(2), strict=False)),
            lambda _, loader: seen(batch for _, batch in zip(range(2), loader, strict=False)),
            lambda _, loader: seen(islice(loader, 2)),
        ],
        ids=["break", "error", "generator", "kept", "zip", "zip after", "islice"],
    )
    def test_an_epoch_that_is_broken_off_is_over(
        self, train: tuszstore.Store, take_two: Any, prefetch: int
    ) -> None:
        loader = WindowLoader(train, range(40), 8, return_meta=True, prefetch=prefetch)
        for epoch in range(4):
            expected = Shuffled(40, 42).epoch(epoch)[:16].tolist()
            assert flat(take_two(self, loader)) == expected
        # and one that is counted to its end, so that nobody asks for more
        last = zip(range(len(loader)), loader, strict=False)
        assert flat(seen(batch for _, batch in last)) == Shuffled(40, 42).epoch(4).tolist()
        assert flat(seen(loader)) == Shuffled(40, 42).epoch(5).tolist()

    def test_broken_off_epochs_of_a_training(self, train: tuszstore.Store) -> None:
        loader = training_loader(train, batch_size=8, return_meta=True)
        rounds = [flat(seen(islice(loader, 2))) for _ in range(5)]
        assert rounds == [loader.sampler.epoch(k)[:16].tolist() for k in range(5)]
        assert len({*flat(rounds)}) > 40

    def test_an_iterator_that_is_not_used_costs_no_epoch(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(train, range(40), 8, return_meta=True)
        first, second = iter(loader), iter(loader)
        loader.set_epoch(3)  # Lightning makes its iterator before
        assert flat(seen(first)) == Shuffled(40, 42).epoch(3).tolist()
        assert flat(seen(second)) == Shuffled(40, 42).epoch(4).tolist()

    def test_two_iterators_at_once_are_two_epochs(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(train, range(40), 8, return_meta=True)
        a, b = zip(*zip(loader, loader, strict=True), strict=True)
        assert flat(seen(a)) == Shuffled(40, 42).epoch(0).tolist()
        assert flat(seen(b)) == Shuffled(40, 42).epoch(1).tolist()
        assert loader.epoch == 2

    def test_batch_sampler_shows_the_next_epoch(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(train, range(40), 12, return_meta=True, rank=1, world_size=2)
        batches = list(loader.batch_sampler)
        assert list(loader.batch_sampler) == batches == seen(loader)
        assert list(loader.batch_sampler) != batches
        assert len(loader.batch_sampler) == len(loader) == len(batches)
        assert (loader.batch_sampler.batch_size, loader.batch_sampler.drop_last) == (12, False)
        loader.batch_sampler.sampler.set_epoch(0)
        assert seen(loader) == batches

    @pytest.mark.parametrize("prefetch", [0, 1, 4])
    def test_batches_that_are_kept_never_change(
        self, train: tuszstore.Store, prefetch: int
    ) -> None:
        loader = WindowLoader(train, batch_size=8, prefetch=prefetch, return_meta=True)
        kept = [batch for k, batch in enumerate(loader) if k % 3 == 0]
        kept += [batch for k, batch in enumerate(loader) if k % 5 == 0]
        for signal, _, meta in kept:
            np.testing.assert_array_equal(signal.numpy(), train.read(meta["window"].numpy()))

    def test_transform_takes_a_batch_in_the_consumers_thread(self, train: tuszstore.Store) -> None:
        threads = []

        def transform(signal: Any) -> Any:
            threads.append(threading.current_thread())
            return signal.mean(1)

        loader = WindowLoader(train, range(20), 8, shuffle=False, transform=transform)
        signal = torch.cat([batch[0] for batch in loader])
        np.testing.assert_allclose(signal.numpy(), train.windows[:20].mean(1), atol=1e-5)
        assert set(threads) == {threading.current_thread()}

    def test_label_and_pinning(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(
            train, shuffle=False, label="classes", pin_memory=True, return_meta=True
        )
        signal, label, meta = next(iter(loader))
        np.testing.assert_array_equal(label.numpy(), train.labels[:64])
        assert signal.is_pinned() == torch.cuda.is_available()
        assert len(meta["recording"]) == 64

    def test_it_says_what_it_is(self, train: tuszstore.Store) -> None:
        assert repr(WindowLoader(train, range(20), 4, rank=1, world_size=2)) == (
            "<WindowLoader: 3 batches of 4, rank 1 of 2, <Shuffled: 20 windows per epoch, seed 42>>"
        )

    @pytest.mark.parametrize(
        ("options", "error", "told"),
        [
            (
                {"indices": range(5)},
                ValueError,
                "batch_size is 64, but there are only 5 windows: lower",
            ),
            (
                {"indices": range(90), "rank": 0, "world_size": 3},
                ValueError,
                "batch_size is 64 on each of 3 ranks, but there are only 90 windows",
            ),
            (
                {"indices": range(2), "batch_size": 1, "rank": 0, "world_size": 3},
                ValueError,
                "use fewer ranks",
            ),
            (
                {"indices": range(7), "batch_size": 1, "rank": 0, "world_size": 3},
                ValueError,
                "cannot be sharded evenly across 3 ranks: use pad=True, drop_last=True or larger",
            ),
            ({"batch_size": 0}, ValueError, "batch_size must be 1 or more, not 0"),
            ({"batch_size": 2.0}, TypeError, "batch_size must be an integer"),
            ({"prefetch": -1}, ValueError, "prefetch must be 0 or more"),
            ({"seed": "x"}, TypeError, "seed must be an integer"),
            ({"seed": -1}, ValueError, "seed must be 0 or more"),
            ({"shuffle": "blocks"}, ValueError, "shuffle must be True, False or 'block'"),
            ({"indices": Sequential(99), "shuffle": True}, ValueError, "has its own order"),
            ({"indices": Sequential(99), "seed": 1}, ValueError, "has its own order and seed"),
            ({"rank": 1}, ValueError, "must be given together"),
            ({"rank": 2, "world_size": 2}, ValueError, "rank 2 is out of range: there are 2"),
            ({"drop_last": True, "pad": True}, ValueError, "choose one"),
            ({"num_workers": 4}, TypeError, "no option 'num_workers': reading needs no worker"),
            ({"prefetch_factor": 2}, TypeError, "prefetch=N reads N batches ahead"),
            ({"sampler": Sequential(9)}, TypeError, r"WindowLoader\(store, sampler\)"),
            ({"collate_fn": list}, TypeError, "collation is not needed: use transform="),
            ({"batchsize": 4}, TypeError, "no option 'batchsize': did you mean 'batch_size'"),
            ({"xyz": 4}, TypeError, "no option 'xyz': known are batch_size, device, drop_last, "),
            ({"indices": 64}, IndexError, r"not the number 64: use \[64\]"),
            (
                {"indices": torch.utils.data.SequentialSampler(range(9))},
                TypeError,
                "SequentialSampler is a sampler of torch, which works with torch's loader",
            ),
            ({"label": "bits"}, ValueError, "label must be"),
        ],
        ids=name_of,
    )
    def test_bad_parameters(
        self,
        train: tuszstore.Store,
        options: dict[str, Any],
        error: type[Exception],
        told: str,
    ) -> None:
        with pytest.raises(error, match=told):
            WindowLoader(train, **options)

    def test_a_sampler_of_another_store(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(train, Sequential(10_000))
        with pytest.raises(IndexError, match=f"out of range: the store has {len(train)}"):
            iter(loader)

    def test_a_sampler_that_miscounts(self, train: tuszstore.Store) -> None:
        class Wrong(Sampler):
            def epoch(self, number: int) -> NDArray[np.int64]:
                return np.arange(90)

            def __len__(self) -> int:
                return 91

        with pytest.raises(ValueError, match=r"epoch 0 of .* has 90 windows, but its length is 91"):
            iter(WindowLoader(train, Wrong()))


class TestRanks:
    @settings(max_examples=20, deadline=None)
    @given(
        n=st.integers(12, 60),
        batch_size=st.integers(2, 6),
        world_size=st.integers(1, 3),
        rest=st.sampled_from(["exact", "pad", "drop"]),
        shuffle=st.sampled_from([True, False, "block"]),
    )
    def test_all_see_what_they_should(
        self,
        train: tuszstore.Store,
        n: int,
        batch_size: int,
        world_size: int,
        rest: str,
        shuffle: Any,
    ) -> None:
        n = max(n, batch_size * world_size)
        loaders = [
            WindowLoader(
                train,
                range(50, 50 + n),
                batch_size,
                shuffle=shuffle,
                rank=rank,
                world_size=world_size,
                drop_last=rest == "drop",
                pad=rest == "pad",
                return_meta=True,
            )
            for rank in range(world_size)
        ]
        ranks = [seen(loader) for loader in loaders]
        assert {len(batches) for batches in ranks} == {len(loaders[0])}
        numbers = flat([flat(batches) for batches in ranks])
        if rest == "exact":
            assert sorted(numbers) == list(range(50, 50 + n))
        elif rest == "pad":
            assert set(numbers) == set(range(50, 50 + n))
            assert len({len(flat(batches)) for batches in ranks}) == 1
        else:
            assert len(set(numbers)) == len(numbers)
            assert {len(batch) for batches in ranks for batch in batches} == {batch_size}

    def test_torch_distributed_is_asked(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: 1)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
        loader = WindowLoader(train)
        assert (loader.rank, loader.world_size) == (1, 2)
        loader = WindowLoader(train, rank=0, world_size=1)
        assert (loader.rank, loader.world_size) == (0, 1)
        assert validation_loader(train, {"batch_size": 100}).batch_size == len(train) // 2

    def rank_of(self, monkeypatch: pytest.MonkeyPatch, rank: int, world_size: int) -> None:
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
        monkeypatch.setattr(torch.distributed, "get_world_size", lambda: world_size)

    def test_ranks_are_found_when_an_epoch_begins(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loader = WindowLoader(train, range(40), 8, return_meta=True)
        validation = validation_loader(train, batch_size=len(train))
        assert (len(loader), validation.batch_size) == (5, len(train))
        batches: list[list[list[int]]] = []
        for rank in range(2):
            self.rank_of(monkeypatch, rank, 2)
            loader.set_epoch(0)
            batches.append(seen(loader))
            assert (loader.rank, len(loader), len(batches[-1])) == (rank, 3, 3)
        assert flat([b for step in zip(*batches, strict=True) for b in step]) == (
            Shuffled(40, 42).epoch(0).tolist()
        )
        assert (len(validation), validation.batch_size) == (1, len(train) // 2)

    def test_an_epoch_under_way_keeps_its_ranks(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loader = WindowLoader(train, range(40), 8, return_meta=True)
        iterator = iter(loader)
        first = seen([next(iterator)])
        self.rank_of(monkeypatch, 1, 2)
        assert flat(first + seen(iterator)) == Shuffled(40, 42).epoch(0).tolist()

    def test_the_environment_of_torchrun(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loader = WindowLoader(train, range(40), 8, return_meta=True)
        monkeypatch.setenv("RANK", "1")
        monkeypatch.setenv("WORLD_SIZE", "2")
        assert (loader.rank, loader.world_size) == (1, 2)
        assert len(flat(seen(loader))) == 20
        self.rank_of(monkeypatch, 2, 3)  # the process group knows better
        assert (loader.rank, loader.world_size) == (2, 3)
        given = WindowLoader(train, rank=0, world_size=1)
        assert (given.rank, given.world_size) == (0, 1)
        monkeypatch.undo()
        monkeypatch.setenv("WORLD_SIZE", "1")
        assert (loader.rank, loader.world_size) == (0, 1)

    @pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("x", "2"), ("-1", "2"), ("0", "0")])
    def test_a_strange_environment(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch, rank: str, size: str
    ) -> None:
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", size)
        with pytest.raises(ValueError, match=f"RANK='{rank}' and WORLD_SIZE='{size}'"):
            WindowLoader(train)
        assert len(WindowLoader(train, rank=0, world_size=1)) > 0

    def test_other_processes_without_a_rank(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WORLD_SIZE", "4")
        monkeypatch.delenv("RANK", raising=False)
        loader = WindowLoader(train, range(40), 8)
        with pytest.warns(UserWarning, match=r"WORLD_SIZE is 4, .*reads the windows of all ranks"):
            next(iter(loader))
        next(iter(WindowLoader(train, range(40), 8, rank=0, world_size=1)))

    def test_a_state_before_the_process_group(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = WindowLoader(train, range(40), 8, return_meta=True, rank=1, world_size=2)
        expected = seen(whole)
        left = WindowLoader(train, range(40), 8, rank=1, world_size=2)
        next(iter(left))
        loader = WindowLoader(train, range(40), 8, return_meta=True)
        loader.load_state_dict(left.state_dict())
        self.rank_of(monkeypatch, 1, 2)
        assert seen(loader) == expected[1:]

    @pytest.mark.slow
    def test_processes_that_meet_after_the_loader_was_made(
        self, train: tuszstore.Store, tmp_path: Path
    ) -> None:
        program = (
            "import sys, torch.distributed as dist, tuszstore\n"
            "from tuszstore.torch import WindowLoader\n"
            "path, meeting, rank = sys.argv[1:]\n"
            "loader = WindowLoader(tuszstore.open(path), batch_size=16, return_meta=True)\n"
            "dist.init_process_group('gloo', f'file://{meeting}', rank=int(rank), world_size=2)\n"
            "print(*(n for batch in loader for n in batch[2]['window'].tolist()))\n"
            "dist.barrier()\n"
            "dist.destroy_process_group()\n"
        )
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", program, str(train.path), str(tmp_path / "meeting"), rank],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in "01"
        ]
        told = [process.communicate(timeout=200) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], told
        first, second = ({*map(int, out.split())} for out, _ in told)
        assert not first & second
        assert first | second == {*range(len(train))}

    def test_a_pickle_goes_on(self, train: tuszstore.Store) -> None:
        loader = WindowLoader(train, range(40), 8, return_meta=True)
        next(iter(loader))
        again = pickle.loads(pickle.dumps(loader))
        assert seen(again) == seen(loader)


class TestState:
    def loader(self, store: tuszstore.Store, **options: Any) -> WindowLoader:
        given = {"indices": range(0, len(store), 4), "batch_size": 8, "return_meta": True}
        return WindowLoader(store, **(given | options))

    @pytest.mark.parametrize("world_size", [1, 3])
    def test_resume_at_every_batch(self, train: tuszstore.Store, world_size: int) -> None:
        for rank in range(world_size):
            ranks = {"rank": rank, "world_size": world_size}
            whole = self.loader(train, **ranks)
            expected = [seen(whole), seen(whole)]
            whole_parts = [
                [*self.loader(train, rank=r, world_size=world_size).batch_sampler]
                for r in range(world_size)
            ]
            for k in range(len(whole) + 1):
                left = self.loader(train, **ranks)
                iterator = iter(left)
                assert seen(next(iterator) for _ in range(k)) == expected[0][:k]
                state = json.loads(json.dumps(left.state_dict()))
                left_over = len(range(0, len(train), 4)) - state["delivered"]
                assert state["epoch"] == 0
                assert left_over == sum(len(batch) for r in whole_parts for batch in r[k:])
                del iterator
                again = self.loader(train, **ranks)
                again.load_state_dict(state)
                assert again.state_dict() == state
                again.set_epoch(0)  # as a loop over epochs does
                assert seen(again) == expected[0][k:]
                assert seen(again) == expected[1]

    def test_the_end_of_an_epoch_is_the_start_of_the_next(self, train: tuszstore.Store) -> None:
        loader = self.loader(train)
        seen(loader)
        state = loader.state_dict()
        assert (state["epoch"], state["delivered"]) == (1, 0)
        again = self.loader(train)
        again.load_state_dict(state)
        assert seen(again) == seen(loader)

    def test_resume_of_a_loop_without_set_epoch(self, train: tuszstore.Store) -> None:
        whole = self.loader(train)
        expected = [seen(whole) for _ in range(3)]
        for k in range(len(whole) + 1):
            left = self.loader(train)
            iterator = iter(left)
            for _ in range(k):
                next(iterator)
            again = self.loader(train)
            again.load_state_dict(left.state_dict())
            assert again.state_dict() == left.state_dict()
            # after the last batch comes the next epoch, not an empty one
            rest = [expected[0][k:], *expected[1:]] if k < len(whole) else expected[1:]
            assert again.epoch == 3 - len(rest)
            assert [seen(again) for _ in rest] == rest

    def test_resume_where_epochs_end_early(self, train: tuszstore.Store) -> None:
        def run(loader: WindowLoader, epochs: range) -> Iterator[list[list[int]]]:
            for epoch in epochs:
                loader.set_epoch(epoch)
                yield seen(islice(loader, 2))

        expected = list(run(self.loader(train), range(5)))
        for stop in range(1, 5):
            loader, again = self.loader(train), self.loader(train)
            assert list(run(loader, range(stop))) == expected[:stop]
            again.load_state_dict(loader.state_dict())
            assert list(run(again, range(stop, 5))) == expected[stop:]

    def test_a_state_of_an_interrupted_epoch_has_the_rest(self, train: tuszstore.Store) -> None:
        expected = seen(self.loader(train))
        loader = self.loader(train)
        with suppress(KeyboardInterrupt):
            for k, _ in enumerate(loader, 1):
                if k == 4:
                    raise KeyboardInterrupt
        again = self.loader(train)
        again.load_state_dict(loader.state_dict())
        assert seen(again) == expected[4:]
        assert seen(again) == seen(loader)  # both go on with the next epoch

    def test_another_epoch_than_that_of_the_state(self, train: tuszstore.Store) -> None:
        loader = self.loader(train)
        next(iter(loader))
        again = self.loader(train)
        again.load_state_dict(loader.state_dict())
        again.set_epoch(5)
        loader.set_epoch(5)
        assert seen(again) == seen(loader)
        assert len(seen(again)) == len(again)

    def test_a_state_goes_with_every_rank(self, train: tuszstore.Store) -> None:
        states = []
        for rank in range(2):
            loader = self.loader(train, rank=rank, world_size=2)
            next(iter(loader))
            states.append(loader.state_dict())
        assert states[0] == states[1]

    def test_the_shape_of_a_state(self, train: tuszstore.Store) -> None:
        state = self.loader(train).state_dict()
        assert state.pop("version") == 2
        assert {len(state.pop(name)) for name in ("store", "order")} == {32}
        assert state.pop("channels") == list(train.channels)
        assert state == {
            "epoch": 0,
            "delivered": 0,
            "units": "1",
            "length": 15360,
            "stride": 2560,
            "rater": "any",
            "label": "seizure",
            "jitter": False,
            "windows": 42,
            "seed": 42,
            "batch_size": None,
            "drop_last": False,
            "pad": False,
            "sampler": "<Shuffled: 42 windows per epoch, seed 42>",
            "sampler_seed": 42,
        }

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"seed": 1}, "its seed is 42, but this loader's is 1"),
            ({"label": "classes"}, "its label is 'seizure', but this loader's is 'classes'$"),
            ({"drop_last": True}, "its drop_last is False"),
            ({"indices": range(30)}, "its windows is 42"),
            ({"indices": range(1, 43)}, "its order is"),
            (
                {"shuffle": False},
                "its sampler is <Shuffled: 42 windows per epoch, seed 42>, but .*<Sequential: 42 ",
            ),
        ],
        ids=name_of,
    )
    def test_of_other_batches(
        self, train: tuszstore.Store, options: dict[str, Any], told: str
    ) -> None:
        state = self.loader(train).state_dict()
        other = self.loader(train, **options)
        with pytest.raises(ValueError, match="the state belongs to other batches: " + told):
            other.load_state_dict(state)

    def test_of_another_sampler(self, train: tuszstore.Store) -> None:
        state = training_loader(train, batch_size=4, seed=42).state_dict()
        other = training_loader(train, batch_size=4, seed=7)
        with pytest.raises(ValueError, match=r"its seed is 42, but this loader's is 7$"):
            other.load_state_dict(state)
        for name in ("sampler", "sampler_seed"):  # as older versions wrote it
            state.pop(name)
        with pytest.raises(ValueError, match="its order is of other windows, or drawn in anoth"):
            other.load_state_dict(state)
        same = training_loader(train, batch_size=4, seed=42)
        same.load_state_dict(state)
        assert same.state_dict()["delivered"] == 0

    def test_of_another_store(
        self, train: tuszstore.Store, own_corpus: Path, tmp_path: Path
    ) -> None:
        report = tuszstore.build(split="train", data=own_corpus, store=tmp_path, workers=0)
        other = self.loader(tuszstore.open(report.store), indices=range(20))
        with pytest.raises(
            ValueError, match=f"its store is .*, or another build, than .*{tmp_path}"
        ):
            other.load_state_dict(self.loader(train, indices=range(20)).state_dict())

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"version": 1}, "it has version 1"),
            ({"delivered": 99}, "99 delivered windows of an epoch, more than 42"),
            ({"delivered": -1}, "delivered must be 0 or more"),
            ({"epoch": None}, "epoch must be an integer"),
        ],
        ids=name_of,
    )
    def test_broken(self, train: tuszstore.Store, change: dict[str, Any], told: str) -> None:
        loader = self.loader(train)
        with pytest.raises((ValueError, TypeError), match=told):
            loader.load_state_dict(loader.state_dict() | change)
        with pytest.raises(ValueError, match=r"not a state .*: it lacks delivered, epoch, version"):
            loader.load_state_dict({})
        with pytest.raises(TypeError, match="not a state of a WindowLoader, but list"):
            loader.load_state_dict([])  # type: ignore[arg-type]


class TestLife:
    def test_nothing_is_left_of_a_loader_dropped_in_an_epoch(self, train: tuszstore.Store) -> None:
        for _ in WindowLoader(train, batch_size=8):
            break
        before = len(os.listdir("/proc/self/fd")), len(threading.enumerate())
        for prefetch in (0, 1, 3):
            for _ in WindowLoader(train, batch_size=8, prefetch=prefetch):
                break
            iterator = iter(WindowLoader(train, batch_size=8, prefetch=prefetch))
            next(iterator)
            del iterator
            iter(WindowLoader(train, batch_size=8, prefetch=prefetch))  # never asked for a batch
            assert (len(os.listdir("/proc/self/fd")), len(threading.enumerate())) == before

    def test_an_error_of_the_consumer_ends_it(self, train: tuszstore.Store) -> None:
        def consume() -> None:
            for _ in WindowLoader(train, batch_size=8):
                raise RuntimeError("out of memory")

        with pytest.raises(RuntimeError, match="out of memory"):
            consume()
        assert not prefetch_threads()

    def test_an_error_of_the_transform_ends_it(self, train: tuszstore.Store) -> None:
        def transform(signal: Any) -> Any:
            raise RuntimeError("no such filter")

        loader = WindowLoader(train, batch_size=8, transform=transform)
        iterator = iter(loader)
        with pytest.raises(RuntimeError, match="no such filter"):
            next(iterator)
        assert not prefetch_threads()
        assert list(iterator) == []
        assert (loader.state_dict()["epoch"], loader.state_dict()["delivered"]) == (0, 0)

    @pytest.mark.parametrize("prefetch", [0, 2])
    def test_a_damaged_block_is_told_where_it_would_have_come(
        self, own_store: Path, prefetch: int
    ) -> None:
        store = tuszstore.open(own_store)
        id_ = store.recordings["id"].values[-1]
        last = int(store.recordings["first_block"][-1]) // 64
        (own_store / "signal" / "c" / str(last) / "0" / "0").unlink()
        loader = WindowLoader(store, batch_size=8, shuffle=False, prefetch=prefetch)
        iterator = iter(loader)
        with pytest.raises(StoreError, match=f"{id_}, .* file is missing"):
            for _ in iterator:
                pass
        position = loader.state_dict()
        assert position["epoch"] == 0
        assert len(loader) - 3 <= position["delivered"] / 8 < len(loader)
        assert list(iterator) == []
        assert loader.state_dict() == position

    @pytest.mark.slow
    def test_memory_does_not_grow(self, train: tuszstore.Store) -> None:
        def resident() -> int:
            gc.collect()
            return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        dataset = WindowDataset(train)
        loader = WindowLoader(train, batch_size=16)
        sizes = []
        for _ in range(10):
            for _ in loader:
                pass
            for _ in DataLoader(dataset, 16, shuffle=True):
                pass
            sizes.append(resident())
        # a batch is 19 MB; one that is lost in each epoch would make 130 MB, and pieces between
        # the objects of other tests make up to 60
        assert sizes[-1] - sizes[2] < 90e6

    def test_no_cycle_keeps_an_epoch(self, train: tuszstore.Store) -> None:
        """Batches are freed when they are dropped, not when the collector comes by."""
        gc.collect()
        gc.disable()
        try:
            iterator = iter(WindowLoader(train, range(40), 8))
            batches = [weakref.ref(batch[0].untyped_storage()) for batch in iterator]
            assert not prefetch_threads()
            gone = weakref.ref(iterator)
            del iterator
            assert gone() is None
            assert [batch() for batch in batches] == [None] * 5
        finally:
            gc.enable()

    @pytest.mark.slow
    def test_the_interpreter_ends_in_an_epoch(self, train: tuszstore.Store) -> None:
        program = (
            "import sys, tuszstore\n"
            "from tuszstore.torch import WindowLoader\n"
            "iterator = iter(WindowLoader(tuszstore.open(sys.argv[1]), batch_size=8))\n"
            "batch = next(iterator)\n"
            "print(len(batch[0]))"
        )
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", program, train.path],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (result.returncode, result.stdout, result.stderr) == (0, "8\n", "")


class TestDevice:
    def staged(self, store: tuszstore.Store, **options: Any) -> WindowLoader:
        """A loader that takes the way of a GPU, to the CPU."""
        loader = WindowLoader(store, batch_size=32, return_meta=True, **options)
        reader = BatchReader(store, Target.of(), return_meta=True)
        loader._transfer = OnDevice(reader, torch.device("cpu"))
        return loader

    def check(self, store: tuszstore.Store, loader: WindowLoader) -> None:
        plain = WindowLoader(store, batch_size=32, return_meta=True)
        for a, b in zip(plain, loader, strict=True):
            assert torch.equal(a[0], b[0].cpu())
            assert torch.equal(a[1], b[1].cpu())
            assert a[2]["recording"] == b[2]["recording"]
            assert b[0].dtype == b[1].dtype == torch.float32

    def test_scaling_there_gives_the_same_bits(self, train: tuszstore.Store) -> None:
        self.check(train, self.staged(train))

    @pytest.mark.parametrize(
        "storage", [{"dtype": "float32"}, {"scale": 0.0007}], ids=["float32", "odd scale"]
    )
    def test_of_other_stores(self, own_corpus: Path, tmp_path: Path, storage: Any) -> None:
        config = {"storage": storage}
        report = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        store = tuszstore.open(report.store)
        self.check(store, self.staged(store))

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param({"channels": "double_banana"}, id="z-scores of differences"),
            pytest.param({"channels": "tcp_a", "units": "uV"}, id="µV"),
            pytest.param({"channels": ["Cz", "O1"]}, id="electrodes"),
            pytest.param(
                {"channels": ["C3-avg", "Fz", "O1-avg", "F7-T3"], "units": "uV"}, id="average"
            ),
            pytest.param(
                {"channels": "double_banana", "length": 7.5, "stride": 20}, id="other windows"
            ),
        ],
    )
    def test_rows_made_there_have_the_same_bits(self, train: tuszstore.Store, options: Any) -> None:
        view = train.view(**options)
        self.check(view, self.staged(view))

    def test_rows_of_a_store_of_float32(self, own_corpus: Path, tmp_path: Path) -> None:
        config = {"storage": {"dtype": "float32"}}
        report = tuszstore.build(config, split="train", data=own_corpus, store=tmp_path, workers=0)
        view = tuszstore.open(report.store).view("tcp_a")
        self.check(view, self.staged(view))

    def test_without_a_gpu_the_same_code_runs(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.warns(UserWarning, match="no GPU for device='cuda:1': batches are on the CPU"):
            loader = WindowLoader(train, batch_size=32, device="cuda:1", return_meta=True)
        assert loader.device == torch.device("cpu")
        self.check(train, loader)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
    @pytest.mark.parametrize("prefetch", [0, 3])
    def test_on_a_gpu(self, train: tuszstore.Store, prefetch: int) -> None:
        def loader() -> WindowLoader:
            return WindowLoader(
                train, batch_size=32, return_meta=True, device="cuda", prefetch=prefetch
            )

        assert next(iter(loader()))[0].is_cuda
        self.check(train, loader())
