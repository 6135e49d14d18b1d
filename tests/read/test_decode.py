"""The compiled decoder and that of NumPy give the same numbers and find the same damage."""

import contextlib
import json
import shutil
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
from click.testing import CliRunner
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import tuszstore
from tuszstore.cli import main
from tuszstore.read import decode
from tuszstore.read.decode import Buffers, Layout, make_decoder
from tuszstore.read.shards import DamagedBlock, DamagedShard, ShardFiles
from tuszstore.store.shard import signal_file

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

compiled = pytest.mark.skipif(decode._kernel is None, reason="installed without a compiler")


@pytest.mark.skipif(COMPILER is None, reason="no compiler here")
def test_where_there_is_a_compiler_there_is_a_kernel() -> None:
    assert decode._kernel is not None


def shuffled(values: NDArray[Any], level: int, block: int, name: str = "lz4") -> bytes:
    codec = numcodecs.Blosc(name, level, numcodecs.Blosc.BITSHUFFLE, block)
    return bytes(codec.encode(values))


class Shard:
    """Chunks in a file, each with its checksum."""

    def __init__(self, folder: Path, chunks: list[bytes]) -> None:
        self.files = ShardFiles(folder, len(chunks))
        self.path = folder / signal_file(0)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        sizes = np.array([len(chunk) + 4 for chunk in chunks])
        ends = np.cumsum(sizes)
        self.spans = np.stack([ends - sizes, ends], axis=1)
        summed = [chunk + crc32c(chunk).to_bytes(4, "little") for chunk in chunks]
        self.path.write_bytes(b"".join(summed))

    def read(self, layout: Layout, *, compiled: bool) -> NDArray[Any]:
        """Return all blocks, as they are stored, each as a window of one block."""
        n = len(self.spans)
        out = np.empty((n, layout.n_channels, layout.n_samples), layout.dtype)
        targets = np.stack([np.arange(n), np.arange(n) * layout.n_samples], axis=1)
        decoder = make_decoder(self.files, layout, compiled=compiled)
        decoder(0, self.spans, 0, targets, out, Buffers())
        return out


def one_row(values: NDArray[Any], *, compressed: bool = True, verify: bool = True) -> Layout:
    return Layout(1, len(values), len(values), values.dtype, 1.0, compressed, verify)


