"""Shared parts of the examples: a network, its loss, options, and a log of windows.

This module is not part of tuszstore: copy what you need.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from train import make_model

__all__ = ["WindowLog", "loss_of", "make_model", "options_of"]


def options_of(description: str | None) -> argparse.ArgumentParser:
    """Return the options that all examples have."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("store", help="a store, such as demo/stores/train.zarr")
    parser.add_argument("--epochs", type=int, default=2, help="number of epochs (2)")
    parser.add_argument("--batch-size", type=int, default=8, help="windows per batch (8)")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint to resume from and to write")
    parser.add_argument("--stop-after", type=int, help="stop after this many steps, as if killed")
    parser.add_argument("--seen", type=Path, help="folder for logs of the windows seen")
    return parser


def loss_of(model: nn.Module, signal: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    """Return the loss of a batch; the network returns a logit for every 256 samples."""
    logits = model(signal)
    target = functional.avg_pool1d(label, label.shape[-1] // logits.shape[-1])
    return functional.binary_cross_entropy_with_logits(logits, target)


class WindowLog:
    """Logs the windows that a rank has seen; does nothing without a folder.

    Parameters
    ----------
    folder : Path or None
    rank : int
    """

    def __init__(self, folder: Path | None, rank: int = 0) -> None:
        self._file = None
        if folder is not None:
            folder.mkdir(exist_ok=True)
            self._file = folder / f"{rank}-{os.getpid()}.jsonl"
        self._rank = rank

    def add(self, epoch: int, meta: dict[str, Any], kind: str = "train") -> None:
        """Log a batch."""
        if self._file is None:
            return
        entry = {"rank": self._rank, "epoch": epoch, "kind": kind}
        with self._file.open("a") as file:
            file.write(json.dumps(entry | {"windows": meta["window"].tolist()}) + "\n")
