"""What is fuzzed: functions of some bytes that may refuse them in one way only.

Whatever else they raise is a finding, and so is a result that breaks the law that is asserted.
"""

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from fuzz.formats import FORMATS
from tuszstore.builder.spec import spec_of
from tuszstore.channels.derivations import Channel
from tuszstore.config import Channels, Config, Labels, load_config
from tuszstore.corpus.annotations import Annotation, read_nedc_csv
from tuszstore.corpus.edf import read_header
from tuszstore.corpus.events import mark_events
from tuszstore.corpus.reading import inspect, read_microvolts
from tuszstore.corpus.tusz import Tusz, named_recording
from tuszstore.errors import ConfigError, RecordingError, StoreError
from tuszstore.read.decode import Buffers, Layout, make_decoder
from tuszstore.read.rows import Rows
from tuszstore.read.shards import DamagedBlock, DamagedShard, ShardFiles
from tuszstore.store.limits import check_arrays, zstd_size
from tuszstore.store.shard import parse_index, signal_file

FOLDER = Path(tempfile.mkdtemp(prefix="tuszstore-fuzz-"))
"""Where a target writes what is read as a file."""

BLOCKS = ((600, "int16"), (605, "int16"), (600, "float32"), (603, "float32"))
"""Samples of a block in the target `chunk`, and their type; Blosc shuffles whole eights only."""


def edf(data: bytes) -> None:
    """Read an EDF file: its header, and its samples where they are few."""
    path = FOLDER / "a.edf"
    path.write_bytes(data)
    try:
        header = read_header(path)
        assert header.n_records >= 1
        assert header.n_bytes + header.n_records * header.record_bytes <= len(data)
        source = named_recording(path, FOLDER, FOLDER, "tusz")
        corpus, config = Tusz(FOLDER, {}), Channels()
        facts = inspect(corpus, source, config, config.channels)
        assert facts.n_samples * 2 <= len(data)
        if facts.n_samples < 2000:
            microvolts = read_microvolts(corpus, source, config, config.channels)
            assert microvolts.data.shape == (19, facts.n_samples)
    except RecordingError:
        return


def annotation(data: bytes) -> None:
    """Read an annotation, and mark samples by it."""
    try:
        events, _ = read_nedc_csv(data.decode("utf-8", "replace"), "a.csv")
        marked = mark_events(Annotation(tuple(events), None, ""), 5000, 256, Labels())
    except RecordingError:
        return
    assert len(marked.first) == len(events)
    assert ((marked.first >= 0) & (marked.first <= marked.stop) & (marked.stop <= 5000)).all()


def config(data: bytes) -> None:
    """Read a configuration; what is taken gives the same when it is read again."""
    path = FOLDER / "a.yaml"
    path.write_bytes(data)
    try:
        loaded = load_config(path)
    except ConfigError:
        return
    spec_of(loaded)
    assert Config.model_validate(loaded.model_dump(mode="json")).digest() == loaded.digest()


def chunk(data: bytes) -> None:
    """Decode a chunk in both ways, which must agree; its checksum is made right.

    The first byte says which of the blocks it is.
    """
    n_values, dtype = BLOCKS[data[0] % len(BLOCKS) if data else 0]
    data = data[1:]
    path = FOLDER / signal_file(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data + crc32c(data).to_bytes(4, "little"))
    spans = np.array([[0, len(data) + 4]])
    layout = Layout(1, n_values, n_values, np.dtype(dtype), 1.0, True, True)
    results = []
    for compiled in (True, False):
        out = np.zeros((1, 1, n_values), dtype)
        decode = make_decoder(ShardFiles(FOLDER, 1), layout, compiled=compiled)
        try:
            decode(0, spans, 0, np.array([[0, 0]]), out, Buffers())
            results.append(out.tobytes())
        except (DamagedBlock, DamagedShard):
            results.append(b"")
    # the kernel may be stricter, never laxer: what it decodes, Blosc decodes to the same
    assert results[0] in (results[1], b"")


