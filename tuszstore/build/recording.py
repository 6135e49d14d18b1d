"""One recording, from EDF to its shards: the task that is run on a worker."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.config import CHANNELS, Config
from tuszstore.corpus.annotations import Annotation, Unlabelled, read_annotation
from tuszstore.corpus.events import MarkedEvents, mark_events
from tuszstore.corpus.pseudonyms import without_names
from tuszstore.corpus.reading import Microvolts, read_microvolts
from tuszstore.errors import BuildError, RecordingError
from tuszstore.signal.pipeline import Preprocessed, preprocess
from tuszstore.signal.quantise import missing_value, quantise
from tuszstore.store.geometry import Geometry
from tuszstore.store.labels import UNLABELLED, paint
from tuszstore.store.shard import encode_shard, write_atomically


@dataclass(frozen=True)
class Task:
    """What a worker needs to know of a recording.

    Attributes
    ----------
    id : str
    path, annotation : Path
    n_samples : int
        At the store's rate, as planned: the place in the store is of that size.
    first_block : int
    seconds : float
        Duration, for progress.
    """

    id: str
    path: Path
    annotation: Path
    n_samples: int
    first_block: int
    seconds: float


@dataclass(frozen=True)
class Built:
    """A recording that is in the store, and its rows of the tables.

    Attributes
    ----------
    task : Task
    row : dict
        Its columns of `recordings/*`, without what planning knows.
    events : MarkedEvents
    timings : dict of str to float
        Seconds spent in each stage.
    """

    task: Task
    row: dict[str, Any]
    events: MarkedEvents
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A recording that could not be built, and why."""

    task: Task
    reason: str


class Timings(dict[str, float]):
    """Seconds by stage."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block of code to a stage."""
        start = time.perf_counter()
        yield
        self[name] = self.get(name, 0.0) + time.perf_counter() - start


def build_recording(task: Task, store: Path, config: Config) -> Built | Failed:
    """Build one recording into an unfinished store.

    The recording's shards and labels are written by this task alone.

    Parameters
    ----------
    task : Task
    store : Path
        As :func:`~tuszstore.store.create.create_arrays` made it.
    config : Config

    Returns
    -------
    Built or Failed
        Whatever is wrong with the recording is a reason, not an exception.

    Raises
    ------
    BuildError
        If the store cannot be written: that is no fault of the recording.
    """
    try:
        return _build(task, store, config)
    except RecordingError as error:
        reason = str(error)
    except MemoryError:
        reason = "not enough memory for this recording; use fewer workers"
    except BuildError:
        raise
    except Exception as error:
        # whatever a library makes of one odd file, the others are built
        reason = f"{type(error).__name__}: {error}"
    if config.corpus.pseudonymize:
        reason = without_names(reason, task.path, task.id)
    return Failed(task, reason)


def _build(task: Task, store: Path, config: Config) -> Built:
    timings = Timings()
    with timings.stage("read"):
        source_digest, source_bytes = _digest(task.path)
        microvolts = read_microvolts(task.path, config.channels)
        annotation = _annotation(task, config)
    with timings.stage("signal"):
        signal = preprocess(microvolts.data, microvolts.sfreq, config.signal)
    n_samples = signal.data.shape[1]
    if n_samples != task.n_samples:
        raise RecordingError(
            f"file changed since it was planned: {n_samples / config.signal.sfreq:g} s instead "
            f"of {task.n_samples / config.signal.sfreq:g} s"
        )
    with timings.stage("label"):
        label, events = label_samples(annotation, n_samples, config)
    signal_digest, label_digest = _write(task, store, config, signal.data, label, timings)
    row = {
        "source_digest": source_digest,
        "source_bytes": source_bytes,
        "annotation_digest": annotation.digest if annotation else "",
        "signal_digest": signal_digest,
        "label_digest": label_digest,
        "source_sfreq": float(microvolts.sfreq),
        **_channel_columns(microvolts, signal),
        "notes": "; ".join(
            [*microvolts.notes, *events.notes, *_length_note(annotation, microvolts)]
        ),
    }
    return Built(task, row, events, dict(timings))


def label_samples(
    annotation: Annotation | None, n_samples: int, config: Config
) -> tuple[NDArray[np.uint16], MarkedEvents]:
    """Return class bits of every sample, and the events that set them.

    Parameters
    ----------
    annotation : Annotation or None
        None for an unlabelled recording.
    n_samples : int
        At the store's rate.
    config : Config

    Returns
    -------
    label : ndarray of uint16, shape (sample,)
    events : MarkedEvents
    """
    known = annotation or Annotation((), None, "")
    events = mark_events(known, n_samples, config.signal.sfreq, config.labels)
    label = np.full(n_samples, 0 if annotation else UNLABELLED, np.uint16)
    paint(events.first, events.stop, events.bit, label)
    return label, events


