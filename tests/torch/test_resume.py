"""States that go on with other ranks and other batches, and ranks that must agree."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tests.torch.helpers import flat, seen  # noqa: E402
from tuszstore.sampling import (  # noqa: E402
    Balanced,
    BlockShuffled,
    Sampler,
    Shuffled,
    Stratified,
    Weighted,
)
from tuszstore.sampling.ranks import deal, part  # noqa: E402
from tuszstore.torch import WindowLoader  # noqa: E402

N = 37
"""Windows of an epoch: a prime, so that nothing divides it."""


def ranks_of(store: Any, world_size: int, batch_size: int, **options: Any) -> list[WindowLoader]:
    given = {"indices": range(N), "return_meta": True, "prefetch": 1} | options
    return [
        WindowLoader(store, batch_size=batch_size, rank=rank, world_size=world_size, **given)
        for rank in range(world_size)
    ]


def killed(loaders: Sequence[WindowLoader], steps: int) -> tuple[list[int], dict[str, Any]]:
    """Take some steps of an epoch; return the windows in the order of the epoch, and the state."""
    iterators = [iter(loader) for loader in loaders]
    taken = [seen(islice(iterator, steps)) for iterator in iterators]
    states = [json.loads(json.dumps(loader.state_dict())) for loader in loaders]
    assert all(state == states[0] for state in states)
    return [window for step in zip(*taken, strict=True) for window in flat(step)], states[0]


@pytest.mark.filterwarnings("ignore:.* of the resumed epoch:UserWarning")
class TestOtherRanks:
    @pytest.mark.slow
    def test_killed_50_times(self, train: tuszstore.Store) -> None:
        """Each time the windows are those of the epoch, in its order, whoever goes on."""
        rng = np.random.default_rng(0)
        order, n_left_over = Shuffled(N, 42).epoch(0).tolist(), 0
        for _ in range(50):
            windows: list[int] = []
            state: dict[str, Any] | None = None
            while len(windows) < N:
                world_size = int(rng.integers(1, 5))
                batch_size = int(rng.integers(1 if world_size == 1 else 2, N // world_size + 1))
                loaders = ranks_of(train, world_size, batch_size)
                for loader in loaders:
                    if state:
                        loader.load_state_dict(state)
                n_steps = {len([*loader.batch_sampler]) for loader in loaders}
                assert len(n_steps) == 1  # or ranks would wait for each other
                n_left_over += N - len(windows) < world_size * batch_size
                taken, state = killed(loaders, int(rng.integers(1, 4)))
                windows += taken
            assert windows == order
            assert Counter(windows) == Counter(range(N))
        assert n_left_over > 10

    @pytest.mark.parametrize("rest", ["exact", "pad", "drop_last"])
    def test_what_is_left_under_one_step(self, train: tuszstore.Store, rest: str) -> None:
        options = {} if rest == "exact" else {rest: True}
        first, state = killed(ranks_of(train, 1, 4, **options), 8)  # 5 windows are left
        loaders = ranks_of(train, 4, 3, **options)
        for loader in loaders:
            loader.load_state_dict(state)
        left = [seen(loader) for loader in loaders]
        sizes = [[len(batch) for batch in batches] for batches in left]
        order = Shuffled(N, 42).epoch(0).tolist()
        if rest == "exact":
            assert sorted(first + flat(map(flat, left))) == list(range(N))
            assert sizes == [[2], [1], [1], [1]]
        elif rest == "pad":
            assert Counter(flat(map(flat, left))) == Counter(order[32:] + order[:3])
            assert sizes == [[2]] * 4
        else:
            # nothing fills a step any more, so that the next epoch begins
            assert (
                flat(flat(step) for step in zip(*left, strict=True))
                == (Shuffled(N, 42).epoch(1).tolist()[:36])
            )
            assert sizes == [[3] * 3] * 4

    def test_fewer_windows_than_ranks_are_left(self, train: tuszstore.Store) -> None:
        first, state = killed(ranks_of(train, 1, 5), 7)  # 2 windows are left
        left = []
        for loader in ranks_of(train, 4, 3):
            loader.load_state_dict(state)
            with pytest.warns(UserWarning, match="2 windows .* for 4 ranks: the batches"):
                batches = list(loader)
            assert [batch[0].shape[1:] for batch in batches] == [(19, 15360)]
            left.append(seen(batches))
        assert [len(batch) for (batch,) in left] == [1, 1, 0, 0]
        assert sorted(first + flat(map(flat, left))) == list(range(N))

    @given(
        n=st.integers(8, 80),
        first=st.tuples(st.integers(1, 4), st.integers(1, 9)),
        then=st.tuples(st.integers(1, 8), st.integers(1, 9)),
        steps=st.integers(0, 9),
        kind=st.sampled_from(["exact", "pad"]),
    )
    def test_any_deal_of_the_rest(
        self, n: int, first: tuple[int, int], then: tuple[int, int], steps: int, kind: str
    ) -> None:
        order = np.random.default_rng(n).permutation(n)
        options = {"drop_last": False, "pad": kind == "pad"}
        for world_size, batch_size in (first, then):
            n = max(n, world_size * batch_size * 2)
        order = np.random.default_rng(n).permutation(n)
        try:
            bounds = deal(n, first[1], first[0], **options)
        except ValueError:
            return  # told where a training begins
        start = min(n, int(bounds[min(steps * first[0], len(bounds) - 1)]))
        rest = deal(n, then[1], then[0], start=start, **options) if start else bounds
        parts = [part(order, rest, k).tolist() for k in range(len(rest) - 1)]
        assert len(parts) % (then[0] if start else first[0]) == 0
        assert flat(parts)[: n - start] == order[start:].tolist()
        assert len(flat(parts)) - (n - start) < (then[0] if kind == "pad" else 1) or not start
        if start:
            step = then[0] * then[1]
            assert all(len(p) <= then[1] + (then[1] == 1) for p in parts)
            assert all(len(p) == then[1] for p in parts[: (n - start) // step * then[0] - then[0]])

    @given(n=st.integers(6, 60), batch=st.integers(2, 6), world=st.integers(1, 3))
    def test_the_same_ranks_see_the_same_batches(self, n: int, batch: int, world: int) -> None:
        n = max(n, batch * world)
        for options in ({"pad": False}, {"pad": True}):
            bounds = deal(n, batch, world, drop_last=False, **options).tolist()
            for k in range(0, len(bounds) - 1, world):
                rest = deal(n, batch, world, start=bounds[k], drop_last=False, **options)
                assert rest.tolist() == bounds[k:]

    @pytest.mark.parametrize("world_size", [1, 2, 3, 8])
    @pytest.mark.parametrize("kind", ["balanced", "block", "shuffled", "stratified", "weighted"])
    def test_orders_are_equal_on_any_number_of_ranks(
        self, train: tuszstore.Store, kind: str, world_size: int
    ) -> None:
        everything = np.arange(len(train))
        sampler: Sampler = {
            "balanced": lambda: Balanced(train.index),
            "block": lambda: BlockShuffled(len(train), run=4),
            "shuffled": lambda: Shuffled(len(train)),
            "stratified": lambda: Stratified(train.index, everything, 3),
            "weighted": lambda: Weighted.equal(train.index, n=100),
        }[kind]()
        loaders = ranks_of(train, world_size, 3, indices=sampler)
        for epoch in range(2):
            for loader in loaders:
                loader.set_epoch(epoch)
            steps = zip(*(loader.batch_sampler for loader in loaders), strict=True)
            assert flat(flat(step) for step in steps) == sampler.epoch(epoch).tolist()


class TestRefused:
    def test_a_sampler_that_depends_on_the_batch_size(self, train: tuszstore.Store) -> None:
        def make(batch_size: int, world_size: int = 1) -> WindowLoader:
            sampler = Stratified(train.index, np.arange(N), batch_size)
            (loader, *_) = ranks_of(train, world_size, batch_size, indices=sampler)
            return loader

        loader = make(4)
        next(iter(loader))
        with pytest.raises(ValueError, match=r"order of Stratified depends on .* of 4, .* of 6$"):
            make(6).load_state_dict(loader.state_dict())
        plain = WindowLoader(train, range(N), 4)
        with pytest.raises(ValueError, match=r"order of Shuffled .* of 4, .* of any size$"):
            plain.load_state_dict(loader.state_dict() | {"seed": 42})
        again = make(4, world_size=2)
        again.load_state_dict(loader.state_dict())
        assert flat(again.batch_sampler)[:4] == loader.sampler.epoch(0)[4:8].tolist()
        with pytest.raises(ValueError, match="batch_size is 8, but the order of Stratified is"):
            WindowLoader(train, loader.sampler, 8)

    def test_views_of_a_store(self, train: tuszstore.Store) -> None:
        """Whatever else has a spec: what differs in it is named."""
        state = WindowLoader(train, range(N), 4).state_dict()
        others = {"units": "uV", "length": 7680, "stride": 1280, "rater": "all"}
        for name, value in others.items():
            told = f"its {name} is {value!r}, but this loader's is {state[name]!r}"
            with pytest.raises(ValueError, match=told):
                WindowLoader(train, range(N), 4).load_state_dict(state | {name: value})
        with pytest.raises(ValueError, match=r"its channels is \['Fp1-F7'\]"):
            WindowLoader(train, range(N), 4).load_state_dict(state | {"channels": ["Fp1-F7"]})
        with pytest.raises(ValueError, match="its rater is 'any', but this loader's is 'all'"):
            WindowLoader(train.view(rater="all"), range(N), 4).load_state_dict(state)


PROGRAM = """
import sys, torch.distributed as dist, tuszstore
from tuszstore.sampling import Balanced
from tuszstore.torch import WindowLoader
path, meeting, rank, case = sys.argv[1:]
rank, store = int(rank), tuszstore.open(path)
dist.init_process_group('gloo', f'file://{meeting}', rank=rank, world_size=2)
loader = {
    'seed': lambda: WindowLoader(store, seed=rank),
    'sampler': lambda: WindowLoader(store, Balanced(store.index, seed=rank + 1), 4),
    'windows': lambda: WindowLoader(store, range(40 + rank), 4),
    'batch_size': lambda: WindowLoader(store, range(40), 4 + rank),
    'own': lambda: WindowLoader(store, range(40), 4, seed=rank, rank=0, world_size=1),
    'equal': lambda: WindowLoader(store, range(40), 4),
    'state': lambda: WindowLoader(store, range(40), 4),
}[case]()
if case == 'equal' and rank == 0:
    next(iter(loader))  # a look at the first batch: the other has its own later
    loader.set_epoch(0)
