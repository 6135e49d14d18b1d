"""Large columns, which processes of one machine share."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tuszstore.store import caches, table
from tuszstore.store.caches import shared_column
from tuszstore.store.metadata import StoreMetadata


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(caches.CACHE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("columns/*"))


VALUES = np.arange(1000, dtype=np.int64).reshape(2, 500)


def read_it() -> np.ndarray:  # type: ignore[type-arg]
    return VALUES.copy()


def never() -> np.ndarray:  # type: ignore[type-arg]
    raise AssertionError("it was decoded already")


def column(digest: str = "a", read: object = read_it) -> np.ndarray:  # type: ignore[type-arg]
    return shared_column([digest], VALUES.shape, VALUES.dtype, read)  # type: ignore[arg-type]


def test_it_is_decoded_once(folder: Path) -> None:
    np.testing.assert_array_equal(column(), VALUES)
    np.testing.assert_array_equal(column(read=never), VALUES)
    assert len(files(folder)) == 1
    column("b")
    assert len(files(folder)) == 2


def test_a_change_stays_here() -> None:
    first, second = column(), column(read=never)
    first[0, 0] = -1
    assert second[0, 0] == column(read=never)[0, 0] == 0


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_file_is_made_anew(folder: Path, damage: str) -> None:
    column()
    (file,) = files(folder)
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes({"cut": content[:-1], "flip": content, "empty": b""}[damage])
    np.testing.assert_array_equal(column(), VALUES)
    np.testing.assert_array_equal(column(read=never), VALUES)


def test_no_place_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(caches.CACHE, str(tmp_path / "file" / "below"))
    np.testing.assert_array_equal(column(), VALUES)


def test_a_file_of_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    column()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    np.testing.assert_array_equal(column(), VALUES)


def test_columns_of_a_store(train: "object", folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LEAST", 100)
    path = Path(str(train.path))  # type: ignore[attr-defined]
    plain = train.metadata.windows  # type: ignore[attr-defined]
    for _ in range(2):
        windows = StoreMetadata.open(path).windows
        for name in ("start_block", "category", "category_mask", "seizure_fraction"):
            np.testing.assert_array_equal(windows[name], plain[name])
            assert windows[name].dtype == plain[name].dtype
    assert len(files(folder)) == 4


PROGRAM = """
import sys
import numpy as np
from tuszstore.store.caches import shared_column
size = 1 << 23
values = shared_column(["x"], (size,), np.dtype(np.int64), lambda: np.arange(size))
assert int(values.sum()) == size * (size - 1) // 2
print("ready", flush=True)
sys.stdin.readline()
total, own = 0, False
for line in open("/proc/self/smaps"):
    if "-" in line.split()[0]:
        own = "/columns/" in line
    elif own and line.startswith("Pss:"):
        total += int(line.split()[1])
print(total, flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
def test_eight_processes_take_the_memory_of_one(folder: Path) -> None:
    environment = {**os.environ, caches.CACHE: str(folder)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(8)
    ]
    told = []
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        told.append(int(process.stdout.readline()))
    for process in processes:
        process.communicate("\n", timeout=60)
    assert 65000 < sum(told) < 1.3 * 65536
