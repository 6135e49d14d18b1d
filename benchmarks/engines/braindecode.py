"""braindecode: recordings saved as FIF, from which windows are cut on request.

As its documentation recommends for data larger than memory, the preprocessed recordings are saved
with ``BaseConcatDataset.save`` and loaded with ``preload=False``, and
``create_fixed_length_windows`` gives overlapping windows without storing samples twice. Samples are
single precision. One thread is used, since MNE's readers are not thread-safe.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from benchmarks.engines.base import Batch, Engine, Rows, Signal
from benchmarks.source import Source


class Braindecode(Engine):
    """``EEGWindowsDataset`` on FIF files."""

    name = "braindecode"
    title = "braindecode"
    kind: ClassVar[Literal["own", "compressed", "bare"]] = "bare"
    packages = ("braindecode", "mne", "torch")
    imports = ("braindecode.datasets", "braindecode.preprocessing")
    environment = "rivals"

    @staticmethod
    def prepare(source: Source, folder: Path) -> Path:
        """Save each recording, without the tail after the last window."""
        import mne
        from braindecode.datasets import BaseConcatDataset, RawDataset

        info = mne.create_info(source.channels, source.sfreq, "eeg")
        datasets = [
            RawDataset(mne.io.RawArray(signal, info, verbose="error"), {"recording": number})
            for number, signal in enumerate(source.recordings())
        ]
        (folder / "recordings").mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about file names that do not follow MNE's conventions
            BaseConcatDataset(datasets).save(str(folder / "recordings"))
        length = source.windows.shape[2]
        np.save(folder / "window.npy", [length, source.stride])
        return folder

    def __init__(self, path: Path) -> None:
        self._windows = _open(path)
        self._rows = Rows(self._windows[0][0].shape, threads=1)

    def read(self, numbers: Batch) -> Signal:
        """Read items one by one."""
        return self._rows.fill(numbers, self._read)

    def _read(self, number: int, row: Signal) -> None:
        row[...] = self._windows[number][0]

    @classmethod
    def loader(cls, path: Path, numbers: Batch, batch_size: int, workers: int) -> Iterable[Any]:
        """Return a ``DataLoader`` over the windows; its items are signal, target and place."""
        from torch.utils.data import DataLoader

        return DataLoader(
            _open(path), batch_size=batch_size, sampler=numbers.tolist(), num_workers=workers
        )


def _open(path: Path) -> Any:
    from braindecode.datautil import load_concat_dataset
    from braindecode.preprocessing import create_fixed_length_windows

    length, stride = np.load(path / "window.npy").tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recordings = load_concat_dataset(str(path / "recordings"), preload=False)
        return create_fixed_length_windows(
            recordings,
            window_size_samples=length,
            window_stride_samples=stride,
            drop_last_window=True,
            preload=False,
        )
