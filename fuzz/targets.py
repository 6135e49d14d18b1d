"""What is fuzzed: functions of some bytes that may refuse them in one way only.

Whatever else they raise is a finding, and so is a result that breaks the law that is asserted.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numcodecs
import numpy as np
from crc32c import crc32c

from fuzz.formats import FORMATS
from tuszstore.builder.spec import spec_of
from tuszstore.config import Channels, Config, Labels, load_config
from tuszstore.corpus.annotations import Annotation, read_nedc_csv
from tuszstore.corpus.edf import read_header
from tuszstore.corpus.events import mark_events
from tuszstore.corpus.reading import inspect, read_microvolts
from tuszstore.corpus.tusz import Tusz, named_recording
from tuszstore.errors import ConfigError, RecordingError, StoreError
from tuszstore.read.decode import Buffers, Layout, make_decoder
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
