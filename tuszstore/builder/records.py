"""Built recordings: their files and their records.

In the workplace of a build each recording has its own folder, with its shards, its labels and
``record.json``. The folder is renamed to its final name after its content is flushed to disk, so it
is complete or does not exist, even after a kill. If two workers build the same recording,
the first folder is kept.

Everything in it has a checksum: blocks, indices of shards and labels a CRC-32C, the record
a SHA-256. Damaged folders are removed and built again.
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

from tuszstore.builder.files import Files
from tuszstore.corpus.annotations import Event
from tuszstore.corpus.events import MarkedEvents
from tuszstore.signal.normalise import Moments
from tuszstore.store.schema import variables
from tuszstore.store.shard import (
    sync_folder,
    write_durably,
)

RECORD = "record.json"
_CHECKSUM = "checksum"
RECORD_VERSION = 3
"""Records of other versions are ignored: their recordings are built again."""

IO_THREADS = 16
"""Threads for many small operations on a file system that may be far away."""

RECORDED_VERSIONS = ("tuszstore", "zarr", "numcodecs", "numpy", "scipy", "mne")


@dataclass(frozen=True)
class MadeSignal:
    """Facts about a recording's signal, besides its columns of `recordings/*`.

    Attributes
    ----------
    made_by : list of dict of str to str
        Versions of the packages that built it; several if it is one of them.
    shards : list of (int, str)
        Size (byte) and SHA-256 of each of its shards.
    derived : dict of str to (ndarray, ndarray)
        Mean and standard deviation (µV) of the derivations of each set.
    seen : int
        Its EDF file is unchanged since hashing if its status was last changed (ns) at or before
        this time.
    """

    made_by: list[dict[str, str]]
    shards: list[tuple[int, str]]
    derived: dict[str, Moments]
    seen: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values; :meth:`from_json` gives the same."""
        derived = {name: [m.tolist() for m in moments] for name, moments in self.derived.items()}
        return {**vars(self), "derived": derived}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return it from its plain values.

        Raises
        ------
        KeyError, TypeError, ValueError
            If they are not from :meth:`to_json`.
        """
        return cls(
            made_by=values["made_by"],
            shards=[(int(size), str(digest)) for size, digest in values["shards"]],
            derived={
                str(name): (np.array(mean, float), np.array(sd, float))
                for name, (mean, sd) in values["derived"].items()
            },
            seen=values["seen"],
        )


@dataclass(frozen=True)
class Record:
    """Facts about a built recording.

    Attributes
    ----------
    id : str
    n_samples : int
        At the store's rate.
    signal_key, label_key : str
        From :class:`~tuszstore.builder.keys.Keys`.
    row : dict
        Its columns of `recordings/*`, without those known from planning.
    events : MarkedEvents
        Without notes and raters; those are in `row`.
    signal : MadeSignal
    """

    id: str
    n_samples: int
    signal_key: str
    label_key: str
    row: dict[str, Any]
    events: MarkedEvents
    signal: MadeSignal

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values; :meth:`from_json` gives the same record."""
        events = self.events
        return {
            "version": RECORD_VERSION,
            **{name: getattr(self, name) for name in _FIELDS},
            "signal": self.signal.to_json(),
            "row": {name: _plain(value) for name, value in self.row.items()},
            "events": [asdict(event) for event in events.events],
            **{name: getattr(events, name).tolist() for name in _MARKS},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return a record from its plain values.

        Raises
        ------
        KeyError, TypeError, ValueError
            If they are not a record of this version.
        """
        if values["version"] != RECORD_VERSION:
            raise ValueError(f"version {values['version']}, not {RECORD_VERSION}")
        events = MarkedEvents(
            tuple(Event(**event) for event in values["events"]),
            np.array(values["first"], np.int64),
            np.array(values["stop"], np.int64),
            np.array(values["bit"], np.uint16),
            np.array(values["class_bit"], np.uint16),
        )
        dtypes = {v.name: v.dtype for v in variables("recordings") if v.dims[1:] == ("channel",)}
        row = {
            name: np.array(value, dtypes[name]) if name in dtypes else value
            for name, value in values["row"].items()
        }
        signal = MadeSignal.from_json(values["signal"])
        return cls(
            **{name: values[name] for name in _FIELDS}, row=row, events=events, signal=signal
        )


_MARKS = ("first", "stop", "bit", "class_bit")
_FIELDS = ("id", "n_samples", "signal_key", "label_key")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def folder_of(recordings: Path, id_: str) -> Path:
    """Return the folder of one recording in the workplace."""
    return recordings / hashlib.sha256(id_.encode()).hexdigest()[:32]


@contextmanager
def new_folder(recordings: Path, id_: str) -> Iterator[Path]:
    """Provide a folder for the files of one recording; it is renamed to the recording's at the end.

    Parameters
    ----------
    recordings : Path
        Folder of all recordings in the workplace.
    id_ : str

    Raises
    ------
    OSError
        From the file system; the folder is removed if possible.
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
    """Write the record of a recording beside its files, which are already on disk."""
    sizes = {
        path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.name != RECORD
    }
    write_durably(folder / RECORD, with_checksum({**record.to_json(), "sizes": sizes}))


def read_record(folder: Path) -> Record | None:
    """Return the record of a folder of the workplace; None if files are missing."""
    record = _read_record(folder)
    return None if isinstance(record, str) else record


def _read_record(folder: Path) -> Record | str:
    """Return the record of a folder, or the reason why it is invalid."""
    try:
        values = checked((folder / RECORD).read_bytes())
        for name, size in values["sizes"].items():
            if (folder / name).stat().st_size != size:
                return f"{name}: size has changed"
        return Record.from_json(values)
    except OSError as error:
        name = Path(error.filename).name if error.filename else RECORD
        return f"{name}: {error.strerror or error}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # written by another version, if not damaged
        return f"{RECORD}: {error}" if isinstance(error, ValueError) else f"{RECORD}: incomplete"


def read_records(recordings: Path) -> dict[str, tuple[Record, Files]]:
    """Return the complete recordings of a workplace, by id."""
    return scan_records(recordings)[0]


def scan_records(
    recordings: Path,
) -> tuple[dict[str, tuple[Record, Files]], dict[Path, str]]:
    """Return the complete recordings of a workplace, and what is wrong with the others.

    Parameters
    ----------
    recordings : Path
        Folder of all recordings in the workplace.

    Returns
    -------
    whole : dict of str to tuple of Record and Files
        By id.
    damaged : dict of Path to str
        By folder.
    """
    try:
        folders = [Path(e.path) for e in os.scandir(recordings) if not e.name.endswith(".part")]
    except FileNotFoundError:
        return {}, {}
    with ThreadPoolExecutor(IO_THREADS) as pool:
        read = list(pool.map(_read_record, folders))
    whole, damaged = {}, {}
    for folder, record in zip(folders, read, strict=True):
        if isinstance(record, str):
            damaged[folder] = record
        elif folder_of(recordings, record.id) != folder:
            damaged[folder] = f"{RECORD}: of another recording"
        else:
            whole[record.id] = record, Files(folder)
    return whole, damaged


def with_checksum(values: Mapping[str, Any], indent: int | None = None) -> bytes:
    """Return plain values as JSON with a checksum, for :func:`checked`."""
    return json.dumps({**values, _CHECKSUM: _sha256(values)}, indent=indent).encode()


def checked(content: bytes) -> dict[str, Any]:
    """Return the values passed to :func:`with_checksum`.

    Raises
    ------
    ValueError
        If they have changed.
    """
    values = json.loads(content)
    if not isinstance(values, dict) or values.pop(_CHECKSUM, None) != _sha256(values):
        raise ValueError("checksum is wrong")
    return values


def _sha256(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def discard(folder: Path) -> None:
    """Remove the folder of a recording, renamed first, so that a partial one is never used."""
    away = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.part")
    with contextlib.suppress(FileNotFoundError):
        folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)


def remove_parts(recordings: Path) -> None:
    """Remove what dead workers have left in a workplace."""
    with contextlib.suppress(FileNotFoundError):
        for entry in list(os.scandir(recordings)):
            if entry.name.endswith(".part"):
                shutil.rmtree(entry.path, ignore_errors=True)


@cache
def versions() -> dict[str, str]:
    """Return the versions of the packages that affect results."""
    return {name: importlib.metadata.version(name) for name in RECORDED_VERSIONS}


def _take_place(folder: Path, target: Path) -> None:
    """Rename a folder to its final name, replacing an older one built under other settings."""
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
