"""A demonstration on a synthetic corpus, end to end."""

import shlex
import time
from collections.abc import Callable
from pathlib import Path

import tuszstore
from tuszstore.builder.builder import Progress, Silent, run_plan
from tuszstore.builder.plan import make_plan
from tuszstore.builder.report import BuildReport
from tuszstore.config import load_config
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import CorpusError
from tuszstore.store.categories import CATEGORIES


def run_demo(
    directory: Path,
    workers: int | None = None,
    *,
    say: Callable[[str], None] = print,
    show: Callable[[BuildReport], None] | None = None,
    make_progress: Callable[[], Progress] = Silent,
) -> int:
    """Make a corpus, build train and val, and read a window of each category.

    Parameters
    ----------
    directory : Path
        Folder for ``corpus`` and ``stores``; an existing corpus is reused.
    workers : int, optional
        As for a build.
    say : callable
        Called with each line of output.
    show : callable, optional
        Called with the report of each build.
    make_progress : callable
        Makes the progress display of a build.

    Returns
    -------
    int
        Exit status; 0 on success.

    Raises
    ------
    TuszstoreError
        If the folder cannot be written to.
    """
    corpus = directory / "corpus"
    try:
        there = (corpus / "edf").is_dir() and any((corpus / "edf").iterdir())
    except OSError as error:
        raise CorpusError(f"{corpus / 'edf'}: cannot be read: {error.strerror}") from error
    if not there:
        say(f"Writing a synthetic corpus to {corpus} ...")
        say("It has typical faults of real files on purpose: the warnings below are about these.")
        write_corpus(corpus)
    options = {"paths.data": corpus, "paths.store": directory / "stores", "build.workers": workers}
    config = load_config(None, options)
    for split in ("train", "val"):
        say(f"Building {split} ...")
        report = run_plan(make_plan(config, split), progress=make_progress())
        if show is not None:
            show(report)
        if report.recordings == 0:
            return report.exit_status
    store = tuszstore.open(directory / "stores" / "train.zarr")
    categories = [name for name in CATEGORIES if store.mask(name).any()]
    numbers = [int(store.mask(name).argmax()) for name in categories]
    start = time.perf_counter()
    signal, labels = store.read(numbers, labels=True)
    seconds = time.perf_counter() - start
    say(f"Read windows {numbers} in {seconds * 1000:.0f} ms: {signal.shape} float32")
    seizure = (labels & store.spec.seizure_bits) > 0
    for name, window, share in zip(categories, signal, seizure.mean(1), strict=True):
        say(f"  {name:16} seizure {share:4.0%}, standard deviation {window.std():.2f}")
    path = shlex.quote(str(directory / "stores" / "train.zarr"))
    say("Go on with:")
    say(f"  tuszstore info {path}")
    say(f"  tuszstore report {path} -o report.html")
    say(f"  python examples/train.py {path}  # in a clone; needs the extra torch")
    return 0
