"""Assigning recordings to splits."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from tuszstore.config import Corpus
from tuszstore.corpus.base import LeftOut, Recording
from tuszstore.corpus.copies import AnnotationOf, Copy, choose_originals
from tuszstore.corpus.patients import PatientChecks
from tuszstore.corpus.recognition import FOLDER
from tuszstore.corpus.split_advice import Origin
from tuszstore.corpus.split_files import divide, load_splits, missing_from
from tuszstore.errors import CorpusError
from tuszstore.reasons import plural
from tuszstore.store.schema import ALIASES, SPLITS

POOL = "pool"
"""The part of a corpus that a policy divides into train and dev."""


@dataclass(frozen=True)
class Split:
    """The recordings of one split.

    Attributes
    ----------
    name : str
        ``train``, ``dev`` or ``eval``.
    recordings : list of Recording
        In the order of their paths, without copies.
    warnings : tuple of str
        Warnings about the split, for readers of the store.
    copies : tuple of Copy
        Excluded because a recording of the split has the same content.
    elsewhere : frozenset of str
        Folders of recordings and of patients that are only in other splits.
    """

    name: str
    recordings: list[Recording]
    warnings: tuple[str, ...] = ()
    copies: tuple[Copy, ...] = ()
    elsewhere: frozenset[str] = frozenset()

    def concerned(self, path: str) -> bool:
        """Return whether a path may be of the split: no folder of it is only in other splits.

        Parameters
        ----------
        path : str
            Relative to the root of the corpus.
        """
        place = PurePosixPath(path)
        return self.elsewhere.isdisjoint(map(str, (place, *place.parents)))


def canonical_split(name: str) -> str:
    """Return the canonical name of a split: ``val`` is an alias of ``dev``.

    Raises
    ------
    CorpusError
        If there is no such split.
    """
    name = ALIASES.get(name, name)
    if name not in SPLITS:
        raise CorpusError(
            f"unknown split {name!r}; known are {', '.join(SPLITS)} and val (alias of dev)"
        )
    return name


def available_splits(
    recordings: Sequence[Recording],
    config: Corpus,
    copies: Sequence[Copy] = (),
    origin: Origin | None = None,
) -> list[str]:
    """Return the splits that a corpus has under a policy, in the order of :data:`SPLITS`.

    Parameters
    ----------
    recordings : sequence of Recording
    config : Corpus
    copies : sequence of Copy
        Excluded because another recording has the same content.
    origin : Origin, optional
        The corpus, for advice.

    Raises
    ------
    CorpusError
        If it has no splits.
    """
    splits = _divided(_parts(recordings, config)[0], copies, config, {})
    names = [name for name in SPLITS if splits.get(name)]
    if not names:
        _refuse_empty(recordings, "train", config, origin or Origin())
    return names


def choose_split(
    recordings: Sequence[Recording],
    name: str,
    config: Corpus,
    name_of: Callable[[str], str] = str,
    *,
    equal: Sequence[Sequence[Recording]] = (),
    annotation_of: AnnotationOf,
    origin: Origin | None = None,
) -> Split:
    """Return the recordings of a split.

    ``official`` takes the folders ``train``, ``dev`` and ``eval``. The other policies divide the
    folder ``train`` of such a corpus (``eval`` is unchanged), and all of any other:
    ``patient`` by patient, a seeded fraction of them for ``dev``; ``file_order`` by position in
    the list of files, the first fraction for ``dev``. ``file`` takes what a file lists
    (:mod:`tuszstore.corpus.split_files`).

    Of recordings with the same content, one is kept. If they belong to two patients,
    ``patient`` raises an error.

    Parameters
    ----------
    recordings : sequence of Recording
        Recordings of the whole corpus, ordered by path.
    name : str
        Name of the split, or an alias.
    config : Corpus
    name_of : callable
        What a patient is called in messages.
    equal : sequence of sequence of Recording
        Groups with the same content, from :func:`~tuszstore.corpus.copies.find_equal`.
    annotation_of : callable
        Reads the annotation of a recording: of copies, an annotated one is kept.
    origin : Origin, optional
        The corpus, for advice.

    Raises
    ------
    CorpusError
        If the split is empty, or shares a patient with another one (``file_order`` warns
        instead); if the policy needs patients, but names and folders do not identify them, or two
        patients have the same content.
    """
    name = canonical_split(name)
    parts, warnings = _parts(recordings, config)
    there = {recording.id for members in parts.values() for recording in members}
    equal = [[one for one in group if one.id in there] for group in equal]
    PatientChecks(config, name_of).copies_apart(parts, name if name in parts else POOL, equal)
    copies = choose_originals((group for group in equal if len(group) > 1), annotation_of)
    checks = PatientChecks(
        config, name_of, copies, [one for members in parts.values() for one in members]
    )
    splits = _divided(parts, copies, config, checks.person)
    if config.split_policy == "patient" and name != "eval":
        checks.require_one_patient_each(parts[POOL])
        both = {part: splits[part] for part in ("train", "dev")}
        checks.require_patients(both, origin.too_deep if origin else "")
    if not splits.get(name):
        _refuse_empty(recordings, name, config, origin or Origin())
    if config.split_policy != "file":
        warnings += _strays([one for one in recordings if one.id not in there], splits, config)
    if config.split_policy == "patient":
        warnings += checks.taken_from_names(splits[name])
    if config.split_policy in ("patient", "file_order") and origin and origin.nearby:
        warnings.append(f"{origin.nearby}, or {origin.as_plain}")
    warnings += checks.one_person(splits)
    warnings += checks.shared_patients(splits, name, _leaks(config))
    warnings += checks.shared_folders(splits, name)
    own = {recording.id for recording in splits[name]}
    of_split = tuple(copy for copy in copies if copy.original.id in own)
    others = (one for part, members in splits.items() if part != name for one in members)
    elsewhere = _own_folders(others) - _own_folders(splits[name])
    return Split(name, splits[name], tuple(warnings), of_split, elsewhere)


def _own_folders(recordings: Iterable[Recording]) -> frozenset[str]:
    """Return the folders of recordings, and those above that have the name of the patient."""
    found: set[str] = set()
    for recording in recordings:
        folder = PurePosixPath(recording.id).parent
        patient = recording.patient.casefold()
        above = (one for one in folder.parents if one.name.casefold() == patient)
        found.update(map(str, (folder, *above)))
    return frozenset(found - {"."})


def _strays(strays: Sequence[Recording], splits: Mapping[str, Any], config: Corpus) -> list[str]:
    """Return warnings of recordings in no split, one for each folder of an official split."""
    warnings = []
    unused = Counter(ALIASES.get(one.folder, one.folder) for one in strays)
    for folder in SPLITS:
        if count := unused.pop(folder, 0):
            warnings.append(
                f"{plural(count, 'recording')} in the folder {folder} "
                f"{'is' if count == 1 else 'are'} in no split: split policy "
                f"{config.split_policy!r} divides the folder train alone, and "
                "--split-policy official takes the folders as splits"
            )
    if outside := unused.total():
        lie = "recording is" if outside == 1 else "recordings are"
        warnings.append(f"{outside} {lie} outside {', '.join(splits)}: in no split")
    return warnings


def _leaks(config: Corpus) -> tuple[str, ...]:
    """Return the patients that a file of splits declares to be in two splits."""
    return load_splits(config.split_file).leaks if config.split_file else ()


def concerns(entry: LeftOut, name: str, config: Corpus) -> bool:
    """Return whether an entry excluded when listing files may belong to a split.

    Parameters
    ----------
    entry : LeftOut
        Whose id is a path.
    name : str
        Name of the split.
    config : Corpus
    """
    parts = PurePosixPath(entry.id).parts
    parts = parts[1:] if parts[:1] == ("edf",) else parts
    home = ALIASES.get(parts[0], parts[0]) if parts else ""
    if home not in SPLITS:
        return True
    if config.split_policy == "file":
        return True
    if config.split_policy == "official":
        return home == name
    return (home == "eval") == (name == "eval")


def _parts(
    recordings: Sequence[Recording], config: Corpus
) -> tuple[dict[str, list[Recording]], list[str]]:
    """Return the recordings by part of the corpus (the pool, or splits), and warnings."""
    if config.split_policy == "file":
        name = str(config.split_file)
        return divide(recordings, load_splits(name), name, hidden=config.pseudonymize)
    by_folder: dict[str, list[Recording]] = {}
    for recording in recordings:
        folder = ALIASES.get(recording.folder, recording.folder)
        by_folder.setdefault(folder, []).append(recording)
    official = {name: by_folder[name] for name in SPLITS if name in by_folder}
    if config.split_policy == "official":
        return official, []
    parts = {POOL: official.get("train") or list(recordings)}
    if "train" in official and "eval" in official:
        parts["eval"] = official["eval"]
    return parts, []


def _divided(
    parts: dict[str, list[Recording]],
    copies: Sequence[Copy],
    config: Corpus,
    person: Mapping[str, str],
) -> dict[str, list[Recording]]:
    """Return the recordings of each split, without copies.

    `person` gives one name for patients that must not be divided between splits.
    """
    dropped = {copy.recording.id for copy in copies}
    splits = dict(parts)
    pool = splits.pop(POOL, [])
    if config.split_policy == "file_order":
        n_dev = int(config.val_fraction * len(pool))  # of all files, including copies
        splits = {"dev": pool[:n_dev], "train": pool[n_dev:], **splits}
    elif config.split_policy == "patient":
        pool = [recording for recording in pool if recording.id not in dropped]
        persons = {person.get(r.patient, r.patient) for r in pool}
        dev = _choose_patients(persons, config)
        in_dev = [person.get(r.patient, r.patient) in dev for r in pool]
        splits = {
            "dev": [r for r, is_dev in zip(pool, in_dev, strict=True) if is_dev],
            "train": [r for r, is_dev in zip(pool, in_dev, strict=True) if not is_dev],
            **splits,
        }
    return {
        name: [recording for recording in members if recording.id not in dropped]
        for name, members in splits.items()
    }


def _choose_patients(patients: set[str], config: Corpus) -> set[str]:
    """Choose a seeded fraction of patients.

    Patients are ranked by a hash of seed and name, so that few of them change their split when a
    corpus grows.
    """

    def rank(patient: str) -> bytes:
        return hashlib.sha256(f"{config.split_seed}:{patient}".encode()).digest()

    count = round(config.val_fraction * len(patients))
    count = min(max(count, 1), len(patients) - 1)
    return set(sorted(patients, key=rank)[:count])


def _refuse_empty(
    recordings: Sequence[Recording], name: str, config: Corpus, origin: Origin
) -> None:
    if config.split_policy == "official":
        folders = sorted({recording.folder for recording in recordings} - {""})
        if origin.name != FOLDER and not any(ALIASES.get(one, one) in SPLITS for one in folders):
            raise CorpusError(
                f"corpus {origin.name} has no official splits (folders train, dev and eval). "
                f"{origin.other_policy}"
            )
        there = f"folders: {', '.join(folders[:10])}" if folders else "no folders"
        if config.pseudonymize:  # a folder may be named after a patient
            there = f"{len(folders)} folders"
        raise CorpusError(
            f"split policy 'official' needs a folder {name!r} below the root or its 'edf', with "
            f"EDF files in it (found {there}). {origin.other_policy}"
        )
    if config.split_policy == "file":
        where = str(config.split_file)
        why = missing_from(recordings, load_splits(where), name, hidden=config.pseudonymize)
        raise CorpusError(f"{where}: its split {name!r} has no recordings: {why}")
    if name == "eval":
        raise CorpusError(
            f"split policy '{config.split_policy}' leaves 'eval' without recordings: it divides a "
            "corpus into train and dev, and only an official eval beside train is kept. Use "
            f"{origin.by_file}"
        )
    raise CorpusError(
        f"split policy '{config.split_policy}' leaves {name!r} without recordings: "
        f"{len(recordings)} in all, of {len({r.patient for r in recordings})} patients; set "
        "corpus.val_fraction, or choose another policy"
    )
