"""Any folder of EDF files.

Such a folder does not state its patients. They are taken from folders, from names or by a
pattern (``corpus.patient``); if nothing is set, from names and folders by these rules:

- names that follow TUSZ or BIDS state the patient;
- else, if each recording is in a folder, and nothing suggests that a patient is in several of
  them, the outermost folder is the patient;
- else it is the part of a name before the first underscore.

The result is a guess, which :mod:`tuszstore.corpus.patients` checks.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuszstore.config import PATIENT_RULES
from tuszstore.corpus.base import Discovery, Recording
from tuszstore.corpus.listing import list_edf_files
from tuszstore.corpus.tusz import BesideCorpus, base_of, named_recording
from tuszstore.errors import CorpusError
from tuszstore.text import printable

FOLDER, NAME = PATIENT_RULES

_SEPARATOR = re.compile(r"[_\-. ]+")
_COUNTERS = frozenset({
    "data", "day", "edf", "eeg", "exam", "file", "n", "night", "no", "part", "raw", "rec",
    "record", "recording", "run", "s", "scan", "seizure", "sess", "session", "ses", "segment",
    "study", "sz", "t", "task", "trial", "visit",
})  # fmt: skip
"""Words that begin the name of a recording, not of a patient, apart from digits."""

_NOT_PATIENTS = frozenset({
    "abnormal", "annotated", "center", "centre", "control", "controls", "day", "ictal",
    "interictal", "eeg", "edf", "group", "hospital", "month", "night", "normal", "patients",
    "postictal", "preictal", "seizure", "seizures", "ses", "sess", "session", "set", "site",
    "sites", "subjects", "sz", "test", "training", "validation", "visit", "week", "year",
})  # fmt: skip
"""Names of folders that are not patients, apart from digits."""


class Folder(BesideCorpus):
    """A folder of EDF files, with annotations beside them."""

    name = "folder"
    version = 1
    patient_namespace = ""

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        super().__init__(root, options)
        self._base = base_of(root)
        self._rule: str | re.Pattern[str] | None = None

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return an empty string: it is used if no other corpus recognises a folder."""
        return ""

    def recordings(self) -> Discovery:
        """List all EDF files, in the order of their paths."""
        paths, left_out = list_edf_files(self.root)
        found = [named_recording(path, self.root, self._base, self.name) for path in paths]
        self._rule = self._chosen_rule(found)
        recordings = [self._with_patient(recording) for recording in found]
        return Discovery(recordings, left_out, self._notes(recordings), self._told())

    def find(self, id: str) -> Recording:
        """Return the recording of a path; without a set rule, all recordings are listed once."""
        path = self.path_of(id)
        if self._rule is None:
            self.recordings()
        return self._with_patient(named_recording(path, self.root, self._base, self.name))

    def _chosen_rule(self, found: Sequence[Recording]) -> str | re.Pattern[str]:
        given = self.options.get("patient")
        if given in (FOLDER, NAME):
            if given == FOLDER and (bare := [r for r in found if not r.folders]):
                raise CorpusError(
                    f"corpus.patient is 'folder', but {printable(bare[0].id)} is in none: move "
                    "it into its patient's folder, or set corpus.patient to 'name' or a pattern"
                )
            return str(given)
        if given:
            return re.compile(str(given))  # the configuration has checked that it has one group
        if all(recording.states_patient for recording in found):
            return NAME
        return FOLDER if _folders_tell(found) else NAME

    def _with_patient(self, recording: Recording) -> Recording:
        rule = self._rule
        if isinstance(rule, re.Pattern):
            match = rule.search(recording.id)
            if match is None or not match[1]:
                what = "does not match" if match is None else "finds no patient in"
                raise CorpusError(
                    f"corpus.patient: the pattern {rule.pattern!r} {what} {printable(recording.id)}"
                )
            return replace(recording, patient=match[1], states_patient=True)
        given = self.options.get("patient")
        if rule == FOLDER and not (given is None and recording.states_patient):
            stated = given is not None
            return replace(recording, patient=recording.folders[0], states_patient=stated)
        if given == NAME:
            return replace(recording, states_patient=True)
        return recording

    def _told(self) -> str:
        """Return the source of patients."""
        if isinstance(self._rule, re.Pattern):
            return f"the pattern {self._rule.pattern}"
        return "folders" if self._rule == FOLDER else "file names"

    def _notes(self, recordings: Sequence[Recording]) -> list[str]:
        patients = sorted({recording.patient for recording in recordings})
        some = ", ".join(map(printable, patients[:3]))
        told = f"{len(patients)} in {len(recordings)} recordings, such as {some}"
        if isinstance(self._rule, re.Pattern):
            return [f"patients are taken by the pattern of corpus.patient: {told}"]
        if self._rule == FOLDER:
            return [f"patients are taken from folders: {told} (corpus.patient)"]
        if self.options.get("patient") == NAME:
            return [f"patients are taken from file names: {told} (corpus.patient)"]
        return []


def _folders_tell(found: Sequence[Recording]) -> bool:
    """Return whether the outermost folders may be patients."""
    if any(not recording.folders for recording in found):
        return False
    folders = {recording.folders[0] for recording in found}
    if len(folders) < 2 or any(_word(folder) in _NOT_PATIENTS for folder in folders):
        return False
    folders_of: dict[str, set[str]] = {}
    for recording in found:
        stem, folder = recording.path.stem.casefold(), recording.folders[0].casefold()
        if stem.startswith(folder):
            continue  # name and folder agree
        name = _SEPARATOR.split(stem)[0]
        if _word(name) not in _COUNTERS and not name.isdigit():
            folders_of.setdefault(name, set()).add(recording.folders[0])
    return all(len(there) == 1 for there in folders_of.values())


def _word(name: str) -> str:
    """Return a name without digits and separators; empty for a number, such as a year."""
    return _SEPARATOR.sub("", name.casefold()).strip("0123456789")
