"""What a user calls: building a store, checking, repairing and opening it."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from tuszstore.config import Config, load_config
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

    What is in the store, or was built before an interruption, is taken over where it is what would
    be built; see `docs/build.md`.

    A script that calls this with workers needs the guard ``if __name__ == "__main__":``, since
    they are new processes which import it.

    Parameters
    ----------
    config : path, str, mapping, Config or None
        As :func:`tuszstore.load_config` takes it.
    split : str
        ``train``, ``dev`` (or ``val``) or ``eval``.
    data, store : path, optional
        Root of the corpus, and the folder for the stores; they override ``paths``.
    workers : int, optional
        Processes; 0 is this one. By default one for each core.
    limit : int, optional
        Build only so many recordings, the first of the store's order.
    force : bool
        Build all anew, taking nothing from the store that is there.
    progress : bool or Progress, optional
        True shows hours built, speed and time left: a bar in a notebook and on a terminal, a line a
        minute elsewhere, as in a batch job. By default there is a bar where there can be one, and
        no lines; False shows nothing. An object with the methods of ``Progress`` is told itself.

    Returns
    -------
    BuildReport
        With status ``nothing built`` if no recording could be; the store is then as it was.

    Raises
    ------
    ConfigError, CorpusError, BuildError
        If the build cannot begin or go on; the store is then as it was.
    SchemaError
        If there is a store of a newer schema, which is replaced only with `force`.
    """
    from tuszstore.builder.builder import run_plan
    from tuszstore.builder.plan import make_plan
    from tuszstore.progress import choose_progress

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
    """Check whether a store is whole; see :func:`tuszstore.integrity.verify.verify`."""
    from tuszstore.integrity.verify import verify as check

    return check(path, deep=deep, against=against, sample=sample, seed=seed, workers=workers)


def repair(
    path: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
) -> "RepairReport":
    """Make anew what is damaged in a store; see :func:`tuszstore.integrity.repair.repair`."""
    from tuszstore.integrity.repair import repair as mend

    return mend(path, data=data, workers=workers)


def open_store(path: str | os.PathLike[str], *, store: Any = None) -> Store:
    """Open the store of a split.

    Parameters
    ----------
    path : path or URL
        ``<root>/<split>.zarr``, or ``s3://``, ``gs://``, ``az://`` or ``https://`` with that at
        their end. ``val.zarr`` and ``dev.zarr`` are the same.
    store : obstore store, optional
        An object store that is set up as you need it, such as ``obstore.store.S3Store`` with
        credentials; `path` is then the name within it.

    Returns
    -------
    Store

    Raises
    ------
    StoreError
        If there is no store, or it is incomplete, foreign or damaged; or it cannot be reached.
    SchemaError
        If it is of another schema version, or requires what this version does not know.
    StaleIndexError
        If its index belongs to another signal; ``tuszstore index`` mends that.

    Notes
    -----
    Credentials that `store` does not give come from the environment, as obstore reads them.

    With ``TUSZSTORE_FORCE_REINDEX=1`` (or ``BGB_FORCE_MANIFEST_REBUILD=1``) the index is derived
    anew first.
    """
    return open_place(find_place(path, store))
