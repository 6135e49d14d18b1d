"""What a build would do: which recordings, where each one's blocks go, and what is left out."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from tuszstore.build.overlap import overlapped
from tuszstore.config import CHANNELS, Config
from tuszstore.corpus.annotations import Unlabelled, read_annotation
from tuszstore.corpus.events import mark_events
from tuszstore.corpus.layout import (
    DUPLICATE,
    LeftOut,
    Recording,
    find_recordings,
    without_duplicates,
)
from tuszstore.corpus.pseudonyms import (
    Pseudonyms,
    by_pseudonym,
    pseudonyms_of,
    without_names,
)
from tuszstore.corpus.reading import inspect_edf
from tuszstore.corpus.splits import available_splits, canonical_split, choose_split
from tuszstore.errors import CorpusError, RecordingError
from tuszstore.signal.resample import resampled_length
from tuszstore.store.geometry import Geometry
from tuszstore.store.local import absolute
from tuszstore.store.metadata import read_attributes

COMPRESSED = {"lz4": 0.8, "zstd": 0.8, "none": 1.0}
"""Share of its size that int16 EEG keeps, as measured on real recordings at 256 Hz."""

_PROCESS_BYTES = 400_000_000  # a worker with its libraries, before it has read anything


@dataclass(frozen=True)
class PlannedRecording:
    """One recording, and the place that it gets in the store.

    Attributes
    ----------
    recording : Recording
    sfreq : Fraction
        Sampling rate of the source (Hz).
    n_source, n_samples : int
        Samples of a channel in the source, and at the store's rate.
    first_block : int
        The first block of its first shard.
    fingerprint : tuple
        Size and modification time of the EDF file and of the annotation.
    annotation_digest : str
        SHA-256 of the annotation; empty without one.
    """

    recording: Recording
    sfreq: Fraction
    n_source: int
    n_samples: int
    first_block: int
    fingerprint: tuple[int, ...]
    annotation_digest: str

    @property
    def source(self) -> tuple[int, int]:
        """Size (byte) and time of last change (ns) of the EDF file."""
        return self.fingerprint[0], self.fingerprint[1]

    @property
    def seconds(self) -> float:
        """Duration of the recording."""
        return float(self.n_source / self.sfreq)

    @property
    def peak_bytes(self) -> int:
        """Memory that a worker needs for it, about."""
        read = 2.5 * 8 * len(CHANNELS) * self.n_source
        return _PROCESS_BYTES + int(read) + 2 * 4 * len(CHANNELS) * self.n_samples


@dataclass(frozen=True)
class Plan:
    """A build of one split, before anything is written.

    Attributes
    ----------
    split : str
    config : Config
    data : Path
        Root of the corpus.
    store : Path
        The store that will be there afterwards.
    recordings : tuple of PlannedRecording
        In the order of the store.
    left_out : tuple of LeftOut
    warnings : tuple of str
    pseudonyms : Pseudonyms or None
        What the recordings' names were replaced with.
    limit : int or None
        Most recordings that were wanted.
    """

    split: str
    config: Config
    data: Path
    store: Path
    recordings: tuple[PlannedRecording, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    pseudonyms: Pseudonyms | None = None
    limit: int | None = None

    @cached_property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return Geometry.of(self.config)

    @property
    def hours(self) -> float:
        """Duration of all planned recordings."""
        return sum(planned.seconds for planned in self.recordings) / 3600

    @property
    def n_shards(self) -> int:
        """Shards of the signal."""
        return sum(self.geometry.n_shards(planned.n_samples) for planned in self.recordings)

    @property
    def n_blocks(self) -> int:
        """Blocks that hold samples."""
        return sum(self.geometry.n_blocks(planned.n_samples) for planned in self.recordings)

    @property
    def n_windows(self) -> int:
        """Windows of all planned recordings."""
        return sum(self.geometry.n_windows(planned.n_samples) for planned in self.recordings)

    @property
    def n_short(self) -> int:
        """Recordings that are shorter than a window."""
        return sum(not self.geometry.n_windows(p.n_samples) for p in self.recordings)

    @property
    def expected_bytes(self) -> int:
        """Size of the store, about."""
        storage = self.config.storage
        itemsize = 2 if storage.dtype == "int16" else 4
        block = len(CHANNELS) * self.geometry.block * itemsize
        return int(self.n_blocks * block * COMPRESSED[storage.codec]) + 100_000

    @property
    def expected_files(self) -> int:
        """Number of files of the store, about: shards, their labels, metadata and tables."""
        return 2 * self.n_shards + 100

    @property
    def peak_bytes(self) -> int:
        """Memory that a worker needs for the longest recording, about."""
        return max((planned.peak_bytes for planned in self.recordings), default=0)

    @cached_property
    def sources_digest(self) -> str:
        """Hash of configuration, and of name, size and time of every source."""
        state = [
            self.config.digest(),
            self.split,
            [(p.recording.id, *p.fingerprint) for p in self.recordings],
            sorted((entry.id, entry.reason) for entry in self.left_out),
        ]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """Return the plan's figures as plain values."""
        return {
            "split": self.split,
            "data": str(self.data),
            "store": str(self.store),
            "config_hash": self.config.digest(),
            "recordings": len(self.recordings),
            "hours": round(self.hours, 4),
            "blocks": self.n_blocks,
            "windows": self.n_windows,
            "shorter_than_a_window": self.n_short,
            "expected_bytes": self.expected_bytes,
            "expected_files": self.expected_files,
            "memory_per_worker": self.peak_bytes,
            "left_out": [vars(entry) for entry in self.left_out],
            "warnings": list(self.warnings),
        }


