"""Opening a store: its attributes are checked, and its tables loaded on demand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from tuszstore.errors import SchemaError, StaleIndexError, StoreError
from tuszstore.store.agreement import check_channels, check_copies, check_meaning
from tuszstore.store.digests import check_document, check_seal
from tuszstore.store.encoding import Encoding
from tuszstore.store.files import parse_json
from tuszstore.store.geometry import Geometry
from tuszstore.store.limits import check_arrays
from tuszstore.store.local import LocalPlace
from tuszstore.store.opening import (
    CHANNEL,
    PARTS,
    arrays_of,
    channel_names,
    check_attributes,
    check_signatures,
    read_spec,
    schema_error,
)
from tuszstore.store.place import (
    ROOT,
    ClosedError,
    Document,
    Hold,
    Identity,
    Place,
    ReplacedError,
)
from tuszstore.store.regular import WindowGrid
from tuszstore.store.schema import SCHEMA_VERSION, TABLES, derived_variables, variables
from tuszstore.store.spec import StoreSpec
from tuszstore.store.table import Table
from tuszstore.text import printable

T = TypeVar("T")


def read_attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a store's root; empty if there is no Zarr v3 group."""
    try:
        (document,) = LocalPlace(path).read([ROOT])
    except StoreError:
        return {}
    return _attributes(document)


def refuse_newer(path: Path) -> None:
    """Refuse to replace a store that needs a newer version.

    Raises
    ------
    SchemaError
        If the root at `path` has a newer schema version, or requires unknown features.
    """
    try:
        (document,) = LocalPlace(path).read([ROOT])
    except StoreError:
        return  # none readable
    attributes = _attributes(document)
    if document is None or "complete" not in attributes:
        return
    error = schema_error(path, document.content, attributes)
    if error and not attributes["schema_version"] < SCHEMA_VERSION:
        raise SchemaError(f"{error}, or replace the store with: tuszstore build --force")


def _attributes(document: Document | None) -> dict[str, Any]:
    return _attributes_of(_parsed(document))


def _attributes_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    attributes = metadata.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _parsed(document: Document | None) -> dict[str, Any]:
    """Return the metadata in a file; None if there is no file, or no JSON object in it."""
    try:
        return parse_json(document.content, "") if document else {}
    except StoreError:
        return {}


def _group_at(place: Place) -> Any:
    try:
        return place.open_group()
    except (StoreError, OSError):
        raise
    except Exception as error:  # zarr-python may raise anything on unknown metadata
        raise StoreError(
            f"{place.path}: zarr-python cannot read its metadata: {type(error).__name__}: "
            f"{error!s:.200}"
        ) from error


