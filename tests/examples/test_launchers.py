"""The examples, each with its launcher: which windows ranks see, also in a run that goes on."""

import importlib.util
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tests import ROOT  # noqa: E402
from tuszstore.corpus.synthetic import write_corpus  # noqa: E402
from tuszstore.sampling import Balanced, Weighted  # noqa: E402

pytestmark = pytest.mark.slow

BATCH = 2


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    """A small store with a validation split beside it."""
    root = tmp_path_factory.mktemp("launchers")
    write_corpus(root / "corpus", patients=4, files=2, minutes=3, seed=1, quirks=False)
    for split in ("train", "dev"):
        tuszstore.build(split=split, data=root / "corpus", store=root / "stores", workers=0)
    return tuszstore.open(root / "stores" / "train.zarr")


def launch(n: int, script: str, *options: str) -> list[str]:
    """A command of torchrun."""
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n),
        str(ROOT / "examples" / script), *options,
    ]  # fmt: skip


def run(script: str, *options: str) -> list[str]:
    return [sys.executable, str(ROOT / "examples" / script), *options]


COMMANDS: dict[str, tuple[str, list[str]]] = {
    "torchrun on 2": ("torch", launch(2, "train_ddp.py")),
    "torchrun on 4": ("torch", launch(4, "train_ddp.py")),
    "Lightning": ("lightning", run("train_lightning.py")),
    "Lightning, ddp": ("lightning", run("train_lightning.py", "--devices", "2")),
    "Fabric": ("lightning", run("train_fabric.py", "--devices", "2")),
    "Accelerate": ("accelerate", launch(2, "train_accelerate.py")),
    "Accelerate, skip_first_batches": ("accelerate", launch(2, "train_accelerate.py", "--skip")),
    "torchdata": ("torchdata", run("train_torchdata.py", "--workers", "1")),
}

Seen = dict[str, dict[int, dict[int, list[list[int]]]]]
"""Batches by kind, epoch and rank."""


def seen_by(command: list[str], store: Any, folder: Path, *options: str) -> Seen:
    """Run a command; return which windows were seen."""
    folder.mkdir()
    words = [*command, str(store.path), "--batch-size", str(BATCH), *options]
    result = subprocess.run(
        [*words, "--seen", str(folder / "seen")],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    seen: Seen = {}
    for file in sorted((folder / "seen").glob("*.jsonl")):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            of_kind = seen.setdefault(entry["kind"], {})
            of_epoch = of_kind.setdefault(entry["epoch"], {})
            of_epoch.setdefault(entry["rank"], []).append(entry["windows"])
    return seen


def flat(batches: list[list[int]]) -> list[int]:
    return [window for batch in batches for window in batch]


def windows(ranks: dict[int, list[list[int]]]) -> Counter[int]:
    return Counter(flat([window for batches in ranks.values() for window in batches]))


def need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs {package}: install tuszstore with its extra 'train'")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_training_and_its_resumption(name: str, store: tuszstore.Store, tmp_path: Path) -> None:
    package, command = COMMANDS[name]
    need(package)
    sampler = Balanced(store.index)
    whole = seen_by(command, store, tmp_path / "whole")
    for epoch in range(2):
        ranks = whole["train"][epoch]
        # the sampler that was asked for: each of its windows once, over all ranks
        assert windows(ranks) == Counter(sampler.epoch(epoch).tolist())
        assert len({len(batches) for batches in ranks.values()}) == 1
    assert whole["train"][0] != whole["train"][1]
    if "validation" in whole:
        validation = store.beside("dev")
        assert validation is not None
        for ranks in whole["validation"].values():
            assert windows(ranks) == Counter(range(len(validation)))

    options = ("--checkpoint", str(tmp_path / "run.ckpt"))
    left = seen_by(command, store, tmp_path / "left", *options, "--stop-after", "2")
    again = seen_by(command, store, tmp_path / "again", *options)
    for rank in whole["train"][0]:
        first, rest = left["train"][0][rank], again["train"].get(0, {}).get(rank, [])
        assert len(first) == 2
        assert first + rest == whole["train"][0][rank]
        assert again["train"][1][rank] == whole["train"][1][rank]


def test_lightning_with_fewer_batches(store: tuszstore.Store, tmp_path: Path) -> None:
    need("lightning")
    command = run("train_lightning.py", "--devices", "2", "--limit", "2")
    whole = seen_by(command, store, tmp_path / "whole")
    for epoch in range(2):
        expected = Balanced(store.index).epoch(epoch)[: 2 * 2 * BATCH]
        assert windows(whole["train"][epoch]) == Counter(expected.tolist())


def test_other_ranks_go_on(store: tuszstore.Store, tmp_path: Path) -> None:
    """Two processes are interrupted, and three go on with larger batches."""
    options = ("--checkpoint", str(tmp_path / "run.ckpt"), "--epochs", "1")
    left = seen_by(
        launch(2, "train_ddp.py"), store, tmp_path / "left", *options, "--stop-after", "2"
    )
    again = seen_by(
        launch(3, "train_ddp.py"), store, tmp_path / "again", *options, "--batch-size", "3"
    )
    found = windows(left["train"][0]) + windows(again["train"][0])
    assert found == Counter(Balanced(store.index).epoch(0).tolist())


@pytest.mark.parametrize("num_workers", [0, 1])
def test_accelerate_with_a_loader_of_torch(store: tuszstore.Store, num_workers: int) -> None:
    """One process: what is prepared has the sampler's windows, and skips batches of them."""
    need("accelerate")
    from accelerate import Accelerator

    from tuszstore.torch import WindowDataset

    sampler = Balanced(store.index)
    plain = torch.utils.data.DataLoader(
        WindowDataset(store, return_meta=True), BATCH, sampler=sampler, num_workers=num_workers
    )
    accelerator = Accelerator(cpu=True)
    loader = accelerator.prepare(plain)
    for epoch in range(2):
        loader.set_epoch(epoch)
        got = [batch[2]["window"].tolist() for batch in loader]
        assert flat(got) == sampler.epoch(epoch).tolist()
    rest = accelerator.skip_first_batches(loader, 2)
    rest.set_epoch(1)  # it is a loader of its own, which counts epochs anew
    got = [batch[2]["window"].tolist() for batch in rest]
    assert flat(got) == sampler.epoch(1).tolist()[2 * BATCH :]


def test_braindecode(store: tuszstore.Store, tmp_path: Path) -> None:
    need("braindecode")
    command = run("train_braindecode.py", "--windows", "12")
    view = store.view(channels="double_banana", units="uV", length=10, stride=10)
    sampler = Weighted.by_event(view.index, seizure=0.5, n=12)
    whole = seen_by(command, store, tmp_path / "whole")
    for epoch in range(2):
        assert flat(whole["train"][epoch][0]) == sampler.epoch(epoch).tolist()
    options = ("--checkpoint", str(tmp_path / "run.ckpt"))
    seen_by(command, store, tmp_path / "left", *options, "--stop-after", "1")
    again = seen_by(command, store, tmp_path / "again", *options)
    assert again["train"] == {1: whole["train"][1]}