def make_plan(config: Config, split: str, *, limit: int | None = None) -> Plan:
    """Plan the build of one split: list, divide, and read every header and annotation.

    Parameters
    ----------
    config : Config
        With ``paths.data`` and ``paths.store``.
    split : str
        ``train``, ``dev`` (or ``val``) or ``eval``.
    limit : int, optional
        Build no more than so many recordings, the first of the store's order.

    Raises
    ------
    CorpusError
        If there is no such corpus or split, or it shares a patient with another split.
    """
    data = _given(config.paths.data, "corpus", "data")
    store = _given(config.paths.store, "folder for stores", "store")
    found = find_recordings(data)
    place = store / f"{canonical_split(split)}.zarr"
    pseudonyms = pseudonyms_of(config, read_attributes(place), place)
    name_of = pseudonyms.patient if pseudonyms else str
    chosen = choose_split(found.recordings, split, config.corpus, name_of)
    warnings = list(chosen.warnings)
    wanted = {recording.id for recording in chosen.recordings}
    unique, duplicates = without_duplicates(found.recordings, config.labels.annotation)
    left_out = [*found.left_out, *(entry for entry in duplicates if entry.id in wanted)]
    recordings = sorted(
        (recording for recording in unique if recording.id in wanted), key=lambda r: r.order
    )
    inspected = list(overlapped(_inspector(config), recordings))
    left_out += [entry for entry in inspected if isinstance(entry, LeftOut)]
    buildable = [entry for entry in inspected if isinstance(entry, PlannedRecording)]
    if limit is not None and limit < len(buildable):
        warnings.append(f"limited to the first {limit} of {len(buildable)} recordings")
        buildable = buildable[:limit]
    if pseudonyms:
        buildable, left_out = _renamed(buildable, left_out, found.recordings, pseudonyms)
    return Plan(
        split=chosen.name,
        config=config,
        data=data,
        store=place,
        recordings=tuple(_placed(buildable, Geometry.of(config))),
        left_out=tuple(sorted(left_out, key=lambda entry: entry.id)),
        warnings=tuple(warnings),
        pseudonyms=pseudonyms,
        limit=limit,
    )


