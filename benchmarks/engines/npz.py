"""One compressed NPZ file for each recording, with every window in it, as the NPZ pipeline has.

Reading a window inflates the whole file. The last file is kept, so that windows in order cost one
inflation for each recording; the pipeline itself does not do that.
"""

import json
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.source import Source


class Npz(Engine):
    """``numpy.load`` of files written with ``numpy.savez_compressed``."""

    name = "npz"
    title = "NPZ"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "compressed"
    slow = True

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write windows and their labels, which are left at zero."""
        for number, (first, count) in enumerate(zip(source.firsts, source.counts, strict=False)):
            windows = source.windows[first : first + count]
            labels = np.zeros((count, windows.shape[-1]), np.float32)
            np.savez_compressed(folder / f"{number}.npz", windows=windows, labels=labels)
        (folder / "index.json").write_text(json.dumps(source.firsts.tolist()))
        return folder

    def __init__(self, path: Path) -> None:
        self._path = path
        self._firsts = np.array(json.loads((path / "index.json").read_text()))
        self._last: tuple[int, Signal] | None = None
        self._rows: Rows | None = None

    def read(self, numbers: Batch) -> Signal:
        """Inflate the files of the windows, one after the other."""
        if self._rows is None:
            self._rows = Rows(self._inflate(0).shape[1:], threads=1)
        return self._rows.fill(numbers, self._copy)

    def _copy(self, number: int, row: Signal) -> None:
        recording = int(np.searchsorted(self._firsts, number, "right")) - 1
        row[...] = self._inflate(recording)[number - self._firsts[recording]]

    def _inflate(self, recording: int) -> Signal:
        if self._last is None or self._last[0] != recording:
            with np.load(self._path / f"{recording}.npz") as file:
                self._last = recording, file["windows"]
        return self._last[1]
