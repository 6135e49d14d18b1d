"""The bytes of a shard: the Zarr v3 codec ``sharding_indexed`` [1]_.

A shard is the encoded chunks one after the other, then an index with offset and size of each, as
little-endian uint64, then the CRC-32C of the index. A chunk that is not there has both at
2^64 - 1. Each chunk ends in a CRC-32C of its own.

Shards are encoded here and not by zarr-python because it takes six times as long; what is written
is the same array, and the tests read it with zarr-python, zarrs and tensorstore.

References
----------
.. [1] https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

ABSENT = np.uint64(2**64 - 1)

_CODECS: dict[str, tuple[Literal["lz4", "zstd"], int]] = {"lz4": ("lz4", 5), "zstd": ("zstd", 1)}
"""Blosc's compressor and level of each codec."""


def zarr_codecs(codec: str, itemsize: int) -> list[Any]:
    """Return what follows the `bytes` codec inside a shard, as zarr-python's objects.

    Parameters
    ----------
    codec : {"lz4", "zstd", "none"}
    itemsize : int
        Bytes of a sample, for the shuffle.
    """
    from zarr.codecs import BloscCodec, Crc32cCodec

    if codec == "none":
        return [Crc32cCodec()]
    name, level = _CODECS[codec]
    blosc = BloscCodec(
        cname=name, clevel=level, shuffle="bitshuffle", typesize=itemsize, blocksize=0
    )
    return [blosc, Crc32cCodec()]


def encode_shard(blocks: NDArray[np.generic], codec: str, n_chunks: int) -> bytes:
    """Encode blocks as the first chunks of a shard.

    Parameters
    ----------
    blocks : ndarray, shape (block, channel, sample)
        At most `n_chunks`; each becomes one chunk.
    codec : {"lz4", "zstd", "none"}
    n_chunks : int
        Chunks of a full shard; those without a block are marked absent.
    """
    index = np.full((n_chunks, 2), ABSENT, "<u8")
    parts: list[bytes] = []
    offset = 0
    for k, chunk in enumerate(_encoded(blocks, codec)):
        index[k] = offset, len(chunk) + 4
        parts += [chunk, _crc32c(chunk)]
        offset += len(chunk) + 4
    table = index.tobytes()
    return b"".join([*parts, table, _crc32c(table)])


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all.

    Raises
    ------
    OSError
        As the file system gives it; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _encoded(blocks: NDArray[np.generic], codec: str) -> Iterable[bytes]:
    little = np.ascontiguousarray(blocks, blocks.dtype.newbyteorder("<"))
    if codec == "none":
        for block in little:
            yield block.tobytes()
        return
    from numcodecs import Blosc

    name, level = _CODECS[codec]
    blosc = Blosc(name, level, Blosc.BITSHUFFLE)
    for block in little:
        yield blosc.encode(block)


def _crc32c(content: bytes) -> bytes:
    return int(crc32c(content)).to_bytes(4, "little")
