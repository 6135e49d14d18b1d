"""The public API: building, verifying, repairing and opening a store."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from tuszstore.config import Config, load_config
from tuszstore.errors import CorpusError
from tuszstore.facade.store import Store, open_place
from tuszstore.store.find import find_place

if TYPE_CHECKING:
    from tuszstore.builder.builder import Progress
    from tuszstore.builder.report import BuildReport
    from tuszstore.integrity.report import RepairReport, VerifyReport

__all__ = ["Store", "build", "open_store", "repair", "verify"]


def build(
    config: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
    *,
    split: str = "train",
    data: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    limit: int | None = None,
    force: bool = False,
    progress: "bool | Progress | None" = None,
) -> "BuildReport":
    """Build the store of one split, or bring it up to date.

    Recordings in the store, or built before an interruption, are reused if they are
    unchanged; see `docs/build.md`.

    Options are keys of the configuration:
    ``build({"corpus": {"split_policy": "patient"}}, split="train", data="BIDS", store="stores")``,
    or ``build(load_config("bipolar", {"corpus.split_policy": "patient"}), ...)``.

    A script that calls this with workers needs the guard ``if __name__ == "__main__":``, because
    worker processes import it.

    Parameters
    ----------
    config : path, str, mapping, Config or None
        As for :func:`tuszstore.load_config`.
    split : str
        ``train``, ``dev`` (or ``val``) or ``eval``. Each call builds one; ``all`` is known on the
        command line only.
    data, store : path, optional
        Root of the corpus, and the folder for the stores; they override ``paths``.
    workers : int, optional
        Worker processes; 0 runs in this process. By default 0 if less than 10 h of EEG are
        to be built, else one per core.
    limit : int, optional
        Build at most this many recordings, the first in the store's order.
    force : bool
        Rebuild from scratch, reusing nothing of the existing store, which may be of another
        corpus.
    progress : bool or Progress, optional
        True shows hours built, speed and time left: a bar in a notebook and in a terminal, and one
        line per minute elsewhere, as in a batch job. By default only bars are shown; False shows
        nothing. An object with the methods of ``Progress`` is called instead.

    Returns
    -------
    BuildReport
        With status ``nothing built`` if no recording could be built; the store is then unchanged.

    Raises
    ------
    ConfigError, CorpusError, BuildError
        If the build cannot start or continue, or would replace the store of another corpus;
        the store is then unchanged.
    SchemaError
        If the existing store has a newer schema: it is replaced only with `force`.
    """
    from tuszstore.builder.builder import run_plan
    from tuszstore.builder.plan import make_plan
    from tuszstore.progress import choose_progress

    if split == "all":
        raise CorpusError(
            "split: one call builds one split, not 'all'; call build for 'train', for 'dev' and, "
            "if the corpus has it, for 'eval', or run: tuszstore build --split all"
        )
    given = {"paths.data": data, "paths.store": store, "build.workers": workers}
    options = {key: value for key, value in given.items() if value is not None}
    loaded = load_config(config, options)
    if progress is None or isinstance(progress, bool):
        progress = choose_progress(progress)
    telling = getattr(progress, "telling", lambda what: nullcontext())
    with telling("planning"):
        plan = make_plan(loaded, split, limit=limit)
    with telling(f"{plan.split}: comparing with the existing store"):
        return run_plan(plan, force=force, progress=progress)


def verify(
    path: str | os.PathLike[str],
    *,
    deep: bool = False,
    against: str | os.PathLike[str] | None = None,
    sample: int | None = 3,
    seed: int = 0,
    workers: int | None = None,
) -> "VerifyReport":
    """Check whether a store is intact.

    Without `deep`, metadata, tables, labels and the index of every shard are read in full, and
    every block must exist; with it, every block is decoded and compared with its digest.

    Parameters
    ----------
    path : path
        ``<root>/<split>.zarr``.
    deep : bool
        Whether to read every byte.
    against : path, optional
        Root of the corpus: recordings are recomputed from it and compared bit for bit.
    sample : int, optional
        Number of them; None for all.
    seed : int
        Seed of the sample.
    workers : int, optional
        Threads, and processes with `against`; by default one per core.

    Returns
    -------
    VerifyReport
        Damage is a finding there, never an exception.

    Raises
    ------
    StoreError
        If there is no store at `path`, it is in an object store, or it is replaced
        meanwhile.
    SchemaError
        If it has another schema version, or requires unknown features.
    CorpusError, ConfigError
        If `against` is not the corpus, or the key of the store's pseudonyms is missing or another.
    """
    from tuszstore.integrity.verify import verify as check

    return check(path, deep=deep, against=against, sample=sample, seed=seed, workers=workers)


def repair(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
) -> "RepairReport":
    """Repair the damaged parts of a store, and nothing else.

    Metadata is restored from the root's copy or vice versa, the index from the labels,
    labels from the events, events from the annotations, and signals from the EDF files.

    Parameters
    ----------
    path : path
        ``<root>/<split>.zarr``.
    data : path, optional
        Root of the corpus, if it has moved.
    workers : int, optional
        Worker processes that compute signals; by default this process.

    Returns
    -------
    RepairReport
        What was repaired.

    Raises
    ------
    StoreError
        If there is no store.
    BuildError
        If it cannot be repaired; the store is then unchanged. The text says what to do.
    """
    from tuszstore.integrity.repair import repair as mend

    return mend(path, data=data, workers=workers)


def open_store(path: str | os.PathLike[str], *, store: Any = None) -> Store:
    """Open the store of a split.

    Parameters
    ----------
    path : path or URL
        ``<root>/<split>.zarr``, or a URL of it: ``s3://``, ``gs://``, ``az://`` or
        ``https://``. ``val.zarr`` and ``dev.zarr`` are the same.
    store : obstore store, optional
        A configured object store, such as ``obstore.store.S3Store`` with
        credentials; `path` is then the name within it.

    Returns
    -------
    Store
        Windows are read when they are requested. Close it, or use it in a ``with`` block.

    Raises
    ------
    StoreError
        If there is no store, or it is incomplete, foreign or damaged; or it cannot be reached.
    SchemaError
        If it has another schema version, or requires unknown features.
    StaleIndexError
        If its index belongs to another signal; ``tuszstore index`` repairs that.

    Notes
    -----
    Credentials that `store` does not give come from the environment, as obstore reads them.

    With ``TUSZSTORE_FORCE_REINDEX=1`` (or ``BGB_FORCE_MANIFEST_REBUILD=1``) the index is
    rebuilt first.
    """
    return open_place(find_place(path, store))
