"""The bytes of a shard: the Zarr v3 codec ``sharding_indexed`` [1]_.

A shard consists of the encoded chunks, an index with offset and size of each chunk as little-endian
uint64, and the CRC-32C of the index. For a missing chunk, both are 2^64 - 1. Each chunk ends with
its own CRC-32C.

Shards are encoded here because zarr-python takes six times as long; the result is the same
array, and the tests read it with zarr-python, zarrs and tensorstore.

References
----------
.. [1] https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html
"""

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

ABSENT = np.uint64(2**64 - 1)

SIGNAL_CHUNKS = "signal/c/"
LABEL_CHUNKS = "label/c/"
"""Folders of the shards of signal and of their labels, below a store's root."""

CRC = 4
"""Size of a checksum (byte), after every chunk and every index."""

_ENTRY = 16
"""Bytes of an entry of an index."""

_BLOSC_HEADER = 16

_CHUNK_FILE = re.compile(rf"(?:{SIGNAL_CHUNKS}(\d{{1,15}})/0/0|{LABEL_CHUNKS}(\d{{1,15}})/0)")

_CODECS: dict[str, tuple[Literal["lz4", "zstd"], int]] = {"lz4": ("lz4", 5), "zstd": ("zstd", 1)}
"""Blosc's compressor and level of each codec."""


def signal_file(shard: int | str) -> str:
    """Return the path of a shard of the signal below a store's root; of all, for ``"*"``."""
    return f"{SIGNAL_CHUNKS}{shard}/0/0"


def label_file(shard: int | str) -> str:
    """Return the path of the labels of a shard below a store's root; of all, for ``"*"``."""
    return f"{LABEL_CHUNKS}{shard}/0"


def shard_number(file: str) -> int | None:
    """Return the number of the shard whose signal or labels a file has; None for other files."""
    match = _CHUNK_FILE.fullmatch(file)
    return int(match[1] or match[2]) if match else None


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
        index[k] = offset, len(chunk) + CRC
        parts += [chunk, checksum_of(chunk)]
        offset += len(chunk) + CRC
    table = index.tobytes()
    return b"".join([*parts, table, checksum_of(table)])


def tail_bytes(n_chunks: int) -> int:
    """Return the size (byte) of a shard's index with its checksum, at the end of the shard."""
    return _ENTRY * n_chunks + CRC


def largest_shard(n_chunks: int, block_bytes: int) -> int:
    """Return the maximum size of a shard (byte).

    Parameters
    ----------
    n_chunks : int
    block_bytes : int
        Bytes of the values of a block.
    """
    return n_chunks * largest_chunk(block_bytes) + tail_bytes(n_chunks)


def parse_tail(tail: bytes | memoryview, size: int, n_chunks: int) -> NDArray[np.int64]:
    """Return the byte ranges of the chunks of a shard.

    Parameters
    ----------
    tail : bytes or memoryview
        Its last :func:`tail_bytes`, or fewer if it is shorter.
    size : int
        Bytes of the shard.
    n_chunks : int

    Returns
    -------
    ndarray of int64, shape (chunk, 2)
        As from :func:`parse_index`.

    Raises
    ------
    ValueError
        If the shard is cut off, or its index is damaged.
    """
    if len(tail) < tail_bytes(n_chunks):
        raise ValueError("file is cut off")
    return parse_index(bytes(tail[:-CRC]), bytes(tail[-CRC:]), size - len(tail))


def parse_index(table: bytes, checksum: bytes, n_payload: int) -> NDArray[np.int64]:
    """Return the byte ranges of the chunks of a shard.

    Parameters
    ----------
    table : bytes
        The index, without its checksum.
    checksum : bytes
    n_payload : int
        Bytes in front of the index.

    Returns
    -------
    ndarray of int64, shape (chunk, 2)
        Begin and end of each in bytes, including the checksum; -1 for a missing chunk.

    Raises
    ------
    ValueError
        If the index is damaged.
    """
    if crc32c(table) != int.from_bytes(checksum, "little"):
        raise ValueError("checksum of the shard's index is wrong, or the file is cut off")
    # signed, so that impossibly large values are negative, and absent chunks are -1
    begins, lengths = np.frombuffer(table, "<i8").reshape(-1, 2).T
    absent = begins == -1
    within = (begins >= 0) & (lengths >= CRC) & (lengths <= n_payload - begins)
    if not (within | absent).all():
        raise ValueError("index points outside of the file")
    spans = np.empty((len(begins), 2), np.int64)
    spans[:, 0] = begins
    np.add(begins, lengths, out=spans[:, 1])
    spans[absent] = -1
    return spans


