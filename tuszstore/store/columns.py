"""Columns of tables: read completely, and decoded after a check of their size.

A table's codecs are fixed (:data:`~tuszstore.store.limits.TABLE_CODECS`), so that its chunks can be
decoded here: sizes are checked before memory is allocated, and a missing chunk is an error, not
filled with a default.
"""

import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.store.digests import check_content
from tuszstore.store.limits import MAX_CHUNK, chunk_names, zstd_size
from tuszstore.store.place import Place
from tuszstore.store.shard import CRC, checksum_of

MAX_STRINGS = 1 << 28
"""Bytes of all strings of a column, decoded."""

MAX_STRING = 4096
"""Bytes of a string, on average over a column of more than a few."""

SAMPLE = 1000
"""Strings examined to estimate whether many are equal."""

AT_ONCE = 64
"""Chunks requested together, which bounds memory for any number of files."""


def read_column(
    place: Place,
    name: str,
    document: Mapping[str, Any],
    digests: Mapping[str, str] | None = None,
) -> NDArray[Any]:
    """Return all values of a column.

    Parameters
    ----------
    place : Place
        Location of the store.
    name : str
        Path of the array in the store.
    document : mapping
        Its metadata, as :func:`~tuszstore.store.limits.check_arrays` lets them pass.
    digests : mapping of str to str, optional
        Digests of the store's files, against which read files are checked.

    Returns
    -------
    ndarray
        Strings as objects, as pandas and xarray know them.

    Raises
    ------
    StoreError
        If a chunk is missing or damaged, or the strings take more memory than a table's may.
    """
    shape = tuple(document["shape"])
    chunk = tuple(document["chunk_grid"]["configuration"]["chunk_shape"])
    is_string = document["data_type"] == "string"
    values = np.empty(shape, object if is_string else document["data_type"])
    # chunks are consecutive along the last axis, and span all others
    inside = tuple(slice(size) for size in shape[:-1])
    left = max_strings(shape)
    known: dict[str, str] = {}
    names = chunk_names(name, document)
    most = left if is_string else math.prod(chunk) * values.itemsize
    for number, (file, content) in enumerate(_chunks(place, names, most)):
        if digests is not None:
            check_content(place.path, names[number], content, digests)
        if is_string:
            decoded, n_bytes = decode_strings(file, content, math.prod(chunk), left)
            left -= n_bytes
            decoded = _share(decoded, known)
        elif chunk == shape and values.dtype.kind != "b" and sys.byteorder == "little":
            # in place, since the moments of 100,000 recordings take 15 MB
            _decompress(file, content, values.nbytes, exact=True, out=values)
            continue
        else:
            decoded = decode_numbers(file, content, math.prod(chunk), values.dtype)
        start = number * chunk[-1]
        part = values[..., start : start + chunk[-1]]
        part[...] = decoded.reshape(chunk)[(*inside, slice(part.shape[-1]))]
    return values


def max_strings(shape: tuple[int, ...]) -> int:
    """Return the maximum bytes of the strings of a column, which bounds the average of its rows."""
    return min(MAX_STRINGS, (1 << 20) + MAX_STRING * math.prod(shape))


def decode_numbers(file: str, content: bytes, n_items: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the values of a chunk of numbers.

    Parameters
    ----------
    file : str
        For messages.
    content : bytes
    n_items : int
        Values of a complete chunk.
    dtype : numpy.dtype

    Raises
    ------
    StoreError
        If it is damaged, or claims another size than its array gives it.
    """
    decoded = _decompress(file, content, n_items * dtype.itemsize, exact=True)
    if dtype.kind == "b":
        truth: NDArray[Any] = np.frombuffer(decoded, np.uint8) != 0
        return truth
    return np.frombuffer(decoded, dtype.newbyteorder("<"))


def decode_strings(file: str, content: bytes, n_items: int, most: int) -> tuple[NDArray[Any], int]:
    """Return the strings of a chunk, as objects, and how many bytes they take.

    Parameters
    ----------
    file : str
        For messages.
    content : bytes
    n_items : int
        Strings of a complete chunk.
    most : int
        Bytes that they may take.

    Raises
    ------
    StoreError
        If it is damaged, or claims more than it may.
    """
    from numcodecs.vlen import VLenUTF8

    decoded = _decompress(file, content, most, exact=False)
    # the decoder would allocate memory for this number of strings
    count = int.from_bytes(decoded[:4], "little")
    if len(decoded) < 4 or count != n_items:
        raise StoreError(f"{file}: is damaged: it claims {count} strings, not {n_items}")
    try:
        strings: NDArray[Any] = VLenUTF8().decode(decoded)
    except Exception as error:  # damaged lengths, or invalid UTF-8
        raise StoreError(
            f"{file}: is damaged: its strings cannot be decoded: {type(error).__name__}: {error}"
        ) from error
    return strings, len(decoded)


def _share(strings: NDArray[Any], known: dict[str, str]) -> NDArray[Any]:
    """Return strings, with equal ones replaced by one object if there are many.

    The decoder makes an object for each: montages or classes of a million rows would take 60 MB.
    """
    if not known and 2 * len(set(strings[:SAMPLE].tolist())) > min(SAMPLE, len(strings)):
        return strings
    shared = np.empty_like(strings)
    shared[:] = list(map(known.setdefault, strings.tolist(), strings.tolist()))
    return shared


def _chunks(place: Place, names: list[str], most: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each chunk; the size of a chunk is limited."""
    limit = min(MAX_CHUNK, most + most // 128 + 1024)  # Zstandard adds less to incompressible data
    for first in range(0, len(names), AT_ONCE):
        some = names[first : first + AT_ONCE]
        for name, found in zip(some, place.read(some, limit), strict=True):
            file = f"{place.path}/{name}"
            if found is None:
                raise StoreError(f"{file}: is missing")
            yield file, found.content


def _decompress(
    file: str, content: bytes, most: int, *, exact: bool, out: NDArray[Any] | None = None
) -> Any:
    """Return the bytes of a chunk, exactly or at most `most` of them; in `out`, if given."""
    from numcodecs import zstd

    frame, checksum = content[:-CRC], content[-CRC:]
    claimed = zstd_size(frame)
    if claimed is None or claimed > most or (exact and claimed != most):
        wanted = f"{most}" if exact else f"at most {most}"
        raise StoreError(f"{file}: is damaged: it claims {claimed} bytes, not {wanted}")
    if checksum_of(frame) != checksum:
        raise StoreError(f"{file}: checksum is wrong, or the file is cut off")
    try:
        decoded = zstd.decompress(frame, out)
    except (RuntimeError, ValueError) as error:
        raise StoreError(f"{file}: cannot be decompressed: {error}") from error
    if (found := memoryview(decoded).nbytes) != claimed:
        raise StoreError(f"{file}: is damaged: it claims {claimed} bytes, and has {found}")
    return decoded
