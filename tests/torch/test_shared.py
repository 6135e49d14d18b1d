"""Batches of worker processes: where they lie, how they are read, and what if there is no room."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tuszstore.errors import SharedMemoryError  # noqa: E402
from tuszstore.torch import WindowDataset  # noqa: E402
from tuszstore.torch import shared as shared_module  # noqa: E402

DataLoader = torch.utils.data.DataLoader

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class Probe(WindowDataset):
    """Says of each batch whether it was shared before it was sent, and how it was read."""

    def __getitems__(self, items: Any) -> Any:
        rows = super().__getitems__(items)
        batch = rows.collated()
        threads = self.store.reader._blocks.n_threads  # type: ignore[attr-defined]
        return [(batch[0].is_shared(), batch[1].is_shared(), threads)]


@pytest.mark.parametrize(
    "transform",
    [None, lambda x: x * 2, lambda x: x.neg_(), lambda x, y, g: (x[:2], y)],
    ids=["none", "new", "in place", "with label"],
)
def test_batches_of_workers_are_shared_from_the_start(
    train: tuszstore.Store, transform: Any
) -> None:
    dataset = Probe(train, range(16), transform)
    loader = DataLoader(dataset, 8, num_workers=1, collate_fn=list, multiprocessing_context="fork")
    assert [*loader] == [[(True, True, 1)]] * 2
    (here,) = dataset.__getitems__([0, 1])
    assert here[:2] == (False, False)


class Counting(WindowDataset):
    """Says in place of times how many pieces of memory its worker keeps."""

    def __getitems__(self, items: Any) -> Any:
        rows = super().__getitems__(items)
        assert self._sent is not None
        rows._columns._columns[2]["start_time"][:] = len(self._sent._pieces)
        return rows


def test_memory_is_used_again_when_nothing_refers_to_it(train: tuszstore.Store) -> None:
    def kept_at_last(keep: bool) -> int:
        dataset, kept, n_pieces = Counting(train, return_meta=True), [], 0
        for batch in DataLoader(dataset, 8, num_workers=1, multiprocessing_context="fork"):
            n_pieces = int(batch[2]["start_time"][0])
            if keep:
                kept.append(batch[0][0])  # a view of it is enough
        return n_pieces

    n_batches = len(train) // 8
    assert kept_at_last(keep=False) <= 12  # signal and label of those that are under way
    assert kept_at_last(keep=True) > n_batches - 6


def test_batches_that_are_kept_never_change(train: tuszstore.Store) -> None:
    loader = DataLoader(
        WindowDataset(train, return_meta=True), 8, num_workers=1, multiprocessing_context="fork"
    )
    kept = [batch for k, batch in enumerate(loader) if k % 3 == 0]
    for signal, _, meta in kept:
        assert type(signal) is torch.Tensor
        np.testing.assert_array_equal(signal.numpy(), train.read(meta["window"].numpy()))


class Room(NamedTuple):
    f_frsize: int
    f_blocks: int
    f_bavail: int


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (Room(4096, 16384, 5000), ""),
        (Room(4096, 16384, 900), "3.69 MB of 67.1 MB are free, but the worker needs"),
        (Room(4096, 0, 0), ""),
    ],
)
def test_room(monkeypatch: pytest.MonkeyPatch, room: Room, told: str) -> None:
    monkeypatch.setattr(os, "statvfs", lambda place: room)
    if not told:
        shared_module.in_shared_memory((4, 19, 15360), torch.float32)
        return
    with pytest.raises(SharedMemoryError, match=told) as raised:
        shared_module.in_shared_memory((4, 19, 15360), torch.float32)
    for way_out in ("--shm-size", "batch_size", "num_workers", "WindowLoader"):
        assert way_out in str(raised.value)


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_module, "PLACE", "/nowhere")
    assert shared_module.in_shared_memory((2, 3), torch.int32).is_shared()


@pytest.fixture
def little_room() -> Iterator[list[str]]:
    """What runs a command where ``/dev/shm`` has 64 MB."""
    mount = "mount -t tmpfs -o size=64m tmpfs /dev/shm"
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        try:
            done = subprocess.run([*unshare, "sh", "-c", mount], capture_output=True, check=False)
        except FileNotFoundError:
            break
        if done.returncode == 0:
            yield [*unshare, "sh", "-c", f'{mount} && exec "$@"', "sh"]
            return
    pytest.skip("needs the right to mount")


PROGRAM = """
import sys, tuszstore
from torch.utils.data import DataLoader
from tuszstore.torch import WindowDataset
batch_size, num_workers, transform = int(sys.argv[2]), int(sys.argv[3]), eval(sys.argv[4])
dataset = WindowDataset(tuszstore.open(sys.argv[1]), transform=transform)
loader = DataLoader(
    dataset, batch_size, num_workers=num_workers, multiprocessing_context='fork'
)
kept = []
try:
    for batch in loader:
        kept.append(batch)
    print('done')
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
@pytest.mark.parametrize("transform", ["None", "lambda x: x * 2"])
@pytest.mark.parametrize(("batch_size", "num_workers"), [(64, 1), (16, 2)])
def test_64_mb(
    train: tuszstore.Store,
    little_room: list[str],
    batch_size: int,
    num_workers: int,
    transform: str,
    on_disk: Path,
) -> None:
    path = shutil.copytree(train.path, on_disk / "train.zarr")
    arguments = [str(path), str(batch_size), str(num_workers), transform]
    result = subprocess.run(
        [*little_room, sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert result.stdout.startswith("SharedMemoryError"), result
    assert "/dev/shm is full: " in result.stdout
    assert "of 67.1 MB are free" in result.stdout


def test_values(train: tuszstore.Store) -> None:
    loader = DataLoader(WindowDataset(train), 16, num_workers=2, multiprocessing_context="fork")
    kept = [batch[0] for batch in loader]
    np.testing.assert_array_equal(torch.cat(kept).numpy(), train.windows[:])
