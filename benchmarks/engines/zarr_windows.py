"""A Zarr v3 array with one window per chunk, the usual layout for training.

int16 with blosc (lz4, bit shuffle), as in tuszstore's store, so that only the layout differs.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.source import Source

ARRAY = "windows"


def write_windows(source: Source) -> Path:
    """Write all windows of a source beside it, as a group with one array; return its path.

    Each chunk is a file, since readers without a cache of shard indices read an index for each
    window. Existing files are kept, since several engines read them.
    """
    import zarr
    from zarr.codecs import BloscCodec

    path, done = Path(source.folder, "windows.zarr"), Path(source.folder, "windows.zarr.done")
    if done.exists():
        return path
    shape = source.windows.shape
    group = zarr.create_group(path, zarr_format=3, overwrite=True)
    array = group.create_array(
        ARRAY,
        shape=shape,
        dtype=np.int16,
        chunks=(1, *shape[1:]),
        compressors=BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=2),
        filters=None,
        attributes={"scale_factor": source.scale},
        dimension_names=("window", "channel", "sample"),
    )
    for start in range(0, shape[0], 64):
        stop = min(start + 64, shape[0])
        array[start:stop] = source.stored(start, stop)
    done.touch()
    return path


def open_windows(path: Path) -> tuple[Any, np.float32]:
    """Return the array below a group's path, and the scale of its values."""
    import zarr

    array: Any = zarr.open_array(path / ARRAY, mode="r")
    return array, np.float32(array.attrs["scale_factor"])