def blosc_fault(chunk: bytes | NDArray[np.uint8], n_bytes: int) -> str:
    """Return what is wrong with the header of a chunk of Blosc [1]_; empty if it can be decoded.

    Blosc trusts the chunk size in the header, and would read past the chunk's end.

    Parameters
    ----------
    chunk : bytes or ndarray of uint8
        Without its checksum.
    n_bytes : int
        That it must decode to.

    References
    ----------
    .. [1] https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst
    """
    if len(chunk) < _BLOSC_HEADER:
        return "is cut off"
    header = np.frombuffer(bytes(chunk[:_BLOSC_HEADER]), "<u4")
    claimed, block, size = header[1:].tolist()
    if claimed != n_bytes:
        return "claims another size than a block"
    if size != len(chunk):
        return "claims another length than it has"
    if not 0 < block <= max(n_bytes, 1):
        return "claims parts of an impossible size"
    return ""


def largest_chunk(block_bytes: int) -> int:
    """Return the maximum size of a chunk (byte), including its checksum.

    Parameters
    ----------
    block_bytes : int
        Bytes of the values of a block; Blosc adds a header.
    """
    return block_bytes + _BLOSC_HEADER + CRC


def encode_chunk(chunk: NDArray[np.generic], codec: str) -> bytes:
    """Encode one chunk as a separate file, like the chunks of a shard.

    Parameters
    ----------
    chunk : ndarray
    codec : {"lz4", "zstd", "none"}
    """
    (content,) = _encoded(chunk[None], codec)
    return content + checksum_of(content)


def shard_fault(path: Path, n_chunks: int, n_blocks: int, *, deep: bool = False) -> str:
    """Return what is wrong with a shard, according to its index; empty if it is intact.

    Parameters
    ----------
    path : Path
    n_chunks : int
        Number of chunks of a full shard.
    n_blocks : int
        That must be in this one.
    deep : bool
        Whether to check the checksum of each block as well.
    """
    n_tail = tail_bytes(n_chunks)
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0 if deep else max(0, size - n_tail))
            content = file.read()
    except OSError as error:
        return error.strerror or str(error)
    try:
        spans = parse_tail(content[-n_tail:], size, n_chunks)[:n_blocks]
    except ValueError:
        return "file is cut off, or its index is damaged"
    if (spans < 0).any():
        return "blocks are missing"
    for begin, end in spans.tolist() if deep else ():
        if fault := _chunk_fault(content[begin:end]):
            return fault
    return ""


def chunk_fault(path: Path) -> str:
    """Return what is wrong with a chunk in its own file; empty if it is intact."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return error.strerror or str(error)
    return _chunk_fault(content)


def _chunk_fault(content: bytes) -> str:
    whole = len(content) > CRC and checksum_of(content[:-CRC]) == content[-CRC:]
    return "" if whole else "checksum is wrong"


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and flush it to disk.

    Its name is durable only when its folder is too: :func:`sync_folder`.

    Raises
    ------
    OSError
        From the file system.
    """
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Flush the entries of a folder to disk.

    Raises
    ------
    OSError
        From the file system, unless it cannot flush folders.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file atomically.

    Raises
    ------
    OSError
        From the file system; no partial file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write_durably(part, content)
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


def checksum_of(content: bytes | memoryview) -> bytes:
    """Return the CRC-32C of bytes, as the codec ``crc32c`` puts it behind them."""
    return int(crc32c(content)).to_bytes(CRC, "little")
