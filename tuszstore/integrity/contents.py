"""The content of a store, read without trusting it."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tuszstore.builder.provenance import recorded_config
from tuszstore.config import Config
from tuszstore.errors import StoreError
from tuszstore.store.columns import read_column
from tuszstore.store.encoding import Encoding
from tuszstore.store.files import read_json
from tuszstore.store.geometry import Geometry
from tuszstore.store.local import LocalPlace
from tuszstore.store.schema import TABLES, variables
from tuszstore.store.spec import StoreSpec


@dataclass
class Contents:
    """The readable content of a store.

    Attributes
    ----------
    path : Path
        Root of the store.
    root : dict
        Metadata of the root.
    spec : StoreSpec
    documents : dict of str to dict
        Intact metadata of each array, from beside the array.
    columns : dict of str to ndarray
        Columns of tables that could be read, by path.
    sound : bool
        Whether the text of the root is unchanged.
    """

    path: Path
    root: dict[str, Any]
    spec: StoreSpec
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    sound: bool = False

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the root."""
        attributes: dict[str, Any] = self.root["attributes"]
        return attributes

    @property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return self.spec.geometry

    @cached_property
    def encoding(self) -> Encoding:
        """How values of the signal are stored, according to its metadata."""
        return Encoding.of_array(self.documents["signal"])

    @property
    def config(self) -> Config:
        """Configuration with which the store was built.

        Raises
        ------
        StoreError
            If this version cannot read it.
        """
        return recorded_config(self.attributes, self.path)

    @property
    def sealed(self) -> bool:
        """Whether the store has digests of its metadata; those of older versions have none."""
        return isinstance(self.attributes.get("digests"), dict)

    def table(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return the columns of a table; None if one could not be read, or lengths differ.

        Columns of other lengths are from another store; the check of shapes reports it.
        """
        wanted = [
            variable
            for variable in variables(name)
            if variable.required or (self.path / variable.path).exists()
        ]
        if any(variable.path not in self.columns for variable in wanted):
            return None
        sizes: dict[str, set[int]] = {}
        for variable in wanted:
            for dim, size in zip(variable.dims, self.columns[variable.path].shape, strict=True):
                sizes.setdefault(dim, set()).add(size)
        if any(len(found) > 1 for found in sizes.values()):
            return None
        return {variable.name: self.columns[variable.path] for variable in wanted}

    def complete_tables(self) -> bool:
        """Return whether every column of every table could be read."""
        return all(self.table(name) is not None for name in TABLES)

    def load(self, array: str) -> NDArray[Any]:
        """Read a column.

        Raises
        ------
        StoreError
            If it is damaged.
        """
        return read_column(LocalPlace(self.path), array, self.documents[array])


def read_document(path: Path) -> dict[str, Any]:
    """Return the metadata of a group or array.

    Raises
    ------
    StoreError
        If there is none, or it cannot be read.
    """
    try:
        return read_json(path / "zarr.json")
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror}") from error
