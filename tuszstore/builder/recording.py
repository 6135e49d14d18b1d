"""The task run on a worker: one recording, from EDF to the files of the store."""

import hashlib
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.builder.blocks import cut_blocks, label_samples, span, write_label
from tuszstore.builder.derived import Derived
from tuszstore.builder.files import Files, link_or_copy
from tuszstore.builder.keys import Keys, plugins_of
from tuszstore.builder.records import (
    MadeSignal,
    Record,
    folder_of,
    new_folder,
    read_record,
    versions,
    write_record,
)
from tuszstore.builder.spec import geometry_of, spec_of
from tuszstore.config import Config
from tuszstore.corpus.annotations import Annotation, Unlabelled
from tuszstore.corpus.base import Recording
from tuszstore.corpus.choose import CorpusRef
from tuszstore.corpus.corrections import errata_in
from tuszstore.corpus.events import MarkedEvents
from tuszstore.corpus.pseudonyms import without_names
from tuszstore.corpus.reading import Microvolts, inspect, read_microvolts
from tuszstore.corpus.sources import signal_sha256, stat_signal
from tuszstore.errors import BuildError, ConfigError, RecordingError
from tuszstore.signal.pipeline import Preprocessed, preprocess
from tuszstore.signal.quantise import quantise
from tuszstore.store.raters import joined
from tuszstore.store.schema import missing_value
from tuszstore.store.shard import encode_shard, write_durably


@dataclass(frozen=True)
class Task:
    """What a worker needs to know about a recording.

    Attributes
    ----------
    id : str
        In the store.
    corpus : CorpusRef
    recording : Recording
        Under its original names.
    plugins : tuple of (str, str, int)
        Kind, name and version of the plug-ins of the configuration when the build was planned.
    n_samples : int
        At the store's rate, as planned.
    seconds : float
        Duration, for progress.
    donor : tuple of Record and Files, optional
        Built files whose signal is reused, so that only labels are written.
    """

    id: str
    corpus: CorpusRef
    recording: Recording
    plugins: tuple[tuple[str, str, int], ...]
    n_samples: int
    seconds: float
    donor: tuple[Record, Files] | None = None


@dataclass(frozen=True)
class Built:
    """A built recording with files in the workplace.

    Attributes
    ----------
    task : Task
    record : Record
    files : Files
    timings : dict of str to float
        Seconds spent in each stage.
    """

    task: Task
    record: Record
    files: Files
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """A recording that could not be built, and why.

    Attributes
    ----------
    task : Task
    reason : str
    traceback : str
        Traceback of an unexpected error; empty for others.
    """

    task: Task
    reason: str
    traceback: str = ""


class Timings(dict[str, float]):
    """Seconds by stage."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block of code to a stage."""
        start = time.perf_counter()
        yield
        self[name] = self.get(name, 0.0) + time.perf_counter() - start


def build_recording(task: Task, recordings: Path, config: Config) -> Built | Failed:
    """Build one recording into its own folder.

    Parameters
    ----------
    task : Task
    recordings : Path
        Folder of all recordings in the workplace of the build.
    config : Config

    Returns
    -------
    Built or Failed
        A fault of the recording is a reason, not an exception. Built files are flushed to
        disk before this returns.

    Raises
    ------
    BuildError
        If files cannot be written, which is not a fault of the recording.
    """
    timings, where = Timings(), ""
    try:
        _check_plugins(task, config)
        record = _already_built(task, recordings, config)
        if record is None:
            make = _build if task.donor is None else _label_anew
            record = make(task, recordings, config, timings)
        return Built(task, record, Files(folder_of(recordings, task.id)), dict(timings))
    except RecordingError as error:
        reason = str(error)
    except MemoryError:
        reason = "not enough memory for this recording; use fewer workers"
    except BuildError:
        raise
    except Exception as error:
        # any error caused by one file must not prevent building the others
        reason = f"{type(error).__name__}: {error}"
        where = _hidden("".join(traceback.format_exception(error)).rstrip(), task, config)
    return Failed(task, _hidden(reason, task, config), where)


