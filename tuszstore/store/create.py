"""Making a store: first empty arrays, then tables, finally the root's metadata."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.store.agreement import signal_attributes
from tuszstore.store.columns import read_column
from tuszstore.store.content import content_digest
from tuszstore.store.digests import file_digests, seal
from tuszstore.store.encoding import Encoding
from tuszstore.store.labels import LABEL_CODEC, UNLABELLED, flag_attributes
from tuszstore.store.local import LocalPlace
from tuszstore.store.opening import PARTS, signature
from tuszstore.store.place import MAX_METADATA, ROOT
from tuszstore.store.schema import SCHEMA_VERSION, Variable, derived_variables, variables
from tuszstore.store.shard import write_atomically, zarr_codecs
from tuszstore.store.spec import StoreSpec
from tuszstore.store.writing import consolidated, require_group, update_attributes, write_column


def create_arrays(path: Path, spec: StoreSpec, encoding: Encoding, n_blocks: int) -> None:
    """Make an unfinished store: its root, and `signal`, `label` and `channel` without data.

    Parameters
    ----------
    path : Path
        Must not exist.
    spec : StoreSpec
    encoding : Encoding
    n_blocks : int
        Blocks of all recordings, each rounded up to whole shards.
    """
    import zarr

    root = zarr.create_group(path, attributes={"complete": False}, zarr_format=3)
    signal, label, channel = variables("")
    root.create_array(signal.name, **signal_options(spec, encoding, n_blocks))
    root.create_array(label.name, **label_options(spec, n_blocks))
    write_column(path, channel, np.array(spec.channel_names, object))


def signal_options(spec: StoreSpec, encoding: Encoding, n_blocks: int) -> dict[str, Any]:
    """Return how the array `signal` is made, as zarr's ``create_array`` takes it."""
    (signal,) = (v for v in variables("") if v.name == "signal")
    block = (len(spec.channels), spec.block)
    return {
        "shape": (n_blocks, *block),
        "dtype": encoding.dtype,
        "chunks": (1, *block),
        "shards": (spec.shard, *block),
        "compressors": zarr_codecs(encoding.codec, encoding.itemsize),
        "filters": None,
        "fill_value": encoding.missing,
        "dimension_names": signal.dims,
        "attributes": _signal_attributes(signal, spec, encoding),
    }


def label_options(spec: StoreSpec, n_blocks: int) -> dict[str, Any]:
    """Return how the array `label` is made, as zarr's ``create_array`` takes it."""
    (label,) = (v for v in variables("") if v.name == "label")
    return {
        "shape": (n_blocks, spec.block),
        "dtype": label.dtype,
        "chunks": (spec.shard, spec.block),
        "compressors": zarr_codecs(LABEL_CODEC, 2),
        "filters": None,
        "fill_value": UNLABELLED,
        "dimension_names": label.dims,
        "attributes": {"comment": label.comment, **flag_attributes(spec.classes)},
    }


def write_table(path: Path, group: str, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write one table of the schema, replacing what was there.

    Parameters
    ----------
    path : Path
        Root of the store.
    group : str
        One of :data:`~tuszstore.store.schema.TABLES`.
    columns : mapping of str to ndarray
        One for each variable of the group; optional ones that are not there yet may be missing.
    """
    require_group(path, group)
    for variable in variables(group):
        there = (path / variable.path).exists()
        if variable.required or variable.name in columns or there:
            write_column(path, variable, columns[variable.name])


def write_derived(
    path: Path,
    name: str,
    derivations: Sequence[str],
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
) -> None:
    """Write the moments of one set of derivations.

    Parameters
    ----------
    path : Path
        Root of the store.
    name : str
        Name of the set.
    derivations : sequence of str
        Names of its channels.
    mean, sd : ndarray of float64, shape (recording, derivation)
        In µV.
    """
    require_group(path, f"derived/{name}")
    values = {"name": np.array(derivations, object), "mean": mean, "sd": sd}
    for variable in derived_variables(name):
        write_column(path, variable, values[variable.name])


def finish(path: Path, spec: StoreSpec, attributes: Mapping[str, Any]) -> None:
    """Write the root's metadata, which makes the store complete.

    Consolidated metadata and attributes go into one file, written last and atomically.

    Parameters
    ----------
    path : Path
        Root of the store.
    spec : StoreSpec
    attributes : mapping
        The attributes that :func:`tuszstore.open` shows as ``attrs``, except those made here.
        Unknown keys of a ``spec`` in it are kept.

    Raises
    ------
    StoreError
        If the root would be larger than readers take.
    """
    place = LocalPlace(path)

    def read(name: str) -> Any:
        file = path / name / ROOT
        return read_column(place, name, json.loads(file.read_bytes())) if file.exists() else None

    recordings = {v.name: read(v.path) for v in variables("recordings") if v.required}
    content = content_digest(attributes["split"], spec, read)
    for part in PARTS:
        update_attributes(
            path / part, {"signature": signature(recordings), "content_digest": content}
        )
    root: dict[str, Any] = {
        "attributes": {
            **attributes,
            "schema_version": SCHEMA_VERSION,
            "spec": spec.written_over(attributes.get("spec")),
            "content_digest": content,
            "complete": True,
        },
        "zarr_format": 3,
        "consolidated_metadata": consolidated(path),
        "node_type": "group",
    }
    sealed = seal(root, file_digests(path))
    if len(sealed) > MAX_METADATA:
        raise StoreError(
            f"{path}: its root would have {len(sealed)} bytes, more than {MAX_METADATA}, with a "
            f"digest of each of {len(root['attributes']['digests']['files'])} files; use larger "
            "chunks, or remove arrays that are not of the schema"
        )
    write_atomically(path / "zarr.json", sealed)


def _signal_attributes(variable: Variable, spec: StoreSpec, encoding: Encoding) -> dict[str, Any]:
    meaning = signal_attributes(spec, encoding)
    return {"comment": variable.comment, "long_name": "EEG", **meaning}
