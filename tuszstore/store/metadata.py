"""Opening a store: its attributes, checked, and its tables, loaded when they are asked for."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tuszstore.config import Config
from tuszstore.errors import StaleIndexError, StoreError
from tuszstore.store.geometry import Geometry
from tuszstore.store.place import ROOT, Document, Identity, LocalPlace, Place, RequestError
from tuszstore.store.schema import SCHEMA_VERSION, VARIABLES, variables

PARTS = ("recordings", "signal", "label", "windows")
"""Parts of a store that record to which recordings they belong."""


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
            place = self._store.place
            names = self.variables if place.remote and name in self.variables else [name]
            loaded: dict[str, NDArray[Any]] = {}
            tasks: list[Callable[[], None]] = [partial(self._load, n, loaded) for n in names]
            # what is read after another store has taken the place is not kept
            place.at_once([*tasks, self._store.check_identity])
            self._loaded |= loaded
        return self._loaded[name]

    def _load(self, name: str, loaded: dict[str, NDArray[Any]]) -> None:
        variable, store = self.variables[name], self._store
        try:
            values = np.asarray(store.group[variable.path][...])
        except Exception as error:
            # codecs raise what they like at damaged bytes, and object stores at failed requests
            with contextlib.suppress(RequestError):
                store.check_identity()
            raise StoreError(
                f"{store.path}: {variable.path} cannot be read: {store.place.explain(error)}"
            ) from (None if store.place.remote else error)
        # pandas and xarray know strings as objects
        loaded[name] = values.astype(object) if variable.dtype == "string" else values

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
        shape: tuple[int, ...] = self._store.group[self.variables[name].path].shape
        return shape


def read_attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a store's root; none where there is no Zarr v3 group."""
    (document,) = LocalPlace(path).read([ROOT])
    return _attributes(document)


def _attributes(document: Document | None) -> dict[str, Any]:
    try:
        attributes = json.loads(document.content)["attributes"] if document else {}
    except (ValueError, KeyError, TypeError):
        return {}
    return attributes if isinstance(attributes, dict) else {}


@dataclass(frozen=True)
class StoreMetadata:
    """A complete store, without its signals.

    Attributes
    ----------
    place : Place
        Where it lies.
    attributes : dict
        Of the root.
    config : Config
        With which it was built.
    group : zarr.Group
    signal : bytes
        Metadata of the signal, where that lies.
    identity : tuple
        Of the root's metadata file; another one means another store under the same name.
    """

    place: Place
    attributes: dict[str, Any]
    config: Config
    group: Any
    signal: bytes
    identity: Identity

    @classmethod
    def open(cls, place: Place | Path, *, allow_stale_index: bool = False) -> Self:
        """Open a store.

        Parameters
        ----------
        place : Place or Path
        allow_stale_index : bool
            For who is about to derive the index anew.

        Raises
        ------
        StoreError
            If there is none, or it is incomplete, foreign or of another schema version.
        """
        place = LocalPlace(place) if isinstance(place, Path) else place
        path = place.path
        root, *parts = place.read([ROOT, *(f"{part}/{ROOT}" for part in PARTS)])
        if root is None and not place.exists():
            then = " and copy it there" if place.remote else ""
            raise StoreError(
                f"{path}: no store here; make one with: "
                f"tuszstore build --split train --data CORPUS --store ROOT{then}"
            )
        attributes = _attributes(root)
        _check_attributes(path, attributes)
        try:
            config = Config.model_validate(attributes["config"])
        except (KeyError, ValidationError) as error:
            raise StoreError(f"{path}: its configuration cannot be read: {error}") from error
        group = place.open_group()
        _check_variables(path, group)
        try:
            _check_signatures(path, dict(zip(PARTS, map(_attributes, parts), strict=True)))
        except StaleIndexError:
            if not allow_stale_index:
                raise
        signal = parts[PARTS.index("signal")]
        assert root is not None  # or it was refused above
        assert signal is not None
        return cls(place, attributes, config, group, signal.content, root.identity)

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
        return int(self.group["windows/category"].shape[0])

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
        """Refuse to go on reading where another store has taken the place.

        Raises
        ------
        StoreError
        """
        if self.place.identity() != self.identity:
            raise StoreError(
                f"{self.path}: was rebuilt or removed since it was opened; open it again"
            )

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
        return f"{self.path}: {recordings['id'][number]}, {begin:g} to {end:g} s"

    def _table(self, name: str) -> Table:
        return Table(self, name)


def _check_attributes(path: Path | str, attributes: dict[str, Any]) -> None:
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
            f"{path}: has schema version {version}, and this tuszstore reads {SCHEMA_VERSION}; "
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


def _check_signatures(path: Path | str, parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse an index or a signal that was put beside the other.

    Each part records in its attributes the signature of the recordings it was written for. They are
    read from where the parts lie, not from the root's copy of their metadata.
    """
    recorded = {part: attributes.get("signature") for part, attributes in parts.items()}
    expected = recorded["recordings"]
    for part in ("signal", "label"):
        if recorded[part] != expected or expected is None:
            raise StoreError(
                f"{path}: {part} does not belong to this store's recordings; "
                "build it again with: tuszstore build --force"
            )
    if recorded["windows"] != expected:
        raise StaleIndexError(
            f"{path}: its index does not belong to the signal beside it; "
            f"derive it anew with: tuszstore index {path}"
        )


def _check_variables(path: Path | str, group: Any) -> None:
    for variable in VARIABLES:
        try:
            array = group[variable.path]
        except KeyError:
            raise StoreError(
                f"{path}: {variable.path} is missing; build it again with: tuszstore build --force"
            ) from None
        dims = tuple(array.metadata.dimension_names or ())
        if dims != variable.dims:
            raise StoreError(
                f"{path}: {variable.path} has the dimensions {dims}, not {variable.dims}"
            )
