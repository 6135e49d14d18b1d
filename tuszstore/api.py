"""What a user calls: building a store, opening it, and the store itself."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.config import CHANNELS, Config, load_config
from tuszstore.corpus.splits import ALIASES
from tuszstore.errors import StoreError
from tuszstore.read.arrays import WindowArray
from tuszstore.read.selection import select_windows
from tuszstore.read.windows import WindowReader
from tuszstore.store.generations import Identity, find_generation
from tuszstore.store.metadata import StoreMetadata, Table
from tuszstore.store.schema import CATEGORIES

if TYPE_CHECKING:
    import xarray

    from tuszstore.build.builder import Progress
    from tuszstore.build.report import BuildReport

FORCE_REINDEX = ("TUSZSTORE_FORCE_REINDEX", "BGB_FORCE_MANIFEST_REBUILD")
"""Environment variables which, set to 1, make every opening derive the index anew."""


def build(
    config: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
    *,
    split: str = "train",
    data: str | os.PathLike[str] | None = None,
    store: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    limit: int | None = None,
    force: bool = False,
    progress: "Progress | None" = None,
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
    progress : Progress, optional

    Returns
    -------
    BuildReport
        With status ``nothing built`` if no recording could be; the store is then as it was.

    Raises
    ------
    ConfigError, CorpusError, BuildError
        If the build cannot begin or go on; the store is then as it was.
    """
    from tuszstore.build.builder import run_plan
    from tuszstore.build.plan import make_plan

    given = {"paths.data": data, "paths.store": store, "build.workers": workers}
    options = {key: value for key, value in given.items() if value is not None}
    plan = make_plan(load_config(config, options), split, limit=limit)
    return run_plan(plan, force=force, progress=progress)


def open_store(path: str | os.PathLike[str]) -> "Store":
    """Open the store of a split.

    Parameters
    ----------
    path : path
        ``<root>/<split>.zarr``. ``val.zarr`` and ``dev.zarr`` are the same.

    Returns
    -------
    Store

    Raises
    ------
    StoreError
        If there is no store, or it is incomplete, foreign or of another schema version.
    StaleIndexError
        If its index belongs to another signal; ``tuszstore index`` mends that.

    Notes
    -----
    With ``TUSZSTORE_FORCE_REINDEX=1`` (or ``BGB_FORCE_MANIFEST_REBUILD=1``) the index is derived
    anew first.
    """
    place = resolve_alias(Path(path))
    if any(os.environ.get(name, "0") not in ("", "0") for name in FORCE_REINDEX):
        from tuszstore.build.reindex import reindex

        reindex(place)
    return Store(StoreMetadata.open(place))


def resolve_alias(path: Path) -> Path:
    """Return the path of ``dev.zarr`` for ``val.zarr``, where only the former is there."""
    name = ALIASES.get(path.stem)
    if name and not path.exists() and path.with_stem(name).exists():
        return path.with_stem(name)
    return path