@dataclass(frozen=True)
class StoreMetadata:
    """A complete store, without its signals.

    Attributes
    ----------
    place : Place
        Where it was when it was opened; it may have been replaced since.
    attributes : dict
        Attributes of the root.
    spec : StoreSpec
    arrays : mapping of str to dict
        Zarr v3 metadata of each array, by path.
    signal : mapping
        Metadata of the signal, from its own folder.
    identity : tuple
        Of the root's metadata file; another identity means another store under the same name.
    held : Hold or None
        A lock that keeps this store from being removed after it is replaced.
    closed : list of bool
        Whether it was closed: one shared value.
    """

    place: Place
    attributes: dict[str, Any]
    spec: StoreSpec
    arrays: Mapping[str, Any]
    signal: Mapping[str, Any]
    identity: Identity
    held: Hold | None = field(repr=False, compare=False)
    closed: list[bool] = field(default_factory=lambda: [False], repr=False, compare=False)

    @classmethod
    def open(
        cls, place: Place | Path, identity: Identity = (), *, allow_stale_index: bool = False
    ) -> Self:
        """Open a store.

        Parameters
        ----------
        place : Place or Path
        identity : tuple, optional
            Identity of the expected store, if it may have been replaced.
        allow_stale_index : bool
            For a caller that rebuilds the index.

        Raises
        ------
        StoreError
            If there is none, or it is incomplete, foreign or has another schema version.
        ReplacedError
            If the expected store no longer exists.
        """
        place = LocalPlace(place) if isinstance(place, Path) else place
        # read again if another store replaced it meanwhile, so that parts of both were read
        opening = partial(cls._open, place, allow_stale_index=allow_stale_index)
        (store,) = place.of_one_store([opening], identity)
        if identity and store.identity != identity:
            raise ReplacedError(place.path)
        return store

    @classmethod
    def _open(cls, place: Place, found: Place, *, allow_stale_index: bool) -> Self:
        path, held = place.path, found.hold()
        root, *parts = found.read([ROOT, *(f"{part}/{ROOT}" for part in PARTS), CHANNEL])
        if root is None and not found.exists():
            raise StoreError(f"{path}: {place.absent()}")
        metadata = _parsed(root)
        attributes = _attributes_of(metadata)
        check_attributes(path, attributes)
        spec = read_spec(path, attributes)
        assert root is not None  # checked above
        arrays = arrays_of(path, metadata)
        check_arrays(path, arrays, spec)
        own = dict(zip(PARTS, map(_parsed, parts), strict=False))
        read = dict(zip([*(f"{part}/{ROOT}" for part in PARTS), CHANNEL], parts, strict=True))
        try:
            check_signatures(path, {name: _attributes_of(own[name]) for name in PARTS}, attributes)
        except StaleIndexError:
            if not allow_stale_index:
                raise
            del own["windows"], read[f"windows/{ROOT}"]  # the caller is about to rewrite it
        wanted = [variable for variable in variables("") if variable.name in own]
        check_arrays(path, own, spec, wanted)
        check_copies(path, own, arrays)
        check_meaning(path, own, spec)
        check_channels(path, channel_names(path, parts[-1], arrays["channel"]), spec)
        # last, since the checks above name the fault, and these only detect one
        check_seal(path, root.content, attributes)
        for name, document in read.items():
            check_document(path, name, document, attributes)
        found.check_folders(arrays)
        return cls(place, attributes, spec, arrays, own["signal"], root.identity, held)

    @property
    def path(self) -> Path | str:
        """Location of the store for display: a folder, or a URL without credentials."""
        return self.place.path

    @cached_property
    def group(self) -> Any:
        """The store as a ``zarr.Group``, opened on first use.

        Raises
        ------
        StoreError
            If zarr-python cannot read its metadata.
        """
        (group,) = self.read([_group_at])
        return group

    @cached_property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return self.spec.geometry

    @cached_property
    def encoding(self) -> Encoding:
        """How values of the signal are stored."""
        return Encoding.of_array(self.signal)

    @property
    def signature(self) -> str:
        """Signature of the recordings and their content; equal for copies of a store."""
        return str((self.arrays["recordings"].get("attributes") or {}).get("signature"))

    @property
    def numbering(self) -> str:
        """Equal if window indices refer to the same windows."""
        return self.geometry.numbering(self.signature)

    @cached_property
    def grid(self) -> WindowGrid:
        """Positions of windows, by the lengths of recordings."""
        return WindowGrid.of(self.recordings, self.geometry, self.geometry)

    @cached_property
    def n_windows(self) -> int:
        """Number of windows, without loading their table."""
        return int(self.arrays["windows/category"]["shape"][0])

    @cached_property
    def windows(self) -> Table:
        """Columns of `windows/*`."""
        return self._table("windows")

    @cached_property
    def recordings(self) -> Table:
        """Columns of `recordings/*`."""
        return self._table("recordings")

    @cached_property
    def events(self) -> Table:
        """Columns of `events/*`."""
        return self._table("events")

    @cached_property
    def shards(self) -> Table:
        """Columns of `shards/*`."""
        return self._table("shards")

    @cached_property
    def derived(self) -> dict[str, Table]:
        """Moments of derivations, by the name of their set."""
        names = [path.split("/")[1] for path in self.arrays if path.endswith("/mean")]
        wanted = [name for name in dict.fromkeys(names) if f"derived/{name}/mean" in self.arrays]
        return {name: Table(self, derived_variables(name)) for name in wanted}

    @cached_property
    def left_out(self) -> Table:
        """Columns of `left_out/*`."""
        return self._table("left_out")

    def load_tables(self) -> None:
        """Load the tables that batches and their error messages need, if that saves time."""
        if self.place.remote:
            tables = ((self.windows, "start_block"), (self.recordings, "id"), (self.events, "bit"))
            self.place.at_once([partial(table.__getitem__, name) for table, name in tables])

    def check_identity(self) -> None:
        """Raise if the store that was opened no longer exists.

        Raises
        ------
        ReplacedError
        """
        self.place.find(self.identity)

    def read(self, tasks: Sequence[Callable[[Place], T]]) -> list[T]:
        """Return the results of tasks on this store, even if it has been replaced.

        Parameters
        ----------
        tasks : sequence of callable
            Each is called with the store's location, and may be called again.

        Raises
        ------
        ReplacedError
            If the store no longer exists.
        ClosedError
            If it was closed.
        """
        self.check_open()
        return self.place.of_one_store(tasks, self.identity)

    def check_open(self) -> None:
        """Raise if the store was closed.

        Raises
        ------
        ClosedError
        """
        if self.closed[0]:
            raise ClosedError(self.path)

    def close(self) -> None:
        """Drop the tables and release the store; later reads raise an error."""
        self.closed[0] = True
        for name in TABLES:
            if name in vars(self):
                vars(self)[name].forget()
        self.release()

    def release(self) -> None:
        """Release the store, so that it can be removed once it is replaced."""
        if self.held is not None:
            self.held.release()

    def group_at(self, place: Place) -> Any:
        """Return the group of this store at its current location."""
        return self.group if place is self.place else _group_at(place)

    def where(self, first: int, last: int) -> str:
        """Name recording and time of consecutive blocks, for messages.

        Parameters
        ----------
        first, last : int
            Blocks of one recording.
        """
        geometry, recordings = self.geometry, self.recordings
        number = int(np.searchsorted(recordings["first_block"], first, "right")) - 1
        begin = (first - recordings["first_block"][number]) * geometry.step / geometry.sfreq
        end = begin + ((last - first) * geometry.step + geometry.block) / geometry.sfreq
        return f"{self.path}: {printable(recordings['id'][number])}, {begin:g} to {end:g} s"

    def _table(self, name: str) -> Table:
        return Table(self, variables(name))
