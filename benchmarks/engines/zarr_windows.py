"""A Zarr v3 array with one window a chunk, as readers of Zarr would lay it out for training.

int16 with blosc (lz4, bit shuffle), as in tuszstore's store, so that only the layout differs.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.source import Source

ARRAY = "windows"


def write_windows(source: Source, folder: Path, windows_per_shard: int | None = None) -> Path:
    """Write all windows of a source as a group with one array; return the group's path.

    Parameters
    ----------
    source : Source
    folder : Path
    windows_per_shard : int, optional
        By default a chunk is a file of its own.
    """
    import zarr
    from zarr.codecs import BloscCodec

    path = folder / "windows.zarr"
    shape = source.windows.shape
    shards = None if windows_per_shard is None else (windows_per_shard, *shape[1:])
    group = zarr.create_group(path, zarr_format=3)
    array = group.create_array(
        ARRAY, shape=shape, dtype=np.int16, chunks=(1, *shape[1:]), shards=shards,
        compressors=BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=2),
        filters=None, attributes={"scale_factor": source.scale},
        dimension_names=("window", "channel", "sample"),
    )  # fmt: skip
    step = windows_per_shard or 64
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        array[start:stop] = source.stored(start, stop)
    return path


def open_windows(path: Path) -> tuple[Any, np.float32]:
    """Return the array below a group's path, and the scale of its values."""
    import zarr

    array: Any = zarr.open_array(path / ARRAY, mode="r")
    return array, np.float32(array.attrs["scale_factor"])
