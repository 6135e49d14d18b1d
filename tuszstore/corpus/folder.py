"""Any folder of EDF files.

Who the patients are, such a folder does not say. They are taken from folders, from names or by a
pattern (``corpus.patient``); where nothing is set, by what names and folders show:

- names that follow TUSZ or BIDS state the patient;
- else, where each recording lies in a folder, and no name claims that one patient is in several of
  them, the outermost folder is the patient: that can put two patients together, never one into two
  splits;
- else it is what stands before the first underscore of a name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuszstore.corpus.base import Discovery, Recording
from tuszstore.corpus.listing import list_edf_files
from tuszstore.corpus.tusz import BesideCorpus, base_of, named_recording
from tuszstore.errors import CorpusError
from tuszstore.text import printable

FOLDER, NAME = "folder", "name"
"""Rules that ``corpus.patient`` may name, beside a pattern."""

_DIGIT = re.compile(r"\d")


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
        """Return an empty string: it is taken where no other corpus knows a folder."""
        return ""

    def recordings(self) -> Discovery:
        """List all EDF files, in the order of their paths."""
        paths, left_out = list_edf_files(self.root)
        found = [named_recording(path, self.root, self._base, self.name) for path in paths]
        self._rule = self._chosen_rule(found)
        recordings = [self._with_patient(recording) for recording in found]
        return Discovery(recordings, left_out, self._notes(recordings), self._told())

    def find(self, id: str) -> Recording:
        """Return the recording of a path; of a folder without a set rule, all are listed once."""
        if self._rule is None:
            self.recordings()
        path = self.path_of(id)
        return self._with_patient(named_recording(path, self.root, self._base, self.name))

    def _chosen_rule(self, found: Sequence[Recording]) -> str | re.Pattern[str]:
        given = self.options.get("patient")
        if given in (FOLDER, NAME):
            if given == FOLDER and (bare := [r for r in found if not r.folders]):
                raise CorpusError(
                    f"corpus.patient is 'folder', and {printable(bare[0].id)} lies in none: move "
                    "it into a folder of its patient, or set corpus.patient to 'name' or a pattern"
                )
            return str(given)
        if given:
            return _pattern(str(given))
        if all(recording.states_patient for recording in found):
            return NAME
        return FOLDER if _folders_tell(found) else NAME

    def _with_patient(self, recording: Recording) -> Recording:
        rule = self._rule
        if isinstance(rule, re.Pattern):
            match = rule.search(recording.id)
            if match is None:
                raise CorpusError(
                    f"corpus.patient: the pattern {rule.pattern!r} does not match "
                    f"{printable(recording.id)}"
                )
            return replace(recording, patient=match[1], states_patient=True)
        given = self.options.get("patient")
        if rule == FOLDER and not (given is None and recording.states_patient):
            return replace(recording, patient=recording.folders[0], states_patient=True)
        if given == NAME:
            return replace(recording, states_patient=True)
        return recording

    def _told(self) -> str:
        """Return where patients are taken from."""
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
        return []


def _folders_tell(found: Sequence[Recording]) -> bool:
    """Return whether the outermost folders may be patients."""
    if any(not recording.folders for recording in found):
        return False
    if len({recording.folders[0] for recording in found}) < 2:
        return False
    folders_of: dict[str, set[str]] = {}
    for recording in found:
        name, underscore, _ = recording.path.stem.partition("_")
        if underscore and _DIGIT.search(name):  # else it may be any word
            folders_of.setdefault(name, set()).add(recording.folders[0])
    return all(len(folders) == 1 for folders in folders_of.values())


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise CorpusError(f"corpus.patient: {text!r} is no regular expression: {error}") from None
    if pattern.groups != 1:
        raise CorpusError(
            f"corpus.patient: the pattern {text!r} must have one group, which is the patient, such "
            "as ^([^/]+)/"
        )
    return pattern
