"""What a build would do: which recordings, where each one's blocks go, and what is left out."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tuszstore.builder.keys import PIPELINE_VERSION, plugins_of
from tuszstore.builder.overlap import overlapped
from tuszstore.builder.publish import place_of
from tuszstore.builder.remarks import other_annotations, several_montages
from tuszstore.builder.spec import geometry_of, spec_of
from tuszstore.channels.derivations import Channel
from tuszstore.config import Config
from tuszstore.corpus.annotations import Unlabelled
from tuszstore.corpus.base import Clock, Discovery, LeftOut, Recording
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.corpus.choose import CorpusRef, choose_corpus
from tuszstore.corpus.copies import choose_originals, find_equal
from tuszstore.corpus.events import mark_events, not_counted, warn_not_counted
from tuszstore.corpus.listing import is_utf8
from tuszstore.corpus.pseudonyms import (
    Pseudonyms,
    by_pseudonym,
    pseudonyms_of,
    without_names,
)
from tuszstore.corpus.reading import inspect
from tuszstore.corpus.sources import stat_signal
from tuszstore.corpus.splits import available_splits, canonical_split, choose_split, concerns
from tuszstore.errors import CorpusError, RecordingError
from tuszstore.signal.resample import nominal_rate, resampled_length
from tuszstore.store.geometry import Geometry
from tuszstore.store.local import absolute
from tuszstore.store.metadata import read_attributes
from tuszstore.store.schema import item_bytes
from tuszstore.store.spec import StoreSpec
from tuszstore.text import printable

COMPRESSED = {"lz4": 0.8, "zstd": 0.8, "none": 1.0}
"""Share of its size that int16 EEG keeps, as measured on real recordings at 256 Hz."""

PROCESS_BYTES = 400_000_000
"""Memory of a worker with its libraries, before it has read anything."""


@dataclass(frozen=True)
class PlannedRecording:
    """One recording, and the place that it gets in the store.

    Attributes
    ----------
    recording : Recording
        Under the names that the store has for it.
    origin : Recording
        The same under its own names.
    start : datetime or None
        When it began, by its `clock`.
    clock : {"real", "surrogate", "none"}
    reference : str
        Of the electrodes; empty where nothing tells.
    n_channels : int
        Channels that are read or stored, whichever are more.
    sfreq : Fraction
        Sampling rate of the source (Hz).
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
        Event classes that look like seizures and do not count as such.
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

    @property
    def source(self) -> tuple[int, int]:
        """Size (byte) and modification time (ns) of the signal's files."""
        return self.fingerprint[0], self.fingerprint[1]

    @property
    def changed(self) -> int:
        """When the files' status was last changed (ns), which who sets their time cannot hide."""
        return self.fingerprint[2]

    @property
    def seconds(self) -> float:
        """Duration of the recording."""
        return float(self.n_source / self.sfreq)

    @property
    def peak_bytes(self) -> int:
        """Memory that a worker needs for it, about."""
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
        The store that will be there afterwards.
    recordings : tuple of PlannedRecording
        In the order of the store.
    left_out : tuple of LeftOut
    warnings : tuple of str
    patients_from : str
        Where the corpus takes patients from.
    pseudonyms : Pseudonyms or None
        What the recordings' names were replaced with.
    limit : int or None
        Most recordings that were wanted.
    made : int
        When planning began (ns since 1970).
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

    @property
    def data(self) -> Path:
        """Root of the corpus."""
        return self.corpus.root

    @cached_property
    def spec(self) -> StoreSpec:
        """What the store will say of itself."""
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
        itemsize = item_bytes(storage.dtype)
        block = len(self.spec.channels) * self.geometry.block * itemsize
        return int(self.n_blocks * block * COMPRESSED[storage.codec]) + 100_000

    @property
    def expected_files(self) -> int:
        """Number of files of the store, about: shards, their labels, metadata and tables."""
        return 2 * self.n_shards + 145

    @property
    def peak_bytes(self) -> int:
        """Memory that a worker needs for the longest recording, about."""
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
        """Time (ns) of the last change of any EDF file's status; what is later was not seen."""
        latest = max((planned.changed for planned in self.recordings), default=0)
        return min(latest, self.made)  # or a time in the future would cover all that is to come

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


