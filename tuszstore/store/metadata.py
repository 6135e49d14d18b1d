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

from tuszstore.errors import SchemaError, StaleIndexError, StoreError
from tuszstore.store.columns import read_column
from tuszstore.store.encoding import Encoding
from tuszstore.store.files import parse_json
from tuszstore.store.geometry import Geometry
from tuszstore.store.limits import check_arrays
from tuszstore.store.local import LocalPlace
from tuszstore.store.place import (
    ROOT,
    ClosedError,
    Document,
    Hold,
    Identity,
    Place,
    ReplacedError,
)
from tuszstore.store.schema import SCHEMA_VERSION, TABLES, Variable, derived_variables, variables
from tuszstore.store.spec import SpecError, StoreSpec

T = TypeVar("T")

PARTS = ("recordings", "signal", "label", "windows")
"""Parts of a store that record to which recordings they belong."""


class Table(Mapping[str, NDArray[Any]]):
    """The columns of one table, each loaded when it is first used.

    Those of a remote store are loaded together: they are small, and round trips are long.

    Parameters
    ----------
    store : StoreMetadata
    columns : sequence of Variable
    """

    def __init__(self, store: "StoreMetadata", columns: Sequence[Variable]) -> None:
        self.variables = {v.name: v for v in columns if v.required or v.path in store.arrays}
        self._store = store
        self._loaded: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        loaded = self._loaded  # another, empty one, if the store is closed meanwhile
        if name not in loaded:
            together = self._store.place.remote and name in self.variables
            names = list(self.variables) if together else [name]
            values = self._store.read([partial(self._read, n) for n in names])
            loaded.update(zip(names, values, strict=True))
        return loaded[name]

    def _read(self, name: str, place: Place) -> NDArray[Any]:
        path = self.variables[name].path
        return read_column(place, path, self._store.arrays[path])

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def load(self, *names: str) -> None:
        """Load columns now: in a thread, zarr-python cannot while the interpreter ends."""
        for name in names:
            self[name]

    def forget(self) -> None:
        """Drop what was loaded."""
        self._loaded = {}

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
    try:
        attributes = parse_json(document.content, "").get("attributes") if document else None
    except StoreError:
        return {}
    return attributes if isinstance(attributes, dict) else {}


@dataclass(frozen=True)
class StoreMetadata:
    """A complete store, without its signals.

    Attributes
    ----------
    place : Place
        Its name: where it was when it was opened, and another store may be by now.
    attributes : dict
        Of the root.
    spec : StoreSpec
    arrays : mapping of str to dict
        Metadata of each array, by path, as Zarr v3 has it.
    group : zarr.Group
    signal : mapping
        Metadata of the signal, as it lies beside that.
    identity : tuple
        Of the root's metadata file; another one means another store under the same name.
    held : Hold or None
        What keeps this store from being removed after another took its name.
    closed : list of bool
        Whether it was closed: one value, which changes.
    """

    place: Place
    attributes: dict[str, Any]
    spec: StoreSpec
    arrays: Mapping[str, Any]
    group: Any
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
        root, *parts = found.read([ROOT, *(f"{part}/{ROOT}" for part in PARTS)])
        if root is None and not found.exists():
            then = " and copy it there" if place.remote else ""
            raise StoreError(
                f"{path}: no store here; make one with: "
                f"tuszstore build --split train --data CORPUS --store ROOT{then}"
            )
        attributes = _attributes(root)
        _check_attributes(path, attributes)
        spec = read_spec(path, attributes)
        assert root is not None  # or it was refused above
        arrays = _arrays(path, root)
        check_arrays(path, arrays, spec)
        group = found.open_group()
        try:
            _check_signatures(path, dict(zip(PARTS, map(_attributes, parts), strict=True)))
        except StaleIndexError:
            if not allow_stale_index:
                raise
        own = parts[PARTS.index("signal")]
        assert own is not None  # or it had no signature
        signal = parse_json(own.content, f"{path}/signal/{ROOT}")
        (variable,) = (variable for variable in variables("") if variable.name == "signal")
        check_arrays(path, {"signal": signal}, spec, [variable])
        return cls(place, attributes, spec, arrays, group, signal, root.identity, held)

    @property
    def path(self) -> Path | str:
        """Where the store is, for people: a folder, or a URL without credentials."""
        return self.place.path

    @cached_property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return self.spec.geometry

    @cached_property
    def encoding(self) -> Encoding:
        """How values of the signal lie on disk."""
        return Encoding.of_array(self.signal)

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
        ClosedError
            If it was closed.
        """
        self.check_open()
        return self.place.of_one_store(tasks, self.identity)

    def check_open(self) -> None:
        """Refuse to go on where the store was closed.

        Raises
        ------
        ClosedError
        """
        if self.closed[0]:
            raise ClosedError(self.path)

    def close(self) -> None:
        """Drop the tables and let the store go; whatever reads it afterwards is refused."""
        self.closed[0] = True
        for name in TABLES:
            if name in vars(self):
                vars(self)[name].forget()
        self.release()

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
        return f"{self.path}: {recordings['id'][number]}, {begin:g} to {end:g} s"

    def _table(self, name: str) -> Table:
        return Table(self, variables(name))


def _arrays(path: Path | str, root: Document) -> dict[str, Any]:
    """Return the metadata of groups and arrays that stand in a store's root."""
    inside = parse_json(root.content, f"{path}/{ROOT}").get("consolidated_metadata")
    arrays = inside.get("metadata") if isinstance(inside, dict) else None
    if not isinstance(arrays, dict):
        raise StoreError(
            f"{path}: its root lacks the metadata of its arrays; build it again with: "
            "tuszstore build --force"
        )
    return arrays


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
        raise SchemaError(
            f"{path}: has schema version {version}, and this tuszstore reads {SCHEMA_VERSION}; "
            f"{way_out}"
        )


def read_spec(path: Path | str, attributes: Mapping[str, Any]) -> StoreSpec:
    """Return what a store says of itself.

    Parameters
    ----------
    path : Path or str
        For messages.
    attributes : mapping
        Of the root.

    Raises
    ------
    StoreError
        If that cannot be understood.
    SchemaError
        If it requires of readers what this one does not know.
    """
    try:
        spec = StoreSpec.from_json(attributes.get("spec"))
    except SpecError as error:
        raise StoreError(f"{path}: is damaged: spec {error}") from error
    if unknown := spec.unknown_requirements:
        raise SchemaError(
            f"{path}: requires {', '.join(map(repr, unknown))}, which this tuszstore does not "
            "know; use a newer tuszstore"
        )
    return spec


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
