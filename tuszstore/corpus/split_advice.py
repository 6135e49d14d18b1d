"""What to do if a corpus does not have a requested split.

A folder that no corpus recognises may be the wrong one, above or below the root of a corpus: as a
plain folder its official splits would be pooled.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from tuszstore.config import Config
from tuszstore.corpus.choose import AUTO, FOLDER, CorpusRef, recognise
from tuszstore.corpus.listing import some_names
from tuszstore.corpus.split_files import SplitFile, builtin_splits, load_splits
from tuszstore.errors import CorpusError
from tuszstore.store.place import shown_path
from tuszstore.text import printable

_ABOVE = 3
"""Levels above a folder in which the root of its corpus is looked for."""

_MOST = 10
"""Folders that are tried on each level below."""


@dataclass(frozen=True)
class Origin:
    """Where recordings are from, for advice on their splits.

    Attributes
    ----------
    name : str
        Name of the corpus.
    root : Path, optional
        A folder that no corpus recognises; a corpus is looked for near it.
    """

    name: str = FOLDER
    root: Path | None = None

    @classmethod
    def of(cls, ref: CorpusRef, config: Config) -> "Origin":
        """Return the origin of a corpus.

        Nothing is looked for if a user has named the corpus, or if folders may name patients.
        """
        unknown = (config.corpus.name, ref.name) == (AUTO, FOLDER)
        hidden = config.corpus.pseudonymize
        return cls(ref.name, ref.root if unknown and not hidden else None)

    @cached_property
    def nearby(self) -> str:
        """Message that a corpus is near the folder; empty if there is none."""
        found = find_nearby(self.root) if self.root else None
        if not found:
            return ""
        path, name = found
        shown = printable(shown_path(path))
        return f"{shown} looks like {name}: use --data {shown}"

    @property
    def other_policy(self) -> str:
        """What to use instead of official splits."""
        if self.name == FOLDER:
            return self.nearby or "For a plain folder of EDF files, use --split-policy patient"
        return f"Use --split-policy patient, or {self.by_file}"

    @property
    def by_file(self) -> str:
        """How to give splits in a file, naming those that come with the package."""
        own = [name for name in builtin_splits() if _divides(load_splits(name), self.name)]
        own.sort(key=len)
        names = f" ({' and '.join(own)} {'come' if own[1:] else 'comes'} with tuszstore)"
        return (
            f"a list of patients: --set corpus.split_file={(own or ['FILE'])[0]}"
            f"{names if own else ''}"
        )


def _divides(given: SplitFile, corpus: str) -> bool:
    """Return whether a split file is of a corpus, and not only a list of its official splits."""
    return given.corpus == corpus and any(names != (n,) for n, names in given.lists.items())


def find_nearby(root: Path) -> tuple[Path, str] | None:
    """Return the nearest root of a corpus below or above a folder, and its name, or None.

    A few names are read: of the folders in `root`, of three folders above it, and of those one
    level further down.

    Parameters
    ----------
    root : Path
        Absolute.
    """
    below = list(_folders(root))
    candidates = [
        *below,
        *list(root.parents)[:_ABOVE],
        *islice((inner for folder in below for inner in _folders(folder)), _MOST),
    ]
    for path in candidates:
        name = _name_of(path)
        if name != FOLDER and not (root.is_relative_to(path) and _is_of_other(path, name, root)):
            whole = path.parent if path.name == "edf" else path  # ids begin with edf
            return (whole if _name_of(whole) == name else path), name
    return None


def _is_of_other(path: Path, name: str, root: Path) -> bool:
    """Return whether a folder is recognised only by a corpus in it, beside `root`."""
    inside = (path / one for one in some_names(path, 100)[:_ABOVE])
    return any(_name_of(one) == name for one in inside if not root.is_relative_to(one))


def _name_of(path: Path) -> str:
    try:
        return recognise(path)
    except CorpusError:  # several recognise it, or a plug-in fails there
        return FOLDER


def _folders(path: Path) -> list[Path]:
    names = (name for name in some_names(path, 100) if not name.startswith("."))
    inside = (path / name for name in names if not name.endswith(".zarr"))
    return list(islice((one for one in inside if one.is_dir()), _MOST))
