"""Columns of tables: read whole, and decoded once they are known to be no larger than they may."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.store.limits import MAX_CHUNK, check_chunk, chunk_names
from tuszstore.store.place import Place


def read_column(place: Place, name: str, document: Mapping[str, Any]) -> NDArray[Any]:
    """Return all values of a column.

    Parameters
    ----------
    place : Place
        Where the store lies.
    name : str
        Path of the array in the store.
    document : mapping
        Its metadata, as :func:`~tuszstore.store.limits.check_arrays` lets them pass.

    Returns
    -------
    ndarray
        Strings as objects, as pandas and xarray know them.

    Raises
    ------
    StoreError
        If a chunk is missing or damaged.
    """
    import zarr
    from zarr.buffer import cpu
    from zarr.storage import MemoryStore

    names = chunk_names(name, document)
    metadata = json.dumps(document).encode()
    stored: dict[str, Any] = {f"{name}/zarr.json": cpu.Buffer.from_bytes(metadata)}
    for file, found in zip(names, place.read(names, MAX_CHUNK), strict=True):
        if found is None:
            raise StoreError(f"{place.path}/{file}: is missing")
        check_chunk(f"{place.path}/{file}", found.content, document)
        stored[file] = cpu.Buffer.from_bytes(found.content)
    try:
        array = zarr.open_array(MemoryStore(stored), path=name, mode="r", zarr_format=3)
        values = np.asarray(array[...])
    except Exception as error:  # codecs raise what they like at damaged bytes
        raise StoreError(
            f"{place.path}: {name} cannot be read: {type(error).__name__}: {error}"
        ) from error
    return values.astype(object) if document["data_type"] == "string" else values