@dataclass(frozen=True)
class Survey:
    """What lies in a corpus, whatever the split.

    Attributes
    ----------
    corpus : CorpusRef
    found : Discovery
    equal : list of list of Recording
        Groups of recordings with the same content.
    """

    corpus: CorpusRef
    found: Discovery
    equal: list[list[Recording]]

    @classmethod
    def of(cls, config: Config) -> Self:
        """List a corpus, and compare what may be copies.

        Raises
        ------
        CorpusError
            If there is no such corpus, or several recognise the folder.
        """
        ref = choose_corpus(config, _given(config.paths.data, "corpus", "data"))
        found = ref.open().recordings()
        return cls(ref, found, find_equal(found.recordings, overlapped))


def make_plan(
    config: Config, split: str, *, limit: int | None = None, survey: Survey | None = None
) -> Plan:
    """Plan the build of one split: list, divide, and read every header and annotation.

    Parameters
    ----------
    config : Config
        With ``paths.data`` and ``paths.store``.
    split : str
        ``train``, ``dev`` (or ``val``) or ``eval``.
    limit : int, optional
        Build no more than so many recordings, the first of the store's order.
    survey : Survey, optional
        Of the corpus, where it was made already.

    Raises
    ------
    CorpusError
        If there is no such corpus or split, or it shares a patient with another split, or names
        do not tell patients where the split policy asks for them.
    BuildError
        If the store's name is a link that leads nowhere.
    """
    made = time.time_ns()
    _given(config.paths.data, "corpus", "data")
    store = _given(config.paths.store, "folder for stores", "store")
    survey = survey or Survey.of(config)
    found, kind = survey.found, config.labels.annotation
    corpus = survey.corpus.open()
    _require_utf8(store)
    place = place_of(store / f"{canonical_split(split)}.zarr")
    pseudonyms = pseudonyms_of(config, read_attributes(place), place)
    name_of = pseudonyms.patient if pseudonyms else str
    chosen = choose_split(
        found.recordings,
        split,
        config.corpus,
        name_of,
        equal=survey.equal,
        annotation_of=corpus.annotation,
    )
    warnings = [*_notes(found, config), *chosen.warnings]
    left_out = [entry for entry in found.left_out if concerns(entry, chosen.name, config.corpus)]
    recordings = sorted(chosen.recordings, key=lambda recording: recording.order)
    warnings += several_montages(recordings, pseudonyms)
    wanted = config.channels.channels
    inspected = list(overlapped(_inspector(corpus, config, wanted), recordings))
    left_out += [entry for entry in inspected if isinstance(entry, LeftOut)]
    buildable = [entry for entry in inspected if isinstance(entry, PlannedRecording)]
    without = (entry.recording for entry in buildable if not entry.annotation_digest)
    warnings += other_annotations(without, kind)
    if limit is not None and limit < len(buildable):
        warnings.append(f"limited to the first {limit} of {len(buildable)} recordings")
        buildable = buildable[:limit]
    warnings += warn_not_counted(planned.doubtful for planned in buildable)
    if pseudonyms:
        left_out += [copy.left_out(pseudonyms.recording) for copy in chosen.copies]
        buildable, left_out = _renamed(buildable, left_out, found.recordings, pseudonyms)
    else:
        left_out += [copy.left_out() for copy in chosen.copies]
    return Plan(
        split=chosen.name,
        config=config,
        corpus=survey.corpus,
        store=place,
        recordings=tuple(_placed(buildable, geometry_of(config))),
        left_out=tuple(sorted(left_out, key=lambda entry: entry.id)),
        warnings=tuple(warnings),
        patients_from=found.patients_from,
        pseudonyms=pseudonyms,
        limit=limit,
        made=made,
    )


