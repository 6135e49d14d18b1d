"""The Siena Scalp EEG Database: referential recordings of adults, a list of seizures per patient.

    PN00/PN00-1.edf ...   PN00/Seizures-list-PN00.txt

The patient is the folder (``PN10-4.5.6.edf`` is one recording). The lists give clock times, which
are converted to seconds after the start in the recording's header, modulo a day. Known errors
are listed in ``errata/siena.yaml``, and corrected unless ``corpus.errata`` is
``none``. The headers all have the same date, so the order of recordings is unknown.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tuszstore.corpus.annotations import (
    NONE,
    OWN_FOLDER,
    WHOLE_MONTAGE,
    Annotation,
    Event,
    Unlabelled,
)
from tuszstore.corpus.base import Discovery, Files, Recording, SourceFacts
from tuszstore.corpus.corrections import Corrections
from tuszstore.corpus.edf import read_header
from tuszstore.corpus.edf_corpus import EdfCorpus
from tuszstore.corpus.edf_start import read_start
from tuszstore.corpus.formats.clocks import DAY, ClockTime, clock_times, interval
from tuszstore.corpus.formats.errata import ListedClock, ListedName
from tuszstore.corpus.formats.siena_list import ListedSeizure, SeizureList, read_seizure_list
from tuszstore.corpus.formats.text import text_of, words_of
from tuszstore.corpus.listing import folders_named, list_edf_files, some_names
from tuszstore.corpus.parsed import Parsed
from tuszstore.errors import AnnotationError, RecordingError
from tuszstore.reasons import plural

SEIZURE = "seiz"
"""Class of all seizures: the lists give no other."""

_PATIENT = re.compile(r"PN\d{2,3}", re.IGNORECASE)
_NAMED = re.compile(r"(PN\d{2,3})(-[\d.]*)?", re.IGNORECASE)
_MAX_LIST = 1 << 22
_AGREE = 1  # s, between the start times in a list and in a header
_ZEROED = "the 00.00.00 of its header is taken as no time"
_OUTSIDE = (
    "the list has clock times: do they fit the start in the header of the EDF file, and its length?"
)
_LONGEST = DAY // 2  # s: longer seizures are those that end before they start


@dataclass
class _Clock:
    """The clock of a recording while its seizures are read."""

    name: str
    start: int
    notes: list[str] = field(default_factory=list)
    corrected: list[str] = field(default_factory=list)
    zeroed: bool = False


class Siena(EdfCorpus):
    """The Siena database as on PhysioNet, or some of its patients."""

    name = "siena"
    version = 1
    patient_namespace = "siena"
    nested = True
    mains = 50.0
    mains_from = "recorded in Italy"

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        super().__init__(root, options)
        self._lists = Parsed(_parse_list, _MAX_LIST)
        self._corrections = Corrections(self.name, root, options)

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return why a folder is Siena: a patient's folder, with its list or recordings."""
        for folder in folders_named(root, _PATIENT):
            inside = some_names(folder, 10)
            if lists := [n for n in inside if _is_list(n)]:
                return f"{folder.name}/{lists[0]} is a list of seizures of Siena"
            edf = [n for n in inside if n.lower().endswith(".edf") and _NAMED.fullmatch(n[:-4])]
            if edf:
                return f"{folder.name}/{edf[0]} has the name of a Siena recording"
        return ""

    def recordings(self) -> Discovery:
        """List all EDF files, in the order of their paths."""
        paths, left_out = list_edf_files(self.root)
        recordings = [self._recording(path) for path in paths]
        found = Discovery(recordings, left_out, patients_from="folders of patients")
        for folder in sorted({path.parent for path in paths}):
            place = folder.relative_to(self.root).as_posix()
            found.folder_notes[place] = self._absent(folder, recordings)
        found.notes += self._zeroed(recordings)
        return found

    def find(self, id: str) -> Recording:
        """Return the recording of a path."""
        return self._recording(self.path_of(id))

    def files(self, recording: Recording) -> Files:
        """Return the EDF file, and the list of its patient if that exists."""
        path = _list_of(recording.path)
        return Files((recording.path,), (path,) if path.is_file() else ())

    def facts(self, recording: Recording) -> SourceFacts:
        """Return the facts from the header of a recording."""
        facts = super().facts(recording)
        return replace(facts, notes=(*facts.notes, *self._corrections.notes(recording)))

    def annotation(self, recording: Recording) -> Annotation:
        """Return the seizures of a recording from its patient's list."""
        if self.options.get("annotation") == NONE:
            raise Unlabelled("labels.annotation is 'none'")
        path = _list_of(recording.path)
        seizures = self._seizures(recording, path)
        clock = self._clock_of(recording, seizures, path.name)
        events = tuple(self._event(seizure, clock, recording) for seizure in seizures)
        names = (
            one.noted(f"named '{one.correction.listed}' in {path.name}")
            for one in self._corrections.of(ListedName, recording)
            if one.correction.listed in (seizure.file for seizure in seizures)
        )
        notes = tuple(dict.fromkeys((*names, *clock.notes)))
        state = repr(([seizure.text for seizure in seizures], events, notes))
        digest = hashlib.sha256(state.encode()).hexdigest()
        return Annotation(events, None, digest, notes=notes, file=path.name, outside=_OUTSIDE)

    def _seizures(self, recording: Recording, path: Path) -> list[ListedSeizure]:
        """Return the seizures of a recording in a list."""
        try:
            listed = self._lists(path)
        except FileNotFoundError:
            alone = "" if _PATIENT.fullmatch(path.parent.name) else f": {OWN_FOLDER[self.name]}"
            raise Unlabelled(f"no list {path.name}{alone}") from None
        for name, fault in listed.faults.items():
            if self._meant(name, recording):
                raise fault
        seizures = [one for one in listed.seizures if self._meant(one.file, recording)]
        if not seizures:
            self._refuse_misspelt(listed, path, recording)
            raise Unlabelled(f"no seizure of it in {path.name}")
        return seizures

    def _recording(self, path: Path) -> Recording:
        named = _NAMED.fullmatch(path.stem)
        return self.below_patient(path, _PATIENT, named[1] if named else "")

    def _meant(self, listed: str, recording: Recording) -> bool:
        """Return whether a name in a list refers to a recording."""
        name = recording.path.name
        if listed.casefold() == name.casefold():
            return True
        errata = self._corrections.of(ListedName, recording)
        if any(one.correction.listed == listed for one in errata):
            return True
        # a letter O instead of a zero, if no file has the name as written
        zeros = listed.upper().replace("O", "0") == name.upper().replace("O", "0")
        return self._corrections.on and zeros and not recording.path.with_name(listed).exists()

    def _refuse_misspelt(self, listed: SeizureList, path: Path, recording: Recording) -> None:
        """Reject a recording without seizures if a listed seizure is of an unknown file.

        The seizure may be of this recording, so treating it as unlabelled could lose seizures.
        """
        well_formed = re.compile(rf"{re.escape(recording.patient)}-\d+(\.\d+)*\.edf", re.IGNORECASE)

        def of_nobody(name: str) -> bool:
            return not (well_formed.fullmatch(name) or path.with_name(name).exists())

        for name, fault in listed.faults.items():
            if of_nobody(name):
                raise fault
        for name, line in ((one.file, one.line) for one in listed.seizures):
            if of_nobody(name):
                raise AnnotationError.at(
                    path.name,
                    line,
                    f"a seizure of '{name}', which does not exist; it may be of "
                    f"'{recording.path.name}', for which none is listed. Correct the name in the "
                    "list, or that of the file",
                )

    def _event(self, seizure: ListedSeizure, clock: _Clock, recording: Recording) -> Event:
        """Return a seizure in seconds from the recording's start."""
        onset_at = self._one(seizure, "start", clock, recording)
        end_at = self._one(seizure, "end", clock, recording)
        onset, end = interval(onset_at.seconds, end_at.seconds, clock.start)
        if end - onset > _LONGEST:
            raise AnnotationError.at(
                clock.name,
                seizure.line,
                f"seizure {seizure.number} ends ({end_at.written}) before it starts "
                f"({onset_at.written})",
            )
        clock.notes += [
            note for note in seizure.notes if not any(repr(one) in note for one in clock.corrected)
        ]
        if seizure.remark:
            clock.notes.append(f"seizure {seizure.number}: '{seizure.remark}'")
        return Event(WHOLE_MONTAGE, float(onset), float(end), SEIZURE, 1.0, seizure.line)

    def _clock_of(
        self, recording: Recording, seizures: Sequence[ListedSeizure], name: str
    ) -> _Clock:
        """Return a recording's start time: the header's, unless a decision selects the list's.

        If the header cannot be right, as in a copy without times, and the list can, the list is
        used. A start of 00.00.00 that is not that of the list counts as none.
        """
        header = read_start(recording.path)
        first = [one for one in reversed(seizures) if one.registration_start]
        listed = {one.registration_start.seconds: one for one in first if one.registration_start}
        if header is None:
            if len(listed) != 1:
                raise RecordingError(
                    "its header has no start time, so times of the list mean nothing"
                )
            ((start, one),) = listed.items()
            told = f"the start in the list ({_plain(start)}) is used: its header has none"
            return _Clock(name, start, [f"{name}, line {one.line}: {told}"])
        clock = _Clock(name, 3600 * header.hour + 60 * header.minute + header.second)
        for start, one in listed.items():
            if self._decided(clock, one, recording):
                continue
            apart = abs((start - clock.start + DAY // 2) % DAY - DAY // 2)
            if apart <= _AGREE:
                continue
            told = f"{name}, line {one.line}: recording starts at {_plain(start)}"
            by_header, by_list = self._inside(recording, seizures, clock.start, start)
            if len(listed) == 1 and clock.start == 0 and (all(by_list) or not any(by_header)):
                told += f", which is used: {_ZEROED}"
                clock.start = start
                clock.zeroed = True
            elif len(listed) == 1 and all(by_list) and not any(by_header):
                told += f", which is used: by its header ({_plain(clock.start)}) it has no seizure"
                clock.start = start
            else:
                told += f", {apart} s from the start in its header, which is used"
            clock.notes.append(told)
        return clock

    def _decided(self, clock: _Clock, seizure: ListedSeizure, recording: Recording) -> bool:
        """Apply an erratum on the start time; return whether there is one."""
        listed = seizure.registration_start
        assert listed is not None
        for one in self._corrections.of(ListedClock, recording):
            known = one.correction
            if known.which == "registration_start" and _alike(known.listed, (listed,)):
                told = "that of its header" if known.use == "header" else known.use
                clock.corrected.append(listed.written)
                clock.notes.append(
                    one.noted(
                        f"start of the recording in the list ({listed.written}) read as {told}"
                    )
                )
                if one.choice and known.use != "header":
                    clock.start = _clock(known.use).seconds
                return True
        return False

    def _inside(
        self, recording: Recording, seizures: Sequence[ListedSeizure], *starts: int
    ) -> list[list[bool]]:
        """Return whether the seizures begin within a recording, by each of some start times."""
        found = read_header(recording.path)
        seconds = found.n_records * found.record_seconds
        onsets = [time.seconds for one in seizures for time in one.starts]
        return [[(onset - start) % DAY < seconds for onset in onsets] for start in starts]

    def _one(
        self, seizure: ListedSeizure, which: str, clock: _Clock, recording: Recording
    ) -> ClockTime:
        """Return the start or the end of a seizure, for which the list may have several times."""
        times = seizure.starts if which == "start" else seizure.ends
        what = f"{which} of seizure {seizure.number}"
        for one in self._corrections.of(ListedClock, recording):
            known = one.correction
            if known.which == which and _alike(known.listed, times):
                clock.notes.append(one.noted(f"{what} in the list read as {known.use}"))
                return _clock(known.use)
        if len(times) > 1:
            told = ", ".join(f"{time.written} {time.words}".strip() for time in times)
            why = "no erratum decides" if self._corrections.on else "errata are off"
            raise AnnotationError.at(
                clock.name,
                seizure.line,
                f"more than one {what}: {told}; {why}: keep one in the list, or remove the "
                "recording from the corpus",
            )
        if times[0].words:
            clock.notes.append(f"{what}: '{times[0].words}'")
        return times[0]

    def _absent(self, folder: Path, recordings: Sequence[Recording]) -> list[str]:
        """Return a note on files that a list names and that do not exist."""
        there = [recording for recording in recordings if recording.path.parent == folder]
        path = _list_of(there[0].path)
        try:
            listed = self._lists(path)
        except (FileNotFoundError, RecordingError):
            return []  # reported for each of its recordings
        lines = {one.file: one.line for one in reversed(listed.seizures)}
        absent = [
            (line, name)
            for name, line in sorted(lines.items(), key=lambda item: item[1])
            if not any(self._meant(name, recording) for recording in there)
        ]
        if not absent:
            return []
        line, name = absent[0]
        count = plural(len(absent), "recording")
        return [f"{path.name} lists {count} not in the corpus, such as {name} (line {line})"]

    def _zeroed(self, recordings: Sequence[Recording]) -> list[str]:
        """Return a warning of headers without a time, in whose place that of the list is used."""
        found = []
        for recording in recordings:
            path = _list_of(recording.path)
            try:
                start = read_start(recording.path)
                if start is None or (start.hour, start.minute, start.second) != (0, 0, 0):
                    continue
                if self._clock_of(recording, self._seizures(recording, path), path.name).zeroed:
                    found.append(recording.id)
            except (OSError, RecordingError):
                continue  # reported for the recording itself
        if not found:
            return []
        has = "recording has" if len(found) == 1 else "recordings have"
        return [
            f"{len(found)} {has} the start 00.00.00 in the header and another one in the list, "
            f"which is used, such as {found[0]}: check the seizures, or use the original files"
        ]


def _parse_list(content: bytes, name: str) -> SeizureList:
    return read_seizure_list(text_of(content, name), name)


def _alike(written: str, times: Iterable[ClockTime]) -> bool:
    """Return whether the times of an erratum equal those of a list, in any notation."""
    known = clock_times(words_of(written)) or ()
    return [one.seconds for one in known] == [one.seconds for one in times]


def _plain(seconds: int) -> str:
    return ClockTime(seconds, "").plain


def _clock(text: str) -> ClockTime:
    times = clock_times(text)
    assert times is not None  # the table of errata was checked
    return times[0]


def _is_list(name: str) -> bool:
    return name.casefold().startswith("seizures-list") and name.casefold().endswith(".txt")


def _list_of(path: Path) -> Path:
    """Return the path of the list of a recording's patient, which may not exist."""
    usual = path.with_name(f"Seizures-list-{path.parent.name}.txt")
    if usual.is_file():
        return usual
    # spelled as in some copies; of several, the patient would be unknown
    lists = [name for name in some_names(path.parent, 200) if _is_list(name)]
    return path.with_name(lists[0]) if len(lists) == 1 else usual
