"""EEG in BIDS: SzCORE's standard, SeizeIT2, and any other with events.

    sub-01/ses-01/eeg/sub-01_ses-01_task-szMonitoring_run-00_eeg.edf   ..._events.tsv

The patient is ``sub-``. ``labels`` defines what the words of an events table mean; a recording
without an events table, or with an empty one, is unlabelled. Known errors
in conversions of public corpora are listed in ``errata/bids.yaml``.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from tuszstore.channels.matching import match_names
from tuszstore.corpus.annotations import (
    NONE,
    WHOLE_MONTAGE,
    Annotation,
    Event,
    Unlabelled,
)
from tuszstore.corpus.base import Discovery, Files, LeftOut, Recording, SourceFacts
from tuszstore.corpus.bids_clock import Clocks
from tuszstore.corpus.bids_files import (
    NOT_RAW,
    SIGNALS,
    BidsName,
    find_sidecar,
    parse_channels,
    parse_events,
    parse_name,
    parse_participants,
)
from tuszstore.corpus.bids_mains import Mains
from tuszstore.corpus.corrections import Corrections
from tuszstore.corpus.edf_corpus import EdfCorpus
from tuszstore.corpus.formats import errata
from tuszstore.corpus.formats.bids import BidsChannel, BidsEvent, Row
from tuszstore.corpus.formats.markers import Span
from tuszstore.corpus.formats.text import shown
from tuszstore.corpus.listing import list_edf_files, some_names
from tuszstore.corpus.parsed import Parsed
from tuszstore.corpus.regular import read_regular
from tuszstore.corpus.tusz import OFFICIAL
from tuszstore.corpus.vocabulary import Vocabulary
from tuszstore.errors import RecordingError
from tuszstore.reasons import plural

DESCRIPTION = "dataset_description.json"
PARTICIPANTS = "participants.tsv"

OTHER_FORMATS = {
    ".bdf": "BDF is not read yet: convert it to EDF",
    ".set": "EEGLAB's .set is not read yet: convert it to EDF",
    ".vhdr": "BrainVision's .vhdr is not read yet: convert it to EDF",
}
"""Why recordings in the other formats that BIDS allows are excluded."""

_TUH_ID = "TUH_id"  # a column of SzCORE's conversion of TUSZ
_NAMES = 80  # names of a folder read to recognise it
_MOST = 1 << 26
_MOST_ABOUT = 1000  # characters


class Bids(EdfCorpus):
    """A BIDS dataset, or a folder of several, such as one for each official split."""

    name = "bids"
    version = 1
    patient_namespace = ""

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        super().__init__(root, options)
        self._vocabulary = Vocabulary(options.get("events"))
        column = self._vocabulary.words.column
        self._events = Parsed(partial(parse_events, column=column), _MOST)
        self._channels = Parsed(parse_channels, _MOST)
        self._people = Parsed(parse_participants, _MOST)
        self._corrections = Corrections(self.name, root, options)
        self._clocks = Clocks(self._events)
        self._mains = Mains()
        self.patient_namespace = self._namespace()

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return why a folder is in BIDS: a participant's recording of EEG."""
        for top in (root, *(root / split for split in sorted(OFFICIAL))):
            most = _NAMES if top == root else 10
            subjects = [n for n in some_names(top, most) if n.startswith("sub-")]
            for subject in (top / name for name in subjects[:2]):
                inside = some_names(subject, 5)
                sessions = [subject / name for name in inside if name.startswith("ses-")]
                for folder in (subject, *sessions[:1]):
                    for kind in SIGNALS:
                        for name in some_names(folder / kind, 5):
                            parsed = parse_name(name)
                            if parsed and f"sub-{parsed.entities.get('sub')}" == subject.name:
                                return f"{name} has the name of a BIDS recording file"
        return ""

    def recordings(self) -> Discovery:
        """List all recordings, in the order of their paths."""
        paths, left_out = list_edf_files(self.root, OTHER_FORMATS)
        found = Discovery(patients_from="sub- of file names")
        elsewhere, kinds = 0, 0
        for path in paths:
            name = parse_name(path.name)
            if not NOT_RAW.isdisjoint(path.relative_to(self.root).parts[:-1]):
                elsewhere += 1
            elif name and name.entities.get("sub") and name.suffix not in SIGNALS:
                kinds += 1
            else:
                try:
                    found.recordings.append(self._recording(path))
                except RecordingError as error:
                    id_ = path.relative_to(self.root).as_posix()
                    found.left_out.append(LeftOut(id_, str(error), "failed"))
        found.left_out += [entry for entry in left_out if _concerns(entry)]
        if elsewhere:
            found.notes.append(
                f"{plural(elsewhere, 'EDF file')} in {', '.join(sorted(NOT_RAW))} skipped: "
                "they are not raw recordings"
            )
        if kinds:
            found.notes.append(
                f"{plural(kinds, 'EDF file')} of other kinds than {' and '.join(SIGNALS)} skipped"
            )
        for dataset in sorted({self._dataset(one.path) for one in found.recordings}):
            found.notes += self._listed(dataset, found.recordings)
        return found

    def find(self, id: str) -> Recording:
        """Return the recording of a path."""
        return self._recording(self.path_of(id))

    def files(self, recording: Recording) -> Files:
        """Return the EDF file, its channels table if that marks a bad channel, and its tables."""
        signal = [recording.path]
        if self.options.get("bads", "keep") != "keep":
            path = find_sidecar(recording.path, self._dataset(recording.path), "channels")
            if path and any(one.bad for one in self._channels_of(path)):
                signal.append(path)
        dataset = self._dataset(recording.path)
        others = (
            find_sidecar(recording.path, dataset, "events"),
            dataset / PARTICIPANTS,
            dataset / DESCRIPTION,
        )
        return Files(tuple(signal), tuple(path for path in others if path and path.is_file()))

    def facts(self, recording: Recording) -> SourceFacts:
        """Return the header of a recording, with bad channels from its channels table."""
        facts = super().facts(recording)
        notes = [*facts.notes, *self._corrections.notes(recording)]
        if self.options.get("bads", "keep") != "keep":
            facts, told = self._marked(recording, facts)
            notes += told
        dataset = self._dataset(recording.path)
        start, told = self._clocks.start(recording.path, dataset)
        mains, mains_from = self._mains.of(recording.path, dataset)
        return replace(
            facts,
            start=start,
            clock="surrogate" if start else "none",
            notes=(*notes, *told),
            mains=mains,
            mains_from=mains_from,
        )

    def annotation(self, recording: Recording) -> Annotation:
        """Return the annotation in the events table of a recording."""
        if self.options.get("annotation") == NONE:
            raise Unlabelled("labels.annotation is 'none'")
        path = find_sidecar(recording.path, self._dataset(recording.path), "events")
        if path is None:
            raise Unlabelled("no events table in its folder or above")
        try:
            rows, notes = _checked(self._events(path), path.name)
        except FileNotFoundError:
            raise Unlabelled(f"no events table {path.name}") from None
        told = self._vocabulary.tell((row.marker for row in rows if row.label), path.name)
        if not any(row.label for row in rows):
            raise Unlabelled(f"{path.name}: no row has a type")
        notes += told.notes
        self._require_looked(recording, background=not (told.seizures or told.others))
        by_line = {row.row.line: row for row in rows}
        events = [
            _event(span, by_line[span.line], self._vocabulary.meaning(span))
            for span in told.seizures
        ]
        events += [_event(span, by_line[span.line], "") for span in told.others]
        events, corrected = self._corrected(recording, events)
        events.sort(key=lambda event: (event.onset, event.row))
        seconds = next((r.recording_seconds for r in rows if r.recording_seconds), None)
        notes += corrected
        state = repr((events, seconds, notes))
        digest = hashlib.sha256(state.encode()).hexdigest()
        return Annotation(tuple(events), seconds, digest, notes=tuple(notes), file=path.name)

    def _require_looked(self, recording: Recording, *, background: bool) -> None:
        """Reject background that nobody reviewed, according to the errata."""
        for applied in self._corrections.of(errata.Unlabelled, recording):
            if background or not applied.correction.background_only:
                raise Unlabelled(applied.noted(f"unlabelled: {applied.erratum.reason}"))

    def _corrected(
        self, recording: Recording, events: list[Event]
    ) -> tuple[list[Event], list[str]]:
        """Return events after errata, and the corrections made."""
        notes = []
        for applied in self._corrections.of(errata.SeizureOnset, recording):
            c = applied.correction
            for k, event in enumerate(events):
                if event.onset == c.listed:
                    end = event.offset if c.keeps == "end" else event.offset + c.use - c.listed
                    events[k] = replace(event, onset=c.use, offset=end)
                    told = f"seizure from {c.listed:g} s read as from {c.use:g} s"
                    notes.append(applied.noted(told))
        return events, notes

    def _marked(self, recording: Recording, facts: SourceFacts) -> tuple[SourceFacts, list[str]]:
        """Return facts with the bad signals of the channels table marked."""
        path = find_sidecar(recording.path, self._dataset(recording.path), "channels")
        if path is None:
            return facts, []
        bad = [one for one in self._channels_of(path, strict=True) if one.bad]
        if not bad:
            return facts, []
        found = match_names([one.name for one in bad], facts.labels)
        numbers = {number for several in found.values() for number in several}
        signals = tuple(
            replace(signal, bad=True) if number in numbers else signal
            for number, signal in enumerate(facts.signals)
        )
        notes = [
            f"{path.name}, line {one.row.line}: marks {shown(one.name)} as bad, which is not a "
            "signal of the file"
            for one in bad
            if not found[one.name]
        ]
        return replace(facts, signals=signals), notes

    def _channels_of(self, path: Path, *, strict: bool = False) -> tuple[BidsChannel, ...]:
        """Return the rows of a channels table; none if it cannot be read, unless `strict`."""
        try:
            return self._channels(path)
        except FileNotFoundError:
            return ()
        except RecordingError:
            if strict:
                raise
            return ()  # reported by facts()

    def _recording(self, path: Path) -> Recording:
        name, parts = parse_name(path.name), path.relative_to(self.root).parts
        if name is None or not _is_recording(name):
            raise RecordingError("is not a BIDS name, such as sub-01_task-rest_run-01_eeg.edf")
        subject = f"sub-{name.entities['sub']}"
        if strange := [p for p in parts[:-1] if p.startswith("sub-") and p != subject]:
            raise RecordingError(f"is in {strange[0]}, but its name says {subject}")
        session = name.entities.get("ses")
        about = self._about(path, subject)
        split = next((part for part in parts[:-1] if part in OFFICIAL), about.get("split", ""))
        return Recording(
            id=PurePosixPath(*parts).as_posix(),
            path=path,
            folder=split if split in OFFICIAL else "",
            patient=about.get(_TUH_ID) or subject,
            session=f"ses-{session}" if session else "",
            corpus=self.name,
            folders=tuple(part for part in parts[:-1] if part not in (*OFFICIAL, *SIGNALS)),
            about=_short(about),
        )

    def _dataset(self, path: Path) -> Path:
        """Return the folder of a file's dataset, which contains the participants' folders."""
        for folder in reversed(path.relative_to(self.root).parents):
            if folder.name.startswith("sub-"):
                return self.root / folder.parent
        return self.root

    def _about(self, path: Path, subject: str) -> dict[str, str]:
        """Return a participant's entry in the table of participants."""
        row = self._participants(self._dataset(path))[0].get(subject)
        return {} if row is None else {c: v for c in row.values if (v := row.known(c)) is not None}

    def _participants(self, dataset: Path) -> tuple[Mapping[str, Row], str]:
        """Return the participants that a dataset lists, and why the table cannot be read."""
        try:
            return self._people(dataset / PARTICIPANTS), ""
        except FileNotFoundError:
            return {}, ""
        except RecordingError as error:
            return {}, str(error)

    def _listed(self, dataset: Path, recordings: list[Recording]) -> list[str]:
        """Return notes on participants listed without data, or with data but not listed."""
        listed, fault = self._participants(dataset)
        if fault:
            return [f"participants table skipped: {fault}"]
        there = {
            f"sub-{name.entities['sub']}"
            for recording in recordings
            if self._dataset(recording.path) == dataset
            and (name := parse_name(recording.path.name))
        }
        notes = []
        if absent := [(who, row.line) for who, row in listed.items() if who not in there]:
            notes.append(
                f"{PARTICIPANTS} lists {plural(len(absent), 'participant')} without a recording, "
                f"such as {shown(absent[0][0])} (line {absent[0][1]})"
            )
        if listed and (more := sorted(there - listed.keys())):
            notes.append(
                f"{PARTICIPANTS} does not list {plural(len(more), 'participant')} with "
                f"recordings, such as {shown(more[0])}"
            )
        return notes + self._clocks.absent(dataset)

    def _namespace(self) -> str:
        """Return the namespace of patients: TUH if they have TUH's names, otherwise the dataset."""
        people, _ = self._participants(self.root)
        if any(row.known(_TUH_ID) for row in people.values()):
            return "tuh"
        try:
            about = json.loads(read_regular(self.root / DESCRIPTION, 1 << 20))
        except (OSError, ValueError, RecordingError, RecursionError):
            return ""
        name = about.get("Name") if isinstance(about, dict) else None
        return f"bids {name}" if isinstance(name, str) and name else ""


