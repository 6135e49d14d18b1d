"""Opening a store: its attributes, checked, and its tables, loaded when they are asked for."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from tuszstore.config import Config
from tuszstore.errors import StaleIndexError, StoreError
from tuszstore.store.geometry import Geometry
from tuszstore.store.limits import check_arrays, check_chunks, check_folders, read_json
from tuszstore.store.schema import SCHEMA_VERSION, variables


class Table(Mapping[str, NDArray[Any]]):
    """The columns of one table, each loaded when it is first used.

    Parameters
    ----------
    group : zarr.Group
        Root of the store.
    name : str
        One of :data:`~tuszstore.store.schema.TABLES`.
    check : callable
        Called with the path of an array before it is loaded; raises if the store was replaced, or
        the array claims more than is there.
    """

    def __init__(self, group: Any, name: str, check: Callable[[str], None]) -> None:
        self.variables = {variable.name: variable for variable in variables(name)}
        self._group = group
        self._check = check
        self._loaded: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._loaded:
            variable = self.variables[name]
            self._check(variable.path)
            values = np.asarray(self._group[variable.path][...])
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
        attributes = read_json(path / "zarr.json").get("attributes")
    except (OSError, StoreError):
        return {}
    return attributes if isinstance(attributes, dict) else {}


def consolidated(path: Path) -> dict[str, Any]:
    """Return the metadata of all groups and arrays that stands in a store's root.

    Raises
    ------
    StoreError
        If there is none.
    """
    try:
        inside = read_json(path / "zarr.json")["consolidated_metadata"]["metadata"]
    except (OSError, KeyError, TypeError) as error:
        raise StoreError(
            f"{path}: its root lacks the metadata of its arrays; build it again with: "
            "tuszstore build --force"
        ) from error
    return inside if isinstance(inside, dict) else {}


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
    """

    path: Path
    attributes: dict[str, Any]
    config: Config
    group: Any
    identity: tuple[int, ...]

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
        import zarr

        if not path.exists():
            raise StoreError(
                f"{path}: no store here; make one with: "
                "tuszstore build --split train --data CORPUS --store ROOT"
            )
        attributes = read_attributes(path)
        identity = _identity(path)
        _check_attributes(path, attributes)
        try:
            config = Config.model_validate(attributes["config"])
        except (KeyError, ValidationError) as error:
            raise StoreError(f"{path}: its configuration cannot be read: {error}") from error
        check_folders(path)
        check_arrays(path, consolidated(path), Geometry.of(config))
        group = zarr.open_group(path, mode="r", use_consolidated=True)
        store = cls(path, attributes, config, group, identity)
        try:
            _check_signature(store)
        except StaleIndexError:
            if not allow_stale_index:
                raise
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
        """Refuse to go on reading where another store has taken the place.

        Raises
        ------
        StoreError
        """
        if _identity(self.path) != self.identity:
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
        return Table(self.group, name, self._check_column)

    def _check_column(self, name: str) -> None:
        self.check_identity()
        check_chunks(self.path / name, self.group[name].metadata.to_dict())


def _identity(path: Path) -> tuple[int, ...]:
    try:
        stat = (path / "zarr.json").stat()
    except OSError:
        return ()
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


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
