"""Splits listed in a file: published ones come with tuszstore, others are the user's.

    title: CHB-MIT by case
    corpus: chbmit          # optional; other corpora are rejected
    source: where it is from
    by: folder              # or patient: what the lists name
    train: [chb01, chb21]
    dev: [chb02]
    eval: [chb03]
    leaks: []               # patients that are known to be in two splits

A patient in two splits is an error, or a warning if `leaks` names the patient.
"""

import difflib
import os
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tuszstore.corpus.base import Recording
from tuszstore.corpus.formats.strict_yaml import NOT_OF_A_TAG, Loader
from tuszstore.corpus.regular import read_regular
from tuszstore.errors import ConfigError, CorpusError, RecordingError
from tuszstore.store.schema import SPLITS
from tuszstore.text import printable

MAX_FILE = 1 << 24
"""Maximum size of a split file (byte): some hundred thousand patients."""

NAMED = 5
"""Entries that a message names."""

Name = Annotated[str, Field(min_length=1, max_length=4096)]


class SplitFile(BaseModel):
    """The content of a split file.

    Attributes
    ----------
    title, source : str
    corpus : str
        The corpus that it is for; empty for any.
    by : {"patient", "folder"}
        What the lists name: patients, or folders of recordings.
    train, dev, eval : tuple of str
    leaks : tuple of str
        Patients that are known to be in two splits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = ""
    source: str = ""
    corpus: str = ""
    by: Literal["patient", "folder"] = "patient"
    train: tuple[Name, ...] = ()
    dev: tuple[Name, ...] = ()
    eval: tuple[Name, ...] = ()
    leaks: tuple[Name, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _alias(cls, values: Any) -> Any:
        """Treat ``val`` as an alias of ``dev``, as everywhere."""
        if isinstance(values, dict) and "val" in values:
            if "dev" in values:
                raise ValueError("dev and val are the same split: give only one of them")
            values = {("dev" if key == "val" else key): value for key, value in values.items()}
        return values

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: dict[str, str] = {}
        for split, names in self.lists.items():
            for name in names:
                if name in seen:
                    where = (
                        f"{seen[name]} and {split}" if seen[name] != split else f"{split}, twice"
                    )
                    raise ValueError(f"{printable(name)} is listed in {where}")
                seen[name] = split
        if not seen:
            raise ValueError(f"lists nothing in {', '.join(SPLITS)}")
        return self

    @property
    def lists(self) -> dict[str, tuple[str, ...]]:
        """Names by split."""
        return {split: getattr(self, split) for split in SPLITS}


def builtin_splits() -> dict[str, Path]:
    """Return the split files that come with the package, by name."""
    folder = Path(str(resources.files("tuszstore"))) / "configs" / "splits"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_splits(name: str) -> SplitFile:
    """Read a split file.

    Parameters
    ----------
    name : str
        A path, or the name of one that comes with the package, such as ``chbmit``.

    Raises
    ------
    ConfigError
        If it does not exist or is invalid.
    """
    path = Path(name)
    if not os.path.exists(path):
        known = builtin_splits()
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ConfigError(
                f"corpus.split_file: {printable(name)}: no such file, and not one of "
                f"{', '.join(known)}{hint}"
            )
        path = known[name]
    where = f"corpus.split_file: {printable(str(path))}"
    try:
        content = read_regular(path, MAX_FILE).decode("utf-8-sig")
        values = yaml.load(content, Loader)
        if not isinstance(values, dict):
            raise ConfigError(f"{where}: must hold lists such as 'train:', not {values!r:.60}")
        return SplitFile.model_validate(values)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: cannot be read ({error})") from error
    except RecordingError as error:
        raise ConfigError(f"{where}: {error}") from None
    except ValidationError as error:
        told = (
            f"{'.'.join(map(str, problem['loc']))}: ".removeprefix(": ")
            + str(problem["msg"]).removeprefix("Value error, ")
            for problem in error.errors()
        )
        raise ConfigError(f"{where}: {'; '.join(told)}") from None
    except (yaml.YAMLError, RecursionError, *NOT_OF_A_TAG) as error:
        raise ConfigError(f"{where}: not valid YAML: {error}") from error


def divide(
    recordings: Sequence[Recording], file: SplitFile, where: str, *, hidden: bool = False
) -> tuple[dict[str, list[Recording]], list[str]]:
    """Divide recordings as a file lists them.

    Parameters
    ----------
    recordings : sequence of Recording
    file : SplitFile
    where : str
        Its name in messages.
    hidden : bool
        Whether names must not appear in messages.

    Returns
    -------
    splits : dict of str to list of Recording
        By split; recordings that the file does not list are in none.
    warnings : list of str

    Raises
    ------
    CorpusError
        If it is for another corpus, lists none of the recordings, or a folder of one split is in
        a folder of another.
    """
    corpora = sorted({recording.corpus for recording in recordings})
    if file.corpus and corpora and file.corpus not in corpora:
        raise CorpusError(
            f"{where}: is for the corpus {file.corpus!r}, but this one is {', '.join(corpora)}"
        )
    of = {name: split for split, names in file.lists.items() for name in names}
    splits: dict[str, list[Recording]] = {split: [] for split in SPLITS}
    found: set[str] = set()
    unlisted: list[Recording] = []
    for recording in recordings:
        names = [name for name in _names(recording, file) if name in of]
        homes = {of[name] for name in names}
        if len(homes) > 1:
            which = "a recording" if hidden else printable(recording.id)
            raise CorpusError(f"{where}: {which} is in folders of {' and '.join(sorted(homes))}")
        found.update(names)
        if homes:
            splits[homes.pop()].append(recording)
        else:
            unlisted.append(recording)
    kind = "patient" if file.by == "patient" else "folder"
    if not found:
        raise CorpusError(
            f"{where}: none of its {kind}s exists; it lists "
            f"{_some(of, hidden=hidden)}; the corpus has "
            f"{_some(_all_names(recordings, file), hidden=hidden)}"
        )
    warnings = []
    if unlisted:
        there = sorted({recording.patient for recording in unlisted})
        warnings.append(
            f"{where}: does not list {len(unlisted)} recording{'s' * (len(unlisted) > 1)} of "
            f"{len(there)} patient{'s' * (len(there) > 1)}, which are in no split: "
            f"{_some(there, hidden=hidden)}"
        )
    if absent := sorted(of.keys() - found):
        hint = "" if hidden else _nearest(absent[0], _all_names(unlisted, file))
        warnings.append(
            f"{where}: lists {len(absent)} {kind}{'s' * (len(absent) > 1)} not in the corpus: "
            f"{_some(absent, hidden=hidden)}{hint}"
        )
    return {split: members for split, members in splits.items() if members}, warnings


def _names(recording: Recording, file: SplitFile) -> tuple[str, ...]:
    """Return the names by which a file may refer to a recording."""
    if file.by == "patient":
        return (recording.patient,)
    return tuple(dict.fromkeys([*PurePosixPath(recording.id).parts[:-1], recording.folder]))


def _all_names(recordings: Iterable[Recording], file: SplitFile) -> list[str]:
    return sorted({name for one in recordings for name in _names(one, file) if name})


def _some(names: Iterable[str], *, hidden: bool) -> str:
    names = list(names)
    if hidden:
        return f"{len(names)} names"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(printable, names[:NAMED])) + more


def _nearest(name: str, known: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {printable(nearest[0])!r}?" if nearest else ""
