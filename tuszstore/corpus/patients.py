"""Checks that names and folders identify patients, and that no patient is in two splits.

Some corpora state patients, as TUSZ and BIDS do in file names. Otherwise, the patient is a folder,
or the text before the first underscore of a name, which may be a recording (``PN00-1``), part of a
patient's name (``chb17a``) or common to all patients (``P_ID64``). These
cases are checked here where possible, to prevent training and testing on one person.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tuszstore.config import Corpus
from tuszstore.corpus.base import Recording
from tuszstore.corpus.copies import Copy, is_copied
from tuszstore.errors import CorpusError
from tuszstore.text import printable

Splits = Mapping[str, Sequence[Recording]]

NAMED = 5
"""Patients or folders that a message names."""

_LEAST = 5
"""Below this many recordings, one per patient is plausible if their names have two parts."""

_ALMOST = 0.85
"""Patients per recording from which recordings are assumed to be mistaken for patients."""

_WAY_OUT = (
    "Define patients: --set corpus.patient=folder, =name (the part before the first "
    "underscore of a file's name) or a pattern with one group; or sort recordings into folders "
    "train and dev (--split-policy official), or divide them by order, ignoring patients "
    "(--split-policy file_order)"
)

_ALONE = (
    "Add recordings of other patients, build only train or dev from folders of that name "
    "(--split-policy official), or divide by the order of files (--split-policy file_order). If "
    "there are several patients, define them with corpus.patient"
)


_ONE_PATIENT = (
    "If they are one person, give all their recordings one patient: rename or move them (a folder "
    "of links to them is enough), or in a plain folder set corpus.patient to a pattern that finds "
    "one name in both. If they are not, remove the wrong copy from the corpus. Or divide "
    "by the order of files, ignoring patients (--split-policy file_order)"
)


class PatientChecks:
    """Checks of a division into splits.

    Parameters
    ----------
    config : Corpus
    name_of : callable
        Returns a patient's name for messages.
    copies : sequence of Copy
        Excluded copies: patients with a recording in common are one person.
    recordings : sequence of Recording
        All, including copies.
    """

    def __init__(
        self,
        config: Corpus,
        name_of: Callable[[str], str] = str,
        copies: Sequence[Copy] = (),
        recordings: Sequence[Recording] = (),
    ) -> None:
        self._config = config
        self._name_of = name_of
        self._copies = _under_two(copies, recordings)
        self.person = _persons(self._copies)

    def require_patients(self, pool: Splits, too_deep: str = "") -> None:
        """Refuse to divide by patient if patients are unknown.

        Parameters
        ----------
        pool : mapping of str to sequence of Recording
            The two splits into which the policy ``patient`` divides.
        too_deep : str
            Message that the corpus is a folder above, if it is.

        Raises
        ------
        CorpusError
            If there is only one patient, almost every recording would be a patient, or recordings
            of one folder are in two splits.
        """
        recordings = [recording for members in pool.values() for recording in members]
        patients = Counter(self.person.get(r.patient, r.patient) for r in recordings)
        if len(patients) < 2:
            name = printable(self._name_of(*patients))
            raise CorpusError(
                f"split policy 'patient' leaves 'dev' without recordings: {len(recordings)} in "
                f"all, of only one patient, '{name}'. {f'{too_deep}. ' if too_deep else ''}{_ALONE}"
            )
        unstated = [recording for recording in recordings if not recording.states_patient]
        names = {recording.patient for recording in unstated}
        bare = all("_" not in recording.path.stem for recording in unstated)
        if len(names) >= _ALMOST * len(unstated) and len(unstated) >= (2 if bare else _LEAST):
            some = ", ".join(f"'{printable(self._name_of(name))}'" for name in sorted(names)[:3])
            raise CorpusError(
                "split policy 'patient' would make almost every recording a separate patient: "
                f"{len(names)} patients in {_count(unstated)}, such as {some}. {_WAY_OUT}"
            )
        one, other = pool
        if alike := _alike(pool[one], pool[other]):
            told = _some((" and ".join(map(self._name_of, pair)) for pair in alike), len(alike))
            raise CorpusError(
                f"split policy 'patient' would divide between {one} and {other} what may be one "
                f"patient under several names: {told}. {_WAY_OUT}"
            )
        if folders := self._folders_of_both(pool[one], pool[other]):
            raise CorpusError(
                f"split policy 'patient' would divide the recordings of {self._listed(folders)} "
                f"between {one} and {other}, because their names imply other patients than their "
                f"folders. {_WAY_OUT}"
            )

    def require_one_patient_each(self, pool: Iterable[Recording]) -> None:
        """Refuse to divide by patient if two patients have equal content.

        They may be one person, who would then be in train and dev, or one file may be a copy:
        this cannot be decided automatically.

        Parameters
        ----------
        pool : iterable of Recording
            The recordings that the policy ``patient`` divides, including copies.

        Raises
        ------
        CorpusError
        """
        there = {recording.id for recording in pool}
        pairs = [copy for copy in self._copies if copy.recording.id in there]
        if not pairs:
            return
        hidden = self._config.pseudonymize

        def told(copy: Copy) -> str:
            one, other = self._name_of(copy.original.patient), self._name_of(copy.recording.patient)
            return f"{one} and {other}" + (
                "" if hidden else f" ({copy.original.id} = {copy.recording.id})"
            )

        more = ". A dry run without corpus.pseudonymize names the files" * hidden
        raise CorpusError(
            "split policy 'patient' would separate two patients that have a recording with the "
            f"same content: {_some(map(told, pairs), len(pairs), '; ')}{more}. {_ONE_PATIENT}"
        )

    def shared_patients(self, splits: Splits, name: str, leaks: Collection[str] = ()) -> list[str]:
        """Reject patients that are in two splits; under ``file_order`` return a warning.

        A folder whose files' names begin with its name, such as ``PN00``, also counts as a patient.

        Parameters
        ----------
        splits : mapping of str to sequence of Recording
        name : str
            Name of the split.
        leaks : collection of str
            Patients that are known to be in two splits, for whom only a warning is given.

        Raises
        ------
        CorpusError
        """
        own = self._persons_of(splits[name])
        told, by_name = [], True
        known = []
        for other, members in splits.items():
            both = own & self._persons_of(members) if other != name else set()
            if leaking := sorted(both.intersection(leaks)):
                some = _some(map(self._name_of, leaking), len(leaking))
                known.append(f"this split leaks: {some} in {name} and {other}, as its file says")
            if shared := sorted(both.difference(leaks)):
                by_name = by_name and not {r.patient for r in members}.isdisjoint(shared)
                told.append(
                    f"{_some(map(self._name_of, shared), len(shared))} in {name} and {other}"
                )
        if not told:
            return known
        policy = self._config.split_policy
        if policy == "file_order":
            return [f"split policy file_order: patients in two splits: {'; '.join(told)}"]
        if policy == "file":
            raise CorpusError(
                f"{self._config.split_file}: patients in two splits: {'; '.join(told)}. List each "
                "in one of them, or, if that is intended, list the patient in its 'leaks'"
            )
        other_way = ", or use the split policy 'patient'" * (policy == "official" and by_name)
        raise CorpusError(
            f"patients in two splits: {'; '.join(told)}. Move their recordings into one of the "
            f"folders{other_way}"
        )

    def shared_folders(self, splits: Splits, name: str) -> list[str]:
        """Return warnings of folders with recordings in two splits."""
        warnings = []
        for other, members in splits.items():
            if other != name and (shared := self._folders_of_both(splits[name], members)):
                warnings.append(
                    f"recordings of {self._listed(shared)} are in {name} and in {other}: if a "
                    "folder is a patient, it must not be in both"
                )
            if other != name and (alike := _alike(splits[name], members, stated=True)):
                told = _some((" and ".join(map(self._name_of, pair)) for pair in alike), len(alike))
                warnings.append(f"names in {name} and in {other} that may be one patient's: {told}")
        return warnings

    def taken_from_names(self, recordings: Iterable[Recording]) -> list[str]:
        """Return a warning of patients from file names that follow no known scheme."""
        told = [r for r in recordings if not r.states_patient and not _in_folder_of_patient(r)]
        if not told:
            return []
        names = sorted({recording.patient for recording in told})
        some = ", ".join(printable(self._name_of(name)) for name in names[:3])
        return [
            f"patients are taken from file names, up to the first underscore: "
            f"{len(names)} in {_count(told)}, such as {some}"
        ]

    def one_person(self, splits: Splits) -> list[str]:
        """Return a warning of patients that have recordings in common."""
        there = {recording.patient for members in splits.values() for recording in members}
        groups: dict[str, set[str]] = {}
        for patient in there:
            if patient in self.person:
                groups.setdefault(self.person[patient], set()).add(patient)
        warnings = []
        for person, others in sorted(groups.items()):
            if len(names := sorted(others | ({person} & there))) > 1:
                told = _some(map(self._name_of, names), len(names))
                warnings.append(
                    f"patients {told} have recordings with the same content: treated as one person"
                )
        return warnings

    def copies_apart(self, parts: Splits, part: str, equal: Iterable[Sequence[Recording]]) -> None:
        """Reject recordings with the same content in two parts of a corpus.

        Parameters
        ----------
        parts : mapping of str to sequence of Recording
            Parts that every policy keeps separate.
        part : str
        equal : iterable of sequence of Recording
            Groups with the same content.

        Raises
        ------
        CorpusError
        """
        if self._config.split_policy == "file_order":
            return  # only one copy is kept, whatever the patients
        part_of = {r.id: name for name, members in parts.items() for r in members}
        groups = [(group, {part_of[one.id] for one in group}) for group in equal]
        apart = [group for group, there in groups if part in there and len(there) > 1]
        if not apart:
            return
        patients = sorted({recording.patient for group in apart for recording in group})
        told = f": {_some((' = '.join(r.id for r in g) for g in apart), len(apart), '; ')}"
        if self._config.pseudonymize:
            told = f" ({len(apart)}; a dry run without corpus.pseudonymize names them)"
        raise CorpusError(
            f"patients in two splits: {_some(map(self._name_of, patients), len(patients))}, with "
            f"recordings that have the same content{told}. Keep each in one split only"
        )

    def _persons_of(self, recordings: Iterable[Recording]) -> set[str]:
        persons = set()
        for recording in recordings:
            persons.add(self.person.get(recording.patient, recording.patient))
            if not recording.states_patient:
                persons.update(_folders_in_name(recording))
        return persons

    def _folders_of_both(self, some: Iterable[Recording], others: Iterable[Recording]) -> list[str]:
        shared = _folders(some) & _folders(others)
        outer = {folder[:depth] for folder in shared for depth in range(len(folder))}
        return sorted("/".join(folder) for folder in shared - outer)

    def _listed(self, folders: Sequence[str]) -> str:
        noun = f"folder{'' if len(folders) == 1 else 's'}"
        if self._config.pseudonymize:  # a folder may be named after a patient
            return f"{len(folders)} {noun}"
        return f"{noun} {_some(folders, len(folders))}"


def _under_two(copies: Iterable[Copy], recordings: Iterable[Recording]) -> list[Copy]:
    """Return the copies that belong to another patient than the file that is kept.

    Excluded are copies in BIDS folders of source or derived data, whose names and folders state no
    patient, unless there are other recordings under such a name.
    """
    copies = list(copies)
    dropped = {copy.recording.id for copy in copies}
    there = {recording.patient for recording in recordings if recording.id not in dropped}

    def states(recording: Recording) -> bool:
        named = recording.states_patient or recording.patient in there
        return named or not is_copied(recording)

    return [
        copy
        for copy in copies
        if copy.recording.patient != copy.original.patient and states(copy.recording)
    ]


def _persons(copies: Iterable[Copy]) -> dict[str, str]:
    """Return one name for all patients that share recordings, directly or indirectly."""
    of: dict[str, str] = {}

    def find(patient: str) -> str:
        while patient in of:
            patient = of[patient]
        return patient

    for copy in copies:
        first, other = sorted((find(copy.recording.patient), find(copy.original.patient)))
        if first != other:
            of[other] = first
    return {patient: find(patient) for patient in of}


def _folders_in_name(recording: Recording) -> Iterable[str]:
    """Yield folders with which a file's name begins, if they have a digit: others may be words."""
    name = recording.path.stem.casefold()
    for folder in recording.folders:
        if name.startswith(folder.casefold()) and any(map(str.isdigit, folder)):
            yield folder