class Store:
    """A complete store, opened for reading; made by :func:`tuszstore.open`.

    Opening reads one small file; tables are loaded when they are first used.
    """

    def __init__(self, metadata: StoreMetadata) -> None:
        self._metadata = metadata

    @property
    def path(self) -> Path:
        """Where the store is."""
        return self._metadata.path

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the root: split, policy, configuration, versions, warnings."""
        return self._metadata.attributes

    @property
    def config(self) -> Config:
        """Configuration with which the store was built."""
        return self._metadata.config

    @property
    def sfreq(self) -> int:
        """Sampling rate (Hz)."""
        return self._metadata.geometry.sfreq

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels, in their order."""
        return CHANNELS

    @cached_property
    def index(self) -> "xarray.Dataset":
        """The windows table: ``recording``, ``start_time`` (s), ``category``, ``patient``, ...

        Columns are loaded when they are used; :meth:`select` finds windows by their values.
        """
        from tuszstore.tables import index_dataset

        return index_dataset(self._metadata)

    @cached_property
    def recordings(self) -> "xarray.Dataset":
        """The recordings table; ``mean`` and ``sd`` are in µV, ``(recording, channel)``."""
        return self._dataset(self._metadata.recordings)

    @cached_property
    def events(self) -> "xarray.Dataset":
        """The annotated events, in seconds as annotated and in samples of the store."""
        return self._dataset(self._metadata.events)

    @cached_property
    def left_out(self) -> "xarray.Dataset":
        """Recordings of the split that are not in the store, and why."""
        return self._dataset(self._metadata.left_out)

    @cached_property
    def reader(self) -> WindowReader:
        """What reads the windows; made when it is first used."""
        return WindowReader(self._metadata)

    @property
    def windows(self) -> WindowArray:
        """Signals, ``(window, channel, sample)`` float32, read when indexed."""
        shape = (len(self), len(CHANNELS), self._metadata.geometry.window)
        return WindowArray(
            "windows", shape, np.dtype(np.float32), ("window", "channel", "sample"),
            self.reader.signal,
        )  # fmt: skip

    @property
    def labels(self) -> WindowArray:
        """Class bits, ``(window, sample)`` uint16, 0 for background; painted when indexed."""
        shape = (len(self), self._metadata.geometry.window)
        return WindowArray(
            "labels", shape, np.dtype(np.uint16), ("window", "sample"),
            self.reader.labels,
        )  # fmt: skip

    @overload
    def read(self, indices: ArrayLike, *, labels: Literal[False] = ...) -> NDArray[np.float32]: ...

    @overload
    def read(
        self, indices: ArrayLike, *, labels: Literal[True]
    ) -> tuple[NDArray[np.float32], NDArray[np.uint16]]: ...

    def read(self, indices: ArrayLike, *, labels: bool = False) -> Any:
        """Read windows by number.

        Parameters
        ----------
        indices : array_like of int, shape (window,)
            In any order, repeated if need be.
        labels : bool
            Whether to return the class bits as well.

        Returns
        -------
        signal : ndarray of float32, shape (window, channel, sample)
            z-scores, or µV where ``signal.normalise`` is ``none``.
        labels : ndarray of uint16, shape (window, sample)
            Only with `labels`.

        Raises
        ------
        IndexError, TypeError
            If a number is out of range, or none.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        signal = self.reader.signal(indices)
        return (signal, self.reader.labels(indices)) if labels else signal

    def read_recording(
        self,
        recording: str | int,
        start: float = 0.0,
        stop: float | None = None,
        *,
        microvolts: bool = False,
    ) -> NDArray[np.float32]:
        """Read a stretch of one recording, whatever windows lie in it.

        Parameters
        ----------
        recording : str or int
            Id, file name without suffix, or row of `recordings`.
        start, stop : float
            Seconds from the start of the recording, rounded to samples; by default to its end.
        microvolts : bool
            Whether to undo the normalisation, with the recording's mean and standard deviation.
            What was clipped stays clipped.

        Returns
        -------
        ndarray of float32, shape (channel, sample)
            As stored, or in µV.

        Raises
        ------
        ValueError
            If there is no such recording or stretch.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        return self.reader.recording(recording, start, stop, microvolts=microvolts)

    def mask(self, category: str) -> NDArray[np.bool_]:
        """Return which windows have a category.

        Parameters
        ----------
        category : {"no_seizure", "partial_seizure", "full_seizure"}

        Raises
        ------
        ValueError
            If there is no such category.
        """
        if category not in CATEGORIES:
            raise ValueError(f"no category {category!r}; there are {', '.join(CATEGORIES)}")
        mask: NDArray[np.bool_] = self._metadata.windows["category_mask"][
            CATEGORIES.index(category)
        ]
        return mask

    def select(
        self,
        *,
        patient: str | Sequence[str] | None = None,
        category: str | Sequence[str] | None = None,
        event_class: str | Sequence[str] | None = None,
        montage: str | Sequence[str] | None = None,
        recording: str | int | Sequence[str | int] | None = None,
        min_fraction: float | None = None,
    ) -> NDArray[np.int64]:
        """Return the numbers of the windows that fulfil all conditions, in order.

        Parameters
        ----------
        patient, montage : str or sequence of str, optional
        category : str or sequence of str, optional
            Of ``no_seizure``, ``partial_seizure``, ``full_seizure``.
        event_class : str or sequence of str, optional
            Windows that hold a sample of one of these classes, such as ``"tcsz"``.
        recording : str, int or sequence of them, optional
            By id, by file name without suffix, or by row of `recordings`.
        min_fraction : float, optional
            Least share of samples in a seizure.

        Raises
        ------
        ValueError
            If the store knows no such value, naming what it knows.
        """
        return select_windows(
            self._metadata, patient=patient, category=category, event_class=event_class,
            montage=montage, recording=recording, min_fraction=min_fraction,
        )  # fmt: skip

    def __len__(self) -> int:
        return self._metadata.n_windows

    def __reduce__(self) -> Any:
        return _open_again, (self.path.absolute(), self._metadata.identity)

    def __repr__(self) -> str:
        n_recordings = self._metadata.group["recordings/id"].shape[0]
        return (
            f"<tuszstore.Store {self.path}: split {self.attrs['split']}, "
            f"{n_recordings} recordings, {len(self)} windows>"
        )

    def _dataset(self, table: Table) -> "xarray.Dataset":
        from tuszstore.tables import table_dataset

        return table_dataset(table)


def _open_again(path: Path, identity: Identity) -> Store:
    """Open a store that was pickled, though another may have its name by now."""
    place = find_generation(path, identity)
    if place is None:
        raise StoreError(f"{path}: was rebuilt since it was pickled; open it again")
    return Store(replace(StoreMetadata.open(place), path=path))