def _renamed(
    planned: Iterable[PlannedRecording],
    left_out: Iterable[LeftOut],
    recordings: Iterable[Recording],
    pseudonyms: Pseudonyms,
) -> tuple[list[PlannedRecording], list[LeftOut]]:
    """Put pseudonyms in the place of names, once order and split are decided."""
    by_pseudonym(pseudonyms, recordings := list(recordings))
    known = {recording.id: pseudonyms.recording(recording) for recording in recordings}
    renamed = [replace(entry, recording=known[entry.recording.id]) for entry in planned]
    hidden = []
    for entry in left_out:
        if entry.id not in known:
            hidden.append(replace(entry, id=pseudonyms.path(entry.id)))
            continue
        new, reason = known[entry.id], entry.reason
        if entry.kind == "duplicate":
            same = reason.removeprefix(DUPLICATE)
            reason = DUPLICATE + known[same].id
        reason = without_names(reason, new.path, new.id)
        hidden.append(replace(entry, id=new.id, reason=reason))
    return renamed, hidden


def make_plans(config: Config, split: str, *, limit: int | None = None) -> list[Plan]:
    """Plan one split, or with ``all`` every split that the corpus has.

    Parameters
    ----------
    config, split, limit
        As for :func:`make_plan`.

    Raises
    ------
    CorpusError
        As :func:`make_plan`; with ``all`` also if the corpus has no split at all.
    """
    if split != "all":
        return [make_plan(config, split, limit=limit)]
    root = _given(config.paths.data, "corpus", "data")
    names = available_splits(find_recordings(root).recordings, config.corpus)
    return [make_plan(config, name, limit=limit) for name in names]


def _given(path: Path | None, what: str, key: str) -> Path:
    if path is None:
        raise CorpusError(
            f"no {what} given: use --{key}, TUSZSTORE_{key.upper()}, or paths.{key} in the "
            "configuration"
        )
    return absolute(path)  # workers may have another working directory


def _inspector(config: Config) -> Callable[[Recording], PlannedRecording | LeftOut]:
    def inspect(recording: Recording) -> PlannedRecording | LeftOut:
        try:
            return _inspect(recording, config)
        except Unlabelled as reason:
            return LeftOut(recording.id, f"unlabelled: {reason}", "unlabelled")
        except (RecordingError, OSError) as reason:
            return LeftOut(recording.id, str(reason), "failed")

    return inspect


def _inspect(recording: Recording, config: Config) -> PlannedRecording:
    facts = inspect_edf(recording.path, config.channels)
    sfreq = config.signal.sfreq
    n_samples = resampled_length(facts.n_samples, facts.sfreq, sfreq)
    if n_samples == 0:
        raise RecordingError(f"too short: not one sample at {sfreq} Hz")
    labels = config.labels
    annotation = recording.annotation(labels.annotation)
    sources, digest = [recording.path], ""
    try:
        known = read_annotation(annotation, labels.annotation)
        mark_events(known, n_samples, sfreq, labels)
        sources.append(annotation)
        digest = known.digest
    except Unlabelled:
        if labels.unlabelled == "leave_out":
            raise
    stats = [os.stat(path) for path in sources]
    return PlannedRecording(
        recording=recording,
        sfreq=facts.sfreq,
        n_source=facts.n_samples,
        n_samples=n_samples,
        first_block=0,
        fingerprint=tuple(n for stat in stats for n in (stat.st_size, stat.st_mtime_ns)),
        annotation_digest=digest,
    )


def _placed(
    recordings: Iterable[PlannedRecording], geometry: Geometry
) -> Iterable[PlannedRecording]:
    """Give each recording whole shards, one after the other."""
    first_block = 0
    for planned in recordings:
        yield PlannedRecording(**{**vars(planned), "first_block": first_block})
        first_block += geometry.n_shards(planned.n_samples) * geometry.shard
