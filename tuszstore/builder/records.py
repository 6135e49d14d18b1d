"""Recordings that are built: their files, and the record of what they are.

In the workplace of a build each recording has a folder of its own, with its shards, its labels and
``record.json``. The folder gets its name by one rename after the disk has all that is in it, so it
is there whole or not at all, whoever is killed when. Two workers that build one recording make
one folder: the first one stays.
"""

import contextlib
import errno
import hashlib
import importlib.metadata
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from tuszstore.corpus.annotations import Event
from tuszstore.corpus.events import MarkedEvents
from tuszstore.signal.normalise import Moments
from tuszstore.store.schema import variables
from tuszstore.store.shard import chunk_fault, shard_fault, sync_folder, write_durably

RECORD = "record.json"
RECORD_VERSION = 2
"""Records of another version are no records: what they tell of is built again."""

IO_THREADS = 16
"""Threads for many small operations on a file system that may be far away."""

RECORDED_VERSIONS = ("tuszstore", "zarr", "numcodecs", "numpy", "scipy", "mne")

_NO_LINKS = {errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EACCES}


@dataclass(frozen=True)
class Files:
    """Where the files of one recording lie.

    Attributes
    ----------
    root : Path
        A store, or a folder of the recording's own.
    first_shard : int or None
        Number of its first shard in a store.
    """

    root: Path
    first_shard: int | None = None

    def signal(self, number: int) -> Path:
        """Return the path of one shard of the signal, counted from the recording's start."""
        if self.first_shard is None:
            return self.root / f"signal.{number}"
        return self.root / "signal" / "c" / str(self.first_shard + number) / "0" / "0"

    def label(self, number: int) -> Path:
        """Return the path of one chunk of labels, counted from the recording's start."""
        if self.first_shard is None:
            return self.root / f"label.{number}"
        return self.root / "label" / "c" / str(self.first_shard + number) / "0"


@dataclass(frozen=True)
class Record:
    """What is known of a recording that is built.

    Attributes
    ----------
    id : str
    n_samples : int
        At the store's rate.
    signal_key, label_key : str
        As :class:`~tuszstore.builder.keys.Keys` gives them.
    row : dict
        Its columns of `recordings/*`, without those that planning knows.
    events : MarkedEvents
        Without notes; they are in `row`.
    made_by : list of dict of str to str
        Versions of the packages that made its signal; several where it is one of them.
    shards : list of (int, str)
        Size (byte) and SHA-256 of each shard of its signal.
    derived : dict of str to (ndarray, ndarray)
        Mean and standard deviation (µV) of the derivations of each set.
    """

    id: str
    n_samples: int
    signal_key: str
    label_key: str
    row: dict[str, Any]
    events: MarkedEvents
    made_by: list[dict[str, str]]
    shards: list[tuple[int, str]]
    derived: dict[str, Moments]

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values; :meth:`from_json` gives the same record."""
        events = self.events
        return {
            "version": RECORD_VERSION,
            **{name: getattr(self, name) for name in ("id", "n_samples", "signal_key",
                                                      "label_key", "made_by")},
            "shards": self.shards,
            "derived": {n: [_plain(m) for m in moments] for n, moments in self.derived.items()},
            "row": {name: _plain(value) for name, value in self.row.items()},
            "events": [asdict(event) for event in events.events],
            **{name: getattr(events, name).tolist() for name in ("first", "stop", "bit")},
        }  # fmt: skip

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return a record from its plain values.

        Raises
        ------
        KeyError, TypeError, ValueError
            If they are no record of this version.
        """
        if values["version"] != RECORD_VERSION:
            raise ValueError(f"version {values['version']}, not {RECORD_VERSION}")
        events = MarkedEvents(
            tuple(Event(**event) for event in values["events"]),
            np.array(values["first"], np.int64),
            np.array(values["stop"], np.int64),
            np.array(values["bit"], np.uint16),
            (),
        )
        dtypes = {v.name: v.dtype for v in variables("recordings") if v.dims[1:] == ("channel",)}
        row = {
            name: np.array(value, dtypes[name]) if name in dtypes else value
            for name, value in values["row"].items()
        }
        names = ("id", "n_samples", "signal_key", "label_key", "made_by")
        return cls(
            **{name: values[name] for name in names},
            row=row,
            events=events,
            shards=[(int(size), str(digest)) for size, digest in values["shards"]],
            derived={
                str(name): (np.array(mean, float), np.array(sd, float))
                for name, (mean, sd) in values["derived"].items()
            },
        )


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def folder_of(recordings: Path, id_: str) -> Path:
    """Return the folder of one recording in the workplace."""
    return recordings / hashlib.sha256(id_.encode()).hexdigest()[:32]


