"""From EDF files to batches, with the installed packages."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import tuszstore
from tuszstore.config import builtin_configs
from tuszstore.read import decode


def test_configurations_are_installed() -> None:
    assert {"bipolar", "reference", "smoke", "tusz"} <= set(builtin_configs())
    for name in builtin_configs():
        tuszstore.load_config(name)


def test_the_command_runs() -> None:
    command = [sys.executable, "-m", "tuszstore", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert tuszstore.__version__ in done.stdout


def test_windows_are_those_of_zarr(store: tuszstore.Store) -> None:
    """The kernel, or NumPy without it, gives what zarr-python decodes."""
    import zarr

    signal = zarr.open_array(str(Path(store.path) / "signal"), mode="r")
    scale = np.float32(store.metadata.encoding.scale)
    starts = store.metadata.windows["start_block"]
    n_blocks = store.metadata.geometry.blocks_per_window
    for number in (0, len(store) // 2, len(store) - 1):
        blocks = np.asarray(signal[starts[number] : starts[number] + n_blocks])
        expected = np.concatenate(list(blocks), axis=-1).astype(np.float32) * scale
        np.testing.assert_array_equal(store.windows[number], expected)


@pytest.mark.skipif(not decode.has_kernel(), reason="no compiled kernel: NumPy reads the windows")
@pytest.mark.filterwarnings("ignore:the compiled kernel is missing:RuntimeWarning")
def test_the_kernel_and_numpy_agree(
    store: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = store.read(range(len(store)))
    monkeypatch.setattr(decode, "_kernel", None)
    with tuszstore.open(store.path) as again:
        np.testing.assert_array_equal(again.read(range(len(again))), compiled)


def test_a_store_verifies_and_damage_is_found(store: tuszstore.Store, tmp_path: Path) -> None:
    assert tuszstore.verify(store.path, deep=True).ok
    path = tmp_path / "train.zarr"
    shutil.copytree(store.path, path)
    shard = max((path / "signal").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    content = bytearray(shard.read_bytes())
    content[len(content) // 3] ^= 1
    shard.write_bytes(content)
    assert not tuszstore.verify(path, deep=True).ok


def test_building_again_changes_nothing(store: tuszstore.Store, corpus: Path) -> None:
    root = Path(store.path).parent
    report = tuszstore.build(split="train", data=corpus, store=root, workers=0)
    assert report.status == "unchanged"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers need Linux or macOS")
def test_workers_build(corpus: Path, tmp_path: Path) -> None:
    report = tuszstore.build(split="dev", data=corpus, store=tmp_path, workers=1)
    assert report.status == "built"


def test_xarray_opens_it(store: tuszstore.Store) -> None:
    import xarray as xr

    data = xr.open_dataset(store.path, engine="tuszstore")
    np.testing.assert_array_equal(data.windows[0].values, store.windows[0])


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_a_loader_gives_batches(store: tuszstore.Store) -> None:
    from tuszstore.torch import validation_loader

    total = 0
    for signal, label in validation_loader(store, batch_size=4):
        assert signal.shape[1:] == store.windows.shape[1:]
        assert len(signal) == len(label)
        total += len(signal)
    assert total == len(store)


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="the extra view is not installed")
def test_a_window_is_drawn(store: tuszstore.Store, tmp_path: Path) -> None:
    target = tmp_path / "window.png"
    store.plot(0).savefig(target)
    assert target.stat().st_size > 10_000
