"""A demonstration on a synthetic corpus, end to end."""

import time
from pathlib import Path

import numpy as np

import tuszstore
from tuszstore.builder.builder import run_plan
from tuszstore.builder.plan import make_plan
from tuszstore.cli.console import make_console, make_progress, show_report
from tuszstore.config import load_config
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.store.categories import CATEGORIES


def run_demo(directory: Path, workers: int | None = None) -> int:
    """Make a corpus, build train and val, and read a window of each category.

    Parameters
    ----------
    directory : Path
        Gets the folders ``corpus`` and ``stores``; a corpus that is there is used again.
    workers : int, optional
        As for a build.

    Returns
    -------
    int
        Exit status; 0 if everything is as it should be.
    """
    console = make_console()
    corpus = directory / "corpus"
    if not (corpus / "edf").exists():
        console.print(f"Writing a synthetic corpus to {corpus} ...")
        write_corpus(corpus)
    options = {"paths.data": corpus, "paths.store": directory / "stores", "build.workers": workers}
    config = load_config(None, options)
    for split in ("train", "val"):
        console.print(f"Building {split} ...")
        report = run_plan(make_plan(config, split), progress=make_progress())
        show_report(console, report)
        if report.recordings == 0:
            return report.exit_status
    store = tuszstore.open(directory / "stores" / "train.zarr")
    numbers = [int(np.flatnonzero(store.mask(name))[0]) for name in CATEGORIES]
    start = time.perf_counter()
    signal, labels = store.read(numbers, labels=True)
    seconds = time.perf_counter() - start
    console.print(f"Read windows {numbers} in {seconds * 1000:.0f} ms: {signal.shape} float32")
    seizure = (labels & store.spec.seizure_bits) > 0
    for name, window, share in zip(CATEGORIES, signal, seizure.mean(1), strict=True):
        console.print(f"  {name:16} seizure {share:4.0%}, standard deviation {window.std():.2f}")
    return 0
