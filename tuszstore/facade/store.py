"""A store opened for reading."""

import difflib
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tuszstore.errors import StoreError
from tuszstore.facade.windows import WindowCollection
from tuszstore.read.windows import WindowReader
from tuszstore.store.find import resolve_alias
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.place import Identity, Place, ReplacedError, shown_path
from tuszstore.store.schema import ALIASES, SPLITS
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore.facade.view import Channels, View

FORCE_REINDEX = ("TUSZSTORE_FORCE_REINDEX", "BGB_FORCE_MANIFEST_REBUILD")
"""Environment variables which, set to 1, rebuild the index at every opening."""


class Store(WindowCollection):
    """A complete store, opened for reading; created by :func:`tuszstore.open`.

    Opening reads seven small files; tables are loaded on first use.

    Attributes
    ----------
    metadata : StoreMetadata
        Everything but the signal, with the tables as NumPy arrays; the Datasets are views of these.

    Examples
    --------
    >>> import tuszstore
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> store.read([5, 17, 4]).shape
    (3, 19, 15360)
    >>> store.select(category="full_seizure")[:3]
    array([17, 18, 19])
    """

    metadata: StoreMetadata

    def __init__(self, metadata: StoreMetadata) -> None:
        self.metadata = metadata

    def beside(self, split: str) -> "Store | None":
        """Open the store of another split in the same store root; return None if there is none.

        Parameters
        ----------
        split : str
            ``train``, ``dev``, ``eval``, or ``val`` (alias of ``dev``); or the name, without
            ``.zarr``, of another store that exists there.

        Raises
        ------
        StoreError
            If it exists but cannot be opened.
        ValueError
            If there is none, and the name is not that of a split; names the nearest one.
        """
        place = resolve_alias(self.metadata.place.sibling(f"{split}.zarr"))
        if place.exists():
            return open_place(place)
        if split not in (*SPLITS, *ALIASES):
            name = str(split).removesuffix(".zarr")
            close = difflib.get_close_matches(name, (*SPLITS, *ALIASES), n=1)
            told = f"did you mean {close[0]!r}? Known" if close else "known"
            raise ValueError(
                f"unknown split {split!r}; {told} are {', '.join(sorted(SPLITS))} and val (alias "
                f"of dev), and no store {split}.zarr is beside {shown_path(self.path)}"
            )
        return None

    def close(self) -> None:
        """Release files, tables and buffers; may be called twice.

        Data already read remain valid. Further reads raise :class:`StoreError`, also in Datasets,
        samplers and loaders of this store. A running read in another
        thread is finished first.
        """
        self.metadata.close()
        reader = vars(self).pop("reader", None)
        if reader is not None:
            reader.close()

    @property
    def closed(self) -> bool:
        """Whether the store was closed."""
        return self.metadata.closed[0]

    @property
    def remote(self) -> bool:
        """Whether it is read from an object store, where each request is a round trip."""
        return self.metadata.place.remote

    def sizes(self) -> list[int] | None:
        """Return the sizes (byte) of all files; None on a web server, which cannot list them."""
        return self.metadata.place.sizes()

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the root: split, policy, configuration, versions, warnings."""
        return self.metadata.attributes

    def view(
        self,
        channels: "Channels | None" = None,
        units: str | None = None,
        length: float | None = None,
        stride: float | None = None,
        *,
        rater: str | None = None,
    ) -> "View":
        """Return other channels, units or windows of the store, computed when read.

        Nothing is built or copied: a view is read like a store. Defaults are the store's.

        Parameters
        ----------
        channels : str, Channel or iterable of them, optional
            A set's name, such as ``"double_banana"``, or channels: electrodes, differences
            (``"F7-T3"``), electrodes minus the average (``"C3-avg"``).
        units : {"zscore", "uV", "µV"}, optional
            ``"µV"`` means ``"uV"``. z-scores are what a build with these channels would have
            stored, by the store's normaliser. For derivations other than those of the built-in
            sets, mean and standard deviation are computed by reading the store once, and kept in
            the user's cache.
        length, stride : float, optional
            Length and stride of windows (s), in whole samples. If windows are stored separately
            (``windows.overlap: duplicate``), they cannot be changed.
        rater : str, optional
            Which raters decide the labels: the name of one, or ``any``, ``majority`` or
            ``all``.

        Returns
        -------
        View
            It reads from this store, and is closed with it.

        Raises
        ------
        ValueError
            If a channel cannot be derived, naming which and why; if units or rater are
            unknown; if `length` or `stride` is not a whole number of samples, or windows are longer
            than any recording.
        """
        from tuszstore.facade.view import make_view

        return make_view(self, channels, units, length, stride, rater)

    @cached_property
    def reader(self) -> WindowReader:
        """What reads the windows; made when it is first used."""
        return WindowReader(self.metadata)

    def __reduce__(self) -> Any:
        self.metadata.check_open()
        return _open_again, (self.metadata.place, self.metadata.identity)

    def __repr__(self) -> str:
        n_recordings = self.metadata.recordings.shape("id")[0]
        return (
            f"<tuszstore.Store {shown_path(self.path)}: split {printable(self.attrs['split'])}, "
            f"{n_recordings} recordings, {len(self)} windows>"
        )


def open_place(place: Place) -> Store:
    """Open the store at a place; see :func:`tuszstore.open`."""
    place = resolve_alias(place)
    if any(os.environ.get(name, "0") not in ("", "0") for name in FORCE_REINDEX):
        from tuszstore.builder.reindex import reindex

        reindex(place.path)
    return Store(StoreMetadata.open(place))


def _open_again(place: Place, identity: Identity) -> Store:
    """Open a pickled store, even if another store has its name by now."""
    try:
        return Store(StoreMetadata.open(place, identity))
    except ReplacedError:
        raise StoreError(f"{place.path}: was rebuilt since it was pickled; open it again") from None