def rows(data: bytes) -> None:
    """Make rows of a block in both ways, which must agree; any sums, with any numbers."""
    taken = _Bytes(data)
    n_channels, n_samples, window = 1 + taken.small(4), 1 + taken.small(90), 1 + taken.small(99)
    n_shared, n_rows, n_recordings = taken.small(3), 1 + taken.small(3), 1 + taken.small(2)
    starts = np.cumsum([0, *(taken.small(5) for _ in range(n_shared + n_rows))])
    n_terms = int(starts[-1])
    sums = Rows(
        wanted=tuple(Channel(f"row {k}", f"row {k}") for k in range(n_rows)),
        units="uV",
        clip=None,
        average_of=(),
        n_channels=n_channels,
        n_shared=n_shared,
        starts=starts.astype(np.int32),
        channels=np.array([taken.small(8) - 1 for _ in range(n_terms)], np.int32),
        factors=taken.array(np.float32, (n_recordings, n_terms)),
        offsets=taken.array(np.float32, (n_recordings, n_rows)),
        limits=np.abs(taken.array(np.float32, (n_rows,))),
    )
    dtype = np.dtype((np.int16, np.float32)[taken.small(2)])
    targets = np.array(sorted([taken.small(200), row] for row in range(2)))[:, ::-1].copy()
    recordings = np.array([taken.small(3), taken.small(3)])
    content = taken.array(dtype, (n_channels, n_samples)).tobytes() + bytes(4)
    layout = Layout(n_channels, n_samples, window, dtype, 1.0, False, False, sums)
    results, first = [], taken.small(3)
    for compiled in (True, False):
        out = np.zeros((2, n_rows, window), np.float32)
        decode = make_decoder(None, layout, compiled=compiled)
        try:
            with np.errstate(all="ignore"):
                decode(
                    0,
                    np.array([[0, len(content)]]),
                    first,
                    targets,
                    out,
                    Buffers(),
                    content,
                    recordings,
                )
        except ValueError:
            assert compiled  # what the kernel refuses is not tried with NumPy
            return
        results.append(out)
    np.testing.assert_array_equal(*results)


class _Bytes:
    """Numbers from the bytes of an input, and zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _take(self, n: int) -> bytes:
        taken, self._data = self._data[:n], self._data[n:]
        return taken + bytes(n - len(taken))

    def small(self, n: int) -> int:
        """Return a number below `n`."""
        return self._take(1)[0] % n

    def array(self, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return an array of any values."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        return np.frombuffer(self._take(n_bytes), dtype).reshape(shape).copy()


def shard(data: bytes) -> None:
    """Parse the index of a shard; spans that it gives lie in the file."""
    table = data[: len(data) // 16 * 16]
    if not table:
        return
    try:
        spans = parse_index(table, crc32c(table).to_bytes(4, "little"), 10_000)
    except ValueError:
        return
    there = spans[spans[:, 0] >= 0]
    assert ((there[:, 1] <= 10_000) & (there[:, 1] - there[:, 0] >= 4)).all()
    assert (spans[spans[:, 0] < 0] == -1).all()


def metadata(data: bytes) -> None:
    """Check what the metadata of a store claims."""
    zstd_size(data)
    try:
        documents = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(documents, dict):
        try:
            check_arrays(FOLDER, documents, spec_of(Config()))
        except StoreError:
            return


TARGETS: dict[str, Callable[[bytes], None]] = {
    "edf": edf,
    "annotation": annotation,
    "config": config,
    "chunk": chunk,
    "rows": rows,
    "shard": shard,
    "metadata": metadata,
    **FORMATS,
}


def chunk_seeds() -> list[bytes]:
    """Return inputs of the target `chunk` as a build writes them, of every kind of block."""
    rng = np.random.default_rng(0)
    seeds = []
    for kind, (n_values, dtype) in enumerate(BLOCKS):
        walk = np.cumsum(rng.integers(-9, 9, n_values)).astype(dtype)
        noise = (walk + rng.integers(-3000, 3000, n_values)) / (1 if dtype == "int16" else 1024)
        for values in (walk, noise.astype(dtype), np.zeros(n_values, dtype)):
            for level, block in ((5, 0), (1, 128), (9, 64), (0, 0)):
                codec = numcodecs.Blosc("lz4", level, numcodecs.Blosc.BITSHUFFLE, block)
                seeds.append(bytes([kind]) + bytes(codec.encode(values)))
    return seeds