if case == 'state' and rank == 0:
    loader.load_state_dict(loader.state_dict() | {'delivered': 8})
try:
    print(sum(len(batch[0]) for batch in loader))
except ValueError as error:
    print(error)
dist.barrier()
dist.destroy_process_group()
"""


def two_ranks(store: tuszstore.Store, folder: Path, case: str) -> Iterator[str]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(store.path), str(folder / "meeting"), rank, case],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    told = [process.communicate(timeout=200) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    return (out.strip() for out, _ in told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("seed", "different epochs: seed is 0 on rank 0 and 1 on rank 1"),
        ("sampler", "sampler is '<Balanced: "),
        ("windows", "sampler is '<Shuffled: 40 windows per epoch, seed 42>' on rank 0 and"),
        ("batch_size", "batch_size is 4 on rank 0 and 5 on rank 1"),
        ("state", "delivered is 8 on rank 0 and 0 on rank 1"),
    ],
)
def test_ranks_that_differ_are_found(
    train: tuszstore.Store, tmp_path: Path, case: str, told: str
) -> None:
    for out in two_ranks(train, tmp_path, case):
        assert told in out


@pytest.mark.slow
def test_ranks_that_agree(train: tuszstore.Store, tmp_path: Path) -> None:
    for case, told in [("equal", "20"), ("own", "40")]:
        (tmp_path / case).mkdir()
        assert [*two_ranks(train, tmp_path / case, case)] == [told, told]
