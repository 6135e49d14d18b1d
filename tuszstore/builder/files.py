"""Paths of the files of one recording, and checks of them."""

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tuszstore.store.shard import (
    chunk_fault,
    label_file,
    shard_fault,
    signal_file,
)

_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EACCES}


@dataclass(frozen=True)
class Files:
    """Paths of the files of one recording.

    Attributes
    ----------
    root : Path
        A store, or the recording's own folder.
    first_shard : int or None
        Number of its first shard in a store.
    """

    root: Path
    first_shard: int | None = None

    def signal(self, number: int) -> Path:
        """Return the path of one shard of the signal, counted from the recording's start."""
        if self.first_shard is None:
            return self.root / f"signal.{number}"
        return self.root / signal_file(self.first_shard + number)

    def label(self, number: int) -> Path:
        """Return the path of one chunk of labels, counted from the recording's start."""
        if self.first_shard is None:
            return self.root / f"label.{number}"
        return self.root / label_file(self.first_shard + number)


def find_fault(files: Files, n_blocks: int, shard: int, *, deep: bool = False) -> str:
    """Return what is wrong with the files of a recording; empty if they are intact.

    Parameters
    ----------
    files : Files
    n_blocks : int
        Number of blocks of the recording.
    shard : int
        Blocks per shard.
    deep : bool
        Whether to read every block of the signal; else only the index of each shard and the
        labels.
    """
    for number, start in enumerate(range(0, n_blocks, shard)):
        count = min(shard, n_blocks - start)
        for path, fault in (
            (files.signal(number), shard_fault(files.signal(number), shard, count, deep=deep)),
            (files.label(number), chunk_fault(files.label(number))),
        ):
            if fault:
                return f"{path.relative_to(files.root)}: {fault}"
    return ""


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file; copy it if the file system has no links.

    Raises
    ------
    OSError
        From the file system.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)
