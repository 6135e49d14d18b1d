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
from datetime import date, datetime
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
from tuszstore.text import nearest, printable

MAX_FILE = 1 << 24
"""Maximum size of a split file (byte): some hundred thousand patients."""

NAMED = 5
"""Entries that a message names."""

_EVAL = ("test", "testing", "evaluation")
_KINDS = {
    bool: "true or false", int: "a number", float: "a number", date: "a date", datetime: "a date"
}  # fmt: skip
"""What YAML makes of names without quotes."""

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
            near = nearest(name, known)
            hint = f"; did you mean {near!r}?" if near else ""
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
        told = [_explained(dict(problem)) for problem in error.errors()]
        if (more := len(told) - NAMED) > 0:
            told[NAMED:] = [f"and {more} more"]
        raise ConfigError(f"{where}: {'; '.join(told)}") from None
    except (yaml.YAMLError, RecursionError, *NOT_OF_A_TAG) as error:
        raise ConfigError(f"{where}: not valid YAML: {error}") from error


def _explained(problem: dict[str, Any]) -> str:
    """Return what is wrong in a file: the key, and the cause in plain words."""
    key = ".".join(map(str, problem["loc"]))
    given, message = problem["input"], str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = [*SPLITS, "val", *(name for name in SplitFile.model_fields if name not in SPLITS)]
        hint = ""
        if key.casefold() in _EVAL:
            hint = "; did you mean 'eval'?"
        elif near := difflib.get_close_matches(key, known, n=1):
            hint = f"; did you mean {near[0]!r}?"
        return (
            f"unknown key {printable(key)!r}{hint} (the splits are {', '.join(SPLITS)}; the other "
            f"keys are {', '.join(name for name in SplitFile.model_fields if name not in SPLITS)})"
        )
    if problem["type"] == "string_type" and isinstance(given, bool | int | float | date):
        written = str(given).lower() if isinstance(given, bool) else str(given)
        return (
            f"{key}: YAML reads this entry as {_KINDS[type(given)]} ({written}), not as a name: "
            "quote it as it is named in the corpus, such as '03'"
        )
    if problem["type"] == "tuple_type":
        return f"{key}: must be a list of names, such as [a, b], not {given!r:.60}"
    return f"{key}: {message}" if key else message


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
        known = _all_names(recordings, file)
        hint = "" if hidden else _nearest(next(iter(of)), known)
        raise CorpusError(
            f"{where}: none of its {kind}s exists; it lists "
            f"{_some(of, hidden=hidden)}; the corpus has {_some(known, hidden=hidden)}{hint}"
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


def missing_from(
    recordings: Sequence[Recording], file: SplitFile, split: str, *, hidden: bool = False
) -> str:
    """Return why a split of a file has no recordings.

    Parameters
    ----------
    recordings : sequence of Recording
    file : SplitFile
    split : str
    hidden : bool
        Whether names must not appear in the message.
    """
    listed, kind = file.lists[split], "patient" if file.by == "patient" else "folder"
    if not listed:
        others = ", ".join(name for name, names in file.lists.items() if names)
        return f"it lists no {kind}s for it, only for {others}"
    known = _all_names(recordings, file)
    absent = [name for name in listed if name not in known]
    if not absent:
        return "those that it lists are copies of others"
    if hidden:
        return f"none of {_some(absent, hidden=True)} that it lists is in the corpus"
    return (
        f"not in the corpus: {_some(absent, hidden=False)}"
        f"{_nearest(absent[0], known) or f'; the corpus has {_some(known, hidden=False)}'}"
    )


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
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {printable(near[0])!r}?" if near else ""