def _hidden(text: str, task: Task, config: Config) -> str:
    """Return a text about a recording, with names replaced as in the store."""
    if config.corpus.pseudonymize:
        return without_names(text, task.recording, task.id)
    return text


def _check_plugins(task: Task, config: Config) -> None:
    """Reject plug-ins that differ from those where the build was planned."""
    try:
        here = plugins_of(config)
    except (ConfigError, KeyError) as error:
        raise RecordingError(f"{error}; install it on every worker") from error
    for planned, found in zip(task.plugins, here, strict=True):
        if planned != found:
            kind, name, version = planned
            raise RecordingError(
                f"{kind} {name!r} has version {found[2]} here, but the build was planned with "
                f"version {version}: install the same package on every worker"
            )


def _already_built(task: Task, recordings: Path, config: Config) -> Record | None:
    """Return the record of a recording that another worker has built, or None.

    A cluster assigns a task to a second worker if it has lost contact with the first.
    """
    record = read_record(folder_of(recordings, task.id))
    if record is None or record.n_samples != task.n_samples:
        return None
    row, keys = record.row, Keys(config, task.corpus.key)
    annotation, _ = _annotation(task, config)
    digest = annotation.digest if annotation else ""
    *source, changed = stat_signal(_files(task))
    same = (
        source == [row["source_bytes"], row["source_mtime"]]
        and changed <= record.signal.seen
        and record.signal_key == keys.signal(row["source_digest"])
        and record.label_key == keys.label(digest, task.n_samples)
    )
    return record if same else None


def _build(task: Task, recordings: Path, config: Config, timings: Timings) -> Record:
    with timings.stage("read"):
        files = _files(task)
        before = stat_signal(files)
        source_digest = signal_sha256(files)
        spec = spec_of(config)
        microvolts = read_microvolts(
            task.corpus.open(), task.recording, config.channels, spec.channels
        )
        annotation, errata = _annotation(task, config)
        # if only times differ, the file may have been touched, or its owner changed
        if stat_signal(files) != before and signal_sha256(files) != source_digest:
            raise RecordingError("file changed while it was read; build again")
    with timings.stage("signal"):
        derived = Derived.of(spec)
        signal = preprocess(microvolts.data, microvolts.sfreq, config.signal, derived.recipes)
    n_samples = signal.data.shape[1]
    if n_samples != task.n_samples:
        raise RecordingError(
            f"file changed since it was planned: {n_samples / config.signal.sfreq:g} s instead "
            f"of {task.n_samples / config.signal.sfreq:g} s"
        )
    with timings.stage("label"):
        label, events = label_samples(annotation, n_samples, config)
    seconds = microvolts.data.shape[1] / microvolts.sfreq
    told = (*microvolts.notes, *errata)
    row = {
        "source_digest": source_digest,
        "source_bytes": before[0],
        "source_mtime": before[1],
        **_annotation_columns(annotation, events),
        "source_sfreq": float(microvolts.sfreq),
        **_channel_columns(spec.channel_names, microvolts, signal),
        "notes": _hidden(_notes(told, seconds, annotation, events), task, config),
    }
    with writing(recordings), new_folder(recordings, task.id) as folder:
        written = Files(folder)
        row["signal_digest"], shards = _write_signal(written, signal.data, config, timings)
        with timings.stage("write"):
            row["label_digest"] = write_label(written, label, geometry_of(config))
            moments = derived.by_set(signal.derived)
            made = MadeSignal([versions()], shards, moments, seen=before[2])
            record = _record(task, config, row, events, made)
            write_record(folder, record)
    return record


def _label_anew(task: Task, recordings: Path, config: Config, timings: Timings) -> Record:
    """Make the labels of a recording whose signal is reused."""
    assert task.donor is not None
    donor, donor_files = task.donor
    with timings.stage("label"):
        facts = inspect(
            task.corpus.open(), task.recording, config.channels, config.channels.channels
        )
        annotation, errata = _annotation(task, config)
        label, events = label_samples(annotation, task.n_samples, config)
    told = (*facts.notes, *errata)
    row = {
        **donor.row,
        **_annotation_columns(annotation, events),
        "notes": _hidden(
            _notes(told, facts.n_samples / facts.sfreq, annotation, events), task, config
        ),
    }
    geometry = geometry_of(config)
    with timings.stage("write"), writing(recordings), new_folder(recordings, task.id) as folder:
        files = Files(folder)
        for number in range(geometry.n_shards(task.n_samples)):
            link_or_copy(donor_files.signal(number), files.signal(number))
        row["label_digest"] = write_label(files, label, geometry)
        record = _record(task, config, row, events, donor.signal)
        write_record(folder, record)
    return record