def _digest(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return digest, file.tell()
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error


def _annotation(task: Task, config: Config) -> Annotation | None:
    try:
        return read_annotation(task.annotation, config.labels.annotation)
    except Unlabelled:
        if config.labels.unlabelled == "leave_out":
            raise
        return None


def _channel_columns(microvolts: Microvolts, signal: Preprocessed) -> dict[str, Any]:
    return {
        "mean": signal.mean,
        "sd": signal.sd,
        "interpolated": np.isin(CHANNELS, microvolts.interpolated),
        "flat": np.isin(CHANNELS, microvolts.flat),
        "bridged": signal.bridged,
    }


def _length_note(annotation: Annotation | None, microvolts: Microvolts) -> list[str]:
    if annotation is None or annotation.seconds is None:
        return []
    seconds = float(Fraction(microvolts.data.shape[1]) / microvolts.sfreq)
    if abs(seconds - annotation.seconds) <= 1:
        return []
    return [f"annotated as {annotation.seconds:g} s long, but {seconds:g} s are in the file"]


def _write(
    task: Task,
    store: Path,
    config: Config,
    data: NDArray[np.float32],
    label: NDArray[np.uint16],
    timings: Timings,
) -> tuple[str, str]:
    """Write a recording's shards and labels, and return the digests of what was written."""
    from numcodecs import blosc

    blosc.use_threads = False  # the cores are busy with other recordings
    geometry = Geometry.of(config)
    n_blocks = geometry.n_blocks(data.shape[1])
    missing = missing_value(config.storage.dtype)
    digest = hashlib.sha256()
    try:
        for start in range(0, n_blocks, geometry.shard):
            count = min(geometry.shard, n_blocks - start)
            with timings.stage("encode"):
                values = quantise(_span(data, start, count, geometry), config.storage)
                blocks = cut_blocks(values, count, geometry, missing)
                digest.update(blocks.data)
                shard = encode_shard(blocks, config.storage.codec, geometry.shard)
            with timings.stage("write"):
                number = (task.first_block + start) // geometry.shard
                write_atomically(store / "signal" / "c" / str(number) / "0" / "0", shard)
        with timings.stage("write"):
            label_digest = write_label(store, task.first_block, label, geometry)
    except OSError as error:
        raise BuildError(f"{store}: cannot be written: {error.strerror or error}") from error
    return digest.hexdigest(), label_digest


def write_label(
    store: Path, first_block: int, label: NDArray[np.uint16], geometry: Geometry
) -> str:
    """Write the labels of one recording, and return their digest.

    Parameters
    ----------
    store : Path
    first_block : int
        Of the recording.
    label : ndarray of uint16, shape (sample,)
    geometry : Geometry
    """
    import zarr

    array: Any = zarr.open_array(store / "label", mode="r+")
    n_blocks = geometry.n_blocks(len(label))
    digest = hashlib.sha256()
    for start in range(0, n_blocks, geometry.shard):
        count = min(geometry.shard, n_blocks - start)
        blocks = cut_blocks(_span(label, start, count, geometry), count, geometry, UNLABELLED)
        digest.update(blocks.data)
        array[first_block + start : first_block + start + count] = blocks
    return digest.hexdigest()


def _span(values: NDArray[Any], start: int, count: int, geometry: Geometry) -> NDArray[Any]:
    """Return the samples that `count` blocks span; fewer at the recording's end."""
    first = start * geometry.step
    return values[..., first : first + (count - 1) * geometry.step + geometry.block]


def cut_blocks(
    values: NDArray[Any], n_blocks: int, geometry: Geometry, missing: int | float
) -> NDArray[Any]:
    """Cut samples into blocks, the last of them filled up.

    Parameters
    ----------
    values : ndarray, shape (..., sample)
    n_blocks : int
    geometry : Geometry
    missing : int or float
        What stands for samples past the end.

    Returns
    -------
    ndarray, shape (block, ..., sample)
        C-contiguous.
    """
    blocks = np.empty((n_blocks, *values.shape[:-1], geometry.block), values.dtype)
    for k, block in enumerate(blocks):
        piece = values[..., k * geometry.step : k * geometry.step + geometry.block]
        block[..., : piece.shape[-1]] = piece
        block[..., piece.shape[-1] :] = missing
    return blocks
