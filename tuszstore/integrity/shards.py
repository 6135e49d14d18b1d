"""The table of shards: the recording, size and digest of each."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.builder.tables import strings
from tuszstore.errors import StoreError
from tuszstore.store.shard import signal_file
from tuszstore.store.spec import StoreSpec


def shards_of(recordings: Mapping[str, NDArray[Any]], spec: StoreSpec) -> Iterator[tuple[int, int]]:
    """Yield the row of the recording and the number of every shard, in the order of the table.

    Parameters
    ----------
    recordings : mapping of str to ndarray
        ``first_block`` and ``n_samples``.
    spec : StoreSpec
    """
    columns = (recordings[name].tolist() for name in ("first_block", "n_samples"))
    for row, (first_block, n_samples) in enumerate(zip(*columns, strict=True)):
        for number in range(spec.geometry.n_shards(n_samples)):
            yield row, first_block // spec.shard + number


def shard_columns(
    path: Path, recordings: Mapping[str, NDArray[Any]], spec: StoreSpec
) -> dict[str, NDArray[Any]]:
    """Return the columns of `shards/*`, computed from the existing files.

    Parameters
    ----------
    path : Path
        Root of the store.
    recordings : mapping of str to ndarray
        ``first_block`` and ``n_samples``.
    spec : StoreSpec

    Raises
    ------
    StoreError
        If a shard cannot be read.
    """
    rows, sizes, digests = [], [], []
    for row, number in shards_of(recordings, spec):
        file = path / signal_file(number)
        try:
            with file.open("rb") as content:
                digests.append(hashlib.file_digest(content, "sha256").hexdigest())
            sizes.append(file.stat().st_size)
        except OSError as error:
            raise StoreError(f"{file}: cannot be read: {error.strerror}") from error
        rows.append(row)
    return {
        "recording": np.array(rows, np.int32),
        "bytes": np.array(sizes, np.int64),
        "digest": strings(digests),
    }
