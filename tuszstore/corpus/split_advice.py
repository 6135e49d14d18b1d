"""What to do if a corpus does not have a requested split.

A folder that no corpus recognises may be the wrong one, above or below the root of a corpus: as a
plain folder it would lose its official splits, or its annotations.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from tuszstore.config import Config
from tuszstore.corpus.choose import AUTO, CorpusRef
from tuszstore.corpus.recognition import FOLDER, folders_in, recognised_here
from tuszstore.corpus.split_files import SplitFile, builtin_splits, load_splits
from tuszstore.errors import CorpusError
from tuszstore.store.place import shown_path
from tuszstore.text import printable

_ABOVE = 3
"""Levels above a folder in which the root of its corpus is looked for."""

_MOST = 10
"""Folders that are tried two levels below."""


@dataclass(frozen=True)
class Origin:
    """Where recordings are from, for advice on their splits.

    Attributes
    ----------
    name : str
        Name of the corpus.
    root : Path, optional
        The folder; the root of a corpus is looked for near it, if no corpus recognises it, or
        above it.
    """

    name: str = FOLDER
    root: Path | None = None

    @classmethod
    def of(cls, ref: CorpusRef, config: Config) -> "Origin":
        """Return the origin of a corpus.

        Nothing is looked for if a user has named the corpus, or if folders may name patients.
        """
        looked_for = config.corpus.name == AUTO and not config.corpus.pseudonymize
        return cls(ref.name, ref.root if looked_for else None)

    @property
    def nearby(self) -> str:
        """Message that a corpus is near the folder; empty if there is none."""
        if not self._nearest:
            return ""
        path, name = self._nearest
        shown = printable(shown_path(path))
        return f"{shown} looks like {name}: use --data {shown}"

    @property
    def as_plain(self) -> str:
        """What happens to the nearest corpus if its files are read as those of a plain folder."""
        name = self._nearest[1] if self._nearest else ""
        if name == "tusz":  # a plain folder has its annotations
            return "its official splits are pooled"
        return f"its files are those of a plain folder, without the annotations of {name}"

    @cached_property
    def _nearest(self) -> tuple[Path, str] | None:
        return find_nearby(self.root) if self.root and self.name == FOLDER else None

    @property
    def too_deep(self) -> str:
        """Message that the folder is one of several of its corpus; empty if none is above it."""
        if not self.root:
            return ""
        path, name = self._nearest or (None, "")
        if self.name != FOLDER:
            above = (one for one in list(self.root.parents)[:_ABOVE] if _name_of(one) == self.name)
            path, name = next(above, None), self.name
        if path is None or not self.root.is_relative_to(path):
            return ""
        shown, whole = printable(shown_path(self.root)), printable(shown_path(path))
        return f"{shown} is only one folder of {whole}, which looks like {name}: use --data {whole}"

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

    A few names are read: of the first folders in `root`, of three folders above it, and of some
    one level further down.

    Parameters
    ----------
    root : Path
        Absolute.
    """
    below = folders_in(root)
    candidates = [
        *below,
        *list(root.parents)[:_ABOVE],
        *islice((inner for folder in below for inner in folders_in(folder)), _MOST),
    ]
    for path in candidates:
        name = _name_of(path)
        if name != FOLDER:
            whole = path.parent if path.name == "edf" else path  # ids begin with edf
            return (whole if _name_of(whole) == name else path), name
    return None


def _name_of(path: Path) -> str:
    """Return the corpus of which a folder is the root; ``folder`` if it is of none or several."""
    try:
        names = list(recognised_here(path))
    except CorpusError:  # a plug-in fails there
        return FOLDER
    return names[0] if len(names) == 1 else FOLDER