def like_eeg(n: int, dtype: str, noise: int, seed: int) -> NDArray[Any]:
    """A walk whose low bits are noise, as those of EEG are; with no noise it compresses well."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.integers(-noise, noise + 1, n)) % 20000 - 10000
    return walk.astype(dtype) / (1 if dtype == "int16" else np.float32(1024)) if n else walk


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shards")


@compiled
@settings(max_examples=150, deadline=None)
@given(
    dtype=st.sampled_from(["int16", "float32"]),
    n=st.one_of(st.integers(1, 300), st.integers(1, 40_000)),
    noise=st.sampled_from([0, 1, 50, 3000]),
    level=st.integers(0, 9),
    block=st.sampled_from([0, 0, 64, 1000, 4096, 65536]),
    seed=st.integers(0, 99),
)
def test_what_blosc_encoded_is_decoded(
    folder: Path, dtype: str, n: int, noise: int, level: int, block: int, seed: int
) -> None:
    values = like_eeg(n, dtype, noise, seed).astype(dtype)
    shard = Shard(folder, [shuffled(values, level, block)])
    np.testing.assert_array_equal(shard.read(one_row(values), compiled=True)[0, 0], values)


@compiled
@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("n", [8055, 4028, 12_345, 20_001])
def test_a_length_that_is_not_shuffled_but_split(folder: Path, dtype: str, n: int) -> None:
    """Streams that did not get smaller lie elsewhere than those that did."""
    values = like_eeg(n, dtype, 3000, 1).astype(dtype)
    shard = Shard(folder, [shuffled(values, 6, 0)])
    np.testing.assert_array_equal(shard.read(one_row(values), compiled=True)[0, 0], values)


@compiled
@pytest.mark.parametrize("codec", ["lz4", "lz4hc", "blosclz", "zstd", "zlib"])
@pytest.mark.parametrize("shuffle", [0, 1, 2])
def test_what_the_kernel_does_not_know_is_left_to_blosc(
    folder: Path, codec: str, shuffle: int
) -> None:
    values = like_eeg(5000, "int16", 50, 0).astype("int16")
    chunk = bytes(numcodecs.Blosc(codec, 5, shuffle).encode(values))
    shard = Shard(folder, [chunk])
    np.testing.assert_array_equal(shard.read(one_row(values), compiled=True)[0, 0], values)


@compiled
@settings(max_examples=60, deadline=None)
@given(n=st.one_of(st.integers(1, 200), st.integers(1, 50_000)), data=st.data())
def test_checksums_of_any_length(folder: Path, n: int, data: st.DataObject) -> None:
    """Bare chunks, so that the length is what the test chooses; any flipped bit is found."""
    values = np.random.default_rng(n).integers(-32768, 32767, n).astype("int16")
    shard = Shard(folder, [values.tobytes()])
    layout = one_row(values, compressed=False)
    np.testing.assert_array_equal(shard.read(layout, compiled=True)[0, 0], values)
    content = bytearray(shard.path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    shard.path.write_bytes(content)
    with pytest.raises(DamagedBlock, match="checksum is wrong"):
        shard.read(layout, compiled=True)


@compiled
@settings(max_examples=300, deadline=None)
@given(
    dtype=st.sampled_from(["int16", "float32"]),
    n=st.integers(1, 3000),
    noise=st.sampled_from([0, 50, 3000]),
    block=st.sampled_from([0, 256, 1000]),
    damage=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 255), st.booleans()), min_size=1, max_size=4
    ),
    length=st.sampled_from([1.0, 1.0, 0.99, 0.5, 0.01]),
)
def test_damaged_chunks_are_errors_or_other_numbers(
    folder: Path, dtype: str, n: int, noise: int, block: int, damage: list[Any], length: float
) -> None:
    """Without checksums nothing protects the kernel but its own checks; it must never crash."""
    values = like_eeg(n, dtype, noise, n).astype(dtype)
    chunk = bytearray(shuffled(values, 5, block))
    chunk = chunk[: max(1, int(length * len(chunk)))]
    for place, value, in_front in damage:  # lengths and offsets lie in front
        end = min(len(chunk), 64) if in_front else len(chunk)
        chunk[min(int(place * end), end - 1)] = value
    shard = Shard(folder, [bytes(chunk)])
    with contextlib.suppress(DamagedBlock):
        assert shard.read(one_row(values, verify=False), compiled=True).shape == (1, 1, n)


STORES = {
    "int16": {},
    "float32": {"storage": {"dtype": "float32"}},
    "bare": {"storage": {"codec": "none"}},
    "bare float32": {"storage": {"codec": "none", "dtype": "float32"}},
    "windows on disk": {"windows": {"overlap": "duplicate"}},
    "small shards, odd blocks": {
        "storage": {"shard_seconds": 20}, "windows": {"length": 15.0, "stride": 1.25},
    },
}  # fmt: skip

QUICK = {"int16", "bare float32", "windows on disk"}


@compiled
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(config, id=name, marks=[] if name in QUICK else pytest.mark.slow)
        for name, config in STORES.items()
    ],
)
def test_both_decoders_fill_windows_alike(
    own_corpus: Path, tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tuszstore.build(
        config, split="train", data=own_corpus, store=tmp_path, workers=0, limit=2
    ).store
    store = tuszstore.open(path)
    rng = np.random.default_rng(0)
    sets = [rng.integers(0, len(store), 30), np.arange(2, len(store)), np.array([3, 3, 4])]
    for numbers, dtype in product(sets, ["float32", store.metadata.encoding.dtype]):
        shape = (len(numbers), *store.windows.shape[1:])
        both = []
        for kernel in (decode._kernel, None):
            with monkeypatch.context() as patch:
                patch.setattr(decode, "_kernel", kernel)
                # one that is not aligned to 16 bytes, which the kernel writes in another way
                memory = np.empty(int(np.prod(shape)) * np.dtype(dtype).itemsize + 4, np.uint8)
                out = memory[4:].view(dtype).reshape(shape)
                both.append(tuszstore.open(path).reader.signal(numbers, out))
        np.testing.assert_array_equal(*both)
        np.testing.assert_array_equal(both[0], tuszstore.open(path).reader.signal(numbers, both[1]))


@compiled
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"spans": np.array([[0, 10**9]])}, id="span behind the content"),
        pytest.param({"spans": np.array([[-8, 40]])}, id="span before the content"),
        pytest.param({"spans": np.array([[0, 3]])}, id="span shorter than a checksum"),
        pytest.param({"targets": np.array([[5, 0]])}, id="row that is not there"),
        pytest.param({"targets": np.array([[-1, 0]])}, id="negative row"),
        pytest.param({"targets": np.array([[0, -1]])}, id="before the run"),
        pytest.param({"targets": np.array([[0, 1], [0, 0]])}, id="targets not sorted"),
        pytest.param({"scratch": np.empty(10, np.uint8)}, id="small scratch"),
        pytest.param({"itemsize": 8}, id="itemsize"),
        pytest.param({"shape": (0, 20, 20)}, id="no channel"),
        pytest.param({"scale": 1.0, "itemsize": 4}, id="float32 is never scaled"),
    ],
)
def test_the_kernel_refuses_what_does_not_fit(on_disk: Path, change: dict[str, Any]) -> None:
    shard = Shard(on_disk, [bytes(40)])
    given: dict[str, Any] = {
        "folder": shard.files.folder,
        "name": signal_file(0),
        "begin": 0,
        "content": np.empty(44, np.uint8),
        "spans": shard.spans,
        "first": 0,
        "targets": np.array([[0, 0]]),
        "out": np.empty((1, 1, 20), np.int16),
        "scratch": np.empty(160, np.uint8),
        "shape": (1, 20, 20),
        "itemsize": 2,
        "scale": 0.0,
        "compressed": False,
        "verify": False,
    }
    assert decode._kernel.fill(*given.values()) is False
    with pytest.raises(ValueError, match="do not fit"):
        decode._kernel.fill(*(given | change).values())


def _i4(*values: int) -> NDArray[np.int32]:
    return np.array(values, np.int32)


def _f4(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


ROWS = (_i4(0, 1, 3), _i4(0, 0, 1), _f4(1, 2, 3), _f4(0.5), _f4(9), 1, np.array([0]))
"""One row of a channel and a shared sum; one recording, one window."""


@compiled
@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(0, _i4(0, 1), id="starts of fewer sums"),
        pytest.param(0, _i4(0, 2, 1), id="starts that fall"),
        pytest.param(0, _i4(0, 0, 3), id="sum without terms"),
        pytest.param(0, _i4(1, 2, 3), id="starts behind the first"),
        pytest.param(0, _i4(0, 1, 4), id="starts behind the last"),
        pytest.param(0, _i4(0, -(2**31), 3), id="negative start"),
        pytest.param(1, _i4(0, 0, 2), id="channel that is not there"),
        pytest.param(1, _i4(1, 0, 1), id="shared sum of a shared sum"),
        pytest.param(1, _i4(0, -1, 1), id="negative channel"),
        pytest.param(1, _i4(), id="no terms"),
        pytest.param(2, _f4(1, 2), id="few factors"),
        pytest.param(3, _f4(1, 2), id="offsets of more recordings"),
        pytest.param(4, _f4(1, 2), id="limits of more rows"),
        pytest.param(5, 2, id="more shared sums"),
        pytest.param(5, -1, id="fewer than no shared sums"),
        pytest.param(6, np.array([], np.int64), id="fewer recordings than windows"),
        pytest.param(6, np.array([-1]), id="negative recording"),
    ],
)
def test_the_kernel_refuses_rows_that_do_not_fit(folder: Path, place: int, value: Any) -> None:
    shard = Shard(folder, [np.arange(20, dtype="int16").tobytes()])
    out = np.empty((1, 1, 20), np.float32)

    def fill(rows: tuple[Any, ...], scratch: int = 160 + 2 * decode._kernel.SHARED) -> None:
        decode._kernel.fill(
            shard.files.folder, signal_file(0), 0, np.empty(44, np.uint8), shard.spans, 0,
            np.array([[0, 0]]), out, np.empty(scratch, np.uint8), (1, 20, 20), 2, 1.0, False,
            False, rows,
        )  # fmt: skip

    fill(ROWS)
    np.testing.assert_array_equal(out[0, 0], np.minimum(np.arange(20) * 5 + 0.5, 9))
    with pytest.raises(ValueError, match="do not fit"):
        fill((*ROWS[:place], value, *ROWS[place + 1 :]))
    with pytest.raises(ValueError, match="do not fit"):
        fill(ROWS, 160 + decode._kernel.SHARED)
    with pytest.raises(TypeError):
        fill(list(ROWS))  # type: ignore[arg-type]


@compiled
def test_the_kernel_refuses_a_recording_that_has_no_factors(folder: Path) -> None:
    shard = Shard(folder, [bytes(40)])
    rows = (_i4(0, 1), _i4(0), _f4(1, 2), _f4(0, 0), _f4(9), 0, np.array([2]))
    with pytest.raises(ValueError, match="do not fit"):
        decode._kernel.fill(
            shard.files.folder, signal_file(0), 0, np.empty(44, np.uint8), shard.spans, 0,
            np.array([[0, 0]]), np.empty((1, 1, 20), np.float32), np.empty(20000, np.uint8),
            (1, 20, 20), 2, 1.0, False, False, rows,
        )  # fmt: skip


@pytest.mark.usefixtures("decoder")
def test_a_chunk_of_another_length(folder: Path) -> None:
    values = np.arange(20, dtype="int16")
    shard = Shard(folder, [values.tobytes(), values[:-1].tobytes()])
    layout = one_row(values, compressed=False)
    with pytest.raises(DamagedBlock, match="another length") as caught:
        shard.read(layout, compiled=decode._kernel is not None)
    assert caught.value.place == 1


@pytest.mark.usefixtures("decoder")
def test_a_shard_that_is_gone(folder: Path) -> None:
    values = np.arange(20, dtype="int16")
    shard = Shard(folder, [values.tobytes()])
    shard.path.unlink()
    with pytest.raises(DamagedShard, match="file is missing"):
        shard.read(one_row(values, compressed=False), compiled=decode._kernel is not None)


@pytest.mark.usefixtures("decoder")
def test_content_that_is_there_already(folder: Path) -> None:
    """Of a part of a shard, read-only, as an object store returns it; no file is opened."""
    blocks = np.random.default_rng(0).integers(-9, 9, (4, 3000)).astype("int16")
    shard = Shard(folder, [shuffled(block, 5, 0) for block in blocks])
    content, spans = shard.path.read_bytes(), shard.spans[1:3]
    shard.path.unlink()
    layout = one_row(blocks[0])
    out = np.empty((2, 1, 3000), np.int16)
    targets = np.array([[1, 0], [0, 3000]])
    decoder = make_decoder(None, layout)
    part = memoryview(content)[spans[0, 0] : spans[1, 1]]
    decoder(0, spans, 0, targets, out, Buffers(), part)
    np.testing.assert_array_equal(out[:, 0], blocks[[2, 1]])
    flipped = bytearray(part)
    flipped[-10] ^= 1
    with pytest.raises(DamagedBlock, match="checksum is wrong") as caught:
        decoder(0, spans, 0, targets, out, Buffers(), bytes(flipped))
    assert caught.value.place == 1


@compiled
def test_the_kernel_writes_into_no_bytes(folder: Path) -> None:
    """What is read from a file goes into memory that may be written."""
    shard = Shard(folder, [bytes(40)])
    with pytest.raises((BufferError, TypeError)):
        decode._kernel.fill(
            shard.files.folder,
            signal_file(0),
            0,
            bytes(44),
            shard.spans,
            0,
            np.array([[0, 0]]),
            np.empty((1, 1, 20), np.int16),
            np.empty(160, np.uint8),
            (1, 20, 20),
            2,
            0.0,
            False,
            False,
        )


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(12, 60_000, id="longer than it is"),
        pytest.param(12, 1, id="shorter than it is"),
        pytest.param(4, 2**31 - 1, id="2 GB of samples"),
        pytest.param(8, 0, id="parts of no size"),
        pytest.param(8, 2**32 - 1, id="parts of 4 GB"),
    ],
)
@pytest.mark.parametrize("noise", [50, 2**15], ids=["compressed", "as it is"])
def test_a_header_that_lies_is_refused(
    folder: Path, place: int, value: int, noise: int, compiled: bool
) -> None:
    """Blosc itself believes it and reads past the end of the chunk; found by fuzzing."""
    if compiled and decode._kernel is None:
        pytest.skip("installed without a compiler")
    rng = np.random.default_rng(0)
    values = rng.integers(-noise, noise, 600).astype("int16")
    chunk = bytearray(shuffled(values, 5, 0))
    assert bool(chunk[2] & 2) == (noise > 50)  # what got no smaller is copied
    chunk[place : place + 4] = value.to_bytes(4, "little")
    with pytest.raises(DamagedBlock):
        Shard(folder, [bytes(chunk)]).read(one_row(values), compiled=compiled)


@compiled
def test_a_format_of_lz4_that_blosc_refuses_is_refused(folder: Path) -> None:
    values = like_eeg(600, "int16", 50, 0).astype("int16")
    chunk = bytearray(shuffled(values, 5, 0))
    chunk[1] = 11
    for with_kernel in (True, False):
        with pytest.raises(DamagedBlock):
            Shard(folder, [bytes(chunk)]).read(one_row(values), compiled=with_kernel)


@compiled
@pytest.mark.parametrize(("n_last", "intact"), [(6, True), (5, True), (4, False), (1, False)])
def test_a_block_of_lz4_ends_as_liblz4_insists(folder: Path, n_last: int, intact: bool) -> None:
    """In five literals at least."""
    values = np.zeros(600, "int16")
    n_repeated = values.nbytes - 1 - n_last
    more, rest = divmod(n_repeated - 4 - 15, 255)
    stream = bytes([0x1F, 0, 1, 0, *[255] * more, rest, n_last << 4]) + bytes(n_last)
    sizes = [values.nbytes, values.nbytes, 16 + 4 + 4 + len(stream), 20, len(stream)]
    chunk = bytes([2, 1, 1 << 5 | 0x10 | 4, 2]) + np.array(sizes, "<u4").tobytes() + stream
    for with_kernel in (True, False):
        shard = Shard(folder, [chunk])
        if intact:
            decoded = shard.read(one_row(values), compiled=with_kernel)
            np.testing.assert_array_equal(decoded[0, 0], values)
        else:
            with pytest.raises(DamagedBlock):
                shard.read(one_row(values), compiled=with_kernel)


def test_a_missing_kernel_is_said_once(
    train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "_kernel", None)
    monkeypatch.setattr(decode, "_told", False)
    first, second = tuszstore.open(train.path), tuszstore.open(train.path)
    with pytest.warns(RuntimeWarning, match=r"compiled kernel is missing.*C compiler"):
        first.read([0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second.read([0])
    result = CliRunner().invoke(main, ["info", str(train.path)])
    assert "kernel is missing" in " ".join(result.output.replace("│", "").split())
    assert (
        json.loads(CliRunner().invoke(main, ["info", str(train.path), "--json"]).output)["kernel"]
        is False
    )


@compiled
def test_with_the_kernel_nothing_is_said(train: tuszstore.Store) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tuszstore.open(train.path).read([0])
    assert not [w for w in said if "kernel" in str(w.message)]
    assert "compiled kernel" in CliRunner().invoke(main, ["info", str(train.path)]).output