@contextmanager
def new_folder(recordings: Path, id_: str) -> Iterator[Path]:
    """Lend a folder for the files of one recording; it becomes the recording's at the end.

    Parameters
    ----------
    recordings : Path
        Folder of all recordings in the workplace.
    id_ : str

    Raises
    ------
    OSError
        As the file system gives it; nothing is left behind where it lets go.
    """
    target = folder_of(recordings, id_)
    folder = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    folder.mkdir()
    try:
        yield folder
        sync_folder(folder)
        _take_place(folder, target)
        sync_folder(recordings)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def write_record(folder: Path, record: Record) -> None:
    """Write the record of a recording beside its files, which the disk has already."""
    sizes = {
        path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.name != RECORD
    }
    content = json.dumps({**record.to_json(), "sizes": sizes})
    write_durably(folder / RECORD, content.encode())


def read_record(folder: Path) -> Record | None:
    """Return the record of a folder of the workplace; nothing unless all its files are there."""
    try:
        values = json.loads((folder / RECORD).read_bytes())
        sizes = values["sizes"].items()
        if any((folder / name).stat().st_size != size for name, size in sizes):
            return None
        return Record.from_json(values)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not whole, or of another version


def read_records(recordings: Path) -> dict[str, tuple[Record, Files]]:
    """Return the recordings that are whole in a workplace, by id."""
    try:
        folders = [Path(e.path) for e in os.scandir(recordings) if not e.name.endswith(".part")]
    except FileNotFoundError:
        return {}
    with ThreadPoolExecutor(IO_THREADS) as pool:
        read = list(pool.map(read_record, folders))
    return {
        record.id: (record, Files(folder))
        for folder, record in zip(folders, read, strict=True)
        if record is not None
    }


def remove_parts(recordings: Path) -> None:
    """Remove what workers that died have left in a workplace."""
    with contextlib.suppress(FileNotFoundError):
        for entry in list(os.scandir(recordings)):
            if entry.name.endswith(".part"):
                shutil.rmtree(entry.path, ignore_errors=True)


def find_fault(files: Files, n_blocks: int, shard: int) -> str:
    """Return what is wrong with the files of a recording in a store; nothing if they are whole.

    What is read is the index of each shard, and the labels. Every byte of the signal is for
    `tuszstore verify` to read.

    Parameters
    ----------
    files : Files
    n_blocks : int
        Of the recording.
    shard : int
        Blocks of a shard.
    """
    for number, start in enumerate(range(0, n_blocks, shard)):
        for path, fault in (
            (files.signal(number), shard_fault(files.signal(number), shard,
                                               min(shard, n_blocks - start))),
            (files.label(number), chunk_fault(files.label(number))),
        ):  # fmt: skip
            if fault:
                return f"{path.relative_to(files.root)}: {fault}"
    return ""


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system has no links.

    Raises
    ------
    OSError
        As the file system gives it.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that decide numbers."""
    return {name: importlib.metadata.version(name) for name in RECORDED_VERSIONS}


def _take_place(folder: Path, target: Path) -> None:
    """Rename a folder to its place; an older one there, made under other settings, makes way."""
    try:
        folder.rename(target)
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    mine, there = read_record(folder), read_record(target)
    if mine and there and (mine.signal_key, mine.label_key) == (there.signal_key, there.label_key):
        shutil.rmtree(folder, ignore_errors=True)  # another worker was faster
        return
    away = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    target.rename(away)
    folder.rename(target)
    shutil.rmtree(away, ignore_errors=True)
