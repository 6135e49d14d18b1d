"""Which recording belongs to which split."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tuszstore.config import Corpus
from tuszstore.corpus.layout import Recording
from tuszstore.errors import CorpusError
from tuszstore.store.schema import ALIASES, SPLITS


@dataclass(frozen=True)
class Split:
    """The recordings of one split.

    Attributes
    ----------
    name : str
        ``train``, ``dev`` or ``eval``.
    recordings : list of Recording
        In the order of their paths.
    warnings : tuple of str
        What a reader of the store should know of the split.
    """

    name: str
    recordings: list[Recording]
    warnings: tuple[str, ...] = ()


def canonical_split(name: str) -> str:
    """Return the one name of a split: ``val`` is another name of ``dev``.

    Raises
    ------
    CorpusError
        If there is no such split.
    """
    name = ALIASES.get(name, name)
    if name not in SPLITS:
        raise CorpusError(
            f"no split {name!r}; there are {', '.join(SPLITS)} and val (the same as dev)"
        )
    return name


def available_splits(recordings: Sequence[Recording], config: Corpus) -> list[str]:
    """Return the splits that a corpus has under a policy, in the order of :data:`SPLITS`.

    Raises
    ------
    CorpusError
        If it has none.
    """
    splits = _divide(recordings, config)
    names = [name for name in SPLITS if splits.get(name)]
    if not names:
        _refuse_empty(recordings, "train", config)
    return names


def choose_split(
    recordings: Sequence[Recording],
    name: str,
    config: Corpus,
    name_of: Callable[[str], str] = str,
) -> Split:
    """Return the recordings of a split.

    ``official`` takes the folders ``train``, ``dev`` and ``eval``. The other policies divide the
    folder ``train`` of such a corpus (``eval`` stays what it is), and all of any other:
    ``patient`` by patient, a seeded fraction of them for ``dev``; ``file_order`` by position in
    the list of files, the first fraction for ``dev``.

    Parameters
    ----------
    recordings : sequence of Recording
        Of the whole corpus, in the order of their paths.
    name : str
        Name of the split, or an alias.
    config : Corpus
    name_of : callable
        What a patient is called in messages.

    Raises
    ------
    CorpusError
        If the split is empty, or shares a patient with another one; ``file_order`` warns instead.
    """
    name = canonical_split(name)
    splits = _divide(recordings, config)
    if not splits.get(name):
        _refuse_empty(recordings, name, config)
    warnings = []
    if strays := len(recordings) - sum(map(len, splits.values())):
        lie = "recording lies" if strays == 1 else "recordings lie"
        warnings.append(f"{strays} {lie} outside {', '.join(splits)}: in no split")
    shared = _shared_patients(splits, name)
    if not shared:
        return Split(name, splits[name], tuple(warnings))
    told = "; ".join(
        f"{_named(patients, name_of)} in {name} and {other}" for other, patients in shared.items()
    )
    if config.split_policy != "file_order":
        other_way = ", or use the split policy 'patient'"
        raise CorpusError(
            f"patients in two splits: {told}. Move their recordings into one of the folders"
            f"{other_way if config.split_policy == 'official' else ''}"
        )
    warnings.append(f"split policy file_order: patients in two splits: {told}")
    return Split(name, splits[name], tuple(warnings))


def _named(patients: Sequence[str], name_of: Callable[[str], str]) -> str:
    more = f" and {len(patients) - 5} more" if len(patients) > 5 else ""
    return ", ".join(map(name_of, patients[:5])) + more


def _divide(recordings: Sequence[Recording], config: Corpus) -> dict[str, list[Recording]]:
    by_folder: dict[str, list[Recording]] = {}
    for recording in recordings:
        folder = ALIASES.get(recording.folder, recording.folder)
        by_folder.setdefault(folder, []).append(recording)
    official = {name: by_folder[name] for name in SPLITS if name in by_folder}
    if config.split_policy == "official":
        return official
    pool = official.get("train") or list(recordings)
    if config.split_policy == "file_order":
        n_dev = int(config.val_fraction * len(pool))
        divided = {"dev": pool[:n_dev], "train": pool[n_dev:]}
    else:
        dev = _choose_patients({r.patient for r in pool}, config)
        divided = {"dev": [r for r in pool if r.patient in dev],
                   "train": [r for r in pool if r.patient not in dev]}  # fmt: skip
    if "train" in official and "eval" in official:
        divided["eval"] = official["eval"]
    return divided


def _choose_patients(patients: set[str], config: Corpus) -> set[str]:
    """Choose a seeded fraction of patients.

    Patients are ranked by a hash of seed and name, so that a corpus that grows moves few of them
    to another split.
    """

    def rank(patient: str) -> bytes:
        return hashlib.sha256(f"{config.split_seed}:{patient}".encode()).digest()

    count = round(config.val_fraction * len(patients))
    count = min(max(count, 1), len(patients) - 1)
    return set(sorted(patients, key=rank)[:count])


def _shared_patients(splits: dict[str, list[Recording]], name: str) -> dict[str, list[str]]:
    own = {recording.patient for recording in splits[name]}
    shared = {
        other: sorted(own & {recording.patient for recording in members})
        for other, members in splits.items()
        if other != name
    }
    return {other: patients for other, patients in shared.items() if patients}


def _refuse_empty(recordings: Sequence[Recording], name: str, config: Corpus) -> None:
    if config.split_policy == "official":
        folders = sorted({recording.folder for recording in recordings} - {""})
        there = f"folders: {', '.join(folders[:10])}" if folders else "no folders"
        if config.pseudonymize:  # a folder may have a patient's name
            there = f"{len(folders)} folders"
        raise CorpusError(
            f"split policy 'official' needs a folder {name!r} below the root or its 'edf', with "
            f"EDF files in it (found {there}). A plain folder of EDF files takes "
            "--split-policy patient"
        )
    raise CorpusError(
        f"split policy '{config.split_policy}' leaves {name!r} without recordings: "
        f"{len(recordings)} in all, of {len({r.patient for r in recordings})} patients; set "
        "corpus.val_fraction, or take another policy"
    )