def _record(
    task: Task,
    config: Config,
    row: dict[str, Any],
    events: MarkedEvents,
    signal: MadeSignal,
) -> Record:
    keys = Keys(config, task.corpus.key)
    return Record(
        id=task.id,
        n_samples=task.n_samples,
        signal_key=keys.signal(row["source_digest"]),
        label_key=keys.label(row["annotation_digest"], task.n_samples),
        row=row,
        events=events,
        signal=signal,
    )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Convert errors of the file system to errors of a build that name the path.

    Parameters
    ----------
    folder : Path
        Named if the error has no path.

    Raises
    ------
    BuildError
    """
    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or folder
        raise BuildError(
            f"{where}: cannot be written: {error.strerror or error}. What is built is kept: "
            "rerun the command to resume"
        ) from error


def _annotation(task: Task, config: Config) -> tuple[Annotation | None, list[str]]:
    """Return an annotation, or for a recording kept without one, the errata that decide that."""
    try:
        return task.corpus.open().annotation(task.recording), []
    except Unlabelled as reason:
        if config.labels.unlabelled == "leave_out":
            raise
        return None, errata_in(str(reason))


def _annotation_columns(annotation: Annotation | None, events: MarkedEvents) -> dict[str, Any]:
    if annotation is None:
        return {"labelled": False, "raters": "", "annotation_digest": ""}
    return {
        "labelled": events.labelled,
        "raters": joined(events.raters),
        "annotation_digest": annotation.digest,
    }


def _files(task: Task) -> tuple[Path, ...]:
    """Return the files of a recording's signal."""
    return task.corpus.open().files(task.recording).signal


def _channel_columns(
    names: Sequence[str], microvolts: Microvolts, signal: Preprocessed
) -> dict[str, Any]:
    return {
        "mean": signal.mean,
        "sd": signal.sd,
        "interpolated": np.isin(names, microvolts.interpolated),
        "flat": np.isin(names, microvolts.flat),
        "interpolated_samples": signal.interpolated_samples,
    }


def _notes(
    source: tuple[str, ...],
    seconds: float | Fraction,
    annotation: Annotation | None,
    events: MarkedEvents,
) -> str:
    """Return the notes on a recording: on its source, its events and its length."""
    notes = [*source, *(annotation.notes if annotation else ()), *events.notes]
    known = annotation.seconds if annotation else None
    if known is not None and abs(float(seconds) - known) > 1:
        notes.append(f"annotated duration is {known:g} s, but the file has {float(seconds):g} s")
    return "; ".join(notes)


def _write_signal(
    files: Files, data: NDArray[np.float32], config: Config, timings: Timings
) -> tuple[str, list[tuple[int, str]]]:
    """Write a recording's shards; return the digest of its blocks, size and digest of each."""
    from numcodecs import blosc

    blosc.use_threads = False  # other cores process other recordings
    geometry = geometry_of(config)
    n_blocks = geometry.n_blocks(data.shape[1])
    missing = missing_value(config.storage.dtype)
    digest = hashlib.sha256()
    shards = []
    for number, start in enumerate(range(0, n_blocks, geometry.shard)):
        count = min(geometry.shard, n_blocks - start)
        with timings.stage("encode"):
            values = quantise(span(data, start, count, geometry), config.storage)
            blocks = cut_blocks(values, count, geometry, missing)
            digest.update(blocks.data)
            shard = encode_shard(blocks, config.storage.codec, geometry.shard)
            shards.append((len(shard), hashlib.sha256(shard).hexdigest()))
        with timings.stage("write"):
            write_durably(files.signal(number), shard)
    return digest.hexdigest(), shards
