"""Opening a store: its attributes, checked, and its tables, loaded when they are asked for."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tuszstore.config import Config
from tuszstore.errors import StaleIndexError, StoreError
from tuszstore.store.generations import Held, Identity, find_generation, identity
from tuszstore.store.geometry import Geometry
from tuszstore.store.schema import SCHEMA_VERSION, VARIABLES, variables

T = TypeVar("T")


class Table(Mapping[str, NDArray[Any]]):
    """The columns of one table, each loaded when it is first used.

    Parameters
    ----------
    group : zarr.Group
        Root of the store.
    name : str
        One of :data:`~tuszstore.store.schema.TABLES`.
    read : callable
        Returns the values of an array of the store, given its path.
    """

    def __init__(self, group: Any, name: str, read: Callable[[str], NDArray[Any]]) -> None:
        self.variables = {variable.name: variable for variable in variables(name)}
        self._group = group
        self._read = read
        self._loaded: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._loaded:
            variable = self.variables[name]
            values = self._read(variable.path)
            # pandas and xarray know strings as objects
            self._loaded[name] = values.astype(object) if variable.dtype == "string" else values
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a column without loading it."""
        shape: tuple[int, ...] = self._group[self.variables[name].path].shape
        return shape


def read_attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a store's root; none where there is no Zarr v3 group."""
    try:
        root = json.loads((path / "zarr.json").read_bytes())
        attributes = root["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return attributes if isinstance(attributes, dict) else {}


@dataclass(frozen=True)
class StoreMetadata:
    """A complete store, without its signals.

    Attributes
    ----------
    path : Path
    attributes : dict
        Of the root.
    config : Config
        With which it was built.
    group : zarr.Group
    identity : tuple
        Of the root's metadata file; another one means another store under the same name.
    held : Held
        What keeps this store from being removed after another took its name.
    """

    path: Path
    attributes: dict[str, Any]
    config: Config
    group: Any
    identity: Identity
    held: Held = field(repr=False, compare=False)

    @classmethod
    def open(cls, path: Path, *, allow_stale_index: bool = False) -> Self:
        """Open a store.

        Parameters
        ----------
        path : Path
        allow_stale_index : bool
            For who is about to derive the index anew.

        Raises
        ------
        StoreError
            If there is none, or it is incomplete, foreign or of another schema version.
        """
        while True:
            before = identity(path)
            try:
                return cls._open(path, allow_stale_index=allow_stale_index)
            except Exception:
                if identity(path) == before:
                    raise
                # another took its place meanwhile, and parts of both were seen: that one, then

    @classmethod
    def _open(cls, path: Path, *, allow_stale_index: bool) -> Self:
        import zarr

        if not path.exists():
            raise StoreError(
                f"{path}: no store here; make one with: "
                "tuszstore build --split train --data CORPUS --store ROOT"
            )
        this, held = identity(path), Held(path)
        attributes = read_attributes(path)
        _check_attributes(path, attributes)
        try:
            config = Config.model_validate(attributes["config"])
        except (KeyError, ValidationError) as error:
            raise StoreError(f"{path}: its configuration cannot be read: {error}") from error
        group = zarr.open_group(path, mode="r", use_consolidated=True)
        _check_variables(path, group)
        store = cls(path, attributes, config, group, this, held)
        try:
            _check_signature(store)
        except StaleIndexError:
            if not allow_stale_index:
                raise
        if identity(path) != this:
            raise StoreError(f"{path}: was rebuilt while it was opened; open it again")
        return store

    @cached_property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return Geometry.of(self.config)

    @property
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

    def check_identity(self) -> None:
        """Refuse to go on where the store that was opened is no longer there.

        Raises
        ------
        StoreError
        """
        self.place()

    def place(self) -> Path:
        """Return where the store that was opened lies now: under its name, or moved aside.

        Raises
        ------
        StoreError
            If it was removed.
        """
        found = find_generation(self.path, self.identity)
        if found is None:
            raise StoreError(
                f"{self.path}: was rebuilt or removed since it was opened; open it again"
            )
        return found

    def read_from(self, read: Callable[[Path], T]) -> T:
        """Read something of the store that was opened, though another may have its name by now.

        Parameters
        ----------
        read : callable
            Given where the store lies. It is called again if that changed meanwhile.

        Raises
        ------
        StoreError
            If the store was removed.
        """
        while True:
            place = self.place()
            try:
                value = read(place)
            except Exception:
                if identity(place) == self.identity:
                    raise
                continue
            if identity(place) == self.identity:
                return value

    def read_array(self, name: str) -> NDArray[Any]:
        """Return all values of an array, given its path in the store.

        Raises
        ------
        StoreError
            If the store was removed.
        """
        return self.read_from(lambda place: np.asarray(self.group_at(place)[name][...]))

    def group_at(self, place: Path) -> Any:
        """Return the group of the store where it lies now."""
        import zarr

        if place == self.path:
            return self.group
        return zarr.open_group(place, mode="r", use_consolidated=True)

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
        return Table(self.group, name, self.read_array)


def _check_attributes(path: Path, attributes: dict[str, Any]) -> None:
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


def _check_signature(store: StoreMetadata) -> None:
    """Refuse an index or a signal that was put beside the other.

    Each part records the signature of the recordings it was written for. The records are read
    from where the parts lie, not from the root's copy of their metadata.
    """
    recorded = {
        part: read_attributes(store.path / part).get("signature")
        for part in ("recordings", "signal", "label", "windows")
    }
    expected = recorded["recordings"]
    for part in ("signal", "label"):
        if recorded[part] != expected or expected is None:
            raise StoreError(
                f"{store.path}: {part} does not belong to this store's recordings; "
                "build it again with: tuszstore build --force"
            )
    if recorded["windows"] != expected:
        raise StaleIndexError(
            f"{store.path}: its index does not belong to the signal beside it; "
            f"derive it anew with: tuszstore index {store.path}"
        )


def _check_variables(path: Path, group: Any) -> None:
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
