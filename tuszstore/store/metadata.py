"""Opening a store: its attributes, checked, and its tables, loaded when they are asked for."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tuszstore.config import Config
from tuszstore.errors import StaleIndexError, StoreError
from tuszstore.store.agreement import (
    check_channels,
    check_config,
    check_copies,
    check_meaning,
)
from tuszstore.store.columns import decode_strings, max_strings, read_column
from tuszstore.store.files import parse_json
from tuszstore.store.geometry import Geometry
from tuszstore.store.limits import check_arrays, chunk_names
from tuszstore.store.local import LocalPlace
from tuszstore.store.place import ROOT, Document, Hold, Identity, Place, ReplacedError
from tuszstore.store.ranges import check_column
from tuszstore.store.schema import SCHEMA_VERSION, attribute_fault, variables
from tuszstore.text import printable

T = TypeVar("T")

CHANNEL = "channel/c/0"
"""The chunk that holds the names of the channels."""

PARTS = ("recordings", "signal", "label", "windows", "events")
"""Parts of a store that record to which recordings, and to which content, they belong."""


class Table(Mapping[str, NDArray[Any]]):
    """The columns of one table, each loaded when it is first used.

    Those of a remote store are loaded together: they are small, and round trips are long.

    Parameters
    ----------
    store : StoreMetadata
    name : str
        One of :data:`~tuszstore.store.schema.TABLES`.
    """

    def __init__(self, store: "StoreMetadata", name: str) -> None:
        self.variables = {variable.name: variable for variable in variables(name)}
        self._store = store
        self._loaded: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._loaded:
            together = self._store.place.remote and name in self.variables
            names = list(self.variables) if together else [name]
            values = self._store.read([partial(self._read, n) for n in names])
            self._loaded |= dict(zip(names, values, strict=True))
        return self._loaded[name]

    def _read(self, name: str, place: Place) -> NDArray[Any]:
        path, store = self.variables[name].path, self._store
        values = read_column(place, path, store.arrays[path])
        check_column(store.path, path, values, store.arrays, store.config)
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def load(self, *names: str) -> None:
        """Load columns now: in a thread, zarr-python cannot while the interpreter ends."""
        for name in names:
            self[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a column without loading it."""
        return tuple(self._store.arrays[self.variables[name].path]["shape"])


def read_attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a store's root; none where there is no Zarr v3 group."""
    try:
        (document,) = LocalPlace(path).read([ROOT])
    except StoreError:
        return {}
    return _attributes(document)


def _attributes(document: Document | None) -> dict[str, Any]:
    return _attributes_of(_parsed(document))


def _attributes_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    attributes = metadata.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _parsed(document: Document | None) -> dict[str, Any]:
    """Return the metadata in a file; none where there is no file, or no object of JSON in it."""
    try:
        return parse_json(document.content, "") if document else {}
    except StoreError:
        return {}


@dataclass(frozen=True)
class StoreMetadata:
    """A complete store, without its signals.

    Attributes
    ----------
    place : Place
        Its name: where it was when it was opened, and another store may be by now.
    attributes : dict
        Of the root.
    config : Config
        With which it was built.
    arrays : mapping of str to dict
        Metadata of each array, by path, as Zarr v3 has it.
    group : zarr.Group
    signal : mapping
        Metadata of the signal, as it lies beside that.
    identity : tuple
        Of the root's metadata file; another one means another store under the same name.
    held : Hold or None
        What keeps this store from being removed after another took its name.
    """

    place: Place
    attributes: dict[str, Any]
    config: Config
    arrays: Mapping[str, Any]
    group: Any
    signal: Mapping[str, Any]
    identity: Identity
    held: Hold | None = field(repr=False, compare=False)

    @classmethod
    def open(
        cls, place: Place | Path, identity: Identity = (), *, allow_stale_index: bool = False
    ) -> Self:
        """Open a store.

        Parameters
        ----------
        place : Place or Path
        identity : tuple, optional
            Of the store that is meant, should another have its name by now.
        allow_stale_index : bool
            For who is about to derive the index anew.

        Raises
        ------
        StoreError
            If there is none, or it is incomplete, foreign or of another schema version.
        ReplacedError
            If the store that is meant is there no more.
        """
        place = LocalPlace(place) if isinstance(place, Path) else place
        # read again if another took the place meanwhile, and parts of both were seen
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
            then = " and copy it there" if place.remote else ""
            raise StoreError(
                f"{path}: no store here; make one with: "
                f"tuszstore build --split train --data CORPUS --store ROOT{then}"
            )
        metadata = _parsed(root)
        attributes = _attributes_of(metadata)
        config = read_config(path, attributes)
        assert root is not None  # or it was refused above
        arrays = _arrays(path, metadata)
        geometry = Geometry.of(config)
        check_arrays(path, arrays, geometry)
        own = dict(zip(PARTS, map(_parsed, parts), strict=False))
        try:
            _check_signatures(path, {name: _attributes_of(own[name]) for name in PARTS}, attributes)
        except StaleIndexError:
            if not allow_stale_index:
                raise
            del own["windows"]  # is about to be written again
        wanted = [variable for variable in variables("") if variable.name in own]
        check_arrays(path, own, geometry, wanted)
        check_copies(path, own, arrays)
        check_meaning(path, own, config)
        _check_channels(path, parts[-1], arrays["channel"])
        try:
            group = found.open_group()
        except (StoreError, OSError):
            raise
        except Exception as error:  # zarr-python raises what it likes at what it does not know
            raise StoreError(
                f"{path}: zarr-python cannot read its metadata: {type(error).__name__}: "
                f"{error!s:.200}"
            ) from error
        return cls(place, attributes, config, arrays, group, own["signal"], root.identity, held)

    @property
    def path(self) -> Path | str:
        """Where the store is, for people: a folder, or a URL without credentials."""
        return self.place.path

    @cached_property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return Geometry.of(self.config)

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
    def left_out(self) -> Table:
        """Columns of `left_out/*`."""
        return self._table("left_out")

    def load_tables(self) -> None:
        """Load the tables that batches and their error messages need, where that saves waiting."""
        if self.place.remote:
            tables = ((self.windows, "start_block"), (self.recordings, "id"), (self.events, "bit"))
            self.place.at_once([partial(table.__getitem__, name) for table, name in tables])

    def check_identity(self) -> None:
        """Refuse to go on where the store that was opened is no longer there.

        Raises
        ------
        ReplacedError
        """
        self.place.find(self.identity)

    def read(self, tasks: Sequence[Callable[[Place], T]]) -> list[T]:
        """Return what tasks read of this store, though another may have its name by now.

        Parameters
        ----------
        tasks : sequence of callable
            Each is given where the store lies, and may be called again.

        Raises
        ------
        ReplacedError
            If the store is there no more.
        """
        return self.place.of_one_store(tasks, self.identity)

    def release(self) -> None:
        """Let the store be removed once another has taken its name; it is not read any more."""
        if self.held is not None:
            self.held.release()

    def group_at(self, place: Place) -> Any:
        """Return the group of this store where it lies now."""
        return self.group if place is self.place else place.open_group()

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
        return Table(self, name)