def _folders(recordings: Iterable[Recording]) -> set[tuple[str, ...]]:
    """Return the folders that may be patients, of recordings whose names do not state one.

    If a folder has the patient's name, a folder above, such as that of a site, may be divided.
    """
    found: set[tuple[str, ...]] = set()
    for recording in recordings:
        if not recording.states_patient and not _in_folder_of_patient(recording):
            folders = recording.folders
            found.update(folders[:depth] for depth in range(1, len(folders) + 1))
    return found


def _in_folder_of_patient(recording: Recording) -> bool:
    patient = recording.patient.casefold()
    return any(folder.casefold() == patient for folder in recording.folders)


_LETTER = re.compile(r"(?<=\d)[a-z]$")


def _alike(
    some: Iterable[Recording], others: Iterable[Recording], *, stated: bool = False
) -> list[tuple[str, str]]:
    """Return pairs of names that differ by case, or by a letter after a number (``chb17a``).

    Patients stated by recordings are included only with `stated`, and may differ by a letter.
    """

    def bases(recordings: Iterable[Recording]) -> dict[str, str]:
        names = {(r.patient, r.states_patient) for r in recordings}
        return {
            name.casefold() if states else _LETTER.sub("", name.casefold()): name
            for name, states in sorted(names, reverse=True)
            if stated or not states
        }

    first, second = bases(some), bases(others)
    pairs = ((first[base], second[base]) for base in sorted(first.keys() & second.keys()))
    return [pair for pair in pairs if pair[0] != pair[1]]


def _some(names: Iterable[str], count: int, separator: str = ", ") -> str:
    more = f" and {count - NAMED} more" if count > NAMED else ""
    return separator.join(map(printable, list(names)[:NAMED])) + more


def _count(recordings: Collection[object]) -> str:
    return f"{len(recordings)} recording{'' if len(recordings) == 1 else 's'}"
