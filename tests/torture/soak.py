"""A soak: loaders that read while their store is rebuilt and its files are replaced under them.

Two stores take turns under one name, by builds that link what did not change. Between, shards of
the store that is there are cut off, get a flipped bit, or are taken away, and are put back. All the
while readers open the store, go through epochs with `WindowLoader` and torch's `DataLoader`, and
compare every batch with what the store they opened holds. A batch is right, or there is an error
that says what to do; there is no third.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tests.torture.injection import in_child, must
from tests.torture.trying import Tally
from tuszstore.store.shard import signal_file

BATCH = 8


def soak(
    builds: Sequence[Callable[[Path], Any]], folder: Path, seconds: float, jobs: int, seed: int
) -> Tally:
    """Read and replace for some time.

    Parameters
    ----------
    builds : sequence of callable
        Each takes a folder of stores, and makes its own store there.
    folder : Path
        Is made.
    seconds : float
    jobs : int
        Readers.
    seed : int
    """
    root = folder / "stores"
    folder.mkdir()
    expected: dict[str, str] = {}
    for number, build in enumerate(builds):
        must(partial(build, root))
        content = folder / f"{number}.npz"
        expected[must(partial(_hold, root / "train.zarr", content))] = str(content)
    total = Tally()
    readers = [_reader(root / "train.zarr", expected, seed + job) for job in range(jobs)]
    try:
        _replace(builds, root, seconds, random.Random(seed), total)
    finally:
        for _, _, end in readers:
            os.close(end)
    for pid, pipe, _ in readers:
        with os.fdopen(pipe) as file:
            told = file.read()
        _, status = os.waitpid(pid, 0)
        if status != 0 or not told:
            total.lost.append(f"soak: a reader ended with status {status}")
            continue
        batches, refused, *wrong = told.splitlines()
        total.batches += int(batches)
        total.refused += int(refused)
        total.lost += [f"soak: {line}" for line in wrong]
    return total


def _hold(store: Path, file: Path) -> str:
    """Save all windows and labels of a store; return its content digest."""
    import tuszstore

    opened = tuszstore.open(store)
    windows, labels = opened.read(np.arange(len(opened)), labels=True)
    np.savez(file, windows=windows, labels=labels > 0)
    return str(opened.attrs["content_digest"])


def _replace(
    builds: Sequence[Callable[[Path], Any]],
    root: Path,
    seconds: float,
    rng: random.Random,
    tally: Tally,
) -> None:
    """Let stores take turns, and shards be damaged between."""
    end = time.monotonic() + seconds
    turn = 0
    while time.monotonic() < end:
        for _ in range(rng.randrange(4)):
            _damage(root / "train.zarr", rng)
            tally.replaced += 1
        status, told = in_child(partial(builds[turn % len(builds)], root))
        if status != 0:
            tally.lost.append(f"soak: a build failed: {told}")
        tally.replaced += 1
        turn += 1


def _damage(store: Path, rng: random.Random) -> None:
    """Put a damaged file, or none, in the place of a shard for a moment."""
    path = rng.choice(sorted(store.glob(signal_file("*"))))
    content = path.read_bytes()
    kind = rng.choice(["cut", "flipped", "gone", "same"])
    damaged = bytearray(content)
    if kind == "cut":
        del damaged[rng.randrange(len(damaged)) :]
    elif kind == "flipped":
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    other = store.parent / "other"
    for bytes_ in (damaged, content):
        if kind == "gone" and bytes_ is damaged:
            path.unlink()
        else:
            other.write_bytes(bytes_)
            other.replace(path)
        time.sleep(rng.uniform(0, 0.1))


def _reader(store: Path, expected: dict[str, str], seed: int) -> tuple[int, int, int]:
    """Start a reader; return its process, a pipe that tells what it saw, and one to end it."""
    told, tell = os.pipe()
    watched, end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        os.close(watched)
        return pid, told, end
    status = 1
    try:
        os.close(told)
        os.close(end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.set_blocking(watched, False)
        batches, refused, wrong = _read_on(store, expected, seed, watched)
        os.write(tell, "\n".join([str(batches), str(refused), *wrong[:20]]).encode())
        status = 0
    finally:
        os._exit(status)


def _read_on(
    store: Path, expected: dict[str, str], seed: int, watched: int
) -> tuple[int, int, list[str]]:
    """Read until the other end of a pipe is closed."""
    import tuszstore
    from tuszstore.errors import StoreError

    contents = {digest: dict(np.load(path)) for digest, path in expected.items()}
    batches, refused, wrong = 0, 0, []
    epoch = seed
    while not _is_closed(watched):
        epoch += 1
        try:
            opened = tuszstore.open(store)
            content = contents[opened.attrs["content_digest"]]
            for signal_, label, numbers in _epoch(opened, epoch):
                windows, labels = content["windows"][numbers], content["labels"][numbers]
                if np.array_equal(signal_, windows) and np.array_equal(label, labels):
                    batches += 1
                else:
                    wrong.append(f"wrong values in windows {numbers.tolist()}")
        except StoreError as error:
            refused += 1
            if str(store) not in str(error):
                wrong.append(f"names no store: {error}")
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
    return batches, refused, wrong


def _epoch(store: Any, epoch: int) -> Iterator[tuple[Any, Any, Any]]:
    """Yield signal, label and window numbers of an epoch's batches, from the loaders in turn.

    Where torch is not installed, the store itself reads them.
    """
    order = np.random.default_rng(epoch).permutation(len(store))
    if find_spec("torch") is None:
        for begin in range(0, len(order), BATCH):
            numbers = order[begin : begin + BATCH]
            signal_, labels = store.read(numbers, labels=True)
            yield signal_, labels > 0, numbers
        return
    from torch.utils.data import DataLoader

    from tuszstore.torch import WindowDataset, WindowLoader

    if epoch % 4:
        loader: Any = WindowLoader(store, order, batch_size=BATCH, shuffle=False)
    else:
        loader = DataLoader(
            WindowDataset(store, order), batch_size=BATCH, num_workers=epoch % 8 // 4
        )
    for number, (signal_, label) in enumerate(loader):
        yield signal_.numpy(), label.numpy(), order[number * BATCH :][:BATCH]


def _is_closed(pipe: int) -> bool:
    with suppress(BlockingIOError):
        return os.read(pipe, 1) == b""
    return False
