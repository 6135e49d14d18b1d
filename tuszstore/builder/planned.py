"""The plan of a build of one split."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

from tuszstore.builder.keys import PIPELINE_VERSION, plugins_of
from tuszstore.builder.spec import spec_of
from tuszstore.config import Config
from tuszstore.corpus.base import Clock, LeftOut, Recording
from tuszstore.corpus.choose import CorpusRef
from tuszstore.corpus.doubts import Doubt
from tuszstore.corpus.pseudonyms import Pseudonyms
from tuszstore.store.geometry import Geometry
from tuszstore.store.schema import item_bytes
from tuszstore.store.spec import StoreSpec

COMPRESSED = {"lz4": 0.8, "zstd": 0.8, "none": 1.0}
"""Compressed fraction of int16 EEG, as measured on real recordings at 256 Hz."""

PROCESS_BYTES = 400_000_000
"""Memory (byte) of a worker with its libraries, before it has read anything."""


@dataclass(frozen=True)
class PlannedRecording:
    """One recording, and its place in the store.

    Attributes
    ----------
    recording : Recording
        Under its names in the store.
    origin : Recording
        The same under its original names.
    start : datetime or None
        When it began, according to its `clock`.
    clock : {"real", "surrogate", "none"}
    reference : str
        Reference of the electrodes; empty if unknown.
    n_channels : int
        Channels that are read or stored, whichever are more.
    sfreq : Fraction
        Original sampling rate (Hz).
    n_source, n_samples : int
        Samples of a channel in the source, and at the store's rate.
    first_block : int
        The first block of its first shard.
    fingerprint : tuple
        Size, modification time and time of last change of status of the signal's files, then size
        and modification time of each annotation.
    annotation_digest : str
        SHA-256 of the annotation; empty without one.
    doubtful : tuple of str
        Event classes that look like seizures but do not count as seizures.
    doubts : tuple of Doubt
        Impossible events.
    raters : tuple of str
        Who reviewed it.
    mains : float or None
        Frequency of the mains (Hz) where it was recorded; None if unknown.
    mains_from : str
        Source of `mains`.
    cut_off : str
        What is there of a recording whose file is cut off; empty otherwise.
    timeline : str
        Names the recordings of the patient with whose `start` its own can be compared.
    """

    recording: Recording
    origin: Recording
    start: datetime | None
    clock: Clock
    reference: str
    n_channels: int
    sfreq: Fraction
    n_source: int
    n_samples: int
    first_block: int
    fingerprint: tuple[int, ...]
    annotation_digest: str
    doubtful: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    raters: tuple[str, ...] = ()
    mains: float | None = None
    mains_from: str = ""
    cut_off: str = ""
    timeline: str = ""

    @property
    def source(self) -> tuple[int, int]:
        """Size (byte) and modification time (ns) of the signal's files."""
        return self.fingerprint[0], self.fingerprint[1]

    @property
    def changed(self) -> int:
        """Time (ns) of the last change of the files' status, which cannot be set by a user."""
        return self.fingerprint[2]

    @property
    def seconds(self) -> float:
        """Duration of the recording."""
        return float(self.n_source / self.sfreq)

    @property
    def peak_bytes(self) -> int:
        """Approximate memory (byte) that a worker needs for it."""
        read = 2.5 * 8 * self.n_channels * self.n_source
        return PROCESS_BYTES + int(read) + 2 * 4 * self.n_channels * self.n_samples


@dataclass(frozen=True)
class Plan:
    """A build of one split, before anything is written.

    Attributes
    ----------
    split : str
    config : Config
    corpus : CorpusRef
    store : Path
        The store that will be written.
    recordings : tuple of PlannedRecording
        In the order of the store.
    left_out : tuple of LeftOut
    warnings : tuple of str
    patients_from : str
        Source of patient names.
    pseudonyms : Pseudonyms or None
        Pseudonyms of the recordings.
    limit : int or None
        Requested maximum number of recordings.
    made : int
        When planning began (ns since 1970).
    beside : tuple of str
        Warnings about stores of other splits, which a later build of them may settle; the store
        does not record them.
    """

    split: str
    config: Config
    corpus: CorpusRef
    store: Path
    recordings: tuple[PlannedRecording, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    patients_from: str = ""
    pseudonyms: Pseudonyms | None = None
    limit: int | None = None
    made: int = field(default_factory=time.time_ns)
    beside: tuple[str, ...] = ()

    @property
    def data(self) -> Path:
        """Root of the corpus."""
        return self.corpus.root

    @cached_property
    def spec(self) -> StoreSpec:
        """Specification of the store."""
        return spec_of(self.config)

    @property
    def geometry(self) -> Geometry:
        """Lengths of windows, blocks and shards."""
        return self.spec.geometry

    @property
    def hours(self) -> float:
        """Duration of all planned recordings."""
        return sum(planned.seconds for planned in self.recordings) / 3600

    @property
    def n_patients(self) -> int:
        """Patients of all planned recordings."""
        return len({planned.recording.patient for planned in self.recordings})

    @property
    def n_shards(self) -> int:
        """Shards of the signal."""
        return sum(self.geometry.n_shards(planned.n_samples) for planned in self.recordings)

    @property
    def n_blocks(self) -> int:
        """Number of blocks with samples."""
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
        """Approximate size of the store (byte)."""
        storage = self.config.storage
        itemsize = item_bytes(storage.dtype)
        block = len(self.spec.channels) * self.geometry.block * itemsize
        return int(self.n_blocks * block * COMPRESSED[storage.codec]) + 100_000

    @property
    def expected_files(self) -> int:
        """Approximate number of files of the store: shards, their labels, metadata and tables."""
        return 2 * self.n_shards + 145

    @property
    def peak_bytes(self) -> int:
        """Approximate memory (byte) that a worker needs for the longest recording."""
        return max((planned.peak_bytes for planned in self.recordings), default=0)

    @cached_property
    def sources_digest(self) -> str:
        """Hash of configuration, plug-ins, annotations, and every source's name, size and times."""
        state = [
            self.config.digest(),
            [PIPELINE_VERSION, self.corpus.key, plugins_of(self.config)],
            self.split,
            [(p.recording.id, *p.fingerprint, p.annotation_digest) for p in self.recordings],
            sorted((entry.id, entry.reason) for entry in self.left_out),
        ]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]

    @cached_property
    def sources_seen(self) -> int:
        """Time (ns) of the last change of any EDF file's status; later changes were not seen."""
        latest = max((planned.changed for planned in self.recordings), default=0)
        return min(latest, self.made)  # otherwise a time in the future would hide all later changes

    def to_json(self) -> dict[str, Any]:
        """Return the plan's figures as plain values."""
        return {
            "split": self.split,
            "data": str(self.data),
            "corpus": self.corpus.name,
            "patients_from": self.patients_from,
            "store": str(self.store),
            "config_hash": self.config.digest(),
            "recordings": len(self.recordings),
            "patients": self.n_patients,
            "hours": round(self.hours, 4),
            "blocks": self.n_blocks,
            "windows": self.n_windows,
            "shorter_than_a_window": self.n_short,
            "expected_bytes": self.expected_bytes,
            "expected_files": self.expected_files,
            "memory_per_worker": self.peak_bytes,
            "left_out": [vars(entry) for entry in self.left_out],
            "warnings": [*self.warnings, *self.beside],
        }