def _renamed(
    planned: Iterable[PlannedRecording],
    left_out: Iterable[LeftOut],
    recordings: Iterable[Recording],
    pseudonyms: Pseudonyms,
) -> tuple[list[PlannedRecording], list[LeftOut]]:
    """Put pseudonyms in the place of names, once order and split are decided."""
    by_pseudonym(pseudonyms, recordings := list(recordings))
    origin = {recording.id: recording for recording in recordings}
    known = {recording.id: pseudonyms.recording(recording) for recording in recordings}
    renamed = [replace(entry, recording=known[entry.recording.id]) for entry in planned]
    hidden = []
    for entry in left_out:
        if entry.kind == "duplicate":
            hidden.append(entry)  # with pseudonyms already
        elif entry.id not in known:
            hidden.append(replace(entry, id=pseudonyms.path(entry.id)))
        else:
            new = known[entry.id]
            reason = without_names(entry.reason, origin[entry.id], new.id)
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
    survey = Survey.of(config)
    copies = choose_originals(survey.equal, survey.corpus.open().annotation)
    names = available_splits(survey.found.recordings, config.corpus, copies)
    return [make_plan(config, name, limit=limit, survey=survey) for name in names]


def _notes(found: Discovery, config: Config) -> list[str]:
    """Return what a corpus says of itself, unless it may name a patient that must be hidden."""
    return [] if config.corpus.pseudonymize else list(found.notes)


def _require_utf8(store: Path) -> None:
    if not is_utf8(path := str(store.absolute())):
        raise CorpusError(
            f"{printable(path)}: this path is not UTF-8; choose another folder with --store"
        )


def _given(path: Path | None, what: str, key: str) -> Path:
    if path is None:
        raise CorpusError(
            f"no {what} given: use --{key}, TUSZSTORE_{key.upper()}, or paths.{key} in the "
            "configuration"
        )
    return absolute(path)  # workers may have another working directory


def _inspector(
    corpus: CheckedCorpus, config: Config, wanted: Sequence[Channel]
) -> Callable[[Recording], PlannedRecording | LeftOut]:
    def inspected(recording: Recording) -> PlannedRecording | LeftOut:
        try:
            return _inspect(corpus, recording, config, wanted)
        except Unlabelled as reason:
            return LeftOut(recording.id, f"unlabelled: {reason}", "unlabelled")
        except (RecordingError, OSError) as reason:
            return LeftOut(recording.id, str(reason), "failed")

    return inspected


def _inspect(
    corpus: CheckedCorpus, recording: Recording, config: Config, wanted: Sequence[Channel]
) -> PlannedRecording:
    facts = inspect(corpus, recording, config.channels, wanted)
    sfreq = config.signal.sfreq
    rate = nominal_rate(facts.sfreq, sfreq, config.signal.resample)
    n_samples = resampled_length(facts.n_samples, rate, sfreq)
    if n_samples == 0:
        raise RecordingError(f"too short: not one sample at {sfreq} Hz")
    labels = config.labels
    digest = ""
    doubtful: tuple[str, ...] = ()
    try:
        known = corpus.annotation(recording)
        marked = mark_events(known, n_samples, sfreq, labels)
        events = zip((event.label for event in known.events), marked.bit.tolist(), strict=True)
        doubtful = tuple(sorted(not_counted(events, labels)))
        digest = known.digest
    except Unlabelled:
        if labels.unlabelled == "leave_out":
            raise
    files = corpus.files(recording)
    others = (os.stat(path) for path in files.annotation)
    return PlannedRecording(
        recording=recording,
        origin=recording,
        start=facts.facts.start,
        clock=facts.facts.clock,
        reference=facts.resolution.reference or recording.reference,
        n_channels=max(len(wanted), len(facts.resolution.signals)),
        sfreq=facts.sfreq,
        n_source=facts.n_samples,
        n_samples=n_samples,
        first_block=0,
        fingerprint=(
            *stat_signal(files.signal),
            *(n for stat in others for n in (stat.st_size, stat.st_mtime_ns)),
        ),
        annotation_digest=digest,
        doubtful=doubtful,
    )


def _placed(
    recordings: Iterable[PlannedRecording], geometry: Geometry
) -> Iterable[PlannedRecording]:
    """Give each recording whole shards, one after the other."""
    first_block = 0
    for planned in recordings:
        yield PlannedRecording(**{**vars(planned), "first_block": first_block})
        first_block += geometry.n_shards(planned.n_samples) * geometry.shard