def read_config(path: Path | str, attributes: Mapping[str, Any]) -> Config:
    """Return the configuration that stands in a root, once the root's attributes may be used.

    Parameters
    ----------
    path : Path or str
        Of the store, for messages.
    attributes : mapping
        Of the root.

    Raises
    ------
    StoreError
        If they are not those of a complete store of this schema, as it was built.
    """
    _check_attributes(path, attributes)
    if fault := attribute_fault(attributes):
        raise StoreError(f"{path}: its root {fault}; build it again with: tuszstore build --force")
    try:
        config = Config.model_validate(attributes["config"])
    except ValidationError as error:
        told = " ".join(str(error).split())
        raise StoreError(f"{path}: its configuration cannot be read: {told:.300}") from error
    check_config(path, attributes)
    return config


def _check_channels(path: Path | str, chunk: Document | None, document: Mapping[str, Any]) -> None:
    file, size = f"{path}/{CHANNEL}", document["shape"]
    if chunk is None or chunk_names("channel", document) != [CHANNEL]:
        raise StoreError(f"{file}: is missing")
    n_items = document["chunk_grid"]["configuration"]["chunk_shape"][0]
    names, _ = decode_strings(file, chunk.content, n_items, max_strings(size))
    check_channels(path, names[: size[0]])


def _arrays(path: Path | str, root: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of groups and arrays that stand in a store's root."""
    inside = root.get("consolidated_metadata")
    arrays = inside.get("metadata") if isinstance(inside, dict) else None
    if not isinstance(arrays, dict):
        raise StoreError(
            f"{path}: its root lacks the metadata of its arrays; build it again with: "
            "tuszstore build --force"
        )
    return arrays


def _check_attributes(path: Path | str, attributes: Mapping[str, Any]) -> None:
    if "complete" not in attributes:
        raise StoreError(f"{path}: not a store of tuszstore")
    if attributes["complete"] is not True:
        raise StoreError(f"{path}: an unfinished build; build it again with: tuszstore build")
    version = attributes.get("schema_version")
    if version != SCHEMA_VERSION:
        way_out = (
            "use a newer tuszstore"
            if isinstance(version, int) and version > SCHEMA_VERSION
            else "build it again"
        )
        raise StoreError(
            f"{path}: has schema version {version!r:.40}, and this tuszstore reads "
            f"{SCHEMA_VERSION}; "
            f"{way_out}"
        )


def signature(recordings: Mapping[str, NDArray[Any]]) -> str:
    """Return what ties the parts of a store together: a hash of what recordings' blocks hold.

    Parameters
    ----------
    recordings : mapping of str to ndarray
        ``id``, ``first_block``, ``n_blocks``, ``signal_digest`` and ``label_digest``.
    """
    names = ("id", "first_block", "n_blocks", "signal_digest", "label_digest")
    rows = zip(*(recordings[name].tolist() for name in names), strict=True)
    return hashlib.sha256(json.dumps(list(rows)).encode()).hexdigest()[:32]


def _check_signatures(
    path: Path | str, parts: Mapping[str, Mapping[str, Any]], root: Mapping[str, Any]
) -> None:
    """Refuse an index or a signal that was put beside the other, and a root of another store.

    Each part records in its attributes the signature of the recordings it was written for, and the
    digest of the content that it is a part of. They are read from where the parts lie, not from the
    root's copy of their metadata.
    """
    recorded = {part: attributes.get("signature") for part, attributes in parts.items()}
    expected = recorded["recordings"]
    for part in ("signal", "label"):
        if recorded[part] != expected or expected is None:
            raise StoreError(
                f"{path}: {part} does not belong to this store's recordings; "
                "build it again with: tuszstore build --force"
            )
    content = {part: attributes.get("content_digest") for part, attributes in parts.items()}
    # stores that were built before have none
    for part in ("recordings", "signal", "label", "events"):
        if content[part] not in (None, root["content_digest"]):
            raise StoreError(
                f"{path}: its root does not belong to its {part}: one of them is of another store; "
                "put back what was there, or build it again with: tuszstore build --force"
            )
    if recorded["windows"] != expected or content["windows"] != content["recordings"]:
        raise StaleIndexError(
            f"{path}: its index does not belong to the signal beside it; "
            f"derive it anew with: tuszstore index {path}"
        )