def _checked(rows: tuple[BidsEvent, ...], name: str) -> tuple[list[BidsEvent], list[str]]:
    """Return distinct rows, and notes on irregularities."""
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    kept, notes = [], []
    for row in rows:
        first = seen.setdefault(tuple(row.row.values.items()), row.row.line)
        if first == row.row.line:
            kept.append(row)
        else:
            notes.append(f"{name}, line {row.row.line}: repeats line {first}")
    if untyped := [row.row.line for row in kept if not row.label]:
        lines = ", ".join(map(str, untyped[:5])) + (", ..." if untyped[5:] else "")
        notes.append(f"{plural(len(untyped), 'row')} without a type (line {lines})")
    told = {row.recording_seconds: row.row.line for row in reversed(kept) if row.recording_seconds}
    if len(told) > 1:
        each = ", ".join(f"{seconds:g} s in line {line}" for seconds, line in told.items())
        notes.append(f"{name}: recordingDuration varies: {each}")
    return kept, notes


def _event(span: Span, row: BidsEvent, meaning: str) -> Event:
    unknown = float("nan")
    return Event(
        channel=",".join(row.channels) or WHOLE_MONTAGE,
        onset=span.onset,
        offset=unknown if span.offset is None else span.offset,
        label=span.label,
        confidence=unknown if row.confidence is None else row.confidence,
        row=span.line,
        meaning=meaning,
    )


def _short(about: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return a participant's data, cut to the length of a store's column."""
    kept: list[tuple[str, str]] = []
    left = _MOST_ABOUT
    for column, value in about.items():
        left -= len(column) + len(value)
        if column.lower() != "participant_id" and left >= 0:
            kept.append((column, value))
    return tuple(kept)


def _is_recording(name: BidsName | None) -> bool:
    return name is not None and "sub" in name.entities and name.suffix in SIGNALS


def _concerns(entry: LeftOut) -> bool:
    """Return whether an entry excluded during listing may be a recording of the dataset."""
    path = PurePosixPath(entry.id)
    if not NOT_RAW.isdisjoint(path.parts[:-1]):
        return False
    return path.suffix.lower() not in OTHER_FORMATS or _is_recording(parse_name(path.name))
