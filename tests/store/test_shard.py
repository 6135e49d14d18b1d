"""What is encoded here is what other implementations of Zarr read."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tuszstore.store.shard import encode_shard, write_atomically, zarr_codecs

SHAPE = (3, 16)


def make_array(path: Path, dtype: str, codec: str, n_chunks: int) -> zarr.Array:
    return zarr.create_array(
        path,
        shape=(2 * n_chunks, *SHAPE),
        dtype=dtype,
        chunks=(1, *SHAPE),
        shards=(n_chunks, *SHAPE),
        compressors=zarr_codecs(codec, np.dtype(dtype).itemsize),
        filters=None,
        fill_value=-7,
    )


def values(n: int, dtype: str, seed: int = 0) -> NDArray[np.generic]:
    return np.random.default_rng(seed).integers(-500, 500, (n, *SHAPE)).astype(dtype)


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("codec", ["lz4", "zstd", "none"])
@settings(max_examples=15, deadline=None)
@given(n_blocks=st.integers(1, 6), n_chunks=st.integers(6, 9))
def test_zarr_reads_what_was_encoded(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, codec: str, n_blocks: int, n_chunks: int
) -> None:
    path = tmp_path_factory.mktemp("shard")
    array = make_array(path, dtype, codec, n_chunks)
    blocks = values(n_blocks, dtype)
    write_atomically(path / "c" / "1" / "0" / "0", encode_shard(blocks, codec, n_chunks))
    read = array[...]
    np.testing.assert_array_equal(read[n_chunks : n_chunks + n_blocks], blocks)
    assert (read[:n_chunks] == -7).all()
    assert (read[n_chunks + n_blocks :] == -7).all()


@pytest.mark.parametrize("position", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_a_flipped_bit_is_an_error(tmp_path: Path, position: float) -> None:
    array = make_array(tmp_path, "int16", "lz4", 4)
    shard = bytearray(encode_shard(values(4, "int16"), "lz4", 4))
    shard[int(position * len(shard))] ^= 1
    write_atomically(tmp_path / "c" / "0" / "0" / "0", bytes(shard))
    with pytest.raises(Exception, match=r"(?i)checksum|crc32c"):
        array[:4]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a" / "file"
    write_atomically(target, b"old")

    def fail(self: Path, other: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [file.name for file in target.parent.iterdir()] == ["file"]
