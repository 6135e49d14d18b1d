"""Limits on the metadata of a store, checked before use.

A store may be untrusted. Its shapes, sizes and codecs are checked here before memory is
allocated: metadata of bounded size, arrays of the schema's types, codecs that only
decode bytes, and feasible numbers of rows and blocks. Sizes in the chunks of columns are checked
when they are decoded, by :mod:`tuszstore.store.columns`.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tuszstore.errors import StoreError
from tuszstore.store.encoding import codec_of
from tuszstore.store.schema import VARIABLES, Variable, item_bytes, stored_variables
from tuszstore.store.spec import StoreSpec

MAX_ROWS = {"window": 10**8, "event": 10**7, "recording": 10**6, "left_out": 10**6}
"""Rows of a table: 400 times the windows of TUSZ, 100 times its recordings."""

MAX_BLOCKS = 10**10
"""Blocks of a signal: 3000 years in blocks of 10 s."""

MAX_CHUNK = 1 << 28
"""Maximum size (byte) of a decoded chunk that is read with zarr-python."""

SIGNAL_CODECS = frozenset({"bytes", "blosc", "zstd", "crc32c", "sharding_indexed", "transpose"})
"""Codecs that `signal` and `label` may have if another tool has rewritten them."""

TABLE_CODECS = {True: ["vlen-utf8", "zstd", "crc32c"], False: ["bytes", "zstd", "crc32c"]}
"""Codecs of a column, of strings or not."""

_OWN_DIMENSIONS = frozenset({"derivation"})
"""Dimensions that are separate in each group."""

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)


def check_folders(path: Path, names: Iterable[str] = ()) -> None:
    """Reject a store with links among its folders.

    Parameters
    ----------
    path : Path
        Root of the store.
    names : iterable of str
        Names of its groups and arrays, besides those of the schema.

    Raises
    ------
    StoreError
        Naming the link.
    """
    known = {name for v in VARIABLES for name in (v.group, v.path)} - {""}
    folders = known.union(names)
    for name in sorted({*folders, *(f"{folder}/c" for folder in folders)}):
        if os.path.islink(f"{path}/{name}"):  # pathlib would take ten times as long
            raise StoreError(
                f"{path}: {name} is a link, not allowed in a store: copy its target instead"
            )


def check_arrays(
    path: Path | str,
    documents: Mapping[str, Any],
    spec: StoreSpec,
    wanted: Sequence[Variable] | None = None,
) -> None:
    """Reject arrays that violate the schema, or have infeasible sizes.

    Parameters
    ----------
    path : Path or str
        For messages.
    documents : mapping of str to dict
        Zarr v3 metadata of each array.
    spec : StoreSpec
        Specification of the store.
    wanted : sequence of Variable
        By default all that exist, and all required ones.

    Raises
    ------
    StoreError
        Naming the array.
    """
    if not isinstance(documents, Mapping):
        raise StoreError(f"{path}: has no metadata of arrays")
    sizes: dict[tuple[str, str], int] = {}
    for variable in stored_variables(documents) if wanted is None else wanted:
        if variable.path not in documents and not variable.required:
            continue
        if variable.path not in documents:
            raise StoreError(
                f"{path}: {variable.path} is missing; build it again with: tuszstore build --force"
            )
        if problem := _problem(documents[variable.path], variable, spec):
            raise StoreError(f"{path}: {variable.path} {problem}")
        for dim, size in zip(variable.dims, documents[variable.path]["shape"], strict=True):
            own = variable.group if dim in _OWN_DIMENSIONS else ""
            other = sizes.setdefault((own, dim), size)
            if size != other:
                raise StoreError(
                    f"{path}: {variable.path} has {size} {dim}s, and other arrays have {other}"
                )
    blocks = sizes.get(("", "block"))
    windows, recordings = sizes.get(("", "window")), sizes.get(("", "recording"))
    if blocks is None or windows is None or recordings is None:
        return
    # each window begins at its own block, and each recording has its own shards, except a recording
    # that is shorter than a window if overlaps of windows are duplicated
    shards = recordings if spec.block == spec.step else 0
    if windows > blocks or shards * spec.shard > blocks:
        raise StoreError(
            f"{path}: has {windows} windows of {recordings} recordings, more than its signal of "
            f"{blocks} blocks can hold"
        )


def _problem(document: Any, variable: Variable, spec: StoreSpec) -> str:
    """Return what is wrong with the metadata of an array; empty if it may be read."""
    try:
        if document["zarr_format"] != 3 or document["node_type"] != "array":
            return "is not a Zarr v3 array"
        dims = tuple(document.get("dimension_names") or ())
        if dims != variable.dims:
            return f"has the dimensions {dims}, not {variable.dims}"
        shape = [_count(size) for size in document["shape"]]
        grid = document["chunk_grid"]
        chunk = [_count(size, 1) for size in grid["configuration"]["chunk_shape"]]
        if grid["name"] != "regular" or document.get("storage_transformers"):
            return "has chunks that are not in a regular grid"
        dtype = document["data_type"]
        if not isinstance(dtype, str) or dtype not in (
            [variable.dtype] if variable.dtype else ["int16", "float32"]
        ):
            return f"has the type {dtype!r:.40}, not {variable.dtype or 'int16 or float32'}"
        names = codec_names(document["codecs"])
        if "block" in dims and (strange := sorted(set(names) - SIGNAL_CODECS)):
            return f"has an unsupported codec: {', '.join(strange):.80}"
        if variable.path == "signal":
            codec_of(document)  # raises if a codec lacks a required setting
        if "block" not in dims and names != TABLE_CODECS[dtype == "string"]:
            return f"has other codecs than a table: {', '.join(names):.80}"
        if len(shape) != len(dims) or len(chunk) != len(dims):
            return "has different numbers of dimensions and dimension names"
        if "block" not in dims and (fault := _table_fault(document)):
            return fault
        attributes = document.get("attributes", {})
        if not isinstance(attributes, dict):
            return "has attributes that are not an object"
        for name, value in variable.attributes.items():
            if (found := attributes.get(name)) != value:
                return f"has the attribute {name} {found!r:.40}, not {value!r:.80}"
        return _too_large(shape, chunk, document, variable, spec)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return f"has invalid metadata ({type(error).__name__}: {error!s:.200})"


def _table_fault(document: Any) -> str:
    """Return metadata of a column that would change its values when read; empty if none."""
    encoding, first = document["chunk_key_encoding"], document["codecs"][0]
    separator = (encoding.get("configuration") or {}).get("separator", "/")
    if encoding["name"] != "default" or separator != "/":
        return "has chunks of other names than a table"
    endian = (first.get("configuration") or {}).get("endian", "little")
    if first["name"] == "bytes" and endian != "little":
        return f"has values that are {endian!r:.20}-endian, not little"
    return ""


def _count(value: Any, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{value!r:.40} is not a valid size")
    return value


def codec_names(codecs: Sequence[Any]) -> list[str]:
    """Return the names of codecs, including those within shards."""
    names = []
    for codec in codecs:
        names.append(str(codec["name"]))
        inner = codec.get("configuration") or {}
        for part in ("codecs", "index_codecs"):
            names += codec_names(inner.get(part, ()))
    return names


def _too_large(
    shape: list[int], chunk: list[int], document: Any, variable: Variable, spec: StoreSpec
) -> str:
    sizes = {"channel": len(spec.channels), "sample": spec.block, "mask": 3}
    limits = {"block": MAX_BLOCKS, **MAX_ROWS}
    for name, size in zip(variable.dims, shape, strict=True):
        if name in sizes and size != sizes[name]:
            return f"has {size} {name}s, but its spec requires {sizes[name]}"
        if size > limits.get(name, size):
            return f"claims {size} {name}s, more than {limits[name]}"
    decoded = chunk
    if document["codecs"][0]["name"] == "sharding_indexed":
        decoded = [_count(n) for n in document["codecs"][0]["configuration"]["chunk_shape"]]
    itemsize = item_bytes(document["data_type"])
    largest = max(MAX_CHUNK, spec.shard * spec.block * 2)
    if variable.path == "signal":
        largest = max(MAX_CHUNK, len(spec.channels) * spec.block * itemsize)
    if math.prod(decoded) * itemsize > largest:
        return f"has chunks of {math.prod(decoded) * itemsize} bytes"
    return ""


def chunk_names(name: str, document: Mapping[str, Any]) -> list[str]:
    """Return the files that hold the chunks of a column, below the store's root.

    Parameters
    ----------
    name : str
        Path of the array in the store.
    document : mapping
        Its metadata.

    Raises
    ------
    StoreError
        If its chunks are not arranged like those of a table.
    """
    shape, chunk = document["shape"], document["chunk_grid"]["configuration"]["chunk_shape"]
    if 0 in shape:
        return []
    *rest, rows = (-(-size // step) for size, step in zip(shape, chunk, strict=True))
    if set(rest) - {1}:
        raise StoreError(f"{name}: has other chunks than a table")
    return ["/".join([name, "c", *("0" for _ in rest), str(number)]) for number in range(rows)]


def zstd_size(content: bytes) -> int | None:
    """Return the decoded size of a frame of Zstandard [1]_; None if it is not stated.

    References
    ----------
    .. [1] RFC 8878, Zstandard Compression and the 'application/zstd' Media Type, section 3.1.1.1.
    """
    if content[:4] != _ZSTD_MAGIC or len(content) < 6:
        return None
    descriptor = content[4]
    single_segment = descriptor >> 5 & 1
    n_bytes = _CONTENT_SIZE_BYTES[descriptor >> 6] or single_segment
    start = 5 + (not single_segment) + (0, 1, 2, 4)[descriptor & 3]
    field = content[start : start + n_bytes]
    if not n_bytes or len(field) < n_bytes:
        return None
    return int.from_bytes(field, "little") + (256 if n_bytes == 2 else 0)
