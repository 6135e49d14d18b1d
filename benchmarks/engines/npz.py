"""One compressed NPZ file for each recording, with every window in it, as in the NPZ pipeline.

Values are float32, not rounded to int16 first, which would halve the files but is not what such
pipelines write. Reading a window decompresses the whole file. The last file is kept, so that
reading in order decompresses each recording once; the pipeline itself does not do that.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchmarks.engines.base import THREADS, Batch, Engine, Rows, Signal
from benchmarks.source import Source


class Npz(Engine):
    """``numpy.load`` of files written with ``numpy.savez_compressed``.

    Attributes
    ----------
    keep : bool
        Whether the last file is kept.
    """

    name = "npz"
    title = "NPZ"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "compressed"
    slow = True
    tolerance = 0.51 * 2**-10

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Write windows and their labels, which are all zero."""
        import tuszstore

        store = tuszstore.open(source.stores["float32"])

        def write(number: int) -> None:
            windows = store.windows[source.firsts[number] : source.firsts[number + 1]]
            labels = np.zeros((len(windows), windows.shape[-1]), np.float32)
            np.savez_compressed(folder / f"{number}.npz", windows=windows, labels=labels)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(write, range(len(source.counts))))
        (folder / "index.json").write_text(json.dumps(source.firsts.tolist()))
        return folder

    def __init__(self, path: Path) -> None:
        self.keep = True
        self._path = path
        self._firsts = np.array(json.loads((path / "index.json").read_text()))
        self._last: tuple[int, Signal] | None = None
        self._rows: Rows | None = None

    def read(self, numbers: Batch) -> Signal:
        """Decompress the files of the windows one by one."""
        if self._rows is None:
            self._rows = Rows(self._inflate(0).shape[1:], threads=1)
        return self._rows.fill(numbers, self._copy)

    def _copy(self, number: int, row: Signal) -> None:
        recording = int(np.searchsorted(self._firsts, number, "right")) - 1
        row[...] = self._inflate(recording)[number - self._firsts[recording]]

    def _inflate(self, recording: int) -> Signal:
        if self._last is None or self._last[0] != recording or not self.keep:
            with np.load(self._path / f"{recording}.npz") as file:
                self._last = recording, file["windows"]
        return self._last[1]
