"""CHB-MIT: bipolar recordings of children, one summary of annotations for each case.

    chb01/chb01_01.edf ...   chb01/chb01-summary.txt   chb01/chb01_03.edf.seizures

The patient is the folder, never the prefix of a name (``chb17a_03``). A recording without an
entry in its case's summary is unlabelled. Known errors are listed in
``errata/chbmit.yaml``, and corrected unless ``corpus.errata`` is ``none``.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from tuszstore.channels.names import is_electrode
from tuszstore.corpus.annotations import (
    NONE,
    OWN_FOLDER,
    WHOLE_MONTAGE,
    Annotation,
    Event,
    Unlabelled,
)
from tuszstore.corpus.base import Clock, Discovery, Files, Recording, SourceFacts
from tuszstore.corpus.corrections import Corrections
from tuszstore.corpus.edf_corpus import EdfCorpus
from tuszstore.corpus.edf_start import read_start
from tuszstore.corpus.formats.chb_summary import Summary, SummaryEntry, read_summary
from tuszstore.corpus.formats.errata import (
    ChannelLabel,
    ListedName,
    SamePatient,
    SeizureOnset,
    corrections_of,
    load_errata,
)
from tuszstore.corpus.formats.errata import Unlabelled as NotLookedAt
from tuszstore.corpus.formats.text import text_of
from tuszstore.corpus.formats.wfdb import read_seizures
from tuszstore.corpus.listing import folders_named, list_edf_files, some_names
from tuszstore.corpus.parsed import Parsed
from tuszstore.corpus.regular import read_regular
from tuszstore.errors import RecordingError

_CASE = re.compile(r"(chb\d\d)[a-z]?", re.IGNORECASE)
_NAMED = re.compile(r"(chb\d\d)[a-z]?_.*", re.IGNORECASE)
_ZERO = re.compile(r"0[12](?!\w)")
_MANY = 8  # least electrodes of a file in which a similar label counts as misspelt
_MAX_SUMMARY = 1 << 22
_MAX_SEIZURES = 1 << 16
_OUTSIDE = (
    "do File Start Time and File End Time in the summary fit the start in the header of the EDF "
    "file, and its length?"
)
_AGREE = 1.0  # s, between a summary and a .seizures file


class ChbMit(EdfCorpus):
    """CHB-MIT as on PhysioNet, or some of its cases."""

    name = "chbmit"
    version = 2
    patient_namespace = "chbmit"
    nested = True
    mains = 60.0
    mains_from = "recorded in the USA"

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        super().__init__(root, options)
        self._summaries = Parsed(_parse_summary, _MAX_SUMMARY)
        self._corrections = Corrections(self.name, root, options)

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return why a folder is CHB-MIT: a folder of a case, with its summary or recordings."""
        for case in folders_named(root, _CASE):
            name = case.name
            if (case / f"{name}-summary.txt").is_file():
                return f"{name}/{name}-summary.txt is the summary of a case of CHB-MIT"
            edf = [n for n in some_names(case, 10) if n.endswith(".edf") and _NAMED.match(n)]
            if edf:
                return f"{name}/{edf[0]} has the name of a CHB-MIT recording"
        return ""

    def recordings(self) -> Discovery:
        """List all EDF files, in the order of their paths."""
        paths, left_out = list_edf_files(self.root)
        found = Discovery([self._recording(path) for path in paths], left_out)
        found.patients_from = "folders of cases"
        for folder in _folders(paths):
            place = folder.relative_to(self.root).as_posix()
            found.folder_notes[place] = self._absent(folder, paths)
        return found

    def find(self, id: str) -> Recording:
        """Return the recording of a path."""
        return self._recording(self.path_of(id))

    def files(self, recording: Recording) -> Files:
        """Return the EDF file and its annotation files, if they exist."""
        others = (_summary_of(recording.path), _seizures_of(recording.path))
        return Files((recording.path,), tuple(path for path in others if path.is_file()))

    def facts(self, recording: Recording) -> SourceFacts:
        """Return the header of a recording, with labels corrected by errata."""
        facts = super().facts(recording)
        errata = self._corrections.of(ChannelLabel, recording)
        meant = {one.correction.label: one.correction.use for one in errata}
        signals = tuple(
            replace(signal, label=meant.get(signal.label, signal.label)) for signal in facts.signals
        )
        labels = [signal.label for signal in signals]
        if self._corrections.on and (zeros := _zeros(labels)):
            signals = tuple(
                replace(signal, label=f"O{signal.label[1:]}") if k in zeros else signal
                for k, signal in enumerate(signals)
            )
        notes = tuple(
            f"label {before.label!r} read as {after.label!r} (erratum)"
            for before, after in zip(facts.signals, signals, strict=True)
            if before.label != after.label
        )
        start = read_start(recording.path)
        clock: Clock = "surrogate" if start else "none"
        notes = (*facts.notes, *notes, *self._told(recording))
        # dates were shifted by another time for each case, also for the two of one patient
        return replace(
            facts,
            signals=signals,
            start=start,
            clock=clock,
            timeline=recording.session,
            notes=notes,
        )

    def annotation(self, recording: Recording) -> Annotation:
        """Return the seizures of a recording's entry in the summary."""
        if self.options.get("annotation") == NONE:
            raise Unlabelled("labels.annotation is 'none'")
        entry = self._entry(recording)
        seizures, notes = self._seizures(recording, entry)
        events = tuple(
            Event(WHOLE_MONTAGE, onset, end, SEIZURE, 1.0, entry.line) for onset, end in seizures
        )
        notes = (*notes, *self._compared(recording, seizures))
        state = repr((entry.digest, seizures, notes))
        digest = hashlib.sha256(state.encode()).hexdigest()
        file = _summary_of(recording.path).name
        return Annotation(events, None, digest, notes=notes, file=file, outside=_OUTSIDE)

    def _recording(self, path: Path) -> Recording:
        id_ = path.relative_to(self.root).as_posix()
        folders = PurePosixPath(id_).parts[:-1]
        cases = [m[1].lower() for m in map(_CASE.fullmatch, (*folders, self.root.name)) if m]
        named = _NAMED.match(path.stem)
        # a file elsewhere may be of any patient: its folder is a guess, and checked as one
        known = cases[0] if cases else named[1].lower() if named else ""
        case = known or (folders[-1] if folders else self.root.name)
        return Recording(
            id=id_,
            path=path,
            folder="",
            patient=self._same.get(case, case),
            session=case if case in self._same else "",
            corpus=self.name,
            states_patient=bool(known),
            folders=folders,
        )

    @cached_property
    def _same(self) -> dict[str, str]:
        """Cases that are one patient, independent of other corrections."""
        errata = corrections_of(load_errata(self.name))
        return {c.patient: c.same_as for _, c in errata if isinstance(c, SamePatient)}

    def _told(self, recording: Recording) -> tuple[str, ...]:
        """Return notes on errata of a recording that do not concern its signals or seizures."""
        errata = self._corrections
        same = (
            one.noted(f"case '{one.correction.patient}' is patient '{one.correction.same_as}'")
            for one in errata.of(SamePatient, recording)
        )
        absent = (
            one.noted(f"unlabelled: {one.erratum.reason}")
            for one in errata.of(NotLookedAt, recording)
        )
        names = (
            one.noted(f"named '{one.correction.listed}' in {one.erratum.file}")
            for one in errata.of(ListedName, recording)
        )
        return (*same, *absent, *names, *errata.notes(recording))

    def _summary(self, path: Path) -> Summary:
        """Return the summary of a case."""
        try:
            return self._summaries(path)
        except FileNotFoundError:
            alone = "" if _CASE.fullmatch(path.parent.name) else f": {OWN_FOLDER[self.name]}"
            raise Unlabelled(f"no summary {path.name}{alone}") from None

    def _entry(self, recording: Recording) -> SummaryEntry:
        path = _summary_of(recording.path)
        summary = self._summary(path)
        if fault := summary.faults.get(recording.path.name):
            raise fault
        entry = summary.entries.get(recording.path.name)
        if entry is None:
            raise Unlabelled(f"no entry in {path.name}")
        return entry

    def _seizures(
        self, recording: Recording, entry: SummaryEntry
    ) -> tuple[list[tuple[float, float]], tuple[str, ...]]:
        """Return the seizures of an entry after errata, and the corrections made."""
        seizures, notes = list(entry.seizures), []
        for one in self._corrections.of(SeizureOnset, recording):
            c = one.correction
            for k, (onset, end) in enumerate(seizures):
                if onset == c.listed:
                    seizures[k] = (c.use, end if c.keeps == "end" else end + c.use - onset)
                    notes.append(one.noted(f"seizure from {c.listed:g} s read as from {c.use:g} s"))
        return seizures, tuple(notes)

    def _compared(
        self, recording: Recording, seizures: list[tuple[float, float]]
    ) -> tuple[str, ...]:
        """Return a note if the binary annotations differ from the summary."""
        path = _seizures_of(recording.path)
        if not path.is_file():
            return ()
        try:
            other = read_seizures(read_regular(path, _MAX_SEIZURES), path.name, 256.0).seconds
        except (OSError, RecordingError) as error:
            return (f"{path.name}: not compared with the summary: {error}",)
        pairs = zip(sorted(seizures), sorted(other), strict=False)
        agree = len(seizures) == len(other) and all(
            abs(a - c) <= _AGREE and abs(b - d) <= _AGREE for (a, b), (c, d) in pairs
        )
        if agree:
            return ()
        told = ", ".join(f"{onset:g} to {end:g} s" for onset, end in other) or "none"
        return (f"{path.name} has other seizures than the summary, which is used: {told}",)

    def _absent(self, folder: Path, paths: Iterable[Path]) -> list[str]:
        """Return a note on recordings that a summary lists and that do not exist."""
        summary = folder / f"{folder.name}-summary.txt"
        try:
            entries = self._summary(summary).entries
        except RecordingError:
            return []  # reported for each of its recordings
        there = {path.name for path in paths if path.parent == folder}
        absent = [entry for name, entry in entries.items() if name not in there]
        if not absent:
            return []
        count = f"{len(absent)} recording{'' if len(absent) == 1 else 's'}"
        return [
            f"{summary.name} lists {count} not in the corpus, such as {absent[0].file} "
            f"(line {absent[0].line})"
        ]


SEIZURE = "seiz"
"""Class of all seizures: the summaries give no other."""


def _zeros(labels: Sequence[str]) -> list[int]:
    """Return which labels have a zero for the letter O: ``01`` where other labels are electrodes.

    Files that also have the correct label are not corrected.
    """
    names = {label.strip().upper().partition("-")[0] for label in labels}
    electrodes = sum(is_electrode(name) for name in names)
    return [
        number
        for number, label in enumerate(labels)
        if _ZERO.match(label) and f"O{label[1]}" not in names and electrodes >= _MANY
    ]


def _parse_summary(content: bytes, name: str) -> Summary:
    return read_summary(text_of(content, name), name)


def _summary_of(path: Path) -> Path:
    return path.parent / f"{path.parent.name}-summary.txt"


def _seizures_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.seizures")


def _folders(paths: Iterable[Path]) -> list[Path]:
    return sorted({path.parent for path in paths})
